"""What a user waits for: the courses and the trial, and their patients as ketasim draws them."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from ketasim.dosing import Arm, Course, Trial, load_course, load_trial
from ketasim.engine import Calendar, Patients
from ketasim.evidence import load_card
from ketasim.models import MODELS, mood_chain
from ketasim.population import (
    Answers,
    Situation,
    arm_calendar,
    arm_patients,
    mood_effects,
    mood_values,
    receptor_values,
    session_marks,
    session_normals,
    situation_of,
    typical_effects,
    virtual_patients,
)

CHAIN = mood_chain(MODELS["reference"])
"""From dose to mood."""

DAYS = 24.0 * np.arange(85)
"""Daily times over twelve weeks, h."""

BASELINE = 33.0
"""MADRS before treatment of every patient here, points."""

REGIMEN = "ketamine 0.5 mg/kg iv over 40 min twice weekly for 4 weeks then weekly for 8 weeks"
"""Sixteen sessions in twelve weeks."""

TRIAL: dict[str, Any] = load_trial("ketamine_midazolam").to_dict()
"""The example that ships, with as many patients in the second arm as in the first."""
TRIAL["arms"][1]["n"] = TRIAL["arms"][0]["n"]


def content(n: int | None, regimen: str = REGIMEN) -> dict[str, Any]:
    """A course of twelve weeks as a course file has it.

    **Arguments:**

    - `n`: patients; nothing for the typical one.
    - `regimen`: in words.
    """
    return {
        "title": "Benchmark: twelve weeks",
        "patient": {
            "age": 42,
            "weight": "78 kg",
            "diagnosis": "trd",
            "baseline": {"scale": "MADRS", "score": BASELINE},
        },
        "regimen": regimen,
        "horizon": "84 d",
        **({} if n is None else {"population": {"n": n, "seed": 1}}),
    }


def unseen() -> str:
    """The regimen with a dose that no run has had: nothing is kept of it anywhere."""
    return REGIMEN.replace("0.5 mg/kg", f"{0.5 + 1e-9 * (time.time_ns() % 10**6):.9f} mg/kg")


def regimens(count: int) -> list[str]:
    """The regimens of a search: dose, frequency at first, for how many weeks, frequency then.

    **Arguments:**

    - `count`: how many, 200 at most, evenly over all.
    """
    every = [
        f"ketamine {dose} mg/kg iv over 40 min {often} for {weeks} weeks then {then} for "
        f"{12 - weeks} weeks"
        for dose in (0.25, 0.4, 0.5, 0.75, 1.0)
        for often in ("twice weekly", "three times weekly")
        for weeks in (2, 3, 4, 5, 6)
        for then in ("weekly", "every 2 weeks", "every 3 weeks", "every 4 weeks")
    ]
    return [every[k * len(every) // count] for k in range(count)]


def patients_of(course: Course) -> Patients:
    """The patients of a course from dose to mood, with its calendar.

    **Arguments:**

    - `course`: with a population, or the typical patient.
    """
    cohort = virtual_patients(course, load_card("reference"), MODELS["reference"])
    numbers = load_card("mood").values()
    effects = typical_effects() if cohort.typical else mood_effects(1, 0, cohort.n)
    start = np.full(cohort.n, BASELINE)
    situation = Situation()
    values = mood_values(numbers, effects, situation, start, spread=not cohort.typical)
    return Patients(
        {**cohort.values, **receptor_values(), "k_session": numbers["k_session"], **values},
        np.asarray(cohort.weight),
        (calendar_of(course),),
    )


def answers_of(course: Course, patients: Patients) -> Answers:
    """The first patients' answers to the sessions of a course.

    **Arguments:**

    - `course`: with a population. `patients`: of `patients_of`, the first of them.
    """
    sessions = [start for start in course.regimen.sessions if start < course.horizon]
    normals = session_normals(1, 0, patients.n, len(sessions))
    return Answers.of(patients.values, load_card("mood").values()["omega_A"], normals, sessions)


def calendar_of(course: Course) -> Calendar:
    """Doses and session marks of a course."""
    marks = session_marks(start for start in course.regimen.sessions if start < course.horizon)
    return Calendar((*course.regimen.doses, *marks), course.horizon)


def arm_of(trial: Trial, arm: Arm, n: int, horizon: float) -> Patients:
    """Patients of an arm of the trial, with the card's own numbers in every replicate.

    **Arguments:**

    - `trial`: with all arms. `arm`: one of them. `n`: patients. `horizon`: h, the last visit.
    """
    numbers = load_card("mood").values()
    drug, weight, _ = arm_patients(arm, 1, 0, n)
    start = np.full(n, BASELINE)
    values = mood_values(numbers, mood_effects(1, 0, n), situation_of(trial, arm), start)
    return Patients(
        {**drug, **values, "k_session": numbers["k_session"]},
        np.asarray(weight),
        (arm_calendar(arm, horizon),),
    )


def course_of(n: int | None, regimen: str = REGIMEN) -> Course:
    """The course read; arguments as of `content`."""
    return load_course(content(n, regimen))
