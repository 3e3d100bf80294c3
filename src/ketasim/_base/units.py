"""Units are read at the border; inside, numbers are plain floats in the units the names say.

What users write is read by a small table of units and never evaluated; the library of units serves
the package's own tables alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any, Final, cast

from ketasim._base.errors import InputError
from ketasim._base.text import shortened

if TYPE_CHECKING:
    import pint

NUMBER: Final = r"[-+]?(?:[0-9]+(?:[.,][0-9]+)*\.?|[.,][0-9]+)(?:[eE][-+]?[0-9]+)?"
"""Pattern of a number as people write it; `read_number` says what it is, or refuses it."""

LONGEST_UNIT: Final = 40
"""Most letters of a number or of a unit: a limit against slips and floods."""

_TEXT = re.compile(rf"\s*({NUMBER})(?![0-9.,])\s*(\S.*?)?\s*", re.DOTALL)
# a second, smaller part of a quantity, such as that of `5 ft 8 in`
_PARTS = re.compile(rf"([a-z]+)\.?\s*(?:and\s+)?({NUMBER})\s*([a-z]+)\.?", re.IGNORECASE)
_FEET = re.compile(r"\s*([0-9]+)\s*['′’]\s*([0-9]+)\s*(?:\"|″|”|'')?\s*")
_THOUSANDS = re.compile(r"[-+]?[1-9][0-9]{0,2},[0-9]{3}")

# word to kind and to how many of the first of its kind it is; all exact
_MASS: Final = {
    "kg": (1, "kgs kilo kilos kilogram kilograms"),
    "g": (Fraction(1, 1000), "gm gram grams gramme grammes"),
    "mg": (Fraction(1, 10**6), "mgs milligram milligrams"),
    "µg": (Fraction(1, 10**9), "ug mcg microgram micrograms"),
    "ng": (Fraction(1, 10**12), "nanogram nanograms"),
    "lb": (Fraction(45359237, 10**8), "lbs pound pounds"),
    "st": (14 * Fraction(45359237, 10**8), "stone stones"),
}
_TIME: Final = {
    "h": (1, "hr hrs hour hours"),
    "min": (Fraction(1, 60), "mins minute minutes"),
    "s": (Fraction(1, 3600), "sec secs second seconds"),
    "d": (24, "day days"),
    "week": (168, "w wk wks weeks"),
    "month": (Fraction(36525 * 24, 1200), "mo mos months"),
    "year": (Fraction(36525 * 24, 100), "y yr yrs years"),
}
_VOLUME: Final = {
    "l": (1, "liter liters litre litres"),
    "ml": (Fraction(1, 1000), "mls cc milliliter milliliters millilitre millilitres"),
}
_PRESSURE: Final = {"mmhg": (1, ""), "kpa": (Fraction(10**12, 133322387415), "")}
_LENGTH: Final = {
    "m": (1, "meter meters metre metres"),
    "cm": (Fraction(1, 100), "centimeter centimeters centimetre centimetres"),
    "ft": (Fraction(3048, 10000), "foot feet"),
    "in": (Fraction(254, 10000), "inch inches"),
}
# an age of 40 min is a slip of the pen, whatever 40 min is in years
_MEANT: Final = {"year": ("year", "month")}
_USABLE: Final = {
    "kg": "kg, g, lb, st",
    "h": "s, min, h, d, wk, month, year",
    "d": "s, min, h, d, wk, month, year",
    "mg": "mg, g, ug",
    "mg/kg": "mg/kg, g/kg, ug/kg",
    "year": "years, months",
    "mmHg": "mmHg, kPa",
    "m": "m, cm, ft, in",
}


@dataclass(frozen=True)
class Quantity:
    """A number with its unit, as read from the input."""

    value: float
    unit: str


@dataclass(frozen=True)
class Unit:
    """A unit as users write it.

    **Arguments:**

    - `parts`: name of each simple unit in it to its power, such as `mg` 1 and `kg` -1.
    - `kind`: kind of quantity to its power; `per kg` of body weight is a kind of its own.
    - `factor`: how many kg, h, L, m and mmHg one of it is.
    """

    parts: Mapping[str, int]
    kind: Mapping[str, int]
    factor: Fraction


@cache
def _words() -> Mapping[str, tuple[str, str, Fraction]]:
    """Word to the name of its unit, its kind and its size."""
    found: dict[str, tuple[str, str, Fraction]] = {}
    kinds = {
        "mass": _MASS,
        "time": _TIME,
        "volume": _VOLUME,
        "pressure": _PRESSURE,
        "length": _LENGTH,
    }
    for kind, table in kinds.items():
        for name, (size, others) in table.items():
            for word in (name, *others.split()):
                found[word] = (name, kind, Fraction(size))
    return found


def read_unit(text: str) -> Unit | None:
    """Read a unit such as `mg/kg`, `mcg/kg/min` or `mg·h/L`, whatever its case.

    **Arguments:**

    - `text`: known words joined by `/`, `per`, `·` or `*`, each with a power of 2 or 3 at most.

    **Returns:** nothing when it is anything else.
    """
    if len(text) > LONGEST_UNIT:
        return None
    plain = text.strip().lower().replace("μ", "µ").replace("⁄", "/").replace("mm hg", "mmhg")
    plain = re.sub(r"(?<=kg)\s*(bw|body\s?weight)\b", "", plain)
    plain = re.sub(r"(?:^|\s)per\s+", "/", plain).replace("²", "^2").replace("³", "^3")
    plain = re.sub(r"^1?\s*/", "1/", plain)
    parts: dict[str, int] = {}
    kind: dict[str, int] = {}
    factor = Fraction(1)
    sign, rest = 1, plain
    if plain.startswith("1/"):
        sign, rest = -1, plain[2:]
    while True:
        match = re.match(r"\s*([a-zµ]+)(?:\s*(?:\^|\*\*)\s*(-?[1-3]))?\s*(?:([/·*])|$)", rest)
        if match is None or match[1] not in _words():
            return None
        name, sort, size = _words()[match[1]]
        power = sign * int(match[2] or 1)
        parts[name] = parts.get(name, 0) + power
        if name == "kg" and power < 0:
            sort, size = "per kg", Fraction(1)
        kind[sort] = kind.get(sort, 0) + power
        factor *= size**power
        if match[3] is None:
            break
        sign = -1 if match[3] == "/" else 1
        rest = rest[match.end() :]
    return Unit(
        {name: power for name, power in parts.items() if power},
        {sort: power for sort, power in kind.items() if power},
        factor,
    )


def read_number(text: str, *, field: str) -> Fraction:
    """Read a number; a comma between digits is a decimal comma.

    **Arguments:**

    - `text`: such as `78`, `0.5`, `0,5` or `1e-3`.
    - `field`: the field's name for the error.

    **Raises:** `InputError` for what may be two numbers, such as `1,000`, or none.
    """
    shown = shortened(text)
    without = "write it without the comma: a point before decimals, nothing between thousands"
    if len(text) > LONGEST_UNIT or re.fullmatch(NUMBER, text) is None:
        raise InputError(field, f"'{shown}' is not a number", "give a number")
    if text.lstrip("+-").startswith(","):
        raise InputError(
            field, f"'{shown}' begins with a comma", "write the digit before it, or a point"
        )
    mantissa, _, exponent = text.lower().partition("e")
    if len(re.findall("[.,]", mantissa)) > 1:
        raise InputError(
            field,
            f"'{shown}' has more than one point or comma",
            "write a point before decimals, and nothing between thousands",
        )
    if _THOUSANDS.fullmatch(mantissa):
        plain = mantissa.replace(",", "")
        raise InputError(
            field, f"'{shown}' may be {plain} or {mantissa.replace(',', '.')}", without
        )
    plain = text.replace(",", ".")
    if len(exponent.lstrip("+-")) > 3 or not math.isfinite(float(plain)):
        raise InputError(field, f"'{shown}' is not a finite number", "give a smaller number")
    return Fraction(plain.lower().replace(".e", ".0e").removesuffix("."))


@cache
def _registry() -> pint.UnitRegistry[Any]:
    import pint

    registry: pint.UnitRegistry[Any] = pint.UnitRegistry()
    registry.define("wk = week")
    registry.define("mo = month")
    registry.define("fraction = 1")
    return registry


def convert(value: float, unit: str, to: str) -> float:
    """Convert a number of the package's own tables; text of users goes to `parse_quantity`.

    **Raises:** `ValueError` when the units do not match or parse.
    """
    import pint

    if unit == to:
        return value
    registry = _registry()
    try:
        quantity = cast("Any", registry.Quantity(value, registry.Unit(unit)))
        return float(quantity.to(to).magnitude)
    except (pint.errors.PintError, AttributeError, TypeError, AssertionError) as error:
        raise ValueError(f"'{unit}' is not a unit of the kind '{to}'") from error


def parse_quantity(
    text: object,
    to: str,
    *,
    field: str,
    low: float = -math.inf,
    high: float = math.inf,
) -> float:
    """Read a value such as `"78 kg"` and return it in the unit `to`.

    **Arguments:**

    - `text`: what the user wrote; a bare number is an error that asks for the unit.
    - `to`: the unit of the returned number.
    - `field`: the field's name for the error.
    - `low`, `high`: the range accepted, ends included, in the unit `to`.

    **Raises:** `InputError` when the unit is missing, unknown or of another kind, or the value is
    out of range.
    """
    example = f"write it with its unit, such as '{_example(to)}'"
    shown = shortened(_written(text))
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        raise InputError(field, f"'{shown}' is not a quantity", example)
    plain = _FEET.sub(r"\1 ft \2 in", _written(text)) if to == "m" else _written(text)
    match = _TEXT.fullmatch(plain)
    if match is None:
        raise InputError(field, f"'{shown}' is not a number with a unit", example)
    number, unit = match.groups()
    amount = read_number(number, field=field)
    if unit is None:
        raise InputError(field, f"'{shown}' has no unit", example)
    if to == "year":
        unit = re.sub(r"\s+(?:old|of age)$", "", unit, flags=re.IGNORECASE)
    amount, unit = _with_smaller(amount, unit, field)
    target, found = read_unit(to), read_unit(unit)
    assert target is not None
    meant = found is not None and found.kind == target.kind
    if not meant or found is None or set(found.parts) - set(_MEANT.get(to, found.parts)):
        problem = f"'{shortened(unit)}' is not a unit usable as {to}"
        raise InputError(field, problem, f"use one of: {_USABLE.get(to, to)}")
    try:
        value = float(amount * found.factor / target.factor)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise InputError(field, f"'{shown}' is not a finite number", example)
    if not low <= value <= high:
        raise InputError(
            field,
            f"'{shown}' is outside {low:g} to {high:g} {to}",
            "give a value in that range",
        )
    return value


def _with_smaller(amount: Fraction, unit: str, field: str) -> tuple[Fraction, str]:
    """An amount with what a second, smaller unit adds to it: 5 ft 8 in; else as it is."""
    parts = _PARTS.fullmatch(unit) if len(unit) <= LONGEST_UNIT else None
    large, small = (read_unit(parts[1]), read_unit(parts[3])) if parts else (None, None)
    if parts is None or large is None or small is None or large.kind != small.kind:
        return amount, unit
    more = read_number(parts[2], field=field) * small.factor / large.factor
    if not (0 <= more < 1 and amount >= 0 and amount.denominator == 1):
        return amount, unit  # no two parts of one quantity
    return amount + more, parts[1]


def _written(text: object) -> str:
    """What was written, as text; a whole number of thousands of digits cannot be."""
    if isinstance(text, int) and abs(text) > 10**LONGEST_UNIT:
        return "a number of too many digits"
    return str(text)


def _example(unit: str) -> str:
    return {"kg": "78 kg", "h": "40 min", "d": "84 d", "mg": "56 mg", "year": "42 year"}.get(
        unit, f"1 {unit}"
    )
