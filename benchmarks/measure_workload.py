"""Workload W by ketasim: patients per second, accuracy, memory, and the cost of a tolerance."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import chain
import numpy as np
from fresh import median_seconds, peak_memory, seconds
from workload import error, reference

from ketasim.engine import Patients, Plan, plan, solve

COLUMNS = {"all 14 states": chain.NAMES, "M alone": ("M",)}
"""What is asked for."""

THREADS = (1, 2)
SAMPLE = 64
"""Patients whose error against the reference is taken."""

_FINER = 4  # times as many steps, for an error 256 times smaller
_PART = 500  # patients compared at once


def save_reference(path: str) -> None:
    """Solve the first 64 patients by LSODA at 1e-11 and keep them in a file."""
    np.save(path, reference(SAMPLE))


def population(n: int, columns: str, rtol: float, exact: str, repeats: int) -> dict[str, Any]:
    """Time one population, then judge it.

    **Arguments:**

    - `n`: patients. `columns`: a key of `COLUMNS`. `rtol`: of the plan.
    - `exact`: the file that `save_reference` wrote.
    - `repeats`: calls at least, for each number of threads.
    """
    names = COLUMNS[columns]
    patients = chain.patients(n)
    ready()
    made: list[Plan] = []
    planned = seconds(lambda: made.append(plan(chain.CHAIN, patients, rtol=rtol, engine="numba")))
    out = np.empty((n, len(chain.TIMES), len(names)))

    def run(threads: int) -> None:
        solve_all(patients, names, made[0], out, threads)

    result: dict[str, Any] = {"patients": n, "columns": columns, "rtol": rtol}
    result["plan_seconds"] = round(planned, 2)
    for threads in THREADS:
        taken = median_seconds(lambda threads=threads: run(threads), repeats)
        result[f"per_second_{threads}"] = round(n / taken, 1)
    result["peak_memory_mb"] = peak_memory()
    truth = np.load(exact)[:, :, -len(names) :] if len(names) > 1 else np.load(exact)[:, :, -1:]
    result["error_reference"] = float(error(out[:SAMPLE], truth).max())
    result["error_worst"] = _worst(patients, names, made[0], out)
    return result


def ready() -> None:
    """Load the compiled engine, or compile it: no part of what is timed."""
    patients = chain.patients(64)
    for names in COLUMNS.values():
        solve(*(chain.CHAIN, patients, chain.TIMES[:3], names), engine="numba", progress=False)


def solve_all(patients: Patients, names: Any, steps: Plan, out: np.ndarray, threads: int) -> None:
    """Solve W at its 407 times into memory that is used again."""
    solve(
        *(chain.CHAIN, patients, chain.TIMES, names),
        engine="numba",
        plan=steps,
        threads=threads,
        progress=False,
        out=out,
    )


def _worst(patients: Patients, names: Any, steps: Plan, out: np.ndarray) -> float:
    """Largest error of all patients, against four times as many steps."""
    finer = replace(steps, profile=steps.profile.finer(_FINER))
    largest = 0.0
    for first in range(0, patients.n, _PART):
        which = np.arange(first, min(first + _PART, patients.n))
        exact = np.empty((len(which), *out.shape[1:]))
        solve_all(patients.take(which), names, finer, exact, 2)
        largest = max(largest, float(error(out[which], exact).max()))
    return largest
