"""Peak and half-life of a curve."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ketasim.engine import peak, terminal_half_life

rates = st.floats(0.2, 5.0)


def _absorbed(times: np.ndarray, fast: float, slow: float) -> np.ndarray:
    return fast / (fast - slow) * (np.exp(-slow * times) - np.exp(-fast * times))


@settings(max_examples=50)
@given(fast=st.floats(2.0, 6.0), slow=st.floats(0.1, 1.0))
def test_the_peak_of_first_order_absorption(fast: float, slow: float) -> None:
    times = np.arange(0, 601) / 60
    when = np.log(fast / slow) / (fast - slow)
    height, at = peak(times, _absorbed(times, fast, slow)[:, None])
    assert height[0] == pytest.approx(_absorbed(np.array([when]), fast, slow)[0], rel=2e-5)
    assert at[0] == pytest.approx(when, abs=0.2 / 60)


def test_refining_is_better_than_the_grid() -> None:
    """Wherever the grid happens to lie, its worst miss shrinks to a fifth."""
    truth = _absorbed(np.array([np.log(4.0) / 1.5]), 2.0, 0.5)[0]
    refined, grid = [], []
    for shift in np.linspace(0.0, 0.1, 11):
        times = np.arange(0, 61) / 10 + shift
        curve = _absorbed(times, 2.0, 0.5)[:, None]
        refined.append(abs(peak(times, curve)[0][0] - truth))
        grid.append(abs(curve.max() - truth))
    assert max(refined) < 0.2 * max(grid)


@settings(max_examples=50)
@given(
    bend=st.floats(0.1, 10.0),
    top=st.floats(1.2, 6.8),
    steps=st.lists(st.floats(0.05, 1.0), min_size=12, max_size=30),
)
def test_a_parabola_is_found_exactly_on_any_grid(
    bend: float, top: float, steps: list[float]
) -> None:
    times = np.concatenate([[0.0], np.cumsum(steps)])
    if times[-1] <= top + 1:
        times = np.concatenate([times, [top + 1.5, top + 9.0]])
    curve = 50.0 - bend * (times - top) ** 2
    height, when = peak(times, curve[:, None])
    assert height[0] == pytest.approx(50.0, abs=1e-9)
    assert when[0] == pytest.approx(top, abs=1e-6)


def test_a_corner_or_a_jump_is_not_rounded() -> None:
    times = np.arange(0, 61) / 10
    infusion = np.where(times < 2, 1 - np.exp(-times), (1 - np.exp(-2)) * np.exp(2 - times))
    bolus = np.where(times < 3, 0.1, np.exp(3 - times))
    height, when = peak(times, np.stack([infusion, bolus], axis=1), breaks=[2.0, 3.0])
    np.testing.assert_allclose(height, [1 - np.exp(-2), 1.0])
    np.testing.assert_allclose(when, [2.0, 3.0])


def test_the_ends_of_the_grid_stand() -> None:
    times = np.array([0.0, 1.0, 2.0])
    curves = np.array([[3.0, 1.0, 2.0], [2.0, 2.0, 2.0], [1.0, 3.0, 2.0]])
    height, when = peak(times, curves)
    np.testing.assert_array_equal(height, [3.0, 3.0, 2.0])
    np.testing.assert_array_equal(when, [0.0, 2.0, 0.0])
    np.testing.assert_array_equal(peak([1.0], [[5.0]]), [[5.0], [1.0]])


@settings(max_examples=50)
@given(rate=rates, scale=st.floats(1e-6, 1e6), points=st.integers(2, 5))
def test_half_life_of_an_exponential(rate: float, scale: float, points: int) -> None:
    times = np.array([0.0, 1.0, 1.5, 4.0, 5.0])
    curve = scale * np.exp(-rate * times)[:, None]
    found = terminal_half_life(times, curve, points=points)
    assert found[0] == pytest.approx(np.log(2) / rate, rel=1e-9)


def test_no_half_life_where_nothing_falls() -> None:
    times = np.array([0.0, 1.0, 2.0])
    curves = np.array([[1.0, 0.0, 4.0], [2.0, 0.0, 2.0], [3.0, 0.0, 1.0]])
    found = terminal_half_life(times, curves)
    assert np.isnan(found[:2]).all()
    assert found[2] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("times", "values"),
    [([0.0, 1.0], [[1.0]]), ([1.0, 0.0], [[1.0], [2.0]]), ([], np.zeros((0, 2)))],
)
def test_shapes_and_order_are_checked(times: list[float], values: list[list[float]]) -> None:
    with pytest.raises(ValueError, match=r"times|time"):
        peak(times, values)
    with pytest.raises(ValueError, match=r"times|time"):
        terminal_half_life(times, values)
