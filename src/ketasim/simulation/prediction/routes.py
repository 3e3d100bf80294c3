"""A model that ships at the rows of a table: doses by route, the typical patient of each row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError, near
from ketasim._base.text import shortened
from ketasim.dosing import (
    Entries,
    EventError,
    GivenDose,
    Patient,
    RoutedTable,
    Sheet,
    actions_of,
    carried,
    read_routed,
    tiled,
)
from ketasim.engine.stretches.follow import follow
from ketasim.engine.stretches.numerical import Change, follow_numerically
from ketasim.evidence import load_card
from ketasim.models import MODELS, Branch, Domain, LinearModel, Output, Stream, evaluate
from ketasim.models.domain import NOT_NEGATIVE
from ketasim.population import (
    card_draws,
    covariates_of,
    individual_parameters,
    uncertainty_of,
)
from ketasim.simulation.prediction.columns import FROM_TABLE, GIVEN, check_columns
from ketasim.simulation.prediction.result import NUMERICAL, Predicted, Prediction

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

_TOGETHER: Final = 20_000  # rows that are solved together
_READ_BEFORE: Final = ("WT", "AGE")  # with their units and other names
_EITHER: Final = Domain("0 to 1", 0.0, 1.0, "natural")
_NOT_USED: Final = "not used: "  # before columns of a table
_NG_PER_ML: Final = 1000.0  # 1 mg/L
_COLUMNS: Final = {"F": "AMT", "lag": "TIME", "duration": "RATE", "rate": "RATE"}


def predict_routes(
    model: LinearModel,
    table: Any,
    *,
    parameters: Mapping[str, float] | None,
    compartments: Mapping[int, str] | None,
    drug: str,
    n: int | None,
    seed: int,
    uncertainty: bool,
) -> Prediction:
    """Predict a model that ships; see `predict`."""
    read = read_routed(table, drug=drug, compartments=compartments)
    people = RoutedPeople(model, read, parameters or {})
    streams = streams_of(model, read)
    typical = routed_outputs(model, read, streams, people.values, 1)
    columns = read.columns.columns
    check_columns(columns, list(typical), drawn=n is not None, residual=False)
    drawn: dict[str, Array] = {}
    if n is not None:
        people.check(uncertainty)
        together = max(_TOGETHER // len(read.numbers), 1)
        parts = [
            routed_outputs(model, read, streams, people.drawn(seed, d, uncertainty), len(d))
            for i in range(0, n, together)
            for d in (range(i, min(i + together, n)),)
        ]
        drawn = {name: np.concatenate([part[name] for part in parts]) for name in typical}
    return Prediction(
        model.name,
        read.columns,
        read.numbers,
        int(read.records.subject[-1]) + 1,
        tuple(
            Predicted(name, "ng/mL", values[0], drawn.get(name)) for name, values in typical.items()
        ),
        {name: float(v) for name, v in people.values.items() if not np.ndim(v)},
        None if n is None else seed,
        uncertainty,
        notes=tuple(dict.fromkeys((*people.left_over(read.notes), *people.notes))),
        keys=tuple(people.card.sources()),
    )


def ships(model: LinearModel) -> bool:
    """Tell whether a model is one of the package, whose numbers are in its card."""
    return MODELS.get(model.name) is model


class RoutedPeople:
    """The patients of a table: the typical one of every row, and others around it."""

    def __init__(
        self, model: LinearModel, read: RoutedTable, parameters: Mapping[str, float]
    ) -> None:
        self.card = load_card(model.name)
        self._read, self._given = read, dict(parameters)
        self._subjects = int(read.records.subject[-1]) + 1
        self._symbols = {one.name: one for one in model.parameters}
        self._known = {*self._symbols, *(one.name for one in model.covariates)}
        self.notes: list[str] = [NUMERICAL] if model.time_varying else []
        self.values: dict[str, Any] = {n: self.card.entry(n).value for n in self._symbols}
        for name, value in parameters.items():
            if name not in self._symbols:
                raise InputError(f"parameter {name}", "is not known", near(name, self._symbols))
            if name in read.columns.columns:
                raise InputError(
                    name, "is a column of the table, and was set as well", "leave one of them out"
                )
            self._allowed(name, np.array([value]), f"parameter {name}")
            self.values[name] = float(value)
        self._used: list[str] = []
        self._columns()
        self._covariates(model)

    def left_over(self, notes: Iterable[str]) -> Iterator[str]:
        """Notes of a table without the columns that the model uses after all."""
        for note in notes:
            names = note.removeprefix(_NOT_USED).split(", ") if note.startswith(_NOT_USED) else []
            left = [name for name in names if name not in self._used]
            if not names:
                yield note
            elif left:
                yield f"{_NOT_USED}{', '.join(left)}"

    def _allowed(self, name: str, values: Array, field: str) -> None:
        domain = self._symbols[name].domain
        bad = np.flatnonzero(~domain.holds(values))
        if len(bad):
            where = field if len(values) == 1 else f"{field} in row {self._read.numbers[bad[0]]}"
            raise InputError(
                where, f"{values[bad[0]]:g} is not {domain.words}", "give another value"
            )

    def _columns(self) -> None:
        """Parameters that the table gives, row by row."""
        read = self._read
        sheet = Sheet({n: read.columns[n] for n in read.columns.columns}, read.numbers, {})
        for name in self._symbols:
            self._other_case(name)
            if sheet.has(name):
                values, _ = carried(sheet.values(name), read.records.subject)
                values = np.where(np.isnan(values), self.values[name], values)
                self._allowed(name, values, name)
                self.values[name] = values
                self._given[name] = 0.0
                self._from_table(name)

    def _other_case(self, name: str) -> None:
        """Refuse a column that differs from a parameter or covariate in case alone."""
        columns = self._read.columns.columns
        for one in columns if name not in columns else ():
            if one.upper() == name.upper() and one not in self._known:
                raise InputError(
                    name,
                    f"the table has no such column, but '{shortened(one)}'",
                    f"name it {name} where it is that; give it another name where it is not",
                )

    def _from_table(self, name: str) -> None:
        self._used.append(name)
        self.notes.append(f"{name} {FROM_TABLE}")

    def _covariates(self, model: LinearModel) -> None:
        nothing = np.full(len(self._read.numbers), np.nan)
        both = np.stack([self._read.covariates.get(name, nothing) for name in ("WT", "AGE")])
        people, place = np.unique(both, axis=1, return_inverse=True, equal_nan=True)
        known: list[dict[str, float]] = []
        for kilograms, years in people.T:
            given: dict[str, Any] = {}
            if not np.isnan(kilograms):
                given["weight"] = f"{float(kilograms)!r} kg"
            if not np.isnan(years):
                given["age"] = float(years)
            patient = Patient.model_validate(given)
            if "weight" not in given:
                self.notes.append(f"WT is not in the table: {patient.weight:g} kg is used")
            covariates, said = covariates_of(patient, model, self.card)
            known.append(covariates)
            self.notes += said
        for name in known[0]:
            values = np.array([one[name] for one in known])
            several = len(known) > 1
            self.values[name] = values[place.reshape(-1)] if several else float(values[0])

        self._own_covariates(model)

    def _own_covariates(self, model: LinearModel) -> None:
        """Covariates that the table gives by the model's own name, row by row."""
        read = self._read
        sheet = Sheet({n: read.columns[n] for n in read.columns.columns}, read.numbers, {})
        for one in model.covariates:
            if one.name not in _READ_BEFORE:
                self._other_case(one.name)
            if one.name in _READ_BEFORE or not sheet.has(one.name):
                continue
            values, _ = carried(sheet.values(one.name), read.records.subject)
            values = np.where(np.isnan(values), self.values[one.name], values)
            domain = _EITHER if one.unit == "0/1" else NOT_NEGATIVE
            bad = np.flatnonzero(~domain.holds(values))
            if len(bad):
                raise InputError(
                    f"{one.name} in row {read.numbers[bad[0]]}",
                    f"{values[bad[0]]:g} is not {domain.words}",
                    f"it is {one.meaning}",
                )
            self.values[one.name] = values
            self._from_table(one.name)

    def check(self, uncertainty: bool) -> None:
        """Refuse draws of what has no spread."""
        spread, _ = self.card.omega()
        if not spread and not uncertainty:
            raise InputError(
                "n",
                f"the model '{self.card.model}' has no published between-patient variability",
                "leave it out, or use the model reference",
            )
        known = uncertainty_of(self.card) if uncertainty else None
        if uncertainty and known is None:
            raise InputError(
                "uncertainty",
                f"the model '{self.card.model}' has no published standard errors",
                "leave it out, or use the model reference",
            )
        drawn = {*spread, *(known.symbols if known is not None else ())}
        kept = [name for name in self._given if name in drawn]
        if kept:
            self.notes.append(f"{', '.join(kept)} {GIVEN}")

    def drawn(self, seed: int, draws: range, uncertainty: bool) -> dict[str, Any]:
        """Values of some draws, one draw behind the other; what was given is not drawn."""
        count, subjects = len(self._read.numbers), self._subjects
        found = {n: np.tile(v, len(draws)) if np.ndim(v) else v for n, v in self.values.items()}
        first, many = draws.start * subjects, len(draws) * subjects
        around: dict[str, Array] = {}
        known = uncertainty_of(self.card) if uncertainty else None
        if known is not None:
            card = self.card.replace(uncertainty=known)
            of_draw = card_draws(card, seed, draws.start, len(draws))
            around = {name: np.repeat(of_draw[name], subjects) for name in known.symbols}
        individual = individual_parameters(
            self.card, list(self._symbols), seed, first, many, around=around
        )
        place = (np.arange(len(draws))[:, None] * subjects + self._read.records.subject).reshape(-1)
        for name, values in {**around, **individual}.items():
            if name in self._symbols and name not in self._given:
                found[name] = values[place]
        assert len(place) == count * len(draws)
        return found


