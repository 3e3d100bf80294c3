"""Metrics by their definitions, on ratings written by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ketasim.dosing import Assessment, load_trial
from ketasim.trials import Cell, Values
from ketasim.trials.assess import assessed, restricted_mean, survival
from ketasim.trials.ratings import Ratings

GONE = np.nan


def _assessment(**entry: Any) -> Assessment:
    content = {
        "trial": "t",
        "population": {"baseline": {"scale": "MADRS", "mean": 30, "sd": 5}},
        "arms": [{"id": "a", "n": 4, "control": "saline"}],
        "assess": [{"scale": "MADRS", **entry}],
        "remission_at_most": 10,
    }
    return load_trial(content).assessments[0]


def _ratings(times: list[float], baseline: list[float], rows: list[list[float]]) -> Ratings:
    madrs = np.array([rows], np.float32)
    return Ratings(np.array(times), madrs, np.array([baseline], np.float32))


def _found(assessment: Assessment, ratings: Ratings) -> dict[tuple[str, float], Values]:
    return {(cell.metric, cell.time): values for cell, values in assessed(assessment, ratings)}


def test_means_and_shares_are_of_those_still_there() -> None:
    metrics = ["score", "change", "percent_change", "response", "remission"]
    assessment = _assessment(at=["24 h"], metrics=metrics)
    # half of 31 is 15.5, so 15 is a response and 16 is none; 10 is a remission and 10.6 is rated 11
    ratings = _ratings([24.0], [31, 31, 40, 40, 20], [[15], [16], [10], [GONE], [10.6]])
    found = {metric: one for (metric, _), one in _found(assessment, ratings).items()}
    assert found["score"].value == pytest.approx([(15 + 16 + 10 + 11) / 4])
    assert found["change"].value == pytest.approx([-(16 + 15 + 30 + 9) / 4])
    percents = [-1600 / 31, -1500 / 31, -75.0, -45.0]
    assert found["percent_change"].value == pytest.approx([np.mean(percents)])
    assert found["response"].value == pytest.approx([2 / 4])
    assert found["remission"].value == pytest.approx([1 / 4])
    assert {one.count[0] for one in found.values()} == {4}
    assert found["score"].spread == pytest.approx([np.var([15, 16, 10, 11], ddof=1)])
    assert found["score"].sampling == pytest.approx(found["score"].spread / 4)


def test_half_of_the_baseline_is_a_response() -> None:
    assessment = _assessment(at=["24 h"], metrics=["response"])
    ratings = _ratings([24.0], [30, 30], [[15], [16]])
    each = _found(assessment, ratings)["response", 24.0].each
    assert each is not None and each.tolist() == [[1, 0]]


def test_relapse_needs_consecutive_visits_and_counts_from_the_last_of_them() -> None:
    assessment = _assessment(
        metrics=["relapse", "time_to_relapse"],
        **{"from": "0 h"},
        at=["1 d", "2 d", "3 d", "4 d"],
        relapse={"score_at_least": 22, "visits": 2},
    )
    times = [0.0, 24.0, 48.0, 72.0, 96.0]
    rows = [
        [30, 22, 21, 22, 21],  # never twice in a row
        [30, 22, 22, 10, 10],  # shown on days 1 and 2: relapsed on day 2
        [30, 10, 10, 25, 25],  # relapsed on day 4
        [30, 10, 25, GONE, GONE],  # left before it was confirmed
    ]
    found = _found(assessment, _ratings(times, [30, 30, 30, 30], rows))
    well = [1, 1 - 1 / 4, 3 / 4, 3 / 4 * (1 - 1 / 2)]
    got = [1 - found["relapse", time].value[0] for time in times[1:]]
    assert got == pytest.approx(well)
    at_risk = [found["relapse", time].count[0] for time in times[1:]]
    assert at_risk == [4, 4, 2, 2]
    area = 24 * (1 + 1 + 3 / 4 + 3 / 4)
    assert found["time_to_relapse", 96.0].value == pytest.approx([area])


@pytest.mark.parametrize(
    ("relapse", "lost"),
    [
        ({"score_at_least": 16}, [True, True, True]),
        ({"percent_of_baseline_at_least": 80}, [False, False, True]),
        ({"lost_response": True}, [False, True, True]),
    ],
)
def test_definitions_of_relapse(relapse: dict[str, Any], lost: list[bool]) -> None:
    assessment = _assessment(
        metrics=["relapse"], **{"from": "1 d"}, of="responders", at=["2 d"], relapse=relapse
    )
    rows = [[10, 20], [10, 21], [10, 33], [30, 40]]  # the last was no responder on day 1
    ratings = _ratings([24.0, 48.0], [40, 40, 40, 40], rows)
    for place, expected in enumerate(lost):
        one = Ratings(ratings.times, ratings.madrs[:, [place, 3]], ratings.before[:, [place, 3]])
        values = _found(assessment, one)["relapse", 48.0]
        assert values.value == pytest.approx([float(expected)])
        assert values.count == [1]


def test_a_group_may_be_empty() -> None:
    assessment = _assessment(
        metrics=["relapse", "time_to_relapse", "sustained_response"],
        **{"from": "1 d"},
        of="remitters",
        at=["2 d"],
        relapse={"lost_response": True},
    )
    found = _found(assessment, _ratings([24.0, 48.0], [40], [[30, 30]]))
    assert all(np.isnan(one.value).all() for one in found.values())


def test_sustained_response_is_one_at_every_visit() -> None:
    assessment = _assessment(
        metrics=["sustained_response"], **{"from": "1 d"}, at=["2 d", "3 d", "4 d"]
    )
    rows = [
        [10, 10, 10, 10],
        [10, 30, 10, 10],  # lost once is lost
        [30, 10, 10, 10],  # none at the start
        [10, 10, GONE, GONE],
    ]
    found = _found(assessment, _ratings([24.0, 48.0, 72.0, 96.0], [40] * 4, rows))
    shares = [found["sustained_response", time].value[0] for time in (48.0, 72.0, 96.0)]
    assert shares == pytest.approx([2 / 4, 1 / 3, 1 / 3])


@settings(max_examples=40)
@given(
    st.integers(1, 3),
    st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=1, max_size=12),
)
def test_without_drop_out_survival_is_a_share(visits: int, rows: list[list[bool]]) -> None:
    shown = np.array([rows])
    there = np.ones_like(shown)
    found = survival(shown, there, np.ones(shown.shape[:2], bool), visits)
    relapsed = [
        [any(all(row[k - visits + 1 : k + 1]) for k in range(visits - 1, last + 1)) for row in rows]
        for last in range(5)
    ]
    share = np.array([1 - np.mean(day) for day in relapsed])
    assert found.well[0] == pytest.approx(share)
    assert (np.diff(found.well[0]) <= 1e-12).all()
    binomial = share * (1 - share) / len(rows)
    assert found.variance[0][share > 0] == pytest.approx(binomial[share > 0])
    # the restricted mean is the mean of the patients' own times
    times = np.arange(1.0, 6.0)
    own = [next((times[k] for k in range(5) if relapsed[k][i]), 5.0) for i in range(len(rows))]
    mean, spread = restricted_mean(found.well, times, 0.0)
    assert mean == pytest.approx([np.mean(own)])
    assert spread == pytest.approx([np.var(own)], abs=1e-9)


def test_another_scale_is_rated_by_its_cross_walk() -> None:
    assessment = _assessment(at=["24 h"], metrics=["score"])
    ratings = _ratings([24.0], [30, 30], [[12], [GONE]])
    cell, values = next(iter(assessed(assessment, ratings)))
    assert cell == Cell("MADRS", 24.0, "score")
    assert values.value == [12]
    other = ratings.score("HDRS17", 24.0)
    assert other[0, 0] == round(other[0, 0]) < 12  # HDRS17 has fewer points
    assert np.isnan(other[0, 1])
