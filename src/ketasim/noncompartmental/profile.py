"""A profile: what was measured of one subject after a dose, until the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]
RouteKind = Literal["bolus", "infusion", "extravascular"]

INTO_VEIN: Final = ("bolus", "infusion")


@dataclass(frozen=True)
class Given:
    """What was given at the start of a profile, one dose or several close to each other.

    **Arguments:**

    - `time`: h, as in the table. `number`: of the dose in the subject, from 1.
    - `amount`: in the unit of the doses. `route`: how it got in.
    - `ends`: h after `time` when the last infusion ends. `mean_input`: h, how long a molecule of an
      infusion waits on average.
    - `tau`: h to the next dose of a regimen, not a number of a single dose.
    - `first`: whether nothing was given before. `steady`: whether it is at steady state.
    """

    time: float
    number: int
    amount: float
    route: RouteKind
    ends: float
    mean_input: float
    tau: float
    first: bool
    steady: bool


@dataclass(frozen=True)
class Profile:
    """Samples of one quantity in one subject after a dose.

    **Arguments:**

    - `subject`: ID as typed. `quantity`: what was measured. `draw`: of a simulation, from 1; 0
      without draws. `given`: the dose.
    - `times`: h after the dose, ascending, shape (P,). `values`: concentrations, 0 where they are
      below the limit of quantification, shape (P,). `below`: whether they are, shape (P,).
    - `groups`: values of the columns that results are grouped by.
    """

    subject: str
    quantity: str
    draw: int
    given: Given
    times: Array
    values: Array
    below: Flags
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Curve:
    """A profile as its areas are taken: from the dose to the last value above the limit.

    **Arguments:**

    - `times`, `values`: h after the dose and concentrations, shape (Q,). The first is at 0 h.
    - `start`: how the value at 0 h is known: `measured`, `zero`, `back-extrapolated`, `first value`
      or `least value`.
    """

    times: Array
    values: Array
    start: str


def curve_of(profile: Profile) -> Curve | None:
    """The points that areas are taken of.

    Values below the limit count as 0 before the first one above it, and are left out after.
    Without a sample at the dose, the value there is that of the first two samples drawn back in a
    straight line of logarithms (into the vein at once; the first sample where they do not fall), 0
    (nothing given before), or the least value of the interval (given before).

    **Returns:** nothing where no value is above the limit.
    """
    above = np.flatnonzero(~profile.below)
    if not len(above):
        return None
    first, last = above[0], above[-1]
    place = np.arange(len(profile.times))
    kept = ((~profile.below) | (place < first)) & (place <= last)
    times, values = profile.times[kept], profile.values[kept]
    if times[0] == 0 and not (profile.given.route == "bolus" and values[0] == 0):
        return Curve(times, values, "measured")
    if times[0] == 0:  # below the limit at the bolus itself: drawn before it
        times, values = times[1:], values[1:]
    value, how = _at_dose(profile.given, times, values)
    return Curve(np.concatenate([[0.0], times]), np.concatenate([[value], values]), how)


def _at_dose(given: Given, times: Array, values: Array) -> tuple[float, str]:
    """Concentration at the time of the dose, and how it is known."""
    if given.route == "bolus" and len(values) and values[0] > 0:
        if len(values) > 1 and 0 < values[1] < values[0]:
            steep = np.log(values[1] / values[0]) / (times[1] - times[0])
            return float(values[0] * np.exp(-steep * times[0])), "back-extrapolated"
        return float(values[0]), "first value"
    if given.first and not given.steady:
        return 0.0, "zero"
    return float(values.min()), "least value"
