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
        return {"mean": table[:, 0]}
    n = table.shape[1]
    columns = {
        "mean": table.mean(axis=1),
        # of one patient there is no spread
        "sd": table.std(axis=1, ddof=1) if n > 1 else np.full(len(table), np.nan),
    }
    quantiles = np.quantile(table, list(QUANTILES.values()), axis=1)
    return columns | dict(zip(QUANTILES, quantiles, strict=True))
