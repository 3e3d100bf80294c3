"""The score that is forecast: a mixture of normal laws, one a patient, within its scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim.population import from_madrs

Array = NDArray[np.float64]

QUANTILES: Final[Mapping[str, float]] = {
    "p05": 0.05,
    "p25": 0.25,
    "p50": 0.50,
    "p75": 0.75,
    "p95": 0.95,
}
"""Names of quantiles in the tables."""

_HIGHEST: Final = 60.0  # of the MADRS
_FINE: Final = 0.25  # points; distance of the grid on which distributions are smoothed
_GRID: Final = 512  # places of it, a power of two
_LOWEST: Final = (_HIGHEST - _FINE * _GRID) / 2.0  # as much room below the scale as above
_GROUPS: Final = 6  # of patients with one width each


@dataclass(frozen=True, eq=False)
class Mixture:
    """The distribution of a rating at some times, in points of the MADRS, before it is rounded.

    **Arguments:**

    - `mean`, `sd`: of each patient, shape (M, T).
    - `weights`: of the patients, shape (M,); alike when left out.
    """

    mean: Array
    sd: Array
    weights: Array | None = None

    def below(self, limit: float) -> Array:
        """Chance of less than a limit, points of the MADRS; shape (T,)."""
        density, grid = self._density
        place = (limit - grid[0]) / _FINE + 0.5  # a place of the grid stands for what is around it
        whole = int(np.clip(np.floor(place), 0, _GRID - 1))
        part = np.clip(place - whole, 0.0, 1.0)
        return np.clip(density[:, :whole].sum(axis=1) + part * density[:, whole], 0.0, 1.0)

    def spread(self, scale: str = "MADRS") -> dict[str, Array]:
        """Mean, SD and quantiles on a scale, points of it, within its ends; shape (T,) each."""
        density, grid = self._density
        points = np.asarray(from_madrs(scale, np.clip(grid, 0.0, _HIGHEST)), np.float64)
        mean = density @ points
        variance = density @ points**2 - mean**2
        found = {"mean": mean, "sd": np.sqrt(np.maximum(variance, 0.0))}
        below = np.cumsum(density, axis=1) - density / 2.0
        rows = np.arange(len(density))
        for name, share in QUANTILES.items():
            at = np.clip((below < share).sum(axis=1), 1, _GRID - 1)
            low, high = below[rows, at - 1], below[rows, at]
            part = np.clip((share - low) / np.maximum(high - low, 1e-300), 0.0, 1.0)
            place = np.clip(grid[at - 1] + _FINE * part, 0.0, _HIGHEST)
            found[name] = np.asarray(from_madrs(scale, place), np.float64)
        return found

    @cached_property
    def _density(self) -> tuple[Array, Array]:
        """Chance of each place of a grid, shape (T, grid), and the grid, points."""
        order = np.argsort(self.sd[:, -1], kind="stable")
        weights = np.full(len(order), 1.0 / len(order)) if self.weights is None else self.weights
        waves = np.fft.rfftfreq(_GRID, _FINE)
        total = np.zeros((self.mean.shape[1], len(waves)), np.complex128)
        for group in np.array_split(order, min(_GROUPS, len(order))):
            own = weights[group]
            whole = float(own.sum())
            if whole <= 0.0:
                continue
            sd = np.sqrt(own @ self.sd[group] ** 2 / whole)
            counts = _counted(self.mean[group].T, own)
            kept = np.exp(-2.0 * (np.pi * waves * sd[:, None]) ** 2)
            total += np.fft.rfft(counts) * kept
        density = np.maximum(np.fft.irfft(total, _GRID), 0.0)
        density /= density.sum(axis=1, keepdims=True)
        return np.asarray(density, np.float64), _LOWEST + _FINE * np.arange(_GRID, dtype=np.float64)


def _counted(means: Array, weights: Array) -> Array:
    """Weights by place on the grid, shape (T, grid), each shared by the two places around it."""
    rows = len(means)
    place = np.clip((means - _LOWEST) / _FINE, 0.0, _GRID - 2.0)
    low = place.astype(np.int64)
    part = place - low
    flat = (low + _GRID * np.arange(rows)[:, None]).ravel()
    size = rows * _GRID
    counts = np.bincount(flat, ((1.0 - part) * weights).ravel(), size)
    counts += np.bincount(flat + 1, (part * weights).ravel(), size + 1)[:size]
    return np.asarray(counts, np.float64).reshape(rows, _GRID)
