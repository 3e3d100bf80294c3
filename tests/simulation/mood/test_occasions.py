"""Times of the table of outcomes: troughs and peaks of sessions, never a grid that aliases them."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from ketasim.simulation import simulate
from ketasim.simulation.mood.likelihood import OCCASIONS, assessment_times, occasions

DAY = 24.0


@given(
    st.lists(st.integers(0, 200), min_size=1, max_size=30, unique=True).map(sorted),
    st.integers(1, 80),
)
def test_each_week_has_its_trough_and_its_peak(days: list[int], more: int) -> None:
    sessions = [DAY * day for day in days]
    horizon = sessions[-1] + DAY * more
    times = assessment_times(sessions, horizon)
    named = occasions(times, sessions)
    assert set(named) <= set(OCCASIONS)
    assert np.all(np.diff(times) > 0) and times[0] == 0.0 and times[-1] == horizon
    for week in {day // 7 for day in days}:
        own = [day for day in days if day // 7 == week]
        assert DAY * min(own) in times
        assert min(DAY * max(own) + DAY, horizon) in times
    for time, name in zip(times, named, strict=True):
        assert ("trough" in name) == (time in sessions[1:])
        assert ("peak" in name) == (time - DAY in sessions and time > sessions[0])


def test_two_weekly_sessions_are_not_aliased() -> None:
    """A weekly grid showed each second point at the trough and the next a week after a session."""
    regimen = "ketamine 0.5 mg/kg iv over 40 min every 14 days for 12 weeks"
    course = {"regimen": regimen, "horizon": "98 d", "population": {"n": 20, "seed": 1}}
    run = simulate(course, session=False)
    assert run.mood is not None
    by = pl.col("occasion")
    trough, peak = (run.mood.table.filter(by == name) for name in ("trough", "peak"))
    assert len(peak) == len(trough) + 1 == len(run.sessions)
    assert (trough["MADRS"] > peak["MADRS"][1:]).all()
    assert (trough["response"] < peak["response"][1:]).all()
