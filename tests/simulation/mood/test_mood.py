"""Mood in `simulate`: invariants of the chain, its table, what it says, what it refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ketasim import Simulation, load_course, simulate
from ketasim._base import InputError
from ketasim.dosing import SWITCHES
from ketasim.evidence import Card, Uncertainty, load_card, load_sources, source_name
from ketasim.population import VisitNoise, response_chance, to_madrs
from ketasim.reports import simulation_report
from ketasim.reports.course_tables import course_tables
from ketasim.simulation import MADRS, MOOD_UNITS
from ketasim.simulation.mood import inputs as mood_inputs
from ketasim.simulation.mood.inputs import PARTS, loss_factor, mood_input, published_baseline

ONE = "ketamine 0.5 mg/kg iv over 40 min on day 0"
SIX = "ketamine 0.5 mg/kg iv over 40 min on days 0 2 4 7 9 11"
PATIENT = {"age": 40, "weight": "70 kg", "baseline": {"scale": "MADRS", "score": 32}}
# the engine keeps a relative error of 1e-4, with steps that suit whoever is in the run
CLOSE = {"rtol": 2e-3, "atol": 2e-3}


def course(regimen: str = SIX, **more: Any) -> dict[str, Any]:
    return {"patient": PATIENT, "regimen": regimen, "horizon": "28 d", **more}


@pytest.fixture(scope="module")
def many() -> Simulation:
    return simulate(course(population={"n": 60, "seed": 3}))


@pytest.fixture(scope="module")
def typical() -> Simulation:
    return simulate(course())


def _score(run: Simulation, quantity: str = "MADRS") -> np.ndarray[Any, Any]:
    return run.values[quantity, "patient"]


def _switched(**switches: str) -> dict[str, Any]:
    return {"mood": {"switches": switches}}


# ---- curves


@settings(max_examples=8)
@given(
    st.floats(0.1, 2.0),
    st.integers(1, 8),
    st.floats(0.01, 100.0),
    st.floats(1.0, 60.0),
    st.sampled_from(["none", "continued", "new"]),
)
def test_scores_stay_on_the_scale_and_their_parts_add_up(
    dose: float, sessions: int, stress: float, baseline: float, background: str
) -> None:
    run = simulate(
        course(
            f"ketamine {dose!r} mg/kg iv over 40 min daily x {sessions}",
            patient={"weight": "70 kg", "baseline": {"scale": "MADRS", "score": baseline}},
            mood={"stress": stress, "background": background},
            population={"n": 8, "seed": 5},
        )
    )
    score = _score(run)
    assert np.all((score >= 0.0) & (score <= 60.0))
    np.testing.assert_allclose(score[0], baseline, rtol=1e-9)
    fall = sum(_score(run, part) for part in PARTS)
    np.testing.assert_allclose(fall, baseline - score, atol=1e-7)
    assert np.any(_score(run, "by_antidepressant")) == (background == "new")
    synapses = run.values["synapses", "brain"]
    assert np.all((synapses > 0.0) & (synapses <= 1.0 + 1e-6))


def test_the_same_seed_gives_the_same_and_another_does_not(many: Simulation) -> None:
    again = simulate(course(population={"n": 60, "seed": 3}))
    other = simulate(course(population={"n": 60, "seed": 4}))
    for key in MOOD_UNITS:
        np.testing.assert_array_equal(again.values[key], many.values[key])
    assert np.abs(_score(other)[-1] - _score(many)[-1]).max() > 0.1


def test_the_first_patients_do_not_depend_on_how_many_there_are(many: Simulation) -> None:
    few = simulate(course(population={"n": 9, "seed": 3}))
    for key in MOOD_UNITS:
        np.testing.assert_allclose(few.values[key], many.values[key][:, :9], **CLOSE)


def test_pieces_change_nothing(monkeypatch: pytest.MonkeyPatch, many: Simulation) -> None:
    monkeypatch.setattr("ketasim.engine.run._MOST_CHUNK", 13)
    monkeypatch.setattr("ketasim.engine.run._LEAST_CHUNK", 1)
    pieces = simulate(course(population={"n": 60, "seed": 3}))
    for key in MOOD_UNITS:
        np.testing.assert_allclose(pieces.values[key], many.values[key], rtol=1e-6, atol=1e-7)


@settings(max_examples=5)
@given(st.integers(1, 10))
def test_more_sessions_never_restore_less(sessions: int) -> None:
    regimen = "ketamine 0.5 mg/kg iv over 40 min every 2 days x {}"
    fewer, more = (simulate(course(regimen.format(n))) for n in (sessions, sessions + 1))
    at_end = [run.values["synapses", "brain"][-1, 0] for run in (fewer, more)]
    assert at_end[1] >= at_end[0] * (1 - 2e-4)


def test_no_drug_has_no_effect_of_a_drug() -> None:
    run = simulate(course("ketamine 0.0001 mg iv over 40 min on days 0 2 4"))
    assert np.abs(_score(run, "by_drug")).max() < 1e-6
    assert _score(run, "by_expectation").max() > 0.0


def test_a_dose_too_small_to_be_followed_leaves_the_rest() -> None:
    run = simulate(course("ketamine 1e-6 mg iv over 40 min on days 0 2 4"))
    assert ("nmda_block", "effect") in run.values
    assert (MADRS in run.values) != any("Mood is not computed" in w for w in run.warnings)


def test_a_blocked_opioid_gate_leaves_all_but_the_drugs_part(typical: Simulation) -> None:
    blocked = simulate(course(**_switched(opioid_gate="naltrexone")))
    assert np.all(_score(blocked, "by_drug") == 0.0)
    assert _score(typical, "by_drug").max() > 0.1
    assert np.all(_score(blocked) >= _score(typical) - 1e-3)


def test_an_arm_that_is_switched_on_adds_to_what_it_acts_on(typical: Simulation) -> None:
    """Serotonin to the neurotrophic drive, hydroxynorketamine to mood; never less of a drug."""
    serotonin, metabolite = (
        simulate(course(**_switched(**{name: "on"})))
        for name in ("serotonin", "hydroxynorketamine")
    )
    for run in (serotonin, metabolite):
        assert np.all(_score(run, "by_drug") >= _score(typical, "by_drug") - 0.02)
    plain = typical.values["bdnf", "brain"].max()
    assert serotonin.values["bdnf", "brain"].max() > 1.05 * plain
    assert _score(metabolite, "by_drug").max() > _score(typical, "by_drug").max() + 0.02


def test_the_arms_add_as_much_as_the_block_after_a_typical_infusion() -> None:
    """The area of the fast arm doubles: its input is the burst and as much again."""
    course_ = {"regimen": mood_inputs.TYPICAL_INFUSION, "horizon": "20 d"}
    hours = np.concatenate([np.arange(0, 30, 0.05), np.arange(30, 480, 2)])
    plain = simulate(course_, times=hours)
    bursts = np.trapezoid(np.maximum(plain.values["glutamate", "brain"][:, 0] - 1, 0), hours)
    weights = mood_inputs.arm_weights()
    for symbol, quantity in (("w_HNK", "hnk"), ("w_5HT", "ketamine")):
        added = weights[symbol] * np.trapezoid(plain.values[quantity, "effect"][:, 0], hours)
        assert added == pytest.approx(bursts, rel=0.02)


def test_dissociation_is_a_flag_only(typical: Simulation) -> None:
    run = simulate(course(**_switched(dissociation="on")))
    np.testing.assert_array_equal(_score(run), _score(typical))
    assert any("dissociation" in w and source_name("luckenbaugh2014") in w for w in run.warnings)


def test_the_more_stress_the_shorter() -> None:
    """From the last session on, less is left of what was restored."""
    left: list[float] = []
    for stress in ("low", "usual", "high"):
        run = simulate(course(mood={"stress": stress}))
        at = [int(np.abs(run.times - 24.0 * day).argmin()) for day in (14, 28)]
        part = _score(run, "by_drug")[:, 0]
        left.append(part[at[1]] / part[at[0]])
    assert left[0] > left[1] > left[2] > 0.0


def test_the_typical_patient_has_no_effects_and_no_spread(typical: Simulation) -> None:
    """Sensitivity 1, the card's loss: what the card says, by hand from the parts of the chain."""
    assert typical.mood is not None
    assert typical.values[MADRS].shape[1] == 1
    assert typical.mood.outer is None
    assert "response" not in typical.mood.table.columns
    numbers = load_card("mood").values()
    end = typical.times[-1]
    expected = numbers["e_N"] * (1 - np.exp(-numbers["kN"] * end))
    expected += numbers["e_C"] * (1 - np.exp(-numbers["kC"] * end))
    total = np.log(32.0 / _score(typical)[-1, 0])
    share = _score(typical, "by_course")[-1, 0] / (32.0 - _score(typical)[-1, 0])
    assert share * total == pytest.approx(expected, rel=1e-3)


