"""A model is a declaration without numbers: what is used is declared, what is declared shown."""

from __future__ import annotations

import ast
import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ketasim.evidence import load_card
from ketasim.models import (
    MODELS,
    Branch,
    Definition,
    Flow,
    LinearModel,
    Output,
    Stream,
    Symbol,
    evaluate,
    names_in,
)


def _model(**changes: Any) -> LinearModel:
    parts: dict[str, Any] = {
        "name": "example",
        "title": "One compartment",
        "source": "example2020",
        "states": (Symbol("depot", "mg", "gut"), Symbol("central", "mg", "blood")),
        "parameters": (
            Symbol("ka", "1/h", "absorption"),
            Symbol("CL", "L/h", "clearance"),
            Symbol("V", "L", "volume"),
            Symbol("F", "fraction", "absorbed"),
        ),
        "covariates": (Symbol("WT", "kg", "weight"),),
        "definitions": (Definition("k", "CL/V", "1/h", "elimination"),),
        "flows": (Flow("depot", "central", "ka"), Flow("central", None, "k")),
        "routes": {"oral": (Branch("depot", "F"),)},
        "outputs": (Output("ketamine", "venous", "central", "V"),),
        "streams": {"ketamine": (Stream("", 1.0),)},
    }
    return LinearModel(**{**parts, **changes})


VALUES = {"ka": 2.0, "CL": 30.0, "V": 100.0, "F": 0.5, "WT": 70.0}


@pytest.mark.parametrize(
    ("part", "value", "missing"),
    [
        ("definitions", (Definition("k", "CL/V2", "1/h", ""),), "V2"),
        ("definitions", (Definition("k", "CL/V + later", "1/h", ""),), "later"),
        ("flows", (Flow("central", None, "k*theta"),), "theta"),
        ("flows", (Flow("central", None, "k", "MW_NK/MW_K"),), "MW_NK"),
        ("flows", (Flow("blood", None, "k"),), "blood"),
        ("flows", (Flow("central", "urine", "k"),), "urine"),
        ("routes", {"oral": (Branch("depot", "F_later"),)}, "F_later"),
        ("routes", {"oral": (Branch("depot", "F", "F2"),)}, "F2"),
        ("routes", {"oral": (Branch("depot", duration="D1"),)}, "D1"),
        ("routes", {"oral": (Branch("depot", lag="tlag"),)}, "tlag"),
        ("routes", {"oral": (Branch("gut", "F"),)}, "gut"),
        ("outputs", (Output("ketamine", "venous", "central", "Vc"),), "Vc"),
        ("outputs", (Output("ketamine", "venous", "arm", "V"),), "arm"),
        ("outputs", (Output("ketamine", "venous", "central", "V", "t"),), "t"),
    ],
)
def test_what_is_not_declared_is_refused(part: str, value: Any, missing: str) -> None:
    with pytest.raises(ValueError, match="example") as caught:
        _model(**{part: value})
    assert f"'{missing}'" in str(caught.value)


def test_a_declaration_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        _model().name = "other"  # type: ignore[misc]


def test_a_missing_value_is_named_with_its_meaning() -> None:
    with pytest.raises(KeyError, match=r"needs 'CL' \(clearance\)"):
        _model().resolve({name: value for name, value in VALUES.items() if name != "CL"})


def test_rate_matrix_of_the_example() -> None:
    model = _model()
    resolved = model.resolve(VALUES)
    matrix = model.rate_matrix(resolved, ("depot", "central"))
    np.testing.assert_allclose(matrix, [[[-2.0, 0.0], [2.0, -0.3]]])
    batch = model.resolve({**VALUES, "CL": np.array([30.0, 60.0])})
    assert model.rate_matrix(batch, ("depot", "central")).shape == (2, 2, 2)


def test_a_follower_takes_nothing_and_a_changed_molecule_changes_mass() -> None:
    flows = (
        Flow("depot", "central", "ka", "1 - F"),
        Flow("central", "depot", "k", consumes=False),
    )
    matrix = _model(flows=flows).rate_matrix(_model().resolve(VALUES), ("depot", "central"))[0]
    np.testing.assert_allclose(matrix, [[-2.0, 0.3], [1.0, 0.0]])


def test_reachable_states() -> None:
    model = _model()
    assert model.reachable({"central"}, model.outputs) == ("central",)
    assert model.reachable({"depot"}, model.outputs) == ("depot", "central")
    assert model.reachable({"depot"}, ()) == ()


