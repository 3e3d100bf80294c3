"""When the sessions of a phase start."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ketasim._base import InputError
from ketasim.dosing.dose import LONGEST
from ketasim.dosing.regimen import check_count

FIELD = "regimen"
DAY = 24.0  # h
WEEK = 7 * DAY
_SLIP = 1e-9  # relative; a span that ends where a dose falls does not include it


@dataclass(frozen=True)
class Pattern:
    """Times that repeat.

    **Arguments:**

    - `per_week`: sessions a week, 1 to 7, on whole days: the k-th (from 0) is on day ⌊7k/n⌋, so
      twice weekly is days 0 and 3 of each week, 3/week days 0, 2 and 4, 4/week days 0, 1, 3 and 5.
    - `interval`: h, for times that are evenly spaced.
    """

    per_week: int = 0
    interval: float = 0.0

    def offset(self, position: int) -> float:
        """Time of a session after the first, h; position 0 is the first."""
        if self.per_week:
            return DAY * (7 * position // self.per_week)
        return self.interval * position

    def positions_in(self, span: float) -> int:
        """Number of sessions that start within a span from the first on, its end excluded."""
        if not self.per_week:
            return math.ceil(span / self.interval * (1 - _SLIP))
        weeks, rest = divmod(span, WEEK)
        within = (self.offset(k) < rest * (1 - _SLIP) for k in range(self.per_week))
        return int(weeks) * self.per_week + sum(within)


@dataclass(frozen=True)
class Schedule:
    """When the sessions of a phase start: at named times, in a pattern that ends, or once.

    **Arguments:**

    - `times`: h, ascending, when they are named one by one.
    - `pattern`: when they repeat; without `times` and `pattern` there is one session.
    - `count`: number of sessions of the pattern.
    - `span`: h, instead of `count`.
    - `start`: h, of the first session when it is named.
    """

    times: tuple[float, ...] = ()
    pattern: Pattern | None = None
    count: int | None = None
    span: float | None = None
    start: float | None = None

    def starts(self, last: float | None) -> list[float]:
        """Start times of the sessions.

        A pattern begins at `start`, or at 0 h, or, after an earlier phase, one interval of the new
        pattern after the last session of that phase: that session counts as position 0 of the
        pattern. So `then weekly x4` after day 11 gives days 18, 25, 32 and 39, and `then twice
        weekly x4` after day 0 gives days 3, 7, 10 and 14. A span holds as many sessions as start in
        it, counted from the pattern's first.

        **Arguments:**

        - `last`: h, start of the last session of the phase before; nothing in the first phase.

        **Returns:** h, ascending.

        **Raises:** `InputError` when the times are not after `last`, too late or too many.
        """
        if self.times:
            found = list(self.times)
        elif self.pattern is None:
            if last is not None and self.start is None:
                raise InputError(
                    FIELD, "a single dose after 'then' has no day", "add it, such as 'on day 14'"
                )
            found = [self.start or 0.0]
        else:
            count = self._count(self.pattern)
            check_count(count, FIELD)
            continued = last is not None and self.start is None
            first = 1 if continued else 0
            origin = last if continued and last is not None else (self.start or 0.0)
            found = [origin + self.pattern.offset(k) for k in range(first, first + count)]
        check_count(len(found), FIELD)
        if found[0] < 0:
            raise InputError(FIELD, f"{_when(found[0])} is before day 0", "count days from 0")
        if found[-1] > LONGEST:
            raise InputError(FIELD, "the course lasts more than 20 years", "give fewer doses")
        previous = -math.inf if last is None else last
        for time in found:
            if time <= previous:
                raise InputError(
                    FIELD,
                    f"{_when(time)} does not come after {_when(previous)}",
                    "give times in ascending order, each once",
                )
            previous = time
        return found

    def _count(self, pattern: Pattern) -> int:
        if self.count is not None:
            return self.count
        if self.span is None:
            raise InputError(
                FIELD,
                "a phase says how often but not how many times",
                "add a number of doses or a span, such as 'x 4' or 'for 4 weeks'",
            )
        return pattern.positions_in(self.span)


def _when(time: float) -> str:
    days = time / DAY
    return f"day {days:g}" if days == round(days) else f"{time:g} h"
