"""Forest plot as an altair chart for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ketasim.figures.forest.drawing import (
    POOL_COLOUR,
    PREDICTION_WIDTH,
    STUDY_COLOUR,
    STUDY_WIDTH,
)
from ketasim.figures.forest.rows import (
    FURTHER,
    HEADS,
    POOLED,
    STUDY,
    STUDY_INTERVAL,
    Forest,
    forest_of,
)
from ketasim.figures.legend import LINE, MARKERS, Entry, legend_layer
from ketasim.figures.svg.palette import AXIS, INK, SOFT
from ketasim.figures.vega import ALONE

if TYPE_CHECKING:
    import altair

    from ketasim.synthesis import MetaResult

_WIDTH, _ROW = 300, 38  # of the plot itself, pixels
_LEFT, _PEOPLE, _EFFECT, _WEIGHT = -370, 105, 250, 305  # where the columns of words stand
_DIAMOND = "M-1.5,0L0,-0.75L1.5,0L0,0.75Z"
_MOST = 64  # letters of a description


def forest_plot(result: MetaResult) -> altair.LayerChart:
    """Draw a forest plot as an altair chart.

    **Arguments:**

    - `result`: of `pool_comparable`; it has at least one study.

    **Returns:** a chart; squares are as large as the weight, the diamond is the pooled effect with
    the interval asked for, the bar below it the 95 % prediction interval. What does not fit ends in
    an arrow.
    """
    import altair as alt

    return alt.LayerChart.from_dict(_chart(forest_of(result)))


def _chart(forest: Forest) -> dict[str, Any]:
    # rows count from the top; the pooled effect stands apart from the studies
    rows = len(forest.studies) + (0.35 if forest.pooled is not None else 0.0)
    foot = rows + (1.0 if forest.pooled is not None else 0.0)
    foot += 0.8 if forest.prediction is not None else 0.0
    y = {
        "field": "y",
        "type": "quantitative",
        "scale": {"domain": [foot, 0.0], "nice": False, "zero": False},
        "axis": None,
    }
    axes = {"x": _x(forest), "y": y}
    layers = [_upright(forest.null, axes, foot, (), AXIS), *_studies(forest, axes)]
    if forest.pooled is not None:
        layers.append(_upright(forest.pooled.value, axes, foot, (3, 3), POOL_COLOUR))
        layers += _pooled(forest, axes, rows + 0.5)
    layers += _heads(y)
    layers += _sides(forest, foot)
    layers.append(legend_layer([_entry(one) for one in forest.entries], width=_WIDTH, below=34))
    return {
        "layer": layers,
        "width": _WIDTH,
        "height": foot * _ROW,
        "title": {
            "text": forest.title,
            "subtitle": list(forest.lines),
            "anchor": "start",
            "frame": "bounds",
            "fontSize": 14,
            "offset": 34,
        },
        "config": ALONE,
    }


def _entry(words: str) -> Entry:
    if words == STUDY:
        return Entry(words, MARKERS["square"], STUDY_COLOUR)
    if words == STUDY_INTERVAL:
        return Entry(words, LINE, STUDY_COLOUR, stroke=STUDY_WIDTH)
    if words == POOLED:
        return Entry(words, _DIAMOND, POOL_COLOUR)
    return Entry(words, LINE, POOL_COLOUR, stroke=PREDICTION_WIDTH)


def _x(forest: Forest) -> dict[str, Any]:
    scale: dict[str, Any] = {"domain": list(forest.ends), "nice": False, "zero": False}
    axis: dict[str, Any] = {"title": forest.x_title, "grid": False, "tickCount": 6}
    if forest.log:
        scale["type"] = "log"
        axis |= {"format": "~g", "values": forest.steps, "labelOverlap": False}
        axis["tickCount"] = 20  # fewer would thin out the values given
    return {"field": "x", "type": "quantitative", "scale": scale, "axis": axis}


def _upright(
    at: float, axes: dict[str, Any], foot: float, dash: tuple[int, ...], colour: str
) -> dict[str, Any]:
    mark: dict[str, Any] = {"type": "rule", "color": colour, "strokeWidth": 1}
    mark |= {"strokeDash": list(dash)} if dash else {}
    return {
        "data": {"values": [{"x": at}]},
        "mark": mark,
        "encoding": {"x": axes["x"], "y": {"value": 0}, "y2": {"value": foot * _ROW}},
    }


def _studies(forest: Forest, axes: dict[str, Any]) -> list[dict[str, Any]]:
    layers: list[dict[str, Any]] = []
    places = [place + 0.5 for place in range(len(forest.studies))]
    for y, row in zip(places, forest.studies, strict=True):
        layers += _span(forest, row.low, row.high, y, axes, STUDY_COLOUR, STUDY_WIDTH)
    squares = [
        {"x": row.value, "y": y, "size": 30 + 190 * row.weight}
        for y, row in zip(places, forest.studies, strict=True)
    ]
    size = {"field": "size", "type": "quantitative", "scale": None}
    layers.append(
        {
            "data": {"values": squares},
            "mark": {"type": "square", "color": STUDY_COLOUR, "opacity": 1},
            "encoding": {**axes, "size": size},
        }
    )

    def column(texts: Sequence[str], x: float, align: str, colour: str, **more: Any) -> None:
        rows = [{"y": y, "text": text} for y, text in zip(places, texts, strict=True)]
        layers.append(_words(rows, axes["y"], x, align, colour, **more))

    column([row.label for row in forest.studies], _LEFT, "left", INK, up=7, bold=True)
    details = [_short(row.detail) for row in forest.studies]
    column(details, _LEFT, "left", SOFT, up=-7, size=10)
    column([row.people for row in forest.studies], _WIDTH + _PEOPLE, "right", INK)
    column([row.effect for row in forest.studies], _WIDTH + _EFFECT, "right", INK)
    weights = [f"{100 * row.weight:.0f} %" for row in forest.studies]
    column(weights, _WIDTH + _WEIGHT, "right", INK)
    return layers


def _pooled(forest: Forest, axes: dict[str, Any], at: float) -> list[dict[str, Any]]:
    """The diamond and, below it, the prediction interval."""
    row, y = forest.pooled, axes["y"]
    if row is None:
        return []
    low, high = forest.cut(row.low, row.high)
    middle = min(max(row.value, low), high)
    diamond = [
        {"x": x, "y": at - half, "y2": at + half}
        for x, half in ((low, 0.0), (middle, 0.26), (high, 0.0))
    ]
    end = _WIDTH + _EFFECT
    layers: list[dict[str, Any]] = [
        {
            "data": {"values": diamond},
            "mark": {"type": "area", "color": POOL_COLOUR, "opacity": 1},
            "encoding": {**axes, "y2": {"field": "y2"}},
        },
        *_arrows(forest, row.low, row.high, at, axes, POOL_COLOUR),
        _words([{"y": at, "text": row.label}], y, _LEFT, "left", INK, bold=True),
        _words([{"y": at, "text": row.effect}], y, end, "right", INK, bold=True),
    ]
    if forest.prediction is None:
        return layers
    low, high, text = forest.prediction
    below = at + 0.8
    layers += _span(forest, low, high, below, axes, POOL_COLOUR, PREDICTION_WIDTH)
    layers.append(_words([{"y": below, "text": FURTHER}], y, _LEFT, "left", SOFT))
    layers.append(_words([{"y": below, "text": text}], y, end, "right", SOFT))
    return layers


def _span(
    forest: Forest,
    low: float,
    high: float,
    y: float,
    axes: dict[str, Any],
    colour: str,
    width: float,
) -> list[dict[str, Any]]:
    """A horizontal line, cut at the ends of the axis and with an arrow where it is cut."""
    a, b = forest.cut(low, high)
    rule = {
        "data": {"values": [{"x": a, "x2": b, "y": y}]},
        "mark": {"type": "rule", "color": colour, "strokeWidth": width},
        "encoding": {**axes, "x2": {"field": "x2"}},
    }
    return [rule, *_arrows(forest, low, high, y, axes, colour)]


def _arrows(
    forest: Forest, low: float, high: float, y: float, axes: dict[str, Any], colour: str
) -> list[dict[str, Any]]:
    first, last = forest.ends
    found: list[dict[str, Any]] = []
    for cut, end, shape in (
        (low < first, first, "triangle-left"),
        (high > last, last, "triangle-right"),
    ):
        if cut:
            mark = {"type": "point", "shape": shape, "filled": True, "size": 70, "color": colour}
            found.append(
                {
                    "data": {"values": [{"x": end, "y": y}]},
                    "mark": {**mark, "opacity": 1},
                    "encoding": axes,
                }
            )
    return found


def _heads(y: dict[str, Any]) -> list[dict[str, Any]]:
    ends = ((_LEFT, "left"), *((_WIDTH + x, "right") for x in (_PEOPLE, _EFFECT, _WEIGHT)))
    return [
        _words([{"y": 0.0, "text": text}], y, at, align, SOFT, up=12, size=10)
        for text, (at, align) in zip(HEADS, ends, strict=True)
    ]


def _sides(forest: Forest, foot: float) -> list[dict[str, Any]]:
    """What the two sides of the axis mean."""
    left, right = forest.sides
    return [
        {
            "data": {"values": [{"text": text}]},
            "mark": {"type": "text", "align": align, "color": SOFT, "fontSize": 10},
            "encoding": {
                "text": {"field": "text"},
                "x": {"value": x},
                "y": {"value": foot * _ROW + 48},
            },
        }
        for text, x, align in ((f"← {left}", 0, "left"), (f"{right} →", _WIDTH, "right"))
    ]


def _words(
    rows: list[dict[str, Any]],
    y: dict[str, Any],
    x: float,
    align: str,
    colour: str,
    *,
    up: float = 0,
    size: int = 11,
    bold: bool = False,
) -> dict[str, Any]:
    mark: dict[str, Any] = {
        "type": "text",
        "align": align,
        "baseline": "middle",
        "dy": -up,
        "color": colour,
        "fontSize": size,
    }
    mark |= {"fontWeight": 600} if bold else {}
    return {
        "data": {"values": rows},
        "mark": mark,
        "encoding": {"x": {"value": x}, "y": y, "text": {"field": "text"}},
    }


def _short(text: str) -> str:
    return text if len(text) <= _MOST else text[: _MOST - 1].rstrip() + "…"
