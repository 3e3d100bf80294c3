"""SBML in libRoadRunner, and Antimony by its own package, against what ketasim predicts."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import ketasim
from ketasim.interop.export import export
from ketasim.models import MODELS, LinearModel

TIMES = np.array([0.1, 0.5, 1, 2, 4, 8, 24, 48.0])
DOSE, WEIGHT = 40.0, 82.0


def _loaded(text: str, kind: str) -> Any:
    """A model in libRoadRunner; Antimony is made SBML by its own package."""
    roadrunner = pytest.importorskip("roadrunner")
    if kind == "antimony":
        antimony = pytest.importorskip("antimony")
        antimony.clearPreviousLoads()
        assert antimony.loadAntimonyString(text) >= 0, antimony.getLastError()
        text = antimony.getSBMLString(antimony.getMainModuleName())
    found = roadrunner.RoadRunner(text)
    found.integrator.relative_tolerance = 1e-11
    found.integrator.absolute_tolerance = 1e-13
    return found


def _apart(found: NDArray[np.float64], expected: NDArray[np.float64]) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def _several(model: LinearModel) -> bool:
    return len({one.prefix for some in model.streams.values() for one in some}) > 1


@pytest.mark.parametrize("kind", ["sbml", "antimony"])
@pytest.mark.parametrize("name", MODELS)
def test_a_bolus_in_every_model_that_ships(name: str, kind: str) -> None:
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
    runner = _loaded(export(name, kind), kind)
    for stream in model.streams[drug]:
        state = f"{stream.prefix}_A_central" if _several(model) else "A_central"
        runner[f"init({state})"] = DOSE * stream.share
    runner.reset()
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
    runner = _loaded(export(model, "sbml", parameters=numbers), "sbml")
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
    runner = _loaded(text, "sbml")
    runner[f"input_{state}"] = DOSE / duration
    runner.simulate(0, duration, 2)
    runner[f"input_{state}"] = 0.0
    names = [one.name for one in predicted.outputs]
    found = runner.simulate(times=[duration, 0.5, 1, 4, 12], selections=["time", *names])
    for place, one in enumerate(predicted.outputs, start=1):
        assert _apart(found[1:, place], one.typical[1:]) < 1e-6
