"""The print of a session: one page, always, that says what the plan says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import ketasim
from ketasim.dosing import load_course
from ketasim.reports.print import print_session
from ketasim.screening import session_plan

HOSTILE = '#[x] $ \\ " <script> \u202e #image("/etc/passwd") \x1b[31m \ud800'
SUPPORT = "Decision support for professionals; not medical advice."


def planned(regimen: str, **more: Any) -> ketasim.SessionPlan:
    course = {"regimen": regimen, "patient": {"age": 45, "weight": "80 kg"}, "horizon": "2 d"}
    return ketasim.simulate(course | more, mood=False).session_plan()


@pytest.mark.parametrize(
    "regimen",
    [
        "ketamine 0.5 mg/kg iv over 40 min once",
        "esketamine 84 mg intranasal once",
        "ketamine 0.5 mg/kg im once",
        "ketamine 120 mg oral_er once",
    ],
)
def test_one_page_with_the_times_of_the_plan(regimen: str, printed: Callable[[bytes], Any]) -> None:
    plan = planned(regimen)
    page = printed(print_session(plan, title="A session"))
    assert page.pages == 1
    assert page.text.count("".join(SUPPORT.split())) == 1
    assert page.shows("A session")
    assert page.shows(plan.monitoring)
    if plan.watch_end_min is not None:
        assert page.shows(f"{plan.watch_end_min:.0f} min")
    assert page.shows("Dissociation, CADSS")
    for stage in {one.stage for one in plan.entries}:
        assert page.shows(stage[0].upper() + stage[1:])


def test_titles_of_any_kind_are_text_on_one_page(printed: Callable[[bytes], Any]) -> None:
    plan = planned("esketamine 56 mg intranasal once")
    page = printed(print_session(plan, title=HOSTILE))
    assert page.pages == 1
    assert page.shows('#[x] $ \\ " <script>')
    assert page.shows('#image("/etc/passwd")')
    for title in ("w" * 5000, "猫 \n" * 300):
        assert printed(print_session(plan, title=title)).pages == 1


def test_a_plan_without_predictions_has_its_rules(printed: Callable[[bytes], Any]) -> None:
    course = load_course("one_infusion")
    plan = session_plan(course.regimen.doses, course.patient)
    page = printed(ketasim.print_page(plan))
    assert page.pages == 1
    assert page.shows("Before, during and after")
    assert not page.shows("Timeline")


def test_the_same_plan_is_the_same_file() -> None:
    regimen = "ketamine 0.5 mg/kg iv over 40 min once"
    assert print_session(planned(regimen)) == print_session(planned(regimen))


def test_what_is_left_out_is_counted(printed: Callable[[bytes], Any]) -> None:
    plan = planned("ketamine 0.5 mg/kg iv over 40 min once")
    page = printed(print_session(plan))
    borrowed = sum(one.borrowed for one in plan.entries)
    assert borrowed > 0
    assert page.shows("more in the report")


def test_no_page_of_another_result() -> None:
    with pytest.raises(ketasim.InputError, match="takes no Screen"):
        ketasim.print_page(ketasim.screen("one_infusion"))
