"""Looks at running trials: as often significant as the theory of boundaries has it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from ketasim._base import InputError
from ketasim.dosing import Futility
from ketasim.trials.operating.looks import bound_of, futile_at, stopped_at
from ketasim.trials.sequential import (
    Boundaries,
    boundaries,
    conditional_bound,
    drift_with,
    fixed_drift,
    spent_bound,
    stops,
)


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


SHARES = np.array([0.3, 0.7, 1.0])
KIM_DEMETS = Boundaries(
    *("given", 0.03, 1, SHARES),
    *(np.array([2.8594012, 2.2435708, 1.9735737]), np.zeros(3)),
)
HWANG = Boundaries(
    *("given", 0.07, 1, np.array([0.2, 0.4, 1.0])),
    *(np.array([2.364813, 2.1928805, 1.5660474]), np.zeros(3)),
)


@pytest.mark.parametrize(
    ("plan", "spent", "bound", "inflation", "efficacy", "expected"),
    [
        (
            *(KIM_DEMETS, 0.34 * SHARES**3.2, [-1.1558435, 0.72836893], 1.0555891),
            *([0.058336437, 0.33990957, 0.261754], [0.86740735, 0.87361707, 0.75480974]),
        ),
        (
            *(HWANG, [0.010777094, 0.026854629, 0.14], [-1.1063623, -0.35992439], 1.0869177),
            *([0.12038953, 0.20856311, 0.53104735], [0.82636428, 0.916142, 0.79471657]),
        ),
    ],
)
def test_bounds_that_spend_are_those_of_rpact(
    plan: Boundaries,
    spent: list[float],
    bound: list[float],
    inflation: float,
    efficacy: list[float],
    expected: list[float],
) -> None:
    """Unit tests of the R package rpact, test-f_design_group_sequential.R: asKD, asHSD."""
    found = spent_bound(plan, spent)
    assert found == pytest.approx(bound, abs=1e-6)
    power = 1.0 - spent[-1]
    drift = drift_with(plan, found, power)
    times = (drift / fixed_drift(plan.alpha, 1, power)) ** 2
    assert times == pytest.approx(inflation, abs=1e-6)
    assert stops(plan, found, drift).efficacy == pytest.approx(efficacy, abs=1e-6)
    sizes = [times * stops(plan, found, part * drift).expected for part in (1.0, 0.5, 0.0)]
    assert sizes == pytest.approx(expected, abs=1e-6)


def test_a_given_bound_costs_what_rpact_prints() -> None:
    """Vignette of rpact on futility bounds: O'Brien and Fleming, three looks, 0 at the first."""
    plan, bound = boundaries(3), [0.0, -np.inf]
    drift = drift_with(plan, bound, 0.8)
    times = (drift / fixed_drift(0.025, 1, 0.8)) ** 2
    assert times == pytest.approx(1.0628, abs=5e-5)
    sizes = [times * stops(plan, bound, part * drift).expected for part in (1.0, 0.5, 0.0)]
    assert sizes == pytest.approx([0.8528, 0.8821, 0.7059], abs=5e-5)
    assert stops(plan, bound, drift).futility[0] == pytest.approx(0.048, abs=5e-4)


def test_conditional_power_at_its_bound_is_what_was_asked_for() -> None:
    plan = boundaries([0.4, 0.7, 1.0], alpha=0.05, sided=2)
    for share, z in zip(plan.information, conditional_bound(plan, 0.2), strict=False):
        # the sum of increments: what is seen, and what comes at the drift that is seen
        seen, rest = z * np.sqrt(share), 1.0 - share
        law = stats.norm(seen + z / np.sqrt(share) * rest, np.sqrt(rest))
        chance = integrate.quad(law.pdf, plan.critical[-1], np.inf)[0]
        assert chance == pytest.approx(0.2, abs=1e-8)


@pytest.mark.parametrize(
    "rule",
    [{"z": [0.3]}, {"conditional_power": 0.2}, {"spending": "pocock", "beta": 0.2}],
)
def test_trials_end_for_futility_as_often_as_computed(rule: dict[str, object]) -> None:
    shares = np.array([0.4, 0.7, 1.0])
    plan = boundaries(shares.tolist(), alpha=0.05, sided=2)
    bound = bound_of(plan, Futility.model_validate(rule))
    replicates, drift = 40_000, 2.8
    random = np.random.default_rng(12)
    steps = random.standard_normal((replicates, 3)) * np.sqrt(np.diff(shares, prepend=0.0))
    z = ((np.cumsum(steps, axis=1) + drift * shares) / np.sqrt(shares)).T
    shown, futile = stopped_at(z, plan.critical), futile_at(z, bound)
    expected = stops(plan, bound, drift)
    error = 4.0 * np.sqrt(0.25 / replicates)
    for look in range(2):
        ended = ((futile == look) & (shown > look)).mean()
        assert ended == pytest.approx(expected.futility[look], abs=error)
    both = ((shown < 3) & (shown <= futile)).mean()
    assert both == pytest.approx(expected.efficacy.sum(), abs=error)
    assert both < plan.power(drift)


@pytest.mark.parametrize("spent", [[0.1, 0.05, 0.2], [0.1, 0.2], [0.0, 0.0, 1.0]])
def test_a_type_2_error_that_cannot_be_spent_is_refused(spent: list[float]) -> None:
    with pytest.raises(InputError, match="spent"):
        spent_bound(boundaries(3), spent)
