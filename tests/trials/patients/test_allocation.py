"""Randomisation within strata: arms alike in them, and patients as without it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from ketasim.dosing import load_trial
from ketasim.population import baseline_scores, normal_within, within
from ketasim.trials.patients.allocation import Allocation, allocation_of

FACTORS = ["sex", {"baseline": [35]}, {"region": {"EU": 0.5, "US": 0.3, "Asia": 0.2}}]
REPLICATES, SEED = 400, 5


def allocated(block: int, sizes: tuple[int, ...] = (40, 40)) -> Allocation:
    arms = [{"id": f"a{i}", "n": n, "control": "saline"} for i, n in enumerate(sizes)]
    trial = load_trial(
        {
            "trial": "t",
            "population": {"baseline": {"scale": "MADRS", "mean": 33, "sd": 5}, "female": 0.6},
            "arms": [one | {"days": [0]} for one in arms],
            "assess": [{"scale": "MADRS", "at": ["7 d"], "metrics": ["change"]}],
            "randomisation": {"strata": FACTORS, "block": block},
        }
    )
    found = allocation_of(trial)
    assert found is not None
    return found


def counts(found: Allocation, arm: str, first: int | None = None) -> np.ndarray:
    own = found.strata(SEED, arm, 0, REPLICATES)[:, :first]
    return np.stack([(own == s).sum(axis=1) for s in range(found.count)], axis=1)


@pytest.mark.parametrize("first", [None, 20])
def test_arms_are_alike_in_their_strata(first: int | None) -> None:
    """At a look as at the end, far more than by chance."""
    found = allocated(4)
    apart = counts(found, "a0", first) - counts(found, "a1", first)
    n = first or 40
    chance = 2 * n * found.shares * (1 - found.shares)
    assert (apart.var(axis=0) < 0.6 * chance).all()
    assert (apart.sum(axis=1) == 0).all()
    wide = counts(allocated(40), "a0") - counts(allocated(40), "a1")
    assert apart.var() < wide.var()


def test_a_block_is_never_out_of_balance_by_more_than_half() -> None:
    """But for those with whom the last arm is filled."""
    found = allocated(4)
    apart = np.abs(counts(found, "a0") - counts(found, "a1"))
    assert apart.max() <= 2 + 2 * found.count
    assert np.median(apart) <= 2


def test_patients_are_those_of_the_population() -> None:
    found = allocated(6, (40, 80))
    for arm in ("a0", "a1"):
        strata = found.strata(SEED, arm, 0, REPLICATES).ravel()
        share = np.bincount(strata, minlength=found.count) / len(strata)
        assert share == pytest.approx(found.shares, abs=4 * np.sqrt(0.25 / len(strata)))
        parts = found.parts(strata)
        random = np.random.default_rng(1)
        for part in parts.values():
            moved = within(random.random(len(strata)), part)
            # a false alarm in one of 100,000
            assert stats.kstest(moved, "uniform").pvalue > 1e-5
        z = normal_within(random.standard_normal(len(strata)), parts["baseline"])
        rated = np.rint(baseline_scores(33.0, 5.0, z, 60.0))
        level = found.levels[:, 1][strata]
        assert ((rated >= 35) == (level == 1)).all()


def test_a_patient_depends_on_nothing_that_is_asked_for() -> None:
    found = allocated(4)
    whole = found.strata(SEED, "a1", 0, 20)
    assert (found.strata(SEED, "a1", 7, 3) == whole[7:10]).all()
    assert (found.patients(SEED, "a1", 85, 50) == whole.ravel()[85:135]).all()
    assert (found.strata(SEED + 1, "a1", 0, 20) != whole).any()


def test_ratings_of_another_scale_are_cut_where_they_are_rated() -> None:
    arms = [{"id": name, "n": 10, "control": "saline", "days": [0]} for name in "ab"]
    trial = load_trial(
        {
            "trial": "t",
            "population": {"baseline": {"scale": "HDRS17", "mean": 23, "sd": 3}},
            "arms": arms,
            "assess": [{"scale": "HDRS17", "at": ["7 d"], "metrics": ["change"]}],
            "randomisation": {"strata": [{"baseline": [23]}]},
        }
    )
    found = allocation_of(trial)
    assert found is not None
    # half of the patients have the mean or more, half a point earlier
    assert found.ends[0][1] == pytest.approx(stats.norm.cdf(-0.5 / 3), abs=0.03)
