"""Records of a table for a model that ships: doses by route and drug, events of every kind."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError
from ketasim.dosing.events.columns import read_table
from ketasim.dosing.events.doses import GivenDose, Reading, given_dose
from ketasim.dosing.events.meaning import Records
from ketasim.dosing.events.names import checked_compartments
from ketasim.dosing.events.rows import Row
from ketasim.dosing.events.sheet import carried, table_columns
from ketasim.dosing.events.table import backwards, identities_of, refuse_dose_columns
from ketasim.dosing.events.times import moments
from ketasim.dosing.patient import AGES, WEIGHTS
from ketasim.vocabulary import read_drug

if TYPE_CHECKING:
    import polars

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

_DOSED: Final = ("AMT", "RATE", "DUR", "STOP", "II", "ADDL", "SS")
_LIMITS: Final = {"WT": (*WEIGHTS, "kg"), "AGE": (*AGES, "years")}


@dataclass(frozen=True)
class RoutedTable:
    """A table whose doses are of drugs by routes.

    **Arguments:**

    - `records`: its rows. `rows`: them as read. `numbers`: of them, from 1 below the header.
    - `doses`: place of a record to what it gives.
    - `covariates`: `WT` and `AGE` of each row where the table has them, shape (R,), carried on from
      the row before; not a number where none is known.
    - `columns`: as they came, one row a record.
    - `notes`: what was made of the columns.
    """

    records: Records
    rows: list[Row]
    numbers: Integers
    doses: dict[int, GivenDose]
    covariates: dict[str, Array]
    columns: polars.DataFrame
    notes: tuple[str, ...]


def read_routed(
    source: Any, *, drug: str = "ketamine", compartments: Mapping[int, str] | None = None
) -> RoutedTable:
    """Read an event table with every kind of event, for a model that knows routes.

    **Arguments:** as of `read_events`.

    **Raises:** `InputError` naming column and row for everything that the contract refuses.
    """
    given = read_drug(drug)
    routes = checked_compartments(compartments)
    table = read_table(source)
    if not table.rows:
        raise InputError("events", "the table has no rows", "add at least one")
    rows = table.rows
    identities = identities_of(rows)
    changes = np.ones(len(rows), bool)
    changes[1:] = np.diff(np.array(identities)) != 0
    subject = np.cumsum(changes) - 1
    reading = Reading(table, moments(table, identities), given, routes)
    if reading.when.note:
        reading.note(reading.when.note)
    if not table.has("EVID"):
        reading.note("EVID is missing: a row with AMT or RATE above 0 is a dose")
    covariates = {name: _covariate(rows, name, subject) for name in _LIMITS if table.has(name)}
    weights = covariates.get("WT")
    dosed = [column for column in _DOSED if table.has(column)]
    reset = np.zeros(len(rows), bool)
    doses: dict[int, GivenDose] = {}
    for place, row in enumerate(rows):
        event = _event(row, has_event=table.has("EVID"))
        reset[place] = event in (3, 4)
        time = reading.when.hours[place]
        if not changes[place] and not reset[place] and time < reading.when.hours[place - 1]:
            raise backwards(reading, row, time, reading.when.hours[place - 1])
        if event in (1, 4):
            weight = None if weights is None or np.isnan(weights[place]) else float(weights[place])
            doses[place] = given_dose(reading, row, place, weight)
        else:
            refuse_dose_columns(row, dosed)
    numbers = np.array([row.number for row in rows], np.int64)
    columns, known = table_columns(source)
    kept = columns[np.searchsorted(known, numbers)] if columns.height != len(rows) else columns
    return RoutedTable(
        Records(subject, np.array(reading.when.hours, np.float64), reset),
        rows,
        numbers,
        doses,
        covariates,
        kept,
        (*table.notes, *reading.notes.values()),
    )


def _event(row: Row, *, has_event: bool) -> int:
    if not has_event:
        dose = row.number_of("AMT") > 0 or row.number_of("RATE") > 0
        if dose and not row.blank("MDV") and row.number_of("MDV") == 0:
            raise InputError(
                row.field("MDV"), "0 on a row with an amount", "say in EVID which rows are doses"
            )
        return int(dose)
    row.needed("EVID")
    event = row.number_of("EVID", low=-math.inf)
    if event not in (0, 1, 2, 3, 4):
        raise InputError(
            row.field("EVID"),
            f"{event:g} is not supported",
            "use 0 observation, 1 dose, 2 other, 3 reset, 4 reset and dose",
        )
    return int(event)


def _covariate(rows: list[Row], name: str, subject: Integers) -> Array:
    """A covariate at every row, carried on, and back to the first rows of a subject."""
    low, high, unit = _LIMITS[name]
    found = np.full(len(rows), np.nan)
    for place, row in enumerate(rows):
        if row.blank(name):
            continue
        value = row.number_of(name, low=-math.inf)
        if not low <= value <= high:
            raise InputError(
                row.field(name),
                f"{value:g} is outside {low:g} to {high:g} {unit}",
                f"give {unit} in this range, or leave it blank",
            )
        found[place] = value
    forward, _ = carried(found, subject)
    back, _ = carried(forward[::-1], -subject[::-1])
    return np.where(np.isnan(forward), back[::-1], forward)
