"""A calendar of inputs followed mode by mode, and read at any times.

Between two changes of the input, z' = B z + f, with B the rates and couplings of the modes and f a
constant. So z(t) = q + exp(B t) (z(0) - q) with q = -f/B, and what is read is a sum over modes of
weights known once. Every mode is added in its order, alone, so that a value depends neither on the
other times nor on the other patients of a call.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ketasim.engine.linear.inputs import Input, check_steady
from ketasim.engine.linear.solution import events_of, tick, ticks
from ketasim.engine.linear.spectrum import ORDER, Pair, Spectrum, centres

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
Columns = slice | Integers

_PIECE = 512  # columns solved together
_STORED = 4_000_000  # numbers of the amplitudes kept at once
_BLOCK = 12_000  # numbers of one mode read together; they stay in the processor's cache
_FAINT = -650.0  # what decays further is no longer told from zero, and would be slow to compute


@dataclass(frozen=True)
class Reading:
    """A state to read, and what it is multiplied with, shape (n,)."""

    state: str
    per: Array


class _Modes:
    """Modes of some columns, as they decay and feed each other."""

    def __init__(self, rates: Array, couplings: Mapping[Pair, Array]) -> None:
        self.rates = rates
        self.pairs = sorted(couplings.items())
        self.centre, self.drift, self.order = rates, None, 0
        if couplings:
            self.centre = centres(rates, couplings)
            drift = rates - self.centre
            self.drift = drift if drift.any() else None
            self.order = ORDER if drift.any() else _longest(couplings)

    def powers(self, amounts: Array) -> list[Array]:
        """(B - centre)^k times modes, k from 1; modes of shape (a, n) or (a, G, n)."""
        found: list[Array] = []
        for _ in range(self.order):
            last = found[-1] if found else amounts
            power = np.zeros_like(last)
            if self.drift is not None:
                power = (self.drift if last.ndim == 2 else self.drift[:, None]) * last
            for (fed, feeding), coupling in self.pairs:
                power[fed] += coupling * last[feeding]
            found.append(power)
        return found

    def advance(self, amounts: Array, hours: float) -> Array:
        """exp(B hours) times modes, shape (a, n)."""
        found, factor = amounts, 1.0
        for number, power in enumerate(self.powers(amounts), 1):
            factor *= hours / number
            found = found + power * factor
        return found * np.exp(np.maximum(self.centre * hours, _FAINT))

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


@dataclass(frozen=True)
class _Track:
    """Amplitudes from each change of the input on.

    **Arguments:**

    - `parts`: modes less `level` just after it, and the powers of that, each (a, G, n).
    - `level`, `supply`, `given`: modes that the running inputs keep up, get an hour, and what they
      got up to then, (a, G, n); nothing where it is not needed.
    """

    parts: list[Array]
    level: Array | None
    supply: Array | None
    given: Array | None


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

    def read(
        self, rows: Sequence[Reading], times: Array, columns: Columns, *, areas: bool
    ) -> list[Array]:
        """Read states.

        **Arguments:**

        - `rows`: what to read, with factors of all columns.
        - `times`: h, zero or more, shape (T,).
        - `columns`: which to read, k of them.
        - `areas`: areas from time 0 instead of values.

        **Returns:** one array of shape (T, k) a row.
        """
        structure = self._spectrum.structure
        place = {name: i for i, name in enumerate(structure.states)}
        entered = [place[one] for one in {i.state for i in self._inputs}]
        read = [place[row.state] for row in rows]
        count = np.arange(self._spectrum.rates.shape[1])[columns].size
        found = [np.empty((len(times), count)) for _ in rows]
        reached = structure.follows[:, entered].any(axis=1)
        act = np.flatnonzero(reached & structure.follows[read].any(axis=0))
        if not len(act) or not count:
            for one in found:
                one[:] = 0.0
            return found
        couplings = {
            (int(np.searchsorted(act, a)), int(np.searchsorted(act, b))): one
            for (a, b), one in self._spectrum.couplings.items()
            if a in act and b in act
        }
        rates = self._spectrum.rates
        equal = {pair for pair in couplings if (rates[act[pair[0]]] == rates[act[pair[1]]]).all()}
        seen = [np.flatnonzero(structure.follows[one, act]).tolist() for one in read]
        plan = _Times(times, self._changes)
        size = max(1, min(_PIECE, _STORED // (len(act) * plan.last)))
        job = _Job(self, rows, act, seen, plan, areas)
        usual = {pair: couplings[pair] for pair in equal}
        for first in range(0, count, size):
            part = slice(first, min(first + size, count))
            job.fill(found, _within(columns, part), part, usual)
        near = [couplings[pair][columns] != 0.0 for pair in couplings if pair not in equal]
        if near:
            odd = np.flatnonzero(np.any(near, axis=0))
            for first in range(0, len(odd), size):
                part = odd[first : first + size]
                which = np.arange(len(rates[0]))[columns][part]
                job.fill(found, which, part, couplings)
        return found

    def spectrum_of(self, act: Integers, columns: Columns) -> tuple[Array, dict[str, Array]]:
        """Rates of some modes, and what a mg into each state excites of them."""
        entries = {
            state: self._spectrum.entry(state)[act][:, columns]
            for state in dict.fromkeys(i.state for i in self._inputs)
        }
        return self._spectrum.rates[act][:, columns], entries

    def weights(self, row: Reading, act: Integers, columns: Columns) -> Array:
        """What each mode adds to a reading, shape (a, n)."""
        return self._spectrum.reading(row.state)[act][:, columns] * row.per[columns]

    def track(
        self,
        modes: _Modes,
        entries: Mapping[str, Array],
        columns: Columns,
        last: int,
        *,
        all_: bool,
    ) -> _Track:
        """Follow the modes of some columns over the first changes of the input."""
        starts, ends, pulses = self._events
        shape = (len(modes.rates), last, modes.rates.shape[1])
        runs = bool(starts)
        start = np.empty(shape)
        level = np.zeros(shape) if runs else None
        supply = np.zeros(shape) if runs and all_ else None
        given = np.zeros(shape) if all_ else None
        made: dict[tuple[str, int], Array] = {}

        def excited(item: Input) -> Array:
            key = (item.state, id(item.amount))
            if key not in made:
                made[key] = entries[item.state] * item.amount[columns]
            return made[key]

        now = np.zeros((shape[0], shape[2]))
        for item in self._inputs:
            if item.interval is not None:
                now += _steady(modes, excited(item), item)
        got = now.copy()
        kept_up, inflow = np.zeros_like(now), np.zeros_like(now)
        running: dict[int, Array] = {}
        before = 0.0
        for number, time in enumerate(self._changes[:last].tolist()):
            if number:
                hours = tick(time - before)
                now = modes.advance(start[:, number - 1], hours)
                if running:
                    now += kept_up
                    got += inflow * hours
            if time in ends or time in starts:
                for item in ends.get(time, ()):
                    del running[id(item)]
                for item in starts.get(time, ()):
                    running[id(item)] = excited(item) / item.duration
                inflow = sum(running.values(), np.zeros_like(now))
                kept_up = modes.level(inflow)
            for item in pulses.get(time, ()):
                now = now + excited(item)
                got += excited(item)
            start[:, number] = now - kept_up
            if level is not None:
                level[:, number] = kept_up
            if supply is not None:
                supply[:, number] = inflow
            if given is not None:
                given[:, number] = got
            before = time
        return _Track([start, *modes.powers(start)], level, supply, given)


def _within(columns: Columns, part: slice) -> Columns:
    """Some of the columns that are read, as columns of all."""
    if isinstance(columns, slice):
        first = columns.start or 0
        return slice(first + part.start, first + part.stop)
    return columns[part]


def _steady(modes: _Modes, excited: Array, item: Input) -> Array:
    """Modes just before a dose when infinitely many equal doses came before."""
    assert item.interval is not None
    once = excited
    if item.duration > 0:
        level = modes.level(excited / item.duration)
        once = level + modes.advance(-level, item.duration)
    if item.interval > item.duration:
        once = modes.advance(once, item.interval - item.duration)
    return modes.repeated(once, item.interval)


class _Times:
    """Times by the change of the input before them, in the order of the hours since then.

    Sessions repeat, so many times share the hours since a change, and with them the exponentials.
    """

    def __init__(self, times: Array, changes: Array) -> None:
        rounded = ticks(times)
        since = np.searchsorted(ticks(changes), rounded, side="right") - 1
        hours, which = np.unique(ticks(rounded - changes[since]), return_inverse=True)
        which = which.reshape(-1)
        self.order = np.argsort(which, kind="stable")
        self.since = since[self.order]
        self.which = which[self.order]
        self.hours = hours
        self.last = int(since.max(initial=0)) + 1


@dataclass(frozen=True)
class _Job:
    """What is read of a course."""

    course: ModalCourse
    rows: Sequence[Reading]
    act: Integers
    seen: Sequence[Sequence[int]]
    times: _Times
    areas: bool

    def fill(
        self,
        found: Sequence[Array],
        columns: Columns,
        part: Columns,
        couplings: Mapping[Pair, Array],
    ) -> None:
        """Read some columns into their part of what is found."""
        rates, entries = self.course.spectrum_of(self.act, columns)
        modes = _Modes(rates, {pair: one[columns] for pair, one in couplings.items()})
        track = self.course.track(modes, entries, columns, self.times.last, all_=self.areas)
        weights = [self.course.weights(row, self.act, columns) for row in self.rows]
        if self.areas:
            weights = [modes.integral(one) for one in weights]
        steady, rising = self._constants(track, weights)
        times = self.times
        step = max(1, _BLOCK // rates.shape[1])
        for first in range(0, len(times.order), step):
            inside = slice(first, first + step)
            since, which, order = times.since[inside], times.which[inside], times.order[inside]
            hours = times.hours[which[0] : which[-1] + 1]
            which = which - which[0]
            later = hours[which][:, None]
            values = self._modes_at(track, modes.centre, since, which, hours, later)
            total, one = np.empty(values.shape[1:]), np.empty(values.shape[1:])
            for number, weight in enumerate(weights):
                for place, mode in enumerate(self.seen[number]):
                    if place:
                        np.multiply(values[mode], weight[mode], out=one)
                        np.add(total, one, out=total)
                    else:
                        np.multiply(values[mode], weight[mode], out=total)
                if steady:
                    total += steady[number][since]
                if rising:
                    total += rising[number][since] * later
                # nothing below zero is left of modes that cancel, nor a negative zero
                np.maximum(total, 0.0, out=total)
                rows = found[number]
                if isinstance(part, slice):
                    rows[order, part] = total
                else:
                    rows[order[:, None], part] = total

    def _constants(self, track: _Track, weights: list[Array]) -> tuple[list[Array], list[Array]]:
        """What does not decay of each reading, and what grows with time, (G, n)."""
        if not self.areas:
            if track.level is None:
                return [], []
            return [
                _weighted(track.level, weight, self.seen[i]) for i, weight in enumerate(weights)
            ], []
        assert track.given is not None
        gained = -track.given if track.level is None else track.level - track.given
        steady = [_weighted(gained, weight, self.seen[i]) for i, weight in enumerate(weights)]
        if track.supply is None:
            return steady, []
        supply = -track.supply
        return steady, [_weighted(supply, weight, self.seen[i]) for i, weight in enumerate(weights)]

    @staticmethod
    def _modes_at(
        track: _Track, centre: Array, since: Integers, which: Integers, hours: Array, later: Array
    ) -> Array:
        """Decaying part of the modes, shape (a, t, n)."""
        grown = np.multiply(centre[:, None], hours[:, None])
        np.maximum(grown, _FAINT, out=grown)
        np.exp(grown, out=grown)
        if len(hours) < len(which):
            grown = grown.take(which, axis=1)
        values = track.parts[0].take(since, axis=1)
        if len(track.parts) > 1:
            for mode in np.flatnonzero(track.parts[1].any(axis=(1, 2))).tolist():
                added = track.parts[-1][mode].take(since, axis=0)
                for power in range(len(track.parts) - 1, 1, -1):
                    added *= later / power
                    added += track.parts[power - 1][mode].take(since, axis=0)
                values[mode] += added * later
        return np.multiply(values, grown, out=values)


def _weighted(modes: Array, weight: Array, seen: Sequence[int]) -> Array:
    """Sum over modes in their order, (G, n)."""
    total = np.zeros(modes.shape[1:])
    for mode in seen:
        total += modes[mode] * weight[mode]
    return total
