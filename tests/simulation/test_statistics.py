"""Statistics over patients: the quantiles are NumPy's, to the last bit."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from ketasim.simulation.statistics import QUANTILES, statistics

VALUES = st.floats(allow_nan=True, allow_infinity=True, width=64)


@given(arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=9), elements=VALUES))
def test_quantiles_are_those_of_numpy(table: np.ndarray) -> None:
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = np.quantile(table, list(QUANTILES.values()), axis=1)
        found = statistics(table, typical=False)
    for row, name in zip(wanted, QUANTILES, strict=True):
        assert np.array_equal(found[name], row, equal_nan=True), name


@pytest.mark.parametrize("n", [2, 19, 20, 21, 500])
def test_quantiles_of_many_patients(n: int) -> None:
    table = np.random.default_rng(n).lognormal(size=(40, n))
    found = statistics(table, typical=False)
    wanted = np.quantile(table, list(QUANTILES.values()), axis=1)
    assert np.array_equal([found[name] for name in QUANTILES], wanted)
    assert np.allclose(found["mean"], table.mean(axis=1), rtol=1e-14)
    assert np.allclose(found["sd"], table.std(axis=1, ddof=1), rtol=1e-14)


def test_single_precision_is_summed_in_double() -> None:
    table = np.full((1, 10_000), 0.1, np.float32)
    found = statistics(table, typical=False)
    assert found["mean"][0] == pytest.approx(float(np.float32(0.1)), rel=1e-14)
