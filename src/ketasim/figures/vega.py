"""Panels as altair charts for notebooks, in Vega-Lite, the grammar behind altair."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ketasim.figures.legend import (
    BAND,
    BAR,
    BAR_AND_TRIANGLE,
    LINE,
    MARKERS,
    TRIANGLE,
    Entry,
    legend_layer,
)
from ketasim.figures.panels import INNER, LINE_WIDTH, OUTER, POINT, Panel, Points
from ketasim.figures.svg.lettering import FONT
from ketasim.figures.svg.palette import GRID, INK, SOFT

if TYPE_CHECKING:
    import altair


def draw(panel: Panel) -> altair.LayerChart:
    """Draw a panel as an altair chart that stands alone, to be shown, saved or changed further.

    **Arguments:**

    - `panel`: what to draw; summaries only, never single patients.

    **Returns:** a chart on white, with a legend and the panel's notes below its title.
    """
    import altair as alt

    chart = specification(panel)
    entries = legend_entries(panel)
    if entries:
        chart["layer"] = [*chart["layer"], legend_layer(entries, width=panel.width)]
    if panel.title and panel.notes:
        chart["title"] |= {"subtitle": list(panel.notes)}
    chart["config"] = ALONE
    return alt.LayerChart.from_dict(chart)


def legend_entries(panel: Panel) -> list[Entry]:
    """What a panel draws, for a legend: lines, points, bands, doses; nothing that is not there.

    **Arguments:**

    - `panel`: its guides and its lines and points without a name are left out.
    """
    found: dict[str, Entry] = {}
    markers = {points.name: MARKERS.get(points.shape, points.shape) for points in panel.points}
    for line in panel.lines:
        # points of the same name stand on the line
        shape = LINE + markers.get(line.name, "")
        entry = Entry(line.name, shape, line.colour, dash=line.dash, stroke=LINE_WIDTH)
        found.setdefault(line.name, entry)
    for points in panel.points:
        entry = Entry(points.name, markers[points.name], points.colour, POINT)
        found.setdefault(points.name, entry)
    found.pop("", None)
    outer = {line.colour for line in panel.lines if line.outer}
    inner = {line.colour for line in panel.lines if line.inner}
    # the inner band lies upon the outer one
    both = 1.0 - (1.0 - OUTER) * (1.0 - INNER) if outer >= inner else INNER
    for text, colours, opacity in zip(panel.bands, (outer, inner), (OUTER, both), strict=True):
        if colours:
            colour = next(iter(colours)) if len(colours) == 1 else SOFT
            found[text] = Entry(text, BAND, colour, opacity)
    bars, spots = _doses(panel)
    if bars or spots:
        shape = BAR_AND_TRIANGLE if bars and spots else BAR if bars else TRIANGLE
        found[panel.marked] = Entry(panel.marked, shape, INK)
    return list(found.values())


def specification(panel: Panel) -> dict[str, Any]:
    """The chart in Vega-Lite, the grammar behind altair.

    Written out here because a report has many charts, and altair checks each part of each of them
    against the grammar: seconds, where drawing takes a tenth of one.

    **Arguments:**

    - `panel`: what to draw.
    """
    x = _axis("x", panel.x_title, panel.x_domain, panel.x_log, grid=panel.x_log)
    y = _axis("y", panel.y_title, panel.y_domain, panel.y_log, grid=True)
    if panel.percent:
        y["axis"]["format"] = "%"
    axes = {"x": x, "y": y}
    layers = [_guide(guide, axes) for guide in panel.guides]
    for line in panel.lines:
        for band, opacity in ((line.outer, OUTER), (line.inner, INNER)):
            if band is not None:
                rows = _rows(panel, x=line.x, y=band[0], y2=band[1])
                mark = {"type": "area", "color": line.colour, "opacity": opacity}
                layers.append(_layer(rows, mark, {**axes, "y2": {"field": "y2"}}))
    for line in panel.lines:
        mark = {"type": "line", "color": line.colour, "strokeWidth": LINE_WIDTH}
        mark |= {"strokeDash": list(line.dash)} if line.dash else {}
        layers.append(_layer(_rows(panel, x=line.x, y=line.y), mark, axes))
    layers += [_points(points, axes) for points in panel.points]
    layers += _marks(panel, x) if panel.marks else []
    return {
        "layer": layers,
        "width": panel.width,
        "height": panel.height,
        **({"title": _title(panel.title)} if panel.title else {}),
        "config": CONFIG,
    }


CONFIG: dict[str, Any] = {
    "font": FONT,
    "background": "transparent",
    "padding": 4,
    "view": {"stroke": None},
    "title": {"fontSize": 13, "fontWeight": 600, "color": INK},
    "axis": {
        "labelColor": SOFT,
        "labelFontSize": 11,
        "titleColor": SOFT,
        "titleFontSize": 11,
        "titleFontWeight": "normal",
        "gridColor": GRID,
        "domainColor": "#9aa5af",
        "tickColor": "#9aa5af",
        "tickSize": 4,
        "labelFlush": False,
        "tickCount": 6,
    },
}
ALONE: dict[str, Any] = {
    **CONFIG,
    "background": "white",
    "padding": 12,
    "title": {**CONFIG["title"], "subtitleColor": SOFT, "subtitleFontSize": 11},
    "legend": {"labelColor": SOFT, "labelFontSize": 11},
}
"""How a chart looks that stands alone: a notebook, or what shows a saved file, may be dark."""


def _title(text: str) -> dict[str, Any]:
    return {"text": text, "anchor": "start", "frame": "group", "offset": 8}


def _layer(
    rows: list[dict[str, Any]], mark: dict[str, Any], encoding: dict[str, Any], **more: Any
) -> dict[str, Any]:
    return {
        "data": {"values": rows},
        "mark": {"clip": True, "aria": False, **mark, **more},
        "encoding": encoding,
    }


def _axis(
    name: str, title: str, domain: tuple[float, float] | None, log: bool, *, grid: bool
) -> dict[str, Any]:
    scale: dict[str, Any] = {"type": "log" if log else "linear"}
    axis: dict[str, Any] = {"title": title or None, "grid": grid}
    if domain:
        scale |= {"domain": list(domain), "nice": False}
    if log:
        axis["format"] = "~g"
        # a logarithmic axis names its decades only
        if domain:
            axis["values"] = _decades(*domain)
    return {"field": name, "type": "quantitative", "scale": scale, "axis": axis}


def _decades(low: float, high: float) -> list[float]:
    first, last = math.floor(math.log10(low)), math.floor(math.log10(high)) + 1
    marks = [10.0**power for power in range(first, last + 1)]
    if last - first <= 2:
        marks = [step * mark for mark in marks for step in (1.0, 2.0, 5.0)]
    return [float(f"{mark:.6g}") for mark in marks if low <= mark <= high]


def _rows(panel: Panel, **columns: Sequence[float]) -> list[dict[str, float]]:
    """Rows of data; on a logarithmic axis nothing lies far below its lower end."""
    floor = panel.y_domain[0] if panel.y_log and panel.y_domain else None
    rows: list[dict[str, float]] = []
    for values in zip(*columns.values(), strict=True):
        row = {name: float(f"{value:.5g}") for name, value in zip(columns, values, strict=True)}
        if floor is not None:
            row |= {name: max(row[name], floor / 10) for name in row if name != "x"}
        rows.append(row)
    return rows


def _points(points: Points, axes: dict[str, Any]) -> dict[str, Any]:
    labels = points.labels or [""] * len(points.x)
    rows = [
        {"x": float(f"{a:.5g}"), "y": float(f"{b:.5g}"), "label": label}
        for a, b, label in zip(points.x, points.y, labels, strict=True)
    ]
    mark = {
        "type": "point",
        "shape": points.shape,
        "filled": True,
        "color": points.colour,
        "opacity": POINT,
        "size": 46,
        "stroke": "white",
        "strokeWidth": 0.6,
    }
    return _layer(rows, mark, {**axes, "description": {"field": "label"}}, aria=True)


def _guide(guide: tuple[Any, Any, tuple[int, ...]], axes: dict[str, Any]) -> dict[str, Any]:
    (x0, x1), (y0, y1), dash = guide
    mark: dict[str, Any] = {"type": "line", "color": SOFT, "strokeWidth": 1}
    mark |= {"strokeDash": list(dash)} if dash else {}
    return _layer([{"x": x0, "y": y0}, {"x": x1, "y": y1}], mark, axes)


def _marks(panel: Panel, x: dict[str, Any]) -> list[dict[str, Any]]:
    """Doses at the foot of the chart: a bar as long as the infusion, a triangle for the rest."""
    foot = {"value": panel.height}
    bars, spots = _doses(panel)
    layers: list[dict[str, Any]] = []
    if bars:
        mark = {"type": "rule", "color": INK, "strokeWidth": 5}
        layers.append(_layer(bars, mark, {"x": x, "x2": {"field": "x2"}, "y": foot}))
    if spots:
        mark = {"type": "point", "shape": "triangle-up", "filled": True, "color": INK}
        mark |= {"opacity": 1, "size": 42, "yOffset": -1}
        layers.append(_layer(spots, mark, {"x": x, "y": foot}, clip=False))
    return layers


def _doses(panel: Panel) -> tuple[list[dict[str, float]], list[dict[str, float]]]:
    """Doses within the chart, long ones and short ones."""
    if not panel.marks:
        return [], []
    first, last = panel.x_domain or (min(a for a, _ in panel.marks), max(b for _, b in panel.marks))
    # a bar too short to be seen is drawn as a triangle
    short = 0.012 * (last - first)
    shown = [(a, b) for a, b in panel.marks if b >= first and a <= last]
    bars = [{"x": a, "x2": b} for a, b in shown if b - a > short]
    return bars, [{"x": a} for a, b in shown if b - a <= short]
