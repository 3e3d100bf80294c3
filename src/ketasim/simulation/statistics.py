"""Statistics over patients, as the tables give them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_TOGETHER = 100_000  # numbers taken together; they stay in the processor's cache
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
    rows, n = table.shape
    found = np.full((2 + len(QUANTILES), rows), np.nan)
    size = max(_TOGETHER // max(n, 1), 1)
    for first in range(0, rows, size):
        part, put = table[first : first + size], found[:, first : first + size]
        mean = part.mean(axis=1, dtype=np.float64, keepdims=True)
        put[0] = mean[:, 0]
        if n > 1:  # of one patient there is no spread
            put[1] = part.std(axis=1, ddof=1, dtype=np.float64, mean=mean)
        put[2:] = _quantiles(part)
    return dict(zip(("mean", "sd", *QUANTILES), found, strict=True))


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
