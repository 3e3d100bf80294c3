"""The report of a forecast: one page that opens offline, and prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from ketasim._base import words
from ketasim._base.numbers import number, span
from ketasim.forecasting.shown import week_rows
from ketasim.reports.forecast.beside import Cell
from ketasim.reports.forecast.first import ForecastPage, forecast_page
from ketasim.reports.page import render
from ketasim.vocabulary import scale_words

if TYPE_CHECKING:
    from ketasim.forecasting import Forecast

_CAUSES: Final = {
    "drug": "The drug",
    "expectation": "Expectation and setting",
    "antidepressant": "A new oral antidepressant",
    "course": "Natural course and clinical care",
}


@dataclass(frozen=True)
class ForecastView:
    """What report and page show of a forecast.

    **Arguments:**

    - `first`: its first page. `scale`: of the score before treatment. `end`: last day, in words.
    - `weeks`: rows of candidate, day, score with range, response, remission, still well.
    - `causes`: of the fall of the score: name, and a cell a candidate.
    """

    first: ForecastPage
    scale: str
    end: str
    weeks: tuple[tuple[str, ...], ...]
    causes: tuple[tuple[str, tuple[Cell, ...]], ...]


def forecast_report(forecast: Forecast, *, command: str = "") -> str:
    """Write the report of a forecast as one page of HTML.

    **Arguments:**

    - `forecast`: what `forecast` returned.
    - `command`: what reproduces it; when left out, the page shows the input only.
    """
    view = forecast_view(forecast)
    return render(
        "forecast.html",
        title=view.first.title,
        sources=forecast.sources(),
        result=forecast,
        view=view,
        words=words,
        metadata=forecast.metadata,
        input=_text(forecast.metadata["input"]),
        command=command,
    )


def forecast_view(forecast: Forecast) -> ForecastView:
    """Arrange what report and page show of a forecast.

    **Arguments:**

    - `forecast`: what `forecast` returned.
    """
    return ForecastView(
        first=forecast_page(forecast),
        scale=scale_words(forecast.scales[0]),
        end=f"{forecast.days['day'].max():.4g}",
        weeks=tuple(_weeks(forecast)),
        causes=tuple(_causes(forecast)),
    )


def _weeks(forecast: Forecast) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    name = ""
    for row in week_rows(forecast):
        name = row[0] or name
        chances = (one if one == "-" else f"{one} %" for one in row[4:])
        found.append((name, row[1], f"{row[2]} {row[3]}", *chances))
    return found


def _causes(forecast: Forecast) -> list[tuple[str, tuple[Cell, ...]]]:
    table = forecast.contributions
    last = table.filter(pl.col("day") == table["day"].max())
    rows = {(row["option"], row["part"]): row for row in last.to_dicts()}
    found: list[tuple[str, tuple[Cell, ...]]] = []
    for part, title in _CAUSES.items():
        own = [rows[name, part] for name in forecast.names]
        if any(row["mean"] or row["p95"] for row in own):
            found.append((title, tuple(map(_cell, own))))
    return found


def _cell(row: dict[str, Any]) -> Cell:
    middle, low, high = (_tenths(row[one]) for one in ("mean", "p05", "p95"))
    return Cell(middle, span(low, high))


def _tenths(points: float) -> str:
    """Points, not finer than a tenth."""
    return number(round(points, 1) + 0.0, 2)


def _text(value: object) -> str:
    """The input as YAML."""
    import yaml

    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)
