"""mrgsolve, rxode2 and NONMEM code, read back by a small reader and computed.

Every name must be declared before it is used, and the rates of change be those of the model.
"""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr

import ketasim
from ketasim import InputError
from ketasim.dosing import Patient, load_course
from ketasim.engine import inputs_of
from ketasim.evidence import load_card
from ketasim.interop.export import DRIVEN, FORMATS, export, export_table
from ketasim.models import MODELS, MOOD, RECEPTOR, SESSION, SESSION_STATE, LinearModel, moved
from ketasim.models.pk import Compartment, CompartmentModel, Flow, Output, Parameter
from ketasim.population import covariates_of, spread_scale

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
    "PHI": ndtr,
    "phi": ndtr,
    "normal_cdf": ndtr,
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
    """What a file says, computed for the amounts 1, 2, 3 … times a number, and some effects.

    Without `effects` it is the typical patient; with them, symbols of parameters to numbers.
    """

    def __init__(
        self,
        text: str,
        kind: str,
        time: float,
        covariates: dict[str, float],
        *,
        size: float = 1.0,
        effects: dict[str, float] | None = None,
    ) -> None:
        self.size, self.effects = size, effects or {}
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
        etas = re.findall(r"^\s+[-\d. e]+; (\w+): variance on", text, re.MULTILINE)
        self.values |= {"THETA": lambda n: thetas[n - 1]}
        self.values |= {"ETA": lambda n: self.effects.get(etas[n - 1], 0.0) if etas else 0.0}
        self.values |= {"EPS": lambda _: 0.0, "A": lambda n: n * self.size}
        for line in (records["PK"] + records["DES"] + records["ERROR"]).strip().splitlines():
            if not line.strip():
                continue
            name, expression = (one.strip() for one in line.split("=", 1))
            assert len(name) <= 20 and name not in self.values
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
            self._keep(name, value)
        self._amounts([line.split(" : ")[0] for line in blocks["CMT"].strip().splitlines()[1:]])
        for line in re.findall(r"@labels (.*)", text):
            for one in line.split():
                self._keep(one, str(self.effects.get(one[4:], 0.0)))
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
                for one in line.split(" ~ ")[0].split(" + "):
                    self._keep(one, str(self.effects.get(one[4:], 0.0)))
            elif line:
                name, value = line.split(" <- ")
                self._keep(name, value)
        lines = [raw.split("#")[0].strip() for raw in model.strip().splitlines()]
        self._amounts([one for line in lines for one in re.findall(r"^d/dt\((\w+)\)", line)])
        for line in lines:
            if " ~ " in line:
                name, errors = line.split(" ~ ")
                assert {name, *re.findall(r"\((\w+)\)", errors)} <= self.values.keys()
                continue
            name, expression = line.split(" <- ")
            self._keep(name, expression.replace("^", "**"), "d/dt(")

    def _amounts(self, names: list[str]) -> None:
        self.names = names
        for number, name in enumerate(names, start=1):
            self._keep(name, str(number * self.size))

    def _keep(self, name: str, expression: str, rate: str = " ") -> None:
        assert name not in self.values and name not in self.rates
        kept = self.rates if name.startswith(rate) else self.values
        kept[name] = self.value(expression)


def _expected(model: LinearModel, time: float, size: float = 1.0) -> list[float]:
    """Rates of change of the amounts 1, 2, 3 … times a number, one molecule behind the other."""
    card = load_card(model.name)
    covariates, _ = covariates_of(Patient.model_validate({}), model, card)
    values = {one.name: card.entry(one.name).value for one in model.parameters}
    names = tuple(one.name for one in model.states)
    prefixes = dict.fromkeys(s.prefix for some in model.streams.values() for s in some)
    found: list[float] = []
    for prefix in prefixes:
        resolved = model.resolve({**values, **covariates, "R": float(prefix == "r")})
        matrix = model.rate_matrix(resolved, names, time)[0]
        amounts = size * (len(found) + np.arange(1.0, len(names) + 1))
        found += list(matrix @ amounts)
    return found


