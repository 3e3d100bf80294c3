"""Steps for the chain to mood: as exact as the patients allow."""

from __future__ import annotations

from typing import Any, Final

from ketasim._base import KetasimError
from ketasim.engine import Patients, Plan, plan
from ketasim.models import ChainModel

MOOD_TOLERANCES: Final = (1e-3, 3e-3, 1e-2)
"""Relative errors asked for one after the other. Where the block of a patient crosses that of the
largest burst the rates have corners, at which steps of any length lose their order."""


EXACT: Final = (2e-4, *MOOD_TOLERANCES)
"""Those asked for where steps cost little: one patient."""


_DEAREST: Final = 5.0  # times the usual steps; rather a larger tolerance than more of them


def mood_plan(
    chain: ChainModel,
    patients: Patients,
    *,
    engine: str = "auto",
    exact: bool = False,
    each: bool = False,
    first: Plan | None = None,
) -> Plan:
    """Choose the steps of a run.

    **Main arguments:**

    - `chain`: as `mood_chain` gives it. `patients`: who is simulated, or who stands for them.

    **Other arguments:**

    - `engine`, `each`: as of `ketasim.engine.plan`.
    - `exact`: begin with a smaller tolerance, of one patient.
    - `first`: steps of others, taken where these patients keep the tolerance with them, which is
      not smaller than theirs.

    **Returns:** a plan; `error` says how exact it is.

    **Raises:** `KetasimError` when not even the largest of `MOOD_TOLERANCES` is reached.
    """
    *stricter, last = EXACT if exact else MOOD_TOLERANCES
    asked: dict[str, Any] = {"engine": engine, "each": each, "first": first}
    for tolerance in stricter:
        if first is not None and tolerance < first.tolerance:
            continue
        try:
            return plan(chain, patients, rtol=tolerance, dearest=_DEAREST, **asked)
        except KetasimError as error:
            if not str(error).startswith("rtol"):
                raise
    return plan(chain, patients, rtol=last, **asked)
