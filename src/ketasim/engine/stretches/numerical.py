"""Stretches of actions whose rates change with amounts or time, by an adaptive stiff solver."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import EventError
from ketasim.dosing.events.meaning import Actions

Array = NDArray[np.float64]
RTOL: Final = 1e-10
"""Relative tolerance of the solver; the absolute one is a millionth of the largest amount's."""

_MOST_INTERVALS: Final = 10_000  # of a steady state that is approached
_SETTLED: Final = 1e-10
_CONSTANT: Final = 24.0  # h between two looks at a constant input
_ROUNDING: Final = 8  # distances between numbers, within which a turn is where it is said


@dataclass(frozen=True)
class Change:
    """How amounts change.

    **Arguments:**

    - `rate`: function of time, h, and amounts, which gives their change.
    - `turns`: h at which it jumps or bends, ascending. `longest`: h of a step.
    - `timed`: whether it changes with time, so that there is no steady state.
    - `check`: refuses a way that was found, by its times, (n,), and amounts, (m, n).
    """

    rate: Callable[[float, Array], Array]
    turns: tuple[float, ...] = ()
    longest: float = np.inf
    timed: bool = False
    check: Callable[[Array, Array], None] | None = None


def follow_numerically(
    actions: Actions, times: Array, rates: Callable[[int], Change], compartments: int
) -> Array:
    """Amounts at every record, by LSODA, restarted wherever something happens.

    **Arguments:**

    - `actions`: of all stretches. `times`: h of every record, shape (R,).
    - `rates`: number of a record to how amounts change up to it.
    - `compartments`: how many, m.

    **Returns:** shape (R, m).

    **Raises:** `EventError` when the solver stops, or a steady state cannot be found.
    """
    found = np.zeros((len(times), compartments))
    for begin, end in zip(actions.first[:-1], actions.first[1:], strict=True):
        amounts, supply = np.zeros(compartments), np.zeros(compartments)
        now = 0.0
        for one in range(int(begin), int(end)):
            record = int(actions.record[one])
            change = rates(record)
            if one == begin:
                now = float(times[record])
            hours = float(actions.hours[one])
            if hours > 0:
                amounts = _moved(change, amounts, supply, now, now + hours, record)
                now += hours
            state = int(actions.state[one])
            if state >= 0:
                amounts[state] += actions.amount[one]
                supply[state] += actions.rate[one]
            steady = int(actions.steady[one])
            if steady >= 0:
                if change.timed:
                    raise EventError(
                        record,
                        "SS",
                        "the rates of the model change with time, so that there is no steady state",
                        "write the earlier doses out",
                    )
                if amounts.any():
                    raise EventError(
                        record,
                        "SS",
                        "a steady state (SS 2) is added to amounts, and the rates depend on them",
                        "write the earlier doses out",
                    )
                amounts = amounts + _steady(actions, steady, change, compartments, record)
            if actions.read[one]:
                found[record] = amounts
    return found


def _moved(
    change: Change, amounts: Array, supply: Array, begin: float, end: float, record: int
) -> Array:
    from scipy.integrate import solve_ivp  # scipy is slow to load

    if not (amounts.any() or supply.any()):
        return amounts
    size = max(float(np.abs(amounts).max()), float(supply.max()) * (end - begin))
    edges = [begin, *(turn for turn in change.turns if begin < turn < end), end]
    for low, high in itertools.pairwise(edges):
        # at a turn itself the rate may be that of either side
        near = min(_ROUNDING * float(np.spacing(max(abs(low), abs(high)))), (high - low) / 4)

        def rate(t: float, x: Array, first: float = low + near, last: float = high - near) -> Array:
            return change.rate(min(max(t, first), last), x) + supply

        with np.errstate(all="ignore"):
            solved = solve_ivp(
                rate,
                (low, high),
                amounts,
                method="LSODA",
                max_step=change.longest,
                rtol=RTOL,
                atol=1e-6 * RTOL * size,
            )
        amounts = np.asarray(solved.y[:, -1], np.float64)
        if change.check is not None:
            change.check(np.asarray(solved.t, np.float64), np.asarray(solved.y, np.float64))
        if not solved.success or not np.isfinite(amounts).all():
            raise EventError(
                record, "TIME", "the model cannot be solved up to this row", "check its rates"
            )
    return amounts


def _steady(actions: Actions, place: int, change: Change, m: int, record: int) -> Array:
    """What infinitely many doses have left, approached dose by dose."""
    states = actions.states
    state, interval = int(states.state[place]), float(states.interval[place])
    amount, rate = float(states.amount[place]), float(states.rate[place])
    amounts = np.zeros(m)
    if not np.isfinite(interval):
        pieces = [(_CONSTANT, rate)]
        rest = None
    elif rate == 0:
        pieces, rest = [(interval, 0.0)], [(float(states.since[place]), 0.0)]
    else:
        whole, left = divmod(float(states.duration[place]), interval)
        pieces = [(left, (whole + 1) * rate), (interval - left, whole * rate)]
        since = float(states.since[place])
        rest = [(min(since, left), pieces[0][1]), (max(since - left, 0.0), pieces[1][1])]

    def run(parts: list[tuple[float, float]], from_: Array) -> Array:
        found = from_.copy()
        found[state] += amount
        for hours, speed in parts:
            if hours > 0:
                supply = np.zeros(m)
                supply[state] = speed
                found = _moved(change, found, supply, 0.0, hours, record)
        return found

    for _ in range(_MOST_INTERVALS):
        after = run(pieces, amounts)
        if np.abs(after - amounts).max() <= _SETTLED * max(np.abs(after).max(), 1e-300):
            return after if rest is None else run(rest, after)
        amounts = after
    raise EventError(
        record,
        "SS",
        "no steady state is reached",
        "write the earlier doses out, or check the rates",
    )