@pytest.mark.parametrize("key", sorted(MODELS))
def test_describe_names_everything(key: str) -> None:
    model = MODELS[key]
    sheet = model.describe()
    for symbol in (*model.states, *model.parameters, *model.covariates):
        assert symbol.name in sheet and symbol.meaning in sheet
    for definition in model.definitions:
        assert f"{definition.name} = {definition.expression}" in sheet
    for flow in model.flows:
        assert flow.rate in sheet
    for state in model.states:
        assert f"d{state.name}/dt = " in sheet
    for route in model.routes:
        assert f"  {route}: " in sheet
    for output in model.outputs:
        assert f"{output.analyte} {output.site} = {output.state}" in sheet
    for note in model.notes:
        assert note in sheet


def _texts(model: LinearModel) -> list[str]:
    texts = [definition.expression for definition in model.definitions]
    for flow in model.flows:
        texts += [flow.rate, flow.produced]
    for branches in model.routes.values():
        for b in branches:
            texts += [text for text in (b.fraction, b.later_fraction, b.duration, b.lag) if text]
    for output in model.outputs:
        texts += [output.volume, output.scale]
    return texts


@pytest.mark.parametrize("key", sorted(MODELS))
def test_no_numbers_in_a_structure(key: str) -> None:
    """Only 0, 1 and 2 and the enantiomers' shares of the dose; every number is in a card."""
    model = MODELS[key]
    constants = {
        node.value
        for text in _texts(model)
        for node in ast.walk(ast.parse(text, mode="eval"))
        if isinstance(node, ast.Constant)
    }
    assert constants <= {0, 1, 2}
    for streams in model.streams.values():
        assert sum(stream.share for stream in streams) == 1.0


@pytest.mark.parametrize("key", sorted(MODELS))
def test_every_symbol_declared_is_used(key: str) -> None:
    model = MODELS[key]
    used = {name for text in _texts(model) for name in names_in(text)}
    declared = {symbol.name for symbol in (*model.parameters, *model.covariates)}
    # what only derived quantities for the reader use counts as used: they are definitions
    assert declared <= used
    names = [s.name for s in (*model.states, *model.parameters, *model.covariates)]
    names += [definition.name for definition in model.definitions]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("key", sorted(MODELS))
def test_a_card_resolves_the_structure(key: str) -> None:
    model = MODELS[key]
    covariates = dict.fromkeys((c.name for c in model.covariates), 1.0)
    resolved = model.resolve({**load_card(key).values(), **covariates, "WT": 70.0})
    states = tuple(state.name for state in model.states)
    matrix = model.rate_matrix(resolved, states)[0]
    assert np.isfinite(matrix).all()
    assert (np.diag(matrix) < 0).all()
    assert (matrix - np.diag(np.diag(matrix)) >= 0).all()


@pytest.mark.parametrize(
    "text",
    [
        "3*CL",
        "CL*0.75",
        "CL**1.5",
        "'text'",
        "CL.real",
        "CL[0]",
        "abs(CL)",
        "__import__('os')",
        "exp.__class__",
        "(lambda: 1)()",
        "CL if V else F",
        "CL > V",
        "CL and V",
        "[CL]",
        "CL // V",
        "CL % V",
        "{CL}",
        "f'{CL}'",
        "(CL := V)",
        "exp(CL)(V)",
        "exp(*CL)",
        "exp(x=CL)",
        "exp",
        "True",
    ],
)
def test_only_arithmetic_on_symbols_is_an_expression(text: str) -> None:
    with pytest.raises(ValueError, match="'"):
        names_in(text)


@pytest.mark.parametrize("text", ["", "CL +", "CL; V", "CL = V", "import os"])
def test_what_is_no_expression_at_all_is_refused(text: str) -> None:
    with pytest.raises((ValueError, SyntaxError)):
        names_in(text)


numbers = st.floats(0.1, 10.0)


@settings(max_examples=50)
@given(a=numbers, b=numbers, c=numbers)
def test_arithmetic_is_that_of_python(a: float, b: float, c: float) -> None:
    values = {"a": a, "b": b, "c": c}
    assert evaluate("a*(b/c)**a - 2*c", values) == a * (b / c) ** a - 2 * c
    assert evaluate("1 - -a", values) == 1 + a
    assert evaluate("exp(log(a))", values) == pytest.approx(a)
    assert evaluate("maximum(a, b) + minimum(a, b)", values) == pytest.approx(a + b)
    assert names_in("maximum(a, b)**c") == {"a", "b", "c"}


def test_arrays_broadcast() -> None:
    found = evaluate("a + b", {"a": np.arange(3.0), "b": np.ones((2, 1))})
    assert found.shape == (2, 3)
