"""How likely the scores are under each virtual patient: Gaussian, rounded, ended by the scale.

The ratings are taken one after the other in the order of time: each has a normal law given those
before. A rating inside its scale counts with its density, widened by that of rounding. One at an
end of the scale counts with the chance of lying there, and the value that it stands for is drawn
from that part of its law, so that patient and value together are weighed draws of the joint law.

How a patient answered a session is drawn at the first rating after it, from what that rating leaves
likely: of several answers, one of each equal part of their law, by the rating's density, whose mean
over them counts. So no answer has to be guessed right beforehand.

Source: sequential importance sampling of truncated normal vectors (Geweke, Hajivassiliou, Keane).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import standard_normals, uniforms
from ketasim.forecasting.weighing.chain import Chain
from ketasim.forecasting.weighing.law import RatingLaw
from ketasim.forecasting.weighing.ratings import Ratings
from ketasim.population import session_answers, session_normals

Array = NDArray[np.float64]

_LOG_TWO_PI: Final = float(np.log(2.0 * np.pi))
_LEAST: Final = 1e-300
_ROWS: Final = 64
_TABLES: Final = ("terms", "mean", "sd", "added", "scores")

ANSWERS: Final = 8
"""Answers to a session that are tried for each patient."""


@dataclass(frozen=True, eq=False)
class Likelihood:
    """What the scores say of each of N patients.

    **Arguments:**

    - `terms`: logarithm of the likelihood of each score given those before, shape (N, K).
    - `mean`, `sd`: of the law of each rating given those before, points, shape (N, K).
    - `added`: what each rating added to the score of the chain, points, shape (N, K): as given, or
      as drawn at an end of the scale.
    - `scores`: of the chain with the answers as drawn, points, shape (N, K).
    - `normals`: standard normal numbers behind the answers to sessions, as drawn, shape (N, S); of
      sessions until the last rating. `begun`: how many before each rating, shape (K,).
    """

    terms: Array
    mean: Array
    sd: Array
    added: Array
    scores: Array
    normals: Array
    begun: NDArray[np.int64]

    def joined(self, other: Likelihood) -> Likelihood:
        """Of both, those of the other behind."""
        both = {
            name: np.concatenate([getattr(self, name), getattr(other, name)])
            for name in (*_TABLES, "normals")
        }
        return Likelihood(**both, begun=self.begun)

    def first(self, count: int) -> Likelihood:
        """Of the first scores."""
        tables = {name: getattr(self, name)[:, :count] for name in _TABLES}
        begun = self.begun[:count]
        sessions = int(begun.max(initial=0))
        return Likelihood(**tables, normals=self.normals[:, :sessions], begun=begun)

    @property
    def total(self) -> Array:
        """Logarithm of the likelihood of all scores, shape (N,)."""
        return self.terms.sum(axis=1)


def factor(law: RatingLaw, ratings: Ratings) -> Array:
    """Lower factor of the covariance of the ratings, shape (n, K, K).

    Rounding widens a rating inside its scale by the variance of a uniform number.
    """
    times, scales = ratings.times, ratings.scales
    matrix = law.covariance(times, scales, times, scales)
    count = len(times)
    place = np.arange(count)
    inside = ratings.inside
    width = np.where(inside, np.where(inside, ratings.high, 0.0) - ratings.low, 0.0)
    matrix[:, place, place] += law.alone(scales) + width**2 / 12.0
    return np.asarray(np.linalg.cholesky(matrix), np.float64)


def likelihood(chain: Chain, lower: Array, ratings: Ratings, seed: int) -> Likelihood:
    """Weigh patients by the scores.

    **Arguments:**

    - `chain`: at the times of the ratings, of N patients; N is a multiple of n, and those who share
      a solution follow each other.
    - `lower`: as of `factor`, shape (n, K, K).
    - `ratings`: the scores. `seed`: of what is drawn: answers, and values at the ends of a scale.
    """
    size, count = chain.rest.shape
    each = size // len(lower)
    terms, means, added, unit, scores = (np.empty((count, size)) for _ in range(5))
    rows = np.arange(size, dtype=np.int64)
    sds = np.repeat(np.diagonal(lower, axis1=1, axis2=2), each, axis=0)
    begun = np.asarray(np.count_nonzero(chain.weights, axis=0), np.int64)
    # sessions after which nobody is rated before the next stay as they are drawn here
    normals = session_normals(seed, 0, size, int(begun.max(initial=0)))
    answers = session_answers(chain.omega, normals)
    for k, sessions in enumerate(map(int, begun)):
        shift = np.zeros((len(lower), each))
        for j in range(k):
            shift += lower[:, k, j, None] * unit[j].reshape(shift.shape)
        here, sd, last = shift.ravel(), sds[:, k], sessions - 1
        weights = chain.weights[:sessions, k]
        if sessions == 0 or sessions in begun[:k]:
            scores[k] = chain.at(k, answers[:, :sessions] @ weights)
            means[k] = scores[k] + here
            terms[k] = _log_chance(ratings, k, means[k], sd)
        else:
            drawn = _Answers.drawn(size, f"forecast:session {last}", seed)
            new = np.exp(chain.omega[:, None] * drawn.normals)
            earlier = answers[:, :last] @ weights[:last]
            tried = chain.at(k, earlier[:, None] + weights[last] * new)
            chances = _log_chance(ratings, k, tried + here[:, None], sd[:, None])
            place, terms[k] = drawn.chosen(chances)
            normals[:, last], answers[:, last] = drawn.normals[rows, place], new[rows, place]
            scores[k] = tried[rows, place]
            # before the rating is known any of them may hold
            means[k] = tried[rows, drawn.any_of_them] + here
        mean = scores[k] + here
        unit[k] = _unit(ratings, k, mean, sd, seed)
        added[k] = here + sd * unit[k]
    turned = (np.ascontiguousarray(one.T) for one in (terms, means, added, scores))
    terms_of, mean_of, added_of, scores_of = turned
    return Likelihood(terms_of, mean_of, sds, added_of, scores_of, normals, begun)


@dataclass(frozen=True, eq=False)
class _Answers:
    """Answers to a session that are tried: `ANSWERS` a patient, each of an equal part of their law.

    **Arguments:**

    - `normals`: shape (N, `ANSWERS`). `chance`: uniform numbers, shape (N,).
    - `any_of_them`: place of one of them, each as likely, shape (N,).
    """

    normals: Array
    chance: Array
    any_of_them: NDArray[np.int64]

    @classmethod
    def drawn(cls, size: int, purpose: str, seed: int) -> _Answers:
        """Draw them for N patients."""
        chances = uniforms(seed, purpose, 0, size, 3)
        row = (chances[:, 0] * len(_tried())).astype(np.int64)
        place = (chances[:, 1] * ANSWERS).astype(np.int64)
        return cls(_tried()[row], chances[:, 2], place)

    def chosen(self, logs: Array) -> tuple[NDArray[np.int64], Array]:
        """Choose by logarithms of their chances, shape (N, `ANSWERS`).

        **Returns:** places, and the logarithm of the mean of the chances, shape (N,) each.
        """
        most = logs.max(axis=1)
        parts = np.cumsum(np.exp(logs - most[:, None]), axis=1)
        at = self.chance * parts[:, -1]
        place = np.minimum((parts < at[:, None]).sum(axis=1), ANSWERS - 1)
        return place, most + np.log(parts[:, -1] / ANSWERS)


@cache
def _tried() -> Array:
    """Standard normal numbers, one of each equal part of the law in every row."""
    from scipy.special import ndtri  # only here: scipy is slow to load

    inside = (np.arange(_ROWS) + 0.5) / _ROWS
    return np.asarray(ndtri((np.arange(ANSWERS) + inside[:, None]) / ANSWERS), np.float64)


def _log_chance(ratings: Ratings, k: int, mean: Array, sd: Array) -> Array:
    """Logarithm of the chance of a rating of which mean and SD are given."""
    from scipy.special import log_ndtr  # only here: scipy is slow to load

    if ratings.inside[k]:
        unit = (ratings.values[k] - mean) / sd
        width = ratings.high[k] - ratings.low[k]
        return np.asarray(np.log(width) - 0.5 * (unit**2 + _LOG_TWO_PI) - np.log(sd), np.float64)
    sign, end = _end(ratings, k)
    return np.asarray(log_ndtr(sign * (end - mean) / sd), np.float64)


def _unit(ratings: Ratings, k: int, mean: Array, sd: Array, seed: int) -> Array:
    """A rating as a standard normal number, drawn where it lies at an end of the scale."""
    from scipy.special import ndtr, ndtri  # only here: scipy is slow to load

    if ratings.inside[k]:
        return (ratings.values[k] - mean) / sd
    sign, end = _end(ratings, k)
    chance = uniforms(seed, f"forecast:end {k}", 0, len(mean), 1)[:, 0]
    part = chance * np.asarray(ndtr(sign * (end - mean) / sd), np.float64)
    return np.asarray(sign * ndtri(np.maximum(part, _LEAST)), np.float64)


def _end(ratings: Ratings, k: int) -> tuple[float, float]:
    """Of a rating at an end of the scale the side, and where it begins, points.

    By symmetry the part beyond an end is that below a number.
    """
    low, high = float(ratings.low[k]), float(ratings.high[k])
    return (1.0, high) if np.isfinite(high) else (-1.0, low)


def replicated(scores: Array, lower: Array, seed: int) -> Array:
    """Ratings that the patients might have had, before they are rounded.

    **Arguments:** as of `likelihood`.

    **Returns:** points of the MADRS, shape (N, K).
    """
    size, count = scores.shape
    n = len(lower)
    normals = standard_normals(seed, "forecast:ratings", 0, size, count)
    added = normals.reshape(n, size // n, count) @ lower.transpose(0, 2, 1)
    return scores + added.reshape(size, count)
