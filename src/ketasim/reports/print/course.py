"""The first page of a course on one side of A4."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ketasim.evidence import source_names, with_source_names
from ketasim.reports.first_page import FirstPage, FirstTile, FirstWeek, first_page
from ketasim.reports.print.typesetting import short, tile, typeset

if TYPE_CHECKING:
    from ketasim.figures.figure import Figure
    from ketasim.simulation.result import Simulation

_GRAVE: Final = ("contraindicated", "avoid")


def print_course(simulation: Simulation) -> bytes:
    """Set the first page of a course as one side of A4.

    **Arguments:**

    - `simulation`: what `simulate` returned.

    **Returns:** a PDF of one page. What has no room is counted: it is in the report.
    """
    page = first_page(simulation)
    figures = {"session": page.session, "course": page.course}
    drawn = {name: one for name, one in figures.items() if one is not None}
    # beside each other, as on a narrow screen
    drawings = {name: one.drawings[0].narrow or one.drawings[0].svg for name, one in drawn.items()}
    data = {
        "kind": "Simulated course",
        "title": short(page.title),
        "sentence": page.sentence,
        "warnings": [with_source_names(one) for one in page.warnings],
        "more-warnings": len(page.more_warnings),
        "tiles": [_tile(one) for one in page.tiles],
        "figures": [_figure(name, one, drawings[name]) for name, one in drawn.items()],
        **_weeks(page),
        "findings": [
            {
                "severity": one.severity,
                "grave": one.severity.lower().startswith(_GRAVE),
                "about": one.about,
                "matched": one.matched,
                "statement": with_source_names(one.statement),
                "cited": source_names(one.sources),
            }
            for one in page.findings
        ],
        "more": page.more,
        "not-assessed": page.not_assessed and f"Not assessed: {page.not_assessed}.",
        "basis": list(page.rests),
        "made": "Chapters, tables and sources: the report of this course.",
    }
    return typeset("course.typ", data, drawings)


def _tile(one: FirstTile) -> dict[str, Any]:
    value, unit = _parted(one.value)
    return tile(one.name, value, unit, *filter(None, (one.range, *one.notes)))


def _parted(value: str) -> tuple[str, str]:
    """A number and its unit, which is set smaller; a change has no unit."""
    number, _, unit = value.partition(" ")
    fits = number[:1].isdigit() and "→" not in value
    return (number, unit) if fits else (value, "")


def _figure(name: str, one: Figure, svg: str) -> dict[str, Any]:
    """A figure's first panel, with what its own lines mean."""
    entries = [
        {
            "kind": mark.kind,
            "text": mark.text,
            "colour": mark.colour,
            "dash": [float(length) for length in mark.dash.split()],
            "opacity": mark.opacity,
        }
        for mark in one.legend
        if mark.colour in svg
    ]
    alt = " ".join(filter(None, (f"{one.title}.", one.caption)))
    return {"name": name, "title": one.title, "alt": alt, "legend": entries}


def _weeks(page: FirstPage) -> dict[str, Any]:
    rated = any(one.response for one in page.weeks)
    heads = page.weeks_heads if rated else page.weeks_heads[:3]
    rows = [_week(one)[: len(heads)] for one in page.weeks]
    title = "Response and remission by week" if rated else "Score by week"
    return {
        "weeks": rows,
        "weeks-heads": list(heads),
        "weeks-note": page.weeks_note,
        "weeks-title": title,
    }


def _week(one: FirstWeek) -> list[str]:
    return [
        one.week,
        one.day,
        one.score,
        _ranged(one.response, one.response_range),
        _ranged(one.remission, one.remission_range),
    ]


def _ranged(value: str, told: str) -> str:
    return f"{value} ({told})" if told else value
