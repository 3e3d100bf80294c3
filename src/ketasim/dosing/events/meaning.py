"""What the records of an event table do to compartments, as NONMEM's PREDPP has it, written once.

A subject's records become *stretches*: a reset (EVID 3 or 4, or a steady state with SS 1) empties
all compartments, ends running inputs and drops doses to come, so what follows it is a stretch of
its own. Within a stretch, doses become *actions*: an amount added to a compartment, or a change of
the rate at which it is fed. At the same time, doses of ADDL and doses after a lag come first, then
the records in the order of their rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

MOST_ACTIONS: Final = 50_000_000
"""Most doses and ends of doses of a table: a limit against slips of the pen."""

_DECIMALS = 10  # of times, h: closer ones are one time
_LEAST: Final = 1e-10  # h; an input that ends sooner has ended
_PENDING, _AT_RECORD, _READ = 0, 1, 2


class EventError(Exception):
    """A dose that cannot be given, with the place of its record and its column.

    **Arguments:**

    - `record`: place among the records. `column`: of the contract.
    - `problem`, `remedy`: as of `InputError`.
    """

    def __init__(self, record: int, column: str, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.record, self.column, self.problem, self.remedy = record, column, problem, remedy


@dataclass(frozen=True)
class Records:
    """Records of subjects, each array of shape (R,); those of a subject stand together.

    **Arguments:**

    - `subject`: number of the subject, from 0.
    - `time`: h, ascending in a subject but for resets.
    - `reset`: whether a record empties the compartments before anything else (EVID 3 and 4).
    """

    subject: Integers
    time: Array
    reset: Flags


@dataclass(frozen=True)
class Entries:
    """What dose records put into compartments: an entry a path, each array of shape (E,).

    **Arguments:**

    - `record`: place of the record, ascending.
    - `state`: the compartment, from 0.
    - `amount`: as given, before `fraction`; 0 of a constant input at steady state.
    - `fraction`: the part that reaches the compartment (F).
    - `rate`: of an input whose rate is known; 0 of others. Its duration is fraction*amount/rate.
    - `duration`: h, of an input whose duration is known; 0 of others. Its rate is
      fraction*amount/duration.
    - `lag`: h.
    - `interval`: h, of `further` doses or a steady state; 0 of others.
    - `further`: doses that follow, `interval` apart.
    - `steady`: 0, 1 (a steady state after a reset) or 2 (one that is added to what is there).
    """

    record: Integers
    state: Integers
    amount: Array
    fraction: Array
    rate: Array
    duration: Array
    lag: Array
    interval: Array
    further: Array
    steady: Integers


@dataclass(frozen=True)
class Steady:
    """Steady states, each array of shape (S,).

    **Arguments:**

    - `record`: whose parameters hold. `state`: the compartment that is fed.
    - `amount`: of each instantaneous dose, 0 of others. `rate`, `duration`: of each input.
    - `interval`: h between doses; infinite of a constant input.
    - `since`: h since the last dose reached the compartment, up to `interval`.
    """

    record: Integers
    state: Integers
    amount: Array
    rate: Array
    duration: Array
    interval: Array
    since: Array


@dataclass(frozen=True)
class Actions:
    """What is done to compartments, in order, each array of shape (A,).

    **Arguments:**

    - `first`: where each stretch begins among the actions, and the number of actions, shape (U+1,).
    - `hours`: since the action before in the stretch.
    - `record`: the record whose parameters hold until the action: the next one.
    - `state`: the compartment, -1 of none.
    - `amount`: added to it. `rate`: added to the rate at which it is fed.
    - `steady`: place of a steady state that is added, -1 of none.
    - `read`: whether the record is read.
    - `states`: the steady states.
    """

    first: Integers
    hours: Array
    record: Integers
    state: Integers
    amount: Array
    rate: Array
    steady: Integers
    read: Flags
    states: Steady


def tiled(records: Records, draws: int) -> Records:
    """The records of several draws, those of one behind those of the other."""
    if draws == 1:
        return records
    subjects = int(records.subject[-1]) + 1
    place = np.arange(draws)[:, None]
    return Records(
        (records.subject + subjects * place).reshape(-1),
        np.tile(records.time, draws),
        np.tile(records.reset, draws),
    )


def actions_of(records: Records, entries: Entries) -> Actions:
    """Turn records into actions.

    **Raises:** `EventError` for a dose that cannot be given: a steady state whose lag is longer
    than its interval, a fraction, lag or duration below 0.
    """
    _check(entries)
    n = len(records.time)
    moment = np.round(records.time, _DECIMALS)
    begins = np.ones(n, bool)
    begins[1:] = (np.diff(records.subject) != 0) | records.reset[1:]
    begins[entries.record[entries.steady == 1]] = True
    stretch = np.cumsum(begins) - 1
    last = moment[np.append(np.flatnonzero(begins)[1:], n) - 1]

    constant = (entries.amount == 0) & (entries.rate > 0)
    reaching = entries.fraction * entries.amount
    timed = (entries.rate > 0) | (entries.duration > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        lasting = np.where(entries.rate > 0, reaching / entries.rate, entries.duration)
        speed = np.where(entries.rate > 0, entries.rate, reaching / entries.duration)
    lasting, speed = np.where(timed, lasting, 0.0), np.where(timed, speed, 0.0)
    bolus = np.where(timed, 0.0, reaching)
    given = np.flatnonzero(~constant & (reaching > 0))

    table = _Table()
    table.add(
        time=moment,
        kind=np.full(n, _READ),
        record=np.arange(n),
        stretch=stretch,
        read=np.ones(n, bool),
    )
    # every dose of every entry, as far as it comes before the stretch ends
    own = entries.record[given]
    start = records.time[own] + entries.lag[given]
    interval = entries.interval[given]
    room = last[stretch[own]] - start
    with np.errstate(divide="ignore", invalid="ignore"):
        fits = np.where(interval > 0, np.floor(room / interval + 1e-9), 0.0)
    count = np.where(room >= -_LEAST, 1 + np.clip(fits, 0, entries.further[given]), 0)
    if count.sum() > MOST_ACTIONS:
        raise InputError(
            "ADDL", f"the table has more than {MOST_ACTIONS:,} doses", "predict it in several parts"
        )
    doses = np.repeat(given, count.astype(np.int64))
    place = np.arange(len(doses)) - np.repeat(
        np.cumsum(count).astype(np.int64) - count.astype(np.int64), count.astype(np.int64)
    )
    record = entries.record[doses]
    time = records.time[record] + entries.lag[doses] + place * entries.interval[doses]
    pending = (place > 0) | (entries.lag[doses] > 0)
    table.add(
        time=np.round(time, _DECIMALS),
        kind=np.where(pending, _PENDING, _AT_RECORD),
        record=record,
        stretch=stretch[record],
        state=entries.state[doses],
        amount=bolus[doses],
        rate=speed[doses],
    )
    _ends(table, time + lasting[doses], record, stretch, last, entries.state[doses], speed[doses])
    states = _steady(table, records, entries, stretch, last, bolus, speed, lasting, constant)
    return table.sorted(states, int(stretch[-1]) + 1 if n else 0)


def _check(entries: Entries) -> None:
    """Refuse numbers that no dose has, each with its record."""
    for values, column, problem in (
        (entries.fraction, "F", "a bioavailability of {:g}"),
        (entries.lag, "lag", "a lag of {:g} h"),
        (entries.duration, "duration", "a duration of {:g} h"),
        (entries.rate, "rate", "a rate of {:g}"),
    ):
        bad = np.flatnonzero(~(np.isfinite(values) & (values >= 0)))
        if len(bad):
            raise EventError(
                int(entries.record[bad[0]]),
                column,
                problem.format(values[bad[0]]),
                "give a number of 0 or more",
            )
    constant = (entries.amount == 0) & (entries.steady > 0)
    for wrong, column, problem, remedy in (
        (
            (entries.steady > 0) & ~constant & (entries.lag > entries.interval * (1 + 1e-12)),
            "SS",
            "a steady state with a lag of {lag:g} h, longer than II ({interval:g} h)",
            "write the earlier doses out, or give a lag of at most II",
        ),
        (
            constant & (entries.lag > 0),
            "SS",
            "a constant input at steady state with a lag of {lag:g} h",
            "give it no lag",
        ),
    ):
        bad = np.flatnonzero(wrong)
        if len(bad):
            one = bad[0]
            said = problem.format(lag=entries.lag[one], interval=entries.interval[one])
            raise EventError(int(entries.record[one]), column, said, remedy)


def _ends(
    table: _Table,
    time: Array,
    record: Integers,
    stretch: Integers,
    last: Array,
    state: Integers,
    rate: Array,
) -> None:
    """The ends of inputs, as far as they come before the stretch ends."""
    moment = np.round(time, _DECIMALS)
    kept = np.flatnonzero((rate > 0) & (moment <= last[stretch[record]]))
    table.add(
        time=moment[kept],
        kind=np.full(len(kept), _PENDING),
        record=record[kept],
        stretch=stretch[record[kept]],
        state=state[kept],
        rate=-rate[kept],
    )


def _steady(
    table: _Table,
    records: Records,
    entries: Entries,
    stretch: Integers,
    last: Array,
    bolus: Array,
    speed: Array,
    lasting: Array,
    constant: Flags,
) -> Steady:
    """Steady states, and the inputs of earlier doses that still run."""
    which = np.flatnonzero((entries.steady > 0) & (constant | (bolus + speed > 0)))
    always = constant[which]
    since = np.where(always, np.inf, entries.interval[which] - entries.lag[which])
    since = np.maximum(since, 0.0)
    interval = np.where(always, np.inf, entries.interval[which])
    record = entries.record[which]
    states = Steady(
        record,
        entries.state[which],
        np.where(always, 0.0, bolus[which]),
        np.where(always, entries.rate[which], speed[which]),
        np.where(always, np.inf, lasting[which]),
        interval,
        since,
    )
    table.add(
        time=np.round(records.time[record], _DECIMALS),
        kind=np.full(len(which), _AT_RECORD),
        record=record,
        stretch=stretch[record],
        steady=np.arange(len(which)),
        early=np.ones(len(which), bool),
    )
    count = running(states)
    if count.sum() > MOST_ACTIONS:
        raise InputError("II", "inputs overlap more often than can be followed", "check II")
    each = np.repeat(np.arange(len(which)), count)
    place = np.arange(len(each)) - np.repeat(np.cumsum(count) - count, count)
    table.add(
        time=np.round(records.time[record[each]], _DECIMALS),
        kind=np.full(len(each), _AT_RECORD),
        record=record[each],
        stretch=stretch[record[each]],
        state=states.state[each],
        rate=states.rate[each],
        early=np.ones(len(each), bool),
    )
    left = states.duration[each] - states.since[each] - place * states.interval[each]
    end = records.time[record[each]] + left
    _ends(table, end, record[each], stretch, last, states.state[each], states.rate[each])
    return states


def running(states: Steady) -> Integers:
    """How many inputs of earlier doses still run at each steady state, shape (S,)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.where(np.isfinite(states.interval), states.duration - states.since, 0.0)
        count = np.where(left > _LEAST, np.ceil((left - _LEAST) / states.interval), 0.0)
    return np.minimum(count, float(MOST_ACTIONS) + 1).astype(np.int64)


