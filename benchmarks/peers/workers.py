"""Worker processes that stay alive between runs, so that a warm run starts none."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Solver = Callable[[Mapping[str, Array], float], Array]

_PATIENCE = 300.0  # seconds a worker waits for the others to start
_together: dict[str, Any] = {}  # in a worker: the barrier of its pool


def first(parameters: Mapping[str, Array], n: int) -> dict[str, Array]:
    """The parameters of the first n patients."""
    return {name: values[:n] for name, values in parameters.items()}


def warm(solve: Solver, parameters: Mapping[str, Array], processes: int) -> None:
    """Solve the same patients once in every worker process, so that each has compiled.

    **Arguments:**

    - `solve`: a function of a module, of parameters and tolerance.
    - `parameters`: of few patients.
    - `processes`: number of worker processes.
    """
    pool = _pool(processes)
    for task in [pool.submit(_warm, solve, parameters) for _ in range(processes)]:
        task.result()


def spread(
    solve: Solver, parameters: Mapping[str, Array], tolerance: float, processes: int, size: int
) -> Array:
    """Solve patients in chunks over worker processes.

    **Arguments:**

    - `solve`: a function of a module, of parameters and tolerance.
    - `parameters`: (n, ...) each.
    - `tolerance`: handed on.
    - `processes`: number of worker processes.
    - `size`: patients per chunk, at most.

    **Returns:** what `solve` returns, joined along the first axis.
    """
    n = len(next(iter(parameters.values())))
    size = max(1, min(size, -(-n // processes)))
    chunks = [
        {name: values[i : i + size] for name, values in parameters.items()}
        for i in range(0, n, size)
    ]
    solved = _pool(processes).map(solve, chunks, [tolerance] * len(chunks))
    return np.concatenate(list(solved))


@cache
def _pool(processes: int) -> ProcessPoolExecutor:
    """The one pool of so many processes; spawned, since solvers do not survive a fork."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(
        processes, context, initializer=_keep, initargs=(context.Barrier(processes),)
    )


def _keep(barrier: object) -> None:
    """Remember the barrier, in a worker."""
    _together["barrier"] = barrier


def _warm(solve: Solver, parameters: Mapping[str, Array]) -> None:
    """Solve once all workers of the pool are here, so that no worker takes two of these tasks."""
    _together["barrier"].wait(_PATIENCE)
    solve(parameters, 1e-2)
