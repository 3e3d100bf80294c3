"""Reading modes that were followed through a calendar, at any of its times.

Every mode is added in its order, alone, so that a value depends neither on the other times nor on
the other patients of a call.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.engine.linear.solution import ticks

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
Columns = slice | Integers

FAINT = -650.0
"""What decays further is no longer told from zero, and would be slow to compute."""

_BLOCK = 12_000  # numbers of one mode read together; they stay in the processor's cache
_SLIM = 64  # columns, below which times are the inner axis
_MANY = 300_000  # modes times columns times times that are worth a call of compiled code,
_LOADING = 50_000_000  # and those that are worth loading Numba
_ALL = slice(None)


@dataclass(frozen=True)
class Reading:
    """A state to read, and what it is multiplied with, shape (n,)."""

    state: str
    per: Array


@dataclass(frozen=True)
class Track:
    """Amplitudes just after the changes of the input that times are read from, U of them.

    **Arguments:**

    - `centre`: 1/h, the rate each mode decays with, shape (a, n).
    - `start`: modes less those that the running inputs keep up, shape (a, U, n).
    - `fed`: modes that others feed, shape (R,). `powers`: what they get of powers of the hours,
      shape (K, R, U, n).
    - `flow`: which inputs run, of F different sets of them, shape (U,).
    - `level`, `supply`: modes that they keep up, and get an hour, shape (a, F, n); nothing where
      it is not needed.
    - `given`: what the modes got up to then, shape (a, U, n); nothing where it is not needed.
    """

    centre: Array
    start: Array
    fed: Integers
    powers: Array
    flow: Integers
    level: Array | None
    supply: Array | None
    given: Array | None


class Times:
    """Times by the change of the input before them, in the order of the hours since then.

    Sessions repeat, so many times share the hours since a change, and with them the exponentials.

    **Arguments:**

    - `times`, `changes`: h. `used`: places of those of the changes that were kept; those before
      these times when left out.
    """

    def __init__(self, times: Array, changes: Array, used: Integers | None = None) -> None:
        rounded = ticks(times)
        since = np.searchsorted(ticks(changes), rounded, side="right") - 1
        hours, which = np.unique(ticks(rounded - changes[since]), return_inverse=True)
        which = which.reshape(-1)
        self.order = np.argsort(which, kind="stable")
        self.which = which[self.order]
        self.hours = hours
        self.used = np.unique(since) if used is None else used
        self.since = np.searchsorted(self.used, since)[self.order]


@dataclass(frozen=True)
class Part:
    """Some of the columns that are read.

    **Arguments:**

    - `place`: which of them. `track`: their modes.
    - `weights`: what each mode seen adds to a reading, one reading after another, shape (W, n).
    - `steady`: what does not decay of each reading, by flow or, of areas, by change of the input.
      `rising`: what grows with time, by flow. Both of no reading where there is none.
    """

    place: Columns
    track: Track
    weights: Array
    steady: Array
    rising: Array


class Followed:
    """Columns of a course, followed through its inputs: read at some of the times, then at others.

    **Arguments:**

    - `times`: h, shape (T,). `changes`: h, of the input. `used`: places of those that were kept.
    - `seen`: of each reading the modes that it sees.
    - `dark`: of each reading the time until when it is nothing, h.
    - `count`: columns, k. `areas`: areas from time 0 are read instead of values.
    """

    def __init__(
        self,
        times: Array,
        changes: Array,
        used: Integers,
        seen: Sequence[Sequence[int]],
        dark: Sequence[float],
        count: int,
        *,
        areas: bool,
    ) -> None:
        self.times = times
        self._changes, self._used, self._dark = changes, used, dark
        self._count, self._areas = count, areas
        self._seen = np.array([mode for modes in seen for mode in modes], np.int64)
        self._firsts = np.cumsum([0, *(len(modes) for modes in seen)])
        self._parts: list[Part] = []

    @property
    def order(self) -> Integers:
        """Times in such an order that those beside each other share the most work."""
        return Times(self.times, self._changes).order

    @property
    def held(self) -> int:
        """Bytes of what is kept."""
        return sum(
            one.nbytes
            for part in self._parts
            for one in (part.track.start, part.track.powers, part.weights, part.steady, part.rising)
        )

    def add(self, place: Columns, track: Track, weights: Array) -> None:
        """Add some columns; those added later stand for those that were there.

        **Arguments:** as of `Part`.
        """
        none = np.zeros((0, 0, 0))
        steady = rising = none
        if self._areas:
            assert track.given is not None
            gained = -track.given
            if track.level is not None:
                gained = track.level[:, track.flow] - track.given
            steady = self._weighted(gained, weights)
        elif track.level is not None:
            steady = self._weighted(track.level, weights)
        if self._areas and track.supply is not None:
            rising = self._weighted(-track.supply, weights)
        self._parts.append(Part(place, track, weights, steady, rising))

    def _weighted(self, modes: Array, weights: Array) -> Array:
        """Sum over modes in their order, (O, F, n)."""
        found = np.zeros((len(self._firsts) - 1, *modes.shape[1:]))
        for number, first in enumerate(self._firsts[:-1]):
            for place in range(first, self._firsts[number + 1]):
                found[number] += modes[self._seen[place]] * weights[place]
        return found

    def read(self, which: Columns = _ALL) -> list[Array]:
        """Read the states.

        **Arguments:**

        - `which`: of the times, T of them; all when left out.

        **Returns:** one array of shape (T, k) a reading.
        """
        times = self.times[which]
        table = np.empty((len(self._dark), len(times), self._count))
        if not self._parts:
            table[:] = 0.0
            return list(table)
        instants = Times(times, self._changes, self._used)
        compiled = _compiled(len(self._parts[0].track.start) * len(times) * self._count)
        for part in self._parts:
            if compiled is None:
                self._read(table, part, instants)
            else:
                self._read_compiled(table, part, instants, compiled)
        rounded = ticks(times)
        for values, until in zip(table, self._dark, strict=True):
            values[rounded <= until] = 0.0
        return list(table)

    def _read_compiled(
        self, found: Array, part: Part, times: Times, compiled: Callable[..., None]
    ) -> None:
        """As `_read`, compiled."""
        track, centre = part.track, part.track.centre
        n = centre.shape[1]
        whole = isinstance(part.place, slice)
        table = found if whole else np.empty((len(found), len(times.order), n))
        step = max(1, _BLOCK // n)
        for first in range(0, len(times.order), step):
            inside = slice(first, first + step)
            which, since = times.which[inside], times.since[inside]
            grown = _growth(centre[:, None], times.hours[which[0] : which[-1] + 1, None])
            flow = track.flow[since]
            compiled(
                track.start,
                track.fed,
                track.powers,
                grown,
                since,
                which - which[0],
                times.hours[which],
                times.order[inside],
                part.weights,
                self._seen,
                self._firsts,
                part.steady,
                since if self._areas else flow,
                part.rising,
                flow,
                table,
                part.place.start if isinstance(part.place, slice) else 0,
            )
        if not whole:
            found[:, :, part.place] = table

    def _read(self, found: Array, part: Part, times: Times) -> None:
        """Sum the modes at the times, column by column of what is found."""
        track, centre = part.track, part.track.centre
        n = centre.shape[1]
        slim = n < _SLIM
        weights = part.weights[:, :, None] if slim else part.weights
        step = max(1, _BLOCK // n)
        for first in range(0, len(times.order), step):
            inside = slice(first, first + step)
            since, which, order = times.since[inside], times.which[inside], times.order[inside]
            hours = times.hours[which[0] : which[-1] + 1]
            which = which - which[0]
            flow = track.flow[since]
            later = hours[which] if slim else hours[which][:, None]
            values = _modes_at(track, since, which, hours, later, slim=slim)
            total, one = np.empty(values.shape[1:]), np.empty(values.shape[1:])
            for number, rows in enumerate(found):
                begin, end = self._firsts[number], self._firsts[number + 1]
                if begin == end:
                    total[:] = 0.0
                for place in range(begin, end):
                    if place == begin:
                        np.multiply(values[self._seen[place]], weights[place], out=total)
                    else:
                        np.multiply(values[self._seen[place]], weights[place], out=one)
                        np.add(total, one, out=total)
                if len(part.steady):
                    at = since if self._areas else flow
                    total += _taken(part.steady[number], at, slim=slim)
                if len(part.rising):
                    total += _taken(part.rising[number], flow, slim=slim) * later
                # nothing below zero is left of modes that cancel, nor a negative zero
                np.maximum(total, 0.0, out=total)
                if isinstance(part.place, slice):
                    rows[order, part.place] = total.T if slim else total
                else:
                    rows[order[:, None], part.place] = total.T if slim else total


def _modes_at(
    track: Track,
    since: Integers,
    which: Integers,
    hours: Array,
    later: Array,
    *,
    slim: bool,
) -> Array:
    """Decaying part of the modes, shape (a, t, n), or (a, n, t) where that is quicker."""
    centre = track.centre
    grown = _growth(centre[..., None], hours) if slim else _growth(centre[:, None], hours[:, None])
    if len(hours) < len(which):
        grown = grown.take(which, axis=2 if slim else 1)
    values = _taken(track.start, since, slim=slim)
    for place, mode in enumerate(track.fed):
        added = _taken(track.powers[-1, place], since, slim=slim)
        for power in range(len(track.powers) - 1, 0, -1):
            added *= later / (power + 1)
            added += _taken(track.powers[power - 1, place], since, slim=slim)
        values[mode] += added * later
    return np.multiply(values, grown, out=values)


def _growth(rate: Array, hours: Array) -> Array:
    found = rate * hours
    np.maximum(found, FAINT, out=found)
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
