"""The calibration of the chain to mood: data rules, the problem, and the shipped card."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.calibration.mood import calibrate_mood
from ketasim.calibration.mood.optimum import linear_step
from ketasim.calibration.mood.problem import BETWEEN_TRIALS, MoodProblem
from ketasim.dosing import load_studies
from ketasim.evidence import load_card, load_mood_rows


@pytest.fixture(scope="module")
def problem() -> MoodProblem:
    rows = [row for row in load_mood_rows() if row.fitted]
    return MoodProblem(load_card("mood_prior"), load_studies(), rows, 32, 1)


@pytest.fixture(scope="module")
def few() -> MoodProblem:
    """Four trials of both drugs: each number takes two runs of every trial."""
    trials = ("ASPIRE2", "TRANSFORM2", "murrough2013", "lii2023")
    rows = [row for row in load_mood_rows() if row.fitted and row.trial in trials]
    return MoodProblem(load_card("mood_prior"), load_studies(), rows, 32, 1)


@pytest.fixture(scope="module")
def jacobian(few: MoodProblem) -> np.ndarray:
    return few.jacobian(few.at(few.start))


def shipped(problem: MoodProblem) -> tuple[np.ndarray, np.ndarray]:
    values = load_card("mood").values()
    return problem.transform(values), np.array([values[s] for s in BETWEEN_TRIALS])


def test_every_fitted_row_is_predicted_and_has_an_error(problem: MoodProblem) -> None:
    point = problem.at(problem.start)
    assert np.isfinite(point.values).all()
    sampling = problem.sampling(point)
    assert (np.diag(sampling) > 0).all()
    assert np.linalg.eigvalsh(sampling)[0] > 0


def test_rows_of_one_arm_are_correlated_and_of_two_trials_are_not(problem: MoodProblem) -> None:
    sampling = problem.sampling(problem.at(problem.start))
    keys = [(row.trial, row.arm, row.metric) for row in problem.rows]
    lii = [i for i, key in enumerate(keys) if key == ("lii2023", "lii_pbo", "change")]
    other = next(i for i, key in enumerate(keys) if key[0] == "murrough2013")
    assert sampling[lii[0], lii[1]] > 0
    assert sampling[lii[0], other] == 0


def test_derivatives_by_the_numbers_agree_with_a_wider_difference(
    few: MoodProblem, jacobian: np.ndarray
) -> None:
    point = few.at(few.start)
    for symbol in ("e_A", "p_belief", "kA"):
        i = few.free.index(symbol)
        step = np.zeros(len(few.free))
        step[i] = 0.02
        wide = (few.at(point.vector + step).values - few.at(point.vector - step).values) / 0.04
        means = [k for k, row in enumerate(few.rows) if row.metric == "change"]
        np.testing.assert_allclose(jacobian[means, i], wide[means], atol=0.05)


def test_the_shipped_card_predicts_what_it_says(problem: MoodProblem) -> None:
    """In the fitted card the control decides what a control arm does, as published."""
    vector, _ = shipped(problem)
    values = problem.at(vector).values
    by_key = {row.key: value for row, value in zip(problem.rows, values, strict=True)}
    share = {
        arm: by_key[f"wilkinson2019:{arm}:mixed:24h:response"]
        for arm in ("saline", "midazolam", "ket_saline_ctrl")
    }
    assert share["saline"] < share["midazolam"] < share["ket_saline_ctrl"]
    # published 1 % (0 to 11), and 18 % (6 to 30), which the validation page shows as missed
    assert share["saline"] < 0.11
    assert share["midazolam"] < 0.30


def test_a_trial_left_out_cannot_be_seen(few: MoodProblem, jacobian: np.ndarray) -> None:
    """Rows that do not count change nothing, whatever they say."""
    point = few.at(few.start)
    columns = few.trial_columns(point)
    sampling = few.sampling(point)
    _, taus = shipped(few)
    kept = few.trial_of != few.trials.index("ASPIRE2")
    before, _, _ = linear_step(few, point, jacobian, columns, sampling, taus, kept)
    published = few.published.copy()
    try:
        few.published[~kept] += 1000.0
        after, _, _ = linear_step(few, point, jacobian, columns, sampling, taus, kept)
        seen, _, _ = linear_step(few, point, jacobian, columns, sampling, taus)
    finally:
        few.published[:] = published
    np.testing.assert_array_equal(before, after)
    assert np.abs(seen - before).max() > 1.0


@pytest.mark.calibration
def test_the_calibration_gives_the_shipped_card_again() -> None:
    fit = calibrate_mood(judge=False)
    card = load_card("mood")
    for number in fit.numbers:
        assert card.entry(number.symbol).value == pytest.approx(number.value, rel=1e-3), number
