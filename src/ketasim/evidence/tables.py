"""The published tables the package carries: one fact a row, text as written."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

from ketasim._base import InputError, near

if TYPE_CHECKING:
    import polars

Relation = Literal["exact", "range", "below", "above", "about", "text"]

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_EXACT: Final = re.compile(_NUMBER)
_RANGE: Final = re.compile(rf"({_NUMBER})\s*(?:-|to)\s*({_NUMBER})")
_BOUND: Final = re.compile(rf"(<=|>=|<|>|≤|≥|~|≈)\s*({_NUMBER})")
# the bibliography has its own loader
_BIBLIOGRAPHY: Final = ("sources", "sources_added", "source_names", "mirrors")

CHOICES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "pk/training": "pk/observed",
        "pk/interaction_training": "pk/interactions",
        "mood/training": "mood/outcomes",
        "mood/training_rules": "",
        "mood/pooling_rules": "",
        "mood/noise_training": "",
        "mood/studied_arms": "",
        "mood/predicted": "",
        "mood/nearness": "",
        "acute/event_pooling": "acute/label_adverse_events",
        "pooled_published": "",
        "pooling_methods": "",
        "acute/session_training": "",
        "conflicts": "",
        "care/costs": "",
        "care/condition_names": "",
        "care/condition_rows": "",
        "care/studied_regimens": "",
        "care/history_words": "",
        "care/history_everyday": "",
        "event_columns": "",
        "care/history_qualifiers": "",
        "vocabulary/triggers": "",
    }
)
"""Tables that hold choices about the rows of another table, by its row number, and no facts.

A row of a third table is named by its whole id, such as `mood/natural_course:77`. The rules named
by the choices stand in a table about no other, with an empty name here."""


@dataclass(frozen=True)
class Reading:
    """What a cell says, when it says a number.

    **Arguments:**

    - `text`: the cell as written.
    - `relation`: `exact` for a plain number, `range` for two, `below`/`above` for a bound,
      `about` for a number marked approximate, `text` for anything else.
    - `value`: the number of an exact or approximate cell.
    - `low`, `high`: the ends of a range, or the one end of a bound.
    """

    text: str
    relation: Relation
    value: float | None = None
    low: float | None = None
    high: float | None = None


def reading(text: str) -> Reading:
    """Read a cell such as `0.54`, `1.20-1.26`, `<7`, `~17` or `no increase`, keeping its words."""
    cell = text.strip()
    if _EXACT.fullmatch(cell):
        return Reading(text, "exact", value=float(cell))
    if match := _RANGE.fullmatch(cell):
        low, high = float(match[1]), float(match[2])
        if low <= high:
            return Reading(text, "range", low=low, high=high)
    if match := _BOUND.fullmatch(cell):
        sign, end = match[1], float(match[2])
        if sign in ("~", "≈"):
            return Reading(text, "about", value=end)
        if sign in ("<", "<=", "≤"):
            return Reading(text, "below", high=end)
        return Reading(text, "above", low=end)
    return Reading(text, "text")


def number(text: str) -> float | None:
    """Return the number of a cell that is a plain number, otherwise nothing."""
    cell = reading(text)
    return cell.value if cell.relation == "exact" else None


def interval(text: str) -> tuple[float, float] | None:
    """Return the two ends of a cell that is a range such as `1.20-1.26`, otherwise nothing."""
    cell = reading(text)
    if cell.relation != "range" or cell.low is None or cell.high is None:
        return None
    return cell.low, cell.high


@dataclass(frozen=True)
class Fact:
    """One row of a table.

    **Arguments:**

    - `table`: name of the table, such as `pk/observed`.
    - `row`: number of the row, the first below the header is 1.
    - `cells`: column to text, as written, in the table's order; blank cells included.
    """

    table: str
    row: int
    cells: Mapping[str, str]

    def __post_init__(self) -> None:
        object.__setattr__(self, "cells", MappingProxyType(dict(self.cells)))

    def __reduce__(self) -> tuple[type[Fact], tuple[str, int, dict[str, str]]]:
        return (Fact, (self.table, self.row, dict(self.cells)))

    @property
    def id(self) -> str:
        """The fact's stable name, such as `pk/observed:17`."""
        return f"{self.table}:{self.row}"

    @property
    def source(self) -> str:
        """The source key of the row, empty when the table has none."""
        return self.cells.get("source", "")

    def get(self, column: str) -> str:
        """Return a cell's text, empty when the table has no such column."""
        return self.cells.get(column, "")

    def listed(self, column: str) -> tuple[str, ...]:
        """Return the parts of a cell that joins several by `;`, none when it is blank."""
        return tuple(filter(None, map(str.strip, self.get(column).split(";"))))

    def to_dict(self) -> dict[str, Any]:
        """Return the row with its id, without blank cells."""
        filled = {column: text for column, text in self.cells.items() if text}
        return {"id": self.id, "table": self.table, "row": self.row, "cells": filled}


@cache
def table_names() -> tuple[str, ...]:
    """Return the names of the tables of facts, such as `pk/observed`, sorted."""
    return tuple(name for name in _all_names() if name not in CHOICES)


def choice_names() -> tuple[str, ...]:
    """Return the names of the tables of `CHOICES` that the package carries, sorted."""
    return tuple(name for name in _all_names() if name in CHOICES)


@cache
def _all_names() -> tuple[str, ...]:
    names = [name for name, _ in _csv_files(resources.files("ketasim.evidence").joinpath("data"))]
    return tuple(sorted(name for name in names if name not in _BIBLIOGRAPHY))


@cache
def facts(table: str) -> tuple[Fact, ...]:
    """Return the rows of a table of facts or of `CHOICES`.

    **Raises:** `InputError` when there is no such table.
    """
    _check(table)
    rows = csv.DictReader(io.StringIO(_text(table), newline=""))
    return tuple(Fact(table, index, dict(row)) for index, row in enumerate(rows, start=1))


def all_facts() -> Iterator[Fact]:
    """Return every row of every table, table by table."""
    for table in table_names():
        yield from facts(table)


def fact(fact_id: str) -> Fact:
    """Return one row by its id, such as `pk/observed:17`.

    **Raises:** `InputError` when there is no such table or row.
    """
    table, _, row = fact_id.rpartition(":")
    rows = facts(table)
    if not (row.isascii() and row.isdigit() and 1 <= int(row) <= len(rows)):
        raise InputError("fact", f"'{fact_id}' has no such row", f"use 1 to {len(rows)}")
    return rows[int(row) - 1]


def load_table(table: str) -> polars.DataFrame:
    """Return a table with every column as text, cells as written.

    **Raises:** `InputError` when there is no such table.
    """
    import polars

    _check(table)
    rows = facts(table)
    columns = list(rows[0].cells) if rows else next(csv.reader(_text(table).splitlines()))
    return polars.DataFrame(
        {column: [row.cells[column] for row in rows] for column in columns},
        schema=dict.fromkeys(columns, polars.String),
    )


def _check(table: str) -> None:
    if table not in _all_names():
        raise InputError("table", f"unknown table '{table}'", near(table, table_names()))


def _text(table: str) -> str:
    file = resources.files("ketasim.evidence").joinpath("data", f"{table}.csv")
    return file.read_bytes().decode("utf-8")


def _csv_files(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, Traversable]]:
    for item in folder.iterdir():
        if item.is_dir():
            yield from _csv_files(item, f"{prefix}{item.name}/")
        elif item.name.endswith(".csv"):
            yield prefix + item.name.removesuffix(".csv"), item
