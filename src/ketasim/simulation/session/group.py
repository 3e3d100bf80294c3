"""The patients behind the curves of a session, and what reaches their effect site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError
from ketasim.dosing import Course, PopulationSpec
from ketasim.engine import LinearSolution, LinearSolver
from ketasim.evidence import load_card
from ketasim.models import SESSION, LinearModel
from ketasim.population import Cohort, virtual_patients

Array = NDArray[np.float64]

DRUGS: Final = ("s_ketamine", "s_norketamine")
"""What the effects of a session are computed from."""

PATIENTS: Final = 200
"""Patients behind a session's curves, whatever the course asks for."""


@dataclass(frozen=True)
class Group:
    """Patients, and their concentrations at any times.

    **Arguments:**

    - `cohort`: the patients. `solution`: of theirs, or of more, of whom they are the first.
    - `times`, `drugs`: h, ascending, and what was read at them already.
    """

    cohort: Cohort
    solution: LinearSolution
    times: Array = field(default_factory=lambda: np.zeros(0))
    drugs: tuple[Array, ...] = ()

    def read(self, times: Array) -> list[Array]:
        """S-ketamine and S-norketamine at the effect site.

        **Arguments:**

        - `times`: h, ascending, shape (T,).

        **Returns:** ng/mL, each of shape (T, n).
        """
        place = np.searchsorted(self.times, times).clip(max=max(len(self.times) - 1, 0))
        if len(self.times) and np.array_equal(self.times[place], times):
            return [one[place] for one in self.drugs]
        found = self.solution.at(
            times, sites=(SESSION.site,), analytes=DRUGS, patients=slice(0, self.cohort.n)
        )
        shape = (len(times), self.cohort.n)
        return both({name: one for (name, _), one in found.items()}, shape)

    def reading(self, *times: Array) -> Group:
        """The same, with what will be read at these times read at once."""
        every = np.unique(np.concatenate(times))
        return replace(self, times=every, drugs=tuple(self.read(every)))


def session_group(
    course: Course, cohort: Cohort, model: LinearModel, solution: LinearSolution
) -> Group:
    """Patients behind the curves of a session: the first of the course's, or such as this one.

    **Arguments:**

    - `course`, `model`: what is simulated. `cohort`: the patients. `solution`: of the course.
    """
    if cohort.n >= PATIENTS:
        return Group(cohort.take(slice(0, PATIENTS)), solution)
    asked = course.population or PopulationSpec(n=PATIENTS, seed=cohort.seed or 0)
    spread = replace(course, population=asked.model_copy(update={"n": PATIENTS}))
    try:
        card = load_card(course.pk_model)
        patients = virtual_patients(spread, card, model, uncertainty=cohort.uncertainty)
    except InputError:  # the model has no between-patient variability
        return Group(cohort, solution)
    solver = LinearSolver(model, patients.values, patients.weight)
    return Group(patients, solver.solve(course.regimen.doses))


def both(effect_site: Mapping[str, Array], shape: tuple[int, int]) -> list[Array]:
    """S-ketamine and S-norketamine; none of them where the course gives the other enantiomer."""
    return [effect_site[name] if name in effect_site else np.zeros(shape) for name in DRUGS]
