"""Panels of the calibration of the chain to mood: every trial, and unseen values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ketasim._base.numbers import number, percent
from ketasim.calibration.mood.tables import comparable, unit_of
from ketasim.evidence.mood_training import SHARES, SPREADS
from ketasim.figures.calibration.intervals import BesideBlock, BesideRow, beside_drawing
from ketasim.figures.figure import DOTS, OPEN, RING, Drawing, Figure, Legend
from ketasim.figures.panels import COLOURS, INK, SOFT, Line, Panel, Points, svg

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ketasim.calibration.mood import (
        Curve,
        MoodFit,
        RowFit,
        Unseen,
    )
    from ketasim.dosing import Arm, Trial

METRIC_WORDS: Final = {
    "change": "change",
    "contrast": "contrast",
    "response": "response",
    "response30": "response of 30 %",
    "remission": "remission",
    "relapse": "relapsed",
    "no_relapse": "free of relapse",
    "sd_change": "SD of change",
    "sustained_response": "still responding",
    "sd_score": "SD of score",
    "change_from_phase": "change from the phase's start",
    "sd_change_from_phase": "SD of change from the phase's start",
    "change_entered": "change of those who entered",
    "sd_change_entered": "SD of change of those who entered",
    "days_to_relapse_mean": "mean days to relapse",
    "days_to_relapse_median": "median days to relapse",
    "cohen_d": "standardised difference",
}
"""Metric of the training table in words."""

LOOKS: Final = (
    (COLOURS["ketamine"], ()),
    (COLOURS["r"], (6, 3)),
    (COLOURS["s"], (2, 3)),
    (COLOURS["norketamine"], (8, 3, 2, 3)),
    (COLOURS["block"], (4, 2)),
    (COLOURS["hnk"], (10, 4)),
)
"""Colours and dashes of a trial's arms, in their order."""

_HALF, _NINETY, _NORMAL = 0.674489750196082, 1.6448536269514722, 1.959963984540054
_DAY: Final = 24.0
_FAMILIES: Final = (
    ("patients", SHARES, True),
    ("difference of changes, points of the MADRS", ("contrast",), False),
    ("standardised difference, SD", ("cohen_d",), False),
    ("days", ("days_to_relapse_mean", "days_to_relapse_median"), False),
    ("change, points of the MADRS", ("change", "change_from_phase", "change_entered"), False),
    ("SD, points of the MADRS", SPREADS, False),
)
_ASIDE: Final = 0.012  # of the axis: arms seen at one visit stand side by side


@dataclass(frozen=True)
class TrialPanel:
    """A trial of the training table as the report shows it.

    **Arguments:**

    - `trial`: key. `title`, `source`: of the study file.
    - `svg`: the drawing. `over_time`: it has curves.
    - `arms`: its own legend. `note`: what it cannot show.
    """

    trial: str
    title: str
    source: str
    svg: str
    over_time: bool
    arms: tuple[Legend, ...]
    note: str = ""


def trial_panels(fit: MoodFit) -> tuple[TrialPanel, ...]:
    """Draw every trial that has a row with a prediction.

    Trials with changes on the MADRS and a fitted row are drawn over time; the others show each
    published value beside its prediction.

    **Arguments:**

    - `fit`: what `calibrate_mood` returned.
    """
    from ketasim.dosing import load_studies

    trials = {trial.key: trial for trial in load_studies()}
    return tuple(
        _trial_panel(trials[key], [one for one in fit.rows if one.row.trial == key], fit.curves)
        for key in sorted({one.row.trial for one in fit.rows}, key=str.lower)
    )


def _trial_panel(trial: Trial, rows: Sequence[RowFit], curves: Sequence[Curve]) -> TrialPanel:
    changes = [one for one in rows if one.row.metric == "change" and comparable(one)]
    drawn = [curve for curve in curves if curve.trial == trial.key]
    if changes and drawn:
        return _over_time(trial, changes, drawn)
    return _beside(trial, rows)


