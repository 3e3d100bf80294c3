"""SBML in libRoadRunner, and Antimony by its own package, against what ketasim predicts."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import ketasim
from ketasim.dosing import Course, load_course
from ketasim.engine import solve
from ketasim.evidence import load_card
from ketasim.interop.export import DRIVEN, export
from ketasim.models import MODELS, MOOD, RECEPTOR, LinearModel, mood_chain
from ketasim.population import SESSION_CURVES, mood_values, typical_effects, virtual_patients
from ketasim.simulation.mood.inputs import calendar_of, mood_input, patients_of

Array = NDArray[np.float64]

TIMES = np.array([0.1, 0.5, 1, 2, 4, 8, 24, 48.0])
DOSE, WEIGHT = 40.0, 82.0
PATIENT = {"weight": "82 kg", "age": 45, "baseline": {"scale": "MADRS", "score": 33}}
INFUSIONS: dict[str, Any] = {
    "patient": PATIENT,
    "regimen": "ketamine 0.5 mg/kg iv over 40 min on days 0 3 7 10",
    "horizon": "17 d",
}
DEVICES: dict[str, Any] = {
    "patient": {**PATIENT, "age": 70, "medicines": ["ticlopidine"]},
    "doses": [
        {"day": 0, "drug": "esketamine", "route": "intranasal", "dose": "84 mg"},
        {"day": 2, "drug": "ketamine", "route": "oral", "dose": "100 mg"},
        {"day": 3, "drug": "ketamine", "route": "im", "dose": "30 mg"},
    ],
    "horizon": "5 d",
}
"""Fractions, later devices, releases and doses at once, in someone with changed enzymes."""


def _loaded(text: str) -> Any:
    """A model in libRoadRunner, compiled without optimising: most of the time goes there."""
    roadrunner = pytest.importorskip("roadrunner")
    config = roadrunner.Config
    config.setValue(config.LLVM_BACKEND, config.LLJIT)
    config.setValue(config.LLJIT_OPTIMIZATION_LEVEL, config.NONE)
    config.setValue(config.SBML_APPLICABLEVALIDATORS, 0)  # `export` has them run already
    found = roadrunner.RoadRunner(text)
    found.integrator.relative_tolerance = 1e-11
    found.integrator.absolute_tolerance = 1e-13
    found.integrator.maximum_num_steps = 200_000
    return found


def _apart(found: NDArray[np.float64], expected: NDArray[np.float64]) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def _several(model: LinearModel) -> bool:
    return len({one.prefix for some in model.streams.values() for one in some}) > 1


@pytest.mark.parametrize("name", MODELS)
def test_a_bolus_in_every_model_that_ships(name: str) -> None:
    model = MODELS[name]
    drug = next(iter(model.streams))
    table = {
        "ID": [1] * 9,
        "TIME": [0, *TIMES],
        "EVID": [1] + [0] * 8,
        "AMT": [DOSE] + [0] * 8,
        "ROUTE": ["iv"] + [""] * 8,
        "DRUG": [drug] + [""] * 8,
        "WT": [WEIGHT] * 9,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        predicted = ketasim.predict(name, table)
    runner = _loaded(export(name, "sbml"))
    for stream in model.streams[drug]:
        state = f"{stream.prefix}_A_central" if _several(model) else "A_central"
        runner[state] = DOSE * stream.share
    if any(one.name == "WT" for one in model.covariates):
        runner["WT"] = WEIGHT
    names = [one.name for one in predicted.outputs]
    found = runner.simulate(times=[0, *TIMES], selections=["time", *names])
    for place, one in enumerate(predicted.outputs, start=1):
        assert _apart(found[1:, place], one.typical[1:]) < 1e-6


def test_an_input_from_outside_is_an_infusion() -> None:
    """`input_…` as an event or a program sets it."""
    table = {
        "ID": [1] * 4,
        "TIME": [0, 0.5, 2, 9],
        "EVID": [1, 0, 0, 0],
        "AMT": [DOSE, 0, 0, 0],
        "RATE": [DOSE / 2, 0, 0, 0],
        "CMT": [1, "", "", ""],
    }
    numbers = {"CL": 5.0, "V2": 20.0, "Q": 3.0, "V3": 50.0}
    model = ketasim.pk.two_compartments()
    expected = ketasim.predict(model, table, parameters=numbers).outputs[0].typical[1:]
    runner = _loaded(export(model, "sbml", parameters=numbers))
    runner["input_central"] = DOSE / 2
    first = runner.simulate(times=[0, 0.5, 2], selections=["time", "CP"])
    runner["input_central"] = 0.0
    last = runner.simulate(times=[2, 9], selections=["time", "CP"])
    assert _apart(np.array([*first[1:, 1], last[1, 1]]), expected) < 1e-6


def test_a_dose_by_mouth_as_the_file_says_it_is_given() -> None:
    table = {
        "ID": [1] * 5,
        "TIME": [0, 0.5, 1, 4, 12],
        "EVID": [1] + [0] * 4,
        "AMT": [DOSE] + [0] * 4,
        "ROUTE": ["oral"] + [""] * 4,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        predicted = ketasim.predict("reference", table, drug="esketamine")
    text = export("reference", "sbml")
    (told,) = re.findall(
        r"esketamine oral: CMT \d+ \((\w+)\), AMT = the dose, over .* = (\S+) h", text
    )
    state, duration = told[0], float(told[1])
    runner = _loaded(text)
    runner[f"input_{state}"] = DOSE / duration
    runner.simulate(0, duration, 2)
    runner[f"input_{state}"] = 0.0
    names = [one.name for one in predicted.outputs]
    found = runner.simulate(times=[duration, 0.5, 1, 4, 12], selections=["time", *names])
    for place, one in enumerate(predicted.outputs, start=1):
        assert _apart(found[1:, place], one.typical[1:]) < 1e-6


def _solved(course: Course, model: str, names: Sequence[str], times: Array) -> dict[str, Array]:
    """An exported course in libRoadRunner."""
    runner = _loaded(export(model, "sbml", course=course))
    found = runner.simulate(times=list(times), selections=["time", *names])
    return {name: found[:, place] for place, name in enumerate(names, start=1)}


@pytest.fixture(scope="module")
def simulated() -> tuple[Course, Any]:
    course = load_course(INFUSIONS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return course, ketasim.simulate(course)


def test_receptor_and_concentrations_of_a_course(simulated: tuple[Course, Any]) -> None:
    course, ours = simulated
    keys = {
        f"{quantity}_{site}" if quantity != "nmda_block" else quantity: (quantity, site)
        for quantity, site in ours.values
        if site in ("arterial", "venous", "effect")
    }
    found = _solved(course, "receptor", [*keys, "x", "kinetic_block"], ours.times)
    for name, key in keys.items():
        assert _apart(found[name], ours.values[key][:, 0]) < 1e-6
    # the kinetic form has the same equilibrium, and lags where the drive moves
    assert _apart(found["kinetic_block"], found["nmda_block"]) < 0.1
    card = RECEPTOR.resolve(load_card("receptor").values())
    assert np.allclose(found["x"], _drive(card, ours), rtol=1e-6, atol=1e-9)


def _drive(card: Mapping[str, Any], ours: Any) -> Array:
    molecules = (b.quantity for b in RECEPTOR.blockers)
    return RECEPTOR.drive(card, {one: ours.values[one, "effect"][:, 0] for one in molecules})


def test_the_session_of_a_course(simulated: tuple[Course, Any]) -> None:
    course, ours = simulated
    names = [curve.name for curve in SESSION_CURVES]
    found = _solved(course, "session", names, ours.times)
    # at the very moment of an event a solver shows what was before it or after
    inside = ~np.isin(ours.times, course.regimen.sessions)
    for name in names:
        assert _apart(found[name][inside], ours.values[name, "patient"][inside, 0]) < 1e-6


@pytest.mark.parametrize("given", [INFUSIONS, DEVICES], ids=["infusions", "other routes"])
def test_the_chain_to_mood_of_a_course(given: dict[str, Any]) -> None:
    """Against the engine with a tolerance of 1e-7, of the largest change of each quantity."""
    course = load_course(given)
    pairs = [(f"{hand}_{one}", "effect") for hand in "sr" for one in ("ketamine", "norketamine")]
    names = ["nmda_block", *(one.name for one in MOOD.states), "by_drug", "MADRS"]
    times = np.unique([*np.arange(0.0, course.horizon, 6.0), 0.25, 0.5, 0.7, 1.0, 2.0, 72.5, 73.0])
    expected = _by_the_engine(course, [*names, *pairs], times)
    found = _solved(course, "mood", [*names, *("_".join(pair) for pair in pairs)], times)
    for key in (*names, *pairs):
        own = found[key if isinstance(key, str) else "_".join(key)]
        change = np.abs(expected[key] - expected[key][0]).max()
        assert np.abs(own - expected[key]).max() <= 1e-6 * max(change, 1e-3)


def _by_the_engine(course: Course, names: Sequence[Any], times: Array) -> dict[Any, Array]:
    given, model = mood_input(course), MODELS["reference"]
    cohort = virtual_patients(course, load_card("reference"), model, typical=True)
    numbers, start = given.numbers(), np.full(1, given.baseline)
    values = mood_values(numbers, typical_effects(), given.situation, start, spread=False)
    patients = patients_of(cohort, numbers, values, calendar_of(course, course.horizon))
    solved = solve(mood_chain(model), patients, times, names, engine="numpy", rtol=1e-7)
    return {name: solved[name][0] for name in names}


def _meaning(text: str) -> dict[tuple[str, ...], Any]:
    """What an SBML file says, without names for people, order and layout."""
    sbml = pytest.importorskip("libsbml")
    model, said = sbml.readSBMLFromString(text).getModel(), sbml.formulaToL3String

    def every(found: Any) -> list[Any]:
        return [found.get(i) for i in range(found.size())]

    meaning: dict[tuple[str, ...], Any] = {}
    for one in every(model.getListOfRules()):
        meaning["rule", one.getVariable()] = (one.isRate(), said(one.getMath()))
    for one in every(model.getListOfParameters()):
        value = one.getValue() if one.isSetValue() else None
        meaning["parameter", one.getId()] = (value, one.getConstant())
    for one in every(model.getListOfSpecies()):
        own = (one.getInitialAmount(), one.getHasOnlySubstanceUnits(), one.getBoundaryCondition())
        meaning["species", one.getId()] = own
    for one in every(model.getListOfInitialAssignments()):
        meaning["initial", one.getSymbol()] = said(one.getMath())
    for one in every(model.getListOfFunctionDefinitions()):
        meaning["function", one.getId()] = said(one.getMath())
    for one in every(model.getListOfEvents()):
        trigger, sets = one.getTrigger(), every(one.getListOfEventAssignments())
        meaning["event", said(trigger.getMath())] = (
            *(trigger.getInitialValue(), trigger.getPersistent()),
            *(one.getUseValuesFromTriggerTime(), one.isSetDelay(), one.isSetPriority()),
            sorted((each.getVariable(), said(each.getMath())) for each in sets),
        )
    return meaning


@pytest.mark.parametrize("name", [*MODELS, *DRIVEN])
def test_antimony_is_the_sbml_that_was_simulated(name: str) -> None:
    """Made SBML by its own package, it has the same equations, numbers and events."""
    antimony = pytest.importorskip("antimony")
    course = load_course(INFUSIONS) if name in DRIVEN else None
    antimony.clearPreviousLoads()
    text = export(name, "antimony", course=course)
    assert antimony.loadAntimonyString(text) >= 0, antimony.getLastError()
    made = antimony.getSBMLString(antimony.getMainModuleName())
    assert _meaning(made) == _meaning(export(name, "sbml", course=course))
