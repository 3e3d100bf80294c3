"""Times of a health record, each with its zone, told as dates and clock times of one place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from ketasim._base import InputError, named
from ketasim.interop.fhir.element import Element, part, text
from ketasim.vocabulary import Moment

_DATE: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
_YEARS: Final = (1900, 2200)  # as everywhere, against slips


@dataclass(frozen=True)
class Time:
    """A date, or an instant with its zone.

    **Arguments:**

    - `day`: the date as recorded. `instant`: nothing of a date alone.
    """

    day: date
    instant: datetime | None = None

    @property
    def key(self) -> str:
        """Equal for equal instants, whatever their zones."""
        return str(self.day) if self.instant is None else self.instant.astimezone(UTC).isoformat()

    def at(self, zone: tzinfo) -> Moment:
        """As a clock in a zone shows it, to the minute; a date stays that date."""
        if self.instant is None:
            return Moment(self.day)
        local = self.instant.astimezone(zone)
        return Moment(local.date(), (60 * local.hour + local.minute) / 60)


def time_of(value: str) -> Time | None:
    """Read a FHIR date, dateTime or instant; nothing of a year or month alone, or of no time."""
    hit = _DATE.match(value)
    if hit is None:
        return None
    try:
        if len(value) == hit.end():
            found = Time(date.fromisoformat(value))
        else:
            instant = datetime.fromisoformat(value)
            if instant.tzinfo is None:  # R4 asks for a zone where there is a time
                return None
            found = Time(instant.date(), instant)
            _ = found.key
    except (ValueError, OverflowError):
        return None
    return found if _YEARS[0] <= found.day.year < _YEARS[1] else None


def effective(resource: Element) -> tuple[Time | None, Time | None]:
    """When something was: its start, and its end where it took time."""
    for name in ("effectiveDateTime", "effectiveInstant", "authored"):
        if text(resource, name):
            return time_of(text(resource, name)), None
    period = part(resource, "effectivePeriod")
    start, end = text(period, "start"), text(period, "end")
    return time_of(start) if start else None, time_of(end) if end else None


def hours_between(start: Time, end: Time) -> float | None:
    """Time from one instant to another, h; nothing where one is a date alone."""
    if start.instant is None or end.instant is None:
        return None
    return (end.instant - start.instant) / timedelta(hours=1)


def zone_named(name: str) -> tzinfo:
    """A zone such as `Europe/Berlin`, `UTC` or `+02:00`.

    **Raises:** `InputError`.
    """
    offset = re.fullmatch(r"([+-])(\d{2}):(\d{2})", name)
    try:
        if offset:
            minutes = 60 * int(offset[2]) + int(offset[3])
            return timezone(timedelta(minutes=-minutes if offset[1] == "-" else minutes))
        return UTC if name.upper() in ("UTC", "Z") else ZoneInfo(name)
    except (ValueError, OSError):  # ZoneInfoNotFoundError is a KeyError
        pass
    except KeyError:
        pass
    raise InputError(
        "--zone", f"unknown time zone '{named(name, 40)}'", "write it such as 'Europe/Berlin'"
    )


def zone_of(first: Time | None) -> tzinfo:
    """The zone that a time was recorded in; UTC without one."""
    if first is None or first.instant is None or first.instant.tzinfo is None:
        return UTC
    return first.instant.tzinfo


def offsets(times: Mapping[str, Time]) -> set[timedelta]:
    """The differences from UTC that times were recorded with."""
    return {
        offset
        for one in times.values()
        if one.instant is not None and (offset := one.instant.utcoffset()) is not None
    }