def _read(name: str, kind: str, **given: Any) -> Read:
    """A model that ships, read back for the typical patient."""
    model = MODELS.get(name, MODELS["reference"])
    covariates, _ = covariates_of(Patient.model_validate({}), model, load_card(model.name))
    names = {one.name for one in model.covariates}
    known = {n: value for n, value in covariates.items() if n in names}
    if kind == "nonmem":
        known = {n.upper(): value for n, value in known.items()}
    return Read(export(name, kind), kind, 3.0, {} if kind == "mrgsolve" else known, **given)


@pytest.mark.parametrize("kind", R_LIKE)
@pytest.mark.parametrize("name", MODELS)
def test_rates_of_change_of_every_model_that_ships(name: str, kind: str) -> None:
    rates = list(_read(name, kind).rates.values())
    assert rates == pytest.approx(_expected(MODELS[name], 3.0), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("kind", R_LIKE)
@pytest.mark.parametrize("name", [*MODELS, "mood"])
def test_a_patient_differs_as_the_card_says(name: str, kind: str) -> None:
    """Every random effect moves its parameter as `predict` and `simulate` would."""
    card = load_card(MODELS.get(name, MODELS["reference"]).name)
    symbols, _ = card.omega()
    known = [one for one in symbols if one in {p.name for p in MODELS[card.key].parameters}]
    given = _read(name, kind, effects=dict.fromkeys(known, 0.3)).values
    upper = str.upper if kind == "nonmem" else str
    for symbol in known:
        scale, _ = spread_scale(card, symbol)
        expected = moved(scale, card.entry(symbol).value, 0.3)
        assert given[upper(symbol)] == pytest.approx(float(expected), rel=1e-12)
    if name == "mood" and kind != "nonmem":
        typical = _read(name, kind).values
        moved_by = _read(name, kind, effects={"sens": 0.4, "e_N": 0.1}).values
        assert moved_by["sens"] == pytest.approx(typical["sens"] * np.exp(0.4))
        assert moved_by["e_N"] == pytest.approx(typical["e_N"] + 0.1)


@pytest.mark.parametrize("kind", R_LIKE)
def test_rates_of_change_of_the_receptor_and_mood(kind: str) -> None:
    size = 0.01
    reference = _expected(MODELS["reference"], 3.0, size)
    count = len(reference)
    read = _read("mood", kind, size=size)
    rates = list(read.rates.values())
    assert rates[:count] == pytest.approx(reference, rel=1e-12, abs=1e-14)
    at = {name: size * (count + 2 + i) for i, name in enumerate(s.name for s in MOOD.states)}
    upper = str.upper if kind == "nonmem" else str

    def value(name: str) -> float:
        return float(read.values[upper(name)])

    numbers = {one.name: value(one.name) for one in MOOD.parameters}
    assert rates[count] == pytest.approx(-value("k_session") * size * (count + 1))
    concentrations = {b.quantity: value(f"{b.quantity}_effect"[:20]) for b in RECEPTOR.blockers}
    signals = {
        "x": float(RECEPTOR.drive(RECEPTOR.resolve(numbers), concentrations)),
        "C_HNK": value("hnk_effect"),
        "C_K": value("ketamine_effect"),
        "x_session": size * (count + 1),
    }
    own = MOOD.rates(MOOD.resolve(numbers), signals, at)
    assert rates[count + 1 :] == pytest.approx([float(v) for v in own.values()], rel=1e-11)
    moments = MOOD.moments(MOOD.resolve(numbers), signals, at)
    for name in ("nmda_block", "MADRS", "by_drug", "by_course"):
        assert value(name) == pytest.approx(float(moments[name]), rel=1e-11)


@pytest.mark.parametrize("kind", R_LIKE)
def test_the_session_is_computed_as_declared(kind: str) -> None:
    read = _read("session", kind, size=0.002)
    upper = str.upper if kind == "nonmem" else str
    card = load_card("session").values()
    drugs = [read.values[upper(name)] for name in ("K", "NK")]
    felt = SESSION.effect(card, *map(np.asarray, drugs))
    assert 0.05 < float(felt) < 0.95
    for name in ("SBP", "DBP", "HR"):
        assert read.values[name] == pytest.approx(card[f"{name}_full"] * float(felt), rel=1e-12)
    count = 0.002 * len(read.rates)  # of sessions, below 1: the first
    assert count < 1
    from ketasim.population import SESSION_CURVES, session_curves

    curves = session_curves(card, felt, [np.asarray(one) for one in drugs])
    for one in SESSION_CURVES:
        expected = float(curves[one.name])
        assert read.values[upper(one.name)] == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("name", [*DRIVEN, "reference"])
def test_a_course_is_the_table_of_the_formats_that_read_one(name: str) -> None:
    """Amounts times F, and durations, are what the engine is given, into the same compartments."""
    course = load_course(
        {
            "patient": {"weight": "90 kg"},
            "doses": [
                {"day": 0, "drug": "ketamine", "route": "iv", "dose": "45 mg", "over": "40 min"},
                {"day": 1, "drug": "esketamine", "route": "intranasal", "dose": "56 mg"},
                {"day": 2, "drug": "ketamine", "route": "sublingual", "dose": "50 mg"},
                {"day": 3, "drug": "ketamine", "route": "im", "dose": "40 mg"},
            ],
            "horizon": "5 d",
        }
    )
    table = export_table(name, course)
    model, card = MODELS["reference"], load_card("reference")
    assert table["WT"].unique().to_list() == [90.0]
    text = export(name, "mrgsolve", course=course)
    read = Read(text, "mrgsolve", 0.0, {})
    states = re.findall(r"^(\w+) : ", text.split("$CMT")[1].split("$")[0], re.MULTILINE)
    given: list[tuple[float, str, float, float]] = []
    for row in table.filter(table["EVID"] == 1).iter_rows(named=True):
        state = states[row["CMT"] - 1]
        if state in (SESSION_STATE, "sessions"):
            continue
        amount = row["AMT"] * read.values.get(f"F_{state}", 1.0)
        rate, lasting = row["RATE"], 0.0
        if rate:
            lasting = read.values[f"D_{state}"] if rate == -2 else amount / rate
        given.append((row["TIME"], state, amount, lasting))
    covariates, _ = covariates_of(course.patient, model, card)
    values = {one.name: card.entry(one.name).value for one in model.parameters}
    expected: list[tuple[float, str, float, float]] = []
    for stream in model.streams["ketamine"]:
        resolved = model.resolve({**values, **covariates, "R": float(stream.prefix == "r")})
        weight = np.array([90.0])
        for one in inputs_of(model, course.regimen.doses, resolved, weight, stream):
            own = f"{stream.prefix}_{one.state}"
            if one.amount[0] > 0:
                expected.append((one.start, own, float(one.amount[0]), one.duration))
    for own, engine in zip(sorted(given), sorted(expected), strict=True):
        assert own[1] == engine[1]
        assert [own[0], *own[2:]] == pytest.approx([engine[0], *engine[2:]], rel=1e-12)
    marked = table.filter((table["EVID"] == 1) & (table["CMT"] == len(read.rates)))
    sessions = {"session": 4, "mood": 0, "receptor": 0, "reference": 0}[name]
    assert len(marked) == sessions
    assert table["EVID"].to_list().count(0) > 20


@pytest.mark.parametrize("kind", FORMATS)
def test_numbers_spreads_and_sources_stand_in_the_file(kind: str) -> None:
    text, card = export("reference", kind), load_card("reference")
    for one in MODELS["reference"].parameters:
        value = card.entry(one.name).value
        assert (f'value="{value:g}"' if kind == "sbml" else repr(value)) in text
    symbols, covariance = card.omega()
    assert symbols
    for place, symbol in enumerate(symbols):
        _, factor = spread_scale(card, symbol)
        assert f"{covariance[place, place] * (factor * factor):.12g}" in text
    assert "estimated; Perez-Ruixo et al., 2021 [perezruixo2021]" in text
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
    path.write_text(f"{path.read_text(encoding='utf-8')}[correlation]\nCL.KA = -0.4\n", "utf-8")
    lower = {"mrgsolve": "@block\n@labels ETA_CL ETA_KA", "rxode2": "eta_CL + eta_KA ~ c("}
    assert lower.get(kind, "$OMEGA BLOCK(2)") in export(path, kind)
    assert re.search(r"-0\.06[ ,)\n]", export(path, kind))
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
        ("nothing", "sbml", "MODEL: 'nothing' is no model that ships"),
        ("reference", "word", "--to: 'word' is not known"),
        (ketasim.pk.one_compartment(), "rxode2", "parameter CL: has no number; set it"),
    ):
        with pytest.raises(InputError) as caught:
            export(model, to)
        assert str(caught.value).startswith(line)
    for name in ("reference", "mood"):
        with pytest.raises(InputError, match="is of a model of your own"):
            export(name, "sbml", parameters={"Vc": 1.0})
    course = {"regimen": "ketamine 0.5 mg/kg iv over 40 min once"}
    for model, given, line in (
        (path, course, "--course: is of a model that ships"),
        ("mood", {**course, "pk_model": "kamp2020"}, "pk_model: 'kamp2020' has no effect site"),
        ("otto2021", course, "doses[0].drug: the model 'otto2021' does not describe ketamine"),
        ("kamp2020", {"regimen": "ketamine 30 mg im once"}, "doses[0].route: the model 'kamp"),
    ):
        with pytest.raises(InputError) as caught:
            export(model, "sbml", course=load_course(given))
        assert str(caught.value).startswith(line)


