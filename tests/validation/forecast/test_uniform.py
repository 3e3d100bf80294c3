"""Uniform numbers are told from others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim.validation.forecast.discrimination import discrimination
from ketasim.validation.forecast.uniform import BINS, bin_band, uniformity


def test_uniform_numbers_pass_as_often_as_they_should() -> None:
    rng = np.random.default_rng(5)
    found = [uniformity(rng.random(500)) for _ in range(200)]
    inside = np.mean([one.away <= one.band for one in found])
    assert 0.90 <= inside <= 0.99
    assert np.mean([one.p_value < 0.05 for one in found]) == pytest.approx(0.05, abs=0.05)


@pytest.mark.parametrize("power", [0.8, 1.25])
def test_forecasts_that_lie_off_are_seen(power: float) -> None:
    found = uniformity(np.random.default_rng(5).random(1000) ** power)
    assert found.away > found.band
    assert found.p_value < 0.01


def test_too_narrow_forecasts_are_seen_by_their_ends() -> None:
    found = uniformity(np.random.default_rng(5).beta(0.7, 0.7, 1000))
    assert found.sd > 0.3
    assert found.counts[0] > bin_band(1000)[1]
    assert found.counts.sum() == 1000
    assert len(found.counts) == BINS


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30))
def test_the_area_is_the_chance_of_a_right_order(pairs: list[tuple[int, bool]]) -> None:
    numbers = np.array([n for n, _ in pairs], np.float64)
    yes = np.array([y for _, y in pairs], bool)
    found = discrimination(numbers, yes)
    if yes.all() or not yes.any():
        assert np.isnan(found.area)
        return
    gaps = numbers[yes][:, None] - numbers[~yes][None, :]
    assert found.area == pytest.approx(np.mean((gaps > 0) + 0.5 * (gaps == 0)))
    if yes.sum() > 1 and (~yes).sum() > 1:
        assert found.low <= found.area <= found.high
