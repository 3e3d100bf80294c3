"""Forest plot as SVG and PNG: every study with its interval and weight, the pooled effect."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ketasim.figures.forest.rows import (
    FURTHER,
    HEADS,
    POOLED,
    STUDY,
    STUDY_INTERVAL,
    Forest,
    ForestRow,
    forest_of,
)
from ketasim.figures.svg import Axis, Canvas, Frame, Look
from ketasim.figures.svg.lettering import SIZE, width, wrapped
from ketasim.figures.svg.palette import AXIS, COLOURS, INK

if TYPE_CHECKING:
    from ketasim.synthesis import MetaResult

STUDY_WIDTH: Final = 1.6
"""Width of the interval of a study, pixels."""
PREDICTION_WIDTH: Final = 4.0
"""Width of the prediction interval, pixels."""
STUDY_COLOUR: Final = COLOURS["ketamine"]
"""Colour of studies."""
POOL_COLOUR: Final = COLOURS["s"]
"""Colour of what is pooled."""
_PAD, _GAP = 14.0, 24.0  # px around all, and between columns
_PLOT, _DETAIL = 300.0, 330.0  # px across: of the plot, and of the words on a study
_TITLE, _SMALL = 14.0, 10.0  # sizes of words
_TITLE_LINE, _LINE, _DETAIL_LINE = 19.0, 14.0, 12.0
_ROW, _AROUND = 38.0, 25.0  # px of a row at least, and of one beside the lines of its words
_DIAMOND = 10.0  # px, half of its height
_ENTRY, _ENTRY_GAP, _ENTRY_LINE = 36.0, 22.0, 17.0  # of a legend: symbol, distance, line


def forest_svg(result: MetaResult) -> str:
    """The forest plot as SVG, on white.

    Squares are as large as the weight, the diamond is the pooled effect with the interval asked
    for, the bar below it the 95 % prediction interval. What does not fit ends in an arrow.

    **Arguments:**

    - `result`: of `pool_comparable`; it has at least one study.
    """
    return forest_drawing(forest_of(result))


def forest_png(result: MetaResult) -> bytes:
    """The forest plot as PNG, two pixels for each of the SVG.

    **Arguments:**

    - `result`: see `forest_svg`.
    """
    import vl_convert

    # this part of it starts no JavaScript engine
    return vl_convert.svg_to_png(forest_svg(result), scale=2.0)


@dataclass(frozen=True)
class _Columns:
    """Where columns stand, pixels: left edge of the plot, right edges of the columns after it."""

    plot: float
    people: float
    effect: float
    weight: float


def forest_drawing(forest: Forest, *, paper: bool = True) -> str:
    """Draw what a forest plot shows as SVG.

    **Arguments:**

    - `forest`: its rows and axis. `paper`: on white, for a file; else for a page.
    """
    details = [wrapped(row.detail, _DETAIL, _SMALL) for row in forest.studies]
    columns = _columns(forest, details)
    wide = columns.weight + _PAD
    titles = wrapped(forest.title, wide - 2 * _PAD, _TITLE, bold=True)
    lines = [line for text in forest.lines for line in wrapped(text, wide - 2 * _PAD)]
    heights = [max(_ROW, _AROUND + _DETAIL_LINE * len(detail)) for detail in details]
    head = _PAD + _TITLE_LINE * len(titles) + _LINE * len(lines) + 26.0
    top = head + 8.0
    rows = sum(heights)
    foot = top + rows
    foot += 13.0 + _ROW if forest.pooled is not None else 0.0
    foot += 30.0 if forest.prediction is not None else 0.0
    places = _flow(forest.entries, wide - 2 * _PAD)
    legend = foot + 74.0
    canvas = Canvas(wide, math.ceil(legend + places[-1][1] + _PAD))
    names = {step: f"{step:g}" for step in forest.steps} if forest.log else None
    x = Axis(*forest.ends, forest.x_title, log=forest.log, names=names, grid=False)
    y = Axis(0.0, 1.0, labels=False, grid=False)
    high = foot - top
    frame = Frame(x, y, width=_PLOT, height=high, canvas=canvas, left=columns.plot, top=top)
    _words_above(canvas, titles, lines)
    _heads(canvas, columns, head)
    null = frame.x.of(forest.null)
    canvas.segments([(null, top, null, foot)], Look(AXIS))
    if forest.pooled is not None:
        mean = frame.x.of(forest.pooled.value)
        canvas.segments([(mean, top, mean, foot)], Look(POOL_COLOUR, 1.0, (3.0, 3.0)))
    at = top
    for row, detail, height in zip(forest.studies, details, heights, strict=True):
        _study(frame, forest, row, detail, columns, at + height / 2.0)
        at += height
    _pooled(frame, forest, columns, top + rows + 13.0 + _ROW / 2.0)
    left, right = forest.sides
    canvas.text(columns.plot, foot + 50.0, f"← {left}", size=_SMALL)
    canvas.text(columns.plot + _PLOT, foot + 50.0, f"{right} →", size=_SMALL, anchor="end")
    for words, (across, down) in zip(forest.entries, places, strict=True):
        _entry(canvas, words, _PAD + across, legend + down)
    return canvas.document(forest.title, _told(forest), paper=paper)


def _columns(forest: Forest, details: Sequence[Sequence[str]]) -> _Columns:
    """As wide as what stands in them."""
    left = [width(row.label, bold=True) for row in forest.studies]
    left += [width(line, _SMALL) for lines in details for line in lines]
    left += [width(FURTHER)] if forest.prediction is not None else []
    bold = [forest.pooled.effect] if forest.pooled is not None else []
    plain = [forest.prediction[2]] if forest.prediction is not None else []
    effects = [row.effect for row in forest.studies]
    wide = [
        max(width(HEADS[1], _SMALL), *(width(row.people) for row in forest.studies)),
        max(
            width(HEADS[2], _SMALL),
            *(width(words) for words in (*effects, *plain)),
            *(width(words, bold=True) for words in bold),
        ),
        max(width(HEADS[3], _SMALL), *(width(_percent(row.weight)) for row in forest.studies)),
    ]
    plot = math.ceil(_PAD + max(left) + _GAP)
    ends = [plot + _PLOT + sum(wide[: i + 1]) + _GAP * (i + 1) for i in range(3)]
    return _Columns(plot, *map(math.ceil, ends))


def _percent(weight: float) -> str:
    return f"{100 * weight:.0f} %"


def _words_above(canvas: Canvas, titles: Sequence[str], lines: Sequence[str]) -> None:
    y = _PAD
    for words in titles:
        y += _TITLE_LINE
        canvas.text(_PAD, y - 5.0, words, colour=INK, size=_TITLE, bold=True)
    for words in lines:
        y += _LINE
        canvas.text(_PAD, y - 3.0, words)


def _heads(canvas: Canvas, columns: _Columns, y: float) -> None:
    ends = (columns.people, columns.effect, columns.weight)
    canvas.text(_PAD, y, HEADS[0], size=_SMALL)
    for words, x in zip(HEADS[1:], ends, strict=True):
        canvas.text(x, y, words, size=_SMALL, anchor="end")


def _study(
    frame: Frame, forest: Forest, row: ForestRow, detail: Sequence[str], columns: _Columns, y: float
) -> None:
    canvas, base = frame.canvas, y + 0.36 * SIZE
    name = f"{row.label}: {row.effect}, weight {_percent(row.weight)}"
    _span(frame, forest, row.low, row.high, y, Look(STUDY_COLOUR, STUDY_WIDTH))
    half = math.sqrt(30.0 + 190.0 * row.weight) / 2.0
    look = Look(STUDY_COLOUR)
    canvas.point(frame.x.of(row.value), y, look, shape="square", size=half, name=name)
    first = y - (_LINE + _DETAIL_LINE * len(detail)) / 2.0 + 11.0
    canvas.text(_PAD, first, row.label, colour=INK, bold=True)
    for number, line in enumerate(detail, 1):
        canvas.text(_PAD, first + 1.0 + _DETAIL_LINE * number, line, size=_SMALL)
    for x, words in (
        (columns.people, row.people),
        (columns.effect, row.effect),
        (columns.weight, _percent(row.weight)),
    ):
        canvas.text(x, base, words, colour=INK, anchor="end")


def _pooled(frame: Frame, forest: Forest, columns: _Columns, y: float) -> None:
    """The diamond and, below it, the prediction interval."""
    row = forest.pooled
    if row is None:
        return
    canvas, base = frame.canvas, y + 0.36 * SIZE
    ends = forest.cut(row.low, row.high)
    low, high = (frame.x.of(end) for end in ends)
    middle = min(max(frame.x.of(row.value), low), high)
    _diamond(canvas, (low, middle, high), y, _DIAMOND, f"{row.label}: {row.effect}")
    _arrows(frame, forest, row.low, row.high, y, POOL_COLOUR)
    canvas.text(_PAD, base, row.label, colour=INK, bold=True)
    canvas.text(columns.effect, base, row.effect, colour=INK, anchor="end", bold=True)
    if forest.prediction is not None:
        low, high, words = forest.prediction
        below = y + 30.0
        _span(frame, forest, low, high, below, Look(POOL_COLOUR, PREDICTION_WIDTH))
        canvas.text(_PAD, below + 0.36 * SIZE, FURTHER)
        canvas.text(columns.effect, below + 0.36 * SIZE, words, anchor="end")


def _diamond(
    canvas: Canvas, x: tuple[float, float, float], y: float, half: float, name: str = ""
) -> None:
    low, middle, high = x
    corners = [(low, y), (middle, y - half), (high, y), (middle, y + half)]
    canvas.fill(np.array(corners), Look(POOL_COLOUR), name=name)


def _span(frame: Frame, forest: Forest, low: float, high: float, y: float, look: Look) -> None:
    """A horizontal line, cut at the ends of the axis and with an arrow where it is cut."""
    a, b = forest.cut(low, high)
    frame.canvas.segments([(frame.x.of(a), y, frame.x.of(b), y)], look)
    _arrows(frame, forest, low, high, y, look.colour)


def _arrows(frame: Frame, forest: Forest, low: float, high: float, y: float, colour: str) -> None:
    first, last = forest.ends
    for cut, end, shape in (
        (low < first, first, "triangle-left"),
        (high > last, last, "triangle-right"),
    ):
        if cut:
            frame.canvas.point(frame.x.of(end), y, Look(colour), shape=shape, size=4.2)


def _flow(entries: Sequence[str], room: float) -> list[tuple[float, float]]:
    """Places of the entries of a legend beside each other, in as many lines as it takes."""
    places: list[tuple[float, float]] = []
    x = y = 0.0
    for words in entries:
        wide = _ENTRY + width(words)
        if x > 0.0 and x + wide > room:
            x, y = 0.0, y + _ENTRY_LINE
        places.append((x, y))
        x += wide + _ENTRY_GAP
    return places


def _entry(canvas: Canvas, words: str, x: float, y: float) -> None:
    middle, level = x + 15.0, y - 4.0
    line = (x + 4.0, level, x + 26.0, level)
    if words == STUDY:
        canvas.point(middle, level, Look(STUDY_COLOUR), shape="square", size=4.0)
    elif words == STUDY_INTERVAL:
        canvas.segments([line], Look(STUDY_COLOUR, STUDY_WIDTH))
    elif words == POOLED:
        _diamond(canvas, (x + 4.0, middle, x + 26.0), level, 5.0)
    else:
        canvas.segments([line], Look(POOL_COLOUR, PREDICTION_WIDTH))
    canvas.text(x + _ENTRY, y, words)


def _told(forest: Forest) -> str:
    """The plot in sentences, for readers who cannot see it."""
    studies = "; ".join(f"{row.label} {row.effect}" for row in forest.studies)
    told = f"{forest.x_title}. {studies}."
    if forest.pooled is not None:
        told += f" Pooled {forest.pooled.effect}."
    if forest.prediction is not None:
        told += f" {FURTHER} {forest.prediction[2]}."
    return told
