"""Dates of a clinic's table: one order of day and month in a file, known for sure or refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal

from ketasim._base import InputError
from ketasim.interop.tables.sheet import Cell
from ketasim.vocabulary import Moment, read_clock, read_moment

Order = Literal["day-first", "month-first"]
"""Which comes first in a date such as 3/12/26."""

_NUMERIC: Final = re.compile(
    r"(\d{1,2})\s*([./-])\s*(\d{1,2})\s*\2\s*(\d{4}|\d{2})(?:[\sT,]+(.+))?", re.ASCII
)
_SERIAL: Final = re.compile(r"\d{5}(?:\.\d+)?", re.ASCII)
_SERIALS: Final = (20_000, 80_000)  # 1954 to 2119
# calendars, which are of no zone
_FIRST_1900: Final = datetime(1899, 12, 30)  # noqa: DTZ001
_FIRST_1904: Final = datetime(1904, 1, 1)  # noqa: DTZ001
_MONTHS: Final = {
    "januar": "January",
    "februar": "February",
    "märz": "March",
    "maerz": "March",
    "mrz": "March",
    "mai": "May",
    "juni": "June",
    "juli": "July",
    "oktober": "October",
    "okt": "October",
    "dezember": "December",
    "dez": "December",
}
_WEEKDAY: Final = re.compile(
    r"(?:mo|di|mi|do|fr|sa|so|mon|tue|wed|thu|fri|sat|sun)[a-z]*\.?,?\s+(?=\d)", re.IGNORECASE
)
_WHOLE: Final = "write it as year-month-day, such as 2026-01-05"


@dataclass(frozen=True)
class DateCell:
    """A cell of the column of dates.

    **Arguments:**

    - `place`: such as `row 5, 'Datum'`. `cell`: what it holds.
    """

    place: str
    cell: Cell


def order_of(cells: Sequence[DateCell], given: Order | None, from_1904: bool) -> Order | None:
    """Which comes first in dates such as 3/12/26, as the file itself shows.

    Dates with points are day.month.year: no country writes the month first with points.

    **Arguments:**

    - `cells`: of the column. `given`: what the user says. `from_1904`: as of `Sheet`.

    **Returns:** nothing where no date needs it.

    **Raises:** `InputError` where the file has two orders, does not show which it has, or has dates
    that a spreadsheet seems to have turned.
    """
    shown: dict[Order, DateCell] = {}
    open_: list[DateCell] = []
    for one in cells:
        hit = _numeric(one.cell)
        if hit is None:
            continue
        first, second = int(hit[1]), int(hit[3])
        if first > 12 >= second:
            shown.setdefault("day-first", one)
        elif second > 12 >= first:
            shown.setdefault("month-first", one)
        elif first != second and hit[2] != ".":
            open_.append(one)
        elif hit[2] == ".":
            shown.setdefault("day-first", one)
    if len(shown) == 2:
        places = [shown[name].place for name in ("day-first", "month-first")]
        raise InputError(
            places[1],
            f"the month comes first here and the day in {places[0]}",
            "write all dates of the file in one order, best as year-month-day",
        )
    own = next(iter(shown), None)
    if given is not None and own is not None and given != own:
        raise InputError("--order", f"{shown[own].place} shows {own}", "leave --order out")
    _refuse_turned(cells, shown.get("day-first"), from_1904)
    order = given or own
    if open_ and order is None:
        text = str(open_[0].cell).strip()
        raise InputError(
            open_[0].place,
            f"no date of the file shows whether '{text}' has the day or the month first",
            "say it with --order day-first or --order month-first",
        )
    return order


def _refuse_turned(cells: Sequence[DateCell], text: DateCell | None, from_1904: bool) -> None:
    """Refuse a column of which a spreadsheet read some dates, the month first, and left others.

    Dates with a day above 12 then stay text, and all that were read have a day of at most 12.
    """
    own = [found for one in cells if (found := _calendar(one.cell, from_1904)) is not None]
    hit = _numeric(text.cell) if text else None
    if text is None or hit is None or int(hit[1]) <= 12 or len(own) < 2:
        return
    if all(one.day.day <= 12 for one in own):
        raise InputError(
            text.place,
            "it is text, and the dates of other rows may have day and month exchanged",
            "write all dates of the column as year-month-day",
        )


def read_when(one: DateCell, order: Order | None, from_1904: bool) -> Moment:
    """Read a date, with a clock time behind it or without.

    **Arguments:**

    - `one`: the cell. `order`: as of `order_of`. `from_1904`: as of `Sheet`.

    **Raises:** `InputError`.
    """
    found = _calendar(one.cell, from_1904)
    if found is not None:
        return found
    hit = _numeric(one.cell)
    if hit is not None:
        first, second = int(hit[1]), int(hit[3])
        day_first = hit[2] == "." or order != "month-first"
        day, month = (first, second) if day_first else (second, first)
        year = int(hit[4]) + (2000 if len(hit[4]) == 2 else 0)
        try:
            made = date(year, month, day)
        except ValueError:
            raise InputError(one.place, f"there is no day '{hit[0]}'", _WHOLE) from None
        return Moment(made, _clock(hit[5], one.place) if hit[5] else None)
    if isinstance(one.cell, str):
        moment = _in_words(one.cell, one.place)
        if moment is not None:
            return moment
    raise InputError(one.place, "it is not read as a date", _WHOLE)


def _in_words(cell: str, place: str) -> Moment | None:
    text = _WEEKDAY.sub("", " ".join(cell.split()), count=1)
    text = re.sub(r"[a-zäöü]+", lambda hit: _MONTHS.get(hit[0].lower(), hit[0]), text, flags=re.I)
    text = re.sub(r"(\d)\. (?=[A-Z])", r"\1 ", text)
    try:
        return read_moment(text, field=place)
    except InputError:  # its words are those of the cell, which may be anything
        return None


def _numeric(cell: Cell) -> re.Match[str] | None:
    if not isinstance(cell, str):
        return None
    return _NUMERIC.fullmatch(_WEEKDAY.sub("", cell.strip(), count=1))


def _calendar(cell: Cell, from_1904: bool) -> Moment | None:
    """A date of a spreadsheet, or the number of one."""
    if isinstance(cell, datetime):
        minutes = 60 * cell.hour + cell.minute
        return Moment(cell.date(), minutes / 60 if minutes else None)
    if isinstance(cell, date):
        return Moment(cell)
    if isinstance(cell, str):
        if not _SERIAL.fullmatch(cell.strip()):
            return None
        cell = float(cell)
    if not isinstance(cell, float) or not _SERIALS[0] <= cell <= _SERIALS[1]:
        return None
    first = _FIRST_1904 if from_1904 else _FIRST_1900
    return _calendar(first + timedelta(minutes=round(1440 * cell)), from_1904)


def _clock(text: str, place: str) -> float:
    found = read_clock(re.sub(r"\s*uhr$", "", text.strip(), flags=re.IGNORECASE), field=place)
    if found is None:
        raise InputError(place, "what follows its date is no clock time", "write it such as 14:30")
    return found
