"""LSODA by numbalsoda: equations and the loop over patients compiled by numba."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from workload import INFUSIONS, SLOW, TIMES, depressed, initial, patients, segments

from peers import ABSOLUTE
from peers.workers import first

if TYPE_CHECKING:
    from driven import Driven

Array = NDArray[np.float64]

NAME = "numbalsoda (LSODA, numba)"

_CHUNK = 16  # patients a thread takes at once
_STEPS = 100_000  # between two output times
_HEAD = 3 + len(SLOW)  # numbers in the chain's data: infusion on, m, hill, slow block


@dataclass(frozen=True)
class _Compiled:
    """Addresses of both models' equations, and the loop over patients."""

    workload: int
    chain: int
    loop: Callable[..., bool]


def available() -> str | None:
    """Why numbalsoda cannot run, or None."""
    if find_spec("numbalsoda") is None or find_spec("numba") is None:
        return "the Python package numbalsoda is not installed"
    return None


def prepare(threads: int = 1) -> None:
    """Compile the equations and the loop.

    **Arguments:**

    - `threads`: ignored; all threads share the compiled code.
    """
    del threads
    run(patients(1), 1, 1, 1e-3)


def run(parameters: Mapping[str, Array], n: int, threads: int, tolerance: float) -> Array:
    """Solve workload W.

    **Arguments:**

    - `parameters`: as `workload.patients` gives them, for n patients or more.
    - `n`: number of patients.
    - `threads`: number of threads.
    - `tolerance`: relative tolerance.

    **Returns:** all states at `workload.TIMES`: (n, 407, 14).

    **Raises:** `RuntimeError` where LSODA gives up.
    """
    p = first(parameters, n)
    columns = (
        *(p["Ka"], p["Qh"] / p["Vc"], p["Qh"] / p["Vl"], p["CLint"] / p["Vl"]),
        *(p["Q1"] / p["Vc"], p["Q1"] / p["V1"], p["Q2"] / p["Vc"], p["Q2"] / p["V2"]),
        *(p["f_NK"], p["CLn"] / p["Vn"], p["Qn"] / p["Vn"], p["Qn"] / p["Vnp"]),
        *(p["f_HNK"], p["CLh"] / p["Vh"], p["ke0"], p["ke0"] / p["Vc"]),
        *(1.0 / p["Vh"], 1.0 / p["IC50"], p["gamma"]),
        *_slow_columns(p),
    )
    data = np.column_stack([np.zeros(n), *columns])
    return _solve(
        *(_compiled().workload, data, initial(p), p["rate"]),
        *((INFUSIONS, TIMES), 0, threads, tolerance),
    )


def run_chain(
    rates: Array,
    supply: Array,
    signals: Array,
    hill: Array,
    slow: Mapping[str, Array],
    infusions: Array,
    times: Array,
    tolerance: float,
    threads: int,
) -> Array:
    """Solve a general linear chain that drives W's slow block.

    **Arguments:**

    - `rates`, `supply`, `signals`, `hill`, `slow`: see `workload.Chain`.
    - `infusions`: start and end of each, h, not overlapping: (k, 2).
    - `times`: output times, h, the first 0: (T,).
    - `tolerance`: relative tolerance.
    - `threads`: number of threads.

    **Returns:** G, D, S, A and M: (n, T, 5).

    **Raises:** `RuntimeError` where LSODA gives up.
    """
    n, m = supply.shape
    # Only entries that some patient has are multiplied: chains are sparse.
    row, column = np.nonzero(np.any(rates != 0.0, axis=0))
    pattern = np.concatenate([np.searchsorted(row, np.arange(m + 1)), column]).astype(float)
    size = np.full(n, float(m))
    data = np.column_stack(
        [
            *(np.zeros(n), size, hill, *_slow_columns(slow)),
            *(supply, signals[:, 0], signals[:, 1]),
            *(np.tile(pattern, (n, 1)), rates[:, row, column]),
        ]
    )
    y0 = np.zeros((n, m + 5))
    y0[:, m] = y0[:, m + 1] = 1.0
    y0[:, m + 2], y0[:, m + 4] = depressed(slow["psi"], slow["s50"])
    return _solve(
        *(_compiled().chain, data, y0, np.ones(n)),
        *((infusions, times), m, threads, tolerance),
    )


