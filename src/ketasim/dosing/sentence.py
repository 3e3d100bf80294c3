"""The regimen sentence, such as `ketamine 0.5 mg/kg iv over 40 min 3/week x 6, then weekly x 4`."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final, cast

from ketasim._base import InputError, parse_quantity
from ketasim.dosing.dose import DRUGS, LONGEST, ROUTES, TIMED_ROUTES, UNITS, Dose, too_short
from ketasim.dosing.regimen import Regimen, check_count, in_order, split_devices
from ketasim.dosing.schedule import DAY, FIELD, Pattern, Schedule
from ketasim.dosing.unread import EXAMPLE, unread

if TYPE_CHECKING:
    import lark

_NAMES: Final = {
    "intravenous": "iv",
    "intramuscular": "im",
    "subcutaneous": "sc",
    "nasal": "intranasal",
    "po": "oral",
    "sl": "sublingual",
}
_COUNTS: Final = {"once": 1, "twice": 2, "three": 3, "four": 4, "five": 5, "six": 6}


@dataclass(frozen=True)
class _Step:
    """What a step says of itself; nothing where it leaves it to what came before."""

    drug: str | None = None
    amount: float | None = None
    unit: str = ""
    salt: str | None = None
    route: str | None = None
    duration: float | None = None

    def after(self, before: _Step, *, same_place: bool) -> _Step:
        """Fill what is left out from another step; a duration only at the same route and place."""
        keeps = same_place and self.route in (None, before.route)
        return _Step(
            drug=self.drug or before.drug,
            amount=before.amount if self.amount is None else self.amount,
            unit=self.unit or before.unit,
            salt=self.salt or before.salt,
            route=self.route or before.route,
            duration=before.duration if keeps and self.duration is None else self.duration,
        )


@dataclass(frozen=True)
class _Phase:
    steps: tuple[_Step, ...]
    schedule: Schedule | None


def parse_regimen(text: str) -> Regimen:
    """Read a regimen from a sentence.

    A sentence is phases joined by *then*. A phase says what is given, when, or both; what it leaves
    out (drug, amount, salt, route, duration) carries over from the phase before. Case does not
    matter, and commas stand for spaces.

    **What is given**, in any order: the drug (`ketamine`, `esketamine`, `arketamine`), an amount
    in `mg` or `mg/kg`, the route (`iv`, `im`, `sc`, `intranasal`, `oral`, `oral_er`, `sublingual`,
    `buccal`, `rectal`, `inhaled`, or their usual names), `over 40 min` or `bolus` (an iv dose
    without a duration is a bolus), and `hydrochloride` when the amount is the mass of the salt
    (without it, it is the mass of base). Steps of one session are joined with `+`: each starts when
    the one before ends. Before *then*, an injection with `bolus` or `over` but without a time is
    such a step too. Nasal esketamine is given in devices of 28 mg, five minutes apart.

    **When**: `once`; `on days 0 2 4`, `on days 0-4`; `at 0, 6, 12 h`; or a pattern (`daily`,
    `twice daily`, `weekly`, `twice weekly`, `3/week`, `every 3 days`, `every 12 h`, `every other
    day`) with a number of doses (`x 4`) or a span (`x 2 wk`, `for 2 weeks`), and `from day 7` to
    say where it begins. Days and hours count from the start of the course. A first phase without a
    time is given on day 0.

    `n` sessions a week are on days ⌊7k/n⌋ for k = 0, 1, 2 …: twice weekly on days 0 and 3 of each
    week, 3/week on days 0, 2 and 4. A pattern after *then* takes the last session of the phase
    before as its own position 0: its first dose comes one interval later.

    **Arguments:**

    - `text`: the sentence.

    **Returns:** the regimen; `describe()` says what was understood.

    **Raises:** `InputError` with the field `regimen`, showing the words where reading stopped.
    """
    phases = _joined(_read(text))
    doses: list[Dose] = []
    steps: tuple[_Step, ...] = ()
    last: float | None = None
    session = 0
    for number, phase in enumerate(phases):
        steps = _carried(phase.steps, steps)
        if phase.schedule is None and number > 0:
            raise InputError(
                FIELD,
                "a phase after 'then' does not say when",
                "add a time, such as 'on day 3' or 'weekly x 4', or join steps with '+'",
            )
        schedule = phase.schedule or Schedule()
        starts = schedule.starts(last)
        check_count(len(doses) + len(starts) * len(steps), FIELD)
        for start in starts:
            doses += _session(steps, start, session)
            session += 1
        check_count(len(doses), FIELD)
        last = starts[-1]
    return Regimen(in_order(doses), text)


def _session(steps: Iterable[_Step], start: float, session: int) -> list[Dose]:
    doses: list[Dose] = []
    for step in steps:
        assert step.drug and step.route and step.amount is not None
        dose = Dose(
            time=start,
            drug=step.drug,
            route=step.route,
            amount=step.amount,
            unit=step.unit,
            duration=step.duration or 0.0,
            salt=step.salt or "base",
            session=session,
        )
        given = split_devices(dose, FIELD)
        doses += given
        start = given[-1].end
    return doses


def _joined(phases: list[_Phase]) -> list[_Phase]:
    """Turn injections without a time before 'then' into steps of the session that follows."""
    joined: list[_Phase] = []
    waiting: tuple[_Step, ...] = ()
    for number, phase in enumerate(phases):
        follows = phases[number + 1] if number + 1 < len(phases) else None
        if phase.schedule is None and follows is not None and follows.steps:
            timed = [s.duration is not None for s in (*phase.steps, *follows.steps)]
            if not all(timed):
                raise InputError(
                    FIELD,
                    "a dose before 'then' does not say when",
                    "add 'once' or 'on day 0' before 'then', or join the steps of one session "
                    "with '+'",
                )
            waiting += phase.steps
        else:
            joined.append(_Phase(waiting + phase.steps, phase.schedule))
            waiting = ()
    return joined


def _carried(steps: tuple[_Step, ...], before: tuple[_Step, ...]) -> tuple[_Step, ...]:
    """Complete the steps of a phase from the phase before, and each step from the one before it."""
    if not steps:
        if not before:
            raise InputError(
                FIELD, "the sentence does not say what is given", f"write it such as '{EXAMPLE}'"
            )
        return before
    complete: list[_Step] = []
    for place, step in enumerate(steps):
        filled = step
        if len(before) == len(steps):
            filled = step.after(before[place], same_place=True)
        elif complete or before:
            nearest = replace((complete or list(before))[-1], amount=None, unit="")
            filled = step.after(nearest, same_place=False)
        several = max(len(before), len(steps)) > 1
        if several and filled.route == "iv" and filled.duration is None:
            raise InputError(
                FIELD,
                "a step of a session with several, or after one, does not say how long it takes",
                "add 'over' with a duration, or 'bolus', to each step",
            )
        complete.append(_checked(filled))
    return tuple(complete)


def _checked(step: _Step) -> _Step:
    if step.drug is None:
        raise InputError(FIELD, "the drug is missing", f"start with one of: {', '.join(DRUGS)}")
    if step.amount is None:
        raise InputError(FIELD, "the dose is missing", "write it such as '0.5 mg/kg' or '56 mg'")
    if step.route is None:
        raise InputError(FIELD, "the route is missing", f"add one of: {', '.join(ROUTES)}")
    if step.duration and step.route not in TIMED_ROUTES:
        raise InputError(
            FIELD,
            f"a dose by the route {step.route} is given all at once",
            "leave 'over' out; only iv, im and sc take it",
        )
    return step


# From the tree of the grammar


@cache
def _grammar() -> Any:
    import lark  # only here: it is slow to load

    text = resources.files("ketasim.dosing").joinpath("regimen.lark").read_text("utf-8")
    return lark.Lark(text, parser="lalr", lexer="contextual")


def _read(text: str) -> list[_Phase]:
    import lark

    if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance] -- users' input
        raise InputError(FIELD, "it is not a sentence", f"write it such as '{EXAMPLE}'")
    try:
        tree = cast("lark.Tree[lark.Token]", _grammar().parse(text))
    except lark.UnexpectedCharacters as error:
        raise unread(text, _position(error), error.allowed or ()) from None
    except lark.UnexpectedToken as error:
        ended = cast("lark.Token", error.token).type == "$END"
        position = len(text) if ended else _position(error)
        raise unread(text, position, error.expected) from None
    return [_phase(phase) for phase in _trees(tree)]


def _position(error: Any) -> int:
    return int(error.pos_in_stream or 0)


def _trees(tree: lark.Tree[lark.Token]) -> list[lark.Tree[lark.Token]]:
    return [child for child in tree.children if not hasattr(child, "type")]  # type: ignore[misc]


def _tokens(tree: lark.Tree[lark.Token]) -> list[tuple[str, str]]:
    tokens = [child for child in tree.children if hasattr(child, "type")]
    return [(token.type, str(token)) for token in cast("list[lark.Token]", tokens)]


def _phase(tree: lark.Tree[lark.Token]) -> _Phase:
    steps: tuple[_Step, ...] = ()
    schedule: Schedule | None = None
    for part in _trees(tree):
        if part.data == "order":
            steps = tuple(_step(step) for step in _trees(part))
        else:
            schedule = _schedule(part)
    return _Phase(steps, schedule)


def _step(tree: lark.Tree[lark.Token]) -> _Step:
    found: dict[str, Any] = {}

    def put(name: str, value: Any, said: str) -> None:
        if name in found:
            raise InputError(
                FIELD, f"a step gives its {said} twice", "give it once, or join steps with '+'"
            )
        found[name] = value

    for kind, word in _tokens(tree):
        if kind == "DRUG":
            put("drug", word.lower().split()[-1], "drug")
        elif kind == "ROUTE":
            put("route", _route(word), "route")
        elif kind == "SALT":
            put("salt", "base" if "base" in word.lower() else "hydrochloride", "salt")
        else:
            put("duration", 0.0, "duration")
    for part in _trees(tree):
        (_, value), (_, unit) = _tokens(part)
        if part.data == "over":
            put("duration", _over(value, unit), "duration")
        else:
            amount, unit = _amount(value, unit)
            put("amount", amount, "amount")
            found["unit"] = unit
    return _Step(**found)


def _route(word: str) -> str:
    words = word.lower().replace("_", " ")
    if re.search(r"\ber\b|release", words):
        return "oral_er"
    name = words.removesuffix("ly")
    return _NAMES.get(name, name)


def _amount(value: str, unit: str) -> tuple[float, str]:
    compact = re.sub(r"\s", "", unit.lower()).replace("mcg", "ug")
    to = UNITS["/" in compact]
    amount = parse_quantity(f"{value} {compact}", to, field=FIELD)
    if not amount > 0:
        raise InputError(FIELD, f"'{value} {unit}' is not a dose", "give an amount above 0")
    return amount, to


def _time(value: str, unit: str) -> float:
    """A duration above 0, h."""
    hours = parse_quantity(f"{value} {_unit(unit)}", "h", field=FIELD)
    if not 0 < hours <= LONGEST:
        raise InputError(
            FIELD, f"'{value} {unit}' is not a duration", "give one above 0, up to 20 years"
        )
    return hours


def _over(value: str, unit: str) -> float:
    """The time an infusion takes, h."""
    hours = _time(value, unit)
    if too_short(hours):
        raise InputError(
            FIELD, f"'over {value} {unit}' is shorter than 1 s", "write 'bolus' in its place"
        )
    return hours


def _unit(word: str) -> str:
    start = word.lower()
    known = ("min", "h", "d", "wk", "week")
    found = next((unit for unit in known if start.startswith(unit)), None)
    if found is None:  # letters that only look alike, such as the dotless i of 'mın'
        raise InputError(FIELD, f"'{word}' is no unit of time", "write min, h, d or wk")
    return found


def _schedule(tree: lark.Tree[lark.Token]) -> Schedule:
    when, *limits = _trees(tree)
    schedule = _when(when)
    for limit in limits:
        name = str(limit.data)
        tokens = _tokens(limit)
        value = tokens[0][1]
        if schedule.times or (schedule.pattern is None and name != "from_day"):
            raise InputError(
                FIELD,
                "times named one by one cannot be limited or moved",
                "leave out 'x', 'for' and 'from', or write a pattern such as 'weekly x 4'",
            )
        given = "start" if name == "from_day" else "limit"
        said = schedule.start if given == "start" else schedule.count or schedule.span
        if said is not None:
            raise InputError(FIELD, f"a phase gives its {given} twice", "give it once")
        if name == "count":
            schedule = replace(schedule, count=_whole(value))
        elif name == "span":
            schedule = replace(schedule, span=_time(value, tokens[1][1]))
        else:
            schedule = replace(schedule, start=_days(value))
    return schedule


def _when(tree: lark.Tree[lark.Token]) -> Schedule:
    tokens = _tokens(tree)
    match str(tree.data):
        case "on_days":
            return Schedule(times=tuple(t for kind, word in tokens for t in _day(kind, word)))
        case "at_times":
            unit = _unit(tokens[-1][1])
            hours = (parse_quantity(f"{n} {unit}", "h", field=FIELD) for _, n in tokens[:-1])
            return Schedule(times=tuple(hours))
        case "once":
            return Schedule()
        case "per":
            return Schedule(pattern=_often(tokens))
        case _:
            *number, (_, unit) = tokens
            value = "1" if not number else "2" if number[0][0] == "OTHER" else number[0][1]
            return Schedule(pattern=Pattern(interval=_time(value, unit)))


def _often(tokens: list[tuple[str, str]]) -> Pattern:
    """Sessions a day, evenly spaced, or a week, on whole days."""
    words = " ".join(word.lower() for _, word in tokens)
    first = words.split()[0]
    count = int(first) if first.isdigit() else _COUNTS.get(first, 1)
    unit = "week" if words.endswith("weekly") else "d" if words.endswith("daily") else None
    unit = unit or _unit(tokens[-1][1])
    if unit in ("week", "wk") and 1 <= count <= 7:
        return Pattern(per_week=count)
    if unit == "d" and count >= 1:
        return Pattern(interval=DAY / count)
    raise InputError(
        FIELD, f"'{words}' is not a pattern", "write it such as '3/week', 'daily' or 'every 6 h'"
    )


def _day(kind: str, word: str) -> list[float]:
    if kind == "NUMBER":
        return [_days(word)]
    low, high = (int(n) for n in re.findall(r"\d+", word))
    if high < low:
        raise InputError(FIELD, f"the days '{word}' run backwards", f"write '{high}-{low}'")
    check_count(high - low + 1, FIELD)
    return [DAY * day for day in range(low, high + 1)]


def _days(word: str) -> float:
    day = float(word)
    if not 0 <= DAY * day <= LONGEST:
        raise InputError(FIELD, f"'{word}' is not a day of a course", "count days from 0")
    return DAY * day


def _whole(word: str) -> int:
    value = float(word)
    if not (math.isfinite(value) and value == int(value) and value >= 1):
        raise InputError(FIELD, f"'{word}' is not a number of doses", "give a whole number above 0")
    check_count(value, FIELD)
    return int(value)
