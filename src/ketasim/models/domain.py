"""Which values a parameter may have, and the scale on which draws of it stay among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim.evidence import Scale

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Domain:
    """The values that a parameter may have.

    **Arguments:**

    - `words`: in words.
    - `low`, `high`: its ends. `closed`: whether they belong to it.
    - `scale`: on which every number is one of its values.
    """

    words: str
    low: float
    high: float
    scale: Scale
    closed: bool = True

    def holds(self, values: Any) -> NDArray[np.bool_]:
        """Tell of each value whether it is one of the domain; of what is no number it is not."""
        given = np.asarray(values, np.float64)
        if self.closed:
            return np.isfinite(given) & (given >= self.low) & (given <= self.high)
        return np.isfinite(given) & (given > self.low) & (given < self.high)

    def keeps(self, scale: Scale) -> bool:
        """Tell whether every number on a scale is one of the domain."""
        low, high = _REACHED[scale]
        return self.low <= low and high <= self.high


REAL: Final = Domain("any number", -np.inf, np.inf, "natural")
POSITIVE: Final = Domain("above zero", 0.0, np.inf, "log", closed=False)
NOT_NEGATIVE: Final = Domain("zero or more", 0.0, np.inf, "log")
FRACTION: Final = Domain("0 to 1", 0.0, 1.0, "logit")
CORRELATION: Final = Domain("-1 to 1", -1.0, 1.0, "fisher")

_REACHED: Final[dict[Scale, tuple[float, float]]] = {
    "natural": (-np.inf, np.inf),
    "log": (0.0, np.inf),
    "logit": (0.0, 1.0),
    "fisher": (-1.0, 1.0),
}


def to_scale(scale: Scale, values: Any) -> Array:
    """Values on a scale: as they are, logarithm, logit, or Fisher's z (the inverse tanh)."""
    from scipy.special import logit  # only here: scipy is slow to load

    given = np.asarray(values, np.float64)
    match scale:
        case "natural":
            return given
        case "log":
            return np.log(given)
        case "logit":
            return np.asarray(logit(given), np.float64)
        case "fisher":
            return np.arctanh(given)


def from_scale(scale: Scale, points: Any) -> Array:
    """Values from points of a scale: the inverse of `to_scale`."""
    from scipy.special import expit  # only here: scipy is slow to load

    given = np.asarray(points, np.float64)
    match scale:
        case "natural":
            return given
        case "log":
            return np.exp(given)
        case "logit":
            return np.asarray(expit(given), np.float64)
        case "fisher":
            return np.tanh(given)


def moved(scale: Scale, value: Any, by: Any) -> Array:
    """Values moved on a scale.

    **Arguments:**

    - `value`: number or array. `by`: how far, on the scale; broadcast with `value`.
    """
    if scale == "log":  # a product rounds less than the way there and back
        return np.asarray(value * np.exp(by), np.float64)
    return from_scale(scale, to_scale(scale, value) + by)


def slope(scale: Scale, value: float) -> float:
    """Derivative of `to_scale` at a value: what the delta method multiplies an SD with."""
    match scale:
        case "natural":
            return 1.0
        case "log":
            return 1.0 / value
        case "logit":
            return 1.0 / (value * (1.0 - value))
        case "fisher":
            return 1.0 / (1.0 - value**2)


def drawn_on(domain: Domain | None, scale: Scale, value: float) -> tuple[Scale, float]:
    """The scale on which draws around a value stay in a domain, and the factor on their SD there.

    Where the scale of a publication or a fit keeps draws in the domain, it is that one. Otherwise
    it is the domain's own, and the SD is carried over by the delta method: the spread near the
    value stays as published.

    **Arguments:**

    - `domain`: nothing where none is declared: the scale stays.
    - `scale`: on which the SD is given. `value`: around which is drawn.

    **Raises:** `ValueError` when the value is on the end of a domain that its scale leaves.
    """
    if domain is None or domain.keeps(scale):
        return scale, 1.0
    if not domain.low < value < domain.high:
        raise ValueError(f"no draws around {value:g}, which is not inside '{domain.words}'")
    return domain.scale, slope(domain.scale, value) / slope(scale, value)
