# pyright: basic
# reason for basic: jax types few of its functions, and a traced value is of no type that helps
"""The JAX back end: one compiled loop for any population, and derivatives through it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError, near
from ketasim.engine.backends.jax.arrays import (
    FUNCTIONS,
    Blocks,
    Kind,
    calendar_arrays,
    filled,
    kind_of,
    padded,
    simulate,
    typed,
)
from ketasim.engine.backends.numpy.arrays import bind
from ketasim.engine.grid import Grid, OutputPlan, grid_of, place_outputs, rounded
from ketasim.engine.linear.inputs import DoseLike, inputs_of
from ketasim.engine.patients import Patients, groups_of
from ketasim.engine.planning import Plan
from ketasim.engine.response.cascade import Cascade, cascade_of
from ketasim.engine.system import END, PULSE, START, Event, System, _plain, _read, system_of
from ketasim.engine.trajectories import QUANTITY, STATE, Name, Request, request_of
from ketasim.models import ChainModel, LinearModel, evaluate, names_in

Array = NDArray[np.float64]

# Vectors of equal rates have no derivative. Where derivatives are taken, losses of states that
# exchange drug and are closer than this part are moved apart by a few times as much.
_APART = 1e-7
_KEPT = 12_000_000  # numbers of the derivatives kept over the steps, 100 MB


@lru_cache(maxsize=64)
def _compiled(kind: Kind) -> Any:
    cascade = cascade_of(kind.response)
    return jax.jit(lambda people, laid: simulate(kind, cascade, people, laid))


def solve_jax(
    cascade: Cascade,
    system: System,
    grid: Grid,
    outputs: OutputPlan,
    *,
    dtype: Any = np.float64,
) -> tuple[Array, Array]:
    """Solve a system with JAX, by the scheme of `track_arrays` of the NumPy back end.

    What is compiled serves every later call of similar size: patients, steps and times are filled
    up to one of a few sizes.

    **Main arguments:**

    - `cascade`: the step of the response.
    - `system`: the patients and their calendar.
    - `grid`, `outputs`: the steps, and where the requested times lie in them.

    **Other arguments:**

    - `dtype`: of the arithmetic; `float32` is for measuring what it would save.

    **Returns:** rows, shape (T, R, n), and states of the response, shape (T, Y, n).
    """
    n = padded(system.n, 4)
    spread = np.minimum(np.arange(n), system.n - 1)
    wide = system.take(spread) if n > system.n else system
    kind = kind_of(cascade.model, system)
    used = {*cascade.step.parameters, *cascade.start.parameters}
    people = {
        "matrices": [s.matrix for s in wide.streams],
        "tables": [s.rows for s in wide.streams],
        "amounts": filled(wide.amounts, (padded(max(len(wide.amounts), 4), 4), n)),
        "parameters": {name: wide.parameters[name] for name in sorted(used)},
        "initial": wide.initial,
        "losses": wide.losses,
        "rows": np.zeros((system.rows, 0)),
    }
    laid = calendar_arrays(system, grid, outputs, kind.targets)
    with jax.enable_x64(np.dtype(dtype) == np.float64):
        people, laid = typed(people, dtype), typed(laid, dtype)
        rows, states = jax.device_get(_compiled(kind)(people, laid))
    times = len(outputs.times)
    rows, states = (np.asarray(one[:times, :, : system.n], np.float64) for one in (rows, states))
    return rows, states


# derivatives --------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Declared:
    """What a derivative is compiled for, known by identity and by what is asked.

    **Arguments:**

    - `model`, `kind`, `request`: who is simulated and what is read.
    - `prefixes`: of every stream.
    - `inputs`: of every amount the stream, and the expression its milligrams are multiplied with.
    - `parameters`: with respect to which.
    """

    model: ChainModel
    kind: Kind
    request: Request
    prefixes: tuple[str, ...]
    inputs: tuple[tuple[int, str], ...]
    parameters: tuple[str, ...]

    def _key(self) -> tuple[Any, ...]:
        # the model's parts are not compared but kept alive, so that their identity stays theirs
        pk = id(self.model.pharmacokinetics)
        return pk, self.kind, self.request.names, self.prefixes, self.inputs, self.parameters

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Declared) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())


def jacobian_jax(
    model: ChainModel,
    patients: Patients,
    times: Any,
    outputs: tuple[Name, ...],
    parameters: tuple[str, ...],
    plan: Plan,
) -> Array:
    """Derivatives of values with respect to parameters, exact for the numbers the steps give.

    Forward mode: one pass carries the derivatives by all parameters along.

    **Arguments:**

    - `model`, `patients`: as of `ketasim.engine.solve`.
    - `times`: h, ascending, shape (T,).
    - `outputs`: Q names, as of `solve`.
    - `parameters`: P names of parameters or covariates of the model; doses in mg stay as they are.
    - `plan`: the steps.

    **Returns:** unit of the output per unit of the parameter, shape (n, T, Q, P); not a number
    after a patient's horizon.

    **Raises:** `InputError` for a name the model does not know, or one that moves a dose in time.
    """
    patients.require(model)
    _check_parameters(model, patients, parameters)
    request = request_of(model, tuple(outputs))
    hours = np.asarray(times, np.float64)
    found = np.full((patients.n, len(hours), len(outputs), len(parameters)), np.nan)
    for group in groups_of(model, patients):
        horizon = patients.calendars[group.calendar].horizon
        asked = hours[hours <= horizon + 1e-9]
        found[group.members, : len(asked)] = _of_group(
            model, patients.take(group.members), group.calendar, asked, request, parameters, plan
        )
    return found


def _check_parameters(model: ChainModel, patients: Patients, names: Sequence[str]) -> None:
    pk = model.pharmacokinetics
    known = {s.name for s in (*pk.parameters, *pk.covariates, *model.response.parameters)}
    timed = _timing(pk, [dose for one in patients.calendars for dose in one.doses])
    for name in names:
        if name not in known:
            raise InputError("parameters", f"'{model.name}' has no '{name}'", near(name, known))
        if name in timed:
            raise InputError(
                "parameters",
                f"'{name}' moves an input in time, and with it the steps",
                "use method='differences'",
            )


def _timing(pk: LinearModel, doses: Sequence[DoseLike]) -> set[str]:
    """Parameters on which lags and release durations of the doses depend."""
    texts = {d.name: d.expression for d in pk.definitions}
    found: set[str] = set()
    branches = (b for dose in doses for b in pk.branches_of(dose.route, dose.drug))
    left = [text for b in branches for text in (b.lag, b.duration) if text is not None]
    while left:
        for name in names_in(left.pop()) - found:
            found.add(name)
            left += [texts[name]] if name in texts else []
    return found


def _of_group(
    model: ChainModel,
    patients: Patients,
    calendar: int,
    times: Array,
    request: Request,
    parameters: tuple[str, ...],
    plan: Plan,
) -> Array:
    """Derivatives of patients who are solved together, shape (n, T, Q, P)."""
    doses, horizon = patients.calendars[calendar].doses, patients.calendars[calendar].horizon
    system = system_of(model, patients.values, doses, patients.weight, horizon, request.rows)
    grid = grid_of(plan.profile, list(system.breaks), system.running)
    system, inputs, milligrams = _with_inputs(model, patients, doses, horizon, system)
    kind = kind_of(model.response, system)
    declared = _Declared(
        model, kind, request, tuple(s.stream.prefix for s in system.streams), inputs, parameters
    )
    outputs = place_outputs(grid, times)
    laid = calendar_arrays(system, grid, outputs, kind.targets)
    pk, n = model.pharmacokinetics, patients.n
    symbols = (*pk.parameters, *pk.covariates, *model.response.parameters)
    values = {s.name: np.broadcast_to(patients.values[s.name], (n,)) for s in symbols}
    numbers = 3 * len(laid["first"]) * len(model.response.states) * max(len(parameters), 1)
    room = 2 ** max(int(np.log2(max(_KEPT // numbers, 1))), 3)
    size = min(room, padded(n, 4))
    found = np.empty((n, len(times), len(request.names), len(parameters)))
    with jax.enable_x64(True):
        laid = typed(laid, np.float64)
        for first in range(0, n, size):
            which = np.minimum(np.arange(first, first + size), n - 1)
            own = {name: value[which] for name, value in values.items()}
            slopes = _derivative(declared)(own, milligrams[:, which], laid)
            part = np.asarray(slopes)[:, : len(times)].transpose(3, 1, 2, 0)
            found[first : first + size] = part[: n - first]
    return found


def _with_inputs(
    model: ChainModel,
    patients: Patients,
    doses: Sequence[DoseLike],
    horizon: float,
    system: System,
) -> tuple[System, tuple[tuple[int, str], ...], Array]:
    """The system with every amount kept apart that may have its own derivative.

    **Returns:** the system; for every amount its stream and the expression that its milligrams are
    multiplied with; the milligrams, shape (I, n).
    """
    pk, end = model.pharmacokinetics, system.breaks[-1]
    segment = {time: number for number, time in enumerate(system.breaks[:-1])}
    amounts: dict[tuple[int, str, bytes], int] = {}
    milligrams: list[Array] = []
    events: list[Event] = []
    for number, part in enumerate(system.streams):
        resolved = pk.resolve({**patients.values, "R": _is_r(part.stream.prefix)})
        shares = {
            drug: sum(s.share for s in streams if s.prefix == part.stream.prefix)
            for drug, streams in pk.streams.items()
        }
        given = [
            (dose, branch)
            for dose in doses
            if shares[dose.drug]
            for branch in pk.branches_of(dose.route, dose.drug)
        ]
        inputs = inputs_of(pk, doses, resolved, patients.weight, part.stream)
        for (dose, branch), one in zip(given, inputs, strict=True):
            if one.start >= horizon or one.state not in part.structure.states:
                continue
            later = dose.device > 0 and branch.later_fraction is not None
            text = str(branch.later_fraction) if later else branch.fraction
            mass = shares[dose.drug] * np.asarray(dose.milligrams(patients.weight), np.float64)
            mass = np.broadcast_to(mass, (patients.n,))
            source = amounts.setdefault((number, text, mass.tobytes()), len(milligrams))
            if source == len(milligrams):
                milligrams.append(mass)
            state = part.structure.states.index(one.state)
            begin, stop = max(rounded(one.start), 0.0), rounded(one.start + one.duration)
            kinds = ((begin, START), (stop, END)) if one.duration > 0 else ((begin, PULSE),)
            events += [
                Event(segment[time], kind, number, state, source, one.duration)
                for time, kind in kinds
                if time < end
            ]
    inputs = tuple((number, text) for number, text, _ in amounts)
    table = np.stack(milligrams) if milligrams else np.zeros((1, patients.n))
    return replace(system, events=tuple(events)), inputs or ((0, "0"),), table


def _is_r(prefix: str) -> float:
    return 1.0 if prefix == "r" else 0.0


@lru_cache(maxsize=64)
def _derivative(declared: _Declared) -> Any:
    """A compiled function of values, milligrams and a calendar: derivatives, shape (P, T, Q, n)."""
    model, request, names = declared.model, declared.request, declared.parameters
    cascade = cascade_of(model.response)
    signals = len(model.response.signals)

    def read(values: Mapping[str, Any], milligrams: Any, laid: Mapping[str, Any]) -> Any:
        people = _people(declared, values, milligrams)
        rows, states = simulate(declared.kind, cascade, people, laid)
        seen: list[Any] = []
        if (request.kind == QUANTITY).any():
            _, _, observe = bind(cascade, people["parameters"], FUNCTIONS)
            moment = (jnp.moveaxis(one, 1, 0) for one in (states, rows[:, :signals]))
            seen = list(observe(*(tuple(one) for one in moment)).values())
        columns = [
            seen[i] if kind == QUANTITY else (states if kind == STATE else rows)[:, i]
            for kind, i in zip(request.kind.tolist(), request.index.tolist(), strict=True)
        ]
        return jnp.stack([jnp.broadcast_to(one, states[:, 0].shape) for one in columns], 1)

    def slopes(values: Mapping[str, Any], milligrams: Any, laid: Mapping[str, Any]) -> Any:
        place = [values[name] for name in names]

        def along(direction: Any) -> Any:
            def moved(*now: Any) -> Any:
                return read({**values, **dict(zip(names, now, strict=True))}, milligrams, laid)

            moves = [jnp.broadcast_to(one, place[0].shape) for one in direction]
            return jax.jvp(moved, tuple(place), tuple(moves))[1]

        return jax.vmap(along)(jnp.eye(len(names)))

    return jax.jit(slopes)


def _people(declared: _Declared, values: Mapping[str, Any], milligrams: Any) -> dict[str, Any]:
    """What `System` holds of the patients, of traced values."""
    model, kind = declared.model, declared.kind
    pk, response = model.pharmacokinetics, model.response
    like = milligrams[0]
    # a declared expression finds the functions of the array library among its symbols
    known = {**FUNCTIONS, **values}
    of_response = dict(known)
    for one in response.definitions:
        of_response[one.name] = evaluate(one.expression, of_response)
    matrices: list[Any] = []
    tables: list[Any] = []
    of_stream: list[dict[str, Any]] = []
    for prefix, blocks in zip(declared.prefixes, kind.blocks, strict=True):
        resolved = {**known, "R": _is_r(prefix), "t": 0.0}
        for one in pk.definitions:
            resolved[one.name] = evaluate(one.expression, resolved)
        of_stream.append(resolved)
        matrices.append(_matrix(pk, blocks, resolved, like))
        tables.append(_table(declared, prefix, blocks, resolved, of_response, like))

    def stacked(found: Sequence[Any]) -> Any:
        return jnp.stack(
            [jnp.broadcast_to(jnp.asarray(one, like.dtype), like.shape) for one in found]
        )

    shares = [
        evaluate(text, of_stream[number]) if of_stream else 0.0 for number, text in declared.inputs
    ]
    names = [*(p.name for p in response.parameters), *(d.name for d in response.definitions)]
    return {
        "matrices": matrices,
        "tables": tables,
        "amounts": stacked(shares) * milligrams,
        "parameters": {name: of_response[name] for name in names},
        "initial": stacked([evaluate(s.initial, of_response) for s in response.states]),
        "losses": stacked([evaluate(s.loss, of_response) for s in response.states]),
        "rows": jnp.zeros((len(declared.request.rows), 0)),
    }


def _matrix(pk: LinearModel, blocks: Blocks, resolved: Mapping[str, Any], like: Any) -> Any:
    """The rate matrix as of `LinearModel.rate_matrix`, shape (m, m, n), equal losses apart."""
    states = blocks.states
    index = {name: i for i, name in enumerate(states)}
    cells = [[jnp.zeros_like(like)] * len(states) for _ in states]
    for flow in pk.flows:
        if flow.source not in index:
            continue
        column, rate = index[flow.source], evaluate(flow.rate, resolved)
        if flow.consumes:
            cells[column][column] -= rate
        if flow.target in index:
            cells[index[flow.target]][column] += rate * evaluate(flow.produced, resolved)
    table = jnp.stack([jnp.stack(row) for row in cells])
    scale = [jnp.ones_like(like) for _ in states]
    for block in blocks.structure().blocks:
        for number, i in enumerate(block):
            for j in block[:number]:
                near = jnp.abs(cells[i][i] - cells[j][j]) < _APART * jnp.abs(cells[i][i])
                scale[i] = jnp.where(near, 1.0 + 4.0 * number * _APART, scale[i])
    # all that leaves a state, so that no drug is lost on the way
    return table * jnp.stack(scale)


def _table(
    declared: _Declared,
    prefix: str,
    blocks: Blocks,
    resolved: Mapping[str, Any],
    response: Mapping[str, Any],
    like: Any,
) -> Any:
    """Weight of every state in every row, shape (R, m, n)."""
    pk = declared.model.pharmacokinetics
    column = {name: i for i, name in enumerate(blocks.states)}
    cells = [[jnp.zeros_like(like)] * len(column) for _ in declared.request.rows]
    for number, row in enumerate(declared.request.rows):
        for (quantity, site), text in row.parts.items():
            plain = _plain(quantity, pk)
            if plain != quantity and not quantity.startswith(f"{prefix}_"):
                continue
            factor = 1.0 if text is None else evaluate(text, response)
            for state, per in _read(pk, plain, site, resolved):
                if state in column:
                    cells[number][column[state]] += factor * per
    return jnp.stack([jnp.stack(row) for row in cells])
