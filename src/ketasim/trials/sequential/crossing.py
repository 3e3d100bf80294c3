"""Probabilities of crossing the boundaries of a group-sequential test, by numerical integration.

Armitage, McPherson and Rowe, Journal of the Royal Statistical Society A 132 (1969) 235-244; the
statistic of a look is normal, and what a look adds is independent of what was seen before.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Array = NDArray[np.float64]

_NODES: Final = 256
_WIDE: Final = 9.0  # standard deviations beyond which nothing is
_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(_NODES)


def crossing(
    upper: ArrayLike, lower: ArrayLike, information: ArrayLike, drift: float
) -> tuple[Array, Array]:
    """Probability that a test stops at each look, above and below.

    **Arguments:**

    - `upper`, `lower`: boundaries of the standardised statistic, infinite where there is none,
      shape (L,).
    - `information`: share of the information at each look, ascending, the last 1, shape (L,).
    - `drift`: mean of the statistic at the last look.

    **Returns:** above `upper` and below `lower` for the first time at each look, shape (L,) each.
    """
    above, below, share = (np.asarray(one, dtype=float) for one in (upper, lower, information))
    over, under = np.zeros(len(share)), np.zeros(len(share))
    points = weights = middle = np.zeros(0)
    gap = 1.0
    for look, fraction in enumerate(share):
        mean = drift * np.sqrt(fraction)
        if look == 0:
            over[0] = special.ndtr(mean - above[0])
            under[0] = special.ndtr(below[0] - mean)
        else:
            before = share[look - 1]
            gap = float(np.sqrt(fraction - before))
            middle = points * np.sqrt(before) + drift * (fraction - before)
            over[look] = weights @ special.ndtr((middle - above[look] * np.sqrt(fraction)) / gap)
            under[look] = weights @ special.ndtr((below[look] * np.sqrt(fraction) - middle) / gap)
        if look == len(share) - 1:
            break
        low = max(below[look], mean - _WIDE)
        high = min(above[look], mean + _WIDE)
        if high <= low:
            break
        fresh = low + (high - low) * (_POINTS + 1.0) / 2.0
        if look == 0:
            density = np.exp(-0.5 * (fresh - mean) ** 2) / np.sqrt(2.0 * np.pi)
        else:
            far = (fresh[:, None] * np.sqrt(fraction) - middle) / gap
            kernel = np.exp(-0.5 * far**2) * np.sqrt(fraction) / gap / np.sqrt(2.0 * np.pi)
            density = kernel @ weights
        points, weights = fresh, density * _WEIGHTS * (high - low) / 2.0
    return over, under
