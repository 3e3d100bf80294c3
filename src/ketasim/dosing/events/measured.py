"""Hours and amounts of a table that says dates, days, times of day or units."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError
from ketasim.dosing.events.columns import Table, read_rows
from ketasim.dosing.events.doses import check_start, unit_of_cell
from ketasim.dosing.events.rows import Row
from ketasim.dosing.events.sheet import Sheet
from ketasim.dosing.events.times import moments
from ketasim.vocabulary.column import Unit, read_column, read_unit

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

_MEASURED: Final = ("TIME", "AMT", "RATE", "DUR", "II")
_CODES: Final = (0.0, -1.0, -2.0)  # in RATE: no rates


def measure(sheet: Sheet, subject: Integers) -> list[str]:
    """Put h and amounts of one unit into a table that has dates, times of day or units.

    They are read as a model that ships reads them. A table of plain numbers stays as it is.

    **Arguments:**

    - `sheet`: whose TIME, AMT, RATE, DUR and II are changed. `subject`: of each row, shape (R,).

    **Returns:** what was made of them, a sentence each.

    **Raises:** `InputError` naming column and row, as for a model that ships.
    """
    if not sheet.meant and not sheet.worded() and not _in_names(sheet):
        return []
    notes: list[str] = []
    read = {
        **{name: read_column(sheet.events[name]) for name in _MEASURED if name in sheet.events},
        **sheet.meant,
    }
    cells = {one.typed: [_plain(c) for c in sheet.columns[one.typed]] for one in read.values()}
    names, rows = read_rows(read, cells, sheet.numbers.tolist(), notes)
    table = Table(names, rows)
    when = moments(table, subject.tolist())
    sheet.put("TIME", np.array(when.hours, np.float64))
    if when.note:
        notes.append(when.note)
    per = names.units.get("TIME", ("", None))[1]
    if per is not None and per.factor != 1.0:
        notes.append(f"{names.typed['TIME']} in {per.text} is turned into h")
    _put_amounts(sheet, table, per, notes)
    if table.has("II"):
        sheet.put("II", _column(rows, "II", lambda row: row.number_of("II", low=-math.inf)))
    if table.has("DUR"):
        sheet.put("DUR", _column(rows, "DUR", lambda row: _hours(row, per)))
    return notes


def _in_names(sheet: Sheet) -> bool:
    return any(read_column(sheet.events[one]).unit for one in _MEASURED if one in sheet.events)


def _plain(cell: Any) -> Any:
    """A cell, nothing where a frame has no number."""
    return None if isinstance(cell, float) and math.isnan(cell) else cell


def _column(rows: list[Row], name: str, value: Callable[[Row], float]) -> Array:
    return np.array([math.nan if row.blank(name) else value(row) for row in rows], np.float64)


def _hours(row: Row, per: Unit | None) -> float:
    value, unit = row.measured("DUR")
    unit = unit_of_cell(row, "DURU", "time", unit) or per
    return value * (1.0 if unit is None else unit.factor)


def _put_amounts(sheet: Sheet, table: Table, per: Unit | None, notes: list[str]) -> None:
    """Amounts and rates in one unit."""
    wanted = read_unit(sheet.amounts, "amount")
    hours = 1.0 if per is None else per.factor
    amounts = np.full(len(table.rows), math.nan)
    rates = np.full(len(table.rows), math.nan)
    turned: dict[str, None] = {}
    for place, row in enumerate(table.rows):
        mass = 1.0
        if not row.blank("AMT"):
            value, unit = row.measured("AMT")
            if value:
                check_start(row)
                unit = unit_of_cell(row, "AMTU", "amount", unit)
                mass = _factor(row, "AMT", unit, wanted, sheet.amounts, turned)
            amounts[place] = mass * value
        if row.blank("RATE"):
            continue
        value, unit = row.measured("RATE")
        if value not in _CODES:
            unit = unit_of_cell(row, "RATEU", "rate", unit)
            if unit is None:  # as NONMEM has it: the unit of AMT in one unit of TIME
                value *= mass / hours
            else:
                value *= _factor(row, "RATE", unit, wanted, sheet.amounts, turned)
        rates[place] = value
    sheet.put("AMT", amounts)
    if table.has("RATE"):
        sheet.put("RATE", rates)
        if hours != 1.0 and np.any(rates > 0):
            notes.append(f"{table.names.typed['RATE']} without a unit is in one unit of TIME")
    if turned:
        notes.append(f"amounts in {', '.join(turned)} are turned into {sheet.amounts}")


def _factor(
    row: Row,
    column: str,
    unit: Unit | None,
    wanted: Unit | None,
    amounts: str,
    turned: dict[str, None],
) -> float:
    """What a number in a unit is times one in the unit of amounts."""
    if unit is None or unit.text.strip() == amounts:
        return 1.0
    if wanted is None or unit.per_kg != wanted.per_kg:
        raise InputError(
            row.field(column),
            f"in {unit.text}, and amounts are in {amounts} here",
            f"give what the subject got in {amounts}",
        )
    factor = unit.factor / wanted.factor
    if factor != 1.0:
        turned[unit.text] = None
    return factor