@pytest.mark.parametrize(
    ("amount", "unit", "sbml", "antimony"),
    [
        ("mg", "mg/L", 'kind="gram" exponent="1" scale="-3"', "unit mg = 1e-3 gram;"),
        ("µg", "ng/mL", 'kind="gram" exponent="1" scale="-6"', "unit ug = 1e-6 gram;"),
        ("nmol", "nM", 'kind="mole" exponent="1" scale="-9"', "unit nmol = 1e-9 mole;"),
        ("IU", "IU/L", 'kind="dimensionless"', "unit amount_of_dose = 1e0 dimensionless;"),
    ],
)
def test_amounts_are_in_the_unit_of_the_model(
    amount: str, unit: str, sbml: str, antimony: str
) -> None:
    model = ketasim.pk.one_compartment(scale=1.0, unit=unit, amount=amount)
    model = model.with_values({"CL": 5, "V": 20})
    assert sbml in export(model, "sbml")
    assert antimony in export(model, "antimony")
    for kind in R_LIKE:
        assert f"Amounts in {amount}, times in h." in export(model, kind)


NAMED = (
    *("pi", "F1", "log10", "LOG10", "PHI", "SIN", "gamma", "sin", "y1", "floor", "abs", "normal"),
    *("volume", "hour", "mg", "Pi", "Inf", "NaN", "ETA1", "NOETA", "and_", "phi", "double"),
)


