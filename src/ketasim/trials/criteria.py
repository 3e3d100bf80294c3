"""What a rating shows: response, remission, and whether a patient is randomised again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import Branch, Trial

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


def responded(score: Array, baseline: Array, at_least: float) -> Array:
    """1 for an improvement of at least a fraction of the baseline; a baseline of 0 has none.

    **Arguments:**

    - `score`, `baseline`: points, not a number where not rated; shapes that broadcast.
    - `at_least`: fraction of the baseline.
    """
    known = ~np.isnan(score) & (baseline > 0)
    # scores are whole, the fraction may not be: nobody misses a half by the last bit
    return np.where(known, baseline - score >= at_least * baseline - 1e-9, np.nan)


def remitted(score: Array, at_most: float) -> Array:
    """1 for a score of at most some points; arguments as of `responded`."""
    return np.where(np.isnan(score), np.nan, score <= at_most)


def enters(
    trial: Trial,
    branch: Branch,
    score: Callable[[str], Array],
    baseline: Callable[[str], Array],
) -> Flags:
    """Whether patients are randomised again, by what is rated at that time.

    **Arguments:**

    - `trial`: whose thresholds count. `branch`: of one of the arms that they may get into.
    - `score`, `baseline`: of a scale, points, not a number where a patient has left.
    """
    entry = branch.entry
    scale = entry.scale or trial.scale
    rated = score(scale)
    there = ~np.isnan(rated)
    if entry.kind == "all":
        return there
    if entry.kind == "remission":
        assert trial.remission_at_most is not None
        return remitted(rated, trial.remission_at_most) == 1.0
    if entry.kind in ("response", "no_response"):
        shown = responded(rated, baseline(scale), trial.response_at_least) == 1.0
        return there & (shown == (entry.kind == "response"))
    low = -np.inf if entry.score_at_least is None else entry.score_at_least
    high = np.inf if entry.score_at_most is None else entry.score_at_most
    return there & (rated >= low) & (rated <= high)
