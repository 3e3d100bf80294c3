"""The tab Compare: an address is a comparison, as a form and in a browser."""

from __future__ import annotations

import io
import re
from typing import Any

import httpx
import polars as pl
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from ketasim import compare

WEEKLY = "ketamine 0.5 mg/kg im weekly x 2"
TWICE = "ketamine 0.5 mg/kg im twice weekly x 2 wk"
ASKED = {
    "patient.age": "44",
    "patient.weight": "80 kg",
    "population.n": "10",
    "population.seed": "2",
    "regimen": WEEKLY,
    "horizon": "21 d",
    "option.b": TWICE,
}


def get(page: str, path: str = "/compare", **changed: str | None) -> httpx.Response:
    asked = {key: one for key, one in {**ASKED, **changed}.items() if one is not None}
    return httpx.get(f"{page}{path}", params=asked, timeout=120)


def test_the_first_page_shows_two_options(page: str) -> None:
    answer = httpx.get(f"{page}/compare", follow_redirects=True, timeout=120)
    assert answer.status_code == 200
    assert "option.b" in str(answer.url)
    assert answer.text.count("not medical advice") == 1
    assert "as asked" not in answer.text


def test_the_table_is_what_the_verb_computes(page: str) -> None:
    answer = get(page, "/compare/comparison.csv")
    found = pl.read_csv(io.BytesIO(answer.content))
    course = {
        "patient": {"age": 44, "weight": "80 kg"},
        "population": {"n": 10, "seed": 2},
        "regimen": WEEKLY,
        "horizon": "21 d",
    }
    own = compare(course, [TWICE]).summary()
    assert found["metric"].to_list() == own["metric"].to_list()
    assert found["mean"].to_list() == pytest.approx(own["mean"].to_list(), nan_ok=True)


def test_a_change_answers_with_its_part(page: str) -> None:
    asked = {**ASKED, "rank_by": "days_well"}
    headers = {"HX-Request": "true"}
    answer = httpx.get(f"{page}/compare", params=asked, headers=headers, timeout=120)
    assert "<html" not in answer.text
    assert "as asked" in answer.text
    assert "style=" not in answer.text


def test_one_regimen_is_asked_for_another(page: str) -> None:
    answer = get(page, **{"option.b": None})
    assert answer.status_code == 200
    assert "Set this course beside another" in answer.text


@pytest.mark.parametrize(
    ("changed", "field", "typed"),
    [
        ({"option.b": "ketamien weekly"}, "e-f-option-b", "ketamien"),
        ({"regimen": "ketamine often"}, "e-f-regimen", "often"),
        ({"patient.weight": "80 stone"}, "e-f-patient-weight", "80 stone"),
        ({"rank_by": "best"}, "e-f-rank_by", "best"),
        ({"option.z": TWICE}, "problem", "option.z"),
        ({"option": TWICE}, "problem", "option"),
    ],
)
def test_what_cannot_be_used_is_said_at_its_field(
    page: str, changed: dict[str, str], field: str, typed: str
) -> None:
    if "option" in changed:
        changed = {**changed, "option.b": ""}
    answer = get(page, **changed)
    assert answer.status_code == 422
    assert field in answer.text
    assert typed in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.page
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_axe_finds_nothing_and_nothing_is_cut(
    page: str, browser: Browser, scheme: Any, width: int
) -> None:
    shown = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    said: list[str] = []
    shown.on("console", lambda one: said.append(one.text) if one.type == "error" else None)
    shown.goto(str(httpx.URL(f"{page}/compare", params={**ASKED, "rank_by": "hours"})))
    for one in shown.locator("details").all():
        one.evaluate("one => { one.open = true }")
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    expect(shown.locator("[name='option.d']")).to_be_visible()
    found = Axe().run(shown)
    assert found.violations_count == 0, found.generate_report()
    assert said == []
    shown.close()


@pytest.mark.page
def test_a_regimen_that_is_typed_stands_beside_the_others(page: str, browser: Browser) -> None:
    shown = browser.new_page()
    shown.goto(str(httpx.URL(f"{page}/compare", params=ASKED)))
    expect(shown.locator("#options li")).to_have_count(2)
    shown.locator("[name='option.c']").focus()
    shown.keyboard.type("ketamine 0.25 mg/kg im weekly x 2")
    expect(shown.locator("#options li")).to_have_count(3, timeout=60_000)
    shown.locator("[name='rank_by']").select_option("dose")
    expect(shown.locator("ol.ranking li").first).to_contain_text("C", timeout=60_000)
    shown.reload()
    expect(shown.locator("ol.ranking li").first).to_contain_text("C")
    shown.close()


def test_a_comparison_has_no_uncertainty_to_choose(page: str) -> None:
    plain = get(page, "/compare/comparison.csv", uncertainty="false")
    assert plain.status_code == 200
    asked = get(page, "/compare/comparison.csv", uncertainty="true")
    assert asked.status_code == 422
    assert "under each draw of the parameters" in asked.text
    shown = get(page, uncertainty="on")
    assert shown.status_code == 422
    assert 'name="uncertainty"' not in shown.text


def test_every_way_to_say_typical_is_the_same(page: str) -> None:
    tables = [get(page, "/compare/comparison.csv", typical=typed).text for typed in ("true", "1")]
    assert tables[0] == tables[1] != get(page, "/compare/comparison.csv").text
    shown = get(page, typical="1").text
    assert "--typical" in shown
    assert "typical=True" in shown


def test_a_rare_age_is_in_no_address_and_no_table(page: str) -> None:
    shown = httpx.get(
        f"{page}/compare",
        params={**ASKED, "patient.age": "97"},
        follow_redirects=True,
        timeout=120,
    )
    assert shown.status_code == 200
    assert shown.url.params["patient.age"] == "90"
    assert "97" not in re.findall(r"age: (\d+)", shown.text)
    tables = {
        age: get(page, "/compare/comparison.csv", **{"patient.age": age}) for age in ("90", "97")
    }
    assert tables["90"].text == tables["97"].text
