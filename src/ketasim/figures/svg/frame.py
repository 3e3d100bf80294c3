"""A frame: two axes with title, grid and ticks, and marks in the units of the data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from ketasim.figures.svg.canvas import Canvas, Look
from ketasim.figures.svg.labels import apart
from ketasim.figures.svg.lettering import SIZE, shortened, width, wrapped
from ketasim.figures.svg.palette import AXIS, GRID, INK, SOFT
from ketasim.figures.svg.paths import Box, cut_area, cut_line, runs, thinned
from ketasim.figures.svg.scale import Axis, Scale, minor, ticks

_PAD: Final = 4.0  # px around all
_TITLE, _TITLE_LINE, _LINE = 13.0, 17.0, 14.0  # size of a title; heights of lines
_BELOW_WORDS: Final = 10.0  # px between words and the plot
_STEP: Final = 12.0
_TICK: Final = 4.0
_LABEL_LINE: Final = 13.0  # px between labels at the ends of lines
_LABEL_ROOM: Final = 0.42  # of the plot's width, at most, for those labels
_GRID, _AXIS = Look(GRID), Look(AXIS)


class Frame:
    """A chart with two axes on a canvas of its own.

    **Main arguments:**

    - `x`, `y`: the axes.

    **Other arguments:**

    - `width`, `height`: of the plot itself, pixels; axes, titles and labels come around it.
    - `title`: above. `labels`: words that will stand right of the plot (`end_labels`).
    - `canvas`, `top`, `left`: for several frames on one canvas; `top` and `left` are where the
      plot's own corner lies.

    `canvas` is what it is drawn on, `x` and `y` are its scales, `box` is where marks show: left,
    top, right and bottom of the plot.
    """

    def __init__(
        self,
        x: Axis,
        y: Axis,
        *,
        width: float = 300,
        height: float = 190,
        title: str = "",
        labels: Sequence[str] = (),
        canvas: Canvas | None = None,
        top: float | None = None,
        left: float | None = None,
    ) -> None:
        rows, columns = Scale(y, height, 0.0), Scale(x, 0.0, width)
        y_ticks, x_ticks = ticks(rows), ticks(columns)
        if left is None:
            left = _left(y, y_ticks, columns, x_ticks)
        right = _right(columns, x, x_ticks, labels)
        heads = wrapped(title, left + width + right - 2 * _PAD, _TITLE, bold=True)
        units = wrapped(y.title, left + width + right - 2 * _PAD)
        above = _TITLE_LINE * len(heads) + _LINE * len(units)
        if top is None:
            top = _PAD + above + (_BELOW_WORDS if above else 4.0)
        foot = top + height
        names = wrapped(x.title, left + width + right - 2 * _PAD)
        below = _TICK + (_LINE if x.labels else 0.0) + _LINE * len(names) + _PAD
        self.canvas = canvas or Canvas(math.ceil(left + width + right), math.ceil(foot + below))
        self.x, self.y = Scale(x, left, left + width), Scale(y, foot, top)
        self.box: Box = (left, top, left + width, foot)
        self._words(heads, units, names, above)
        self._axes(x_ticks, y_ticks)

    def _words(self, heads: list[str], units: list[str], names: list[str], above: float) -> None:
        left, top, right, foot = self.box
        line = top - above - _BELOW_WORDS
        for words in heads:
            line += _TITLE_LINE
            self.canvas.text(_PAD, line - 4.0, words, colour=INK, size=_TITLE, bold=True)
        for words in units:
            line += _LINE
            self.canvas.text(_PAD, line - 3.0, words)
        below = foot + _TICK + 12.0 + (_LINE if self.x.axis.labels else 0.0)
        for number, words in enumerate(names):
            half = width(words) / 2.0
            at = min(max((left + right) / 2.0, half + _PAD), self.canvas.width - half - _PAD)
            self.canvas.text(at, below + _LINE * number, words, anchor="middle")

    def _axes(self, x_ticks: list[tuple[float, str]], y_ticks: list[tuple[float, str]]) -> None:
        left, top, right, foot = self.box
        levels = [self.y.of(value) for value, _ in y_ticks]
        uprights = [self.x.of(value) for value, _ in x_ticks]
        lines = [(left, y, right, y) for y in levels if self.y.axis.grid]
        lines += [(x, top, x, foot) for x in uprights if self.x.axis.grid]
        self.canvas.segments(lines, _GRID)
        marks = [(left, foot, right, foot)]
        marks += [(x, foot, x, foot + _TICK) for x in uprights]
        small = [self.x.of(value) for value in minor(self.x)]
        marks += [(x, foot, x, foot + _TICK / 2) for x in small]
        if self.y.axis.low < 0.0 < self.y.axis.high:
            marks.append((left, self.y.of(0.0), right, self.y.of(0.0)))
        self.canvas.segments(marks, _AXIS)
        if self.x.axis.labels:
            for x, (_, words) in zip(uprights, x_ticks, strict=True):
                self.canvas.text(x, foot + _TICK + 12.0, words, anchor="middle")
        if self.y.axis.labels:
            for y, (_, words) in zip(levels, y_ticks, strict=True):
                self.canvas.text(left - 6.0, y + 0.36 * SIZE, words, anchor="end")

    def line(self, x: ArrayLike, y: ArrayLike, look: Look, *, name: str = "") -> None:
        """Draw a line; where a value is no number it is interrupted.

        **Arguments:**

        - `x`, `y`: shape (n,). `look`: of the line. `name`: shown under the pointer.
        """
        parts = [
            part
            for run in runs(self.x.at(x), self.y.at(y))
            for part in cut_line(thinned(run), self.box)
            if len(part) > 1
        ]
        self.canvas.stroke(parts, look, name=name)

    def steps(self, x: ArrayLike, y: ArrayLike, look: Look, *, name: str = "") -> None:
        """Draw a line that keeps each value until the next.

        **Arguments:** see `line`.
        """
        self.line(
            np.repeat(np.asarray(x), 2)[1:], np.repeat(np.asarray(y), 2)[:-1], look, name=name
        )

    def band(
        self, x: ArrayLike, low: ArrayLike, high: ArrayLike, look: Look, *, name: str = ""
    ) -> None:
        """Fill what lies between two curves.

        **Arguments:**

        - `x`, `low`, `high`: shape (n,). `look`: colour and opacity. `name`: under the pointer.
        """
        for run in runs(self.x.at(x), self.y.at(low), self.y.at(high)):
            edges = thinned(run[:, [0, 2]]), thinned(run[:, [0, 1]])[::-1]
            self.canvas.fill(cut_area(np.concatenate(edges), self.box), look, name=name)

    def points(
        self,
        x: ArrayLike,
        y: ArrayLike,
        look: Look,
        *,
        shape: str = "circle",
        size: float = 3.4,
        hollow: bool = False,
        names: Sequence[str] = (),
    ) -> None:
        """Put points; those outside the frame are left out.

        **Arguments:**

        - `x`, `y`: shape (n,). `look`, `shape`, `size`, `hollow`: see `Canvas.point`.
        - `names`: of each, shown under the pointer.
        """
        places = np.column_stack([self.x.at(x), self.y.at(y)])
        left, top, right, foot = self.box
        for i, (across, down) in enumerate(places.tolist()):
            if left - 0.01 <= across <= right + 0.01 and top - 0.01 <= down <= foot + 0.01:
                name = names[i] if len(names) else ""
                self.canvas.point(
                    across, down, look, shape=shape, size=size, hollow=hollow, name=name
                )

    def shade(self, first: float, last: float, look: Look, *, name: str = "") -> None:
        """Shade a stretch of the x axis over the whole height.

        **Arguments:**

        - `first`, `last`: its ends. `look`: colour and opacity. `name`: under the pointer.
        """
        left, top, right, foot = self.box
        a, b = max(self.x.of(first), left), min(self.x.of(last), right)
        if b > a:
            self.canvas.rect(a, top, b - a, foot - top, look, name=name)

    def bar(
        self,
        first: float,
        last: float,
        y: float,
        look: Look,
        *,
        thick: float = 12.0,
        name: str = "",
    ) -> None:
        """Draw a horizontal bar.

        **Arguments:**

        - `first`, `last`: its ends on the x axis. `y`: its middle. `look`: colour and opacity.
        - `thick`: pixels. `name`: shown under the pointer.
        """
        left, _, right, _ = self.box
        a, b = max(self.x.of(first), left), min(self.x.of(last), right)
        if b > a:
            self.canvas.rect(a, self.y.of(y) - thick / 2, b - a, thick, look, name=name)

    def doses(self, spans: Sequence[tuple[float, float]], colour: str = INK) -> None:
        """Mark doses at the foot: a bar as long as the infusion, a triangle for a shorter one.

        **Arguments:**

        - `spans`: (start, end) on the x axis. `colour`: of the marks.
        """
        left, _, right, foot = self.box
        ends = [(self.x.of(a), self.x.of(b)) for a, b in spans]
        shown = [(a, b) for a, b in ends if b >= left - 0.01 and a <= right + 0.01]
        bars = [(max(a, left), min(b, right)) for a, b in shown if b - a > 4.0]
        spots = sorted({round(a, 2) for a, b in shown if b - a <= 4.0 and a >= left - 0.01})
        for a, b in bars:
            self.canvas.rect(a, foot - 4.0, b - a, 4.0, Look(colour))
        # where doses are closer than a triangle is wide, narrower ones keep them apart
        closest = min((b - a for a, b in pairwise(spots)), default=math.inf)
        half = min(4.5, max(0.6, 0.42 * closest))
        for x in spots:
            corners = [(max(x - half, 0.0), foot), (x, foot - 8.0), (x + half, foot)]
            self.canvas.fill(np.array(corners), Look(colour))

    def end_labels(self, labels: Sequence[tuple[str, str, float]]) -> None:
        """Write words right of the plot, at the height of what they name or close to it.

        **Arguments:**

        - `labels`: words, colour, and the value on the y axis; the frame was made with the words.
        """
        _, top, right, foot = self.box
        room = self.canvas.width - right - 10.0
        fits = labels[: max(1, int((foot - top) // _LABEL_LINE) + 1)]
        wanted = [min(max(self.y.of(value), top), foot) for _, _, value in fits]
        places = apart(wanted, _LABEL_LINE, top, foot)
        for (words, colour, _), from_, to in zip(fits, wanted, places, strict=True):
            if abs(to - from_) > 3.0:
                self.canvas.segments([(right + 1.0, from_, right + 6.0, to)], Look(colour, 0.8))
            self.canvas.text(right + 8.0, to + 0.36 * SIZE, shortened(words, room), colour=colour)

    def note(
        self,
        x: float,
        y: float,
        words: str,
        *,
        colour: str = SOFT,
        anchor: str = "start",
        across: float = 0.0,
        down: float = 0.0,
        size: float = SIZE,
        halo: bool = False,
    ) -> None:
        """Write words at a place of the data, kept on the canvas.

        **Arguments:**

        - `x`, `y`: the place. `words`: on one line.
        - `colour`, `anchor`, `size`, `halo`: see `Canvas.text`.
        - `across`, `down`: pixels from there.
        """
        wide = width(words, size)
        share = {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor]
        most = self.canvas.width - _PAD - (1.0 - share) * wide
        at = max(min(self.x.of(x) + across, most), _PAD + share * wide)
        base = self.y.of(y) + down + 0.36 * size
        self.canvas.text(at, base, words, colour=colour, size=size, anchor=anchor, halo=halo)


def _left(
    y: Axis, y_ticks: list[tuple[float, str]], columns: Scale, x_ticks: list[tuple[float, str]]
) -> float:
    """Room left of the plot: for words of the y axis, and for half of the first below it."""
    beside = max((width(words) for _, words in y_ticks), default=0.0) + 6.0 if y.labels else 0.0
    half = max((width(words) / 2.0 - columns.of(at) for at, words in x_ticks[:1]), default=0.0)
    # by whole steps: plots below each other begin at one place though their numbers differ
    return _STEP * math.ceil((_PAD + max(beside, half, 0.0)) / _STEP)


def _right(
    columns: Scale, x: Axis, x_ticks: list[tuple[float, str]], labels: Sequence[str]
) -> float:
    """Room right of the plot: for labels of lines, and for half of the last word below it."""
    half = 0.0
    for at, words in x_ticks[-1:] if x.labels else ():
        half = max(half, width(words) / 2.0 + columns.of(at) - columns.end)
    beside = max((width(words) for words in labels), default=-10.0)
    most = _LABEL_ROOM * (columns.end - columns.start)
    return math.ceil(_PAD + max(half, min(beside, most) + 10.0))
