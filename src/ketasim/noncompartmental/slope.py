"""The terminal slope: which of the last points it is fitted to, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEAST_POINTS: Final = 3
"""Points that a terminal slope needs."""

NEARLY: Final = 1e-4
"""By how much an adjusted R² may be below the best one, if it is of more points: as PKNCA and
WinNonlin have it."""


@dataclass(frozen=True)
class Slope:
    """A straight line through the logarithms of the last points.

    **Arguments:**

    - `rate`: 1/h, above 0. `adjusted`: R² adjusted for the number of points.
    - `times`: h, of the points that it is fitted to, shape (K,).
    - `predicted`: concentration at the last point, by the line.
    """

    rate: float
    adjusted: float
    times: Array
    predicted: float

    @property
    def half_life(self) -> float:
        """Hours in which the concentration halves."""
        return float(np.log(2) / self.rate)

    @property
    def span(self) -> float:
        """How many half-lives the points span."""
        return float((self.times[-1] - self.times[0]) / self.half_life)


def terminal_slope(times: Array, values: Array, after: float) -> Slope | None:
    """Choose the last points by the best adjusted R².

    Every number of last points from three on is tried; among fits within `NEARLY` of the best, the
    one of most points is taken.

    **Arguments:**

    - `times`: h, ascending, shape (P,). `values`: concentrations above 0, shape (P,).
    - `after`: h; only points later than this are used: the peak, or the end of an infusion.

    **Returns:** nothing where fewer than three points are left, or the best line does not fall.
    """
    late = times > after
    times, values = times[late], values[late]
    fits = [_fitted(times[-n:], values[-n:]) for n in range(LEAST_POINTS, len(times) + 1)]
    if not fits:
        return None
    best = max(fit.adjusted for fit in fits)
    near = [fit for fit in fits if fit.rate > 0 and fit.adjusted > best - NEARLY]
    return near[-1] if near else None


def fitted_slope(times: Array, values: Array) -> Slope | None:
    """The line through points that somebody has chosen.

    **Arguments:** as of `terminal_slope`.

    **Returns:** nothing where there are fewer than three, or the line does not fall.
    """
    if len(times) < LEAST_POINTS:
        return None
    fit = _fitted(times, values)
    return fit if fit.rate > 0 else None


def _fitted(times: Array, values: Array) -> Slope:
    logs = np.log(values)
    middle, height = times.mean(), logs.mean()
    away = times - middle
    steep = float((away @ (logs - height)) / (away @ away))
    left = logs - height - steep * away
    total = float(((logs - height) ** 2).sum())
    share = 1 - float(left @ left) / total if total > 0 else -np.inf  # a flat line explains nothing
    adjusted = 1 - (1 - share) * (len(times) - 1) / (len(times) - 2)
    predicted = float(np.exp(height + steep * (times[-1] - middle)))
    return Slope(-steep, float(adjusted), times, predicted)
