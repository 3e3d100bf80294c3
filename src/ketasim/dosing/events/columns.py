"""Columns of an event table: which are read, and what is said of the others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from ketasim._base import InputError
from ketasim.dosing.events.contract import CONTRACT
from ketasim.dosing.events.file import read_grid
from ketasim.dosing.events.left_out import marks_rows, without_left_out
from ketasim.dosing.events.rows import (
    Names,
    Row,
    decimal_commas,
    is_blank,
    parsed,
)
from ketasim.dosing.fields import shortened
from ketasim.vocabulary.column import ColumnName, Unit, read_column, read_unit
from ketasim.vocabulary.drug import drug_pattern

_MOST_NAMED: Final = 20  # ignored columns in a note; beyond, they are counted
_MOST_COLUMNS: Final = 1_000  # a limit against tables that are no event table
_INFUSED: Final = re.compile(r"\binfus|\bdrip\b|\bover \d+ ?(?:min|h)", re.IGNORECASE)
_WITH_NUMBERS: Final = (
    *("ID", "TIME", "AMT", "RATE", "DUR", "STOP", "II", "ADDL", "SS"),
    *("EVID", "MDV", "DEVICE", "WT", "AGE", "DAY", "WEEK", "START"),
)


@dataclass(frozen=True)
class Table:
    """An event table before its rows are understood.

    **Arguments:**

    - `names`: of the columns that are read.
    - `rows`: those not left out.
    - `notes`: what was made of the columns, a sentence each.
    - `occasions`: of each row, what columns such as OCC, VISIT and ARM say; empty without any.
    """

    names: Names
    rows: list[Row]
    notes: list[str] = field(default_factory=list[str])
    occasions: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])

    def has(self, column: str) -> bool:
        """Tell whether the table has a column of the contract."""
        return column in self.names.typed


@dataclass
class _Sorted:
    """Columns as they are sorted out."""

    read: dict[str, ColumnName] = field(default_factory=dict[str, ColumnName])
    ignored: list[ColumnName] = field(default_factory=list[ColumnName])


def read_table(source: Any) -> Table:
    """Read the columns of the contract from a file, a mapping or a data frame.

    **Raises:** `InputError` when it is no table; a column stands twice, has no name, looks
    misspelt, or means something that is not read; or numbers cannot be told.
    """
    notes: list[str] = []
    before: Mapping[int, str] = {}
    if isinstance(source, str | Path):
        grid = read_grid(Path(source))
        before = grid.left_out
        numbers = [number for number, _ in grid.rows]
        header: Sequence[str] = grid.header
        columns: list[Sequence[Any]] = list(zip(*(cells for _, cells in grid.rows), strict=True))
        columns = columns or [() for _ in header]
    else:
        header, columns = _frame(source)
        numbers = list(range(1, len(columns[0]) + 1)) if columns else []
    if len(header) > _MOST_COLUMNS:
        raise InputError(
            "events", f"has {len(header):,} columns", "leave out those that are not needed"
        )
    if numbers or before:
        header, columns, numbers, left = without_left_out(header, columns, numbers, before)
        notes += left
    cells = _named(header, columns, notes)
    found = _sorted(cells)
    _all_there(found)
    _no_infusion_in_words(found, cells)
    for name in ("C", "EXCLUDE"):
        found.read.pop(name, None)
    if found.ignored:
        notes.append(_ignored(found.ignored))
    names, rows = read_rows(found.read, cells, numbers, notes)
    typed = names.typed
    if rows and all(isinstance(rows[0].cells.get(name), str) for name in ("ID", "AMT")):
        raise InputError(
            f"row {rows[0].number}",
            f"has no numbers ('{shortened(rows[0].cells['AMT'])}' in {typed['AMT']})",
            "leave out what is below the header; units stand in names, such as TIME (h)",
        )
    said = [cells[c.typed] for c in found.ignored if c.name in ("OCC", "DRUG")]
    occasions = [tuple(map(str, one)) for one in zip(*said, strict=True)]
    return Table(names, rows, notes, occasions)


def read_rows(
    read: Mapping[str, ColumnName],
    cells: Mapping[str, Sequence[Any]],
    numbers: Sequence[int],
    notes: list[str],
) -> tuple[Names, list[Row]]:
    """Rows of the columns that are read.

    **Arguments:**

    - `read`: column of the contract to what its name says. `cells`: of each name as typed.
    - `numbers`: of the rows. `notes`: takes what was made of units.

    **Raises:** `InputError` where a unit or decimals cannot be told.
    """
    typed = {name: column.typed.strip() for name, column in read.items()}
    by_name = {name: cells[column.typed] for name, column in read.items()}
    units = {name: (column.kind, column.unit) for name, column in read.items()}
    _share_time_unit(units, by_name, typed, notes)
    commas = decimal_commas({typed[n]: by_name[n] for n in _WITH_NUMBERS if n in by_name})
    names = Names(typed, units, commas)
    keys = tuple(by_name)
    values = [parsed(n, by_name[n], commas if n in _WITH_NUMBERS else None) for n in keys]
    rows = [
        Row(number, dict(zip(keys, one, strict=True)), names)
        for number, one in zip(numbers, zip(*values, strict=True), strict=True)
    ]
    return names, rows


def column_values(source: Any) -> list[tuple[str, Any]]:
    """Names and columns of a mapping or a data frame, as they came where polars takes them.

    **Raises:** `InputError` when it is no table.
    """
    import polars as pl

    if isinstance(source, pl.DataFrame):
        return [(name, source[name]) for name in source.columns]
    return list(zip(*_frame(source), strict=True))


def _frame(source: Any) -> tuple[list[str], list[Sequence[Any]]]:
    """Names and cells of a mapping or a data frame."""
    columns: dict[str, list[Any]]
    if isinstance(source, Mapping):
        given = cast("Mapping[Any, Any]", source)
        for name, values in given.items():
            if isinstance(values, str | bytes) or not isinstance(values, Iterable):
                raise InputError(
                    shortened(str(name)),
                    f"'{shortened(str(values))}' is one cell, and a column has one for each row",
                    "give a list",
                )
        columns = {str(name): list(values) for name, values in given.items()}
    elif hasattr(source, "columns") and hasattr(source, "__getitem__"):
        names = getattr(source, "column_names", source.columns)  # pyarrow has columns of its own
        columns = {
            str(name): values.to_pylist() if hasattr(values, "to_pylist") else list(values)
            for name in names
            for values in (source[name],)
        }
    else:
        raise InputError(
            "events",
            f"a {type(source).__name__} is no table",
            "give a path, a mapping or a data frame",
        )
    if len({len(values) for values in columns.values()}) > 1:
        raise InputError("events", "the columns differ in length", "give each row every column")
    return list(columns), list(columns.values())


def _named(
    header: Sequence[str], columns: Sequence[Sequence[Any]], notes: list[str]
) -> dict[str, Sequence[Any]]:
    """Cells by the name as typed; a column that has no name is refused unless it says nothing."""
    found: dict[str, Sequence[Any]] = {}
    seen: set[str] = set()
    for place, (name, cells) in enumerate(zip(header, columns, strict=True), start=1):
        upper = name.strip().upper()
        if not upper:
            if all(is_blank(cell) for cell in cells):
                continue
            texts = [str(cell).strip() for cell in cells]
            if any(texts == [str(i + n) for i in range(len(texts))] for n in (0, 1)):
                notes.append(f"column {place} has no name and counts the rows: not read")
                continue
            raise InputError(
                "events", f"the header has no name in column {place}", "name it or leave it out"
            )
        if upper in seen:
            raise InputError(shortened(upper), "the column stands twice", "keep one of them")
        seen.add(upper)
        found[name] = cells
    return found


def _sorted(cells: Mapping[str, Sequence[Any]]) -> _Sorted:
    found = _Sorted()
    known = [read_column(name) for name in cells]
    exact = {column.name: column for column in known if column.name == column.typed.strip().upper()}
    for column in known:
        use, values = column.use, cells[column.typed]
        named = shortened(column.typed)
        if use == "read_with_unit" and not says_more(values, "0"):
            use = "ignored"
        elif use == "read_where_drug":
            use = "read" if _names_drugs(values) and column.name not in exact else "ignored"
        if use == "read_with_unit":
            raise InputError(
                named, f"{column.says}, without a unit", f"name it {named}_MIN or {named}_H"
            )
        if use == "read":
            _add(found, column, values)
        elif use == "refused" and says_more(values, column.neutral or "0"):
            raise InputError(named, column.says, column.remedy)
        elif use == "like" and says_more(values, "0"):
            name = column.name if column.unit is None else f"{column.name} ({column.unit.text})"
            raise InputError(
                named,
                f"looks like {column.says} and is not read",
                f"name it {name} where it is that; leave it out where it is something else",
            )
        elif column.slip and not use and not any(c.name == column.slip for c in known):
            raise InputError(named, "unknown column", f"did you mean '{column.slip}'?")
        else:
            found.ignored.append(column)
    return found


def _names_drugs(cells: Iterable[Any]) -> bool:
    """Tell whether a column of arms or treatments says which drug was given."""
    return any(drug_pattern().search(str(cell)) for cell in {c for c in cells if _is_text(c)})


def _is_text(cell: Any) -> bool:
    return isinstance(cell, str) and not is_blank(cell)


def _add(found: _Sorted, column: ColumnName, values: Sequence[Any]) -> None:
    named = shortened(column.typed)
    known_unit(column)
    other = found.read.get(column.name)
    if other is not None:
        raise InputError(
            named, f"says the same as {shortened(other.typed)}", "keep one of the two columns"
        )
    if column.name == "C" and not marks_rows(column.typed, values):
        found.ignored.append(column)
        return
    found.read[column.name] = column


def known_unit(column: ColumnName) -> None:
    """Refuse a name with a unit that is not known."""
    if column.unknown_unit:
        raise InputError(
            shortened(column.typed),
            f"'{shortened(column.unknown_unit)}' is no unit that is read here",
            "name the column with a unit such as (mg), (mcg), (mg/kg), (h), (min), (mg/h) or (kg)",
        )


def _all_there(found: _Sorted) -> None:
    if "EVID" in found.read and "MDV" in found.read:
        found.ignored.append(found.read.pop("MDV"))
    for column in CONTRACT:
        if not column.required or column.name in found.read:
            continue
        if column.name == "TIME" and "DATETIME" in found.read:
            continue
        remedy = f"add it: {column.meaning}"
        others = (*found.ignored, *found.read.values())
        instead = [c for c in others if c.instead == column.name]
        if instead:
            name = column.name if not instead[0].unit else f"{column.name} ({instead[0].unit.text})"
            remedy = f"name {shortened(instead[0].typed)} {name} where it is this: {column.meaning}"
        raise InputError(column.name, "the column is missing", remedy)
    if not {"CMT", "ROUTE"} & set(found.read):
        raise InputError("CMT", "the column is missing", "add CMT or ROUTE")


def _no_infusion_in_words(found: _Sorted, cells: Mapping[str, Sequence[Any]]) -> None:
    """Refuse an infusion that a column in words says, where no column that is read says it."""
    if any(name in found.read for name in ("RATE", "DUR", "STOP")):
        return
    for column in found.ignored:
        if column.use and column.name != "SEQ":
            continue
        for cell in cells[column.typed]:
            if isinstance(cell, str) and _INFUSED.search(cell):
                raise InputError(
                    shortened(column.typed),
                    f"'{shortened(cell)}' is not read, and no column says how long doses last",
                    "say it in DUR, with its unit, such as DUR (min); leave the column out where "
                    "it is something else",
                )


def _share_time_unit(
    units: dict[str, tuple[str, Unit | None]],
    cells: Mapping[str, Sequence[Any]],
    typed: Mapping[str, str],
    notes: list[str],
) -> None:
    """Give TIME the unit of TIMEU, and II and STOP that of TIME where they have none."""
    said = {str(cell).strip() for cell in cells.get("TIMEU", ()) if not is_blank(cell)}
    for text in sorted(said):
        own = read_unit(text, "time")
        before = units.get("TIME", ("time", None))[1]
        if own is None or (before is not None and before.factor != own.factor):
            raise InputError(
                typed["TIMEU"],
                f"'{shortened(text)}' is no unit of time that is read here, or one of several",
                "give one unit for all rows, such as h or min",
            )
        units["TIME"] = ("time", own)
    unit = units.get("TIME", ("time", None))[1]
    if unit is None or unit.factor == 1.0:
        return
    for name in ("II", "START", "STOP"):
        if name in units and units[name][1] is None:
            units[name] = ("time", unit)
            if name == "START":
                continue
            notes.append(f"{typed[name]} has no unit and is read in {unit.text}, as TIME is")


def _ignored(columns: Sequence[ColumnName]) -> str:
    names = [shortened(column.typed) for column in columns]
    shown = ", ".join(names[:_MOST_NAMED])
    if len(names) > _MOST_NAMED:
        shown += f" and {len(names) - _MOST_NAMED:,} more"
    return f"not used: {shown}"


def says_more(cells: Iterable[Any], neutral: str) -> bool:
    """Tell whether any cell says more than what changes nothing, such as `1;yes`."""
    words = neutral.split(";")
    for cell in set(map(str, cells)):
        text = cell.strip().lower()
        if is_blank(cell) or text in words:
            continue
        try:
            if float(text.replace(",", ".")) == float(words[0]):
                continue
        except ValueError:
            pass
        return True
    return False
