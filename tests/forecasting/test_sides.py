"""The past of a patient, and candidates beside each other."""

from __future__ import annotations

import polars as pl
import pytest

from ketasim.forecasting import Forecast


def test_differences_are_those_of_the_table_by_day(three: Forecast) -> None:
    last = three.days.filter((pl.col("day") == 28.0) & (pl.col("scale") == "PHQ9"))
    means = {row["option"]: row for row in last.to_dicts()}
    names = {"PHQ9": "mean", "p_response": "p_response", "p_well": "p_well"}
    for row in three.differences.to_dicts():
        if row["quantity"] not in names:
            continue
        column = names[row["quantity"]]
        own = means[row["option"]][column] - means[row["against"]][column]
        wide = 0.1 if row["quantity"] == "PHQ9" else 0.01
        assert row["mean"] == pytest.approx(own, abs=wide)


def test_candidates_that_are_the_same_are_not_told_apart(three: Forecast) -> None:
    alike = three.differences.filter(pl.col("option") == "the same by another name")
    assert len(alike) == 4
    assert not alike["told_apart"].any()
    assert alike["mean"].abs().max() == pytest.approx(0.0, abs=1e-9)


def test_fewer_sessions_leave_a_higher_score(three: Forecast) -> None:
    row = three.differences.filter(
        (pl.col("option") == "stop") & (pl.col("quantity") == "PHQ9")
    ).row(0, named=True)
    assert 0.0 <= row["p05"] < row["mean"] < row["p95"]
    assert row["told_apart"] is (row["p05"] >= 0.05)


def test_the_past_ends_where_the_future_begins(three: Forecast) -> None:
    past = three.past.filter(pl.col("scale") == "PHQ9")
    assert past["day"][0] == 0.0
    now = past.row(-1, named=True)
    ahead = three.days.filter((pl.col("scale") == "PHQ9") & (pl.col("option") == "stop"))
    first = ahead.row(0, named=True)
    for name in ("mean", "p05", "p50", "p95"):
        assert now[name] == pytest.approx(first[name], abs=0.02)


def test_the_past_at_a_score_is_what_another_rating_would_be(three: Forecast) -> None:
    row = three.past.filter((pl.col("scale") == "PHQ9") & (pl.col("day") == 3.0)).row(0, named=True)
    fit = three.fit.filter(pl.col("day") == 3.0).row(0, named=True)
    assert row["mean"] == pytest.approx(fit["after_mean"], abs=0.02)
    assert row["p95"] == pytest.approx(fit["after_p95"], abs=0.02)
