"""A course with a start: dates and clock times in the place of days and hours."""

from __future__ import annotations

import pytest

from ketasim._base import InputError
from ketasim.dosing import load_course, parse_course

DOSE = "drug: ketamine, route: im, dose: 35 mg"
PATIENT = "patient: {age: 34, weight: 70 kg}\n"


def _times(text: str) -> list[float]:
    course = parse_course(text)
    assert load_course(course.to_dict()) == course
    return [dose.time for dose in course.regimen.doses]


@pytest.mark.parametrize(
    ("start", "when", "hours"),
    [
        ("", "day: 010", 240.0),
        ("", "day: 0, at: 9:00", 9.0),
        ("", "day: 2, time: 9:30", 57.5),
        ("start: 2026-01-05\n", "day: 2026-01-07", 48.0),
        ("start: 2026-01-05\n", "day: 2026-01-07, at: 14:00", 62.0),
        ("start: 2026-01-05\n", "time: 2026-01-07 14:00", 62.0),
        ("start: 2026-01-05\n", "day: 7 Jan 2026, time: 2 pm", 62.0),
        ("start: 2026-01-05 09:00\n", "day: 2026-01-07", 48.0),
        ("start: 2026-01-05 09:00\n", "time: 2026-01-07 14:00", 53.0),
        ("start: 2026-01-05 09:00\n", "day: 0, at: 9:30", 0.5),
    ],
)
def test_when_a_dose_is_given(start: str, when: str, hours: float) -> None:
    assert _times(f"{PATIENT}{start}doses: [{{{when}, {DOSE}}}]") == [hours]


def test_clock_times_of_one_day_keep_their_distance() -> None:
    """On a chart: a top-up half an hour after an injection."""
    text = f"{PATIENT}doses:\n- {{day: 0, at: 9:00, {DOSE}}}\n- {{day: 0, at: 9:30, {DOSE}}}\n"
    first, second = _times(text)
    assert second - first == 0.5


@pytest.mark.parametrize(
    "sentence",
    [
        "on days 0 2 4",
        "on 2026-01-05, 2026-01-07, 2026-01-09",
        "on days 2026-01-05 2026-01-07 2026-01-09",
    ],
)
def test_dates_in_a_sentence(sentence: str) -> None:
    assert _times(f"start: 2026-01-05\nregimen: ketamine 35 mg im {sentence}\n") == [0, 48, 96]


@pytest.mark.parametrize(
    ("text", "field", "part"),
    [
        (
            f"doses: [{{time: 9:00, {DOSE}}}]",
            "doses[0].time",
            "write '9 h' for 9 h after the start",
        ),
        (f"doses: [{{time: 9:20, {DOSE}}}]", "doses[0].time", "write '560 min'"),
        (f"doses: [{{time: 25:00, {DOSE}}}]", "doses[0].time", "no clock shows '25:00'"),
        (f"doses: [{{day: 9:00, {DOSE}}}]", "doses[0].day", "'day: 0' with 'at: 9:00'"),
        (f"doses: [{{at: 9:00, {DOSE}}}]", "doses[0]", "without its day"),
        (f"doses: [{{day: 0.5, at: 9:00, {DOSE}}}]", "doses[0]", "a whole day"),
        (f"doses: [{{day: 2026-01-07, {DOSE}}}]", "doses[0].day", "the course has no start"),
        (f"doses: [{{time: 2026-01-07, {DOSE}}}]", "doses[0].time", "'day: 2026-01-07'"),
        (
            f"start: 2026-01-05\ndoses: [{{day: 2026-01-04, {DOSE}}}]",
            "doses[0].day",
            "before the start of the course, 2026-01-05",
        ),
        (
            f"start: 2026-01-05\ndoses: [{{day: 2062-01-04, {DOSE}}}]",
            "doses[0].day",
            "more than 20 years",
        ),
        (
            f"start: 2026-01-05 09:00\ndoses: [{{day: 0, at: 8:00, {DOSE}}}]",
            "doses[0].day",
            "before the start",
        ),
        (f"start: 05/01/2026\ndoses: [{{day: 0, {DOSE}}}]", "start", "2026-01-05 or 2026-05-01"),
        (f"start: soon\ndoses: [{{day: 0, {DOSE}}}]", "start", "is not a date"),
        (f"doses: [{{day: 0, over: 0:40, {DOSE}}}]", "doses[0].over", "'0:40' is a clock time"),
        ("horizon: 2026-02-01\nregimen: ketamine 35 mg im once", "horizon", "is a date"),
        ("regimen: ketamine 35 mg im on 2026-01-05", "regimen", "the course has no start"),
        (f"doses: [{{day:0, {DOSE}}}]", "doses[0].day:0", "a space after the colon"),
    ],
)
def test_what_is_refused(text: str, field: str, part: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_course(text)
    assert caught.value.field == field
    assert part in str(caught.value)


def test_a_padded_age_is_decimal() -> None:
    course = parse_course("patient: {age: 071}\nregimen: ketamine 35 mg im once")
    assert course.patient.age == 71


def test_a_number_is_quoted_as_it_was_written() -> None:
    with pytest.raises(InputError, match="'0171"):
        parse_course("patient: {age: 0171}\nregimen: ketamine 35 mg im once")
