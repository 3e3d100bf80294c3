"""How numbers are written in reports, figures and tables."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass

NOTHING = "–"
_THIN = "\u202f"  # narrow space between thousands, which does not break


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
    """Write a fraction as percent."""
    if value is None or math.isnan(value):
        return NOTHING
    return f"{number(100 * value, digits)}{_THIN}%"
