# pyright: basic
# reason for basic: jax types few of its functions, and a traced value is of no type that helps
"""The JAX back end: the scheme of the NumPy back end as one compiled loop, with derivatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from numpy.typing import NDArray

from ketasim._base import InputError, near
from ketasim.engine.arrays import bind
from ketasim.engine.cascade import Cascade, cascade_of
from ketasim.engine.grid import Grid, OutputPlan, grid_of, place_outputs, rounded
from ketasim.engine.inputs import inputs_of
from ketasim.engine.modes import Structure, modes_of
from ketasim.engine.patients import Group, Patients, groups_of
from ketasim.engine.plan import Plan
from ketasim.engine.system import END, PULSE, START, Event, System, system_of
from ketasim.engine.trajectories import QUANTITY, STATE, Name, Request, request_of
from ketasim.engine.weights import step_weights
from ketasim.models import AMOUNT, ChainModel, LinearModel, ResponseModel, evaluate, names_in

Array = NDArray[np.float64]

_DECOMPOSED_APART = 1e-6  # rates of a block closer than this part have no useful derivative
_JACOBIAN_NUMBERS = 12_000_000  # of the tangents kept over the steps, about 100 MB
_NG_PER_ML = 1000.0  # 1 mg/L in ng/mL


# arithmetic ---------------------------------------------------------------------------------------


def _power(base: Any, exponent: Any) -> Any:
    """A power of what is zero or more; its slope at zero, which may be infinite, counts as none."""
    above = base > 0.0
    return jnp.where(above, jnp.where(above, base, 1.0) ** exponent, 0.0**exponent)


def _sqrt(value: Any) -> Any:
    """A root; its slope at zero counts as none."""
    zero = value == 0.0
    return jnp.where(zero, 0.0, jnp.sqrt(jnp.where(zero, 1.0, value)))


FUNCTIONS: Mapping[str, Any] = {
    "exp": jnp.exp,
    "log": jnp.log,
    "sqrt": _sqrt,
    "maximum": jnp.maximum,
    "minimum": jnp.minimum,
    "power": _power,
}

# jax halves the slope where both arguments are equal, which weights of a step must not
_ONE_SIDED = SimpleNamespace(
    exp=jnp.exp,
    where=jnp.where,
    zeros_like=jnp.zeros_like,
    maximum=lambda a, b: jnp.where(a >= b, a, b),
    minimum=lambda a, b: jnp.where(a <= b, a, b),
)


# what is compiled for -----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Blocks:
    """A `Structure` that can be compared."""

    states: tuple[str, ...]
    starts: tuple[int, ...]
    parents: tuple[int, ...]
    flows: bytes
    follows: bytes

    @staticmethod
    def of(structure: Structure) -> _Blocks:
        return _Blocks(
            structure.states,
            structure.starts,
            structure.parents,
            structure.flows.tobytes(),
            structure.follows.tobytes(),
        )

    def structure(self) -> Structure:
        m = len(self.states)
        flows, follows = (
            np.frombuffer(one, np.bool_).reshape(m, m) for one in (self.flows, self.follows)
        )
        return Structure(self.states, self.starts, self.parents, flows, follows)


@dataclass(frozen=True)
class _Kind:
    """What a compiled run depends on, shapes apart.

    **Arguments:**

    - `response`: the declaration, known by identity.
    - `blocks`: of every stream.
    - `targets`: (stream, state) of every input.
    """

    response: ResponseModel
    blocks: tuple[_Blocks, ...]
    targets: tuple[tuple[int, int], ...]


def _padded(count: int, parts: int) -> int:
    """The next of `parts` sizes between powers of two: few sizes, so little is compiled anew."""
    grain = max(2 ** (max(count - 1, 1).bit_length() - 1) // parts, 1)
    return -(-count // grain) * grain


def _filled(table: Any, shape: Sequence[int], value: float = 0.0) -> Any:
    """A table made larger at its ends."""
    width = [(0, new - old) for old, new in zip(np.shape(table), shape, strict=True)]
    return np.pad(table, width, constant_values=value)


def _calendar(
    system: System, grid: Grid, outputs: OutputPlan, targets: Sequence[tuple[int, int]]
) -> dict[str, Any]:
    """Steps, inputs and requested times, in few sizes.

    Steps, segments and times are added behind the last: steps and segments of no length change
    nothing, and what is read for the added times is dropped. At least one step is added, so that
    every step of the calendar has one behind it.
    """
    sources = sorted({(e.stream, e.state, e.source) for e in system.events})
    place = {one: number for number, one in enumerate(sources)}
    segments, steps, times = len(grid.segments) - 1, grid.steps, len(outputs.times)
    all_inputs, all_segments = _padded(max(len(sources), 1), 4), _padded(segments, 8)
    pulses = np.zeros((all_segments, all_inputs))
    change = np.zeros((all_segments, all_inputs))
    runs = np.zeros((all_segments, all_inputs), np.int64)
    for event in system.events:
        at = event.segment, place[event.stream, event.state, event.source]
        if event.kind == PULSE:
            pulses[at] += 1.0
        else:
            sign = -1 if event.kind == END else 1
            change[at] += sign / event.duration
            runs[at] += sign
    # what rounding leaves of inputs that have ended would run on for ever
    rates = np.where(np.cumsum(runs, axis=0) > 0, np.cumsum(change, axis=0), 0.0)
    all_steps, all_times = _padded(steps + 1, 8), _padded(max(times, 1), 8)
    sizes = np.zeros(_padded(len(grid.sizes) + 1, 8))
    sizes[: len(grid.sizes)] = grid.sizes
    segment_of = np.repeat(np.arange(segments), np.diff(grid.segments))
    first = np.zeros(all_steps, np.bool_)
    first[grid.segments[:-1]] = True
    segment_at = np.zeros(all_times, np.int64)
    segment_at[:times] = segment_of[outputs.step_of]
    begins = _filled(grid.breaks[:-1], (all_segments,))
    return {
        "pulses": pulses,
        "rates": rates,
        "entry": _filled([targets.index(one[:2]) for one in sources] or [0], (all_inputs,)),
        "source": _filled([one[2] for one in sources] or [0], (all_inputs,)),
        "lengths": _filled(np.diff(grid.breaks), (all_segments,)),
        "sizes": sizes,
        "size_of": _filled(grid.size_of, (all_steps,), len(grid.sizes)),
        "segment_of": _filled(segment_of, (all_steps,), segments - 1),
        "first": first,
        "segment_at": segment_at,
        "after": _filled(outputs.times - begins[segment_at[:times]], (all_times,)),
        "anchor": _filled(outputs.anchor, (all_times,), 1),
        "shape": _filled(outputs.shape, (all_times, 6)),
    }


def _targets(events: Sequence[Event]) -> tuple[tuple[int, int], ...]:
    return tuple(sorted({(e.stream, e.state) for e in events})) or ((0, 0),)


# the solution -------------------------------------------------------------------------------------


def _simulate(kind: _Kind, cascade: Cascade, people: Mapping[str, Any], laid: Mapping[str, Any]):
    """Rows (T, R, n) and states (T, Y, n) of traced arrays.

    **Arguments:**

    - `people`: `matrices`, `tables` (weights of rows), `amounts`, `parameters`, `initial`, `losses`
      as of `System`.
    - `laid`: what `_calendar` returned.
    """
    rates, entries, rows = _modes(kind, people)
    signals = rows[: len(cascade.model.signals)]
    given = entries[laid["entry"]] * people["amounts"][laid["source"]][:, None]
    jumps, supply = (
        jnp.einsum("gu,umn->gmn", laid[name], given, precision="highest")
        for name in ("pulses", "rates")
    )

    def over_segment(state: Any, one: Any) -> tuple[Any, Any]:
        jump, flow, length = one
        begin = state + jump
        growth, filled = _growth(rates, length)
        return begin * growth + flow * filled, begin

    _, begins = lax.scan(over_segment, jnp.zeros_like(rates), (jumps, supply, laid["lengths"]))

    start, step, _ = bind(cascade, people["parameters"], FUNCTIONS)
    losses = people["losses"]
    sizes = laid["sizes"]
    halves, fills = _growth(rates, 0.5 * sizes[:, None, None])
    table = step_weights(losses[None], sizes[:, None, None], _ONE_SIDED)
    names = [one.rsplit("_", 1) for one in cascade.used]
    weights = [table[name][:, int(state)] for name, state in names]

    def seen(modes: Any) -> tuple[Any, ...]:
        return tuple((signals * modes).sum(axis=1))

    def over_step(carried: Any, one: Any) -> tuple[Any, Any]:
        now, production, modes = carried
        size, segment, first = one
        modes, production = lax.cond(
            first,
            lambda: (
                begins[segment],
                tuple(jnp.broadcast_to(p, now[0].shape) for p in start(now, seen(begins[segment]))),
            ),
            lambda: (modes, production),
        )
        growth, flow = halves[size], fills[size] * supply[segment]
        middle = modes * growth + flow
        end = middle * growth + flow
        after, final = step(now, production, seen(middle), seen(end), [w[size] for w in weights])
        final = tuple(jnp.broadcast_to(p, now[0].shape) for p in final)
        return (after, final, end), (now, production, final)

    now = tuple(people["initial"])
    nothing = tuple(jnp.zeros_like(one) for one in now)
    _, (states, before, behind) = lax.scan(
        over_step,
        (now, nothing, jnp.zeros_like(rates)),
        (laid["size_of"], laid["segment_of"], laid["first"]),
    )
    anchor, shape = laid["anchor"], laid["shape"][:, :, None]
    read = [
        shape[:, 0] * y[anchor - 1]
        + shape[:, 1] * y[anchor]
        + shape[:, 2] * y[anchor + 1]
        + shape[:, 3] * (f[anchor - 1] - k * y[anchor - 1])
        + shape[:, 4] * (f[anchor] - k * y[anchor])
        + shape[:, 5] * (l[anchor] - k * y[anchor + 1])
        for y, f, l, k in zip(states, before, behind, losses, strict=True)
    ]
    growth, filled = _growth(rates, laid["after"][:, None, None])
    at = laid["segment_at"]
    modes = begins[at] * growth + supply[at] * filled
    return (rows[None] * modes[:, None]).sum(axis=2), jnp.stack(read, 1)


def _growth(rates: Any, after: Any) -> tuple[Any, Any]:
    """What is left of one in a mode after a time, and what one an hour has become."""
    still = jnp.abs(rates) < 1e-14
    safe = jnp.where(still, 1.0, rates)
    exponent = rates * after
    return jnp.exp(exponent), jnp.where(still, after, jnp.expm1(exponent) / safe)


def _modes(kind: _Kind, people: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    """Rates (M, n), entries (E, M, n) and rows (R, M, n), as of `LinearModes`."""
    rates, rows = [], []
    entries: list[list[Any]] = [[] for _ in kind.targets]
    for number, blocks in enumerate(kind.blocks):
        matrix, table = people["matrices"][number], people["tables"][number]
        modes = modes_of(matrix, blocks.structure(), jnp)
        rates.append(modes.rates)
        rows.append((table[:, :, None] * modes.right[None]).sum(axis=1))
        for place, (stream, state) in enumerate(kind.targets):
            own = modes.left[:, state]
            entries[place].append(own if stream == number else jnp.zeros_like(own))
    if not rates:
        nothing = jnp.zeros((1, people["initial"].shape[1]), people["initial"].dtype)
        return nothing, nothing[None], jnp.zeros((people["rows"].shape[0], *nothing.shape))
    return (
        jnp.concatenate(rates),
        jnp.stack([jnp.concatenate(one) for one in entries]),
        jnp.concatenate(rows, 1),
    )


@lru_cache(maxsize=64)
def _compiled(kind: _Kind) -> Any:
    cascade = cascade_of(kind.response)
    return jax.jit(lambda people, laid: _simulate(kind, cascade, people, laid))


def solve_jax(
    cascade: Cascade,
    system: System,
    grid: Grid,
    outputs: OutputPlan,
    *,
    dtype: Any = np.float64,
) -> tuple[Array, Array]:
    """Solve a system with JAX, by the scheme of `ketasim.engine.arrays.solve_arrays`.

    What is compiled serves every later call of similar size: patients, steps and times are filled up
    to one of a few sizes.

    **Main arguments:**

    - `cascade`: the step of the response.
    - `system`: the patients and their calendar.
    - `grid`, `outputs`: the steps, and where the requested times lie in them.

    **Other arguments:**

    - `dtype`: of the arithmetic; `float32` is for measuring what it would save.

    **Returns:** rows, shape (T, R, n), and states of the response, shape (T, Y, n).
    """
    n = _padded(system.n, 4)
    spread = np.minimum(np.arange(n), system.n - 1)
    wide = system.take(spread) if n > system.n else system
    kind = _Kind(
        cascade.model,
        tuple(_Blocks.of(s.structure) for s in system.streams),
        _targets(system.events),
    )
    used = {*cascade.step.parameters, *cascade.start.parameters}
    people = {
        "matrices": [s.matrix for s in wide.streams],
        "tables": [s.rows for s in wide.streams],
        "amounts": wide.amounts,
        "parameters": {name: wide.parameters[name] for name in sorted(used)},
        "initial": wide.initial,
        "losses": wide.losses,
        "rows": np.zeros((system.rows, 0)),
    }
    laid = _calendar(system, grid, outputs, kind.targets)
    with jax.enable_x64(np.dtype(dtype) == np.float64):
        people, laid = jax.tree.map(lambda a: _typed(a, dtype), (people, laid))
        rows, states = jax.device_get(_compiled(kind)(people, laid))
    times = len(outputs.times)
    return tuple(np.asarray(one[:times, :, : system.n], np.float64) for one in (rows, states))


def _typed(array: Any, dtype: Any) -> Any:
    array = np.asarray(array)
    if array.dtype == np.float64:
        return array.astype(dtype, copy=False)
    return array if array.dtype == np.bool_ else array.astype(np.int32)
