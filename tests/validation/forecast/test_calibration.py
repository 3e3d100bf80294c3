"""Forecasts of a few simulated patients: the small version of `make forecast-checks`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from ketasim.validation.forecast.fits import RANKED, drawn_for, fit_rows, simulated
from ketasim.validation.forecast.settings import COUNTS, SETTINGS
from ketasim.validation.forecast.uniform import uniformity

PATIENTS = 60
FEW = 8_000
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def rows() -> Rows:
    """Two settings, MADRS and PHQ-9, forecast from one and from four scores."""
    found: Rows = []
    for setting in (SETTINGS[0], SETTINGS[7]):
        patients, drawn = simulated(setting, PATIENTS), drawn_for(setting, n=FEW)
        which = [(patient, count) for patient in range(PATIENTS) for count in (1, 4)]
        found += fit_rows(setting, patients, drawn, which=which)
    return found


def _of(rows: Rows, name: str, count: int) -> Any:
    return np.array([row[name] for row in rows if row["scores"] == count])


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("quantity", RANKED)
def test_ranks_of_the_truth_are_uniform(rows: Rows, quantity: str, count: int) -> None:
    ranks = _of(rows, f"u_{quantity}", count)
    assert len(ranks) == 2 * PATIENTS
    found = uniformity(ranks)
    assert found.away < 1.45 * found.band  # once in some thousand sets by chance
    assert found.sd == pytest.approx(np.sqrt(1.0 / 12.0), abs=0.05)


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("level", [0.5, 0.9])
@pytest.mark.parametrize("day", ["28", "56"])
def test_bands_hold_as_many_scores_as_they_say(
    rows: Rows, level: float, count: int, day: str
) -> None:
    inside = np.abs(_of(rows, f"u_rated_{day}", count) - 0.5) <= level / 2.0
    low, high = binom.ppf([0.0005, 0.9995], len(inside), level)
    assert low <= inside.sum() <= high


def test_more_scores_say_more(rows: Rows) -> None:
    assert _of(rows, "sd_28", 4).mean() < 0.8 * _of(rows, "sd_28", 1).mean()
    assert _of(rows, "crps_28", 4).mean() < _of(rows, "crps_28", 1).mean()


def test_a_part_of_the_scores_is_a_forecast_of_its_own() -> None:
    """The first of several scores, weighed with the others, is as weighed alone."""
    setting = SETTINGS[2]
    patients, drawn = simulated(setting, 2), drawn_for(setting, n=FEW)
    both = list(fit_rows(setting, patients, drawn, which=[(1, 2), (1, 4)]))
    alone = next(iter(fit_rows(setting, patients, drawn, which=[(1, 2)])))
    for name, value in alone.items():
        assert both[0][name] == (pytest.approx(value) if isinstance(value, float) else value)
    assert set(COUNTS) >= {2, 4}
