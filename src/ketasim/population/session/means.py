"""Mean effects of a group of patients by the minute: as estimated, and under parameter draws.

An effect is a smooth function of one number of a patient at a time, the drive: the logarithm of
S-ketamine over what S-norketamine takes from it. So the patients are gathered first, as moments of
the drive in narrow cells, and each function is a polynomial in each cell, made once for a card. The
draws differ in how much S-norketamine takes: patients are gathered at a few values of it, between
which a mean is interpolated. Errors are below 1e-10 of the full effect (tests compare with plain
averaging).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim.evidence import Card
from ketasim.models import SESSION
from ketasim.population.session.curves import SESSION_CURVES, SessionCurve, session_curve
from ketasim.population.uncertainty import card_draws

Array = NDArray[np.float64]

DRAWN_EVERY: Final = 3
"""Of the minutes of a session, those at which its uncertainty is looked at."""

DRAWS: Final = 40
"""Parameter draws within the card's uncertainty."""

_LOWEST: Final = -16.0  # drive below which there is no effect: 1e-10 of the full one
_CELLS: Final = 10  # for each unit of the drive
_MOST: Final = 24 * _CELLS  # up to three thousand times the C50
_ORDER: Final = 6  # coefficients of a polynomial in a cell
_BLOCK: Final = 16  # minutes gathered together: their drives lie close
_CLOSE: Final = 1e-16  # bound of the rate at which interpolation between strengths converges


def mean_curves(card: Card, drugs: Sequence[Array], session: int) -> dict[str, Array]:
    """Mean of each effect over patients and their sensitivities, with the numbers of the card.

    **Arguments:**

    - `card`: the card `session`.
    - `drugs`: S-ketamine and S-norketamine at the effect site, ng/mL, each of shape (M, n).
    - `session`: its number, from 1.

    **Returns:** name of an effect to shape (M,), in the units of `SESSION_CURVES`.
    """
    found = _means(card, drugs, _tables(card, session, drawn=False))
    return _by_curve(card.values(), found, drugs)


def mean_effect(card: Card, drugs: Sequence[Array]) -> Array:
    """Mean effect h over patients, with the numbers of the card, shape (M,).

    **Arguments:** as of `mean_curves`.
    """
    return _means(card, drugs, _tables(card, 1, drawn=False)[..., :1])[:, 0]


def drawn_curves(card: Card, drugs: Sequence[Array], session: int) -> dict[str, Array]:
    """Mean of each effect over patients under each parameter draw.

    **Arguments:** as of `mean_curves`; `card`: with its uncertainty.

    **Returns:** name of an effect to shape (`DRAWS`, every third minute).
    """
    draws = session_draws(card)
    thin = [one[::DRAWN_EVERY] for one in drugs]
    found = _drawn(card, draws, thin, _tables(card, session, drawn=True))
    columns = {symbol: column[:, None] for symbol, column in draws.items()}
    shape = found.shape[:2]
    return {
        name: np.broadcast_to(mean, shape) for name, mean in _by_curve(columns, found, thin).items()
    }


def drawn_effect(card: Card, drugs: Sequence[Array]) -> Array:
    """Mean effect h under each parameter draw, shape (`DRAWS`, every third minute).

    **Arguments:** as of `drawn_curves`.
    """
    thin = [one[::DRAWN_EVERY] for one in drugs]
    steady = _tables(card, 1, drawn=True)[..., :1]
    return _drawn(card, session_draws(card), thin, steady)[..., 0]


@lru_cache(maxsize=8)
def session_draws(card: Card) -> Mapping[str, Array]:
    """The parameter draws behind every uncertainty interval of a session, each of shape (40,)."""
    return MappingProxyType(card_draws(card, 0, 0, DRAWS))


def _by_curve(values: Mapping[str, Any], found: Array, drugs: Sequence[Array]) -> dict[str, Array]:
    """Means of all effects from those of the functions of the drive, the last axis of `found`."""
    own = dict(zip(_functions(), np.moveaxis(found, -1, 0), strict=True))
    effect = own["cognition"]
    means: dict[str, Array] = {}
    for curve in SESSION_CURVES:
        if curve.name in own:
            means[curve.name] = own[curve.name]
        elif curve.kind == "change":
            means[curve.name] = values[f"{curve.name}_full"] * effect
        else:  # no fitted number acts in them, so that they are the same in every draw
            fixed = {symbol: np.ravel(one)[0] for symbol, one in values.items()}
            means[curve.name] = session_curve(fixed, curve, drugs[0], *drugs).mean(axis=-1)
    return means


def _functions() -> dict[str, SessionCurve]:
    """Curves that are functions of the drive; the effect itself first."""
    known = {curve.name: curve for curve in SESSION_CURVES}
    first = {"cognition": known["cognition"]}
    return first | {c.name: c for c in SESSION_CURVES if c.kind in ("score", "share")}


@lru_cache(maxsize=8)
def _tables(card: Card, session: int, *, drawn: bool) -> Array:
    """Polynomials of the functions, shape (draws or 1, cells, order, functions)."""
    numbers = session_draws(card) if drawn else {s: np.array([v]) for s, v in card.values().items()}
    values = {symbol: column[:, None, None] for symbol, column in numbers.items()}
    nodes = np.cos(np.pi * (np.arange(_ORDER) + 0.5) / _ORDER) / 2.0
    drive = _LOWEST + (np.arange(_MOST)[:, None] + 0.5 + nodes) / _CELLS
    ketamine = card.values()["C50"] * np.exp(drive)
    effect = SESSION.effect(values, ketamine, 0.0)
    made = np.stack(
        [
            session_curve(values, curve, effect, ketamine, ketamine, session=session)
            for curve in _functions().values()
        ],
        axis=-1,
    )
    # from values at the nodes to coefficients of the powers of the distance from a cell's middle
    tables = np.linalg.inv(np.vander(nodes, increasing=True)) @ made
    tables[:, 0] = 0.0  # all that is below
    tables.flags.writeable = False
    return tables


