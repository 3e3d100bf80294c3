"""When the effects of a session peak and resolve, as a session's plan takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Final

from ketasim._base import words
from ketasim._base.numbers import percent
from ketasim.dosing import Course
from ketasim.evidence import Fact, facts, source_name
from ketasim.population import SESSION_CURVES, SessionCurve
from ketasim.screening import EffectTime, SessionPlan, session_plan
from ketasim.screening.rules.conditions import is_slow
from ketasim.simulation.calendar import Session
from ketasim.simulation.session.curves import SessionEffects, SessionProfile

_TABLE: Final = "acute/session_training"
_STATISTICS: Final = {
    "score": "mean; range of the peak: 90 % of patients",
    "share": "percentage of patients; 90 % uncertainty interval (parameter uncertainty)",
    "change": "mean increase; range of the peak: 90 % of patients",
    "high": "mean; range of the peak: 90 % of patients",
    "pain": "mean; range of the peak: 90 % of patients",
    "cognition": "fraction of the full effect; range of the peak: 90 % of patients",
}
_TIMES: Final = {
    "onset_time": "onset at {} min",
    "peak_time": "peak at {} min",
    "back_time": "resolved at {} min",
    "back_by_time": "resolved by {} min",
}
_ROUTES: Final = {"intranasal": "nasal esketamine", "iv": "IV ketamine"}


def effect_times(effects: SessionEffects, session: SessionProfile) -> tuple[EffectTime, ...]:
    """Peaks and times of a session, each with what is published on its time.

    An effect that never rises above its threshold has only its peak.

    **Arguments:**

    - `effects`, `session`: of one simulation.
    """
    rows = session.table.to_dicts()
    return tuple(
        _time(effects, curve, row, session.routes)
        for curve, row in zip(SESSION_CURVES, rows, strict=True)
    )


def plan_of(
    course: Course, effects: SessionEffects, shown: SessionProfile, sessions: Sequence[Session]
) -> SessionPlan:
    """The timeline of a session with its predicted effects; see `ketasim.screening.session_plan`.

    **Arguments:**

    - `course`, `effects`: of one simulation. `shown`: one of `effects.sessions`.
    - `sessions`: all of the course.
    """
    doses = sessions[shown.number - 1].doses
    plan = session_plan(
        doses,
        course.patient,
        effect_times(effects, shown),
        session_start_h=shown.start,
        session_number=shown.number,
        outlook=shown.outlook,
    )
    return replace(
        plan,
        effects=shown.table,
        minutes=shown.by_minute(),
        assumptions=course.assumptions,
    )


def _time(
    effects: SessionEffects, curve: SessionCurve, row: dict[str, Any], routes: Sequence[str]
) -> EffectTime:
    shares = curve.kind == "share" or row["peak_p05"] is None
    low, high = ("peak_low", "peak_high") if shares else ("peak_p05", "peak_p95")
    # a mean may lie outside the band of a skewed spread, and a range may be missing
    ends = sorted(row["peak"] if one is None else one for one in (row[low], row["peak"], row[high]))
    grade = row["level_grade"] or "derived"
    return EffectTime(
        effect=curve.title,
        unit=words.unit(curve.unit),
        statistic=_STATISTICS[curve.kind],
        onset_h=_hours(row["onset_min"]),
        peak=row["peak"],
        peak_low=ends[0],
        peak_high=ends[2],
        peak_at_h=row["peak_at_min"] / 60.0,
        peak_at_low=row["peak_at_low"] / 60.0,
        peak_at_high=row["peak_at_high"] / 60.0,
        back_at_h=_hours(row["back_at_min"]),
        back_low=_hours(row["back_at_low"]),
        back_high=_hours(row["back_at_high"]),
        threshold=_threshold(curve, row),
        threshold_grade=grade,
        published=published_times(curve, routes),
        source=effects.card.source,
        # of cognition only a share of an unknown size is computed: it decides nothing
        comes_back=row["state"] in ("back", "not back") and curve.kind != "cognition",
    )


def _threshold(curve: SessionCurve, row: dict[str, Any]) -> str:
    """What resolved means, and whether the effect gets there, in words."""
    if not curve.level:
        return "no published threshold"
    level = row["level"]
    said = {
        "score": f"mean of at most {level:g} points",
        "share": f"fewer than {100 * level:g} % of patients affected",
        "change": f"mean increase of at most {level:g} {curve.unit}",
        "cognition": f"at most {100 * level:g} % of the full effect",
    }[curve.kind]
    end = {"never above": ": not exceeded", "not back": "; not resolved in the time shown"}
    return said + end.get(row["state"], "") + _may_exceed(row)


def _may_exceed(row: dict[str, Any]) -> str:
    """Say that an effect exceeds its threshold in some parameter draws."""
    if row["state"] != "never above" or not row["may_exceed"]:
        return ""
    return f" (exceeded in {percent(row['may_exceed'], 2)} of parameter draws)"


def published_times(curve: SessionCurve, routes: Sequence[str]) -> str:
    """What is published on when an effect begins, peaks and is gone, in one sentence.

    **Arguments:**

    - `curve`: one of `SESSION_CURVES`.
    - `routes`: of the session; for a form that releases over hours nothing is published, and times
      of a spray or an infusion say nothing of it.
    """
    return "" if is_slow(routes) else _published(curve)


@cache
def _published(curve: SessionCurve) -> str:
    names = {curve.name.lower(), curve.event} - {""}
    if curve.name == "dissociation":
        names.add("cadss")  # one effect, one statement
    said: dict[str, list[str]] = {}
    for row in facts(_TABLE):
        if row.get("what").lower() in names and row.get("statistic") in _TIMES:
            who = f"{_ROUTES[row.get('route')]}, {source_name(row.source)}"
            said.setdefault(who, []).append(_TIMES[row.get("statistic")].format(_printed(row)))
    return "; ".join(f"{', '.join(dict.fromkeys(t))} ({who})" for who, t in said.items())


def _printed(row: Fact) -> str:
    low, high = row.get("low"), row.get("high")
    return f"{low}-{high}" if low and high else row.get("value")


def _hours(minutes: float | None) -> float | None:
    return None if minutes is None else minutes / 60.0
