"""How a fit lies to its data: predictions, residuals and shrinkage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import standard_normals
from ketasim.estimation.likelihood.conditional import Modes, People
from ketasim.estimation.problem.problem import Problem

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Residuals:
    """Of every observation, shape (N,); not a number where it is below the limit.

    **Arguments:**

    - `typical`: prediction without effects (PRED). `individual`: with the subject's (IPRED).
    - `weighted`: individual residual over its SD (IWRES). `conditional`: CWRES.
    """

    typical: Array
    individual: Array
    weighted: Array
    conditional: Array


def residuals(
    people: People, found: Modes, middle: Array, covariance: Array, sds: Array, below: Flags
) -> Residuals:
    """Residuals of a fit.

    CWRES are those of the model made linear at the most likely effects, with the variance of the
    residual error there, made independent by the symmetric root of their covariance.

    **Source:** Hooker et al. 2007, Pharm. Res. 24:2187.

    **Arguments:**

    - `people`: the subjects. `found`: their effects. `middle`: typical numbers, shape (P,).
    - `covariance`: of the effects. `sds`: residual. `below`: which values are below the limit.
    """
    error = people.error
    places = np.tile(middle, (1, people.count, 1))
    typical = people.predict(places)[0]
    f = found.expansion.f
    shown = error.shown(f)
    slopes = found.expansion.j[:, people.effects].copy()
    with np.errstate(all="ignore"):
        slopes[error.logarithmic] /= f[error.logarithmic, None]
    effects = found.effects[people.subject]
    expected = shown - np.einsum("nq,nq->n", slopes, effects)
    variance = error.variances(sds, np.where(error.logarithmic, 0.0, f))[0]
    conditional = np.full(len(f), np.nan)
    for subject in range(people.count):
        mine = np.flatnonzero((people.subject == subject) & ~below)
        if not len(mine):
            continue
        own = slopes[mine]
        matrix = own @ covariance @ own.T + np.diag(variance[mine])
        sizes, axes = np.linalg.eigh(matrix)
        root = (axes / np.sqrt(np.maximum(sizes, 1e-300))) @ axes.T
        conditional[mine] = root @ (error.observed[mine] - expected[mine])
    weighted = error.weighted(sds, f)
    return Residuals(typical, f, np.where(below, np.nan, weighted), conditional)


@dataclass(frozen=True)
class Rows:
    """Predictions of every output at every row of the table, shape (O, R).

    **Arguments:**

    - `typical`: without effects. `individual`: with the subject's most likely ones.
    - `low`, `high`: 95 % interval of `individual` by the uncertainty of the effects; nothing where
      it was not asked for.
    """

    typical: Array
    individual: Array
    low: Array | None = None
    high: Array | None = None


def predicted_rows(
    problem: Problem, middle: Array, effects: Array, posterior: Array | None = None
) -> Rows:
    """Predict every row, also those without a value.

    **Arguments:**

    - `problem`: with the table. `middle`: typical numbers, (P,). `effects`: of subjects, (S, q).
    - `posterior`: their covariance, (S, q, q), where intervals are asked for.
    """
    places = np.tile(middle, (2, len(effects), 1))
    places[1][:, problem.effects] += effects
    typical, individual = problem.rows(places)
    if posterior is None:
        return Rows(typical, individual)
    count, q = effects.shape
    roots = np.linalg.cholesky(posterior)
    normals = np.stack(
        [standard_normals(_SEED, f"fit:posterior:{draw}", 0, count, q) for draw in range(_DRAWS)]
    )
    drawn = np.tile(places[1], (_DRAWS, 1, 1))
    drawn[:, :, problem.effects] += np.einsum("sqr,nsr->nsq", roots, normals)
    low, high = np.quantile(problem.rows(drawn), [0.025, 0.975], axis=0)
    return Rows(typical, individual, low, high)


_SEED: Final = 1
_DRAWS: Final = 400  # of the effects of a subject, for intervals of predictions


def shrinkage(effects: Array, sds: Array) -> Array:
    """How much less than the population the effects of subjects vary: 1 - SD(effects)/SD, (q,).

    **Source:** Savic and Karlsson 2009, AAPS J. 11:558, with standard deviations.
    """
    if len(effects) < 2:
        return np.full(len(sds), np.nan)
    return 1.0 - effects.std(axis=0, ddof=1) / sds


def epsilon_shrinkage(weighted: Array) -> float:
    """How much less than 1 the individual residuals vary: 1 - SD(IWRES)."""
    known = weighted[np.isfinite(weighted)]
    return float(1.0 - known.std(ddof=1)) if len(known) > 1 else float("nan")
