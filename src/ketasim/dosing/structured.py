"""The structured form of a regimen: a list of doses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from typing import Annotated, Any, ClassVar, Final, Protocol, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    PlainValidator,
    ValidationInfo,
    model_validator,
)

from ketasim._base import InputError
from ketasim.dosing.dose import LONGEST, MOST_DOSES, TIMED_ROUTES, Dose, too_short
from ketasim.dosing.fields import FROZEN, dotted, quantity, refuse, shortened, validated
from ketasim.dosing.regimen import (
    Regimen,
    by_session,
    check_count,
    in_order,
    number_sessions,
    split_devices,
)
from ketasim.dosing.sentence.phase import phase_of
from ketasim.dosing.sentence.refusal import PARTS
from ketasim.dosing.sentence.scan import Token, scan
from ketasim.dosing.sentence.step import Step, exact
from ketasim.dosing.words import describe_duration
from ketasim.vocabulary import (
    SALTS,
    DrugName,
    Measure,
    Moment,
    RouteName,
    read_clock,
    read_drug,
    read_moment,
    read_route,
    value_of,
)
from ketasim.vocabulary.drug import salt_of
from ketasim.vocabulary.measure import DOSE_UNITS, measure_pattern
from ketasim.vocabulary.phrase import straight

_AMOUNTS: Final = ("DOSE", "RATE", "CONC", "VOL", "FLOW", "SALT", "MULTIPLE", "DEVICES", "IN")
_BETWEEN: Final = ("FILL", "AT", "DILUENT", "NOUN")
_AT_ONCE: Final = ("bolus", "push", "at once", "iv push", "iv bolus")
_SHAPES: Final = f"write a number with its unit: {DOSE_UNITS}"
_LONGEST: Final = 80  # letters of an amount


def _drug(value: object) -> DrugName:
    return value if isinstance(value, DrugName) else _field(read_drug, value)


def _route(value: object, info: ValidationInfo) -> RouteName:
    if isinstance(value, RouteName):
        return value
    name = info.data.get("drug")
    brand = name if isinstance(name, DrugName) and name.route else None
    if value is None:
        if brand is None or brand.route is None:
            raise refuse("is missing", "add it")
        return RouteName(brand.route, brand.brand)
    found = _field(read_route, value)
    if brand is not None and found.route != brand.route:
        raise refuse(f"{brand.brand} is given by the route {brand.route}", "check drug and route")
    return found


def _field(read: Callable[..., Any], value: object) -> Any:
    """What a reader of the vocabulary makes of a value, its errors without a field."""
    try:
        return read(value, field="")
    except InputError as error:
        raise refuse(error.problem, error.remedy) from None


def _amount(value: object) -> tuple[Token, ...]:
    """The amounts of a text such as `0.5 mg/kg`, `2 mL of 50 mg/mL` or `5 mcg/kg/min`."""
    if isinstance(value, tuple):
        return cast("tuple[Token, ...]", value)  # already read
    if not isinstance(value, str):
        kind = "has no unit" if isinstance(value, int | float) else "is not an amount"
        raise refuse(f"'{shortened(value)}' {kind}", _SHAPES)
    try:
        tokens = tuple(scan(value[:_LONGEST]))
    except InputError as error:
        told = error.remedy == PARTS or error.problem.startswith("unknown drug")
        if told or len(value) > _LONGEST:
            raise refuse(f"'{shortened(value)}' is not an amount with a unit", _SHAPES) from None
        raise refuse(error.problem, error.remedy) from None
    found = [token for token in tokens if token.kind in _AMOUNTS]
    other = [token for token in tokens if token.kind not in (*_AMOUNTS, *_BETWEEN)]
    if [token.kind for token in other] == ["NUM"] and not found:
        raise refuse(f"'{shortened(value)}' has no unit", _SHAPES)
    if other or not found or len(value) > _LONGEST:
        word_ = other[0].text if other else value
        if other and other[0].kind in ("FREQ", "ONCE", "X", "NOUN"):
            raise refuse(f"'{shortened(word_)}' is not read in an amount", _WHEN)
        raise refuse(f"'{shortened(word_)}' is not read in an amount", _SHAPES)
    return tokens


_WHEN: Final = "write the dose of one session here, and when it is given in its own field"
_hours = cast("Callable[[object], float]", quantity("h", 0, LONGEST, bare=True).func)
_lasting = cast("Callable[[object], float]", quantity("h", 0, LONGEST).func)


def _over(value: object) -> float:
    if isinstance(value, str) and value.strip().lower() in _AT_ONCE:
        return 0.0
    text = value
    if isinstance(value, str):
        match = measure_pattern().fullmatch(straight(value).strip())
        if match is not None and match["number"].isalpha():
            text = f"{_field(value_of, match['number'])} {match['unit']}"
    hours = _lasting(text)
    if too_short(hours):
        raise refuse(f"'{shortened(value)}' is shorter than 1 s", "write 'over: bolus'")
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


def _salt(value: object) -> str:
    found = salt_of(value) if isinstance(value, str) else None
    if found is None:
        raise refuse(f"unknown value '{shortened(value)}'", f"use one of: {', '.join(SALTS)}")
    return found


class DoseItem(BaseModel):
    """One entry of `doses:` in a course file.

    **Arguments:**

    - `day`: day it is given on, from 0, a number; or its date, in a course with a `start`. Or
    - `time`: when it is given, from the start of the course, such as `36 h`; a bare number is in h.
      In a course with a `start` also a date with a clock time, such as `2026-01-05 14:30`.
    - `at`: clock time on that day, such as `9:00`; left out, at its beginning.
    - `drug`: a generic name or a brand, with its salt or without, such as `ketamine HCl`.
    - `route`: in any usual short form; may be left out of a brand that has one.
    - `dose`: such as `0.5 mg/kg`, `56 mg`, `2 mL of 50 mg/mL`, or with `over` a rate such as
      `5 mcg/kg/min`; of nasal esketamine that of the whole session.
    - `over`: such as `40 min`, or `bolus`; left out, all at once, which of an iv dose is assumed.
    - `salt`: `base` (when left out) or `hydrochloride`: what the amount is the mass of.
    - `steady_state`: such as `12 h`: infinitely many equal doses came before, so far apart; of one
      entry, at the start of the course.
    - `device`: of nasal esketamine: the entry is one device, 0 the first of its session.
    - `session`: number of the session, for doses that would otherwise be grouped otherwise.
    """

    model_config = FROZEN
    meant: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("amount", "amt", "dosage", "dosis", "rate"), "write it as 'dose'"),
        **dict.fromkeys(
            ("duration", "dur", "infusion", "infusion_time", "tinf", "minutes"),
            "write it as 'over', such as 'over: 40 min'",
        ),
        **dict.fromkeys(("medicine", "medication", "substance"), "write it as 'drug'"),
        **dict.fromkeys(
            ("frequency", "every", "repeat", "interval", "days", "times"),
            "write an entry for each dose, or the regimen as a sentence under 'regimen'",
        ),
    }
    """Keys that people write, which an entry has not, to what to write."""

    drug: Annotated[Any, PlainValidator(_drug, json_schema_input_type=str)]
    route: Annotated[
        Any,
        PlainValidator(_route, json_schema_input_type=str),
        Field(validate_default=True),
    ] = None
    dose: Annotated[Any, PlainValidator(_amount, json_schema_input_type=str)]
    day: (
        Annotated[float | Moment, BeforeValidator(_day, json_schema_input_type=float | str)] | None
    ) = None
    time: (
        Annotated[float | Moment, BeforeValidator(_time, json_schema_input_type=float | str)] | None
    ) = None
    at: Annotated[float, BeforeValidator(_at, json_schema_input_type=str)] | None = None
    over: Annotated[float, BeforeValidator(_over, json_schema_input_type=str)] | None = None
    salt: Annotated[str, BeforeValidator(_salt, json_schema_input_type=str)] | None = None
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
        if self.over and self.route.route not in TIMED_ROUTES:
            raise refuse(
                f"a dose by the route {self.route.route} is given all at once",
                "leave 'over' out; only iv, im and sc take it",
            )
        try:
            _ = self.step
        except InputError as error:
            raise refuse(error.problem, error.remedy, below="dose") from None
        return self

    @cached_property
    def step(self) -> Step:
        """What the entry gives, computed as in a sentence."""
        over = self.over
        if over is None and self.route.timed is False:
            over = 0.0
        tokens = list(self.dose)
        content = phase_of(
            [
                *tokens,
                Token("DRUG", self.drug, self.drug.drug, 0),
                Token("ROUTE", self.route, "", 0),
            ]
            + ([] if self.salt is None else [Token("SALT", self.salt, self.salt, 0)])
            + ([] if over is None else _taken(over)),
            "",
        )
        (step,) = content.steps
        return step.checked()

    def doses(self, field: str, start: Moment | None = None) -> tuple[Dose, ...]:
        """The doses of the entry.

        **Arguments:**

        - `field`: its path, for errors. `start`: of the course, for dates.

        **Raises:** `InputError`.
        """
        dose = replace(
            self.step.dose(self._hours_after(field, start)),
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


def _taken(hours: float) -> list[Token]:
    """`over` of an entry, as the words of a sentence."""
    if hours == 0:
        return [Token("BOLUS", None, "bolus", 0)]
    time = Measure("time", exact(hours), text=describe_duration(hours), unit="h")
    return [Token("OVER", None, "over", 0), Token("TIME", time, time.text, 0)]


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
    steps = [item.step for item in items]
    notes = tuple(dict.fromkeys(note for step in steps for note in step.notes))
    readings = tuple(dict.fromkeys(one for step in steps for one in step.readings))
    named = [item.session is not None for item in items]
    if not any(named):
        return Regimen(number_sessions(groups), notes=notes, readings=readings)
    if not all(named):
        raise InputError(
            f"doses[{named.index(False)}].session", "is missing", "number every dose, or none"
        )
    doses = [
        replace(dose, session=item.session or 0)
        for item, group in zip(items, groups, strict=True)
        for dose in group
    ]
    return Regimen(in_order(doses), notes=notes, readings=readings)


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


class _Given(Protocol):
    """What is given at once: a dose, or each dose of a phase."""

    @property
    def drug(self) -> str: ...
    @property
    def route(self) -> str: ...
    @property
    def amount(self) -> float: ...
    @property
    def unit(self) -> str: ...
    @property
    def duration(self) -> float: ...
    @property
    def duration_given(self) -> bool: ...
    @property
    def salt(self) -> str: ...


def given_form(given: _Given) -> dict[str, Any]:
    """Normal form of what is given: drug, route, dose, and where they are told over and salt."""
    form: dict[str, Any] = {
        "drug": given.drug,
        "route": given.route,
        "dose": f"{given.amount!r} {given.unit}",
    }
    if given.duration > 0:
        form["over"] = f"{given.duration!r} h"
    elif given.route == "iv" and given.duration_given:
        form["over"] = "bolus"
    if given.salt != "base":
        form["salt"] = given.salt
    return form


def _item(dose: Dose) -> dict[str, Any]:
    item: dict[str, Any] = (
        {"day": int(dose.time // 24)} if dose.time % 24 == 0 else {"time": f"{dose.time!r} h"}
    )
    item |= given_form(dose)
    if dose.steady_state_interval is not None:
        item["steady_state"] = f"{dose.steady_state_interval!r} h"
    if dose.device > 0 or (dose.drug, dose.route) == ("esketamine", "intranasal"):
        item["device"] = dose.device
    return item
