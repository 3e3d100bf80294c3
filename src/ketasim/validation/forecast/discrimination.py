"""How well a chance tells who responds: area under the curve, with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

_95: Final = 1.959963984540054


@dataclass(frozen=True)
class Discrimination:
    """The chance that one who responds has a higher number than one who does not.

    **Arguments:**

    - `area`: 0 to 1; 0.5 where the number says nothing, ties count by half.
    - `low`, `high`: 95 % interval.
    """

    area: float
    low: float
    high: float


def discrimination(numbers: Array, responds: Flags) -> Discrimination:
    """Area under the curve of receiver operating characteristics.

    **Arguments:**

    - `numbers`: higher for those more likely to respond, shape (n,). `responds`: shape (n,).

    Source: DeLong, DeLong and Clarke-Pearson, on the variance of such an area.
    """
    from scipy.stats import rankdata  # only here: scipy is slow to load

    yes, no = numbers[responds], numbers[~responds]
    m, n = len(yes), len(no)
    if not m or not n:
        return Discrimination(float("nan"), float("nan"), float("nan"))
    every = rankdata(np.concatenate([yes, no]))
    above = (every[:m] - rankdata(yes)) / n  # part of the others below each who responds
    below = 1.0 - (every[m:] - rankdata(no)) / m
    area = float(above.mean())
    variance = above.var(ddof=1) / m + below.var(ddof=1) / n if min(m, n) > 1 else np.nan
    half = _95 * float(np.sqrt(variance))
    return Discrimination(area, max(area - half, 0.0), min(area + half, 1.0))
