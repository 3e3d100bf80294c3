"""Rows of an event table that are left out: commented out, blank, or the header again."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple

from ketasim._base import InputError
from ketasim._base.words import spans
from ketasim.dosing.events.rows import is_blank, is_numeric, said
from ketasim.dosing.fields import shortened
from ketasim.vocabulary.column import read_column

NOT_READ: Final = "not read"
"""How a note on rows that are left out ends."""

_COMMENTED: Final = "commented out"
_BLANK: Final = "blank"
_AGAIN: Final = "the header again, or a title"
_MARKS: Final = ("c", "#", "@")  # of a row that is commented out, as NONMEM's IGNORE has them
_LEFT_OUT: Final = ("1", "y", "yes", "true", "t", "x", "c", "#", "excluded", "exclude")
_KEPT: Final = ("0", "n", "no", "false", "f")
_TITLE: Final = re.compile(r"\s*TABLE NO\.?\s*\d+", re.IGNORECASE)  # of a NONMEM table


class Cells(NamedTuple):
    """A table as it came, without the rows that are left out.

    **Arguments:**

    - `header`: names as typed. `columns`: cells of each. `numbers`: of the rows.
    - `notes`: which rows are left out and why, a sentence each.
    """

    header: list[str]
    columns: list[Any]
    numbers: list[int]
    notes: list[str]


def without_left_out(
    header: Sequence[str],
    columns: Sequence[Any],
    numbers: Sequence[int],
    before: Mapping[int, str],
    used: Collection[str] = (),
) -> Cells:
    """Leave out rows that are commented out, blank, or the header again, and say which.

    A comment has `#` before the first cell or the ID, a mark in a column `C`, `COMMENT` or
    `EXCLUDE`, or `C` in the first cell of a row that is no record.

    **Arguments:**

    - `header`, `columns`, `numbers`: names, cells of each column, and number of each row.
    - `before`: numbers of rows that have other cells than the header, and why they are left out.
    - `used`: names of columns that the model uses, which mark no rows.

    **Raises:** `InputError` for a mark that is not clear, and where no row is left.
    """
    found: dict[int, str] = {}
    if columns:
        _by_first(header, columns, numbers, found)
    for name, column in zip(header, columns, strict=True):
        cells: Sequence[Any] = column
        meant = "" if name.strip() in used else read_column(name).name
        if meant == "ID":
            _hashed(_listed(column), found)
        elif meant == "EXCLUDE":
            _excluded(name, cells, numbers, found)
        elif meant == "C" and marks_rows(name, cells):
            found |= dict.fromkeys(_marked(cells), _COMMENTED)
    if not found and not before:
        return Cells(list(header), list(columns), list(numbers), [])
    reasons = {**before, **{int(numbers[place]): why for place, why in found.items()}}
    notes = [
        f"{rows_named(sorted(n for n, one in reasons.items() if one == why))} {why} and {NOT_READ}"
        for why in (_COMMENTED, _BLANK, _AGAIN)
        if why in reasons.values()
    ]
    kept = [i for i in range(len(numbers)) if i not in found]
    if not kept:
        raise InputError(
            "events", f"no row is left: {'; '.join(notes)}", "take the marks off rows that count"
        )
    if found:
        columns = [_taken(cells, kept) for cells in columns]
    return Cells(list(header), list(columns), [int(numbers[i]) for i in kept], notes)


def why_no_row(cells: Sequence[str]) -> str:
    """Why a line with other cells than the header is left out; empty where it is a row."""
    first = cells[0].strip()
    if first.startswith("#") or first.lower() in _MARKS:
        return _COMMENTED
    if not any(cell.strip() for cell in cells):
        return _BLANK
    return _AGAIN if is_title(cells) else ""


def is_title(cells: Sequence[str]) -> bool:
    """Tell whether a line is the title of a NONMEM table, and no row of a subject."""
    alone = not any(cell.strip() for cell in cells[1:])
    words = [cell.strip().upper() for cell in cells[:2]] in (["TABLE", "NO."], ["TABLE", "NO"])
    return (alone or words) and _TITLE.match(" ".join(cells)) is not None


def marks_rows(typed: str, cells: Sequence[Any]) -> bool:
    """Tell whether a column `C` or `COMMENT` marks rows; a text or a concentration does not.

    **Raises:** `InputError` where that is not clear.
    """
    said_there = {said(cell).lower() for cell in cells if not is_blank(cell)} - {"0", "0.0"}
    others = sorted(said_there - set(_MARKS))
    if not others:
        return True
    called_c = typed.strip().upper() == "C"
    numbers = all(map(is_numeric, others)) and not said_there <= {"1", "1.0"}
    if said_there.isdisjoint(_MARKS) and (numbers or not called_c):
        return False
    raise InputError(
        shortened(typed),
        f"'{shortened(others[0])}' is no mark of a row",
        "write C or # on rows to leave out, and a dot on the others",
    )


def _by_first(
    header: Sequence[str], columns: Sequence[Any], numbers: Sequence[int], found: dict[int, str]
) -> None:
    """Rows that their first cell leaves out."""
    first = _listed(columns[0])
    _hashed(first, found)
    marked: list[int] = []
    names = [name.strip() for name in header]
    odd = {cell for cell in set(first) if _is_odd(cell, names[0])}
    for place in [i for i, cell in enumerate(first) if cell in odd] if odd else ():
        if is_blank(first[place]):
            if all(is_blank(cells[place]) for cells in columns):
                found[place] = _BLANK
        elif first[place].strip().lower() == "c":
            marked.append(place)
        else:
            row = [said(cells[place]) for cells in columns]
            if row == names or is_title(row):
                found[place] = _AGAIN
    if not marked or not header[0].strip() or read_column(header[0]).name == "C":
        if not header[0].strip():
            found |= dict.fromkeys(marked, _COMMENTED)
        return
    rest = {place: [cells[place] for cells in columns[1:]] for place in marked}
    records = [place for place in marked if any(map(is_numeric, rest[place]))]
    found |= {place: _COMMENTED for place in marked if place not in records}
    others = {
        cell if isinstance(cell, str) and not is_numeric(cell) and not is_blank(cell) else ""
        for place, cell in enumerate(first)
        if place not in found and place not in marked
    }
    if records and others and others <= {""}:
        raise InputError(
            f"{shortened(header[0].strip())} in row {numbers[records[0]]}",
            f"'{shortened(first[records[0]])}' among numbers may be a comment or a value",
            "put # before rows to leave out, or mark them in a column C; call a value another name",
        )


def _is_odd(cell: Any, name: str) -> bool:
    """Tell whether a first cell may be that of a row to be left out."""
    if not isinstance(cell, str):
        return is_blank(cell)
    text = cell.strip()
    return is_blank(cell) or text.lower() == "c" or text == name or text[:5].upper() == "TABLE"


def _listed(cells: Any) -> list[Any]:
    """Cells as a list, each of which may be looked up; nothing of numbers without a gap."""
    if hasattr(cells, "to_list"):
        if cells.dtype.is_numeric() and not cells.null_count():
            return []
        cells = cells.to_list()
    return [cell if isinstance(cell, str) or cell is None else _hashable(cell) for cell in cells]


def _hashable(cell: Any) -> Any:
    if is_blank(cell):  # NaN is another number each time
        return None
    return cell if isinstance(cell, int | float) else str(cell)


def _hashed(cells: Sequence[Any], found: dict[int, str]) -> None:
    for place, cell in enumerate(cells):
        if isinstance(cell, str) and cell.lstrip()[:1] == "#":
            found[place] = _COMMENTED


def _marked(cells: Sequence[Any]) -> list[int]:
    return [
        place
        for place, cell in enumerate(cells)
        if isinstance(cell, str) and cell.strip().lower() in _MARKS
    ]


def _excluded(
    name: str, cells: Sequence[Any], numbers: Sequence[int], found: dict[int, str]
) -> None:
    for place, cell in enumerate(cells):
        text = "" if is_blank(cell) else said(cell).lower().removesuffix(".0")
        if text in _LEFT_OUT:
            found[place] = _COMMENTED
        elif text and text not in _KEPT and place not in found:
            raise InputError(
                f"{shortened(name.strip())} in row {numbers[place]}",
                f"'{shortened(said(cell))}' is not read",
                "write 1 on rows to leave out, and 0 on the others",
            )


def rows_named(numbers: Sequence[int]) -> str:
    """Rows as a sentence begins: `row 3 is`, `rows 1, 5-7 are`."""
    one = len(numbers) == 1
    told = spans(numbers)
    if len(told) > _LONGEST:
        told = f"{told[:_LONGEST].rpartition(', ')[0]} and more, {len(numbers):,} in all,"
    return f"{'row' if one else 'rows'} {told} {'is' if one else 'are'}"


_LONGEST: Final = 80  # characters in which the rows are named


def _taken(cells: Any, kept: list[int]) -> Any:
    if hasattr(cells, "gather"):  # a column of polars
        return cells.gather(kept)
    return [cells[i] for i in kept]