def run_driven(given: Driven, times: Array, tolerance: float, threads: int) -> Array:
    """Solve a linear chain and the declared response that it drives.

    **Arguments:**

    - `given`: the patients.
    - `times`: output times, h, the first 0: (T,).
    - `tolerance`: relative tolerance.
    - `threads`: number of threads.

    **Returns:** linear states and those of the response: (n, T, m + Y).

    **Raises:** `RuntimeError` where LSODA gives up.
    """
    from peers.declared import equations, table  # loads ketasim's declarations

    n, m = given.supply.shape
    still = np.zeros_like(given.initial)
    y0, marks = np.zeros((n, m)), np.hstack([given.marks, still])
    return _solve(
        *(equations(given.model).address, table(given), np.hstack([y0, given.initial])),
        *(np.ones(n), (given.infusions, times), 0, threads, tolerance, marks),
    )


def _slow_columns(p: Mapping[str, Array]) -> list[Array]:
    """The slow block's parameters in the order of `SLOW`, powers taken."""
    powers = {"g50": 2, "s50": 4}
    return [np.asarray(p[name]) ** powers.get(name, 1) for name in SLOW]


def _grid(infusions: Array, times: Array) -> tuple[Array, NDArray[np.int64]]:
    """Times asked of LSODA, segment by segment, and per segment where they stand.

    **Returns:** the times; per segment: from, to, whether an infusion runs, first output time,
    number of output times: (segments, 5).
    """
    grid: list[float] = []
    table: list[tuple[int, int, int, int, int]] = []
    for part in segments(infusions, times):
        start = len(grid)
        grid += np.unique([part.begin, *times[part.first : part.last], part.end]).tolist()
        table.append((start, len(grid), int(part.on), part.first, part.last - part.first))
    return np.array(grid), np.array(table, dtype=np.int64)


def _solve(
    address: int,
    data: Array,
    y0: Array,
    rate: Array,
    calendar: tuple[Array, Array],
    skip: int,
    threads: int,
    tolerance: float,
    marks: Array | None = None,
) -> Array:
    """Run the loop over chunks of patients in threads.

    **Arguments:**

    - `address`: of the compiled equations.
    - `data`: what they read, its first column written by the loop: (n, k).
    - `y0`: states at time 0: (n, states).
    - `rate`: what the loop writes into the first column while an infusion runs: (n,).
    - `calendar`: infusions and output times.
    - `skip`: number of leading states left out of the result.
    - `threads`, `tolerance`: as `run` has them.
    - `marks`: added to the states at the start of every infusion: (n, states); nothing if absent.

    **Returns:** the other states: (n, T, states - skip).
    """
    infusions, times = calendar
    grid, table = _grid(infusions, times)
    loop, n = _compiled().loop, len(data)
    out = np.empty((n, len(times), y0.shape[1] - skip))
    out[:, 0] = y0[:, skip:]
    added = np.zeros_like(y0) if marks is None else marks

    def chunk(i: int) -> bool:
        part = slice(i, i + _CHUNK)
        return loop(
            *(address, data[part], y0[part], rate[part], added[part], grid, table, skip),
            *(tolerance, ABSOLUTE * tolerance, out[part]),
        )

    with ThreadPoolExecutor(threads) as pool:
        if not all(list(pool.map(chunk, range(0, n, _CHUNK)))):
            raise RuntimeError("LSODA gave up")
    return out


