"""Virtual patients of a course: the typical one, or a spread around the patient from a seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError
from ketasim.evidence import Card
from ketasim.models import Branch, LinearModel, names_in
from ketasim.population.cohort import Cohort
from ketasim.population.covariates import covariates_of, sex_note
from ketasim.population.modifiers import activities_of, modification_of
from ketasim.population.people import drawn_ages, drawn_sexes, drawn_weights
from ketasim.population.spread import individual_parameters
from ketasim.population.uncertainty import card_draws, uncertainty_of

if TYPE_CHECKING:
    from ketasim.dosing import Course, PopulationSpec

Array = NDArray[np.float64]


def virtual_patients(
    course: Course,
    card: Card,
    model: LinearModel,
    *,
    typical: bool = False,
    uncertainty: bool = False,
) -> Cohort:
    """Make the patients of a course.

    Weights, ages and sexes are drawn where the course's population has them; otherwise all share
    those of the course's patient. Parameters differ where the card has between-patient variability.
    Patient i is the same whatever the number of patients, and each covariate has random numbers of
    its own.

    **Main arguments:**

    - `course`: with patient, population and regimen; without a population, the typical patient.
    - `card`, `model`: numbers and structure.

    **Other arguments:**

    - `typical`: the typical patient even if the course asks for a population.
    - `uncertainty`: every virtual patient has a draw of the card's numbers within the uncertainty
      of their estimates, and differs from the others around it.

    **Returns:** `Cohort`.

    **Raises:** `InputError` when the card lacks a parameter of the model, a population is asked
    for and the card has no between-patient variability, or the typical patient with uncertainty.
    """
    covariates, notes = covariates_of(course.patient, model, card)
    population = None if typical else course.population
    if population is None:
        _check_certain(uncertainty)
    n = 1 if population is None else population.n
    symbols = [symbol.name for symbol in model.parameters]
    numbers: dict[str, Array] = {}
    people = _People(np.full(n, float(course.patient.weight)))
    values: dict[str, Array] = {
        name: np.broadcast_to(np.float64(v), (n,)) for name, v in covariates.items()
    }
    drawn = {}
    used_seed = None
    if population is not None:
        used_seed = population.seed
        people = _people(course, population)
        values |= {
            name: column
            for name, column in (("WT", people.weight), ("AGE", people.age))
            if name in values and column is not None
        }
        if uncertainty:
            numbers = _uncertain(card, used_seed, n)
            values |= _uncertain_activities(course, values, card, numbers)
        drawn = individual_parameters(card, symbols, used_seed, 0, n, around=numbers)
        if not drawn:
            raise InputError(
                "population",
                f"the model '{model.name}' has no published between-patient variability",
                "leave the population out, or use pk_model: reference",
            )
        occasions = [s for s in symbols if card.entry(s).iov is not None]
        if occasions:
            notes = (
                *notes,
                "Between-occasion variability is published but not simulated: "
                + ", ".join(occasions),
            )
        notes = (
            *_shared(course, people),
            *notes,
            *_drawn_outside(people, model, card),
            *_without_spread(course, card, model),
        )
    notes = (*_assumed_absorption(course, card, model), *notes)
    parameters = {
        # a view of one number: parameters without spread take no memory
        symbol: np.broadcast_to(np.float64(card.entry(symbol).value), (n,))
        for symbol in symbols
    }
    parameters |= {symbol: numbers[symbol] for symbol in symbols if symbol in numbers} | drawn
    return Cohort(
        ids=np.arange(1, n + 1),
        weight=people.weight,
        covariates=values,
        parameters=parameters,
        spread=tuple(drawn),
        typical=population is None,
        seed=used_seed,
        notes=notes,
        age=_filled(course.patient.age, n) if people.age is None else people.age,
        sex=_filled(course.patient.sex, n) if people.sex is None else people.sex,
        drawn=people.drawn,
        uncertainty=uncertainty,
    )


@dataclass(frozen=True)
class _People:
    """Covariates of virtual patients, shape (n,); age and sex are nothing where all share them."""

    weight: Array
    age: Array | None = None
    sex: NDArray[np.str_] | None = None
    drawn: tuple[str, ...] = ()


def _check_certain(uncertainty: bool) -> None:
    if uncertainty:
        raise InputError(
            "uncertainty",
            "the typical patient has one parameter draw",
            "ask for virtual patients as well, such as '--n 200' or 'population: {n: 200}'",
        )


def _people(course: Course, population: PopulationSpec) -> _People:
    seed, n = population.seed, population.n
    weight = np.full(n, float(course.patient.weight))
    age = sex = None
    if population.weight is not None:
        weight = drawn_weights(population.weight, seed, "covariate:weight", 0, n)
    if population.age is not None:
        age = drawn_ages(population.age, seed, "covariate:age", 0, n)
    if population.female is not None:
        sex = drawn_sexes(population.female, seed, "covariate:sex", 0, n)
    given = {"weight": population.weight, "age": population.age, "sex": population.female}
    return _People(weight, age, sex, tuple(k for k, v in given.items() if v is not None))


def _filled(value: Any, n: int) -> Any:
    return None if value is None else np.full(n, value)


def _uncertain(card: Card, seed: int, n: int) -> dict[str, Array]:
    """A draw of the card's uncertain numbers for each patient, shape (n,)."""
    known = uncertainty_of(card)
    if known is None:
        return {}
    drawn = card_draws(card.replace(uncertainty=known), seed, 0, n)
    return {symbol: drawn[symbol] for symbol in known.symbols}


