"""Two plain rivals of the chain to mood: the mean of similar arms, and one exponential."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import Arm

Array = NDArray[np.float64]

WINDOWS = ((0.0, 6.0), (6.0, 36.0), (36.0, 96.0), (96.0, 240.0), (240.0, 500.0), (500.0, 1e9))
"""Windows of time in which values are taken to be of the same time, h."""
WINDOW_NAMES = ("hours", "a day", "2 to 4 days", "a week", "2 weeks", "3 weeks and more")
"""Names of the windows."""
_HALF_LIVES = np.geomspace(0.25, 200.0, 60)  # d, of the drug's effect
_DAY = 24.0


@dataclass(frozen=True)
class ArmValue:
    """A published change of an arm.

    **Arguments:**

    - `trial`: its key. `arm`: what was given.
    - `time`: h. `change`: points. `se`: of it.
    """

    trial: str
    arm: Arm
    time: float
    change: float
    se: float

    @property
    def window(self) -> int:
        """Position of its window of time."""
        return next(i for i, (low, high) in enumerate(WINDOWS) if low <= self.time < high)

    @property
    def kind(self) -> str:
        """What kind of arm: the control, or the drug's way."""
        return kind_of(self.arm)


def kind_of(arm: Arm) -> str:
    """Kind of an arm: its control, or the drug by spray, vein or another way, open or not."""
    if arm.control is not None:
        return arm.control
    route = {"intranasal": "spray", "iv": "vein"}.get(arm.doses[0].route, "other way")
    if arm.masked:
        return f"{route}, masked"
    return f"{route}, open" if arm.open else route


def mean_of_similar(target: ArmValue, others: Sequence[ArmValue]) -> float:
    """Mean of the other trials' arms of the same kind at that time, weighed by precision.

    Where no other trial has such an arm at that time, all arms of its side (drug or control) at
    that time stand in, then those at any time.
    """
    side = target.arm.control is None
    for keep in (
        [o for o in others if o.kind == target.kind and o.window == target.window],
        [o for o in others if (o.arm.control is None) == side and o.window == target.window],
        [o for o in others if (o.arm.control is None) == side],
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
        return float(-self.placebo - self.drug * _fading(value, self.rate))


def one_exponential(values: Sequence[ArmValue]) -> Exponential:
    """Fit constant placebo and one exponential, weighed by precision.

    **Arguments:**

    - `values`: of the trials to learn from.
    """
    change = np.array([v.change for v in values])
    weight = np.array([1.0 / v.se for v in values])
    best: tuple[float, Exponential] | None = None
    for rate in np.log(2.0) / _HALF_LIVES:
        table = np.column_stack([np.ones(len(values)), [_fading(v, float(rate)) for v in values]])
        found = np.linalg.lstsq(table * weight[:, None], -change * weight, rcond=None)[0]
        if found[1] < 0.0:
            continue  # a drug does no harm, or the fastest fading follows noise
        misfit = float(np.sum(((table @ found + change) * weight) ** 2))
        if best is None or misfit < best[0]:
            best = misfit, Exponential(float(found[0]), float(found[1]), float(rate))
    if best is None:
        return Exponential(float(np.average(-change, weights=weight**2)), 0.0, 1.0)
    return best[1]


def _fading(value: ArmValue, rate: float) -> float:
    before = [dose.time for dose in value.arm.doses if dose.time < value.time]
    if not before:
        return 0.0
    return float(np.exp(-rate * (value.time - max(before)) / _DAY))
