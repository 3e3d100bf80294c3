"""Populations too large to keep: summaries and outcomes of M at 85 daily times, by `stream`."""

from __future__ import annotations

import time
from typing import Any

import chain
import numpy as np
from fresh import peak_memory

from ketasim.engine import Outcomes, Patients, Summary, at_time, hours_above, largest, plan, stream

DAYS = 24.0 * np.arange(85)
"""The times, h."""

_MODELS = {
    "W": (chain.CHAIN, chain.patients),
    "realistic": (chain.REALISTIC, chain.realistic),
}
_OUTCOMES = {
    "at the end": at_time("M", chain.HORIZON),
    "largest": largest("M"),
    "hours above 0.5": hours_above("M", 0.5),
}


def population(model: str, n: int, threads: int) -> dict[str, Any]:
    """Draw, plan and stream one population.

    **Arguments:**

    - `model`: `W` or `realistic`. `n`: patients. `threads`: how many.
    """
    declared, draw = _MODELS[model]
    _run(declared, draw(64), threads, None)  # loads the compiled engine
    started = time.perf_counter()
    patients = draw(n)
    drawn = time.perf_counter()
    steps = plan(declared, patients, engine="numba")
    planned = time.perf_counter()
    summary, outcomes = _run(declared, patients, threads, steps)
    done = time.perf_counter()
    if summary.count.min() != n or not all(np.isfinite(one).all() for one in outcomes.values()):
        raise RuntimeError("some patients have no value")
    return {
        "model": model,
        "patients": n,
        "threads": threads,
        "draw_seconds": round(drawn - started, 2),
        "plan_seconds": round(planned - drawn, 2),
        "stream_seconds": round(done - planned, 3),
        "seconds": round(done - drawn, 2),
        "per_second": round(n / (done - drawn), 1),
        "peak_memory_mb": peak_memory(),
    }


def _run(declared: Any, patients: Patients, threads: int, steps: Any) -> list[Any]:
    return stream(
        *(declared, patients, DAYS, ("M",), [Summary(), Outcomes(_OUTCOMES)]),
        engine="numba",
        plan=steps,
        threads=threads,
        progress=False,
    )
