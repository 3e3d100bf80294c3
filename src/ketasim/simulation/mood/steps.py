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
from ketasim.simulation.mood.inputs import MoodInput, patients_of

_RATIO: Final = math.log(1.1)  # between neighbouring doses and weights that have steps of their own
_YEARS: Final = 5.0
_POINTS: Final = 2.0
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
    little has the same steps, found once and kept. Those of a population suit virtual patients that
    are always the same: another seed or another number of patients has the same steps too.

    **Main arguments:**

    - `course`: with the patient or the population. `given`: its numbers.
    - `calendar`: doses and session marks. `chain`, `model`: the declarations.

    **Other arguments:**

    - `uncertainty`: every virtual patient has a draw of the cards' numbers.

    **Returns:** a plan; its error is that of the nearest course on the grid.

    **Raises:** `KetasimError` when no steps keep the tolerance.
    """
    near = replace(course, patient=_near_patient(course.patient))
    numbers = replace(given, baseline=_on_grid(given.baseline, _POINTS))
    typical = course.population is None
    if course.population is not None:
        spec = course.population.model_copy(update={"seed": _PILOT_SEED, "n": _PILOT})
        near = replace(near, population=spec)
    cohort = virtual_patients(near, load_card("reference"), model, uncertainty=uncertainty)
    drawn = card_draws(given.card, _PILOT_SEED, 0, _PILOT) if uncertainty else None
    patients = mood_patients(
        *(cohort, numbers, near_calendar(calendar)),
        typical_effects() if typical else mood_effects(_PILOT_SEED, 0, _PILOT),
        numbers.numbers(drawn),
        spread=not typical,
    )
    return mood_plan(chain, patients, exact=typical)


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


def near_calendar(calendar: Calendar) -> Calendar:
    """A calendar with its doses moved to the nearest on a grid, each by less than a twentieth.

    **Arguments:**

    - `calendar`: doses and session marks, of which those stay as they are.
    """
    return Calendar(
        tuple(_near_dose(one) if isinstance(one, Dose) else one for one in calendar.doses),
        calendar.horizon,
    )


def _near_dose(dose: Dose) -> Dose:
    return replace(dose, amount=_on_ratio(dose.amount))


def _near_patient(patient: Patient) -> Patient:
    near = {
        "weight": _on_ratio(patient.weight),
        # never across a year from which the card counts, such as 65
        "age": None if patient.age is None else math.floor(patient.age / _YEARS) * _YEARS,
    }
    return patient.model_copy(update=near)


def _on_ratio(value: float) -> float:
    return math.exp(_RATIO * round(math.log(value) / _RATIO)) if value > 0 else value


def _on_grid(value: float, step: float) -> float:
    return max(round(value / step), 1) * step
