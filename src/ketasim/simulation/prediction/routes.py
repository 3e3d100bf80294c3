"""A model that ships at the rows of a table: doses by route, the typical patient of each row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError, near
from ketasim.dosing import (
    Entries,
    EventError,
    GivenDose,
    Patient,
    Records,
    RoutedTable,
    actions_of,
    read_routed,
)
from ketasim.engine.stretches.follow import follow
from ketasim.engine.stretches.numerical import follow_numerically
from ketasim.evidence import load_card
from ketasim.models import MODELS, Branch, LinearModel, Output, Stream, evaluate
from ketasim.population import covariates_of
from ketasim.simulation.prediction.result import NUMERICAL, Predicted, Prediction

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

_NG_PER_ML: Final = 1000.0  # 1 mg/L
_COLUMNS: Final = {"F": "AMT", "lag": "TIME", "duration": "RATE", "rate": "RATE"}


def predict_routes(
    model: LinearModel,
    table: Any,
    *,
    parameters: Mapping[str, float] | None,
    compartments: Mapping[int, str] | None,
    drug: str,
    refused: Mapping[str, Any],
) -> Prediction:
    """Predict a model that ships; see `predict`.

    **Arguments:**

    - `refused`: options that it does not take, by name.
    """
    for name, value in refused.items():
        if value:
            raise InputError(
                name,
                "a model that ships is predicted for the typical patient of each row",
                "leave it out, or use 'ketasim simulate' with a population",
            )
    read = read_routed(table, drug=drug, compartments=compartments)
    values, notes = _values(model, read, parameters or {})
    if model.time_varying:
        notes.append(NUMERICAL)
    streams, doses = _streams(model, read)
    outputs = _outputs(model, read.records, doses, streams, values, read)
    written = ["ROW", *(one.name for one in outputs)]
    for name in read.columns.columns:
        if name in written:
            raise InputError(
                name, "is a column of the table, and of the predictions", "rename that column"
            )
    card = load_card(model.name)
    return Prediction(
        model.name,
        read.columns,
        read.numbers,
        int(read.records.subject[-1]) + 1,
        outputs,
        {**card.values(), **(parameters or {})},
        notes=tuple(dict.fromkeys((*read.notes, *notes))),
        keys=tuple(card.sources()),
    )


def ships(model: LinearModel) -> bool:
    """Tell whether a model is one of the package, whose numbers are in its card."""
    return MODELS.get(model.name) is model


def _values(
    model: LinearModel, read: RoutedTable, parameters: Mapping[str, float]
) -> tuple[dict[str, Any], list[str]]:
    """Parameters and covariates of the typical patient of every row, shape (R,) or one number."""
    card = load_card(model.name)
    symbols = {one.name: one for one in model.parameters}
    found: dict[str, Any] = {name: card.entry(name).value for name in symbols}
    for name, value in parameters.items():
        if name not in symbols:
            raise InputError(f"parameter {name}", "is not known", near(name, symbols))
        if not symbols[name].domain.holds(value).all():
            words = symbols[name].domain.words
            raise InputError(f"parameter {name}", f"{value:g} is not {words}", "give another one")
        found[name] = float(value)
    count = len(read.numbers)
    nothing = np.full(count, np.nan)
    weight, age = (read.covariates.get(name, nothing) for name in ("WT", "AGE"))
    people, place = np.unique(np.stack([weight, age]), axis=1, return_inverse=True, equal_nan=True)
    known: list[dict[str, float]] = []
    notes: list[str] = []
    for kilograms, years in people.T:
        given: dict[str, Any] = {}
        if not np.isnan(kilograms):
            given["weight"] = f"{float(kilograms)!r} kg"
        if not np.isnan(years):
            given["age"] = float(years)
        patient = Patient.model_validate(given)
        if "weight" not in given:
            notes.append(f"WT is not in the table: {patient.weight:g} kg is used")
        covariates, said = covariates_of(patient, model, card)
        known.append(covariates)
        notes += said
    for name in known[0]:
        values = np.array([one[name] for one in known])
        found[name] = values[place.reshape(-1)] if len(known) > 1 else float(values[0])
    return found, notes


def _streams(model: LinearModel, read: RoutedTable) -> tuple[list[Stream], dict[int, GivenDose]]:
    """The molecules that are followed, and the doses; refuses what the model does not know."""
    dosed: set[str] = set()
    for place, dose in read.doses.items():
        row = read.rows[place]
        if dose.drug not in model.streams:
            raise InputError(
                row.field("DRUG") if row.text("DRUG") else "drug",
                f"the model '{model.name}' does not describe {dose.drug}",
                f"use the model reference; this one knows {' and '.join(model.streams)} alone",
            )
        if not model.branches_of(dose.route, dose.drug):
            raise InputError(
                row.field("ROUTE" if row.text("ROUTE") else "CMT"),
                f"the model '{model.name}' does not describe the route {dose.route}",
                f"use the model reference, or a route it knows ({near(dose.route, model.routes)})",
            )
        dosed.add(dose.drug)
    followed = {s.prefix: s for drug in model.streams if drug in dosed for s in model.streams[drug]}
    if not followed:
        raise InputError("AMT", "the table has no dose", "give one, with EVID 1")
    return list(followed.values()), read.doses


def _outputs(
    model: LinearModel,
    records: Records,
    doses: Mapping[int, GivenDose],
    streams: list[Stream],
    values: Mapping[str, Any],
    read: RoutedTable,
) -> tuple[Predicted, ...]:
    count = len(records.time)
    names = tuple(one.name for one in model.states)
    place = {name: i for i, name in enumerate(names)}
    reaches = np.eye(len(names), dtype=bool)
    for flow in model.flows:
        if flow.target is not None:
            reaches[place[flow.source], place[flow.target]] = True
    for middle in range(len(names)):
        reaches |= reaches[:, middle : middle + 1] & reaches[middle]
    table: dict[str, dict[tuple[str, str], Array]] = {}
    for stream in streams:
        resolved = model.resolve({**values, "R": float(stream.prefix == "r")})
        entries = _entries(model, doses, stream, resolved, place)
        try:
            actions = actions_of(records, entries)
            if model.time_varying:
                rates = _changing(model, resolved, names)
                amounts = follow_numerically(actions, records.time, rates, len(names))
            else:
                matrices = model.rate_matrix(resolved, names)
                shape = (count, len(names), len(names))
                amounts = follow(actions, np.broadcast_to(matrices, shape), count, reaches)
        except EventError as error:
            row = read.rows[error.record]
            column = _COLUMNS.get(error.column, error.column)
            raise InputError(row.field(column), error.problem, error.remedy) from None
        table[stream.prefix] = {
            (one.analyte, one.site): _concentration(one, amounts[:, place[one.state]], resolved)
            for one in model.outputs
        }
    found: dict[str, Array] = {}
    for one in model.outputs:
        key = (one.analyte, one.site)
        parts = {prefix: each[key] for prefix, each in table.items()}
        name = f"{one.analyte}_{one.site}"
        for prefix, each in parts.items():
            found[f"{prefix}_{name}" if prefix else name] = each
        if "" not in parts:
            found[name] = np.sum(list(parts.values()), axis=0)
    return tuple(Predicted(name, "ng/mL", each) for name, each in found.items())


def _changing(
    model: LinearModel, resolved: Mapping[str, Any], names: tuple[str, ...]
) -> Callable[[int], Callable[[float, Array], Array]]:
    """Rates of change of a model whose rates change with time; see `follow_numerically`."""

    def at(record: int) -> Callable[[float, Array], Array]:
        own = {
            name: np.asarray(value)[record] if np.size(value) > 1 else value
            for name, value in resolved.items()
        }
        return lambda time, amounts: model.rate_matrix(own, names, time)[0] @ amounts

    return at


def _concentration(output: Output, amounts: Array, resolved: Mapping[str, Any]) -> Array:
    scale, volume = evaluate(output.scale, resolved), evaluate(output.volume, resolved)
    return np.asarray(_NG_PER_ML * amounts * scale / volume, np.float64)


def _entries(
    model: LinearModel,
    doses: Mapping[int, GivenDose],
    stream: Stream,
    resolved: Mapping[str, Any],
    place: Mapping[str, int],
) -> Entries:
    """What the doses of a table put into states, for one molecule."""

    def at(text: str | None, record: int, otherwise: float) -> float:
        if text is None:
            return otherwise
        value = np.asarray(evaluate(text, resolved), np.float64)
        return float(value[record] if value.ndim else value)

    columns: list[list[float]] = []
    for record, dose in doses.items():
        share = sum(s.share for s in model.streams[dose.drug] if s.prefix == stream.prefix)
        if not share:
            continue
        own = model.branches_of(dose.route, dose.drug)
        if not dose.doses:
            columns += [
                [
                    *(record, place[b.target], 0.0, 1.0, share * dose.rate, 0.0),
                    *(at(b.lag, record, 0.0), 0.0, 0.0, dose.steady),
                ]
                for b in own
            ]
        for one in dose.doses:
            for branch in own:
                release = at(branch.duration, record, 0.0)
                by_rate = one.rate_given and not release
                columns.append(
                    [
                        record,
                        place[branch.target],
                        share * one.amount,
                        at(_fraction(branch, one.device), record, 1.0),
                        share * one.amount / one.duration if by_rate else 0.0,
                        0.0 if by_rate else release or one.duration,
                        at(branch.lag, record, 0.0) + one.time - dose.doses[0].time,
                        dose.interval,
                        dose.further,
                        dose.steady,
                    ]
                )
    table = np.array(columns, np.float64).reshape(-1, 10).T
    whole = table[[0, 1, 9]].astype(np.int64)
    return Entries(whole[0], whole[1], *table[2:9], whole[2])


def _fraction(branch: Branch, device: int) -> str:
    later = device > 0 and branch.later_fraction is not None
    return branch.later_fraction or "1" if later else branch.fraction
