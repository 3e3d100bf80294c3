"""Shares of responders: published intervals, symmetry, and logistic regression."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from ketasim import InputError
from ketasim.trials import responder
from ketasim.trials.analysis import risk_difference, risk_ratio, wilson
from ketasim.trials.analysis.proportions import score_statistic


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        # Miettinen and Nurminen (1985), as the tests of gsDesign (keaven/gsDesign) have them
        ((0, 10, 0, 20), -0.1658, 0.2844),
        ((72, 756, 20, 573), 0.0344, 0.0868),
    ],
)
def test_published_intervals(counts: tuple[int, int, int, int], low: float, high: float) -> None:
    found = risk_difference(*counts)
    assert (float(found.low), float(found.high)) == pytest.approx((low, high), abs=6e-5)


@settings(max_examples=25)
@given(n=st.integers(2, 60), m=st.integers(2, 60), a=st.floats(0, 1), b=st.floats(0, 1))
def test_intervals_are_roots_and_symmetric(n: int, m: int, a: float, b: float) -> None:
    x, y = round(a * n), round(b * m)
    for method in ("miettinen-nurminen", "mee", "newcombe"):
        one = risk_difference(x, n, y, m, method=method)
        two = risk_difference(y, m, x, n, method=method)
        assert float(one.low) == pytest.approx(-float(two.high), abs=1e-9)
        assert -1 - 1e-9 <= one.low <= one.estimate + 1e-9 <= one.high + 2e-9 <= 1 + 3e-9
    found = risk_difference(x, n, y, m)
    counts = (np.array(float(one)) for one in (x, n, y, m))
    if found.low > -0.999 and found.low < found.estimate - 1e-6:
        assert float(score_statistic(*counts, found.low)) == pytest.approx(1.959964, abs=1e-4)


def test_many_comparisons_at_once() -> None:
    events = np.array([3, 5, 9])
    found = risk_difference(events, 10, 2, 10)
    each = [float(risk_difference(one, 10, 2, 10).low) for one in events]
    assert found.low == pytest.approx(each)
    assert np.isnan(risk_ratio(0, 10, 2, 10).estimate)
    assert wilson(0, 10)[0] == 0.0


def trial() -> pl.DataFrame:
    random = np.random.default_rng(8)
    arm = np.repeat(["b", "a", "c"], 40)
    base = random.normal(30, 4, 120)
    change = -0.4 * base + 4 * (arm == "a") + random.normal(0, 6, 120)
    return pl.DataFrame({"ARM": arm, "BASE": base, "CHG": change})


def test_logistic_regression() -> None:
    data = trial()
    found = responder("I(CHG <= -12) ~ ARM + BASE", data, arm="ARM", reference="b")
    design = sm.add_constant(
        np.column_stack([data["ARM"] == "a", data["ARM"] == "c", data["BASE"]]).astype(float)
    )
    other = sm.Logit((data["CHG"] <= -12).to_numpy().astype(float), design).fit(disp=0)
    table = found.tables["coefficients"]
    assert table["estimate"].to_numpy() == pytest.approx(other.params, abs=1e-5)
    assert table["se"].to_numpy() == pytest.approx(other.bse, abs=1e-5)
    assert found.tables["differences"]["contrast"].to_list() == ["a - b", "c - b"]


def test_separation_is_told_and_differences_stay() -> None:
    data = pl.DataFrame({"ARM": list("aaaabbbb"), "RESP": [0, 0, 0, 0, 1, 1, 1, 0]})
    found = responder("RESP ~ ARM", data)
    assert "coefficients" not in found.tables
    assert "run to infinity" in " ".join(found.notes)
    assert found.tables["differences"]["estimate"][0] == pytest.approx(0.75)


def test_an_outcome_of_other_numbers_is_refused() -> None:
    with pytest.raises(InputError, match=r"neither 0 nor 1.*I\(CHG <= 10\)"):
        responder("CHG ~ ARM", trial())


def test_a_ratio_that_has_no_interval_says_why() -> None:
    """The standard error of Katz is 0 where all respond: an interval of no width."""
    found = responder("RESP ~ ARM", {"ARM": list("aaaabbbb"), "RESP": [1] * 8})
    row = found.tables["differences"].row(0, named=True)
    assert row["risk_ratio"] == 1.0
    assert np.isnan([row["risk_ratio_low"], row["risk_ratio_high"]]).all()
    assert "No interval of the risk ratio of b - a: everybody" in " ".join(found.notes)
    none = responder("RESP ~ ARM", {"ARM": list("aaaabbbb"), "RESP": [1, 1, 0, 0] + [0] * 4})
    assert "No risk ratio of b - a: nobody responds in b." in none.notes
