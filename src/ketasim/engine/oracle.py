"""An independent adaptive stiff solver, for checking the exact one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from ketasim.engine.inputs import Input

Array = NDArray[np.float64]


def solve_adaptive(
    matrix: Callable[[float], Array],
    states: tuple[str, ...],
    inputs: Sequence[Input],
    times: Array,
    *,
    rtol: float = 1e-11,
    atol: float = 1e-12,
) -> Array:
    """Amounts of one patient by Radau IIA of order 5, restarted wherever an input changes.

    **Arguments:**

    - `matrix`: time in h to the rate matrix, shape (1, m, m).
    - `states`, `inputs`, `times`: as for `solve_linear`; steady-state inputs are not supported.
    - `rtol`, `atol`: the solver's tolerances.

    **Returns:** shape (T, m), mg.
    """
    inputs = [i for i in inputs if i.state in states]
    column = {name: i for i, name in enumerate(states)}
    breaks = {0.0, float(times[-1])}
    for item in inputs:
        breaks |= {item.start, item.start + item.duration}
    edges = sorted(t for t in breaks if t <= times[-1])
    amounts = np.zeros(len(states))
    result = np.zeros((len(times), len(states)))
    for begin, end in zip(edges, [*edges[1:], edges[-1]], strict=True):
        for item in inputs:
            if item.duration == 0 and item.start == begin:
                amounts[column[item.state]] += item.amount[0]
        result[times == begin] = amounts
        if end <= begin:
            break
        supply = np.zeros(len(states))
        for item in inputs:
            if item.duration > 0 and item.start <= begin and item.start + item.duration >= end:
                supply[column[item.state]] += item.amount[0] / item.duration
        inside = (times > begin) & (times <= end)
        solved = solve_ivp(
            lambda t, x, b=supply: matrix(t)[0] @ x + b,
            (begin, end),
            amounts,
            method="Radau",
            jac=lambda t, _x: matrix(t)[0],
            t_eval=np.unique([*times[inside], end]),
            rtol=rtol,
            atol=atol,
        )
        if not solved.success:
            raise FloatingPointError(f"the adaptive solver stopped: {solved.message}")
        result[inside] = solved.y.T[: int(inside.sum())]
        amounts = solved.y[:, -1]
    return result