@pytest.mark.parametrize("kind", FORMATS)
def test_names_with_another_meaning_there(kind: str) -> None:
    model = ketasim.pk.CompartmentModel(
        "own",
        tuple(ketasim.pk.Parameter(name, 2.0 + n) for n, name in enumerate(NAMED)),
        (ketasim.pk.Compartment("body"), ketasim.pk.Compartment("Body")),
        (ketasim.pk.Flow("body", "Body", "+".join(NAMED)), ketasim.pk.Flow("Body", None, "F1")),
        (ketasim.pk.Output("E", "Body*pi"),),
    )
    text = export(model, kind)
    total = sum(2.0 + n for n in range(len(NAMED)))
    wanted = pytest.approx([-total, total - 2 * 3])
    if kind in R_LIKE:
        assert list(Read(text, kind, 0.0, {}).rates.values()) == wanted
        return
    if kind == "antimony":
        antimony = pytest.importorskip("antimony")
        antimony.clearPreviousLoads()
        assert antimony.loadAntimonyString(text) >= 0, antimony.getLastError()
        text = antimony.getSBMLString("own")
    runner = pytest.importorskip("roadrunner").RoadRunner(text)
    for number, one in enumerate(runner.model.getFloatingSpeciesIds(), start=1):
        runner[f"init({one})"] = float(number)
    runner.reset()
    assert list(runner.getRatesOfChange()) == wanted


