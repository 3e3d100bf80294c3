"""A regimen changed a little: a session added, moved or taken out, a dose or spacing turned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from typing import Any, Final

from ketasim._base import InputError
from ketasim.dosing.dose import DEVICE_AMOUNT, Dose
from ketasim.dosing.guards import ranges_for
from ketasim.dosing.regimen import Regimen, by_session, in_order
from ketasim.dosing.sentence.parse import parse_regimen
from ketasim.dosing.structured import items_of, structured_regimen
from ketasim.dosing.words import describe_duration

_DAY: Final = 24.0
_CLOSE: Final = 1e-6  # h, and relative
_STEPS: Final = {"mg/kg": 0.05, "mg": 5.0}  # of a slider
_WIDER: Final = 2.0  # a slider without a published range ends at so many times the dose

Session = tuple[Dose, ...]


@dataclass(frozen=True)
class Dial:
    """What can be turned of a regimen whose sessions all give the same single dose.

    **Arguments:**

    - `given`: without its amount and times, such as `ketamine iv over 40 min`.
    - `amount`: of a session, in `unit`. `low`, `high`, `step`: of a slider: the published
      psychiatric range, and the amount where it is outside.
    - `every`: days between sessions, where they are evenly spaced by whole days.
    - `count`: of the sessions.
    """

    given: str
    amount: float
    unit: str
    low: float
    high: float
    step: float
    every: int | None
    count: int


def dial(regimen: Regimen) -> Dial | None:
    """What can be turned of a regimen; nothing where its sessions differ or have steps.

    **Source:** the ends of the slider are those of the table `dose_ranges`.
    """
    sessions = by_session(regimen.doses)
    amounts = {_amount(session) for session in sessions}
    if len(amounts) != 1 or None in amounts or len({_content(one) for one in sessions}) != 1:
        return None
    first = sessions[0][0]
    amount = sum(dose.amount for dose in sessions[0])
    low, high = amount, amount
    found = ranges_for(first.drug, first.route, "psychiatric")
    same = [one for one in found if one.unit == first.unit]
    if same:
        low = min([low, *(one.low for one in same if one.low is not None)])
        high = max([high, *(one.high for one in same)])
    if low >= high:
        low, high = amount / _WIDER, amount * _WIDER
    step = DEVICE_AMOUNT if len(sessions[0]) > 1 or first.device else _STEPS[first.unit]
    if (first.drug, first.route) == ("esketamine", "intranasal"):
        step, low = DEVICE_AMOUNT, min(DEVICE_AMOUNT, amount)
    if first.unit == "mg/kg":
        step = min(step, amount / 2)
    gaps = {round(after - before, 6) for before, after in pairwise(regimen.sessions)}
    gap = next(iter(gaps)) / _DAY if len(gaps) == 1 else 0.0
    every = round(gap) if gap and abs(gap - round(gap)) < _CLOSE else None
    if len(sessions) == 1:
        every = 7
    if regimen.sessions[0] > _CLOSE:
        every = None  # `every` counts from day 0
    return Dial(
        _content(sessions[0]) or "", amount, first.unit, low, high, step, every, len(sessions)
    )


def turned(regimen: Regimen, *, amount: float, every: int | None, count: int) -> dict[str, Any]:
    """A regimen with another dose, and where it is evenly spaced other sessions.

    **Arguments:**

    - `regimen`: of which `dial` says what can be turned.
    - `amount`: of a session, in the unit of the dial. `every`: days. `count`: of sessions.

    **Returns:** `regimen` as a sentence, or `doses`, as a course file has them.

    **Raises:** `InputError` when nothing can be turned, or to what cannot be given.
    """
    now = dial(regimen)
    if now is None:
        raise InputError(
            "regimen", "its sessions differ", "change the sentence or the table of doses"
        )
    if amount <= 0 or count < 1 or (every is not None and every < 1):
        raise InputError("regimen", "nothing is given", "give a dose, and at least one session")
    text = now.given.replace("{}", f"{amount:g} {now.unit}")
    same = (every, count) == (now.every, now.count)
    if same and regimen.text is not None:
        before = f"{now.amount:g} {now.unit}"
        if regimen.text.count(before) == 1:  # the words of the reader stay
            return {"regimen": regimen.text.replace(before, f"{amount:g} {now.unit}")}
    if now.every is None or every is None:
        days = " ".join(f"{start / _DAY:g}" for start in regimen.sessions)
        return {"regimen": f"{text} on days {days}" if count > 1 else f"{text} on day {days}"}
    if count == 1:
        return {"regimen": f"{text} once"}
    spaced = {1: "daily", 7: "weekly"}.get(every, f"every {every} days")
    return {"regimen": f"{text} {spaced} x {count}"}


def with_session(regimen: Regimen, day: int) -> dict[str, Any]:
    """A regimen with one more session on a day, which gives what the one before it gives.

    **Returns:** as of `turned`.
    """
    sessions = by_session(regimen.doses)
    if any(_day(one) == day for one in sessions):
        return _form(sessions)
    before = [one for one in sessions if _day(one) < day] or sessions[:1]
    return _form([*sessions, _moved(before[-1], day)])


def without_session(regimen: Regimen, day: int) -> dict[str, Any]:
    """A regimen without the sessions of a day.

    **Returns:** as of `turned`.

    **Raises:** `InputError` when nothing would be left.
    """
    left = [one for one in by_session(regimen.doses) if _day(one) != day]
    if not left:
        raise InputError("regimen", "no session would be left", "add another one first")
    return _form(left)


def with_session_moved(regimen: Regimen, day: int, to: int) -> dict[str, Any]:
    """A regimen whose sessions of a day are on another one.

    **Returns:** as of `turned`.
    """
    sessions = by_session(regimen.doses)
    if day != to and any(_day(one) == to for one in sessions):
        raise InputError("regimen", f"day {to} has a session already", "choose another day")
    return _form([_moved(one, to) if _day(one) == day else one for one in sessions])


def plainest(regimen: Regimen) -> dict[str, Any]:
    """A regimen as a sentence where one says the same, else as a list of doses.

    **Returns:** as of `turned`.
    """
    return _form(by_session(regimen.doses))


def dose_table(regimen: Regimen) -> list[dict[str, Any]]:
    """A regimen as the entries of `doses`, numbers and times as people write them.

    **Returns:** as of `items_of`.
    """
    items = items_of(regimen)
    plain = [dict(one) for one in items]
    for one in plain:
        number, _, unit = str(one["dose"]).partition(" ")
        one["dose"] = f"{float(number):g} {unit}"
        if str(one.get("over", "")).endswith(" h"):
            one["over"] = describe_duration(float(str(one["over"]).removesuffix(" h")))
    return plain if _same(structured_regimen(plain).doses, regimen.doses) else items


def session_days(regimen: Regimen) -> dict[int, str]:
    """Each day with a session, to what is given on it in words."""
    found: dict[int, list[str]] = {}
    for session in by_session(regimen.doses):
        amount = f"{sum(dose.amount for dose in session):g} {session[0].unit}"
        words = [f"{dose.amount:g} {dose.unit} {dose.drug} {dose.route}" for dose in session]
        whole = f"{amount} {session[0].drug} {session[0].route}"
        same = len({(one.drug, one.route, one.unit) for one in session}) == 1
        found.setdefault(_day(session), []).append(whole if same else " + ".join(words))
    return {day: "; ".join(said) for day, said in sorted(found.items())}


def _day(session: Session) -> int:
    return int((session[0].time + _CLOSE) // _DAY)


def _moved(session: Session, day: int) -> Session:
    shift = _DAY * (day - _day(session))
    return tuple(replace(dose, time=dose.time + shift) for dose in session)


def _amount(session: Session) -> tuple[float, str] | None:
    """The amount of a session of one dose, or of the devices of one."""
    first = session[0]
    same = {(dose.drug, dose.route, dose.unit, dose.salt, dose.duration) for dose in session}
    one = len(session) == 1 or all(d.device == place for place, d in enumerate(session))
    if len(same) != 1 or not one or first.steady_state_interval is not None:
        return None
    return round(sum(dose.amount for dose in session), 12), first.unit


def _content(session: Session) -> str | None:
    """What a session gives, `{}` in the place of its amount; nothing where it has steps."""
    if _amount(session) is None:
        return None
    first = session[0]
    words = [first.drug]
    words += [] if first.salt == "base" else [first.salt]
    words += ["{}", first.route]
    if first.duration > 0:
        words.append(f"over {describe_duration(first.duration)}")
    elif first.route == "iv" and first.duration_given:
        words.append("bolus")
    return " ".join(words)


def _form(sessions: Sequence[Session]) -> dict[str, Any]:
    """Sessions as a sentence where one says the same, else as a list of doses."""
    ordered = sorted(sessions, key=lambda one: one[0].time)
    doses = in_order(
        replace(dose, session=number) for number, one in enumerate(ordered) for dose in one
    )
    text = _sentence(ordered)
    if text is not None:
        try:
            read = parse_regimen(text)
        except InputError:
            pass
        else:
            if _same(read.doses, doses):
                return {"regimen": text}
    return {"doses": items_of(Regimen(doses))}


def _sentence(ordered: Sequence[Session]) -> str | None:
    phrases: list[str] = []
    for said, group in groupby(ordered, key=_said):
        if said is None:
            return None
        days = [_day(one) for one in group]
        numbers = " ".join(map(str, days))
        phrases.append(f"{said} on day{'s' if len(days) > 1 else ''} {numbers}")
    return ", then ".join(phrases)


def _said(session: Session) -> str | None:
    content, amount = _content(session), _amount(session)
    if content is None or amount is None:
        return None
    return content.replace("{}", f"{amount[0]:g} {amount[1]}")


def _same(one: Sequence[Dose], other: Sequence[Dose]) -> bool:
    return len(one) == len(other) and all(
        abs(a.time - b.time) < _CLOSE
        and abs(a.amount - b.amount) <= _CLOSE * b.amount
        and abs(a.duration - b.duration) < _CLOSE
        and (a.drug, a.route, a.unit, a.salt, a.session, a.device, a.duration_given)
        == (b.drug, b.route, b.unit, b.salt, b.session, b.device, b.duration_given)
        for a, b in zip(one, other, strict=True)
    )
