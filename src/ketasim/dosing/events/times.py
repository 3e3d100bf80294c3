"""When the rows of an event table are: hours, clock times, days and dates."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from ketasim._base import InputError
from ketasim.dosing.events.columns import Table
from ketasim.dosing.events.rows import Row
from ketasim.dosing.fields import shortened
from ketasim.vocabulary import read_clock, read_moment

_DAY: Final = 24.0
_PARTS: Final = re.compile(r"(\d{1,4})([-/.])(\d{1,2})\2(\d{1,4})", re.ASCII)
_PACKED: Final = re.compile(r"((?:19|20)\d{2})(\d{2})(\d{2})", re.ASCII)
_DATED: Final = re.compile(r"\d{1,4}[-/.]\d|\d{1,2}[-. ]?[a-z]{3}|[a-z]{3,9}\.? \d", re.IGNORECASE)
_SERIAL: Final = 30_000  # days from 1900 to 1982: numbers of dates in spreadsheets lie above
_MOST_DAYS: Final = 100_000  # of the number of a day
_FULL_YEAR: Final = 4
# which part of a date is year, month and day, by the name of NONMEM's column
_ORDERS: Final = {"DAT1": "dmy", "DAT2": "ymd", "DAT3": "ydm"}
_ISO: Final = "write dates as 2024-03-04"


class When(NamedTuple):
    """When each row is.

    **Arguments:**

    - `hours`: of each row; from the subject's first row where there are dates or clock times.
    - `shift`: of each row, h; from its midnight to the subject's first row, 0 where TIME counts.
    - `note`: what was made of it; empty when TIME is in hours alone.
    - `whole`: the column that has dates and times, empty when there is none.
    """

    hours: list[float]
    shift: list[float]
    note: str
    whole: str = ""


def moments(table: Table, subjects: Sequence[int]) -> When:
    """Hours of every row.

    **Arguments:**

    - `table`: with TIME or DATETIME.
    - `subjects`: number of the subject of each row.

    **Raises:** `InputError` for a time of day without a date or day, a date that may be read in two
    ways, and a TIME beside it of which it is not clear where it counts from.
    """
    rows = table.rows
    if table.has("DATETIME"):
        return _of_moments(table, subjects, "DATETIME")
    for row in rows:
        row.needed("TIME")
    if any(map(_is_dated, rows)):
        return _of_moments(table, subjects, "TIME")
    dates = [name for name in ("DATE", *_ORDERS) if table.has(name)]
    days = [name for name in ("DAY", "WEEK") if table.has(name)]
    clock = any(_is_clock(row) for row in rows)
    if len(dates) > 1:
        raise InputError(dates[1], "a second column of dates", "keep one of them")
    if not dates and not days:
        for row in rows:
            if _is_clock(row):
                raise InputError(
                    row.field("TIME"),
                    f"'{shortened(row.cells['TIME'])}' is a time of day without a date",
                    "add the column DATE or DAY, or give h from the subject's first dose",
                )
        return When([row.number_of("TIME") for row in rows], [0.0] * len(rows), "")
    which, *others = (*dates, *days)
    more = "".join(f"; {table.names.typed[name]} is not used" for name in others)
    if _same(table, which, subjects):
        if not clock:
            _no_serial(table, which)
            note = f"{table.names.typed[which]} is the same in a subject's rows and is not used"
            hours = [row.number_of("TIME") for row in rows]
            return When(hours, [0.0] * len(rows), note + more)
        numbers = [0] * len(rows)
    else:
        numbers = _dates(table, which) if dates else _days(table, which)
    found = _together(table, subjects, which, numbers, clock)
    return found._replace(note=found.note + more)


def _same(table: Table, which: str, subjects: Sequence[int]) -> bool:
    """Tell whether every subject has one day alone."""
    said = [row.text(which) for row in table.rows]
    return all(said[i] == said[first] for i, first in enumerate(_firsts(subjects)))


def _no_serial(table: Table, which: str) -> None:
    """Refuse the number of a date beside parts of a day, as spreadsheets write dates and times."""
    for row in table.rows:
        text, cell = row.text(which), row.cells["TIME"]
        serial = text.isascii() and text.isdigit() and _SERIAL <= int(text[:7]) < 2 * _SERIAL
        if not serial or not isinstance(cell, float) or not 0 <= cell < 1:
            return
    raise InputError(
        table.rows[0].field("TIME"),
        f"'{table.rows[0].text('TIME')}' may be part of a day, beside {table.names.typed[which]} "
        f"'{shortened(table.rows[0].text(which))}'",
        "write dates as 2024-03-04 and times of day as 9:00; leave the dates out where TIME is h",
    )


def time_of_day(row: Row, column: str) -> float:
    """Hours after midnight of a clock time, such as 9.5 for `9:30`, or of a number of hours."""
    cell = row.cells[column]
    clock = (
        None if isinstance(cell, float) else read_clock(row.text(column), field=row.field(column))
    )
    return row.number_of(column) if clock is None else clock


def _is_clock(row: Row) -> bool:
    cell = row.cells["TIME"]
    return (
        not isinstance(cell, float)
        and read_clock(row.text("TIME"), field=row.field("TIME")) is not None
    )


def _is_dated(row: Row) -> bool:
    if not isinstance(row.cells["TIME"], str) or row.has_unit("TIME"):
        return False
    return _DATED.match(row.text("TIME")) is not None


def _together(
    table: Table, subjects: Sequence[int], which: str, days: list[int], clock: bool
) -> When:
    """Hours from days and TIME, which is a time of day or counts from the first row."""
    rows, typed = table.rows, table.names.typed[which]
    times = [time_of_day(row, "TIME") for row in rows]
    per = 7 if which == "WEEK" else 1
    firsts = _firsts(subjects)
    as_clock = per == 1 and all(time < _DAY for time in times)
    counts = not clock and all(time_is_elapsed(times, days, subjects, per))
    if clock and not as_clock:
        place = next(i for i, time in enumerate(times) if per > 1 or time >= _DAY)
        raise InputError(
            rows[place].field("TIME"),
            f"'{shortened(rows[place].cells['TIME'])}' among times of day",
            "write all of them as 9:00, with a DATE or DAY",
        )
    if counts and not as_clock:
        note = f"{typed} agrees with TIME, which counts from the first row, and is not used"
        return When(times, [0.0] * len(rows), note)
    if not as_clock:
        place = next(i for i in range(len(rows)) if days[i] != days[firsts[i]] or times[i] >= _DAY)
        raise InputError(
            rows[place].field("TIME"),
            f"{times[place]:g} h is no time of day, and as h from the first row it does not agree "
            f"with {typed}",
            f"leave {typed} out where TIME counts from the first row, or write times of day",
        )
    if counts:
        place = next(i for i in range(len(rows)) if days[i] != days[firsts[i]])
        raise InputError(
            rows[place].field("TIME"),
            f"{times[place]:g} may be a time of day or h from the first row, beside {typed}",
            f"write times of day as 9:00; leave {typed} out where TIME counts from the first row",
        )
    midnights = [_DAY * day for day in days]
    return _from_first(
        midnights,
        times,
        subjects,
        f"{typed} and TIME are read as day and time of day; h count from a subject's first row",
    )


def _firsts(subjects: Sequence[int]) -> list[int]:
    """Place of the first row of each row's subject."""
    places: dict[int, int] = {}
    return [places.setdefault(subject, i) for i, subject in enumerate(subjects)]


