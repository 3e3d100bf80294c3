"""How likely the scores are under each virtual patient: Gaussian, rounded, ended by the scale.

The ratings are taken one after the other in the order of time: each has a normal law given those
before. A rating inside its scale counts with its density, widened by that of rounding. One at an
end of the scale counts with the chance of lying there, and the value that it stands for is drawn
from that part of its law, so that patient and value together are weighed draws of the joint law.

Source: sequential importance sampling of truncated normal vectors (Geweke, Hajivassiliou, Keane).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import standard_normals, uniforms
from ketasim.forecasting.weighing.law import RatingLaw
from ketasim.forecasting.weighing.ratings import Ratings

Array = NDArray[np.float64]

_LOG_TWO_PI: Final = float(np.log(2.0 * np.pi))
_LEAST: Final = 1e-300


@dataclass(frozen=True, eq=False)
class Likelihood:
    """What the scores say of each of N patients.

    **Arguments:**

    - `terms`: logarithm of the likelihood of each score given those before, shape (N, K).
    - `mean`, `sd`: of the law of each rating given those before, points, shape (N, K).
    - `added`: what each rating added to the score of the chain, points, shape (N, K): as given, or
      as drawn at an end of the scale.
    """

    terms: Array
    mean: Array
    sd: Array
    added: Array

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
    return np.linalg.cholesky(matrix)


def likelihood(
    scores: Array, lower: Array, of: NDArray[np.int64], ratings: Ratings, seed: int
) -> Likelihood:
    """Weigh patients by the scores.

    **Arguments:**

    - `scores`: of the chain at the times of the ratings, points, shape (N, K).
    - `lower`: as of `factor`, shape (n, K, K). `of`: which of them each patient has, shape (N,).
    - `ratings`: the scores. `seed`: of what is drawn at the ends of a scale.
    """
    from scipy.special import log_ndtr, ndtr, ndtri  # only here: scipy is slow to load

    n, count = scores.shape
    terms, means, sds = (np.empty((n, count)) for _ in range(3))
    added, unit = np.empty((n, count)), np.empty((n, count))
    for k in range(count):
        row = lower[:, k, : k + 1][of]
        before = np.einsum("nj,nj->n", row[:, :k], unit[:, :k]) if k else np.zeros(n)
        sd = row[:, k]
        mean = scores[:, k] + before
        if ratings.inside[k]:
            unit[:, k] = (ratings.values[k] - mean) / sd
            terms[:, k] = -0.5 * (unit[:, k] ** 2 + _LOG_TWO_PI) - np.log(sd)
            width = ratings.high[k] - ratings.low[k]
            terms[:, k] += np.log(width)
        else:
            # by symmetry the part beyond an end is that below a number
            sign = 1.0 if np.isfinite(ratings.high[k]) else -1.0
            end = ratings.high[k] if sign > 0 else ratings.low[k]
            room = sign * (end - mean) / sd
            terms[:, k] = log_ndtr(room)
            chance = uniforms(seed, f"forecast:end {k}", 0, n, 1)[:, 0]
            unit[:, k] = sign * ndtri(np.maximum(chance * ndtr(room), _LEAST))
        means[:, k], sds[:, k] = mean, sd
        added[:, k] = mean + sd * unit[:, k] - scores[:, k]
    return Likelihood(terms, means, sds, added)


def replicated(scores: Array, lower: Array, of: NDArray[np.int64], seed: int) -> Array:
    """Ratings that the patients might have had, before they are rounded.

    **Arguments:** as of `likelihood`.

    **Returns:** points of the MADRS, shape (N, K).
    """
    n, count = scores.shape
    normals = standard_normals(seed, "forecast:ratings", 0, n, count)
    found = scores.copy()
    for k in range(count):
        found[:, k] += np.einsum("nj,nj->n", lower[:, k, : k + 1][of], normals[:, : k + 1])
    return found
