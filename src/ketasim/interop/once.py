"""Scores of one patient, each once: what is said twice counts once, what contradicts is named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import groupby
from typing import Final

from ketasim.dosing.follow_up.score import EARLIEST
from ketasim.interop.records import Account, Given, Rating
from ketasim.vocabulary import scale_words

_EARLIEST: Final = int(EARLIEST / 24)
"""Days before the first session from which a score is none of before treatment."""


def each_once(
    ratings: Iterable[Rating], doses: Sequence[Given], account: Account
) -> tuple[Rating, ...]:
    """Scores by time, of one scale one before the session of a day and those after it.

    Two different scores of one scale on one day, both before its session or both without it, are
    left out: which of them counts is not for a program to say.

    **Arguments:**

    - `ratings`: in any order. `doses`: given. `account`: takes what is left out.
    """
    kept: list[Rating] = []
    ordered = sorted(ratings, key=lambda one: (one.scale, one.when.day, one.when.clock or 0.0))
    for (scale, day), group in groupby(ordered, key=lambda one: (one.scale, one.when.day)):
        start = first_clock(doses, day)
        same_day = list(group)
        before = [one for one in same_day if not after(one, start)]
        later = [one for one in same_day if after(one, start)]
        by_clock = groupby(later, key=lambda one: one.when.clock)
        for same in (before, *(list(at) for _, at in by_clock)):
            kept += _agreed(_called(scale, day, doses), same, account)
    kept = [one for one in kept if _counts(one, kept, doses, account)]
    return tuple(sorted(kept, key=lambda one: (one.when.day, one.when.clock or 0.0, one.scale)))


def _counts(one: Rating, every: Sequence[Rating], doses: Sequence[Given], account: Account) -> bool:
    """Tell whether a score is from treatment, or is the last before it and not long before."""
    if not doses or one.when.day >= doses[0].when.day:
        return True
    first = doses[0].when.day
    start = first_clock(doses, first)
    if any(
        one.scale == other.scale
        and one.when.day < other.when.day <= first
        and not after(other, start if other.when.day == first else None)
        for other in every
    ):
        account.leave_out(
            f"{scale_words(one.scale)} score", "before treatment, and a later one before it counts"
        )
        return False
    if (first - one.when.day).days >= _EARLIEST:
        account.leave_out(
            f"{scale_words(one.scale)} score", f"{_EARLIEST} days or more before the first session"
        )
        return False
    return True


def _called(scale: str, day: date, doses: Sequence[Given]) -> str:
    """A score as what was left out names it: by its day, since a date may tell who somebody is."""
    name = f"{scale_words(scale)} score"
    return f"{name} of day {(day - doses[0].when.day).days}" if doses else name


def _agreed(called: str, same: Sequence[Rating], account: Account) -> list[Rating]:
    if not same:
        return []
    values = {one.score for one in same}
    if len(values) > 1:
        for _ in same:
            account.leave_out(
                called,
                "another score of that scale on the same day differs; add the one that counts",
            )
        return []
    if len(same) > 1:
        account.note(f"A score recorded more than once with the same value counts once ({called}).")
    return [same[0]]


def first_clock(doses: Sequence[Given], day: date) -> float | None:
    """Clock time of the first session of a day, h since midnight; nothing where none is known."""
    clocks = [one.when.clock for one in doses if one.when.day == day]
    known = [clock for clock in clocks if clock is not None]
    return min(known) if known and len(known) == len(clocks) else None


def after(one: Rating, start: float | None) -> bool:
    """Tell whether a score was measured after the session of its day began."""
    return start is not None and one.when.clock is not None and one.when.clock > start