def _timed(rate: str, output: str) -> ketasim.pk.CompartmentModel:
    return ketasim.pk.CompartmentModel(
        "own",
        (),
        (ketasim.pk.Compartment("A"),),
        (ketasim.pk.Flow("A", None, rate),),
        (ketasim.pk.Output("CP", output),),
    )


@pytest.mark.parametrize(
    ("kind", "rate", "output"),
    [
        ("nonmem", "DADT(1) = -(0.1*T)*A(1)", "CP = A(1)*TIME"),
        ("mrgsolve", "dxdt_A = -(0.1*SOLVERTIME)*A;", "double CP = A*TIME;"),
        ("rxode2", "d/dt(A) <- -(0.1*t)*A", "CP <- A*t"),
    ],
)
def test_the_time_of_a_rate_and_of_an_output(kind: str, rate: str, output: str) -> None:
    text = export(_timed("0.1*t", "A*t"), kind)
    assert rate in text
    assert output in text


def test_a_control_stream_without_parameters_has_a_theta() -> None:
    text = export(_timed("0.1", "A"), "nonmem")
    assert re.search(r"^\$THETA\n  0 FIX", text, re.MULTILINE)


@pytest.mark.parametrize("rate", ["0.1*(t > 24)", "where(t > 24, 2, 1)"])
def test_a_control_stream_has_no_comparison_within_an_expression(rate: str) -> None:
    with pytest.raises(InputError, match="--to: NONMEM has no word for"):
        export(_timed(rate, "A"), "nonmem")
    assert "> 24" in export(_timed(rate, "A"), "mrgsolve")


@pytest.mark.parametrize("kind", R_LIKE)
def test_names_that_the_file_makes_are_not_those_of_the_model(
    kind: str, clashing: CompartmentModel
) -> None:
    text = export(clashing, kind)
    assert list(Read(text, kind, 0.0, {}, effects={"CL": 0.1}).rates.values()) == pytest.approx(
        [-5 * np.exp(0.1)]
    )
    assert re.search(r"(^|[ $]|; |~ )0\.04($|[ ;])", text, re.MULTILINE)
    assert "two lag-times." in text  # what the user calls it, as a comment
    assert kind != "rxode2" or "two_lag_times <- function() {" in text


@pytest.mark.parametrize("sign", ["+", "-", "*", "/"])
def test_lines_of_nonmem_are_broken_between_words(sign: str) -> None:
    """Neither `**` nor a number in two, wherever the limit of a line falls."""
    for many, weight in itertools.product((*range(36, 42), 60), ("W", "WT", "WTS")):
        long = sign.join(["AB"] * many) + sign
        model = CompartmentModel(
            "own",
            (Parameter("AB", 1.0), Parameter(weight, 2.0)),
            (Compartment("central"),),
            (Flow("central", None, f"{long}1e-05{sign}({weight}/2)**3{sign}1e+30"),),
            (Output("CP", "central"),),
        )
        expected = eval(model.flows[0].rate, {"AB": 1.0, weight: 2.0})  # noqa: S307
        found = list(Read(export(model, "nonmem"), "nonmem", 0.0, {}).rates.values())
        assert found == pytest.approx([-expected])


def test_what_the_engine_needs_to_know_of_the_table(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(OWN.replace("CHOICE", "KA"), encoding="utf-8")
    assert 'covsInterpolation = "nocb"' in export(path, "rxode2")
    stream = export(path, "nonmem")
    assert "; $INPUT and $DATA are an example" in stream
    assert "DV" in stream.split("$TABLE")[1].split("NOPRINT")[0].split()
    course = load_course({"regimen": "ketamine 0.5 mg/kg iv over 40 min once", "horizon": "1 d"})
    assert "are an example" not in export("reference", "nonmem", course=course)
    table = export_table("reference", course)
    assert table["MDV"].to_list() == [int(evid != 0) for evid in table["EVID"]]
