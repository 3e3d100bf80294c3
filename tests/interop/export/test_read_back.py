"""mrgsolve, rxode2 and NONMEM code, read back by a small reader and computed.

Every name must be declared before it is used, and the rates of change be those of the model.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ketasim
from ketasim import InputError
from ketasim.dosing import Patient
from ketasim.evidence import load_card
from ketasim.interop.export import FORMATS, export
from ketasim.models import MODELS, LinearModel
from ketasim.population import covariates_of

R_LIKE = ("mrgsolve", "rxode2", "nonmem")
FUNCTIONS = {
    "exp": np.exp,
    "EXP": np.exp,
    "LOG": np.log,
    "log": np.log,
    "sqrt": np.sqrt,
    "pow": pow,
    "min": min,
    "max": max,
    "MIN": min,
    "MAX": max,
    "ifelse": lambda condition, yes, no: yes if condition else no,
}

OWN = """
name = "own"
[parameters]
CL = {value = 5, unit = "L/h", meaning = "clearance", sd_log = 0.3, rse = 8}
V2 = {value = 20, unit = "L"}
KA = {value = 1.5, sd_log = 0.5}
F1 = 0.7
[covariates]
WT = {unit = "kg", default = 110}
[definitions]
CLI = "CL*(WT/70)**0.75"
KAI = "CHOICE"
[compartments]
depot = {F = "F1", lag = "0.5"}
central = {duration = "F1*2"}
[[flow]]
from = "depot"
to = "central"
rate = "KAI"
[[flow]]
from = "central"
rate = "CLI/V2"
[output]
CP = {expression = "1000*central/V2", unit = "ng/mL", proportional = 0.1, additive = 2}
"""


class Read:
    """What a file says, computed for the amounts 1, 2, 3 … and the typical patient."""

    def __init__(self, text: str, kind: str, time: float, covariates: dict[str, float]) -> None:
        assert text.count("(") == text.count(")") and text.count("{") == text.count("}")
        self.values: dict[str, Any] = {"T": time, "t": time, "SOLVERTIME": time, **covariates}
        self.rates: dict[str, float] = {}
        self.names: list[str] = []
        getattr(self, kind)(text)

    def value(self, expression: str) -> float:
        return float(eval(expression, {"__builtins__": {}, **FUNCTIONS}, self.values))  # noqa: S307

    def nonmem(self, text: str) -> None:
        assert max(map(len, (line.split(";")[0] for line in text.splitlines()))) <= 160
        code = re.sub(r" &\n\s*", " ", re.sub(r";.*", "", text))
        records = dict(re.findall(r"^\$(\w+)([^$]*)", code, re.MULTILINE))
        thetas = [float(one) for one in records["THETA"].split()]
        columns = records["INPUT"].split()
        assert self.values.keys() - {"T", "t", "SOLVERTIME"} <= {*columns}
        count = int(re.findall(r"NCOMPARTMENTS=(\d+)", records["MODEL"])[0])
        assert records["MODEL"].count("COMP=") == count
        self.values |= {"THETA": lambda n: thetas[n - 1], "ETA": lambda _: 0.0}
        self.values |= {"EPS": lambda _: 0.0, "A": float}
        for line in (records["PK"] + records["DES"] + records["ERROR"]).strip().splitlines():
            if not line.strip():
                continue
            name, expression = (one.strip() for one in line.split("=", 1))
            assert len(name) <= 20
            if name.startswith("DADT"):
                self.rates[name] = self.value(expression)
            else:
                self.values[name] = self.value(expression)
        for name in records["TABLE"].split("NOPRINT")[0].split():
            assert name in self.values or name in columns

    def mrgsolve(self, text: str) -> None:
        blocks = dict(re.findall(r"^\$(\w+)((?:(?!^\$).*\n?)*)", text, re.MULTILINE))
        for line in blocks["PARAM"].strip().splitlines()[1:]:
            name, value, _ = (one.strip() for one in line.split(" : "))
            self.values[name] = float(value)
        self.names = [line.split(" : ")[0] for line in blocks["CMT"].strip().splitlines()[1:]]
        self.values |= {name: float(n) for n, name in enumerate(self.names, start=1)}
        for block in ("OMEGA", "SIGMA"):
            labels = re.findall(r"@labels (.*)", blocks.get(block, ""))
            self.values |= dict.fromkeys(labels[0].split() if labels else (), 0.0)
        for line in "".join(blocks[one] for one in ("MAIN", "ODE", "TABLE")).splitlines():
            if not line.strip():
                continue
            assert line.endswith(";")
            name, expression = line.rstrip(";").removeprefix("double ").split(" = ", 1)
            expression = expression.replace("std::", "")
            expression = re.sub(r"\((.*) \? (.*) : (.*)\)$", r"ifelse(\1, \2, \3)", expression)
            self._keep(name, expression, "dxdt_")
        for name in blocks["CAPTURE"].split():
            assert name in self.values

    def rxode2(self, text: str) -> None:
        ini, model = re.findall(r"ini\(\{(.*)\}\)\s*model\(\{(.*)\}\)", text, re.DOTALL)[0]
        for raw in ini.strip().splitlines():
            line = raw.split("#")[0].strip()
            if " ~ " in line:
                self.values |= dict.fromkeys(line.split(" ~ ")[0].split(" + "), 0.0)
            else:
                name, value = line.split(" <- ")
                self.values[name] = float(value)
        lines = [raw.split("#")[0].strip() for raw in model.strip().splitlines()]
        self.names = [name for line in lines for name in re.findall(r"^d/dt\((\w+)\)", line)]
        self.values |= {name: float(n) for n, name in enumerate(self.names, start=1)}
        for line in lines:
            if " ~ " in line:
                name, errors = line.split(" ~ ")
                assert {name, *re.findall(r"\((\w+)\)", errors)} <= self.values.keys()
                continue
            name, expression = line.split(" <- ")
            name = re.sub(r"d/dt\((\w+)\)", r"dxdt_\1", name)
            self._keep(name, expression.replace("^", "**"), "dxdt_")

    def _keep(self, name: str, expression: str, prefix: str) -> None:
        if name.startswith(prefix):
            self.rates[name] = self.value(expression)
        else:
            self.values[name] = self.value(expression)


def _expected(model: LinearModel, time: float) -> list[float]:
    """Rates of change of the amounts 1, 2, 3 …, one molecule behind the other."""
    card = load_card(model.name)
    covariates, _ = covariates_of(Patient.model_validate({}), model, card)
    values = {one.name: card.entry(one.name).value for one in model.parameters}
    names = tuple(one.name for one in model.states)
    prefixes = dict.fromkeys(s.prefix for some in model.streams.values() for s in some)
    found: list[float] = []
    for prefix in prefixes:
        resolved = model.resolve({**values, **covariates, "R": float(prefix == "r")})
        matrix = model.rate_matrix(resolved, names, time)[0]
        amounts = len(found) + np.arange(1.0, len(names) + 1)
        found += list(matrix @ amounts)
    return found


@pytest.mark.parametrize("kind", R_LIKE)
@pytest.mark.parametrize("name", MODELS)
def test_rates_of_change_of_every_model_that_ships(name: str, kind: str) -> None:
    model = MODELS[name]
    covariates, _ = covariates_of(Patient.model_validate({}), model, load_card(name))
    names = {one.name for one in model.covariates}
    known = {n: value for n, value in covariates.items() if n in names}
    if kind == "nonmem":
        known = {n.upper(): value for n, value in known.items()}
    read = Read(export(name, kind), kind, 3.0, {} if kind == "mrgsolve" else known)
    assert list(read.rates.values()) == pytest.approx(_expected(model, 3.0), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("kind", R_LIKE)
def test_numbers_spreads_and_sources_stand_in_the_file(kind: str) -> None:
    text, card = export("reference", kind), load_card("reference")
    for one in MODELS["reference"].parameters:
        assert repr(card.entry(one.name).value) in text
    symbols, covariance = card.omega()
    assert symbols
    for place in range(len(symbols)):
        assert repr(float(covariance[place, place])) in text
    assert "card " + card.hash[:12] in text and "ketamine oral: CMT" in text


@pytest.mark.parametrize("kind", R_LIKE)
def test_a_model_of_ones_own(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    choice = "max(KA, 0.1)/2" if kind == "nonmem" else "where(WT > 100, KA/2, max(KA, 0.1))"
    path.write_text(OWN.replace("CHOICE", choice), encoding="utf-8")
    read = Read(export(path, kind), kind, 0.0, {} if kind == "mrgsolve" else {"WT": 110.0})
    clearance = 5 * (110 / 70) ** 0.75 / 20
    assert list(read.rates.values()) == pytest.approx([-0.75, 0.75 - clearance * 2], rel=1e-12)
    assert read.values["CP"] == pytest.approx(1000 * 2 / 20)
    lag = {"mrgsolve": "ALAG_depot = 0.5", "rxode2": "alag(depot) <- 0.5", "nonmem": "ALAG1 = 0.5"}
    assert lag[kind] in export(path, kind)


def test_what_cannot_be_exported_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(OWN.replace("CHOICE", "where(WT > 100, KA/2, KA)"), encoding="utf-8")
    bare = tmp_path / "bare.toml"
    bare.write_text(OWN.replace("CHOICE", "KA*FAST"), encoding="utf-8")
    for model, to, line in (
        (path, "nonmem", "--to: NONMEM has no word for where("),
        (bare, "sbml", "definitions.KAI: 'FAST' is no parameter, covariate or compartment"),
        ("mood", "sbml", "MODEL: 'mood' has no export yet"),
        ("nothing", "sbml", "MODEL: 'nothing' is no model that ships"),
        ("reference", "word", "--to: 'word' is not known"),
        (ketasim.pk.one_compartment(), "rxode2", "parameter CL: has no number; set it"),
    ):
        with pytest.raises(InputError) as caught:
            export(model, to)
        assert str(caught.value).startswith(line)
    with pytest.raises(InputError, match="is of a model of your own"):
        export("reference", "sbml", parameters={"Vc": 1.0})


@pytest.mark.parametrize("kind", FORMATS)
def test_names_with_another_meaning_there(kind: str) -> None:
    model = ketasim.pk.CompartmentModel(
        "own",
        (ketasim.pk.Parameter("pi", 2.0), ketasim.pk.Parameter("F1", 3.0)),
        (ketasim.pk.Compartment("A"), ketasim.pk.Compartment("a")),
        (ketasim.pk.Flow("A", "a", "pi"), ketasim.pk.Flow("a", None, "F1")),
        (ketasim.pk.Output("E", "a*pi"),),
    )
    text = export(model, kind)
    if kind in R_LIKE:
        assert list(Read(text, kind, 0.0, {}).rates.values()) == pytest.approx([-2, 2 - 6])
