"""The tables of a forecast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim.forecasting.ahead import Ahead, Fluctuations
from ketasim.forecasting.mixture import QUANTILES, Mixture
from ketasim.forecasting.options import Option
from ketasim.forecasting.weighing.ratings import Ratings
from ketasim.forecasting.weighing.scale_error import scale_error
from ketasim.forecasting.well import LEAST, Well, first_day, own_days, well
from ketasim.population import from_madrs, to_madrs
from ketasim.population.outcomes import HALF_POINT
from ketasim.simulation.mood.inputs import PARTS

Array = NDArray[np.float64]

_DAY: Final = 24.0
SHARES: Final = ("p_response", "p_remission", "p_well")
"""Chances in the table by day."""

COLUMNS: Final = ("option", "day", "scale", "mean", "sd", *QUANTILES, *SHARES, "unit")
"""Columns of the table by day."""


@dataclass(frozen=True)
class Limits:
    """Below which points of the MADRS there is a response or a remission on a scale.

    **Arguments:**

    - `half`: half of the score before treatment, at most which the state is a response.
    - `response`, `remission`: of a rating, whose totals are whole numbers.
    """

    half: float
    response: float
    remission: float


def limits_of(ratings: Ratings, scale: str) -> Limits:
    """Half of the score before treatment on a scale, and its limit of remission.

    Where there is none on that scale, the score before treatment is converted to it.
    """
    own = [one.score for one in ratings.scores if one.scale == scale and one.time == 0.0]
    before = (
        ratings.baseline.score
        if ratings.baseline.scale == scale
        else own[0]
        if own
        else float(from_madrs(scale, ratings.base))
    )
    # a total of at most 10 was below 10.5 before it was rounded
    rated = (np.floor(before / 2.0) + HALF_POINT, scale_error(scale).remission + HALF_POINT)
    return Limits(*(float(to_madrs(scale, float(one))) for one in (before / 2.0, *rated)))


def scales_of(ratings: Ratings) -> tuple[str, ...]:
    """The patient's own scales, and the MADRS."""
    return tuple(dict.fromkeys((ratings.baseline.scale, *ratings.scales, "MADRS")))


def well_of(ahead: Ahead, noise: Fluctuations, ratings: Ratings) -> Well:
    """Who responds by the state, and keeps it."""
    half = limits_of(ratings, ratings.baseline.scale).half
    return well(ahead.score + noise.paths, half, noise.times)


def day_rows(
    option: str, rating: Mixture, scale: str, ratings: Ratings, times: Array, kept: Array | None
) -> pl.DataFrame:
    """Rows of the table by day of one option and scale, columns `COLUMNS`."""
    limits = limits_of(ratings, scale)
    count = len(times)
    columns = {
        "option": [option] * count,
        "day": times / _DAY,
        "scale": [scale] * count,
        **rating.spread(scale),
        "p_response": rating.below(limits.response),
        "p_remission": rating.below(limits.remission),
        "p_well": np.full(count, np.nan) if kept is None else kept,
        "unit": ["point"] * count,
    }
    return pl.DataFrame(columns).select(COLUMNS).with_columns(pl.col(SHARES).fill_nan(None))


def part_rows(option: str, ahead: Ahead, times: Array, base: float) -> pl.DataFrame:
    """Rows of the contributions: option, day, part, mean, p05, p95, share, unit."""
    fall = float(base) - ahead.score.mean(axis=0)
    tables: list[pl.DataFrame] = []
    for part in PARTS:
        mean = ahead.parts[part].mean(axis=0)
        low, high = _ends(ahead.parts[part])
        there = np.abs(fall) > 1e-6
        tables.append(
            pl.DataFrame(
                {
                    "option": [option] * len(times),
                    "day": times / _DAY,
                    "part": [part.removeprefix("by_")] * len(times),
                    "mean": mean,
                    "p05": low,
                    "p95": high,
                    "share": np.where(there, mean / np.where(there, fall, 1.0), np.nan),
                    "unit": ["MADRS point"] * len(times),
                }
            )
        )
    return pl.concat(tables).with_columns(pl.col("share").fill_nan(None))


def _ends(values: Array) -> Array:
    """The 5 and 95 % quantile over patients, shape (2, T)."""
    if not values.any():
        return np.zeros((2, values.shape[1]))
    # half of the patients: those of one solution are alike
    return np.quantile(values[::2], [0.05, 0.95], axis=0)


def lost_row(
    option: Option, ahead: Ahead, noise: Fluctuations, ratings: Ratings, level: float
) -> dict[str, object]:
    """When the response is lost under an option; columns of `LOST`."""
    kept = well_of(ahead, noise, ratings)
    scale = ratings.baseline.scale
    mean, variance = noise.laws[scale]
    room = limits_of(ratings, scale).half - ahead.score - mean
    from scipy.special import ndtr  # only here: scipy is slow to load

    responds = np.asarray(ndtr(room / np.sqrt(np.maximum(variance, 1e-12))), np.float64)
    had = np.maximum.accumulate(responds >= 0.5, axis=1)
    ever = float(kept.ever[:, -1].mean())
    with_one = had[:, -1]
    lost = np.where(had, 1.0 - responds, 0.0)[with_one]
    lost[:, 0] = 0.0  # now, nobody can have lost a response since now
    days = own_days(lost, level, noise.times) if len(lost) else np.array([np.inf])
    low, high = np.quantile(days, [0.05, 0.95], method="inverted_cdf")
    chances = kept.p_lost
    known = ever >= LEAST
    return {
        "option": option.name,
        "level": level,
        "day": first_day(chances, level, noise.times) if known else None,
        "p05": float(low) if known and np.isfinite(low) else None,
        "p95": float(high) if known and np.isfinite(high) else None,
        "p_lost": float(np.nanmax(chances)) if known else None,
        "p_responded": ever,
        "horizon": float(noise.times[-1] / _DAY),
        "unit": "d",
    }


LOST: Final[Mapping[str, type[pl.DataType]]] = {
    "option": pl.String,
    "level": pl.Float64,
    "day": pl.Float64,
    "p05": pl.Float64,
    "p95": pl.Float64,
    "p_lost": pl.Float64,
    "p_responded": pl.Float64,
    "horizon": pl.Float64,
    "unit": pl.String,
}
"""Columns of the table of lost responses: `day` is the first on which the probability of having
lost the response passes `level`, nothing when it does not until `horizon`; `p05` and `p95` the same
over the patients and parameters that the scores allow, each by its own probability; `p_lost` the
highest probability; `p_responded` that of having had a response since now."""


def lost_table(rows: Sequence[dict[str, object]]) -> pl.DataFrame:
    """Rows as `lost_row` makes them."""
    return pl.DataFrame(list(rows), schema=dict(LOST))
