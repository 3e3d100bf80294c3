"""Panels of lines, bands, points and doses: what a chart shows, and its drawing as SVG."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base.numbers import number, percent
from ketasim.figures.figure import RING
from ketasim.figures.svg import Axis, Frame, Look, nice
from ketasim.figures.svg.lettering import FONT
from ketasim.figures.svg.palette import COLOURS, GRID, INK, SOFT

__all__ = [
    "COLOURS",
    "FONT",
    "GRID",
    "INK",
    "SOFT",
    "Line",
    "Panel",
    "Points",
    "Twin",
    "extremes",
    "svg",
    "twin_of",
]

Array = NDArray[np.float64]

LINE_WIDTH: Final = 1.8
"""Of a line, pixels."""
OUTER: Final = 0.17
"""Opacity of the outer band."""
INNER: Final = 0.30
"""Opacity of the inner band, which lies upon the outer one."""
POINT: Final = 0.72
"""Opacity of a point."""
_POINT_SIZE: Final = 3.4  # px, half a side
_BINS: Final = 260  # stretches of a curve that are kept


@dataclass(frozen=True)
class Line:
    """A line with up to two bands around it.

    **Arguments:**

    - `name`: what it shows.
    - `x`, `y`: numbers of one length.
    - `outer`, `inner`: (low, high) of the 5-95 % and the 25-75 % band.
    - `colour`, `dash`: how it looks; a dash is lengths of strokes and gaps.
    - `label`: words at its end, in a report.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    outer: tuple[Sequence[float], Sequence[float]] | None = None
    inner: tuple[Sequence[float], Sequence[float]] | None = None
    colour: str = COLOURS["ketamine"]
    dash: tuple[int, ...] = ()
    label: str = ""


