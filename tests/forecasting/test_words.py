"""What a forecast says in sentences, and by week."""

from __future__ import annotations

import pytest

from ketasim.forecasting import forecast
from ketasim.forecasting.shown import week_rows
from ketasim.forecasting.words import chance, lost_words


@pytest.mark.parametrize(
    ("value", "told"),
    [(None, "-"), (0.0, "< 1"), (0.0036, "< 1"), (0.5, "50"), (0.998, "> 99"), (1.0, "> 99")],
)
def test_a_chance_is_no_finer_than_a_percent(value: float | None, told: str) -> None:
    assert chance(value) == told


def test_a_lost_response_is_told_only_of_those_who_have_one() -> None:
    told = lost_words("stop", 0.5, 90.0, 0.9, 108.0, 0.08)
    assert told.startswith("stop: among those who respond now or later (8 %), ")
    assert told.endswith("passes 50 % on day 90.")
    never = lost_words("weekly", 0.5, None, 0.2, 70.0, 0.6)
    assert "(60 %)" in never
    assert never.endswith("stays at or below 50 % until day 70 (highest 20 %).")


def test_weeks_are_shown_where_now_is_within_a_day() -> None:
    course = {
        "doses": [
            {
                "day": day,
                "at": "10:00",
                "drug": "ketamine",
                "route": "im",
                "dose": "40 mg",
            }
            for day in (0, 3)
        ],
        "scores": [
            {"day": 0, "scale": "PHQ-9", "score": 21},
            {"day": 3, "scale": "PHQ-9", "score": 14},
        ],
        "horizon": "24 d",
    }
    found = forecast(course, n=1000)
    assert found.course.regimen.describe()[0].endswith("on days 0, 3 (10 h into the day)")
    rows = week_rows(found)
    assert [row[1] for row in rows] == ["3.417", "10", "17", "24"]
