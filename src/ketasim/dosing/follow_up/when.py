"""Times of a course that may lie before its start: days, hours and dates as people write them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast

from ketasim._base import InputError
from ketasim.dosing.dose import LONGEST
from ketasim.dosing.fields import quantity, refuse, shortened
from ketasim.vocabulary import Moment, read_clock, read_moment

DAY: Final = 24.0  # h
_HOURS = cast("Callable[[object], float]", quantity("h", -LONGEST, LONGEST, bare=True).func)
_LATER = cast("Callable[[object], float]", quantity("h", 0, LONGEST, example="14 d").func)


def read_day(value: object) -> float | Moment:
    """A day: a number, below 0 before the start, or a date; refuses what is a time."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not abs(value) <= LONGEST / DAY:
            raise refuse(f"'{shortened(value)}' is not a day of a course", "give a day, from 0")
        return float(value)
    moment = read_date(value)
    if moment is None:
        raise refuse(f"'{shortened(value)}' is not a number", "give a number of days, or a date")
    if moment.clock is not None:
        raise refuse(f"'{value}' is a date with a clock time", f"write it as 'time: {value}'")
    return moment


def read_time(value: object) -> float | Moment:
    """A time: h from the start, such as `36 h`, or a date with a clock time."""
    moment = read_date(value)
    if moment is None:
        return _HOURS(value)
    if moment.clock is None:
        raise refuse(f"'{value}' is a date", f"write it as 'day: {value}'")
    return moment


def read_now(value: object) -> float | Moment:
    """Until when a patient is known: a time since the start such as `14 d`, or a date."""
    moment = read_date(value)
    return _LATER(value) if moment is None else moment


def read_date(value: object) -> Moment | None:
    """A date, with a clock time or without; nothing of what is none."""
    try:
        clock, moment = read_clock(value), read_moment(value)
    except InputError as error:
        raise refuse(error.problem, error.remedy) from None
    if clock is not None:
        raise refuse(
            f"'{shortened(value)}' is a clock time",
            f"write the date before it, such as 'time: 2026-01-05 {value}'",
        )
    return moment


def hours_of(value: float | Moment, start: Moment | None, field: str) -> float:
    """A time that was read, h from the start of the course.

    **Arguments:**

    - `value`: h, or a date. `start`: of the course. `field`: for errors.

    **Raises:** `InputError` for a date of a course without a start, or far from it.
    """
    if not isinstance(value, Moment):
        return value
    if start is None:
        raise InputError(
            field,
            f"'{value}' is a date, and the course has no start",
            "add 'start:' with the date of day 0",
        )
    hours = value.hours_after(start)
    if abs(hours) > LONGEST:
        raise InputError(
            field, f"'{value}' is more than 20 years from the start, {start}", "check the year"
        )
    return hours
