"""The plan of a session: doses, measurements and rules, each with its time and source."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ketasim._base import InputError, near
from ketasim._base.numbers import number, percent, span
from ketasim._base.words import counted, route
from ketasim.dosing import Dose, Patient
from ketasim.evidence import GRADES, fact
from ketasim.population import SEVERE_FACT, PressureOutlook
from ketasim.screening.plan_result import UNWATCHED, PlanEntry, SessionPlan
from ketasim.screening.pressure import outlook_lines, pressure_lines
from ketasim.screening.rules.conditions import is_slow
from ketasim.screening.rules.session import STAGES, WATCH, SessionRule, session_rules
from ketasim.screening.rules.standing import Given

KINDS: Final = ("dose", "measurement", "effect", "rule", "discharge", "after")
"""Kinds of entries of a plan; `after` is what holds once the patient has left."""

_MEASURED: Final = (
    "blood pressure",
    "pulse oximetry",
    "sedation",
    "breathing, circulation, mental state",
)
_SAME_TIME: Final = 1e-6  # h
_NAMED: Final = 3  # effects named one by one
_SPACING: Final = "devices_hk"


@dataclass(frozen=True)
class EffectTime:
    """When a predicted effect peaks and resolves, with what is published about it.

    Times are h after the start of the session. Each value comes with the ends of its range.

    **Arguments:**

    - `effect`, `unit`: such as `systolic pressure`, `mmHg`.
    - `statistic`: what the numbers are, such as `mean rise, 90 % band`.
    - `onset_h`: h; nothing when not computed.
    - `peak`, `peak_low`, `peak_high`: in `unit`.
    - `peak_at_h`, `peak_at_low`, `peak_at_high`: h.
    - `back_at_h`: h; nothing when the effect does not resolve in the time computed.
    - `back_low`, `back_high`: h; no high end when some do not resolve in the time computed.
    - `threshold`: what resolved means, in words.
    - `threshold_grade`: one of the five grades.
    - `published`: what is published about its times.
    - `source`: key of the source of the prediction or of the published statement; several are
      joined by `;`.
    - `comes_back`: whether there is a time at which it resolves; false for an effect that never
      rises above the threshold, or has none.

    **Raises:** `InputError` when a time or band cannot be.
    """

    effect: str
    unit: str
    statistic: str
    onset_h: float | None
    peak: float
    peak_low: float
    peak_high: float
    peak_at_h: float
    peak_at_low: float
    peak_at_high: float
    back_at_h: float | None
    back_low: float | None
    back_high: float | None
    threshold: str
    threshold_grade: str
    published: str
    source: str
    comes_back: bool = True

    def __post_init__(self) -> None:
        """Refuse bands that run backwards, times before the session, unknown grades."""
        name = f"effects.{self.effect or 'effect'}"
        if self.threshold_grade not in GRADES:
            problem = f"unknown grade '{self.threshold_grade}'"
            raise InputError(f"{name}.threshold_grade", problem, near(self.threshold_grade, GRADES))
        if not self.source and self.threshold_grade != "assumed":
            raise InputError(f"{name}.source", "there is no source", "name it, or grade it assumed")
        for what, low, value, high in (
            ("peak", self.peak_low, self.peak, self.peak_high),
            ("peak_at_h", self.peak_at_low, self.peak_at_h, self.peak_at_high),
            ("back_at_h", self.back_low, self.back_at_h, self.back_high),
        ):
            known = [one for one in (low, value, high) if one is not None]
            if known != sorted(known) or not all(map(math.isfinite, known)):
                raise InputError(
                    f"{name}.{what}", "its band is not in order", "give low, value and high"
                )
            if what != "peak" and any(one < 0 for one in known):
                raise InputError(
                    f"{name}.{what}", "a time lies before the session", "give h of 0 or more"
                )


def session_plan(
    doses: Sequence[Dose],
    patient: Patient,
    effects: Sequence[EffectTime] = (),
    *,
    session_start_h: float = 0.0,
    session_number: int | None = None,
    outlook: PressureOutlook | None = None,
) -> SessionPlan:
    """Lay out one session: doses, measurements, predicted effects, rules, leaving, the next day.

    A rule made for another drug or use than the session's is shown and marked as not established
    for it. The monitoring period of at least two hours is counted from the end of the last dose, as
    the label counts it from the dose; the plan says which effects are predicted to last longer, and
    what is published on them. No source has one for a form that releases over hours, nor rules with
    times: the plan says so, and when the predicted effects peak.

    **Arguments:**

    - `doses`: of one session.
    - `patient`: who is treated; age, ancestry, liver and, where given, vital signs are read.
    - `effects`: predicted effects, times in h after the start of the session.
    - `session_start_h`: h from the start of the course, when the first dose begins.
    - `session_number`: which of the course, from 1; left out, rules on the first day say that it is
      not known whether this is one.
    - `outlook`: predicted blood pressure of the session.

    **Returns:** the plan; its minutes are from the first dose.

    **Raises:** `InputError` when the doses are none or of several sessions, or do not begin at
    `session_start_h`, or the number is below 1.
    """
    if session_number is not None and session_number < 1:
        raise InputError(
            "session_number", f"{session_number} is not a session number", "count from 1"
        )
    given = _one_session(doses, session_start_h)
    end = _minutes(max(dose.end for dose in given) - session_start_h)
    session = _session_words(given)
    notes: list[str] = []
    entries = [*_dose_entries(given, session_start_h)]
    shown: list[SessionRule] = []
    left_out = unfit = 0
    slow = is_slow(dose.route for dose in given)
    watch = next(rule for rule in session_rules() if rule.rule == WATCH)
    for rule in session_rules():
        concerned = rule.concerns(patient)
        if concerned is False or not rule.is_for(given):
            unfit += not rule.sessions and concerned is not False
            continue
        if _elsewhere(rule, given):
            left_out += 1
            continue
        shown.append(rule)
        about = _about(rule, given, patient, session_number)
        entries.append(_rule_entry(rule, given, end, session, concerned, about))
    assert watch.at_min_to is not None
    watch_end = None if slow else end + watch.at_min_to
    longer: list[str] = []
    for effect in effects:
        entries += _effect_entries(effect)
        words = "" if watch_end is None else _outlasts(effect, watch_end)
        if words and watch_end is not None:
            longer.append(words)
            entries.append(_longer_entry(effect, words, watch, watch_end, session, given))
    peaks = tuple(_late_peaks(effects, watch_end))
    if slow:
        entries.append(_unwatched(session, peaks))
    else:
        notes += peaks
    if unfit and slow:
        notes.append(
            f"{counted(unfit, 'rule')} for a spray or an infusion "
            f"{'is' if unfit == 1 else 'are'} not shown for {session}."
        )
    if left_out:
        notes.append(
            f"{counted(left_out, 'rule')} for racemic ketamine "
            f"{'is' if left_out == 1 else 'are'} not shown for a session of nasal esketamine, "
            "which has its own."
        )
    notes += _differing(shown, session, given)
    notes += _unknown(patient, shown)
    outlooks = () if outlook is None else (outlook,)
    what = Given(
        tuple(dict.fromkeys(dose.drug for dose in given)),
        tuple(dict.fromkeys(dose.route for dose in given)),
    )
    entries += map(_pressure_entry, outlooks)
    return SessionPlan(
        session=session,
        entries=tuple(sorted(entries, key=_order)),
        end_min=end,
        watch_end_min=watch_end,
        longer=tuple(longer),
        notes=tuple(notes),
        pressure_lines=pressure_lines(patient, what, outlooks),
        assumptions=patient.assumptions,
    )


def _late_peaks(effects: Sequence[EffectTime], watch_end: float | None) -> Iterator[str]:
    """Say when effects peak that no monitoring period of the sources covers."""
    peaks: dict[float, list[str]] = {}
    for effect in effects:
        minute = _minutes(effect.peak_at_h)
        if watch_end is None or minute > watch_end:
            peaks.setdefault(minute, []).append(effect.effect)
    told = "; ".join(
        f"{'; '.join(names) if len(names) <= _NAMED else f'{len(names)} effects'} at {at:.0f} min"
        for at, names in sorted(peaks.items())
    )
    if told and watch_end is None:
        yield f"Predicted peaks, counted from the dose: {told}."
    elif told:
        yield f"Predicted to peak after a monitoring period of 2 h ends: {told}."


def _unwatched(session: str, peaks: Iterable[str]) -> PlanEntry:
    """What stands in place of a monitoring period that no source has."""
    words = (
        "The monitoring period of labels, at least 2 h, is that of a nasal spray; no source has "
        f"one for {session}, which releases the drug over hours."
    )
    return PlanEntry(
        at_min_from=None,
        at_min_to=None,
        what=UNWATCHED,
        kind="rule",
        statement=" ".join((words, *peaks)),
        stage="after",
    )


def _pressure_entry(outlook: PressureOutlook) -> PlanEntry:
    """The predicted pressure as a line of the table of the plan."""
    at = outlook.rises[0].at_min
    return PlanEntry(
        at_min_from=at,
        at_min_to=at,
        what="blood pressure with the predicted increase",
        kind="effect",
        statement=" ".join(outlook_lines(outlook)),
        stage="after",
        grade="fitted",
        sources=(fact(SEVERE_FACT).source,),
        facts=(SEVERE_FACT,),
    )


def _one_session(doses: Sequence[Dose], start: float) -> tuple[Dose, ...]:
    if not doses:
        raise InputError("doses", "there is no dose", "give the doses of one session")
    given = tuple(sorted(doses, key=lambda dose: (dose.time, dose.device)))
    numbers = {dose.session for dose in given}
    if len(numbers) > 1:
        raise InputError(
            "doses", f"they are of {len(numbers)} sessions", "give the doses of one session"
        )
    if abs(given[0].time - start) > _SAME_TIME:
        raise InputError(
            "session_start_h",
            f"the first dose is at {given[0].time:g} h and the session starts at {start:g} h",
            f"give {given[0].time:g}",
        )
    return given


def _minutes(hours: float) -> float:
    return round(hours * 60.0, 6)


def _kinds_given(doses: Sequence[Dose]) -> list[tuple[str, str]]:
    """Drugs with their routes, each once."""
    return list(dict.fromkeys((dose.drug, dose.route) for dose in doses))


def _session_words(doses: Sequence[Dose]) -> str:
    return " and ".join(f"{route(how)} {drug}" for drug, how in _kinds_given(doses))


def _elsewhere(rule: SessionRule, doses: Sequence[Dose]) -> bool:
    """Rules of the racemate say nothing to the spray, which has a label of its own."""
    only_spray = all(kind == ("esketamine", "intranasal") for kind in _kinds_given(doses))
    return only_spray and rule.established_for != "esketamine"


def _dose_entries(doses: Sequence[Dose], start: float) -> Iterator[PlanEntry]:
    spacing = next(rule for rule in session_rules() if rule.rule == _SPACING)
    devices = sum(dose.drug == "esketamine" and dose.route == "intranasal" for dose in doses)
    for dose in doses:
        begins, ends = _minutes(dose.time - start), _minutes(dose.end - start)
        amount = f"{dose.drug} {dose.amount:g} {dose.unit}"
        salt = "" if dose.salt == "base" else f" of the {dose.salt}"
        how = route(dose.route)
        statement = f"Planned dose: {amount}{salt}, {how}."
        sources: tuple[str, ...] = ()
        found: tuple[str, ...] = ()
        if dose.duration > 0:
            statement = (
                f"Planned dose: {amount}{salt}, {how}, over {ends - begins:g} min,"
                f" from {begins:g} to {ends:g} min."
            )
        elif devices > 1 and dose.drug == "esketamine" and dose.route == "intranasal":
            statement = (
                f"Device {dose.device + 1} of {devices}: {dose.amount:g} mg, devices 5 min apart."
            )
            sources, found = spacing.sources, spacing.facts
        yield PlanEntry(
            at_min_from=begins,
            at_min_to=ends,
            what=amount,
            kind="dose",
            statement=statement,
            sources=sources,
            facts=found,
        )


def _rule_entry(
    rule: SessionRule,
    doses: tuple[Dose, ...],
    end: float,
    session: str,
    concerned: bool | None,
    about: Iterator[str],
) -> PlanEntry:
    first = 0.0 if rule.counted_from in ("first dose", "dose") else end
    last = 0.0 if rule.counted_from == "first dose" else end
    words = [rule.statement, *about]
    if rule.note:
        words.append(f"({rule.note[0].upper()}{rule.note[1:]}.)")
    return PlanEntry(
        at_min_from=None if rule.at_min_from is None else first + rule.at_min_from,
        at_min_to=None if rule.at_min_to is None else last + rule.at_min_to,
        what=rule.topic,
        kind=_kind(rule),
        statement=" ".join(words),
        band=rule.threshold,
        established_for=rule.established_for,
        applies=_applies(rule, doses, session, concerned=concerned),
        jurisdiction=rule.jurisdiction,
        date=rule.date,
        sources=rule.sources,
        facts=rule.facts,
        stage=rule.stage,
    )


def _kind(rule: SessionRule) -> str:
    if rule.stage in ("discharge", "next day"):
        return "discharge" if rule.stage == "discharge" else "after"
    return "measurement" if rule.topic in _MEASURED else "rule"


def _applies(
    rule: SessionRule, doses: Sequence[Dose], session: str, *, concerned: bool | None = True
) -> str:
    """`yes`, or where the rule comes from; with it, whom it is for when that is not known."""
    unknown = f"not assessed: for {_whom(rule.applies_if)}" if concerned is None else ""
    if all(rule.established(drug, route) for drug, route in _kinds_given(doses)):
        return unknown or "yes"
    origin = f"from {rule.established_for}; not established for {session}"
    return f"{origin}; {unknown}" if unknown else origin


def _about(
    rule: SessionRule, doses: Sequence[Dose], patient: Patient, number: int | None
) -> Iterator[str]:
    """What the rule means for this patient and this dose."""
    if rule.topic == "starting dose":
        total = sum(dose.milligrams(patient.weight) for dose in doses)
        if number is None:
            yield f"This session: {total:g} mg; whether it is the first day is not known."
        elif number == 1:
            yield f"First session of the course: {total:g} mg."
        else:
            yield f"Session {number} of the course, not the first: {total:g} mg."
    vitals = patient.vitals
    if rule.sbp_above is None or rule.dbp_above is None or vitals is None:
        return
    for name, value, limit in (
        ("Systolic", vitals.sbp, rule.sbp_above),
        ("Diastolic", vitals.dbp, rule.dbp_above),
    ):
        if value is None:
            yield f"{name} blood pressure not given: not assessed."
        else:
            verdict = "above" if value > limit else "not above"
            yield f"{name} blood pressure given: {value:g} mmHg, {verdict} {limit:g}."


def _differing(rules: Sequence[SessionRule], session: str, doses: Sequence[Dose]) -> Iterator[str]:
    """One line where sources name different limits of blood pressure."""
    limits: dict[str, list[str]] = {}
    own = True
    for rule in rules:
        if rule.sbp_above is None or rule.dbp_above is None:
            continue
        whom = f", {_whom(rule.applies_if)}" if rule.applies_if else ""
        place = f"{rule.jurisdiction}{whom}"
        limits.setdefault(f"{rule.sbp_above:g}/{rule.dbp_above:g} mmHg", []).append(place)
        own = own and all(rule.established(*kind) for kind in _kinds_given(doses))
    if len(limits) > 1:
        listed = "; ".join(f"{limit} ({'; '.join(whose)})" for limit, whose in limits.items())
        made = "" if own else f" None applies to {session}."
        yield f"Blood pressure limits before the dose differ between sources: {listed}.{made}"


def _whom(condition: str) -> str:
    words = {
        "age<65": "patients under 65 years",
        "age>=65": "patients aged 65 years and over",
        "age<=65": "patients up to 65 years",
        "age>65": "patients over 65 years",
        "ancestry=japanese": "patients of Japanese ancestry",
        "liver=moderate": "moderate hepatic impairment",
        "liver=severe": "severe hepatic impairment",
    }
    return " or ".join(words[one] for one in condition.split("|"))


def _effect_entries(effect: EffectTime) -> Iterator[PlanEntry]:
    sources = tuple(one.strip() for one in effect.source.split(";") if one.strip())
    beside = f" Published: {effect.published}" if effect.published else ""
    onset = "" if effect.onset_h is None else f" Onset at {_minutes(effect.onset_h):.0f} min."
    never = "" if effect.comes_back else f" Resolved means: {effect.threshold}."
    low, high = _minutes(effect.peak_at_low), _minutes(effect.peak_at_high)
    yield PlanEntry(
        at_min_from=low,
        at_min_to=high,
        what=effect.effect,
        kind="effect",
        statement=(
            f"Peak at {_minutes(effect.peak_at_h):.0f} min: {_amount(effect.peak, effect.unit)} "
            f"({_range(effect.peak_low, effect.peak_high, effect.unit)}; {effect.statistic})."
            f"{onset}{never}{beside}"
        ),
        band=f"{span(f'{low:.0f}', f'{high:.0f}')} min",
        sources=sources,
        stage="after",
        grade=effect.threshold_grade,
    )
    if not effect.comes_back:
        return
    back = effect.back_at_h
    assumed = " (assumed)" if effect.threshold_grade == "assumed" else ""
    means = f"resolved means {effect.threshold}{assumed}"
    if back is None:
        yield PlanEntry(
            at_min_from=high,
            at_min_to=None,
            what=effect.effect,
            kind="effect",
            statement=f"Not resolved in the time computed; {means}.{beside}",
            band="open",
            sources=sources,
            stage="after",
            grade=effect.threshold_grade,
        )
        return
    early = back if effect.back_low is None else effect.back_low
    late = effect.back_high
    band = f"{_minutes(early):.0f} min or later"
    if late is not None:
        band = f"{span(f'{_minutes(early):.0f}', f'{_minutes(late):.0f}')} min"
    yield PlanEntry(
        at_min_from=_minutes(early),
        at_min_to=None if late is None else _minutes(late),
        what=effect.effect,
        kind="effect",
        statement=f"Resolved by {_minutes(back):.0f} min ({band}); {means}.{beside}",
        band=band,
        sources=sources,
        stage="after",
        grade=effect.threshold_grade,
    )


def _amount(value: float, unit: str) -> str:
    return percent(value, 2) if unit == "fraction" else f"{number(value, 2)} {unit}"


def _range(low: float, high: float, unit: str) -> str:
    if unit == "fraction":
        return span(percent(low, 2), percent(high, 2))
    return f"{span(number(low, 2), number(high, 2))} {unit}"


def _outlasts(effect: EffectTime, watch_end: float) -> str:
    """Say that an effect has not resolved when the monitoring ends; empty when it has."""
    if not effect.comes_back:
        return ""
    beside = f"; published: {effect.published}" if effect.published else "; no published time"
    if effect.back_at_h is None:
        return f"{effect.effect}: not resolved in the time computed{beside}"
    back = _minutes(effect.back_at_h)
    words = f"{effect.effect}: predicted to resolve by {back:.0f} min"
    if back > watch_end:
        return f"{words}{beside}"
    if effect.back_high is None:
        return f"{words}, upper end of the range beyond the time computed{beside}"
    if _minutes(effect.back_high) > watch_end:
        return f"{words}, upper end of the range {_minutes(effect.back_high):.0f} min{beside}"
    return ""


def _longer_entry(
    effect: EffectTime,
    words: str,
    watch: SessionRule,
    watch_end: float,
    session: str,
    doses: Sequence[Dose],
) -> PlanEntry:
    late = effect.back_high
    own = tuple(one.strip() for one in effect.source.split(";") if one.strip())
    return PlanEntry(
        at_min_from=watch_end,
        at_min_to=None if late is None else max(watch_end, _minutes(late)),
        what=effect.effect,
        kind="effect",
        statement=(
            f"Predicted not to have resolved (point estimate or upper end of the range) when a "
            f"monitoring period of 2 h ends at {watch_end:g} min: {words}. A prediction, not an "
            "instruction to monitor longer."
        ),
        band=watch.threshold,
        established_for=watch.established_for,
        applies=_applies(watch, doses, session),
        jurisdiction=watch.jurisdiction,
        date=watch.date,
        sources=tuple(dict.fromkeys((*watch.sources, *own))),
        facts=watch.facts,
        stage="discharge",
        grade=effect.threshold_grade,
    )


def _unknown(patient: Patient, shown: Sequence[SessionRule]) -> Iterator[str]:
    """What was not assessed, as sentences."""
    asked = " ".join(rule.applies_if for rule in shown)
    for field, name, value, what in (
        ("age", "age", patient.age, "blood pressure limits and starting doses for all ages remain"),
        (
            "ancestry",
            "ancestry",
            patient.ancestry,
            "the starting dose for Japanese ancestry remains",
        ),
        ("liver", "liver function", patient.liver, "the rules for hepatic impairment remain"),
    ):
        if value is None and field in asked:
            yield f"The patient's {name} is not given: not assessed; {what} in the plan."
    vitals = patient.vitals
    if vitals is None:
        yield "No vital signs are given: blood pressure limits are not assessed."
    elif vitals.heart_rate is not None or vitals.spo2 is not None:
        yield (
            "No heart-rate or oxygen-saturation limit in the sources: the values given are not "
            "assessed."
        )
    if patient.medicines:
        yield "The plan does not assess medicines; the screening does."


def _order(entry: PlanEntry) -> tuple[int, float, int]:
    stage = STAGES.index(entry.stage)
    part = {0: 0, 1: 1, 2: 1, 3: 2, 4: 3}[stage]
    if entry.at_min_from is not None:
        time = entry.at_min_from
    elif entry.at_min_to is not None:
        time = entry.at_min_to
    else:
        # what has no time stands before the session, or at the end of its part
        time = -math.inf if stage == 0 else math.inf
    return part, time, KINDS.index(entry.kind)
