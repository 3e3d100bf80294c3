"""The timeline of a session: when each effect begins, peaks and is back, beside the watch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ketasim._base import InputError
from ketasim.figures.figure import Drawing, Figure, Legend
from ketasim.figures.panels import COLOURS, INK, SOFT
from ketasim.figures.svg import Axis, Frame, Look
from ketasim.figures.svg.lettering import box
from ketasim.figures.vega import ALONE
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
_BRIEF: Final = (
    "Bars: onset to resolution (mean, or percentage of patients); paler: parameter uncertainty. "
    "Diamond: peak. Not included: between-patient and between-trial variability."
)
_ALONE: Final = (
    "Bars: onset to resolution (mean, or percentage of patients); paler: parameter uncertainty",
    "Diamond: peak. Not shown: between-patient and between-trial variability",
)  # the same below the title of a chart that stands alone
_WATCH: Final = "Monitoring, at least 2 h"
_WIDTH: Final = 560
_NARROW: Final = 320
_ROW: Final = 26  # pixels a line
_TALL: Final = 36  # pixels a line with its name above it
_BAR: Final = 12.0  # pixels
_CAPTION: Final = 14.0  # pixels a line of words above the rows
_PALE, _FULL = 0.25, 0.75  # opacities: parameter uncertainty; mean
_ROOM: Final = 30.0  # min that are shown after the watch
_BP: Final = 40.0  # min; see the plan's own line for its source


@dataclass(frozen=True)
class _Bar:
    """A line of the timeline, in minutes: from when to when, at most until, with its peak."""

    name: str
    colour: str
    start: float
    end: float
    latest: float | None = None
    peak: float | None = None


@dataclass(frozen=True)
class _Timeline:
    """What a timeline shows, in minutes; `uprights` are moments with their words."""

    end: float
    bars: tuple[_Bar, ...]
    uprights: tuple[tuple[float, str], ...]

    @property
    def names(self) -> list[str]:
        """Of the lines, from the top."""
        return list(dict.fromkeys(bar.name for bar in self.bars))


def plot_plan(plan: SessionPlan) -> altair.LayerChart:
    """Draw the timeline of a session's plan as an altair chart.

    **Arguments:**

    - `plan`: what `Simulation.session_plan` returned.

    **Raises:** `InputError` when the plan has no predicted effects.
    """
    import altair

    title = {"text": f"Session plan, {plan.session}", "subtitle": [*_ALONE], "anchor": "start"}
    return altair.LayerChart.from_dict(
        {**_chart(_timeline(plan)), "title": {**title, "offset": 30}, "config": ALONE}
    )


def plan_figure(plan: SessionPlan) -> Figure:
    """The timeline of a session's plan, for a report.

    **Arguments:**

    - `plan`: what `Simulation.session_plan` returned.
    """
    drawing = Drawing(_svg(_timeline(plan)), _svg(_timeline(plan), narrow=True))
    return Figure("", "Timeline of the session", (drawing,), (Legend("words", _WORDS),), columns=1)


def plan_front_figure(plan: SessionPlan) -> Figure:
    """The timeline of a session's plan beside another figure, names above the bars.

    **Arguments:**

    - `plan`: what `Simulation.session_plan` returned.
    """
    drawing = Drawing(_svg(_timeline(plan), narrow=True))
    return Figure("", "The session", (drawing,), (Legend("words", _BRIEF),), columns=1)


def _timeline(plan: SessionPlan) -> _Timeline:
    if plan.effects is None or plan.minutes is None:
        raise InputError(
            "plot",
            "this plan has no predicted effects to draw",
            "draw the plan that Simulation.session_plan() returns",
        )
    titles = {curve.name: curve.title for curve in SESSION_CURVES}
    last = float(plan.minutes["minute"].to_numpy().max())
    rows = [
        row
        for row in plan.effects.to_dicts()
        if row["effect"] in _COLOURS and row["state"] in ("back", "not back")
    ]
    late = (row["back_at_high"] or row["back_at_min"] or 0.0 for row in rows)
    longest = max(late, default=0.0)
    watch_end = plan.watch_end_min
    # a form that releases over hours is drawn to the end: its peak is late
    end = float(round(last if watch_end is None else max(watch_end + _ROOM, min(longest, last))))
    given = [_given(one) for one in plan.entries if one.kind == "dose"]
    bars = [_Bar("Given", INK, a, max(b, a + 1.0)) for a, b in given]
    for row in rows:
        back = row["back_at_min"] if row["state"] == "back" else end
        bars.append(
            _Bar(
                titles[row["effect"]],
                _COLOURS[row["effect"]],
                row["onset_min"] or 0.0,
                min(back, end),
                latest=min(end if row["back_at_high"] is None else row["back_at_high"], end),
                peak=row["peak_at_min"],
            )
        )
    if watch_end is None:  # no source has times for a form that releases over hours
        return _Timeline(end, tuple(bars), ())
    bars.append(_Bar(_WATCH, SOFT, plan.end_min, watch_end))
    check = (_measured(plan), "blood pressure check")
    return _Timeline(end, tuple(bars), (check, (watch_end, "earliest end of monitoring")))


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


def _svg(timeline: _Timeline, *, narrow: bool = False) -> str:
    """Names beside the bars, or above them on a narrow screen."""
    names = timeline.names
    count = len(names)
    levels = {name: count - 0.5 - place for place, name in enumerate(names)}
    row = _TALL if narrow else _ROW
    frame = Frame(
        Axis(0.0, timeline.end, "minutes after start", style="minutes"),
        Axis(
            0.0,
            count,
            names={level: name for name, level in levels.items()},
            grid=False,
            labels=not narrow,
        ),
        width=_NARROW if narrow else _WIDTH,
        height=row * count,
        top=_CAPTION * len(timeline.uprights) + 8.0,
    )
    shift = 0.5 - (_BAR / 2 + 4.0) / row if narrow else 0.0  # bars at the foot of their lines
    for bar in timeline.bars:
        y = levels[bar.name] - shift
        if bar.latest is not None:
            frame.bar(bar.start, bar.latest, y, Look(bar.colour, opacity=_PALE), thick=_BAR)
        opacity = _FULL if bar.latest is not None else 0.9
        frame.bar(bar.start, bar.end, y, Look(bar.colour, opacity=opacity), thick=_BAR)
        if bar.peak is not None:
            said = [f"{bar.name}: peak at {bar.peak:.0f} min"]
            frame.points([bar.peak], [y], Look(INK), shape="diamond", size=4.7, names=said)
    _uprights(frame, timeline)
    if narrow:
        for name, level in levels.items():
            x, y = frame.box[0] + 4.0, frame.y.of(level) - 4.0
            frame.canvas.text(x, y, name, colour=INK, halo=True)
    return frame.canvas.document(
        "Timeline of the session", "Effects, doses and monitoring period by the minute"
    )


def _uprights(frame: Frame, timeline: _Timeline) -> None:
    _, top, _, foot = frame.box
    line = top - 4.0
    for at, words in timeline.uprights:
        x = frame.x.of(at)
        frame.canvas.segments([(x, line - 9.0, x, foot)], Look(INK, dash=(4, 3)))
        anchor = "end" if at > timeline.end / 2 else "start"
        beside = x + (4.0 if anchor == "start" else -4.0)
        if box(words, beside, line, anchor=anchor)[0] < 0.0:
            anchor, beside = "start", x + 4.0
        frame.canvas.text(beside, line, words, colour=INK, anchor=anchor)
        line -= _CAPTION


def _chart(timeline: _Timeline) -> dict[str, Any]:
    """The timeline in Vega-Lite."""
    names = timeline.names
    x = {
        "field": "x",
        "type": "quantitative",
        "scale": {"domain": [0.0, timeline.end], "nice": False},
        "axis": {"title": "minutes after start", "grid": True},
    }
    labels = {"title": None, "labelLimit": 240, "minExtent": 215, "ticks": False}
    y = {
        "field": "name",
        "type": "nominal",
        "sort": names,
        "scale": {"domain": names},
        "axis": {**labels, "labelColor": INK},
    }
    layers: list[dict[str, Any]] = []
    for bar in timeline.bars:
        if bar.latest is not None:
            layers.append(_bar(bar, bar.latest, _PALE, x, y))
        layers.append(_bar(bar, bar.end, _FULL if bar.latest is not None else 0.9, x, y))
        if bar.peak is not None:
            mark = {"type": "point", "shape": "diamond", "filled": True, "size": 90, "opacity": 1}
            values = [{"x": bar.peak, "name": bar.name}]
            layers.append(
                {
                    "data": {"values": values},
                    "mark": {**mark, "color": INK},
                    "encoding": {"x": x, "y": y},
                }
            )
    for place, (at, words) in enumerate(timeline.uprights):
        layers.append(_upright(at, words, timeline.end, -2 - 12 * place, x))
    return {"layer": layers, "width": _WIDTH, "height": _ROW * len(names)}


def _bar(
    bar: _Bar, end: float, opacity: float, x: dict[str, Any], y: dict[str, Any]
) -> dict[str, Any]:
    mark = {"type": "bar", "height": _BAR, "color": bar.colour, "opacity": opacity, "clip": True}
    return {
        "data": {"values": [{"x": bar.start, "x2": end, "name": bar.name}]},
        "mark": mark,
        "encoding": {"x": x, "y": y, "x2": {"field": "x2"}},
    }


def _upright(at: float, text: str, end: float, above: int, x: dict[str, Any]) -> dict[str, Any]:
    left = at > end / 2
    mark = {
        "type": "text",
        "align": "right" if left else "left",
        "dx": -4 if left else 4,
        "baseline": "bottom",
        "fontSize": 10,
        "color": INK,
    }
    return {
        "data": {"values": [{"x": at, "text": text}]},
        "encoding": {"x": x},
        "layer": [
            {"mark": {"type": "rule", "color": INK, "strokeDash": [4, 3], "strokeWidth": 1}},
            {"mark": mark, "encoding": {"text": {"field": "text"}, "y": {"value": above}}},
        ],
    }