def test_a_blinded_course_is_compared_with_the_usual_control_of_its_route() -> None:
    numbers = load_card("mood").values()
    spray = "esketamine 84 mg intranasal once"
    known, blinded = (simulate(course(spray, mood={"blinded": b})).mood for b in (False, True))
    assert known.situation.belief(numbers) == 1.0
    assert known.situation.symbols == ("p_belief",)
    assert 0.5 < blinded.situation.belief(numbers) < 1.0
    assert blinded.situation.symbols == ("p_belief", "u_scale", "u_spray")
    assert any("placebo spray" in text for field, text in blinded.assumed if "blinded" in field)
    infused = simulate(course(ONE, mood={"blinded": True})).mood.situation
    assert infused.symbols == ("p_belief", "u_scale", "u_midazolam")
    assert set(infused.symbols) <= set(numbers)


def test_from_65_effects_are_those_of_the_card() -> None:
    young, old = (
        simulate(course(ONE, patient={"age": age, "baseline": {"scale": "MADRS", "score": 32}}))
        for age in (64, 65)
    )
    part = load_card("mood").values()["f_old"]
    fall = [np.log(32.0 / _score(run)[-1, 0]) for run in (young, old)]
    assert fall[1] == pytest.approx(part * fall[0], rel=0.02)
    assert any("f_old" in line for line in old.warnings)
    assert not any("f_old" in line for line in young.warnings)
    assert "f_old" in {entry.symbol for entry in old.mood.entries}


