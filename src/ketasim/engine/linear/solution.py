"""Exact solution of linear models: matrix exponentials between the times where inputs change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim._base.size import one_thread
from ketasim.engine.linear.inputs import Input, check_steady

Array = NDArray[np.float64]

_TIME_DECIMALS = 10  # times closer than 1e-10 h (0.4 microseconds) are one time
_VARYING_STEP = 0.125  # h; longest step over which a rate that changes with time is held


@dataclass(frozen=True)
class Solution:
    """States of a linear model at the times asked for.

    **Arguments:**

    - `times`: h, shape (T,).
    - `states`: names, length m.
    - `amounts`: mg, shape (T, n, m); at the time of an instantaneous dose, just after it.
    - `given`: mg, shape (T, n, m); what has entered each state from outside up to then.
    - `initial`: mg, shape (n, m); amounts at time 0 before any input (steady-state doses only).
    - `held`: mg*h, shape (T, n, m); areas summed step by step where the rate matrix changes.
    """

    times: Array
    states: tuple[str, ...]
    amounts: Array
    given: Array
    initial: Array
    held: Array | None = None

    def areas(self, matrix: Array) -> Array:
        """Integral of the amounts from time 0, as exact as the amounts.

        From x' = K x + input follows K * area = x(t) - x(0) - given(t).

        **Arguments:**

        - `matrix`: K, shape (n, m, m), 1/h; not used where the rates changed with time.

        **Returns:** mg*h, shape (T, n, m).
        """
        if self.held is not None:
            return self.held
        return _area(matrix[None], self.amounts - self.initial - self.given)


def solve_linear(
    matrix: Callable[[float], Array],
    states: tuple[str, ...],
    inputs: Sequence[Input],
    times: Array,
    *,
    time_varying: bool = False,
) -> Solution:
    """Solve x' = K x + input exactly.

    **Main arguments:**

    - `matrix`: time in h to the rate matrix K, shape (n, m, m), 1/h.
    - `states`: names of the m states.
    - `inputs`: instantaneous and zero-order inputs; inputs into states not listed are ignored.
    - `times`: h, ascending, shape (T,); nothing happens before time 0.

    **Other arguments:**

    - `time_varying`: K changes with time; it is then held at its midpoint over steps of at most an
      eighth of an hour (second-order accurate), instead of being exact.

    **Returns:** `Solution`.

    **Raises:** `InputError` for a steady-state dose that lasts longer than its interval.
    """
    inputs = [i for i in inputs if i.state in states]
    channels = sorted({i.state for i in inputs if i.duration > 0})
    m, k = len(states), len(channels)
    n = matrix(0.0).shape[0]
    changes = {0.0}
    for item in inputs:
        changes |= {tick(item.start), tick(item.start + item.duration)}
    wanted = [tick(t) for t in times]
    last = max(wanted, default=0.0)
    if time_varying:
        steps = int(np.ceil(last / _VARYING_STEP))
        changes |= {tick(last * i / steps) for i in range(steps + 1)} if steps else set()
    grid = sorted({t for t in changes if t <= last} | set(wanted))

    propagate = _Propagator(matrix, states, channels, time_varying)
    column = {name: i for i, name in enumerate(states)}
    # the amounts and, behind them, the rates of the running zero-order inputs: one product a step
    extended = np.zeros((n, m + k))
    for item in inputs:
        if item.interval is not None:
            extended[:, :m] += _steady_state(propagate, column, channels, item, n)
    initial = extended[:, :m].copy()
    given = np.zeros((n, m))
    held = np.zeros((n, m))
    asked = frozenset(wanted)
    found: dict[float, tuple[Array, Array, Array]] = {}
    starts, ends, pulses = events_of(inputs)
    running = [0] * k
    channel_columns = [column[name] for name in channels]
    now = grid[0] if grid else 0.0
    for time in grid:
        if time > now:
            step, middle, before = time - now, (time + now) / 2, extended[:, :m]
            supplied = np.zeros((n, m))
            supplied[:, channel_columns] = extended[:, m:] * step
            given += supplied
            extended = np.einsum("nij,nj->ni", propagate(step, middle), extended)
            if time_varying:
                held += _area(matrix(middle), extended[:, :m] - before - supplied)
            now = time
        for item in ends.get(time, ()):
            channel = channels.index(item.state)
            extended[:, m + channel] -= item.amount / item.duration
            running[channel] -= 1
            if running[channel] == 0:
                extended[:, m + channel] = 0.0  # what rounding leaves would run on for ever
        for item in starts.get(time, ()):
            channel = channels.index(item.state)
            extended[:, m + channel] += item.amount / item.duration
            running[channel] += 1
        for item in pulses.get(time, ()):
            extended[:, column[item.state]] += item.amount
            given[:, column[item.state]] += item.amount
        if time in asked:  # of many doses, all other times would fill the memory
            found[time] = (extended[:, :m].copy(), given.copy(), held.copy())
    amounts, totals, areas = (_stack([found[t][i] for t in wanted], n, m) for i in range(3))
    return Solution(
        np.asarray(times, np.float64),
        states,
        amounts,
        totals,
        initial,
        areas if time_varying else None,
    )


def _area(matrix: Array, gained: Array) -> Array:
    """Area under x from what x gained beyond its input: K * area = gained."""
    return _solved(matrix, gained) + 0.0  # no negative zeros


def _solved(matrix: Array, right: Array) -> Array:
    """Solutions of a linear system for each patient; no number where a matrix is singular.

    **Arguments:**

    - `matrix`: shape (..., n, m, m). `right`: shape (..., n, m).
    """
    try:
        return np.asarray(np.linalg.solve(matrix, right[..., None]), np.float64)[..., 0]
    except np.linalg.LinAlgError:
        found = np.full(right.shape, np.nan)
        for patient in range(matrix.shape[-3]):
            with suppress(np.linalg.LinAlgError):
                one = slice(patient, patient + 1)
                own = np.linalg.solve(matrix[..., one, :, :], right[..., one, :, None])
                found[..., one, :] = own[..., 0]
        return found


def _stack(rows: list[Array], n: int, m: int) -> Array:
    return np.stack(rows) if rows else np.zeros((0, n, m))


def tick(time: float) -> float:
    """A time as the engine tells times apart."""
    return round(float(time), _TIME_DECIMALS)


def ticks(times: Array) -> Array:
    """Times as the engine tells times apart."""
    return np.round(times, _TIME_DECIMALS)


def events_of(
    inputs: Sequence[Input],
) -> tuple[dict[float, list[Input]], dict[float, list[Input]], dict[float, list[Input]]]:
    """Inputs that start, that end and that enter at once, each by time, h."""
    starts: dict[float, list[Input]] = {}
    ends: dict[float, list[Input]] = {}
    pulses: dict[float, list[Input]] = {}
    for item in inputs:
        begin = tick(item.start)
        if item.duration > 0:
            starts.setdefault(begin, []).append(item)
            ends.setdefault(tick(item.start + item.duration), []).append(item)
        else:
            pulses.setdefault(begin, []).append(item)
    return starts, ends, pulses


class _Propagator:
    """Exponential of the extended system for a step, remembered by the step's length."""

    def __init__(
        self,
        matrix: Callable[[float], Array],
        states: tuple[str, ...],
        channels: Sequence[str],
        time_varying: bool,
    ) -> None:
        self._matrix = matrix
        self._states = states
        self._channels = channels
        self._time_varying = time_varying
        self._known: dict[float, Array] = {}

    def __call__(self, step: float, midpoint: float) -> Array:
        from scipy.linalg import expm  # scipy is slow to load

        key = tick(step)
        if not self._time_varying and key in self._known:
            return self._known[key]
        rates = self._matrix(midpoint)
        n, m, _ = rates.shape
        size = m + len(self._channels)
        extended = np.zeros((n, size, size))
        extended[:, :m, :m] = rates
        for i, name in enumerate(self._channels):
            extended[:, self._states.index(name), m + i] = 1.0
        with one_thread():
            result = np.asarray(expm(extended * step), dtype=np.float64)
        if not self._time_varying:
            self._known[key] = result
        return result


def _steady_state(
    propagate: _Propagator, column: dict[str, int], channels: Sequence[str], item: Input, n: int
) -> Array:
    """Amounts just before a dose when infinitely many equal doses came before."""
    assert item.interval is not None
    check_steady(item)
    m = len(column)
    extended = np.zeros((n, m + len(channels)))
    if item.duration > 0:
        extended[:, m + channels.index(item.state)] = item.amount / item.duration
        extended = np.einsum("nij,nj->ni", propagate(item.duration, 0.0), extended)
        extended[:, m:] = 0.0
    else:
        extended[:, column[item.state]] = item.amount
    rest = item.interval - item.duration
    if rest > 0:
        extended = np.einsum("nij,nj->ni", propagate(rest, 0.0), extended)
    once = extended[:, :m]
    over = propagate(item.interval, 0.0)[:, :m, :m]
    return _solved(np.eye(m) - over, once)
