"""Amounts with their units: doses, rates, volumes, concentrations and times."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Final

from ketasim._base import NUMBER, InputError, Unit, read_unit
from ketasim.vocabulary.number import NUMBER_WORDS, value_of
from ketasim.vocabulary.phrase import straight

_KINDS: Final[Mapping[tuple[str, ...], tuple[str, Fraction]]] = {
    ("mass",): ("dose", Fraction(10**6)),
    ("mass", "per kg"): ("dose", Fraction(10**6)),
    ("mass", "time"): ("rate", Fraction(10**6)),
    ("mass", "per kg", "time"): ("rate", Fraction(10**6)),
    ("mass", "volume"): ("concentration", Fraction(10**3)),
    ("volume",): ("volume", Fraction(10**3)),
    ("time", "volume"): ("flow", Fraction(10**3)),
    ("time",): ("time", Fraction(1)),
}
_POSITIVE: Final = {
    "dose": ("mass",),
    "rate": ("mass",),
    "concentration": ("mass",),
    "volume": ("volume",),
    "flow": ("volume",),
    "time": ("time",),
}
_WRITTEN: Final = {
    "dose": "mg",
    "rate": "mg/h",
    "concentration": "mg/mL",
    "volume": "mL",
    "flow": "mL/h",
    "time": "h",
}
DOSE_UNITS: Final = "mg, g or ug, each also per kg"
"""The units of a dose, in words."""

# a thousand where points part thousands; doses are not weighed to a thousandth
_ZEROS: Final = re.compile(r"[1-9]\d{0,2}\.000")

# a word of letters, then what it is divided by
_UNIT_TEXT: Final = (
    r"[a-zµμ]+(?:\s*[/·]\s*(?:[a-zµμ]+)|\s+per\s+(?:kg|kilo|ml|h|hr|hour|min|minute|day)\b)*"
    r"(?:\s*(?:bw|body\s?weight)\b)?"
)


@dataclass(frozen=True)
class Measure:
    """An amount with its unit.

    **Arguments:**

    - `kind`: `dose` (mg), `rate` (mg/h), `concentration` (mg/mL), `volume` (mL), `flow` (mL/h) or
      `time` (h).
    - `value`: in that unit, per kg of body weight where `per_kg` says so.
    - `per_kg`: of a dose or rate.
    - `text`: as typed.
    - `per_day`: of a rate: it is written by the day or week, h; else 0.
    - `unit`: the name of the unit of a time, such as `min`.
    """

    kind: str
    value: Fraction
    per_kg: bool = False
    text: str = ""
    per_day: float = 0.0
    unit: str = ""

    @property
    def dose_unit(self) -> str:
        """`mg` or `mg/kg`."""
        return "mg/kg" if self.per_kg else "mg"


@cache
def measure_pattern() -> re.Pattern[str]:
    """Finds a number, in digits or words, with letters that may be its unit.

    Groups: `number` and `unit`.
    """
    words = "|".join(
        word.replace("-", r"[\s-]") for word in sorted(NUMBER_WORDS, key=len, reverse=True)
    )
    return re.compile(
        rf"(?P<number>{NUMBER}|(?:{words})(?=[\s-]))\s*-?\s*(?P<unit>{_UNIT_TEXT})"
        r"(?!\w)",
        re.IGNORECASE,
    )


def measure_of(number: str, unit: str, *, field: str) -> Measure | None:
    """What a number with a unit is.

    **Arguments:**

    - `number`: in digits or words, with a point or a decimal comma.
    - `unit`: such as `mg/kg`, `mcg/kg/min`, `mL` or `mins`.
    - `field`: the field's name for errors.

    **Returns:** nothing when the unit is not one of these kinds.

    **Raises:** `InputError` when the number may be two.
    """
    found = read_unit(unit)
    if found is None:
        return None
    named = _kind(found)
    if named is None:
        return None
    kind, size = named
    if kind in ("dose", "rate") and _ZEROS.fullmatch(number.strip()):
        plain = number.strip().partition(".")[0]
        raise InputError(
            field,
            f"'{number.strip()} {unit.strip()}' may be {plain} or {plain}000",
            "write it without the point, and nothing between thousands",
        )
    value = value_of(number, field=field) * found.factor * size
    rest = {name for name, power in found.parts.items() if power < 0}
    per_day = 24.0 if "d" in rest else 168.0 if "week" in rest else 0.0
    text = f"{number.strip()} {unit.strip()}"
    name = next(iter(found.parts)) if kind == "time" else ""
    return Measure(kind, value, "per kg" in found.kind, text, per_day, name)


def read_measure(text: object, *, field: str) -> Measure:
    """Read a whole text such as `0,5 mg/kg` or `5 mcg/kg/min`.

    **Raises:** `InputError` when it is anything else, or its number may be two.
    """
    remedy = f"write a number with its unit: {DOSE_UNITS}"
    shown = " ".join(str(text)[:80].split())[:40]
    if not isinstance(text, str):
        problem = "has no unit" if isinstance(text, int | float) else "is not a quantity"
        raise InputError(field, f"'{shown}' {problem}", remedy)
    match = re.fullmatch(rf"({NUMBER})\s*(\S.*)?", straight(text).strip(), re.DOTALL)
    if match is None:
        raise InputError(field, f"'{shown}' is not a number with a unit", remedy)
    if match[2] is None:
        raise InputError(field, f"'{shown}' has no unit", remedy)
    found = measure_of(match[1], match[2], field=field)
    if found is None:
        unit = " ".join(match[2][:80].split())[:40]
        raise InputError(field, f"'{unit}' is not a unit of a dose", remedy)
    return found


def written(kind: str, value: float, per_kg: bool = False) -> str:
    """A computed amount as text, such as `0.2 mg/kg`."""
    unit = _WRITTEN[kind]
    if per_kg:
        unit = unit.replace("mg", "mg/kg", 1)
    return f"{value:.6g} {unit}"


def _kind(unit: Unit) -> tuple[str, Fraction] | None:
    """What a unit measures, and how many of its usual unit one kg, L or h is."""
    found = _KINDS.get(tuple(sorted(unit.kind)))
    if found is None:
        return None
    above = {sort for sort, power in unit.kind.items() if power == 1}
    below = {sort for sort, power in unit.kind.items() if power == -1}
    fits = above | below == set(unit.kind) and above == set(_POSITIVE[found[0]])
    return found if fits else None
