"""Units of areas, clearances and volumes, from those of concentration and dose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from ketasim._base import InputError
from ketasim._base.text import shortened

_MASS: Final = {
    "kg": Fraction(10**6),
    "g": Fraction(10**3),
    "mg": Fraction(1),
    "µg": Fraction(1, 10**3),
    "ug": Fraction(1, 10**3),
    "mcg": Fraction(1, 10**3),
    "ng": Fraction(1, 10**6),
    "pg": Fraction(1, 10**9),
}
_VOLUME: Final = {"l": Fraction(1), "dl": Fraction(1, 10), "ml": Fraction(1, 10**3)}
_DOSE: Final = (*_MASS, *(f"{one}/kg" for one in _MASS))


@dataclass(frozen=True)
class Units:
    """Units of the metrics.

    **Arguments:**

    - `concentration`, `dose`: as given; the first is empty where it is not known.
    - `per`: what a volume is counted in: `L`, `L/kg`, or the two units where they do not cancel.
    - `factor`: dose over concentration, in `per`.
    """

    concentration: str
    dose: str
    per: str
    factor: float

    def of(self, kind: str) -> str:
        """Unit of a kind of metric, as `METRICS` names it."""
        known: Mapping[str, str] = {
            "concentration": self.concentration,
            "area": self._timed("h"),
            "moment": self._timed("h²"),
            "clearance": f"L/h{self.per[1:]}" if self.factor_known else f"{self.per}/h",
            "volume": self.per,
            "percent": "%",
        }
        return known.get(kind, kind)

    @property
    def factor_known(self) -> bool:
        """Whether the units cancel."""
        return self.per in ("L", "L/kg")

    def _timed(self, hours: str) -> str:
        """The concentration's unit by hours: ng·h/mL."""
        above, sign, below = (self.concentration or "DV").partition("/")
        return f"{above}·{hours}{sign}{below}"


def units_of(concentration: str, dose: str) -> Units:
    """Find in what a volume is counted.

    **Arguments:**

    - `concentration`: such as `ng/mL`; empty where it is not known. `dose`: such as `mg`, `mg/kg`.

    **Raises:** `InputError` for a dose that is no mass, or a concentration that is none.
    """
    if dose not in _DOSE:
        raise InputError(
            "dose_unit", f"'{shortened(dose)}' is no unit of a dose", "give mg, µg, g or mg/kg"
        )
    if not concentration:
        return Units("", dose, f"{dose}/DV", 1.0)
    mass, sign, volume = concentration.partition("/")
    volume = volume.lower()
    if sign and mass.endswith("mol") and volume in _VOLUME:
        return Units(concentration, dose, f"{dose}/({concentration})", 1.0)
    if not (sign and mass in _MASS and volume in _VOLUME):
        raise InputError(
            "unit",
            f"'{shortened(concentration)}' is no unit of a concentration",
            "give one such as ng/mL, or leave it out",
        )
    given, _, kilogram = dose.partition("/")
    litres = _MASS[given] / (_MASS[mass] / _VOLUME[volume])
    return Units(concentration, dose, "L/kg" if kilogram else "L", float(litres))