def test_the_typical_patient_is_said_to_be_helped_by_a_new_antidepressant() -> None:
    new, none = (simulate(course(ONE, mood={"background": b})) for b in ("new", "none"))
    assert any("patients never do" in w for w in new.warnings)
    assert not any("patients never do" in w for w in none.warnings)


def test_a_baseline_outside_the_trials_is_said_to_be_an_extrapolation() -> None:
    low, usual = (
        simulate(course(ONE, patient={"baseline": {"scale": "MADRS", "score": score}}))
        for score in (8, 34)
    )
    assert any("extrapolation" in w and "remission" in w for w in low.warnings)
    assert not any("before treatment is outside" in w for w in usual.warnings)


def test_a_medicine_without_a_finding_on_benefit_is_named() -> None:
    run = simulate(course(ONE, patient={"medicines": ["lamotrigine", "lorazepam 2 mg/day"]}))
    assert any(w.startswith("lamotrigine: nothing published on the benefit") for w in run.warnings)
    assert not any("lorazepam" in w and "nothing published" in w for w in run.warnings)


def test_a_steady_state_leaves_mood_out_and_says_so() -> None:
    dose = {"time": "0 h", "drug": "ketamine", "route": "oral", "dose": "50 mg"}
    run = simulate({"doses": [{**dose, "steady_state": "12 h"}], "horizon": "1 d"})
    assert run.mood is None
    assert any("Mood is not computed" in w for w in run.warnings)


