"""The patients behind the curves of a session, and what reaches their effect site."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError
from ketasim.dosing import Course, PopulationSpec
from ketasim.evidence import load_card
from ketasim.models import SESSION, LinearModel
from ketasim.population import Cohort, virtual_patients
from ketasim.simulation.concentrations import solve_cohort

Array = NDArray[np.float64]

DRUGS: Final = ("s_ketamine", "s_norketamine")
"""What the effects of a session are computed from."""

PATIENTS: Final = 200
"""Patients behind a session's curves, whatever the course asks for."""


@dataclass(frozen=True)
class Group:
    """Patients, and their concentrations at any times.

    **Arguments:**

    - `cohort`: the patients.
    - `read`: from times, h, ascending, shape (T,), to S-ketamine and S-norketamine at the effect
      site, ng/mL, each of shape (T, n).
    """

    cohort: Cohort
    read: Callable[[Array], Sequence[Array]]


def solved_group(course: Course, cohort: Cohort, model: LinearModel) -> Group:
    """Patients of a course, to be solved where they are read.

    **Arguments:**

    - `course`, `model`: what is simulated. `cohort`: the patients.
    """

    def read(times: Array) -> Sequence[Array]:
        doses = course.regimen.doses
        solved = solve_cohort(model, cohort, doses, times, sites=(SESSION.site,))
        found = {name: one for (name, site), one in solved.values.items() if site == SESSION.site}
        return both(found, (len(times), cohort.n))

    return Group(cohort, read)


def session_group(course: Course, cohort: Cohort, model: LinearModel) -> Group:
    """Patients behind the curves of a session: the first of the course's, or such as this one.

    **Arguments:** as of `solved_group`.
    """
    if cohort.n >= PATIENTS:
        return solved_group(course, cohort.take(slice(0, PATIENTS)), model)
    asked = course.population or PopulationSpec(n=PATIENTS, seed=cohort.seed or 0)
    spread = replace(course, population=asked.model_copy(update={"n": PATIENTS}))
    try:
        card = load_card(course.pk_model)
        patients = virtual_patients(spread, card, model, uncertainty=cohort.uncertainty)
    except InputError:  # the model has no between-patient variability
        patients = cohort
    return solved_group(course, patients, model)


def both(effect_site: Mapping[str, Array], shape: tuple[int, int]) -> list[Array]:
    """S-ketamine and S-norketamine; none of them where the course gives the other enantiomer."""
    return [effect_site[name] if name in effect_site else np.zeros(shape) for name in DRUGS]
