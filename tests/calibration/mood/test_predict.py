"""Predictions for those who entered a phase by a rating, against drawn patients."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim.calibration.mood.predict import (
    ArmScores,
    PairNoise,
    TrialEffect,
    arm_scores,
    of_entered,
    predicted,
)
from ketasim.calibration.mood.world import times_of, world_of
from ketasim.dosing import load_studies
from ketasim.evidence import MoodRow, load_card, load_mood_rows
from ketasim.population import VisitNoise

DRAWS = 200_000


def rated(noise: PairNoise, n: int) -> np.ndarray:
    """Noise of drawn patients at two visits, shape (2, n)."""
    first, second = np.random.default_rng(7).normal(size=(2, n))
    kept = noise.correlation
    return np.array(
        [
            noise.first * first,
            noise.second * (kept * first + np.sqrt(1.0 - kept**2) * second),
        ]
    )


@pytest.mark.parametrize("correlation", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("from_entry", [True, False])
def test_mean_and_sd_are_those_of_drawn_patients(correlation: float, from_entry: bool) -> None:
    baseline, early, late = np.array([30.0, 34.0, 28.0]), np.array([12.0, 19.0, 20.0]), 16.0
    weights, noise = np.array([0.5, 0.3, 0.2]), PairNoise(4.0, 5.0, correlation)
    limit = 0.5 * baseline
    start = early if from_entry else baseline
    mean, sd = of_entered(late - start, limit - early, weights, noise, from_entry=from_entry)

    who = np.random.default_rng(3).choice(3, size=DRAWS, p=weights)
    first, second = rated(noise, DRAWS)
    enters = early[who] + first <= limit[who]
    change = late + second - (early[who] + first if from_entry else baseline[who])
    assert mean == pytest.approx(change[enters].mean(), abs=0.06)
    assert sd == pytest.approx(change[enters].std(), abs=0.06)


@given(
    room=st.floats(-60.0, 60.0),
    gain=st.floats(-60.0, 60.0),
    sigma=st.floats(0.5, 8.0),
    correlation=st.floats(0.0, 1.0),
)
def test_those_rated_well_fall_back_and_never_have_less_than_no_spread(
    room: float, gain: float, sigma: float, correlation: float
) -> None:
    noise = PairNoise(sigma, sigma, correlation)
    alone = np.array([1.0])
    mean, sd = of_entered(np.array([gain]), np.array([room]), alone, noise, from_entry=True)
    # the noise that let them in is lost again, as far as it does not last
    assert mean >= gain - 1e-6
    assert np.isfinite(mean) and np.isfinite(sd) and sd >= 0.0
    if correlation == 1.0:
        assert mean == pytest.approx(gain, abs=1e-6) and sd == pytest.approx(0.0, abs=1e-3)


def test_who_is_far_below_the_limit_enters_by_no_luck() -> None:
    noise = PairNoise(3.0, 3.0, 0.0)
    mean, sd = of_entered(
        np.array([1.0]), np.array([100.0]), np.array([1.0]), noise, from_entry=True
    )
    assert mean == pytest.approx(1.0) and sd == pytest.approx(3.0 * np.sqrt(2.0))


def sustain(metric: str) -> MoodRow:
    return next(r for r in load_mood_rows() if r.trial == "SUSTAIN2" and r.metric == metric)


def test_a_row_of_a_phase_needs_both_visits_and_is_predicted_from_them() -> None:
    row = sustain("change_from_phase")
    trial = next(t for t in load_studies() if t.key == "SUSTAIN2")
    assert row.start is not None and row.time is not None
    np.testing.assert_array_equal(times_of(row, trial), [row.start, row.time])

    world = world_of([trial], [row], 4, 1)
    arm = ArmScores(
        np.array([row.start, row.time]),
        np.array([32.0, 32.0]),
        np.array([[10.0, 13.0], [30.0, 12.0]]),
        np.array([0.5, 0.5]),
        VisitNoise(1e-4, 1e-4, 0.001),
    )
    scores = {("SUSTAIN2", "ESK"): arm}
    # the second patient does not enter; the first has lost three points
    assert predicted(row, scores, world) == pytest.approx(3.0, abs=1e-6)
    entered = replace(row, metric="change_entered")
    assert predicted(entered, scores, world) == pytest.approx(-19.0, abs=0.1)
    sd = predicted(replace(row, metric="sd_change_from_phase"), scores, world)
    assert sd == pytest.approx(0.0, abs=1e-3)


def test_sustained_response_is_what_is_left_of_the_responders() -> None:
    row = next(r for r in load_mood_rows() if r.metric == "sustained_response")
    trial = next(t for t in load_studies() if t.key == row.trial)
    world = world_of([trial], [row], 4, 1)
    times = times_of(row, trial)
    lasting, lost = np.full(len(times), 8.0), np.linspace(8.0, 30.0, len(times))
    arm = ArmScores(
        times,
        np.array([32.0, 32.0]),
        np.vstack([lasting, lost]),
        np.array([0.5, 0.5]),
        VisitNoise(0.5, 0.5, 0.001),
    )
    scores = {(row.trial, row.arm): arm}
    assert predicted(row, scores, world) == pytest.approx(0.5, abs=1e-6)
    assert predicted(replace(row, metric="relapse"), scores, world) == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize("arm", ["e_A", "e_S"])
def test_a_trial_of_its_own_has_one_size_however_weak_an_arm_is(arm: str) -> None:
    """Else a fit could give an arm away and let trials' effects take its place."""
    numbers = dict(load_card("mood").values())
    row = next(r for r in load_mood_rows() if r.trial == "TRANSFORM2" and r.metric == "change")
    world = world_of(load_studies(), [row], 16, 1)
    where = next(i for i, d in enumerate(world.designs) if d.key == (row.trial, row.arm))
    design, states = world.designs[where], world.states(numbers)[where]

    def log_shift(own: dict[str, float]) -> np.ndarray:
        """What the trial's effect adds to the decrease in log severity."""
        people = world.effects, world.turns
        scores = [
            arm_scores(design, states, *people, own, TrialEffect(drug=part), numbers).scores
            for part in (0.0, 0.1)
        ]
        return np.log(scores[0] / scores[1])

    weak = log_shift({**numbers, arm: numbers[arm] / 1000.0})
    assert log_shift(numbers).max() > 0.0
    assert weak == pytest.approx(log_shift(numbers), rel=1e-9, abs=1e-12)
