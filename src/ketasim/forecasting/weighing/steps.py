"""Steps of the solver for one patient: those of the kinds of sessions, whatever their days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ketasim.dosing import Course, Dose, Patient, PopulationSpec, Regimen
from ketasim.engine import Plan
from ketasim.models import MODELS, mood_chain
from ketasim.simulation.mood.inputs import calendar_of, mood_input
from ketasim.simulation.mood.steps import steps_of

_DAY: Final = 24.0
_WEIGHT: Final = 70.0  # kg, of the patient that stands for all
_KINDS: Final = 6  # of sessions, the first of them
_LONGER: Final = 1.7  # steps over those found: percentiles of thousands hardly move
_AGAIN, _WEEK = 3 * _DAY, 7 * _DAY


def steps_for(courses: Sequence[Course]) -> Plan:
    """Choose the steps for a patient's courses.

    Steps depend on the time since a dose, so two sessions of each kind that is given tell them, and
    patients who are treated alike have the same steps, found once and kept.

    **Arguments:**

    - `courses`: what was given, and what may follow.
    """
    first = courses[0]
    kinds: dict[tuple[object, ...], list[Dose]] = {}
    for course in courses:
        sessions: dict[int, list[Dose]] = {}
        for dose in course.regimen.doses:
            sessions.setdefault(dose.session, []).append(dose)
        for doses in sessions.values():
            start = doses[0].time
            own = [replace(one, time=one.time - start) for one in doses]
            key = tuple((d.drug, d.route, d.amount, d.unit, d.duration, d.time) for d in own)
            kinds.setdefault(key, own)
    scale = _WEIGHT / first.patient.weight
    given: list[Dose] = []
    for place, doses in enumerate(list(kinds.values())[:_KINDS]):
        for again in (0, 1):
            begin = _WEEK * place + _AGAIN * again
            given += [
                replace(
                    one,
                    time=begin + one.time,
                    session=2 * place + again,
                    amount=one.amount * (scale if one.unit == "mg" else 1.0),
                )
                for one in doses
            ]
    patient = Patient.model_validate({"weight": f"{_WEIGHT} kg"})
    horizon = max(2, min(len(kinds), _KINDS)) * _WEEK
    one = replace(
        first,
        patient=patient,
        population=PopulationSpec(n=1),
        regimen=Regimen(tuple(sorted(given, key=lambda dose: (dose.time, dose.session)))),
        horizon=horizon,
        start=None,
    )
    model = MODELS["reference"]
    found = steps_of(
        *(one, mood_input(one), calendar_of(one, horizon), mood_chain(model), model),
        uncertainty=True,
    )
    return replace(found, profile=found.profile.longer(_LONGER), error=_LONGER**4 * found.error)
