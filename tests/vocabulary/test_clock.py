"""Dates and clock times: read where there is one reading, else refused with both."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim._base import InputError
from ketasim.vocabulary import Moment, read_clock, read_moment
from ketasim.vocabulary.clock import clock_text


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("9:00", 9.0),
        ("09:30", 9.5),
        ("14:00:30", 14 + 30 / 3600),
        ("9:00 am", 9.0),
        ("2 pm", 14.0),
        ("12 am", 0.0),
        ("12:15 p.m.", 12.25),
        ("0:00", 0.0),
        *(
            (text, None)
            for text in ("9", "9.5", "9 h", "0900", "2026-01-05", "noonish", "", "٩:٠٠")
        ),
    ],
)
def test_clock_times(text: str, hours: float | None) -> None:
    assert read_clock(text) == hours


@pytest.mark.parametrize("text", ["25:00", "24:00", "9:75", "9:5", "13 pm", "0 am", "9:00:99"])
def test_what_no_clock_shows(text: str) -> None:
    with pytest.raises(InputError, match="no clock shows"):
        read_clock(text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-05",
        "2026-1-5",
        "2026/01/05",
        "5 Jan 2026",
        "5. January 2026",
        "Mon, 5 Jan 2026",
        "5th of January, 2026",
        "5-Jan-2026",
        "January 5, 2026",
        "Jan 5th 2026",
        date(2026, 1, 5),
    ],
)
def test_one_day_in_many_words(text: object) -> None:
    assert read_moment(text) == Moment(date(2026, 1, 5))


@pytest.mark.parametrize(
    "text",
    ["2026-01-05 14:30", "2026-01-05T14:30:00", "5 Jan 2026 2:30 pm", "5 Jan 2026, at 14:30"],
)
def test_a_date_with_its_clock_time(text: str) -> None:
    assert read_moment(text) == Moment(date(2026, 1, 5), 14.5)
    assert read_moment(datetime.fromisoformat("2026-01-05T14:30")) == Moment(date(2026, 1, 5), 14.5)


def test_day_and_month_are_told_apart_where_they_can_be() -> None:
    assert read_moment("13/01/2026") == read_moment("01/13/2026") == Moment(date(2026, 1, 13))
    assert read_moment("05/05/2026") == Moment(date(2026, 5, 5))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("05/01/2026", "'05/01/2026' is 2026-01-05 or 2026-05-01"),
        ("05.01.2026", "2026-01-05 or 2026-05-01"),
        ("5/1/26", "two digits"),
        ("2026-02-30", "there is no day"),
        ("31 June 2026", "there is no day"),
        ("99/99/2026", "there is no day"),
        ("5 Jan", "cannot be read as a date"),
        ("3026-01-05", "outside the years"),
        ("2026-01-05 soon", "not a date with a clock time"),
        ("2026-01-05T14:30Z", "time zone"),
        ("2026-01-05 14:30 CET", "time zone"),
        ("2026-01-05 25:00", "no clock shows"),
    ],
)
def test_what_is_refused(text: str, part: str) -> None:
    with pytest.raises(InputError) as caught:
        read_moment(text)
    assert part in str(caught.value)


@pytest.mark.parametrize(
    "text", ["36 h", "0.5", "1.5", "weekly", "day 3", "", "40-60 min", 3, None]
)
def test_what_is_no_date(text: object) -> None:
    assert read_moment(text) is None


@given(st.dates(date(1900, 1, 1), date(2199, 12, 31)), st.integers(0, 86_399))
def test_a_moment_reads_back_as_it_is_written(day: date, seconds: int) -> None:
    for moment in (Moment(day), Moment(day, seconds / 3600)):
        assert read_moment(str(moment)) == moment
    assert read_clock(clock_text(seconds / 3600)) == pytest.approx(seconds / 3600, abs=1e-9)


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)), st.integers(0, 7000), st.integers(0, 1439))
def test_hours_after_a_start(day: date, days: int, minute: int) -> None:
    later = date.fromordinal(day.toordinal() + days)
    clock = minute / 60
    assert Moment(later).hours_after(Moment(day)) == 24 * days
    assert Moment(later, clock).hours_after(Moment(day)) == 24 * days + clock
    assert Moment(later, clock).hours_after(Moment(day, clock)) == pytest.approx(24 * days)
