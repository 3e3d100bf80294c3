"""Draws of a card's numbers within the uncertainty of their estimates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ketasim._base import standard_normals
from ketasim.evidence import Card

Array = NDArray[np.float64]


def card_draws(card: Card, seed: int, first: int, count: int) -> dict[str, Array]:
    """Draw numbers of a card: each draw is one set that the data allow.

    **Arguments:**

    - `card`: with its `uncertainty`; a number without one is the same in every draw.
    - `seed`: of the random numbers. `first`, `count`: the draws asked for, counted from 0.

    **Returns:** symbol to values, shape (count,).
    """
    from scipy.special import expit, logit  # only here: scipy is slow to load

    values: dict[str, Array] = {s: np.full(count, v) for s, v in card.values().items()}
    if card.uncertainty is None:
        return values
    symbols = card.uncertainty.symbols
    lower = np.linalg.cholesky(card.uncertainty.matrix())
    normals = standard_normals(seed, f"card:{card.key}", first, count, len(symbols))
    shifts = normals @ lower.T
    for i, (symbol, scale) in enumerate(zip(symbols, card.uncertainty.scales, strict=True)):
        value = values[symbol]
        if scale == "log":
            values[symbol] = value * np.exp(shifts[:, i])
        elif scale == "logit":
            values[symbol] = np.asarray(expit(logit(value) + shifts[:, i]), np.float64)
        else:
            values[symbol] = value + shifts[:, i]
    return values
