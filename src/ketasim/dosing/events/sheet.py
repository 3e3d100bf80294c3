"""A table as a model of one's own reads it: NONMEM's columns, and others by name as numbers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError
from ketasim._base.text import shortened
from ketasim.dosing.events.columns import column_values, known_unit, says_more
from ketasim.dosing.events.file import read_grid, read_plain
from ketasim.dosing.events.left_out import Cells, without_left_out
from ketasim.dosing.events.rows import decimal_commas, is_numeric, says_nothing
from ketasim.vocabulary.column import ColumnName, read_column
from ketasim.vocabulary.drug import salt_of

if TYPE_CHECKING:
    import polars

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

EVENT_COLUMNS: Final = (
    *("ID", "TIME", "AMT", "RATE", "DUR", "CMT", "EVID", "II", "ADDL", "SS", "MDV"),
)
"""Columns that say what happens; their names may be in upper or lower case."""

_MEANT: Final = ("AMT", "TIME", "RATE", "DUR", "STOP", "II", "ADDL", "SS", "EVID")
_SAYS_OF: Final = {"FREQ": "II", "NDOSE": "ADDL", "FLOW": "RATE"}
_CHANGES: Final = ("DOSE2", "MISSED", "TAKEN", "RESET", "BOLUS", "AMT_HCL")
_LABELS: Final = ("regimen", "schedule", "sched")  # of arms, where they are no numbers
_IN_EVID: Final = "say it in EVID: 3 is a reset, 4 a reset with a dose"
_WHEN: Final = ("DATETIME", "DATE", "DAT1", "DAT2", "DAT3", "DAY", "WEEK")
_UNITS: Final = ("AMTU", "RATEU", "DURU", "TIMEU")
_WORDED: Final = r"^\d[^eE]*[^\d.,eE+-]|^\d+[-/.,]\d+[-/.,]|^\d{1,2}[-./][A-Za-z]"
_UNIT: Final = r"^[-+]?[\d.,]+(?:[eE][-+]?\d+)?\s*(?:m|u|\u00b5|\u03bc|n|g|h|d|s)[A-Za-z/ ]*$"
_MOST_COLUMNS: Final = 1_000  # a limit against tables that are no event table


@dataclass
class Sheet:
    """Columns of a table, as they came.

    **Arguments:**

    - `columns`: name as typed to its cells, in their order.
    - `numbers`: of the rows, from 1 below the header.
    - `events`: column of `EVENT_COLUMNS` to its name as typed.
    - `notes`: what was made of the table. `read`: other columns that were read, as typed.
    - `meant`: columns of dates, days and units to what their name says. `amounts`: the unit in
      which amounts are.
    """

    columns: dict[str, polars.Series]
    numbers: Integers
    events: dict[str, str]
    notes: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    meant: dict[str, ColumnName] = field(default_factory=dict[str, ColumnName])
    amounts: str = "mg"
    _read: dict[str, Array] = field(default_factory=dict[str, Array])
    _commas: dict[str, bool] = field(default_factory=dict[str, bool])

    def has(self, name: str) -> bool:
        """Tell whether there is a column, as typed or one of `EVENT_COLUMNS`."""
        return name in self.events or name in self.columns

    def field(self, name: str, row: int) -> str:
        """What to call a cell in an error; `row` is a place, from 0."""
        return f"{shortened(self.events.get(name, name))} in row {self.numbers[row]}"

    def values(self, name: str) -> Array:
        """Numbers of a column, not a number where it is blank, shape (R,).

        **Raises:** `InputError` for a cell that is no finite number.
        """
        typed = self.events.get(name, name)
        if typed not in self._read:
            self._read[typed] = self._numbers(typed)
        return self._read[typed]

    def put(self, name: str, values: Array) -> None:
        """Let a column have other numbers than its cells, such as hours of dates."""
        self._read[self.events.get(name, name)] = values

    def worded(self) -> bool:
        """Tell whether a cell of a time or an amount has a clock time, a date or a unit."""
        import polars as pl

        for name in ("TIME", "AMT", "RATE", "DUR", "II"):
            if name not in self.events:
                continue
            cells = self.columns[self.events[name]]
            if cells.dtype.is_temporal():
                return True
            if cells.dtype == pl.String:
                odd = _WORDED if name == "TIME" else _UNIT
                if cells.str.strip_chars().str.contains(odd).any():
                    return True
        return False

    def texts(self, name: str) -> list[str]:
        """Cells of a column as text without space around it, empty where it is blank."""
        cells = self.columns[self.events.get(name, name)].to_list()
        # tables say the same again and again
        said = {cell: "" if cell is None else _plain(cell) for cell in set(cells)}
        return [said[cell] for cell in cells]

    def _numbers(self, typed: str) -> Array:
        import polars as pl

        cells = self.columns[typed]
        if cells.dtype.is_numeric():
            found = cells.cast(pl.Float64).to_numpy().astype(np.float64)
            if cells.null_count():
                found = np.where(cells.is_null().to_numpy(), np.nan, found)
            self._finite(typed, found, cells)
            return found
        if cells.dtype == pl.Boolean:
            return cells.cast(pl.Float64).fill_null(np.nan).to_numpy()
        text = cells.cast(pl.String).str.strip_chars()
        if self.commas(typed):
            text = text.str.replace(",", ".", literal=True)
        blank = text.is_null() | text.str.to_lowercase().is_in(
            ["", ".", "na", "n/a", "null", "none"]
        )
        numbers = text.cast(pl.Float64, strict=False)
        odd = ~blank & (numbers.is_null() | text.str.contains("_"))
        if odd.any():
            row = int(odd.fill_null(False).arg_max() or 0)
            raise InputError(
                self.field(typed, row),
                f"'{shortened(cells[row])}' is not a finite number",
                self._remedy(typed),
            )
        found = numbers.fill_null(np.nan).to_numpy().astype(np.float64)
        said = np.where(blank.fill_null(True).to_numpy(), 0.0, found)
        self._finite(typed, said, cells)
        return np.where(blank.fill_null(True).to_numpy(), np.nan, found)

    def _finite(self, typed: str, found: Array, cells: polars.Series) -> None:
        """Refuse what is infinite, and a NaN that is written; one of a data frame is a blank."""
        written = not cells.dtype.is_numeric()
        bad = np.flatnonzero(np.isinf(found) | (np.isnan(found) & written))
        if len(bad):
            raise InputError(
                self.field(typed, int(bad[0])),
                f"'{shortened(str(cells[int(bad[0])]))}' is not a finite number",
                self._remedy(typed),
            )

    def _remedy(self, typed: str) -> str:
        needed = (self.events.get("TIME"), self.events.get("EVID"))
        return "give a number" if typed in needed else "give a number, or leave it blank"

    def commas(self, name: str) -> bool:
        """Tell whether decimals of a column have commas, from it and from those of events.

        **Raises:** `InputError` where commas and dots both stand before decimals, or commas may
        stand between thousands.
        """
        import polars as pl

        typed = self.events.get(name, name)
        if typed not in self._commas:
            names = dict.fromkeys((*(n for k, n in self.events.items() if k in _MEANT), typed))
            texts = {n: self.columns[n] for n in names if self.columns[n].dtype == pl.String}
            self._commas[typed] = decimal_commas({n: cells.unique() for n, cells in texts.items()})
        return self._commas[typed]


def read_sheet(source: Any, used: Sequence[str] = (), *, amounts: str = "mg") -> Sheet:
    """Read a table from a file, a mapping or a data frame.

    **Arguments:**

    - `source`: path of a file (separated by commas, semicolons, tabs, bars or spaces), a mapping
      of columns to cells, or a data frame. `used`: names of columns that the model uses.
    - `amounts`: the unit in which amounts are wanted where the table says theirs.

    **Raises:** `InputError` when it is no table, has no rows, a column stands twice or has no name,
    or one that says what happens is missing or has another name.
    """
    import polars as pl

    columns: dict[str, pl.Series] = {}
    header, cells_of, numbers, notes = _given(source, used)
    if len(header) > _MOST_COLUMNS:
        raise InputError("events", f"has {len(header):,} columns", "leave out those not needed")
    seen: set[str] = set()
    for place, (name, cells) in enumerate(zip(header, cells_of, strict=True), start=1):
        typed = name.strip()
        series = _series(typed, cells)
        if not typed:
            if series.cast(pl.String).fill_null("").str.strip_chars().is_in(["", "."]).all():
                continue
            raise InputError(
                "events", f"the header has no name in column {place}", "name it or leave it out"
            )
        as_event = typed.upper() if typed.upper() in EVENT_COLUMNS else typed
        if as_event in seen:
            raise InputError(shortened(typed), "the column stands twice", "keep one of them")
        seen.add(as_event)
        columns[typed] = series
    if not len(numbers):
        raise InputError("events", "the table has no rows", "add at least one")
    events = {
        name.upper(): name
        for name in columns
        if name.upper() in EVENT_COLUMNS and (name not in used or name == name.upper())
    }
    marks = [n for n in columns if n not in used and read_column(n).name in ("C", "EXCLUDE")]
    meant = _meant(columns, events, used)
    read = (*marks, *(column.typed for column in meant.values()))
    rows = np.array(numbers, np.int64)
    sheet = Sheet(columns, rows, events, tuple(notes), read, meant, amounts)
    _all_there(sheet, used)
    return sheet


def _meant(
    columns: Iterable[str], events: dict[str, str], used: Collection[str]
) -> dict[str, ColumnName]:
    """Columns of dates, days and units; those of events with a unit in the name join `events`."""
    found: dict[str, ColumnName] = {}
    for name in columns:
        if name in events.values() or (name in used and name.upper() not in _WHEN):
            continue
        column = read_column(name)
        if column.use != "read":
            continue
        if column.name in EVENT_COLUMNS and column.name not in events:
            if column.unit or column.unknown_unit:
                known_unit(column)
                events[column.name] = name
        elif column.name in (*_WHEN, *_UNITS, "START"):
            if column.name in found:
                other = shortened(found[column.name].typed)
                raise InputError(
                    shortened(name), f"says the same as {other}", "keep one of the two columns"
                )
            found[column.name] = column
    return found


def _given(source: Any, used: Collection[str] = ()) -> Cells:
    """Names and cells of the columns, and the numbers of the rows that are not left out."""
    import polars as pl

    before: Mapping[int, str] = {}
    if not isinstance(source, str | Path):
        given = column_values(source)
        header, columns = [name for name, _ in given], [cells for _, cells in given]
        numbers = range(1, len(columns[0]) + 1 if columns else 1)
    elif (plain := read_plain(Path(source))) is not None:
        header, columns = plain
        numbers = range(1, len(columns[0]) + 1)
    else:
        grid = read_grid(Path(source))
        header, before = grid.header, grid.left_out
        numbers = [number for number, _ in grid.rows]
        rows = [cells for _, cells in grid.rows]
        columns = [
            pl.Series(name, [cell or None for cell in cells], pl.String)
            for name, cells in zip(
                header, zip(*rows, strict=True) if rows else [()] * len(header), strict=True
            )
        ]
    if not numbers and not before:
        return Cells(list(header), list(columns), [], [])
    return without_left_out(header, columns, numbers, before, used)


def table_columns(source: Any) -> tuple[polars.DataFrame, Integers]:
    """The columns of a table as they came, those without a name left out, and numbers of rows.

    **Arguments:** `source`: as of `read_sheet`, and read before, so that names differ.
    """
    import polars as pl

    given = _given(source)
    named = zip(given.header, given.columns, strict=True)
    columns = pl.DataFrame([_series(n.strip(), c) for n, c in named if n.strip()])
    return columns, np.array(given.numbers, np.int64)


def _series(name: str, cells: Any) -> polars.Series:
    import polars as pl

    if isinstance(cells, pl.Series):
        return cells.alias(name)
    try:
        numbers = all(cell is None or isinstance(cell, int | float) for cell in cells)
        return pl.Series(name, cells, strict=not numbers)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
        return pl.Series(name, [None if cell is None else str(cell) for cell in cells], pl.String)


def _all_there(sheet: Sheet, used: Sequence[str]) -> None:
    """Refuse a table without what is needed, or with it under another name."""
    known = {
        name: read_column(name)
        for name in sheet.columns
        if name not in sheet.events.values() and name not in used
    }
    for needed in ("ID", "TIME", "AMT"):
        if needed in sheet.events or (needed == "TIME" and "DATETIME" in sheet.meant):
            continue
        other = next(
            (
                n
                for n, column in known.items()
                if needed in (column.name, column.slip, column.instead)
            ),
            "",
        )
        raise InputError(
            needed,
            "the column is missing",
            f"name '{shortened(other)}' {_with_unit(needed, known[other])} where it is this"
            if other
            else "add it",
        )
    _no_doses_elsewhere(sheet, known)
    for name, column in known.items():
        meant = column.name or column.slip
        if meant not in _MEANT or meant in sheet.events or meant == "STOP" != column.name:
            continue
        if meant == "DUR" and "RATE" in sheet.events:
            continue
        if any(text not in ("", "0", "0.0") for text in set(sheet.texts(name))):
            called = "RATE or DUR" if meant == "STOP" else _with_unit(meant, column)
            raise InputError(
                shortened(name),
                f"looks like {meant} and is not read",
                f"say it in {called} where it is that; give it another name where it is not",
            )


def _no_doses_elsewhere(sheet: Sheet, known: Mapping[str, ColumnName]) -> None:
    """Refuse columns that say which doses are given, how often, or of what, and are not read."""
    for name, column in known.items():
        said = column.name
        meant = _SAYS_OF.get(said, "")
        if meant and (meant in sheet.events or (meant == "RATE" and "DUR" in sheet.events)):
            continue
        texts = set(sheet.texts(name))
        if said == "SALT" and (text := next((t for t in texts if t and salt_of(t) != "base"), "")):
            raise InputError(
                shortened(name),
                f"'{shortened(text)}': an amount of a salt is not turned into base here",
                "give the amounts in base and leave the column out",
            )
        changes = column.use == "refused" and (meant or said in _CHANGES)
        label = name.lower() in _LABELS and not any(map(is_numeric, texts))
        if not changes or label or not says_more(texts, column.neutral or "0"):
            continue
        problem = f"looks like {meant} and is not read" if meant else column.says
        remedy = _IN_EVID if said == "RESET" else column.remedy
        more = "; give it another name where it is something else"
        raise InputError(shortened(name), problem, remedy + more)


def _with_unit(name: str, column: ColumnName) -> str:
    """The name that a column should have, with the unit that its own has."""
    return f"{name} ({column.unit.text})" if column.unit else name


def _plain(cell: Any) -> str:
    text = " ".join(str(cell).split())
    if says_nothing(text) or text == "nan":
        return ""
    return text.removesuffix(".0") if isinstance(cell, float) else text


def carried(values: Array, subject: Integers) -> tuple[Array, int]:
    """Numbers with blanks filled by the row before of the same subject.

    **Arguments:**

    - `values`: not a number where blank, shape (R,). `subject`: of each row.

    **Returns:** the numbers, still none where no row before has one, and how many were filled.
    """
    blank = np.isnan(values)
    if not blank.any():
        return values, 0
    place = np.where(blank, -1, np.arange(len(values)))
    first = np.ones(len(values), bool)
    first[1:] = np.diff(subject) != 0
    starts = np.maximum.accumulate(np.where(first, np.arange(len(values)), 0))
    last = np.maximum.accumulate(place)
    found = np.where(last >= starts, values[np.maximum(last, 0)], np.nan)
    return found, int((blank & ~np.isnan(found)).sum())
