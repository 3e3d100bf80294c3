"""The joint law of the ratings of one patient, on one scale or several.

A rating on scale s at time t, in points of the MADRS and before it is rounded, is

    y = L(t) + F(t) - F(0) + e(t) + c(s) - e(0) - c(s0),

where L is the score of the chain, which starts at the score before treatment as it was rated on
scale s0; F the fluctuation of state and e the error of a rating, as in `population.fluctuation`;
and c(s) what the scale differs from the MADRS in this patient for good. All but L is Gaussian.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.forecasting.weighing.scale_error import scale_error
from ketasim.population import VisitNoise

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RatingLaw:
    """The law of what ratings add to the score of the chain.

    **Arguments:**

    - `sigma`, `omega`, `rate`: as of `VisitNoise`, one for every patient, shape (n,).
    - `scale`: of the rating before treatment.
    """

    sigma: Array
    omega: Array
    rate: Array
    scale: str

    @classmethod
    def of(cls, numbers: Any, n: int, scale: str) -> RatingLaw:
        """The law by draws of the card `mood`."""
        noise = VisitNoise.of(numbers)
        sigma, omega, rate = (
            np.ascontiguousarray(np.broadcast_to(np.asarray(one, np.float64), (n,)))
            for one in (noise.sigma, noise.omega, noise.rate)
        )
        return cls(sigma, omega, rate, scale)

    def joined(self, other: RatingLaw) -> RatingLaw:
        """The law of both, those of the other behind."""
        sigma, omega, rate = (
            np.concatenate([getattr(self, name), getattr(other, name)])
            for name in ("sigma", "omega", "rate")
        )
        return RatingLaw(sigma, omega, rate, self.scale)

    def take(self, which: NDArray[np.int64]) -> RatingLaw:
        """The law of some of the patients."""
        return RatingLaw(self.sigma[which], self.omega[which], self.rate[which], self.scale)

    def error(self, scale: str) -> Array:
        """SD of the error of a rating, points of the MADRS, shape (n,)."""
        # as uncertain as that of the MADRS
        return self.sigma * (scale_error(scale).error / scale_error("MADRS").error)

    def covariance(
        self, times: Array, scales: Sequence[str], others: Array, other_scales: Sequence[str]
    ) -> Array:
        """Covariance of ratings with other ratings, without the error that a rating has alone.

        **Arguments:**

        - `times`, `others`: h since the start, shape (A,) and (B,). `scales`, `other_scales`: of
          each.

        **Returns:** points², shape (n, A, B).
        """
        rate = self.rate[:, None]
        kept = np.exp(-self.rate[:, None, None] * np.abs(times[:, None] - others[None, :]))
        one, other = np.exp(-rate * np.abs(times)), np.exp(-rate * np.abs(others))
        kept += 1.0 - one[:, :, None] - other[:, None, :]
        kept *= (self.omega**2)[:, None, None]
        kept += (self.error(self.scale) ** 2)[:, None, None]
        return kept + self._offsets(scales, other_scales)

    def alone(self, scales: Sequence[str]) -> Array:
        """Variance of the error that each rating has alone, points², shape (n, A)."""
        known = {scale: self.error(scale) ** 2 for scale in set(scales)}
        shape = (len(self.sigma), 0)
        return np.stack([known[one] for one in scales], axis=1) if scales else np.zeros(shape)

    def variance(self, times: Array, scale: str, *, rating: bool = True) -> Array:
        """Variance of ratings on one scale, or of what they would be without their own error.

        **Returns:** points², shape (n, A).
        """
        lost = -np.expm1(-self.rate[:, None] * np.abs(times))
        found = 2.0 * (self.omega**2)[:, None] * lost
        found += (self.error(self.scale) ** 2)[:, None] + self._offsets([scale], [scale])[0, 0]
        return found + (self.error(scale) ** 2)[:, None] if rating else found

    def _offsets(self, scales: Sequence[str], others: Sequence[str]) -> Array:
        """What the lasting differences of the scales add, points², shape (A, B)."""
        base = scale_error(self.scale).offset ** 2
        one = np.array([scale_error(s).offset ** 2 for s in scales]).reshape(-1, 1)
        same = np.array([[a == b for b in others] for a in scales], bool)
        same = same.reshape(len(scales), len(others))
        first = np.array([s == self.scale for s in scales], np.float64).reshape(-1, 1)
        second = np.array([s == self.scale for s in others], np.float64).reshape(1, -1)
        return one * same + base * (1.0 - first - second)
