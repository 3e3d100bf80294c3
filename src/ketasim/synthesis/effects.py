"""Effects of one study and their variances, from the means or counts of its arms."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

HALF: Final = 0.5
"""What is added to each cell of a table with an empty one (`pooling_methods`)."""


@dataclass(frozen=True)
class ArmMean:
    """Mean and standard deviation of an arm: `n` people, points."""

    n: float
    mean: float
    sd: float


@dataclass(frozen=True)
class ArmCount:
    """People of an arm with the outcome: `events` of `n`."""

    events: int
    n: int


def join_means(arms: Sequence[ArmMean]) -> ArmMean:
    """Arms as one group: the mean and SD that all their people together have.

    **Arguments:**

    - `arms`: one or more, each of its own people.
    """
    n = sum(arm.n for arm in arms)
    mean = sum(arm.n * arm.mean for arm in arms) / n
    within = sum((arm.n - 1) * arm.sd**2 for arm in arms)
    between = sum(arm.n * (arm.mean - mean) ** 2 for arm in arms)
    return ArmMean(n, mean, math.sqrt((within + between) / (n - 1)))


def join_counts(arms: Sequence[ArmCount]) -> ArmCount:
    """Arms as one group: events and people added."""
    return ArmCount(sum(arm.events for arm in arms), sum(arm.n for arm in arms))


def mean_difference(drug: ArmMean, control: ArmMean) -> tuple[float, float]:
    """Difference of two means, and its variance without assuming equal spreads."""
    return drug.mean - control.mean, drug.sd**2 / drug.n + control.sd**2 / control.n


def standardised_difference(drug: ArmMean, control: ArmMean) -> tuple[float, float]:
    """Hedges' g: the difference over the SD within arms, with its small-sample factor."""
    df = drug.n + control.n - 2
    within = ((drug.n - 1) * drug.sd**2 + (control.n - 1) * control.sd**2) / df
    d = (drug.mean - control.mean) / math.sqrt(within)
    total = drug.n + control.n
    variance = total / (drug.n * control.n) + d**2 / (2 * total)
    factor = 1 - 3 / (4 * df - 1)
    return factor * d, factor**2 * variance


def share_effect(measure: str, drug: ArmCount, control: ArmCount) -> tuple[float, float] | None:
    """Effect on a share of people, and its variance.

    **Arguments:**

    - `measure`: `odds ratio` or `risk ratio`, given as logarithms, or `risk difference`.
    - `drug`, `control`: counts.

    **Returns:** effect and variance; nothing for a ratio where no arm has the outcome, or all of
    both have it, because such a trial says nothing on it.
    """
    a, b = float(drug.events), float(drug.n - drug.events)
    c, d = float(control.events), float(control.n - control.events)
    empty = 0.0 in (a, b, c, d)
    if measure == "risk difference":
        effect = a / drug.n - c / control.n
        # the variance of an arm without any event, or with all, is not 0
        e, f, g, h = (cell + HALF * empty for cell in (a, b, c, d))
        return effect, e * f / (e + f) ** 3 + g * h / (g + h) ** 3
    if (a == 0.0 and c == 0.0) or (b == 0.0 and d == 0.0):
        return None
    a, b, c, d = (cell + HALF * empty for cell in (a, b, c, d))
    if measure == "odds ratio":
        return math.log(a * d / (b * c)), 1 / a + 1 / b + 1 / c + 1 / d
    return math.log(a / (a + b) / (c / (c + d))), 1 / a - 1 / (a + b) + 1 / c - 1 / (c + d)


@dataclass(frozen=True)
class CountReading:
    """A count read from a printed percentage.

    **Arguments:**

    - `count`: the nearest whole number. `low`, `high`: what the rounding allows.
    - `fits`: whether a whole number gives the printed percentage at all.
    """

    count: int
    low: int
    high: int
    fits: bool

    @property
    def exact(self) -> bool:
        """Whether the percentage allows one count only."""
        return self.fits and self.low == self.high


_DECIMALS = re.compile(r"\.(\d+)")


def count_of_percent(percent: str, n: int) -> CountReading:
    """Read the count of people from a percentage as printed.

    **Arguments:**

    - `percent`: such as `54.1`. `n`: people.
    """
    value = float(percent)
    hit = _DECIMALS.search(percent)
    # half a unit of the last digit printed, with room for a tie
    half = 0.5 * 10.0 ** -(len(hit[1]) if hit else 0) + 1e-9
    low = max(0, math.ceil(n * (value - half) / 100))
    high = min(n, math.floor(n * (value + half) / 100))
    count = min(n, max(0, round(n * value / 100)))
    return CountReading(count, min(low, high, count), max(low, high, count), low <= high)
