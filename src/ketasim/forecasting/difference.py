"""One candidate beside another, on the same virtual patients with the same fluctuations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim.forecasting.ahead import Ahead, Fluctuations
from ketasim.forecasting.tables import limits_of
from ketasim.forecasting.weighing.ratings import Ratings
from ketasim.forecasting.well import Well
from ketasim.population import from_madrs

Array = NDArray[np.float64]

_HIGHEST: Final = 60.0  # of the MADRS
_NODES: Final = 9  # of a Gauss-Hermite rule: a rating within the ends of its scale
_NORMAL_95: Final = 1.6448536269514722  # quantile of the normal law
_SAME: Final = 1e-6  # of a number: less is rounding
_SHOWN: Final = {"point": 0.05, "fraction": 0.0005}  # less is written as no difference

SCHEMA: Final[Mapping[str, type[pl.DataType]]] = {
    "option": pl.String,
    "against": pl.String,
    "day": pl.Float64,
    "quantity": pl.String,
    "mean": pl.Float64,
    "p05": pl.Float64,
    "p95": pl.Float64,
    "only": pl.Float64,
    "only_against": pl.Float64,
    "told_apart": pl.Boolean,
    "unit": pl.String,
}
"""Columns of the table of differences, an option minus the first at the horizon: `quantity` is the
scale, p_response, p_remission or p_well; `p05` and `p95` over the virtual patients that the scores
allow, each under both options; of p_well, which a virtual patient is or is not, instead the shares
that are well under one of the two alone, `only` and `only_against`; `told_apart` whether the range
is on one side of no difference, of p_well whether the difference is beyond what the effective
sample leaves open."""


@dataclass(frozen=True, eq=False)
class Followed:
    """An option with the survivors who were followed under it.

    **Arguments:**

    - `name`: of the option. `ahead`: survivors. `kept`: who is well.
    """

    name: str
    ahead: Ahead
    kept: Well


def differences(
    every: Sequence[Followed], noise: Fluctuations, ratings: Ratings, effective: float
) -> pl.DataFrame:
    """Each option minus the first, at the horizon.

    **Arguments:**

    - `every`: the options. `noise`: what ratings add, the same under each.
    - `ratings`: the scores. `effective`: sample size.

    **Returns:** columns `SCHEMA`; no rows for a single option.
    """
    first, *others = every
    scale = ratings.baseline.scale
    base = _own(first.ahead, noise, ratings)
    rows: list[dict[str, object]] = []
    for one in others:
        head = {"option": one.name, "against": first.name, "day": float(noise.times[-1] / 24.0)}
        own = _own(one.ahead, noise, ratings)
        for quantity in (scale, "p_response", "p_remission"):
            gap = own[quantity] - base[quantity]
            low, high = np.quantile(gap, [0.05, 0.95])
            unit = "point" if quantity == scale else "fraction"
            least = _SHOWN[unit]
            rows.append(
                {
                    **head,
                    "quantity": quantity,
                    "mean": float(gap.mean()),
                    "p05": float(low),
                    "p95": float(high),
                    "told_apart": bool(low >= least or high <= -least),
                    "unit": unit,
                }
            )
        rows.append({**head, **_well(one.kept.kept[:, -1], first.kept.kept[:, -1], effective)})
    return pl.DataFrame(rows, schema=dict(SCHEMA))


def _own(ahead: Ahead, noise: Fluctuations, ratings: Ratings) -> dict[str, Array]:
    """Each survivor's own expected rating and chances on the last day, shape (M,) each."""
    from scipy.special import ndtr  # only here: scipy is slow to load

    scale = ratings.baseline.scale
    mean, variance = (table[:, -1] for table in noise.laws[scale])
    middle = ahead.score[:, -1] + mean
    sd = np.sqrt(variance + noise.errors[scale])
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    at = np.clip(middle[:, None] + sd[:, None] * nodes, 0.0, _HIGHEST)
    points = np.asarray(from_madrs(scale, at), np.float64)
    limits = limits_of(ratings, scale)
    return {
        scale: points @ (weights / weights.sum()),
        "p_response": np.asarray(ndtr((limits.response - middle) / sd), np.float64),
        "p_remission": np.asarray(ndtr((limits.remission - middle) / sd), np.float64),
    }


def _well(own: NDArray[np.bool_], first: NDArray[np.bool_], effective: float) -> dict[str, object]:
    """Who is well under one of two options alone."""
    only, only_first = float((own & ~first).mean()), float((first & ~own).mean())
    gap = only - only_first
    error = np.sqrt(max(only + only_first - gap**2, 0.0) / max(min(effective, len(own)), 1.0))
    return {
        "quantity": "p_well",
        "mean": gap,
        "only": only,
        "only_against": only_first,
        "told_apart": bool(abs(gap) > max(_NORMAL_95 * error, _SAME)),
        "unit": "fraction",
    }
