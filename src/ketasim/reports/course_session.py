"""The sessions in the report of a simulation: figures, tables, plan, checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ketasim._base import words
from ketasim._base.numbers import NOTHING, number, percent, span
from ketasim.population import SESSION_CURVES, SessionCurve
from ketasim.screening import SessionPlan
from ketasim.simulation.session.curves import SessionEffects, SessionProfile
from ketasim.simulation.session.times import published_times
from ketasim.validation.session_checks import SessionCheck, session_checks

if TYPE_CHECKING:
    import polars as pl

    from ketasim.simulation.result import Simulation

NOT_IN_EFFECTS: Final = (
    "These predictions do not account for other medicines, food, illness or the surroundings; "
    "the screening of the course lists what is known about them."
)
"""What the effects of a session leave out, shown with them everywhere."""
_NOTHING_SEEN: Final = 0.001  # points, mmHg, cm: below it a number only says that it is small
_CURVES: Final[Mapping[str, SessionCurve]] = {curve.name: curve for curve in SESSION_CURVES}


@dataclass(frozen=True)
class EffectRow:
    """One effect in the table of a session, in words."""

    effect: str
    peak: str
    peak_range: str
    peak_at: str
    peak_at_range: str
    back: str
    back_range: str
    level: str
    grade: str
    in_session: str
    in_course: str
    published: str


@dataclass(frozen=True)
class CheckRow:
    """One published number with the model's, in words."""

    what: str
    given: str
    published: str
    predicted: str
    fitted: bool
    source: str
    facts: str
    note: str


def effect_rows(session: SessionProfile) -> list[EffectRow]:
    """The table of a session, in words."""
    return effect_lines(session.table, session.routes)


def effect_lines(table: pl.DataFrame, routes: Sequence[str] = ()) -> list[EffectRow]:
    """A table of effects in words.

    **Arguments:**

    - `table`: as `SessionProfile.table` has it. `routes`: of which published times are told.
    """
    return [
        _effect_row(curve, row, routes)
        for curve, row in zip(SESSION_CURVES, table.to_dicts(), strict=True)
    ]


def thresholds(session: SessionProfile) -> str:
    """Below which an effect counts as resolved, each level once, in words."""
    found: dict[str, None] = {}
    for curve, row in zip(SESSION_CURVES, session.table.to_dicts(), strict=True):
        if not curve.level or row["level"] is None:
            continue
        if curve.unit == "fraction":
            of = "patients" if curve.kind == "share" else "the full effect"
            found[f"below {_share(row['level'])} of {of}"] = None
        else:
            found[f"at most {row['level']:g} {words.unit(curve.unit)}"] = None
    return ", ".join(found)


def _effect_row(curve: SessionCurve, row: dict[str, Any], routes: Sequence[str]) -> EffectRow:
    fraction = curve.unit == "fraction"
    write = _share if fraction else _effect
    unit = "" if fraction else f" {words.unit(curve.unit)}"
    ends = ("peak_p05", "peak_p95") if row["peak_p05"] is not None else ("peak_low", "peak_high")
    exceeds = row["may_exceed"] if row["state"] == "never above" else None
    back = {
        "back": lambda: f"{row['back_at_min']:.0f} min",
        "never above": lambda: "below threshold throughout",
        "not back": lambda: "not resolved in the time shown",
        "": lambda: NOTHING,
    }[row["state"]]()
    level = NOTHING
    if curve.level:
        at = _share(row["level"]) if fraction else f"{row['level']:g}{unit}"
        level = f"{'below' if curve.kind == 'share' else 'at most'} {at}"
    return EffectRow(
        effect=curve.title,
        peak=f"{write(row['peak'])}{unit}",
        peak_range=span(write(row[ends[0]]), write(row[ends[1]])),
        peak_at=f"{row['peak_at_min']:.0f} min",
        peak_at_range=span(f"{row['peak_at_low']:.0f}", f"{row['peak_at_high']:.0f}"),
        back=back,
        back_range=_back_range(row)
        if not exceeds
        else f"above threshold in {_share(exceeds)} of parameter draws",
        level=level,
        grade=row["level_grade"],
        in_session=NOTHING if row["in_session"] is None else _share(row["in_session"]),
        in_course=NOTHING if row["in_course"] is None else _share(row["in_course"]),
        published=published_times(curve, routes),
    )


