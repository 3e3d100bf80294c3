"""Draws of a card's numbers within the uncertainty of their estimates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ketasim._base import standard_normals
from ketasim.evidence import Card, Scale, Uncertainty
from ketasim.models import declared, drawn_on, moved, slope

Array = NDArray[np.float64]


def card_normals(card: Card, seed: int, first: int, count: int) -> Array:
    """Standard normal numbers behind draws of a card's numbers, shape (count, S); as `card_draws`.

    S is how many numbers of the card are uncertain.
    """
    symbols = () if card.uncertainty is None else card.uncertainty.symbols
    return standard_normals(seed, f"card:{card.key}", first, count, len(symbols))


def card_draws(
    card: Card, seed: int, first: int, count: int, *, normals: Array | None = None
) -> dict[str, Array]:
    """Draw numbers of a card: each draw is one set that the data allow.

    No draw leaves the declared domain of its parameter (see `ketasim.models.drawn_on`).

    **Main arguments:**

    - `card`: with its `uncertainty`; a number without one is the same in every draw.
    - `seed`: of the random numbers. `first`, `count`: the draws asked for, counted from 0.

    **Other arguments:**

    - `normals`: standard normal numbers in place of those of the seed, as of `card_normals`.

    **Returns:** symbol to values, shape (count,).
    """
    values: dict[str, Array] = {s: np.full(count, v) for s, v in card.values().items()}
    if card.uncertainty is None:
        return values
    symbols = card.uncertainty.symbols
    scales, factors = _kept(card, card.uncertainty)
    lower = np.linalg.cholesky(card.uncertainty.matrix()) * factors[:, None]
    if normals is None:
        normals = card_normals(card, seed, first, count)
    for i, (symbol, scale) in enumerate(zip(symbols, scales, strict=True)):
        # a sum per column, not a matrix product: its rounding must not depend on the count
        shift = np.zeros(count)
        for column in range(i + 1):
            shift += lower[i, column] * normals[:, column]
        values[symbol] = moved(scale, card.entry(symbol).value, shift)
    return values


def uncertainty_of(card: Card) -> Uncertainty | None:
    """How uncertain a card's estimates are, as far as it was published.

    **Arguments:**

    - `card`: with the covariance of a fit, or with relative standard errors.

    **Returns:** the covariance of the card; else one of the printed relative standard errors of the
    model's parameters, on the scales of their domains by the delta method, as if the estimates
    were independent; nothing where neither is published.
    """
    if card.uncertainty is not None:
        return card.uncertainty
    symbols = declared(card.model)
    known = [(entry, entry.rse) for s, entry in card.entries.items() if s in symbols and entry.rse]
    scales: tuple[Scale, ...] = tuple(symbols[entry.symbol].domain.scale for entry, _ in known)
    sds = [
        abs(entry.value) * rse / 100.0 * slope(scale, entry.value)
        for (entry, rse), scale in zip(known, scales, strict=True)
    ]
    if not known:
        return None
    rows = tuple(tuple(float(x) for x in row) for row in np.diag(np.square(sds)))
    return Uncertainty(tuple(entry.symbol for entry, _ in known), scales, rows)


def uncertainty_note(card: Card) -> str:
    """Say what of a card's uncertainty is drawn, as a sentence."""
    found = uncertainty_of(card)
    if found is None:
        return f"Card '{card.key}': no parameter uncertainty is published, none is drawn."
    if card.uncertainty is not None:
        return (
            f"Card '{card.key}': the uncertainty of {len(found.symbols)} parameters is "
            "drawn, correlated as in the fit."
        )
    return (
        f"Card '{card.key}': the uncertainty of {len(found.symbols)} parameters is drawn "
        "from their relative standard errors; correlations of the estimates are not published."
    )


def _kept(card: Card, uncertainty: Uncertainty) -> tuple[Sequence[Scale], Array]:
    """Scales on which the draws stay in their domains, and factors on the SDs of the card."""
    known = declared(card.model)
    both = [
        drawn_on(known[symbol].domain if symbol in known else None, scale, card.entry(symbol).value)
        for symbol, scale in zip(uncertainty.symbols, uncertainty.scales, strict=True)
    ]
    return [scale for scale, _ in both], np.array([factor for _, factor in both])