@dataclass(frozen=True)
class Points:
    """A set of points.

    **Arguments:**

    - `name`: what they show.
    - `x`, `y`: numbers of one length.
    - `labels`: what each one is, for readers of the file.
    - `colour`, `shape`: how they look; a shape of Vega.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    labels: Sequence[str] = ()
    colour: str = COLOURS["ketamine"]
    shape: str = "circle"


@dataclass(frozen=True)
class Panel:
    """One chart.

    **Arguments:**

    - `title`: above the chart. `x_title`, `y_title`: of the axes, with units.
    - `lines`, `points`: what is drawn.
    - `marks`: (start, end) of the doses, drawn along the x axis.
    - `bands`: what the outer and the inner band are. `marked`: what `marks` are. `notes`: lines
      below the title. A chart that stands alone says them; a report has its own legend.
    - `x_domain`, `y_domain`: ends of the axes.
    - `x_log`, `y_log`: logarithmic axes. `percent`: fractions are written as percent.
    - `guides`: straight lines as ((x, x), (y, y), dash).
    - `width`, `height`: of the plot itself.
    """

    title: str
    x_title: str
    y_title: str
    lines: tuple[Line, ...] = ()
    points: tuple[Points, ...] = ()
    marks: tuple[tuple[float, float], ...] = ()
    bands: tuple[str, str] = ("5-95 %", "25-75 %")
    marked: str = "doses"
    notes: tuple[str, ...] = ()
    x_domain: tuple[float, float] | None = None
    y_domain: tuple[float, float] | None = None
    x_log: bool = False
    y_log: bool = False
    percent: bool = False
    guides: tuple[tuple[tuple[float, float], tuple[float, float], tuple[int, ...]], ...] = field(
        default=()
    )
    width: int = 300
    height: int = 190


def extremes(times: Array, values: Array) -> NDArray[np.int64]:
    """Positions that keep the shape: the highest and lowest of each of many short stretches.

    **Arguments:**

    - `times`, `values`: shape (T,), times ascending.
    """
    if len(times) <= 2 * _BINS:
        return np.arange(len(times))
    bins = np.floor((times - times[0]) / (times[-1] - times[0]) * _BINS).clip(max=_BINS - 1)
    first = np.flatnonzero(np.concatenate([[True], bins[1:] != bins[:-1]]))
    # within a stretch by value: the lowest is its first, the highest its last
    order = np.lexsort((values, bins))
    last = np.append(first[1:] - 1, len(times) - 1)
    return np.unique(np.concatenate([[0, len(times) - 1], order[first], order[last]]))


def svg(panel: Panel, description: str) -> str:
    """Draw a panel as SVG that stands in a page.

    **Arguments:**

    - `panel`: what to draw.
    - `description`: what the figure shows, for readers who cannot see it.

    **Returns:** an `<svg>` element that scales with the page; its ids are its own.
    """
    x, y = _x_axis(panel), _y_axis(panel)
    labelled = [line for line in panel.lines if line.label]
    frame = Frame(
        x,
        y,
        width=panel.width,
        height=panel.height,
        title=panel.title,
        labels=[line.label for line in labelled],
    )
    for across, up, dash in panel.guides:
        frame.line(across, up, Look(SOFT, 1.0, dash))
    for line in panel.lines:
        for band, opacity in ((line.outer, OUTER), (line.inner, INNER)):
            if band is not None:
                frame.band(line.x, *band, Look(line.colour, opacity=opacity))
    for line in panel.lines:
        frame.line(line.x, line.y, Look(line.colour, LINE_WIDTH, line.dash))
    for points in panel.points:
        hollow = points.shape == RING
        frame.points(
            points.x,
            points.y,
            Look(points.colour, 1.5, opacity=1.0 if hollow else POINT),
            shape="circle" if hollow else points.shape,
            size=_POINT_SIZE,
            hollow=hollow,
            names=points.labels,
        )
    frame.doses(panel.marks)
    ends = [(line.label, line.colour, _last(line, x)) for line in labelled]
    frame.end_labels([one for one in ends if math.isfinite(one[2])])
    return frame.canvas.document(panel.title or description, _told(panel, description, x, y))


@dataclass(frozen=True)
class Twin:
    """The numbers of a panel as a table, for readers who cannot see it or want them.

    **Arguments:**

    - `title`: of the panel. `heads`: of the columns. `rows`: cells in words.
    """

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def twin_of(panel: Panel, rows: int = 13) -> Twin:
    """A panel's lines as a table at times that are evenly apart, its peaks among them.

    **Arguments:**

    - `panel`: with lines. `rows`: of the table, about.
    """
    lines = [line for line in panel.lines if len(line.x)]
    if not lines:
        return Twin(panel.title, (panel.x_title, panel.y_title), ())
    low, high = panel.x_domain or _ends(x for line in lines for x in line.x)
    peaks = [line.x[int(np.argmax(line.y))] for line in lines]
    wanted = np.unique([*np.linspace(low, high, rows), *(x for x in peaks if low <= x <= high)])
    # what is written the same is one row
    at = {number(float(x)): float(x) for x in wanted}
    write = percent if panel.percent else number
    heads = [f"{line.name}, {panel.y_title}" for line in lines]
    cells = [
        (words, *(write(float(np.interp(x, line.x, line.y))) for line in lines))
        for words, x in at.items()
    ]
    return Twin(panel.title, (panel.x_title, *heads), tuple(cells))


_TIMES: Final = ("minutes", "hours", "days")


def _x_axis(panel: Panel) -> Axis:
    first = panel.x_title.partition(" ")[0]
    style = first if first in _TIMES else "number"
    low, high = panel.x_domain or _ends(v for one in (*panel.lines, *panel.points) for v in one.x)
    return Axis(low, high, panel.x_title, panel.x_log, style, grid=panel.x_log)


def _y_axis(panel: Panel) -> Axis:
    style = "percent" if panel.percent else "number"
    if panel.y_domain is not None:
        return Axis(*panel.y_domain, panel.y_title, panel.y_log, style)
    low, high = _ends(
        v
        for one in (*panel.lines, *panel.points)
        for side in (one.y, *(getattr(one, "outer", None) or ()))
        for v in side
    )
    if panel.y_log:
        return Axis(low, high, panel.y_title, True, style)
    return Axis(*nice(min(low, 0.0), max(high, 0.0)), panel.y_title, False, style)


def _ends(values: Iterable[float]) -> tuple[float, float]:
    finite = [value for value in values if math.isfinite(value)]
    return (min(finite), max(finite)) if finite else (0.0, 1.0)


def _last(line: Line, x: Axis) -> float:
    """The value at the right end of what is seen of a line."""
    seen = [(a, b) for a, b in zip(line.x, line.y, strict=True) if a <= x.high and math.isfinite(b)]
    return max(seen)[1] if seen else math.nan


def _told(panel: Panel, description: str, x: Axis, y: Axis) -> str:
    """What the figure shows, with the ends of its axes."""
    unit, sign = (100.0, " %") if panel.percent else (1.0, "")
    across = f"{x.low:.3g} to {x.high:.3g} {panel.x_title}"
    up = f"{panel.y_title}, {unit * y.low:.3g} to {unit * y.high:.3g}{sign}"
    return f"{description}. Horizontal axis: {across}. Vertical axis: {up}."
