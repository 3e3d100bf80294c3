"""How the public names are used: read by a type checker, never run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, assert_type

import altair
import polars as pl

import ketasim

course = ketasim.load_course("course.yaml")
assert_type(course, ketasim.Course)
trial = ketasim.load_trial({"trial": "t"})
assert_type(trial, ketasim.Trial)

simulation = ketasim.simulate(course, typical=True)
assert_type(simulation, ketasim.Simulation)
assert_type(simulation.summary(), pl.DataFrame)
assert_type(simulation.patient_exposure(), pl.DataFrame)
assert_type(simulation.session_plan(), ketasim.SessionPlan)
assert_type(simulation.screening, ketasim.Screen)
assert_type(simulation.save("out", costs=True), list[Path])
assert_type(simulation.metadata, dict[str, Any])
assert_type(simulation.cite(), str)

result = ketasim.run_trial(trial, replicates=10)
assert_type(result, ketasim.TrialResult)
assert_type(result.replicates(), pl.DataFrame)
assert_type(result.headline().rows[0].value, str)

compared = ketasim.compare(course, ["ketamine 0.5 mg/kg iv over 40 min once"])
assert_type(compared, ketasim.Comparison)
assert_type(compared.summary(), pl.DataFrame)

assert_type(ketasim.plan(course), ketasim.Plan)
assert_type(ketasim.forecast(course), ketasim.Forecast)

predicted = ketasim.predict("reference", "data.csv", compartments={1: "oral", 2: "iv"})
assert_type(predicted, ketasim.Prediction)
assert_type(predicted.table(), pl.DataFrame)
measured = ketasim.nca(predicted, partial=[(0, 24)], route="extravascular")
assert_type(measured, ketasim.NonCompartmental)
assert_type(measured.points(), pl.DataFrame)

fitted = ketasim.fit("model.toml", "data.csv")
assert_type(fitted, ketasim.ModelFit)
validation = ketasim.validate(["interactions"])
assert_type(validation, ketasim.Validation)
assert_type(validation.main_table(), pl.DataFrame)

assert_type(ketasim.screen(course), ketasim.Screen)
assert_type(ketasim.plot(simulation, hours=(0.0, 4.0)), altair.LayerChart)
assert_type(ketasim.report(result), str)
assert_type(ketasim.print_page(result), bytes)
assert_type(ketasim.citation(), str)
assert_type(ketasim.__version__, str)

try:
    ketasim.simulate({"regimen": "nothing"})
except ketasim.InputError as error:
    assert_type(error.field, str)
except ketasim.KetasimError as error:
    assert_type(str(error), str)
