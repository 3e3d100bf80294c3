"""Figures: panels of lines and bands, drawn by altair and turned into SVG without a browser."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import altair

INK = "#1c2733"
SOFT = "#5b6774"
GRID = "#e3e7ea"
FONT = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"
COLOURS = {
    "ketamine": "#1f4e79",
    "s": "#0a7f74",
    "r": "#b4531a",
    "norketamine": "#6b4596",
    "hnk": "#94600a",
    "block": "#8c2f4a",
}
"""Colours that keep apart in grey as well, with the dashes of the lines."""

_numbers = count(1)


@dataclass(frozen=True)
class Line:
    """A line with up to two bands around it.

    **Arguments:**

    - `name`: what it shows.
    - `x`, `y`: numbers of one length.
    - `outer`, `inner`: (low, high) of the 5-95 % and the 25-75 % band.
    - `colour`, `dash`: how it looks; a dash is lengths of strokes and gaps.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    outer: tuple[Sequence[float], Sequence[float]] | None = None
    inner: tuple[Sequence[float], Sequence[float]] | None = None
    colour: str = COLOURS["ketamine"]
    dash: tuple[int, ...] = ()


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


def draw(panel: Panel) -> altair.LayerChart:
    """Draw a panel with altair.

    **Arguments:**

    - `panel`: what to draw; summaries only, never single patients.
    """
    import altair as alt

    x = _axis(alt.X, "x", panel.x_title, panel.x_domain, panel.x_log, grid=panel.x_log)
    y = _axis(alt.Y, "y", panel.y_title, panel.y_domain, panel.y_log, grid=True)
    if panel.percent:
        y = y.axis(format="%", title=panel.y_title or None)
    layers: list[Any] = [_guide(guide, x, y) for guide in panel.guides]
    for line in panel.lines:
        for band, opacity in ((line.outer, 0.17), (line.inner, 0.30)):
            if band is not None:
                rows = _rows(panel, x=line.x, y=band[0], y2=band[1])
                area = alt.Chart(alt.Data(values=rows)).mark_area(
                    color=line.colour, opacity=opacity, clip=True, aria=False
                )
                layers.append(area.encode(x=x, y=y, y2=alt.Y2("y2")))
    for line in panel.lines:
        stroke = alt.Chart(alt.Data(values=_rows(panel, x=line.x, y=line.y))).mark_line(
            color=line.colour,
            strokeWidth=1.8,
            strokeDash=list(line.dash) or alt.Undefined,
            clip=True,
            aria=False,
        )
        layers.append(stroke.encode(x=x, y=y))
    for points in panel.points:
        layers.append(_points(points, x, y))
    if panel.marks:
        layers += _marks(panel, x)
    chart = alt.layer(*layers).properties(
        width=panel.width,
        height=panel.height,
        title=alt.TitleParams(panel.title, anchor="start", frame="group", offset=8)
        if panel.title
        else alt.Undefined,
    )
    return _styled(chart)


def _axis(
    kind: Any,
    name: str,
    title: str,
    domain: tuple[float, float] | None,
    log: bool,
    *,
    grid: bool,
) -> Any:
    import altair as alt

    scale = alt.Scale(
        domain=list(domain) if domain else alt.Undefined,
        type="log" if log else "linear",
        nice=False if domain else alt.Undefined,
    )
    axis = alt.Axis(title=title or None, grid=grid, format="~g" if log else alt.Undefined)
    # a logarithmic axis names its decades only
    if log and domain:
        axis.values = _decades(*domain)
    return kind(f"{name}:Q", scale=scale, axis=axis)


def _decades(low: float, high: float) -> list[float]:
    from math import floor, log10

    first, last = floor(log10(low)), floor(log10(high)) + 1
    marks = [10.0**power for power in range(first, last + 1)]
    if last - first <= 2:
        marks = [step * mark for mark in marks for step in (1.0, 2.0, 5.0)]
    return [float(f"{mark:.6g}") for mark in marks if low <= mark <= high]


def _rows(panel: Panel, **columns: Sequence[float]) -> list[dict[str, float]]:
    """Rows for altair; on a logarithmic axis nothing lies below its lower end."""
    floor = panel.y_domain[0] if panel.y_log and panel.y_domain else None
    rows: list[dict[str, float]] = []
    for values in zip(*columns.values(), strict=True):
        row = {name: float(f"{value:.5g}") for name, value in zip(columns, values, strict=True)}
        if floor is not None:
            row |= {name: max(row[name], floor / 10) for name in row if name != "x"}
        rows.append(row)
    return rows


