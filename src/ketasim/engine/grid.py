"""The grid of steps: short after every dose and the end of every input, longer with distance.

Between two breaks (a dose, the end of an infusion) the time since the last break is cut into bins,
each twice as long as the one before, and every bin into equal steps. How many steps a bin has is
the profile; it is chosen for a tolerance by `ketasim.engine.pilot`, and then applies to any
calendar.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

FIRST_BIN = 2.0**-6  # h; the first bin after a break, about a minute
BINS = 22  # the last ends 2**15 h after a break and is the longest step's limit
_DECIMALS = 10  # times closer than 1e-10 h are one time
_LEAST = 1e-9  # h
_SHORTEST = 5e-11  # h; a segment of which rounded times make two has one step at least


@dataclass(frozen=True)
class Profile:
    """Steps in each bin of time since the last break.

    **Arguments:**

    - `running`: while an input runs, length `BINS`.
    - `free`: while none runs, length `BINS`.
    """

    running: tuple[int, ...]
    free: tuple[int, ...]

    def longer(self, times: float) -> Profile:
        """The same with fewer, longer steps, one at least in each bin."""
        return replace(
            self,
            running=tuple(max(round(n / times), 1) for n in self.running),
            free=tuple(max(round(n / times), 1) for n in self.free),
        )

    def finer(self, times: int = 2) -> Profile:
        """The same with every step cut into equal parts."""
        return replace(
            self,
            running=tuple(n * times for n in self.running),
            free=tuple(n * times for n in self.free),
        )


@dataclass(frozen=True)
class Grid:
    """Steps of a calendar.

    **Arguments:**

    - `starts`: h, beginning of every step, shape (S,).
    - `sizes`: h, the distinct lengths of steps, shape (H,).
    - `size_of`: position in `sizes` of every step, shape (S,).
    - `bin_of`: bin of every step, plus `BINS` while no input runs, shape (S,).
    - `breaks`: h, beginning of every segment and the end of the last, shape (G + 1,).
    - `segments`: first step of every segment, and behind them S, shape (G + 1,).
    """

    starts: Array
    sizes: Array
    size_of: Integers
    bin_of: Integers
    breaks: Array
    segments: Integers

    @property
    def steps(self) -> int:
        """Number of steps."""
        return len(self.starts)

    @property
    def lengths(self) -> Array:
        """Length of every step, h."""
        return self.sizes[self.size_of]


def rounded(time: float) -> float:
    """A time as the engine tells times apart."""
    return round(float(time), _DECIMALS)


def grid_of(
    profile: Profile, breaks: Sequence[float], running: Sequence[bool], cut: int = 1
) -> Grid:
    """Lay the steps of a calendar.

    **Arguments:**

    - `profile`: steps in each bin.
    - `breaks`: h, ascending: 0, every change of input, the horizon; length G + 1.
    - `running`: for each of the G segments whether an input runs.
    - `cut`: into how many equal parts every step is cut.
    """
    starts: list[Array] = []
    lengths: list[Array] = []
    bins: list[Integers] = []
    segments = [0]
    for begin, end, runs in zip(breaks, breaks[1:], running, strict=False):
        counts = profile.running if runs else profile.free
        length, which = _segment(end - begin, counts)
        if len(length) == 1:  # between steps, three of their ends are needed
            length, which = np.repeat(length / 2, 2), np.repeat(which, 2)
        if cut > 1:
            length, which = np.repeat(length / cut, cut), np.repeat(which, cut)
        at = begin + np.concatenate([[0.0], np.cumsum(length)[:-1]])
        starts.append(at)
        lengths.append(length)
        bins.append(which + (0 if runs else BINS))
        segments.append(segments[-1] + len(length))
    every = np.concatenate(lengths) if lengths else np.zeros(0)
    sizes, size_of = np.unique(np.round(every, 12), return_inverse=True)
    return Grid(
        starts=np.concatenate(starts) if starts else np.zeros(0),
        sizes=sizes,
        size_of=size_of.reshape(-1).astype(np.int64),
        bin_of=np.concatenate(bins) if bins else np.zeros(0, np.int64),
        breaks=np.asarray(breaks, np.float64),
        segments=np.asarray(segments, np.int64),
    )


@lru_cache(maxsize=512)
def _segment(length: float, counts: tuple[int, ...]) -> tuple[Array, Integers]:
    """Lengths of the steps of a segment, h, and their bins: sessions repeat, so they are kept."""
    sizes: list[Array] = []
    which: list[Integers] = []
    begin, width = 0.0, FIRST_BIN
    for number in range(BINS):
        last = number == BINS - 1
        full = width / counts[number]
        rest = length - begin
        if rest <= width * (1.0 + 1e-12) or last:
            steps = max(int(np.ceil(rest / full - 1e-6)), 1)
            if rest > (_LEAST if sizes else _SHORTEST):
                sizes.append(np.full(steps, rest / steps))
                which.append(np.full(steps, number, np.int64))
            break
        sizes.append(np.full(counts[number], full))
        which.append(np.full(counts[number], number, np.int64))
        begin += width
        width = begin  # the next bin is as long as all before it
    if not sizes:
        return np.zeros(0), np.zeros(0, np.int64)
    return np.concatenate(sizes), np.concatenate(which)


@dataclass(frozen=True)
class OutputPlan:
    """Where the requested times lie in the steps, and how states are read between them.

    States between steps follow the polynomial of degree five through values and slopes at three
    neighbouring steps of the segment.

    **Arguments:**

    - `times`: h, shape (T,).
    - `offsets`: h from the beginning of the step that holds each time, shape (T,).
    - `step_of`: that step, shape (T,).
    - `anchor`: the step behind whose end each time is read, which is the second of the segment or
      a later one, shape (T,).
    - `shape`: weights of the values and then the slopes at the beginning of the step before the
      anchor, and at the anchor's beginning and end, shape (T, 6).
    - `held`, `first`: for each step the first of the times it holds, and of the times anchored at
      it; behind them T; shape (S + 1,).
    """

    times: Array
    offsets: Array
    step_of: Integers
    anchor: Integers
    shape: Array
    held: Integers
    first: Integers


def place_outputs(grid: Grid, times: Array) -> OutputPlan:
    """Find the step of every requested time; at a break, the one that begins there.

    **Arguments:**

    - `grid`: the steps.
    - `times`: h, ascending, within the grid, shape (T,).
    """
    step_of = np.searchsorted(grid.starts, times + _LEAST, side="right") - 1
    step_of = np.clip(step_of, 0, max(grid.steps - 1, 0)).astype(np.int64)
    lengths = grid.lengths
    offsets = np.clip(times - grid.starts[step_of], 0.0, lengths[step_of])
    part = offsets / lengths[step_of]
    offsets = np.where(part < 1e-9, 0.0, np.where(part > 1.0 - 1e-9, lengths[step_of], offsets))
    return _placed(grid, times, step_of, offsets)


def _placed(grid: Grid, times: Array, step_of: Integers, offsets: Array) -> OutputPlan:
    lengths = grid.lengths
    segment = np.searchsorted(grid.segments, step_of, side="right") - 1
    anchor = np.maximum(step_of, grid.segments[segment] + 1)
    numbers = np.arange(grid.steps + 1)
    return OutputPlan(
        times=times,
        offsets=offsets,
        step_of=step_of,
        anchor=anchor,
        shape=_quintic(offsets - (anchor - step_of) * lengths[step_of], lengths, anchor),
        held=np.searchsorted(step_of, numbers).astype(np.int64),
        first=np.searchsorted(anchor, numbers).astype(np.int64),
    )


def place_parts(grid: Grid, parts: Sequence[float]) -> OutputPlan:
    """Parts of every step, from 0 to 1, each held by that step: times by steps, then by parts."""
    step_of = np.repeat(np.arange(grid.steps), len(parts))
    offsets = (grid.lengths[:, None] * np.asarray(parts, np.float64)).reshape(-1)
    return _placed(grid, grid.starts[step_of] + offsets, step_of, offsets)


def _quintic(after: Array, lengths: Array, anchor: Integers) -> Array:
    """Weights of values and slopes at the three ends of two steps.

    **Arguments:**

    - `after`: h from the beginning of the anchor, negative before it, shape (T,).
    - `lengths`: h, of all steps. `anchor`: shape (T,).
    """
    before, length = lengths[anchor - 1], lengths[anchor]
    span = before + length
    at = np.stack([-before / span, np.zeros_like(span), length / span])
    where = after / span
    shape = np.empty((len(where), 6))
    for place in range(3):
        mine, one, two = at[place], at[place - 2], at[place - 1]
        # Hermite's form: 1 and slope 0 at its own end, or the other way round, and 0 at the others
        others = (mine - one) * (mine - two)
        basis = (where - one) * (where - two) / others
        square = basis * basis
        slope = (2.0 * mine - one - two) / others
        shape[:, place] = (1.0 - 2.0 * slope * (where - mine)) * square
        shape[:, 3 + place] = (where - mine) * square * span
    for place in range(3):
        # a time at the end of a step is read as it is
        exact = np.abs(where - at[place]) < 1e-12
        shape[exact] = np.eye(6)[place]
    return shape
