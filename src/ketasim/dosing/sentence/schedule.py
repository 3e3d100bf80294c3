"""When the sessions of a phase start."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ketasim._base import InputError
from ketasim.dosing.dose import LONGEST
from ketasim.dosing.regimen import check_count
from ketasim.dosing.sentence.refusal import FIELD

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
    - `weekdays`: 0 for Monday to 6: days of the week of the sessions, the first session's first.
    """

    per_week: int = 0
    interval: float = 0.0
    weekdays: tuple[int, ...] = ()

    def offset(self, position: int) -> float:
        """Time of a session after the first, h; position 0 is the first."""
        if self.weekdays:
            week, place = divmod(position, len(self.weekdays))
            return WEEK * week + DAY * ((self.weekdays[place] - self.weekdays[0]) % 7)
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
class Before:
    """What a phase begins after.

    **Arguments:**

    - `last`: h, start of the last session of the phase before; nothing in the first phase.
    - `single`: that phase was one session of the same drug by the same route, such as the first
      dose of a label: a span of the phase after it has it inside.
    - `monday`: day of the course, 0 to 6, on which the first Monday falls; nothing when no weekday
      was named yet.
    """

    last: float | None = None
    single: bool = False
    monday: int | None = None


@dataclass(frozen=True)
class Schedule:
    """When the sessions of a phase start: at named times, in a pattern that ends, or once.

    **Arguments:**

    - `times`: h, ascending, when they are named one by one.
    - `pattern`: when they repeat; without `times` and `pattern` there is one session.
    - `count`: number of sessions of the pattern.
    - `span`: h, instead of `count`.
    - `until`: h from the start of the course, instead of `count`: the last session is before it.
    - `start`: h, of the first session when it is named.
    - `weeks`: weeks are named, as in `weeks 1-4`: they begin with the first dose of the course.
    """

    times: tuple[float, ...] = ()
    pattern: Pattern | None = None
    count: int | None = None
    span: float | None = None
    start: float | None = None
    until: float | None = None
    weeks: bool = False

    def starts(self, before: Before) -> list[float]:
        """Start times of the sessions.

        A pattern begins at `start`, or at 0 h, or, after an earlier phase, one interval of the new
        pattern after the last session of that phase: that session counts as position 0 of the
        pattern. So `then weekly x4` after day 11 gives days 18, 25, 32 and 39, and `then twice
        weekly x4` after day 0 gives days 3, 7, 10 and 14. A span holds as many sessions as start in
        it, counted from the pattern's first, or from the single dose before it.

        **Arguments:**

        - `before`: what the phase begins after.

        **Returns:** h, ascending.

        **Raises:** `InputError` when the times are not after those before, too late or too many.
        """
        last = before.last
        if self.times:
            found = list(self.times)
        elif self.pattern is None:
            if last is not None and self.start is None:
                raise InputError(
                    FIELD, "a single dose after 'then' has no day", "add it, such as 'on day 14'"
                )
            found = [self.start or 0.0]
        else:
            found = self._repeated(self.pattern, before)
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

    def inside(self, before: Before) -> bool:
        """Tell whether the span of the phase has the single dose before it inside.

        Weeks of several sessions each count from the first dose, as those of a label do: the second
        session is in the same week as the first.
        """
        if before.last is None or self.start is not None or not before.single:
            return False
        pattern, span = self.pattern, self.span
        if pattern is None or span is None or pattern.per_week < 2 or pattern.weekdays:
            return False
        return abs(span / WEEK - round(span / WEEK)) < _SLIP

    @property
    def _weekdays(self) -> tuple[int, ...]:
        return () if self.pattern is None else self.pattern.weekdays

    def monday(self, before: Before) -> int | None:
        """Day of the course, 0 to 6, on which the first Monday falls, as far as it is known."""
        if before.monday is not None or not self._weekdays:
            return before.monday
        if self.start is None and before.last is not None:
            raise InputError(
                FIELD,
                "a weekday after 'then', where nothing says which weekday day 0 is",
                "name the weekdays of the first phase too, or write 'from day' and a number",
            )
        return int((self.start or 0.0) / DAY - self._weekdays[0]) % 7

    def _repeated(self, pattern: Pattern, before: Before) -> list[float]:
        origin, first, pattern = self._origin(pattern, before)
        if self.until is not None:
            found = self._before(pattern, origin, first)
            if not found:
                raise InputError(
                    FIELD, "no session of a phase falls within its days", "give a later end"
                )
            return found
        count = self._count(pattern) - self.inside(before)
        check_count(count, FIELD)
        return [origin + pattern.offset(k) for k in range(first, first + count)]

    def _before(self, pattern: Pattern, origin: float, first: int) -> list[float]:
        """Sessions before `until`."""
        assert self.until is not None
        found: list[float] = []
        while (time := origin + pattern.offset(first + len(found))) < self.until:
            found.append(time)
            check_count(len(found), FIELD)
        return found

    def _origin(self, pattern: Pattern, before: Before) -> tuple[float, int, Pattern]:
        """Where position 0 of the pattern is, the first position taken, and the pattern there."""
        last, start = before.last, self.start
        inside_weeks = self.weeks and last is not None and start is not None and start <= last
        continued = last is not None and (start is None or inside_weeks)
        if not pattern.weekdays:
            if continued and last is not None:
                return last, 1, pattern
            return start or 0.0, 0, pattern
        monday = self.monday(before)
        assert monday is not None
        day = (start or 0.0) / DAY if not continued or last is None else last / DAY + 1
        day = math.ceil(day)
        while (day - monday) % 7 not in pattern.weekdays:
            day += 1
        place = pattern.weekdays.index((day - monday) % 7)
        turned = (*pattern.weekdays[place:], *pattern.weekdays[:place])
        return DAY * day, 0, Pattern(pattern.per_week, weekdays=turned)

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
