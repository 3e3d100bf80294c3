"""The tab This patient: scores in an address become a forecast."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx
import polars as pl
import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from ketasim import forecast
from ketasim.apps.web.state import PageState

ASKED = {
    "patient.age": "45",
    "patient.weight": "80",
    "patient.diagnosis": "trd",
    "scores": "0 PHQ-9 21\n3 PHQ-9 14",
    "regimen": "ketamine 0.5 mg/kg iv over 40 min on days 0 3",
    "now": "7",
    "next.0.name": "weekly",
    "next.0.regimen": "ketamine 0.5 mg/kg iv over 40 min weekly x 2",
    "next.1.name": "stop",
    "horizon": "28",
}
HTMX = {"HX-Request": "true"}


def get(
    page: str,
    path: str = "/patient",
    changed: Mapping[str, str | None] | None = None,
    headers: Mapping[str, str] | None = None,
) -> httpx.Response:
    asked = {key: one for key, one in {**ASKED, **(changed or {})}.items() if one is not None}
    return httpx.get(
        f"{page}{path}", params=asked, headers=headers, follow_redirects=True, timeout=120
    )


def test_an_empty_address_shows_the_example(page: str) -> None:
    answer = httpx.get(f"{page}/patient", follow_redirects=True, timeout=120)
    assert answer.status_code == 200
    assert "Candidates side by side" in answer.text
    assert "What was learned from each score" in answer.text
    assert answer.text.count("not medical advice") == 1
    assert "Nothing is stored" in answer.text


def test_typed_scores_become_the_address_of_a_course(page: str) -> None:
    answer = get(page)
    assert answer.status_code == 200
    course = PageState.read(urlsplit(str(answer.url)).query).course
    assert course["scores"] == [
        {"day": 0, "scale": "PHQ9", "score": 21},
        {"day": 3, "scale": "PHQ9", "score": 14},
    ]
    assert course["next"][1] == {"name": "stop"}
    assert course["now"] == "7 d"
    assert "0 PHQ-9 21\n3 PHQ-9 14</textarea>" in answer.text
    again = httpx.get(str(answer.url), timeout=120)
    assert again.status_code == 200
    assert not again.history


def test_the_table_is_what_the_verb_computes(page: str) -> None:
    text = get(page, "/patient/course.yaml").text
    found = pl.read_csv(io.BytesIO(get(page, "/patient/forecast.csv").content))
    own = forecast(yaml.safe_load(text)).summary()
    assert found["option"].to_list() == own["option"].to_list()
    assert found["mean"].to_list() == pytest.approx(own["mean"].to_list())


def test_what_is_taken_along(page: str) -> None:
    assert get(page, "/patient/page.pdf").content.startswith(b"%PDF")
    assert "ketasim forecast course.yaml" in get(page, "/patient/report.html").text
    assert get(page, "/patient/fit.csv").text.startswith("day,")
    assert get(page, "/patient/other.csv").status_code == 404


def test_a_change_answers_with_its_part(page: str) -> None:
    answer = get(page, headers=HTMX)
    assert answer.status_code == 200
    assert "<html" not in answer.text
    assert 'id="tab-6"' in answer.text
    assert "style=" not in answer.text


def test_a_table_of_a_spreadsheet_is_read_and_what_is_left_out_said(page: str) -> None:
    table = "Date\tPHQ-9\tName\n2026-01-05\t21\tSmith\n2026-01-08\t14\tSmith"
    answer = get(page, changed={"scores": table, "start": "2026-01-05", "now": None})
    assert answer.status_code == 200
    assert "Not taken from what was pasted" in answer.text
    assert "Smith" not in answer.text
    assert "Smith" not in str(answer.url)
    assert "8 Jan 2026" in answer.text


def test_a_candidate_without_a_name_has_that_of_its_sessions(page: str) -> None:
    answer = get(page, changed={"next.0.name": None})
    assert f"A: {ASKED['next.0.regimen']}" in answer.text


def test_without_scores_they_are_asked_for(page: str) -> None:
    answer = get(page, changed={"scores": None})
    assert answer.status_code == 200
    assert "Add the scores measured so far" in answer.text


@pytest.mark.parametrize(
    ("changed", "field", "said"),
    [
        ({"scores": "0 PHQ-9 40"}, "scores", "score 1: 40, and PHQ9 goes from 0 to 27"),
        ({"scores": "0 PHQ-9 21\n3 PHQ 14"}, "scores", "3 PHQ 14"),
        ({"scores": "0 PHQ-9 21\n3 PHQ-9 9\n3 PHQ-9 8"}, "scores", "score 2 says 9"),
        ({"scores": "2026-01-05 PHQ-9 21"}, "start", "give the date of day 0 here"),
        ({"scores": "0 PHQ-9 21\n9 PHQ-9 14"}, "now", "before the score PHQ9 14 of day 9"),
        ({"regimen": None}, "regimen", "no session is given"),
        ({"now": "-3"}, "now", "day -3 is before the first session"),
        ({"regimen": "ketamine often"}, "regimen", "often"),
        ({"next.0.regimen": "ketamien weekly"}, "next-0-regimen", "ketamien"),
        ({"next.1.name": "weekly"}, "next-1-name", "candidate A"),
        ({"horizon": "5"}, "horizon", "day 5 is not after now"),
        ({"level": "2"}, "level", "2"),
        ({"patient.weight": "80 stone"}, "patient-weight", "80 stone"),
    ],
)
def test_what_cannot_be_used_is_said_at_its_field(
    page: str, changed: dict[str, str | None], field: str, said: str
) -> None:
    answer = get(page, changed=changed)
    assert answer.status_code == 422
    told = re.search(rf'id="e-f-{field}"[^>]*>([^<]+)<', answer.text)
    assert told is not None
    assert said in told[1].replace("&#39;", "'")


def test_what_a_form_sends_comes_back_as_it_was_typed(page: str) -> None:
    answer = get(page, changed={"scores": "0 PHQ-9 21\r\n3 PHQ 14"})
    assert answer.status_code == 422
    assert "0 PHQ-9 21\n3 PHQ 14</textarea>" in answer.text


def test_the_course_leads_here(page: str) -> None:
    asked = {"regimen": "ketamine 0.5 mg/kg im once", "patient.weight": "80 kg"}
    answer = httpx.get(f"{page}/course", params=asked, headers=HTMX, timeout=120)
    assert 'href="/patient?' in answer.text


@pytest.mark.page
def test_scores_are_typed_in_a_browser(page: str, browser: Browser) -> None:
    tab = browser.new_page(viewport={"width": 360, "height": 800}, color_scheme="dark")
    tab.goto(str(get(page).url), timeout=60_000)
    assert Axe().run(tab, options={"resultTypes": ["violations"]}).response["violations"] == []
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
    scores = tab.get_by_label("Scores so far")
    scores.press("Control+End")
    scores.press_sequentially("\n7 PHQ-9 11")
    expect(tab.locator("#result")).to_contain_text("3 scores of PHQ-9", timeout=60_000)
    assert "scores.2.score=11" in tab.url
    scores.press_sequentially("0")
    wrong = tab.locator("#e-f-scores")
    expect(wrong).to_contain_text("110, and PHQ9 goes from 0 to 27", timeout=60_000)
    expect(scores).to_have_attribute("aria-invalid", "true")
    tab.set_viewport_size({"width": 1440, "height": 900})
    violations = Axe().run(tab, options={"resultTypes": ["violations"]}).response["violations"]
    assert violations == []
    tab.close()
