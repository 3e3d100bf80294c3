"""An event table of many subjects: `ketasim.predict` and LSODA in turns, in one run.

The model has a depot and two compartments, the table a row a dose (three doses by ADDL) and
nineteen observations a subject; clearance and volume differ between subjects. numbalsoda is given
the same doses and times as arrays; its equations and its loop over subjects are compiled.
"""

from __future__ import annotations

import importlib.util
import statistics
import tempfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from fresh import peak_memory, seconds

Array = np.ndarray

TIMES = np.array(
    [0.25, 0.5, 1, 2, 3, 4, 6, 8, 12, 23.9, 24.5, 25, 26, 30, 36, 47.9, 49, 60, 72], np.float64
)
DOSES = np.array([0.0, 24.0, 48.0])
AMOUNT, FLOW, PERIPHERAL, ABSORPTION = 100.0, 3.0, 50.0, 1.5
_TOLERANCES = (1e-4, 1e-6, 1e-8, 1e-10)
_PASS = 1e-6  # largest relative error, of values above a thousandth of the subject's largest
_SAMPLE = 200


def events(n: int, rounds: int, threads: int = 2) -> dict[str, Any]:
    """Seconds of both, in turns.

    **Arguments:**

    - `n`: subjects. `rounds`: of both. `threads`: of numbalsoda; `predict` takes what it needs.
    """
    import polars as pl

    import ketasim
    from ketasim._base import KetasimWarning
    from ketasim.models import pk

    warnings.simplefilter("ignore", KetasimWarning)
    clearance, volume = _subjects(n)
    model = pk.two_compartments(depot=True).with_values(
        {"Q": FLOW, "V3": PERIPHERAL, "KA": ABSORPTION}
    )
    rows = len(TIMES) + 1
    first = np.tile(np.arange(rows) == 0, n)
    table = pl.DataFrame(
        {
            "ID": np.repeat(np.arange(1, n + 1), rows),
            "TIME": np.tile(np.append(0.0, TIMES), n),
            "AMT": np.where(first, AMOUNT, 0.0),
            "EVID": first.astype(int),
            "CMT": np.where(first, 1, 2),
            "II": np.where(first, 24.0, 0.0),
            "ADDL": np.where(first, len(DOSES) - 1, 0),
            "CL": np.repeat(clearance, rows),
            "V2": np.repeat(volume, rows),
        }
    )

    def ours() -> Array:
        return ketasim.predict(model, table).table()["CP"].to_numpy().reshape(n, rows)[:, 1:]

    def files() -> None:
        ketasim.predict(model, Path(folder) / "in.csv").table().write_csv(Path(folder) / "out.csv")

    exact = ours()
    solve = _peer()
    found: dict[str, Any] = {"subjects": n, "records": n * rows, "threads": threads}
    tolerance = None
    if solve is not None:
        some = slice(0, min(n, _SAMPLE))
        for tolerance in _TOLERANCES:
            error = _error(solve(clearance[some], volume[some], 1, tolerance), exact[some])
            if error <= _PASS:
                break
        found |= {"tolerance": tolerance, "error": error}
    times: dict[str, list[float]] = {"predict": [], "files": [], "numbalsoda": []}
    with tempfile.TemporaryDirectory() as folder:
        table.write_csv(Path(folder) / "in.csv")
        for _ in range(rounds):
            times["predict"].append(seconds(ours))
            times["files"].append(seconds(files))
            if solve is not None and tolerance is not None:
                work = partial(solve, clearance, volume, threads, tolerance)
                times["numbalsoda"].append(seconds(work))
    found |= {name: round(statistics.median(each), 4) for name, each in times.items() if each}
    return {**found, "peak_memory_mb": peak_memory()}


def _subjects(n: int) -> tuple[Array, Array]:
    draw = np.random.default_rng(1)
    return 5.0 * np.exp(0.3 * draw.normal(size=n)), 20.0 * np.exp(0.2 * draw.normal(size=n))


def _error(found: Array, exact: Array) -> float:
    size = np.maximum(exact, 1e-3 * exact.max(axis=1, keepdims=True))
    return float((np.abs(found - exact) / size).max())


def _peer() -> Any:
    """LSODA of numbalsoda over subjects; nothing where it is not installed."""
    if importlib.util.find_spec("numbalsoda") is None:
        return None
    import numba
    from numbalsoda import lsoda, lsoda_sig

    @numba.cfunc(lsoda_sig)
    def rates(_t: float, x: Any, dx: Any, p: Any) -> None:
        dx[0] = -p[0] * x[0]
        dx[1] = p[0] * x[0] - (p[1] + p[2]) * x[1] + p[3] * x[2]
        dx[2] = p[2] * x[1] - p[3] * x[2]

    address = rates.address

    @numba.njit(nogil=True)
    def loop(numbers: Array, read: Array, out: Array, rtol: float) -> bool:
        good = True
        for i in range(len(numbers)):
            x = np.zeros(3)
            for k in range(len(DOSES)):
                begin = DOSES[k]
                end = DOSES[k + 1] if k + 1 < len(DOSES) else read[-1] + 1.0
                inside = np.flatnonzero((read > begin) & (read <= end))
                hours = np.empty(len(inside) + 2)
                hours[0] = begin
                hours[1:-1] = read[inside]
                hours[-1] = end
                x[0] += AMOUNT
                found, success = lsoda(address, x, hours, numbers[i], rtol, 1e-6 * rtol)
                good &= success
                for j in range(len(inside)):
                    out[i, inside[j]] = 1000.0 * found[j + 1, 1] / numbers[i, 4]
                x = found[-1].copy()
        return good

    def solve(clearance: Array, volume: Array, threads: int, rtol: float) -> Array:
        numbers = np.stack(
            [
                np.full_like(clearance, ABSORPTION),
                clearance / volume,
                FLOW / volume,
                np.full_like(clearance, FLOW / PERIPHERAL),
                volume,
            ],
            axis=1,
        )
        out = np.zeros((len(clearance), len(TIMES)))
        parts = np.array_split(np.arange(len(clearance)), 8 * threads)
        with ThreadPoolExecutor(threads) as pool:
            done = pool.map(
                lambda part: loop(
                    numbers[part[0] : part[-1] + 1], TIMES, out[part[0] : part[-1] + 1], rtol
                ),
                [part for part in parts if len(part)],
            )
            if not all(done):
                raise RuntimeError("LSODA gave up")
        return out

    solve(*_subjects(4), 1, 1e-6)  # compiles
    return solve
