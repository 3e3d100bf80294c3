"""Published tables of early response beside the forecast's own conditional chances."""

from __future__ import annotations

from typing import Any

import polars as pl

from ketasim.evidence import source_name
from ketasim.validation.forecast.early_numbers import early_numbers
from results import keep, kept, read, tell
from table import table

RESULT = "forecast-early"


def compute() -> None:
    """Forecast every early score that is likely; a minute."""
    keep(RESULT, pl.DataFrame(early_numbers(tell), infer_schema_length=None))


def early() -> str:
    """Return the table of what was kept."""
    if not kept(RESULT):
        return "Not computed yet: `make forecast-checks`."
    columns = ["what", "in", "published", "95 % interval", "forecast", "agrees", "source", "note"]
    lines: list[list[str]] = []
    answers: list[str] = []
    for row in read(RESULT).to_dicts():
        answer = _answer(row)
        answers.append(answer)
        ends = "" if row["low"] is None else f"{row['low']:.3g} to {row['high']:.3g}"
        published = (
            "" if row["published"] is None else f"{row['published']:.3g} {row['unit'] or ''}"
        )
        note = "; ".join(part for part in (row["place"], row["note"]) if part)
        lines.append(
            [
                row["what"],
                row["group"],
                published.strip(),
                ends,
                f"{row['forecast']:.3g} {row['unit'] or ''}".strip(),
                answer if answer != "no" else "**no**",
                source_name(row["source"]),
                note,
            ]
        )
    head = ", ".join(f"{answers.count(a)} {a}" for a in ("yes", "no", "cannot tell"))
    return f"{len(answers)} numbers: {head}.\n\n{table(columns, lines)}\n"


def _answer(row: dict[str, Any]) -> str:
    if row["low"] is None:
        return "cannot tell"
    return "yes" if row["low"] <= row["forecast"] <= row["high"] else "no"


def values() -> dict[str, str]:
    """Return response on day 28 with and without a response on day 2, published and forecast."""
    if not kept(RESULT):
        return dict.fromkeys(("early", "early_published", "no_early", "no_early_published"), "?")
    rows = {row["group"]: row for row in read(RESULT).to_dicts() if "day 28" in row["what"][:18]}
    found: dict[str, str] = {}
    for name, group in (("early", "with"), ("no_early", "without")):
        row = rows[f"esketamine, {group} response on day 2"]
        found[name] = f"{row['forecast']:.0f} %"
        found[f"{name}_published"] = f"{row['published']:.0f} %"
    return found
