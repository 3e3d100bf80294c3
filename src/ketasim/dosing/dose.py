"""One dose: what is given, how, when and as which salt."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cache
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from ketasim._base import DRUGS, ROUTES, InputError, near
from ketasim.evidence import facts, number
from ketasim.vocabulary import SALTS

TIMED_ROUTES: Final = ("iv", "im", "sc")
"""Routes by which a dose may be given over a time: an infusion, or a pump under the skin."""

UNITS: Final = ("mg", "mg/kg")
"""Units of an amount; `mg/kg` is per kg of body weight."""

DEVICE_AMOUNT: Final = 28.0
"""Esketamine base in one nasal device, mg (mims_hk; care/rules R10)."""

STUDY_DEVICE: Final = 14.0
"""Esketamine base in a nasal device of a study, not sold, mg (ctg_nct01998958; mood/arms)."""

DEVICE_GAP: Final = 5.0 / 60.0
"""Rest between nasal devices, h (mims_hk; care/rules R10)."""

LONGEST: Final = 20 * 365.25 * 24.0
"""Latest time in a course, h: 20 years, a limit against slips of the pen."""

SHORTEST: Final = 1.0 / 3600.0
"""Shortest infusion, h: 1 s, a limit against slips of the pen; nothing is given faster by hand."""

SMALLEST: Final = 1e-9
"""Smallest amount of a dose, mg or mg/kg: a limit against slips of the pen; less is no dose."""

MOST_DOSES: Final = 10_000
"""Most doses in a regimen, nasal devices counted one by one: a limit against slips of the pen."""

Weight = TypeVar("Weight", float, NDArray[np.float64])


@cache
def base_fraction(salt: str) -> float:
    """Mass of base in one mg of a salt, from the molar masses.

    The enantiomers have the molar mass of the racemate.

    **Arguments:**

    - `salt`: one of `SALTS`.

    **Returns:** mg of base per mg of salt.

    **Source:** casmsds (pk/constants).
    """
    if salt == "base":
        return 1.0
    masses = {
        row.get("compound"): number(row.get("value"))
        for row in facts("pk/constants")
        if row.source == "casmsds" and row.get("property") == "molecular weight"
    }
    base, hydrochloride = masses["ketamine (base)"], masses["ketamine hydrochloride"]
    assert base is not None and hydrochloride is not None
    return base / hydrochloride


def too_short(duration: float) -> bool:
    """Tell whether an infusion of so many h is shorter than `SHORTEST`; 0, a bolus, is not."""
    return 0 < duration < SHORTEST * (1 - 1e-9)  # 1 s, converted, may be a last digit less


@dataclass(frozen=True)
class Dose:
    """A dose of one drug by one route.

    **Arguments:**

    - `time`: start, h from the start of the course; day 0 begins at 0 h.
    - `drug`: one of `DRUGS`.
    - `route`: one of `ROUTES`.
    - `amount`: in `unit`, of what `salt` says.
    - `unit`: `mg`, or `mg/kg` of body weight.
    - `duration`: h, at a constant rate; 0 for all at once. Only for `TIMED_ROUTES`.
    - `salt`: `base`, or `hydrochloride`, which is converted to base by molar mass.
    - `device`: place of a nasal device in its session: 0 for the first, 1, 2 … for later ones.
    - `session`: index of the session the dose belongs to.
    - `steady_state_interval`: h; when given, infinitely many equal doses came before, so far apart.
    - `duration_given`: false of an iv dose of which nothing says how long it takes: that it is
      given all at once is assumed. Doses that differ in this alone are equal.
    - `rate_given`: of a dose whose rate was given, not its duration: where only a part F of it is
      absorbed, it enters at this rate, and for F times the duration, as NONMEM has it.

    **Raises:** `InputError` when a value cannot be.
    """

    time: float
    drug: str
    route: str
    amount: float
    unit: str
    duration: float = 0.0
    salt: str = "base"
    device: int = 0
    session: int = 0
    steady_state_interval: float | None = None
    duration_given: bool = field(default=True, compare=False)
    rate_given: bool = field(default=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse what cannot be a dose."""
        problem = self._problem()
        if problem is not None:
            raise InputError(f"dose.{problem[0]}", problem[1], problem[2])

    def milligrams(self, weight: Weight) -> Weight:
        """Mass of base given.

        **Arguments:**

        - `weight`: body weight, kg, a number or an array.

        **Returns:** mg of base, in the shape of `weight`.
        """
        base = self.amount * base_fraction(self.salt)
        return base * weight if self.unit == "mg/kg" else base + 0.0 * weight

    @property
    def end(self) -> float:
        """Time at which the dose has been given, h."""
        return self.time + self.duration

    def _problem(self) -> tuple[str, str, str] | None:
        """Field, problem and remedy of the first thing wrong."""
        for name, value, known in (
            ("drug", self.drug, DRUGS),
            ("route", self.route, ROUTES),
            ("unit", self.unit, UNITS),
            ("salt", self.salt, SALTS),
        ):
            if value not in known:
                return name, f"unknown {name} '{value}'", near(value, known)
        if not (math.isfinite(self.amount) and self.amount > 0):
            return "amount", f"{self.amount:g} is not an amount", "give a number above 0"
        if self.amount < SMALLEST:
            return "amount", f"{self.amount:g} {self.unit} is too little", "check the unit"
        if not 0 <= self.time <= LONGEST:
            return "time", f"{self.time:g} h is not a time of a course", "give 0 h to 20 years"
        if not 0 <= self.duration <= LONGEST:
            return "duration", f"{self.duration:g} h is not a duration", "give 0 h or more"
        if too_short(self.duration):
            return (
                "duration",
                f"{self.duration:g} h is shorter than 1 s",
                "write it as a bolus: give 0, or leave the duration out",
            )
        if self.duration > 0 and self.route not in TIMED_ROUTES:
            return (
                "duration",
                f"a dose by the route {self.route} is given all at once",
                "leave the duration out; only iv, im and sc take one",
            )
        interval = self.steady_state_interval
        if interval is not None and not (math.isfinite(interval) and interval > 0):
            return "steady_state_interval", f"{interval:g} h is no interval", "give h above 0"
        if self.device < 0 or self.session < 0:
            return "device", "a device or session has a number below 0", "count from 0"
        return None