def test_mood_can_be_left_out(typical: Simulation) -> None:
    run = simulate(course(), mood=False)
    assert run.mood is None
    assert set(typical.values) - set(run.values) == set(MOOD_UNITS)
    assert not any("mood" in w.lower() for w in run.warnings)


# ---- baseline


def test_a_score_on_another_scale_is_converted() -> None:
    patient = {**PATIENT, "baseline": {"scale": "HDRS17", "score": 24}}
    run = simulate(course(patient=patient))
    assert run.mood is not None
    assert run.mood.baseline == pytest.approx(to_madrs("HDRS17", 24.0))
    assert not any(field == "patient.baseline" for field, _ in run.mood.assumed)


def test_a_missing_score_is_the_trials_mean_and_said_to_be_assumed() -> None:
    run = simulate({"regimen": ONE, "horizon": "7 d"})
    assert run.mood is not None
    mean, trials, keys = published_baseline()
    assert run.mood.baseline == mean
    assert trials > 5
    assert set(keys) <= set(load_sources())
    assert 20.0 < mean < 45.0
    sentences = {a.symbol: a.meaning for a in run.assumptions if a.what == "input"}
    assert f"{mean:.1f}" in sentences["patient.baseline"]


# ---- table


def test_the_table_agrees_with_the_curves(many: Simulation) -> None:
    assert many.mood is not None
    table = many.mood.table
    noise = VisitNoise.of(load_card("mood").values())
    for row in table.iter_rows(named=True):
        at = int(np.abs(many.times - row["time_h"]).argmin())
        assert many.times[at] == pytest.approx(row["time_h"], abs=1e-6)
        score = many.values[MADRS][at]
        assert row["MADRS"] == pytest.approx(score.mean(), rel=1e-9)
        chance = response_chance(score, 32.0, noise.sd(row["time_h"])).mean()
        assert row["response"] == pytest.approx(chance, rel=1e-9, abs=1e-12)
        for part in PARTS:
            assert row[part] == pytest.approx(_score(many, part)[at].mean(), abs=1e-9)
        shares = [row[f"share_{part.removeprefix('by_')}"] for part in PARTS]
        assert sum(shares) == pytest.approx(1.0) if row["time_h"] else shares == [None] * 4
    assert {"HDRS17", "QIDS", "PHQ9"} <= set(table.columns)
    assert (table["remission_10"] <= table["remission_12"]).all()


def test_still_well_starts_after_the_last_session_and_only_falls(many: Simulation) -> None:
    assert many.mood is not None
    assert many.mood.well_from == 12 * 24.0
    table = many.mood.table
    counted = table["time_h"] >= many.mood.well_from
    assert table.filter(~counted)["still_well"].is_null().all()
    well = table.filter(counted)
    assert well["still_well"].is_not_null().all()
    assert np.all(np.diff(well["still_well"].to_numpy()) <= 1e-12)
    # within the error of the quadrature over the noise
    assert (well["still_well"] <= well["response"] + 2e-3).all()
    assert well["still_well"][0] == pytest.approx(well["response"][0], abs=2e-3)


def test_a_short_course_is_told_by_the_day() -> None:
    run = simulate(course(ONE, horizon="3 d"))
    assert run.mood is not None
    assert run.mood.table["day"].to_list() == [0.0, 1.0, 2.0, 3.0]


def test_times_of_the_caller_do_not_move_the_table(typical: Simulation) -> None:
    run = simulate(course(), times=[1.0, 100.0])
    assert run.mood is not None
    assert typical.mood is not None
    assert run.values[MADRS].shape == (2, 1)
    np.testing.assert_allclose(run.mood.table["MADRS"], typical.mood.table["MADRS"], **CLOSE)


