"""A table as it lies in a file: rows of cells, from CSV or from Excel."""

from __future__ import annotations

import csv
import io
import warnings
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Final

from ketasim._base import InputError, named, one_of, read_whole

Cell = str | float | date | datetime | time | None
"""What a cell holds; a `datetime` is a `date` too."""

_FIELD: Final = "file"
_MOST: Final = 20_000_000  # bytes
_UNPACKED: Final = 200_000_000  # bytes of an Excel file once unpacked: against archives that swell
_ROWS: Final = 100_000
_COLUMNS: Final = 300
_EXCEL: Final = (".xlsx", ".xlsm")
_OLD: Final = (".xls", ".xlsb", ".ods", ".numbers")
_SEPARATORS: Final = ",;\t|"


@dataclass(frozen=True)
class Sheet:
    """A table.

    **Arguments:**

    - `rows`: number in the file, from 1, with its cells; empty rows are left out.
    - `from_1904`: its numbers of days count from 1904, as of old Macs.
    """

    rows: tuple[tuple[int, tuple[Cell, ...]], ...]
    from_1904: bool = False


def read_sheet(path: Path, sheet: str = "") -> Sheet:
    """Read a CSV or Excel file.

    **Arguments:**

    - `path`: of the file. `sheet`: name of a sheet of Excel; left out, the only one that has cells.

    **Raises:** `InputError` when it is neither, is too large or holds nothing.
    """
    ending = path.suffix.lower()
    if ending in _OLD:
        raise InputError(
            _FIELD, f"'{named(path)}' is a {ending} file", "save it as .xlsx or .csv and give that"
        )
    content = read_whole(path, _FIELD, _MOST, what="CSV or Excel")
    if ending in _EXCEL or content[:4] == b"PK\x03\x04":
        found = _excel(content, path, sheet)
    elif content[:4] == b"\xd0\xcf\x11\xe0":
        raise InputError(
            _FIELD,
            f"'{named(path)}' is an old or protected Excel file",
            "save it as .xlsx or .csv without a password and give that",
        )
    elif sheet:
        raise InputError("--sheet", "a CSV file has no sheets", "leave it out")
    else:
        found = Sheet(_numbered(_csv(content, path)))
    if not found.rows:
        raise InputError(_FIELD, f"'{named(path)}' has no rows", "give a table with a heading")
    return found


def sheet_of(text: str) -> Sheet:
    """The rows of a table that was copied from a spreadsheet, or of CSV as text."""
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text))
    try:
        return Sheet(_numbered(rows))
    except csv.Error:
        raise InputError(_FIELD, "it cannot be read as a table", "copy it again") from None


def _numbered(rows: Iterable[Sequence[Cell]]) -> tuple[tuple[int, tuple[Cell, ...]], ...]:
    found: list[tuple[int, tuple[Cell, ...]]] = []
    for number, row in enumerate(rows, 1):
        if number > _ROWS:
            raise InputError(_FIELD, f"it has more than {_ROWS:,} rows", "give the patient's alone")
        if len(row) > _COLUMNS and any(_filled(cell) for cell in row[_COLUMNS:]):
            raise InputError(_FIELD, f"it has more than {_COLUMNS} columns", "give fewer")
        if any(_filled(cell) for cell in row):
            found.append((number, tuple(row[:_COLUMNS])))
    return tuple(found)


def _filled(cell: Cell) -> bool:
    return cell is not None and (not isinstance(cell, str) or bool(cell.strip()))


def _csv(content: bytes, path: Path) -> list[list[str]]:
    text = _text(content, path)
    separator = _separator(text)
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error:
        raise InputError(
            _FIELD, f"'{named(path)}' cannot be read as CSV", "save it again as CSV"
        ) from None


def _text(content: bytes, path: Path) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings = ("utf-16",)  # what Excel calls Unicode text
    else:
        encodings = ("utf-8-sig", "cp1252")
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise InputError(
        _FIELD, f"'{named(path)}' is not text", "give a CSV file in UTF-8, or an Excel file"
    )


def _separator(text: str) -> str:
    """What parts the cells: the sign that parts most lines into the same number of cells."""
    lines = [line for line in text.splitlines() if line.strip()][:50]

    def alike(sign: str) -> tuple[int, int]:
        counts = [line.count(sign) for line in lines]
        most = max(set(counts), key=lambda one: (one > 0, counts.count(one)), default=0)
        return (counts.count(most) if most else 0, most)

    return max(_SEPARATORS, key=alike)


def _excel(content: bytes, path: Path, sheet: str) -> Sheet:
    try:
        import openpyxl
        from openpyxl.utils.datetime import MAC_EPOCH
    except ImportError:
        raise InputError(
            "excel",
            "reading Excel needs the package openpyxl, which is not installed",
            "run 'pip install ketasim[excel]', or save the table as .csv",
        ) from None
    broken = InputError(
        _FIELD, f"'{named(path)}' cannot be read as Excel", "save it again as .xlsx, or as .csv"
    )
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(one.file_size for one in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise broken from None
    if unpacked > _UNPACKED:
        raise InputError(_FIELD, f"'{named(path)}' is too large", "give the patient's rows alone")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions that are not read
            book: Any = openpyxl.load_workbook(
                io.BytesIO(content), read_only=True, data_only=True, keep_links=False
            )
            written: Any = openpyxl.load_workbook(
                io.BytesIO(content), read_only=True, data_only=False, keep_links=False
            )
            try:
                found = _chosen(book, written, sheet)
                return Sheet(found, from_1904=book.epoch == MAC_EPOCH)
            finally:
                book.close()
                written.close()
    except InputError:
        raise
    except Exception:  # noqa: BLE001 -- a damaged archive raises whatever its part does
        raise broken from None


def _chosen(book: Any, written: Any, sheet: str) -> tuple[tuple[int, tuple[Cell, ...]], ...]:
    """Cells of the sheet that is meant, of the values in `book` and the formulas in `written`."""
    names = [one.title for one in book.worksheets]
    if sheet:
        wanted = sheet.strip().lower()
        hits = [one for one in book.worksheets if one.title.strip().lower() == wanted]
        if not hits:
            raise InputError("--sheet", f"there is no sheet '{named(sheet, 40)}'", one_of(names))
        return _cells(hits[0], written[hits[0].title])
    every = {one.title: _cells(one, written[one.title]) for one in book.worksheets}
    filled = [rows for rows in every.values() if rows]
    if len(filled) > 1:
        # the names may be those of patients
        raise InputError(
            _FIELD, f"{len(filled)} of its sheets have cells", "name one of them with --sheet"
        )
    return next(iter(filled), ())


def _cells(sheet: Any, written: Any) -> tuple[tuple[int, tuple[Cell, ...]], ...]:
    both = zip(sheet.iter_rows(values_only=True), written.iter_rows(values_only=True), strict=True)
    return _numbered(
        tuple(_with_value(number, *pair) for pair in zip(values, formulas, strict=True))
        for number, (values, formulas) in enumerate(both, 1)
    )


def _with_value(row: int, value: Any, formula: Any) -> Cell:
    """A cell; a formula whose value was never stored is not an empty cell."""
    if value is None and isinstance(formula, str) and formula.startswith("="):
        raise InputError(
            f"row {row}",
            f"'{formula[:40]}' is a formula, and its value is not in the file",
            "open the file in a spreadsheet, save it, and give that",
        )
    return _cell(value)


def _cell(value: Any) -> Cell:
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int | float):
        return float(value)
    return value if isinstance(value, str | date | time) or value is None else str(value)
