"""Steps for the chain to mood: as exact as the patients allow."""

from __future__ import annotations

from typing import Final

from ketasim._base import KetasimError
from ketasim.engine import Patients, Plan, plan
from ketasim.models import ChainModel

MOOD_TOLERANCES: Final = (1e-3, 3e-3, 1e-2)
"""Relative errors asked for one after the other. Where the block of a patient crosses that of the
largest burst the rates have corners, at which steps of any length lose their order."""


def mood_plan(chain: ChainModel, patients: Patients, *, engine: str = "auto") -> Plan:
    """Choose the steps of a run.

    **Main arguments:**

    - `chain`: as `mood_chain` gives it. `patients`: who is simulated.

    **Other arguments:**

    - `engine`: as of `ketasim.engine.solve`.

    **Returns:** a plan; `error` says how exact it is.

    **Raises:** `KetasimError` when not even the largest of `MOOD_TOLERANCES` is reached.
    """
    for tolerance in MOOD_TOLERANCES[:-1]:
        try:
            return plan(chain, patients, rtol=tolerance, engine=engine)
        except KetasimError as error:
            if not str(error).startswith("rtol"):
                raise
    return plan(chain, patients, rtol=MOOD_TOLERANCES[-1], engine=engine)
