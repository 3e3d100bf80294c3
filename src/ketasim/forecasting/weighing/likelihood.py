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

    def joined(self, other: Likelihood) -> Likelihood:
        """Of both, those of the other behind."""
        names = ("terms", "mean", "sd", "added")
        both = ((getattr(self, name), getattr(other, name)) for name in names)
        return Likelihood(*(np.concatenate(pair) for pair in both))

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


def likelihood(scores: Array, lower: Array, ratings: Ratings, seed: int) -> Likelihood:
    """Weigh patients by the scores.

    **Arguments:**

    - `scores`: of the chain at the times of the ratings, points, shape (N, K); N is a multiple of
      n, and those who share a solution follow each other.
    - `lower`: as of `factor`, shape (n, K, K).
    - `ratings`: the scores. `seed`: of what is drawn at the ends of a scale.
    """
    from scipy.special import log_ndtr, ndtr, ndtri  # only here: scipy is slow to load

    size, count = scores.shape
    n = len(lower)
    shape = (count, n, size // n)
    chain = scores.T.reshape(shape)
    terms, means, added, unit = (np.empty(shape) for _ in range(4))
    for k in range(count):
        sd = lower[:, k, k, None]
        mean = chain[k].copy()
        for j in range(k):
            mean += lower[:, k, j, None] * unit[j]
        if ratings.inside[k]:
            unit[k] = (ratings.values[k] - mean) / sd
            width = ratings.high[k] - ratings.low[k]
            terms[k] = np.log(width) - 0.5 * (unit[k] ** 2 + _LOG_TWO_PI) - np.log(sd)
        else:
            # by symmetry the part beyond an end is that below a number
            sign = 1.0 if np.isfinite(ratings.high[k]) else -1.0
            end = ratings.high[k] if sign > 0 else ratings.low[k]
            room = sign * (end - mean) / sd
            terms[k] = log_ndtr(room)
            chance = uniforms(seed, f"forecast:end {k}", 0, size, 1).reshape(shape[1:])
            part = chance * np.asarray(ndtr(room), np.float64)
            unit[k] = sign * ndtri(np.maximum(part, _LEAST))
        means[k] = mean
        added[k] = mean + sd * unit[k] - chain[k]
    sds = np.repeat(np.diagonal(lower, axis1=1, axis2=2), size // n, axis=0)
    tables = (one.reshape(count, size).T for one in (terms, means, added))
    terms_of, mean_of, added_of = tables
    return Likelihood(terms_of, mean_of, sds, added_of)


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
