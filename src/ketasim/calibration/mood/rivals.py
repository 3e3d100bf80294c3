"""Two plain rivals of the chain to mood: the mean of similar arms, and one exponential."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.calibration.mood.values import ArmValue, window_of

Array = NDArray[np.float64]

_HALF_LIVES = np.geomspace(0.25, 200.0, 60)  # d, of the drug's effect


def mean_of_similar(target: ArmValue, others: Sequence[ArmValue]) -> float:
    """Mean of the other trials' arms of the same kind at that time, weighed by precision.

    Where no other trial has such an arm at that time, all arms of its side (drug or control) at
    that time stand in, then those at any time. A change from a later start is the difference of
    two such means.
    """
    found = _similar_at(target, target.time, others)
    return found if target.start is None else found - _similar_at(target, target.start, others)


def _similar_at(target: ArmValue, time: float, others: Sequence[ArmValue]) -> float:
    window = window_of(time)
    whole = [o for o in others if o.start is None]
    for keep in (
        [o for o in whole if o.kind == target.kind and o.window == window],
        [o for o in whole if o.side == target.side and o.window == window],
        [o for o in whole if o.side == target.side],
    ):
        if keep:
            weights = np.array([o.se**-2.0 for o in keep])
            return float(np.average([o.change for o in keep], weights=weights))
    raise ValueError("no other trial")


@dataclass(frozen=True)
class Exponential:
    """Constant placebo response and a drug effect that fades from the last dose.

    **Arguments:**

    - `placebo`, `drug`: points. `rate`: 1/d.
    """

    placebo: float
    drug: float
    rate: float

    def change(self, value: ArmValue) -> float:
        """Change of an arm at its time, points."""
        return float(-self.placebo * _constant(value) - self.drug * _fading(value, self.rate))


def one_exponential(values: Sequence[ArmValue]) -> Exponential:
    """Fit constant placebo and one exponential, weighed by precision.

    **Arguments:**

    - `values`: of the trials to learn from.
    """
    change = np.array([v.change for v in values])
    weight = np.array([1.0 / v.se for v in values])
    constant = np.array([_constant(v) for v in values])
    best: tuple[float, Exponential] | None = None
    for rate in np.log(2.0) / _HALF_LIVES:
        table = np.column_stack([constant, [_fading(v, float(rate)) for v in values]])
        found = np.linalg.lstsq(table * weight[:, None], -change * weight, rcond=None)[0]
        if found[1] < 0.0:
            continue  # a drug does no harm, or the fastest fading follows noise
        misfit = float(np.sum(((table @ found + change) * weight) ** 2))
        if best is None or misfit < best[0]:
            best = misfit, Exponential(float(found[0]), float(found[1]), float(rate))
    if best is None:
        return Exponential(float(np.average(-change, weights=weight**2)), 0.0, 1.0)
    return best[1]


def _constant(value: ArmValue) -> float:
    """A constant response is no change from a later start."""
    return 1.0 if value.start is None else 0.0


def _fading(value: ArmValue, rate: float) -> float:
    def left(time: float) -> float:
        since = value.since(time)
        return 0.0 if since is None else float(np.exp(-rate * since[1]))

    return left(value.time) - (0.0 if value.start is None else left(value.start))
