"""What a forecast says, and what must not change it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ketasim import Forecast, InputError, forecast
from ketasim.forecasting.well import first_day, well

GIVEN = "ketamine 0.5 mg/kg iv over 40 min on days 0 3 7 10"
WEEKLY = {"name": "weekly", "regimen": "ketamine 0.5 mg/kg iv over 40 min weekly x 4"}
STOP = {"name": "stop"}
SCORES = [
    {"day": 0, "scale": "PHQ9", "score": 21},
    {"day": 3, "scale": "PHQ9", "score": 15},
    {"day": 7, "scale": "PHQ9", "score": 12},
    {"day": 14, "scale": "PHQ9", "score": 10},
]
FEW = 8000


def _course(**more: Any) -> dict[str, Any]:
    base = {"patient": {"weight": "80 kg"}, "regimen": GIVEN, "now": "14 d", "horizon": "42 d"}
    return {**base, "scores": SCORES, "next": [WEEKLY, STOP], **more}


@pytest.fixture(scope="module")
def found() -> Forecast:
    return forecast(_course(), n=FEW)


@pytest.fixture(scope="module")
def small() -> Forecast:
    return forecast(_course(), n=2000)


def _last(result: Forecast, option: str, scale: str = "PHQ9") -> dict[str, Any]:
    table = result.days.filter((pl.col("option") == option) & (pl.col("scale") == scale))
    return table.row(-1, named=True)


def test_the_table_by_day(found: Forecast) -> None:
    table = found.summary()
    assert table.columns == [
        *("option", "day", "scale", "mean", "sd", "p05", "p25", "p50", "p75", "p95"),
        *("p_response", "p_remission", "p_well", "unit"),
    ]
    assert found.scales == ("PHQ9", "MADRS")
    assert sorted(table["day"].unique()) == list(range(14, 43))
    assert len(table) == 2 * 2 * 29
    shares = table.select("p_response", "p_remission", "p_well")
    assert shares.null_count().sum_horizontal()[0] == 0
    assert shares.min().min_horizontal()[0] >= 0.0
    assert shares.max().max_horizontal()[0] <= 1.0
    ends = {"PHQ9": 27.0, "MADRS": 60.0}
    for scale, highest in ends.items():
        own = table.filter(pl.col("scale") == scale)
        quantiles = own.select("p05", "p25", "p50", "p75", "p95").to_numpy()
        assert (np.diff(quantiles, axis=1) >= 0.0).all()
        assert quantiles.min() >= 0.0
        assert quantiles.max() <= highest


def test_now_both_options_are_alike_and_later_the_sessions_help(found: Forecast) -> None:
    first = found.days.filter(pl.col("day") == 14.0).drop("option")
    count = len(first) // 2
    assert np.allclose(first[:count]["mean"], first[count:]["mean"], atol=0.02)
    assert _last(found, "weekly")["mean"] < _last(found, "stop")["mean"]
    assert _last(found, "weekly")["p_well"] > _last(found, "stop")["p_well"]


def test_a_forecast_is_narrower_right_after_a_score(found: Forecast) -> None:
    own = found.days.filter((pl.col("scale") == "PHQ9") & (pl.col("option") == "stop"))
    assert own["sd"][0] < 0.75 * own["sd"][-1]


def test_contributions_add_up_to_the_fall(found: Forecast) -> None:
    parts = found.contributions.filter((pl.col("option") == "stop") & (pl.col("day") == 42.0))
    assert set(parts["part"]) == {"drug", "expectation", "antidepressant", "course"}
    assert parts["share"].sum() == pytest.approx(1.0)


def test_what_is_said_of_the_scores(found: Forecast) -> None:
    assert found.learned.startswith("Three scores say ")
    assert found.unusual.startswith("The 3 scores fit the model")
    assert 0.05 < (found.tail or 0.0) <= 1.0
    assert 0.0 < found.moved < 1.0
    assert found.information > 0.3
    fit = found.fit
    assert fit["score"].to_list() == [21, 15, 12, 10]
    assert fit["before_mean"][0] is None
    assert (fit["up_to"] - fit["below"]).drop_nulls().min() > 0.0
    # all scores together are nearer to each than the earlier ones alone
    later = fit[1:]
    after, before = (
        (later[f"{name}_mean"] - later["score"]).abs().mean() for name in ("after", "before")
    )
    assert after < before
    assert len(repr(found).splitlines()) <= 10
    assert "day 42" in repr(found)
    assert "@" in found.cite()
    assert found.metadata["effective"] == found.effective > 400


def test_files(found: Forecast, tmp_path: Path) -> None:
    paths = found.save(tmp_path / "out")
    assert {path.name for path in paths} == {"forecast.csv", "fit.csv", "report.html"}
    assert len(pl.read_csv(tmp_path / "out" / "forecast.csv")) == len(found.days)


def test_the_same_seed_gives_the_same_and_another_nearly(found: Forecast) -> None:
    again = forecast(_course(), n=FEW)
    assert again.days.equals(found.days)
    other = forecast(_course(), n=FEW, seed=5)
    assert not other.days.equals(found.days)
    for option in found.names:
        one, two = _last(found, option), _last(other, option)
        assert one["mean"] == pytest.approx(two["mean"], abs=1.0)
        assert one["p_response"] == pytest.approx(two["p_response"], abs=0.1)


@given(order=st.permutations(range(len(SCORES))))
@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_order_of_scores_and_of_candidates_does_not_matter(
    small: Forecast, order: list[int]
) -> None:
    mixed = _course(scores=[SCORES[i] for i in order], next=[STOP, WEEKLY])
    other = forecast(mixed, n=2000)
    for option in ("weekly", "stop"):
        assert _last(other, option) == _last(small, option)


def test_another_candidate_changes_nothing_of_the_others(found: Forecast) -> None:
    more = {"name": "far", "regimen": "ketamine 0.5 mg/kg iv over 40 min on day 40"}
    with_it = forecast(_course(next=[WEEKLY, STOP, more]), n=FEW)
    for option in found.names:
        assert _last(with_it, option) == _last(found, option)


def test_one_score_shows_the_population_with_that_baseline() -> None:
    result = forecast(_course(scores=SCORES[:1]), n=48_000)
    assert result.effective == pytest.approx(6000)
    assert "the population with that baseline" in result.learned
    assert result.tail is None
    for column in ("mean", "sd", "p05", "p95"):
        gap = (result.days[column] - result.prior[column]).abs()
        assert gap.max() < 1.5  # two draws of some hundreds of solutions
    assert forecast(
        _course(scores=[], patient={"weight": "80 kg", "baseline": {"scale": "PHQ9", "score": 21}}),
        n=48_000,
    ).days.equals(result.days)


def test_a_score_as_predicted_hardly_moves_the_mean() -> None:
    before = forecast(_course(scores=SCORES[:3], now="14 d"), n=FEW)
    expected = _first(before)
    score = {"day": 14, "scale": "PHQ9", "score": int(np.rint(expected["mean"]))}
    after = forecast(_course(scores=[*SCORES[:3], score]), n=FEW)
    assert _last(after, "stop")["mean"] == pytest.approx(_last(before, "stop")["mean"], abs=0.6)
    assert _last(after, "stop")["sd"] < _last(before, "stop")["sd"]


def _first(result: Forecast) -> dict[str, Any]:
    return result.days.filter(pl.col("scale") == "PHQ9").row(0, named=True)


def test_worse_scores_give_a_worse_forecast(found: Forecast) -> None:
    worse = [SCORES[0], *({**one, "score": one["score"] + 4} for one in SCORES[1:])]  # type: ignore[operator]
    other = forecast(_course(scores=worse), n=FEW)
    for option in found.names:
        assert _last(other, option)["mean"] > _last(found, option)["mean"]
        assert _last(other, option)["p_well"] < _last(found, option)["p_well"]


def test_scores_at_the_end_of_the_scale() -> None:
    none = [SCORES[0], *({"day": d, "scale": "PHQ9", "score": 0} for d in (3, 7, 10, 14))]
    result = forecast(_course(scores=none), n=FEW)
    assert _first(result)["p05"] == 0.0
    assert _first(result)["p_well"] > 0.9
    full = [SCORES[0], *({"day": d, "scale": "PHQ9", "score": 27} for d in (3, 7, 10, 14))]
    assert _first(forecast(_course(scores=full), n=FEW))["p95"] == 27.0


def test_a_patient_whom_the_model_does_not_fit() -> None:
    wild = [
        SCORES[0],
        *({"day": d, "scale": "PHQ9", "score": s} for d, s in ((1, 2), (3, 25), (7, 2))),
    ]
    result = forecast(_course(scores=wild), n=FEW)
    assert result.unusual.startswith("The model does not fit this patient")
    assert result.rounds > 0


def test_without_candidates_no_further_session_is_looked_at() -> None:
    result = forecast(_course(next=[], horizon=None), n=2000)
    assert result.names == ("stop",)
    assert result.days["day"].max() == 70.0
    assert any("eight weeks after now" in one for one in result.assumptions)


def test_who_keeps_a_response() -> None:
    times = 24.0 * np.arange(0.0, 22.0)
    week = np.minimum(np.arange(22) // 7, 3)
    states = np.array([[1, 1, 1, 1], [1, 0, 1, 1], [0, 1, 1, 1], [0, 0, 0, 0]])[:, week]
    found = well(np.where(states == 1, 5.0, 25.0), 10.0, times)
    assert found.kept[:, -1].tolist() == [True, False, True, False]
    assert found.p_well[-1] == 0.5
    assert found.p_lost[-1] == pytest.approx(1 / 3)
    assert first_day(found.p_lost, 0.3, times) == 7.0
    assert first_day(found.p_lost, 0.9, times) is None


@pytest.mark.parametrize(
    ("more", "field", "words"),
    [
        ({"scores": SCORES[1:]}, "scores", "no score before treatment"),
        ({"scores": []}, "scores", "no score is given"),
        ({"horizon": "14 d"}, "horizon", "not after now, day 14"),
        ({"pk_model": "simons2022"}, "pk_model", "simons2022"),
        ({"patient": {"diagnosis": "healthy"}}, "patient.diagnosis", "healthy"),
        (
            {"patient": {"baseline": {"scale": "PHQ9", "score": 19}}},
            "patient.baseline",
            "PHQ9 19, and 21",
        ),
        ({"scores": [{"day": 0, "scale": "IDS", "score": 40}]}, "scores.scale", "cross-walk"),
        ({"scores": [{"day": 0, "scale": "PHQ9", "score": 0}]}, "scores", "no depression"),
    ],
)
def test_what_cannot_be_forecast_is_refused(more: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(InputError) as refused:
        forecast(_course(**more), n=2000)
    assert refused.value.field == field
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"), [("n", 10), ("n", 10**9), ("seed", -1), ("level", 1.0), ("level", 0.0)]
)
def test_an_option_that_cannot_be(name: str, value: float) -> None:
    options: dict[str, Any] = {name: value}
    with pytest.raises(InputError, match=name):
        forecast(_course(), **options)


def test_dates_in_two_orders_are_refused() -> None:
    scores = [
        {"date": "25/3/2026", "scale": "PHQ-9", "score": 21},
        {"date": "3/29/2026", "scale": "PHQ-9", "score": 14},
    ]
    with pytest.raises(InputError, match=r"scores\[1\]\.date: '3/29/2026' has the month first"):
        forecast(_course(start="2026-03-25", scores=scores))


def test_a_small_level_is_passed_within_its_range() -> None:
    row = forecast(_course(), n=1000, level=0.05).lost.row(0, named=True)
    assert row["p05"] <= row["day"] <= row["p95"]


def test_one_score_is_not_said_to_be_unlike_everybody() -> None:
    told = forecast(_course(scores=[{"day": 0, "scale": "PHQ-9", "score": 21}]), n=1000).warnings
    assert "few virtual patients were drawn" in told[-1]
