"""The patient's own course until now, as ratings would have shown it, given all the scores."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim.dosing import Course
from ketasim.engine import Plan
from ketasim.forecasting.ahead import followed
from ketasim.forecasting.mixture import QUANTILES, Mixture
from ketasim.forecasting.options import Option
from ketasim.forecasting.tables import scales_of
from ketasim.forecasting.weighing.ensemble import Ensemble
from ketasim.forecasting.weighing.weigh import TOGETHER, Survivors

Array = NDArray[np.float64]

_DAY: Final = 24.0
_MOST: Final = 120  # rows of a scale
_FINE: Final = 45.0  # d, up to which there are rows of half days

COLUMNS: Final = ("day", "scale", "mean", "sd", *QUANTILES, "unit")
"""Columns of the table of the past."""


def past_table(
    ensemble: Ensemble, survivors: Survivors, given: Course, now: float, plan: Plan
) -> pl.DataFrame:
    """What a rating would have shown at each time until now, given all the scores.

    **Arguments:**

    - `ensemble`: the survivors are of. `given`: the course until now, with the score before
      treatment. `now`: h. `plan`: steps of the solver.

    **Returns:** columns `COLUMNS`, of the patient's own scales, times ascending.
    """
    times = _times(now, survivors.ratings.times)
    normals = survivors.normals(len(given.regimen.sessions))
    lived = followed(ensemble, survivors.chosen, normals, [Option("", given, 0)], times, plan)[0]
    tables: list[pl.DataFrame] = []
    for scale in scales_of(survivors.ratings):
        mean, variance = survivors.given_scores(times, scale)
        error = np.repeat(survivors.law.error(scale) ** 2, TOGETHER)[:, None]
        rating = Mixture(lived.score + mean, np.sqrt(variance + error))
        count = len(times)
        columns = {
            "day": times / _DAY,
            "scale": [scale] * count,
            **rating.spread(scale),
            "unit": ["point"] * count,
        }
        tables.append(pl.DataFrame(columns).select(COLUMNS))
    return pl.concat(tables)


def _times(now: float, rated: Array) -> Array:
    """From the start to now: days, or halves of them in a short course, and the ratings."""
    days = now / _DAY
    step = 0.5 if days <= _FINE else float(max(1, np.ceil(days / _MOST)))
    even = np.arange(0.0, days, step) * _DAY
    return np.unique(np.round([0.0, *even, *rated[rated <= now], now], 9))