def time_is_elapsed(
    times: Sequence[float], days: Sequence[int], subjects: Sequence[int], per: int
) -> list[bool]:
    """Tell of each subject whether hours counted from its first row agree with its days.

    Of a first row at any time of a day, the days that passed must be those that the days say.
    """
    firsts = _firsts(subjects)
    low: dict[int, float] = {}
    high: dict[int, float] = {}
    fine: dict[int, bool] = {}
    length = _DAY * per
    for i, subject in enumerate(subjects):
        passed = days[i] - days[firsts[i]]
        low[subject] = max(low.get(subject, 0.0), length * passed - times[i])
        high[subject] = min(high.get(subject, length), length * (passed + 1) - times[i])
        fine.setdefault(subject, times[i] == 0.0)
    return [fine[s] and low[s] < high[s] for s in low]


def _from_first(
    midnights: Sequence[float], times: Sequence[float], subjects: Sequence[int], note: str
) -> When:
    absolute = [day + time for day, time in zip(midnights, times, strict=True)]
    firsts = _firsts(subjects)
    # clock times are minutes and seconds; what subtraction leaves is rounded away
    hours = [round(absolute[i] - absolute[first], 9) for i, first in enumerate(firsts)]
    shift = [day - absolute[first] for day, first in zip(midnights, firsts, strict=True)]
    return When(hours, shift, note)


def _of_moments(table: Table, subjects: Sequence[int], column: str) -> When:
    """Hours from dates with times in one column."""
    typed = table.names.typed[column]
    for other in ("TIME", "DATE", *_ORDERS, "DAY", "WEEK"):
        if other != column and table.has(other):
            raise InputError(
                typed, f"says when, and so does {table.names.typed[other]}", "keep one of them"
            )
    order = _order(table, column)
    read = [_moment(row, column, order) for row in table.rows]
    midnights = [_DAY * day for day, _ in read]
    note = f"{typed}: h count from a subject's first row"
    return _from_first(midnights, [time for _, time in read], subjects, note)._replace(whole=column)