@cache
def _compiled() -> _Compiled:
    """Compile everything, once a process."""
    import numba
    from numbalsoda import lsoda, lsoda_sig

    slow_size, head, steps = len(SLOW), _HEAD, _STEPS
    options = {"fastmath": True, "error_model": "numpy"}

    @numba.njit(inline="always", **options)
    def slow(y, dy, at, x, hill, ch, data, k):  # type: ignore[no-untyped-def]
        """Derivatives of the five slow states, which stand from `at`; parameters from `k`."""
        drive = max(x, 0.0) ** hill
        block = drive / (1.0 + drive)
        g, d, s, a, m = y[at], y[at + 1], y[at + 2], y[at + 3], y[at + 4]
        g2, s4, up = (g - 1.0) ** 2, (s * s) ** 2, d - 1.0
        grown = data[k + 4] * g2 / (data[k + 3] + g2) + data[k + 5] * ch / (data[k + 6] + ch)
        gain = data[k + 8] * up / (data[k + 9] + up)
        dy[at] = data[k] * (1.0 + data[k + 1] * 4.0 * block * (1.0 - block) - g)
        dy[at + 1] = data[k + 2] * (1.0 + grown - d)
        dy[at + 2] = data[k + 7] * (1.0 + gain - (1.0 + data[k + 10] * (1.0 - m)) * s)
        dy[at + 3] = data[k + 11] * (g - 1.0) * (1.0 - a) - data[k + 12] * a
        dy[at + 4] = data[k + 13] * (s4 / (data[k + 14] + s4) + data[k + 15] * a * (1.0 - m) - m)

    @numba.cfunc(lsoda_sig, **options)
    def workload(t, u, du, p):  # type: ignore[no-untyped-def]  # noqa: ARG001 - solvers pass t
        """W's equations; the order of `p` is that of the columns in `run`."""
        y, dy = numba.carray(u, 14), numba.carray(du, 14)
        data = numba.carray(p, 20 + slow_size)
        absorbed, cleared = data[1] * y[0], data[4] * y[1]
        to_liver = data[2] * y[2] - data[3] * y[1]
        to_first, to_second = data[5] * y[2] - data[6] * y[3], data[7] * y[2] - data[8] * y[4]
        onward, to_deep = data[10] * y[5], data[11] * y[5] - data[12] * y[6]
        dy[0] = -absorbed
        dy[1] = absorbed + to_liver - cleared
        dy[2] = data[0] - to_liver - to_first - to_second
        dy[3] = to_first
        dy[4] = to_second
        dy[5] = data[9] * cleared - onward - to_deep
        dy[6] = to_deep
        dy[7] = data[13] * onward - data[14] * y[7]
        dy[8] = data[16] * y[2] - data[15] * y[8]
        slow(y, dy, 9, y[8] * data[18], data[19], y[7] * data[17], data, 20)

    @numba.cfunc(lsoda_sig, **options)
    def chain(t, u, du, p):  # type: ignore[no-untyped-def]  # noqa: ARG001 - solvers pass t
        """A sparse chain; the order of `p` is that of the columns in `run_chain`."""
        m = int(p[1])
        y, dy = numba.carray(u, m + 5), numba.carray(du, m + 5)
        supply = head
        rows = supply + 3 * m
        columns = rows + m + 1
        values = columns + int(p[rows + m])
        x, ch = 0.0, 0.0
        for i in range(m):
            total = p[0] * p[supply + i]
            for k in range(int(p[rows + i]), int(p[rows + i + 1])):
                total += p[values + k] * y[int(p[columns + k])]
            dy[i] = total
            x += p[supply + m + i] * y[i]
            ch += p[supply + 2 * m + i] * y[i]
        slow(y, dy, m, x, p[2], ch, p, 3)

    @numba.njit(nogil=True, **options)
    def loop(address, data, y0, rate, added, grid, table, skip, rtol, atol, out):  # type: ignore[no-untyped-def]
        """Every patient through every segment; False where LSODA gives up."""
        for i in range(len(data)):
            y = y0[i].copy()
            for j in range(len(table)):
                start, stop, on, first_row, count = table[j]
                data[i, 0] = rate[i] if on == 1 else 0.0
                if on == 1:
                    y += added[i]
                solved, success = lsoda(address, y, grid[start:stop], data[i], rtol, atol, steps)
                if not success:
                    return False
                out[i, first_row : first_row + count] = solved[1 : count + 1, skip:]
                y[:] = solved[-1]
        return True

    return _Compiled(workload.address, chain.address, loop)
