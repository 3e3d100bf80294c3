"""The report of a comparison: the answer first, chapters closed, nothing ranked unasked."""

import re

import pytest

from ketasim import compare, report
from ketasim.planning import Comparison
from ketasim.planning.shown import lines, unassessed, weeks

COURSE = {
    "title": "Weekly <b>infusions</b>",
    "population": {"n": 10, "seed": 1},
    "regimen": "ketamine 0.5 mg/kg iv over 40 min weekly x 3",
    "horizon": "28 d",
}
SPRAY = "esketamine 56 mg intranasal twice weekly x 3 wk"


@pytest.fixture(scope="module")
def found() -> Comparison:
    return compare(COURSE, [SPRAY])


def words(page: str) -> int:
    """What is read before a chapter is opened."""
    body = page[page.index("<body>") :]
    closed = re.sub(r"<details.*?</details>|<svg.*?</svg>", " ", body, flags=re.S)
    return len(re.sub(r"<[^>]+>", " ", closed.partition('id="references"')[0]).split())


def test_the_answer_is_short_and_chapters_are_closed(found: Comparison) -> None:
    page = report(found)
    assert words(page) < 700
    assert "<details open" not in page
    for chapter in ("all", "weeks", "certainty", "costs"):
        assert f'id="{chapter}"' in page
        assert f'href="#{chapter}"' in page
    assert page.count("not medical advice") == 1
    assert "Weekly &lt;b&gt;infusions" in page
    assert "<b>infusions" not in page


def test_nothing_is_ranked_unless_it_was_asked(found: Comparison) -> None:
    assert 'id="ranking"' not in report(found)
    page = report(found.ranked_by("sessions"))
    assert 'id="ranking"' in page
    assert "Lower counts as better here" in page
    told = page[page.index("<main>") :].partition('id="references"')[0]
    assert not re.search(r"\b(recommend|should be given|best|prefer)\w*", told, re.I)


def test_figures_have_a_title_a_description_and_a_table(found: Comparison) -> None:
    page = report(found)
    drawn = re.findall(r"<svg[^>]*role=\"img\".*?</svg>", page, re.S)
    assert len(drawn) == 3
    assert all("<title" in one and "<desc" in one for one in drawn)
    assert [week for week, _ in weeks(found)] == [1, 2, 3, 4]


def test_what_is_not_assessed_is_said_so() -> None:
    tablets = compare({**COURSE, "population": None}, ["ketamine 120 mg oral_er weekly x 3"])
    burden = {line.key: line for line in lines(tablets, "burden")}
    assert [cell.value for cell in burden["hours"].cells] == ["8", "not assessed"]
    missing = dict(unassessed(tablets))
    assert "population" in missing["Response, at the end"]
    assert "not assessed" in report(tablets)


def test_a_difference_within_its_uncertainty_is_said_so(found: Comparison) -> None:
    for line in (*lines(found, "course"), *lines(found, "session")):
        gap = found.difference(SPRAY, line.key)
        within = line.cells[1].verdict == "less than its uncertainty"
        assert within is (not gap.clear)
