"""Predictions at the observations of an event table, as a pharmacometrician brings it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim._base import InputError, KetasimWarning
from ketasim._base.size import Size, check_size
from ketasim._base.words import counted
from ketasim.dosing import Course, Dose, EventTable, Patient, Regimen, Subject
from ketasim.simulation.simulate import simulate

if TYPE_CHECKING:
    from ketasim.simulation.concentrations import Key
    from ketasim.simulation.result import Simulation

SCHEMA = {
    "id": pl.Int64,
    "row": pl.Int64,
    "time_h": pl.Float64,
    "quantity": pl.String,
    "site": pl.String,
    "value": pl.Float64,
    "unit": pl.String,
}


_QUANTITIES = 40  # predicted at an observation, about
_ROW = 240  # bytes of a prediction while the table of them is written
_TIMED = 8e-7  # s, of a prediction
_DECIMALS = 10  # of times, h, as the engine rounds them
_NUDGE = 2e-9  # h, well above the rounding and far below anything that matters


def predict_events(table: EventTable, *, pk_model: str = "reference") -> pl.DataFrame:
    """Predict every quantity at the observations of an event table.

    Each subject is the typical patient of the model with the weight and age of the table. At the
    same time, an observation sees the doses of the rows before it and not those of the rows after.
    What the reader must know of the table or a subject is a `KetasimWarning`.

    **Main arguments:**

    - `table`: as `ketasim.dosing.read_events` returns it.

    **Other arguments:**

    - `pk_model`: `reference`, or the key of a published model.

    **Returns:** `id, row, time_h, quantity, site, value, unit`: for each observation, in the order
    of the table, a block of rows; `row` is its number in the table.

    **Raises:** `InputError` when there is no observation, or an observation of a subject without a
    dose, or the model does not know a drug or route of the table, or a dose is refused.
    """
    parts: list[_Part] = []
    _check_size(sum(len(subject.observations) for subject in table.subjects))
    for text in table.notes:
        warnings.warn(text, KetasimWarning, stacklevel=2)
    for subject in table.subjects:
        if not subject.observations:
            continue
        if subject.regimen is None:
            raise InputError(
                "AMT", f"subject {subject.id} has observations and no dose", "give its doses"
            )
        found, notes = _predicted(subject, subject.regimen, pk_model)
        parts.append(found)
        for text in dict.fromkeys(notes):
            warnings.warn(f"subject {subject.id}: {text}", KetasimWarning, stacklevel=2)
    if not parts:
        raise InputError(
            "EVID", "the table has no observation to predict", "add rows with EVID 0 at the times"
        )
    return _frame(parts)


def _check_size(observations: int) -> None:
    """Refuse a table whose predictions do not fit into memory, and tell how long many take."""

    def fitting(count: int) -> Size:
        rows = count * _QUANTITIES
        return Size(rows * _ROW, rows * _TIMED)

    check_size(
        fitting(observations),
        "EVID",
        f"predictions at {counted(observations, 'observation')}",
        fitting=fitting,
        asked=observations,
        counted="observations",
        or_else="predict them in several tables",
    )


@dataclass(frozen=True)
class _Part:
    """Predictions of a subject: values of shape (observations, keys)."""

    subject: Subject
    units: Mapping[Key, str]
    values: NDArray[np.float64]


def _predicted(subject: Subject, regimen: Regimen, pk_model: str) -> tuple[_Part, tuple[str, ...]]:
    """Predictions of a subject, and what the reader must know."""
    doses, times = _in_record_order(subject, regimen.doses)
    result = _simulated(subject, doses, times, pk_model)
    keys = list(result.values)
    # observations in the order of the table, quantities in that of the result: (O, Q)
    found = np.stack([result.values[key][:, 0] for key in keys], axis=-1)
    values = found[_places(result, times)]
    first = doses[0]
    if first.steady_state_interval is not None:
        before = subject.places[0]
        unseen = [
            one.doses_after == before and round(one.time, _DECIMALS) == 0
            for one in subject.observations
        ]
        if any(unseen):
            values[unseen] = _trough(subject, doses, pk_model)
    return _Part(subject, {key: result.units[key] for key in keys}, values), (
        *result.course.assumptions,
        *result.warnings,
    )


def _places(result: Simulation, times: Sequence[float]) -> NDArray[np.intp]:
    """Where each time stands among those of a result."""
    return np.searchsorted(result.times, np.round(times, _DECIMALS) - 0.5 * 10.0**-_DECIMALS)


def _frame(parts: Sequence[_Part]) -> pl.DataFrame:
    """The predictions of subjects: for each observation a block of rows, one a quantity."""
    kinds = list(dict.fromkeys((*key, unit) for one in parts for key, unit in one.units.items()))
    place = {kind: i for i, kind in enumerate(kinds)}
    codes: list[NDArray[np.int64]] = []
    ids: list[int] = []
    rows: list[int] = []
    times: list[float] = []
    each: list[int] = []
    for one in parts:
        seen = one.subject.observations
        own = [place[*key, unit] for key, unit in one.units.items()]
        codes.append(np.tile(np.array(own, np.int64), len(seen)))
        ids += [one.subject.id] * len(seen)
        rows += [observation.row for observation in seen]
        times += [observation.time for observation in seen]
        each += [len(own)] * len(seen)
    which = np.concatenate(codes)
    words = pl.DataFrame(kinds, schema=["quantity", "site", "unit"], orient="row")[which]
    columns: dict[str, object] = {
        "id": np.repeat(ids, each),
        "row": np.repeat(rows, each),
        "time_h": np.repeat(times, each),
        **{name: words[name] for name in words.columns},
        "value": np.concatenate([one.values.reshape(-1) for one in parts]),
    }
    return pl.DataFrame({name: columns[name] for name in SCHEMA}, schema=SCHEMA)


def _in_record_order(
    subject: Subject, doses: Sequence[Dose]
) -> tuple[tuple[Dose, ...], list[float]]:
    """Doses and observation times, those that share a time set apart in the order of the rows.

    **Returns:** the doses, and a time for each observation.
    """
    moments = [round(one.time, _DECIMALS) for one in subject.observations]
    levels: dict[float, set[int]] = {}
    for moment, one in zip(moments, subject.observations, strict=True):
        levels.setdefault(moment, set()).add(one.doses_after)
    placed: list[Dose] = []
    for dose, place in zip(doses, subject.places, strict=True):
        earlier = sum(level >= place for level in levels.get(round(dose.time, _DECIMALS), ()))
        # a steady state is one of time 0
        if earlier and dose.steady_state_interval is None:
            placed.append(replace(dose, time=dose.time + earlier * _NUDGE))
        else:
            placed.append(dose)
    times = [
        one.time + _NUDGE * sum(n > one.doses_after for n in levels[moment])
        for moment, one in zip(moments, subject.observations, strict=True)
    ]
    return tuple(sorted(placed, key=lambda dose: dose.time)), times


def _trough(subject: Subject, doses: Sequence[Dose], pk_model: str) -> NDArray[np.float64]:
    """What is there before the first dose of a steady state: the same as one interval after it."""
    first, *others = doses
    assert first.steady_state_interval is not None
    interval = first.steady_state_interval
    # the other doses stay, so that the same molecules are followed, but come later
    later = [replace(dose, time=dose.time + 2 * interval) for dose in others]
    result = _simulated(subject, (first, *later), [interval], pk_model)
    return np.array([values[0, 0] for values in result.values.values()])


def _simulated(
    subject: Subject, doses: tuple[Dose, ...], times: Sequence[float], pk_model: str
) -> Simulation:
    course = _course(subject, doses, max(times), pk_model)
    return simulate(course, times=times, typical=True, mood=False, profiles=False)


def _course(subject: Subject, doses: tuple[Dose, ...], last: float, pk_model: str) -> Course:
    given: dict[str, object] = {}
    if subject.weight is not None:
        given["weight"] = f"{subject.weight!r} kg"
    if subject.age is not None:
        given["age"] = subject.age
    regimen = Regimen(doses)
    return Course(
        title=f"Subject {subject.id}",
        patient=Patient.model_validate(given),
        population=None,
        regimen=regimen,
        horizon=max(last, regimen.end, doses[-1].time + 1.0),
        pk_model=pk_model,
    )
