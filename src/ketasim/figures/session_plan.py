"""The timeline of a session: when each effect begins, peaks and is back, beside the watch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ketasim._base import InputError
from ketasim.figures.figure import Drawing, Figure, Legend
from ketasim.figures.panels import COLOURS, INK, SOFT
from ketasim.figures.vega import ALONE, CONFIG, chart_svg
from ketasim.population import SESSION_CURVES
from ketasim.screening import PlanEntry, SessionPlan

if TYPE_CHECKING:
    import altair

_COLOURS: Final = {
    "CADSS": COLOURS["block"],
    "dissociation": COLOURS["norketamine"],
    "drug_high": COLOURS["s"],
    "sedation": COLOURS["ketamine"],
    "dizziness": COLOURS["hnk"],
    "nausea": COLOURS["hnk"],
    "vomiting": COLOURS["hnk"],
    "SBP": COLOURS["r"],
    "DBP": COLOURS["expectation"],
    "HR": COLOURS["course"],
    "cognition": COLOURS["antidepressant"],
}
_WORDS: Final = (
    "Bars: from onset to resolution of an effect (mean, or percentage of patients); paler: "
    "parameter uncertainty. Diamond: peak. Between-patient and between-trial variability are not "
    "shown. An effect that stays below its threshold has no bar."
)
_ALONE: Final = (
    "Bars: onset to resolution (mean, or percentage of patients); paler: parameter uncertainty",
    "Diamond: peak. Not shown: between-patient and between-trial variability",
)  # the same below the title of a chart that stands alone
_WATCH: Final = "Monitoring, at least 2 h"
_WIDTH: Final = 560
_ROW: Final = 26  # pixels a line
_ROOM: Final = 30.0  # min that are shown after the watch
_BP: Final = 40.0  # min; see the plan's own line for its source


def plot_plan(plan: SessionPlan) -> altair.LayerChart:
    """Draw the timeline of a session's plan as an altair chart.

    **Arguments:**

    - `plan`: what `Simulation.session_plan` returned.

    **Raises:** `InputError` when the plan has no predicted effects.
    """
    import altair

    title = {"text": f"Session plan, {plan.session}", "subtitle": [*_ALONE], "anchor": "start"}
    return altair.LayerChart.from_dict(
        {**_timeline(plan), "title": {**title, "offset": 30}, "config": ALONE}
    )


def plan_figure(plan: SessionPlan) -> Figure:
    """The timeline of a session's plan, for a report.

    **Arguments:**

    - `plan`: what `Simulation.session_plan` returned.
    """
    chart = {**_timeline(plan), "config": CONFIG}
    drawn = chart_svg(chart, "Timeline of the session: effects, doses and monitoring period")
    return Figure(
        "", "Timeline of the session", (Drawing(drawn),), (Legend("words", _WORDS),), columns=1
    )


def _timeline(plan: SessionPlan) -> dict[str, Any]:
    if plan.effects is None or plan.minutes is None:
        raise InputError(
            "plot",
            "this plan has no predicted effects to draw",
            "draw the plan that Simulation.session_plan() returns",
        )
    titles = {curve.name: curve.title for curve in SESSION_CURVES}
    last = float(plan.minutes["minute"].to_numpy().max())
    doses = [one for one in plan.entries if one.kind == "dose"]
    rows: list[dict[str, Any]] = [
        {**row, "name": titles[row["effect"]]}
        for row in plan.effects.to_dicts()
        if row["effect"] in _COLOURS and row["state"] in ("back", "not back")
    ]
    late = (row["back_at_high"] or row["back_at_min"] or 0.0 for row in rows)
    longest = max(late, default=0.0)
    watch_end = plan.watch_end_min
    # a form that releases over hours is drawn to the end: its peak is late
    end = last if watch_end is None else max(watch_end + _ROOM, min(longest, last))
    names = ["Given", *(row["name"] for row in rows)]
    names += [] if watch_end is None else [_WATCH]
    x = {
        "field": "x",
        "type": "quantitative",
        "scale": {"domain": [0.0, round(end)], "nice": False},
        "axis": {"title": "minutes after start", "grid": True},
    }
    y = {
        "field": "name",
        "type": "nominal",
        "sort": names,
        "scale": {"domain": names},
        "axis": {
            "title": None,
            "labelLimit": 240,
            "minExtent": 215,
            "ticks": False,
            "labelColor": INK,
        },
    }
    layers: list[dict[str, Any]] = [
        _bars(
            [{"x": a, "x2": max(b, a + 1.0), "name": "Given"} for a, b in map(_given, doses)], INK
        ),
    ]
    if watch_end is not None:  # no source has times for a form that releases over hours
        layers += [
            _bars([{"x": plan.end_min, "x2": watch_end, "name": _WATCH}], SOFT),
            _upright(_measured(plan), "blood pressure check", end, -2),
            _upright(watch_end, "earliest end of monitoring", end, -14),
        ]
    for row in rows:
        colour = _COLOURS[row["effect"]]
        begin = row["onset_min"] or 0.0
        back = row["back_at_min"] if row["state"] == "back" else end
        late = end if row["back_at_high"] is None else row["back_at_high"]
        layers.append(
            _bars([{"x": begin, "x2": min(late, end), "name": row["name"]}], colour, 0.25)
        )
        layers.append(
            _bars([{"x": begin, "x2": min(back, end), "name": row["name"]}], colour, 0.75)
        )
        layers.append(_peak(row))
    return {
        "layer": [_on(layer, x, y) for layer in layers],
        "width": _WIDTH,
        "height": _ROW * len(names),
    }


def _given(dose: PlanEntry) -> tuple[float, float]:
    start = dose.at_min_from or 0.0
    return start, start if dose.at_min_to is None else dose.at_min_to


def _measured(plan: SessionPlan) -> float:
    """When blood pressure is measured again, by the plan's first such line."""
    times = [
        entry.at_min_from
        for entry in plan.entries
        if entry.what == "blood pressure" and entry.stage == "after" and entry.at_min_from
    ]
    return min(times, default=_BP)


def _on(layer: dict[str, Any], x: dict[str, Any], y: dict[str, Any]) -> dict[str, Any]:
    own = layer.pop("encoding", {})
    base = {"x": x} if layer.pop("upright", False) else {"x": x, "y": y}
    return {**layer, "encoding": {**base, **own}}


def _bars(rows: list[dict[str, Any]], colour: str, opacity: float = 0.9) -> dict[str, Any]:
    return {
        "data": {"values": rows},
        "mark": {"type": "bar", "height": 12, "color": colour, "opacity": opacity, "clip": True},
        "encoding": {"x2": {"field": "x2"}},
    }


def _peak(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "data": {"values": [{"x": row["peak_at_min"], "name": row["name"]}]},
        "mark": {
            "type": "point",
            "shape": "diamond",
            "filled": True,
            "size": 90,
            "color": INK,
            "opacity": 1,
        },
    }


def _upright(at: float, text: str, end: float, above: int) -> dict[str, Any]:
    left = at > end / 2
    return {
        "upright": True,
        "data": {"values": [{"x": at, "text": text}]},
        "layer": [
            {"mark": {"type": "rule", "color": INK, "strokeDash": [4, 3], "strokeWidth": 1}},
            {
                "mark": {
                    "type": "text",
                    "align": "right" if left else "left",
                    "dx": -4 if left else 4,
                    "baseline": "bottom",
                    "fontSize": 10,
                    "color": INK,
                },
                "encoding": {"text": {"field": "text"}, "y": {"value": above}},
            },
        ],
    }
