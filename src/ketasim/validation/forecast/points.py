"""A forecast of one score against what was rated: chance of each point, error, place of the truth.

The continuous ranked probability score of a forecast of whole points is the sum over points of the
squared difference between the chance of at most so many and what happened (Gneiting and Raftery).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import scales
from ketasim.forecasting.mixture import Mixture
from ketasim.population import to_madrs

Array = NDArray[np.float64]

_HALF: Final = 0.5


@dataclass(frozen=True, eq=False)
class Points:
    """Chances of the whole points of a scale.

    **Arguments:**

    - `up_to`: chance of at most 0, 1, 2, … points, last 1; shape (top + 1,), or with more axes
      before it.
    """

    up_to: Array

    @property
    def median(self) -> Any:
        """Fewest points with a chance of at least half."""
        return np.argmax(self.up_to >= _HALF, axis=-1)

    def crps(self, score: Any) -> Any:
        """Continuous ranked probability score, points: lower is better, 0 of the sure truth."""
        place = np.arange(self.up_to.shape[-1], dtype=np.float64)
        happened = place >= np.asarray(score, np.float64)[..., None]
        return np.sum((self.up_to - happened) ** 2, axis=-1)

    def at_most(self, score: float) -> Any:
        """Chance of at most so many points."""
        return self.up_to[..., int(np.floor(score))]


def points_of(mixture: Mixture, scale: str) -> Points:
    """Chances of the points of a scale by a forecast, shape (T, top + 1)."""
    top = round(scales()[scale])
    ends = [float(to_madrs(scale, point + _HALF)) for point in range(top)]
    found = np.stack([mixture.below(end) for end in ends], axis=1)
    return Points(np.hstack([found, np.ones((len(found), 1))]))


def normal_points(mean: Array, sd: Any, scale: str) -> Points:
    """Chances by a normal law on a scale, rounded and within its ends.

    **Arguments:**

    - `mean`: points of the scale, shape (n,). `sd`: the same, a number or shape (n,).
    """
    from scipy.special import ndtr  # only here: scipy is slow to load

    top = round(scales()[scale])
    ends = np.arange(top) + _HALF
    room = (ends - mean[:, None]) / np.reshape(np.broadcast_to(sd, mean.shape), (-1, 1))
    return Points(np.hstack([ndtr(room), np.ones((len(mean), 1))]))
