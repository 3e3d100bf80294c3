"""Power and size of trials of two arms without looks: means, proportions, time to an event."""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy import optimize, special, stats

from ketasim._base import InputError

_FAR: Final = 8.0  # standard errors beyond which the other side of a test is never reached


def power_of_means(
    difference: float,
    sd: float,
    total: float,
    *,
    alpha: float = 0.05,
    sided: int = 2,
    ratio: float = 1.0,
    normal: bool = False,
) -> float:
    """Power of a comparison of two means by a t test.

    **Main arguments:**

    - `difference`, `sd`: of the outcome, in its unit. `total`: patients of both arms.

    **Other arguments:**

    - `alpha`, `sided`: of the test; of a two-sided t test both directions count, of
      its size only the right one, as in the R package rpact.
    - `ratio`: patients of the first arm for one of the second.
    - `normal`: the standard deviation is taken for known.
    """
    right = _right_of_means(difference, sd, total, alpha, sided, ratio, normal)
    shift = _shift(difference, sd, total, ratio)
    if normal or sided == 1 or shift > _FAR:
        return right

    critical = special.stdtrit(total - 2.0, 1.0 - alpha / sided)
    return float(right + stats.nct.cdf(-critical, total - 2.0, shift))


def _shift(difference: float, sd: float, total: float, ratio: float) -> float:
    """Difference in its standard errors."""
    return float(abs(difference) / sd * np.sqrt(total * ratio) / (1.0 + ratio))


def _right_of_means(
    difference: float,
    sd: float,
    total: float,
    alpha: float,
    sided: int,
    ratio: float,
    normal: bool,
) -> float:
    """Probability of a significant result in the right direction."""
    shift = _shift(difference, sd, total, ratio)
    if normal:
        return float(special.ndtr(shift - special.ndtri(1.0 - alpha / sided)))

    critical = special.stdtrit(total - 2.0, 1.0 - alpha / sided)
    return float(stats.nct.sf(critical, total - 2.0, shift))


def size_of_means(
    difference: float,
    sd: float,
    *,
    power: float = 0.8,
    alpha: float = 0.05,
    sided: int = 2,
    ratio: float = 1.0,
    normal: bool = False,
) -> float:
    """Patients of both arms, not rounded, for a power of a comparison of two means.

    **Arguments:** as of `power_of_means`.

    **Raises:** `InputError` when no number of patients has the power.
    """
    _check(power, alpha)
    if difference == 0.0 or sd <= 0.0:
        raise InputError("difference", "it is 0, or the SD is", "give both in points")

    z = special.ndtri(1.0 - alpha / sided) + special.ndtri(power)
    known = max(float((z * sd / difference * (1.0 + ratio)) ** 2 / ratio), 0.0)
    if normal:
        return known

    def excess(total: float) -> float:
        return _right_of_means(difference, sd, total, alpha, sided, ratio, normal) - power

    return float(optimize.brentq(excess, 2.5, 2.0 * known + 20.0, xtol=1e-9, rtol=1e-13))


def size_of_rates(
    rate: float,
    rate_control: float,
    *,
    power: float = 0.8,
    alpha: float = 0.05,
    sided: int = 2,
    ratio: float = 1.0,
) -> float:
    """Patients of both arms, not rounded, for a power of a comparison of two proportions.

    Without continuity correction, pooled under no difference (Fleiss, Levin and Paik, Statistical
    methods for rates and proportions (2003), chapter 4).

    **Arguments:**

    - `rate`, `rate_control`: shares with the event.
    - `power`, `alpha`, `sided`, `ratio`: as of `power_of_means`.

    **Raises:** `InputError`.
    """
    _check(power, alpha)
    if rate == rate_control or not (0.0 < rate < 1.0 and 0.0 < rate_control < 1.0):
        raise InputError("rate", "two different shares between 0 and 1 are needed", "give 0.5, 0.3")
    free, pooled = _spreads(rate, rate_control, ratio)
    z = special.ndtri(1.0 - alpha / sided) * pooled + special.ndtri(power) * free
    return float((z / (rate - rate_control)) ** 2)


def power_of_rates(
    rate: float,
    rate_control: float,
    total: float,
    *,
    alpha: float = 0.05,
    sided: int = 2,
    ratio: float = 1.0,
) -> float:
    """Power of a comparison of two proportions.

    **Arguments:** as of `size_of_rates`; `total`: patients of both arms.
    """
    free, pooled = _spreads(rate, rate_control, ratio)
    z = float(special.ndtri(1.0 - alpha / sided))
    shift = abs(rate - rate_control) * np.sqrt(total)
    reached = (float(shift) - z * pooled) / free
    return float(special.ndtr(reached))


def _spreads(rate: float, rate_control: float, ratio: float) -> tuple[float, float]:
    """Standard deviations of the difference for one patient: unpooled, pooled."""
    first, second = ratio / (1.0 + ratio), 1.0 / (1.0 + ratio)
    both = first * rate + second * rate_control
    free = rate * (1 - rate) / first + rate_control * (1 - rate_control) / second
    return float(np.sqrt(free)), float(np.sqrt(both * (1 - both) * (1 / first + 1 / second)))


def events_needed(
    hazard_ratio: float,
    *,
    power: float = 0.8,
    alpha: float = 0.05,
    sided: int = 2,
    ratio: float = 1.0,
    method: str = "schoenfeld",
) -> float:
    """Events, not rounded, for a power of a log-rank test.

    **Main arguments:**

    - `hazard_ratio`: of the first arm to the second.

    **Other arguments:**

    - `power`, `alpha`, `sided`, `ratio`: as of `power_of_means`.
    - `method`: `schoenfeld` (Biometrika 68 (1981) 316) or `freedman` (Statistics in Medicine 1
      (1982) 121).

    **Raises:** `InputError`.
    """
    _check(power, alpha)
    if hazard_ratio <= 0.0 or hazard_ratio == 1.0:
        raise InputError("hazard_ratio", f"{hazard_ratio:g} is no effect", "give 0.7, say")
    z = (special.ndtri(1.0 - alpha / sided) + special.ndtri(power)) ** 2
    if method == "freedman":
        return float(z * (1.0 + ratio * hazard_ratio) ** 2 / (ratio * (1.0 - hazard_ratio) ** 2))
    return float(z * (1.0 + ratio) ** 2 / (ratio * np.log(hazard_ratio) ** 2))


def _check(power: float, alpha: float) -> None:
    if not 0.0 < alpha < power < 1.0:
        raise InputError("power", f"{power:g} is not between alpha and 1", "give 0.8, say")
