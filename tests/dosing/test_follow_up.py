"""Scores of a patient, until when they are known, and candidates for what follows."""

from __future__ import annotations

from typing import Any

import pytest

from ketasim import InputError, load_course

GIVEN = "ketamine 0.5 mg/kg iv over 40 min on days 0 3 7 10"
WEEKLY = "ketamine 0.5 mg/kg iv over 40 min weekly x 4"
FIRST = {"day": 0, "scale": "PHQ9", "score": 21}


def _course(**more: Any) -> dict[str, Any]:
    return {"patient": {"weight": "78 kg"}, "regimen": GIVEN, **more}


def test_a_score_on_the_day_of_a_session_is_before_it() -> None:
    scores = [
        FIRST,
        {"day": 3, "scale": "PHQ-9", "score": 16},
        {"day": 7, "scale": "phq 9", "score": 13, "after": "4 h"},
        {"time": "300 h", "scale": "QIDS-SR16", "score": 9},
    ]
    course = load_course(_course(scores=scores))
    assert [(one.time, one.scale) for one in course.scores] == [
        (0.0, "PHQ9"),
        (72.0, "PHQ9"),
        (172.0, "PHQ9"),
        (300.0, "QIDS"),
    ]
    assert course.now == 300.0


def test_a_date_may_stand_where_a_day_may() -> None:
    course = load_course(
        _course(
            start="2026-01-05",
            regimen="ketamine 0.5 mg/kg iv over 40 min on 2026-01-05, 2026-01-08",
            scores=[
                {"date": "2026-01-05", "scale": "MADRS", "score": 33},
                {"day": "8 Jan 2026", "scale": "MADRS", "score": 25},
                {"time": "2026-01-09 10:00", "scale": "MADRS", "score": 20},
            ],
            now="2026-01-12",
            next=[{"name": "one", "doses": [_dose(day="2026-01-15")]}],
        )
    )
    assert [one.time for one in course.scores] == [0.0, 72.0, 106.0]
    assert course.now == 168.0
    assert course.next[0].regimen is not None
    assert course.next[0].regimen.sessions == (240.0,)


def _dose(**more: Any) -> dict[str, Any]:
    dose = {"drug": "ketamine", "route": "iv", "dose": "0.5 mg/kg", "over": "40 min"}
    return {**dose, **more}


def test_a_schedule_without_days_begins_now_and_named_days_are_those_of_the_course() -> None:
    named = "ketamine 0.5 mg/kg iv over 40 min on days 17 24"
    course = load_course(
        _course(
            scores=[FIRST],
            now="14 d",
            next=[
                {"name": "weekly", "regimen": WEEKLY},
                {"name": "named", "regimen": named},
                {"name": "stop"},
            ],
        )
    )
    weekly, own, stop = course.next
    assert weekly.regimen is not None
    assert own.regimen is not None
    assert [day / 24 for day in weekly.regimen.sessions] == [14, 21, 28, 35]
    assert "begins on day 14" in weekly.note
    assert [day / 24 for day in own.regimen.sessions] == [17, 24]
    assert stop.regimen is None
    assert stop.after(course.regimen) is course.regimen
    assert weekly.after(course.regimen).sessions[:5] == (*course.regimen.sessions, 336.0)


def test_a_schedule_begins_an_interval_after_the_session_of_now() -> None:
    course = load_course(_course(scores=[FIRST], next=[{"name": "weekly", "regimen": WEEKLY}]))
    assert course.now == 240.0
    regimen = course.next[0].regimen
    assert regimen is not None
    assert regimen.sessions[0] == 408.0


def test_a_course_with_scores_loads_back_from_its_normal_form() -> None:
    course = load_course(
        _course(
            scores=[
                {"day": -3, "scale": "PHQ9", "score": 20},
                {"day": 3, "scale": "PHQ9", "score": 16},
                {"day": 7, "scale": "PHQ9", "score": 13, "after": "4 h"},
            ],
            now="14 d",
            next=[{"name": "weekly", "regimen": WEEKLY}, {"name": "stop"}],
            horizon="60 d",
        )
    )
    assert load_course(course.to_dict()) == course


@pytest.mark.parametrize(
    ("more", "field", "words"),
    [
        ({"scores": [{"day": 0, "scale": "PHQ9", "score": 40}]}, "scores[0].score", "0 to 27"),
        ({"scores": [{"day": 0, "scale": "PHQ9", "score": 40}]}, "scores[0].score", "MADRS"),
        ({"scores": [{"day": 0, "scale": "HAMA", "score": 4}]}, "scores[0].scale", "HAMA"),
        ({"scores": [{"scale": "PHQ9", "score": 4}]}, "scores[0]", "no day"),
        ({"scores": [{**FIRST, "time": "3 h"}]}, "scores[0]", "more than once"),
        ({"scores": [FIRST, {**FIRST, "score": 20}]}, "scores[1]", "scores[0] says 21"),
        ({"scores": [FIRST, FIRST]}, "scores[1]", "twice"),
        ({"scores": [{**FIRST, "day": -60}]}, "scores[0]", "60 days before the first session"),
        ({"scores": [{**FIRST, "day": -7}, FIRST]}, "scores[0]", "both before treatment"),
        ({"scores": [{**FIRST, "day": 5, "after": "4 h"}]}, "scores[0].after", "no session"),
        ({"scores": [{**FIRST, "day": "03/04/2026"}]}, "scores[0].day", "2026-04-03 or 2026-03-04"),
        ({"scores": [{**FIRST, "day": "2026-01-05"}]}, "scores[0].day", "the course has no start"),
        ({"scores": [{**FIRST, "day": "9:00"}]}, "scores[0].day", "clock time"),
        ({"scores": [FIRST, {**FIRST, "day": 20}], "now": "14 d"}, "now", "PHQ9 21 of day 20"),
        ({"scores": [FIRST], "now": "8 d"}, "regimen", "the session on day 10 is after now, day 8"),
        ({"now": "8"}, "now", "unit"),
        ({"next": [{"name": "a"}, {"name": "A"}]}, "next[1].name", "next[0] too"),
        ({"next": [{"regimen": WEEKLY}]}, "next[0].name", "missing"),
        ({"next": [{"name": "x", "regimen": GIVEN}]}, "next[0].regimen", "day 0 is before now"),
        ({"next": [{"name": "x", "doses": [_dose(day=9)]}]}, "next[0].doses", "day 9 is before"),
        ({"next": [{"name": "x", "doses": [_dose(day=10)]}]}, "next[0].doses", "given too"),
        (
            {"next": [{"name": "x", "regimen": WEEKLY.replace("weekly x 4", "once")}]},
            "next[0].regimen",
            "say on which day",
        ),
        ({"next": [{"name": "x", "regimen": "ketamin 5 mg iv"}]}, "next[0].regimen", "ketamin"),
        ({"next": [{"name": "x", "doses": [], "regimen": WEEKLY}]}, "next[0]", "both"),
        ({"scores": [{**FIRST, "value": 3}]}, "scores[0].value", "write it as 'score'"),
    ],
)
def test_what_cannot_be_used_is_refused(more: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(InputError) as refused:
        load_course(_course(**more))
    assert refused.value.field == field
    assert words in str(refused.value)
