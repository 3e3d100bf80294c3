"""When the rows of an event table are: hours, clock times, days and dates."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from ketasim._base import InputError
from ketasim.dosing.events.columns import Table
from ketasim.dosing.events.rows import Row
from ketasim.dosing.fields import shortened

_DAY: Final = 24.0
_CLOCK: Final = re.compile(
    r"(\d{1,2})[:h](\d{2})(?::(\d{2})(?:\.\d+)?)?\s*(?:([ap])\.?m\.?)?", re.IGNORECASE | re.ASCII
)
_MONTHS: Final = (
    "jan",
    "feb",
    "mar",
    "apr",
    "may",
    "jun",
    "jul",
    "aug",
    "sep",
    "oct",
    "nov",
    "dec",
)
_PARTS: Final = re.compile(r"(\d{1,4})([-/.])(\d{1,2})\2(\d{1,4})", re.ASCII)
_NAMED: Final = re.compile(r"(\d{1,2})[-/. ]?([a-z]{3,9})\.?[-/., ]*(\d{4})", re.IGNORECASE)
_AMERICAN: Final = re.compile(r"([a-z]{3,9})\.? (\d{1,2}),? (\d{4})", re.IGNORECASE)
_PACKED: Final = re.compile(r"((?:19|20)\d{2})(\d{2})(\d{2})", re.ASCII)
_MOMENT: Final = re.compile(r"(\S+?)(?:T|\s+)(\d{1,2}:\d{2}.*?)(?:Z|\+00:00)?", re.ASCII)
_MOST_DAYS: Final = 100_000  # of a day number
_FULL_YEAR: Final = 4
# which part of a date is year, month and day, by the name of NONMEM's column
_ORDERS: Final = {"DAT1": "dmy", "DAT2": "ymd", "DAT3": "ydm"}
_ISO: Final = "write dates as 2024-03-04"


class Moments(NamedTuple):
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


def moments(table: Table, subjects: Sequence[int]) -> Moments:
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
    if any(isinstance(r.cells["TIME"], str) and _MOMENT.fullmatch(r.text("TIME")) for r in rows):
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
        return Moments([row.number_of("TIME") for row in rows], [0.0] * len(rows), "")
    which, *others = (*dates, *days)
    more = "".join(f"; {table.names.typed[name]} is not used" for name in others)
    if _same(table, which, subjects):
        if not clock:
            note = f"{table.names.typed[which]} is the same in a subject's rows and is not used"
            hours = [row.number_of("TIME") for row in rows]
            return Moments(hours, [0.0] * len(rows), note + more)
        numbers = [0] * len(rows)
    else:
        numbers = _dates(table, which) if dates else _days(table, which)
    found = _together(table, subjects, which, numbers, clock)
    return found._replace(note=found.note + more)


def _same(table: Table, which: str, subjects: Sequence[int]) -> bool:
    """Tell whether every subject has one day alone."""
    said = [row.text(which) for row in table.rows]
    return all(said[i] == said[first] for i, first in enumerate(_firsts(subjects)))


def time_of_day(row: Row, column: str) -> float:
    """Hours after midnight of a clock time, such as 9.5 for `9:30`, or of a number of hours."""
    if isinstance(row.cells[column], float):
        return row.number_of(column)
    text = row.text(column)
    match = _CLOCK.fullmatch(text)
    if match is None:
        return row.number_of(column)
    hours, minutes, seconds = int(match[1]), int(match[2]), int(match[3] or 0)
    half = (match[4] or "").lower()
    if half:
        if not 1 <= hours <= 12:
            raise InputError(row.field(column), f"'{text}' is no time of day", "write it as 21:30")
        hours = hours % 12 + (12 if half == "p" else 0)
    if hours >= _DAY or minutes > 59 or seconds > 59:
        raise InputError(row.field(column), f"'{text}' is no time of day", "write it as 21:30")
    return hours + minutes / 60.0 + seconds / 3600.0


def _is_clock(row: Row) -> bool:
    if isinstance(row.cells["TIME"], float):
        return False
    return _CLOCK.fullmatch(row.text("TIME")) is not None


def _together(
    table: Table, subjects: Sequence[int], which: str, days: list[int], clock: bool
) -> Moments:
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
        return Moments(times, [0.0] * len(rows), note)
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
) -> Moments:
    absolute = [day + time for day, time in zip(midnights, times, strict=True)]
    firsts = _firsts(subjects)
    # clock times are minutes and seconds; what subtraction leaves is rounded away
    hours = [round(absolute[i] - absolute[first], 9) for i, first in enumerate(firsts)]
    shift = [day - absolute[first] for day, first in zip(midnights, firsts, strict=True)]
    return Moments(hours, shift, note)


def _of_moments(table: Table, subjects: Sequence[int], column: str) -> Moments:
    """Hours from dates with times in one column."""
    typed = table.names.typed[column]
    for other in ("TIME", "DATE", *_ORDERS, "DAY", "WEEK"):
        if other != column and table.has(other):
            raise InputError(
                typed, f"says when, and so does {table.names.typed[other]}", "keep one of them"
            )
    order = _order(
        table, column, [row.text(column).split("T")[0].split(" ")[0] for row in table.rows]
    )
    read = [_moment(row, column, order) for row in table.rows]
    midnights = [_DAY * day for day, _ in read]
    note = f"{typed}: h count from a subject's first row"
    return _from_first(midnights, [time for _, time in read], subjects, note)._replace(whole=column)


def stop_time(row: Row, when: Moments, place: int) -> float:
    """When an infusion ends, h as TIME counts.

    **Arguments:**

    - `row`: with STOP. `when`: of the table. `place`: of the row among those of the table.
    """
    if when.whole:
        (day, time), (began, _) = _moment(row, "STOP"), _moment(row, when.whole)
        return round(_DAY * (day - began) + time + when.shift[place], 9)
    if _CLOCK.fullmatch(row.text("STOP")) and not when.shift[place]:
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
    match = _MOMENT.fullmatch(text)
    clock = _CLOCK.fullmatch(match[2].strip()) if match else None
    if match is None or clock is None or int(clock[1]) >= _DAY:
        raise InputError(
            row.field(column),
            f"'{shortened(text)}' is no date with a time",
            "write it as 2024-03-04T09:00",
        )
    day = _date(match[1], order, row.field(column))
    return day, int(clock[1]) + int(clock[2]) / 60.0 + int(clock[3] or 0) / 3600.0


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
    texts: list[str] = []
    for row in table.rows:
        row.needed(which)
        text = row.text(which)
        match = _MOMENT.fullmatch(text)
        if match:  # a data frame's date with midnight behind it
            if re.fullmatch(r"0?0:00(:00(\.0+)?)?", match[2].strip()) is None:
                raise InputError(
                    row.field(which),
                    f"'{shortened(text)}' has a time of day beside {table.names.typed['TIME']}",
                    "keep one of them",
                )
            text = match[1]
        texts.append(text)
    order = _ORDERS.get(which) or _order(table, which, texts)
    seen: dict[str, int] = {}
    found: list[int] = []
    for row, text in zip(table.rows, texts, strict=True):
        if text not in seen:
            seen[text] = _date(text, order, row.field(which))
        found.append(seen[text])
    return found


def _order(table: Table, which: str, texts: Sequence[str]) -> str:
    """Whether day or month comes first in dates such as 13/02/2024, from all of them."""
    day_first: str | None = None
    month_first: str | None = None
    open_: str | None = None
    for text in dict.fromkeys(texts):
        match = _PARTS.fullmatch(text)
        if match is None or len(match[1]) == _FULL_YEAR:
            continue
        if match[2] == ".":  # dots stand in dates that begin with the day
            day_first = day_first or text
        elif int(match[1]) > 12:
            day_first = text
        elif int(match[3]) > 12:
            month_first = text
        elif match[1] != match[3]:
            open_ = open_ or text
    typed = table.names.typed[which]
    if day_first and month_first:
        raise InputError(
            typed, f"'{day_first}' begins with the day and '{month_first}' with the month", _ISO
        )
    if open_ and not day_first and not month_first:
        match = _PARTS.fullmatch(open_)
        assert match is not None
        months = [_MONTHS[int(match[i]) - 1].capitalize() for i in (3, 1) if int(match[i])]
        raise InputError(
            typed,
            f"'{open_}' may be {int(match[1])} {months[0]} or {int(match[3])} {months[-1]}",
            f"{_ISO}, or name the column DAT1 where the day comes first",
        )
    return "mdy" if month_first else "dmy"


def _date(text: str, order: str, field: str) -> int:
    """Number of a day, from a date or from a number of a day as NONMEM takes it."""
    parts = _PARTS.fullmatch(text)
    year = month = day = 0
    if packed := _PACKED.fullmatch(text):
        year, month, day = (int(part) for part in packed.groups())
    elif parts:
        numbers = (parts[1], parts[3], parts[4])
        if len(parts[1]) == _FULL_YEAR and order[0] != "y":
            order = "ymd"
        by = dict(zip(order, numbers, strict=True))
        if len(by["y"]) != _FULL_YEAR:
            raise InputError(field, f"'{text}' has no year of four digits", _ISO)
        year, month, day = (int(by[part]) for part in "ymd")
    elif named := _NAMED.fullmatch(text):
        year, month, day = int(named[3]), _month(named[2]), int(named[1])
    elif american := _AMERICAN.fullmatch(text):
        year, month, day = int(american[3]), _month(american[1]), int(american[2])
    elif text.isascii() and text.isdigit() and int(text[:10]) <= _MOST_DAYS and len(text) < 10:
        return int(text)
    try:
        return datetime.date(year, month, day).toordinal()
    except ValueError:
        raise InputError(field, f"'{shortened(text)}' is no date", _ISO) from None


def _month(name: str) -> int:
    short = name[:3].lower()
    return _MONTHS.index(short) + 1 if short in _MONTHS else 0
