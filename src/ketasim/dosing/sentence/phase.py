"""A phase of a sentence: its steps and its times, from tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

from ketasim._base import InputError
from ketasim._base.words import counted
from ketasim.dosing.dose import LONGEST
from ketasim.dosing.sentence.draft import SHORT_UNITS, SLIP, TAKE, Draft, Loose
from ketasim.dosing.sentence.refusal import FIELD, PARTS, quoted
from ketasim.dosing.sentence.scan import Token
from ketasim.dosing.sentence.schedule import Pattern, Schedule
from ketasim.dosing.sentence.step import Said, Step, joined, over_of
from ketasim.dosing.words import describe_duration
from ketasim.vocabulary.frequency import Frequency
from ketasim.vocabulary.number import TIMES, value_of
from ketasim.vocabulary.route import RouteName

# what a run of tokens says; the first that fits is taken
_RULES: Final = tuple(
    (name, re.compile(kinds))
    for name, kinds in (
        ("days", r"(?:ONCE )?DAY (?:NUM |RANGE )(?:(?:AND )?(?:DAY )?(?:NUM |RANGE )(?!NOUN ))*"),
        ("hours", r"(?:ONCE )?AT (?:(?:AND )?(?:NUM |TIME ))*(?:AND )?TIME "),
        ("from_to", r"SPAN "),
        ("weeks", r"(?:FROM )?WEEKS "),
        ("from_day", r"FROM (?:AT )?DAY NUM "),
        ("from_hour", r"FROM (?:AT )?TIME "),
        ("over", r"(?:INFUSION )?OVER (?:FILL )*TIME (?:INFUSION )?"),
        ("over", r"INFUSION (?:FILL |FOR )*TIME |TIME (?:FILL )*INFUSION "),
        ("loose", r"(?:FOR |X )(?:FILL |TOTAL )*TIME "),
        ("multiple", r"MULTIPLE DOSE "),
        ("devices", r"DEVICES "),
        ("count", r"(?:FOR |X )?(?:FILL |TOTAL )*NUM (?:NOUN |INFUSION )"),
        ("count", r"(?:FOR )?X (?:TOTAL )?NUM |(?:FOR )?TOTAL NUM |COUNT (?:NOUN )?"),
        ("stop", r"STOP TIME |STOP NUM FILL TIME "),
        ("bag", r"IN VOL (?:DILUENT )?"),
        ("amount", r"(?:AT )?(?:DOSE|RATE|CONC|VOL|FLOW) "),
        ("drug", r"DRUG "),
        ("salt", r"SALT "),
        ("route", r"ROUTE "),
        ("bolus", r"BOLUS "),
        ("infusion", r"INFUSION "),
        ("once", r"ONCE "),
        ("often", r"(?:X )?FREQ "),
        ("bare", r"TIME "),
        ("nothing", r"FILL |AND |NOUN |DILUENT "),
    )
)


_BY_THE_DAY: Final = re.compile(
    r"b\.?i?\.?d\.?|t\.?(?:i\.?d|d\.?s)\.?|q\.?(?:i\.?d|d\.?s)\.?", re.I
)


@dataclass(frozen=True)
class Phase:
    """Steps and times of a phase; no schedule where it says no time."""

    steps: tuple[Step, ...]
    schedule: Schedule | None
    pattern_alone: bool = False


def phase_of(tokens: list[Token], sentence: str) -> Phase:
    """Read a phase.

    **Arguments:**

    - `tokens`: of the phase.
    - `sentence`: as typed, for errors.

    **Raises:** `InputError` for words in an order that says nothing, or that contradict each other.
    """
    draft = Draft()
    kinds = "".join(f"{token.kind} " for token in tokens)
    offsets = [0, *accumulate(len(token.kind) + 1 for token in tokens)]
    place = 0
    while place < len(tokens):
        step = re.compile(r"(?:PLUS |THEN )?PAUSE TIME (?:THEN |PLUS )?|PLUS ").match(
            kinds, offsets[place]
        )
        if step is not None:
            draft.next_step()
            run = tokens[place : place + step[0].count(" ")]
            pause = [token.value.value for token in run if token.kind == "TIME"]
            draft.found[-1]["pause"] = float(sum(pause))
            place += len(run)
            continue
        for name, pattern in _RULES:
            match = pattern.match(kinds, offsets[place])
            if match is not None:
                length = match[0].count(" ")
                run = tokens[place : place + length]
                draft.before = tokens[place - 1].kind if place else ""
                rest = tokens[place + length :]
                draft.infusion_follows = bool(rest) and _runs(rest[0])
                TAKE[name](draft, run)
                place += length
                break
        else:
            raise _stray(tokens, place, sentence)
    return _finished(draft)


def _stray(tokens: list[Token], place: int, sentence: str) -> InputError:
    token = tokens[place]
    before = quoted(sentence[: token.start])
    after = f" after {before}" if before else ""
    ends = place + 1 == len(tokens)
    remedies = {
        "DAY": "write the numbers of the days after it",
        "AT": "write a time in h after it",
        "FROM": "write 'day' and its number after it",
        "OVER": "write a time with its unit after it",
        "FOR": "write a time, or a number of sessions, after it",
        "X": "write a number after it",
        "STOP": "write after what time",
        "PAUSE": "write how long after it",
    }
    if token.kind in ("OVER", "FOR", "X", "AT") and not ends and tokens[place + 1].kind == "NUM":
        number = tokens[place + 1].text
        return InputError(
            FIELD, f"'{number}' has no unit", "write it with its unit: s, min, h, d or wk"
        )
    if token.text.lower() in TIMES:
        return InputError(
            FIELD,
            f"'{token.text}'{after} does not say how often",
            "add in what time, such as 'a day' or 'a week', or name the days",
        )
    if token.kind == "NUM":
        value_of(token.text, field=FIELD)
        return InputError(
            FIELD,
            f"'{token.text}' has no unit{after}",
            "write it with its unit: a dose in mg or mg/kg, a time in min, h, d or wk",
        )
    return InputError(
        FIELD, f"cannot read '{token.text}'{after}", remedies.get(token.kind) or PARTS
    )


def _runs(token: Token) -> bool:
    """The token is an infusion, or a route that is one."""
    return token.kind == "INFUSION" or (token.kind == "ROUTE" and token.value.timed is True)


# The whole phase


def _finished(draft: Draft) -> Phase:
    pattern = None if draft.often is None else _pattern(draft.often)
    for one in draft.loose:
        _place(draft, one)
    limited = draft.count is not None or draft.until is not None or draft.span is not None
    if draft.loose and pattern is not None and not limited:
        raise InputError(
            FIELD,
            f"'{draft.loose[0].text}' is how long an infusion takes: the number of sessions is "
            "missing",
            "add 'x' and their number, or 'for' and a number of weeks",
        )
    steps = tuple(
        _step(found, said, routes)
        for found, said, routes in zip(draft.found, draft.said, draft.routes, strict=True)
    )
    if steps == (Step(),):
        steps = ()
    return Phase(steps, _schedule(draft, pattern))


def _pattern(often: Frequency) -> Pattern:
    if not often.per_week and not 0 < often.interval <= LONGEST:
        raise InputError(
            FIELD, f"'{often.text}' has no duration above 0", "give an interval, up to 20 years"
        )
    return Pattern(often.per_week, often.interval, often.weekdays)


def _place(draft: Draft, loose: Loose) -> None:
    """Tell a span of sessions from the duration of an infusion."""
    time, often = loose.time, draft.often
    hours = float(time.value)
    if not 0 < hours <= LONGEST:
        raise InputError(
            FIELD, f"'{loose.text}' is not a duration", "give one above 0, up to 20 years"
        )
    if often is not None and hours >= often.gap * (1 - SLIP):
        if draft.span is not None:
            raise InputError(FIELD, "a phase gives its limit twice", "give it once")
        draft.span = time
        return
    routes = draft.routes[loose.step]
    said = draft.said[loose.step]
    by_rate = said.rate is not None or said.flow is not None
    infused = by_rate or draft.found[loose.step].get("infusion", False)
    runs = loose.over or infused or (bool(routes) and routes[0].route in ("iv", "sc"))
    free = draft.said[loose.step].over is None and "duration" not in draft.found[loose.step]
    # six infusions over two weeks: how they are spread is not said
    several = loose.over and often is None and draft.count not in (None, 1)
    one_infusion = infused or any(one.timed for one in routes)
    if loose.over and time.unit == "week" and not one_infusion and not several:
        raise InputError(
            FIELD,
            f"'{loose.text}' may be how long one infusion takes, or how long sessions go on",
            "write how often, such as 'weekly', or 'infusion' beside the time of one infusion",
        )
    if runs and free and (loose.over or time.unit in SHORT_UNITS) and not several:
        draft.said[loose.step].over = over_of(time, words=loose.text.split()[0])
        return
    if often is not None:
        raise InputError(
            FIELD,
            f"'{loose.text}' is shorter than the time between two sessions, "
            f"{describe_duration(often.gap)}",
            "write 'over' before the time of an infusion, or 'x' and the number of sessions",
        )
    if draft.times or draft.once:
        raise InputError(
            FIELD,
            f"'{loose.text}' beside times that are named one by one, or 'once'",
            "write 'over' before the time of an infusion, or how often, such as 'weekly'",
        )
    raise InputError(
        FIELD,
        f"'{loose.text}' does not say how often",
        "add how often, such as 'weekly'"
        + ("" if loose.over else ", or write 'over' before the time of an infusion"),
    )


def _step(found: dict[str, Any], said: Said, routes: list[RouteName]) -> Step:
    route = joined(routes)
    content = dict(found)
    if route is not None:
        content["route"] = route.route
        content["infusion"] = content.get("infusion", False) or route.timed is True
        if route.assumed:
            content["assumed"] = route.text
        if route.timed is False:
            content.setdefault("duration", 0.0)
    if said.over is not None:
        content.pop("duration", None)  # a bolus over a minute takes a minute
    return said.computed(Step(**content))


def _schedule(draft: Draft, pattern: Pattern | None) -> Schedule | None:
    span = None if draft.span is None else float(draft.span.value)
    limited = draft.count is not None or span is not None or draft.start is not None
    if pattern is None and draft.until is not None:
        raise InputError(
            FIELD, "a phase says from when to when but not how often", "add how often, as 'weekly'"
        )
    if draft.times:
        if pattern is not None and len(draft.times) == 1 and draft.start is None and not draft.once:
            draft.start, draft.times = draft.times[0], ()
        elif pattern is not None:
            raise InputError(
                FIELD,
                "a phase names times and how often",
                "give one of the two, or part it by 'then'",
            )
        elif (
            span is not None
            or draft.start is not None
            or draft.count
            not in (
                None,
                len(draft.times),
            )
        ):
            raise _named_otherwise(draft)
        else:
            return Schedule(times=draft.times)
    if pattern is None:
        if draft.start is not None:
            if draft.count not in (None, 1):
                raise _not_how_often(draft.count)
            return Schedule(times=(draft.start,))
        if draft.count not in (None, 1):
            raise _not_how_often(draft.count)
        return Schedule() if draft.once or limited else None
    if draft.often is not None and draft.count is not None and span is None and not draft.named:
        _doses_or_weeks(draft.often, draft.count)
    if draft.once:
        raise InputError(FIELD, "a phase says 'once' and how often", "leave one of the two out")
    if draft.count is not None and span is not None:
        if pattern.positions_in(span) != draft.count:
            raise InputError(
                FIELD,
                f"{counted(draft.count, 'session')} and {describe_duration(span)} do not agree: "
                f"that time has {pattern.positions_in(span)} of them",
                "write the one that is meant",
            )
        span = None
    return Schedule(
        pattern=pattern,
        count=draft.count,
        span=span,
        start=draft.start,
        until=draft.until,
        weeks=draft.weeks,
    )


def _doses_or_weeks(often: Frequency, count: int) -> None:
    """Refuse a number that may be of weeks or days: `3/week x 2`, `TID x 5`."""
    if count < often.per_week:
        raise InputError(
            FIELD,
            f"'x {count}' after '{often.text}' may be sessions or weeks",
            f"write 'x {count} sessions' or 'x {count} weeks'",
        )
    if _BY_THE_DAY.fullmatch(often.text):
        raise InputError(
            FIELD,
            f"'x {count}' after '{often.text}' may be doses or days",
            f"write 'x {count} doses' or 'x {count} days'",
        )


def _named_otherwise(draft: Draft) -> InputError:
    """Times are named, and a number, a span or a start that they contradict."""
    named = counted(len(draft.times), "time")
    if draft.count is not None:
        return InputError(
            FIELD,
            f"{named} named, and {counted(draft.count, 'session')}",
            "name the day of every session, or write how often, such as 'weekly x 4'",
        )
    return InputError(
        FIELD,
        f"{named} named, and a span or a start beside",
        "name the day of every session, or write how often, such as 'weekly x 4'",
    )


def _not_how_often(count: int | None) -> InputError:
    return InputError(
        FIELD,
        f"a phase says how many, {count}, but not how often",
        "add how often, such as 'weekly' or 'every 3 days', or name the days",
    )
