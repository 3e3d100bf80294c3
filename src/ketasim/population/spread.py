"""Individual parameters: the spread between patients, where no patient depends on others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ketasim._base import standard_normals
from ketasim.evidence import Card

Array = NDArray[np.float64]


def individual_parameters(
    card: Card, symbols: Sequence[str], seed: int, first: int, count: int
) -> dict[str, Array]:
    """Draw individual values of the parameters that have a spread between patients.

    Every parameter has its own stream of random numbers, named after its symbol: patient i's value
    depends neither on how many patients there are nor on which other parameters have a spread.

    **Arguments:**

    - `card`: typical values, spreads and their correlations.
    - `symbols`: the parameters wanted; those without a spread are left out.
    - `seed`: the population's seed.
    - `first`, `count`: the patients asked for, counted from 0.

    **Returns:** symbol to values, each of shape (count,), in the card's units.
    """
    with_spread, covariance = card.omega()
    wanted = set(symbols)
    effects: dict[str, Array] = {}
    for block in _blocks(with_spread, covariance):
        if wanted.isdisjoint(with_spread[i] for i in block):
            continue
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
    return {
        symbol: _individual(card, symbol, effects[symbol])
        for symbol in with_spread
        if symbol in wanted
    }


def _blocks(symbols: Sequence[str], covariance: Array) -> list[list[int]]:
    """Groups of parameters that are correlated with each other, in the card's order."""
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


def _individual(card: Card, symbol: str, effect: Array) -> Array:
    entry = card.entry(symbol)
    assert entry.iiv is not None
    from scipy.special import expit, logit  # only here: scipy is slow to load

    match entry.iiv.kind:
        case "lognormal":
            return entry.value * np.exp(effect)
        case "logit":
            return np.asarray(expit(logit(entry.value) + effect), np.float64)
        case "normal":
            return entry.value + effect
