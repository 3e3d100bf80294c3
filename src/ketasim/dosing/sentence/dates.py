"""Dates in a sentence: days of the course are put in their place."""

from __future__ import annotations

import re
from typing import Final

from ketasim._base import InputError
from ketasim.vocabulary import Moment, read_moment

# a date in a sentence; what is before the first of them needs no "day"
_BEFORE: Final = {"on": "on days ", "from": "from day "}
_DATES: Final = re.compile(
    r"\b((?:on|from)\s+)?(\d{4}-\d{1,2}-\d{1,2})\b(?![-:])", re.IGNORECASE | re.ASCII
)


def undated(sentence: str, start: Moment | None) -> str:
    """A sentence with the number of the day in the place of each date.

    **Arguments:**

    - `sentence`: of a regimen. `start`: of the course, or nothing.

    **Raises:** `InputError` for a date before the start, or without one.
    """

    def numbered(hit: re.Match[str]) -> str:
        moment = read_moment(hit[2], field="regimen")
        assert moment is not None
        if start is None:
            raise InputError(
                "regimen",
                f"'{moment}' is a date, and the course has no start",
                "add 'start:' with the date of day 0",
            )
        days = (moment.day - start.day).days
        if days < 0:
            raise InputError(
                "regimen",
                f"'{moment}' is before the start of the course, {start}",
                "give a later date, or an earlier start",
            )
        return f"{_BEFORE[hit[1].split()[0].lower()] if hit[1] else ''}{days}"

    return _DATES.sub(numbered, sentence)
