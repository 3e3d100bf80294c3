"""Steps of a course, chosen for a course near it: a slider that moves a little keeps its steps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np

from ketasim.dosing import Course, Dose, Patient
from ketasim.engine import Calendar, Patients, Plan
from ketasim.evidence import load_card
from ketasim.models import ChainModel, LinearModel
from ketasim.population import (
    Cohort,
    card_draws,
    mood_effects,
    mood_plan,
    mood_values,
    typical_effects,
    virtual_patients,
)
from ketasim.simulation.mood.inputs import MoodInput, mood_input, patients_of

_RATIO: Final = math.log(1.1)  # between neighbouring doses and weights that have steps of their own
_YEARS: Final = 5.0
_POINTS: Final = 2.0
_WIDE: Final = math.log(1.5)  # between doses for which steps are searched
_USUAL: Final = {"age": 40.0, "weight": 75.0}  # of whom steps are searched for; nothing else
_SCORE: Final = 32.0
_PILOT, _PILOT_SEED = 256, 0  # virtual patients the steps are chosen with


def steps_of(
    course: Course,
    given: MoodInput,
    calendar: Calendar,
    chain: ChainModel,
    model: LinearModel,
    *,
    uncertainty: bool = False,
) -> Plan:
    """Choose the steps of a course's chain to mood, once for all its runs.

    They are those of the nearest course whose doses and weight are on a grid of tenths, whose age
    is on one of five years and whose baseline is on one of two points: a course that differs a
    little has the same steps, found once and kept. What steps are right hardly depends on who is
    treated: those of a usual patient on a wider grid of doses are tried before any are searched
    for. Those of a population suit virtual patients that are always the same: another seed or
    another number of patients has the same steps too.

    **Main arguments:**

    - `course`: with the patient or the population. `given`: its numbers.
    - `calendar`: doses and session marks. `chain`, `model`: the declarations.

    **Other arguments:**

    - `uncertainty`: every virtual patient has a draw of the cards' numbers.

    **Returns:** a plan; its error is that of the nearest course on the grid.

    **Raises:** `KetasimError` when no steps keep the tolerance.
    """
    typical = course.population is None

    def stand_ins(near: Course, numbers: MoodInput, doses: Calendar) -> Patients:
        if course.population is not None:
            spec = course.population.model_copy(update={"seed": _PILOT_SEED, "n": _PILOT})
            near = replace(near, population=spec)
        cohort = virtual_patients(near, load_card("reference"), model, uncertainty=uncertainty)
        drawn = card_draws(numbers.card, _PILOT_SEED, 0, _PILOT) if uncertainty else None
        return mood_patients(
            *(cohort, numbers, doses),
            typical_effects() if typical else mood_effects(_PILOT_SEED, 0, _PILOT),
            numbers.numbers(drawn),
            spread=not typical,
        )

    someone = Patient(diagnosis=course.patient.diagnosis).model_copy(update=_USUAL)
    usual = replace(course, patient=someone)
    others = stand_ins(
        *(usual, replace(mood_input(usual), baseline=_SCORE), near_calendar(calendar, _WIDE))
    )
    near = stand_ins(
        replace(course, patient=_near_patient(course.patient)),
        replace(given, baseline=_on_grid(given.baseline, _POINTS)),
        near_calendar(calendar),
    )
    return mood_plan(chain, near, exact=typical, first=mood_plan(chain, others, exact=typical))


def mood_patients(
    cohort: Cohort,
    given: MoodInput,
    calendar: Calendar,
    effects: Mapping[str, Any],
    numbers: Mapping[str, Any],
    *,
    spread: bool,
) -> Patients:
    """Patients of the whole chain who all begin at the course's baseline.

    **Arguments:**

    - `cohort`: with the numbers of the reference model. `given`: situation and baseline.
    - `calendar`: doses and session marks.
    - `effects`, `numbers`: of the patients and of the card, as `mood_values` takes them.
    - `spread`: whether patients differ.
    """
    start = np.full(cohort.n, given.baseline)
    values = mood_values(numbers, effects, given.situation, start, spread=spread)
    return patients_of(cohort, numbers, values, calendar)


def near_calendar(calendar: Calendar, ratio: float = _RATIO) -> Calendar:
    """A calendar with its doses moved to the nearest on a grid, each by less than a twentieth.

    **Arguments:**

    - `calendar`: doses and session marks, of which those stay as they are.
    - `ratio`: logarithm of that between neighbours of the grid; each moves by half of it at most.
    """
    return Calendar(
        tuple(
            replace(one, amount=_on_ratio(one.amount, ratio)) if isinstance(one, Dose) else one
            for one in calendar.doses
        ),
        calendar.horizon,
    )


def _near_patient(patient: Patient) -> Patient:
    near = {
        "weight": _on_ratio(patient.weight),
        # never across a year from which the card counts, such as 65
        "age": None if patient.age is None else math.floor(patient.age / _YEARS) * _YEARS,
    }
    return patient.model_copy(update=near)


def _on_ratio(value: float, ratio: float = _RATIO) -> float:
    return math.exp(ratio * round(math.log(value) / ratio)) if value > 0 else value


def _on_grid(value: float, step: float) -> float:
    return max(round(value / step), 1) * step
