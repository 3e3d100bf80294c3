"""Residual error: how far an observation lies from its prediction, and what is below the limit.

The half of minus twice the log density of an observation, e, is a function of its prediction f
alone, so that every derivative by a parameter follows from those of f. With the variance v(f) =
additive² + proportional² f² it is ((y - f)²/v + log v)/2, and for a value below the limit L it is
-log Φ((L - f)/√v). A log-normal error is the first of these in log y and log f.

**Source:** Beal 2001, J. Pharmacokinet. Pharmacodyn. 28:481 (method M3 of values below the limit).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]

KINDS: Final = ("additive", "proportional", "log")
"""Kinds of residual error."""

_STEP: Final = 1e-5  # of the logarithm of an SD, for its derivatives


@dataclass(frozen=True)
class ResidualSd:
    """One standard deviation of the residual error.

    **Arguments:**

    - `output`: number of the output. `kind`: one of `KINDS`.
    - `start`: where its estimate begins. `estimated`: whether it is one.
    """

    output: int
    kind: str
    start: float
    estimated: bool = True


@dataclass(frozen=True)
class Jets:
    """Derivatives of every observation by its prediction, each of shape (N,).

    **Arguments:**

    - `e`, `e1`, `e2`, `e3`: e and its first to third derivative.
    - `w`, `w1`: the expectation of `e2`, and its derivative.
    """

    e: Array
    e1: Array
    e2: Array
    e3: Array
    w: Array
    w1: Array


class ResidualError:
    """Residual errors of the observations.

    **Arguments:**

    - `sds`: the standard deviations. `output`: of each observation, shape (N,).
    - `value`: of each, the limit where it is `below` it, shape (N,).
    """

    def __init__(
        self, sds: tuple[ResidualSd, ...], output: Integers, value: Array, below: Flags
    ) -> None:
        self.sds, self._value, self._below = sds, value, below
        self._mine = [output == one.output for one in sds]
        self._log = np.zeros(len(value), bool)
        for one, mine in zip(sds, self._mine, strict=True):
            if one.kind == "log":
                self._log |= mine
        with np.errstate(divide="ignore", invalid="ignore"):
            self._shown = np.where(self._log, np.log(value), value)

    def variances(self, sds: Array, f: Array) -> tuple[Array, Array]:
        """Variance of the error, of log-normal ones that of the logarithm, and b² of b² f².

        **Arguments:**

        - `sds`: of `self.sds`. `f`: predictions, shape (…, N).
        """
        constant, square = np.zeros(len(self._log)), np.zeros(len(self._log))
        for one, mine, sd in zip(self.sds, self._mine, sds, strict=True):
            (square if one.kind == "proportional" else constant)[mine] = sd**2
        return constant + square * f**2, square

    def jets(self, sds: Array, f: Array) -> Jets:
        """Derivatives at some predictions; arguments as of `variances`."""
        with np.errstate(all="ignore"):
            shown = np.where(self._log, np.log(f), f)
            variance, square = self.variances(sds, shown)
            square = np.where(self._log, 0.0, square)
            found = _normal(self._shown - shown, variance, square, shown)
            if self._below.any():
                here = self._below
                other = _below(self._shown[here], variance[here], square[here], shown[here])
                for name in _PARTS:
                    found[name][here] = other[name]
            if self._log.any():
                _by_logarithm(found, f, self._log)
        return Jets(**found)

    def by_sd(self, sds: Array, f: Array, number: int) -> Jets:
        """Derivatives of the jets by the logarithm of one SD, as central differences."""
        parts: list[Jets] = []
        for sign in (1.0, -1.0):
            moved = sds.copy()
            moved[number] *= np.exp(sign * _STEP)
            parts.append(self.jets(moved, f))
        up, down = parts
        return Jets(
            **{name: (getattr(up, name) - getattr(down, name)) / (2.0 * _STEP) for name in _PARTS}
        )

    def weighted(self, sds: Array, f: Array) -> Array:
        """Residuals over their standard deviation at a prediction; none of values below."""
        with np.errstate(all="ignore"):
            shown = np.where(self._log, np.log(f), f)
            found = (self._shown - shown) / np.sqrt(self.variances(sds, shown)[0])
        return np.where(self._below, np.nan, found)

    def shown(self, f: Array) -> Array:
        """Predictions on the scale on which residuals are taken."""
        with np.errstate(all="ignore"):
            return np.where(self._log, np.log(f), f)

    @property
    def observed(self) -> Array:
        """Values on that scale."""
        return self._shown

    @property
    def logarithmic(self) -> Flags:
        """Which observations have a log-normal error."""
        return self._log

    def drawn(self, sds: Array, f: Array, normals: Array) -> Array:
        """Predictions with an error each; shapes (…, N)."""
        with np.errstate(all="ignore"):
            shown = np.where(self._log, np.log(f), f)
            found = shown + normals * np.sqrt(self.variances(sds, shown)[0])
            return np.where(self._log, np.exp(found), found)


_PARTS: Final = ("e", "e1", "e2", "e3", "w", "w1")


def _normal(r: Array, v: Array, square: Array, f: Array) -> dict[str, Array]:
    v1, v2 = 2.0 * square * f, 2.0 * square
    q = r / v
    u, u2 = v1 / v, v2 / v
    e1 = -q - 0.5 * q**2 * v1 + 0.5 * u
    e2 = 1.0 / v + 2.0 * q * u + q**2 * (v1 * u - 0.5 * v2) + 0.5 * u2 - 0.5 * u**2
    e3 = (
        -3.0 * u / v
        - 6.0 * q * u**2
        + 3.0 * q * u2
        + 3.0 * q**2 * v2 * u
        - 3.0 * q**2 * v1 * u**2
        - 1.5 * u * u2
        + u**3
    )
    return {
        "e": 0.5 * (q * r + np.log(v)),
        "e1": e1,
        "e2": e2,
        "e3": e3,
        "w": 1.0 / v + 0.5 * u**2,
        "w1": -u / v + u * (u2 - u**2),
    }


def _below(limit: Array, v: Array, square: Array, f: Array) -> dict[str, Array]:
    """Of values below a limit: e is the function -log Φ of z = (limit - f)/√v."""
    from scipy.special import log_ndtr

    s = v**-0.5
    v1, v2 = 2.0 * square * f, 2.0 * square
    s1 = -0.5 * s**3 * v1
    s2 = 0.75 * s**5 * v1**2 - 0.5 * s**3 * v2
    s3 = -1.875 * s**7 * v1**3 + 2.25 * s**5 * v1 * v2
    g = limit - f
    z, z1, z2, z3 = g * s, g * s1 - s, g * s2 - 2.0 * s1, g * s3 - 3.0 * s2
    log = log_ndtr(z)
    ratio = np.exp(-0.5 * z**2 - 0.5 * np.log(2.0 * np.pi) - log)
    p1, p2 = -ratio, ratio * (z + ratio)
    p3 = ratio - ratio * (z + ratio) * (z + 2.0 * ratio)
    e2 = p2 * z1**2 + p1 * z2
    e3 = p3 * z1**3 + 3.0 * p2 * z1 * z2 + p1 * z3
    convex = e2 > 0
    w, w1 = np.where(convex, e2, 0.0), np.where(convex, e3, 0.0)
    return {"e": -log, "e1": p1 * z1, "e2": e2, "e3": e3, "w": w, "w1": w1}


def _by_logarithm(found: dict[str, Array], f: Array, here: Flags) -> None:
    """Turn derivatives by log f into those by f."""
    one = {name: values[here] for name, values in found.items()}
    inverse = 1.0 / f[here]
    changed: dict[str, Callable[[], Array]] = {
        "e1": lambda: one["e1"] * inverse,
        "e2": lambda: (one["e2"] - one["e1"]) * inverse**2,
        "e3": lambda: (one["e3"] - 3.0 * one["e2"] + 2.0 * one["e1"]) * inverse**3,
        "w": lambda: one["w"] * inverse**2,
        "w1": lambda: (one["w1"] - 2.0 * one["w"]) * inverse**3,
    }
    for name, value in changed.items():
        found[name][here] = value()
