"""Virtual patients of the arms of a trial, from dose to receptor."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import Arm, MedicineEntry, Patient
from ketasim.engine import Calendar
from ketasim.evidence import Card, load_card
from ketasim.models import MODELS, RECEPTOR, LinearModel
from ketasim.population.covariates import covariates_of
from ketasim.population.people import Part, drawn_ages, drawn_weights
from ketasim.population.sessions import session_marks
from ketasim.population.spread import individual_parameters

Array = NDArray[np.float64]


def arm_calendar(arm: Arm, horizon: float | None = None) -> Calendar:
    """Doses and session marks of an arm.

    **Arguments:**

    - `arm`: of a trial.
    - `horizon`: h; that of the arm when left out.
    """
    until = arm.horizon if horizon is None else horizon
    return Calendar((*arm.doses, *session_marks(arm.sessions)), until)


def arm_patients(
    arm: Arm,
    seed: int,
    first: int,
    count: int,
    *,
    typical: bool = False,
    parts: Mapping[str, Part] | None = None,
) -> tuple[dict[str, Any], Array, tuple[str, ...]]:
    """Values of the pharmacokinetic and receptor parameters of an arm's patients.

    Patient i is the same in every arm: the same random numbers stand behind the same place.

    **Main arguments:**

    - `arm`: of a trial; ages and weights are drawn from its means and SDs where it gives them.
    - `seed`: of the random numbers. `first`, `count`: the patients asked for, counted from 0.

    **Other arguments:**

    - `typical`: no between-patient variability.
    - `parts`: `age` or `weight` to the part of its distribution in which each patient lies.

    **Returns:** symbol to number or array (count,), weights in kg, and notes as sentences.
    """
    model, card = MODELS["reference"], load_card("reference")
    base, notes = _base(arm.age.mean if arm.age else None, arm.ancestry, arm.medicines)
    values: dict[str, Any] = {s.name: card.entry(s.name).value for s in model.parameters}
    values |= dict(base)
    values |= receptor_values()
    weight = np.full(count, base["WT"] if arm.weight is None else arm.weight.mean)
    own = parts or {}
    if not typical:
        values |= _spread(card, model, seed, first, count)
        if arm.weight is not None:
            weight = drawn_weights(
                arm.weight, seed, "trial:weight", first, count, own.get("weight")
            )
        if arm.age is not None and arm.age.sd is not None:
            values["AGE"] = drawn_ages(arm.age, seed, "trial:age", first, count, own.get("age"))
    values["WT"] = weight
    return values, weight, notes


def _spread(card: Card, model: LinearModel, seed: int, first: int, count: int) -> dict[str, Array]:
    return individual_parameters(card, [s.name for s in model.parameters], seed, first, count)


@cache
def receptor_values() -> dict[str, float]:
    """Numbers of the receptor, symbol to value, from its card."""
    card = load_card("receptor")
    return {s.name: card.entry(s.name).value for s in RECEPTOR.parameters}


@cache
def _base(
    age: float | None, ancestry: str | None, medicines: tuple[str | MedicineEntry, ...]
) -> tuple[dict[str, float], tuple[str, ...]]:
    content: dict[str, Any] = {"age": age, "ancestry": ancestry, "medicines": medicines}
    patient = Patient.model_validate({k: v for k, v in content.items() if v})
    return covariates_of(patient, MODELS["reference"], load_card("reference"))