def stop_time(row: Row, when: When, place: int) -> float:
    """When an infusion ends, h as TIME counts.

    **Arguments:**

    - `row`: with STOP. `when`: of the table. `place`: of the row among those of the table.
    """
    if when.whole:
        (day, time), (began, _) = _moment(row, "STOP"), _moment(row, when.whole)
        return round(_DAY * (day - began) + time + when.shift[place], 9)
    if read_clock(row.text("STOP")) is not None and not when.shift[place]:
        raise InputError(
            row.field("STOP"),
            f"'{row.text('STOP')}' is a time of day, and TIME is in h",
            "give h as TIME has them",
        )
    return round(time_of_day(row, "STOP") + when.shift[place], 9)


def _moment(row: Row, column: str, order: str = "ymd") -> tuple[int, float]:
    """Number of the day and h after midnight of a date with a time."""
    row.needed(column)
    text = row.text(column)
    found = read_moment(_ordered(text, order), field=row.field(column))
    if found is None or found.clock is None:
        raise InputError(
            row.field(column),
            f"'{shortened(text)}' is no date with a time",
            "write it as 2024-03-04T09:00",
        )
    return found.day.toordinal(), found.clock


def _days(table: Table, which: str) -> list[int]:
    found: list[int] = []
    for row in table.rows:
        row.needed(which)
        value = row.number_of(which, low=-_MOST_DAYS)
        if value != int(value) or value > _MOST_DAYS:
            raise InputError(row.field(which), f"{value:g} is no day", "give whole numbers")
        found.append(int(value))
    return found


def _dates(table: Table, which: str) -> list[int]:
    """Number of the day of each row's date."""
    for row in table.rows:
        row.needed(which)
    order = _ORDERS.get(which) or _order(table, which)
    seen: dict[str, int] = {}
    for row in table.rows:
        text = row.text(which)
        if text not in seen:
            seen[text] = _date(text, order, row.field(which))
    return [seen[row.text(which)] for row in table.rows]


def _order(table: Table, which: str) -> str:
    """Whether day or month comes first in dates such as 13/02/2024, from all of them."""
    day_first: str | None = None
    month_first: str | None = None
    open_: str | None = None
    for row in table.rows:
        match = _PARTS.match(row.text(which))
        if match is None or len(match[1]) == _FULL_YEAR:
            continue
        if match[2] == ".":  # dots stand in dates that begin with the day
            day_first = day_first or match[0]
        elif int(match[1]) > 12:
            day_first = match[0]
        elif int(match[3]) > 12:
            month_first = match[0]
        elif match[1] != match[3]:
            open_ = open_ or match[0]
    typed = table.names.typed[which]
    if day_first and month_first:
        raise InputError(
            typed, f"'{day_first}' begins with the day and '{month_first}' with the month", _ISO
        )
    if open_ and not day_first and not month_first:
        try:
            read_moment(open_, field=typed)
        except InputError as error:
            remedy = f"{_ISO}, or name the column DAT1 where the day comes first"
            raise InputError(typed, error.problem, remedy) from None
    return "mdy" if month_first else "dmy"


def _date(text: str, order: str, field: str) -> int:
    """Number of a day, from a date or from a number of a day as NONMEM takes it."""
    if packed := _PACKED.fullmatch(text):
        text = "-".join(packed.groups())
    elif text.isascii() and text.isdigit() and len(text) < 7:
        return int(text)
    found = read_moment(_ordered(text, order), field=field)
    if found is None:
        raise InputError(field, f"'{shortened(text)}' is no date", _ISO)
    if found.clock:  # midnight stands behind the dates of some frames
        raise InputError(
            field, f"'{shortened(text)}' has a time of day beside TIME", "keep one of them"
        )
    return found.day.toordinal()


def _ordered(text: str, order: str) -> str:
    """The text with its date as year-month-day, where the order of its parts is known."""
    parts = _PARTS.match(text)
    if parts is None:
        return text
    numbers = (parts[1], parts[3], parts[4])
    known = order if order[0] == "y" or len(parts[1]) != _FULL_YEAR else "ymd"
    by = dict(zip(known, numbers, strict=True))
    if len(by["y"]) != _FULL_YEAR:
        return text  # to be refused
    return f"{by['y']}-{by['m']}-{by['d']}{text[parts.end() :]}"
