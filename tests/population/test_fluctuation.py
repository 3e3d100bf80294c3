"""What varies within a patient: its law, the draws by it, and its two limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim.population import VisitNoise, response_chance, still_well, visit_normals

VISITS = np.array([0.0, 1.5, 24.0, 51.0, 168.0, 312.0, 672.0])
laws = st.builds(
    VisitNoise,
    st.floats(0.1, 6.0),
    st.floats(0.0, 8.0),
    st.floats(1e-5, 1.0),
)


@given(noise=laws, seed=st.integers(0, 2**32))
def test_the_formula_is_the_variance_of_the_draws(noise: VisitNoise, seed: int) -> None:
    """Of 4000 patients, within six standard errors of a covariance: no false alarms."""
    n = 4000
    drawn = noise.draws(visit_normals(seed, 0, n, VISITS), VISITS)
    law = noise.covariance(VISITS[:, None], VISITS)
    np.testing.assert_allclose(np.sqrt(np.diag(law)), noise.sd(VISITS))
    found = drawn.T @ drawn / n
    error = np.sqrt((law**2 + np.outer(np.diag(law), np.diag(law))) / n)
    assert (np.abs(found - law) <= 6.0 * error + 1e-12).all()
    assert (drawn[:, 0] == 0.0).all()


@given(
    noise=laws,
    first=st.integers(0, 500),
    count=st.integers(1, 50),
    chosen=st.sets(st.integers(1, len(VISITS) - 1), min_size=1),
)
def test_draws_depend_neither_on_pieces_nor_on_other_visits(
    noise: VisitNoise, first: int, count: int, chosen: set[int]
) -> None:
    whole = noise.draws(visit_normals(7, 0, first + count, VISITS), VISITS)
    part = noise.draws(visit_normals(7, first, count, VISITS), VISITS)
    np.testing.assert_array_equal(part, whole[first:])
    fewer = VISITS[sorted(chosen)]
    alone = noise.draws(visit_normals(7, first, count, fewer), fewer)
    np.testing.assert_allclose(alone, part[:, sorted(chosen)], rtol=0, atol=1e-9)


@given(sigma=st.floats(0.1, 6.0), omega=st.floats(0.1, 8.0))
def test_limits_of_the_memory(sigma: float, omega: float) -> None:
    later = VISITS[1:]
    # what is never forgotten is subtracted with the rating before treatment
    np.testing.assert_allclose(VisitNoise(sigma, omega, 0.0).sd(later), np.sqrt(2.0) * sigma)
    # what is forgotten at once is one more error of the rating
    swift = VisitNoise(sigma, omega, 1e3).covariance(later[:, None], later)
    error = VisitNoise(np.hypot(sigma, omega), 0.0, 1.0).covariance(later[:, None], later)
    np.testing.assert_allclose(swift, error)


@given(noise=laws, one=st.floats(0.0, 5000.0), other=st.floats(0.0, 5000.0))
def test_a_covariance_is_one(noise: VisitNoise, one: float, other: float) -> None:
    times = np.array([one, other])
    table = noise.covariance(times[:, None], times)
    np.testing.assert_allclose(table, table.T)
    assert np.linalg.eigvalsh(table).min() >= -1e-9
    assert noise.sd(max(times)) >= noise.sd(min(times)) - 1e-12


def test_a_law_for_each_patient_is_as_each_by_itself() -> None:
    many = VisitNoise(np.array([1.0, 3.0]), np.array([4.0, 2.0]), np.array([0.01, 0.001]))
    normals = visit_normals(1, 0, 2, VISITS)
    score, base = np.array([[9.0, 12.0, 14.0], [15.0, 14.0, 17.0]]), np.array([30.0, 34.0])
    well = still_well(score, base, many, VISITS[4:])
    for i, law in enumerate(zip(many.sigma, many.omega, many.rate, strict=True)):
        one = VisitNoise(*map(float, law))
        np.testing.assert_allclose(many.sd(VISITS)[i], one.sd(VISITS))
        np.testing.assert_allclose(many.draws(normals, VISITS)[i], one.draws(normals, VISITS)[i])
        alone = still_well(score[i : i + 1], base[i : i + 1], one, VISITS[4:])
        np.testing.assert_allclose([well[0][i], *well[1][i]], [alone[0][0], *alone[1][0]])


@pytest.mark.parametrize("visits", [1, 2])
@pytest.mark.parametrize("law", [(2.6, 4.0, 0.002), (3.5, 1.0, 0.02), (2.5, 3.0, 1e-4)])
def test_staying_well_is_what_draws_show(law: tuple[float, float, float], visits: int) -> None:
    """Counted among 200,000 patients drawn: 0.004 by chance, and the error of the quadrature."""
    noise, times = VisitNoise(*law), np.array([24.0, 168.0, 336.0, 672.0])
    scores = np.array([[12.0, 13.0, 15.0, 18.0], [17.0, 17.0, 17.0, 17.0], [8.0, 8.0, 8.0, 8.0]])
    first, well = still_well(scores, np.full(3, 33.0), noise, times, visits=visits)
    drawn = noise.draws(visit_normals(5, 0, 200_000, times), times)
    for i, score in enumerate(scores):
        lost = score + drawn >= 16.5
        alive = ~lost[:, 0]
        assert first[i] == pytest.approx(alive.mean(), abs=0.015)
        run = np.zeros(len(lost), int)
        for place in range(1, len(times)):
            run = np.where(lost[:, place], run + 1, 0)
            alive &= run < visits
            assert well[i, place] == pytest.approx(alive.mean(), abs=0.015)
    assert first == pytest.approx(response_chance(scores[:, 0], 33.0, noise.sd(times[0])))
