"""Conditions under which a rule speaks: form, number of sessions, how long, how often."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Final

from ketasim.evidence import Fact, number
from ketasim.screening.rules.standing import Given

SLOW: Final = ("oral_er",)
"""Routes whose form releases the drug over hours."""

IMMEDIATE: Final = "immediate"
"""Rules with times that were made for a dose that acts at once."""

_WEEK: Final = 168.0  # h
_SAME_TIME: Final = 1e-6  # h


def is_slow(routes: Iterable[str]) -> bool:
    """Whether all that is given is released over hours."""
    known = tuple(routes)
    return bool(known) and all(route in SLOW for route in known)


def speaks(row: Fact, what: Given) -> bool:
    """Whether a rule speaks of a course, by the conditions of its row.

    **Arguments:**

    - `row`: of a table of the screen, with the columns `release` (immediate: not of a form that
      releases slowly), `not_in` (diagnoses of which it does not speak), `least_sessions`, and
      `after_weeks` and `least_in_7_days` (so many sessions within seven days, counted after so many
      weeks); blank cells and missing columns ask for nothing.
    - `what`: the course gives.
    """
    if row.get("release") == IMMEDIATE and is_slow(what.routes):
        return False
    if what.diagnosis is not None and what.diagnosis in row.listed("not_in"):
        return False
    least = number(row.get("least_sessions"))
    if least is not None and len(what.starts) < least:
        return False
    often = number(row.get("least_in_7_days"))
    return often is None or _most(_late(row, what)) >= often


def how_often(row: Fact, what: Given) -> str:
    """How often the course is given, in the words of the row's condition; empty without one."""
    if not row.get("least_in_7_days"):
        return ""
    weeks = row.get("after_weeks")
    after = f" after week {weeks}" if weeks else ""
    return f"regimen: {_most(_late(row, what))} sessions within 7 days{after}"


def _late(row: Fact, what: Given) -> Sequence[float]:
    weeks = number(row.get("after_weeks"))
    if weeks is None:
        return what.starts
    end = what.starts[0] + weeks * _WEEK if what.starts else 0.0
    return [time for time in what.starts if time > end]


def _most(starts: Sequence[float]) -> int:
    """The most sessions within any seven days."""
    ordered = sorted(starts)
    return max(
        (bisect_left(ordered, t + _WEEK - _SAME_TIME) - i for i, t in enumerate(ordered)), default=0
    )
