"""What patients can tell of their treatment, and what they expect."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr, ndtri

from ketasim._base import InputError
from ketasim.dosing import load_trial
from ketasim.evidence import load_card
from ketasim.population import (
    EXPECTATION_WORDS,
    USUAL_CONTROL,
    Situation,
    Treatment,
    in_usual_comparison,
    situation_of,
    treatment_of,
)

NUMBERS = load_card("mood").values()
EFFECTS = st.floats(0.0, 1.0)


def _two(effect: float, *, adds: str = "", drugs: float = 1.0) -> tuple[Situation, Situation]:
    """A drug and its control, one patient on the control."""
    among = (Treatment(True, effect, patients=drugs), Treatment(False, adds=adds))
    return Situation(among=among), Situation("saline", among, 1)


def _trial(drug: Mapping[str, object], control: str, **more: object) -> dict[str, float]:
    """Expectation in two arms of equal size, one session each, on the first day."""
    trial = load_trial(
        {
            "trial": "two",
            "population": {"baseline": {"scale": "MADRS", "mean": 33, "sd": 5}, **more},
            "arms": [
                {"id": "drug", "n": 30, "days": [0], **drug},
                {"id": "control", "n": 30, "control": control},
            ],
            "assess": [{"scale": "MADRS", "at": ["1 d"], "metrics": ["change"]}],
        }
    )
    return {arm.id: situation_of(trial, arm).expectation(NUMBERS) for arm in trial.arms}


INFUSION = {"drug": "ketamine", "route": "iv", "dose": "0.5 mg/kg", "over": "40 min"}


@given(EFFECTS, st.floats(0.01, 100.0), st.sampled_from(["", "u_midazolam", "u_spray"]))
def test_beliefs_and_guesses_are_fractions(effect: float, drugs: float, adds: str) -> None:
    for one in _two(effect, adds=adds, drugs=drugs):
        assert 0.0 <= one.belief(NUMBERS) <= 1.0
        assert 0.0 <= one.guesses_drug(NUMBERS) <= 1.0


@given(EFFECTS, EFFECTS, st.floats(0.1, 10.0))
def test_who_feels_more_believes_more(one: float, other: float, drugs: float) -> None:
    low, high = sorted((one, other))
    weak, strong = _two(low, drugs=drugs), _two(high, drugs=drugs)
    assert strong[0].belief(NUMBERS) >= weak[0].belief(NUMBERS) - 1e-9
    assert strong[1].belief(NUMBERS) <= weak[1].belief(NUMBERS) + 1e-9


@given(EFFECTS, st.floats(0.1, 10.0))
def test_beliefs_are_right_on_average(effect: float, drugs: float) -> None:
    drug, control = (one.belief(NUMBERS) for one in _two(effect, drugs=drugs))
    share = drugs / (1.0 + drugs)
    assert share * drug + (1.0 - share) * control == pytest.approx(share, abs=2e-3)


@given(EFFECTS)
def test_guesses_of_two_arms_are_those_of_signal_detection(effect: float) -> None:
    drug, control = _two(effect)
    accuracy = ndtr(NUMBERS["u_scale"] * effect / 2.0)
    assert drug.guesses_drug(NUMBERS) == pytest.approx(accuracy, abs=1e-6)
    assert 1.0 - control.guesses_drug(NUMBERS) == pytest.approx(accuracy, abs=1e-6)


@given(st.floats(0.1, 10.0))
def test_arms_that_feel_alike_leave_the_odds_of_the_allocation(drugs: float) -> None:
    for one in _two(0.0, drugs=drugs):
        assert one.belief(NUMBERS) == pytest.approx(drugs / (1.0 + drugs))
        assert one.guesses_drug(NUMBERS) == 0.5


def test_who_is_told_knows() -> None:
    assert Situation().belief(NUMBERS) == Situation().guesses_drug(NUMBERS) == 1.0
    assert Situation("saline").belief(NUMBERS) == Situation("saline").guesses_drug(NUMBERS) == 0.0
    two_drugs = (Treatment(True, 0.4), Treatment(True, 0.1))
    assert Situation(among=two_drugs, place=1).belief(NUMBERS) == 1.0
    with pytest.raises(InputError, match="unknown control"):
        Situation("sugar")


def test_controls_alone_are_even_odds_and_say_so() -> None:
    trial = load_trial(
        {
            "trial": "alone",
            "population": {"baseline": {"scale": "MADRS", "mean": 33, "sd": 5}},
            "arms": [{"id": "only", "n": 30, "control": "midazolam"}],
            "assess": [{"scale": "MADRS", "at": ["1 d"], "metrics": ["change"]}],
        }
    )
    found = situation_of(trial, trial.arms[0])
    assert found.belief(NUMBERS) == pytest.approx(0.5)
    assert any("No arm gets the drug" in note for note in found.notes)


def test_draws_of_the_card_are_taken_one_by_one() -> None:
    scales = np.array([0.5, 2.0, 4.0])
    for one in _two(0.4, adds="u_midazolam"):
        each = [one.belief({**NUMBERS, "u_scale": float(scale)}) for scale in scales]
        drawn = {**NUMBERS, "u_scale": scales, "u_midazolam": np.full(3, NUMBERS["u_midazolam"])}
        np.testing.assert_allclose(one.belief(drawn), each, rtol=1e-12)


def test_the_more_a_control_is_felt_the_better_it_passes_for_the_drug() -> None:
    by_control = {name: _trial(INFUSION, name) for name in ("saline", "midazolam")}
    assert by_control["saline"]["control"] < by_control["midazolam"]["control"]
    assert by_control["saline"]["drug"] > by_control["midazolam"]["drug"]
    spray = {"drug": "esketamine", "route": "intranasal", "dose": "84 mg"}
    sprays = _trial(spray, "placebo_spray")
    # the taste hides a part of what is felt
    assert by_control["saline"]["control"] < sprays["control"] < sprays["drug"]
    assert sprays["drug"] < by_control["saline"]["drug"]


def test_what_is_not_felt_cannot_be_told() -> None:
    half = NUMBERS["p_belief"] / 2.0
    right = {"drug": "arketamine", "route": "iv", "dose": "0.5 mg/kg", "over": "40 min"}
    found = _trial(right, "saline")
    assert found == pytest.approx({"drug": half, "control": half})
    tablet = {"drug": "ketamine", "route": "oral_er", "dose": "60 mg"}
    for name, value in _trial(tablet, "placebo_oral").items():
        assert value == pytest.approx(half, rel=0.05), name
    weak = {**INFUSION, "dose": "0.1 mg/kg"}
    assert _trial(weak, "saline")["drug"] < _trial(INFUSION, "saline")["drug"]


def test_under_anaesthesia_the_allocation_is_all_that_is_known() -> None:
    found = _trial({**INFUSION, "masked": True}, "masked")
    expected = NUMBERS["p_belief"] / 2.0 + NUMBERS["p_theatre"]
    assert found == pytest.approx({"drug": expected, "control": expected})


def test_the_setting_adds() -> None:
    plain = _trial(INFUSION, "saline")
    for setting, symbol in (("inpatient", "p_ward"), ("emergency", "p_emergency")):
        for name, value in _trial(INFUSION, "saline", setting=setting).items():
            assert value == pytest.approx(plain[name] + NUMBERS[symbol])


def test_inhaled_and_swallowed_placebos_have_a_session() -> None:
    for route, control in (("inhaled", "placebo_inhaled"), ("oral", "placebo_oral")):
        found = _trial({"drug": "ketamine", "route": route, "dose": "50 mg"}, control)
        assert 0.0 < found["control"] <= found["drug"]


@pytest.mark.parametrize("route", sorted(USUAL_CONTROL))
def test_every_route_has_a_usual_control(route: str) -> None:
    drug, control = in_usual_comparison(route, 0.4)
    assert drug.drug and not control.drug
    assert {*drug.symbols, *control.symbols} <= set(EXPECTATION_WORDS)


def test_published_guesses_are_beside_the_models() -> None:
    # under anaesthesia 36.8 % of 38 guessed right (lii2023, acute/psych): even odds are inside
    trial = load_trial("lii2023")
    for arm in trial.arms:
        chance = situation_of(trial, arm).guesses_drug(NUMBERS)
        assert abs(0.368 - chance) < 1.96 * np.sqrt(chance * (1.0 - chance) / 38)
    # derealization in 69 % on ketamine, in 16.7 % on midazolam (dbpia_trdsi, acute/acute_observed),
    # 42 patients each: who goes by it guesses right in 77 %, by all that is felt as many or more
    reports = 0.5 * (ndtri(0.69) - ndtri(0.167))
    trial = load_trial("su2023")  # one to one
    gap = np.subtract(*(treatment_of(arm).intensity(NUMBERS) for arm in trial.arms)) / 2.0
    assert ndtr(gap) == pytest.approx(ndtr(reports), abs=0.15)
    # a CADSS above 4 in 61 to 84 % on the spray, 5 to 16 % on placebo (jnj_dissoc): without a taste
    trial = load_trial("ASPIRE1")
    effect = treatment_of(trial.arms[0]).effect
    low, high = ndtri(0.61) - ndtri(0.16), ndtri(0.84) - ndtri(0.05)
    assert low < NUMBERS["u_scale"] * effect < high
