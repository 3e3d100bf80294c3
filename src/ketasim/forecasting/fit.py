"""What each score was before and after it was known, and how unusual the scores are together."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim.forecasting.mixture import QUANTILES, Mixture
from ketasim.forecasting.weighing.likelihood import replicated
from ketasim.forecasting.weighing.shared import SHARED
from ketasim.forecasting.weighing.weigh import TOGETHER, Survivors, Weighed
from ketasim.population import session_normals

Array = NDArray[np.float64]

_DAY: Final = 24.0
_HIGHEST: Final = 60.0  # of the MADRS
_LEAST: Final = 1e-6  # of the largest weight: what is less does not show

SCHEMA: Final = {
    "day": pl.Float64,
    "time_h": pl.Float64,
    "scale": pl.String,
    "score": pl.Float64,
    **{f"before_{name}": pl.Float64 for name in ("mean", *QUANTILES)},
    **{f"after_{name}": pl.Float64 for name in ("mean", *QUANTILES)},
    "inside_50": pl.Boolean,
    "inside_90": pl.Boolean,
    "below": pl.Float64,
    "up_to": pl.Float64,
    "unit": pl.String,
}
"""Columns of the table of the scores. `before`: prediction from the scores before it alone;
`after`: of another rating at the same time, from all scores; `inside`: of the band of `before`;
`below` and `up_to`: chance of a lower rating, and of one up to it, by that prediction."""


def fit_table(found: Weighed, survivors: Survivors) -> pl.DataFrame:
    """Each score beside what was predicted of it.

    **Returns:** columns of `SCHEMA`, the score before treatment first, which has no prediction.
    """
    known = found.ratings
    base = known.baseline
    rows: list[dict[str, Any]] = [
        {"day": 0.0, "time_h": 0.0, "scale": base.scale, "score": base.score, "unit": "point"}
    ]
    theirs = {
        scale: again(survivors, found.likelihood.scores[survivors.chosen], scale).spread(scale)
        for scale in dict.fromkeys(known.scales)
    }
    for k, one in enumerate(known.scores):
        weights = found.weights(k)
        some = np.flatnonzero(weights > _LEAST * weights.max())
        mean, sd = (table[some, k] for table in (found.likelihood.mean, found.likelihood.sd))
        before = Mixture(mean[:, None], sd[:, None], weights[some] / weights[some].sum())
        spread = {name: float(values[0]) for name, values in before.spread(one.scale).items()}
        ends = [
            0.0 if end == -np.inf else 1.0 if end == np.inf else float(before.below(end)[0])
            for end in (known.low[k], known.high[k])
        ]
        after = {name: values[k] for name, values in theirs[one.scale].items()}
        rows.append(
            {
                "day": one.time / _DAY,
                "time_h": one.time,
                "scale": one.scale,
                "score": one.score,
                **{f"before_{name}": spread[name] for name in ("mean", *QUANTILES)},
                **{f"after_{name}": float(after[name]) for name in ("mean", *QUANTILES)},
                "inside_50": spread["p25"] <= one.score <= spread["p75"],
                "inside_90": spread["p05"] <= one.score <= spread["p95"],
                "below": ends[0],
                "up_to": ends[1],
                "unit": "point",
            }
        )
    return pl.DataFrame(rows, schema=SCHEMA)


def again(survivors: Survivors, scores: Array, scale: str) -> Mixture:
    """Another rating at the time of each score, given all scores.

    **Arguments:**

    - `survivors`: M of them. `scores`: of their chain at the times of the ratings, shape (M, K).
    - `scale`: of those ratings.
    """
    mean, variance = survivors.given_scores(survivors.ratings.times, scale)
    error = np.repeat(survivors.law.error(scale) ** 2, TOGETHER)[:, None]
    return Mixture(scores + mean, np.sqrt(variance + error))


def tail_chance(found: Weighed, count: int, seed: int) -> float | None:
    """How often virtual patients have scores as far from their mean as these, all together.

    The distance is that of Mahalanobis, with mean and covariance of the virtual patients' own
    ratings.

    **Arguments:**

    - `found`: patients and scores. `count`: of the first patients, those of the prior.
    - `seed`: of the ratings.

    **Returns:** a fraction; nothing where there is no score after that before treatment.
    """
    known = found.ratings
    if not len(known.times):
        return None
    lower = found.lower[: count // SHARED]
    first = np.arange(count)
    normals = session_normals(seed, 0, count, len(found.ensemble.sessions))
    scores = found.ensemble.chain(known.times, first).scores(normals)
    ratings = replicated(scores, lower, seed)
    ratings = np.clip(ratings, 0.0, _HIGHEST)
    mean = ratings.mean(axis=0)
    covariance = np.atleast_2d(np.cov(ratings.T))
    lower = np.linalg.cholesky(covariance + 1e-9 * np.eye(len(mean)))
    away = (ratings - mean).T, (np.clip(known.values, 0.0, _HIGHEST) - mean)[:, None]
    theirs, own = (
        np.sum(np.asarray(np.linalg.solve(lower, one), np.float64) ** 2, axis=0) for one in away
    )
    return float((float(np.sum(theirs >= own[0])) + 1.0) / (count + 1.0))
