"""The first page of a forecast on one side of A4."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ketasim.evidence import with_source_names
from ketasim.figures.figure import OPEN
from ketasim.figures.forecast import printed_panels
from ketasim.reports.first_page import FirstTile
from ketasim.reports.forecast.beside import Line
from ketasim.reports.forecast.first import ForecastPage, forecast_page
from ketasim.reports.print.typesetting import short, tile, typeset

if TYPE_CHECKING:
    from ketasim.figures.figure import Figure
    from ketasim.forecasting import Forecast

_PANELS: Final = 4
_UNITS: Final = ("points", "%")


def print_forecast(forecast: Forecast) -> bytes:
    """Set the first page of a forecast as one side of A4.

    **Arguments:**

    - `forecast`: what `forecast` returned.

    **Returns:** a PDF of one page. What has no room is counted: it is in the report.
    """
    page = forecast_page(forecast)
    panels = printed_panels(forecast, _PANELS)
    drawings = {f"panel-{place}": one for place, one in enumerate(panels)}
    single = len(page.candidates) == 1
    candidates = page.candidates[:_PANELS]
    data = {
        "kind": "Forecast of one patient",
        "title": short(page.title),
        "sentence": page.sentence,
        "warnings": [with_source_names(one) for one in page.warnings],
        "more-warnings": len(page.more_warnings),
        "tiles": [_tile(one) for one in page.tiles],
        "panels": list(drawings),
        "figure-title": page.figure.title,
        "alt": page.figure.caption,
        "legend": _legend(page.figure),
        "candidates": [
            {"name": one.name if single else f"{one.letter}: {one.name}", "what": one.what}
            for one in candidates
        ],
        "more-candidates": len(page.candidates) - len(candidates),
        "lines": [_line(one) for one in page.lines],
        "beside": page.beside,
        "learned": _learned(page),
        "unlisted": page.unlisted,
        "says": f"{page.says} {page.unusual}".strip(),
        "basis": list(page.rests),
        "made": "Every day, causes, assumptions and sources: the report of this forecast.",
    }
    return typeset("forecast.typ", data, drawings)


def _tile(one: FirstTile) -> dict[str, Any]:
    number, _, unit = one.value.rpartition(" ")
    value, unit = (number, unit) if unit in _UNITS else (one.value, "")
    return tile(one.name, value, unit, *filter(None, (one.range, *one.notes)))


def _legend(figure: Figure) -> list[dict[str, Any]]:
    return [
        {
            "kind": "ring" if mark.dash == OPEN else mark.kind,
            "text": mark.text,
            "colour": mark.colour,
            "dash": [],
            "opacity": mark.opacity,
        }
        for mark in figure.legend
    ]


def _line(one: Line) -> dict[str, Any]:
    cells = [
        {
            "value": cell.value,
            "range": cell.range,
            "gap": cell.gap,
            "verdict": cell.verdict,
        }
        for cell in one.cells[:_PANELS]
    ]
    return {"words": one.words, "note": one.note, "cells": cells}


def _learned(page: ForecastPage) -> list[list[str]]:
    return [[one.day, one.score, one.before, one.inside, one.after] for one in page.learned]
