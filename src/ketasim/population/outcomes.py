"""Response, remission and relapse of patients whose score is rated with noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim.population.fluctuation import VisitNoise, hermite

Array = NDArray[np.float64]

HALF_POINT = 0.5
"""Totals are whole numbers: at most 10 means below 10.5."""

_LEAST: Final = 1e-9  # points of SD: a rating without noise is a step
_FINE, _COARSE = (9, 5), (5, 4)  # nodes of the fluctuation, and of the noise before treatment
_TOGETHER: Final = 512  # patients filtered at once


def response_chance(score: Array, baseline: Any, sd: Any, fraction: float = 0.5) -> Array:
    """Chance that a rating shows a response: by the rated score before treatment.

    **Main arguments:**

    - `score`: of the chain, points, any shape. `baseline`: as rated, points, broadcasts.
    - `sd`: of what a rating adds to the change from baseline, points, as of `VisitNoise.sd`.

    **Other arguments:**

    - `fraction`: of the baseline by which the score must have fallen.
    """
    return _below((1.0 - fraction) * np.asarray(baseline, np.float64), score, sd)


def remission_chance(score: Array, at_most: float, sd: Any) -> Array:
    """Chance that a rating is at most some points; arguments as of `response_chance`."""
    return _below(at_most + HALF_POINT, score, sd)


def still_well(
    score: Array,
    baseline: Any,
    noise: VisitNoise,
    times: Array,
    *,
    entry: Any = None,
    lost: Any = None,
    visits: int = 1,
    coarse: bool = False,
) -> tuple[Array, Array]:
    """Chance of being well at the first visit, and of no relapse since at each visit.

    Visits of one patient are taken together: they share the noise of the rating before treatment
    and a fluctuation of state with a memory; the error of each is its own. More visits find more
    relapses.

    **Main arguments:**

    - `score`: of the chain, points, shape (n, T). `baseline`: as rated, points, shape (n,).
    - `noise`: within a patient. `times`: of the visits, h since the rating before treatment,
      ascending, shape (T,).

    **Other arguments:**

    - `entry`: points below which a patient is well at the first visit, broadcasts to (n,); half of
      the baseline when left out.
    - `lost`: points from which a visit shows a relapse, broadcasts to (n,); half of the baseline
      when left out. A patient with as many at the first visit is not well there.
    - `visits`: consecutive visits that must show it; the last of them is the relapse.
    - `coarse`: less than half of the work; averages over patients are within 0.005.

    **Returns:** shape (n,), and shape (n, T): well at the first visit and no relapse until then.
    The first differs from the first column of the second where `lost` is below `entry`.

    Source: the fluctuation is filtered forward from visit to visit in the polynomials of Hermite,
    where its transition is diagonal; the noise before treatment is averaged over by Gauss and
    Hermite. Deterministic, and smooth in all that is given; by the card a chance is within 0.014 of
    one patient, and within 0.0005 on average over patients.
    """
    n, count = score.shape
    half = 0.5 * np.broadcast_to(np.asarray(baseline, np.float64), (n,))
    start, ends = (
        half if one is None else np.broadcast_to(np.asarray(one, np.float64), half.shape)
        for one in (entry, lost)
    )
    first = _below(start, score[:, 0], noise.sd(times[:1])[..., 0])
    room = ends[:, None] - score
    room[:, 0] = np.minimum(start, ends) - score[:, 0]
    law = [
        np.broadcast_to(np.asarray(one, np.float64), (n,))
        for one in (np.maximum(noise.sigma, _LEAST), noise.omega, noise.rate)
    ]
    nodes = _COARSE if coarse else _FINE
    well = np.empty((n, count))
    for begin in range(0, n, _TOGETHER):
        part = slice(begin, begin + _TOGETHER)
        well[part] = _filtered(room[part], [one[part] for one in law], times, visits, nodes)
    # what the quadrature leaves must not bring anybody back
    return first, np.clip(np.minimum.accumulate(np.minimum(well, first[:, None]), axis=1), 0.0, 1.0)


def _filtered(
    room: Array, law: Sequence[Array], times: Array, visits: int, nodes: tuple[int, int]
) -> Array:
    """Chance of no relapse until each visit, shape (n, T), by the room that is left at each."""
    n, count = room.shape
    sigma, omega, rate = law
    degrees = nodes[0]
    states, powers = hermite(degrees), np.arange(degrees)
    starts = hermite(nodes[1], degrees)
    forth, back = states[2], (states[2] * states[1]).T
    spread = np.hypot(sigma, omega)
    # what the noise before treatment tells of the fluctuation, in the polynomials
    told = (np.exp(-rate * float(times[0])) * omega / spread)[:, None] ** powers
    shift = (spread[:, None, None] * starts[0][:, None] - omega[:, None, None] * states[0]) / sigma[
        :, None, None
    ]
    # by relapses shown in a row, patient, noise before treatment, and degree
    runs = np.zeros((visits, n, nodes[1], degrees))
    runs[0] = told[:, None, :] * starts[2].T
    well = np.empty((n, count))
    for place in range(count):
        if place:
            passed = float(times[place] - times[place - 1])
            runs = runs * np.exp(-passed * rate[:, None] * powers)[:, None, :]
        fine = _normal((room[:, place] / sigma)[:, None, None] + shift)
        at_nodes = (runs.reshape(-1, degrees) @ forth).reshape(runs.shape)
        then = at_nodes if visits == 1 else np.zeros_like(at_nodes)
        if place and visits > 1:  # who is not well at the first visit is not followed
            then[1:] = at_nodes[:-1] * (1.0 - fine)
        then[0] = at_nodes.sum(axis=0) * fine
        runs = (then.reshape(-1, degrees) @ back).reshape(runs.shape)
        well[:, place] = runs[..., 0].sum(axis=0) @ starts[1]
    return well


def _below(limit: Any, score: Any, sd: Any) -> Array:
    room = np.asarray(limit, np.float64) - score
    return _normal(room / np.maximum(np.asarray(sd, np.float64), _LEAST))


def _normal(x: Array) -> Array:
    from scipy.special import ndtr  # only here: scipy is slow to load

    return np.asarray(ndtr(x), np.float64)