def _back_range(row: dict[str, Any]) -> str:
    if row["back_at_low"] is None:
        return ""
    if row["back_at_high"] is None:
        return f"{row['back_at_low']:.0f} or later"
    return span(f"{row['back_at_low']:.0f}", f"{row['back_at_high']:.0f}")


def _effect(value: float | None) -> str:
    if value is not None and 0.0 < abs(value) < _NOTHING_SEEN:
        return f"< {_NOTHING_SEEN:g}"
    return number(value, 2)


def _share(value: float | None) -> str:
    return percent(value, 2)


def pressure_rows(effects: SessionEffects, session: int = 1) -> list[dict[str, str]]:
    """Statistics of blood pressure of a session, in words."""
    rows = effects.pressure.filter(effects.pressure["session"] == session).to_dicts()
    names = {"SBP": "Systolic", "DBP": "Diastolic"}
    return [
        {
            "name": names[row["quantity"]],
            "cut": f"{row['cut']:g} mmHg",
            **{
                key: _effect(row[key])
                for key in ("mean_change", "mean_of_maxima", "placebo_mean_of_maxima")
            },
            **{
                key: _share(row[key])
                for key in ("rise_in_session", "rise_in_course", "placebo_rise_in_course")
            },
        }
        for row in rows
    ]


def check_rows(simulation: Simulation) -> list[CheckRow]:
    """What is published on sessions of this drug and route, with the model's prediction."""
    given = {(dose.drug, dose.route) for dose in simulation.course.regimen.doses}
    return [_check_row(one) for one in session_checks(given)]


def _check_row(one: SessionCheck) -> CheckRow:
    def write(value: float) -> str:
        if one.unit == "fraction":
            return _share(value)
        return f"{value:.0f} min" if one.unit == "min" else f"{value:.3g} {one.unit}"

    published = write(one.published)
    if one.low is not None and one.high is not None:
        published += f" ({span(write(one.low), write(one.high))})"
    if one.placebo is not None:
        published += f"; comparator {write(one.placebo)}"
    return CheckRow(
        what=words.capital(one.what),
        given=one.given,
        published=published,
        predicted=_predicted(one),
        fitted=one.fitted,
        source=one.source,
        facts=", ".join(one.facts),
        note=one.note,
    )


def _predicted(one: SessionCheck) -> str:
    if one.unit == "fraction":
        return _share(one.predicted)
    return (
        f"{one.predicted:.0f} min" if one.unit == "min" else f"{_effect(one.predicted)} {one.unit}"
    )


@dataclass(frozen=True)
class PlanStage:
    """Lines of one stage of a plan.

    **Arguments:**

    - `name`: such as `before`.
    - `own`: what is given, and rules made for this drug and route.
    - `borrowed`: rules made for another drug or use.
    """

    name: str
    own: list[dict[str, Any]]
    borrowed: list[dict[str, Any]]


def plan_stages(plan: SessionPlan) -> list[PlanStage]:
    """Lines of a plan by stage, in words; the effects and how long they last stand elsewhere.

    **Arguments:**

    - `plan`: what `Simulation.session_plan` returned.
    """
    stages: dict[str, PlanStage] = {}
    for entry in plan.entries:
        if entry.kind == "effect":
            continue
        line = {**vars(entry), "minutes": _minutes(entry.at_min_from, entry.at_min_to)}
        stage = stages.setdefault(entry.stage, PlanStage(entry.stage, [], []))
        (stage.borrowed if entry.borrowed else stage.own).append(line)
    return list(stages.values())


def _minutes(start: float | None, end: float | None) -> str:
    if start is None and end is None:
        return NOTHING
    if start is None:
        return f"until {end:.0f}".replace("-", "−")
    if end is None:
        return f"from {start:.0f}".replace("-", "−")
    return span(*(f"{one:.0f}".replace("-", "−") for one in (start, end)))
