"""A dose as a health record or a clinic's table has it, made an entry of `doses:`."""

from __future__ import annotations

from ketasim._base import InputError
from ketasim.dosing.regimen import Regimen
from ketasim.dosing.structured import items_of, structured_regimen

_OVER = "over"


def checked_entry(entry: dict[str, str]) -> dict[str, str]:
    """The entry itself, once it is known that a course file would read it.

    **Raises:** `InputError`.
    """
    structured_regimen([{"day": 0, **entry}])
    return entry


def entries_of(regimen: Regimen) -> list[dict[str, str]]:
    """Entries of the doses of one session, without their day.

    **Raises:** `InputError` when they are of several sessions or days.
    """
    if len(regimen.sessions) != 1:
        raise InputError("dose", "it is of several sessions", "give one session a row")
    found: list[dict[str, str]] = []
    for item in items_of(regimen):
        if item.pop("day", None) != 0:
            raise InputError("dose", "it has steps at several times", "give one dose a row")
        entry = {str(name): str(value) for name, value in item.items()}
        entry["dose"] = entry["dose"].replace(".0 ", " ")
        if _OVER in entry:
            entry[_OVER] = duration(float(entry[_OVER].removesuffix(" h")))
        found.append(entry)
    return found


def duration(hours: float) -> str:
    """A duration as people write it, such as `40 min`."""
    minutes = round(60 * hours, 6)
    return f"{minutes:g} min" if minutes < 180 else f"{hours:g} h"