def _over_time(trial: Trial, changes: Sequence[RowFit], curves: Sequence[Curve]) -> TrialPanel:
    published = {one.row.arm for one in changes}
    arms = [arm for arm in trial.arms if arm.id in published]
    last = max(
        [float(curve.times[-1]) / _DAY for curve in curves if curve.arm in published]
        + [(one.row.time or 0.0) / _DAY for one in changes]
    )
    lines: list[Line] = []
    points: list[Points] = []
    legend: list[Legend] = []
    for place, arm in enumerate(arms):
        colour, dash = LOOKS[place % len(LOOKS)]
        for curve in curves:
            if curve.arm == arm.id:
                lines.append(_line(curve, colour, dash))
        own = [one for one in changes if one.row.arm == arm.id]
        aside = _ASIDE * last * (place - (len(arms) - 1) / 2)
        lines += [_error_bar(one, colour, aside) for one in own]
        points += _symbols(arm.id, own, colour, aside)
        legend.append(Legend("line", f"{arm.id}: {given(arm)}", colour, " ".join(map(str, dash))))
    heights = [y for line in lines for y in line.y]
    heights += [y for line in lines if line.outer for side in line.outer for y in side]
    panel = Panel(
        "",
        "days",
        "change, points of the MADRS",
        lines=tuple(lines),
        points=tuple(points),
        marks=_sessions(arms, last),
        x_domain=(-0.04 * last, 1.05 * last),
        y_domain=(min(heights) - 1.5, max(*heights, 0.0) + 1.5),
        width=330,
        height=210,
    )
    picture = svg(panel, f"{trial.key}: expected and published changes of the MADRS by arm")
    return TrialPanel(
        trial.key, trial.title, trial.source or "", picture, True, tuple(legend), _left_out(arms)
    )


def _line(curve: Curve, colour: str, dash: tuple[int, ...]) -> Line:
    """Mean and bands; at time 0, which is the baseline, the change is 0."""
    spread = (curve.sd_parameters**2 + curve.sd_trials**2) ** 0.5
    bands = [
        ([0.0, *(curve.mean - q * spread).tolist()], [0.0, *(curve.mean + q * spread).tolist()])
        for q in (_NINETY, _HALF)
    ]
    days = [0.0, *(curve.times / _DAY).tolist()]
    mean = [0.0, *curve.mean.tolist()]
    return Line(curve.arm, days, mean, bands[0], bands[1], colour, dash)


def _error_bar(one: RowFit, colour: str, aside: float) -> Line:
    assert one.row.time is not None
    half = _NORMAL * one.se
    day = one.row.time / _DAY + aside
    return Line("", [day, day], [one.row.value - half, one.row.value + half], colour=colour)


def _symbols(arm: str, rows: Sequence[RowFit], colour: str, aside: float) -> list[Points]:
    found: list[Points] = []
    for fitted, shape in ((True, "circle"), (False, RING)):
        own = [one for one in rows if one.row.fitted == fitted and one.row.time is not None]
        if own:
            found.append(
                Points(
                    arm,
                    [(one.row.time or 0.0) / _DAY + aside for one in own],
                    [one.row.value for one in own],
                    [note_of(one) for one in own],
                    colour,
                    shape,
                )
            )
    return found


def _sessions(arms: Sequence[Arm], last: float) -> tuple[tuple[float, float], ...]:
    days = {time / _DAY for arm in arms for time in arm.sessions}
    return tuple((day, day) for day in sorted(days) if day <= last)


def _left_out(arms: Sequence[Arm]) -> str:
    if len({arm.sessions for arm in arms if arm.sessions}) > 1:
        return "Sessions of all arms are marked."
    return ""


