"""The print of a course: one page, always, with the answer of the report's first page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import ketasim
from ketasim.reports.first_page import first_page
from ketasim.reports.print import print_course

REGIMEN = "ketamine 0.5 mg/kg iv over 40 min on days 0 2 4 7 9 11"
PATIENT = {"age": 45, "weight": "80 kg"}
HOSTILE = '#[x] $ \\ " <script> \u202e #image("/etc/passwd") \x1b[31m'
SUPPORT = "Decision support for professionals; not medical advice."
MANY = [
    *("lorazepam 1 mg", "tranylcypromine", "clarithromycin", "ticlopidine", "lamotrigine"),
    *("sertraline", "lithium", "modafinil", "methylphenidate", "haloperidol", "memantine"),
    *(f"#medicine[{i}] of {'an endless name ' * 8}" for i in range(19)),
]


def simulated(**fields: Any) -> ketasim.Simulation:
    course = {"regimen": REGIMEN, "patient": PATIENT, "horizon": "28 d"}
    return ketasim.simulate(course | fields)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"population": {"n": 40, "seed": 3}},
        {"patient": PATIENT | {"diagnosis": "healthy"}},
        {
            "patient": PATIENT
            | {"vitals": {"sbp": "150 mmHg", "dbp": "92 mmHg"}, "medicines": ["lorazepam"]}
        },
        {"regimen": "ketamine 120 mg oral_er on days 0 3 7 10", "title": "x" * 2000},
        {"regimen": "ketamine 35 mg iv over 40 min once", "pk_model": "clements1981"},
    ],
    ids=["typical", "population", "healthy", "pressure", "tablets", "another model"],
)
def test_one_page_with_the_tiles_and_the_findings(
    fields: dict[str, Any], printed: Callable[[bytes], Any]
) -> None:
    result = simulated(**fields)
    expected = first_page(result)
    page = printed(print_course(result))
    assert page.pages == 1
    assert page.text.count("".join(SUPPORT.split())) == 1
    assert page.shows(expected.sentence)
    for tile in expected.tiles:
        assert page.shows(tile.name)
        assert page.shows(tile.value)
        assert page.shows(tile.range)
    for week in expected.weeks:
        assert page.shows(week.response)
    for finding in expected.findings:
        assert page.shows(finding.about)
    assert page.shows("What this rests on, and what it cannot know")
    assert not page.shows("listed at the end")  # of the report; a page has no other end


def test_thirty_medicines_and_a_hostile_title_are_text_on_one_page(
    printed: Callable[[bytes], Any],
) -> None:
    assert len(MANY) == 30
    patient = PATIENT | {"medicines": MANY, "history": ["mania", "psychosis", "stroke"]}
    result = simulated(patient=patient, title=HOSTILE)
    page = printed(ketasim.print_page(result))
    assert page.pages == 1
    assert page.shows('#[x] $ \\ " <script>')
    assert page.shows('#image("/etc/passwd")')
    assert page.shows(SUPPORT)
    assert page.shows(first_page(result).findings[0].about)


def test_the_same_course_is_the_same_file() -> None:
    fields: dict[str, Any] = {"population": {"n": 20, "seed": 3}}
    assert print_course(simulated(**fields)) == print_course(simulated(**fields))
