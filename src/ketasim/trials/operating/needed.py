"""How many patients a wanted power takes, read off a curve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]

_SURE = 1e-4  # shares nearer to 0 or 1 are drawn in, so that a straight line can hold them


class Needed(NamedTuple):
    """Patients for a power.

    **Arguments:**

    - `target`: the power.
    - `n`: in the first arm of the contrast; nothing where the curve does not reach the power, or is
      above it from its first size on.
    - `low`, `high`: the same where power is one standard error (Monte Carlo) higher, or lower.
    - `reached`: whether the largest size has the power. `above`: whether the smallest has.
    """

    target: float
    n: int | None
    low: int | None
    high: int | None
    reached: bool
    above: bool


def needed(
    sizes: Sequence[int], power: Sequence[float], error: Sequence[float], target: float
) -> Needed:
    """Read a size off a curve: straight in the normal quantile of power and the root of n.

    That is the shape which the power of a contrast of means has, so that a line between two sizes
    is nearly without error.

    **Arguments:**

    - `sizes`: ascending, shape (L,). `power`, `error`: with its Monte-Carlo error, shape (L,).
    - `target`: power that is wanted.
    """
    n, p = np.asarray(sizes, np.float64), np.asarray(power, np.float64)
    spread = np.asarray(error, np.float64)
    middle = _read(n, p, target)
    return Needed(
        target,
        _whole(middle),
        _whole(_read(n, p + spread, target)),
        _whole(_read(n, p - spread, target)),
        bool(p.max() >= target),
        bool(p[0] >= target),
    )


def _whole(value: float | None) -> int | None:
    return None if value is None else int(np.ceil(value - 1e-6))


def _read(n: Array, p: Array, target: float) -> float | None:
    rising = np.maximum.accumulate(np.clip(p, _SURE, 1.0 - _SURE))
    if rising[0] >= target or rising[-1] < target:
        return None
    place = int(np.argmax(rising >= target))
    z, wanted = special.ndtri(rising), float(special.ndtri(target))
    low, high = np.sqrt(n[place - 1]), np.sqrt(n[place])
    part = (wanted - z[place - 1]) / (z[place] - z[place - 1])
    return float((low + part * (high - low)) ** 2)
