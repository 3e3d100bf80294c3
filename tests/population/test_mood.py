"""Virtual patients of the chain to mood."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ketasim.evidence import load_card
from ketasim.population import (
    Situation,
    VisitNoise,
    baseline_scores,
    card_draws,
    correlated,
    in_madrs,
    mood_effects,
    mood_values,
    remission_chance,
    response_chance,
    still_well,
    typical_effects,
)

NUMBERS = load_card("mood").values()


def test_patients_do_not_depend_on_how_many_there_are() -> None:
    few, many = mood_effects(7, 0, 5), mood_effects(7, 0, 50)
    for name, values in few.items():
        np.testing.assert_array_equal(values, many[name][:5])
    np.testing.assert_array_equal(mood_effects(7, 10, 3)["sens"], many["sens"][10:13])


def test_shares_and_spreads_are_those_of_the_card() -> None:
    n = 40_000
    drawn = mood_values(
        NUMBERS, mood_effects(1, 0, n), Situation(background="new"), np.full(n, 30.0)
    )
    # 40,000 draws: five standard errors of a share
    for symbol, share in (("sens", "share_none"), ("e_O", "share_none_O")):
        expected = NUMBERS[share]
        error = np.sqrt(expected * (1 - expected) / n)
        assert abs(np.mean(drawn[symbol] == 0.0) - expected) < 5 * error
    logs = np.log(drawn["sens"][drawn["sens"] > 0])
    assert abs(logs.std() / NUMBERS["omega_sens"] - 1) < 0.03
    assert abs(np.log(drawn["kS"]).std() / NUMBERS["omega_kS"] - 1) < 0.03


@given(st.floats(-0.9, 0.9))
def test_correlation_of_sensitivity_and_durability(rho: float) -> None:
    effects = mood_effects(2, 0, 20_000)
    mixed = correlated({**NUMBERS, "rho": rho}, effects)
    # who is sensitive loses less where rho is positive
    found = np.corrcoef(mixed["sens"], -mixed["kS"])[0, 1]
    assert abs(found - rho) < 0.04


def test_a_new_antidepressant_acts_only_where_one_starts() -> None:
    def effect(**situation: object) -> float:
        return mood_values(
            NUMBERS, typical_effects(), Situation(**situation), np.full(1, 30.0), spread=False
        )["e_O"]

    assert effect(background="continued") == effect(background="none") == 0.0
    assert effect(background="new") == effect(control="antidepressant") > 0.0


@given(score=st.floats(0, 60), base=st.floats(5, 60), sigma=st.floats(0.5, 8), cut=st.floats(0, 20))
def test_chances_fall_as_scores_rise(score: float, base: float, sigma: float, cut: float) -> None:
    points = np.array([score, score + 1.0])
    for chance in (response_chance(points, base, sigma), remission_chance(points, cut, sigma)):
        assert chance[0] >= chance[1]
        assert ((chance >= 0) & (chance <= 1)).all()


def test_still_well_on_hand_made_courses() -> None:
    # two patients: one stays well, one relapses at the third visit; hardly any noise
    score = np.array([[10.0, 10.0, 10.0, 10.0], [10.0, 10.0, 25.0, 10.0]])
    law = (np.full(2, 30.0), VisitNoise(0.01, 0.01, 0.01), np.array([24.0, 48.0, 72.0, 96.0]))
    first, well = still_well(score, *law)
    np.testing.assert_allclose(first, 1.0)
    np.testing.assert_allclose(well, [[1, 1, 1, 1], [1, 1, 0, 0]], atol=1e-12)
    # with a relapse at 26 points, or that must be seen twice, nobody has relapsed; with an entry
    # of 9 nobody was well
    np.testing.assert_allclose(still_well(score, *law, lost=26.0)[1], 1.0)
    np.testing.assert_allclose(still_well(score, *law, visits=2)[1], 1.0)
    np.testing.assert_allclose(still_well(score, *law, entry=9.0)[0], 0.0)


@given(st.integers(0, 50))
def test_being_well_never_comes_back(seed: int) -> None:
    rng = np.random.default_rng(seed)
    score = rng.uniform(0, 40, (20, 8))
    noise = VisitNoise(*rng.uniform((1.0, 0.0, 0.0), (5.0, 6.0, 0.01)))
    times = np.cumsum(rng.uniform(2.0, 200.0, 8))
    for visits in (1, 2, 3):
        first, well = still_well(score, np.full(20, 30.0), noise, times, visits=visits)
        assert (np.diff(well, axis=1) <= 0.0).all()
        assert (well[:, 0] <= first).all()


def test_baselines_stay_on_the_scale() -> None:
    drawn = baseline_scores(55.0, 20.0, mood_effects(1, 0, 1000)["M0"], 60.0)
    assert drawn.min() >= 1.0
    assert drawn.max() == 60.0
    assert in_madrs("MADRS", 33.0, 5.0) == (33.0, 5.0)
    mean, sd = in_madrs("HDRS17", 22.0, 4.0)
    assert mean > 22.0
    assert sd > 0


def test_draws_of_the_card_have_its_uncertainty() -> None:
    card = load_card("mood")
    assert card.uncertainty is not None
    draws = card_draws(card, 1, 0, 4000)
    place = card.uncertainty.symbols.index("u_midazolam")
    sd = np.sqrt(card.uncertainty.matrix()[place, place])
    logs = np.log(draws["u_midazolam"] / card.entry("u_midazolam").value)
    assert abs(logs.std() / sd - 1) < 0.06
    np.testing.assert_array_equal(draws["kO"], card.entry("kO").value)
    # keyed: the first draws are the same however many are asked for
    np.testing.assert_allclose(card_draws(card, 1, 0, 10)["e_A"], draws["e_A"][:10], rtol=1e-12)
