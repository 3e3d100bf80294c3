"""A model of the package as differential equations, with the numbers of its card."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ketasim.dosing import Patient
from ketasim.evidence import Card, load_card, source_name
from ketasim.interop.export.ode import (
    Constant,
    Effects,
    Formula,
    OdeModel,
    State,
)
from ketasim.interop.export.own import right_hand_side
from ketasim.interop.export.syntax import Syntax
from ketasim.models import Branch, LinearModel, evaluate, names_in
from ketasim.models.pk.declaration import Flow, Output
from ketasim.population import covariates_of, spread_scale

_PLAIN = Syntax("", "t", power=lambda low, high: f"(({low})**({high}))")


def ode_of_shipped(model: LinearModel, patient: Patient | None = None) -> OdeModel:
    """The equations of a model of the package, each molecule with its own compartments.

    **Arguments:**

    - `patient`: whose covariates stand in the file; the typical one when left out.
    """
    card = load_card(model.name)
    covariates, _ = covariates_of(patient or Patient.model_validate({}), model, card)
    prefixes = list(dict.fromkeys(s.prefix for several in model.streams.values() for s in several))
    formulas: list[Formula] = []
    states: list[State] = []
    apart = _differ(model) if len(prefixes) > 1 else set[str]()
    renamed: dict[str, dict[str, str]] = {}
    for prefix in prefixes:
        renamed[prefix] = _names(model, prefix, apart, len(prefixes) > 1)
        formulas += _formulas(model, prefix, renamed[prefix], formulas)
        states += _states(model, prefix, renamed[prefix])
    symbols, covariance = card.omega()
    scales: dict[str, str] = {}
    factors: list[float] = []
    whence: dict[str, str] = {}
    for symbol in symbols:
        scales[symbol], factor = spread_scale(card, symbol)
        factors.append(factor)
        iiv = card.entry(symbol).iiv
        assert iiv is not None
        whence[symbol] = said_source(iiv.grade, iiv.source)
    covariance = covariance * np.outer(factors, factors)
    known = {one.name for one in model.parameters}
    kept = [place for place, symbol in enumerate(symbols) if symbol in known]
    return OdeModel(
        model.name,
        model.title,
        tuple(constant_of(card, one.name) for one in model.parameters),
        tuple(
            Constant(one.name, covariates[one.name], one.unit, one.meaning)
            for one in model.covariates
        ),
        tuple(formulas),
        tuple(states),
        tuple(_outputs(model, prefixes, renamed)),
        Effects(
            {symbols[place]: scales[symbols[place]] for place in kept},
            covariance[np.ix_(kept, kept)],
            {symbols[place]: whence[symbols[place]] for place in kept},
        ),
        tuple(_notes(model, card, covariates, states)),
    )


def constant_of(card: Card, name: str) -> Constant:
    """A parameter with the number of its card."""
    entry = card.entry(name)
    whence = said_source(entry.grade, entry.source)
    return Constant(name, entry.value, entry.unit, entry.meaning, whence)


def said_source(grade: str, source: str) -> str:
    """Grade and source of a number in words, with the key that `ketasim evidence` takes."""
    if not source:
        return f"{grade}; no source"
    name = source_name(source)
    return f"{grade}; {name}" if name == source else f"{grade}; {name} [{source}]"


def _differ(model: LinearModel) -> set[str]:
    """Definitions that are another number for the R-enantiomer."""
    found = {"R"}
    for one in model.definitions:
        if not names_in(one.expression).isdisjoint(found):
            found.add(one.name)
    return found


def _names(model: LinearModel, prefix: str, apart: set[str], several: bool) -> dict[str, str]:
    """Symbols that a molecule has for itself."""
    if not several:
        return {}
    own = [one.name for one in model.states] + [one for one in apart if one != "R"]
    return {name: f"{prefix}_{name}" for name in own}


def _said(text: str, names: dict[str, str], prefix: str) -> str:
    return _PLAIN.written(text, {**names, "R": "1.0" if prefix == "r" else "0.0"})


def _formulas(
    model: LinearModel,
    prefix: str,
    names: dict[str, str],
    before: list[Formula],
) -> Iterator[Formula]:
    done = {one.name for one in before}
    for one in model.definitions:
        name = names.get(one.name, one.name)
        if name not in done:
            yield Formula(name, _said(one.expression, names, prefix), one.unit, one.meaning)


def _states(model: LinearModel, prefix: str, names: dict[str, str]) -> Iterator[State]:
    flows = [
        Flow(
            names.get(flow.source, flow.source),
            None if flow.target is None else names.get(flow.target, flow.target),
            _said(flow.rate, names, prefix),
            "1" if flow.produced == "1" else _said(flow.produced, names, prefix),
            flow.consumes,
        )
        for flow in model.flows
    ]
    molecule = {"s": "S", "r": "R"}.get(prefix, "")
    for one in model.states:
        name = names.get(one.name, one.name)
        meaning = f"{molecule}-{one.meaning}" if molecule else one.meaning
        fraction, lag, duration = (
            None if text is None else _said(text, names, prefix)
            for text in _of_doses(model, one.name)
        )
        change = right_hand_side(name, flows)
        yield State(name, "mg", meaning, change, fraction, lag, duration)


def _into(model: LinearModel, state: str) -> set[tuple[str, str | None, str | None, str | None]]:
    """What every way of giving a dose into a state does."""
    branches = (b for several in (*model.routes.values(), *model.forms.values()) for b in several)
    return {
        (b.fraction, b.later_fraction, b.lag, b.duration) for b in branches if b.target == state
    }


def _of_doses(model: LinearModel, state: str) -> tuple[str | None, str | None, str | None]:
    """Part, lag and duration of doses into a state, where all routes into it agree."""
    found = _into(model, state)
    if len(found) != 1:
        return None, None, None
    ((fraction, later, lag, duration),) = found
    return (None if later or fraction == "1" else fraction), lag, duration


def _outputs(
    model: LinearModel, prefixes: list[str], renamed: dict[str, dict[str, str]]
) -> Iterator[Output]:
    for one in model.outputs:
        name, parts = f"{one.analyte}_{one.site}", list[str]()
        for prefix in prefixes:
            names = renamed[prefix]
            volume, scale = (_said(text, names, prefix) for text in (one.volume, one.scale))
            state = names.get(one.state, one.state)
            scaled = "" if one.scale == "1" else f"*({scale})"
            over = "" if one.volume == "1" else f"/({volume})"
            text = f"1000*{state}{over}{scaled}"
            own = f"{prefix}_{name}" if prefix else name
            parts.append(own)
            yield Output(own, text, "ng/mL")
        if len(prefixes) > 1:
            yield Output(name, " + ".join(parts), "ng/mL")
        elif prefixes[0]:
            yield Output(name, parts[0], "ng/mL")


def _notes(
    model: LinearModel, card: Card, covariates: dict[str, float], states: list[State]
) -> Iterator[str]:
    yield f"structure: {source_name(model.source)}" if model.source else "structure: of ketasim"
    yield f"numbers: {card.title} (card {card.hash[:12]})"
    yield "amounts mg of base, times h, concentrations ng/mL"
    yield "over a duration: RATE -2 where the file has it (D, dur), else RATE = AMT over it"
    yield "doses by route; the numbers are those of the typical patient of the file:"
    values: dict[str, Any] = {one.name: card.entry(one.name).value for one in model.parameters}
    resolved = model.resolve({**values, **covariates})
    numbers = {state.name: number for number, state in enumerate(states, start=1)}
    inside = {state.name for state in states if state.fraction is not None}
    several = len({s.prefix for some in model.streams.values() for s in some}) > 1
    for drug, streams in model.streams.items():
        for route in model.routes:
            for stream in streams:
                for branch in model.branches_of(route, drug):
                    name = f"{stream.prefix}_{branch.target}" if several else branch.target
                    yield _recipe(
                        drug, route, stream.share, branch, name, numbers[name], inside, resolved
                    )


def _recipe(
    drug: str,
    route: str,
    share: float,
    branch: Branch,
    name: str,
    number: int,
    inside: set[str],
    resolved: dict[str, Any],
) -> str:
    """How a dose of a drug by a route is given."""

    def value(text: str) -> float:
        return float(np.asarray(evaluate(text, resolved), np.float64).reshape(-1)[0])

    told = f"{drug} {route}: CMT {number} ({name}), AMT = "
    told += "the dose" if share == 1 else f"{share:g} of the dose"
    if name not in inside and branch.fraction != "1":
        told += f" times {branch.fraction} = {value(branch.fraction):.6g}"
    if branch.later_fraction is not None:
        later = f"{branch.later_fraction} = {value(branch.later_fraction):.6g}"
        told += f" (later devices of a session: {later})"
    if branch.lag is not None:
        told += f", lag {branch.lag} = {value(branch.lag):.6g} h"
    if branch.duration is not None:
        told += f", over {branch.duration} = {value(branch.duration):.6g} h"
    return told
