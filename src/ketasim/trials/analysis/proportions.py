"""Two proportions compared: risk difference with score intervals, risk ratio, exact test.

Wilson's interval and Newcombe's hybrid: Newcombe, Statistics in Medicine 17 (1998) 873-890. Score
intervals: Mee, Biometrics 40 (1984) 1175; Miettinen and Nurminen, Statistics in Medicine 4 (1985)
213-226, with the closed form of Farrington and Manning, Statistics in Medicine 9 (1990) 1447.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Array = NDArray[np.float64]

_HALVINGS: Final = 60  # of an interval of width 1
_EDGE: Final = 1e-12


class Difference(NamedTuple):
    """A comparison of two proportions.

    **Arguments:**

    - `estimate`: first minus second, or their ratio. `low`, `high`: of the interval.
    """

    estimate: Array
    low: Array
    high: Array


def risk_difference(
    events: ArrayLike,
    size: ArrayLike,
    events_control: ArrayLike,
    size_control: ArrayLike,
    *,
    method: str = "miettinen-nurminen",
    level: float = 0.95,
) -> Difference:
    """Difference of two proportions with its confidence interval.

    **Main arguments:**

    - `events`, `size`: of the first group; `events_control`, `size_control`: of the second; any
      shapes that go together.

    **Other arguments:**

    - `method`: `miettinen-nurminen`, `mee`, `newcombe` or `wald`. `level`: of the interval.
    """
    a, n, b, m = np.broadcast_arrays(
        *(np.asarray(one, dtype=float) for one in (events, size, events_control, size_control))
    )
    p, q = a / n, b / m
    gap = p - q
    z = float(special.ndtri(0.5 + level / 2.0))
    if method == "wald":
        reach = z * np.sqrt(p * (1 - p) / n + q * (1 - q) / m)
        return Difference(gap, gap - reach, gap + reach)
    if method == "newcombe":
        low_p, high_p = wilson(a, n, level=level)
        low_q, high_q = wilson(b, m, level=level)
        below = np.sqrt((p - low_p) ** 2 + (high_q - q) ** 2)
        above = np.sqrt((high_p - p) ** 2 + (q - low_q) ** 2)
        return Difference(gap, gap - below, gap + above)
    if method not in ("miettinen-nurminen", "mee"):
        raise ValueError(f"unknown method {method}")
    inflated = method == "miettinen-nurminen"

    def distance(delta: Array) -> Array:
        return score_statistic(a, n, b, m, delta, inflated=inflated)

    low = _root(distance, np.full_like(gap, -1.0), gap, z)
    high = _root(distance, gap, np.full_like(gap, 1.0), -z)
    return Difference(gap, low, high)


def _root(distance: Callable[[Array], Array], low: Array, high: Array, aim: float) -> Array:
    """Where a falling function takes a value, by halving; the end where it does not."""
    left, right = low.copy(), high.copy()
    for _ in range(_HALVINGS):
        middle = (left + right) / 2.0
        above = distance(middle) > aim
        left = np.where(above, middle, left)
        right = np.where(above, right, middle)
    return (left + right) / 2.0


def score_statistic(
    events: Array,
    size: Array,
    events_control: Array,
    size_control: Array,
    delta: Array,
    *,
    inflated: bool = True,
) -> Array:
    """Standardised distance of the observed difference from a difference `delta`.

    **Other arguments:**

    - `inflated`: the variance times N / (N − 1), as Miettinen and Nurminen have it.
    """
    n, m = size, size_control
    total = n + m
    d = np.clip(delta, -1.0 + _EDGE, 1.0 - _EDGE)
    # restricted maximum likelihood of the second proportion: a root of a cubic
    c3 = total
    c2 = (n + 2 * m) * d - total - events - events_control
    c1 = (m * d - total - 2 * events_control) * d + events + events_control
    c0 = events_control * d * (1 - d)
    v = c2**3 / (3 * c3) ** 3 - c1 * c2 / (6 * c3**2) + c0 / (2 * c3)
    u = np.sign(np.where(v == 0, 1.0, v)) * np.sqrt(
        np.maximum(c2**2 / (3 * c3) ** 2 - c1 / (3 * c3), 0.0)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(u == 0, 0.0, v / np.where(u == 0, 1.0, u) ** 3)
    angle = (np.pi + np.arccos(np.clip(ratio, -1.0, 1.0))) / 3.0
    second = np.clip(2 * u * np.cos(angle) - c2 / (3 * c3), 0.0, 1.0)
    first = np.clip(second + d, 0.0, 1.0)
    variance = first * (1 - first) / n + second * (1 - second) / m
    if inflated:
        variance = variance * total / (total - 1)
    gap = events / n - events_control / m - d
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(
            variance > 0, gap / np.sqrt(np.maximum(variance, 1e-300)), np.sign(gap) * np.inf
        )


class Stratified(NamedTuple):
    """A comparison of two proportions within strata.

    **Arguments:**

    - `estimate`: first minus second. `se`: its standard error.
    - `z`: statistic of the test of no difference, as a standard normal one.
    """

    estimate: Array
    se: Array
    z: Array


def stratified_difference(
    events: ArrayLike, size: ArrayLike, events_control: ArrayLike, size_control: ArrayLike
) -> Stratified:
    """Common difference of two proportions within strata (Mantel and Haenszel).

    The standard error is that of Sato (Biometrics 45 (1989) 1323-1324), the test that of Cochran,
    Mantel and Haenszel without a correction for continuity.

    **Arguments:** as of `risk_difference`; the last axis is of the strata, which may be empty.
    """
    a, n, b, m = np.broadcast_arrays(
        *(np.asarray(one, dtype=float) for one in (events, size, events_control, size_control))
    )
    both = (n > 0) & (m > 0)
    total = np.where(both, n + m, 2.0)  # a stratum of one arm alone tells nothing
    weight = np.where(both, n * m / total, 0.0)
    whole = weight.sum(axis=-1)
    gap = np.where(both, (a * m - b * n) / total, 0.0).sum(axis=-1)
    tilt = np.where(both, (n**2 * b - m**2 * a + n * m * (m - n) / 2.0) / total**2, 0.0)
    spread = np.where(both, (a * (m - b) + b * (n - a)) / (2.0 * total), 0.0)
    responders = a + b
    chance = np.where(
        both, n * m * responders * (total - responders) / (total**2 * (total - 1.0)), 0.0
    ).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = gap / whole
        variance = (estimate * tilt.sum(axis=-1) + spread.sum(axis=-1)) / whole**2
        z = np.where(chance > 0.0, gap / np.sqrt(chance), 0.0)
    return Stratified(estimate, np.sqrt(np.maximum(variance, 0.0)), z)


def wilson(events: ArrayLike, size: ArrayLike, *, level: float = 0.95) -> tuple[Array, Array]:
    """Wilson's score interval of a proportion."""
    a, n = np.asarray(events, dtype=float), np.asarray(size, dtype=float)
    z = float(special.ndtri(0.5 + level / 2.0))
    p = a / n
    middle = p + z * z / (2 * n)
    reach = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    below, above = (middle - reach) / (1 + z * z / n), (middle + reach) / (1 + z * z / n)
    return np.where(a == 0, 0.0, below), np.where(a == n, 1.0, above)


def risk_ratio(
    events: ArrayLike,
    size: ArrayLike,
    events_control: ArrayLike,
    size_control: ArrayLike,
    *,
    level: float = 0.95,
) -> Difference:
    """Ratio of two proportions, its interval by the logarithm (Katz).

    NaN where a group has no event; and the interval where all of both have one, of which the
    standard error is 0.

    **Arguments:** as of `risk_difference`.
    """
    a, n, b, m = (
        np.asarray(one, dtype=float) for one in (events, size, events_control, size_control)
    )
    z = float(special.ndtri(0.5 + level / 2.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = (a / n) / (b / m)
        reach = z * np.sqrt(1 / a - 1 / n + 1 / b - 1 / m)
        low, high = ratio * np.exp(-reach), ratio * np.exp(reach)
    known = (a > 0) & (b > 0)
    bounded = known & ((a < n) | (b < m))
    return Difference(
        np.where(known, ratio, np.nan),
        np.where(bounded, low, np.nan),
        np.where(bounded, high, np.nan),
    )
