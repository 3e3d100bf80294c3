"""Units are read at the border; inside, numbers are plain floats in the units the names say."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from ketasim._base.errors import InputError

if TYPE_CHECKING:
    import pint

_TEXT = re.compile(r"^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\S.*?)?\s*$")


@dataclass(frozen=True)
class Quantity:
    """A number with its unit, as read from the input."""

    value: float
    unit: str


@cache
def _registry() -> pint.UnitRegistry[Any]:
    import pint

    registry: pint.UnitRegistry[Any] = pint.UnitRegistry()
    registry.define("wk = week")
    registry.define("mo = month")
    registry.define("fraction = 1")
    return registry


def convert(value: float, unit: str, to: str) -> float:
    """Convert a number between units; raises `ValueError` when the units do not match or parse."""
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
    if isinstance(text, bool) or text is None:
        raise InputError(field, f"'{text}' is not a quantity", example)
    match = _TEXT.match(str(text))
    if match is None:
        raise InputError(field, f"'{text}' is not a number with a unit", example)
    number, unit = match.groups()
    if unit is None:
        raise InputError(field, f"'{text}' has no unit", example)
    try:
        value = convert(float(number), unit, to)
    except ValueError:
        raise InputError(field, f"'{unit}' is not a unit usable as {to}", example) from None
    if not math.isfinite(value):
        raise InputError(field, f"'{text}' is not a finite number", example)
    if not low <= value <= high:
        raise InputError(
            field,
            f"'{text}' is outside {low:g} to {high:g} {to}",
            "give a value in that range",
        )
    return value


def _example(unit: str) -> str:
    return {"kg": "78 kg", "h": "40 min", "d": "84 d", "mg": "56 mg", "year": "42 year"}.get(
        unit, f"1 {unit}"
    )