def _beside(trial: Trial, rows: Sequence[RowFit]) -> TrialPanel:
    shown = [one for one in rows if comparable(one)]
    blocks: list[BesideBlock] = []
    for title, metrics, share in _FAMILIES:
        # spreads only where there is nothing else to show
        if "sd_score" in metrics and blocks:
            continue
        own = [one for one in shown if one.row.metric in metrics]
        own.sort(key=lambda one: (one.row.metric, one.row.time or 0.0))
        if own:
            alone = len({one.row.arm for one in rows}) == 1
            blocks.append(BesideBlock(title, tuple(_beside_row(one, alone) for one in own), share))
    other = [one for one in rows if not comparable(one)]
    scales = ", ".join(sorted({one.row.scale for one in other}))
    note = ""
    if other and blocks:
        values = "1 value" if len(other) == 1 else f"{len(other)} values"
        note = f"Not drawn: {values} in points of {scales}; predictions are in points of the MADRS."
    elif other:
        blocks = _other_scales(other, scales)
    ids = dict.fromkeys(name for one in rows for name in (one.row.arm, one.row.control) if name)
    arms = {arm.id: arm for arm in trial.arms}
    legend = tuple(Legend("words", f"{name}: {given(arms[name])}") for name in ids)
    picture = beside_drawing(blocks, f"{trial.key}: published values beside their predictions")
    return TrialPanel(trial.key, trial.title, trial.source or "", picture, False, legend, note)


def _other_scales(rows: Sequence[RowFit], scales: str) -> list[BesideBlock]:
    """Both as they are, each on its own scale; the title says which."""
    return [
        BesideBlock(
            f"points: published on {scales}, predicted on the MADRS",
            tuple(_beside_row(one, alone=False) for one in rows),
        )
    ]


def _beside_row(one: RowFit, alone: bool) -> BesideRow:
    """A row, named without its arm where the trial has one arm only."""
    row = one.row
    ends = (row.value - _NORMAL * one.se, row.value + _NORMAL * one.se)
    band = (one.predicted - _NINETY * one.sd, one.predicted + _NINETY * one.sd)
    if row.metric in SHARES:
        ends, band = _inside(ends), _inside(band)
    elif row.metric.startswith("days"):
        ends, band = (max(ends[0], 0.0), ends[1]), (max(band[0], 0.0), band[1])
    when = "" if row.time is None else f", {time_of(row.time)}"
    names = row.arm if row.control is None else f"{row.arm} − {row.control}"
    metric = "" if row.metric in ("contrast", "cohen_d") else METRIC_WORDS[row.metric]
    named = f"{names} {metric}" if metric and not alone else metric or names
    return BesideRow(
        f"{named}{when}",
        note_of(one),
        row.value,
        ends,
        row.fitted,
        one.predicted,
        band,
    )


def _inside(ends: tuple[float, float]) -> tuple[float, float]:
    return min(max(ends[0], 0.0), 1.0), min(max(ends[1], 0.0), 1.0)


def time_of(hours: float) -> str:
    """Time from the first dose: minutes of the first hour, hours of two days, then days."""
    if 0 < hours < 1:
        return f"{60 * hours:.0f}\u00a0min"
    return f"{hours:g}\u00a0h" if hours < 2 * _DAY else f"{hours / _DAY:.3g}\u00a0d"


def value_of(metric: str, value: float | None) -> str:
    """A value of a metric as the report writes it, shares as percent."""
    return percent(value) if unit_of(metric) == "fraction" else number(value)


def note_of(one: RowFit) -> str:
    """A row in words: what was published and what is predicted."""
    row = one.row
    when = "" if row.time is None else f" at {time_of(row.time)}"
    arms = row.arm if row.control is None else f"{row.arm} against {row.control}"
    return (
        f"{row.trial}, {arms}, {METRIC_WORDS[row.metric]}{when}: published "
        f"{value_of(row.metric, row.value)}, predicted {value_of(row.metric, one.predicted)}; "
        + ("in the fit" if row.fitted else "comparison only")
    )


def given(arm: Arm) -> str:
    """What an arm gets, in words."""
    count = len(arm.sessions)
    times = f", {count} sessions" if count > 1 else ""
    if arm.control is not None:
        return f"{arm.control.replace('_', ' ')}{times}"
    parts = [f"{p.drug} {p.amount:g} {p.unit} {p.route.replace('_', ' ')}" for p in arm.phases]
    told = ", open" if arm.open else ", masked" if arm.masked else ""
    return ", then ".join(dict.fromkeys(parts)) + times + told