def streams_of(model: LinearModel, read: RoutedTable) -> list[Stream]:
    """The molecules that are followed; refuses doses that the model does not know."""
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
    return list(followed.values())


def routed_outputs(
    model: LinearModel,
    read: RoutedTable,
    streams: list[Stream],
    values: Mapping[str, Any],
    draws: int,
) -> dict[str, Array]:
    """Concentrations at every row, shape (draws, R)."""
    rows = len(read.numbers)
    records, count = tiled(read.records, draws), rows * draws
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
        entries = _entries(model, read.doses, stream, resolved, place, rows, draws)
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
            row = read.rows[error.record % rows]
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
    return {name: each.reshape(draws, rows) for name, each in found.items()}


def _changing(
    model: LinearModel, resolved: Mapping[str, Any], names: tuple[str, ...]
) -> Callable[[int], Change]:
    """Rates of change of a model whose rates change with time; see `follow_numerically`."""

    def at(record: int) -> Change:
        own = {
            name: np.asarray(value)[record] if np.size(value) > 1 else value
            for name, value in resolved.items()
        }
        return Change(
            lambda time, amounts: model.rate_matrix(own, names, time)[0] @ amounts, timed=True
        )

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
    rows: int,
    draws: int,
) -> Entries:
    """What the doses of a table put into states, for one molecule."""

    def at(text: str | None, record: int, otherwise: float) -> float:
        if text is None:
            return otherwise
        value = np.asarray(evaluate(text, resolved), np.float64)
        return float(value[record] if value.ndim else value)

    columns: list[list[float]] = []
    for record, dose in ((d * rows + r, one) for d in range(draws) for r, one in doses.items()):
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
    amount, fraction, rate, duration, lag, interval, further = table[2:9]
    record, state, steady = whole
    return Entries(record, state, amount, fraction, rate, duration, lag, interval, further, steady)


def _fraction(branch: Branch, device: int) -> str:
    later = device > 0 and branch.later_fraction is not None
    return branch.later_fraction or "1" if later else branch.fraction
