"""Trials and courses whose days count from 1: what was understood is said."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ketasim.dosing import load_course, load_trial
from ketasim.dosing.shipped import shipped

_FIRST = "first session"


def _trial(
    ket: list[float], mdz: list[float] | None, at: list[str], **assess: object
) -> dict[str, Any]:
    """A protocol with ketamine and midazolam."""
    given_days = {} if mdz is None else {"days": mdz}
    return {
        "trial": "day_one",
        "population": {
            "diagnosis": "trd",
            "background": "none",
            "baseline": {"scale": "MADRS", "mean": 34, "sd": 5},
        },
        "arms": [
            {
                "id": "ket",
                "n": 20,
                "drug": "ketamine",
                "route": "iv",
                "dose": "0.5 mg/kg",
                "over": "40 min",
                "days": ket,
            },
            {"id": "mdz", "n": 10, "control": "midazolam", **given_days},
        ],
        "assess": [{"scale": "MADRS", "at": at, "metrics": ["change"], **assess}],
    }


def test_a_visit_at_the_first_session_is_named() -> None:
    told = load_trial(_trial([1, 4, 8, 11], [1, 4, 8, 11], ["24 h", "15 d"])).warnings
    assert len(told) == 2
    assert "No session is on day 0; the first is on day 1 (24 h)" in told[0]
    assert "count from 0 h, the start of day 0" in told[0]
    # the remedy has the same spacing
    assert "[0, 3, 7, 10]" in told[0]
    assert "visit at 24 h is at the time of the first session of arms ket" in told[1]


def test_visits_before_any_dose_are_named_and_one_at_0_h_is_the_baseline() -> None:
    told = load_trial(_trial([1, 4], [1, 5], ["0 h", "4 h", "24 h", "15 d"])).warnings
    assert "visits at 4 h, 24 h are not after the first session" in told[1]
    # the arms differ: no one list is offered
    assert "[" not in told[0]


def test_phases_are_not_joined_in_the_remedy() -> None:
    file = _trial([1, 4], [1, 4], ["15 d"])
    dose = {"drug": "ketamine", "route": "iv", "over": "40 min"}
    file["arms"] = [
        {
            "id": "ket",
            "n": 20,
            "phases": [
                {**dose, "dose": "0.5 mg/kg", "days": [1]},
                {**dose, "dose": "1 mg/kg", "days": [4]},
            ],
        }
    ]
    (told,) = load_trial(file).warnings
    assert "count days from 0" in told and "[" not in told


def test_one_arm_from_0_and_another_from_1() -> None:
    told = " ".join(load_trial(_trial([1, 4], [0, 3], ["24 h", "15 d"])).warnings)
    assert "Arm ket (ketamine 0.5 mg/kg IV): the first session is on day 1" in told
    assert "of mdz (midazolam) on day 0" in told
    assert "visit at 24 h is at the time of the first session of arm ket" in told
    # a control whose days are left out is on day 0
    told = " ".join(load_trial(_trial([1, 4], None, ["15 d"])).warnings)
    assert "Arm ket" in told
    assert "visit" not in told.replace("Times of visits", "")


def test_patients_followed_from_a_time_before_the_first_session() -> None:
    file = _trial([7, 10], [7, 10], ["14 d", "21 d"])
    file["assess"] = [
        {
            "scale": "MADRS",
            "metrics": ["relapse"],
            "from": "2 d",
            "at": ["14 d", "21 d"],
            "relapse": {"score_at_least": 22},
        }
    ]
    assert any("at 48 h is not after" in one for one in load_trial(file).warnings)


@given(
    days=st.lists(st.integers(0, 20), min_size=1, max_size=5, unique=True).map(sorted),
    visits=st.lists(st.integers(1, 30), min_size=1, max_size=5, unique=True).map(sorted),
)
def test_no_visit_before_a_dose_is_silent(days: list[float], visits: list[int]) -> None:
    told = load_trial(_trial(days, days, [f"{one} d" for one in visits])).warnings
    told = tuple(one for one in told if "horizon" not in one)
    assert any("No session is on day 0" in one for one in told) is (days[0] > 0)
    early = days[0] > 0 and visits[0] <= days[0]
    assert any("The MADRS visit" in one for one in told) is early


@pytest.mark.parametrize("name", list(shipped("trial")))
def test_published_trials_begin_on_day_0(name: str) -> None:
    told = [one for one in load_trial(name).warnings if _FIRST in one or "day 0" in one]
    assert told == []


def test_a_course_that_begins_on_a_later_day() -> None:
    regimen = "ketamine 0.5 mg/kg iv over 40 min on days {}"
    told = load_course({"regimen": regimen.format("1 4 8")}).warnings
    assert any("first dose is on day 1 (24 h)" in one for one in told)
    assert not load_course({"regimen": regimen.format("0 3 7")}).warnings
