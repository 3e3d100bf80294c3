"""Many regimens for the same virtual patients: scores side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError
from ketasim.dosing import HEALTHY, Course, Regimen, load_course, parse_regimen
from ketasim.engine import Patients, solve_each
from ketasim.evidence import load_card
from ketasim.models import MODELS, mood_chain
from ketasim.population import (
    Answers,
    mood_effects,
    mood_plan,
    mood_values,
    session_normals,
    typical_effects,
    virtual_patients,
)
from ketasim.simulation.mood.inputs import calendar_of, mood_input, patients_of

Array = NDArray[np.float64]

_REFERENCE = "reference"  # the model behind which the chain to mood was fitted
_DAY = 24.0


@dataclass(frozen=True, repr=False, eq=False)
class RegimenScores:
    """MADRS of the same patients by each of some regimens.

    **Arguments:**

    - `regimens`: R of them. `baseline`: MADRS before treatment, points.
    - `times`: h, shape (T,).
    - `madrs`: without error of measurement, points, shape (R, n, T).
    """

    regimens: tuple[Regimen, ...]
    baseline: float
    times: Array
    madrs: Array

    def __repr__(self) -> str:
        """How many regimens, patients and times."""
        many, n, times = self.madrs.shape
        return f"<MADRS of {n} patients by each of {many} regimens at {times} times>"


def compare_regimens(
    course: Course | Mapping[str, Any] | str | Path,
    regimens: Sequence[Regimen | str],
    *,
    times: Iterable[float] | None = None,
) -> RegimenScores:
    """Simulate mood for the same virtual patients by each of some regimens.

    Patients, situation and options are those of the course; its own regimen is not looked at. The
    patients are those of `simulate` with the course's seed, on steps that suit all the regimens.

    **Main arguments:**

    - `course`: with the patient or the population, and the horizon; as `simulate` takes it.
    - `regimens`: one or more, each a sentence or a `Regimen`. Doses after the horizon are left out.

    **Other arguments:**

    - `times`: h; left out, every day, the start of every session of any of the regimens and a day
      after it: weekly times would fall on dosing days, and show one regimen at its worst and
      another at its best.

    **Returns:** `RegimenScores`.

    **Raises:** `InputError` when the course uses another model than the reference, there is no
    regimen, or the model does not know a drug or a route; `KetasimError` when no steps keep the
    tolerance.
    """
    course = course if isinstance(course, Course) else load_course(course)
    if isinstance(regimens, (str, Regimen)):
        regimens = [regimens]
    regimens = [parse_regimen(one) if isinstance(one, str) else one for one in regimens]
    if course.patient.diagnosis == HEALTHY:
        raise InputError(
            "patient.diagnosis", "mood of a healthy volunteer is not computed", "name a depression"
        )
    if course.pk_model != _REFERENCE:
        raise InputError(
            "pk_model",
            f"mood is not computed with '{course.pk_model}'",
            "use pk_model: reference",
        )
    if not regimens:
        raise InputError("regimens", "there is none", "give one or more")
    if times is None:
        times = _around(regimens, course.horizon)
    model, given = MODELS[_REFERENCE], mood_input(course)
    cohort = virtual_patients(course, load_card(_REFERENCE), model)
    spread = not cohort.typical
    effects = mood_effects(cohort.seed or 0, 0, cohort.n) if spread else typical_effects()
    start, numbers = np.full(cohort.n, given.baseline), given.numbers()
    values = mood_values(numbers, effects, given.situation, start, spread=spread)
    calendars = [
        calendar_of(replace(course, regimen=regimen), course.horizon) for regimen in regimens
    ]
    one = patients_of(cohort, numbers, values, calendars[0])
    patients = Patients(one.values, one.weight, tuple(calendars))
    chain, hours = mood_chain(model), np.unique(np.asarray(list(times), np.float64))
    plan = mood_plan(chain, patients, each=True)
    names = ("MADRS", "fast_arm")
    solved = solve_each(chain, patients, hours, names, plan=plan, progress=False)
    madrs = np.ascontiguousarray(solved[..., 0])
    if spread:
        most = max(len(regimen.sessions) for regimen in regimens)
        normals = session_normals(cohort.seed or 0, 0, cohort.n, most)
        for place, regimen in enumerate(regimens):
            own = normals[:, : len(regimen.sessions)]
            answers = Answers.of(values, numbers["omega_A"], own, regimen.sessions)
            both = {"MADRS": solved[place, ..., 0], "fast_arm": solved[place, ..., 1]}
            madrs[place] = answers.applied(both, hours)["MADRS"]
    return RegimenScores(tuple(regimens), given.baseline, hours, madrs)


def _around(regimens: Sequence[Regimen], horizon: float) -> Array:
    """Every day, and before and a day after each session of each regimen, h."""
    starts = np.array([s for regimen in regimens for s in regimen.sessions], np.float64)
    days = np.append(np.arange(0.0, horizon, _DAY), horizon)
    times: Array = np.unique(np.concatenate([days, starts, starts + _DAY]).round(9))
    return times[times <= horizon]
