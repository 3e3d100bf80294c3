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
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ketasim._base import InputError, near
from ketasim.dosing.course import Course
from ketasim.dosing.dose import DEVICE_GAP, DRUGS, MOST_DOSES, ROUTES, TIMED_ROUTES, Dose, too_short
from ketasim.dosing.events.contract import COMPARTMENTS, CONTRACT
from ketasim.dosing.events.rows import Row, read_rows
from ketasim.dosing.patient import AGES, WEIGHTS
from ketasim.dosing.regimen import Regimen, check_count, number_sessions, split_devices

if TYPE_CHECKING:
    import polars


_DECIMALS = 10  # of times, h, as the engine rounds them


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

    @property
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
    """

    subjects: tuple[Subject, ...]


def read_events(source: str | Path | Any, *, drug: str = "ketamine") -> EventTable:
    """Read an event table.

    **Main arguments:**

    - `source`: path of a CSV file, a mapping of columns to lists, or a data frame (polars, pandas,
      pyarrow).

    **Other arguments:**

    - `drug`: what was given, where the table has no DRUG column.

    **Returns:** the subjects. Sessions are found from the times: doses that overlap, or follow
    without a gap, are one.

    **Raises:** `InputError` naming column and row for everything that `CONTRACT` refuses.
    """
    if drug not in DRUGS:
        raise InputError("drug", f"unknown drug '{drug}'", near(drug, DRUGS))
    columns, rows = read_rows(source)
    for column in CONTRACT:
        if column.required and column.name not in columns:
            raise InputError(column.name, "the column is missing", f"add it: {column.meaning}")
    if not {"CMT", "ROUTE"} & columns:
        raise InputError("CMT", "the column is missing", "add CMT or ROUTE")
    if not rows:
        raise InputError("events", "the table has no rows", "add at least one")
    subjects: list[Subject] = []
    for identity, own in _by_subject(rows):
        subjects.append(_subject(identity, own, columns, drug))
    return EventTable(tuple(subjects))


def write_events(
    source: Course | Regimen | EventTable,
    weight: float | None = None,
    *,
    observations: Iterable[float] = (),
) -> polars.DataFrame:
    """Write an event table.

    **Main arguments:**

    - `source`: a course, a regimen, or subjects as `read_events` returns them.
    - `weight`: kg, for doses in mg/kg and the column WT; of a course, left out, the patient's.

    **Other arguments:**

    - `observations`: h; times added as observations, of a course or regimen; at the time of a
      dose, of what is there before it.

    **Returns:** columns ID TIME AMT RATE CMT EVID II ADDL SS DRUG ROUTE DEVICE, and WT and AGE
    where they are known; one row a dose and one an observation.

    **Raises:** `InputError` for a dose in mg/kg without a weight.
    """
    import polars as pl

    if isinstance(source, EventTable):
        subjects = source.subjects
    else:
        if isinstance(source, Course):
            kilograms = source.patient.weight if weight is None else weight
            one = Subject(1, source.regimen, (), kilograms, source.patient.age)
        else:
            one = Subject(1, source, (), weight)
        subjects = (replace(one, observations=_before_doses(one, observations)),)
    rows = [row for subject in subjects for row in _written(subject)]
    schema: dict[str, Any] = {
        "ID": pl.Int64,
        "TIME": pl.Float64,
        "AMT": pl.Float64,
        "RATE": pl.Float64,
        "CMT": pl.Int64,
        "EVID": pl.Int64,
        "II": pl.Float64,
        "ADDL": pl.Int64,
        "SS": pl.Int64,
        "DRUG": pl.String,
        "ROUTE": pl.String,
        "DEVICE": pl.Int64,
    }
    if any(subject.weight is not None for subject in subjects):
        schema["WT"] = pl.Float64
    if any(subject.age is not None for subject in subjects):
        schema["AGE"] = pl.Float64
    return pl.DataFrame({name: [row.get(name) for row in rows] for name in schema}, schema=schema)


# In


def _by_subject(rows: Iterable[Row]) -> Iterator[tuple[int, list[Row]]]:
    found: dict[int, list[Row]] = {}
    last: int | None = None
    for row in rows:
        row.needed("ID")
        identity = row.whole("ID")
        if identity != last and identity in found:
            raise InputError(
                row.field("ID"),
                f"the rows of subject {identity} do not stand together",
                "sort the table by ID and TIME",
            )
        found.setdefault(identity, []).append(row)
        last = identity
    yield from found.items()


def _subject(identity: int, rows: Sequence[Row], columns: set[str], drug: str) -> Subject:
    groups: list[tuple[Dose, ...]] = []
    observations: list[Observation] = []
    before = 0.0
    for row in rows:
        row.needed("TIME")
        time = row.number_of("TIME")
        if time < before:
            raise InputError(
                row.field("TIME"),
                f"{time:g} h comes after {before:g} h of the same subject",
                "sort the rows of each subject by TIME",
            )
        before = time
        row.needed("EVID")
        event = row.number_of("EVID", low=-math.inf)
        if event == 0:
            _observation(row)
            observations.append(Observation(time, row=row.number))
        elif event == 1:
            groups += _doses(row, time, columns, drug, first=not groups)
            same = round(time, _DECIMALS)
            observations = [
                replace(one, doses_after=one.doses_after + 1)
                if round(one.time, _DECIMALS) == same
                else one
                for one in observations
            ]
            check_count(sum(map(len, groups)), row.field("ADDL"))
        else:
            raise InputError(
                row.field("EVID"),
                f"{event:g} is not supported",
                "use 1 for doses and 0 for observations",
            )
    if "DEVICE" not in columns:
        _apart(groups, identity)
    return Subject(
        id=identity,
        regimen=Regimen(number_sessions(groups)) if groups else None,
        observations=tuple(observations),
        weight=_constant(rows, "WT", columns, WEIGHTS, "kg"),
        age=_constant(rows, "AGE", columns, AGES, "years"),
    )


def _observation(row: Row) -> None:
    for column in ("AMT", "RATE", "II", "ADDL", "SS"):
        value = row.number_of(column, low=-math.inf)
        if value != 0:
            raise InputError(
                row.field(column), f"{value:g} on an observation", "give 0, or EVID 1 for a dose"
            )


def _doses(
    row: Row, time: float, columns: set[str], drug: str, *, first: bool
) -> list[tuple[Dose, ...]]:
    amount = row.number_of("AMT")
    if amount == 0:
        raise InputError(
            row.field("AMT"), "a dose of 0", "give mg above 0, or EVID 0 for an observation"
        )
    route = _route(row)
    name = drug if row.blank("DRUG") else str(row.cells["DRUG"]).strip().lower()
    if name not in DRUGS:
        raise InputError(row.field("DRUG"), f"unknown drug '{name}'", near(name, DRUGS))
    duration = _duration(row, amount, route)
    interval, further, steady = _repeats(row, duration)
    if steady and not (first and time == 0):
        raise InputError(
            row.field("SS"),
            f"a steady state at {time:g} h" if time > 0 else "a steady state after another dose",
            "put SS=1 on the first dose of the subject, at TIME 0, or write the earlier doses out",
        )
    try:
        dose = Dose(
            time=time,
            drug=name,
            route=route,
            amount=amount,
            unit="mg",
            duration=duration,
            device=row.whole("DEVICE"),
            steady_state_interval=interval if steady else None,
        )
        given = (dose,) if "DEVICE" in columns else split_devices(dose, row.field("AMT"))
        repeated = [given]
        for n in range(1, further + 1):
            repeated.append(
                tuple(
                    replace(d, time=d.time + n * interval, steady_state_interval=None)
                    for d in given
                )
            )
    except InputError as error:
        column = {"time": "TIME", "duration": "RATE"}.get(error.field.removeprefix("dose."))
        if column is None:
            raise
        raise InputError(row.field(column), error.problem, error.remedy) from None
    if steady and len(given) > 1:
        raise InputError(
            row.field("SS"),
            "a steady state of several nasal devices",
            "give 0, and write the earlier doses out",
        )
    return repeated


def _route(row: Row) -> str:
    found: list[tuple[str, str]] = []
    for column in ("CMT", "ROUTE"):
        if row.blank(column):
            continue
        cell = str(row.cells[column]).strip().lower()
        try:
            number = float(cell)
        except ValueError:
            route = cell if cell in ROUTES else None
        else:
            route = COMPARTMENTS.get(int(number)) if number == int(number) else None
            route = route if column == "CMT" else None
        if route is None:
            known = ", ".join(f"{n} {name}" for n, name in COMPARTMENTS.items())
            hint = near(cell, ROUTES)
            remedy = hint if hint.startswith("did you mean") else f"use one of: {known}"
            raise InputError(row.field(column), f"unknown route '{cell}'", remedy)
        found.append((column, route))
    if not found:
        raise InputError(row.field("CMT"), "a dose without a route", "fill in CMT or ROUTE")
    if len({route for _, route in found}) > 1:
        raise InputError(
            row.field("CMT"),
            f"CMT says {found[0][1]} and ROUTE says {found[1][1]}",
            "make them agree, or leave one out",
        )
    return found[0][1]


def _duration(row: Row, amount: float, route: str) -> float:
    rate = row.number_of("RATE", low=-math.inf)
    if rate in (-1, -2):
        raise InputError(
            row.field("RATE"), f"{rate:g} is not supported", "give the rate in mg/h, or 0"
        )
    if rate < 0:
        raise InputError(row.field("RATE"), f"{rate:g} is below 0", "give mg/h, or 0")
    if rate > 0 and route not in TIMED_ROUTES:
        raise InputError(
            row.field("RATE"),
            f"a dose by the route {route} is given all at once",
            "give 0; only iv, im and sc take a rate",
        )
    duration = amount / rate if rate > 0 else 0.0
    if too_short(duration):
        raise InputError(
            row.field("RATE"),
            f"{amount:g} mg at {rate:g} mg/h would be given in less than 1 s",
            "give 0, for a bolus",
        )
    return duration


def _repeats(row: Row, duration: float) -> tuple[float, int, bool]:
    interval = row.number_of("II")
    further = row.whole("ADDL")
    steady = row.number_of("SS", low=-math.inf)
    if steady not in (0, 1):
        raise InputError(row.field("SS"), f"{steady:g} is not supported", "give 0 or 1")
    if (further > 0 or steady == 1) and interval == 0:
        which = "ADDL" if further > 0 else "SS"
        raise InputError(row.field("II"), f"{which} without an interval", "give II in h")
    if interval > 0 and not (further > 0 or steady == 1):
        raise InputError(
            row.field("II"), "an interval without ADDL or SS", "give 0, or ADDL or SS as well"
        )
    if steady == 1 and duration > interval:
        raise InputError(
            row.field("SS"),
            f"an input of {duration:g} h lasts longer than its interval",
            "give a longer II or a higher RATE",
        )
    if further >= MOST_DOSES:
        raise InputError(row.field("ADDL"), f"more than {MOST_DOSES:,} doses", "give fewer doses")
    return interval, further, steady == 1


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
    columns: set[str],
    limits: tuple[float, float],
    unit: str,
) -> float | None:
    """The one value of a covariate, nothing when every row is blank."""
    if column not in columns:
        return None
    values: dict[float, Row] = {}
    for row in rows:
        if not row.blank(column):
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


# Out


def _before_doses(subject: Subject, times: Iterable[float]) -> tuple[Observation, ...]:
    """Observations of what is there before the doses of the same time."""
    counts: dict[float, int] = {}
    for dose in subject.regimen.doses if subject.regimen else ():
        time = round(dose.time, _DECIMALS)
        counts[time] = counts.get(time, 0) + 1
    return tuple(
        Observation(time, counts.get(round(time, _DECIMALS), 0))
        for time in sorted(map(float, times))
    )


def _written(subject: Subject) -> list[dict[str, Any]]:
    common = {"ID": subject.id, "WT": subject.weight, "AGE": subject.age}
    zero = {"AMT": 0.0, "RATE": 0.0, "CMT": 0, "II": 0.0, "ADDL": 0, "SS": 0, "DEVICE": 0}
    numbers = {route: number for number, route in COMPARTMENTS.items()}
    rows: list[tuple[float, float, dict[str, Any]]] = []  # time, place at that time, cells
    doses = subject.regimen.doses if subject.regimen else ()
    for dose, place in zip(doses, subject.places, strict=True):
        if dose.unit == "mg/kg" and subject.weight is None:
            raise InputError("weight", "a dose in mg/kg without a weight", "give the weight in kg")
        amount = dose.milligrams(1.0 if subject.weight is None else subject.weight)
        interval = dose.steady_state_interval
        cells = common | {
            "TIME": dose.time,
            "AMT": amount,
            "RATE": amount / dose.duration if dose.duration > 0 else 0.0,
            "CMT": numbers[dose.route],
            "EVID": 1,
            "II": interval or 0.0,
            "ADDL": 0,
            "SS": 0 if interval is None else 1,
            "DRUG": dose.drug,
            "ROUTE": dose.route,
            "DEVICE": dose.device,
        }
        rows.append((round(dose.time, _DECIMALS), -place, cells))
    for one in subject.observations:
        cells = common | zero | {"TIME": one.time, "EVID": 0}
        rows.append((round(one.time, _DECIMALS), -one.doses_after - 0.5, cells))
    rows.sort(key=lambda row: row[:2])
    following = math.inf
    for *_, cells in reversed(rows):
        # times that are the same but for rounding must not run backwards
        following = cells["TIME"] = min(following, cells["TIME"])
    return [cells for *_, cells in rows]
