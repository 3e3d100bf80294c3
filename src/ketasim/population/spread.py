"""Individual parameters: the between-patient variability, where no patient depends on others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import standard_normals
from ketasim.evidence import Card, Scale
from ketasim.evidence.card_entry import SpreadKind
from ketasim.models import declared, drawn_on, moved

Array = NDArray[np.float64]

_SCALES: Final[dict[SpreadKind, Scale]] = {
    "lognormal": "log",
    "logit": "logit",
    "normal": "natural",
}

_FEW: Final = 1000  # patients, of which the random numbers are kept


def individual_parameters(
    card: Card,
    symbols: Sequence[str],
    seed: int,
    first: int,
    count: int,
    *,
    around: Mapping[str, Array] | None = None,
) -> dict[str, Array]:
    """Draw individual values of the parameters that have between-patient variability.

    No value leaves the declared domain of its parameter: a log-normal spread of a fraction is drawn
    on its logit, with the same spread near the typical value (see `ketasim.models.drawn_on`).

    Every parameter has its own stream of random numbers, named after its symbol: patient i's value
    depends neither on how many patients there are nor on which other parameters have a spread.

    **Main arguments:**

    - `card`: typical values, spreads and their correlations.
    - `symbols`: the parameters wanted; those without a spread are left out.
    - `seed`: the population's seed.
    - `first`, `count`: the patients asked for, counted from 0.

    **Other arguments:**

    - `around`: symbol to a typical value for each patient, shape (count,), instead of the card's.

    **Returns:** symbol to values, each of shape (count,), in the card's units.
    """
    typical = around or {}
    effects = _effects(card, seed, first, count)
    wanted = set(symbols)
    return {
        symbol: _individual(card, symbol, effect, typical.get(symbol))
        for symbol, effect in effects.items()
        if symbol in wanted
    }


def _effects(card: Card, seed: int, first: int, count: int) -> Mapping[str, Array]:
    """What tells patients apart: symbol to shape (count,); kept of the last few small groups."""
    return (_kept if count <= _FEW else _drawn)(card, seed, first, count)


def _drawn(card: Card, seed: int, first: int, count: int) -> dict[str, Array]:
    with_spread, covariance = card.omega()
    effects: dict[str, Array] = {}
    for block in correlated_blocks(with_spread, covariance):
        normals = np.hstack(
            [standard_normals(seed, f"iiv:{with_spread[i]}", first, count, 1) for i in block]
        )
        lower = np.linalg.cholesky(covariance[np.ix_(block, block)])
        # a sum per column, not a matrix product: its rounding must not depend on the chunk's size
        for row, i in enumerate(block):
            total = np.zeros(count)
            for column in range(row + 1):
                total += lower[row, column] * normals[:, column]
            effects[with_spread[i]] = total
    return {symbol: effects[symbol] for symbol in with_spread}


_kept = lru_cache(maxsize=8)(_drawn)


def correlated_blocks(symbols: Sequence[str], covariance: Array) -> list[list[int]]:
    """Groups of parameters that are correlated with each other.

    **Arguments:**

    - `symbols`: of the parameters, p of them. `covariance`: shape (p, p).

    **Returns:** positions, ascending in each group, groups in the order of their first.
    """
    left = list(range(len(symbols)))
    blocks: list[list[int]] = []
    while left:
        block = {left.pop(0)}
        grown = True
        while grown:
            more = {j for j in left if any(covariance[i, j] != 0.0 for i in block)}
            block |= more
            left = [j for j in left if j not in more]
            grown = bool(more)
        blocks.append(sorted(block))
    return blocks


def spread_scale(card: Card, symbol: str) -> tuple[Scale, float]:
    """The scale on which patients are normal around a parameter, and the factor on its spread.

    **Arguments:**

    - `card`: with a between-patient variability of `symbol`; see `ketasim.models.drawn_on`.
    """
    entry, known = card.entry(symbol), declared(card.model)
    assert entry.iiv is not None
    domain = known[symbol].domain if symbol in known else None
    return drawn_on(domain, _SCALES[entry.iiv.kind], entry.value)


def _individual(card: Card, symbol: str, effect: Array, typical: Array | None) -> Array:
    scale, factor = spread_scale(card, symbol)
    value = card.entry(symbol).value
    return moved(scale, value if typical is None else typical, factor * effect)
