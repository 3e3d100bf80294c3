"""Patients per second of the compiled engine beside the kernel written by hand.

Run with `python -m kernel.compare` in `benchmarks/`. Both get the same tables and do the same: from
modes and grid to the values. What comes before is in neither time.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import chain
import numpy as np
from workload import error

from kernel.kernel import ALL, MOOD, Prepared, available, prepare, run, run_engine
from ketasim.engine import plan

TOLERANCE = 1e-4
"""Of the plan: the error that W allows."""

AGREEMENT = 1e-11
"""Largest relative difference between the two, numbers below a thousandth of the state's largest
counted as that."""

_SETTINGS = {"all 14 states": ALL, "M alone": MOOD}


def compare(n: int = 4000, repeats: int = 7) -> dict[str, Any]:
    """Time both, in turns.

    **Arguments:**

    - `n`: number of patients.
    - `repeats`: rounds; one more comes first and is not counted.

    **Returns:** for each setting the largest difference, and for one and two threads the patients
    per second of both (medians) and the median over the rounds of engine over kernel. A `reason`
    alone where the kernel cannot run.

    **Raises:** `RuntimeError` when the two do not agree.
    """
    reason = available()
    if reason:
        return {"reason": reason}
    chosen = plan(chain.CHAIN, chain.patients(n), rtol=TOLERANCE, engine="numba")
    result: dict[str, Any] = {"patients": n, "repeats": repeats}
    for setting, names in _SETTINGS.items():
        prepared = prepare(n, names, chosen)
        out = np.zeros_like(prepared.out)
        found = _agreement(prepared, out)
        result[setting] = {"largest_difference": found} | {
            f"threads_{threads}": _rounds(prepared, out, threads, repeats) for threads in (1, 2)
        }
    return result


def _agreement(prepared: Prepared, out: np.ndarray) -> float:
    run_engine(prepared, 1)
    blown = run(prepared, out, 1)
    found = [
        float(error(out[:, :, [q]], prepared.out[:, :, [q]]).max()) for q in range(out.shape[2])
    ]
    if max(found) > AGREEMENT or blown.any():
        raise RuntimeError(f"kernel and engine differ, by column: {found}")
    return max(found)


def _rounds(prepared: Prepared, out: np.ndarray, threads: int, repeats: int) -> dict[str, float]:
    n = len(out)
    engine, kernel = list[float](), list[float]()
    for _ in range(repeats + 1):
        engine.append(_seconds(lambda: run_engine(prepared, threads)))
        kernel.append(_seconds(lambda: run(prepared, out, threads)))
    ratios = [b / a for a, b in zip(engine[1:], kernel[1:], strict=True)]
    return {
        "engine": round(n / statistics.median(engine[1:])),
        "kernel": round(n / statistics.median(kernel[1:])),
        "ratio": round(statistics.median(ratios), 3),
    }


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    print(json.dumps(compare(), indent=2))
