"""What a phase of a sentence has said so far, and what each run of its tokens adds."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Final

from ketasim._base import InputError, parse_quantity
from ketasim.dosing.dose import DEVICE_AMOUNT, LONGEST, STUDY_DEVICE
from ketasim.dosing.regimen import check_count
from ketasim.dosing.sentence.refusal import FIELD
from ketasim.dosing.sentence.scan import Token
from ketasim.dosing.sentence.schedule import DAY, WEEK
from ketasim.dosing.sentence.step import Said, over_of
from ketasim.vocabulary.drug import DrugName
from ketasim.vocabulary.frequency import Frequency
from ketasim.vocabulary.measure import Measure
from ketasim.vocabulary.number import value_of
from ketasim.vocabulary.route import RouteName

_AMOUNTS: Final = {
    "DOSE": "dose",
    "RATE": "rate",
    "CONC": "concentration",
    "VOL": "volume",
    "FLOW": "flow",
}
SHORT_UNITS: Final = ("s", "min", "h")
"""Units in which an infusion is timed; days and weeks are what sessions go on over."""
TWICE: Final = "give it once; join steps of one session with '+', sessions that differ with 'then'"
"""The remedy where a step says the same thing twice."""
SLIP: Final = 1e-9
"""Relative; a span that is an interval is not shorter than it."""


@dataclass
class Loose:
    """A time after `for`, `x` or `over`: a span of sessions, or how long an infusion takes."""

    time: Measure
    text: str
    step: int
    over: bool = False


@dataclass
class Draft:
    """What a phase has said so far."""

    said: list[Said] = field(default_factory=lambda: [Said()])
    found: list[dict[str, Any]] = field(default_factory=lambda: [{}])
    routes: list[list[RouteName]] = field(default_factory=lambda: [[]])
    times: tuple[float, ...] = ()
    often: Frequency | None = None
    once: bool = False
    count: int | None = None
    named: bool = False  # the count says of what, as in `4 sessions`
    span: Measure | None = None
    until: float | None = None
    weeks: bool = False
    start: float | None = None
    loose: list[Loose] = field(default_factory=list[Loose])
    before: str = ""
    infusion_follows: bool = False

    def put(self, name: str, value: Any, said: str) -> None:
        """Take what the current step says of itself, once."""
        if self.found[-1].get(name, value) != value or (
            name in self.found[-1] and name == "amount"
        ):
            raise InputError(FIELD, f"a step gives its {said} twice", TWICE)
        self.found[-1][name] = value

    def amount(self, name: str, value: Measure) -> None:
        """Take an amount of the current step, once."""
        if getattr(self.said[-1], name) is not None:
            what = {"dose": "amount", "over": "duration"}.get(name, name)
            raise InputError(FIELD, f"a step gives its {what} twice", TWICE)
        setattr(self.said[-1], name, value)

    def next_step(self) -> None:
        """Begin another step of the session."""
        self.said.append(Said())
        self.found.append({})
        self.routes.append([])


# One function for each rule: it takes the run of tokens


def _days(draft: Draft, run: list[Token]) -> None:
    times: list[float] = []
    for token in run:
        if token.kind == "NUM":
            times.append(_day(token.text))
        elif token.kind == "RANGE":
            low, high = token.value
            if high < low:
                raise InputError(
                    FIELD, f"the days '{token.text}' run backwards", f"write '{high}-{low}'"
                )
            check_count(high - low + 1, FIELD)
            times += [DAY * day for day in range(low, high + 1)]
    _named(draft, tuple(times))


def _named(draft: Draft, times: tuple[float, ...]) -> None:
    if draft.times:
        raise InputError(FIELD, "a phase names its times twice", "name them once, in one row")
    draft.times = times


def _day(text: str) -> float:
    if re.fullmatch(r"[0-9]+,[0-9]+", text):
        first, second = text.split(",")
        raise InputError(
            FIELD,
            f"'{text}' may be the days {first} and {second}, or {first}.{second}",
            "write a blank after the comma, or a point",
        )
    day = float(value_of(text, field=FIELD))
    if not 0 <= DAY * day <= LONGEST:
        raise InputError(FIELD, f"'{text}' is not a day of a course", "count days from 0")
    return DAY * day


def _hours(draft: Draft, run: list[Token]) -> None:
    *_, last = (token for token in run if token.kind == "TIME")
    times = [
        parse_quantity(f"{_plain(token.text)} {last.value.unit}", "h", field=FIELD)
        if token.kind == "NUM"
        else float(token.value.value)
        for token in run
        if token.kind in ("NUM", "TIME")
    ]
    _named(draft, tuple(times))


def _plain(text: str) -> str:
    return str(float(value_of(text, field=FIELD)))


def _from_to(draft: Draft, run: list[Token]) -> None:
    first, last = (_day(text) for text in run[0].value.groups())
    _start(draft, first)
    draft.until = last + SLIP * max(last, 1.0)


def _weeks(draft: Draft, run: list[Token]) -> None:
    match = run[-1].value
    first, last = int(match[1]), int(match[2] or match[1])
    apart = match[2] is not None and last > first + 1
    if apart and re.search(r"\band\b", match[0], re.IGNORECASE):
        raise InputError(
            FIELD,
            f"'{' '.join(match[0].split())}' are weeks with others between",
            "write '-' for all from one to the other, or the days of the sessions",
        )
    if not 1 <= first <= last:
        raise InputError(
            FIELD,
            f"'{' '.join(match[0].split())}' are not weeks of a course",
            "count weeks from 1, which begins on day 0",
        )
    _start(draft, WEEK * (first - 1))
    if run[0].kind != "FROM":
        draft.until, draft.weeks = WEEK * last * (1 - SLIP), True


def _from_day(draft: Draft, run: list[Token]) -> None:
    _start(draft, _day(run[-1].text))


def _from_hour(draft: Draft, run: list[Token]) -> None:
    _start(draft, float(run[-1].value.value))


def _start(draft: Draft, time: float) -> None:
    if draft.start is not None:
        raise InputError(
            FIELD,
            "a phase gives its start twice",
            "give it once, or part by 'then' what is given from each",
        )
    draft.start = time


def _over(draft: Draft, run: list[Token]) -> None:
    (time,) = (token for token in run if token.kind == "TIME")
    words = "over" if run[0].kind == "OVER" else run[0].text
    if time.value.unit not in SHORT_UNITS:  # sessions go on over weeks too
        text = f"{words} {time.text}"
        if any(token.kind == "INFUSION" for token in run):
            draft.found[-1]["infusion"] = True
        draft.loose.append(Loose(time.value, text, len(draft.said) - 1, over=True))
        return
    draft.amount("over", over_of(time.value, words=words))


def _loose(draft: Draft, run: list[Token]) -> None:
    text = f"{run[0].text} {run[-1].text}"
    draft.loose.append(Loose(run[-1].value, text, len(draft.said) - 1))


def _bare(draft: Draft, run: list[Token]) -> None:
    """A time without a word before it: how long an infusion takes, beside its dose or route."""
    time: Measure = run[0].value
    beside = draft.before in ("DOSE", "RATE", "ROUTE", "INFUSION", "CONC")
    if draft.before == "TIME":
        raise InputError(
            FIELD,
            f"'{time.text}' follows another time",
            "write a time of two parts in one unit, such as min",
        )
    routes = draft.routes[-1]
    into_vein = beside and bool(routes) and routes[0].route == "iv"
    if time.unit not in SHORT_UNITS or not (into_vein or draft.infusion_follows):
        raise InputError(
            FIELD,
            f"'{time.text}' does not say what it is",
            f"write 'over {time.text}' for an infusion, 'at {time.text}' for its start, or "
            f"'for {time.text}' for how long it goes on",
        )
    draft.amount("over", over_of(time, words="over"))


def _multiple(draft: Draft, run: list[Token]) -> None:
    count, dose = int(run[0].value[1]), run[1].value
    text = f"{run[0].text}{run[1].text}"
    if dose.per_kg or float(dose.value) not in (DEVICE_AMOUNT, STUDY_DEVICE):
        raise InputError(
            FIELD,
            f"'{text}' may be one dose or several",
            "write the dose of a session in mg, and how often it is given",
        )
    draft.amount("dose", replace(dose, value=dose.value * count, text=text))


def _devices(draft: Draft, run: list[Token]) -> None:
    count = int(value_of(run[0].value["count"]))
    each = run[0].value["each"]
    one = Fraction(DEVICE_AMOUNT if each is None else value_of(each[:-2].strip(), field=FIELD))
    total = Measure("dose", one * count, text=run[0].text)
    dose = draft.said[-1].dose
    if dose is None:
        draft.said[-1].dose = total
    elif dose.value != total.value or dose.per_kg:
        raise InputError(
            FIELD, f"'{run[0].text}' is not '{dose.text}'", "write the dose of a session in mg"
        )


def _count(draft: Draft, run: list[Token]) -> None:
    _no_multiple(draft, run)
    draft.named = draft.named or run[-1].kind != "NUM"
    for token in run:
        if token.kind in ("NUM", "COUNT"):
            text = token.text if token.kind == "NUM" else token.value[1]
            value = value_of(text, field=FIELD)
            if value.denominator != 1 or value < 1:
                raise InputError(
                    FIELD,
                    f"'{text}' is not a number of doses",
                    "give a whole number above 0",
                )
            check_count(float(value), FIELD)
            if draft.count is not None:
                raise InputError(FIELD, "a phase gives its limit twice", "give it once")
            draft.count = int(value)
        elif token.text.lower().startswith("infusion"):
            draft.found[-1]["infusion"] = True


def _no_multiple(draft: Draft, run: list[Token]) -> None:
    """`28 mg x 2 twice weekly` may be two devices at a time."""
    dose = draft.said[-1].dose
    if [token.kind for token in run] != ["X", "NUM"] or dose is None or dose.per_kg:
        return
    device = draft.before == "ROUTE" and dose.value == Fraction(DEVICE_AMOUNT)
    if draft.before == "DOSE" or device:
        raise InputError(
            FIELD,
            f"'x {run[-1].text}' after '{dose.text}' may be how many at a time, or how many "
            "sessions",
            "write the whole dose of a session, and the number of sessions after how often, as "
            "'weekly x 4'",
        )


def _stop(draft: Draft, run: list[Token]) -> None:
    """`stopped after 20 min`, or `stopped after 20 of 40 min`, which says the whole time too."""
    whole: Measure = run[-1].value
    if len(run) == 2:
        draft.amount("stop", whole)
        return
    part = value_of(run[1].text, field=FIELD)
    one = Fraction(parse_quantity(f"1 {whole.unit}", "h", field=FIELD))
    draft.amount("stop", Measure("time", part * one, text=f"{run[1].text} {whole.unit}"))
    draft.amount("over", over_of(whole, words="over"))


def _bag(draft: Draft, run: list[Token]) -> None:
    draft.amount("bag", run[1].value)


def _amount(draft: Draft, run: list[Token]) -> None:
    draft.amount(_AMOUNTS[run[-1].kind], run[-1].value)


def _drug(draft: Draft, run: list[Token]) -> None:
    name: DrugName = run[0].value
    draft.put("drug", name.drug, "drug")
    if name.salt is not None:
        draft.put("salt", name.salt, "salt")
    if name.route is not None:
        draft.routes[-1].append(RouteName(name.route, name.brand))


def _salt(draft: Draft, run: list[Token]) -> None:
    draft.put("salt", run[0].value, "salt")


def _route(draft: Draft, run: list[Token]) -> None:
    draft.routes[-1].append(run[0].value)


def _bolus(draft: Draft, run: list[Token]) -> None:
    del run
    draft.put("duration", 0.0, "duration")


def _infusion(draft: Draft, run: list[Token]) -> None:
    del run
    draft.found[-1]["infusion"] = True


def _once(draft: Draft, run: list[Token]) -> None:
    del run
    draft.once = True


def _often(draft: Draft, run: list[Token]) -> None:
    if draft.often is not None:
        raise InputError(FIELD, "a phase says how often twice", "say it once")
    draft.often = run[-1].value


def _nothing(draft: Draft, run: list[Token]) -> None:
    del draft, run


TAKE: Final[Mapping[str, Callable[[Draft, list[Token]], None]]] = {
    "days": _days,
    "hours": _hours,
    "from_to": _from_to,
    "weeks": _weeks,
    "from_day": _from_day,
    "from_hour": _from_hour,
    "over": _over,
    "loose": _loose,
    "bare": _bare,
    "multiple": _multiple,
    "devices": _devices,
    "count": _count,
    "stop": _stop,
    "bag": _bag,
    "amount": _amount,
    "drug": _drug,
    "salt": _salt,
    "route": _route,
    "bolus": _bolus,
    "infusion": _infusion,
    "once": _once,
    "often": _often,
    "nothing": _nothing,
}
"""Name of a run of tokens to what takes it."""
