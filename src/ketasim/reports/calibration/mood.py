"""The report of the calibration of the chain to mood: targets, misses, numbers, every trial."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ketasim._base import words
from ketasim._base.numbers import number, percent
from ketasim.calibration.mood.refit import refit_summary
from ketasim.calibration.mood.tables import (
    between_trials_of,
    comparable,
    mood_fit_table,
    mood_targets,
    overall,
    unit_of,
)
from ketasim.evidence import load_table
from ketasim.evidence.mood_training import DAYS, FOLLOWED
from ketasim.figures.calibration.mood import correlation_figure, interval_figure
from ketasim.figures.calibration.trial_panels import (
    METRIC_WORDS,
    beside_legend,
    given,
    time_of,
    trial_legend,
    trial_panels,
    unseen_figure,
    value_of,
)
from ketasim.reports.page import render

if TYPE_CHECKING:
    from ketasim.calibration.mood import (
        Judged,
        MoodFit,
        RowFit,
        Unseen,
    )
    from ketasim.dosing import Arm

MISS: Final = 1.6448536269514722
"""Score from which a row is a miss: 90 % of trials of that size stay below it."""
CORRELATED: Final = 0.5
"""Correlation from which a pair of numbers is named."""

_RELAPSE: Final = (*FOLLOWED, *DAYS)
_BY: Final = {
    "all": "Overall",
    "side": "By side",
    "window": "By time",
    "route": "By route",
    "against": "By kind of control",
    "openness": "By what patients can know",
    "drug": "By drug",
}
_POOLED: Final = "wilkinson2019"  # the estimate of response by kind of control


@dataclass(frozen=True)
class ShownRow:
    """A row beside its prediction, as the report writes it.

    **Arguments:**

    - `trial`, `what`, `given`: where and what. `group`: by which tables are split.
    - `published`, `interval`, `predicted`, `unit`: values written out.
    - `score`: in SDs, nothing where the units differ. `fitted`: it entered the fit.
    - `why`, `source`: of the training table.
    """

    trial: str
    what: str
    given: str
    group: str
    published: str
    interval: str
    predicted: str
    unit: str
    score: float | None
    fitted: bool
    why: str
    source: str

    @property
    def off(self) -> bool:
        """Whether it is a miss."""
        return self.score is not None and abs(self.score) > MISS


def mood_calibration_report(
    fit: MoodFit, *, command: str = "ketasim calibrate mood --out DIR"
) -> str:
    """Write the report of the calibration of the chain to mood as one page of HTML.

    **Main arguments:**

    - `fit`: what `calibrate_mood` returned; without unseen predictions the page says so.

    **Other arguments:**

    - `command`: what reproduces it.
    """
    arms = _arms()
    panels = trial_panels(fit)
    table = mood_fit_table(fit)
    training = load_table("mood/training")
    rows = [_shown(one, arms[one.row.trial, one.row.arm]) for one in fit.rows]
    misses = sorted((row for row in rows if row.off), key=lambda row: -abs(row.score or 0.0))
    free = {one.symbol for one in fit.numbers}
    between = between_trials_of(fit)
    judged_rows = training["source"].to_list()
    trial_sources = [panel.source for panel in panels if panel.source]
    return render(
        "calibration_mood.html",
        title="Calibration of the chain to mood",
        sources=sorted({*judged_rows, *trial_sources, *fit.prior.sources(), *fit.card.sources()}),
        words=words,
        fit=fit,
        trials=len({one.row.trial for one in fit.rows if one.row.fitted}),
        fitted=sum(one.row.fitted for one in fit.rows),
        compared=sum(not one.row.fitted for one in fit.rows),
        arms=overall(fit.arms),
        contrasts=overall(fit.contrasts),
        targets=mood_targets(fit),
        unseen=unseen_figure(fit) if fit.arms else None,
        judged=_judged(fit),
        refits=refit_summary(fit.refits),
        refitted=fit.refits,
        unseen_misses=_unseen_misses((*fit.arms, *fit.contrasts)),
        miss=MISS,
        misses=[row for row in misses if row.fitted],
        misses_compared=[row for row in misses if not row.fitted],
        beside=_beside(fit, arms),
        intervals=interval_figure(fit.numbers, "the data", "trials"),
        numbers=[
            (one, fit.card.entry(one.symbol), fit.prior.entry(one.symbol)) for one in fit.numbers
        ],
        between=[
            (fit.card.entry(s), fit.prior.entry(s), fit.prior.extra["prior"][s]) for s in between
        ],
        correlation=correlation_figure(fit),
        pairs=_pairs(fit),
        correlated=CORRELATED,
        fixed=[e for s, e in fit.card.entries.items() if s not in free and s not in between],
        panels=panels,
        trial_legend=trial_legend(),
        beside_legend=beside_legend(),
        rules=load_table("mood/training_rules").to_dicts(),
        rows=table.to_dicts(),
        time_of=time_of,
        value_of=value_of,
        metric_words=METRIC_WORDS,
        unit_words=_unit,
        command=command,
    )


def _arms() -> dict[tuple[str, str], Arm]:
    from ketasim.dosing import load_studies

    return {(trial.key, arm.id): arm for trial in load_studies() for arm in trial.arms}


def _shown(one: RowFit, arm: Arm, group: str = "") -> ShownRow:
    row = one.row
    ends = (row.value - MISS * one.se, row.value + MISS * one.se)
    if unit_of(row.metric) == "fraction":
        ends = (max(ends[0], 0.0), min(ends[1], 1.0))
    name = METRIC_WORDS[row.metric]
    against = "" if row.control is None else f" against {row.control}"
    when = "" if row.time is None else f", {time_of(row.time)}"
    scale = "" if row.scale in ("MADRS", "unnamed", "mixed") else f" on {row.scale}"
    cut = _threshold(row.metric, row.threshold)
    return ShownRow(
        trial=row.trial,
        what=f"{row.arm}{against}: {name}{cut}{scale}{when}",
        given=given(arm),
        group=group,
        published=value_of(row.metric, row.value),
        interval=f"{value_of(row.metric, ends[0])} to {value_of(row.metric, ends[1])}",
        predicted=value_of(row.metric, one.predicted),
        unit=_unit(row.metric),
        score=one.score if comparable(one) else None,
        fitted=row.fitted,
        why=row.why,
        source=row.source,
    )


def _threshold(metric: str, value: float | None) -> str:
    if value is None:
        return ""
    if metric == "remission":
        return f" (at most {value:g})"
    return f" ({percent(value)})" if metric == "response" and value != 0.5 else ""


def _unit(metric: str) -> str:
    unit = unit_of(metric)
    return "" if unit == "fraction" else unit


def _judged(fit: MoodFit) -> list[tuple[str, str, list[tuple[str, list[Judged]]]]]:
    """Tables of errors: name, title, and rows by what they are grouped by."""
    from ketasim.calibration.mood import judged
    from ketasim.calibration.mood.values import WINDOW_NAMES

    tables: list[tuple[str, str, list[tuple[str, list[Judged]]]]] = []
    for name, title, unseen in (
        ("arms", "Changes of arms", fit.arms),
        ("contrasts", "Contrasts, drug minus control of the same trial", fit.contrasts),
    ):
        groups: dict[str, list[Judged]] = {}
        for one in judged(unseen) if unseen else ():
            groups.setdefault(one.by, []).append(one)
        if "window" in groups:
            groups["window"].sort(key=lambda one: WINDOW_NAMES.index(one.group))
        # contrasts have one side only
        if len(groups.get("side", ())) < 2:
            groups.pop("side", None)
        order = [by for by in _BY if by in groups]
        if order:
            tables.append((name, title, [(_BY[by], groups[by]) for by in order]))
    return tables


def _unseen_misses(unseen: Sequence[Unseen]) -> list[Unseen]:
    off = [one for one in unseen if not one.inside]
    return sorted(off, key=lambda one: -abs(one.published - one.predicted) / one.sd)


def _beside(
    fit: MoodFit, arms: dict[tuple[str, str], Arm]
) -> list[tuple[str, str, str, list[ShownRow]]]:
    """Groups of rows to be seen side by side: name, title, what they are, rows."""

    def arm(one: RowFit) -> Arm:
        return arms[one.row.trial, one.row.arm]

    def relapse(one: RowFit) -> str:
        return "" if one.row.metric not in _RELAPSE else _group(arm(one))

    def series(one: RowFit) -> str:
        repeated = arm(one).open and len(arm(one).sessions) > 1
        return _group(arm(one)) if one.row.metric == "response" and repeated else ""

    def control(one: RowFit) -> str:
        if one.row.metric != "response":
            return ""
        if one.row.trial == _POOLED:
            return f"pooled estimate by kind of control ({_POOLED})"
        kind = arm(one).control
        return "" if kind is None else kind.replace("_", " ")

    groups: tuple[tuple[str, str, str, Callable[[RowFit], str]], ...] = (
        ("relapse", "Relapse", "Relapse and time to relapse after the last session.", relapse),
        (
            "series",
            "Response over series",
            "Response in open-label series of two or more sessions, each with its own effect.",
            series,
        ),
        (
            "controls",
            "Response by kind of control",
            "Response of control arms, and the pooled estimate of response by kind of control.",
            control,
        ),
    )
    found: list[tuple[str, str, str, list[ShownRow]]] = []
    for name, title, text, key in groups:
        rows = [_shown(one, arm(one), key(one)) for one in fit.rows if key(one)]
        rows.sort(key=lambda row: row.group)
        if rows:
            found.append((name, title, text, rows))
    return found


def _group(arm: Arm) -> str:
    if arm.control is not None or not arm.phases:
        return (arm.control or "control").replace("_", " ")
    count = len(arm.sessions)
    sessions = "one session" if count == 1 else "2 to 8 sessions" if count <= 8 else "more sessions"
    return f"{arm.drug} {arm.phases[0].route.replace('_', ' ')}, {sessions}"


def _pairs(fit: MoodFit) -> list[tuple[str, str, str]]:
    names = [one.symbol for one in fit.numbers]
    pairs = [
        (names[i], names[j], float(fit.correlation[i, j]))
        for i in range(len(names))
        for j in range(i)
        if abs(fit.correlation[i, j]) >= CORRELATED
    ]
    pairs.sort(key=lambda pair: -abs(pair[2]))
    return [(one, other, number(value, 2)) for one, other, value in pairs]
