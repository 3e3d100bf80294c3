"""Structures of the covariance between visits: elements, slopes and curvature by parameter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim.trials.analysis.mixed.statistics import pairs

Array = NDArray[np.float64]

STRUCTURES: Final = {
    "us": "unstructured",
    "toeph": "heterogeneous Toeplitz",
    "toep": "Toeplitz",
    "ar1h": "heterogeneous first-order autoregressive",
    "ar1": "first-order autoregressive",
    "csh": "heterogeneous compound symmetry",
    "cs": "compound symmetry",
}
"""Structure of the covariance to its name in words; each but `us` is for sparse data."""

ORDERED: Final = ("toeph", "toep", "ar1h", "ar1")
"""Structures in which it matters which visits are next to each other."""


@dataclass(frozen=True)
class Structure:
    """A covariance matrix of T visits as a function of J parameters.

    Elements are those of the upper triangle, K = T (T + 1) / 2, in the order of `pairs`.

    **Arguments:**

    - `name`: key of `STRUCTURES`, or `cholesky` for the unstructured one by its factor.
    - `start`: from a covariance matrix (T, T) to parameters (J,) near it.
    - `elements`: from parameters to elements (K,).
    - `slopes`: from parameters to the derivatives of the elements, shape (K, J).
    - `curvature`: from parameters to the second derivatives, shape (K, J, J); `None` where the
      elements are linear in the parameters.
    """

    name: str
    start: Callable[[Array], Array]
    elements: Callable[[Array], Array]
    slopes: Callable[[Array], Array]
    curvature: Callable[[Array], Array] | None = None


def matrix(elements: Array, visits: int) -> Array:
    """The symmetric matrix (T, T) of the elements (K,) of its upper triangle."""
    first, second = pairs(visits)
    full = np.zeros((visits, visits))
    full[first, second] = elements
    full[second, first] = elements
    return full


def basis(visits: int) -> Array:
    """Derivative of a symmetric matrix by each of its elements, shape (K, T, T)."""
    first, second = pairs(visits)
    every = np.arange(len(first))
    slope = np.zeros((len(first), visits, visits))
    slope[every, first, second] = 1.0
    slope[every, second, first] = 1.0
    return slope


def structure(name: str, visits: int) -> Structure:
    """The structure of a name for a number of visits.

    **Arguments:**

    - `name`: key of `STRUCTURES`, or `cholesky`. `visits`: at least two.
    """
    first, second = pairs(visits)
    lag = second - first
    if name == "us":
        identity = np.eye(len(first))
        return Structure(
            name, lambda sigma: sigma[first, second], lambda theta: theta, lambda _: identity
        )
    if name == "cholesky":
        return _cholesky(visits)
    if name == "cs":
        return _linear(name, np.stack([lag == 0, lag > 0], axis=1).astype(np.float64), visits)
    if name == "toep":
        return _linear(name, (lag[:, None] == np.arange(visits)).astype(np.float64), visits)
    return _scaled(name, visits)


def _linear(name: str, slopes: Array, visits: int) -> Structure:
    first, second = pairs(visits)
    count = slopes.sum(axis=0)
    return Structure(
        name,
        lambda sigma: sigma[first, second] @ slopes / count,
        lambda theta: slopes @ theta,
        lambda _: slopes,
    )


def _scaled(name: str, visits: int) -> Structure:
    """Variances, one a visit or one for all, times correlations by the lag of two visits."""
    first, second = pairs(visits)
    lag = second - first
    every = np.arange(len(first))
    single = name == "ar1"
    sizes = 1 if single else visits
    share = np.zeros((len(first), sizes))  # power of each variance in an element
    if single:
        share[:, 0] = 1.0
    else:
        np.add.at(share, (every, first), 0.5)
        np.add.at(share, (every, second), 0.5)
    apart = name == "toeph"
    kinds = visits - 1 if apart else 1

    def correlation(rho: Array) -> tuple[Array, Array, Array]:
        value, slope = np.ones(len(first)), np.zeros((len(first), kinds))
        bend = np.zeros((len(first), kinds, kinds))
        off = lag > 0
        if apart:
            value[off] = rho[lag[off] - 1]
            slope[every[off], lag[off] - 1] = 1.0
        elif name == "csh":
            value[off], slope[off, 0] = rho[0], 1.0
        else:
            power = lag[off].astype(np.float64)
            value[off] = rho[0] ** power
            slope[off, 0] = power * rho[0] ** (power - 1.0)
            far = lag > 1
            power = lag[far].astype(np.float64)
            bend[far, 0, 0] = power * (power - 1.0) * rho[0] ** (power - 2.0)
        return value, slope, bend

    def size(variance: Array) -> tuple[Array, Array, Array]:
        value = np.exp(share @ np.log(variance))
        rate = share / variance
        bend = value[:, None, None] * rate[:, :, None] * rate[:, None, :]
        diagonal = np.arange(sizes)
        bend[:, diagonal, diagonal] -= value[:, None] * rate / variance
        return value, value[:, None] * rate, bend

    def start(sigma: Array) -> Array:
        variance = np.diag(sigma)
        scale = np.sqrt(variance)
        between = (sigma / scale / scale[:, None])[first, second]
        if apart:
            means = [between[lag == one].mean() for one in range(1, visits)]
        elif name == "csh":
            means = [between[lag > 0].mean()]
        else:
            means = [between[lag == 1].mean()]
        spread = np.array([variance.mean()]) if single else variance
        return np.concatenate([spread, means])

    def elements(theta: Array) -> Array:
        if np.any(theta[:sizes] <= 0.0):
            return np.full(len(first), np.nan)
        return size(theta[:sizes])[0] * correlation(theta[sizes:])[0]

    def slopes(theta: Array) -> Array:
        scale, by_size, _ = size(theta[:sizes])
        value, by_rho, _ = correlation(theta[sizes:])
        return np.hstack([by_size * value[:, None], scale[:, None] * by_rho])

    def curvature(theta: Array) -> Array:
        scale, by_size, bend_size = size(theta[:sizes])
        value, by_rho, bend_rho = correlation(theta[sizes:])
        total = sizes + kinds
        bend = np.zeros((len(first), total, total))
        bend[:, :sizes, :sizes] = bend_size * value[:, None, None]
        bend[:, :sizes, sizes:] = by_size[:, :, None] * by_rho[:, None, :]
        bend[:, sizes:, :sizes] = bend[:, :sizes, sizes:].transpose(0, 2, 1)
        bend[:, sizes:, sizes:] = scale[:, None, None] * bend_rho
        return bend

    return Structure(name, start, elements, slopes, curvature)


def _cholesky(visits: int) -> Structure:
    """Unstructured, by the logarithms of the factor's diagonal and its rows over that diagonal.

    The parameters of the R package mmrm; every value of them is a covariance matrix.
    """
    first, second = pairs(visits)
    lower = np.tril_indices(visits, -1)
    count = visits + len(lower[0])

    def factor(theta: Array) -> tuple[Array, Array]:
        unit = np.eye(visits)
        unit[lower] = theta[visits:]
        scale = np.exp(theta[:visits])
        return scale, scale[:, None] * unit

    def by_parameter(theta: Array) -> tuple[Array, Array]:
        scale, whole = factor(theta)
        slope = np.zeros((count, visits, visits))
        every = np.arange(visits)
        slope[every, every] = whole
        rest = np.arange(visits, count)
        slope[rest, lower[0], lower[1]] = scale[lower[0]]
        return whole, slope

    def start(sigma: Array) -> Array:
        whole = np.linalg.cholesky(sigma)
        scale = np.diag(whole)
        return np.concatenate([np.log(scale), (whole / scale[:, None])[lower]])

    def elements(theta: Array) -> Array:
        _, whole = factor(theta)
        return (whole @ whole.T)[first, second]

    def slopes(theta: Array) -> Array:
        whole, slope = by_parameter(theta)
        half = slope @ whole.T
        return (half + half.transpose(0, 2, 1))[:, first, second].T

    def curvature(theta: Array) -> Array:
        whole, slope = by_parameter(theta)
        cross = np.einsum("jab,kcb->jkac", slope, slope)
        bend = cross + cross.transpose(0, 1, 3, 2)
        second_order = np.zeros((count, count, visits, visits))
        every = np.arange(visits)
        second_order[every, every] = slope[:visits]
        rest = np.arange(visits, count)
        second_order[lower[0], rest] = slope[rest]
        second_order[rest, lower[0]] = slope[rest]
        half = second_order @ whole.T
        bend += half + half.transpose(0, 1, 3, 2)
        return bend[:, :, first, second].transpose(2, 0, 1)

    return Structure("cholesky", start, elements, slopes, curvature)
