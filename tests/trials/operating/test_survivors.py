"""Time to relapse in many replicates: as analysed alone, and wrong as often as it says."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from ketasim.trials import time_to_event
from ketasim.trials.operating.outcomes import survivors

Array = NDArray[np.float64]


def drawn(seed: int, replicates: int, n: int, ratio: float) -> list[tuple[Array, Array]]:
    """Visit of the last rating, and whether a relapse was shown then, of both arms."""
    random = np.random.default_rng(seed)
    arms: list[tuple[Array, Array]] = []
    for hazard in (0.08 * ratio, 0.08):
        relapse = random.geometric(1.0 - np.exp(-hazard), (replicates, n))
        left = random.geometric(0.05, (replicates, n))
        last = np.minimum(np.minimum(relapse, left), 10)
        arms.append((last.astype(float), (relapse <= left) & (relapse <= 10)))
    return arms


def counted(arm: tuple[Array, Array]) -> tuple[Array, Array]:
    last, event = arm
    visits = range(1, 11)
    relapses = [((last == v) & (event == 1)).sum(axis=1) for v in visits]
    at_risk = [(last >= v).sum(axis=1) for v in visits]
    return np.stack(relapses, axis=1).astype(float), np.stack(at_risk, axis=1).astype(float)


def test_each_replicate_is_as_analysed_alone() -> None:
    arms = drawn(2, 2, 40, 0.5)
    found = survivors(*map(counted, arms))
    for replicate in range(2):
        data = pl.concat(
            [
                pl.DataFrame(
                    {
                        "time": last[replicate],
                        "event": event[replicate].astype(int),
                        "arm": [name] * len(last[replicate]),
                    }
                )
                for (last, event), name in zip(arms, ("a", "b"), strict=True)
            ]
        )
        alone = time_to_event("Surv(time, event) ~ arm", data, arm="arm", reference={"arm": "b"})
        row = alone.tables["hazard_ratios"].row(0, named=True)
        assert np.exp(found.estimate[replicate]) == pytest.approx(row["hazard_ratio"], rel=1e-5)
        assert found.low[replicate] == pytest.approx(row["low"], rel=1e-4)
        test = alone.tables["log_rank"].row(0, named=True)
        assert found.z[replicate] ** 2 == pytest.approx(test["chi_squared"], rel=1e-6)


def test_null_trials_are_told_from_none_in_five_of_a_hundred() -> None:
    replicates = 4000
    found = survivors(*map(counted, drawn(7, replicates, 60, 1.0)))
    assert not found.failures
    share = found.rejects.mean()
    assert share == pytest.approx(0.05, abs=3.5 * np.sqrt(0.05 * 0.95 / replicates))
    covered = (found.low <= 0.0) & (found.high >= 0.0)
    assert covered.mean() == pytest.approx(0.95, abs=3.5 * np.sqrt(0.05 * 0.95 / replicates))


def test_an_arm_without_relapse_has_a_test_and_no_ratio() -> None:
    none, some = np.zeros((1, 2)), np.array([[5.0, 4.0]])
    there = np.array([[20.0, 20.0]])
    found = survivors((none, there), (some, there - np.array([[0.0, 5.0]])))
    assert np.isnan(found.estimate[0]) and found.rejects[0] == 1.0
    assert found.failures == {"nobody relapses in one of the arms": 1}
    nothing = survivors((none, there), (none, there))
    assert nothing.rejects[0] == 0.0 and nothing.failures == {"nobody relapses": 1}


def test_strata_are_those_of_cox_with_strata() -> None:
    from statsmodels.duration.hazard_regression import PHReg

    arms = drawn(4, 1, 120, 0.6)
    stratum = np.random.default_rng(1).integers(0, 3, (2, 120))
    sides: list[tuple[Array, Array]] = []
    for (last, event), own in zip(arms, stratum, strict=True):
        # who is of another stratum is neither at risk nor relapses
        parts = [counted((np.where(own == s, last, 0.0), event)) for s in range(3)]
        relapses, at_risk = (np.concatenate(one, axis=1) for one in zip(*parts, strict=True))
        sides.append((relapses, at_risk))
    found = survivors(*sides)
    time, event = (np.concatenate([arm[part][0] for arm in arms]) for part in (0, 1))
    first = np.repeat([1.0, 0.0], 120)
    alone = PHReg(time, first, status=event, strata=stratum.ravel(), ties="efron").fit()
    assert found.estimate[0] == pytest.approx(alone.params[0], rel=1e-5)
    assert found.se[0] == pytest.approx(alone.bse[0], rel=1e-4)
