# pyright: basic
# reason for basic: jax types few of its functions, and a traced value is of no type that helps
"""The scheme of the NumPy back end as JAX traces it: modes, one loop over steps, read-out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ketasim.engine.backends.numpy.arrays import bind
from ketasim.engine.grid import Grid, OutputPlan
from ketasim.engine.linear.modes import Structure, _move_apart, block_modes
from ketasim.engine.response.cascade import Cascade
from ketasim.engine.response.weights import step_weights
from ketasim.engine.system import END, PULSE, System
from ketasim.models import ResponseModel

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
class Blocks:
    """A `Structure` that can be compared."""

    states: tuple[str, ...]
    starts: tuple[int, ...]
    parents: tuple[int, ...]
    flows: bytes
    follows: bytes

    @staticmethod
    def of(structure: Structure) -> Blocks:
        """Of a structure."""
        return Blocks(
            structure.states,
            structure.starts,
            structure.parents,
            structure.flows.tobytes(),
            structure.follows.tobytes(),
        )

    def structure(self) -> Structure:
        """As `ketasim.engine.linear.modes` takes it."""
        m = len(self.states)
        flows, follows = (
            np.frombuffer(one, np.bool_).reshape(m, m) for one in (self.flows, self.follows)
        )
        return Structure(self.states, self.starts, self.parents, flows, follows)


@dataclass(frozen=True)
class Kind:
    """What a compiled run depends on, shapes apart.

    **Arguments:**

    - `response`: the declaration, known by identity.
    - `blocks`: of every stream.
    - `targets`: (stream, state) of every input.
    """

    response: ResponseModel
    blocks: tuple[Blocks, ...]
    targets: tuple[tuple[int, int], ...]


def padded(count: int, parts: int) -> int:
    """The next of `parts` sizes between powers of two: few sizes, so little is compiled anew."""
    grain = max(2 ** (max(count - 1, 1).bit_length() - 1) // parts, 1)
    return -(-count // grain) * grain


def filled(table: Any, shape: Sequence[int], value: float = 0.0) -> Any:
    """A table made larger at its ends."""
    width = [(0, new - old) for old, new in zip(np.shape(table), shape, strict=True)]
    return np.pad(table, width, constant_values=value)


def calendar_arrays(
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
    all_inputs, all_segments = padded(max(len(sources), 4), 4), padded(segments, 8)
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
    all_steps, all_times = padded(steps + 1, 8), padded(max(times, 1), 8)
    sizes = np.zeros(padded(len(grid.sizes) + 1, 8))
    sizes[: len(grid.sizes)] = grid.sizes
    segment_of = np.repeat(np.arange(segments), np.diff(grid.segments))
    first = np.zeros(all_steps, np.bool_)
    first[grid.segments[:-1]] = True
    segment_at = np.zeros(all_times, np.int64)
    segment_at[:times] = segment_of[outputs.step_of]
    begins = filled(grid.breaks[:-1], (all_segments,))
    return {
        "pulses": pulses,
        "rates": rates,
        "entry": filled([targets.index(one[:2]) for one in sources] or [0], (all_inputs,)),
        "source": filled([one[2] for one in sources] or [0], (all_inputs,)),
        "lengths": filled(np.diff(grid.breaks), (all_segments,)),
        "sizes": sizes,
        "size_of": filled(grid.size_of, (all_steps,), len(grid.sizes)),
        "segment_of": filled(segment_of, (all_steps,), segments - 1),
        "first": first,
        "segment_at": segment_at,
        "after": filled(outputs.times - begins[segment_at[:times]], (all_times,)),
        "anchor": filled(outputs.anchor, (all_times,), 1),
        "shape": filled(outputs.shape, (all_times, 6)),
    }


def kind_of(response: ResponseModel, system: System) -> Kind:
    """What a compiled run of a system depends on."""
    targets = tuple(sorted({(e.stream, e.state) for e in system.events}))
    blocks = tuple(Blocks.of(s.structure) for s in system.streams)
    return Kind(response, blocks, targets or ((0, 0),))


# the solution -------------------------------------------------------------------------------------


def simulate(kind: Kind, cascade: Cascade, people: Mapping[str, Any], laid: Mapping[str, Any]):
    """Rows (T, R, n) and states (T, Y, n) of traced arrays.

    **Arguments:**

    - `people`: `matrices`, `tables` (weights of rows), `amounts`, `parameters`, `initial`, `losses`
      as of `System`.
    - `laid`: what `calendar_arrays` returned.
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
    weights = jnp.stack([table[name][:, int(state)] for name, state in names], 1)
    like = people["initial"][0]

    def seen(modes: Any) -> tuple[Any, ...]:
        return tuple((signals * modes).sum(axis=1))

    def spread(productions: Any) -> tuple[Any, ...]:
        return tuple(jnp.broadcast_to(one, like.shape).astype(like.dtype) for one in productions)

    def begun(now: Any, segment: Any) -> tuple[Any, Any]:
        modes = begins[segment]
        return modes, spread(start(now, seen(modes)))

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
        after, final = step(now, production, seen(middle), seen(end), tuple(weights[size]))
        after, final = spread(after), spread(final)
        return (after, final, end), jnp.stack([*now, *production, *final])

    rest = jnp.asarray(cascade.origin, like.dtype)
    now = tuple(people["initial"] - rest)
    _, kept = lax.scan(
        over_step,
        (now, spread([0.0] * len(now)), jnp.zeros_like(rates)),
        (laid["size_of"], laid["segment_of"], laid["first"]),
    )
    states, before, behind = jnp.split(kept, 3, axis=1)
    anchor, shape = laid["anchor"], laid["shape"][:, :, None, None]
    earlier, here, later = (states[anchor + k] for k in (-1, 0, 1))
    read = shape[:, 0] * earlier + shape[:, 1] * here + shape[:, 2] * later
    read += shape[:, 3] * (before[anchor - 1] - losses * earlier)
    read += shape[:, 4] * (before[anchor] - losses * here)
    read += shape[:, 5] * (behind[anchor] - losses * later)
    growth, filled = _growth(rates, laid["after"][:, None, None])
    at = laid["segment_at"]
    modes = begins[at] * growth + supply[at] * filled
    return (rows[None] * modes[:, None]).sum(axis=2), read + rest


