"""From a row of an event table to its doses: route, amount, duration and repetitions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from ketasim._base import InputError
from ketasim.dosing.dose import MOST_DOSES, TIMED_ROUTES, Dose, base_fraction, too_short
from ketasim.dosing.events.columns import Table
from ketasim.dosing.events.names import drug_of_row, route_of_row, salt_of_row
from ketasim.dosing.events.rows import Row
from ketasim.dosing.events.times import When, stop_time
from ketasim.dosing.fields import shortened
from ketasim.dosing.regimen import split_devices
from ketasim.vocabulary import DrugName, RouteName
from ketasim.vocabulary.column import Unit, read_unit

_AGREE: Final = 0.01  # part by which RATE, DUR and STOP may differ: they are printed rounded
# An infusion so long and so slow that its number may be one of minutes, or its rate one a minute.
# Assumed: limits against slips of the pen, above 0.667 and such, below the infusions of days.
_LONG: Final = 2.0  # h
_SLOW: Final = 10.0  # mg/h
_SAME_TIME: Final = 1e-6  # h; times are printed rounded
_MOST_DEVICES: Final = 1_000


@dataclass
class Reading:
    """What all rows of a table share while they are read, and what is noted once.

    **Arguments:**

    - `table`: the table. `when`: its rows. `drug`: without a column DRUG.
    - `compartments`: numbers in CMT to routes, where the user said so.
    - `notes`: what was made of doses, a sentence each, by what it is about.
    """

    table: Table
    when: When
    drug: DrugName
    compartments: Mapping[int, str]
    notes: dict[str, str] = field(default_factory=dict[str, str])

    def note(self, text: str, about: str = "") -> None:
        """Keep a sentence, once, or the first of those about one thing."""
        self.notes.setdefault(about or text, text)


@dataclass(frozen=True)
class GivenDose:
    """What a row with a dose says.

    **Arguments:**

    - `doses`: those of one session, of mg of base; empty of a constant input at steady state.
    - `drug`, `route`: of them.
    - `interval`: h, of ADDL or SS; 0 without. `further`: ADDL. `steady`: SS.
    - `rate`: mg of base an hour, of a constant input at steady state; 0 of others.
    """

    doses: tuple[Dose, ...]
    drug: str
    route: str
    interval: float
    further: int
    steady: int
    rate: float = 0.0


def doses_of(
    reading: Reading, row: Row, place: int, weight: float | None, *, first: bool
) -> list[tuple[Dose, ...]]:
    """The doses of a row as a regimen has them: those of one session, as often as ADDL says.

    **Arguments:**

    - `reading`: of the table. `row`: with EVID 1. `place`: of the row among those of the table.
    - `weight`: kg of the subject, nothing when it is not known.
    - `first`: whether no dose of the subject came before.

    **Raises:** `InputError` naming column and row.
    """
    time = reading.when.hours[place]
    found = given_dose(reading, row, place, weight)
    interval, given = found.interval, found.doses
    if found.steady == 2 or not given:
        what = "2" if given else "a constant input"
        raise InputError(
            row.field("SS"),
            f"{what} is not supported here",
            "use 'ketasim predict', which reads it",
        )
    if found.steady and not (first and time == 0):
        raise InputError(
            row.field("SS"),
            f"a steady state at {time:g} h" if time > 0 else "a steady state after another dose",
            "write the earlier doses out, or use 'ketasim predict', which reads it",
        )
    if found.steady and given[0].duration > interval:
        raise InputError(
            row.field("SS"),
            f"an input of {given[0].duration:g} h lasts longer than its interval",
            "check II and how long the dose lasts; 'ketasim predict' reads it",
        )
    if found.steady and len(given) > 1:
        raise InputError(
            row.field("SS"),
            "a steady state of several nasal devices",
            "give 0, and write the earlier doses out",
        )
    steady = interval if found.steady else None
    repeated = [tuple(replace(d, steady_state_interval=steady) for d in given)]
    try:
        for n in range(1, found.further + 1):
            repeated.append(tuple(replace(d, time=d.time + n * interval) for d in given))
    except InputError as error:
        raise _named(error, row) from None
    return repeated


def given_dose(reading: Reading, row: Row, place: int, weight: float | None) -> GivenDose:
    """Read a row that gives a dose; arguments and errors as of `doses_of`."""
    table, time = reading.table, reading.when.hours[place]
    check_start(row)
    written, unit = _amount(row)
    drug = drug_of_row(row, reading.drug)
    route = route_of_row(row, drug, reading.compartments, reading.note)
    constant = written == 0 and not row.blank("RATE") and row.number_of("SS", low=-math.inf) > 0
    if written == 0 and not constant:
        raise InputError(
            row.field("AMT"), "a dose of 0", "give mg above 0, or EVID 0 for an observation"
        )
    salt = salt_of_row(row, drug)
    if salt != "base":
        reading.note(f"amounts of {salt} are turned into base")
    interval, further, steady = _repeats(row, constant)
    amount = _milligrams(row, "AMT", written, unit, weight)
    given = _Given(reading, row, place, written, amount, weight)
    if constant:
        rate = _rate(given) * base_fraction(salt)
        if route.route not in TIMED_ROUTES:
            raise _all_at_once(row, "RATE", route.route)
        return GivenDose((), drug.drug, route.route, interval, further, steady, rate)
    duration = _duration(given, route.route)
    _as_named(row, route, duration)
    try:
        dose = Dose(
            time=time,
            drug=drug.drug,
            route=route.route,
            amount=amount * base_fraction(salt),
            unit="mg",
            duration=duration,
            device=row.whole("DEVICE", _MOST_DEVICES),
            rate_given=duration > 0 and row.blank("DUR") and row.blank("STOP"),
        )
        doses = (dose,) if table.has("DEVICE") else split_devices(dose, row.field("AMT"))
    except InputError as error:
        raise _named(error, row) from None
    return GivenDose(doses, drug.drug, route.route, interval, further, steady)


def _named(error: InputError, row: Row) -> InputError:
    """An error of a dose, at the column that says it."""
    column = {"time": "TIME", "duration": "RATE"}.get(error.field.removeprefix("dose."))
    if column is None:
        return error
    return InputError(row.field(column), error.problem, error.remedy)


def _all_at_once(row: Row, column: str, route: str) -> InputError:
    what = {"RATE": "a rate", "DUR": "a duration", "STOP": "an end"}[column]
    return InputError(
        row.field(column),
        f"a dose by the route {route} is given all at once",
        f"leave it blank; only iv, im and sc take {what}",
    )


def check_start(row: Row) -> None:
    """Refuse a dose that begins at another time than its row."""
    when = "TIME" if "TIME" in row.cells else "DATETIME"
    start, time = row.cells.get("START"), row.cells.get(when)
    if start is None or start == time or row.text("START") == row.text(when):
        return
    if isinstance(start, float) and isinstance(time, float):
        hours = row.number_of("START", low=-math.inf)
        if abs(hours - row.number_of(when, low=-math.inf)) <= _SAME_TIME:
            return
    typed = row.names.typed
    raise InputError(
        row.field("START"),
        f"'{shortened(row.text('START'))}', and {typed[when]} says '{shortened(row.text(when))}'",
        f"give the dose a row whose {typed[when]} is when it begins, and leave {typed['START']} "
        "out",
    )


def _as_named(row: Row, route: RouteName, duration: float) -> None:
    """Refuse an infusion by its name that has no duration, and a bolus that has one."""
    column = "ROUTE" if row.text("ROUTE") else "CMT"
    if route.timed is True and duration == 0:
        raise InputError(
            row.field(column), f"'{route.text}' without a duration", "say it in RATE or DUR"
        )
    if route.timed is False and duration > 0:
        raise InputError(
            row.field(column), f"'{route.text}' that lasts {duration:.4g} h", "make them agree"
        )


def _amount(row: Row) -> tuple[float, Unit | None]:
    value, unit = row.measured("AMT")
    if value < 0:
        raise InputError(row.field("AMT"), f"{value:g} is below 0", "give 0 or more")
    return value, unit_of_cell(row, "AMTU", "amount", unit)


def unit_of_cell(row: Row, column: str, kind: str, unit: Unit | None) -> Unit | None:
    """The unit in a column of units, which must not gainsay the one in a name or cell."""
    text = row.text(column)
    if not text:
        return unit
    own = read_unit(text, kind)
    if own is None:
        raise InputError(
            row.field(column),
            f"'{shortened(text)}' is no unit of {kind} that is read here",
            "write mg, mcg, g, mg/kg or mcg/kg" if kind == "amount" else "write such as h or mg/h",
        )
    if unit is not None and own[1:] != unit[1:]:
        raise InputError(
            row.field(column), f"'{text}' where the amount is in {unit.text}", "make them agree"
        )
    return own


def _milligrams(
    row: Row, column: str, value: float, unit: Unit | None, weight: float | None
) -> float:
    if unit is None:
        return value
    if unit.per_kg:
        if weight is None:
            raise InputError(
                row.field(column), f"in {unit.text} without a body weight", "add the column WT"
            )
        return value * unit.factor * weight
    return value * unit.factor


@dataclass(frozen=True)
class _Given:
    """A dose as far as it is known before its duration: the amount as written and in mg."""

    reading: Reading
    row: Row
    place: int
    written: float
    amount: float
    weight: float | None


def _duration(given: _Given, route: str) -> float:
    """Duration of an input, h, from RATE, DUR or STOP, which must agree."""
    row, amount = given.row, given.amount
    found: dict[str, float] = {}
    for column, read in (("RATE", _by_rate), ("DUR", _by_duration), ("STOP", _by_stop)):
        if not row.blank(column):
            found[column] = read(given)
    timed = {column: hours for column, hours in found.items() if hours > 0}
    if not timed:
        return 0.0
    column, duration = next(iter(timed.items()))
    if route not in TIMED_ROUTES:
        raise _all_at_once(row, column, route)
    for other, hours in found.items():
        if abs(hours - duration) > _AGREE * duration:
            typed = row.names.typed
            raise InputError(
                row.field(other),
                f"{typed[column]} says {_said(duration)} and {typed[other]} {_said(hours)}",
                "make them agree, or leave one of them blank",
            )
    if too_short(duration):
        raise InputError(
            row.field(column),
            f"{amount:g} mg would be given in less than 1 s",
            "give 0, for a bolus",
        )
    return duration


def _said(hours: float) -> str:
    return f"{hours:.4g} h" if hours > 0 else "all at once"


def _by_rate(given: _Given) -> float:
    rate = _rate(given)
    if rate == 0:
        return 0.0
    hours = given.amount / rate
    reading, row = given.reading, given.row
    _, unit = row.measured("RATE")
    if unit_of_cell(row, "RATEU", "rate", unit) is None and hours >= _LONG and rate < _SLOW:
        reading.note(
            f"{row.field('RATE')}: {row.measured('RATE')[0]:g} mg/h is an infusion of {hours:.3g} "
            "h; name the column RATE_MG_MIN where it is mg/min",
            about="slow",
        )
    return hours


def _rate(given: _Given) -> float:
    """Rate of an input, mg/h of what AMT is the mass of; 0 where it is given at once."""
    reading, row = given.reading, given.row
    rate, unit = row.measured("RATE")
    if rate in (-1, -2):
        raise InputError(
            row.field("RATE"),
            f"{rate:g} is not supported: no model that ships estimates it",
            "give the rate in mg/h; leave it blank where DUR or STOP says how long",
        )
    if rate < 0:
        raise InputError(row.field("RATE"), f"{rate:g} is below 0", "give mg/h, or 0")
    if rate == 0:
        return 0.0
    unit = unit_of_cell(row, "RATEU", "rate", unit)
    if unit is not None:
        return _milligrams(row, "RATE", rate, unit, given.weight)
    # as NONMEM has it: the unit of AMT in one unit of TIME
    per = _time_unit(reading)
    _, mass = row.measured("AMT")
    mass = unit_of_cell(row, "AMTU", "amount", mass)
    if per is not None or mass is not None:
        text = f"{mass.text if mass else 'mg'} in one {per.text if per else 'h'}"
        reading.note(f"{row.names.typed['RATE']} has no unit and is read as {text}")
    return _milligrams(row, "RATE", rate, mass, given.weight) / (1.0 if per is None else per.factor)


def _by_duration(given: _Given) -> float:
    reading, row, amount = given.reading, given.row, given.amount
    value, unit = row.measured("DUR")
    if value < 0:
        raise InputError(row.field("DUR"), f"{value:g} is below 0", "give 0 or more")
    unit = unit_of_cell(row, "DURU", "time", unit)
    if unit is not None:
        return value * unit.factor
    per = _time_unit(reading)
    hours = value if per is None else value * per.factor
    typed = row.names.typed["DUR"]
    if hours >= _LONG and amount / hours < _SLOW:
        raise InputError(
            row.field("DUR"),
            f"'{row.text('DUR')}' has no unit: {amount:g} mg over {hours:g} h, or over "
            f"{value:g} min?",
            f"name the column {typed}_H or {typed}_MIN",
        )
    if value:
        reading.note(f"{typed} has no unit and is read in {per.text if per else 'h'}, as TIME is")
    return hours


def _by_stop(given: _Given) -> float:
    reading, row = given.reading, given.row
    start = reading.when.hours[given.place]
    if row.text("STOP") in ("0", "0.0"):
        return 0.0
    end = stop_time(row, reading.when, given.place)
    if end <= start:
        raise InputError(
            row.field("STOP"),
            f"'{row.text('STOP')}' is not after the start of the dose",
            "give the time at which the infusion ends; leave it blank for a bolus",
        )
    return end - start


def _time_unit(reading: Reading) -> Unit | None:
    """The unit of TIME, in which other columns without one are; nothing when it is h."""
    unit = reading.table.names.units.get("TIME", ("", None))[1]
    return None if unit is None or unit.factor == 1.0 else unit


def _repeats(row: Row, constant: bool) -> tuple[float, int, int]:
    interval = row.number_of("II")
    further = row.whole("ADDL")
    steady = row.number_of("SS", low=-math.inf)
    if steady not in (0, 1, 2):
        raise InputError(row.field("SS"), f"{steady:g} is not supported", "give 0, 1 or 2")
    if constant:
        for column, value in (("II", interval), ("ADDL", further)):
            if value:
                raise InputError(
                    row.field(column), f"{value:g} of a constant input at steady state", "give 0"
                )
        return 0.0, 0, int(steady)
    if (further > 0 or steady > 0) and interval == 0:
        which = "ADDL" if further > 0 else "SS"
        raise InputError(row.field("II"), f"{which} without an interval", "give II in h")
    if interval > 0 and not (further > 0 or steady > 0):
        raise InputError(
            row.field("II"),
            "an interval without ADDL or SS repeats nothing",
            "give 0 where each dose has a row of its own",
        )
    if further >= MOST_DOSES:
        raise InputError(row.field("ADDL"), f"more than {MOST_DOSES:,} doses", "give fewer doses")
    return interval, further, int(steady)
