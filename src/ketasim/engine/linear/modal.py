"""A calendar of inputs followed mode by mode, and read at any times.

Between two changes of the input, z' = B z + f, with B the rates and couplings of the modes and f a
constant. So z(t) = q + exp(B t) (z(0) - q) with q = -f/B, and what is read is a sum over modes of
weights known once. Every mode is added in its order, alone, so that a value depends neither on the
other times nor on the other patients of a call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ketasim.engine.linear.inputs import Input, check_steady
from ketasim.engine.linear.reading import FAINT, Columns, Followed, Reading, Times, Track
from ketasim.engine.linear.solution import events_of, tick
from ketasim.engine.linear.spectrum import ORDER, Pair, Spectrum, centres

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

_PIECE = 512  # columns solved together
_STORED = 4_000_000  # numbers of the amplitudes kept at once
_STEPS = 16


class _Modes:
    """Modes of some columns, as they decay and feed each other."""

    def __init__(self, rates: Array, couplings: Mapping[Pair, Array]) -> None:
        self.rates = rates
        self.pairs = sorted(couplings.items())
        self.centre, self.order = rates, 0
        self.fed: list[int] = []  # modes that get something of a power of the hours
        self._drift: Array | None = None
        self._feeding: list[int] = []
        self._steps: dict[float, tuple[Array, Array]] = {}
        if couplings:
            self.centre = centres(rates, couplings)
            self.fed = sorted({fed for fed, _ in couplings})
            self._feeding = sorted({feeding for _, feeding in couplings})
            self.order = _longest(couplings)
            drift = rates - self.centre
            if drift.any():
                self.fed = sorted({mode for pair in couplings for mode in pair})
                self._feeding = self.fed
                self.order, self._drift = ORDER, drift[self.fed]

    def powers(self, amounts: Array) -> Array:
        """(B - centre)^k times modes, k from 1.

        **Arguments:** `amounts`: of shape (a, n) or (a, U, n).

        **Returns:** of the modes `fed` alone, shape (K, R, n) or (K, R, U, n).
        """
        found = np.zeros((self.order, len(self.fed), *amounts.shape[1:]))
        place = {mode: i for i, mode in enumerate(self.fed)}
        last: Mapping[int, Array] | Array = amounts
        for power in found:
            if self._drift is not None:
                for i, mode in enumerate(self.fed):
                    power[i] = self._drift[i] * last[mode]
            for (fed, feeding), coupling in self.pairs:
                if last is amounts or feeding in place:
                    power[place[fed]] += coupling * last[feeding]
            last = {mode: power[i] for i, mode in enumerate(self.fed)}
        return found

    def advance(self, amounts: Array, hours: float) -> Array:
        """exp(B hours) times modes, shape (a, n)."""
        handed, grown = self._step(hours)
        found = amounts.copy()
        if self.fed:
            added = handed[:, 0] * amounts[self._feeding[0]]
            for place, mode in enumerate(self._feeding[1:], 1):
                added += handed[:, place] * amounts[mode]
            found[self.fed] += added
        found *= grown
        return found

    def _step(self, hours: float) -> tuple[Array, Array]:
        """What the modes hand on within some hours, and how they decay around their centre.

        Sessions lie equally far apart, so that the last few are kept.
        """
        if hours not in self._steps:
            if len(self._steps) >= _STEPS:
                self._steps.clear()
            handed, factor = np.zeros(self._unit.shape[1:]), 1.0
            for number, power in enumerate(self._unit, 1):
                factor *= hours / number
                handed += power * factor
            grown = np.exp(np.maximum(self.centre * hours, FAINT))
            self._steps[hours] = (handed, grown)
        return self._steps[hours]

    @cached_property
    def _unit(self) -> Array:
        """Powers of one in each feeding mode, shape (K, R, C, n)."""
        a, n = self.rates.shape
        unit = np.zeros((a, len(self._feeding), n))
        for place, mode in enumerate(self._feeding):
            unit[mode, place] = 1.0
        return self.powers(unit)

    def level(self, supply: Array) -> Array:
        """Modes that a constant supply keeps up, -supply/B."""
        found = -supply / self.rates
        for (fed, feeding), coupling in self.pairs:
            found[fed] -= coupling * found[feeding] / self.rates[fed]
        return found

    def integral(self, weights: Array) -> Array:
        """Weights/B: what is to be multiplied with the modes gained to read an area."""
        found = weights / self.rates
        for (fed, feeding), coupling in reversed(self.pairs):
            found[feeding] -= found[fed] * coupling / self.rates[feeding]
        return found

    def repeated(self, amounts: Array, hours: float) -> Array:
        """Modes left by infinitely many earlier doses, each of which leaves these, (1 - exp B)^-1.

        **Arguments:**

        - `amounts`: at the end of an interval after one dose. `hours`: the interval.
        """
        left, found = amounts.copy(), np.zeros_like(amounts)
        feeding = {pair[1] for pair, _ in self.pairs}
        for mode in range(len(amounts)):
            found[mode] = left[mode] / -np.expm1(self.rates[mode] * hours)
            if mode in feeding:
                alone = np.zeros_like(amounts)
                alone[mode] = found[mode]
                left[mode + 1 :] += self.advance(alone, hours)[mode + 1 :]
        return found


def _longest(couplings: Mapping[Pair, Array]) -> int:
    """Couplings in a row: so many powers there are where all rates of a group are equal."""
    depth: dict[int, int] = {}
    for fed, feeding in sorted(couplings):
        depth[fed] = max(depth.get(fed, 0), depth.get(feeding, 0) + 1)
    return max(depth.values())


class ModalCourse:
    """The inputs of a calendar into the modes of patients, one a column.

    **Arguments:**

    - `spectrum`: of the columns.
    - `inputs`: with amounts of shape (n,); those into other states are left out.
    """

    def __init__(self, spectrum: Spectrum, inputs: Sequence[Input]) -> None:
        self._spectrum = spectrum
        self._inputs = [one for one in inputs if one.state in spectrum.structure.states]
        for one in self._inputs:
            if one.interval is not None:
                check_steady(one)

    @cached_property
    def _events(self) -> tuple[dict[float, list[Input]], ...]:
        return events_of(self._inputs)

    @cached_property
    def _changes(self) -> Array:
        """Times at which the input changes, h, shape (G,)."""
        return np.array(sorted({0.0}.union(*self._events)))

    def follow(
        self, rows: Sequence[Reading], times: Array, columns: Columns, *, areas: bool
    ) -> Followed:
        """Follow columns through the inputs, to be read at some of the times and then at others.

        **Arguments:**

        - `rows`: states to read, with factors of all columns.
        - `times`: h, zero or more, shape (T,).
        - `columns`: which to read, k of them.
        - `areas`: areas from time 0 instead of values.
        """
        structure = self._spectrum.structure
        place = {name: i for i, name in enumerate(structure.states)}
        entered = [place[one] for one in {i.state for i in self._inputs}]
        read = [place[row.state] for row in rows]
        count = len(self._spectrum.sound[columns])
        reached = structure.follows[:, entered].any(axis=1)
        act = np.flatnonzero(reached & structure.follows[read].any(axis=0))
        seen = [np.flatnonzero(structure.follows[one, act]).tolist() for one in read]
        instants = Times(times, self._changes)
        dark = self._dark(rows)
        found = Followed(times, self._changes, instants.used, seen, dark, count, areas=areas)
        if len(act) and count and len(times):
            couplings = {
                (int(np.searchsorted(act, a)), int(np.searchsorted(act, b))): one[columns]
                for (a, b), one in self._spectrum.couplings.items()
                if a in act and b in act
            }
            equal = {pair for pair in couplings if (act[pair[0]], act[pair[1]]) in self._equal}
            size = max(1, min(_PIECE, _STORED // (len(act) * len(instants.used))))
            for pairs, members in _alike(couplings, equal, count):
                own = {pair: couplings[pair] for pair in pairs}
                many = count if isinstance(members, slice) else len(members)
                for first in range(0, many, size):
                    part = _within(members, slice(first, min(first + size, many)))
                    which = _within(columns, part)
                    modes = _Modes(
                        self._spectrum.rates[:, which][act],
                        {pair: one[part] for pair, one in own.items()},
                    )
                    track = self._track(modes, act, which, instants.used, all_=areas)
                    weights = self._weights(modes, rows, act, seen, which, areas=areas)
                    found.add(part, track, weights)
        return found

    @cached_property
    def _equal(self) -> set[Pair]:
        """Pairs of coupled modes whose rates are equal in every column."""
        rates, couplings = self._spectrum.rates, self._spectrum.couplings
        return {(a, b) for a, b in couplings if (rates[a] == rates[b]).all()}

    def _dark(self, rows: Sequence[Reading]) -> list[float]:
        """Until when each reading is nothing, h: at the first input drug is only where it enters.

        There modes cancel to a hair. Before all times where there are earlier doses.
        """
        if not self._inputs or any(one.interval is not None for one in self._inputs):
            return [-np.inf] * len(rows)
        first = min(tick(one.start) for one in self._inputs)
        entered = {one.state for one in self._events[2].get(first, ())}
        return [-np.inf if row.state in entered else first for row in rows]

    def _weights(
        self,
        modes: _Modes,
        rows: Sequence[Reading],
        act: Integers,
        seen: Sequence[Sequence[int]],
        columns: Columns,
        *,
        areas: bool,
    ) -> Array:
        """What each mode seen adds to a reading, one reading after another, shape (W, n)."""
        found: list[Array] = []
        for row, modes_seen in zip(rows, seen, strict=True):
            one = self._spectrum.reading(row.state)[:, columns][act] * row.per[columns]
            found.append((modes.integral(one) if areas else one)[modes_seen])
        return np.concatenate(found)

    def _track(
        self, modes: _Modes, act: Integers, columns: Columns, used: Integers, *, all_: bool
    ) -> Track:
        """Follow the modes of some columns, and keep them at the changes of the input `used`."""
        starts, ends, pulses = self._events
        entries = {
            state: self._spectrum.entry(state)[:, columns][act]
            for state in dict.fromkeys(i.state for i in self._inputs)
        }
        shape = (len(modes.rates), len(used), modes.rates.shape[1])
        start = np.empty(shape)
        given = np.zeros(shape) if all_ else None
        flow = np.zeros(len(used), np.int64)
        made: dict[tuple[str, int, float], Array] = {}
        running: dict[int, Input] = {}
        flows: dict[tuple[tuple[str, int, float], ...], tuple[Array, Array, int]] = {}

        def excited(item: Input) -> Array:
            """Modes that an input excites at once, or an hour."""
            key = (item.state, id(item.amount), item.duration)
            if key not in made:
                amount = item.amount[columns] / (item.duration or 1.0)
                made[key] = entries[item.state] * amount
            return made[key]

        def flowing() -> tuple[Array, Array, int]:
            """What the running inputs supply an hour, the modes they keep up, and their number."""
            key = tuple((i.state, id(i.amount), i.duration) for i in running.values())
            if key not in flows:
                inflow = np.zeros((shape[0], shape[2]))
                for item in running.values():
                    inflow += excited(item)
                flows[key] = (inflow, modes.level(inflow), len(flows))
            return flows[key]

        now = np.zeros((shape[0], shape[2]))
        for item in self._inputs:
            if item.interval is not None:
                now += _steady(modes, excited(item), item)
        got = now.copy()
        decaying = now
        inflow, kept_up, number_of = flowing()
        before, place = 0.0, 0
        for number, time in enumerate(self._changes[: int(used[-1]) + 1].tolist()):
            if number:
                hours = tick(time - before)
                now = modes.advance(decaying, hours)
                if running:
                    now += kept_up
                    if all_:
                        got += inflow * hours
            if time in ends or time in starts:
                for item in ends.get(time, ()):
                    del running[id(item)]
                for item in starts.get(time, ()):
                    running[id(item)] = item
                inflow, kept_up, number_of = flowing()
            for item in pulses.get(time, ()):
                now = now + excited(item)
                if all_:
                    got += excited(item)
            decaying = now - kept_up if running else now
            if number == used[place]:
                start[:, place], flow[place] = decaying, number_of
                if given is not None:
                    given[:, place] = got
                place += 1
            before = time
        level = supply = None
        if starts:
            level = np.stack([one for _, one, _ in flows.values()], axis=1)
        if starts and all_:
            supply = np.stack([one for one, _, _ in flows.values()], axis=1)
        fed = np.array(modes.fed, np.int64)
        return Track(modes.centre, start, fed, modes.powers(start), flow, level, supply, given)


def _alike(
    couplings: Mapping[Pair, Array], equal: set[Pair], count: int
) -> Iterator[tuple[list[Pair], Columns]]:
    """Pairs that are coupled, and columns in which they are: all with the usual ones, then others.

    **Arguments:**

    - `couplings`: 1/h, shape (k,). `equal`: the usual pairs. `count`: columns, k.
    """
    yield [pair for pair in couplings if pair in equal], slice(0, count)
    rest = [pair for pair in couplings if pair not in equal]
    if not rest:
        return
    near = np.array([couplings[pair] != 0.0 for pair in rest])
    odd = np.flatnonzero(near.any(axis=0))
    patterns, which = np.unique(near[:, odd], axis=1, return_inverse=True)
    for number, pattern in enumerate(patterns.T):
        joined = equal.union(pair for pair, on in zip(rest, pattern, strict=True) if on)
        yield [pair for pair in couplings if pair in joined], odd[which.reshape(-1) == number]


def _within(columns: Columns, part: Columns) -> Columns:
    """Some of the columns that are read, as columns of all."""
    if not isinstance(columns, slice):
        return columns[part]
    first = columns.start or 0
    if isinstance(part, slice):
        return slice(first + part.start, first + part.stop)
    return first + part


def _steady(modes: _Modes, excited: Array, item: Input) -> Array:
    """Modes just before a dose when infinitely many equal doses came before.

    **Arguments:** `excited`: modes that the dose excites, at once or an hour.
    """
    assert item.interval is not None
    once = excited
    if item.duration > 0:
        level = modes.level(excited)
        once = level + modes.advance(-level, item.duration)
    if item.interval > item.duration:
        once = modes.advance(once, item.interval - item.duration)
    return modes.repeated(once, item.interval)
