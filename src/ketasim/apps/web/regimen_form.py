"""The regimen in the form of a course: a sentence with sliders, a table of doses, a calendar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from ketasim._base import InputError
from ketasim.apps.web.state import PageState

if TYPE_CHECKING:
    from ketasim.dosing import Course

OPTIONS: Final = ("s", "undo", "move")
"""Options of the form: what the sliders say, the regimen before, the session picked up."""

COLUMNS: Final = ("day", "drug", "route", "dose", "over")
"""Columns of the table of doses that are always shown."""

_LONGEST: Final = 1_500  # characters of a regimen that can be taken back
_CLICKS: Final = {
    "add": "add a session on",
    "to": "move a session to",
    "remove": "remove the session of",
    "move": "move the session of",
}
"""Options of a click on the calendar, and what each does with its day."""

_LAST: Final = 10_000  # no day beyond it is a day of a course
_WEEK: Final = 7
_MOST_WEEKS: Final = 60


def regimen_of(state: PageState) -> dict[str, Any]:
    """The part of a course that is its regimen."""
    return {name: state.course[name] for name in ("regimen", "doses") if name in state.course}


def with_regimen(state: PageState, regimen: Mapping[str, Any]) -> PageState:
    """A state with another regimen, and the one before to go back to."""
    rest = {k: v for k, v in state.course.items() if k not in ("regimen", "doses")}
    place = [*state.course].index("patient") + 1 if "patient" in state.course else len(rest)
    pairs = [*rest.items()]
    pairs[place:place] = regimen.items()
    before = PageState(regimen_of(state)).query()
    kept = before if 0 < len(before) <= _LONGEST else None
    changed = state.with_course(dict(pairs)).with_options(move=None)
    return changed if regimen == regimen_of(state) else changed.with_options(undo=kept)


def applied(state: PageState) -> PageState:
    """The state after what the form asks for beside its fields: sliders turned, doses edited.

    **Raises:** `InputError` with the field.
    """
    asked = state.options.get("s")
    state = state.with_options(s=None)
    if not isinstance(asked, Mapping):
        return state
    asked = cast("Mapping[str, Any]", asked)
    before = asked.get("before")
    base = str(asked.get("base", ""))
    if base and str(state.course.get("regimen", "")) == base:
        state = _turned(state, asked)
    now = PageState(regimen_of(state)).query()
    if isinstance(before, str) and before and before != now and len(before) <= _LONGEST:
        return state.with_options(undo=before)
    return state


def _turned(state: PageState, asked: Mapping[str, Any]) -> PageState:
    from ketasim.dosing import dial, parse_regimen, turned

    regimen = parse_regimen(str(state.course["regimen"]))
    now = dial(regimen)
    if now is None:
        return state
    amount = _number(asked, "dose", now.amount)
    every = None if now.every is None else round(_number(asked, "every", now.every))
    count = round(_number(asked, "count", now.count)) if now.every is not None else now.count
    # a slider can only stop on its steps: what it was not moved from is as it was
    if abs(amount - now.amount) < 1e-9 and (every, count) == (now.every, now.count):
        return state
    changed = turned(regimen, amount=amount, every=every, count=count)
    rest = {**state.course, **changed}
    return state.with_course(rest)


def _number(asked: Mapping[str, Any], name: str, default: float) -> float:
    value = asked.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"s.{name}", f"'{value}' is not a number", "give a number")
    return float(value)


@dataclass(frozen=True)
class Slider:
    """A slider: its field, what it turns, its ends and what it stands on."""

    name: str
    label: str
    low: float
    high: float
    step: float
    value: float
    unit: str


def sliders(course: Course | None) -> tuple[Slider, ...]:
    """The sliders of a course whose regimen is a sentence that has them."""
    from ketasim.dosing import dial

    if course is None or course.regimen.text is None:
        return ()
    now = dial(course.regimen)
    if now is None:
        return ()
    found = [
        Slider("s.dose", "Dose of a session", now.low, now.high, now.step, now.amount, now.unit)
    ]
    if now.every is not None:
        most = max(14, now.every)
        found.append(Slider("s.every", "Days between sessions", 1, most, 1, now.every, "d"))
        most = max(16, now.count)
        found.append(Slider("s.count", "Number of sessions", 1, most, 1, now.count, ""))
    return tuple(found)


@dataclass(frozen=True)
class Day:
    """A day of the calendar: what is given, and where a click leads.

    **Arguments:**

    - `number`: from 0. `given`: in words; empty without a session.
    - `link`: of a click. `what`: what it does. `picked`: whether its session is being moved.
    - `date`: where the course has a start.
    """

    number: int
    given: str
    link: str
    what: str
    picked: bool
    date: str


def calendar(state: PageState, course: Course, path: str) -> list[list[Day]]:
    """The weeks of a course, a link for every day.

    **Arguments:**

    - `state`: of the page. `course`: as it was read. `path`: of the page.
    """
    from ketasim.dosing import session_days

    given = session_days(course.regimen)
    picked = state.options.get("move")
    last = max(int(course.horizon // 24), *given)
    weeks = min(last // _WEEK + 1, _MOST_WEEKS)
    found: list[list[Day]] = []
    for week in range(weeks):
        days: list[Day] = []
        for day in range(_WEEK * week, _WEEK * (week + 1)):
            change: dict[str, Any] = {"add": day}
            what = f"Add a session on day {day}"
            if day == picked:
                change, what = {"move": None}, f"Leave the session of day {day} where it is"
            elif day in given:
                change, what = (
                    {"move": day},
                    f"Move or remove the session of day {day}: {given[day]}",
                )
            elif isinstance(picked, int) and picked in given:
                change, what = {"to": day}, f"Move the session of day {picked} to day {day}"
            link = state.link(path, **change)
            date = _date(course, day)
            days.append(Day(day, given.get(day, ""), link, what, day == picked, date))
        found.append(days)
    return found


def _date(course: Course, day: int) -> str:
    if course.start is None:
        return ""
    from datetime import timedelta

    return f"{course.start.day + timedelta(days=day):%d %b}".lstrip("0")


def clicked(state: PageState, course: Course) -> PageState:
    """The state after a click on the calendar; as it is where there was none.

    **Raises:** `InputError`.
    """
    from ketasim.dosing import with_session, with_session_moved, without_session

    add, to, remove = (state.options.get(name) for name in ("add", "to", "remove"))
    picked = state.options.get("move")
    bare = state.with_options(add=None, to=None, remove=None)
    for name, value in (("add", add), ("to", to), ("remove", remove), ("move", picked)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            problem = f"'{_written(value)}' is not a day to {_CLICKS[name]}"
            raise InputError("calendar", problem, "give a whole number of days from 0")
        if value is not None and not 0 <= value <= _LAST:
            problem = f"there is no day {value} to {_CLICKS[name]}"
            raise InputError("calendar", problem, "choose a day of the calendar")
    try:
        if add is not None:
            return with_regimen(bare, with_session(course.regimen, add))
        if remove is not None:
            return with_regimen(bare, without_session(course.regimen, remove))
        if to is not None and picked is not None:
            return with_regimen(bare, with_session_moved(course.regimen, picked, to))
    except InputError as error:
        if error.field != "dose.time":
            raise
        name, day = ("to", to) if add is None else ("add", add)
        problem = f"there is no day {day} to {_CLICKS[name]}"
        raise InputError("calendar", problem, "choose a day of the calendar") from None
    return bare


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
