"""Looks at running trials: as often significant as the theory of boundaries has it."""

from __future__ import annotations

import numpy as np
import pytest

from ketasim.trials.operating.looks import stopped_at
from ketasim.trials.sequential import boundaries


@pytest.mark.parametrize(
    "kind", ["obrien-fleming", "pocock", "spending-obrien-fleming", "spending-pocock"]
)
@pytest.mark.parametrize("drift", [0.0, 2.8])
def test_trials_end_at_each_look_as_often_as_computed(kind: str, drift: float) -> None:
    shares = np.array([0.3, 0.6, 1.0])
    plan = boundaries(shares.tolist(), kind, alpha=0.05, sided=2)
    replicates = 40_000
    random = np.random.default_rng(11)
    steps = random.standard_normal((replicates, 3)) * np.sqrt(np.diff(shares, prepend=0.0))
    z = (np.cumsum(steps, axis=1) + drift * shares) / np.sqrt(shares)
    at = stopped_at(z.T, plan.critical)
    found = np.bincount(at, minlength=4)[:3] / replicates
    expected = plan.crossed(drift)
    assert found == pytest.approx(expected, abs=4.0 * np.sqrt(0.25 / replicates))
    if not drift:
        assert found.sum() == pytest.approx(0.05, abs=4.0 * np.sqrt(0.05 * 0.95 / replicates))


def test_a_look_without_a_fit_does_not_end_a_trial() -> None:
    z = np.array([[np.nan, 9.0], [3.0, 0.0]])
    assert stopped_at(z, np.array([2.5, 2.0])).tolist() == [1, 0]
