"""Where to look for more patients: a normal law around those with large weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import standard_normals
from ketasim.forecasting.weighing.ensemble import Ensemble, Normals
from ketasim.forecasting.weighing.shared import SHARED

Array = NDArray[np.float64]

_WIDER: Final = 1.3  # times the variance: rather too wide than too narrow
_FIRST: Final = 150.0  # patients, effective, that the law is fitted to at least
_NOISE: Final = 2.0  # standard errors of a mean that are taken for chance
_HALVINGS: Final = 30


@dataclass(frozen=True, eq=False)
class Proposal:
    """A normal law of the standard normal numbers behind patients, those of solutions first.

    **Arguments:**

    - `mean`: shape (D + E,). `lower`: factor of the covariance, shape (D + E, D + E).
    - `outer`: D, how many are of solutions.
    """

    mean: Array
    lower: Array
    outer: int

    def draw(self, solutions: int, seed: int) -> Normals:
        """Draw solutions, and `SHARED` patients on each."""
        size, split = len(self.mean), self.outer
        first = standard_normals(seed, "forecast:look", 0, solutions, split).T
        patients = solutions * SHARED
        second = standard_normals(seed, "forecast:look within", 0, patients, size - split).T
        outer = self.mean[:split, None] + self.lower[:split, :split] @ first
        shared = np.repeat(self.lower[split:, :split] @ first, SHARED, axis=1)
        inner = self.mean[split:, None] + shared + self.lower[split:, split:] @ second
        return Normals(outer, inner)

    def log_ratio(self, ensemble: Ensemble) -> Array:
        """Logarithm of its density over that of the prior, shape (N,)."""
        split, lower = self.outer, self.lower
        first = np.linalg.solve(lower[:split, :split], ensemble.outer - self.mean[:split, None])
        away = ensemble.inner - self.mean[split:, None]
        away -= (lower[split:, :split] @ first)[:, ensemble.solution]
        second = np.linalg.solve(lower[split:, split:], away)
        of_solution = np.sum(ensemble.outer**2, axis=0) - np.sum(first**2, axis=0)
        own = np.sum(ensemble.inner**2, axis=0) - np.sum(second**2, axis=0)
        size = float(np.sum(np.log(np.diag(lower))))
        return 0.5 * (of_solution[ensemble.solution] + own) - size


def proposal_of(ensemble: Ensemble, logs: Array) -> Proposal:
    """Fit a law to weighed patients.

    Where very few have all the weight, the weights are flattened until some have it; and what so
    few cannot tell from chance stays as the prior has it.

    **Arguments:**

    - `ensemble`: the patients. `logs`: logarithm of their weights, shape (N,).
    """
    weights, effective = _flattened(logs, ensemble.solution)
    # few have weight: only those matter
    some = np.flatnonzero(weights > 1e-9 * weights.max())
    own = weights[some] / weights[some].sum()
    normals = np.vstack([ensemble.outer[:, ensemble.solution[some]], ensemble.inner[:, some]])
    mean = normals @ own
    apart = normals - mean[:, None]
    covariance = (apart * own) @ apart.T
    size = len(mean)
    kept = effective / (effective + size)
    covariance = _WIDER * kept * covariance + (1.0 - kept) * np.eye(size)
    told = np.maximum(np.abs(mean) - _NOISE / np.sqrt(effective), 0.0)
    lower = np.asarray(np.linalg.cholesky(covariance), np.float64)
    return Proposal(np.sign(mean) * told, lower, len(ensemble.outer))


def _flattened(logs: Array, solution: NDArray[np.int64]) -> tuple[Array, float]:
    """Weights to a power of at most 1, and how many solutions have them, effectively."""
    low, high = 0.0, 1.0
    weights = _normed(logs)
    if (found := effective(weights, solution)) >= _FIRST:
        return weights, found
    for _ in range(_HALVINGS):
        power = (low + high) / 2.0
        if effective(_normed(power * logs), solution) >= _FIRST:
            low = power
        else:
            high = power
    weights = _normed(low * logs)
    return weights, effective(weights, solution)


def effective(weights: Array, solution: NDArray[np.int64]) -> float:
    """Effective number of solutions: the patients who share one count together."""
    each = np.bincount(solution, weights)
    return float(1.0 / np.sum(each**2))


def _normed(logs: Array) -> Array:
    found = np.exp(logs - logs.max())
    return found / found.sum()
