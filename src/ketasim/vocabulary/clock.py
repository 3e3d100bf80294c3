"""Dates and clock times as people write them; what may be read in two ways is refused."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from ketasim._base import InputError

_CLOCK: Final = re.compile(
    r"(?P<hour>\d{1,2}):(?P<minute>\d{1,2})(?::(?P<second>\d{1,2})(?:\.0*)?)?"
    r"\s*(?P<half>[ap]\.?m\.?)?|(?P<bare>\d{1,2})\s*(?P<bare_half>[ap]\.?m\.?)",
    re.IGNORECASE | re.ASCII,
)
_ISO: Final = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})", re.ASCII)
_MONTHS_OF_YEAR: Final = 12
_NUMERIC: Final = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})", re.ASCII)
_MONTHS: Final = {
    name.lower(): number
    for names in (calendar.month_name, calendar.month_abbr, ("",) * 9 + ("sept",))
    for number, name in enumerate(names)
    if name
}
_MONTH: Final = "|".join(sorted(_MONTHS, key=len, reverse=True))
_DAY_FIRST: Final = re.compile(
    rf"(?:[a-z]+,? )?(\d{{1,2}})(?:st|nd|rd|th)?[- .]*(?:of )?({_MONTH})\.?[- ,]*(\d{{4}})",
    re.IGNORECASE | re.ASCII,
)
_MONTH_FIRST: Final = re.compile(
    rf"({_MONTH})\.? (\d{{1,2}})(?:st|nd|rd|th)?,? (\d{{4}})", re.IGNORECASE | re.ASCII
)
_YEARS: Final = (1900, 2200)  # against slips of the pen
_LIKE_DATE: Final = re.compile(
    rf"\d{{1,4}}([-/.])\d{{1,2}}\1\d{{1,4}}|\d{{1,2}}\W*({_MONTH})\b", re.I | re.ASCII
)
_WHOLE: Final = "write it as year-month-day, such as '2026-01-05'"


@dataclass(frozen=True)
class Moment:
    """A date, with a clock time or without.

    **Arguments:**

    - `day`: the date.
    - `clock`: h since midnight, or nothing.
    """

    day: date
    clock: float | None = None

    def __str__(self) -> str:
        """As it reads back: `2026-01-05`, or `2026-01-05 09:00`."""
        return f"{self.day}" if self.clock is None else f"{self.day} {clock_text(self.clock)}"

    def hours_after(self, start: Moment) -> float:
        """Time from a start, h; a date alone is whole days after that of the start."""
        days = 24.0 * (self.day - start.day).days
        begin = start.clock or 0.0
        return days if self.clock is None else days + self.clock - begin


def clock_text(hours: float) -> str:
    """A clock time as it reads back, such as `09:00` or `09:00:30`."""
    seconds = round(3600 * hours)
    minutes, second = divmod(seconds, 60)
    text = f"{minutes // 60:02}:{minutes % 60:02}"
    return f"{text}:{second:02}" if second else text


def read_clock(value: object, *, field: str = "") -> float | None:
    """Read a clock time such as `9:00`, `14:30:20`, `9:00 am` or `2 pm`.

    **Arguments:**

    - `value`: what was written. `field`: for errors.

    **Returns:** h since midnight; nothing of what is no clock time.

    **Raises:** `InputError` when no clock shows it, such as `25:00`.
    """
    hit = _CLOCK.fullmatch(value.strip()) if isinstance(value, str) else None
    if hit is None:
        return None
    hour = int(hit["hour"] or hit["bare"])
    minute, second = int(hit["minute"] or 0), int(hit["second"] or 0)
    half = (hit["half"] or hit["bare_half"] or "").lower()
    known = (1 <= hour <= 12) if half else hour <= 23
    if not known or minute > 59 or second > 59 or (hit["minute"] and len(hit["minute"]) == 1):
        raise InputError(field, f"no clock shows '{value}'", "write it such as '14:30'")
    if half:
        hour = hour % 12 + (12 if half.startswith("p") else 0)
    return (3600 * hour + 60 * minute + second) / 3600


def read_moment(value: object, *, field: str = "") -> Moment | None:
    """Read a date, with a clock time behind it or without.

    Read are `2026-01-05`, `5 Jan 2026`, `January 5, 2026`, and `13/01/2026`, which can only be one
    day; behind it a clock time as of `read_clock`, after a space or a T.

    **Arguments:**

    - `value`: what was written. `field`: for errors.

    **Returns:** nothing of what is no date.

    **Raises:** `InputError` when there is no such day, when it may be read in two ways, such as
    `05/01/2026`, or when it has a time zone.
    """
    if isinstance(value, datetime):
        return read_moment(value.isoformat(" "), field=field)
    if isinstance(value, date):
        return Moment(value)
    if not isinstance(value, str):
        return None
    text = " ".join(value.split())
    day, rest = _day(text, field)
    if day is None:
        return None
    if not rest:
        return Moment(day)
    rest = rest.lstrip(" ,").removeprefix("T").removeprefix("at ").strip()
    if re.search(r"(?:Z|[+-]\d{2}:?\d{2}|UTC|GMT|\b[A-Z]{2,4}T)$", rest):
        raise InputError(field, f"'{text}' has a time zone", "write the clock time alone")
    clock = read_clock(rest, field=field)
    if clock is None:
        raise InputError(
            field,
            f"'{text}' is not a date with a clock time",
            "write it such as '2026-01-05 14:30'",
        )
    return Moment(day, clock)


def _day(text: str, field: str) -> tuple[date | None, str]:
    """The date that a text begins with, and what is behind it."""
    for pattern, order in (
        (_ISO, (1, 3, 4)),
        (_DAY_FIRST, (3, 2, 1)),
        (_MONTH_FIRST, (3, 1, 2)),
    ):
        hit = pattern.match(text)
        if hit is not None:
            year, month, day = (hit[number] for number in order)
            number = int(month) if month.isdecimal() else _MONTHS[month.lower()]
            return _made(text, int(year), number, int(day), field), text[hit.end() :]
    hit = _NUMERIC.match(text)
    if hit is not None:
        return _numeric(text, hit, field), text[hit.end() :]
    if _LIKE_DATE.match(text):
        raise InputError(field, f"'{text}' cannot be read as a date", _WHOLE)
    return None, text


def check_one_order(dates: Iterable[tuple[str, object]]) -> None:
    """Refuse dates of which some have the day first and some the month.

    Each can be one day only; together they say that somebody, or a spreadsheet, mixed the two up.

    **Arguments:**

    - `dates`: field and what was written, dates and others.

    **Raises:** `InputError` at the first that differs from one before it.
    """
    seen: dict[bool, str] = {}
    for field, value in dates:
        hit = _NUMERIC.match(value.strip()) if isinstance(value, str) else None
        if hit is None or (int(hit[1]) > _MONTHS_OF_YEAR) == (int(hit[3]) > _MONTHS_OF_YEAR):
            continue
        month_first = int(hit[3]) > _MONTHS_OF_YEAR
        seen.setdefault(month_first, hit[0])
        if len(seen) > 1:
            one, other = ("month", "day") if month_first else ("day", "month")
            raise InputError(
                field,
                f"'{hit[0]}' has the {one} first, and '{seen[not month_first]}' the {other}",
                "write all dates as year-month-day, such as '2026-01-05'",
            )


def _numeric(text: str, hit: re.Match[str], field: str) -> date:
    first, second, year = int(hit[1]), int(hit[3]), hit[4]
    if len(year) == 2:
        raise InputError(field, f"'{text}' has a year of two digits", _WHOLE)
    days = {
        f"{int(year)}-{month:02}-{day:02}": (month, day)
        for month, day in ((second, first), (first, second))
        if 1 <= month <= 12
    }
    if len(days) == 2:
        one, other = days
        raise InputError(
            field, f"'{hit[0]}' is {one} or {other}", "write the one that is meant that way"
        )
    if not days:
        raise InputError(field, f"there is no day '{hit[0]}'", _WHOLE)
    month, day = next(iter(days.values()))
    return _made(text, int(year), month, day, field)


def _made(text: str, year: int, month: int, day: int, field: str) -> date:
    low, high = _YEARS
    try:
        made = date(year, month, day)
    except ValueError:
        raise InputError(field, f"there is no day '{text}'", _WHOLE) from None
    if not low <= year <= high:
        raise InputError(field, f"'{text}' is outside the years {low} to {high}", "check the year")
    return made
