"""Rows of event tables, from files and data frames."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ketasim._base import InputError, near
from ketasim.dosing.events.contract import CONTRACT
from ketasim.dosing.fields import shortened

_BLANK: Final = ("", ".", "na", "null", "none")
# columns in which NaN is a slip and no blank
_NUMBERS: Final = ("TIME", "AMT", "RATE", "WT", "AGE")
_KNOWN: Final = tuple(column.name for column in CONTRACT)
# usual columns that are not read, and are no slip of the pen although they resemble one that is
_ORDINARY: Final = ("DATE", "DV", "MDV", "RACE", "SEX", "TAD")


@dataclass(frozen=True)
class Row:
    """A row of an event table.

    **Arguments:**

    - `number`: from 1, below the header.
    - `cells`: column, in upper case, to cell.
    """

    number: int
    cells: Mapping[str, Any]

    def field(self, column: str) -> str:
        """What to call a cell in an error."""
        return f"{column} in row {self.number}"

    def blank(self, column: str) -> bool:
        """Tell whether a cell says nothing; NaN is no blank where a number is all there is."""
        cell = self.cells.get(column)
        missing = isinstance(cell, float) and math.isnan(cell) and column not in _NUMBERS
        return cell is None or missing or str(cell).strip().lower() in _BLANK

    def number_of(self, column: str, *, low: float = 0.0) -> float:
        """The number of a cell, 0 when it is blank."""
        if self.blank(column):
            return 0.0
        cell = self.cells[column]
        try:
            value = float(cell)
        except (TypeError, ValueError):
            value = math.nan
        if not math.isfinite(value):
            raise InputError(
                self.field(column), f"'{shortened(cell)}' is not a finite number", "give a number"
            )
        if value < low:
            raise InputError(
                self.field(column), f"{value:g} is below {low:g}", f"give {low:g} or more"
            )
        return value

    def whole(self, column: str) -> int:
        """The whole number of a cell, 0 when it is blank."""
        value = self.number_of(column)
        if value != int(value):
            raise InputError(
                self.field(column), f"{value:g} is not a whole number", "give a whole number"
            )
        return int(value)

    def needed(self, column: str) -> None:
        """Refuse a blank cell."""
        if self.blank(column):
            raise InputError(self.field(column), "is blank", "fill it in")


def read_rows(source: Any) -> tuple[set[str], list[Row]]:
    """Read the columns of the contract from a file, a mapping or a data frame.

    **Returns:** the columns found, in upper case, and the rows.

    **Raises:** `InputError` when it is no table, or a column stands twice or looks misspelt.
    """
    columns = _columns(source)
    names: dict[str, str] = {}
    for name in columns:
        upper = str(name).strip().upper()
        if upper in names:
            raise InputError(upper, "the column stands twice", "keep one of them")
        names[upper] = name
    for name in names:
        close = near(name, _KNOWN)
        meant = close.split("'")[1] if close.startswith("did you mean") else None
        # a misspelt RATE that is ignored would turn an infusion into a bolus
        if name not in _KNOWN + _ORDINARY and meant is not None and meant not in names:
            raise InputError(name, "unknown column", close)
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        raise InputError("events", "the columns differ in length", "give each row every column")
    known = {name: columns[names[name]] for name in names if name in _KNOWN}
    count = lengths.pop() if lengths else 0
    return set(known), [
        Row(i + 1, {name: values[i] for name, values in known.items()}) for i in range(count)
    ]


def _columns(source: Any) -> Mapping[str, Sequence[Any]]:
    if isinstance(source, str | Path):
        return _csv_columns(Path(source))
    if isinstance(source, Mapping):
        return {str(name): list(values) for name, values in source.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if hasattr(source, "columns") and hasattr(source, "__getitem__"):
        names = getattr(source, "column_names", source.columns)  # pyarrow has columns of its own
        return {
            str(name): values.to_pylist() if hasattr(values, "to_pylist") else list(values)
            for name in names
            for values in (source[name],)
        }
    raise InputError(
        "events", f"a {type(source).__name__} is no table", "give a path, a mapping or a data frame"
    )


def _csv_columns(path: Path) -> Mapping[str, Sequence[Any]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(
            "events", f"cannot read '{path}' ({reason})", "name a CSV file that exists"
        ) from None
    except UnicodeDecodeError:
        raise InputError("events", f"'{path}' is not text", "write it as CSV in UTF-8") from None
    reader = csv.reader(text.splitlines())
    try:
        lines = [line for line in reader if any(cell.strip() for cell in line)]
    except csv.Error as error:
        raise InputError(
            f"line {reader.line_num}", f"'{path}' cannot be read as CSV ({error})", "mend that line"
        ) from None
    if not lines:
        raise InputError("events", f"'{path}' is empty", "write a header and at least one row")
    header, *rows = lines
    for number, row in enumerate(rows, start=1):
        if len(row) != len(header):
            raise InputError(
                f"row {number}",
                f"has {len(row)} cells where the header has {len(header)}",
                "give each row every column",
            )
    upper = [name.strip().upper() for name in header]
    for name in upper:
        if upper.count(name) > 1:
            raise InputError(name, "the column stands twice", "keep one of them")
    return {name: [row[i] for row in rows] for i, name in enumerate(upper)}
