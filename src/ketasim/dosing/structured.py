"""The structured form of a regimen: a list of doses."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Annotated, Any, cast

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from ketasim._base import InputError, parse_quantity
from ketasim.dosing.dose import (
    DRUGS,
    LONGEST,
    MOST_DOSES,
    ROUTES,
    SALTS,
    SMALLEST,
    TIMED_ROUTES,
    UNITS,
    Dose,
    too_short,
)
from ketasim.dosing.fields import FROZEN, dotted, quantity, refuse, shortened, validated, word
from ketasim.dosing.regimen import (
    Regimen,
    by_session,
    check_count,
    in_order,
    number_sessions,
    split_devices,
)
from ketasim.vocabulary import Moment, read_clock, read_moment

_PER_WEIGHT = re.compile(r"/\s*kg\s*$", re.IGNORECASE)


def _amount(value: object) -> tuple[float, str]:
    if isinstance(value, tuple):
        return cast("tuple[float, str]", value)  # already read
    unit = UNITS[bool(isinstance(value, str) and _PER_WEIGHT.search(value))]
    try:
        amount = parse_quantity(value, unit, field="")
    except InputError as error:
        remedy = "write it with its unit, such as '56 mg' or '0.5 mg/kg'"
        raise refuse(error.problem, remedy) from None
    if not amount > 0:
        raise refuse(f"'{shortened(value)}' is not a dose", "give an amount above 0")
    if amount < SMALLEST:
        raise refuse(f"'{shortened(value)}' is too little for a dose", "check the unit")
    return amount, unit


_hours = cast("Callable[[object], float]", quantity("h", 0, LONGEST, bare=True).func)
_lasting = cast("Callable[[object], float]", quantity("h", 0, LONGEST).func)


def _over(value: object) -> float:
    hours = _lasting(value)
    if too_short(hours):
        raise refuse(f"'{shortened(value)}' is shorter than 1 s", "leave 'over' out: a bolus")
    return hours


def _day(value: object) -> float | Moment:
    """A day: a number, or a date of a course that has a `start`."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not 0 <= value <= LONGEST / 24:
            raise refuse(f"'{shortened(value)}' is not a day of a course", "give 0 to 20 years")
        return float(value)
    try:
        clock, moment = read_clock(value), read_moment(value)
    except InputError as error:
        raise refuse(error.problem, error.remedy) from None
    if clock is not None:
        raise refuse(f"'{value}' is a clock time", f"write 'day: 0' with 'at: {value}'")
    if moment is None:
        raise refuse(f"'{shortened(value)}' is not a number", "give a number of days, or a date")
    if moment.clock is not None:
        raise refuse(f"'{value}' is a date with a clock time", f"write it as 'time: {value}'")
    return moment


def _at(value: object) -> float:
    try:
        clock = read_clock(value)
    except InputError as error:
        raise refuse(error.problem, error.remedy) from None
    if clock is None:
        raise refuse(f"'{shortened(value)}' is not a clock time", "write it such as '14:30'")
    return clock


def _time(value: object) -> float | Moment:
    """A time: h from the start, or a date with a clock time."""
    try:
        clock, moment = read_clock(value), read_moment(value)
    except InputError as error:
        raise refuse(error.problem, error.remedy) from None
    if clock is not None:
        hours = f"{clock:g} h" if (4 * clock).is_integer() else f"{60 * clock:g} min"
        raise refuse(
            f"'{value}' is a clock time",
            f"write '{hours}' for {hours} after the start, or 'day: 0' with 'at: {value}'",
        )
    if moment is None:
        return _hours(value)
    if moment.clock is None:
        raise refuse(f"'{value}' is a date", f"write it as 'day: {value}'")
    return moment


