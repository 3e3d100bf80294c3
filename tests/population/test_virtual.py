"""Virtual patients of a course."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ketasim._base import InputError
from ketasim.dosing import load_course
from ketasim.evidence import load_card
from ketasim.models import MODELS
from ketasim.population import Cohort, virtual_patients

IV = "esketamine 0.25 mg/kg iv over 40 min on day 0"
NASAL = "esketamine 56 mg intranasal on day 0"


def _cohort(model: str = "reference", typical: bool = False, **course: Any) -> Cohort:
    content = {"regimen": IV, "horizon": "2 d", "pk_model": model, **course}
    content.setdefault("patient", {"age": 40, "weight": "70 kg"})
    return virtual_patients(load_course(content), load_card(model), MODELS[model], typical=typical)


def test_without_a_population_the_patient_is_the_typical_one() -> None:
    cohort = _cohort()
    card = load_card("reference")
    assert cohort.n == 1
    assert cohort.typical
    assert cohort.seed is None
    assert not cohort.spread
    for symbol, values in cohort.parameters.items():
        assert values.tolist() == [card.entry(symbol).value]


def test_the_first_patients_of_many_are_those_of_few() -> None:
    few = _cohort(population={"n": 50, "seed": 3})
    many = _cohort(population={"n": 500, "seed": 3})
    assert many.ids[:50].tolist() == few.ids.tolist()
    for symbol, values in few.values.items():
        np.testing.assert_array_equal(values, many.values[symbol][:50])


def test_typical_overrides_a_population() -> None:
    cohort = _cohort(typical=True, population={"n": 50, "seed": 3})
    assert (cohort.n, cohort.typical) == (1, True)


def test_covariates_are_the_patients_own_for_everyone() -> None:
    patient = {"age": 71, "weight": "91 kg", "ancestry": "japanese"}
    cohort = _cohort(population={"n": 4, "seed": 1}, patient=patient, regimen=NASAL)
    expected = {"WT": 91.0, "AGE": 71.0, "ASIAN": 1.0, "JAPANESE": 1.0}
    for name, value in expected.items():
        assert cohort.covariates[name].tolist() == [value] * 4
    assert cohort.weight.tolist() == [91.0] * 4


def test_a_medicine_acts_through_its_enzyme() -> None:
    patient = {"age": 40, "weight": "70 kg", "medicines": ["ticlopidine"]}
    with_it, without = _cohort(patient=patient), _cohort()
    assert with_it.covariates["act_2B6"][0] < without.covariates["act_2B6"][0] == 1.0
    assert with_it.covariates["act_3A"][0] == 1.0


def test_the_published_ticlopidine_model_takes_its_dose() -> None:
    patient = {"age": 40, "weight": "70 kg", "medicines": ["ticlopidine"]}
    assert _cohort("ashraf2018", patient=patient).covariates["TICLOPIDINE"][0] == 250.0
    assert _cohort("ashraf2018").covariates["TICLOPIDINE"][0] == 0.0


def test_what_a_published_model_cannot_use_is_said() -> None:
    patient = {"weight": "70 kg", "age": 40, "cyp2b6": "*6/*6", "medicines": ["ticlopidine"]}
    notes = " ".join(_cohort("perezruixo2021", patient=patient).notes)
    assert "ticlopidine" in notes
    assert "*6/*6" in notes
    assert "weight" in notes


def test_an_unknown_age_has_no_effect() -> None:
    cohort = _cohort(patient={"weight": "70 kg"})
    turn = load_card("reference").entry("age_turn").value
    assert cohort.covariates["AGE"][0] <= turn
    assert any("Age" in note for note in cohort.notes)


def test_taking_some_patients_changes_none() -> None:
    cohort = _cohort(population={"n": 10, "seed": 3})
    some = cohort.take(np.array([7, 2]))
    assert some.ids.tolist() == [8, 3]
    assert some.parameters["Vc"].tolist() == cohort.parameters["Vc"][[7, 2]].tolist()
    assert some.seed == 3


def test_no_patient_swallows_a_negative_part_of_a_nasal_dose() -> None:
    patient = {"age": 40, "weight": "60 kg", "ancestry": "japanese"}
    cohort = _cohort(population={"n": 2000, "seed": 1}, patient=patient, regimen=NASAL)
    resolved = MODELS["reference"].resolve(cohort.values)
    assert resolved["F_nose"].max() == 1.0
    assert resolved["F_nose_later"].max() < 1.0


def test_a_population_of_a_model_without_spread_is_refused() -> None:
    with pytest.raises(InputError, match="no published between-patient variability"):
        _cohort("domino1982", population={"n": 5, "seed": 1})


@pytest.mark.parametrize("route", ["im", "sc"])
def test_an_assumed_absorption_is_said_first(route: str) -> None:
    notes = _cohort(regimen=f"ketamine 0.5 mg/kg {route} once").notes
    assert notes[0].startswith(f"Absorption by {route} is assumed")
    assert not any("is assumed" in note for note in _cohort().notes)
