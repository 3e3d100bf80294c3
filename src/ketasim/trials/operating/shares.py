"""Shares of replicates, with their Monte-Carlo errors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def mean_of(values: Array) -> float:
    """Mean; not a number of nothing."""
    return float(values.mean()) if len(values) else float("nan")


def sd_of(values: Array) -> float:
    """Standard deviation; not a number of fewer than two."""
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def share_of(name: str, flags: Array, draws: int | None = None) -> dict[str, float]:
    """A share of the replicates that have an estimate, and its Monte-Carlo error.

    **Arguments:**

    - `name`: of the column; that of the error ends with `_mc_se`.
    - `flags`: 1, 0, or not a number, shape (R,).
    - `draws`: of the numbers of the card, which replicates have by turns; left out, each its own.
    """
    known = flags[~np.isnan(flags)]
    p, count = mean_of(known), len(known)
    # none or all of them is no proof that it is never or always: one more of each is counted
    q = (known.sum() + 1.0) / (count + 2.0) if count and p in (0.0, 1.0) else p
    error = float(np.sqrt(q * (1.0 - q) / count)) if count else float("nan")
    if draws is not None and draws < len(flags):
        # replicates of one draw are alike
        off = np.bincount(np.arange(len(flags)) % draws, np.nan_to_num(flags - p), draws)
        error = max(error, float(np.sqrt((off**2).sum())) / max(count, 1))
    return {name: p, f"{name}_mc_se": error}
