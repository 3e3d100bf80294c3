"""The likelihood against its own differences, and against integrals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from ketasim.estimation.estimates import Estimate, interval_of
from ketasim.estimation.likelihood.conditional import People
from ketasim.estimation.likelihood.objective import Likelihood, Numbers
from ketasim.estimation.likelihood.residual import ResidualError, ResidualSd
from ketasim.estimation.likelihood.spread import Spread, blocks_of

TIMES = np.array([0.5, 1.0, 2.0, 4.0, 8.0, 12.0])
SUBJECTS = 6


def _predict(places: np.ndarray) -> np.ndarray:
    """A bolus of 100 in clearance and volume, by its closed form, for six samples a subject."""
    clearance, volume = np.exp(places[:, :, 0]), np.exp(places[:, :, 1])
    curve = (100.0 / volume)[..., None] * np.exp(-(clearance / volume)[..., None] * TIMES)
    return curve.reshape(len(places), -1)


def _data(seed: int, kinds: tuple[str, ...], limit: float) -> tuple[People, np.ndarray]:
    rng = np.random.default_rng(seed)
    places = np.log([5.0, 20.0]) + rng.normal(0.0, 0.3, (1, SUBJECTS, 2))
    f = _predict(places)[0]
    value = f * np.exp(rng.normal(0.0, 0.15, len(f)))
    below = value < limit
    sds = tuple(ResidualSd(0, kind, 0.15) for kind in kinds)
    error = ResidualError(sds, np.zeros(len(f), np.int64), np.where(below, limit, value), below)
    subject = np.repeat(np.arange(SUBJECTS), len(TIMES))
    return People(subject, SUBJECTS, _predict, np.array([0, 1]), error), value


def _numbers(kinds: tuple[str, ...], correlated: bool) -> tuple[Numbers, np.ndarray]:
    spread = Spread(("CL", "V"), ((0, 1),) if correlated else ((0,), (1,)))
    layout = Numbers(
        np.log([5.0, 20.0]),
        np.array([0, 1]),
        spread,
        np.full(len(kinds), 0.15),
        np.arange(len(kinds)),
    )
    covariance = np.array([[0.09, 0.02 * correlated], [0.02 * correlated, 0.06]])
    start = [*layout.middle, *spread.numbers(covariance), *np.full(len(kinds), np.log(0.15))]
    return layout, np.array(start)


@pytest.mark.parametrize("correlated", [False, True])
@pytest.mark.parametrize("laplace", [False, True])
@pytest.mark.parametrize("kinds", [("log",), ("proportional",), ("additive", "proportional")])
def test_the_gradient_is_that_of_differences(
    kinds: tuple[str, ...], laplace: bool, correlated: bool
) -> None:
    people, _ = _data(1, kinds, 0.9 if laplace else 0.0)
    layout, start = _numbers(kinds, correlated)
    likelihood = Likelihood(people, layout, laplace=laplace)
    nothing = np.zeros((SUBJECTS, 2))
    start = start + np.random.default_rng(2).normal(0.0, 0.1, len(start))
    value = likelihood.at(start, nothing)
    for k in range(len(start)):
        ends = []
        for sign in (1.0, -1.0):
            moved = start.copy()
            moved[k] += sign * 1e-4
            ends.append(likelihood.at(moved, value.modes.effects).total)
        assert value.slope[k] == pytest.approx((ends[0] - ends[1]) / 2e-4, abs=5e-3, rel=1e-3)


@pytest.mark.parametrize("limit", [0.0, 0.9])
def test_the_objective_is_near_the_integral_over_effects(limit: float) -> None:
    """Of six samples, Laplace's method leaves less than 0.1 a subject in minus twice the logarithm.

    The integral is a sum over a grid of 201 by 201 effects; values below the limit count by their
    probability.
    """
    people, value = _data(3, ("proportional",), limit)
    layout, start = _numbers(("proportional",), correlated=True)
    found = Likelihood(people, layout, laplace=True).at(start, np.zeros((SUBJECTS, 2)))
    covariance = layout.spread.covariance(start[2:5])
    axis = np.linspace(-1.5, 1.5, 201)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    prior = -0.5 * np.einsum("nq,qr,nr->n", grid, np.linalg.inv(covariance), grid)
    prior -= 0.5 * np.log(np.linalg.det(2 * np.pi * covariance))
    f = _predict((layout.middle + grid)[:, None, :])
    below = value < limit
    total = 0.0
    for subject in range(SUBJECTS):
        rows = slice(subject * 6, subject * 6 + 6)
        sd = 0.15 * f
        seen = norm.logpdf(value[rows], f, sd)
        if limit:
            seen = np.where(below[rows], norm.logcdf((limit - f) / sd), seen)
        joint = seen.sum(axis=1) + prior
        largest = joint.max()
        cell = (axis[1] - axis[0]) ** 2
        total += -2.0 * (largest + np.log(np.exp(joint - largest).sum() * cell))
    constant = (~below).sum() * np.log(2 * np.pi)
    assert below.any() == bool(limit)
    assert found.total + constant == pytest.approx(total, abs=0.1 * SUBJECTS)


@given(st.lists(st.floats(-1.5, 0.5), min_size=6, max_size=6))
@settings(max_examples=25)
def test_a_covariance_comes_back_from_its_numbers(given_numbers: list[float]) -> None:
    spread = Spread(("A", "B", "C"), blocks_of(("A", "B", "C"), [("A", "C"), ("C", "B")]))
    assert spread.blocks == ((0, 1, 2),)
    covariance = spread.covariance(np.array(given_numbers))
    assert np.linalg.eigvalsh(covariance)[0] > 0
    assert spread.numbers(covariance) == pytest.approx(given_numbers, abs=1e-6)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_correlation_at_the_border_has_no_interval(sign: int) -> None:
    ends = interval_of("correlation", sign * 0.995, 0.0251, signed=False)
    assert ends == (None, None)
    at = Estimate("CL,V", "correlation", sign * 0.995, "", 0.5, False, 0.0251, *ends)
    assert at.interval(str) == "at the border"
    low, high = interval_of("correlation", sign * 0.8, 0.12, signed=False)
    assert low is not None and high is not None and -1 < low < sign * 0.8 < high < 1
    inside = Estimate("CL,V", "correlation", sign * 0.8, "", 0.5, False, 0.12, low, high)
    assert inside.interval(str) == f"{low} to {high}"
