"""The linear block as a sum of exponentials: rates and vectors of its modes.

Compartments that exchange drug both ways form blocks; drug moves from block to block one way only.
Within a block the rate matrix is symmetric after scaling, so its rates are real and its vectors
orthogonal. Vectors of the whole follow block by block from those before, without a large
eigenproblem.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.models import LinearModel

Array = NDArray[np.float64]
Table = list[list[Any]]

# Equal rates in a row have no vectors of their own. They are moved apart by this part, to either
# side of their mean. What leaves the second of two compartments in a row changes by its square;
# where one of the rates belongs to a block of several compartments, by the part itself.
APART = 1e-5


@dataclass(frozen=True)
class Structure:
    """Which states exchange drug, and in which order it moves on.

    **Arguments:**

    - `states`: names, upstream first; states of one block stand together.
    - `starts`: first position of every block, and behind them the number of states.
    - `parents`: for each state another of its block through which it is reached, or -1.
    - `flows`: whether drug moves from the second to the first, shape (m, m).
    - `follows`: whether the first is reached from the second over any way between blocks.
    """

    states: tuple[str, ...]
    starts: tuple[int, ...]
    parents: tuple[int, ...]
    flows: NDArray[np.bool_]
    follows: NDArray[np.bool_]

    @cached_property
    def blocks(self) -> tuple[range, ...]:
        """Positions of the states of each block."""
        return tuple(range(a, b) for a, b in zip(self.starts, self.starts[1:], strict=False))

    @cached_property
    def before(self) -> list[list[list[int]]]:
        """States of other blocks that hand on to a state what they hold of a mode.

        First index: the state that the mode belongs to. Second: the state that gets it.
        """
        return self._sources(self.flows, self.follows.T)

    @cached_property
    def behind(self) -> list[list[list[int]]]:
        """The same against the flow: states of other blocks that get something of a state."""
        return self._sources(self.flows.T, self.follows)

    def _sources(
        self, flows: NDArray[np.bool_], follows: NDArray[np.bool_]
    ) -> list[list[list[int]]]:
        apart = np.ones_like(flows)
        for block in self.blocks:
            apart[block.start : block.stop, block.start : block.stop] = False
        states = range(len(self.states))
        given = flows & apart
        return [
            [np.flatnonzero(given[state] & follows[mode]).tolist() for state in states]
            for mode in states
        ]


def structure_of(model: LinearModel, keep: Sequence[str]) -> Structure | None:
    """Find the blocks of a linear model.

    **Arguments:**

    - `model`: the declaration.
    - `keep`: the states wanted, as `LinearModel.reachable` returns them.

    **Returns:** nothing when the model has no real modes in general: its rates change with time, or
    drug goes round in a circle.
    """
    if model.time_varying:
        return None
    flows = tuple((flow.source, flow.target) for flow in model.flows)
    return _structure(flows, tuple(keep))


@lru_cache(maxsize=200)
def _structure(
    flows: tuple[tuple[str, str | None], ...], keep: tuple[str, ...]
) -> Structure | None:
    index = {name: i for i, name in enumerate(keep)}
    m = len(keep)
    direct = np.zeros((m, m), np.bool_)
    for source, target in flows:
        if source in index and target in index:
            direct[index[target], index[source]] = True
    reach = direct | np.eye(m, dtype=np.bool_)
    for _ in range(m):
        reach = reach | (reach.astype(np.int64) @ reach.astype(np.int64) > 0)
    order: list[int] = []
    starts = [0]
    parents: list[int] = []
    left: list[int] = list(range(m))
    while left:
        first = next(i for i in left if all(reach[j, i] for j in left if reach[i, j]))
        block = [j for j in left if reach[first, j] and reach[j, first]]
        tree = _tree(direct, block)
        if tree is None:
            return None
        for state, parent in tree:
            parents.append(-1 if parent is None else order.index(parent))
            order.append(state)
        starts.append(len(order))
        left = [j for j in left if j not in block]
    positions = np.asarray(order, np.intp)
    if m == 0:
        positions = np.zeros(0, np.intp)
    square = np.ix_(positions, positions)
    return Structure(
        states=tuple(keep[i] for i in order),
        starts=tuple(starts),
        parents=tuple(parents),
        flows=direct[square],
        follows=reach[square],
    )


def _tree(direct: NDArray[np.bool_], block: Sequence[int]) -> list[tuple[int, int | None]] | None:
    """States of a block in an order in which each has its parent before it."""
    inside = direct[np.ix_(block, block)]
    if (inside != inside.T).any() or inside.sum() != 2 * (len(block) - 1):
        return None
    found: list[tuple[int, int | None]] = [(block[0], None)]
    seen = {block[0]}
    for state, _ in found:
        for other in block:
            if direct[other, state] and other not in seen:
                seen.add(other)
                found.append((other, state))
    return found


@dataclass(frozen=True)
class Modes:
    """A linear block as modes: x(t) = sum over modes of right * e^(rate*t) * left * x(0).

    **Arguments:**

    - `rates`: 1/h, zero or less, shape (m, n).
    - `right`: state by mode, shape (m, m, n).
    - `left`: mode by state, shape (m, m, n).
    """

    rates: Any
    right: Any
    left: Any


def modes_of(matrix: Any, structure: Structure, xp: Any = np) -> Modes:
    """Decompose rate matrices into modes.

    **Arguments:**

    - `matrix`: 1/h, shape (m, m, n), states in the order of `structure`.
    - `structure`: as `structure_of` returns it.
    - `xp`: the array library, numpy or one like it.
    """
    m, n = matrix.shape[0], matrix.shape[2]
    rates: list[Any] = [None] * m
    own: list[tuple[Any, Any]] = []
    for block in structure.blocks:
        found, vectors, inverse = block_modes(matrix, structure, block, xp)
        for local, i in enumerate(block):
            rates[i] = found[local]
        own.append((vectors, inverse))
    _move_apart(rates, structure, xp)
    if xp is np and n == 1:
        try:
            plain = [(v[..., 0].tolist(), w[..., 0].tolist()) for v, w in own]
            numbers = [float(rate[0]) for rate in rates]
            right, left = _vectors(matrix[..., 0].tolist(), structure, numbers, plain, 0.0)
            return Modes(np.stack(rates), np.array(right)[..., None], np.array(left)[..., None])
        except ZeroDivisionError:
            pass  # arrays can hold what is not finite
    cells = [[matrix[i, j] for j in range(m)] for i in range(m)]
    right, left = _vectors(cells, structure, rates, own, xp.zeros((n,)))
    return Modes(xp.stack(rates), _stacked(right, xp), _stacked(left, xp))


def _vectors(
    matrix: Table, structure: Structure, rates: list[Any], own: list[tuple[Any, Any]], zero: Any
) -> tuple[Table, Table]:
    """Right and left vectors of the whole, of arrays or, sooner done for one patient, numbers."""
    m = len(matrix)
    right: Table = [[zero] * m for _ in range(m)]
    left: Table = [[zero] * m for _ in range(m)]
    for number, block in enumerate(structure.blocks):
        for local, mode in enumerate(block):
            for at, state in enumerate(block):
                right[state][mode] = own[number][0][at][local]
                left[mode][state] = own[number][1][local][at]
            for later in range(number + 1, len(own)):
                _carry(matrix, structure, rates, own, right, mode, later, forward=True)
            for earlier in range(number - 1, -1, -1):
                _carry(matrix, structure, rates, own, left, mode, earlier, forward=False)
    return right, left


def _stacked(table: Table, xp: Any) -> Any:
    return xp.stack([xp.stack(row) for row in table])


def block_modes(matrix: Any, structure: Structure, block: range, xp: Any) -> tuple[Any, Any, Any]:
    """Modes of a block by itself.

    **Arguments:** as of `modes_of`; `block`: positions of its states.

    **Returns:** rates (s, n), vectors and inverse vectors (s, s, n).
    """
    n, size, first = matrix.shape[2], len(block), block[0]
    one = xp.ones((n,))
    if size == 1:
        return matrix[first, first][None], one[None, None], one[None, None]
    scale = [one]
    for state in block[1:]:
        parent = structure.parents[state]
        ratio = matrix[state, parent] / matrix[parent, state]
        scale.append(scale[parent - first] * xp.sqrt(ratio))
    scales = xp.stack(scale)
    inside = matrix[first : first + size, first : first + size]
    symmetric = inside * scales[None, :] / scales[:, None]
    symmetric = 0.5 * (symmetric + xp.swapaxes(symmetric, 0, 1))
    found, vectors = xp.linalg.eigh(xp.moveaxis(symmetric, 2, 0))
    vectors = xp.moveaxis(vectors, 0, 2)
    inverse = xp.swapaxes(vectors, 0, 1) / scales[None, :]
    return xp.moveaxis(found, 0, 1), vectors * scales[:, None], inverse


def _move_apart(rates: list[Any], structure: Structure, xp: Any) -> None:
    for number, block in enumerate(structure.blocks):
        for i in block:
            for later in structure.blocks[number + 1 :]:
                for j in later:
                    if not structure.follows[j, i]:
                        continue
                    mean = 0.5 * (rates[i] + rates[j])
                    half = 0.5 * (rates[i] - rates[j])
                    # smooth in both rates, and next to nothing where they differ
                    moved = xp.sqrt(xp.sqrt(half**4 + (APART * mean) ** 4))
                    moved = xp.where(half < 0.0, -moved, moved)
                    rates[i], rates[j] = mean + moved, mean - moved


def _carry(
    matrix: Table,
    structure: Structure,
    rates: list[Any],
    own: list[tuple[Any, Any]],
    table: Table,
    mode: int,
    number: int,
    *,
    forward: bool,
) -> None:
    """Component of a mode's vector in another block, from those already known.

    Forward, the right vector downstream: (rate - K_bb) v_b = sum of K_bu v_u. Backward, the left
    vector upstream: w_b (rate - K_bb) = sum of w_d K_db.
    """
    block = structure.blocks[number]
    sources = structure.before if forward else structure.behind
    if not any(sources[mode][state] for state in block):
        return
    vectors, inverse = own[number]
    pushed: list[Any] = []
    for state in block:
        total: Any = 0.0
        for other in sources[mode][state]:
            if forward:
                total = total + matrix[state][other] * table[other][mode]
            else:
                total = total + table[mode][other] * matrix[other][state]
        pushed.append(total)
    for at, state in enumerate(block):
        value: Any = 0.0
        for local, other_mode in enumerate(block):
            projected: Any = 0.0
            for k in range(len(block)):
                factor = inverse[local][k] if forward else vectors[k][local]
                projected = projected + factor * pushed[k]
            shape = vectors[at][local] if forward else inverse[local][at]
            value = value + shape * projected / (rates[mode] - rates[other_mode])
        if forward:
            table[state][mode] = value
        else:
            table[mode][state] = value
