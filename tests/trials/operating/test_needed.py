"""Sizes read off a curve of power."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ketasim.trials.operating.needed import needed


def power(n: int) -> float:
    away = 0.5 * float(np.sqrt(n / 2.0)) - 1.959964
    return float(stats.norm.cdf(away))


def test_a_line_between_two_sizes_finds_the_closed_form() -> None:
    sizes = [20, 40, 80, 160]
    found = needed(sizes, [power(n) for n in sizes], [0.01] * 4, 0.8)
    exact = 2.0 * ((1.959964 + stats.norm.ppf(0.8)) / 0.5) ** 2
    assert found.n == int(np.ceil(exact)) == 63
    assert found.low is not None and found.high is not None
    assert found.low < 63 < found.high


@pytest.mark.parametrize(
    ("shares", "reached", "above"),
    [([0.1, 0.3, 0.5], False, False), ([0.85, 0.9, 1.0], True, True)],
)
def test_nothing_is_told_beyond_the_curve(shares: list[float], reached: bool, above: bool) -> None:
    found = needed([20, 40, 60], shares, [0.0] * 3, 0.8)
    assert (found.n, found.reached, found.above) == (None, reached, above)
