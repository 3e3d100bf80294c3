"""Rows of event tables and the numbers in their cells."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ketasim._base import InputError
from ketasim.dosing.fields import shortened
from ketasim.vocabulary.column import Unit, read_unit

_BLANK: Final = frozenset(("", ".", "na", "n/a", "null", "none"))
# columns in which NaN is a slip and no blank
_NUMBERS: Final = ("TIME", "AMT", "RATE", "DUR", "STOP", "WT", "AGE")
_LARGEST: Final = 10**15  # whole numbers are exact below; a limit against slips of the pen
_COMMA: Final = re.compile(r"[-+]?\d*,\d+(?:[eE][-+]?\d+)?")
_THOUSANDS: Final = re.compile(r"[-+]?[1-9]\d{0,2}(?:,\d{3})+")
_DOT: Final = re.compile(r"[-+]?\d*\.\d+(?:[eE][-+]?\d+)?")
_WITH_UNIT: Final = re.compile(
    r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([a-z\u00b5\u03bc][a-z/ ]*)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Names:
    """What the rows of a table share.

    **Arguments:**

    - `typed`: column to its name as typed.
    - `units`: column to what its unit measures and the unit in its name, if any.
    - `commas`: whether decimals have commas.
    """

    typed: Mapping[str, str]
    units: Mapping[str, tuple[str, Unit | None]]
    commas: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A row of an event table.

    **Arguments:**

    - `number`: from 1, below the header.
    - `cells`: column, by its name in the contract, to cell: nothing where it is blank, a number
      where it says one, what was typed otherwise.
    - `names`: of the table.
    """

    number: int
    cells: Mapping[str, Any]
    names: Names

    def field(self, column: str) -> str:
        """What to call a cell in an error."""
        return f"{self.names.typed.get(column, column)} in row {self.number}"

    def blank(self, column: str) -> bool:
        """Tell whether a cell says nothing; NaN is no blank where a number is all there is."""
        return self.cells.get(column) is None

    def text(self, column: str) -> str:
        """The text of a cell, without space around it; empty when it is blank."""
        cell = self.cells.get(column)
        if cell is None:
            return ""
        return f"{cell:g}" if isinstance(cell, float) else " ".join(str(cell).split())

    def has_unit(self, column: str) -> bool:
        """Tell whether a cell is a number with a unit of what its column measures."""
        match = _WITH_UNIT.fullmatch(_dotted(self.text(column), self.names.commas))
        kind, _ = self.names.units.get(column, ("", None))
        return match is not None and read_unit(match[2], kind) is not None

    def measured(self, column: str) -> tuple[float, Unit | None]:
        """The number of a cell as written and its unit, that of the cell before the column's.

        **Raises:** `InputError` when it is not a finite number, 0 when it is blank.
        """
        kind, unit = self.names.units.get(column, ("", None))
        cell = self.cells.get(column)
        if cell is None:
            return 0.0, unit
        if isinstance(cell, float) and math.isfinite(cell):
            return cell, unit
        match = None
        if kind and isinstance(cell, str):
            match = _WITH_UNIT.fullmatch(_dotted(cell, self.names.commas))
        own = read_unit(match[2], kind) if match else None
        if match is not None and own is not None:
            return float(match[1]), own
        remedy = f"give a number; the unit is none of {kind} that is read here"
        raise InputError(
            self.field(column),
            f"'{shortened(cell)}' is not a finite number",
            remedy if match else "give a number",
        )

    def number_of(self, column: str, *, low: float = 0.0) -> float:
        """The number of a cell in h, mg, mg/h, kg or years, 0 when it is blank."""
        value, unit = self.measured(column)
        value = value if unit is None else value * unit.factor
        if value < low:
            raise InputError(
                self.field(column), f"{value:g} is below {low:g}", f"give {low:g} or more"
            )
        return value

    def whole(self, column: str, most: int = _LARGEST) -> int:
        """The whole number of a cell, 0 when it is blank."""
        value = self.number_of(column)
        if value != math.floor(value):
            raise InputError(
                self.field(column), f"{value:g} is not a whole number", "give a whole number"
            )
        if value > most:
            raise InputError(
                self.field(column), f"{value:g} is above {most:,}", "give a smaller number"
            )
        return int(value)

    def needed(self, column: str) -> None:
        """Refuse a blank cell."""
        if self.blank(column):
            raise InputError(self.field(column), "is blank", "fill it in")


def says_nothing(text: str) -> bool:
    """Tell whether a text is blank."""
    return text.strip().lower() in _BLANK


def said(cell: Any) -> str:
    """What a cell says, without space around it; empty where it is missing."""
    return "" if cell is None else str(cell).strip()


def is_blank(cell: Any) -> bool:
    """Tell whether a cell is missing, or a text that stands for nothing."""
    return cell is None or says_nothing(text := str(cell)) or text == "nan"


def is_numeric(cell: Any) -> bool:
    """Tell whether a cell is a number, with a dot or a comma."""
    try:
        return not math.isnan(float(str(cell).replace(",", ".")))
    except ValueError:
        return False


def decimal_commas(columns: Mapping[str, Iterable[Any]]) -> bool:
    """Tell whether the numbers of a table have decimal commas.

    **Arguments:**

    - `columns`: name to cells, of the columns that have numbers.

    **Raises:** `InputError` when commas and dots both stand before decimals, or when a comma may
    as well stand between thousands.
    """
    commas: dict[str, str] = {}
    dots: dict[str, str] = {}
    for name, cells in columns.items():
        for cell in {c for c in cells if isinstance(c, str)}:
            text = cell.strip()
            if _COMMA.fullmatch(text) or _THOUSANDS.fullmatch(text):
                commas.setdefault(text, name)
            elif not dots and _DOT.fullmatch(text):
                dots[text] = name
    if not commas:
        return False
    sure = [text for text in commas if not _THOUSANDS.fullmatch(text)]
    first = next(iter(sorted(sure or commas)))
    if dots:
        other = next(iter(dots))
        raise InputError(
            commas[first],
            f"decimals have commas ('{shortened(first)}') and dots ('{shortened(other)}')",
            "write all of them with dots",
        )
    if not sure:
        raise InputError(
            commas[first],
            f"'{shortened(first)}' may have a decimal comma or thousands set apart",
            "write decimals with a dot and thousands without a mark",
        )
    return True


def parsed(name: str, cells: Iterable[Any], commas: bool | None) -> list[Any]:
    """Cells of a column as `Row` has them.

    **Arguments:**

    - `name`: of the column, in the contract. `cells`: as typed.
    - `commas`: whether decimals have commas; nothing where the column has words.
    """
    known: dict[Any, Any] = {}
    found: list[Any] = []
    for cell in cells:
        if not isinstance(cell, str):
            found.append(_parsed(name, cell, commas))
            continue
        if cell not in known:  # tables say the same again and again
            known[cell] = _parsed(name, cell, commas)
        found.append(known[cell])
    return found


def _parsed(name: str, cell: Any, commas: bool | None) -> Any:
    if cell is None or (isinstance(cell, float) and math.isnan(cell) and name not in _NUMBERS):
        return None
    text = str(cell)
    if says_nothing(text):
        return None
    if commas is None or isinstance(cell, bool):
        return cell
    if isinstance(cell, str):
        text = _dotted(cell, commas)
        # what float() also reads: digits of other scripts, and underscores
        if not text.isascii() or "_" in text:
            return cell
        cell = text
    try:
        return float(cell)
    except (TypeError, ValueError, OverflowError):
        return cell


def _dotted(text: str, commas: bool) -> str:
    return text.replace(",", ".") if commas else text
