"""The print of a forecast: one page, always."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import ketasim
from ketasim.forecasting import forecast

GIVEN = "ketamine 0.5 mg/kg iv over 40 min on days 0 3"
SUPPORT = "Decision support for professionals; not medical advice."
HOSTILE = '#[x] $ \\ " <script> #image("/etc/passwd")'
FEW = [{"day": 0, "scale": "MADRS", "score": 33}]
MANY = [{"day": day, "scale": "MADRS", "score": 33 - day // 3} for day in range(0, 40, 2)]


@pytest.mark.parametrize(
    ("scores", "follow", "title"),
    [
        (FEW, [], ""),
        (MANY, [{"name": f"{HOSTILE} {i} {'long ' * 20}"} for i in range(6)], "x" * 2000),
    ],
    ids=["least", "most"],
)
def test_one_page(
    scores: list[Any], follow: list[Any], title: str, printed: Callable[[bytes], Any]
) -> None:
    course = {"title": title, "regimen": GIVEN, "patient": {"age": 40, "weight": "70 kg"}}
    result = forecast({**course, "scores": scores, "next": follow}, n=1000)
    page = printed(ketasim.print_page(result))
    assert page.pages == 1
    assert page.shows(SUPPORT)
    assert page.shows("What was learned from each score")
    assert page.shows("more in the report") is bool(follow)
