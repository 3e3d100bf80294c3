"""A clinic's table of dates, scores and doses of one patient, read into what a course needs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Final

from ketasim._base import InputError, parse_quantity
from ketasim.dosing import scales
from ketasim.interop.once import each_once
from ketasim.interop.records import (
    MOST_AGE,
    WEIGHTS,
    Account,
    Given,
    Imported,
    Person,
    Rating,
    in_order,
)
from ketasim.interop.scale_name import scale_named
from ketasim.interop.tables.dose import Usual, read_dose
from ketasim.interop.tables.heading import Heading, read_heading
from ketasim.interop.tables.sheet import Cell, Sheet, read_sheet
from ketasim.interop.tables.when import DateCell, Order, order_of, read_when
from ketasim.vocabulary import Moment, read_clock, scale_words

_EMPTY: Final = frozenset(
    ("", "-", "--", ".", "n/a", "na", "none", "nil", "missing", "nd", "not done", "keine", "k.a.")
)
_NO_DOSE: Final = frozenset(("no", "nein", "0", "0.0", "no dose", "skipped", "cancelled"))
_SCORE: Final = re.compile(r"(\d{1,3}(?:[.,]\d)?)\s*(?:/\s*(\d{1,3})|points?|pts\.?|punkte)?", re.I)
_SEXES: Final = {
    **dict.fromkeys(("f", "female", "woman", "w", "weiblich", "frau"), "female"),
    **dict.fromkeys(("m", "male", "man", "männlich", "mann"), "male"),
}
_ONE: Final = ("date", "day", "clock", "scale", "score", "drug", "route", "over", "weight")
_PLAIN: Final = re.compile(r"[-+]?[\d.,\s]+[a-z%]{0,7}", re.IGNORECASE)  # a number and its unit
_SOUGHT: Final = 30  # rows above the headings: the clinic's name, a title
DAY_ZERO: Final = date(2000, 1, 1)
"""Day 0 of a table that counts days; never written."""
_DAYS: Final = 20 * 365


@dataclass
class _Table:
    """A table being read: its columns, and what is found."""

    columns: Mapping[int, Heading]
    usual: Usual
    account: Account
    doses: list[Given] = field(default_factory=list[Given])
    scores: list[Rating] = field(default_factory=list[Rating])
    weights: list[tuple[Moment | None, float]] = field(
        default_factory=list[tuple[Moment | None, float]]
    )
    age: float | None = None
    sex: str | None = None

    def of(self, role: str) -> int | None:
        """The column of a role; nothing without one."""
        return next((n for n, one in self.columns.items() if one.role == role), None)


def read_table(
    path: str | Path,
    *,
    drug: str = "",
    route: str = "",
    over: str = "",
    order: Order | None = None,
    sheet: str = "",
    since: date | None = None,
) -> Imported:
    """Read a clinic's own table, one row a visit or a score; one patient.

    **Arguments:**

    - `path`: of a CSV or Excel file.
    - `drug`, `route`, `over`: of doses that do not say it, such as `ketamine`, `iv`, `40 min`.
    - `order`: of day and month in dates such as 3/12/26, where no date of the file shows it.
    - `sheet`: of Excel. `since`: what is from before this date is left out.

    **Returns:** what was read, and what was not; nothing of names, numbers of patients, or texts.

    **Raises:** `InputError` with the row and column.
    """
    usual = Usual(drug, route, over)
    return read_rows(read_sheet(Path(path), sheet), usual, order=order, since=since)


def read_rows(
    found: Sheet, usual: Usual, *, order: Order | None = None, since: date | None = None
) -> Imported:
    """Read the rows of a table; arguments, what is returned and raised as of `read_table`.

    **Arguments:**

    - `found`: the rows. `usual`: what doses are that do not say it.
    - `order`, `since`: see `read_table`.
    """
    account = Account()
    place, columns = _headings(found, account)
    table = _Table(columns, usual, account)
    body = found.rows[place + 1 :]
    _check_width(len(found.rows[place][1]), body)
    _check_one_patient(columns, body)
    for number, cells, moment in _dated(table, body, found.from_1904, order):
        if since is not None and moment.day < since:
            account.leave_out("Row", "from before --since")
            continue
        _take(table, number, cells, moment)
    given = in_order(table.doses)
    if any(one.entry["route"] == "iv" and "over" not in one.entry for one in given):
        account.note("An iv dose without a duration is given all at once: see --over.")
    weights = sorted(table.weights, key=lambda one: one[0].day if one[0] else DAY_ZERO)
    return Imported(
        Person(None, table.sex, tuple(weights), table.age),
        given,
        each_once(table.scores, given, account),
        tuple(account.lines()),
        tuple(account.notes),
        timed=table.of("day") is None,
    )


def _headings(sheet: Sheet, account: Account) -> tuple[int, dict[int, Heading]]:
    """The row of the headings, and what each column holds.

    **Raises:** `InputError` when no row has a date and something to read, or two columns are one.
    """
    for place, (_, cells) in enumerate(sheet.rows[:_SOUGHT]):
        texts = {n: one for n, one in enumerate(cells) if isinstance(one, str) and one.strip()}
        read = {n: read_heading(one) for n, one in texts.items()} if len(texts) > 1 else {}
        strong = {one.role for one in read.values() if not one.weak}
        read = {
            n: Heading(one.typed) if one.weak and one.role in strong else one
            for n, one in read.items()
        }
        roles = {one.role for one in read.values()}
        if roles & {"date", "day"} and roles & {"rating", "score", "dose"}:
            _check_headings(read, account)
            return place, read
    raise InputError(
        "file",
        "no row has a heading for dates and one for scores or doses",
        "name columns such as 'date', 'PHQ-9' and 'dose'",
    )


def _check_headings(read: Mapping[int, Heading], account: Account) -> None:
    roles = {one.role for one in read.values()}
    for role in _ONE:
        same = [one.typed for one in read.values() if one.role == role]
        if len(same) > 1:
            raise InputError(
                f"'{same[1][:40]}'",
                f"it and '{same[0][:40]}' both hold the {role}",
                "leave one of the two columns out",
            )
    if {"date", "day"} <= roles:
        raise InputError(
            "file", "it has a column of dates and one of days", "leave one of the two out"
        )
    if "scale" in roles and "score" not in roles:
        raise InputError("file", "it has a column of scales and none of scores", "add 'score'")
    if "score" in roles and "scale" not in roles:
        raise InputError(
            "file",
            "it has a column of scores and none of their scale",
            "add 'scale', or name the column such as 'PHQ-9'",
        )
    for one in read.values():
        shown = f"Column '{one.typed[:40]}'"
        if one.role in ("who", "private"):
            account.leave_out(shown, "dropped, as it tells who somebody is")
        elif one.role == "text":
            account.leave_out(shown, "dropped, as free text may tell who somebody is")
        elif not one.role:
            account.leave_out(shown, "not understood")


def _check_width(width: int, body: Sequence[tuple[int, tuple[Cell, ...]]]) -> None:
    """Refuse rows longer than the headings: a comma within a cell moves the cells behind it."""
    for number, cells in body:
        if not all(_empty(cell) for cell in cells[width:]):
            raise InputError(
                f"row {number}",
                f"it has {len(cells)} cells, and the headings are {width}",
                "put cells that hold a comma in quotes, or part the cells by semicolons",
            )


def _check_one_patient(
    columns: Mapping[int, Heading], body: Sequence[tuple[int, tuple[Cell, ...]]]
) -> None:
    for n, heading in columns.items():
        if heading.role != "who":
            continue
        several = {
            " ".join(str(cells[n]).lower().split())
            for _, cells in body
            if n < len(cells) and not _empty(cells[n])
        }
        if len(several) > 1:
            raise InputError(
                f"'{heading.typed[:40]}'",
                f"it has {len(several)} different entries",
                "give the rows of one patient alone",
            )


def _dated(
    table: _Table,
    body: Sequence[tuple[int, tuple[Cell, ...]]],
    from_1904: bool,
    order: Order | None,
) -> Iterator[tuple[int, tuple[Cell, ...], Moment]]:
    """Rows that hold something, with their time."""
    by_date = table.of("date")
    column = table.of("day") if by_date is None else by_date
    assert column is not None
    heading = table.columns[column]
    clock = table.of("clock")
    read = [n for n, one in table.columns.items() if one.role in ("rating", "score", "dose")]
    rows = [
        (number, cells)
        for number, cells in body
        if any(n < len(cells) and not _empty(cells[n]) for n in read)
    ]
    dates: list[DateCell] = []
    for number, cells in rows:
        cell = cells[column] if column < len(cells) else None
        place = _place(number, heading)
        if _empty(cell):
            raise InputError(place, "the row has a score or a dose and no date", "fill it in")
        dates.append(DateCell(place, cell))
    shown = order_of(dates, order, from_1904) if by_date is not None else None
    for (number, cells), one in zip(rows, dates, strict=True):
        moment = _counted(one) if by_date is None else read_when(one, shown, from_1904)
        if clock is not None and clock < len(cells) and not _empty(cells[clock]):
            place = _place(number, table.columns[clock])
            moment = Moment(moment.day, _clock(cells[clock], place))
        yield number, cells, moment


def _counted(one: DateCell) -> Moment:
    text = str(one.cell).strip().lower().removeprefix("day").removeprefix("tag").strip()
    try:
        day = float(text)
    except ValueError:
        day = -1.0
    if not day.is_integer() or not 0 <= day <= _DAYS:
        raise InputError(one.place, "it is not a day counted from 0", "give whole days from 0")
    return Moment(DAY_ZERO + timedelta(days=int(day)))


def _clock(cell: Cell, place: str) -> float:
    if isinstance(cell, datetime | time):
        return (60 * cell.hour + cell.minute) / 60
    if isinstance(cell, float) and 0 <= cell < 1:
        return round(1440 * cell) / 60
    found = read_clock(re.sub(r"\s*uhr$", "", str(cell).strip(), flags=re.I), field=place)
    if found is None:
        raise InputError(place, "it is not a clock time", "write it such as 14:30")
    return found


def _take(table: _Table, number: int, cells: tuple[Cell, ...], moment: Moment) -> None:
    """Take what a row holds."""
    scale_column = table.of("scale")
    named = "" if scale_column is None else _text(cells, scale_column)
    own = Usual(
        _cell_text(table, cells, "drug") or table.usual.drug,
        _cell_text(table, cells, "route") or table.usual.route,
        _over(table, cells, number) or table.usual.over,
    )
    for n, heading in table.columns.items():
        if n >= len(cells) or _empty(cells[n]):
            continue
        place = _place(number, heading)
        if heading.role == "rating":
            table.scores.append(
                Rating(moment, heading.scale, _score(cells[n], heading.scale, place))
            )
        elif heading.role == "score":
            scale = scale_named(named)
            if scale is None:
                table.account.leave_out("Score", "its scale is not one that is read")
                continue
            table.scores.append(Rating(moment, scale, _score(cells[n], scale, place)))
        elif heading.role == "dose":
            if _text(cells, n).lower() in _NO_DOSE:
                continue
            drug = heading.drug or own.drug
            entries = read_dose(_amount(cells[n], heading), Usual(drug, own.route, own.over), place)
            _add(table, [Given(moment, entry) for entry in entries], place)
        elif heading.role == "weight":
            kg = _measured(_amount(cells[n], heading), "kg", WEIGHTS, place, "a body weight")
            table.weights.append((moment, kg))
        elif heading.role == "age" and table.age is None:
            text = _with_unit(cells[n], heading.unit or "years")
            table.age = _measured(text, "year", (0.0, MOST_AGE), place, "an age")
        elif heading.role == "sex" and table.sex is None:
            table.sex = _SEXES.get(_text(cells, n).lower())
            if table.sex is None:
                table.account.note("The patient's sex is not written as female or male: left out.")


def _add(table: _Table, entries: Sequence[Given], place: str) -> None:
    """Take a dose; one that rows of one day repeat, each with another score, counts once.

    **Raises:** `InputError` for a second dose on a day whose clock times do not tell them apart.
    """
    when = entries[0].when
    same = [
        one
        for one in table.doses
        if one.when.day == when.day and (one.when.clock is None or one.when == when)
    ]
    if not same and when.clock is None:
        same = [one for one in table.doses if one.when.day == when.day]
    if not same:
        table.doses += entries
    elif table.of("scale") is not None and same == list(entries):
        table.account.note("A dose that several rows of one day repeat counts once.")
    else:
        raise InputError(
            place,
            "it is a second dose of that day",
            "give both their clock times, or leave one out",
        )


def _over(table: _Table, cells: tuple[Cell, ...], number: int) -> str:
    n = table.of("over")
    if n is None or n >= len(cells) or _empty(cells[n]):
        return ""
    heading = table.columns[n]
    unit = heading.unit or ("min" if heading.typed.lower() == "minutes" else "")
    text = _with_unit(cells[n], unit)
    _measured(text, "h", (0.0, 24.0 * _DAYS), _place(number, heading), "a duration")
    return text


def _measured(text: str, unit: str, ends: tuple[float, float], place: str, what: str) -> float:
    """A quantity within its ends.

    **Raises:** `InputError`, which shows no words of the cell: they may be a name.
    """
    like = {"kg": "78 kg", "year": "42 years", "h": "40 min"}[unit]
    try:
        found = parse_quantity(text, unit, field=place)
    except InputError as error:
        if _PLAIN.fullmatch(text):
            raise
        raise InputError(place, f"it is not {what}", f"write it such as {like}") from error
    if not ends[0] <= found <= ends[1]:
        raise InputError(
            place,
            f"{text} is outside {ends[0]:g} to {ends[1]:g} {unit}",
            f"write it such as {like}",
        )
    return found


def _score(cell: Cell, scale: str, place: str) -> float:
    most = scales()[scale]
    text = f"{cell:g}" if isinstance(cell, float) else str(cell).strip()
    hit = _SCORE.fullmatch(text)
    if hit is None or (hit[2] and float(hit[2]) != most):
        raise InputError(
            place, f"it is not a score of {scale}", f"write a number from 0 to {most:g}"
        )
    found = float(hit[1].replace(",", "."))
    if found > most:
        raise InputError(
            place,
            f"{found:g} is outside 0 to {most:g} of {scale_words(scale)}",
            "check the score and its scale",
        )
    return found


def _amount(cell: Cell, heading: Heading) -> str:
    return _with_unit(cell, heading.unit)


def _with_unit(cell: Cell, unit: str) -> str:
    """A cell with the unit of its heading, where it has none of its own."""
    text = f"{cell:.12g}" if isinstance(cell, float) else str(cell).strip()
    return f"{text} {unit}" if unit and re.fullmatch(r"[\d.,\s]+", text) else text


def _cell_text(table: _Table, cells: tuple[Cell, ...], role: str) -> str:
    n = table.of(role)
    return "" if n is None else _text(cells, n)


def _text(cells: tuple[Cell, ...], n: int) -> str:
    cell = cells[n] if n < len(cells) else None
    if _empty(cell):
        return ""
    return f"{cell:g}" if isinstance(cell, float) else " ".join(str(cell).split())


def _empty(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, str) and cell.strip().lower() in _EMPTY)


def _place(number: int, heading: Heading) -> str:
    return f"row {number}, '{heading.typed[:40]}'"
