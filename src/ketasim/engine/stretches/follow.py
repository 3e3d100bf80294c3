"""Stretches of actions followed together, one step of all of them at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import EventError
from ketasim.dosing.events.meaning import Actions, Steady, running
from ketasim.engine.stretches.propagator import Propagator

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

_SINGULAR = 1e-14  # of a determinant: a compartment that nothing leaves


def follow(actions: Actions, matrices: Array, records: int, reaches: Flags) -> Array:
    """Amounts at every record, exact.

    **Arguments:**

    - `actions`: of all stretches.
    - `matrices`: K of every record, 1/h, shape (R, m, m); that of a record holds from the record
      before it, as NONMEM has it.
    - `records`: how many there are, R.
    - `reaches`: whether what is in one compartment comes to another, shape (m, m).

    **Returns:** shape (R, m).

    **Raises:** `EventError` for a steady state that there is not.
    """
    m = matrices.shape[1]
    changed = np.ones(records, bool)
    if records > 1:
        changed[1:] = (matrices[1:] != matrices[:-1]).any(axis=(1, 2))
    column = np.cumsum(changed) - 1
    propagator = Propagator(matrices[changed])
    steady = steady_amounts(actions.states, propagator, column, reaches)

    length = np.diff(actions.first)
    order = np.argsort(-length, kind="stable")
    begin, length = actions.first[:-1][order], length[order]
    amounts, supply = np.zeros((len(order), m)), np.zeros((len(order), m))
    found = np.zeros((records, m))
    fed = False
    for step in range(int(length.max(initial=0))):
        active = int(np.searchsorted(-length, -step, side="left"))
        row = begin[:active] + step
        hours = actions.hours[row]
        moved = np.flatnonzero(hours > 0)
        if len(moved):
            which = column[actions.record[row[moved]]]
            under = supply[moved] if fed else None
            amounts[moved] = propagator.step(which, amounts[moved], under, hours[moved])
        state = actions.state[row]
        fills = np.flatnonzero(state >= 0)
        if len(fills):
            amounts[fills, state[fills]] += actions.amount[row[fills]]
            supply[fills, state[fills]] += actions.rate[row[fills]]
            fed = fed or bool(actions.rate[row[fills]].any())
        added = np.flatnonzero(actions.steady[row] >= 0)
        if len(added):
            amounts[added] += steady[actions.steady[row[added]]]
        read = np.flatnonzero(actions.read[row])
        found[actions.record[row[read]]] = amounts[read]
    return found


def steady_amounts(
    states: Steady, propagator: Propagator, column: Integers, reaches: Flags
) -> Array:
    """Amounts that infinitely many doses have left, shape (S, m).

    **Arguments:**

    - `states`: the steady states. `propagator`: the matrices; `column`: which is that of a record.
    - `reaches`: as of `follow`.

    **Raises:** `EventError` where nothing leaves a compartment, so that amounts grow for ever.
    """
    count, m = len(states.record), reaches.shape[0]
    found = np.zeros((count, m))
    if not count:
        return found
    which = column[states.record]
    given = np.zeros((count, m))
    given[np.arange(count), states.state] = 1.0
    reached = reaches[states.state].astype(np.float64)
    _leaves(states, propagator, which, reached)

    always = np.flatnonzero(~np.isfinite(states.interval))
    if len(always):
        supply = given[always] * states.rate[always, None]
        found[always] = propagator.level(which[always], supply, reached[always])
    at_once = np.flatnonzero(np.isfinite(states.interval) & (states.rate == 0))
    if len(at_once):
        one = given[at_once] * states.amount[at_once, None]
        left = propagator.repeated(which[at_once], one, states.interval[at_once], reached[at_once])
        found[at_once] = propagator.step(which[at_once], left, None, states.since[at_once])
    timed = np.flatnonzero(np.isfinite(states.interval) & (states.rate > 0))
    if len(timed):
        supply = given[timed] * states.rate[timed, None]
        nothing = np.zeros_like(supply)
        columns, interval = which[timed], states.interval[timed]
        duration, since = states.duration[timed], states.since[timed]
        still = running(states)[timed]
        one = propagator.step(columns, nothing, supply, duration)
        left = propagator.repeated(columns, one, interval, reached[timed])
        after = np.maximum(since + still * interval - duration, 0.0)
        total = propagator.step(columns, left, None, after)
        for number in range(int(still.max())):
            here = np.flatnonzero(still > number)
            hours = since[here] + number * interval[here]
            total[here] += propagator.step(columns[here], nothing[here], supply[here], hours)
        found[timed] = total
    return found


def _leaves(states: Steady, propagator: Propagator, which: Integers, reached: Array) -> None:
    """Refuse a steady state in compartments that keep what they get."""
    among = reached[:, :, None] * reached[:, None, :]
    m = reached.shape[1]
    matrix = propagator.matrices[which] * among - np.eye(m) * (1 - reached)[:, None, :]
    scale = np.abs(matrix).max(axis=2, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        size = np.abs(np.linalg.det(np.where(scale > 0, matrix / scale, 0.0)))
    bad = np.flatnonzero(~(size > _SINGULAR))
    if len(bad):
        raise EventError(
            int(states.record[bad[0]]),
            "SS",
            "there is no steady state: nothing leaves a compartment that the dose reaches",
            "write the earlier doses out, or give 0",
        )