def test_the_uncertainty_of_the_numbers_makes_an_outer_band(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Named beside the between-patient variability, in the result and in the report."""
    symbols = ("e_A", "e_S", "p_belief", "sigma")
    spread = tuple(tuple(0.25 * float(i == j) for j in range(4)) for i in range(4))
    real = load_card("mood")
    doubtful = replace(real, uncertainty=Uncertainty(symbols, ("log",) * 4, spread))
    sure = replace(real, uncertainty=None)

    def run(card: Card) -> Simulation:
        monkeypatch.setattr(
            mood_inputs, "load_card", lambda key: card if key == "mood" else load_card(key)
        )
        return simulate(course(population={"n": 40, "seed": 1}))

    wide, narrow = run(doubtful), run(sure)
    assert narrow.mood is not None
    assert narrow.mood.outer is None
    assert wide.mood is not None
    band = wide.mood.outer
    assert band is not None
    at = np.searchsorted(wide.times, band.times)
    assert wide.mood.rated is not None
    inner = [wide.mood.rated[name].to_numpy() for name in ("p05", "p95")]
    late = band.times > 24.0
    assert np.mean((band.p95 - band.p05)[late]) > np.mean((inner[1] - inner[0])[at][late])
    table = wide.mood.table.filter(pl.col("day") > 0)
    assert (table["response_p05"] < table["response_p95"]).all()
    report = simulation_report(wide)
    assert "90 % with parameter uncertainty" in report
    assert "parameter draws" not in simulation_report(narrow)


# ---- what is said


@pytest.mark.parametrize("name", list(SWITCHES))
def test_every_switch_shows_both_sides(name: str) -> None:
    run = simulate(course(ONE, horizon="2 d", **_switched(**{name: SWITCHES[name][1]})))
    found = next(w for w in run.warnings if w.startswith(f"Switch {name} is on"))
    _, _, sides = found.partition(" For: ")
    favour, _, against = sides.partition(" Against: ")
    known = load_sources()
    for side in (favour, against):
        assert any(f"({source_name(key)})" in side for key in known)
    assert "assumed" in found or "nothing is computed" in found
    assert all(f"Switch {name}" not in w for w in simulate(course(ONE, horizon="2 d")).warnings)


def test_what_was_changed_is_graded_and_visible() -> None:
    run = simulate(course(ONE, mood={"stress": 3, "switches": {"opioid_gate": "naltrexone"}}))
    assert run.mood is not None
    entries = {entry.symbol: entry for entry in run.mood.entries}
    assert entries["gate"].value == 0.0
    assert entries["stress"].value == pytest.approx(3 * load_card("mood").entry("stress").value)
    assumed = {a.symbol for a in run.assumptions if a.card == "mood"}
    assert {"gate", "stress"} <= assumed
    assert not {"w_HNK", "w_5HT", "e_O", "tau_early"} & set(entries)


def test_a_disputed_medicine_is_named_with_both_sides_and_changes_nothing() -> None:
    plain = simulate(course(ONE))
    for dose, place in (("10 mg", "is above"), ("1 mg", "is not above")):
        medicines = [f"diazepam {dose} daily"]
        run = simulate(course(ONE, patient={**PATIENT, "medicines": medicines}))
        warning = next(w for w in run.warnings if w.startswith("diazepam"))
        assert all(
            text in warning
            for text in (*map(source_name, ("andrashko2020", "feeney2022")), place, "disagree")
        )
        np.testing.assert_array_equal(_score(run), _score(plain))


def test_rapamycin_acts_only_where_the_published_odds_can_be_reached() -> None:
    run = simulate(course(ONE, patient={**PATIENT, "medicines": ["rapamycin 6 mg"]}))
    assert run.mood is not None
    row = "mood/benefit_modifiers:12"
    warning = next(
        w for w in run.warnings if source_name("abdallah2020rapa") in w and "41 against 13" in w
    )
    factor = loss_factor(row)
    plain = load_card("mood").entry("kS").value
    used = next(entry for entry in run.mood.entries if entry.symbol == "kS")
    if factor is None:
        assert "nothing is computed" in warning
        assert used.value == plain
    else:
        assert 0.0 < factor < 1.0
        assert used.value == pytest.approx(factor * plain)
        assert used.grade == "derived"


def test_other_diagnoses_and_models_say_what_they_cannot() -> None:
    pain = simulate(course(ONE, patient={**PATIENT, "diagnosis": "pain"}))
    assert any("fitted to depression" in w for w in pain.warnings)
    other = simulate(course("esketamine 0.3 mg/kg iv over 40 min once", pk_model="otto2021"))
    assert other.mood is None
    assert MADRS not in other.values
    assert any("Mood is not computed with the model" in w for w in other.warnings)


# ---- input


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"mood": {"stress": "awful"}}, "mood.stress"),
        ({"mood": {"stress": 0}}, "mood.stress"),
        ({"mood": {"stress": float("nan")}}, "mood.stress"),
        ({"mood": {"blinded": "perhaps"}}, "mood.blinded"),
        ({"mood": {"background": "some"}}, "mood.background"),
        ({"mood": {"switches": {"opioid_gate": "on"}}}, "mood.switches.opioid_gate"),
        ({"mood": {"switches": {"sigma": "on"}}}, "mood.switches.sigma"),
        ({"mood": {"stres": 1}}, "mood.stres"),
        (
            {"patient": {"medicines": ["Sertraline 50 mg"]}, "mood": {"background": "none"}},
            "mood.background",
        ),
        ({"patient": {"baseline": {"scale": "CADSS", "score": 4}}}, "patient.baseline.scale"),
        ({"patient": {"baseline": {"scale": "MADRS", "score": 0}}}, "patient.baseline.score"),
        ({"patient": {"baseline": {"scale": "MADRS", "score": 61}}}, "patient.baseline"),
        ({"patient": {"diagnosis": "sadness"}}, "patient.diagnosis"),
    ],
)
def test_what_cannot_be_used_is_refused(more: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as raised:
        simulate({"regimen": ONE, **more})
    assert raised.value.field == field
    assert "\n" not in str(raised.value)


def test_the_background_follows_the_medicines() -> None:
    def background(medicines: list[str], **mood: str) -> str:
        patient = {"medicines": medicines}
        return load_course({"regimen": ONE, "patient": patient, "mood": mood}).background

    assert background([]) == "none"
    assert background(["lithium"]) == "none"
    assert background(["Sertraline 50 mg"]) == "continued"
    assert background(["sertraline"], background="new") == "new"


def test_a_course_with_mood_loads_back_as_equal() -> None:
    text = course(mood={"stress": "high", "blinded": True, "switches": {"serotonin": "on"}})
    loaded = load_course(text)
    assert load_course(loaded.to_dict()) == loaded


def test_switches_may_be_written_without_quotes() -> None:
    """YAML reads a bare `on` as yes."""
    read = load_course(course(mood={"switches": {"serotonin": True, "opioid_gate": False}}))
    assert read.mood.switches.on == ("serotonin",)


# ---- report


def test_the_report_has_the_figures_and_the_numbers(many: Simulation, typical: Simulation) -> None:
    for run in (many, typical):
        assert run.mood is not None
        report = simulation_report(run)
        titles = ["NMDA receptor block", "From glutamate", "MADRS over", "Contributions to"]
        titles += ["at the trough and at the peak"]
        for title in titles:
            assert any(title in line for line in report.splitlines() if "figtitle" in line)
        assert ("Expected score, response and rem" in report) == (not run.cohort.typical)
        used = course_tables(run)["mood_parameters"]["symbol"].to_list()
        assert used == [entry.symbol for entry in run.mood.entries]
        assert "not medical advice" in report


def test_the_assumed_baseline_names_every_publication_and_counts_them() -> None:
    text = dict(mood_input(load_course({"regimen": ONE})).assumed)["patient.baseline"]
    _, count, keys = published_baseline()
    names = {source_name(key) for key in keys}
    listed = text[text.index("(") + 1 : text.rindex(")")].split("; ")
    assert set(listed) == names and len(listed) == len(names)
    assert f"{count} published trials" in text
    assert (f"in {len(names)} publications" in text) == (len(names) != count)
    assert not any(key in text for key in keys)
