"""Virtual patients of a course: the typical one, or a spread around the patient from a seed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ketasim._base import InputError
from ketasim.evidence import Card
from ketasim.models import Branch, LinearModel, names_in
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

    **Raises:** `InputError` when the card lacks a parameter of the model, or a population is asked
    for and the card has no spread between patients.
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
        if not drawn:
            raise InputError(
                "population",
                f"the model '{model.name}' has no published spread between patients",
                "leave the population out, or use pk_model: reference",
            )
        occasions = [s for s in symbols if card.entry(s).iov is not None]
        if occasions:
            notes = (
                *notes,
                "Spread between occasions is published but not simulated: " + ", ".join(occasions),
            )
        notes = (*notes, *_without_spread(course, card, model))
    notes = (*_assumed_absorption(course, card, model), *notes)
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


def _assumed_absorption(course: Course, card: Card, model: LinearModel) -> tuple[str, ...]:
    """Say which routes' absorption has no human number behind it."""
    assumed: dict[str, dict[str, None]] = {}
    for route, own in _own_paths(course, model):
        bare = [symbol for symbol in own if card.entry(symbol).grade == "assumed"]
        if bare:
            assumed.setdefault(route, {}).update(dict.fromkeys(bare))
    return tuple(
        f"Absorption by {route} rests on an assumption, no number measured in adults: "
        f"{', '.join(symbols)}."
        for route, symbols in assumed.items()
    )


def _without_spread(course: Course, card: Card, model: LinearModel) -> tuple[str, ...]:
    """Say which routes' bands are too narrow: those with a path that has no spread of its own.

    Part of a dose may take another path that has one, as the swallowed part of a rectal dose: the
    path without spread is named all the same.
    """
    bare: dict[str, dict[str, None]] = {}
    for route, own in _own_paths(course, model):
        spreads = [card.entry(symbol).iiv for symbol in own]
        if own and all(spread is None or spread.sd == 0.0 for spread in spreads):
            bare.setdefault(route, {}).update(dict.fromkeys(own))
    return tuple(
        f"No spread between patients is known for absorption by {route} ({', '.join(symbols)}): "
        "the bands leave it out and are too narrow."
        for route, symbols in bare.items()
    )


def _own_paths(course: Course, model: LinearModel) -> Iterator[tuple[str, list[str]]]:
    """Each path of the course's doses: its route, and the parameters an iv dose does not know."""
    systemic = _disposition(model)
    for route, drug in {(dose.route, dose.drug): None for dose in course.regimen.doses}:
        for branch in model.branches_of(route, drug):
            yield route, [s for s in _absorption(model, branch) if s not in systemic]


def _absorption(model: LinearModel, branch: Branch) -> list[str]:
    """Parameters of a path of a dose, and of the way out of the state it enters."""
    texts = [branch.fraction, branch.later_fraction, branch.duration, branch.lag]
    texts += [flow.rate for flow in model.flows if flow.source == branch.target]
    return _parameters(model, [text for text in texts if text is not None])


def _disposition(model: LinearModel) -> set[str]:
    """Parameters that act on an intravenous dose too."""
    branches = model.routes.get("iv", ())
    reached = {branch.target for branch in branches}
    for _ in model.states:
        reached |= {f.target for f in model.flows if f.source in reached and f.target is not None}
    texts = [flow.rate for flow in model.flows if flow.source in reached]
    return set(_parameters(model, [*texts, *(branch.fraction for branch in branches)]))


def _parameters(model: LinearModel, texts: list[str]) -> list[str]:
    """Parameters that some expressions use, directly or through definitions, in their order."""
    used = {name for text in texts for name in names_in(text)}
    # a definition only uses those before it
    for definition in reversed(model.definitions):
        if definition.name in used:
            used |= names_in(definition.expression)
    return [symbol.name for symbol in model.parameters if symbol.name in used]
