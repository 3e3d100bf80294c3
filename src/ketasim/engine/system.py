"""A calendar and its patients as arrays: rate matrices, inputs, what is read from the states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError
from ketasim.engine.grid import rounded
from ketasim.engine.linear.inputs import DoseLike, Input, check_doses, inputs_of
from ketasim.engine.linear.modes import Structure, structure_of
from ketasim.models import AMOUNT, ChainModel, LinearModel, Output, Stream, evaluate

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
Key = tuple[str, str]

PULSE, START, END = 0, 1, 2
_NG_PER_ML = 1000.0  # 1 mg/L in ng/mL


@dataclass(frozen=True)
class Row:
    """A weighted sum of states that the engine reports: a signal, a concentration or an amount.

    **Arguments:**

    - `parts`: (quantity, site) to the expression it is multiplied with, of response parameters;
      nothing for the quantity as it is.
    """

    parts: Mapping[Key, str | None]


@dataclass(frozen=True)
class Event:
    """A change of the inputs.

    **Arguments:**

    - `segment`: the segment that begins with it.
    - `kind`: `PULSE`, `START` or `END`.
    - `stream`, `state`: positions of the stream, and of the state within the stream's structure.
    - `source`: row of the amounts, mg.
    - `duration`: h; the rate of a running input is its amount over this.
    """

    segment: int
    kind: int
    stream: int
    state: int
    source: int
    duration: float


@dataclass(frozen=True)
class StreamPart:
    """One molecule: its states, which exchange drug, and how much each patient gets.

    **Arguments:**

    - `stream`: the molecule.
    - `structure`: order and blocks of its states.
    - `matrix`: 1/h, shape (m, m, n), in that order.
    - `rows`: weight of every state in every row, shape (R, m, n); mostly zero.
    - `used`: which of these are not zero for all patients by construction, shape (R, m).
    """

    stream: Stream
    structure: Structure
    matrix: Array
    rows: Array
    used: NDArray[np.bool_]


@dataclass(frozen=True)
class System:
    """Patients who share a calendar, ready to be solved.

    **Arguments:**

    - `streams`: the molecules.
    - `breaks`: h: 0, every change of input, the horizon, shape (G + 1,).
    - `running`: whether an input runs in each segment, length G.
    - `events`: in order.
    - `amounts`: mg, shape (I, n).
    - `rows`: how many rows are read.
    - `parameters`: parameters and definitions of the response, arrays of shape (n,).
    - `initial`: states of the response at time 0, shape (Y, n).
    - `losses`: 1/h, shape (Y, n).
    """

    streams: tuple[StreamPart, ...]
    breaks: Array
    running: tuple[bool, ...]
    events: tuple[Event, ...]
    amounts: Array
    rows: int
    parameters: Mapping[str, Array]
    initial: Array
    losses: Array

    @property
    def n(self) -> int:
        """Number of patients."""
        return self.amounts.shape[1]

    def take(self, which: Integers) -> System:
        """The same of some patients, in the given order."""
        return replace(
            self,
            streams=tuple(
                replace(one, matrix=one.matrix[..., which], rows=one.rows[..., which])
                for one in self.streams
            ),
            amounts=self.amounts[:, which],
            parameters={name: value[which] for name, value in self.parameters.items()},
            initial=self.initial[:, which],
            losses=self.losses[:, which],
        )


class People:
    """Patients with their numbers, and what follows from them whatever they are given.

    Many calendars of the same patients share it.

    **Arguments:**

    - `model`: the declaration.
    - `values`: every parameter and covariate, numbers or arrays of shape (n,).
    - `weight`: kg, shape (n,).
    - `rows`: what to read, signals of the model first.
    """

    def __init__(
        self, model: ChainModel, values: Mapping[str, Any], weight: Array, rows: Sequence[Row]
    ) -> None:
        self.model, self.weight, self.rows = model, weight, rows
        self._values = {name: np.asarray(value, np.float64) for name, value in values.items()}
        self._response = model.response.resolve(self._values)
        self._outputs = _outputs_read(model.pharmacokinetics, rows)
        self._resolved: dict[str, Mapping[str, Any]] = {}
        self._parts: dict[tuple[str, tuple[str, ...]], StreamPart] = {}
        n = len(weight)
        response, states = model.response, model.response.states
        names = [*(p.name for p in response.parameters), *(d.name for d in response.definitions)]
        self._parameters = {name: _flat(self._response[name], n) for name in names}
        self._initial = _table([evaluate(s.initial, self._response) for s in states], n)
        self._losses = _table([evaluate(s.loss, self._response) for s in states], n)

    def system(self, doses: Sequence[DoseLike], horizon: float) -> System:
        """The arrays of a calendar.

        **Arguments:**

        - `doses`: those at or after the horizon are left out. `horizon`: h.

        **Raises:** as `system_of`.
        """
        pk, n = self.model.pharmacokinetics, len(self.weight)
        check_doses(pk, doses)
        for dose in doses:
            if dose.steady_state_interval is not None:
                raise InputError(
                    "SS",
                    "a response has no steady state to start from",
                    "give the earlier doses themselves",
                )
        parts: list[StreamPart] = []
        amounts: list[Array] = []
        pending: list[tuple[float, int, int, int, int, float]] = []
        dosed = {dose.drug for dose in doses}
        followed = {s.prefix: s for drug in pk.streams if drug in dosed for s in pk.streams[drug]}
        for stream in followed.values():
            inputs = inputs_of(pk, doses, self._of(stream), self.weight, stream)
            inputs = [i for i in inputs if i.start < horizon]
            if not inputs:
                continue  # all its doses come after the horizon
            part = self._part(stream, pk.reachable({i.state for i in inputs}, self._outputs))
            _collect(inputs, part.structure.states, len(parts), amounts, pending)
            parts.append(part)
        breaks, running, events = _events(pending, horizon)
        return System(
            streams=tuple(parts),
            breaks=breaks,
            running=running,
            events=events,
            amounts=np.stack(amounts) if amounts else np.zeros((1, n)),
            rows=len(self.rows),
            parameters=self._parameters,
            initial=self._initial,
            losses=self._losses,
        )

    def _of(self, stream: Stream) -> Mapping[str, Any]:
        if stream.prefix not in self._resolved:
            enantiomer = 1.0 if stream.prefix == "r" else 0.0
            pk = self.model.pharmacokinetics
            self._resolved[stream.prefix] = pk.resolve({**self._values, "R": enantiomer})
        return self._resolved[stream.prefix]

    def _part(self, stream: Stream, keep: tuple[str, ...]) -> StreamPart:
        key = stream.prefix, keep
        if key in self._parts:
            return self._parts[key]
        pk, n, resolved = self.model.pharmacokinetics, len(self.weight), self._of(stream)
        structure = structure_of(pk, keep)
        if structure is None:
            raise InputError(
                "pk_model",
                f"'{pk.name}' has no real modes (its rates change with time or drug circulates)",
                "choose another pharmacokinetic model",
            )
        matrix = np.moveaxis(pk.rate_matrix(resolved, structure.states), 0, 2)
        wrong = ~np.isfinite(matrix).all(axis=(0, 1))
        if wrong.any():
            raise InputError(
                "values",
                f"a rate of '{pk.name}' is not finite in patient {int(wrong.argmax())} of a piece",
                "look for volumes of zero",
            )
        table, used = _weights(
            *(pk, stream, structure.states, resolved, self._response, self.rows, n)
        )
        self._parts[key] = StreamPart(stream, structure, _wide(matrix, n), table, used)
        return self._parts[key]


def system_of(
    model: ChainModel,
    values: Mapping[str, Any],
    doses: Sequence[DoseLike],
    weight: Array,
    horizon: float,
    rows: Sequence[Row],
) -> System:
    """Turn a calendar and its patients into arrays.

    **Arguments:**

    - `model`, `values`, `weight`, `rows`: as of `People`.
    - `doses`: the calendar; doses at or after the horizon are left out.
    - `horizon`: h.

    **Raises:** `InputError` when the model does not know a drug or a route, or for a steady-state
    dose; `KetasimError` when the linear block has no modes.
    """
    return People(model, values, weight, rows).system(doses, horizon)


def _events(
    pending: Sequence[tuple[float, int, int, int, int, float]], horizon: float
) -> tuple[Array, tuple[bool, ...], tuple[Event, ...]]:
    """Breaks, whether an input runs in each segment, and the changes of inputs."""
    end = rounded(horizon)
    times = sorted({0.0, end} | {one[0] for one in pending if 0.0 <= one[0] < end})
    where = {time: number for number, time in enumerate(times)}
    events = tuple(
        Event(where[time], kind, stream, state, source, duration)
        for time, kind, stream, state, source, duration in sorted(pending)
        if time < end
    )
    change = np.zeros(len(times), np.int64)
    for event in events:
        change[event.segment] += {PULSE: 0, START: 1, END: -1}[event.kind]
    return np.array(times), tuple(bool(k > 0) for k in np.cumsum(change)[:-1]), events


def _outputs_read(pk: LinearModel, rows: Sequence[Row]) -> tuple[Output, ...]:
    """Outputs that some row needs; a raw state counts as one."""
    wanted = {key for row in rows for key in row.parts}
    found = [
        o
        for o in pk.outputs
        if any(_plain(quantity, pk) == o.analyte and site == o.site for quantity, site in wanted)
    ]
    found += [
        Output(s.name, AMOUNT, s.name, "1")
        for s in pk.states
        if any(_plain(quantity, pk) == s.name and site == AMOUNT for quantity, site in wanted)
    ]
    return tuple(found)


def _plain(quantity: str, pk: LinearModel) -> str:
    """A quantity without its enantiomer."""
    for streams in pk.streams.values():
        for stream in streams:
            if stream.prefix and quantity.startswith(f"{stream.prefix}_"):
                return quantity[len(stream.prefix) + 1 :]
    return quantity


def _weights(
    pk: LinearModel,
    stream: Stream,
    states: Sequence[str],
    resolved: Mapping[str, Any],
    response: Mapping[str, Any],
    rows: Sequence[Row],
    n: int,
) -> tuple[Array, NDArray[np.bool_]]:
    table = np.zeros((len(rows), len(states), n))
    used = np.zeros((len(rows), len(states)), np.bool_)
    column = {name: i for i, name in enumerate(states)}
    for number, row in enumerate(rows):
        for (quantity, site), text in row.parts.items():
            plain = _plain(quantity, pk)
            if plain != quantity and not quantity.startswith(f"{stream.prefix}_"):
                continue
            factor: Any = 1.0 if text is None else evaluate(text, response)
            for state, per in _read(pk, plain, site, resolved):
                if state in column:
                    table[number, column[state]] += factor * per
                    used[number, column[state]] = True
    return table, used


def _read(
    pk: LinearModel, plain: str, site: str, resolved: Mapping[str, Any]
) -> list[tuple[str, Any]]:
    """States of a quantity, and what each is multiplied with."""
    if site == AMOUNT:
        return [(plain, 1.0)]
    return [
        (o.state, _NG_PER_ML * evaluate(o.scale, resolved) / evaluate(o.volume, resolved))
        for o in pk.outputs
        if o.analyte == plain and o.site == site
    ]


def _collect(
    inputs: Sequence[Input],
    states: Sequence[str],
    stream: int,
    amounts: list[Array],
    pending: list[tuple[float, int, int, int, int, float]],
) -> None:
    """Add the inputs into states that matter; equal amounts are kept once."""
    known = {one.tobytes(): number for number, one in enumerate(amounts)}
    for item in inputs:
        if item.state not in states:
            continue
        amount = np.ascontiguousarray(item.amount, np.float64)
        key = amount.tobytes()
        if key not in known:
            known[key] = len(amounts)
            amounts.append(amount)
        state, source = states.index(item.state), known[key]
        begin = max(rounded(item.start), 0.0)
        if item.duration > 0:
            stop = rounded(item.start + item.duration)
            pending.append((begin, START, stream, state, source, item.duration))
            pending.append((stop, END, stream, state, source, item.duration))
        else:
            pending.append((begin, PULSE, stream, state, source, 0.0))


def _flat(value: Any, n: int) -> Array:
    return np.ascontiguousarray(np.broadcast_to(np.asarray(value, np.float64), (n,)))


def _wide(matrix: Array, n: int) -> Array:
    return np.broadcast_to(matrix, (*matrix.shape[:2], n))


def _table(rows: Sequence[Any], n: int) -> Array:
    return np.stack([_flat(row, n) for row in rows]) if rows else np.zeros((0, n))