def _uncertain_activities(
    course: Course, values: Mapping[str, Array], card: Card, numbers: Mapping[str, Array]
) -> dict[str, Array]:
    """Activities of enzymes under the patient's medicines, as uncertain as their sizes."""
    modifiers = modification_of(course.patient).modifiers
    found = activities_of(modifiers, {**card.values(), **numbers})
    return {name: v for name, v in found.items() if name in values and np.ndim(v) == 1}


def _shared(course: Course, people: _People) -> list[str]:
    """Say what all virtual patients have in common, where real groups differ."""
    patient = course.patient
    shared = {"weight": f"one weight ({patient.weight:g} kg)"}
    if patient.age is not None:
        shared["age"] = f"one age ({patient.age:g} years)"
    left = [name for name in shared if name not in people.drawn]
    found = [sex_note()] if "sex" in people.drawn and patient.sex is None else []
    if left:
        text = " and ".join(shared[name] for name in left)
        keys = " and ".join(f"'{name}'" for name in left)
        everybody = f"All {len(people.weight)} virtual patients share {text}"
        lets = "lets" if len(left) == 1 else "let"
        found.insert(
            0, f"{everybody}: {keys} below 'population' in a course file {lets} them differ."
        )
    if "age" in people.drawn:
        found.append(
            f"Whether mood and blood pressure use the values below or from 65 years is "
            f"decided by the mean age ({course.age:g} years)."
        )
    return found


def _drawn_outside(people: _People, model: LinearModel, card: Card) -> list[str]:
    """Say how many of the drawn patients lie outside the people a model was built on."""
    studied: Mapping[str, Any] = card.extra.get("range") or {}
    found: list[str] = []
    for name, unit, column in (("age", "years", people.age), ("weight", "kg", people.weight)):
        if column is None or name not in people.drawn or name not in studied:
            continue
        low, high = studied[name]
        outside: NDArray[np.bool_] = (column < low) | (column > high)
        share = float(outside.mean())
        if share > 0.0:
            found.append(
                f"{100 * share:.2g} % of the drawn {name}s are outside {low:g}-{high:g} {unit}, "
                f"the people the model '{model.name}' was built on ({studied['source']}): there it "
                "is an extrapolation."
            )
    return found


def _assumed_absorption(course: Course, card: Card, model: LinearModel) -> tuple[str, ...]:
    """Say which routes' absorption has no human number behind it."""
    assumed: dict[str, dict[str, None]] = {}
    for route, own in _own_paths(course, model):
        bare = [symbol for symbol in own if card.entry(symbol).grade == "assumed"]
        if bare:
            assumed.setdefault(route, {}).update(dict.fromkeys(bare))
    return tuple(
        f"Absorption by {route} is assumed, not measured in adults: {', '.join(symbols)}."
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
        f"No between-patient variability is known for absorption by {route} "
        f"({', '.join(symbols)}): "
        "the bands do not include it and are too narrow."
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
