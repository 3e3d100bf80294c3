"""Forest plot for a narrow screen: the words of a study above its interval."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from ketasim.figures.forest.drawing import POOL_COLOUR, PREDICTION_WIDTH, STUDY_COLOUR, STUDY_WIDTH
from ketasim.figures.forest.rows import FURTHER, Forest, ForestRow
from ketasim.figures.svg import Axis, Canvas, Frame, Look
from ketasim.figures.svg.lettering import wrapped
from ketasim.figures.svg.palette import AXIS, INK

_WIDE, _PAD = 330.0, 6.0  # px across, and around the plot
_NAME, _DETAIL, _BAR = 15.0, 12.0, 22.0  # px: lines of words, and room of an interval
_SMALL: Final = 10.0
_DIAMOND = 7.0  # px, half of its height


def forest_narrow(forest: Forest) -> str:
    """Draw what a forest plot shows as SVG that stays readable at 360 pixels.

    **Arguments:**

    - `forest`: its rows and axis.
    """
    room = _WIDE - 2 * _PAD
    details = [wrapped(row.detail, room, _SMALL) for row in forest.studies]
    heights = [_NAME + _DETAIL * len(lines) + _BAR for lines in details]
    pooled = (_NAME + _BAR) if forest.pooled is not None else 0.0
    further = (_NAME + _BAR) if forest.prediction is not None else 0.0
    foot = _PAD + sum(heights) + pooled + further
    canvas = Canvas(_WIDE, math.ceil(foot + 66.0))
    names = {step: f"{step:g}" for step in forest.steps} if forest.log else None
    x = Axis(*forest.ends, forest.x_title, log=forest.log, names=names, grid=False)
    y = Axis(0.0, 1.0, labels=False, grid=False)
    frame = Frame(x, y, width=room, height=foot - _PAD, canvas=canvas, left=_PAD, top=_PAD)
    null = frame.x.of(forest.null)
    canvas.segments([(null, _PAD, null, foot)], Look(AXIS))
    at = _PAD
    for row, lines, height in zip(forest.studies, details, heights, strict=True):
        _words(canvas, row, lines, at)
        middle = at + height - _BAR / 2.0
        _span(frame, forest, row.low, row.high, middle, Look(STUDY_COLOUR, STUDY_WIDTH))
        half = math.sqrt(30.0 + 190.0 * row.weight) / 2.0
        look = Look(STUDY_COLOUR)
        canvas.point(frame.x.of(row.value), middle, look, shape="square", size=half)
        at += height
    if forest.pooled is not None:
        _words(canvas, forest.pooled, [], at)
        _diamond(frame, forest, forest.pooled, at + _NAME + _BAR / 2.0)
        at += pooled
    if forest.prediction is not None:
        low, high, text = forest.prediction
        canvas.text(_PAD, at + 11.0, FURTHER, size=_SMALL)
        canvas.text(_WIDE - _PAD, at + 11.0, text, size=_SMALL, anchor="end")
        middle = at + _NAME + _BAR / 2.0
        _span(frame, forest, low, high, middle, Look(POOL_COLOUR, PREDICTION_WIDTH))
    left, right = forest.sides
    canvas.text(_PAD, foot + 52.0, f"← {left}", size=_SMALL)
    canvas.text(_WIDE - _PAD, foot + 52.0, f"{right} →", size=_SMALL, anchor="end")
    return canvas.document(forest.title, " ".join(forest.lines))


def _words(canvas: Canvas, row: ForestRow, details: list[str], top: float) -> None:
    canvas.text(_PAD, top + 12.0, row.label, colour=INK, bold=True, halo=True)
    canvas.text(_WIDE - _PAD, top + 12.0, row.effect, colour=INK, anchor="end", halo=True)
    for number, line in enumerate(details, 1):
        canvas.text(_PAD, top + 12.0 + _DETAIL * number, line, size=_SMALL, halo=True)


def _diamond(frame: Frame, forest: Forest, row: ForestRow, y: float) -> None:
    low, high = (frame.x.of(end) for end in forest.cut(row.low, row.high))
    middle = min(max(frame.x.of(row.value), low), high)
    corners = [(low, y), (middle, y - _DIAMOND), (high, y), (middle, y + _DIAMOND)]
    frame.canvas.fill(np.array(corners), Look(POOL_COLOUR))


def _span(frame: Frame, forest: Forest, low: float, high: float, y: float, look: Look) -> None:
    a, b = forest.cut(low, high)
    frame.canvas.segments([(frame.x.of(a), y, frame.x.of(b), y)], look)
    first, last = forest.ends
    for cut, end, shape in (
        (low < first, first, "triangle-left"),
        (high > last, last, "triangle-right"),
    ):
        if cut:
            frame.canvas.point(frame.x.of(end), y, Look(look.colour), shape=shape, size=4.2)
