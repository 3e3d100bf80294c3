"""Response by the patient's state, and when it is lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

_DAY: Final = 24.0
_WEEK: Final = 7.0 * _DAY
_SLIP: Final = 1e-6
LEAST: Final = 0.05
"""Chance of ever having responded below which there is no response that could be lost."""


@dataclass(frozen=True, eq=False)
class Well:
    """Survivors who respond, and who keep it.

    The state is what ratings would show on average, without the error of each: a patient responds
    by it while it is at most half of the score before treatment. Visits are a week apart, from now.

    **Arguments:**

    - `responding`: by the state at each time, shape (M, T).
    - `ever`: at this time or at a visit before it, shape (M, T).
    - `kept`: responding, and at no visit since the first response without it, shape (M, T).
    """

    responding: Flags
    ever: Flags
    kept: Flags

    @property
    def p_well(self) -> Array:
        """Chance of responding, and of not having lost a response since now, shape (T,)."""
        return self.kept.mean(axis=0)

    @property
    def p_lost(self) -> Array:
        """Chance of having lost the response, of those who have had one since now, shape (T,).

        Not a number where hardly anybody has had one.
        """
        ever = self.ever.mean(axis=0)
        lost = ever - self.kept.mean(axis=0)
        return np.where(ever >= LEAST, lost / np.maximum(ever, LEAST), np.nan)


def well(state: Array, half: float, times: Array) -> Well:
    """Who responds and who keeps it.

    **Arguments:**

    - `state`: points, shape (M, T). `half`: points, at most which it is a response.
    - `times`: h, from now, ascending, shape (T,).
    """
    responding = np.asarray(state <= half, np.bool_)
    ever, kept = np.zeros_like(responding), np.zeros_like(responding)
    before = np.zeros(len(state), np.bool_)  # had a response at a visit
    lost = np.zeros(len(state), np.bool_)
    for place, time in enumerate(times):
        here = responding[:, place]
        ever[:, place] = before | here
        kept[:, place] = here & ~lost
        since = (time - times[0]) / _WEEK
        if abs(since - round(since)) * _WEEK < _DAY / 2 + _SLIP:
            lost |= before & ~here
            before |= here
    return Well(responding, ever, kept)


def first_day(chance: Array, level: float, times: Array) -> float | None:
    """The first time at which a chance is above a level, days; nothing when it never is."""
    above = np.flatnonzero(np.nan_to_num(chance, nan=-1.0) > level)
    return float(times[above[0]] / _DAY) if len(above) else None


def own_days(chance: Array, level: float, times: Array) -> Array:
    """The same of each patient, shape (M,), endless when it never is.

    **Arguments:**

    - `chance`: shape (M, T). `level`: of the chance. `times`: h, shape (T,).
    """
    above = chance > level
    day = times[above.argmax(axis=1)] / _DAY
    return np.where(above.any(axis=1), day, np.inf)
