"""Mood in the report of a simulation: figures, tiles, tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from ketasim._base.numbers import NOTHING, number, percent, span
from ketasim.figures.mood import CHANCE_LOOKS
from ketasim.simulation.mood.course import Mood
from ketasim.simulation.mood.inputs import PARTS

_DAY = 24.0
_ROWS = 18  # of the table in the report, about


@dataclass(frozen=True)
class MoodCell:
    """A number, its range below it."""

    value: str
    range: str = ""


def outcome_rows(mood: Mood) -> tuple[list[str], list[list[MoodCell]]]:
    """Heads and rows of the table of outcomes by time, not more than a page shows.

    **Arguments:**

    - `mood`: of a simulation.
    """
    scales = [s for s in ("HDRS17", "QIDS", "PHQ9") if s in mood.table.columns]
    heads = ["Day", "When", "MADRS", *scales]
    shares = [name for name in CHANCE_LOOKS if name in mood.table.columns]
    names = {
        "response": "Response",
        "remission_12": "Remission, ≤ 12",
        "remission_10": "Remission, ≤ 10",
        "still_well": "Response kept",
    }
    heads += [names[name] for name in shares]
    rows: list[list[MoodCell]] = []
    for row in _thinned(mood.table):
        cells = [_day(row), MoodCell(row["occasion"]), MoodCell(number(row["MADRS"]))]
        cells += [MoodCell(number(row[s])) for s in scales]
        for name in shares:
            low, high = row.get(f"{name}_p05"), row.get(f"{name}_p95")
            cells.append(MoodCell(_share(row[name]), span(_share(low), _share(high))))
        rows.append(cells)
    return heads, rows


def part_rows(mood: Mood, most: int = _ROWS) -> list[list[MoodCell]]:
    """Day, when that is, mean fall in points, each part as points and as a share of the fall.

    **Arguments:**

    - `mood`: of a simulation. `most`: how many times are told, about.
    """
    rows: list[list[MoodCell]] = []
    for row in _thinned(mood.table.filter(pl.col("time_h") > 0.0), most):
        cells = [_day(row), MoodCell(row["occasion"])]
        cells.append(MoodCell(number(mood.baseline - row["MADRS"])))
        for part in PARTS:
            share = row[f"share_{part.removeprefix('by_')}"]
            below = NOTHING if share is None else percent(share, 2)
            low, high = row.get(f"{part}_p05"), row.get(f"{part}_p95")
            if low is not None and high is not None:
                below += f"; {span(number(low), number(high))}"
            cells.append(MoodCell(number(row[part]), below))
        rows.append(cells)
    return rows


def _share(value: float | None) -> str:
    """A fraction as percent, in two significant digits."""
    return percent(value, 2)


def _day(row: dict[str, Any]) -> MoodCell:
    return MoodCell(f"{row['day']:.4g}")


def _thinned(table: pl.DataFrame, most: int = _ROWS) -> list[dict[str, Any]]:
    """Rows for a page: a peak never without the trough before it."""
    rows = table.to_dicts()
    if len(rows) <= most:
        return rows
    groups: list[list[dict[str, Any]]] = []
    for row in rows:
        if row["occasion"] == "between":
            continue
        if row["occasion"] == "peak" and groups:
            groups[-1].append(row)
        else:
            groups.append([row])
    # the first session and the last one are always there, and the end
    treated = max((i for i, one in enumerate(groups) if "peak" in one[-1]["occasion"]), default=0)
    chosen = np.unique(np.linspace(0, len(groups) - 1, max(most // 2, 2)).round().astype(int))
    return [
        row
        for i in sorted({*chosen.tolist(), min(1, len(groups) - 1), treated})
        for row in groups[i]
    ]
