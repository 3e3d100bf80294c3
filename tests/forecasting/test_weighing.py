"""Weights of virtual patients, against integration and brute force by other means."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import multivariate_normal

from ketasim import load_course
from ketasim.dosing import Baseline, Course, Score
from ketasim.forecasting.forecast import forecast, weighed, with_baseline
from ketasim.forecasting.simulated import predicted, simulated_patients
from ketasim.forecasting.weighing.chain import Chain
from ketasim.forecasting.weighing.ensemble import Ensemble, ensemble
from ketasim.forecasting.weighing.law import RatingLaw
from ketasim.forecasting.weighing.likelihood import factor, likelihood
from ketasim.forecasting.weighing.ratings import Ratings, rated, ratings_of
from ketasim.forecasting.weighing.steps import steps_for
from ketasim.forecasting.weighing.weigh import weigh
from ketasim.population import (
    VisitNoise,
    from_madrs,
    session_normals,
    session_weights,
    to_madrs,
)

Array = NDArray[np.float64]

COURSE = {
    "patient": {"weight": "80 kg", "baseline": {"scale": "MADRS", "score": 33}},
    "regimen": "ketamine 0.5 mg/kg iv over 40 min on days 0 3 7 10",
    "horizon": "56 d",
}
NEXT = "ketamine 0.5 mg/kg iv over 40 min on days 12"
TIMES = np.array([24.0, 72.0, 168.0, 336.0, 1008.0])


@pytest.fixture(scope="module")
def course() -> Course:
    return load_course(COURSE)


@pytest.fixture(scope="module")
def drawn(course: Course) -> Ensemble:
    return ensemble(course, TIMES, n=8000, seed=1, plan=steps_for([course]))


def _ratings(scores: list[tuple[float, str, float]], scale: str = "MADRS") -> Ratings:
    score = 33.0 if scale == "MADRS" else 20.0
    base = Baseline(scale=scale, score=score)
    return rated(base, float(to_madrs(scale, score)), [Score(*one) for one in scores])


def _law(scale: str = "MADRS") -> RatingLaw:
    return RatingLaw(np.array([2.7]), np.array([3.6]), np.array([0.0014]), scale)


def test_on_one_scale_the_law_is_that_of_ratings() -> None:
    law, noise = _law(), VisitNoise(2.7, 3.6, 0.0014)
    times, scales = TIMES, ["MADRS"] * len(TIMES)
    matrix = law.covariance(times, scales, times, scales)[0]
    matrix += np.diag(law.alone(scales)[0])
    assert np.allclose(matrix, noise.covariance(times[:, None], times[None, :]))
    assert np.allclose(law.variance(times, "MADRS")[0], noise.sd(times) ** 2)


def test_what_a_scale_adds_for_good_leaves_changes_on_that_scale() -> None:
    law = _law("PHQ9")
    own = law.variance(TIMES, "PHQ9")[0]
    other = law.variance(TIMES, "MADRS")[0]
    assert (other > own + 40.0).all()  # 7.4 points squared, less the errors' difference
    times, scales = np.tile(TIMES, 2), ["MADRS"] * 5 + ["PHQ9"] * 5
    matrix = law.covariance(times, scales, times, scales)[0] + np.diag(law.alone(scales)[0])
    assert np.linalg.eigvalsh(matrix).min() > 0.0
    assert np.allclose(np.diag(matrix), [*other, *own])


@pytest.mark.parametrize(
    "scores",
    [
        [(72.0, "MADRS", 20.0)],
        [(24.0, "MADRS", 25.0), (72.0, "MADRS", 0.0)],
        [(24.0, "MADRS", 0.0), (72.0, "MADRS", 0.0), (168.0, "MADRS", 6.0)],
        [(24.0, "PHQ9", 14.0), (72.0, "MADRS", 22.0)],
        [(24.0, "PHQ9", 27.0), (72.0, "QIDS", 27.0), (168.0, "HDRS17", 20.0)],
    ],
)
def test_the_likelihood_is_the_chance_of_a_box(scores: list[tuple[float, str, float]]) -> None:
    """Against integration of the normal law over what rounds to the scores."""
    ratings, law = _ratings(scores), _law()
    lower = factor(law, ratings)
    count = 40_000  # of the values drawn at the ends of a scale
    rest = np.full((count, len(scores)), 14.0)
    none = np.zeros((0, len(scores)))
    chain = Chain(rest, np.zeros_like(rest), np.ones(count), none, 60.0)
    found = likelihood(chain, lower, ratings, 3)
    matrix = law.covariance(ratings.times, ratings.scales, ratings.times, ratings.scales)[0]
    matrix += np.diag(law.alone(ratings.scales)[0])
    low, high = np.maximum(ratings.low, -300.0), np.minimum(ratings.high, 300.0)
    box: Any = multivariate_normal(rest[0], matrix)
    wanted = box.cdf(high, lower_limit=low)
    assert np.exp(found.total).mean() == pytest.approx(wanted, rel=0.02)


@pytest.mark.parametrize(
    "scores",
    [
        [(24.0, "MADRS", 12.0)],
        [(24.0, "MADRS", 27.0), (48.0, "MADRS", 24.0), (96.0, "MADRS", 9.0)],
        [(24.0, "MADRS", 20.0), (96.0, "MADRS", 0.0)],
    ],
)
def test_the_answers_to_sessions_are_integrated_over(
    scores: list[tuple[float, str, float]],
) -> None:
    """Against a quadrature over two answers, with sessions at the start and on day three."""
    ratings, law = _ratings(scores), _law()
    count = 200_000
    left = session_weights(ratings.times, (0.0, 72.0))
    rest, fast = np.full((count, len(scores)), 28.0), np.full((count, len(scores)), 0.4)
    chain = Chain(rest, fast, np.full(count, 0.9), left, 60.0)
    found = likelihood(chain, factor(law, ratings), ratings, 3)
    matrix = law.covariance(ratings.times, ratings.scales, ratings.times, ratings.scales)[0]
    matrix += np.diag(law.alone(ratings.scales)[0])
    low, high = np.maximum(ratings.low, -300.0), ratings.high
    nodes, weights = np.polynomial.hermite_e.hermegauss(24)
    weights = weights / weights.sum()
    wanted = 0.0
    mean_answer = 0.0
    for one, chance in zip(nodes, weights, strict=True):
        for other, also in zip(nodes, weights, strict=True):
            answers = np.exp(0.9 * np.array([one, other])) @ left
            box: Any = multivariate_normal(28.0 * np.exp(-0.4 * answers), matrix)
            part = chance * also * box.cdf(high, lower_limit=low)
            wanted += part
            mean_answer += part * one
    mine = np.exp(found.total)
    assert mine.mean() == pytest.approx(wanted, rel=0.02)
    # and so is what the scores say of the first of them
    assert mine @ found.normals[:, 0] / mine.sum() == pytest.approx(mean_answer / wanted, abs=0.02)


def test_an_answer_is_drawn_at_the_first_rating_after_its_session(
    course: Course, drawn: Ensemble
) -> None:
    found = weigh(drawn, _ratings([(24.0, "MADRS", 20.0), (72.0, "MADRS", 18.0)]))
    again = weigh(drawn, _ratings([(24.0, "MADRS", 20.0), (168.0, "MADRS", 18.0)]))
    assert found.likelihood.begun.tolist() == [1, 1]
    assert again.likelihood.begun.tolist() == [1, 2]
    # one rating tells of the first session what both tell, and nothing of the second
    assert np.array_equal(again.likelihood.normals[:, 0], found.likelihood.normals[:, 0])
    survivors = again.survivors(400, 1)
    normals = survivors.normals(len(course.regimen.sessions))
    assert np.array_equal(normals[:, :2], again.likelihood.normals[survivors.chosen])
    # those of sessions after the last rating as before any
    assert abs(normals[:, 2].mean()) < 0.2
    assert np.array_equal(again.likelihood.first(1).normals, again.likelihood.normals[:, :1])


def test_a_session_takes_nothing_away() -> None:
    """Who is well after the last session stays so when the next begins, and a day later."""
    told = {
        **COURSE,
        "scores": [
            {"day": day, "scale": "MADRS", "score": score}
            for day, score in ((0, 33), (1, 30), (4, 28), (8, 26), (11, 4))
        ],
        "now": "12 d",
        "next": [{"name": "stop"}, {"name": "more", "regimen": NEXT}],
    }
    days = forecast(told, n=8000).days.filter(pl.col("day").is_in([13.0, 14.0]))
    by = {
        name: days.filter(pl.col("option") == name)["p_response"].to_numpy()
        for name in ("stop", "more")
    }
    assert by["stop"].max() > 0.5
    assert (by["more"] > by["stop"] - 0.02).all()


def test_how_sessions_are_numbered_changes_nothing() -> None:
    def told(*numbers: int) -> list[float]:
        dose = {"drug": "ketamine", "route": "iv", "dose": "0.5 mg/kg", "over": "40 min"}
        doses = [
            {**dose, "day": day, "session": number}
            for day, number in zip((0, 3, 7), numbers, strict=True)
        ]
        scores = [
            {"day": day, "scale": "MADRS", "score": score}
            for day, score in ((0, 31), (1, 8), (5, 25), (8, 25))
        ]
        patient = {"weight": "75 kg"}
        course = {"patient": patient, "doses": doses, "scores": scores, "horizon": "21 d"}
        return forecast(course, n=1000).days["mean"].to_list()

    assert told(2, 1, 0) == pytest.approx(told(0, 1, 2), abs=1e-9)


def test_weights_are_those_of_brute_force(drawn: Ensemble) -> None:
    scores = [(72.0, "MADRS", 22.0), (168.0, "MADRS", 18.0), (336.0, "MADRS", 21.0)]
    ratings = _ratings(scores)
    alike = replace(drawn, answer_sd=np.zeros(drawn.size))
    found = weigh(alike, ratings)
    sessions = len(alike.sessions)
    chain = alike.chain(ratings.times).scores(np.zeros((alike.size, sessions)))
    logs: list[float] = []
    for i in range(0, 4000, 7):
        law = VisitNoise(*(getattr(drawn.law, k)[drawn.solution[i]] for k in ("sigma", "omega")), 0)
        law = replace(law, rate=drawn.law.rate[drawn.solution[i]])
        matrix = law.covariance(ratings.times[:, None], ratings.times[None, :])
        matrix = matrix + np.eye(3) / 12.0
        logs.append(multivariate_normal(chain[i], matrix).logpdf(ratings.values))
    wanted = np.exp(np.array(logs) - max(logs))
    mine = found.own[0:4000:7]
    assert np.allclose(mine / mine.max(), wanted, rtol=1e-6, atol=1e-12)


def test_without_further_scores_the_weights_are_alike(drawn: Ensemble) -> None:
    found = weigh(drawn, _ratings([]))
    assert np.allclose(found.own, 1.0 / drawn.size)
    assert found.information == 0.0


def test_a_prediction_before_a_score_uses_the_earlier_ones_alone(drawn: Ensemble) -> None:
    first = [(72.0, "MADRS", 22.0)]
    one = weigh(drawn, _ratings(first))
    two = weigh(drawn, _ratings([*first, (336.0, "MADRS", 40.0)]))
    assert np.allclose(one.own, two.weights(1))


@given(st.floats(0.0, 40.0), st.floats(1.0, 59.0))
@settings(max_examples=25)
def test_bounds_of_rounding_hold_the_score(offset: float, points: float) -> None:
    for scale in ("MADRS", "HDRS17", "PHQ9", "QIDS"):
        score = float(np.rint(from_madrs(scale, points)))
        (one,) = [_ratings([(24.0 + offset, scale, score)])]
        assert one.low[0] <= float(to_madrs(scale, score)) <= one.high[0]


def test_the_second_look_agrees_with_a_large_ensemble(course: Course) -> None:
    """A patient whom few are like, by a small ensemble with further looks and a large one."""
    scores = [(24.0, "MADRS", 31.0), (72.0, "MADRS", 12.0), (168.0, "MADRS", 30.0)]
    ratings = _ratings([*scores, (336.0, "MADRS", 11.0)])
    plan = steps_for([course])
    small = ensemble(course, TIMES, n=3200, seed=3, plan=plan)
    assert weigh(small, ratings).effective < 100
    few = weighed(course, ratings, seed=3, plan=plan, drawn=small)
    assert few.rounds > 0
    assert few.effective > 400
    many = weigh(ensemble(course, TIMES, n=240_000, seed=8, plan=plan), ratings)
    one, other = (predicted(x, [1008.0], "MADRS", count=3200, seed=1) for x in (few, many))
    a, b = (x.spread() for x in (one, other))
    # standard errors of about 9 points over the root of 400
    assert a["mean"][0] == pytest.approx(b["mean"][0], abs=1.5)
    assert a["sd"][0] == pytest.approx(b["sd"][0], abs=1.2)
    assert few.log_evidence == pytest.approx(many.log_evidence, abs=0.25)


def test_forecasts_of_simulated_patients_cover_them(course: Course, drawn: Ensemble) -> None:
    """Bands of 100 patients with three scores; a false alarm in about one of 10,000 runs."""
    scales = ["MADRS", "PHQ9", "MADRS", "MADRS", "MADRS"]
    known = simulated_patients(course, TIMES, scales, count=100, seed=99, plan=steps_for([course]))
    places = np.array(
        [
            float(
                predicted(
                    weigh(drawn, known.known(p, 3), seed=p), [1008.0], "MADRS", count=800, seed=p
                ).below(known.ratings[p, 4])[0]
            )
            for p in range(100)
        ]
    )
    assert 0.30 < np.mean(np.abs(places - 0.5) < 0.25) < 0.70
    assert np.mean(np.abs(places - 0.5) < 0.45) > 0.78
    assert abs(places.mean() - 0.5) < 0.115


def test_steps_of_the_kinds_of_sessions_suit_a_course() -> None:
    """Scores by steps that were found for two sessions of each kind, and by much finer ones."""
    days = "ketamine 0.5 mg/kg iv over 40 min on days 0 3 7 10 14 21 28 35"
    many = load_course({**COURSE, "regimen": days})
    plan = steps_for([many])
    fine = replace(plan, profile=plan.profile.longer(0.2))
    normals = session_normals(2, 0, 800, len(many.regimen.sessions))
    one, other = (
        ensemble(many, TIMES, n=800, seed=2, plan=x).chain(TIMES).scores(normals)
        for x in (plan, fine)
    )
    assert np.abs(one - other).max() < 0.25
    assert np.abs(one - other).mean() < 0.01


def test_the_score_before_treatment() -> None:
    def of(**more: Any) -> Ratings:
        return ratings_of(load_course({**COURSE, "patient": {"weight": "80 kg"}, **more}))

    phq = {"day": 0, "scale": "PHQ9", "score": 21}
    both = of(scores=[phq, {"day": 0, "scale": "MADRS", "score": 30}])
    assert (both.baseline.scale, both.base) == ("MADRS", 30.0)
    assert both.scales == ("PHQ9",)
    early = of(scores=[{**phq, "day": -3}, {**phq, "day": 3}])
    assert early.baseline.score == 21
    assert list(early.times) == [72.0]
    late = load_course({**COURSE, "regimen": "ketamine 0.5 mg/kg im on days 2 5", "scores": [phq]})
    assert with_baseline(late, ratings_of(replace(late, patient=late.patient))).patient.baseline
