"""Drawings with names along an axis: intervals, correlations, rows beside predictions."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ketasim._base.numbers import number
from ketasim.calibration.mood.tables import interval_in_priors
from ketasim.figures.panels import COLOURS, FONT, GRID, INK, SOFT

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ketasim.calibration.mood import Number

PUBLISHED: Final = INK
"""Colour of what is published where arms need no colours."""
PREDICTED: Final = COLOURS["ketamine"]
"""Colour of what is predicted there."""
UNMOVED: Final = "#9aa5af"
"""Colour of a number that the data did not move."""
_WIDTH: Final = 400
_NEGATIVE: Final = (180, 83, 26)
_POSITIVE: Final = (31, 78, 121)
_SMALL: Final = 11
_LABEL: Final = 6.3  # width of a letter, px


@dataclass(frozen=True)
class BesideRow:
    """A published value beside its prediction.

    **Arguments:**

    - `label`: of the row. `note`: what it is, in full.
    - `published`: value. `interval`: its 95 % interval. `fitted`: it entered the fit.
    - `predicted`: value. `band`: 90 % of trials of that size.
    """

    label: str
    note: str
    published: float
    interval: tuple[float, float]
    fitted: bool
    predicted: float
    band: tuple[float, float]


@dataclass(frozen=True)
class BesideBlock:
    """Rows on one axis.

    **Arguments:**

    - `title`: of the axis, with the unit. `rows`: top to bottom.
    - `percent`: fractions, written as percent.
    """

    title: str
    rows: tuple[BesideRow, ...]
    percent: bool = False


class _Canvas:
    """Elements of an SVG, collected."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def line(
        self, x: tuple[float, float], y: tuple[float, float], colour: str, width: float = 1.0
    ) -> None:
        self.parts.append(
            f'<line x1="{x[0]:.1f}" x2="{x[1]:.1f}" y1="{y[0]:.1f}" y2="{y[1]:.1f}" '
            f'stroke="{colour}" stroke-width="{width:g}"/>'
        )

    def box(
        self,
        corner: tuple[float, float],
        size: tuple[float, float],
        colour: str,
        opacity: float = 1.0,
        note: str = "",
    ) -> None:
        title = f"<title>{html.escape(note)}</title>" if note else ""
        faint = f' fill-opacity="{opacity:g}"' if opacity < 1 else ""
        self.parts.append(
            f'<rect x="{corner[0]:.1f}" y="{corner[1]:.1f}" width="{max(size[0], 0.5):.1f}" '
            f'height="{size[1]:.1f}" fill="{colour}"{faint}>{title}</rect>'
        )

    def dot(self, x: float, y: float, colour: str, *, filled: bool = True, note: str = "") -> None:
        title = f"<title>{html.escape(note)}</title>" if note else ""
        fill = colour if filled else "#ffffff"
        self.parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.4" fill="{fill}" stroke="{colour}" '
            f'stroke-width="1.5">{title}</circle>'
        )

    def text(
        self, x: float, y: float, words: str, *, anchor: str = "start", turn: bool = False
    ) -> None:
        turned = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turn else ""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{turned}>'
            f"{html.escape(words)}</text>"
        )

    def svg(self, width: float, height: float, description: str) -> str:
        label = html.escape(description, quote=True)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
            f'font-family="{html.escape(FONT, quote=True)}" font-size="{_SMALL}" fill="{SOFT}" '
            f'role="img" aria-label="{label}" style="max-width:{width:.0f}px">'
            + "".join(self.parts)
            + "</svg>"
        )


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        inside = min(max(value, self.low), self.high)
        return self.start + (inside - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self) -> list[float]:
        rough = (self.high - self.low) / 4
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(s * power for s in (1.0, 2.0, 5.0, 10.0) if s * power >= rough * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        count = math.floor(self.high / step + 1e-9) - first + 1
        return [round((first + i) * step, 10) for i in range(count)]


def beside_drawing(blocks: Sequence[BesideBlock], description: str) -> str:
    """Draw published values beside predictions, each block with an axis of its own.

    **Arguments:**

    - `blocks`: top to bottom. `description`: for readers who cannot see it.
    """
    canvas = _Canvas()
    longest = max(len(row.label) for block in blocks for row in block.rows)
    left = min(_LABEL * longest + 12, 0.62 * _WIDTH)
    top = 6.0
    for block in blocks:
        axis = _axis_of(block, left)
        foot = top + 24 * len(block.rows)
        for tick in axis.ticks():
            canvas.line((axis.at(tick), axis.at(tick)), (top, foot), GRID)
            words = f"{100 * tick:g} %" if block.percent else f"{tick:g}".replace("-", "−")
            canvas.text(axis.at(tick), foot + 13, words, anchor="middle")
        canvas.line((axis.start, axis.end), (foot, foot), "#9aa5af")
        half = _LABEL * len(block.title) / 2
        middle = min((axis.start + axis.end) / 2, max(_WIDTH - half, _WIDTH / 2))
        canvas.text(middle, foot + 27, block.title, anchor="middle")
        for i, row in enumerate(block.rows):
            y = top + 24 * i + 12
            low, high = (axis.at(v) for v in row.band)
            canvas.text(left - 8, y + 4, row.label, anchor="end")
            canvas.box((low, y - 7), (high - low, 14), PREDICTED, 0.17, row.note)
            canvas.box((axis.at(row.predicted) - 1.25, y - 9), (2.5, 18), PREDICTED, 1, row.note)
            ends = (axis.at(row.interval[0]), axis.at(row.interval[1]))
            canvas.line(ends, (y, y), PUBLISHED, 1.2)
            canvas.dot(axis.at(row.published), y, PUBLISHED, filled=row.fitted, note=row.note)
        top = foot + 42
    return canvas.svg(_WIDTH, top - 6, description)


def _axis_of(block: BesideBlock, left: float) -> _Axis:
    if block.percent:
        return _Axis(0.0, 1.0, left, _WIDTH - 22)
    ends = [v for row in block.rows for v in (*row.interval, *row.band, row.predicted, 0.0)]
    room = 0.05 * (max(ends) - min(ends) or 1.0)
    return _Axis(min(ends) - (room if min(ends) < 0 else 0.0), max(ends) + room, left, _WIDTH - 22)


def interval_drawing(numbers: Sequence[Number]) -> str:
    """Draw the free numbers after the fit, in prior SDs from their prior.

    **Arguments:**

    - `numbers`: top to bottom.
    """
    canvas = _Canvas()
    spans = [interval_in_priors(one) for one in numbers]
    reach = math.ceil(max(2.0, *(abs(v) for span in spans for v in span)) + 0.2)
    left = max(92.0, _LABEL * max(len(one.symbol) for one in numbers) + 12)
    width, row = 460, 17
    axis = _Axis(-reach, reach, left, width - 12)
    foot = 6.0 + row * len(numbers)
    canvas.box(
        (axis.at(-1.96), 6),
        (axis.at(1.96) - axis.at(-1.96), foot - 6),
        UNMOVED,
        0.16,
        "95 % prior interval",
    )
    for tick in range(-reach, reach + 1):
        canvas.line((axis.at(tick), axis.at(tick)), (6, foot), GRID if tick else "#9aa5af")
        canvas.text(axis.at(tick), foot + 14, f"{tick}".replace("-", "−"), anchor="middle")
    canvas.text(
        (axis.start + axis.end) / 2, foot + 30, "prior SDs from the prior value", anchor="middle"
    )
    for i, (one, (middle, low, high)) in enumerate(zip(numbers, spans, strict=True)):
        y = 6 + row * (i + 0.5)
        colour = PREDICTED if one.moved else UNMOVED
        note = f"{one.symbol}, {one.meaning}: {number(one.prior)} before, {number(one.value)} after"
        canvas.text(left - 8, y + 4, one.symbol, anchor="end")
        canvas.line((axis.at(low), axis.at(high)), (y, y), colour, 2.2)
        canvas.dot(axis.at(middle), y, colour, filled=one.moved, note=note)
    return canvas.svg(
        width, foot + 36, "Free parameters after the fit, in prior SDs from the prior"
    )


def correlation_drawing(symbols: Sequence[str], correlation: NDArray[np.float64]) -> str:
    """Draw a correlation matrix as a heat map.

    **Arguments:**

    - `symbols`: of its rows and columns. `correlation`: shape (n, n).
    """
    canvas = _Canvas()
    cell, left, top = 20, 92, 92
    for i, symbol in enumerate(symbols):
        canvas.text(left - 6, top + cell * i + 14, symbol, anchor="end")
        canvas.text(left + cell * i + 14, top - 6, symbol, turn=True)
        for j, other in enumerate(symbols):
            value = float(correlation[i, j])
            note = f"{symbol}, {other}: {value:.2f}".replace("-", "−")
            corner = (left + cell * j, top + cell * i)
            canvas.box(corner, (cell - 1, cell - 1), _shade(value), note=note)
    side = left + cell * len(symbols)
    scale = top + cell * len(symbols) + 12
    for i in range(21):
        value = -1 + i / 10
        canvas.box((left + 12 * i, scale), (12, 10), _shade(value))
    for value, place in ((-1, left + 6), (0, left + 126), (1, left + 246)):
        canvas.text(place, scale + 24, f"{value}".replace("-", "−"), anchor="middle")
    return canvas.svg(side + 8, scale + 30, "Correlation of the free parameters after the fit")


def _shade(value: float) -> str:
    full = _POSITIVE if value > 0 else _NEGATIVE
    share = min(abs(value), 1.0)
    return "#" + "".join(f"{round(247 + share * (c - 247)):02x}" for c in full)