def trial_legend() -> tuple[Legend, ...]:
    """What the panels of trials have in common."""
    colour = LOOKS[0][0]
    return (
        Legend("line", "expected mean of an arm", colour),
        Legend(
            "band",
            "50 % and 90 % interval: parameter uncertainty and between-trial variability together",
            colour,
            opacity=0.3,
        ),
        Legend("dot", "published, in the fit", colour, DOTS["circle"]),
        Legend("dot", "published, comparison only", colour, OPEN),
        Legend("dose", "sessions"),
        Legend(
            "words",
            "Bars through the symbols: 95 % intervals of the published value. Arms seen at one "
            "visit stand side by side. Between-patient variability is not shown.",
        ),
    )


def beside_legend() -> tuple[Legend, ...]:
    """What the panels without curves have in common."""
    return (
        Legend("dot", "published, in the fit", INK, DOTS["circle"]),
        Legend("dot", "published, comparison only", INK, OPEN),
        Legend(
            "band",
            "predicted: line, and 90 % of trials of that size",
            COLOURS["ketamine"],
            opacity=0.3,
        ),
        Legend(
            "words",
            "Lines through the symbols: 95 % intervals of the published value. Band: patients of "
            "the trial and between-trial variability, without parameter uncertainty.",
        ),
    )


def unseen_figure(fit: MoodFit) -> Figure:
    """Published against predicted without the trial, arms and contrasts.

    **Arguments:**

    - `fit`: with unseen predictions.
    """
    looks = {
        "drug": ("arms with a drug", COLOURS["ketamine"], "circle"),
        "control": ("control arms", COLOURS["r"], "diamond"),
        "contrast": ("contrasts", COLOURS["s"], "square"),
    }
    drawings = tuple(
        Drawing(_square(title, unseen, looks))
        for title, unseen in (("Changes of arms", fit.arms), ("Contrasts", fit.contrasts))
        if unseen
    )
    return Figure(
        "figure-unseen",
        "Figure 1. Published against predicted, each trial from the others",
        drawings,
        (
            Legend("dot", looks["drug"][0], looks["drug"][1], DOTS["circle"]),
            Legend("dot", looks["control"][0], looks["control"][1], DOTS["diamond"]),
            Legend("dot", looks["contrast"][0], looks["contrast"][1], DOTS["square"]),
            Legend("line", "equal", SOFT),
            Legend(
                "words",
                "A point is one published average. Its distance from the line reflects "
                "between-trial variability, parameter uncertainty, and the patients enrolled.",
            ),
        ),
    )


def _square(title: str, unseen: Sequence[Unseen], looks: dict[str, tuple[str, str, str]]) -> str:
    values = [v for one in unseen for v in (one.published, one.predicted)]
    ends = (min(values) - 1.5, max(values) + 1.5)
    points: list[Points] = []
    for side, (name, colour, shape) in looks.items():
        own = [one for one in unseen if one.side == side]
        if own:
            points.append(
                Points(
                    name,
                    [one.published for one in own],
                    [one.predicted for one in own],
                    [unseen_note(one) for one in own],
                    colour,
                    shape,
                )
            )
    panel = Panel(
        title,
        "published, points of the MADRS",
        "predicted, points of the MADRS",
        points=tuple(points),
        x_domain=ends,
        y_domain=ends,
        guides=((ends, ends, ()),),
        width=320,
        height=320,
    )
    return svg(panel, f"{title}: {len(unseen)} published values against their predictions")


def unseen_note(one: Unseen) -> str:
    """An unseen value in words."""
    arms = one.arm if one.control is None else f"{one.arm} against {one.control}"
    return (
        f"{one.trial}, {arms} at {time_of(one.time)}: published {number(one.published)}, "
        f"predicted {number(one.predicted)} ({number(one.low)} to {number(one.high)})"
    )
