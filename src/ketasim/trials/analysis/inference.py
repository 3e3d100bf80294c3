"""What intervals and tests of coefficients rest on: variances and degrees of freedom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special

Array = NDArray[np.float64]


class Test(NamedTuple):
    """A joint test of several contrasts.

    **Arguments:**

    - `statistic`: F, scaled as Kenward and Roger do. `numerator`, `denominator`: df. `p`.
    """

    statistic: float
    numerator: float
    denominator: float
    p: float


@dataclass(frozen=True)
class Inference:
    """What intervals and tests of the coefficients rest on.

    The covariances are those of `upper @ beta`, where `upper` is that of the QR decomposition of
    the design: they lose no digits to the origin and the unit of a covariate.

    **Arguments:**

    - `beta`: shape (P,).
    - `variance`: with which standard errors are computed, shape (P, P).
    - `model`: for a known covariance of the outcomes, shape (P, P).
    - `slopes`: of `model` by element of the covariance, shape (K, P, P).
    - `uncertainty`: covariance of the elements, shape (K, K).
    - `df`: fixed degrees of freedom; `None` where each contrast has its own.
    - `upper`: shape (P, P); `None` where the covariances are those of `beta`.
    """

    beta: Array
    variance: Array
    model: Array
    slopes: Array
    uncertainty: Array
    df: float | None = None
    upper: Array | None = None

    @property
    def covariance(self) -> Array:
        """With which standard errors of the coefficients are computed, shape (P, P)."""
        every = self._turned(np.eye(len(self.beta)))
        return every @ self.variance @ every.T

    def errors(self, contrasts: Array) -> Array:
        """Standard errors of contrasts (N, P), shape (N,)."""
        turned = self._turned(contrasts)
        return np.sqrt(np.maximum(np.einsum("np,pq,nq->n", turned, self.variance, turned), 0.0))

    def _turned(self, contrasts: Array) -> Array:
        """Contrasts of the coefficients as such of `upper @ beta`, shape (N, P)."""
        if self.upper is None:
            return contrasts
        return linalg.solve_triangular(self.upper, contrasts.T, trans="T").T

    def freedom(self, contrast: Array) -> float:
        """Degrees of freedom of one contrast (P,), by Satterthwaite and so by Kenward-Roger."""
        if self.df is not None:
            return self.df
        turned = self._turned(contrast[None])[0]
        slope = np.einsum("a,kab,b->k", turned, self.slopes, turned)
        spread = float(slope @ self.uncertainty @ slope)
        size = float(turned @ self.model @ turned)
        return 2.0 * size * size / spread if spread > 0.0 else float("inf")

    def joint(self, contrasts: Array) -> Test:
        """Test that all contrasts are zero.

        **Arguments:**

        - `contrasts`: linearly independent, shape (Q, P).
        """
        count = len(contrasts)
        value = contrasts @ self.beta
        turned = self._turned(contrasts)
        raw = value @ np.linalg.solve(turned @ self.variance @ turned.T, value) / count
        if self.df is not None:
            return _f(float(raw), count, self.df)
        if count == 1:
            return _f(float(raw), 1, self.freedom(contrasts[0]))
        inverse = np.linalg.inv(turned @ self.model @ turned.T)
        moved = inverse @ (turned @ self.slopes @ turned.T)  # (K, Q, Q)
        traces = np.trace(moved, axis1=1, axis2=2)
        flat = moved.reshape(len(moved), -1)
        turned = moved.transpose(0, 2, 1).reshape(len(moved), -1)
        a1 = float(traces @ self.uncertainty @ traces)
        a2 = float(np.sum(self.uncertainty * (flat @ turned.T)))
        return _scaled(float(raw), count, a1, a2)


def _scaled(raw: float, count: int, a1: float, a2: float) -> Test:
    """F and its denominator by matching two moments, as in section 3 of the paper."""
    b = (a1 + 6.0 * a2) / (2.0 * count)
    g = ((count + 1) * a1 - (count + 4) * a2) / ((count + 2) * a2)
    below = 3.0 * count + 2.0 * (1.0 - g)
    c1, c2, c3 = g / below, (count - g) / below, (count + 2.0 - g) / below
    mean = 1.0 / (1.0 - a2 / count)
    variance = 2.0 / count * (1.0 + c1 * b) / ((1.0 - c2 * b) ** 2 * (1.0 - c3 * b))
    rho = variance / (2.0 * mean * mean)
    df = 4.0 + (count + 2.0) / (count * rho - 1.0)
    return _f(df / (mean * (df - 2.0)) * raw, count, df)


def _f(statistic: float, numerator: float, denominator: float) -> Test:
    if np.isinf(denominator):
        p = special.chdtrc(numerator, numerator * statistic)
    else:
        p = special.fdtrc(numerator, denominator, statistic)
    return Test(statistic, float(numerator), denominator, float(p))


def normal_inference(beta: Array, variance: Array, upper: Array | None = None) -> Inference:
    """Coefficients tested by the normal distribution.

    **Arguments:** as of `Inference`.
    """
    return fixed_inference(beta, variance, float("inf"), upper)


def fixed_inference(
    beta: Array, variance: Array, df: float, upper: Array | None = None
) -> Inference:
    """Coefficients tested by the t distribution with the same degrees of freedom for all.

    **Arguments:** as of `Inference`.
    """
    none = np.zeros((0, len(beta), len(beta)))
    return Inference(beta, variance, variance, none, np.zeros((0, 0)), df, upper)