def _growth(rates: Any, after: Any) -> tuple[Any, Any]:
    """What is left of one in a mode after a time, and what one an hour has become."""
    still = jnp.abs(rates) < 1e-14
    safe = jnp.where(still, 1.0, rates)
    exponent = rates * after
    return jnp.exp(exponent), jnp.where(still, after, jnp.expm1(exponent) / safe)


def _modes(kind: Kind, people: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    """Rates (M, n), entries (E, M, n) and rows (R, M, n), as of `LinearModes`."""
    rates: list[Any] = []
    rows: list[Any] = []
    entries: list[list[Any]] = [[] for _ in kind.targets]
    for number, blocks in enumerate(kind.blocks):
        matrix, table = people["matrices"][number], people["tables"][number]
        found, right, left = _decomposed(matrix, blocks.structure())
        rates.append(found)
        rows.append(_product(table, right))
        for place, (stream, state) in enumerate(kind.targets):
            own = left[:, state]
            entries[place].append(own if stream == number else jnp.zeros_like(own))
    if not rates:
        nothing = jnp.zeros_like(people["amounts"][:1])
        return nothing, nothing[None], jnp.zeros((len(people["rows"]), *nothing.shape))
    return (
        jnp.concatenate(rates),
        jnp.stack([jnp.concatenate(one) for one in entries]),
        jnp.concatenate(rows, 1),
    )


def _product(left: Any, right: Any) -> Any:
    """Product of small matrices, one a patient: (a, b, n) by (b, c, n)."""
    return (left[:, :, None] * right[None]).sum(axis=1)


def _decomposed(matrix: Any, structure: Structure) -> tuple[Any, Any, Any]:
    """Rates (m, n), right and left vectors (m, m, n) of `ketasim.engine.linear.modes.modes_of`.

    The vectors of a block are carried into another together, not one by one: what is compiled is a
    tenth as long.
    """
    blocks = structure.blocks
    own = [block_modes(matrix, structure, block, jnp) for block in blocks]
    apart = [one for found, _, _ in own for one in found]
    rates = jnp.stack(apart)
    _move_apart(apart, structure, jnp)
    # rates are moved, but each keeps its own derivative
    rates = rates + lax.stop_gradient(jnp.stack(apart) - rates)
    zeros = [[jnp.zeros_like(matrix[: len(a), : len(b)]) for b in blocks] for a in blocks]
    right, left = [list(row) for row in zeros], [list(row) for row in zeros]
    for i, block in enumerate(blocks):
        _, right[i][i], left[i][i] = own[i]
        mine = rates[block.start : block.stop]
        for j in range(i + 1, len(blocks)):
            if structure.follows[blocks[j].start, block.start]:
                part = slice(blocks[j].start, blocks[j].stop)
                pushed = sum(
                    _product(matrix[part, blocks[k].start : blocks[k].stop], right[k][i])
                    for k in range(i, j)
                )
                _, vectors, inverse = own[j]
                shares = _product(inverse, pushed) / (mine[None] - rates[part][:, None])
                right[j][i] = _product(vectors, shares)
        for j in range(i - 1, -1, -1):
            if structure.follows[block.start, blocks[j].start]:
                part = slice(blocks[j].start, blocks[j].stop)
                pushed = sum(
                    _product(left[i][k], matrix[blocks[k].start : blocks[k].stop, part])
                    for k in range(j + 1, i + 1)
                )
                _, vectors, inverse = own[j]
                shares = _product(pushed, vectors) / (mine[:, None] - rates[part][None])
                left[i][j] = _product(shares, inverse)
    joined = [
        jnp.concatenate([jnp.concatenate(row, 1) for row in table]) for table in (right, left)
    ]
    return rates, joined[0], joined[1]


def typed(tree: Any, dtype: Any) -> Any:
    """The same with the arithmetic's types, whatever the types of the user's process are."""

    def one(array: Any) -> Any:
        array = np.asarray(array)
        kind = {"f": dtype, "b": np.bool_}.get(array.dtype.kind, np.int32)
        return array.astype(kind, copy=False)

    return jax.tree.map(one, tree)
