"""Figures of a comparison: the expected course of every option, and its shares over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from ketasim._base import InputError, near, words
from ketasim.figures.figure import Drawing, Figure, Legend
from ketasim.figures.panels import COLOURS, Line, Panel, extremes, svg

if TYPE_CHECKING:
    import altair

    from ketasim.planning import Comparison

LETTERS: Final = "ABCD"
"""By which options are told apart in figures and tables."""

LOOKS: Final = (
    (COLOURS["ketamine"], ()),
    (COLOURS["r"], (6, 3)),
    (COLOURS["s"], (2, 3)),
    (COLOURS["norketamine"], (8, 3, 2, 3)),
)
"""Colour and dashes of each option."""

_METRICS: Final = {
    "MADRS": ("MADRS", "points"),
    "response": ("Response", "patients"),
    "remission": ("Remission, MADRS of at most 10", "patients"),
}


def plot_comparison(comparison: Comparison, *, metric: str = "MADRS") -> altair.LayerChart:
    """Draw one metric of every option over time.

    **Main arguments:**

    - `comparison`: what `compare` returned.

    **Other arguments:**

    - `metric`: `MADRS`, `response` or `remission`.

    **Raises:** `InputError` when it was not computed.
    """
    from dataclasses import replace

    from ketasim.figures.vega import draw

    known = _computed(comparison)
    if metric not in known:
        said = near(metric, known) if known else "compare courses with mood"
        raise InputError("metric", f"'{metric}' was not computed", said)
    panel = _panel(comparison, metric, named=True)
    y_title = "patients, %" if panel.percent else panel.y_title
    notes = ("Means over the same virtual patients.",)
    return draw(replace(panel, y_title=y_title, notes=notes, width=520, height=260))


def comparison_figures(comparison: Comparison) -> list[Figure]:
    """The expected course of the options, and of a population their shares."""
    known = _computed(comparison)
    if not known:
        return []
    told = {
        "MADRS": "expected MADRS of each option by day",
        "response": "share of patients with a response by day, each option",
        "remission": "share of patients in remission by day, each option",
    }
    drawings = tuple(Drawing(svg(_panel(comparison, name), told[name])) for name in known)
    legend = [
        Legend("line", f"{letter}: {name}", colour, " ".join(map(str, dash)))
        for letter, name, (colour, dash) in zip(LETTERS, comparison.names, LOOKS, strict=False)
    ]
    caption = (
        "Each line is the expected mean of an option over the same virtual patients, drawn without "
        "its interval: intervals of the numbers and of their differences are in the table. Scores "
        "fall within a day of a session and rise until the next."
    )
    return [
        Figure(
            name="courses",
            title="Figure 1. Expected course of the options",
            drawings=drawings,
            legend=tuple(legend),
            caption=caption,
            columns=min(len(drawings), 2),
        )
    ]


def _computed(comparison: Comparison) -> list[str]:
    table = comparison.over_time()
    return [name for name in _METRICS if len(table) and table[name].is_not_null().any()]


def _panel(comparison: Comparison, metric: str, *, named: bool = False) -> Panel:
    title, unit = _METRICS[metric]
    table = comparison.over_time()
    lines: list[Line] = []
    for letter, name, (colour, dash) in zip(LETTERS, comparison.names, LOOKS, strict=False):
        own = table.filter(pl.col("option") == name)
        if not len(own):
            continue
        days, values = own["day"].to_numpy(), own[metric].to_numpy()
        shown = extremes(days, values)
        text = f"{letter}: {name}" if named else letter
        lines.append(
            Line(
                text,
                days[shown].tolist(),
                values[shown].tolist(),
                colour=colour,
                dash=dash,
                label="" if named else letter,
            )
        )
    return Panel(
        words.capital(title),
        "days",
        unit if metric != "MADRS" else "MADRS, points",
        lines=tuple(lines),
        percent=metric != "MADRS",
        width=330,
        height=210,
    )
