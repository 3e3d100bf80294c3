"""The report of a forecast, its printed page, and its figure."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import ketasim
from ketasim.forecasting import Forecast, forecast
from ketasim.reports.forecast.first import forecast_page

COURSE: dict[str, Any] = {
    "title": "Two infusions",
    "patient": {"age": 45, "weight": "80 kg", "diagnosis": "trd"},
    "regimen": "ketamine 0.5 mg/kg iv over 40 min on days 0 3",
    "scores": [
        {"day": 0, "scale": "PHQ9", "score": 21},
        {"day": 3, "scale": "PHQ9", "score": 13},
        {"day": 7, "scale": "MADRS", "score": 16},
    ],
    "next": [
        {"name": "weekly", "regimen": "ketamine 0.5 mg/kg iv over 40 min weekly x 2"},
        {"name": "<b>stop</b>"},
    ],
    "horizon": "28 d",
}
SUPPORT = "Decision support for professionals; not medical advice."


def small(**changed: Any) -> Forecast:
    return forecast({**COURSE, **changed}, n=1000, seed=2)


@pytest.fixture(scope="module")
def two() -> Forecast:
    """Two candidates, scores of two scales."""
    return small()


def test_the_page_opens_with_what_was_asked(two: Forecast) -> None:
    text = ketasim.report(two, command="ketasim forecast mine.yaml")
    assert text.count(SUPPORT) == 1
    assert "what may follow until day 28" in text
    assert "Cannot know" in text
    assert "ketasim forecast mine.yaml" in text
    assert "<b>stop" not in text
    assert 'class="value"' in text


def test_the_tiles_are_numbers_of_the_tables(two: Forecast) -> None:
    page = forecast_page(two)
    now = two.days.row(0, named=True)
    assert page.tiles[0].value.startswith(f"{now['mean']:.2g}")
    assert page.tiles[0].notes[0] == "before treatment 21"
    assert len(page.tiles) == 4
    assert [one.letter for one in page.candidates] == ["A", "B"]
    assert page.candidates[1].what == "no further session"


def test_every_score_is_in_the_figure_and_in_the_table(two: Forecast) -> None:
    page = forecast_page(two)
    assert [one.score for one in page.learned] == ["PHQ-9 21", "PHQ-9 13", "MADRS 16"]
    for drawing in page.figure.drawings:
        assert "day 3: PHQ-9 13" in drawing.svg
        assert re.search(r"MADRS 16, about \d", drawing.svg)
        assert "<title" in drawing.svg
        assert "<desc" in drawing.svg
    assert len(page.figure.drawings) == 2


def test_what_cannot_be_told_apart_is_said(two: Forecast) -> None:
    score = forecast_page(two).lines[0]
    gap = two.differences.row(0, named=True)
    assert score.cells[0].gap == ""
    assert score.cells[1].gap.startswith("+" if gap["mean"] > 0 else "−")
    said = "less than the error of one rating" if gap["told_apart"] else "not distinguishable"
    assert said in score.cells[1].verdict


def test_dates_are_shown_where_the_course_has_a_start() -> None:
    page = forecast_page(small(start="2026-01-05"))
    assert "day 28 (2 Feb 2026)" in page.sentence


def test_a_patient_with_one_score_and_no_candidate_has_a_page() -> None:
    result = small(scores=COURSE["scores"][:1], next=[])
    page = forecast_page(result)
    assert page.tiles[3].value == "nothing yet"
    assert page.beside == ""
    assert "without a further session" in page.sentence
    assert "not distinguishable" not in ketasim.report(result)


def test_a_patient_whom_the_model_does_not_fit_is_warned_of_first() -> None:
    odd = [
        {"day": day, "scale": "MADRS", "score": score} for day, score in ((0, 40), (1, 0), (2, 58))
    ]
    page = forecast_page(small(scores=odd))
    assert page.warnings[0].startswith("The model does not fit this patient")


def test_the_folder_has_what_the_command_writes(two: Forecast, tmp_path: Path) -> None:
    paths = two.save(tmp_path, printed=True)
    names = ["forecast.csv", "fit.csv", "report.html", "print.pdf"]
    assert sorted(path.name for path in paths) == sorted(names)
    assert (tmp_path / "print.pdf").read_bytes().startswith(b"%PDF")


def test_a_chart_is_of_a_candidate_by_name(two: Forecast) -> None:
    assert "weekly" in str(ketasim.plot(two, option="weekly").to_dict())
    with pytest.raises(ketasim.InputError, match="there is no candidate 'wekly'"):
        ketasim.plot(two, option="wekly")
