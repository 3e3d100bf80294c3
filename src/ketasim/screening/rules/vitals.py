"""Vital signs of a patient against the limits of labels and trials."""

from __future__ import annotations

from typing import Final

from ketasim.dosing import Course
from ketasim.evidence import Fact, facts
from ketasim.screening.finding import ScreenFinding, unassessed
from ketasim.screening.rules.standing import Given, origin, sentence, standing

LIMITS: Final = "care/vital_limits"
"""Limits of blood pressure before a session."""

_AGE: Final = {"<=": "up to", "<": "below", ">": "above", ">=": "from"}


def of_age(condition: str, age: float | None) -> bool:
    """Whether a limit is of a patient's age; without an age, of every age."""
    if not condition or age is None:
        return True
    sign = condition.rstrip("0123456789.")
    limit = float(condition[len(sign) :])
    return {"<=": age <= limit, "<": age < limit, ">": age > limit, ">=": age >= limit}[sign]


def age_words(condition: str) -> str:
    """Return a condition such as `<65` in words, with a comma before it; empty for every age."""
    sign = condition.rstrip("0123456789.")
    return f", {_AGE[sign]} {condition[len(sign) :]} years" if condition else ""


def whose(drug: str, what: Given) -> str:
    """Which drug's label a limit is of, and whether that drug is given.

    **Arguments:**

    - `drug`: of the limit. `what`: the course gives.
    """
    if drug not in what.drugs:
        return f"{drug.capitalize()}'s label; not for this drug."
    if drug == "esketamine" and "intranasal" not in what.routes:
        return "Esketamine's label, of the nasal spray; not for this route."
    return f"{drug.capitalize()}'s label."


def vital_findings(course: Course, what: Given) -> list[ScreenFinding]:
    """Vital signs against the limits of labels and trials.

    **Arguments:**

    - `course`: with its patient.
    - `what`: the course gives.
    """
    patient, vitals = course.patient, course.patient.vitals
    found: list[ScreenFinding] = []
    if vitals is None:
        return found
    below: list[Fact] = []
    for row in facts(LIMITS):
        value: float | None = getattr(vitals, row.get("vital"))
        if value is None or not of_age(row.get("age"), patient.age):
            continue
        if value > float(row.get("value")):
            found.append(_limit(row, value, patient.age, what))
        else:
            below.append(row)
    if not found and below:
        keys = tuple(dict.fromkeys(row.source for row in below))
        pressure = " and ".join(
            f"{name} {value:g} mmHg"
            for name, value in (("systolic", vitals.sbp), ("diastolic", vitals.dbp))
            if value is not None
        )
        limits = [
            f"{name} {' or '.join(f'{one:g}' for one in sorted(values))} mmHg"
            for name, vital in (("systolic", "sbp"), ("diastolic", "dbp"))
            if (values := {float(row.get("value")) for row in below if row.get("vital") == vital})
        ]
        found.append(
            ScreenFinding(
                subject="blood pressure before the session",
                matched=f"vitals: {pressure}",
                kind="vitals",
                severity="note",
                statement=(
                    f"Not above the limits in the sources ({', '.join(limits)}). No lower limit "
                    "in the "
                    "sources: whether it is too low was not assessed."
                ),
                effect_on="blood pressure",
                applies_to="esketamine",
                applies_here="esketamine" in what.drugs,
                sources=keys,
                facts=tuple(dict.fromkeys(i for row in below for i in row.listed("facts"))),
                monitoring=("blood pressure",),
            )
        )
    for name, value, unit in (
        ("heart rate", vitals.heart_rate, "/min"),
        ("oxygen saturation", vitals.spo2, "%"),
    ):
        if value is not None:
            found.append(
                unassessed(
                    "vitals",
                    name,
                    f"vitals: {value:g} {unit}",
                    f"No {name} limit before a session in the sources: not assessed.",
                )
            )
    return found


def _limit(row: Fact, value: float, age: float | None, what: Given) -> ScreenFinding:
    stands = standing(row, what)
    name = {"sbp": "systolic", "dbp": "diastolic"}[row.get("vital")]
    condition = row.get("age")
    text = sentence(f"{row.get('statement')}: {row.get('value')} mmHg {name}{age_words(condition)}")
    other = whose(row.get("applies_to"), what).rstrip(".")
    if condition and age is None:
        text += " Whether this limit applies depends on the age, which is not stated."
    return ScreenFinding(
        subject="blood pressure before the session",
        matched=f"vitals: {name} {value:g} mmHg",
        kind="vitals",
        severity=row.get("severity"),
        severity_in_source=row.get("severity_in_source"),
        statement=text if stands.here else f"{text} {other}: not established for {what.words()}.",
        effect_on="blood pressure",
        size=f"above {row.get('value')} mmHg",
        quality="trial protocol" if row.get("jurisdiction") == "trial protocol" else "label",
        **origin(row, stands),
        monitoring=("blood pressure",),
    )
