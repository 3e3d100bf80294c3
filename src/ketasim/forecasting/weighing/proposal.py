"""Where to look for more patients: a normal law around those with large weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import standard_normals
from ketasim.forecasting.weighing.shared import SHARED

Array = NDArray[np.float64]

_WIDER: Final = 1.5  # times the variance: rather too wide than too narrow
_LEAST: Final = 0.02  # of the prior's variance, added
_FIRST: Final = 60.0  # patients, effective, that the law is fitted to
_HALVINGS: Final = 30


@dataclass(frozen=True, eq=False)
class Proposal:
    """A normal law of the standard normal numbers behind patients.

    **Arguments:**

    - `mean`: shape (D,). `lower`: factor of the covariance, shape (D, D). The first number is that
      of the solution.
    """

    mean: Array
    lower: Array

    def draw(self, names: Sequence[str], count: int, seed: int) -> dict[str, Array]:
        """Draw patients, `SHARED` of them with one first number.

        **Returns:** name to shape (n,), n the next multiple of `SHARED` below `count`.
        """
        solutions = max(count // SHARED, 1)
        size = solutions * SHARED
        normals = standard_normals(seed, "forecast:look", 0, size, len(names)).T
        normals[0] = np.repeat(normals[0, ::SHARED], SHARED)
        drawn = self.mean[:, None] + self.lower @ normals
        return dict(zip(names, drawn, strict=True))

    def log_ratio(self, normals: Array) -> Array:
        """Logarithm of its density over that of the prior, shape (N,)."""
        unit = np.linalg.solve(self.lower, normals - self.mean[:, None])
        size = float(np.sum(np.log(np.diag(self.lower))))
        return 0.5 * (np.sum(normals**2, axis=0) - np.sum(unit**2, axis=0)) - size


def proposal_of(normals: Array, logs: Array) -> Proposal:
    """Fit a law to weighed patients.

    Where very few have all the weight, the weights are flattened until some dozens have it.

    **Arguments:**

    - `normals`: shape (D, N). `logs`: logarithm of the weights, shape (N,).
    """
    weights = _flattened(logs)
    mean = normals @ weights
    apart = normals - mean[:, None]
    covariance = (apart * weights) @ apart.T
    covariance = _WIDER * covariance + _LEAST * np.eye(len(mean))
    return Proposal(mean, np.linalg.cholesky(covariance))


def _flattened(logs: Array) -> Array:
    low, high, power = 0.0, 1.0, 1.0
    weights = _normed(logs)
    if 1.0 / np.sum(weights**2) >= _FIRST:
        return weights
    for _ in range(_HALVINGS):
        power = (low + high) / 2.0
        weights = _normed(power * logs)
        if 1.0 / np.sum(weights**2) >= _FIRST:
            low = power
        else:
            high = power
    return _normed(low * logs)


def _normed(logs: Array) -> Array:
    found = np.exp(logs - logs.max())
    return found / found.sum()
