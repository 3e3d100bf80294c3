"""Courses side by side: the same patients, the same draws, nothing ranked unasked."""

import io
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ketasim
from ketasim import InputError
from ketasim.planning import CRITERIA, Comparison, Measure
from ketasim.planning.difference import difference
from ketasim.planning.measure import UNCERTAINTY
from ketasim.screening import course_costs

PATIENT = {"age": 42, "weight": "78 kg", "diagnosis": "trd"}
SIX = {
    "title": "Six infusions",
    "patient": {**PATIENT, "baseline": {"scale": "MADRS", "score": 33}},
    "population": {"n": 12, "seed": 3},
    "regimen": "ketamine 0.5 mg/kg iv over 40 min on days 0 2 4 7 9 11",
    "horizon": "28 d",
}
SPRAY = "esketamine 84 mg intranasal twice weekly x 3 wk"
HALF = "ketamine 0.25 mg/kg iv over 40 min on days 0 2 4 7 9 11"


@pytest.fixture(scope="module")
def found() -> Comparison:
    return ketasim.compare(SIX, [SPRAY, HALF])


def rows(found: Comparison, metric: str) -> pl.DataFrame:
    return found.summary().filter(pl.col("metric") == metric)


def test_numbers_are_those_of_simulate(found: Comparison) -> None:
    alone = ketasim.simulate({**SIX, "title": "", "regimen": SPRAY})
    assert alone.mood is not None
    own = rows(found, "MADRS_end")["mean"].to_list()[1]
    assert own == pytest.approx(alone.mood.table["MADRS"][-1], rel=1e-12)
    cmax = alone.exposed(("ketamine", "venous"), "first", "cmax")
    assert cmax is not None
    shared = found.measure(SPRAY, "cmax")
    assert shared is not None
    assert shared.value == pytest.approx(float(cmax.mean()))


def test_a_difference_is_taken_draw_by_draw_and_contains_its_mean(found: Comparison) -> None:
    table = found.summary().filter(pl.col("difference_p05").is_not_null())
    assert len(table)
    inside = (table["difference_p05"] <= table["difference_to_first"]) & (
        table["difference_to_first"] <= table["difference_p95"]
    )
    assert inside.all()
    first, other = (found.measure(name, "MADRS_end") for name in found.names[:2])
    assert first is not None
    assert other is not None
    assert first.drawn is not None
    assert other.drawn is not None
    gap = found.difference(found.names[1], "MADRS_end")
    mixed = np.random.default_rng(0).permutation(first.drawn)
    wide = np.quantile(other.drawn - mixed, [0.05, 0.95])
    assert gap.p05 is not None
    assert gap.p95 is not None
    assert gap.p95 - gap.p05 < wide[1] - wide[0]


def test_an_option_against_itself_differs_by_nothing() -> None:
    found = ketasim.compare([SIX, SIX])
    table = found.summary().filter(pl.col("option") == found.names[1])
    gaps = table["difference_to_first"].drop_nulls()
    assert len(gaps) > 10
    assert (gaps == 0.0).all()
    assert set(table["p_better"].drop_nulls()) == {0.5}


def test_less_drug_is_less_of_everything_it_does(found: Comparison) -> None:
    for key in ("cmax", "auc", "CADSS_peak", "SBP_peak", "dose"):
        gap = found.difference(HALF, key)
        assert gap.value is not None
        assert gap.value < 0.0
    assert found.difference(HALF, "hours").value == 0.0


def test_hours_are_given_with_the_monitoring_period_of_the_rules(found: Comparison) -> None:
    own = {row["option"]: row["mean"] for row in rows(found, "hours").to_dicts()}
    assert own["Six infusions"] == pytest.approx(6 * (40 / 60 + 2.0))
    assert rows(found, "sessions")["mean"].to_list() == [6.0, 6.0, 6.0]
    assert rows(found, "dose")["mean"].to_list() == pytest.approx([234.0, 504.0, 117.0])
    tablets = "ketamine 120 mg oral_er twice weekly x 2 wk"
    slow = ketasim.compare({**SIX, "population": None}, [tablets], typical=True)
    hours = slow.measure(tablets, "hours")
    assert hours is not None
    assert hours.value is None
    assert "no monitoring period" in hours.note


def test_a_cost_takes_a_price_that_all_options_have(found: Comparison) -> None:
    assert rows(found, "cost")["mean"].null_count() == 3
    alike = ketasim.compare({**SIX, "population": None}, [f"{HALF.partition(' on')[0]} weekly x 2"])
    one, two = rows(alike, "cost").to_dicts()
    assert one["unit"] == two["unit"] == "USD"
    assert two["mean"] == pytest.approx(one["mean"] / 3.0)
    prices = course_costs(alike.options[0].course)
    counted = prices.filter(pl.col("per") == "session", pl.col("count") == 6)
    assert one["mean"] in ((counted["total_low"] + counted["total_high"]) / 2).to_list()
    assert alike.ranked_by("cost").ranking()[0].option == alike.names[1]


def test_nothing_is_ranked_unless_a_criterion_is_named(found: Comparison) -> None:
    assert found.ranking() == ()
    ranked = found.ranked_by("days well").ranking()
    values = [one.value for one in ranked]
    assert values == sorted(values, key=lambda one: -(one or 0.0))
    assert {one.option for one in ranked} == set(found.names)
    assert ranked[0].gap is None
    for before, one in pairwise(ranked):
        assert one.gap is not None
        assert (one.place == before.place) is not one.gap.clear
    for name in ("cmax", "MADRS_peak", "best"):
        with pytest.raises(InputError, match="rank_by"):
            found.ranked_by(name)


