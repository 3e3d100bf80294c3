"""Forest plot: every study with its interval and weight, the pooled effect, the prediction."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ketasim.figures.drawing_engine import drawing_refused, drawn_svg
from ketasim.figures.legend import LINE, MARKERS, Entry, legend_layer
from ketasim.figures.panels import COLOURS, FONT, INK, SOFT
from ketasim.synthesis.tables import NORMAL, plain_number, shown

if TYPE_CHECKING:
    import altair

    from ketasim.synthesis import MetaResult, PooledEffect, StudyEffect

_WIDTH, _ROW = 300, 38  # of the plot itself, pixels
_LEFT, _PEOPLE, _EFFECT, _WEIGHT = -370, 105, 250, 305  # where the columns of words stand
_STUDY, _PREDICTION = 1.6, 4.0  # widths of intervals
_DIAMOND = "M-1.5,0L0,-0.75L1.5,0L0,0.75Z"
_MOST = 64  # letters of a description
_LINE = COLOURS["ketamine"]
_POOL = COLOURS["s"]


def forest_plot(result: MetaResult) -> altair.LayerChart:
    """Draw a forest plot as an altair chart.

    **Arguments:**

    - `result`: of `pool_comparable`; it has at least one study.

    **Returns:** a chart; squares are as large as the weight, the diamond is the pooled effect with
    the interval asked for, the bar below it the 95 % prediction interval. What does not fit ends in
    an arrow.
    """
    import altair as alt

    return alt.LayerChart.from_dict(_chart(result))


def forest_svg(result: MetaResult) -> str:
    """The forest plot as SVG.

    **Arguments:**

    - `result`: see `forest_plot`.
    """
    return drawn_svg(_chart(result))


def forest_png(result: MetaResult) -> bytes | None:
    """The forest plot as PNG; nothing where the drawing engine cannot run.

    **Arguments:**

    - `result`: see `forest_plot`.
    """
    if drawing_refused():
        return None

    import vl_convert

    return vl_convert.vegalite_to_png(_chart(result), scale=2.0)


def _chart(result: MetaResult) -> dict[str, Any]:
    pooled = result.pooled
    if pooled is None:
        raise ValueError("there is no study to draw")
    studies = result.selection.studies
    # rows count from the top; the pooled effect stands apart from the studies
    rows = len(studies) + (0.35 if pooled.k > 1 else 0.0)
    foot = rows + (1.0 if pooled.k > 1 else 0.0) + (0.8 if pooled.prediction is not None else 0.0)
    domain = _domain(result, pooled)
    x = _x(result, domain)
    y = {
        "field": "y",
        "type": "quantitative",
        "scale": {"domain": [foot, 0.0], "nice": False, "zero": False},
        "axis": None,
    }
    axes = {"x": x, "y": y}
    layers = [_upright(result, 0.0, x, foot, (), "#9aa5af"), *_studies(result, pooled, axes)]
    if pooled.k > 1:
        layers.append(_upright(result, pooled.estimate, x, foot, (3, 3), _POOL))
        layers += _pooled(result, pooled, axes, rows + 0.5)
    layers += _heads(y)
    layers += _sides(result, foot)
    layers.append(legend_layer(_entries(pooled), width=_WIDTH, below=34))
    return {
        "layer": layers,
        "width": _WIDTH,
        "height": foot * _ROW,
        "title": _title(result, pooled),
        "config": {
            "font": FONT,
            "background": "white",
            "padding": 14,
            "view": {"stroke": None},
            "legend": {"labelColor": SOFT, "labelFontSize": 11},
            "axis": {
                "labelColor": SOFT,
                "labelFontSize": 11,
                "titleColor": SOFT,
                "titleFontSize": 11,
                "titleFontWeight": "normal",
                "domainColor": "#9aa5af",
                "tickColor": "#9aa5af",
                "tickSize": 4,
            },
        },
    }


def _entries(pooled: PooledEffect) -> list[Entry]:
    """What the marks mean; a single study is not pooled."""
    entries = [
        Entry("study: effect (area: weight)", MARKERS["square"], _LINE),
        Entry("study: 95 % confidence interval", LINE, _LINE, stroke=_STUDY),
    ]
    if pooled.k > 1:
        entries.append(Entry("pooled effect, 95 % confidence interval", _DIAMOND, _POOL))
    if pooled.k > 1 and pooled.prediction is not None:
        entries.append(Entry("95 % prediction interval", LINE, _POOL, stroke=_PREDICTION))
    return entries


def _title(result: MetaResult, pooled: PooledEffect) -> dict[str, Any]:
    query = result.selection.query
    head, _, tail = query.title.partition(": ")
    lines = [tail]
    if pooled.tau2 is not None and pooled.i2 is not None:
        lines.append(
            f"{pooled.k} studies; tau² {plain_number(pooled.tau2)} "
            f"({plain_number(pooled.tau2_low)} to {plain_number(pooled.tau2_high)}), "
            f"I² {100 * pooled.i2:.0f} %; {pooled.method}"
        )
    else:
        lines.append(pooled.notes[0])
    return {
        "text": head[:1].upper() + head[1:],
        "subtitle": lines,
        "anchor": "start",
        "frame": "bounds",
        "fontSize": 14,
        "fontWeight": 600,
        "color": INK,
        "subtitleColor": SOFT,
        "subtitleFontSize": 11,
        "offset": 34,
    }


def _domain(result: MetaResult, pooled: PooledEffect) -> tuple[float, float]:
    """Ends of the axis on the scale of pooling: all studies, and of the rest what has room."""
    low = min(0.0, *(s.effect - NORMAL * s.se for s in result.selection.studies))
    high = max(0.0, *(s.effect + NORMAL * s.se for s in result.selection.studies))
    room = 0.5 * (high - low)
    ends = [pooled.low, pooled.high, *(pooled.prediction or ())]
    first = max(low - room, min(low, *ends))
    last = min(high + room, max(high, *ends))
    edge = 0.03 * (last - first)
    return first - edge, last + edge


def _x(result: MetaResult, domain: tuple[float, float]) -> dict[str, Any]:
    query = result.selection.query
    ends = [shown(result, end) for end in domain]
    scale: dict[str, Any] = {"domain": ends, "nice": False, "zero": False}
    axis: dict[str, Any] = {
        "title": f"{query.effect}{', points' if query.metric == 'difference' else ''}",
        "grid": False,
        "tickCount": 6,
    }
    if query.is_ratio:
        scale["type"] = "log"
        axis |= {"format": "~g", "values": _steps(*ends), "labelOverlap": False}
        axis["tickCount"] = 20  # fewer would thin out the values given
    return {"field": "x", "type": "quantitative", "scale": scale, "axis": axis}


def _steps(low: float, high: float) -> list[float]:
    """Round values of a logarithmic axis, never so many that they touch."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1.0, 2.0, 5.0), (1.0, 3.0), (1.0,)):
        found = [float(f"{step * 10.0**power:.6g}") for power in powers for step in steps]
        found = [value for value in found if low <= value <= high]
        if len(found) <= 8:
            return found
    return found


