"""The course by week: times that follow the sessions, and scores at exactly these times."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim.simulation import simulate
from ketasim.simulation.mood.weeks import SCHEMA, shown_weeks, weeks_of

REGIMEN = "ketamine 0.5 mg/kg iv over 40 min on days 0 2 4 7 9 11"


def test_a_course_of_two_weeks_and_one_without_sessions() -> None:
    days = [0, 2, 4, 7, 9, 11]
    weeks = weeks_of([24.0 * day for day in days], 20 * 24.0)
    assert [(one.sessions, one.trough / 24, one.peak / 24) for one in weeks] == [
        (3, 0, 5),
        (3, 7, 12),
        (0, 14, 20),
    ]


@given(
    st.lists(st.floats(0, 4000, allow_nan=False), min_size=1, max_size=40),
    st.floats(1, 4000, allow_nan=False),
)
def test_every_session_is_in_one_week_and_no_time_is_after_the_horizon(
    sessions: list[float], horizon: float
) -> None:
    seen = [time for time in sessions if time < horizon - 1e-3]
    weeks = weeks_of(seen, horizon)
    assert sum(one.sessions for one in weeks) == len(seen)
    assert [one.number for one in weeks] == list(range(1, len(weeks) + 1))
    assert all(one.trough <= one.peak <= horizon for one in weeks)


def test_scores_are_those_of_the_curves_at_these_times() -> None:
    course = {"regimen": REGIMEN, "horizon": "21 d", "population": {"n": 60, "seed": 1}}
    weekly = simulate(course, session=False).weekly()
    assert weekly.schema == SCHEMA
    times = np.unique(weekly.select("trough_h", "peak_h").to_numpy())
    exact = simulate(course, session=False, times=times)
    score = dict(zip(times, exact.values["MADRS", "patient"].mean(axis=1), strict=True))
    for side in ("trough", "peak"):
        expected = [score[time] for time in weekly[f"{side}_h"]]
        np.testing.assert_allclose(weekly[f"MADRS_{side}"], expected, rtol=1e-9)
        assert (weekly[f"remission_{side}"] <= weekly[f"response_{side}"]).all()
    # before the first session nobody has answered, and a day after each more have than before it
    assert weekly["response_trough"][0] == 0.0
    assert (weekly["response_trough"] < weekly["response_peak"])[:2].all()


def test_the_typical_patient_has_no_shares_and_without_mood_there_is_no_week() -> None:
    weekly = simulate({"regimen": REGIMEN, "horizon": "14 d"}, session=False).weekly()
    shares = weekly.select(pl.selectors.starts_with("response", "remission"))
    assert shares.width == 4
    assert all(column.null_count() == len(weekly) for column in shares)
    none = simulate({"regimen": REGIMEN, "horizon": "14 d"}, mood=False, session=False).weekly()
    assert none.is_empty() and none.schema == SCHEMA


@pytest.mark.parametrize("count", [1, 6, 7, 17, 300])
@pytest.mark.parametrize("last", [0.0, 0.3, 0.6, 1.0])
def test_a_short_table_keeps_the_ends_and_the_week_of_the_last_session(
    count: int, last: float
) -> None:
    treated = int(last * (count - 1))
    sessions = [int(week <= treated) for week in range(count)]
    shown = shown_weeks(pl.DataFrame({"week": range(count), "sessions": sessions}), 6)
    weeks = [row["week"] for row in shown]
    assert treated in weeks
    assert len(weeks) == min(count, 6)
    assert weeks == sorted(set(weeks))
    assert (weeks[0], weeks[-1]) == (0, count - 1)
