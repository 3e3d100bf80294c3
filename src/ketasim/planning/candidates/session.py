"""Dissociation and pressure in the sessions of every candidate, in the same patients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import Course
from ketasim.engine import LinearSolver
from ketasim.evidence import load_card
from ketasim.models import MODELS
from ketasim.planning.measure import UNCERTAINTY, Measure
from ketasim.population import Cohort, drawn_curves, mean_curves
from ketasim.simulation.calendar import sessions_of
from ketasim.simulation.concentrations import input_durations
from ketasim.simulation.session.curves import by_minute
from ketasim.simulation.session.group import Group, session_group

Array = NDArray[np.float64]

PEAKS: Final = {"CADSS_peak": "CADSS", "SBP_peak": "SBP"}
"""Criteria that follow from sessions, and the effect whose peak each is."""

_NOT_ASSESSED: Final = "session effects of arketamine are not assessed"


def peaks(courses: Mapping[int, Course], cohort: Cohort) -> dict[int, list[Measure]]:
    """Expected peaks in the first or last session of each candidate, whichever dissociates more.

    **Arguments:**

    - `courses`: number of a candidate to its course, all with one patient.
    - `cohort`: its virtual patients.

    **Returns:** number to a measure for each of `PEAKS`.
    """
    model, card = MODELS["reference"], load_card("session")
    first = next(iter(courses.values()))
    solver = LinearSolver(model, cohort.values, cohort.weight)
    patients = session_group(first, cohort, model, solver.solve(first.regimen.doses)).cohort
    solver = LinearSolver(model, patients.values, patients.weight)
    durations = input_durations(model, patients)
    known: dict[tuple[Any, ...], tuple[Array, ...]] = {}
    found: dict[int, list[Measure]] = {}
    for number, course in courses.items():
        doses = course.regimen.doses
        if all(dose.drug == "arketamine" for dose in doses):
            found[number] = [Measure(key, None, note=_NOT_ASSESSED) for key in PEAKS]
            continue
        sessions = sessions_of(doses, course.horizon, durations)
        group = Group(patients, solver.solve(doses))
        shown: dict[int, tuple[list[Array], dict[str, Array]]] = {}
        for place in sorted({1, len(sessions)}):
            drugs = by_minute(group, sessions[place - 1])
            shown[place] = drugs, mean_curves(card, drugs, place)
        place = max(shown, key=lambda one: float(shown[one][1]["CADSS"].max()))
        drugs, means = shown[place]
        # nothing was given before the first session: it is the same in many candidates
        key = (place, *(one.tobytes() for one in drugs))
        if key not in known:
            drawn = drawn_curves(card, drugs, place)
            known[key] = tuple(drawn[effect].max(axis=1) for effect in PEAKS.values())
        found[number] = [
            Measure(name, float(means[effect].max()), drawn, UNCERTAINTY, note=f"session {place}")
            for (name, effect), drawn in zip(PEAKS.items(), known[key], strict=True)
        ]
    return found
