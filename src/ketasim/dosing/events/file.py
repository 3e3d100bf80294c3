"""Files of event tables: the separator, the header and the rows, whatever program wrote them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from ketasim._base import InputError, read_whole
from ketasim.dosing.events.left_out import is_title, why_no_row
from ketasim.dosing.fields import shortened
from ketasim.vocabulary.column import read_column

if TYPE_CHECKING:
    import polars

_SEPARATORS: Final = {",": "','", ";": "';'", "\t": "tabs", "|": "'|'", " ": "spaces"}
_EXCEL: Final = re.compile(r'\s*"?sep=.?"?\s*', re.IGNORECASE)  # Excel's own first line
_LOOKED_AT: Final = 30  # lines in which a header is looked for
_ENOUGH: Final = 3  # known names that make a line the header
_MOST_BYTES: Final = 500_000_000  # a limit against files that fill the memory
_MOST_COLUMNS: Final = 1_000  # a limit against files that are no event table
_LARGE: Final = 1_000_000  # characters, from which a file is worth reading in another way
_PLAIN: Final = (",", ";", "\t")


class Grid(NamedTuple):
    """A table as text.

    **Arguments:**

    - `header`: names as typed, one a column; empty where a column has none.
    - `rows`: number of each row, from 1 below the header, and its cells; as many as names.
    - `left_out`: number of each line that has other cells and is no row, and why.
    """

    header: list[str]
    rows: list[tuple[int, list[str]]]
    left_out: dict[int, str]


def read_grid(path: Path) -> Grid:
    """Read a file separated by commas, semicolons, tabs, bars or spaces.

    Empty lines and what stands above the header (`#`, NONMEM's `TABLE NO.`, Excel's `sep=`) are
    passed over; below it every line is a row and has a number.

    **Arguments:**

    - `path`: of the file, UTF-8 or UTF-16 with its mark.

    **Raises:** `InputError` when it cannot be read, has no header, or a row has other cells than
    the header.
    """
    text = _text(path)
    separator, header_line = _shape(text)
    header: list[str] | None = None
    rows: list[tuple[int, list[str]]] = []
    for cells in _cells(text, separator):
        if header is not None:
            rows.append((len(rows) + 1, cells))
            continue
        above = cells[0].strip().startswith("#") and _score(cells) < _ENOUGH
        if above or not any(cell.strip() for cell in cells) or is_title(cells):
            continue
        if _EXCEL.fullmatch(separator.join(cells)) is None:
            header = _header(cells, header_line)
    if header is None:
        raise InputError(
            "events", f"'{shortened(path)}' is empty", "write a header and at least one row"
        )
    return _even(header, rows, separator)


def read_plain(path: Path) -> tuple[list[str], list[polars.Series]] | None:
    """Read a large file in which every line below the header is a row, many times faster.

    **Arguments:**

    - `path`: as of `read_grid`.

    **Returns:** header and columns of text, nothing where a cell is blank; nothing at all of a file
    that is small, or has lines that `read_grid` must look at: quotation marks, comments, banners,
    empty lines, rows of another width.

    **Raises:** `InputError` as `read_grid`.
    """
    text = _text(path).rstrip("\n")
    head = text[:_LARGE].split("\n")
    if len(text) < _LARGE or len(head) < 2 or '"' in text:
        return None
    separator, line = _shape("\n".join(head[:-1]))
    names = head[0].split(separator)
    if line != 1 or separator not in _PLAIN or len(names) > _MOST_COLUMNS:
        return None
    sign = re.escape(separator)
    odd = rf"\n[^\S\n]*(?:#|[cC][^\S\n]*{sign}|TABLE NO|(?:{sign}|\s)*\n)"
    lines = text.count("\n")
    even = text.count(separator) == (len(names) - 1) * (lines + 1)
    if not even or re.search(odd, text) or f"\n{head[0]}" in text or head[0][:1] == "#":
        return None
    import polars as pl

    table = pl.read_csv(
        text.encode(),
        has_header=False,
        skip_rows=1,
        separator=separator,
        quote_char=None,
        infer_schema=False,
    )
    if table.shape != (lines, len(names)):
        return None
    return _header(names, line), table.get_columns()


def _text(path: Path) -> str:
    content = read_whole(path, "events", _MOST_BYTES, what="CSV")
    code = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(code)
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise InputError("events", f"'{shortened(path)}' is not text", "write it as CSV in UTF-8")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _shape(text: str) -> tuple[str, int]:
    """The separator, and the number of the line that looks like a header; 0 when none does."""
    best, separator, number = 0, "", 0
    lines = [(i, line) for i, line in enumerate(text.split("\n"), start=1) if line.strip()]
    for place, line in lines[:_LOOKED_AT]:
        for one in _SEPARATORS:  # the first of equals: spaces stand beside other separators
            if one == " " and "\t" in line.strip():
                continue  # names of several words, as Monolix and Excel write them
            score = _score(_split(line, one))
            if score > best:
                best, separator, number = score, one, place
    if not separator and lines:
        separator = max((s for s in _SEPARATORS if s != " "), key=lines[0][1].count)
    return separator or ",", number if best >= _ENOUGH else 0


def _header(cells: list[str], best: int) -> list[str]:
    """The header, refused when it is none."""
    if _score(cells) >= _ENOUGH:
        return [cells[0].strip().lstrip("#").strip(), *(cell.strip() for cell in cells[1:])]
    if best > 0:
        raise InputError(
            "events",
            f"the first line is no header ('{shortened(','.join(cells))}'), line {best} is",
            "delete what is above the header, or put # before it",
        )
    if not _score(cells) and any(_is_number(cell) for cell in cells):
        raise InputError(
            "events",
            "the header is missing: the first line has numbers",
            "write the names of the columns in the first line, such as ID,TIME,AMT,EVID,ROUTE",
        )
    return [cell.strip() for cell in cells]


def _even(header: list[str], rows: list[tuple[int, list[str]]], separator: str) -> Grid:
    """Rows with as many cells as the header has names, and other lines that are no rows."""
    width = len(header)
    if width > _MOST_COLUMNS:
        raise InputError(
            "events", f"has {width:,} columns", f"leave out those not needed ({_MOST_COLUMNS:,})"
        )
    kept: list[tuple[int, list[str]]] = []
    left_out: dict[int, str] = {}
    for number, cells in rows:
        if len(cells) == width:
            kept.append((number, cells))
            continue
        if not any(cell.strip() for cell in cells[width:]) and len(cells) > width:
            kept.append((number, cells[:width]))
            continue
        if why := why_no_row(cells):
            left_out[number] = why
            continue
        problem = f"has {len(cells)} cells where the header has {width}"
        if separator != ",":
            problem += f" (separated by {_SEPARATORS[separator]})"
        remedy = "give each row every column"
        if separator == "," and len(cells) > width:
            remedy = "write decimals with a dot, or separate the cells by ';'"
        if len(cells) == width + 1 and _count_rows(rows):
            remedy = "the first cells count the rows: leave them out (row.names = FALSE in R)"
        raise InputError(f"row {number}", problem, remedy)
    return Grid(header, kept, left_out)


def _count_rows(rows: Sequence[tuple[int, list[str]]]) -> bool:
    """Tell whether the first cells are the row names of R's write.table."""
    return len(rows) > 1 and all(cells[0].strip() == str(number) for number, cells in rows)


def _cells(text: str, separator: str) -> Iterator[list[str]]:
    """Cells of every line but the empty ones."""
    if separator == " ":
        for line in text.split("\n"):
            if line.strip():
                yield line.split()
        return
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for cells in reader:
            if len(cells) > 1 or any(cell.strip() for cell in cells):
                yield cells
    except csv.Error as error:
        reason = str(error)
        if "field larger" in reason or "unexpected end" in reason:
            reason = "a quotation mark is not closed, or a cell is longer than 131,072 characters"
        raise InputError(
            f"line {reader.line_num}", f"cannot be read as CSV ({reason})", "mend that line"
        ) from None


def _split(line: str, separator: str) -> list[str]:
    return line.split() if separator == " " else line.split(separator)


def _score(cells: Sequence[str]) -> int:
    """How many cells are names of columns."""
    if len(cells) > _MOST_COLUMNS:
        cells = cells[:_MOST_COLUMNS]
    return sum(bool(read_column(cell.strip().strip('"')).use) for cell in cells if _short(cell))


def _short(cell: str) -> bool:
    return 0 < len(cell.strip()) <= 40


def _is_number(cell: str) -> bool:
    try:
        float(cell.strip().replace(",", "."))
    except ValueError:
        return False
    return True