class DoseItem(BaseModel):
    """One entry of `doses:` in a course file.

    **Arguments:**

    - `day`: day it is given on, from 0, a number; or its date, in a course with a `start`. Or
    - `time`: when it is given, from the start of the course, such as `36 h`; a bare number is in h.
      In a course with a `start` also a date with a clock time, such as `2026-01-05 14:30`.
    - `at`: clock time on that day, such as `9:00`; left out, at its beginning.
    - `drug`, `route`: see `Dose`.
    - `dose`: such as `0.5 mg/kg` or `56 mg`; of nasal esketamine that of the whole session.
    - `over`: such as `40 min`; left out, all at once.
    - `salt`: `base` (when left out) or `hydrochloride`: what the amount is the mass of.
    - `steady_state`: such as `12 h`: infinitely many equal doses came before, so far apart; of one
      entry, at the start of the course.
    - `device`: of nasal esketamine: the entry is one device, 0 the first of its session.
    - `session`: number of the session, for doses that would otherwise be grouped otherwise.
    """

    model_config = FROZEN

    drug: Annotated[str, word(DRUGS)]
    route: Annotated[str, word(ROUTES)]
    dose: Annotated[tuple[float, str], BeforeValidator(_amount, json_schema_input_type=str)]
    day: (
        Annotated[float | Moment, BeforeValidator(_day, json_schema_input_type=float | str)] | None
    ) = None
    time: (
        Annotated[float | Moment, BeforeValidator(_time, json_schema_input_type=float | str)] | None
    ) = None
    at: Annotated[float, BeforeValidator(_at, json_schema_input_type=str)] | None = None
    over: Annotated[float, BeforeValidator(_over, json_schema_input_type=str)] = 0.0
    salt: Annotated[str, word(SALTS)] = "base"
    steady_state: Annotated[float, quantity("h", 1e-9, LONGEST)] | None = None
    device: Annotated[int, Field(strict=True, ge=0, le=MOST_DOSES)] | None = None
    session: Annotated[int, Field(strict=True, ge=0, le=MOST_DOSES)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _clock_of_a_day(cls, given: Any) -> Any:
        """`day: 0` with `time: 9:00` says what `at: 9:00` says."""
        if not isinstance(given, Mapping):
            return given
        entry = cast("Mapping[str, Any]", given)
        if entry.get("day") is None or entry.get("time") is None or "at" in entry:
            return entry
        with suppress(InputError):  # a time that no clock shows is refused as such
            if read_clock(entry["time"]) is not None:
                return {**{k: v for k, v in entry.items() if k != "time"}, "at": entry["time"]}
        return entry

    @model_validator(mode="after")
    def _consistent(self) -> DoseItem:
        if self.at is not None and self.day is None:
            raise refuse("a clock time is given without its day", "add the day, such as 'day: 0'")
        if self.at is not None and isinstance(self.day, float) and not self.day.is_integer():
            raise refuse(f"day {self.day:g} with a clock time", "give a whole day")
        if (self.day is None) == (self.time is None):
            problem = "both day and time are" if self.day is not None else "neither day nor time is"
            raise refuse(f"{problem} given", "give one of them, such as 'day: 0' or 'time: 36 h'")
        if self.over > 0 and self.route not in TIMED_ROUTES:
            raise refuse(
                f"a dose by the route {self.route} is given all at once",
                "leave 'over' out; only iv, im and sc take it",
            )
        return self

    def doses(self, field: str, start: Moment | None = None) -> tuple[Dose, ...]:
        """The doses of the entry.

        **Arguments:**

        - `field`: its path, for errors. `start`: of the course, for dates.

        **Raises:** `InputError`.
        """
        time = self._hours_after(field, start)
        amount, unit = self.dose
        dose = Dose(
            time=time,
            drug=self.drug,
            route=self.route,
            amount=amount,
            unit=unit,
            duration=self.over,
            salt=self.salt,
            device=self.device or 0,
            steady_state_interval=self.steady_state,
        )
        return (dose,) if self.device is not None else split_devices(dose, f"{field}.dose")

    def _hours_after(self, field: str, start: Moment | None) -> float:
        """When the dose is given, h from the start of the course."""
        name = "day" if self.time is None else "time"
        given = self.day if self.time is None else self.time
        if isinstance(given, Moment):
            if start is None:
                raise InputError(
                    f"{field}.{name}",
                    f"'{given}' is a date, and the course has no start",
                    "add 'start:' with the date of day 0",
                )
            time = given.hours_after(start)
        else:
            time = given or 0.0 if self.time is not None else 24.0 * (given or 0.0)
        if self.at is not None:
            time += self.at - ((start.clock if start else None) or 0.0)
        if time < 0:
            raise InputError(
                f"{field}.{name}",
                f"it is before the start of the course, {start}",
                "give a later one, or an earlier start",
            )
        if time > LONGEST:
            raise InputError(
                f"{field}.{name}", "it is more than 20 years after the start", "check the year"
            )
        return time


class _DoseList(BaseModel):
    model_config = FROZEN

    doses: tuple[DoseItem, ...]


def structured_regimen(items: Sequence[Mapping[str, Any]]) -> Regimen:
    """Read a regimen from the entries of `doses:`.

    Doses need not be sorted. Entries that overlap, or of which one starts just when another ends,
    belong to one session, as the steps of an infusion do.

    **Arguments:**

    - `items`: mappings with the keys of `DoseItem`.

    **Raises:** `InputError` with the path of the field, such as `doses[1].over`.
    """
    return regimen_of(validated(_DoseList, {"doses": items}).doses)


def regimen_of(items: Sequence[DoseItem], start: Moment | None = None) -> Regimen:
    """Make a regimen of entries that were read; `start` is that of the course, for dates."""
    check_count(len(items), "doses")
    groups = [item.doses(dotted("doses", (place,)), start) for place, item in enumerate(items)]
    check_count(sum(len(group) for group in groups), "doses")
    _check_steady(items, groups)
    named = [item.session is not None for item in items]
    if not any(named):
        return Regimen(number_sessions(groups))
    if not all(named):
        raise InputError(
            f"doses[{named.index(False)}].session", "is missing", "number every dose, or none"
        )
    doses = [
        replace(dose, session=item.session or 0)
        for item, group in zip(items, groups, strict=True)
        for dose in group
    ]
    return Regimen(in_order(doses))


def _check_steady(items: Sequence[DoseItem], groups: Sequence[tuple[Dose, ...]]) -> None:
    """Refuse a steady state that cannot be computed: it is that of one dose at the start."""
    earlier = False
    for place, (item, group) in enumerate(zip(items, groups, strict=True)):
        if item.steady_state is None:
            continue
        problem = (
            f"a steady state at {group[0].time:g} h, after the start of the course"
            if group[0].time > 0
            else "a second steady state"
            if earlier
            else "a steady state of several nasal devices"
            if len(group) > 1
            else None
        )
        if problem is not None:
            raise InputError(
                f"{dotted('doses', (place,))}.steady_state",
                problem,
                "give it to one dose at 0 h, or write the earlier doses out",
            )
        earlier = True


def items_of(regimen: Regimen) -> list[dict[str, Any]]:
    """The normal form of a regimen: entries of `doses:` that read back as equal.

    **Returns:** mappings of text and numbers, sorted by session and time.
    """
    items = [item for session in by_session(regimen.doses) for item in _session_items(session)]
    if structured_regimen(items).doses != regimen.doses:
        items = [_item(d) | {"session": d.session} for d in regimen.doses]
    return items


def _session_items(session: tuple[Dose, ...]) -> list[dict[str, Any]]:
    """Entries of one session; devices that are 28 mg and five minutes apart become one."""
    items: list[dict[str, Any]] = []
    place = 0
    while place < len(session):
        found = _whole(session[place:])
        if found is None:
            items.append(_item(session[place]))
            place += 1
        else:
            items.append(found[0])
            place += found[1]
    return items


def _whole(doses: tuple[Dose, ...]) -> tuple[dict[str, Any], int] | None:
    """The entry of the devices that a whole nasal dose splits into, and their number."""
    first = doses[0]
    if (first.drug, first.route, first.device) != ("esketamine", "intranasal", 0):
        return None
    count = 1
    while count < len(doses) and doses[count].device == count:
        count += 1
    total = replace(first, amount=sum(dose.amount for dose in doses[:count]))
    try:
        split = split_devices(total, "doses")
    except InputError:
        return None
    if split != doses[:count]:
        return None
    item = _item(total)
    item.pop("device")
    return item, count


def _item(dose: Dose) -> dict[str, Any]:
    item: dict[str, Any] = (
        {"day": int(dose.time // 24)} if dose.time % 24 == 0 else {"time": f"{dose.time!r} h"}
    )
    item |= {
        "drug": dose.drug,
        "route": dose.route,
        "dose": f"{dose.amount!r} {dose.unit}",
    }
    if dose.duration > 0:
        item["over"] = f"{dose.duration!r} h"
    if dose.salt != "base":
        item["salt"] = dose.salt
    if dose.steady_state_interval is not None:
        item["steady_state"] = f"{dose.steady_state_interval!r} h"
    if dose.device > 0 or (dose.drug, dose.route) == ("esketamine", "intranasal"):
        item["device"] = dose.device
    return item