def _blocks(level: Array) -> list[slice]:
    """Minutes gathered together, from the first in which anyone feels something."""
    felt = np.flatnonzero(level.max(axis=1) >= 1.0)
    begin = int(felt[0]) if len(felt) else len(level)
    return [slice(first, first + _BLOCK) for first in range(begin, len(level), _BLOCK)]


def _part(tables: Array, cells: slice) -> Array:
    """The polynomials of some cells, shape (draws, cells x order, functions)."""
    part = tables[:, cells]
    return part.reshape(len(part), -1, part.shape[-1])


def _levels(card: Card, drugs: Sequence[Array]) -> tuple[Array, Array]:
    """Place of S-ketamine on the cells, as if alone, and S-norketamine, each of shape (M, n)."""
    drug, other = (np.maximum(one, 0.0) for one in drugs)
    with np.errstate(divide="ignore"):
        place = (np.log(drug / card.values()["C50"]) - _LOWEST) * _CELLS
    return np.clip(place, 0.0, _MOST - 1.0, out=place), other


def _gathered(level: Array, other: Array, strengths: Array) -> tuple[Array, slice]:
    """Moments of the drive of patients in each cell that any of them is in.

    **Arguments:**

    - `level`, `other`: what `_levels` returns for some minutes, each of shape (rows, n).
    - `strengths`: 1/C100, shape (k,).

    **Returns:** shape (k, rows, cells x order), and which cells.
    """
    rows, n = level.shape
    place = strengths[:, None, None] * other
    place += 1.0
    np.log(place, out=place)
    place *= -_CELLS
    place += level
    np.maximum(place, 0.0, out=place)
    whole: Array = np.floor(place)
    place -= whole
    place -= 0.5
    first, last = int(whole.min()), int(whole.max())
    count = last + 1 - first
    # cells of one minute after those of the minute before
    begin: Array = np.arange(len(strengths) * rows, dtype=np.float64) * count - first
    whole += begin.reshape(-1, rows, 1)
    index: NDArray[np.intp] = whole.astype(np.intp).ravel()
    within = place.ravel()
    moments = np.empty((_ORDER, len(strengths) * rows * count))
    moments[0] = np.bincount(index, minlength=moments.shape[1])
    moments[1] = np.bincount(index, within, moments.shape[1])
    weight = within
    for power in range(2, _ORDER):
        weight = np.multiply(weight, within, out=None if power == 2 else weight)
        moments[power] = np.bincount(index, weight, moments.shape[1])
    moments /= n
    table = moments.T.reshape(len(strengths), rows, count * _ORDER)
    return table, slice(first, last + 1)


def _means(card: Card, drugs: Sequence[Array], tables: Array) -> Array:
    """Means with the numbers of the card, shape (minutes, functions)."""
    level, other = _levels(card, drugs)
    strength = np.array([1.0 / card.values()["C100"]])
    found = np.zeros((len(level), tables.shape[-1]))
    for rows in _blocks(level):
        moments, cells = _gathered(level[rows], other[rows], strength)
        found[rows] = moments[0] @ _part(tables, cells)[0]
    return found


def _drawn(card: Card, draws: Mapping[str, Array], drugs: Sequence[Array], tables: Array) -> Array:
    """Means under the draws, shape (draws, minutes, functions)."""
    found = np.zeros((len(tables), len(drugs[0]), tables.shape[-1]))
    level, other = _levels(card, drugs)
    for rows in _blocks(level):
        strengths, between = _strengths(draws["C100"], float(other[rows].max()))
        moments, cells = _gathered(level[rows], other[rows], strengths)
        own = (between @ moments.reshape(len(strengths), -1)).reshape(-1, *moments.shape[1:])
        found[:, rows] = own @ _part(tables, cells)
    return found


def _strengths(wanted: Array, most: float) -> tuple[Array, Array]:
    """Strengths of S-norketamine at which patients are gathered, and what each counts in each draw.

    A mean is interpolated over the logarithm of 1/C100 + 1/most: as a function of it, the logarithm
    of 1 + NK/C100 of every patient is smooth up to pi away from the real axis.

    **Arguments:**

    - `wanted`: C100 of each draw, shape (draws,). `most`: highest S-norketamine, ng/mL.

    **Returns:** 1/C100, shape (k,), and shape (draws, k).
    """
    if most <= 0.0 or wanted.min() == wanted.max():
        return 1.0 / wanted[:1], np.ones((len(wanted), 1))
    place = np.log(1.0 / wanted + 1.0 / most)
    middle, half = (place.max() + place.min()) / 2.0, (place.max() - place.min()) / 2.0
    nearest = np.pi / half
    count = int(np.ceil(-np.log(_CLOSE) / np.arcsinh(nearest)))
    turns = np.pi * (np.arange(count) + 0.5) / count
    orders = np.arange(count)
    # cosines at the nodes are orthogonal, so that the polynomials are inverted by hand
    waves = np.cos(np.outer(np.arccos(np.clip((place - middle) / half, -1.0, 1.0)), orders))
    waves[:, 0] *= 0.5
    between = waves @ np.cos(np.outer(orders, turns)) * (2.0 / count)
    return np.exp(middle + half * np.cos(turns)) - 1.0 / most, between
