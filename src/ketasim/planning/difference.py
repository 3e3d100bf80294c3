"""One option minus another, draw by draw on the same virtual patients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.planning.measure import EXACT, PATIENT, PATIENTS, UNCERTAINTY, Measure, ranged

Array = NDArray[np.float64]

_SAME = 1e-9  # of a number, relative: less is rounding


@dataclass(frozen=True)
class Difference:
    """An option minus another.

    **Arguments:**

    - `value`: in the criterion's unit; nothing where one of the two is not assessed.
    - `p05`, `p50`, `p95`: over the parameter draws, or over the patients; nothing where it follows
      from the regimens alone.
    - `p_better`: share of the parameter draws in which it is better, ties by half; of what follows
      from the regimens alone 1, 0 or, where they are the same, 0.5. Nothing where neither more nor
      less is better, or where the range is between patients.
    - `clear`: whether the range is on one side of no difference, and the two are told apart.
    - `sure`: the same, of differences too small to be told as well.
    """

    value: float | None
    p05: float | None = None
    p50: float | None = None
    p95: float | None = None
    p_better: float | None = None
    clear: bool = False
    sure: bool = False


def difference(one: Measure, other: Measure) -> Difference:
    """Subtract a measure of another option.

    **Arguments:**

    - `one`, `other`: of the same criterion and week.
    """
    if one.value is None or other.value is None:
        return Difference(None)
    gap = one.value - other.value
    if abs(gap) <= _SAME * max(abs(one.value), abs(other.value)):
        gap = 0.0
    spread = one.spread if one.spread == other.spread else EXACT
    if spread == EXACT or one.drawn is None or other.drawn is None:
        if one.spread != EXACT or other.spread != EXACT:  # of one of the two there are no draws
            return Difference(gap)
        return Difference(
            gap, p_better=_better(np.array([gap]), one), clear=gap != 0.0, sure=gap != 0.0
        )
    drawn = one.drawn - other.drawn
    low, middle, high = ranged(gap, drawn)
    assert low is not None
    assert high is not None
    better = _better(drawn, one) if spread in (UNCERTAINTY, PATIENT) else None
    clear = spread != PATIENTS and (low > 0.0 or high < 0.0)
    return Difference(gap, low, middle, high, better, clear, clear)


def _better(drawn: Array, one: Measure) -> float | None:
    """Share of draws in which it is better."""
    sign = {"lower": -1.0, "higher": 1.0}.get(one.criterion.better)
    if sign is None:
        return None
    better = np.asarray(sign * drawn > 0.0, np.float64)
    same = np.asarray(drawn == 0.0, np.float64)
    return float((better + 0.5 * same).mean())
