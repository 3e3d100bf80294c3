"""Independent adaptive stiff solvers, for checking the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ketasim.engine.linear.inputs import Input
from ketasim.engine.system import END, PULSE, System
from ketasim.models import ResponseModel

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
    from scipy.integrate import solve_ivp  # scipy is slow to load

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


def solve_oracle(
    model: ResponseModel, system: System, times: Array, *, rtol: float = 1e-10
) -> tuple[Array, Array]:
    """Dose to response by LSODA on all states at once, restarted wherever an input changes.

    It shares neither the modes, nor the steps, nor the written arithmetic of the other engines: the
    rates are evaluated from the declaration. States are followed as distances from where they
    begin, and the rates have the digits of `numpy.longdouble`: of a response that is a billionth of
    its level at rest, doubles would leave the judge less than it judges.

    **Arguments:**

    - `model`: the response.
    - `system`: the patients and their calendar.
    - `times`: h, ascending, shape (T,).
    - `rtol`: the solver's tolerance; the absolute one is a millionth of a state's size times it.

    **Returns:** rows (T, R, n) and states (T, Y, n) at the times.

    **Raises:** `FloatingPointError` when the solver stops.
    """
    rows = np.zeros((len(times), system.rows, system.n))
    states = np.zeros((len(times), len(model.states), system.n))
    for patient in range(system.n):
        one = system.take(np.array([patient]))
        rows[:, :, patient], states[:, :, patient] = _one(model, one, times, rtol)
    return rows, states


def _one(model: ResponseModel, system: System, times: Array, rtol: float) -> tuple[Array, Array]:
    from scipy.integrate import solve_ivp

    sizes = [len(part.structure.states) for part in system.streams]
    first = np.concatenate([[0], np.cumsum(sizes)]).astype(int)
    m = int(first[-1])
    matrix, read = np.zeros((m, m)), np.zeros((system.rows, m))
    for number, part in enumerate(system.streams):
        mine = slice(first[number], first[number + 1])
        matrix[mine, mine] = part.matrix[:, :, 0]
        read[:, mine] = part.rows[:, :, 0]
    numbers = {name: np.longdouble(value[0]) for name, value in system.parameters.items()}
    rest = system.initial[:, 0].astype(np.longdouble)
    signals = [s.name for s in model.signals]
    names = [s.name for s in model.states]

    given = max(float(system.amounts.max()), 1e-6)
    size = np.concatenate([np.full(m, given), np.ones(len(names))])
    least = 1e-9 * given * np.abs(read[: len(signals)]).sum(axis=1)

    def rates(_time: float, x: Array, supply: Array) -> Array:
        found = read[: len(signals)] @ x[:m]
        # rounding may leave a signal a hair below zero, where powers have no value
        hair = (found < 0.0) & (-found < least)
        seen = np.where(hair, 0.0, found).astype(np.longdouble)
        slow = model.rates(
            numbers,
            dict(zip(signals, seen, strict=True)),
            dict(zip(names, rest + x[m:], strict=True)),
        )
        return np.concatenate([matrix @ x[:m] + supply, [float(slow[name]) for name in names]])

    now = np.zeros(m + len(names))
    found_rows = np.zeros((len(times), system.rows))
    found = np.zeros((len(times), len(names)))
    supply = np.zeros(m)
    for segment in range(len(system.breaks) - 1):
        for event in (e for e in system.events if e.segment == segment):
            state, amount = first[event.stream] + event.state, system.amounts[event.source, 0]
            if event.kind == PULSE:
                now[state] += amount
            else:
                supply[state] += amount / event.duration * (-1.0 if event.kind == END else 1.0)
        begin, end = system.breaks[segment], system.breaks[segment + 1]
        last = segment == len(system.breaks) - 2
        inside = (times >= begin - 1e-9) & ((times < end - 1e-9) | last)
        after = np.clip(times[inside] - begin, 0.0, end - begin)
        solved = solve_ivp(
            rates,
            (0.0, end - begin),
            now,
            method="LSODA",
            t_eval=np.unique([0.0, *after, end - begin]),
            rtol=rtol,
            atol=1e-6 * rtol * size,
            args=(supply,),
        )
        if not solved.success:
            raise FloatingPointError(f"the adaptive solver stopped: {solved.message}")
        place = np.asarray(np.searchsorted(solved.t, after), np.intp)
        found_rows[inside] = solved.y[:m, place].T @ read.T
        found[inside] = system.initial[:, 0] + solved.y[m:, place].T
        now = solved.y[:, -1].copy()
    return found_rows, found
