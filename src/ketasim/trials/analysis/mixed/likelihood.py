"""Restricted maximum likelihood of a mixed model: derivatives by covariance element, optimum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from ketasim._base.size import one_thread
from ketasim.trials.analysis.mixed.covariance import Structure, basis, matrix, structure
from ketasim.trials.analysis.mixed.statistics import Statistics, pairs

Array = NDArray[np.float64]

_FISHER: Final = 2  # steps with the expected information before those with the observed one
_STEPS: Final = 200
_HALVINGS: Final = 40
_DONE: Final = 1e-11  # Newton decrement, in units of -2 log likelihood
_SINGULAR: Final = 1e-7  # smallest eigenvalue of the correlations
_DIAGONAL: Final = 0.05  # smallest eigenvalue of the correlations at the start


class NotFittedError(Exception):
    """The covariance could not be estimated; the text says why."""


class Solved(NamedTuple):
    """The fixed effects at one covariance, and what the derivatives need.

    **Arguments:**

    - `deviance`: −2 restricted log likelihood with its constant.
    - `beta`: shape (P,). `variance`: of `beta` at this covariance, shape (P, P).
    - `weights`: inverse covariance of each pattern, 0 where missing, shape (G, T, T).
    """

    deviance: float
    beta: Array
    variance: Array
    weights: Array


class Derivatives(NamedTuple):
    """Of −2 log likelihood by the elements of the covariance.

    **Arguments:**

    - `gradient`: shape (K,). `expected`, `observed`: second derivatives, shape (K, K).
    - `information`: slope of the information of the fixed effects by each element with its sign
      turned, `X' W D W X`, shape (K, P, P).
    """

    gradient: Array
    expected: Array
    observed: Array
    information: Array


@dataclass(frozen=True)
class Optimum:
    """Where the restricted likelihood is highest.

    **Arguments:**

    - `structure`: of the covariance. `theta`: its parameters, shape (J,).
    - `sigma`: covariance of the visits, shape (T, T).
    - `solved`, `derivatives`: there.
    - `uncertainty`: covariance matrix of the elements, from the observed information, shape (K, K).
    - `parameter_uncertainty`: the same of `theta`, shape (J, J).
    - `steps`: how many it took.
    """

    structure: Structure
    theta: Array
    sigma: Array
    solved: Solved
    derivatives: Derivatives
    uncertainty: Array
    parameter_uncertainty: Array
    steps: int


def solve(statistics: Statistics, sigma: Array) -> Solved | None:
    """The fixed effects at a covariance; `None` where it is not positive definite.

    **Arguments:**

    - `sigma`: shape (T, T).
    """
    present = statistics.present
    both = present[:, :, None] & present[:, None, :]
    filled = np.where(both, sigma, 0.0)
    visit = np.arange(sigma.shape[0], dtype=np.intp)
    filled[:, visit, visit] += ~present
    try:
        factors = np.linalg.cholesky(filled)
        whole = np.linalg.cholesky(sigma)
    except np.linalg.LinAlgError:
        return None
    if not np.all(np.isfinite(whole)) or np.min(np.diag(whole)) <= 0.0:
        return None
    weights = np.linalg.inv(filled) * both
    first, second = pairs(statistics.visits)
    columns = statistics.columns
    flat = statistics.products.reshape(-1, (columns + 1) ** 2)
    normal = (weights[:, first, second].reshape(-1) @ flat).reshape(columns + 1, columns + 1)
    try:
        factor = linalg.cholesky(normal[:-1, :-1], lower=True)
    except linalg.LinAlgError:
        return None
    half = linalg.solve_triangular(factor, np.eye(columns), lower=True)
    variance = half.T @ half
    beta = variance @ normal[:-1, -1]
    residual = normal[-1, -1] - normal[:-1, -1] @ beta
    logs = 2.0 * np.log(factors[:, visit, visit]).sum(axis=1)
    deviance = (
        statistics.counts @ logs
        + 2.0 * np.log(np.diag(factor)).sum()
        + residual
        + (statistics.rows - columns) * np.log(2.0 * np.pi)
    )
    return Solved(float(deviance), beta, variance, weights)


def differentiate(statistics: Statistics, solved: Solved) -> Derivatives:
    """Derivatives of −2 log likelihood by the elements of the covariance.

    Every term is a sum over patterns of products of T × T matrices, so the cost does not grow with
    the subjects.

    **Arguments:**

    - `solved`: of the same statistics.
    """
    weights, beta, variance = solved.weights, solved.beta, solved.variance
    visits, columns = statistics.visits, statistics.columns
    first, second = pairs(visits)
    count = len(first)
    slope = basis(visits)
    products = statistics.products
    # W D W of each element: for D of the pair (a, b) it is w_a w_b' + w_b w_a'
    outer = (
        weights[:, :, first].transpose(0, 2, 1)[:, :, :, None]
        * (weights[:, :, second].transpose(0, 2, 1)[:, :, None, :])
    )
    inner = np.where((first == second)[:, None, None], outer, outer + outer.swapaxes(2, 3))
    picked = inner[:, :, first, second].transpose(1, 0, 2).reshape(count, -1)
    moved = (picked @ products.reshape(-1, (columns + 1) ** 2)).reshape(
        count, columns + 1, columns + 1
    )
    aside = np.append(-beta, 1.0)
    information = moved[:, :-1, :-1]
    score = moved[:, :-1] @ aside
    # residuals and leverage of each pattern, as symmetric T x T matrices
    scatter = _square(products @ aside @ aside, visits)
    leverage = _square(
        np.tensordot(products[:, :, :-1, :-1], variance, axes=([2, 3], [0, 1])), visits
    )
    gradient = (
        np.einsum("g,gst,kst->k", statistics.counts, weights, slope)
        - np.einsum("kab,ab->k", information, variance)
        - np.einsum("gkst,gst->k", inner, scatter)
    )
    expected = (
        _twice(weights, statistics.counts[:, None, None] * weights, slope)
        - 2.0 * _twice(weights, weights @ leverage @ weights, slope)
        + _traces(information, variance)
    )
    observed = -expected + 2.0 * (
        _twice(weights, weights @ scatter @ weights, slope) - score @ variance @ score.T
    )
    return Derivatives(gradient, expected, observed, information)


def _square(upper: Array, visits: int) -> Array:
    """Sums over pairs of visits, off the diagonal of both orders, as a symmetric matrix."""
    first, second = pairs(visits)
    full = np.zeros((len(upper), visits, visits))
    half = np.where(first == second, upper, upper / 2.0)
    full[:, first, second] = half
    full[:, second, first] = half
    return full


def _twice(weights: Array, other: Array, slope: Array) -> Array:
    """Sum over patterns of tr(D_r W D_s N), shape (K, K), for symmetric W and N."""
    count, visits, _ = slope.shape
    left = (slope[None] @ weights[:, None]).transpose(1, 0, 2, 3).reshape(count, -1)
    right = (other[:, None] @ slope[None]).transpose(1, 0, 2, 3).reshape(count, -1)
    del visits
    # tr(D_r W D_s N) is the sum of (D_r W) times the transpose of (D_s N), which is N D_s
    found = left @ right.T
    return (found + found.T) / 2.0


def _traces(information: Array, variance: Array) -> Array:
    count = len(information)
    half = variance @ information
    return half.reshape(count, -1) @ half.transpose(0, 2, 1).reshape(count, -1).T


def first_covariance(statistics: Statistics) -> Array:
    """Where the search starts: covariance of the residuals of least squares, made definite.

    **Returns:** shape (T, T).
    """
    visits, columns = statistics.visits, statistics.columns
    first, second = pairs(visits)
    same = first == second
    total = statistics.products[:, same].sum(axis=(0, 1))
    beta: Array = np.asarray(
        np.linalg.lstsq(total[:-1, :-1], total[:-1, -1], rcond=None)[0], dtype=float
    )
    aside = np.append(-beta, 1.0)
    scatter = _square(statistics.products @ aside @ aside, visits).sum(axis=0)
    present = statistics.present.astype(np.float64)
    both = np.einsum("g,gs,gt->st", statistics.counts, present, present)
    spread = np.maximum(both - columns / visits, both / 2.0)
    sigma = np.where(both > 0.0, scatter / np.where(both > 0.0, spread, 1.0), 0.0)
    variance = np.diag(sigma).copy()
    least = 1e-6 * variance.max()
    if least <= 0.0:
        raise NotFittedError("the design explains every outcome exactly: no variance is left")
    scale = np.sqrt(np.maximum(variance, least))
    values, vectors = np.linalg.eigh(sigma / scale / scale[:, None])
    definite = (vectors * np.maximum(values, _DIAGONAL)) @ vectors.T
    again = np.sqrt(np.diag(definite))
    return definite / again / again[:, None] * scale * scale[:, None]


def fit(
    statistics: Statistics, name: str = "us", start: Array | None = None, *, visits: str = ""
) -> Optimum:
    """Find the covariance of the highest restricted likelihood.

    Two steps with the expected information, then Newton steps with the observed one; a step that
    leaves the covariance matrices or does not go down is halved. Where the elements run into the
    border of what is a covariance, the search is repeated by the Cholesky factor.

    **Arguments:**

    - `statistics`: by missing pattern.
    - `name`: key of `STRUCTURES`.
    - `start`: covariance to begin from, shape (T, T).
    - `visits`: their name in an error.

    **Raises:** `NotFittedError`.
    """
    with one_thread():
        return _fitted(statistics, name, start, visits or "the visits")


def _fitted(statistics: Statistics, name: str, start: Array | None, told: str) -> Optimum:
    if statistics.rows <= statistics.columns:
        raise NotFittedError(
            f"{statistics.rows} outcomes are too few for {statistics.columns} coefficients"
        )
    first_guess = first_covariance(statistics) if start is None else start
    shape = structure(name, statistics.visits)
    try:
        theta, solved, derivatives, steps = _descend(statistics, shape, first_guess)
    except NotFittedError:
        if name != "us":
            raise
        factor = structure("cholesky", statistics.visits)
        theta, solved, derivatives, steps = _descend(
            statistics, factor, first_covariance(statistics)
        )
        theta = factor.elements(theta)
    sigma = matrix(shape.elements(theta), statistics.visits)
    scale = np.sqrt(np.diag(sigma))
    if np.linalg.eigvalsh(sigma / scale / scale[:, None])[0] < _SINGULAR:
        raise NotFittedError(f"the covariance of {told} becomes singular")
    slopes = shape.slopes(theta)
    hessian = _hessian(shape, theta, derivatives, derivatives.observed)
    try:
        factor_of = linalg.cholesky(hessian / 2.0, lower=True)
    except linalg.LinAlgError:
        raise NotFittedError(
            f"the likelihood does not determine the covariance of {told}"
        ) from None
    half = linalg.solve_triangular(factor_of, np.eye(len(theta)), lower=True)
    uncertainty = half.T @ half
    return Optimum(
        shape,
        theta,
        sigma,
        solved,
        derivatives,
        slopes @ uncertainty @ slopes.T,
        uncertainty,
        steps,
    )


def _hessian(shape: Structure, theta: Array, derivatives: Derivatives, by_element: Array) -> Array:
    slopes = shape.slopes(theta)
    hessian = slopes.T @ by_element @ slopes
    if shape.curvature is not None and by_element is derivatives.observed:
        hessian = hessian + np.tensordot(derivatives.gradient, shape.curvature(theta), axes=1)
    return hessian


def _descend(
    statistics: Statistics, shape: Structure, sigma: Array
) -> tuple[Array, Solved, Derivatives, int]:
    """Parameters at the optimum, what was found there, and how many steps it took."""
    visits = statistics.visits
    theta = shape.start(sigma)
    here = _at(statistics, shape, theta, visits)
    if here is None:
        theta = shape.start(np.diag(np.diag(sigma)))
        here = _at(statistics, shape, theta, visits)
    if here is None:
        raise NotFittedError("no covariance to start from was found")
    for step in range(_STEPS):
        derivatives = differentiate(statistics, here)
        slopes = shape.slopes(theta)
        gradient = slopes.T @ derivatives.gradient
        direction = None
        if step >= _FISHER:
            observed = _hessian(shape, theta, derivatives, derivatives.observed)
            direction = _newton(observed, gradient)
        exact = direction is not None
        if direction is None:
            expected = _hessian(shape, theta, derivatives, derivatives.expected)
            direction = _newton(expected, gradient)
        if direction is None:
            raise NotFittedError("the data do not determine every parameter of the covariance")
        decrement = -float(gradient @ direction)
        if decrement < _DONE and exact:
            return theta, here, derivatives, step
        moved = _line(statistics, shape, theta, here, direction, decrement)
        if moved is None:
            if decrement < 1e-7:
                return theta, here, derivatives, step
            raise NotFittedError("the likelihood rises towards a singular covariance")
        theta, here = moved
    raise NotFittedError(f"no optimum within {_STEPS} steps")


def _line(
    statistics: Statistics,
    shape: Structure,
    theta: Array,
    here: Solved,
    direction: Array,
    decrement: float,
) -> tuple[Array, Solved] | None:
    size = 1.0
    noise = 1e-12 * abs(here.deviance)
    for _ in range(_HALVINGS):
        trial = theta + size * direction
        there = _at(statistics, shape, trial, statistics.visits)
        if there is not None and (
            there.deviance <= here.deviance - 1e-4 * size * decrement + noise
        ):
            return trial, there
        size /= 2.0
    return None


def _at(statistics: Statistics, shape: Structure, theta: Array, visits: int) -> Solved | None:
    elements = shape.elements(theta)
    if not np.all(np.isfinite(elements)):
        return None
    return solve(statistics, matrix(elements, visits))


def _newton(hessian: Array, gradient: Array) -> Array | None:
    """The step to the minimum of the parabola; `None` where it has none."""
    scale = np.sqrt(np.abs(np.diag(hessian)))
    if not np.all(scale > 0.0):
        return None
    try:
        factor = linalg.cho_factor(hessian / scale / scale[:, None], lower=True)
    except (linalg.LinAlgError, ValueError):
        return None
    return -linalg.cho_solve(factor, gradient / scale) / scale
