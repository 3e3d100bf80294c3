"""Rate matrices as modes that stay exact where rates nearly meet.

A mode of a block feeds the modes of the blocks behind it. Where their rates lie well apart, the
feeding is solved away, and each mode decays by itself. Where two rates nearly meet, that would
divide by next to nothing, so these modes stay coupled: z' = rate * z + coupling * z_before. Around
their common centre such a group is a polynomial times one exponential, of degree one where the
rates are equal, and of a few degrees more where they nearly are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from ketasim.engine.linear.modes import Structure, block_modes

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
Pair = tuple[int, int]

# Rates closer than this part stay coupled, and in patients in whom several others still crowd
# together, so that modes would cancel in most of their digits, those closer than the second.
NEAR = (2e-3, 5e-2)
_SUSPECT = 300.0  # part of a mode in another, below which nothing cancels
_CROWDED = 2e4  # how often a mode is counted and taken away again, beyond which digits are missed
ORDER = 12  # powers of the hours around the centre of a group; the next is 1e-10 or less of it
_SLOWEST = 1e-15  # 1/h; a state that nothing leaves keeps its content for longer than a life


@dataclass(frozen=True)
class Spectrum:
    """The modes of some patients, one a column.

    Amounts are `vectors @ mixing @ z`, and the modes follow z' = (rates + couplings) z.

    **Arguments:**

    - `structure`: blocks and order of the states.
    - `rates`: 1/h, below zero, shape (m, n).
    - `vectors`, `inverse`: of each block by itself, state by mode and mode by state, (s, s, n).
    - `mixing`: one on the diagonal and zero above it, shape (m, m, n).
    - `couplings`: (fed, feeding) modes to 1/h, shape (n,); zero where their rates are not near.
    - `sound`: whether a column has such modes, shape (n,): not where a rate is not finite, or drug
      moves through a block one way only. What else is there of it means nothing.
    """

    structure: Structure
    rates: Array
    vectors: tuple[Array, ...]
    inverse: tuple[Array, ...]
    mixing: Array
    couplings: Mapping[Pair, Array]
    sound: NDArray[np.bool_]
    _entries: dict[str, Array] = field(default_factory=dict[str, Array], repr=False)
    _readings: dict[str, Array] = field(default_factory=dict[str, Array], repr=False)

    def take(self, columns: slice | Integers) -> Spectrum:
        """The same of some columns."""
        return replace(
            self,
            rates=self.rates[:, columns],
            vectors=tuple(one[..., columns] for one in self.vectors),
            inverse=tuple(one[..., columns] for one in self.inverse),
            mixing=self.mixing[..., columns],
            couplings={pair: one[columns] for pair, one in self.couplings.items()},
            sound=self.sound[columns],
            _entries={},
            _readings={},
        )

    def entry(self, state: str) -> Array:
        """Modes that one mg in a state excites, shape (m, n)."""
        if state in self._entries:
            return self._entries[state]
        place = self.structure.states.index(state)
        number, block = self._block(place)
        found = np.zeros_like(self.rates)
        found[block.start : block.stop] = self.inverse[number][:, place - block.start]
        for mode in range(block.start, len(found) - 1):
            found[mode + 1 :] -= self.mixing[mode + 1 :, mode] * found[mode]
        self._entries[state] = found
        return found

    def reading(self, state: str) -> Array:
        """What each mode adds to a state, shape (m, n)."""
        if state in self._readings:
            return self._readings[state]
        place = self.structure.states.index(state)
        number, block = self._block(place)
        found = np.zeros_like(self.rates)
        for mode in block:
            seen = self.vectors[number][place - block.start, mode - block.start]
            found[: mode + 1] += seen * self.mixing[mode, : mode + 1]
        self._readings[state] = found
        return found

    def _block(self, place: int) -> tuple[int, range]:
        return next((i, b) for i, b in enumerate(self.structure.blocks) if place in b)


def spectrum_of(matrix: Array, structure: Structure) -> Spectrum:
    """Decompose rate matrices.

    **Arguments:**

    - `matrix`: 1/h, shape (m, m, n), states in the order of `structure`.
    - `structure`: as `ketasim.engine.linear.modes.structure_of` returns it.

    **Returns:** `Spectrum`, in which no column depends on the others.
    """
    exchanged = [
        pair
        for block in structure.blocks
        for state in block[1:]
        for pair in ((state, structure.parents[state]), (structure.parents[state], state))
    ]
    sound = np.asarray(np.isfinite(matrix).all(axis=(0, 1)), np.bool_)
    for place in exchanged:
        sound &= matrix[place] > 0.0
    if not sound.all():
        matrix = np.where(sound, matrix, 0.0)
        for place in exchanged:
            matrix[place] = np.where(sound, matrix[place], 1.0)
    found = _decomposed(matrix, structure, NEAR[0])
    crowded = _crowded(found.mixing)
    if len(crowded):
        again = _decomposed(matrix[..., crowded], structure, NEAR[1])
        found.mixing[..., crowded] = again.mixing
        couplings = {pair: one.copy() for pair, one in found.couplings.items()}
        for pair in {**couplings, **again.couplings}:
            coupling = couplings.setdefault(pair, np.zeros(len(sound)))
            coupling[crowded] = again.couplings.get(pair, 0.0)
        found = replace(found, couplings=couplings)
    return replace(found, sound=sound)


def _crowded(mixing: Array) -> Integers:
    """Columns in which modes cancel in too many of their digits."""
    suspect = np.flatnonzero(np.abs(mixing).max(axis=(0, 1)) > _SUSPECT)
    parts = np.moveaxis(mixing[..., suspect], 2, 0)
    counted = np.abs(parts) @ np.abs(np.linalg.inv(parts))
    return suspect[counted.max(axis=(1, 2), initial=0.0) > _CROWDED]


def _decomposed(matrix: Array, structure: Structure, near: float) -> Spectrum:
    m, _, n = matrix.shape
    rates = np.zeros((m, n))
    mixing, pushed, across = (np.zeros((m, m, n)) for _ in range(3))
    vectors: list[Array] = []
    inverse: list[Array] = []
    number_of: list[int] = []
    for number, block in enumerate(structure.blocks):
        found, right, left = block_modes(matrix, structure, block, np)
        rates[block.start : block.stop] = found
        vectors.append(right)
        inverse.append(left)
        number_of += [number] * len(block)
    np.minimum(rates, -_SLOWEST, out=rates)
    feeds: list[set[int]] = [set() for _ in range(m)]  # modes of the blocks a mode moves on to
    for target, source in np.argwhere(structure.flows).tolist():
        after, before = (structure.blocks[number_of[i]] for i in (target, source))
        if after == before:
            continue
        flow = matrix[target, source] * vectors[number_of[source]][source - before.start]
        rows, columns = slice(after.start, after.stop), slice(before.start, before.stop)
        entering = inverse[number_of[target]][:, target - after.start]
        across[rows, columns] += entering[:, None] * flow
        for i in before:
            feeds[i] |= set(after)
    sound = np.ones(n, np.bool_)
    couplings: dict[Pair, Array] = {}
    size = np.abs(rates)
    for mode in range(m):
        first = structure.starts[number_of[mode]]
        if first:
            _solve_away(mode, first, structure, rates, size, mixing, pushed, couplings, near)
        mixing[mode, mode] = 1.0
        for later in sorted(feeds[mode]):
            pushed[later, : mode + 1] += across[later, mode] * mixing[mode, : mode + 1]
    return Spectrum(structure, rates, tuple(vectors), tuple(inverse), mixing, couplings, sound)


def _solve_away(
    mode: int,
    first: int,
    structure: Structure,
    rates: Array,
    size: Array,
    mixing: Array,
    pushed: Array,
    couplings: dict[Pair, Array],
    part: float,
) -> None:
    """Fill a mode's row of the mixing with the modes before it, or couple it to those near."""
    gap = rates[:first] - rates[mode]
    follows = structure.follows[mode, :first]
    near = follows[:, None] & (np.abs(gap) < part * np.maximum(size[:first], size[mode]))
    apart = follows[:, None] & ~near
    row, filled = pushed[mode], mixing[mode]
    np.divide(row[:first], gap, out=filled[:first], where=apart)
    # what modes before this one hand to each other while coupled, latest first
    for fed, feeding in sorted(couplings, key=lambda pair: (-pair[1], pair[0])):
        if fed < first and follows[feeding]:
            row[feeding] -= filled[fed] * couplings[fed, feeding]
            np.divide(row[feeding], gap[feeding], out=filled[feeding], where=apart[feeding])
    for other in np.flatnonzero(near.any(axis=1)).tolist():
        couplings[mode, other] = np.where(near[other], row[other], 0.0)


def centres(rates: Array, couplings: Mapping[Pair, Array]) -> Array:
    """The rate around which each mode is written: that of the first mode it is coupled to.

    **Returns:** 1/h, shape (m, n).
    """
    leader = np.zeros(rates.shape, np.int64) + np.arange(len(rates))[:, None]
    for _ in range(len(rates)):
        before = leader.copy()
        for (fed, feeding), coupling in couplings.items():
            joined = coupling != 0.0
            least = np.minimum(leader[fed], leader[feeding])
            leader[fed] = np.where(joined, least, leader[fed])
            leader[feeding] = np.where(joined, least, leader[feeding])
        if (leader == before).all():
            break
    return np.take_along_axis(rates, leader, axis=0)
