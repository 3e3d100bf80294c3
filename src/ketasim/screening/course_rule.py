"""Doses and schedule of a course against what was studied and what labels have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Final

from ketasim.evidence import condition, fact, studied_doses
from ketasim.screening.exposure import course_exposure
from ketasim.screening.finding import ScreenFinding, unassessed

if TYPE_CHECKING:
    from ketasim.dosing import Course, Dose
    from ketasim.evidence import StudiedDoses, StudiedSpan
    from ketasim.screening.patient_rule import Triggers

_WEEK: Final = 168.0  # h
_DAY: Final = 24.0  # h
_WEEKLY_FROM: Final = 28 * _DAY  # h: the label's weeks 5 on, one session a week (care/rules:5)
_TWICE: Final = 2  # sessions a week, the label's weeks 1 to 4 (care/rules:5)
_FIRST_MG: Final = 56.0  # mg, day 1 (care/rules:5)
_FIRST_OLD_MG: Final = 28.0  # mg, day 1 from 65 years or at Japanese ancestry (care/rules:6)
_LONG: Final = 2.0  # h; a longer infusion is compared as a rate
_AT_HOME: Final = ("oral", "oral_er", "sublingual", "buccal", "rectal", "intranasal")
_CLOSE: Final = 1e-6
_EVERY_DAY: Final = 7  # sessions within seven days


def course_triggers(course: Course, triggers: Triggers) -> None:
    """Add the subjects of rules that hold of what a course gives, and when.

    **Arguments:**

    - `course`: of treatment. `triggers`: of its patient; grows.
    """
    doses = course.regimen.doses
    exposure = course_exposure(course)
    sessions = exposure.sessions
    counted = f"regimen: {sessions} session{'s' if sessions > 1 else ''}"
    triggers.add("every course", counted, "course")
    if exposure.sessions > 1:
        triggers.add("repeated sessions", counted, "course")
    if exposure.most_in_7_days > _TWICE:
        most = f"regimen: {exposure.most_in_7_days} sessions within 7 days"
        triggers.add("more than twice a week", most, "course")
    for dose in doses:
        if dose.route == "iv" and dose.duration == 0:
            triggers.add("rapid intravenous dose", "regimen: iv, all at once", "course")
        # the nasal spray of esketamine is given under watch only
        if dose.route in _AT_HOME and (dose.drug, dose.route) != ("esketamine", "intranasal"):
            triggers.add("doses that are often taken at home", f"route: {dose.route}", "course")
    spray = [d for d in doses if (d.drug, d.route) == ("esketamine", "intranasal")]
    if spray:
        _label_schedule(course, spray, triggers)


def _label_schedule(course: Course, spray: Sequence[Dose], triggers: Triggers) -> None:
    weight = float(course.patient.weight)
    starts = sorted({min(d.time for d in group) for group in _sessions(spray)})
    late = [time - starts[0] for time in starts if time - starts[0] >= _WEEKLY_FROM - _CLOSE]
    if any(b - a < _WEEK - _DAY for a, b in pairwise(late)):
        triggers.add("more often than the label", "regimen: after week 4", "course")
    first = sum(float(d.milligrams(weight)) for d in next(_sessions(spray)))
    matched = f"regimen: first session {first:.4g} mg"
    careful = {"age 65 or more", "japanese ancestry"}.intersection(triggers.found)
    if careful and first > _FIRST_OLD_MG + _CLOSE:
        triggers.add("first dose above 28 mg", matched, "course")
    elif not careful and abs(first - _FIRST_MG) > _CLOSE:
        triggers.add("first dose is not 56 mg", matched, "course")


def _sessions(doses: Sequence[Dose]) -> Iterator[tuple[Dose, ...]]:
    ordered = sorted(doses, key=lambda d: (d.session, d.time))
    for _, group in groupby(ordered, key=lambda d: d.session):
        yield tuple(group)


def dose_findings(course: Course) -> list[ScreenFinding]:
    """Doses against the published ranges, and against what was studied in the condition.

    **Arguments:**

    - `course`: of treatment, with the diagnosis of its patient.
    """
    from ketasim.dosing import check_doses, dose_ranges

    keys = tuple(dict.fromkeys(r.source for r in dose_ranges() if r.context == "psychiatric"))
    found = [
        ScreenFinding(
            subject="dose",
            matched="regimen",
            kind="dose",
            severity="caution",
            severity_in_source="",
            statement=text,
            quality="published range",
            applies_to="both",
            sources=tuple(key for key in keys if key in text),
        )
        for text in check_doses(course.regimen, course.patient.weight)
    ]
    diagnosis = course.patient.diagnosis
    if diagnosis is None:
        return found
    pairs = dict.fromkeys((dose.drug, dose.route) for dose in course.regimen.doses)
    for drug, route in pairs:
        found += _in_condition(course, diagnosis, drug, route)
    return found


def _in_condition(course: Course, diagnosis: str, drug: str, route: str) -> list[ScreenFinding]:
    title = condition(diagnosis).title
    subject = f"{drug} {route.replace('_er', ' extended-release')} in {title}"
    matched = f"diagnosis: {diagnosis}"
    studied = studied_doses(diagnosis, drug, route)
    if studied is None:
        text = f"No study of {drug} by this route in {title} stands in the tables: not assessed."
        return [unassessed("dose", subject, matched, text)]
    doses = [d for d in course.regimen.doses if (d.drug, d.route) == (drug, route)]
    found = [
        *_against_spans(course, doses, studied, subject, matched),
        *_against_schedule(course, studied, subject, matched),
    ]
    if not found:
        found = [
            _studied_finding(
                "note",
                f"Within what was studied: {_spans(studied)}{_counts(studied)}.",
                studied,
                subject,
                matched,
            )
        ]
    return found


def _against_spans(
    course: Course, doses: Sequence[Dose], studied: StudiedDoses, subject: str, matched: str
) -> Iterator[ScreenFinding]:
    weight = float(course.patient.weight)
    groups = list(_sessions(doses))
    slow = [g for g in groups if max(d.end for d in g) - min(d.time for d in g) > _LONG]
    quick = [g for g in groups if g not in slow]
    daily = course_exposure(course).most_in_7_days >= _EVERY_DAY
    kind = "daily" if daily and _has(studied, "daily") else "session"
    for group_kind, members in ((kind, quick), ("rate", slow)):
        if not members:
            continue
        spans = [span for span in studied.spans if span.kind == group_kind]
        if not spans:
            text = (
                f"What was studied is given as {_spans(studied)}; the doses of this course are of "
                f"another kind ({'a long infusion' if group_kind == 'rate' else 'single doses'}): "
                "not assessed."
            )
            yield unassessed("dose", subject, matched, text)
            continue
        outside = [_outside(members, span, weight) for span in spans]
        if outside and all(outside):
            text = f"{' '.join(dict.fromkeys(outside))} Studied: {_spans(studied)}."
            yield _studied_finding("caution", text, studied, subject, matched)


def _has(studied: StudiedDoses, kind: str) -> bool:
    """Whether a kind of dose was studied."""
    return any(span.kind == kind for span in studied.spans)


def _outside(groups: Sequence[Sequence[Dose]], span: StudiedSpan, weight: float) -> str:
    """What lies outside a span, as a sentence; nothing when all lies within."""
    amounts = [_amount(group, span.unit, weight) for group in groups]
    known = [amount for amount in amounts if amount is not None]
    if not known:
        return ""
    low, high = min(known), max(known)
    converted = "/kg" in span.unit and any(d.unit == "mg" for g in groups for d in g)
    converted |= "/kg" not in span.unit and any(d.unit == "mg/kg" for g in groups for d in g)
    told = f" at {weight:g} kg" if converted else ""
    if high > span.high * (1 + _CLOSE):
        return f"{high:.4g} {span.unit}{told} is above the doses that were studied."
    if low < span.low * (1 - _CLOSE):
        return f"{low:.4g} {span.unit}{told} is below the doses that were studied."
    return ""


def _amount(group: Sequence[Dose], unit: str, weight: float) -> float | None:
    """What a session gives, in the unit of a span."""
    total = sum(float(dose.milligrams(weight)) for dose in group)
    hours = max(d.end for d in group) - min(d.time for d in group)
    rate = total / hours if hours > 0 else None
    per = {
        "mg": total,
        "mg/kg": total / weight,
        "mg/h": rate,
        "mg/kg/h": None if rate is None else rate / weight,
        "mg/h/70kg": None if rate is None else rate * 70.0 / weight,
    }
    return per.get(unit)


def _against_schedule(
    course: Course, studied: StudiedDoses, subject: str, matched: str
) -> Iterator[ScreenFinding]:
    starts = course.regimen.sessions
    if len(starts) < 2:  # one session has no spacing
        return
    days = [(b - a) / _DAY for a, b in pairwise(starts)]
    said: list[str] = []
    if studied.interval_days is None:
        said.append(f"Spacing of sessions: in the rows {_spacing(studied)}, no days to compare.")
    elif min(days) < studied.interval_days[0] - _CLOSE:
        said.append(
            f"Sessions {min(days):.3g} d apart, closer than was studied "
            f"({studied.interval_days[0]:g} to {studied.interval_days[1]:g} d)."
        )
    elif max(days) > studied.interval_days[1] + _CLOSE:
        said.append(
            f"Sessions {max(days):.3g} d apart, further than was studied "
            f"({studied.interval_days[0]:g} to {studied.interval_days[1]:g} d)."
        )
    if studied.sessions is not None and len(starts) > studied.sessions[1]:
        rest = " Some rows are of longer courses without their number." if studied.uncounted else ""
        said.append(f"{len(starts)} sessions, more than counted ({studied.sessions[1]}).{rest}")
    for text in said:
        yield _studied_finding("note", text, studied, subject, matched)


def _spans(studied: StudiedDoses) -> str:
    return "; ".join(span.words() for span in studied.spans) or "no dose in the rows"


def _counts(studied: StudiedDoses) -> str:
    """Numbers of sessions, and days between them."""
    text = ""
    if studied.sessions is not None:
        text += f", {studied.sessions[0]} to {studied.sessions[1]} sessions"
    if studied.interval_days is not None:
        text += f", {studied.interval_days[0]:g} to {studied.interval_days[1]:g} days apart"
    return text


def _spacing(studied: StudiedDoses) -> str:
    return ", ".join(studied.spacings) or "not in the rows"


def _studied_finding(
    severity: str, text: str, studied: StudiedDoses, subject: str, matched: str
) -> ScreenFinding:
    ends = dict.fromkeys(
        one for span in studied.spans for one in (span.low_fact, span.high_fact) if one
    )
    ids = tuple(ends) or studied.facts[:1]
    return ScreenFinding(
        subject=subject,
        matched=matched,
        kind="dose",
        severity=severity,
        statement=f"{text} See `ketasim evidence condition {studied.condition}`.",
        quality="studies in the tables",
        applies_to=f"{studied.drug} ({studied.route})",
        sources=tuple(dict.fromkeys(fact(one).source for one in ids)),
        facts=ids,
    )
