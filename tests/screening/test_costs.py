"""Prices are those of their rows, and a course is only ever multiplied."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim._base import InputError
from ketasim.dosing import parse_course
from ketasim.evidence import cost_rows, fact, facts, interval, load_sources, number
from ketasim.screening import course_costs

SIX = "ketamine 0.5 mg/kg iv over 40 min on days 0 2 4 7 9 11"


def _costs(regimen: str, **patient: Any) -> pl.DataFrame:
    return course_costs(parse_course(json.dumps({"regimen": regimen, "patient": patient})))


def _row(table: pl.DataFrame, fact_id: str) -> dict[str, Any]:
    return table.filter(pl.col("fact") == fact_id).to_dicts()[0]


@pytest.mark.parametrize("row", facts("care/costs"), ids=lambda row: f"{row.row}")
def test_a_price_is_that_of_its_row(row: Any) -> None:
    told = fact(row.get("fact"))
    assert told.table == "care/care"
    assert row.source == told.source
    assert row.get("year") == load_sources()[told.source].year
    assert row.get("country") == told.get("jurisdiction")
    text = f"{told.get('value')} {told.get('unit')} {told.get('item')} {told.get('note')}"
    assert row.get("currency") in text
    ends = number(told.get("value")), interval(told.get("value"))
    low, high = float(row.get("low")), float(row.get("high"))
    if ends[0] is not None:
        assert low == high == ends[0]
    elif ends[1] is not None:
        assert (low, high) == ends[1]
    else:
        assert f"{low:g}" in text and f"{high:g}" in text
    if row.get("dose_mg"):
        assert f"{row.get('dose_mg')} mg" in told.get("item")


def test_every_price_row_is_carried() -> None:
    carried = {row.get("fact") for row in facts("care/costs")}
    priced = {row.id for row in facts("care/care") if row.get("topic") == "cost"}
    assert priced <= carried


def test_prices_are_found_by_drug_and_route() -> None:
    nasal = cost_rows("esketamine", "intranasal")
    assert set(nasal["drug"]) <= {"esketamine", ""}
    assert set(nasal["currency"]) == {"USD", "GBP"}
    assert cost_rows().height == len(facts("care/costs"))
    assert "oral;sublingual" in cost_rows("ketamine", "sublingual")["route"].to_list()
    with pytest.raises(InputError, match="did you mean 'esketamine'"):
        cost_rows("esketamin")


def test_what_is_not_said_of_a_price_is_named() -> None:
    told = dict(cost_rows().select("item", "includes").iter_rows())
    staff = "the source does not say whether drug, staff and watch are in it"
    assert told["injection"] == staff
    assert told["prescription fee"] == "the source does not say what is in it"
    assert "not said" not in told.values()


def test_sessions_times_the_published_price() -> None:
    table = _costs(SIX, weight="70 kg", diagnosis="trd")
    first = _row(table, "care/care:29")
    assert (first["count"], first["total_low"], first["total_high"]) == (6, 2400.0, 4800.0)
    assert (first["currency"], first["country"], first["year"]) == ("USD", "US", None)
    assert "year not shown" in first["note"]
    # thervo prices the whole series, which six sessions are
    series = _row(table, "care/care:30")
    assert (series["count"], series["total_low"], series["total_high"]) == (1, 2400.0, 6400.0)
    assert _row(table, "care/care:71")["total_low"] == 6 * 225
    assert _row(table, "care/care:70")["count"] == 1
    # a price for pain is none for depression
    assert "care/care:31" not in table["fact"].to_list()
    pain = _costs(SIX, weight="70 kg", diagnosis="pain")["fact"].to_list()
    assert "care/care:31" in pain and "care/care:29" not in pain
    unknown = _costs(SIX, weight="70 kg")["fact"].to_list()
    assert {"care/care:29", "care/care:31"} <= set(unknown)


def test_a_series_price_is_not_stretched() -> None:
    table = _costs(f"{SIX}, then weekly x4", diagnosis="trd")
    assert _row(table, "care/care:30")["count"] is None
    assert "series of 6 to 8" in _row(table, "care/care:30")["note"]
    assert _row(table, "care/care:32")["count"] == 10


def test_a_price_of_one_dose_counts_its_sessions() -> None:
    regimen = (
        "esketamine 56 mg intranasal on day 0, then esketamine 84 mg intranasal twice weekly x7"
    )
    table = _costs(regimen)
    assert _row(table, "care/care:76")["count"] == 1
    assert _row(table, "care/care:77")["total_low"] == 7 * 714
    assert _row(table, "care/care:78")["count"] is None
    assert _row(table, "care/care:80")["count"] == 7
    assert _row(table, "care/care:38")["year"] == 2020
    assert set(table["sessions"]) == {8}
    # nobody's value of a year of health is a price of a session
    assert {"QALY", "remitter"}.isdisjoint(table["per"].to_list())


@pytest.mark.parametrize(
    "regimen",
    ["ketamine 180 mg oral_er twice weekly x24", "arketamine 0.5 mg/kg iv over 40 min once"],
)
def test_a_route_without_a_price_says_so(regimen: str) -> None:
    table = _costs(regimen)
    assert table.height == 1
    row = table.to_dicts()[0]
    assert row["item"] == "price not published for this route"
    assert row["count"] is None and row["total_low"] is None and row["currency"] is None


def test_two_routes_stand_apart() -> None:
    table = _costs(f"{SIX}, then ketamine 100 mg sublingual weekly x4")
    by_route = dict(table.group_by("route").agg(pl.col("sessions").first()).iter_rows())
    assert by_route == {"iv": 6, "sublingual": 4}
    assert _row(table, "care/care:34")["total_high"] == 4 * 300


@given(st.integers(1, 40))
def test_totals_are_count_times_price_and_nothing_else(n: int) -> None:
    table = _costs(f"ketamine 0.5 mg/kg iv over 40 min twice weekly x {n} sessions")
    counted = table.filter(pl.col("count").is_not_null())
    assert (counted["total_low"] == counted["count"] * counted["low"]).all()
    assert (counted["total_high"] == counted["count"] * counted["high"]).all()
    assert set(counted.filter(pl.col("per") == "session")["count"]) == {n}
    assert table.filter(pl.col("count").is_null())["total_low"].null_count() == (
        table.height - counted.height
    )