def test_the_typical_patient_has_scores_with_uncertainty_and_no_shares() -> None:
    found = ketasim.compare(SIX, [SPRAY], typical=True)
    assert found.typical
    score, share = found.measure(SPRAY, "MADRS_end"), found.measure(SPRAY, "response_end")
    assert score is not None
    assert share is not None
    assert score.drawn is not None
    assert len(score.drawn) == 40
    assert share.value is None
    assert "population" in share.note
    assert found.difference(SPRAY, "MADRS_end").p_better in np.arange(41) / 40
    assert not found.over_time()["MADRS"].is_null().any()
    assert found.over_time()["response"].is_null().all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"patient": {**PATIENT, "weight": "60 kg"}}, "patient.weight.*'78.0 kg'.*'60.0 kg'"),
        ({"population": {"n": 12, "seed": 4}}, "population.seed.*'3'.*'4'"),
        ({"horizon": "35 d"}, "horizon.*28 d.*35 d"),
        ({"mood": {"blinded": True}}, "mood.blinded.*nothing is given.*'True'"),
    ],
)
def test_other_patients_or_horizons_are_refused_with_both_values(change: dict, said: str) -> None:
    patient = {**PATIENT, "baseline": {"scale": "MADRS", "score": 33}}
    other = {**SIX, "title": "Other", **change}
    other["patient"] = {**patient, **other["patient"]}
    with pytest.raises(InputError, match=said):
        ketasim.compare([SIX, other])


def test_options_without_a_horizon_take_that_of_the_others() -> None:
    short = {k: v for k, v in SIX.items() if k not in ("horizon", "population", "title")}
    long = {**short, "regimen": "ketamine 0.5 mg/kg iv over 40 min weekly x 4"}
    both = ketasim.compare([short, long])
    assert {one.course.horizon for one in both.options} == {28 * 24.0}
    assert "longest" in both.warnings[0]
    given = ketasim.compare([{**short, "horizon": "20 d"}, short])
    assert {one.course.horizon for one in given.options} == {20 * 24.0}


@pytest.mark.parametrize("count", [1, 5])
def test_one_or_five_options_are_refused(count: int) -> None:
    with pytest.raises(InputError, match="2 to 4"):
        ketasim.compare([SIX] * count)


def test_an_error_in_a_regimen_says_which_one() -> None:
    with pytest.raises(InputError, match=r"regimens\[1\].*ketamien"):
        ketasim.compare(SIX, [SPRAY, "ketamien 0.5 mg/kg iv over 40 min"])


def test_what_is_computed_already_is_not_computed_again() -> None:
    first = ketasim.simulate({**SIX, "population": None})
    second = ketasim.simulate({**SIX, "population": None, "regimen": SPRAY, "title": "Spray"})
    found = ketasim.compare([first, second])
    assert found.options[0].simulation is first
    assert found.options[1].simulation is second


def test_certainty_names_the_nearest_arm(found: Comparison) -> None:
    table = found.certainty()
    assert set(table["word"]) <= {"studied", "near", "far"}
    assert set(table["option"]) == set(found.names)
    last = table.filter((pl.col("option") == "Six infusions") & (pl.col("when") == "last"))
    assert last["word"].item() == "studied"  # six infusions in two weeks are a published design


def test_a_result_is_shown_saved_and_read_by_machines(found: Comparison, tmp_path: Path) -> None:
    assert len(repr(found).splitlines()) <= 10
    assert "Six infusions" in found._repr_html_()
    paths = found.save(tmp_path / "out")
    assert [path.name for path in paths] == ["comparison.csv", "report.html"]
    table = pl.read_csv(io.BytesIO(paths[0].read_bytes()))
    contract = [
        "option",
        "metric",
        "unit",
        "mean",
        "p05",
        "p50",
        "p95",
        "difference_to_first",
        "p_better",
    ]
    assert table.columns[: len(contract)] == contract
    assert set(table["metric"]) <= {*CRITERIA, "certainty"}
    document = json.loads(found.to_json())
    assert document["metadata"]["seed"] == 3
    assert len(document["metadata"]["input"]) == 3
    assert "@" in found.cite()
    assert ketasim.plot(found, metric="response") is not None


@settings(max_examples=50)
@given(
    st.lists(st.floats(-50.0, 50.0), min_size=3, max_size=40),
    st.lists(st.floats(-50.0, 50.0), min_size=40, max_size=40),
)
def test_differences_are_antisymmetric(one: list[float], other: list[float]) -> None:
    mine, theirs = np.array(one), np.array(other[: len(one)])
    a = Measure("MADRS_end", float(mine.mean()), mine, UNCERTAINTY)
    b = Measure("MADRS_end", float(theirs.mean()), theirs, UNCERTAINTY)
    forth, back = difference(a, b), difference(b, a)
    assert forth.value is not None
    assert back.value is not None
    assert forth.value == pytest.approx(-back.value)
    assert forth.p05 == pytest.approx(-(back.p95 or 0.0))
    assert forth.p_better == pytest.approx(1.0 - (back.p_better or 0.0))
    assert forth.clear == back.clear
