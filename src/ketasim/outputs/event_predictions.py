"""Predictions at the observations of an event table, as a pharmacometrician brings it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from ketasim._base import InputError
from ketasim.dosing import Course, EventTable, Patient, Subject
from ketasim.outputs.simulate import simulate

if TYPE_CHECKING:
    from ketasim.outputs.simulation import Simulation

SCHEMA = {
    "id": pl.Int64,
    "time_h": pl.Float64,
    "quantity": pl.String,
    "site": pl.String,
    "value": pl.Float64,
    "unit": pl.String,
}


def predict_events(table: EventTable, *, pk_model: str = "reference") -> pl.DataFrame:
    """Predict every quantity at the observation times of an event table.

    Each subject is the typical patient of the model with the weight and age of the table.

    **Main arguments:**

    - `table`: as `ketasim.dosing.read_events` returns it.

    **Other arguments:**

    - `pk_model`: `reference`, or the key of a published model.

    **Returns:** `id, time_h, quantity, site, value, unit`, in the order of the table; the time
    course of `ketasim simulate`, at the observations only.

    **Raises:** `InputError` when there is no observation, or an observation of a subject without a
    dose, or the model does not know a drug or route of the table.
    """
    parts: list[pl.DataFrame] = []
    for subject in table.subjects:
        if not subject.observations:
            continue
        if subject.regimen is None:
            raise InputError(
                "AMT", f"subject {subject.id} has observations and no dose", "give its doses"
            )
        result = simulate(_course(subject, pk_model), times=subject.observations, typical=True)
        parts.append(_rows(subject, result))
    if not parts:
        raise InputError(
            "EVID", "the table has no observation to predict", "add rows with EVID 0 at the times"
        )
    return pl.concat(parts)


def _course(subject: Subject, pk_model: str) -> Course:
    assert subject.regimen is not None
    given: dict[str, object] = {}
    if subject.weight is not None:
        given["weight"] = f"{subject.weight!r} kg"
    if subject.age is not None:
        given["age"] = subject.age
    last = max(subject.observations[-1], subject.regimen.end)
    return Course(
        title=f"Subject {subject.id}",
        patient=Patient.model_validate(given),
        population=None,
        regimen=subject.regimen,
        horizon=max(last, subject.regimen.doses[0].time + 1.0),
        pk_model=pk_model,
    )


def _rows(subject: Subject, result: Simulation) -> pl.DataFrame:
    return (
        result.timecourse()
        .with_columns(pl.lit(subject.id, pl.Int64).alias("id"))
        .select([pl.col(name).cast(kind) for name, kind in SCHEMA.items()])
        .sort("time_h", maintain_order=True)
    )
