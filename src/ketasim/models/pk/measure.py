"""What a number of an own model is counted in: simple units with their powers, and a factor."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from ketasim._base.units import read_unit

Powers = Mapping[str, float]

_PURE: Final = (
    *("1", "-", "", "fraction", "ratio", "none", "unitless", "dimensionless", "proportion"),
)
_PART: Final = re.compile(r"([^\d^\s-]+)(?:\^?(-?\d+))?")
_LOGARITHM: Final = re.compile(r"(?:ln|log)\s*\((.*)\)|(?:ln|log)\s+(.*)", re.IGNORECASE)
_SHOWN: Final = {"l": "L", "ml": "mL", "dl": "dL", "µl": "µL"}
_PERCENT: Final = "%"
# what the table of units for doses and patients does not have: kind, and size in its kind
_MORE: Final[Mapping[str, tuple[str, Fraction]]] = {
    "pg": ("mass", Fraction(1, 10**15)),
    "dl": ("volume", Fraction(1, 10)),
    "µl": ("volume", Fraction(1, 10**6)),
    "mol": ("substance", Fraction(1)),
    "mmol": ("substance", Fraction(1, 10**3)),
    "µmol": ("substance", Fraction(1, 10**6)),
    "nmol": ("substance", Fraction(1, 10**9)),
    "pmol": ("substance", Fraction(1, 10**12)),
}
_SAME: Final = {"ul": "µl", "umol": "µmol", "percent": _PERCENT}
_MOLAR: Final = {"nM": "nmol/L", "µM": "µmol/L", "uM": "µmol/L", "mM": "mmol/L", "pM": "pmol/L"}
_CLOSE: Final = 1e-9  # of the logarithm of a size, which rounds


@dataclass(frozen=True)
class Measure:
    """What a number is counted in.

    **Arguments:**

    - `parts`: name of each simple unit to its power. `factor`: how many of them one is.
    - `logged`: whether the number is the logarithm of what is counted so.
    """

    parts: tuple[tuple[str, float], ...] = ()
    factor: float = 1.0
    logged: bool = False

    def times(self, other: Measure, sign: float = 1.0) -> Measure:
        """Of a product; with `sign` -1 of a quotient."""
        powers = dict(self.parts)
        for name, power in other.parts:
            powers[name] = powers.get(name, 0.0) + sign * power
        return Measure(
            tuple((name, power) for name, power in powers.items() if abs(power) > _CLOSE),
            self.factor * other.factor**sign,
            self.logged,
        )

    def raised(self, power: float) -> Measure:
        """Of a power."""
        return Measure().times(Measure(self.parts, self.factor), power)

    def scaled(self, factor: float) -> Measure:
        """With one as many times as large."""
        return Measure(self.parts, self.factor * factor, self.logged)

    def as_logarithm(self, *, logged: bool = True) -> Measure:
        """Of the logarithm, or of what it is the logarithm of."""
        return Measure(self.parts, self.factor, logged and bool(self.kinds() or self.size() != 1.0))

    def kinds(self) -> dict[str, float]:
        """Kind of quantity to its power; a unit that is not known is a kind of its own."""
        found: dict[str, float] = {}
        for name, power in self.parts:
            if name != _PERCENT:
                kind, _ = _known(name)
                found[kind] = found.get(kind, 0.0) + power
        return {kind: power for kind, power in found.items() if abs(power) > _CLOSE}

    def size(self) -> float:
        """How many kg, h, L and mol one is."""
        sizes = (float(_known(name)[1]) ** power for name, power in self.parts)
        return self.factor * math.prod(sizes)

    def over(self, other: Measure) -> float | None:
        """How many of another one is; nothing where they are unlike."""
        if self.kinds() != other.kinds() or self.logged != other.logged:
            return None
        many = self.size() / other.size()
        return 1.0 if abs(math.log(many)) < _CLOSE else many

    @property
    def pure(self) -> bool:
        """Whether it is a number without a unit, counted in ones."""
        return not self.logged and self.over(Measure()) == 1.0

    def __str__(self) -> str:
        """As people write it."""
        over = "*".join(_one(name, power) for name, power in self.parts if power > 0)
        under = "".join(f"/{_one(name, -power)}" for name, power in self.parts if power < 0)
        unit = f"{over or '1'}{under}" if self.parts else "no unit"
        if self.factor != 1.0:
            unit = f"{self.factor:g} {unit}" if self.parts else f"{self.factor:g}"
        return f"log({unit})" if self.logged else unit


def measure_of(text: str) -> Measure | None:
    """Read a unit.

    **Arguments:**

    - `text`: such as `mg/L`, `1/h`, `h-1`, `%`, `log(ng/mL)`.

    **Returns:** nothing where none is given, or it is not understood.
    """
    plain = text.strip()
    match = _LOGARITHM.fullmatch(plain)
    if match is not None:
        found = measure_of(match[1] or match[2])
        return None if found is None else found.as_logarithm()
    if not plain:
        return None
    plain = _MOLAR.get(plain.replace("\u03bc", "µ"), plain)
    powers: dict[str, float] = {}
    for number, part in enumerate(plain.replace("·", "*").replace(" per ", "/").split("/")):
        for one in part.strip().strip("()").split("*"):
            word = one.strip()
            if word.lower() in _PURE:
                continue
            match = _PART.fullmatch(word)
            if match is None:
                return None
            name = _named(match[1])
            powers[name] = powers.get(name, 0.0) + float(match[2] or 1) * (-1 if number else 1)
    return Measure(tuple((name, power) for name, power in powers.items() if power))


def amount_within(whole: Measure, rest: Measure) -> str:
    """The amount that makes a product with `rest` come out as `whole`; empty where none does."""
    wanted = whole.times(rest, -1.0)
    if wanted.kinds() == {"mass": 1.0} or wanted.kinds() == {"substance": 1.0}:
        for name in ("kg", "g", "mg", "µg", "ng", "pg", *(n for n in _MORE if n.endswith("mol"))):
            if wanted.over(Measure(((name, 1.0),))) == 1.0:
                return name
    powers = dict(wanted.parts)
    by_weight = powers.pop("kg", -1.0) == -1.0
    simple = by_weight and list(powers.values()) == [1.0] and wanted.factor == 1.0
    return str(wanted) if simple else ""


def _named(word: str) -> str:
    """The name of a simple unit; one that is not known keeps its own."""
    plain = word.lower().replace("\u03bc", "µ")
    plain = _SAME.get(plain, plain)
    if plain in _MORE or plain == _PERCENT:
        return plain
    found = read_unit(plain)
    return next(iter(found.parts)) if found is not None else word


def _known(name: str) -> tuple[str, Fraction]:
    """Kind and size of a simple unit."""
    if name == _PERCENT:
        return "", Fraction(1, 100)
    if name in _MORE:
        return _MORE[name]
    found = read_unit(name)
    if found is None:
        return name, Fraction(1)
    return next(iter(found.kind)), found.factor


def _one(name: str, power: float) -> str:
    shown = _SHOWN.get(name, name)
    return shown if power == 1 else f"{shown}^{power:g}"