class _Table:
    """Actions as they are collected."""

    def __init__(self) -> None:
        self._parts: list[dict[str, NDArray[Any]]] = []

    def add(self, **columns: NDArray[Any]) -> None:
        """Add actions; columns left out do nothing."""
        self._parts.append(columns)

    def _column(self, name: str, otherwise: Any) -> NDArray[Any]:
        return np.concatenate(
            [
                part[name] if name in part else np.full(len(part["time"]), otherwise)
                for part in self._parts
            ]
        )

    def sorted(self, states: Steady, stretches: int) -> Actions:
        """All of them in the order in which they are done."""
        kind, record = self._column("kind", 0), self._column("record", 0)
        time, stretch = self._column("time", 0.0), self._column("stretch", 0)
        early = self._column("early", False)
        # what was pending comes first, then record by record: its steady state, its dose, its value
        place = np.where(kind == _PENDING, -1, 4 * record + kind + ~early)
        order = np.lexsort((place, time, stretch))
        stretch, time, read = stretch[order], time[order], self._column("read", False)[order]
        first = np.searchsorted(stretch, np.arange(stretches + 1))
        hours = np.diff(time, prepend=0.0)
        hours[first[:-1]] = 0.0
        marks = np.flatnonzero(read)
        following = marks[np.minimum(np.searchsorted(marks, np.arange(len(read))), len(marks) - 1)]
        return Actions(
            first,
            hours,
            record[order][following] if len(marks) else record[order],
            self._column("state", -1)[order],
            self._column("amount", 0.0)[order],
            self._column("rate", 0.0)[order],
            self._column("steady", -1)[order],
            read,
            states,
        )
