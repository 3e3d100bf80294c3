"""Times of event tables: hours, clock times, days and dates."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim._base import InputError
from ketasim.dosing import read_events


def times(head: str, *rows: str) -> list[float]:
    """Times of rows that are observations after a first dose."""
    cells = [row.split("|") for row in rows]
    source: dict[str, list[Any]] = {
        name: [row[i] for row in cells] for i, name in enumerate(head.split("|"))
    }
    count = len(rows)
    source |= {
        "ID": [1] * count,
        "AMT": [35] + [0] * (count - 1),
        "EVID": [1] + [0] * (count - 1),
        "ROUTE": ["im"] * count,
    }
    (subject,) = read_events(source).subjects
    assert subject.regimen is not None and subject.regimen.doses[0].time == 0
    return [one.time for one in subject.observations]


@pytest.mark.parametrize(
    ("head", "rows", "expected"),
    [
        ("DATE|TIME", ["2024-03-04|9.0", "2024-03-06|9.0", "2024-03-08|11"], [48, 98]),
        ("DATE|TIME", ["2024-02-28|9:00", "2024-03-01|9:30"], [48.5]),
        ("DATE|TIME", ["2024/3/4|09:00:00", "2024/3/5|21:00:30"], [36 + 30 / 3600]),
        ("DATE|TIME", ["20240331|9:00", "20240401|9:00"], [24]),
        ("DATE|TIME", ["4 Mar 2024|9:00 am", "5 March 2024|9:00 PM"], [36]),
        ("DATE|TIME", ["04MAR2024|9:00", "05-Mar-2024|9:00"], [24]),
        ("DATE|TIME", ["Mar 4, 2024|9:00", "March 5 2024|9:00"], [24]),
        ("DATE|TIME", ["3.4.2024|9:00", "5.4.2024|9:00"], [48]),
        ("DATE|TIME", ["13/04/2024|9:00", "1/5/2024|9:00"], [18 * 24]),
        ("DATE|TIME", ["4/13/2024|9:00", "5/1/2024|9:00"], [18 * 24]),
        ("DAT1|TIME", ["03/04/2024|9:00", "05/04/2024|9:00"], [48]),
        ("DAT2|TIME", ["2024/04/03|9:00", "2024/04/05|9:00"], [48]),
        ("DAT3|TIME", ["2024/03/04|9:00", "2024/05/04|9:00"], [48]),
        ("DATE|TIME", ["7|9:00", "9|9:00"], [48]),  # NONMEM's number of a day
        ("DATE|TIME", ["x|9:00", "x|12:00"], [3]),  # one day: whatever it is
        ("DATE|TIME", ["x|0", "x|30"], [30]),
        ("DATE|TIME", ["2024-03-04|0", "2024-03-06|48"], [48]),  # TIME counts, DATE agrees
        ("DAY|TIME", ["1|9:00", "3|9:30"], [48.5]),
        ("DAY|TIME", ["1|8", "3|9.5"], [49.5]),
        ("DAY|TIME", ["1|0", "3|0", "3|1"], [48, 49]),
        ("DAY|TIME", ["1|0", "3|48", "3|49"], [48, 49]),
        ("DAY|TIME", ["0|0", "1|30"], [30]),
        ("WEEK|TIME", ["1|0", "2|168"], [168]),
        ("DATETIME", ["2024-03-04T09:00", "2024-03-05 09:30:00"], [24.5]),
        ("TIME", ["2024-03-04T09:00", "2024-03-05T09:30"], [24.5]),
        ("DTTM", ["13/04/2024 9:00", "14/04/2024 9:00"], [24]),
        ("DATE|TIME|DAY", ["2024-03-04|9:00|1", "2024-03-06|9:00|3"], [48]),
    ],
)
def test_times_count_from_the_first_row(head: str, rows: list[str], expected: list[float]) -> None:
    assert times(head, *rows) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("head", "rows", "part"),
    [
        ("TIME", ["9:00", "9:30"], "'9:00' is a time of day without a date"),
        (
            "DATE|TIME",
            ["03/04/2024|9:00", "05/04/2024|9:00"],
            "'03/04/2024' is 2024-04-03 or 2024-03-04",
        ),
        ("DATE|TIME", ["13/04/2024|9:00", "4/13/2024|9:00"], "with the month"),
        ("DATE|TIME", ["04/03/24|9:00", "05/03/24|9:00"], "a year of two digits"),
        ("DATE|TIME", ["13/03/24|9:00", "14/03/24|9:00"], "a year of two digits"),
        ("DATE|TIME", ["2024-02-30|9:00", "2024-03-01|9:00"], "there is no day '2024-02-30'"),
        ("DATE|TIME", ["2024-03-04|25:00", "2024-03-05|9:00"], "no clock shows '25:00'"),
        ("DATE|TIME", ["2024-03-04|9:00", "|10:00"], "is blank"),
        ("DATE|TIME", ["2024-03-04|9:00", "2024-03-05|30"], "'30"),
        ("DAY|TIME", ["1|0", "2|12"], "a time of day or h from the first row"),
        ("DAY|TIME", ["1|0", "2|72"], "does not agree with DAY"),
        ("DAY|TIME", ["1|0", "1.5|72"], "1.5 is no day"),
        ("WEEK|TIME", ["1|0", "2|0"], "does not agree with WEEK"),
        ("DATETIME|TIME", ["2024-03-04T09:00|0", "2024-03-05T09:00|24"], "keep one of them"),
        ("DATETIME", ["2024-03-04", "2024-03-05"], "no date with a time"),
        ("DATE|TIME", ["2024-03-04 08:00|9:00", "2024-03-05 08:00|9:00"], "has a time of day"),
        ("DATE|DAT1|TIME", ["1|1|9:00", "2|2|9:00"], "a second column of dates"),
        ("DATE|TIME", ["2024-03-06|9:00", "2024-03-04|9:00"], "comes after"),
    ],
)
def test_times_that_are_not_clear_are_refused(head: str, rows: list[str], part: str) -> None:
    with pytest.raises(InputError) as caught:
        times(head, *rows)
    assert part in str(caught.value)


def test_dates_of_a_frame_are_read() -> None:
    source = {
        "ID": [1, 1],
        "DATE": [datetime.date(2024, 3, 4), datetime.date(2024, 3, 6)],
        "TIME": [datetime.time(9), datetime.time(9, 30)],
        "AMT": [35, 0],
        "EVID": [1, 0],
        "ROUTE": ["im", ""],
    }
    assert read_events(source).subjects[0].observations[0].time == 48.5
    moments = {
        "DATETIME": [
            datetime.datetime.fromisoformat("2024-03-04T09:00"),
            datetime.datetime.fromisoformat("2024-03-06T09:30"),
        ]
    }
    whole = {name: cells for name, cells in source.items() if name not in ("DATE", "TIME")}
    assert read_events(whole | moments).subjects[0].observations[0].time == 48.5


def test_each_subject_counts_from_its_own_first_row() -> None:
    source = {
        "ID": [1, 1, 2, 2],
        "DATE": ["2024-03-04", "2024-03-05", "2024-06-01", "2024-06-02"],
        "TIME": ["9:00", "9:00", "20:00", "8:00"],
        "AMT": [35, 0, 35, 0],
        "EVID": [1, 0, 1, 0],
        "ROUTE": ["im"] * 4,
    }
    one, two = read_events(source).subjects
    assert (one.observations[0].time, two.observations[0].time) == (24, 12)


def test_an_infusion_may_end_at_a_time_of_day() -> None:
    source = {
        "ID": [1, 1],
        "DATE": ["2024-03-04", "2024-03-05"],
        "TIME": ["9:00", "9:00"],
        "STOP": ["9:40", ""],
        "AMT": [35, 0],
        "EVID": [1, 0],
        "ROUTE": ["iv", ""],
    }
    (subject,) = read_events(source).subjects
    assert subject.regimen is not None
    assert subject.regimen.doses[0].duration == pytest.approx(2 / 3)


@given(st.lists(st.integers(0, 60 * 24 * 400), min_size=2, max_size=6).map(sorted))
def test_dates_and_clock_times_are_the_minutes_between(minutes: list[int]) -> None:
    start = datetime.datetime.fromisoformat("2023-12-30T07:05")
    moments = [start + datetime.timedelta(minutes=m) for m in minutes]
    rows = [f"{m:%Y-%m-%d}|{m:%H:%M}" for m in moments]
    expected = [(m - minutes[0]) / 60 for m in minutes[1:]]
    assert times("DATE|TIME", *rows) == pytest.approx(expected, abs=1e-8)


@pytest.mark.parametrize("column", ["OCC", "VISIT", "PERIOD"])
def test_a_time_that_starts_anew_on_each_occasion_is_refused(column: str) -> None:
    source = {
        "ID": [1, 1, 1],
        column: [1, 2, 3],
        "TIME": [0, 0, 0],
        "AMT": [35, 35, 35],
        "EVID": [1, 1, 1],
        "ROUTE": ["im"] * 3,
    }
    with pytest.raises(InputError, match="let TIME count on"):
        read_events(source)
    assert read_events(source | {"TIME": [0, 48, 96]}).notes == (f"not used: {column}",)
    assert read_events(source | {"EVID": [0, 1, 0], "AMT": [0, 35, 0]}).subjects[0].regimen


def test_numbers_of_dates_of_a_spreadsheet_are_no_hours() -> None:
    source = {"ID": [1, 1], "DATE": ["45355"] * 2, "TIME": ["0.395833", "0.4375"]}
    with pytest.raises(InputError, match="may be part of a day, beside DATE '45355'"):
        read_events(source | {"AMT": [35, 0], "ROUTE": ["im", ""], "EVID": [1, 0]})


def test_units_in_cells_of_times_are_read() -> None:
    source = {"ID": [1, 1], "TIME": ["0", "40 min"], "AMT": [35, 0], "ROUTE": ["im", ""]}
    (subject,) = read_events(source | {"EVID": [1, 0]}).subjects
    assert [round(o.time, 3) for o in subject.observations] == [0.667]
