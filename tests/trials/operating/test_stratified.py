"""Responders and scores compared within strata: as computed alone, and right as often as told."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from statsmodels.stats.contingency_tables import StratifiedTable

from ketasim.trials.operating.outcomes import (
    covariance,
    each_estimable,
    stratified_responders,
)
from ketasim.trials.operating.sums import arm_sums, together

Array = NDArray[np.float64]
SHARES = np.array([0.2, 0.4, 0.7])


def drawn(replicates: int, gap: float) -> list[tuple[Array, Array]]:
    random = np.random.default_rng(3)
    arms: list[tuple[Array, Array]] = []
    for shift in (gap, 0.0):
        size = random.multinomial(90, [0.5, 0.3, 0.2], replicates)
        events = random.binomial(size, SHARES + shift)
        arms.append((events.astype(float), size.astype(float)))
    return arms


def test_the_test_is_that_of_cochran_mantel_and_haenszel() -> None:
    arms = drawn(3, 0.2)
    found = stratified_responders(*arms)
    for r in range(3):
        (a, n), (b, m) = ((events[r], size[r]) for events, size in arms)
        tables = [np.array([[x, k - x], [y, j - y]]) for x, k, y, j in zip(a, n, b, m, strict=True)]
        alone = StratifiedTable(tables).test_null_odds(correction=False)
        assert found.z[r] ** 2 == pytest.approx(alone.statistic, rel=1e-9)
        weight = n * m / (n + m)
        assert found.estimate[r] == pytest.approx((weight * (a / n - b / m)).sum() / weight.sum())


@pytest.mark.parametrize("gap", [0.0, 0.2])
def test_intervals_hold_the_difference_as_often_as_they_say(gap: float) -> None:
    count = 20_000
    found = stratified_responders(*drawn(count, gap))
    assert found.estimate.mean() == pytest.approx(gap, abs=0.002)
    assert found.se.mean() == pytest.approx(found.estimate.std(), rel=0.03)
    inside = ((found.low <= gap) & (gap <= found.high)).mean()
    assert inside == pytest.approx(0.95, abs=0.01)
    if not gap:
        assert found.rejects.mean() == pytest.approx(0.05, abs=0.006)


def test_a_stratum_of_one_arm_alone_tells_nothing() -> None:
    (a, n), (b, m) = drawn(5, 0.2)
    more = np.full((5, 1), 7.0)
    none = np.zeros((5, 1))
    wider = stratified_responders(
        (np.hstack([a, more]), np.hstack([n, 2 * more])),
        (np.hstack([b, none]), np.hstack([m, none])),
    )
    plain = stratified_responders((a, n), (b, m))
    for one, other in zip(wider[:5], plain[:5], strict=True):
        assert one == pytest.approx(other)


def test_a_covariate_in_which_nobody_differs_is_left_out() -> None:
    random = np.random.default_rng(4)
    baseline, change = random.normal(size=(2, 2, 30)), random.normal(size=(2, 2, 30, 2))
    further = random.integers(0, 2, (2, 2, 30, 1)).astype(float)
    further[:, 1] = 0.0  # in the second replicate all are of one level
    response = np.zeros((2, 30), bool)
    own = np.concatenate([baseline[..., None], further], axis=3)
    both = [
        together([arm_sums(one[a], change[a], response, [30]) for a in (0, 1)], 0)
        for one in (own, baseline[..., None])
    ]
    found, plain = (
        each_estimable(one, lambda some, *_: {"": covariance(some, 0, 1)})[""] for one in both
    )
    assert not np.isnan(found.estimate).any()
    assert found.estimate[1] == pytest.approx(plain.estimate[1])
    assert abs(found.estimate[0] - plain.estimate[0]) > 1e-6