def _points(points: Points, x: Any, y: Any) -> Any:
    import altair as alt

    labels = points.labels or [""] * len(points.x)
    rows = [
        {"x": float(f"{a:.5g}"), "y": float(f"{b:.5g}"), "label": label}
        for a, b, label in zip(points.x, points.y, labels, strict=True)
    ]
    chart = alt.Chart(alt.Data(values=rows)).mark_point(
        shape=points.shape,
        filled=True,
        color=points.colour,
        opacity=0.72,
        size=46,
        stroke="white",
        strokeWidth=0.6,
        clip=True,
    )
    # without a browser's script the description is what a pointer shows
    return chart.encode(x=x, y=y, description=alt.Description("label:N"))


def _guide(guide: tuple[Any, Any, tuple[int, ...]], x: Any, y: Any) -> Any:
    import altair as alt

    (x0, x1), (y0, y1), dash = guide
    rows = [{"x": x0, "y": y0}, {"x": x1, "y": y1}]
    line = alt.Chart(alt.Data(values=rows)).mark_line(
        color=SOFT,
        strokeWidth=1,
        strokeDash=list(dash) or alt.Undefined,
        clip=True,
        aria=False,
    )
    return line.encode(x=x, y=y)


def _marks(panel: Panel, x: Any) -> list[Any]:
    """Doses at the foot of the chart: a bar as long as the infusion, a triangle for the rest."""
    import altair as alt

    height = alt.value(panel.height)
    first, last = panel.x_domain or (min(a for a, _ in panel.marks), max(b for _, b in panel.marks))
    # a bar too short to be seen is drawn as a triangle
    short = 0.012 * (last - first)
    bars = [{"x": a, "x2": b} for a, b in panel.marks if b - a > short and a <= last]
    spots = [{"x": a} for a, b in panel.marks if b - a <= short and a <= last]
    layers: list[Any] = []
    if bars:
        bar = alt.Chart(alt.Data(values=bars)).mark_rule(
            color=INK, strokeWidth=5, clip=True, aria=False
        )
        layers.append(bar.encode(x=x, x2=alt.X2("x2"), y=height))
    if spots:
        spot = alt.Chart(alt.Data(values=spots)).mark_point(
            shape="triangle-up", filled=True, color=INK, opacity=1, size=42, yOffset=-1, aria=False
        )
        layers.append(spot.encode(x=x, y=height))
    return layers


def _styled(chart: Any) -> Any:
    return (
        chart.configure(font=FONT, background="transparent", padding=4)
        .configure_view(stroke=None)
        .configure_title(fontSize=13, fontWeight=600, color=INK)
        .configure_axis(
            labelColor=SOFT,
            labelFontSize=11,
            titleColor=SOFT,
            titleFontSize=11,
            titleFontWeight="normal",
            gridColor=GRID,
            domainColor="#9aa5af",
            tickColor="#9aa5af",
            tickSize=4,
            labelFlush=False,
            tickCount=6,
        )
    )


def svg(panel: Panel, description: str) -> str:
    """Draw a panel as SVG that stands in a page.

    **Arguments:**

    - `panel`: what to draw.
    - `description`: what the figure shows, for readers who cannot see it.

    **Returns:** an `<svg>` element that scales with the page; its ids are its own.
    """
    import html

    import vl_convert

    text = vl_convert.vegalite_to_svg(draw(panel).to_dict())
    number = next(_numbers)
    text = text[text.index("<svg") :]
    # figures in one page must not share the ids of their clips
    text = re.sub(r'\bid="', f'id="f{number}-', text)
    text = re.sub(r"url\(#", f"url(#f{number}-", text)
    text = re.sub(r'href="#', f'href="#f{number}-', text)
    # a hundredth of a pixel is enough
    text = re.sub(r"-?\d+\.\d{3,}", lambda hit: f"{round(float(hit[0]), 2):g}", text)
    # what a point is shows under the pointer
    text = re.sub(
        r'<path aria-label="([^"]*)" role="graphics-symbol" aria-roledescription="point"([^>]*)/>',
        r"<path\2><title>\1</title></path>",
        text,
    )
    head = text[: text.index(">") + 1]
    label = html.escape(description, quote=True)
    kept = re.sub(r'\s(?:width|height|class|style|role|aria-\w+)="[^"]*"', "", head)
    return (
        kept[:-1].rstrip()
        + f' role="img" aria-label="{label}" style="max-width:{_width(head)}px">'
        + text[len(head) :]
    )


def _width(head: str) -> int:
    hit = re.search(r'\bwidth="([\d.]+)"', head)
    return round(float(hit[1])) if hit else 0