def _upright(
    result: MetaResult,
    at: float,
    x: dict[str, Any],
    foot: float,
    dash: tuple[int, ...],
    colour: str,
) -> dict[str, Any]:
    mark: dict[str, Any] = {"type": "rule", "color": colour, "strokeWidth": 1}
    mark |= {"strokeDash": list(dash)} if dash else {}
    return {
        "data": {"values": [{"x": shown(result, at)}]},
        "mark": mark,
        "encoding": {"x": x, "y": {"value": 0}, "y2": {"value": foot * _ROW}},
    }


def _studies(
    result: MetaResult, pooled: PooledEffect, axes: dict[str, Any]
) -> list[dict[str, Any]]:
    layers: list[dict[str, Any]] = []
    squares: list[dict[str, Any]] = []
    names: list[dict[str, Any]] = []
    details: list[dict[str, Any]] = []
    cells: list[tuple[float, StudyEffect, float]] = []
    for place, (study, weight) in enumerate(
        zip(result.selection.studies, pooled.weights, strict=True)
    ):
        y = place + 0.5
        reach = NORMAL * study.se
        layers += _span(result, study.effect - reach, study.effect + reach, y, axes, _LINE, _STUDY)
        squares.append({"x": shown(result, study.effect), "y": y, "size": 30 + 190 * weight})
        names.append({"y": y, "text": study.label})
        details.append({"y": y, "text": _short(_detail(study))})
        cells.append((y, study, weight))
    layers.append(
        {
            "data": {"values": squares},
            "mark": {"type": "square", "color": _LINE, "opacity": 1},
            "encoding": {**axes, "size": {"field": "size", "type": "quantitative", "scale": None}},
        }
    )
    y = axes["y"]
    layers.append(_words(names, y, _LEFT, "left", INK, up=7, bold=True))
    layers.append(_words(details, y, _LEFT, "left", SOFT, up=-7, size=10))
    for column, align, texts in (
        (_PEOPLE, "right", [_people(study) for _, study, _ in cells]),
        (_EFFECT, "right", [_figure(result, study) for _, study, _ in cells]),
        (_WEIGHT, "right", [f"{100 * weight:.0f} %" for *_, weight in cells]),
    ):
        rows = [{"y": at, "text": text} for (at, *_), text in zip(cells, texts, strict=True)]
        layers.append(_words(rows, y, _WIDTH + column, align, INK))
    return layers


