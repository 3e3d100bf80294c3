"""Patients whose truth is known, and what is forecast of them: for checks of the forecast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim._base import standard_normals
from ketasim.dosing import Course, Score, scales
from ketasim.engine import Plan
from ketasim.forecasting.mixture import Mixture
from ketasim.forecasting.weighing.ensemble import ensemble
from ketasim.forecasting.weighing.ratings import Ratings, rated
from ketasim.forecasting.weighing.shared import SHARED
from ketasim.forecasting.weighing.weigh import TOGETHER, Weighed
from ketasim.population import from_madrs, session_normals, to_madrs

Array = NDArray[np.float64]

_HIGHEST = 60.0  # of the MADRS


@dataclass(frozen=True, eq=False)
class Simulated:
    """Virtual patients with their ratings.

    **Arguments:**

    - `course`: with the score before treatment.
    - `times`: h since the start, shape (K,). `scales`: of the ratings, length K.
    - `outer`, `inner`: standard normal numbers behind the patients, as of `Ensemble`, a column
      each.
    - `sensitivity`: to the drug, times that of the card, shape (P,); 0 of those it never helps.
    - `chain`: their scores without error and fluctuation, points of the MADRS, shape (P, K).
    - `ratings`: before they are rounded, points of the MADRS, shape (P, K).
    - `scores`: as they are rated, whole points of the scales, shape (P, K).
    """

    course: Course
    times: Array
    scales: tuple[str, ...]
    outer: Array
    inner: Array
    sensitivity: Array
    chain: Array
    ratings: Array
    scores: Array

    def known(self, patient: int, count: int) -> Ratings:
        """The first scores of a patient, counted from 0, as a forecast takes them."""
        baseline = self.course.patient.baseline
        assert baseline is not None
        found = [
            Score(float(self.times[k]), self.scales[k], float(self.scores[patient, k]))
            for k in range(count)
        ]
        return rated(baseline, float(to_madrs(baseline.scale, baseline.score)), found)


def simulated_patients(
    course: Course,
    times: Sequence[float],
    rated_on: Sequence[str],
    *,
    count: int,
    seed: int,
    plan: Plan | None = None,
) -> Simulated:
    """Draw patients and their ratings from the law that a forecast assumes.

    **Main arguments:**

    - `course`: with the score before treatment, and the sessions that were given.
    - `times`: h, ascending. `rated_on`: scale of each.

    **Other arguments:**

    - `count`: patients, each with a draw of the parameters of its own. `seed`: another than that of
      the forecast. `plan`: steps of the solver.
    """
    at = np.asarray(times, np.float64)
    drawn = ensemble(course, at, n=count * SHARED, seed=seed, plan=plan)
    own = np.arange(count) * SHARED  # one of those who share a solution
    answers = session_normals(seed, 0, count, len(drawn.sessions))
    chain = drawn.chain(at, own).scores(answers)
    law = drawn.law
    matrix = law.covariance(at, rated_on, at, rated_on)
    place = np.arange(len(at))
    matrix[:, place, place] += law.alone(rated_on)
    lower = np.linalg.cholesky(matrix)
    normals = standard_normals(seed, "forecast:simulated", 0, count, len(at))
    ratings = chain + np.einsum("pij,pj->pi", lower, normals)
    scores = np.stack([_rounded(ratings[:, k], scale) for k, scale in enumerate(rated_on)], axis=1)
    return Simulated(
        course,
        at,
        tuple(rated_on),
        drawn.outer,
        drawn.inner[:, own],
        np.asarray(drawn.of(own)["sens"], np.float64),
        chain,
        ratings,
        scores,
    )


def _rounded(ratings: Array, scale: str) -> Array:
    """Ratings in whole points of their scale."""
    points = np.asarray(from_madrs(scale, np.clip(ratings, 0.0, _HIGHEST)), np.float64)
    return np.clip(np.rint(points), 0.0, scales()[scale])


def predicted(
    found: Weighed, times: Sequence[float], scale: str, *, count: int, seed: int
) -> Mixture:
    """Ratings at times at which the ensemble was solved, given the scores.

    **Main arguments:**

    - `found`: weighed patients. `times`: h, shape (T,). `scale`: of the ratings.

    **Other arguments:**

    - `count`: patients drawn by their weights. `seed`: of that draw.

    **Returns:** `Mixture`, in points of the MADRS before rounding.
    """
    at = np.asarray(times, np.float64)
    survivors = found.survivors(count, seed)
    mean, variance = survivors.given_scores(at, scale)
    error = np.repeat(survivors.law.error(scale) ** 2, TOGETHER)[:, None]
    answers = survivors.normals(len(found.ensemble.sessions))
    score = found.ensemble.chain(at, survivors.chosen).scores(answers)
    return Mixture(score + mean, np.sqrt(variance + error))
