"""A calendar of inputs followed mode by mode, and read at any times.

Between two changes of the input, z' = B z + f, with B the rates and couplings of the modes and f a
constant. So z(t) = q + exp(B t) (z(0) - q) with q = -f/B, and what is read is a sum over modes of
weights known once. Every mode is added in its order, alone, so that a value depends neither on the
other times nor on the other patients of a call.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
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
_STEPS = 16
_SLIM = 64  # columns, below which times are the inner axis
_MANY = 300_000  # modes times columns times times that are worth a call of compiled code,
_LOADING = 50_000_000  # and those that are worth loading Numba
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
            grown = np.exp(np.maximum(self.centre * hours, _FAINT))
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


@dataclass(frozen=True)
class _Track:
    """Amplitudes just after the changes of the input that times are read from, U of them.

    **Arguments:**

    - `modes`: how they decay.
    - `start`: modes less those that the running inputs keep up, shape (a, U, n).
    - `powers`: what the modes fed by others get of powers of the hours, shape (K, R, U, n).
    - `level`, `supply`, `given`: modes that the running inputs keep up, get an hour, and what they
      got up to then, shape (a, U, n); nothing where it is not needed.
    """

    modes: _Modes
    start: Array
    powers: Array
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
        chosen = np.arange(len(self._spectrum.sound), dtype=np.int64)[columns]
        count = len(chosen)
        table = np.empty((len(rows), len(times), count))
        found = list(table)
        reached = structure.follows[:, entered].any(axis=1)
        act = np.flatnonzero(reached & structure.follows[read].any(axis=0))
        if not len(act) or not count or not len(times):
            table[:] = 0.0
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
        size = max(1, min(_PIECE, _STORED // (len(act) * max(len(plan.used), 1))))
        compiled = _compiled(len(act) * len(times) * count)
        job = _Job(self, rows, act, seen, plan, areas, compiled)
        usual = {pair: couplings[pair] for pair in equal}
        for first in range(0, count, size):
            part = slice(first, min(first + size, count))
            job.fill(table, _within(columns, part), part, usual)
        near = [couplings[pair][columns] != 0.0 for pair in couplings if pair not in equal]
        if near:
            odd = np.flatnonzero(np.any(near, axis=0))
            for first in range(0, len(odd), size):
                part = odd[first : first + size]
                which = chosen[part]
                job.fill(table, which, part, couplings)
        self._empty(found, rows, times)
        return found

    def _empty(self, found: Sequence[Array], rows: Sequence[Reading], times: Array) -> None:
        """At the first input nothing is anywhere but where it enters; modes cancel to a hair."""
        if any(one.interval is not None for one in self._inputs):
            return
        first = min(tick(one.start) for one in self._inputs)
        entered = {one.state for one in self._events[2].get(first, ())}
        none = ticks(times) <= first
        for table, row in zip(found, rows, strict=True):
            if row.state not in entered:
                table[none] = 0.0

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
        used: Integers,
        *,
        all_: bool,
    ) -> _Track:
        """Follow the modes of some columns, and keep them at the changes of the input `used`."""
        starts, ends, pulses = self._events
        shape = (len(modes.rates), len(used), modes.rates.shape[1])
        runs = bool(starts)
        start = np.empty(shape)
        level = np.zeros(shape) if runs else None
        supply = np.zeros(shape) if runs and all_ else None
        given = np.zeros(shape) if all_ else None
        made: dict[tuple[str, int, float], Array] = {}
        running: dict[int, Input] = {}
        flows: dict[tuple[tuple[str, int, float], ...], tuple[Array, Array]] = {}

        def excited(item: Input) -> Array:
            """Modes that an input excites at once, or an hour."""
            key = (item.state, id(item.amount), item.duration)
            if key not in made:
                amount = item.amount[columns] / (item.duration or 1.0)
                made[key] = entries[item.state] * amount
            return made[key]

        def flowing() -> tuple[Array, Array]:
            """What the running inputs supply an hour, and the modes they keep up."""
            key = tuple((i.state, id(i.amount), i.duration) for i in running.values())
            if key not in flows:
                inflow = np.zeros((shape[0], shape[2]))
                for item in running.values():
                    inflow += excited(item)
                flows[key] = (inflow, modes.level(inflow))
            return flows[key]

        now = np.zeros((shape[0], shape[2]))
        for item in self._inputs:
            if item.interval is not None:
                now += _steady(modes, excited(item), item)
        got = now.copy()
        decaying = now
        inflow, kept_up = flowing()
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
                inflow, kept_up = flowing()
            for item in pulses.get(time, ()):
                now = now + excited(item)
                if all_:
                    got += excited(item)
            decaying = now - kept_up if running else now
            if number == used[place]:
                start[:, place] = decaying
                for table, value in ((level, kept_up), (supply, inflow), (given, got)):
                    if table is not None:
                        table[:, place] = value
                place += 1
            before = time
        return _Track(modes, start, modes.powers(start), level, supply, given)


def _within(columns: Columns, part: slice) -> Columns:
    """Some of the columns that are read, as columns of all."""
    if isinstance(columns, slice):
        first = columns.start or 0
        return slice(first + part.start, first + part.stop)
    return columns[part]


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
        self.which = which[self.order]
        self.hours = hours
        self.used, since = np.unique(since, return_inverse=True)
        self.since = since.reshape(-1)[self.order]


@dataclass(frozen=True)
class _Job:
    """What is read of a course."""

    course: ModalCourse
    rows: Sequence[Reading]
    act: Integers
    seen: Sequence[Sequence[int]]
    times: _Times
    areas: bool
    compiled: Callable[..., None] | None

    def fill(
        self,
        found: Array,
        columns: Columns,
        part: Columns,
        couplings: Mapping[Pair, Array],
    ) -> None:
        """Read some columns into their part of what is found."""
        rates, entries = self.course.spectrum_of(self.act, columns)
        modes = _Modes(rates, {pair: one[columns] for pair, one in couplings.items()})
        track = self.course.track(modes, entries, columns, self.times.used, all_=self.areas)
        weights = [self.course.weights(row, self.act, columns) for row in self.rows]
        if self.areas:
            weights = [modes.integral(one) for one in weights]
        steady, rising = self._constants(track, weights)
        if self.compiled is None:
            self._read(found, part, track, weights, steady, rising)
        else:
            self._read_compiled(found, part, track, weights, steady, rising)

    def _read_compiled(
        self,
        found: Array,
        part: Columns,
        track: _Track,
        weights: Sequence[Array],
        steady: Sequence[Array],
        rising: Sequence[Array],
    ) -> None:
        """As `_read`, compiled."""
        assert self.compiled is not None
        times, centre = self.times, track.modes.centre
        n = centre.shape[1]
        whole = isinstance(part, slice)
        table = found if whole else np.empty((len(weights), len(times.order), n))
        seen = np.array([mode for modes in self.seen for mode in modes], np.int64)
        firsts = np.cumsum([0, *(len(modes) for modes in self.seen)])
        packed = np.concatenate([one[modes] for one, modes in zip(weights, self.seen, strict=True)])
        none = np.zeros((0, 0, 0))
        fixed = (np.stack(steady) if steady else none, np.stack(rising) if rising else none)
        step = max(1, _BLOCK // n)
        for first in range(0, len(times.order), step):
            inside = slice(first, first + step)
            which = times.which[inside]
            grown = _growth(centre[:, None], times.hours[which[0] : which[-1] + 1, None])
            later = times.hours[which]
            self.compiled(
                track.start,
                np.array(track.modes.fed, np.int64),
                track.powers,
                grown,
                times.since[inside],
                which - which[0],
                later,
                times.order[inside],
                packed,
                seen,
                firsts,
                *fixed,
                table,
                part.start if whole else 0,
            )
        if not whole:
            found[:, :, part] = table

    def _read(
        self,
        found: Array,
        part: Columns,
        track: _Track,
        weights: Sequence[Array],
        steady: Sequence[Array],
        rising: Sequence[Array],
    ) -> None:
        """Sum the modes at the times, column by column of what is found."""
        times, centre = self.times, track.modes.centre
        n = centre.shape[1]
        slim = n < _SLIM
        if slim:
            weights = [one[:, :, None] for one in weights]
        step = max(1, _BLOCK // n)
        for first in range(0, len(times.order), step):
            inside = slice(first, first + step)
            since, which, order = times.since[inside], times.which[inside], times.order[inside]
            hours = times.hours[which[0] : which[-1] + 1]
            which = which - which[0]
            later = hours[which] if slim else hours[which][:, None]
            values = self._modes_at(track, since, which, hours, later, slim=slim)
            total, one = np.empty(values.shape[1:]), np.empty(values.shape[1:])
            for number, weight in enumerate(weights):
                for place, mode in enumerate(self.seen[number]):
                    if place:
                        np.multiply(values[mode], weight[mode], out=one)
                        np.add(total, one, out=total)
                    else:
                        np.multiply(values[mode], weight[mode], out=total)
                if steady:
                    total += _taken(steady[number], since, slim=slim)
                if rising:
                    total += _taken(rising[number], since, slim=slim) * later
                # nothing below zero is left of modes that cancel, nor a negative zero
                np.maximum(total, 0.0, out=total)
                rows = found[number]
                if isinstance(part, slice):
                    rows[order, part] = total.T if slim else total
                else:
                    rows[order[:, None], part] = total.T if slim else total

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
        track: _Track,
        since: Integers,
        which: Integers,
        hours: Array,
        later: Array,
        *,
        slim: bool,
    ) -> Array:
        """Decaying part of the modes, shape (a, t, n), or (a, n, t) where that is quicker."""
        centre = track.modes.centre
        if slim:
            grown = _growth(centre[:, :, None], hours)
        else:
            grown = _growth(centre[:, None], hours[:, None])
        if len(hours) < len(which):
            grown = grown.take(which, axis=2 if slim else 1)
        values = _taken(track.start, since, slim=slim)
        for place, mode in enumerate(track.modes.fed):
            added = _taken(track.powers[-1, place], since, slim=slim)
            for power in range(len(track.powers) - 1, 0, -1):
                added *= later / (power + 1)
                added += _taken(track.powers[power - 1, place], since, slim=slim)
            values[mode] += added * later
        return np.multiply(values, grown, out=values)


def _growth(rate: Array, hours: Array) -> Array:
    found = rate * hours
    np.maximum(found, _FAINT, out=found)
    return np.exp(found, out=found)


def _compiled(numbers: int) -> Callable[..., None] | None:
    """The compiled reading, where loading Numba pays for so many numbers; bit for bit the same."""
    if numbers < (_MANY if sys.modules.get("numba") else _LOADING):
        return None
    from ketasim.engine.backends.numba.kept import numba_there

    if not numba_there():
        return None
    from ketasim.engine.backends.numba.reading import read_modes

    return read_modes


def _taken(table: Array, since: Integers, *, slim: bool) -> Array:
    """What a table (…, G, n) has at each time, (…, t, n) or (…, n, t)."""
    found = table.take(since, axis=-2)
    return np.ascontiguousarray(np.swapaxes(found, -1, -2)) if slim else found


def _weighted(modes: Array, weight: Array, seen: Sequence[int]) -> Array:
    """Sum over modes in their order, (G, n)."""
    total = np.zeros(modes.shape[1:])
    for mode in seen:
        total += modes[mode] * weight[mode]
    return total