def _pooled(
    result: MetaResult, pooled: PooledEffect, axes: dict[str, Any], at: float
) -> list[dict[str, Any]]:
    """The diamond and, below it, the prediction interval."""
    y = axes["y"]
    first, last = _domain(result, pooled)
    low, high = max(pooled.low, first), min(pooled.high, last)
    middle = min(max(pooled.estimate, low), high)
    diamond = [
        {"x": shown(result, x), "y": at - half, "y2": at + half}
        for x, half in ((low, 0.0), (middle, 0.26), (high, 0.0))
    ]
    layers: list[dict[str, Any]] = [
        {
            "data": {"values": diamond},
            "mark": {"type": "area", "color": _POOL, "opacity": 1},
            "encoding": {**axes, "y2": {"field": "y2"}},
        },
        *_arrows(result, pooled.low, pooled.high, at, axes, _POOL),
        _words([{"y": at, "text": "Pooled"}], y, _LEFT, "left", INK, bold=True),
        _words(
            [{"y": at, "text": _three(result, pooled.estimate, pooled.low, pooled.high)}],
            y,
            _WIDTH + _EFFECT,
            "right",
            INK,
            bold=True,
        ),
    ]
    if pooled.prediction is None:
        return layers
    below = at + 0.8
    layers += _span(result, *pooled.prediction, below, axes, _POOL, _PREDICTION)
    low_text, high_text = (plain_number(shown(result, end)) for end in pooled.prediction)
    layers.append(
        _words(
            [{"y": below, "text": "95 % prediction interval of a further study"}],
            y,
            _LEFT,
            "left",
            SOFT,
        )
    )
    text = f"({low_text} to {high_text})"
    layers.append(_words([{"y": below, "text": text}], y, _WIDTH + _EFFECT, "right", SOFT))
    return layers


def _span(
    result: MetaResult,
    low: float,
    high: float,
    y: float,
    axes: dict[str, Any],
    colour: str,
    width: float,
) -> list[dict[str, Any]]:
    """A horizontal line, cut at the ends of the axis and with an arrow where it is cut."""
    first, last = _ends(axes)
    a, b = max(shown(result, low), first), min(shown(result, high), last)
    rule = {
        "data": {"values": [{"x": a, "x2": b, "y": y}]},
        "mark": {"type": "rule", "color": colour, "strokeWidth": width},
        "encoding": {**axes, "x2": {"field": "x2"}},
    }
    return [rule, *_arrows(result, low, high, y, axes, colour)]


def _arrows(
    result: MetaResult, low: float, high: float, y: float, axes: dict[str, Any], colour: str
) -> list[dict[str, Any]]:
    first, last = _ends(axes)
    found: list[dict[str, Any]] = []
    for cut, end, shape in (
        (shown(result, low) < first, first, "triangle-left"),
        (shown(result, high) > last, last, "triangle-right"),
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


def _ends(axes: dict[str, Any]) -> tuple[float, float]:
    first, last = axes["x"]["scale"]["domain"]
    return first, last


def _heads(y: dict[str, Any]) -> list[dict[str, Any]]:
    row = [{"y": 0.0}]
    return [
        _words([{**row[0], "text": text}], y, at, align, SOFT, up=12, size=10)
        for text, at, align in (
            ("trial", _LEFT, "left"),
            ("drug vs control", _WIDTH + _PEOPLE, "right"),
            ("effect (95 % interval)", _WIDTH + _EFFECT, "right"),
            ("weight", _WIDTH + _WEIGHT, "right"),
        )
    ]


def _sides(result: MetaResult, foot: float) -> list[dict[str, Any]]:
    """What the two sides of the axis mean."""
    query = result.selection.query
    if query.metric == "event":
        left, right = "fewer with the drug", "more with the drug"
    elif query.metric in ("response", "remission"):
        left, right = "favours control", "favours the drug"
    else:
        left, right = "favours the drug", "favours control"
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


def _detail(study: StudyEffect) -> str:
    given = " ".join(word for word in (study.drug, study.route, study.dose) if word)
    from ketasim.synthesis import control_words  # only here: the room is slow to load

    return f"{given} against {control_words(study.control)}"


def _short(text: str) -> str:
    return text if len(text) <= _MOST else text[: _MOST - 1].rstrip() + "…"


def _people(study: StudyEffect) -> str:
    sides = ((study.events, study.n), (study.events_control, study.n_control))
    return " vs ".join(
        "?" if n is None else f"{n}" if events is None else f"{events}/{n}" for events, n in sides
    )


def _figure(result: MetaResult, study: StudyEffect) -> str:
    reach = NORMAL * study.se
    return _three(result, study.effect, study.effect - reach, study.effect + reach)


def _three(result: MetaResult, value: float, low: float, high: float) -> str:
    a, b, c = (plain_number(shown(result, x)) for x in (value, low, high))
    return f"{a} ({b} to {c})"
