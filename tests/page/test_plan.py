"""The report of a plan opened in chromium."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import ketasim

pytestmark = pytest.mark.page

COURSE = {
    "patient": {"weight": "78 kg", "diagnosis": "trd"},
    "population": {"n": 8, "seed": 1},
    "regimen": "ketamine 0.5 mg/kg iv over 40 min twice weekly x 2 wk",
    "horizon": "42 d",
}


@pytest.fixture(scope="module")
def report() -> str:
    grid = {"interval": "2/week, 1 wk", "number": "2, 4", "dose": "0.3 mg/kg, 0.5 mg/kg, 2 mg/kg"}
    return ketasim.report(ketasim.plan(COURSE, grid=grid, rank_by="score"), command="ketasim plan")


@pytest.mark.parametrize("width", [360, 1280])
def test_the_report_opens_cleanly(browser: Any, report: str, tmp_path: Path, width: int) -> None:
    path = tmp_path / "report.html"
    path.write_text(report, encoding="utf-8")
    page = browser.new_page(viewport={"width": width, "height": 900})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(path.as_uri())
    assert said == []
    wide, view = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide <= view
    charts = page.locator("figure#front svg[role=img]")
    assert charts.count() == 2
    for place in range(2):
        chart = charts.nth(place)
        assert "On the front: " in (chart.locator("desc").text_content() or "")
        assert (chart.locator("> title").text_content() or "").startswith("Score against")
    # what the figure marks is what the table lists
    first = page.locator("table.candidates").first
    numbers = {text.strip() for text in first.locator("td:first-child strong").all_text_contents()}
    drawn = set(charts.nth(0).locator("text").all_text_contents())
    assert numbers <= drawn
    page.locator("a[href='#left-out']").first.click()
    assert "2 mg/kg: 0.1-1 mg/kg were studied" in page.locator("#left-out").inner_text()
    page.close()
