"""Against what PKNCA publishes of theophylline, and the values in its own tests."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import polars as pl
import pytest

from ketasim import NonCompartmental, nca
from ketasim.noncompartmental.area import area, tail
from ketasim.noncompartmental.slope import terminal_slope

pytestmark = pytest.mark.filterwarnings("ignore::ketasim._base.KetasimWarning")


@pytest.fixture(scope="module")
def found(theoph: ModuleType) -> NonCompartmental:
    return nca(theoph.theophylline(), unit="mg/L", dose_unit="mg/kg")


def _summary(result: NonCompartmental, metric: str) -> dict[str, float]:
    return result.summary().row(by_predicate=pl.col("metric") == metric, named=True)


@pytest.mark.filterwarnings("ignore")
def test_the_vignette_example_theophylline(theoph: ModuleType, found: NonCompartmental) -> None:
    """PKNCA's vignette `Example-theophylline`: geometric mean [CV], median [range], mean [SD]."""
    table = found.table()
    first, sixth = table.row(0, named=True), table.row(5, named=True)
    assert first["cmax"] == 10.5 and first["tmax"] == 1.12
    assert first["tlast"] == 24.37 and first["clast"] == 3.28
    assert first["lambda_z"] == pytest.approx(0.048457, abs=5e-7)
    assert sixth["auc_last"] == pytest.approx(71.6970150, abs=5e-8)
    assert sixth["lambda_z"] == pytest.approx(0.0877957, abs=5e-8)
    cmax, half = _summary(found, "cmax"), _summary(found, "half_life")
    assert round(cmax["geometric_mean"], 2) == 8.65 and round(cmax["geometric_cv"], 1) == 17.0
    assert round(half["mean"], 2) == 8.18 and round(half["sd"], 2) == 2.12
    tmax, whole = _summary(found, "tmax"), _summary(found, "auc_inf_obs")
    assert round(tmax["median"], 2) == 1.14 and (tmax["min"], tmax["max"]) == (0.63, 3.55)
    assert round(whole["geometric_mean"]) == 115 and round(whole["geometric_cv"], 1) == 28.4
    last = _summary(found, "auc_last")
    assert round(last["geometric_mean"], 1) == 98.7 and round(last["geometric_cv"], 1) == 22.5

    a_day = nca(theoph.theophylline(24), unit="mg/L", dose_unit="mg/kg")
    assert a_day.table()["auc_last"][0] == pytest.approx(92.365442, abs=5e-7)
    last = _summary(a_day, "auc_last")
    assert round(last["geometric_mean"], 1) == 74.6 and round(last["geometric_cv"], 1) == 24.3


def test_the_points_of_every_terminal_line(theoph: ModuleType, found: NonCompartmental) -> None:
    assert tuple(found.table()["lambda_z_points"]) == theoph.TERMINAL_POINTS
    points = found.points()
    for subject, count in enumerate(theoph.TERMINAL_POINTS, start=1):
        used = points.filter(pl.col("ID") == str(subject))["terminal"].to_list()
        assert used == [False] * (11 - count) + [True] * count


def test_a_half_life_among_points_after_the_peak() -> None:
    """PKNCA's test-half.life.R: the peak itself is not used."""
    slope = terminal_slope(np.arange(4.0), np.array([1, 0.5, 0.25, 0.1251]), 0.0)
    assert slope is not None and slope.half_life == pytest.approx(1.000577, abs=5e-7)
    infused = np.array([0.5, 1.0, 0.5, 0.12, 0.25, 0.05])
    for ends, first in ((2.0, 3.0), (3.0, 4.0)):
        slope = terminal_slope(np.arange(1.0, 7.0), infused, max(2.0, ends))
        assert slope is not None and slope.times[0] == first


def test_areas_and_moments() -> None:
    """PKNCA's test-auc.R, linear up and log down."""
    times, values = np.arange(4.0), np.array([0, 1, 1, 0.5])
    log = np.log(0.5)
    assert area(times, values) == pytest.approx(0.5 + 1 - 0.5 / log)
    moment = 2 - 0.5 / log + 0.5 / log**2
    assert area(times, values, moment=True) == pytest.approx(moment)
    assert moment + tail(0.5, 3, 1, moment=True) == pytest.approx(moment + 1.5 + 0.5)
    assert area(times, values, moment=True, linear=True) == pytest.approx(3.75)
