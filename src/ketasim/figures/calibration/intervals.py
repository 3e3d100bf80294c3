"""Drawings with names along an axis: intervals, correlations, rows beside predictions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ketasim._base.numbers import number
from ketasim.calibration.mood.tables import interval_in_priors
from ketasim.figures.svg import Axis, Canvas, Frame, Look
from ketasim.figures.svg.lettering import shortened, width, wrapped
from ketasim.figures.svg.palette import AXIS, COLOURS, GRID, INK

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ketasim.calibration.mood import Number

PUBLISHED: Final = INK
"""Colour of what is published where arms need no colours."""
PREDICTED: Final = COLOURS["ketamine"]
"""Colour of what is predicted there."""
UNMOVED: Final = AXIS
"""Colour of a number that the data did not move."""
PRIOR: Final = 0.2
"""Opacity of the interval before the fit."""
_TOP, _RIGHT, _BESIDE = 6.0, 22.0, 12.0  # px above, right and left of plots
_BESIDE_WIDTH, _BESIDE_ROW = 400.0, 24.0
_LABELS: Final = 0.62  # of the width, at most, for names of rows
_BELOW, _LINE = 22.0, 14.0  # px below a plot, and of each line of its title
_APART: Final = 6.0  # px between plots
_PLOT, _ROW = 350.0, 17.0  # of free numbers
_CELL, _GAP = 20.0, 1.0  # of correlations
_SCALE, _SCALE_STEPS = 252.0, 21
_POINT: Final = {True: 4.0, False: 3.3}  # px, half a side: of a full one and of a hollow one
_LIMIT: Final = 1.959963984540054


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


def beside_drawing(blocks: Sequence[BesideBlock], description: str) -> str:
    """Draw published values beside predictions, each block with an axis of its own.

    **Arguments:**

    - `blocks`: top to bottom. `description`: for readers who cannot see it.
    """
    labels = [row.label for block in blocks for row in block.rows]
    left = min(max(map(width, labels)) + _BESIDE, _LABELS * _BESIDE_WIDTH)
    titles = [len(wrapped(block.title, _BESIDE_WIDTH - 8.0)) for block in blocks]
    heights = [_BESIDE_ROW * len(block.rows) for block in blocks]
    full = sum(heights) + sum(_BELOW + _LINE * lines for lines in titles)
    canvas = Canvas(_BESIDE_WIDTH, math.ceil(_TOP + full + _APART * (len(blocks) - 1)))
    top = _TOP
    for block, height, lines in zip(blocks, heights, titles, strict=True):
        _beside_block(canvas, block, left, top, height)
        top += height + _BELOW + _LINE * lines + _APART
    first = blocks[0].rows[0].label if len(labels) == 1 else f"{len(labels)} values"
    scales = ", ".join(dict.fromkeys(block.title for block in blocks))
    told = f"{first}, each published value with its interval and its prediction: {scales}."
    return canvas.document(description, told)


def _beside_block(
    canvas: Canvas, block: BesideBlock, left: float, top: float, height: float
) -> None:
    frame = _rows(
        canvas,
        _beside_axis(block),
        [row.label for row in block.rows],
        left,
        top,
        (_BESIDE_WIDTH - _RIGHT - left, height),
    )
    _null_line(frame)
    for place, row in enumerate(block.rows):
        up = _height_of(place, len(block.rows))
        y = frame.y.of(up)
        low, high = (_inside(frame, value) for value in row.interval)
        frame.bar(*row.band, up, Look(PREDICTED, opacity=0.2), thick=14.0, name=row.note)
        predicted = _inside(frame, row.predicted)
        canvas.rect(predicted - 1.25, y - 9.0, 2.5, 18.0, Look(PREDICTED), name=row.note)
        canvas.segments([(low, y, high, y)], Look(PUBLISHED, 1.2))
        look = Look(PUBLISHED, 1.5)
        published = _inside(frame, row.published)
        size, open_ = _POINT[row.fitted], not row.fitted
        canvas.point(published, y, look, size=size, hollow=open_, name=row.note)


def _rows(
    canvas: Canvas,
    x: Axis,
    labels: Sequence[str],
    left: float,
    top: float,
    size: tuple[float, float],
) -> Frame:
    """A frame with a name for each of its rows, from the top down."""
    count = len(labels)
    short = [shortened(label, left - 8.0) for label in labels]
    names = {_height_of(place, count): label for place, label in enumerate(short)}
    y = Axis(0.0, float(count), names=names, grid=False)
    return Frame(x, y, width=size[0], height=size[1], canvas=canvas, left=left, top=top)


def _height_of(place: int, count: int) -> float:
    """Where on its axis the middle of a row lies."""
    return count - place - 0.5


def _inside(frame: Frame, value: float) -> float:
    """Pixels of a value, of one beyond the axis those of its end."""
    return frame.x.of(min(max(value, frame.x.axis.low), frame.x.axis.high))


def _null_line(frame: Frame) -> None:
    _, top, _, foot = frame.box
    if frame.x.axis.low < 0.0 < frame.x.axis.high:
        zero = frame.x.of(0.0)
        frame.canvas.segments([(zero, top, zero, foot)], Look(AXIS))


def _beside_axis(block: BesideBlock) -> Axis:
    if block.percent:
        return Axis(0.0, 1.0, block.title, style="percent")
    ends = [v for row in block.rows for v in (*row.interval, *row.band, row.predicted, 0.0)]
    room = 0.05 * (max(ends) - min(ends) or 1.0)
    low = min(ends) - (room if min(ends) < 0 else 0.0)
    return Axis(low, max(ends) + room, block.title)


def interval_drawing(numbers: Sequence[Number]) -> str:
    """Draw the free numbers after the fit, in prior SDs from their prior.

    **Arguments:**

    - `numbers`: top to bottom.
    """
    spans = [interval_in_priors(one) for one in numbers]
    reach = math.ceil(max(2.0, *(abs(v) for span in spans for v in span)) + 0.2)
    symbols = [one.symbol for one in numbers]
    left = math.ceil(max(map(width, symbols)) + _BESIDE)
    height = _ROW * len(numbers)
    canvas = Canvas(left + _PLOT + _BESIDE, math.ceil(_TOP + height + _BELOW + _LINE))
    x = Axis(-reach, reach, "prior SDs from the prior value")
    frame = _rows(canvas, x, symbols, left, _TOP, (_PLOT, height))
    frame.shade(-_LIMIT, _LIMIT, Look(UNMOVED, opacity=PRIOR), name="95 % prior interval")
    _null_line(frame)
    for place, (one, (middle, low, high)) in enumerate(zip(numbers, spans, strict=True)):
        y = frame.y.of(_height_of(place, len(numbers)))
        colour = PREDICTED if one.moved else UNMOVED
        note = f"{one.symbol}, {one.meaning}: {number(one.prior)} before, {number(one.value)} after"
        canvas.segments([(frame.x.of(low), y, frame.x.of(high), y)], Look(colour, 2.2))
        look = Look(colour, 1.5)
        size, open_ = _POINT[one.moved], not one.moved
        canvas.point(frame.x.of(middle), y, look, size=size, hollow=open_, name=note)
    moved = sum(one.moved for one in numbers)
    return canvas.document(
        "Free parameters after the fit, in prior SDs from the prior",
        f"{moved} of {len(numbers)} parameters moved or narrowed by the data; their 95 % intervals "
        "beside the 95 % prior interval, which reaches from −1.96 to 1.96.",
    )


def correlation_drawing(symbols: Sequence[str], correlation: NDArray[np.float64]) -> str:
    """Draw a correlation matrix as a heat map of its lower half.

    A name stands at the end of its row, which is the head of its column.

    **Arguments:**

    - `symbols`: of its rows and columns. `correlation`: shape (n, n).
    """
    side = _CELL * len(symbols)
    ends = [_CELL * place + 6.0 + width(symbol) for place, symbol in enumerate(symbols)]
    wide = math.ceil(max(*ends, _SCALE + 16.0) + 8.0)
    canvas = Canvas(wide, math.ceil(_TOP + side + 40.0))
    for i, symbol in enumerate(symbols):
        top = _TOP + _CELL * i
        for j, other in enumerate(symbols[:i]):
            value = float(correlation[i, j])
            note = f"{symbol}, {other}: {value:.2f}".replace("-", "−")
            _cell(canvas, 8.0 + _CELL * j, top, _CELL - _GAP, _CELL - _GAP, value, note)
        canvas.text(8.0 + _CELL * i + 2.0, top + 14.0, symbol)
    foot = _TOP + side + 10.0
    step = _SCALE / _SCALE_STEPS
    for i in range(_SCALE_STEPS):
        value = -1.0 + 2.0 * i / (_SCALE_STEPS - 1)
        _cell(canvas, 12.0 + step * i, foot, step, 10.0, value, "")
    for place, words in ((0.5, "−1"), (_SCALE_STEPS / 2, "0"), (_SCALE_STEPS - 0.5, "1")):
        canvas.text(12.0 + step * place, foot + 23.0, words, anchor="middle")
    strong = _strongest(symbols, correlation)
    return canvas.document("Correlation of the free parameters after the fit", strong)


def _cell(
    canvas: Canvas, x: float, y: float, wide: float, high: float, value: float, note: str
) -> None:
    """A patch of a colour as strong as a correlation, upon the grey of none."""
    canvas.rect(x, y, wide, high, Look(GRID, opacity=0.4))
    colour = COLOURS["ketamine" if value > 0 else "r"]
    share = round(min(abs(value), 1.0), 2)
    canvas.rect(x, y, wide, high, Look(colour, opacity=share), name=note)


def _strongest(symbols: Sequence[str], correlation: NDArray[np.float64]) -> str:
    """The largest correlations in words, for readers who cannot see the map."""
    pairs = [
        (float(correlation[i, j]), f"{symbols[i]} with {symbols[j]}")
        for i in range(len(symbols))
        for j in range(i)
    ]
    pairs.sort(key=lambda pair: -abs(pair[0]))
    told = ", ".join(f"{names} {value:.2f}".replace(" -", " −") for value, names in pairs[:3])
    return f"The strongest: {told}." if told else "A single parameter."
