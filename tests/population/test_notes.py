"""What a reader is told about a patient: extrapolation, narrow bands, what is not computed."""

from __future__ import annotations

from typing import Any

import pytest

from ketasim.dosing import load_course
from ketasim.evidence import fact, load_card, source_name
from ketasim.models import MODELS
from ketasim.population import load_modifiers, modification_of, virtual_patients

IV = "esketamine 0.25 mg/kg iv over 40 min on day 0"


def _notes(model: str = "reference", regimen: str = IV, spread: bool = False, **who: Any) -> str:
    patient = {"age": 40, "weight": "70 kg", **who}
    content: dict[str, Any] = {"regimen": regimen, "horizon": "2 d", "pk_model": model}
    content["patient"] = patient
    if spread:
        content["population"] = {"n": 3, "seed": 1}
    cohort = virtual_patients(load_course(content), load_card(model), MODELS[model])
    return "\n".join(cohort.notes)


def _with_range() -> list[str]:
    return [key for key in MODELS if "range" in load_card(key).extra]


@pytest.mark.parametrize("model", _with_range())
def test_only_patients_unlike_those_studied_are_an_extrapolation(model: str) -> None:
    card = load_card(model)
    studied = card.extra["range"]
    inside = {field: _written(field, studied[field][0]) for field in ("age", "weight")}
    for field in inside:
        low, high = studied[field]
        for edge in (low, high):
            assert "extrapolation" not in _notes(model, **{**inside, field: _written(field, edge)})
        for beyond in (low * 0.9, high * 1.05):
            notes = _notes(model, **{**inside, field: _written(field, beyond)})
            assert f"{field.capitalize()} {beyond:g} is outside {low:g}-{high:g}" in notes
            assert f"({source_name(studied['source'])}): this is an extrapolation" in notes


def _written(field: str, value: float) -> Any:
    return value if field == "age" else f"{value} kg"


def test_the_models_of_adults_and_of_children_know_who_they_are_for() -> None:
    assert {"reference", "perezruixo2021", "flint2017"} <= set(_with_range())
    child = _notes(age=5, weight="18 kg")
    assert (
        "the reference model is for adults; the model 'flint2017' describes children"
        in child.lower()
    )
    assert "Weight 18 is outside" in child
    assert "extrapolation" not in _notes("flint2017", age=5, weight="18 kg")
    assert "flint2017" not in _notes(age=100)
    assert "Age" in _notes("flint2017", age=40)


def test_an_unknown_age_is_no_extrapolation() -> None:
    assert "extrapolation" not in _notes(age=None)


@pytest.mark.parametrize("route", ["im", "sc", "rectal", "inhaled"])
def test_bands_without_spread_in_absorption_are_said_to_be_narrow(route: str) -> None:
    regimen = f"ketamine 35 mg {route} on day 0"
    told = f"absorption by {route} (F_"
    assert told in _notes(regimen=regimen, spread=True)
    assert told not in _notes(regimen=regimen)  # one patient has no bands


def test_the_parameters_named_are_those_of_the_route_alone() -> None:
    notes = _notes(regimen="ketamine 35 mg im on day 0", spread=True)
    assert "absorption by im (F_im, ka_im)" in notes


@pytest.mark.parametrize(
    "regimen",
    [IV, "esketamine 56 mg intranasal on day 0", "ketamine 35 mg oral on day 0"],
)
def test_no_complaint_where_absorption_has_spread(regimen: str) -> None:
    assert "too narrow" not in _notes(regimen=regimen, spread=True)


def test_what_sources_disagree_on_is_said_where_it_is_given() -> None:
    assert "sex" not in _notes().lower()
    notes = _notes(sex="female")
    assert "(Sigtermans et al., 2009, Anesthesiology)" in notes and "(Wang et al., 2019)" in notes


@pytest.mark.parametrize(("ancestry", "told"), [("black", True), ("other", True), ("white", False)])
def test_an_ancestry_without_known_effect_is_named(ancestry: str, told: bool) -> None:
    assert (f"Ancestry '{ancestry}': no known effect" in _notes(ancestry=ancestry)) is told


@pytest.mark.parametrize(
    ("medicine", "row"),
    [
        ("diazepam", 33),
        ("Diazepam 10 mg", 35),
        ("oxymetazoline", 15),
        ("mometasone nasal spray", 16),
        ("Paroxetine", 39),
        ("secobarbital", 34),
        ("barbiturate", 37),
    ],
)
@pytest.mark.parametrize("model", ["reference", "otto2021"])
def test_a_published_effect_that_is_not_computed_is_shown(
    medicine: str, row: int, model: str
) -> None:
    notes = _notes(model, medicines=[medicine])
    published = fact(f"pk/interactions:{row}")
    line = next(text for text in notes.split("\n") if "known but not computed" in text)
    for column in ("metric", "ratio", "victim_dose_route"):
        assert published.get(column) in line
    assert source_name(published.source) in line
    assert published.id in line
    assert "Not assessed" not in notes


def _medicines(*names: str) -> Any:
    patient = {"age": 40, "weight": "70 kg", "medicines": list(names)}
    return load_course({"regimen": IV, "horizon": "2 d", "patient": patient}).patient


@pytest.mark.parametrize("name", [n for n, m in load_modifiers().items() if m.kind == "medicine"])
def test_a_computed_medicine_is_recognised_among_words(name: str) -> None:
    plain = modification_of(_medicines(name))
    assert [m.name for m in plain.modifiers] == [name]
    assert not plain.notes
    dosed = modification_of(_medicines(f"{name.capitalize()} 600 mg"))
    assert dosed.modifiers == plain.modifiers
    assert "other doses are not computed" in " ".join(dosed.medicine_notes)
    # part of a longer word is another medicine
    assert modification_of(_medicines(f"nor{name}")).modifiers == ()


def test_a_slip_of_the_pen_is_asked_about_and_not_computed() -> None:
    found = modification_of(_medicines("ticlopdine 250 mg", "desvenlafaxine", "aspirin"))
    assert found.modifiers == found.known == ()
    assert found.not_assessed == ("ticlopdine 250 mg", "desvenlafaxine", "aspirin")
    assert "ticlopdine 250 mg (did you mean 'ticlopidine'?), desvenlafaxine, aspirin." in (
        " ".join(found.notes)
    )


@pytest.mark.parametrize("word", ["body lotion", "renal tea", "vs", "long acting insulin", "sex"])
def test_covariates_of_the_table_are_no_medicines(word: str) -> None:
    assert modification_of(_medicines(word)).not_assessed == (word,)
