"""Event tables, out: the normal form of a course, a regimen or a table."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ketasim._base import InputError
from ketasim.dosing.course import Course
from ketasim.dosing.dose import Dose
from ketasim.dosing.events.contract import COMPARTMENTS
from ketasim.dosing.events.table import EventTable, Observation, Subject
from ketasim.dosing.regimen import Regimen

if TYPE_CHECKING:
    import polars

_DECIMALS = 10  # of times, h, as the engine rounds them


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

    **Returns:** columns ID TIME AMT RATE CMT EVID II ADDL SS DRUG ROUTE DEVICE, DUR_H where a dose
    into muscle or skin has a duration, and WT and AGE where they are known; one row a dose and one
    an observation. CMT has the numbers of `COMPARTMENTS`; ROUTE is what says the route when the
    table is read again.

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
    if any(row.get("DUR_H") for row in rows):
        schema["DUR_H"] = pl.Float64
    if any(subject.weight is not None for subject in subjects):
        schema["WT"] = pl.Float64
    if any(subject.age is not None for subject in subjects):
        schema["AGE"] = pl.Float64
    return pl.DataFrame({name: [row.get(name) for row in rows] for name in schema}, schema=schema)


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


def _by_rate(dose: Dose) -> bool:
    """Whether RATE says how long a dose lasts: of part of a dose it says another duration."""
    return dose.rate_given or dose.route == "iv"


def _written(subject: Subject) -> list[dict[str, Any]]:
    common = {"ID": subject.id, "WT": subject.weight, "AGE": subject.age}
    zero = {
        "AMT": 0.0,
        "RATE": 0.0,
        "DUR_H": None,
        "CMT": 0,
        "II": 0.0,
        "ADDL": 0,
        "SS": 0,
        "DEVICE": 0,
    }
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
            "DUR_H": None,
            "CMT": numbers[dose.route],
            "EVID": 1,
            "II": interval or 0.0,
            "ADDL": 0,
            "SS": 0 if interval is None else 1,
            "DRUG": dose.drug,
            "ROUTE": dose.route,
            "DEVICE": dose.device,
        }
        if dose.duration > 0 and not _by_rate(dose):
            cells |= {"RATE": None, "DUR_H": dose.duration}
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
