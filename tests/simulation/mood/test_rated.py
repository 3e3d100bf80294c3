"""Scores as rated at a visit: quantiles of patients and noise together, without a draw."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim.population import VisitNoise, visit_normals
from ketasim.simulation.mood.rated import rated_quantiles, rated_spread, rated_table

TIMES = np.array([0.0, 1.0, 24.0, 336.0])
SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)


def test_quantiles_are_those_of_many_ratings() -> None:
    """Of 400,000 ratings: four standard errors of the outer quantiles are 0.08 points."""
    rng = np.random.default_rng(2)
    scores = np.clip(
        rng.normal([[33.0], [25.0], [18.0], [6.0]], [[0.0], [4.0], [6.0], [3.0]], (4, 200)), 0, 60
    )
    scores[0] = 33.0
    noise = VisitNoise(2.75, 3.85, 0.0021)
    found = rated_quantiles(TIMES, scores, noise, SHARES)
    drawn = noise.draws(visit_normals(1, 0, 400_000, TIMES), TIMES)
    rated = np.clip(np.tile(scores, 2000).T + drawn, 0.0, 60.0)
    np.testing.assert_allclose(found, np.quantile(rated, SHARES, axis=0), atol=0.1)
    assert (found[:, 0] == 33.0).all()  # the baseline is what was rated


@given(st.integers(0, 100))
def test_noise_widens_bands_and_moves_no_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = np.clip(rng.normal(25.0, 5.0, (4, 60)), 0.0, 60.0)
    noise = VisitNoise(*rng.uniform((0.5, 0.5, 1e-4), (4.0, 5.0, 0.1)))
    table = rated_table(TIMES, rated_spread(TIMES, scores, noise))
    names = ["p05", "p25", "p50", "p75", "p95"]
    found = table.select(names).to_numpy()
    assert (np.diff(found, axis=1) >= 0.0).all()
    plain = np.quantile(scores, (0.05, 0.95), axis=1)
    later = slice(1, None)
    assert (found[later, 4] - found[later, 0] > (plain[1] - plain[0])[later] - 0.5).all()
    assert (table["sd"].to_numpy()[later] > scores.std(axis=1, ddof=1)[later]).all()


def test_a_law_for_each_patient_lies_between_its_ends() -> None:
    scores = np.full((4, 400), 30.0)
    sigma = np.linspace(1.0, 4.0, 400)
    many = rated_quantiles(TIMES, scores, VisitNoise(sigma, 0.0, 1.0), SHARES)
    low, high = (
        rated_quantiles(TIMES, scores, VisitNoise(s, 0.0, 1.0), SHARES) for s in (1.0, 4.0)
    )
    assert (low[4] < many[4]).sum() == (many[4] < high[4]).sum() == 3
    # a mixture of normal distributions with these SDs
    mixed = np.random.default_rng(1).normal(30.0, np.sqrt(2.0) * np.tile(sigma, 2000))
    assert many[4, 1] == pytest.approx(np.quantile(mixed, 0.95), abs=0.1)
