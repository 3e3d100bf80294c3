"""Event tables in the style of NONMEM (ID TIME AMT RATE CMT EVID II ADDL SS), in and out.

`CONTRACT` says what each column holds and what is refused, `COMPARTMENTS` which route a number in
CMT stands for. Amounts are mg of base, times h. What is written is the normal form: one row a dose,
without ADDL, and one row an observation. It reads back as equal, and a table in normal form is
written as it was read, up to the rounding of AMT/RATE. At the same time, the order of the rows says
what an observation sees: the doses before it, those of ADDL at the place of their row, and not the
doses after it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from ketasim._base import InputError
from ketasim.dosing.dose import DEVICE_GAP, Dose
from ketasim.dosing.events.columns import Table, read_table
from ketasim.dosing.events.doses import Reading, doses_of
from ketasim.dosing.events.names import checked_compartments
from ketasim.dosing.events.rows import Row
from ketasim.dosing.events.times import moments
from ketasim.dosing.fields import shortened
from ketasim.dosing.patient import AGES, WEIGHTS
from ketasim.dosing.regimen import Regimen, check_count, number_sessions
from ketasim.vocabulary import read_drug

_DECIMALS = 10  # of times, h, as the engine rounds them
_DOSED: Final = ("AMT", "RATE", "DUR", "STOP", "II", "ADDL", "SS")


@dataclass(frozen=True)
class Observation:
    """A row of an event table that asks for a value.

    **Arguments:**

    - `time`: h.
    - `doses_after`: how many doses of the same time stand after it; it does not see them.
    - `row`: number in the table, from 1 below the header; 0 when it comes from no table.
    """

    time: float
    doses_after: int = 0
    row: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Subject:
    """One subject of an event table.

    **Arguments:**

    - `id`: number.
    - `regimen`: the doses, nothing when there is none.
    - `observations`: in the order of the table.
    - `weight`: kg, nothing when the table has no WT.
    - `age`: years, nothing when the table has no AGE.
    """

    id: int
    regimen: Regimen | None
    observations: tuple[Observation, ...] = ()
    weight: float | None = None
    age: float | None = None

    @cached_property
    def places(self) -> tuple[int, ...]:
        """How many doses of the same time there are from each dose of the regimen on, itself too.

        An observation sees a dose of its time whose place is above its `doses_after`.
        """
        found: list[int] = []
        counts: dict[float, int] = {}
        for dose in reversed(self.regimen.doses if self.regimen else ()):
            time = round(dose.time, _DECIMALS)
            counts[time] = counts.get(time, 0) + 1
            found.append(counts[time])
        return tuple(reversed(found))


@dataclass(frozen=True)
class EventTable:
    """Subjects with their doses and observation times.

    **Arguments:**

    - `subjects`: in the order of the table.
    - `notes`: what was made of the columns, and which are not used, a sentence each.
    """

    subjects: tuple[Subject, ...]
    notes: tuple[str, ...] = field(default=(), compare=False)


def read_events(
    source: str | Path | Any,
    *,
    drug: str = "ketamine",
    compartments: Mapping[int, str] | None = None,
) -> EventTable:
    """Read an event table.

    **Main arguments:**

    - `source`: path of a file (separated by commas, semicolons, tabs, bars or spaces), a mapping of
      columns to lists, or a data frame (polars, pandas, pyarrow).

    **Other arguments:**

    - `drug`: what was given, where the table has no DRUG column.
    - `compartments`: what the numbers in CMT stand for, such as `{1: "oral", 2: "iv"}`.

    **Returns:** the subjects. Sessions are found from the times: doses that overlap, or follow
    without a gap, are one.

    **Raises:** `InputError` naming column and row for everything that `CONTRACT` refuses.
    """
    given = read_drug(drug)
    routes = checked_compartments(compartments)
    table = read_table(source)
    if not table.rows:
        raise InputError("events", "the table has no rows", "add at least one")
    identities = identities_of(table.rows)
    reading = Reading(table, moments(table, identities), given, routes)
    if reading.when.note:
        reading.note(reading.when.note)
    if not table.has("EVID"):
        reading.note("EVID is missing: a row with AMT above 0 is a dose, any other an observation")
    subjects: list[Subject] = []
    start = 0
    for i in range(1, len(identities) + 1):
        if i == len(identities) or identities[i] != identities[start]:
            subjects.append(_subject(reading, identities[start], range(start, i)))
            start = i
    if _boluses(table, subjects):
        reading.note("iv without RATE or DUR: given at once")
    return EventTable(tuple(subjects), (*table.notes, *reading.notes.values()))


def identities_of(rows: Sequence[Row]) -> list[int]:
    """Number of the subject of each row; the rows of one stand together."""
    found: list[int] = []
    seen: set[int] = set()
    for row in rows:
        row.needed("ID")
        if isinstance(row.cells["ID"], str):
            raise InputError(
                row.field("ID"),
                f"'{shortened(row.cells['ID'])}' is not a finite number",
                "number the subjects: 1, 2, 3 and so on",
            )
        identity = row.whole("ID")
        if found and identity != found[-1] and identity in seen:
            raise InputError(
                row.field("ID"),
                f"the rows of subject {identity} do not stand together",
                "sort the table by ID and TIME",
            )
        seen.add(identity)
        found.append(identity)
    return found


def _subject(reading: Reading, identity: int, places: range) -> Subject:
    table = reading.table
    rows = [table.rows[i] for i in places]
    weight = _constant(rows, "WT", table, WEIGHTS, "kg")
    groups: list[tuple[Dose, ...]] = []
    observations: list[Observation] = []
    dosed = [column for column in _DOSED if table.has(column)]
    count, before = 0, 0.0
    dosed_at: dict[float, int] = {}
    for place, row in zip(places, rows, strict=True):
        time = reading.when.hours[place]
        if time < before:
            raise backwards(reading, row, time, before)
        before = time
        if _is_dose(reading, row):
            other = dosed_at.setdefault(time, place)
            _one_occasion(table, place, other)
            if other != place and not table.has("DEVICE"):
                text = f"rows {table.rows[other].number} and {row.number} give doses at the same "
                reading.note(f"{text}time ({time:g} h of subject {identity})", about="same time")
            given = doses_of(reading, row, place, weight, first=not groups)
            groups += given
            count += sum(map(len, given))
            check_count(count, row.field("ADDL"))
            _one_more_after(observations, time)
        else:
            refuse_dose_columns(row, dosed)
            observations.append(Observation(time, row=row.number))
    if not table.has("DEVICE"):
        _apart(groups, identity)
    return Subject(
        id=identity,
        regimen=Regimen(number_sessions(groups)) if groups else None,
        observations=tuple(observations),
        weight=weight,
        age=_constant(rows, "AGE", table, AGES, "years"),
    )


def _one_occasion(table: Table, place: int, other: int) -> None:
    """Refuse two doses at one time on two occasions: TIME then counts from each occasion."""
    if table.occasions and table.occasions[place] != table.occasions[other]:
        row = table.rows[place]
        raise InputError(
            row.field("TIME" if table.has("TIME") else "DATETIME"),
            f"the time of the dose in row {table.rows[other].number}, on another occasion or visit",
            "let TIME count on from the subject's first row",
        )


def _one_more_after(observations: list[Observation], time: float) -> None:
    """Count a dose for the observations of its time, which are the last."""
    same = round(time, _DECIMALS)
    for i in range(len(observations) - 1, -1, -1):
        one = observations[i]
        if round(one.time, _DECIMALS) != same:
            return
        observations[i] = replace(one, doses_after=one.doses_after + 1)


def backwards(reading: Reading, row: Row, time: float, before: float) -> InputError:
    """The error of a row that is earlier than the one before."""
    remedy = "sort the rows of each subject by TIME"
    if not reading.when.note:
        remedy += "; where TIME starts anew, let it count on from the subject's first row"
    return InputError(
        row.field("TIME" if reading.table.has("TIME") else "DATETIME"),
        f"{time:g} h comes after {before:g} h of the same subject",
        remedy,
    )


def _is_dose(reading: Reading, row: Row) -> bool:
    if not reading.table.has("EVID"):
        dose = row.number_of("AMT") > 0
        if dose and not row.blank("MDV") and row.number_of("MDV") == 0:
            raise InputError(
                row.field("MDV"), "0 on a row with an amount", "say in EVID which rows are doses"
            )
        return dose
    row.needed("EVID")
    event = row.number_of("EVID", low=-math.inf)
    if event in (0, 1):
        return event == 1
    remedy = {
        2.0: "use 'ketasim predict', which reads it, or give it EVID 0",
        3.0: "use 'ketasim predict', which reads resets, or give what follows an ID of its own",
        4.0: "use 'ketasim predict', which reads resets, or give what follows an ID of its own",
    }.get(event, "use 1 for doses and 0 for observations")
    raise InputError(row.field("EVID"), f"{event:g} is not supported", remedy)


def refuse_dose_columns(row: Row, columns: Sequence[str]) -> None:
    """Refuse what a row without a dose says of one."""
    for column in columns:
        cell = row.cells[column]
        if cell is not None and (value := row.measured(column)[0]) != 0:
            raise InputError(
                row.field(column),
                f"{value:g} on an observation",
                "leave it blank there; a row that gives a dose has EVID 1",
            )


def _boluses(table: Table, subjects: Sequence[Subject]) -> bool:
    """Tell whether iv doses are given at once because no column says how long they last."""
    if any(table.has(column) for column in ("RATE", "DUR", "STOP")):
        return False
    doses = (dose for one in subjects if one.regimen for dose in one.regimen.doses)
    return any(dose.route == "iv" for dose in doses)


def _apart(groups: Sequence[tuple[Dose, ...]], identity: int) -> None:
    """Refuse nasal sessions that overlap: their rows are devices, and need DEVICE."""
    nasal = sorted(
        (g for g in groups if (g[0].drug, g[0].route) == ("esketamine", "intranasal")),
        key=lambda g: g[0].time,
    )
    for earlier, later in pairwise(nasal):
        if later[0].time <= earlier[-1].time + DEVICE_GAP:
            raise InputError(
                "DEVICE",
                f"nasal esketamine doses of subject {identity} overlap at {later[0].time:g} h",
                "add the column DEVICE, or give each session as one dose",
            )


def _constant(
    rows: Sequence[Row],
    column: str,
    table: Table,
    limits: tuple[float, float],
    unit: str,
) -> float | None:
    """The one value of a covariate, nothing when every row is blank."""
    if not table.has(column):
        return None
    values: dict[float, Row] = {}
    last: Any = None
    for row in rows:
        cell = row.cells[column]
        if cell is not last and not row.blank(column):
            last = cell
            value = row.number_of(column, low=-math.inf)
            if not limits[0] <= value <= limits[1]:
                raise InputError(
                    row.field(column),
                    f"{value:g} is outside {limits[0]:g} to {limits[1]:g} {unit}",
                    f"give {unit} in this range, or leave it blank",
                )
            values.setdefault(value, row)
    if not values:
        return None
    if len(values) > 1:
        first, second, *_ = values
        raise InputError(
            values[second].field(column),
            f"{second:g} where the subject had {first:g} before",
            "give each subject one value; changes over time are not supported",
        )
    return next(iter(values))
