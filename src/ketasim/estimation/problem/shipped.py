"""A model that ships, whose card is the prior of a patient's parameters."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError, one_of
from ketasim._base.text import shortened
from ketasim.dosing import EVENT_COLUMNS, Sheet, read_routed
from ketasim.estimation.problem.observed import columns_of, not_observations, read_observed
from ketasim.estimation.problem.own import ERRORS, Choices, may_be_negative, residual_sds
from ketasim.estimation.problem.problem import Direction, Problem
from ketasim.evidence import Card, Scale
from ketasim.models import LinearModel, drawn_on
from ketasim.models.pk.declaration import Output
from ketasim.simulation.prediction.routes import RoutedPeople, routed_outputs, streams_of

Array = NDArray[np.float64]

_SCALES: Final[Mapping[str, Scale]] = {"lognormal": "log", "logit": "logit", "normal": "natural"}
_ANALYTES: Final = (("norketamine", "NK"), ("hnk", "HNK"), ("ketamine", "K"))
_KINDS: Final = {"add": "additive", "prop": "proportional", "log": "sd_log"}


def shipped_problem(
    model: LinearModel,
    table: Any,
    parameters: Mapping[str, float],
    compartments: Mapping[int, str],
    drug: str,
    choices: Choices,
) -> tuple[Problem, Sheet]:
    """Read a table for a model that ships.

    **Arguments:**

    - `model`: of the package. `table`: as `predict` takes it. `drug`: where it has no DRUG.
    - `parameters`: values instead of the card's. `compartments`: what numbers in CMT stand for.
    - `choices`: of the user.

    **Raises:** `InputError` as `predict`, and where the card has no variability to be a prior.
    """
    if choices.population:
        raise InputError(
            "method",
            f"the population of '{model.name}' is published and not estimated here",
            "use --method map, or write the model as a TOML file of your own",
        )
    if model.time_varying:
        raise InputError(
            "MODEL",
            f"the rates of '{model.name}' change with time, and only linear models are fitted here",
            "use the model reference",
        )
    read = read_routed(table, drug=drug, compartments=compartments)
    people = RoutedPeople(model, read, parameters)
    followed = streams_of(model, read)

    def solve(values: dict[str, Any], count: int) -> dict[str, Array]:
        base = {n: np.tile(v, count) if np.ndim(v) else v for n, v in people.values.items()}
        return routed_outputs(model, read, followed, base | values, count)

    known = list(solve({}, 1))
    columns = columns_of(choices.dv, known)
    names = read.columns.columns
    sheet = Sheet(
        {name: read.columns[name] for name in names},
        read.numbers,
        {n.upper(): n for n in names if n.upper() in EVENT_COLUMNS},
    )
    events = not_observations(sheet, np.array(list(read.doses), np.int64), read.records.reset)
    outputs = [_output(people.card, name, choices) for name in columns]
    negative = [may_be_negative(one, choices) for one in outputs]
    observed = read_observed(sheet, events, list(columns.values()), choices.lloq, negative)
    directions, covariance = _directions(model, people, {*parameters, *names})
    subject = read.records.subject
    ids = sheet.texts("ID")
    first: list[int] = np.searchsorted(subject, np.arange(int(subject[-1]) + 1)).tolist()
    problem = Problem(
        model.name,
        None,
        directions,
        covariance,
        tuple((name, "ng/mL") for name in columns),
        residual_sds(outputs, observed, choices),
        observed,
        subject,
        read.records.time,
        tuple(ids[i] for i in first),
        read.numbers,
        read.columns,
        solve,
        # the columns not used are those of predictions: a fit uses more
        tuple(
            note
            for note in dict.fromkeys((*people.left_over(read.notes), *people.notes))
            if not note.startswith("not used")
        ),
        tuple(people.card.sources()),
    )
    return problem, sheet


def _output(card: Card, name: str, choices: Choices) -> Output:
    """An output with the residual error that its card has."""
    suffix = next(short for word, short in _ANALYTES if word in name)
    found = {
        kind: card.entry(f"sigma_{short}_{suffix}").value
        for short, kind in _KINDS.items()
        if f"sigma_{short}_{suffix}" in card.entries
    }
    if not found and choices.error is None:
        raise InputError(
            "error",
            f"the model '{card.model}' has no published residual error of {shortened(name)}",
            f"say one, as --error proportional=0.2 ({one_of(ERRORS)})",
        )
    return Output(name, "0", "ng/mL", **found)


def _directions(
    model: LinearModel, people: RoutedPeople, given: Collection[str]
) -> tuple[tuple[Direction, ...], Array]:
    card = people.card
    every, covariance = card.omega()
    symbols = {one.name: one for one in model.parameters}
    place = [i for i, n in enumerate(every) if n in symbols and n not in given]
    if not place:
        raise InputError(
            "MODEL",
            f"the model '{model.name}' has no published between-patient variability to be a prior",
            "use the model reference",
        )
    found: list[Direction] = []
    for i in place:
        symbol, entry = symbols[every[i]], card.entry(every[i])
        assert entry.iiv is not None
        scale, factor = drawn_on(symbol.domain, _SCALES[entry.iiv.kind], entry.value)
        found.append(
            Direction(
                *(symbol.name, symbol.unit, symbol.meaning, entry.value, scale),
                base=people.values[symbol.name],
                factor=factor,
                estimated=False,
                spread=True,
            )
        )
    return tuple(found), covariance[np.ix_(place, place)]
