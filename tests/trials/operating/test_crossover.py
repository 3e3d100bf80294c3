"""Crossovers of many replicates: compared within patients, period taken out."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from ketasim.trials.operating.crossover import within_patients
from ketasim.trials.operating.outcomes import by_t

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


def periods_of(replicates: int, n: int, arms: int) -> list[Integers]:
    """Period of each patient in each arm: the turns of a Latin square."""
    turn = np.arange(n)
    return [np.broadcast_to((arm + turn) % arms, (replicates, n)) for arm in range(arms)]


def drawn(
    seed: int, replicates: int, n: int, arms: int, effect: float, period: float
) -> list[Array]:
    random = np.random.default_rng(seed)
    own = 6.0 * random.normal(size=(replicates, n))
    when = periods_of(replicates, n, arms)
    made = [own + 3.0 * random.normal(size=own.shape) + period * when[a] for a in range(arms)]
    made[0] = made[0] + effect
    return made


def test_two_periods_are_compared_as_hills_and_armitage_do() -> None:
    changes = drawn(1, 3, 21, 2, -4.0, 2.0)
    found = within_patients(changes, periods_of(*changes[0].shape, len(changes)), 0, 1)
    first = periods_of(1, 21, 2)[0][0] == 0
    for replicate in range(3):
        # difference of the periods, by sequence
        apart = changes[0][replicate] - changes[1][replicate]
        apart = np.where(first, apart, -apart)
        test = stats.ttest_ind(apart[first], apart[~first])
        assert found.estimate[replicate] == pytest.approx(
            (apart[first].mean() - apart[~first].mean()) / 2.0
        )
        assert found.df[replicate] == 19
        assert found.estimate[replicate] / found.se[replicate] == pytest.approx(test.statistic)


@pytest.mark.parametrize("arms", [2, 3])
def test_null_trials_are_told_from_none_in_five_of_a_hundred(arms: int) -> None:
    replicates = 4000
    changes = drawn(5, replicates, 18, arms, 0.0, 3.0)
    random = np.random.default_rng(6)
    changes = [np.where(random.random(one.shape) < 0.1, np.nan, one) for one in changes]
    found = by_t(within_patients(changes, periods_of(*changes[0].shape, len(changes)), 0, 1))
    assert not found.failures
    assert found.estimate.mean() == pytest.approx(0.0, abs=0.1)
    assert found.rejects.mean() == pytest.approx(0.05, abs=3.5 * np.sqrt(0.05 * 0.95 / replicates))


def test_who_leaves_is_in_no_later_period() -> None:
    changes = drawn(9, 1, 8, 2, -4.0, 0.0)
    order = periods_of(1, 8, 2)
    lost = [one.copy() for one in changes]
    early = lost[0] if order[0][0, 0] == 0 else lost[1]
    early[0, 0] = np.nan
    both = [one.copy() for one in lost]
    for one in both:
        one[0, 0] = np.nan
    assert within_patients(lost, order, 0, 1).estimate == pytest.approx(
        within_patients(both, order, 0, 1).estimate
    )
