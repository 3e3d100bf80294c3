"""Statistics over patients, as the tables give them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

QUANTILES = {"p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}


def statistics(table: Array, typical: bool) -> dict[str, Array]:
    """Mean, standard deviation and quantiles over patients.

    **Arguments:**

    - `table`: shape (rows, n).
    - `typical`: there is one patient, the typical one: only the mean.

    **Returns:** column name to values, each of shape (rows,).
    """
    if typical:
        return {"mean": table[:, 0].astype(np.float64)}
    n = table.shape[1]
    columns = {
        "mean": table.mean(axis=1, dtype=np.float64),
        # of one patient there is no spread
        "sd": table.std(axis=1, ddof=1, dtype=np.float64) if n > 1 else np.full(len(table), np.nan),
    }
    return columns | dict(zip(QUANTILES, _quantiles(table), strict=True))


def _quantiles(table: Array) -> Array:
    """The quantiles of every row, linear between patients, shape (Q, rows).

    To the last bit what `numpy.quantile` gives, which places each quantile by itself; one sort is
    a quarter of that work.
    """
    ordered: Array = np.sort(table, axis=1).astype(np.float64, copy=False)
    n = ordered.shape[1]
    place = np.array([*QUANTILES.values()]) * (n - 1)
    low = np.floor(place).astype(np.int64)
    part: Array = place - low
    below: Array = ordered[:, low]
    above: Array = ordered[:, np.minimum(low + 1, n - 1)]
    gap = above - below
    found: Array = np.where(part < 0.5, below + gap * part, above - gap * (1.0 - part))
    # what is not a number comes last in the order, and makes its row none
    return np.where(np.isnan(ordered[:, -1:]), np.nan, found).T
