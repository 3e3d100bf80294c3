"""Response, remission and relapse of patients whose score is rated with an error."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

HALF_POINT = 0.5
"""Totals are whole numbers: at most 10 means below 10.5."""


def response_chance(score: Array, baseline: Any, sigma: Any, fraction: float = 0.5) -> Array:
    """Chance that a rating shows a response.

    **Main arguments:**

    - `score`: without error, points, any shape. `baseline`: before treatment, points, broadcasts.
    - `sigma`: SD of the error of a rating, points.

    **Other arguments:**

    - `fraction`: of the baseline by which the score must have fallen.
    """
    return _below((1.0 - fraction) * np.asarray(baseline, np.float64), score, sigma)


def remission_chance(score: Array, at_most: float, sigma: Any) -> Array:
    """Chance that a rating is at most some points; arguments as of `response_chance`."""
    return _below(at_most + HALF_POINT, score, sigma)


def still_well(
    score: Array, baseline: Any, sigma: Any, *, entry: Any = None, lost: Any = None
) -> tuple[Array, Array]:
    """Chance of being well at the first time, and of still being well at each time.

    The error of a patient's ratings is taken to be the same at all times: one who is rated low
    stays rated low.

    **Main arguments:**

    - `score`: without error, points, shape (n, T), times ascending. `baseline`: points, shape (n,).
    - `sigma`: SD of the error of a rating, points.

    **Other arguments:**

    - `entry`: points below which a patient is well at the first time, broadcasts to (n,); half of
      the baseline when left out.
    - `lost`: points from which a patient has relapsed, broadcasts to (n,); half of the baseline
      when left out.

    **Returns:** shape (n,), and shape (n, T): well at the first time and no relapse until then.
    """
    half = 0.5 * np.broadcast_to(np.asarray(baseline, np.float64), score.shape[:1])
    start, ends = (
        half if one is None else np.broadcast_to(np.asarray(one, np.float64), half.shape)
        for one in (entry, lost)
    )
    worst = np.maximum.accumulate(score, axis=1)
    room = start - score[:, 0]
    return _below(start, score[:, 0], sigma), _below(
        np.minimum(room[:, None], ends[:, None] - worst), 0.0, sigma
    )


def _below(limit: Any, score: Any, sigma: Any) -> Array:
    from scipy.special import ndtr  # only here: scipy is slow to load

    return np.asarray(ndtr((np.asarray(limit, np.float64) - score) / sigma), np.float64)
