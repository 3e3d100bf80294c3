"""Doses and schedule of a course against what was studied and what labels have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Final

from ketasim.dosing import HEALTHY
from ketasim.evidence import condition, fact, source_name, studied_doses
from ketasim.screening.exposure import course_exposure
from ketasim.screening.finding import ScreenFinding, unassessed
from ketasim.screening.rules.studied_range import (
    cited_rows,
    counts_words,
    infusion_times,
    longer_courses,
    spans_words,
    studied_finding,
    young_studies,
)

if TYPE_CHECKING:
    from ketasim.dosing import Course, Dose
    from ketasim.evidence import StudiedDoses, StudiedSpan
    from ketasim.screening.rules.patient import Triggers
    from ketasim.screening.rules.studied_range import InfusionTimes

_WEEK: Final = 168.0  # h
_DAY: Final = 24.0  # h
_WEEKLY_FROM: Final = 28 * _DAY  # h: the label's weeks 5 on, one session a week (care/rules:5)
_FIRST_MG: Final = 56.0  # mg, day 1 (care/rules:5)
_FIRST_OLD_MG: Final = 28.0  # mg, day 1 from 65 years or at Japanese ancestry (care/rules:6)
_FIRST_SUICIDALITY_MG: Final = 84.0  # mg, in depression with acute suicidality (care/rules:7)
_STUDIED_SUICIDALITY: Final = 28 * _DAY  # h: not systematically studied beyond (care/rules:7)
_SUICIDALITY: Final = "suicidality"
_ADULT: Final = 18.0  # years
_OLD: Final = 65.0  # years, of care/rules:6
_MINUTES: Final = 60.0  # in an hour
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
        triggers.add("frequent sessions for over two months", counted, "course")
        # how often is a condition of the rule
        triggers.add("more than twice a week", counted, "course")
    place = course.patient.place
    for dose in doses:
        if dose.route == "iv" and dose.duration == 0:
            triggers.add("rapid intravenous dose", "regimen: iv bolus", "course")
        # the nasal spray of esketamine is given under watch only
        spray = (dose.drug, dose.route) == ("esketamine", "intranasal")
        at_home = place == "home" or (place is None and dose.route in _AT_HOME)
        if at_home and not spray:
            matched = f"route: {dose.route}; place: {place or 'not stated'}"
            triggers.add("doses that are often taken at home", matched, "course")
        if spray and place == "home":
            triggers.add("nasal spray at home", "place: home", "course")
    if _faster_than_studied(course):
        matched = f"regimen: iv over {_fastest(course):g} min"
        triggers.add("intravenous dose faster than studied", matched, "course")
    nasal = [d for d in doses if (d.drug, d.route) == ("esketamine", "intranasal")]
    if nasal and course.patient.diagnosis == _SUICIDALITY:
        _label_in_suicidality(course, nasal, triggers)
    elif nasal and course.patient.diagnosis != HEALTHY:  # it is of depression
        _label_schedule(course, nasal, triggers)


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


def _label_in_suicidality(course: Course, spray: Sequence[Dose], triggers: Triggers) -> None:
    """What the label has in depression with acute suicidality: another dose, and four weeks."""
    first = sum(float(d.milligrams(course.patient.weight)) for d in next(_sessions(spray)))
    careful = {"age 65 or more", "japanese ancestry"}.intersection(triggers.found)
    if not careful and abs(first - _FIRST_SUICIDALITY_MG) > _CLOSE:
        matched = f"regimen: first session {first:.4g} mg"
        triggers.add("first dose is not 84 mg", matched, "course")
    starts = sorted({min(d.time for d in group) for group in _sessions(spray)})
    late = [time for time in starts if time - starts[0] >= _STUDIED_SUICIDALITY - _CLOSE]
    if late:
        counted = f"regimen: {len(late)} session{'s' if len(late) > 1 else ''} after week 4"
        triggers.add("beyond 4 weeks in acute suicidality", counted, "course")


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
            sources=tuple(key for key in keys if source_name(key) in text),
        )
        for text in check_doses(course.regimen, course.patient.weight)
    ]
    healthy = course.patient.diagnosis == HEALTHY
    diagnosis = None if healthy else course.patient.diagnosis
    if healthy:
        found.append(
            unassessed(
                "dose",
                "doses in healthy volunteers",
                f"diagnosis: {HEALTHY}",
                "Doses and schedules in the tables were studied in patients: not compared "
                "with those of a healthy volunteer.",
            )
        )
    pairs = dict.fromkeys((dose.drug, dose.route) for dose in course.regimen.doses)
    for drug, route in pairs:
        if diagnosis is not None:
            found += _in_condition(course, diagnosis, drug, route)
        if route == "iv":
            found += _speed(course, diagnosis, drug)
    return [*found, *_first_dose_unknown(course)]


def _first_dose_unknown(course: Course) -> Iterator[ScreenFinding]:
    patient = course.patient
    old = patient.ancestry == "japanese" or (patient.age is not None and patient.age >= _OLD)
    spray = any((d.drug, d.route) == ("esketamine", "intranasal") for d in course.regimen.doses)
    if spray and old and patient.diagnosis == _SUICIDALITY:
        yield unassessed(
            "dose",
            "first dose of the label",
            f"diagnosis: {patient.diagnosis}",
            "The label starting dose from age 65 or with Japanese ancestry is in the evidence for "
            "treatment-resistant depression only: not assessed in acute suicidality.",
        )


def _in_condition(course: Course, diagnosis: str, drug: str, route: str) -> list[ScreenFinding]:
    known = condition(diagnosis)
    subject = f"{drug} {_route(route)} in {known.title}"
    matched = f"diagnosis: {diagnosis}"
    studied = studied_doses(diagnosis, drug, route)
    if studied is None:
        text = f"The tables contain no study of {drug} by this route in {known.title}: "
        text += f"not assessed. {_wider(course, drug, route) if diagnosis == 'mdd' else ''}"
        return [unassessed("dose", subject, matched, text.strip())]
    doses = [d for d in course.regimen.doses if (d.drug, d.route) == (drug, route)]
    rest, wider = "", None
    if diagnosis == "mdd":
        rest, wider = _wider(course, drug, route), studied_doses("trd", drug, route)
    if known.parts:
        rest = (
            f"The rows are of several conditions ({', '.join(known.parts)} among them): a "
            "narrower diagnosis narrows what is compared."
        )
    found = [
        *_against_spans(course, doses, studied, subject, matched),
        *_against_schedule(course, studied, subject, matched),
    ]
    age = course.patient.age
    if age is not None and age < _ADULT:
        young = [*young_studies(studied), *(young_studies(wider) if wider else ())]
        matched = f"age: {age:g} years; {matched}"
        found.append(_in_adults(age, studied, young, subject, matched))
    elif not found:
        text = f"Within what was studied: {spans_words(studied)}{counts_words(studied)}."
        if len(course.regimen.sessions) > 1:
            text = f"{text} {longer_courses(studied)}".strip()
        found.append(studied_finding("note", text, studied, subject, matched))
    ids = cited_rows(wider) if wider else ()
    return [_with_rest(one, rest, ids) for one in found]


def _with_rest(one: ScreenFinding, rest: str, ids: Sequence[str]) -> ScreenFinding:
    if not rest or one.severity == "not assessed":
        return one
    keys = (fact(i).source for i in ids)
    return replace(
        one,
        statement=f"{one.statement} {rest}",
        facts=tuple(dict.fromkeys((*one.facts, *ids))),
        sources=tuple(dict.fromkeys((*one.sources, *keys))),
    )


def _wider(course: Course, drug: str, route: str) -> str:
    """What was studied in resistant depression, for a diagnosis of depression."""
    studied = studied_doses("trd", drug, route)
    if studied is None:
        return ""
    longer = longer_courses(studied) if len(course.regimen.sessions) > 1 else ""
    text = f"In treatment-resistant depression: {spans_words(studied)}{counts_words(studied)}."
    return f"{text} {longer}".strip()


def _in_adults(
    age: float, studied: StudiedDoses, young: Sequence[str], subject: str, matched: str
) -> ScreenFinding:
    """What was studied says little of somebody who is no adult."""
    own = f"Rows for adolescents: {'; '.join(young)}." if young else "No row is for adolescents."
    text = (
        f"At {age:g} years: the studied ranges are for adults, or for patients whose age is not "
        "in the "
        f"rows: {spans_words(studied)}{counts_words(studied)}. {own}"
    )
    return studied_finding("caution", text, studied, subject, matched)


# ----------------------------------------------------------------------------- how fast


def _quick(course: Course, drug: str | None = None) -> list[float]:
    """Minutes over which each session gives what goes into the vein; long infusions left out."""
    doses = [d for d in course.regimen.doses if d.route == "iv" and drug in (None, d.drug)]
    hours = [max(d.end for d in g) - min(d.time for d in g) for g in _sessions(doses)]
    return [_MINUTES * one for one in hours if one <= _LONG + _CLOSE]


def _fastest(course: Course) -> float:
    return round(min(_quick(course)), 3)


def _faster_than_studied(course: Course) -> bool:
    """Whether a session is faster than every infusion of its drug and condition, none at once."""
    for drug in dict.fromkeys(d.drug for d in course.regimen.doses if d.route == "iv"):
        minutes = _quick(course, drug)
        healthy = course.patient.diagnosis == HEALTHY
        times = _times(None if healthy else course.patient.diagnosis, drug)
        if minutes and times is not None and 0 < min(minutes) < times.low - _CLOSE:
            return True
    return False


def _times(diagnosis: str | None, drug: str) -> InfusionTimes | None:
    studied = None if diagnosis is None else studied_doses(diagnosis, drug, "iv")
    if diagnosis is not None and studied is None:
        return None
    return infusion_times(drug, studied)


def _speed(course: Course, diagnosis: str | None, drug: str) -> Iterator[ScreenFinding]:
    minutes = _quick(course, drug)
    if not minutes:
        return  # a long infusion is compared as a rate
    where = "in any condition of the tables" if diagnosis is None else condition(diagnosis).title
    where = where if diagnosis is None else f"in {where}"
    times = _times(diagnosis, drug)
    subject = f"how fast {drug} is given"
    low, high = round(min(minutes), 3), round(max(minutes), 3)
    given = "as a bolus, as no duration is stated" if low == 0 else f"over {low:g} min"
    if times is None:
        text = f"Given {given}: no row on {drug} by the route {where} has a duration: not assessed."
        yield unassessed("dose", subject, f"regimen: {given}", text)
        return
    if times.low - _CLOSE <= low and high <= times.high + _CLOSE:
        return
    told = f"Studied {where}: {times.words()} in the {times.rows} rows that state a duration"
    if times.boluses:
        told += f", and as a bolus in {', '.join(times.boluses)}"
    severity, text = "note", f"Given over {high:g} min, longer than was studied. {told}."
    if low < times.low - _CLOSE:
        severity = "caution"
        text = f"Given {given}: how fast it is given was not studied. {told}."
        if times.boluses:
            text = f"Given {given}, faster than the infusions that were studied. {told}."
        given = f"iv, {given}"
    ids = tuple(dict.fromkeys((times.low_fact, times.high_fact, *times.boluses)))
    yield ScreenFinding(
        subject=subject,
        matched=f"regimen: {given}",
        kind="dose",
        severity=severity,
        statement=text,
        quality="studies in the tables",
        applies_to=f"{drug} (iv)",
        sources=tuple(dict.fromkeys(fact(one).source for one in ids)),
        facts=ids,
    )


def _route(route: str) -> str:
    known = {"iv": "IV", "im": "IM", "sc": "SC", "oral_er": "oral extended-release"}
    return known.get(route, route)


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
            other = "a long infusion" if group_kind == "rate" else "single doses"
            text = (
                f"Studied doses are given as {spans_words(studied)}; the doses of this course "
                f"are of another kind ({other}): not assessed."
            )
            yield unassessed("dose", subject, matched, text)
            continue
        outside = [_outside(members, span, weight) for span in spans]
        if outside and all(outside):
            text = f"{' '.join(dict.fromkeys(outside))} Studied: {spans_words(studied)}."
            yield studied_finding("caution", text, studied, subject, matched)


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
        return f"{high:.4g} {span.unit}{told} is above the studied doses."
    if low < span.low * (1 - _CLOSE):
        return f"{low:.4g} {span.unit}{told} is below the studied doses."
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
    apart = ""
    if studied.interval_days is not None:
        apart = " to ".join(dict.fromkeys(f"{day:g}" for day in studied.interval_days)) + " d"
    if studied.interval_days is None:
        said.append(f"Spacing of sessions: in the rows {_spacing(studied)}, no days to compare.")
    elif min(days) < studied.interval_days[0] - _CLOSE:
        said.append(f"Sessions {min(days):.3g} d apart, closer than studied ({apart}).")
    elif max(days) > studied.interval_days[1] + _CLOSE:
        said.append(f"Sessions {max(days):.3g} d apart, further apart than studied ({apart}).")
    if studied.sessions is not None and len(starts) > studied.sessions[1]:
        longer = longer_courses(studied)
        text = f"{len(starts)} sessions; the most in any row is {studied.sessions[1]}."
        # the longer ones first: what was counted is not all that was studied
        said.append(f"{longer} {text}" if longer else text)
    for text in said:
        yield studied_finding("note", text, studied, subject, matched)


def _spacing(studied: StudiedDoses) -> str:
    return ", ".join(studied.spacings) or "not in the rows"
