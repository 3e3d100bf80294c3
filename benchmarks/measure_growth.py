"""How time and memory grow with doses and with the time a patient is followed."""

from __future__ import annotations

from typing import Any

import chain
import numpy as np
from fresh import median_seconds, peak_memory, seconds
from workload import DOSE_PER_KG, DOSES, INFUSION_HOURS

from ketasim.dosing import Dose
from ketasim.engine import Calendar, Patients, plan, solve

TIMES = 85
"""Output times, evenly over the horizon, so that only the course grows."""

_WEEK = 168.0


def weekly(n: int, doses: int) -> dict[str, Any]:
    """Time a weekly infusion, followed for a week after the last.

    **Arguments:**

    - `n`: patients. `doses`: infusions.
    """
    return {"doses": doses} | _course(n, _WEEK * np.arange(doses), _WEEK * doses)


def followed(n: int, days: int) -> dict[str, Any]:
    """Time the 14 infusions of W, followed for longer.

    **Arguments:**

    - `n`: patients. `days`: the horizon.
    """
    return {"doses": len(DOSES)} | _course(n, DOSES, 24.0 * days)


def _course(n: int, starts: np.ndarray, horizon: float) -> dict[str, Any]:
    drawn = chain.patients(n)
    doses = tuple(
        Dose(float(start), "ketamine", "iv", DOSE_PER_KG, "mg/kg", INFUSION_HOURS)
        for start in starts
    )
    patients = Patients(drawn.values, drawn.weight, (Calendar(doses, horizon),))
    solve(chain.CHAIN, patients.take(np.arange(64)), [0.0], ("M",), engine="numba", progress=False)
    made: list[Any] = []
    planned = seconds(lambda: made.append(plan(chain.CHAIN, patients, engine="numba")))
    after_plan = peak_memory()
    times = np.linspace(0.0, horizon, TIMES)
    out = np.empty((n, TIMES, 1))

    def run() -> None:
        solve(
            *(chain.CHAIN, patients, times, ("M",)),
            engine="numba",
            plan=made[0],
            threads=1,
            progress=False,
            out=out,
        )

    taken = median_seconds(run, 3, 0.5)
    return {
        "days": round(horizon / 24.0),
        "patients": n,
        "plan_seconds": round(planned, 2),
        "seconds": round(taken, 4),
        "plan_memory_mb": after_plan,
        "peak_memory_mb": peak_memory(),
    }
