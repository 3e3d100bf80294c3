"""Virtual patients of a course: the typical one, or a spread around the patient from a seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ketasim.evidence import Card
from ketasim.models import LinearModel
from ketasim.population.cohort import Cohort
from ketasim.population.covariates import covariates_of
from ketasim.population.spread import individual_parameters

if TYPE_CHECKING:
    from ketasim.dosing import Course


def virtual_patients(
    course: Course,
    card: Card,
    model: LinearModel,
    *,
    typical: bool = False,
) -> Cohort:
    """Make the patients of a course.

    All share the covariates of the course's patient, weight and age included; what differs is the
    parameters that the card gives a spread between patients. Patient i is the same whatever the
    number of patients.

    **Main arguments:**

    - `course`: with patient, population and regimen; without a population, the typical patient.
    - `card`, `model`: numbers and structure.

    **Other arguments:**

    - `typical`: the typical patient even if the course asks for a population.

    **Returns:** `Cohort`.

    **Raises:** `InputError` when the card lacks a parameter of the model.
    """
    covariates, notes = covariates_of(course.patient, model, card)
    population = None if typical else course.population
    n = 1 if population is None else population.n
    symbols = [symbol.name for symbol in model.parameters]
    drawn = {}
    used_seed = None
    if population is not None:
        used_seed = population.seed
        drawn = individual_parameters(card, symbols, used_seed, 0, n)
        occasions = [s for s in symbols if card.entry(s).iov is not None]
        if occasions:
            notes = (
                *notes,
                "Spread between occasions is published but not simulated: " + ", ".join(occasions),
            )
    parameters = {
        # a view of one number: parameters without spread take no memory
        symbol: drawn.get(symbol, np.broadcast_to(np.float64(card.entry(symbol).value), (n,)))
        for symbol in symbols
    }
    return Cohort(
        ids=np.arange(1, n + 1),
        weight=np.full(n, float(course.patient.weight)),
        covariates={name: np.broadcast_to(np.float64(v), (n,)) for name, v in covariates.items()},
        parameters=parameters,
        spread=tuple(drawn),
        typical=population is None,
        seed=used_seed,
        notes=notes,
    )
