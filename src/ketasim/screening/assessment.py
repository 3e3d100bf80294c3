"""Screening a course: who should not be in the room, what interacts, what to monitor."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ketasim.evidence import facts
from ketasim.screening.finding import (
    FINDING_KINDS,
    SEVERITIES,
    MonitoringPrompt,
    ScreenFinding,
    ratio_words,
    unassessed,
)
from ketasim.screening.rules.conditions import speaks
from ketasim.screening.rules.course import course_triggers, dose_findings
from ketasim.screening.rules.interaction import (
    interaction_findings,
    organ_findings,
    unknown_findings,
)
from ketasim.screening.rules.patient import (
    history_findings,
    patient_triggers,
    rule_findings,
)
from ketasim.screening.rules.standing import Given, given, origin, standing
from ketasim.screening.rules.vitals import vital_findings
from ketasim.screening.screen_result import Screen
from ketasim.vocabulary import read_history, resolve_medicine

if TYPE_CHECKING:
    from ketasim.dosing import Course, Patient

MONITORING: Final = "care/monitoring"
"""What labels and statements ask to measure."""

_ORGANS: Final = ("genotype", "kidney impairment")
# fields of a patient and what a screen does with them
_STATED: Final = {
    "age": "limits of blood pressure, starting dose and age below 18",
    "history": "contraindications and cautions",
    "medicines": "interactions",
    "diagnosis": "studied doses, bipolar disorder",
    "liver": "hepatic impairment",
    "kidney": "renal impairment",
    "ancestry": "the starting dose for Japanese ancestry",
    "cyp2b6": "CYP2B6 genotype",
    "place": "clinic or home, for rules on treatment at home",
}
_AT_HOME: Final = "treatment at home"  # a finding that says itself that the place is not stated
_VITALS: Final = {
    "sbp": "systolic pressure",
    "dbp": "diastolic pressure",
    "heart_rate": "heart rate",
    "spo2": "oxygen saturation",
}


def screen(course: Course | Mapping[str, Any] | str | Path, *, exposure: bool = True) -> Screen:
    """Screen a course for contraindications, cautions, interactions and doses beyond the studied.

    Every medicine and every entry of the history yields a finding; what is not known or not stated
    is listed as *not assessed*. There is no verdict over all.

    **Arguments:**

    - `course`: a course, its content as a mapping, or the path of its file.
    - `exposure`: compute through the reference model how medicines, genotype and kidneys change
      exposure to the first session, and how high blood pressure rises; left off, only what was
      measured is told.

    **Returns:** `Screen`.

    **Raises:** `InputError` with the field when the course cannot be read, or its model is unknown.
    """
    from ketasim.dosing import Course, load_course
    from ketasim.models import known_model
    from ketasim.screening.pressure import course_pressure, pressure_lines

    loaded = course if isinstance(course, Course) else load_course(course)
    known_model(loaded.pk_model)
    patient, what = loaded.patient, given(loaded)
    matches = tuple(resolve_medicine(text) for text in patient.medicines)
    history = tuple(read_history(text) for text in patient.history)
    triggers = patient_triggers(patient, history)
    course_triggers(loaded, triggers)
    rules = rule_findings(triggers, what, patient.place)
    found = [
        *_with_ratios(loaded, rules, exposure),
        *history_findings(history),
        *vital_findings(loaded, what),
        *dose_findings(loaded),
        *interaction_findings(loaded, matches, what, computed=exposure),
        *unknown_findings(matches),
        *_not_stated(patient, told={one.subject for one in rules}),
    ]
    ordered = tuple(sorted(dict.fromkeys(found), key=_order))
    outlooks = course_pressure(loaded) if exposure else ()
    told = {*(one.statement for one in ordered), *loaded.assumptions}
    return Screen(
        title=loaded.title,
        given=what.words(),
        findings=ordered,
        medicines=matches,
        monitoring=tuple(_prompts(ordered, what)),
        assumptions=tuple(_assumptions(loaded, history)),
        history=history,
        record=_metadata(loaded),
        warnings=tuple(line for line in loaded.warnings if line not in told),
        pressure=outlooks,
        pressure_lines=pressure_lines(patient, what, outlooks),
    )


def _order(one: ScreenFinding) -> tuple[int, bool, bool, int, str, str]:
    return (
        SEVERITIES.index(one.severity),
        not one.applies_here,
        not one.boxed,
        FINDING_KINDS.index(one.kind),
        one.matched,
        one.subject,
    )


def _with_ratios(
    course: Course, found: Sequence[ScreenFinding], exposure: bool
) -> Iterator[ScreenFinding]:
    """Findings, those on genotype and kidneys with what the model computes."""
    wanted = exposure and any(one.subject in _ORGANS for one in found)
    ratios = organ_findings(course) if wanted else {}
    for one in found:
        if one.subject not in _ORGANS:
            yield one
            continue
        computed = tuple(
            ratio
            for name, values in ratios.items()
            if name.startswith("cyp2b6") == (one.subject == "genotype")
            for ratio in values
        )
        numbers = ratio_words(computed)
        text = f" By the reference model: {numbers}." if numbers else ""
        yield replace(one, computed=computed, effect_on="exposure", statement=one.statement + text)


def _not_stated(patient: Patient, told: Set[str]) -> Iterator[ScreenFinding]:
    for name, use in _STATED.items():
        if name == "place" and _AT_HOME in told:
            continue
        if name not in patient.model_fields_set or getattr(patient, name) is None:
            yield unassessed("not stated", name, "", f"Not stated, not assessed: {use}.")
    vitals = patient.vitals
    missing = [
        words for name, words in _VITALS.items() if vitals is None or getattr(vitals, name) is None
    ]
    if missing:
        text = f"Not stated, not assessed before the session: {', '.join(missing)}."
        yield unassessed("not stated", "vitals", "", text)
    yield unassessed(
        "not stated",
        "beyond a course file",
        "",
        "A course file does not include ECG, laboratory values, physical examination, consent or "
        "the escort home: not assessed.",
    )


def _assumptions(course: Course, history: Sequence[object]) -> Iterator[str]:
    yield from course.assumptions
    if "history" in course.patient.model_fields_set:
        if history:
            yield "The history is assumed complete: what it does not name is not assessed."
        else:
            yield "The history is given as empty and assumed to be so."
    if course.pk_model != "reference":
        yield (
            f"Exposure is computed by the reference model, whatever the course's own, "
            f"'{course.pk_model}'."
        )


def _prompts(found: Sequence[ScreenFinding], what: Given) -> Iterator[MonitoringPrompt]:
    """What the findings ask to measure, each with what prompts it."""
    asked: dict[str, dict[str, None]] = {}
    for one in found:
        for name in one.monitoring:
            asked.setdefault(name, {}).update(dict.fromkeys(one.subject.split(", ")))
    for row in facts(MONITORING):
        prompts = asked.get(row.get("name"))
        if not prompts or not speaks(row, what):
            continue
        stands = standing(row, what)
        yield MonitoringPrompt(
            name=row.get("name"),
            what_to_do=row.get("what_to_do") + stands.suffix,
            prompted_by=tuple(prompts),
            **origin(row, stands),
        )


def _metadata(course: Course) -> dict[str, Any]:
    from ketasim.__about__ import __version__

    return {"version": __version__, "course": course.to_dict()}
