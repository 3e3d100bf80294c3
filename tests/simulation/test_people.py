"""Covariates of virtual patients in a course, parameter uncertainty, and healthy volunteers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim._base import InputError
from ketasim.apps.cli.application import run as main
from ketasim.dosing import DRAWN_AGES, DRAWN_WEIGHTS, load_course, load_trial
from ketasim.evidence import load_card
from ketasim.models import MODELS
from ketasim.population import Cohort, arm_patients, uncertainty_of, virtual_patients
from ketasim.reports import simulation_report
from ketasim.simulation import Simulation, simulate

IV = "ketamine 0.5 mg/kg iv over 40 min once"
PEOPLE: dict[str, Any] = {
    "weight": {"mean": "82 kg", "sd": "18 kg"},
    "age": {"mean": 43, "sd": 12},
    "female": 0.6,
}
MANY = 4000


def _cohort(
    population: dict[str, Any], *, model: str = "reference", uncertainty: bool = False, **more: Any
) -> Cohort:
    course = load_course({"regimen": IV, "population": population, **more})
    return virtual_patients(course, load_card(model), MODELS[model], uncertainty=uncertainty)


def _course(**more: Any) -> dict[str, Any]:
    return {"regimen": IV, "horizon": "3 d", "patient": {"age": 40, "weight": "70 kg"}, **more}


# ---- covariates


def test_covariates_have_the_means_and_the_spread_asked_for() -> None:
    """5 standard errors of the mean; the limits cut off less than a hundredth."""
    cohort = _cohort({"n": MANY, **PEOPLE})
    assert cohort.age is not None
    assert cohort.sex is not None
    for values, mean, sd in ((cohort.weight, 82, 18), (cohort.age, 43, 12)):
        assert abs(values.mean() - mean) < 5 * sd / np.sqrt(MANY)
        assert values.std() == pytest.approx(sd, rel=0.06)
    assert abs(np.mean(cohort.sex == "female") - 0.6) < 5 * np.sqrt(0.24 / MANY)
    np.testing.assert_array_equal(cohort.covariates["WT"], cohort.weight)
    np.testing.assert_array_equal(cohort.covariates["AGE"], cohort.age)
    for pair in ((cohort.weight, cohort.age), (cohort.weight, cohort.sex == "female")):
        assert abs(np.corrcoef(*pair)[0, 1]) < 5 / np.sqrt(MANY)


@given(
    st.integers(0, 2**32),
    st.integers(1, 30),
    st.sets(st.sampled_from(sorted(PEOPLE))),
    st.floats(35, 200),
    st.floats(1, 200),
)
def test_nobody_depends_on_how_many_there_are_nor_on_other_covariates(
    seed: int, n: int, names: set[str], mean: float, sd: float
) -> None:
    asked = {name: PEOPLE[name] for name in names}
    if "weight" in asked:
        asked["weight"] = {"mean": mean, "sd": sd}
    few = _cohort({"n": n, "seed": seed, **asked})
    many = _cohort({"n": n + 7, "seed": seed, **asked, "age": PEOPLE["age"]})
    plain = _cohort({"n": n, "seed": seed})
    np.testing.assert_array_equal(few.weight, many.weight[:n])
    if "age" in names:
        assert few.age is not None
        assert many.age is not None
        np.testing.assert_array_equal(few.age, many.age[:n])
        assert (few.age >= DRAWN_AGES[0]).all() and (few.age <= DRAWN_AGES[1]).all()
    assert (few.weight >= DRAWN_WEIGHTS[0]).all() and (few.weight <= DRAWN_WEIGHTS[1]).all()
    for symbol, values in plain.parameters.items():
        np.testing.assert_array_equal(values, few.parameters[symbol])
        np.testing.assert_array_equal(values, many.parameters[symbol][:n])


def test_trials_and_courses_draw_alike() -> None:
    """The same code: the same limits, and in distribution the same people."""
    people = {"weight": {"mean": 60, "sd": 30}, "age": {"mean": 20, "sd": 12}}
    cohort = _cohort({"n": MANY, **people})
    assert cohort.age is not None
    trial = load_trial(
        {
            "trial": "t",
            "population": {"baseline": {"scale": "MADRS", "mean": 33, "sd": 5}, **people},
            "arms": [{"id": "a", "n": 5, "control": "saline", "days": [0]}],
            "assess": [{"scale": "MADRS", "at": ["24 h"], "metrics": ["score"]}],
        }
    )
    values, weight, _ = arm_patients(trial.arms[0], 1, 0, MANY)
    for one, two in ((cohort.weight, weight), (cohort.age, values["AGE"])):
        assert one.min() == two.min()
        error = 5 * np.sqrt((one.var() + two.var()) / MANY)
        assert abs(one.mean() - two.mean()) < error
    said = " ".join(
        (
            *trial.assumptions,
            *load_course({"regimen": IV, "population": {"n": 1, **people}}).assumptions,
        )
    )
    assert said.count("within 35 to 200 kg") == said.count("within 12 to 95 years") == 2


@pytest.fixture(scope="module")
def mixed() -> Simulation:
    return simulate(_course(population={"n": 30, "seed": 4, **PEOPLE}), mood=False)


def test_doses_follow_each_patients_weight(mixed: Simulation) -> None:
    """Allometry apart: the area is dose over clearance, so it goes with the weight to 0.25."""
    alike = simulate(
        _course(population={"n": 30, "seed": 4, "age": PEOPLE["age"]}), mood=False, session=False
    )
    first = 1  # h; the peak of the infusion goes with mg/kg, less what distribution makes of it
    times = np.searchsorted(mixed.times, first)
    ratio = mixed.values["ketamine", "venous"][times] / alike.values["ketamine", "venous"][times]
    weights = mixed.cohort.weight / 70.0
    assert np.corrcoef(np.log(ratio), np.log(weights))[0, 1] > 0.9
    heavier = weights > 1
    assert (ratio[heavier] > 1).all()
    assert (ratio[~heavier] < 1).all()


def test_patients_have_a_table(mixed: Simulation) -> None:
    table = mixed.patients()
    assert table.columns == ["id", "age", "weight", "sex"]
    assert table["id"].to_list() == list(range(1, 31))
    np.testing.assert_array_equal(table["weight"], mixed.cohort.weight)
    assert set(table["sex"]) == {"female", "male"}
    typical = simulate(_course(), mood=False, session=False).patients()
    assert typical.rows() == [(1, 40.0, 70.0, None)]
    assert typical.schema["sex"] == pl.String


def test_what_is_shared_and_what_is_drawn_is_said(mixed: Simulation) -> None:
    said = " ".join(mixed.warnings)
    assert "share one weight" not in said
    assert "not the patient's 70 kg" in said
    assert "not the patient's 40 years" in said
    assert {"population.weight", "population.age"} <= {one.symbol for one in mixed.assumptions}
    assert "60 % female" in mixed.cohort.describe() or "% female" in mixed.cohort.describe()
    alike = simulate(_course(population={"n": 5}), mood=False, session=False)
    assert any(
        "All 5 virtual patients share one weight (70 kg) and one age (40 years)" in text
        for text in alike.warnings
    )
    page = simulation_report(mixed)
    assert "weight (mean" in page
    assert "share one weight" not in page
    assert "share one weight" in simulation_report(alike)


def test_without_a_patients_own_the_typical_patient_has_the_means() -> None:
    course = load_course({"regimen": IV, "population": {"n": 3, **PEOPLE}})
    assert (course.patient.weight, course.patient.age, course.age) == (82.0, 43.0, 43.0)
    assert not [text for text in course.warnings if "not the patient's" in text]
    assert "patient.weight" not in course.assumed
    again = load_course(course.to_dict())
    assert again == course
    assert again.to_dict() == course.to_dict()


@pytest.mark.parametrize(
    ("population", "field", "words"),
    [
        ({"weight": {"mean": "82 kg"}}, "population.weight.sd", "missing"),
        ({"weight": {"mean": "82 kg", "sd": 0}}, "population.weight", "above 0"),
        ({"weight": {"mean": "20 kg", "sd": 3}}, "population.weight", "35 to 200 kg"),
        ({"weight": {"mean": "82 mg/kg", "sd": 3}}, "population.weight.mean", "kg"),
        ({"age": {"mean": 8, "sd": 2}}, "population.age", "12 to 95 years"),
        ({"age": {"mean": -1, "sd": 2}}, "population.age.mean", "0"),
        ({"female": 1.2}, "population.female", "1"),
        ({"female": "60 mg"}, "population.female", "not a fraction"),
        ({"height": {"mean": 170, "sd": 7}}, "population.height", "height"),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    population: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(InputError) as caught:
        load_course({"regimen": IV, "population": {"n": 5, **population}})
    assert caught.value.field == field
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


# ---- parameter uncertainty


def test_each_patient_has_a_draw_of_the_parameters() -> None:
    """Spreads add up on the scale: between patients and of the estimate (5 standard errors)."""
    card = load_card("reference")
    assert card.uncertainty is not None
    certain, uncertain = (_cohort({"n": MANY}, uncertainty=one) for one in (False, True))
    sds = dict(
        zip(card.uncertainty.symbols, np.sqrt(np.diag(card.uncertainty.matrix())), strict=True)
    )
    for symbol in ("CLint", "Vc", "Q_fast", "theta_R"):
        spread = card.entry(symbol).iiv
        between = 0.0 if spread is None else spread.sd
        both = np.log(uncertain.parameters[symbol]).std()
        wanted = np.hypot(between, sds[symbol])
        assert abs(both - wanted) < 5 * wanted / np.sqrt(2 * MANY), symbol
        alone = np.log(certain.parameters[symbol]).std()
        assert abs(alone - between) < 5 * between / np.sqrt(2 * MANY) + 1e-12, symbol
    assert uncertain.uncertainty
    few = _cohort({"n": 5}, uncertainty=True)
    for symbol, values in few.parameters.items():
        np.testing.assert_array_equal(values, uncertain.parameters[symbol][:5])


def test_medicines_are_as_uncertain_as_their_sizes() -> None:
    patient = {"medicines": ["rifampicin"]}
    one = _cohort({"n": 50}, patient=patient)
    two = _cohort({"n": 50}, patient=patient, uncertainty=True)
    assert np.ptp(one.covariates["act_2B6"]) == 0
    assert np.ptp(two.covariates["act_2B6"]) > 0


def test_printed_standard_errors_become_draws() -> None:
    """Simons 2022, Table 4: CLK1 88.8 L/h, RSE 4.1 %, nu2 0.029; F1 0.263, RSE 4.6 %."""
    card = load_card("simons2022")
    found = uncertainty_of(card)
    assert found is not None
    sds = dict(zip(found.symbols, np.sqrt(np.diag(found.matrix())), strict=True))
    assert sds["CLK1"] == pytest.approx(0.041)
    assert sds["F1"] == pytest.approx(0.046 / (1 - 0.263))
    assert "sigma_prop_NK" not in sds  # an error of the assay, no parameter of the model
    course = {
        "regimen": "esketamine 0.3 mg/kg iv over 40 min once",
        "population": {"n": MANY},
        "pk_model": "simons2022",
    }
    cohort = virtual_patients(load_course(course), card, MODELS["simons2022"], uncertainty=True)
    sd = np.log(cohort.parameters["CLK1"]).std()
    assert sd == pytest.approx(np.hypot(0.041, np.sqrt(0.029)), rel=0.06)


def test_a_card_without_published_errors_says_so() -> None:
    assert uncertainty_of(load_card("perezruixo2021")) is None
    run = simulate(
        _course(
            regimen="esketamine 56 mg intranasal once",
            population={"n": 4},
            pk_model="perezruixo2021",
            horizon="1 d",
        ),
        uncertainty=True,
    )
    assert any("'perezruixo2021': no parameter uncertainty is published" in w for w in run.warnings)


def test_uncertainty_is_in_the_bands_and_said() -> None:
    course = _course(population={"n": 60, "seed": 2})
    one, two = simulate(course), simulate(course, uncertainty=True)
    assert two.metadata["uncertainty"] and not one.metadata["uncertainty"]
    for quantity in ("ketamine", "MADRS", "CADSS", "SBP"):
        wide, narrow = (
            run.summary()
            .filter(pl.col("quantity") == quantity, pl.col("time_h").is_between(0.5, 30))
            .select((pl.col("p95") - pl.col("p05")).mean())
            .item()
            for run in (two, one)
        )
        assert wide != narrow, quantity
    said = " ".join(two.warnings)
    for card, words in (
        ("reference", "correlated as in the fit"),
        ("mood", "correlated as in the fit"),
        ("session", "correlated as in the fit"),
        ("receptor", "no parameter uncertainty is published"),
    ):
        assert f"Card '{card}'" in said
        assert words in said
    assert two.mood is not None
    assert two.mood.outer is None
    page = simulation_report(two)
    assert "between-patient variability and parameter uncertainty together" in page
    assert (
        "between-patient variability and parameter uncertainty together"
        not in simulation_report(one)
    )


@pytest.mark.parametrize(("arguments", "population"), [({}, None), ({"typical": True}, {"n": 5})])
def test_the_typical_patient_has_no_uncertainty(
    arguments: dict[str, Any], population: dict[str, Any] | None
) -> None:
    course = _course() if population is None else _course(population=population)
    with pytest.raises(InputError, match="virtual patients"):
        simulate(course, uncertainty=True, **arguments)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(f'regimen: "{IV}"\nhorizon: 1 d\npopulation: {{n: 4}}\n', encoding="utf-8")
    out = tmp_path / "out"
    assert main(["simulate", str(file), "--out", str(out), "--typical", "--uncertainty"]) == 2
    assert not out.exists()
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "--uncertainty" in told
    assert main(["simulate", str(file), "--out", str(out), "--uncertainty"]) == 0
    assert "--uncertainty" in (out / "report.html").read_text(encoding="utf-8")


# ---- volunteers


@pytest.mark.parametrize("word", ["healthy", "none", "Healthy volunteer"])
def test_of_a_volunteer_mood_is_not_simulated(word: str) -> None:
    patient = {"age": 25, "weight": "70 kg", "diagnosis": word}
    run = simulate({"regimen": IV, "horizon": "1 d", "patient": patient})
    assert run.course.patient.diagnosis == "healthy"
    assert run.mood is None
    assert run.session_effects is not None
    assert ("MADRS", "patient") not in run.values
    assert ("CADSS", "patient") in run.values
    assert any("healthy volunteer" in text for text in run.warnings)
    depressed = simulate(
        {"regimen": IV, "horizon": "1 d", "patient": {**patient, "diagnosis": "trd"}}
    )
    for key, values in run.values.items():
        np.testing.assert_array_equal(values, depressed.values[key])
    assert "healthy volunteer" in simulation_report(run)


def test_a_volunteer_has_no_score_before_treatment() -> None:
    patient = {"diagnosis": "healthy", "baseline": {"scale": "MADRS", "score": 30}}
    with pytest.raises(InputError) as caught:
        load_course({"regimen": IV, "patient": patient})
    assert caught.value.field == "patient.baseline"


def test_rules_of_depression_do_not_hold_for_a_volunteer() -> None:
    regimen = "esketamine 84 mg intranasal on days 0 3"
    seen = {
        name: {
            one.subject
            for one in simulate(
                {"regimen": regimen, "patient": {"diagnosis": name}, "horizon": "4 d"},
                session=False,
            ).screening.findings
        }
        for name in ("trd", "healthy")
    }
    assert "first dose is not 56 mg" in seen["trd"]
    assert "first dose is not 56 mg" not in seen["healthy"]
    assert "doses in healthy volunteers" in seen["healthy"]
    assert "diagnosis" not in seen["healthy"]
