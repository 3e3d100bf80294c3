"""When patients leave a trial: at a constant hazard, after a session, or as they do badly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import Dropout

Array = NDArray[np.float64]

_DOUBLINGS: Final = 60
_HALVINGS: Final = 80


def constant_hazard(dropout: Dropout) -> float:
    """Hazard, 1/h, at which the share of a drop-out has left at its time."""
    return float(-np.log1p(-dropout.share) / dropout.by)


def leaves_after_session(dropout: Dropout, sessions: Sequence[float], due: Array) -> Array:
    """Time at which a patient leaves, h: right after a session, each with the same chance.

    **Arguments:**

    - `dropout`: its share has left after the sessions until its time.
    - `sessions`: times, h, ascending.
    - `due`: cumulative hazard at which a patient leaves, shape (n,).

    **Returns:** shape (n,); infinite for who stays.
    """
    until = sum(time <= dropout.by for time in sessions)
    if not until:
        return np.full(np.shape(due), np.inf)
    each = -np.log1p(-dropout.share) / until
    after = np.ceil(due / each).astype(np.int64) - 1
    times = np.append(np.asarray(sessions, np.float64), np.inf)
    left = times[np.minimum(after, len(sessions))]
    # the rating at the start of a session is before what happens in it
    return np.nextafter(left, np.inf)


def exposure(scores: Array, baseline: Array, times: Array) -> Array:
    """What the hazard of leaving for lack of effect adds up to, for a rate of one.

    The hazard is in proportion to the last score over that before treatment: who has half of the
    baseline left leaves half as fast.

    **Arguments:**

    - `scores`: at the visits, shape (..., n, T). `baseline`: shape (n,). `times`: h, shape (T,).

    **Returns:** hours, until each visit, shape (..., n, T).
    """
    level = np.ones_like(scores, np.float64)
    start = baseline[:, None]
    level[..., 1:] = np.clip(scores[..., :-1], 0.0, None) / np.where(start > 0.0, start, 1.0)
    return np.cumsum(level * np.diff(times, prepend=0.0), axis=-1)


def rate_of(dropout: Dropout, exposures: Sequence[tuple[Array, float]]) -> float:
    """Rate, 1/h, at which the share of a drop-out has left for lack of effect at its time.

    **Arguments:**

    - `exposures`: of each arm, hours as `exposure` counts them until that time, shape (n,), and how
      much the arm weighs.
    """
    total = sum(weight for _, weight in exposures)

    def share(rate: float) -> float:
        return sum(
            weight / total * float(-np.expm1(-rate * hours).mean()) for hours, weight in exposures
        )

    high = constant_hazard(dropout)
    for _ in range(_DOUBLINGS):
        if share(high) >= dropout.share:
            break
        high *= 2.0
    low = 0.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if share(middle) < dropout.share else (low, middle)
    return high


def hours_until(time: float, scores: Array, baseline: Array, times: Array) -> Array:
    """As `exposure`, until one time, which may be between visits or after them, shape (n,)."""
    inside = times < time
    ends = np.append(times[inside], time)
    padded = np.concatenate([scores[:, inside], scores[:, :1]], axis=1)
    return exposure(padded, baseline, ends)[:, -1]
