"""How numbers are written in reports, figures and tables."""

from __future__ import annotations

import math
import re

NOTHING = "–"
_THIN = "\u202f"  # narrow space between thousands, which does not break
_MISSING = ("", "-", NOTHING)
_SMALLEST = 0.001  # fraction below which a percentage only says that it is small


def number(value: float | None, digits: int = 3) -> str:
    """Write a number with three significant digits, thousands apart."""
    if value is None or math.isnan(value):
        return NOTHING
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    size = math.floor(math.log10(abs(float(f"{value:.{digits - 1}e}"))))
    if size < -4 or size > 8:
        mantissa = value / 10**size
        return f"{mantissa:.{digits - 1}f} × 10^{size}".replace("-", "−")
    rounded = round(value, digits - 1 - size)
    return f"{rounded:,.{max(digits - 1 - size, 0)}f}".replace(",", _THIN).replace("-", "−")


def percent(value: float | None, digits: int = 3) -> str:
    """Write a fraction as percent; between 0 and 0.1 % only that it is smaller."""
    if value is None or math.isnan(value):
        return NOTHING
    if 0.0 < abs(value) < _SMALLEST:
        return f"{'<' if value > 0 else '> −'}{'' if value < 0 else _THIN}0.1{_THIN}%"
    return f"{number(100 * value, digits)}{_THIN}%"


def span(low: str, high: str) -> str:
    """Write the range between two written numbers, as `61-84 %`.

    **Arguments:**

    - `low`, `high`: as `number` or `percent` write them; a unit that both have is written once.

    **Returns:** one number where both read the same, `to` between ends that have a sign, nothing
    where one is missing.
    """
    if low in _MISSING or high in _MISSING:
        return ""
    if low == high:
        return low
    unit = re.search(r"\s\D+$", high)
    if unit is not None and low.endswith(unit[0]) and "<" not in low:
        low = low.removesuffix(unit[0])
    signs = any(sign in low + high for sign in "-−<>")
    return f"{low} to {high}" if signs else f"{low}-{high}"
