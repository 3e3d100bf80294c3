"""Mixed models of many replicates at once: restricted likelihood, Kenward-Roger, one contrast.

With every covariate crossed with visit, all that a fit needs are sums by missing pattern, so that
its cost does not grow with the patients; the formulas are those of `ketasim.trials.analysis.mixed`.
What this search does not settle goes there.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ketasim.trials.analysis.mixed.adjustment import infer
from ketasim.trials.analysis.mixed.covariance import basis
from ketasim.trials.analysis.mixed.likelihood import NotFittedError, fit
from ketasim.trials.analysis.mixed.statistics import Statistics, pairs
from ketasim.trials.operating.sums import Sums, regressors

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

_STEPS: Final = 60
_HALVINGS: Final = 25
_DONE: Final = 1e-10  # Newton decrement, in units of -2 log likelihood
_LEAST: Final = 1e-7  # smallest eigenvalue of the correlations
_START: Final = 0.05  # the same where the search starts
_NUMBERS: Final = 4_000_000  # numbers of the largest array held at once


class Found(NamedTuple):
    """A contrast in R replicates.

    **Arguments:**

    - `estimate`, `se`, `df`: shape (R,); not a number where there is no fit.
    - `failures`: reason to how many replicates have no fit for it.
    """

    estimate: Array
    se: Array
    df: Array
    failures: dict[str, int]


class Fits(NamedTuple):
    """Mixed models of R replicates; not a number where there is no fit.

    **Arguments:**

    - `beta`: coefficients of the arms and the baseline at each visit, shape (R, T, Q).
    - `variance`: of them at this covariance, shape (R, T, Q, T, Q).
    - `sigma`: covariance of the visits, shape (R, T, T). `uncertainty`: of its elements, shape
      (R, K, K).
    """

    beta: Array
    variance: Array
    sigma: Array
    uncertainty: Array


class _Data(NamedTuple):
    """Sums of replicates, the patterns that have a visit: G of them, of 1 to T visits."""

    counts: Array
    xx: Array
    xy: Array
    yy: Array

    def of(self, chosen: NDArray[np.intp] | Flags | slice) -> _Data:
        return _Data(*(part[chosen] for part in self))


class _State(NamedTuple):
    """Where the search of each replicate is."""

    deviance: Array
    beta: Array  # (R, T, Q)
    variance: Array  # (R, T, Q, T, Q)
    weights: Array  # (R, G, T, T)


def fit_contrast(sums: Sums, first: int, second: int) -> tuple[Found, Fits]:
    """One arm minus another at the last visit, by a mixed model for repeated measures.

    Fixed effects: arm by visit and baseline by visit; covariance unstructured; degrees of freedom
    and standard errors of Kenward and Roger.

    **Arguments:**

    - `sums`: of all arms. `first`, `second`: places of the two arms.
    """
    xx, xy, yy = regressors(sums)
    data = _Data(np.trace(xx[:, 1:, :-1, :-1], axis1=2, axis2=3), xx[:, 1:], xy[:, 1:], yy[:, 1:])
    replicates = len(data.counts)
    estimate, se, df = (np.full(replicates, np.nan) for _ in range(3))
    found = Found(estimate, se, df, {})
    fits = _unfitted(replicates, sums.visits, data.xx.shape[-1])
    reason = _empty(sums)
    for why in set(reason) - {""}:
        found.failures[why] = reason.count(why)
    able = np.flatnonzero(np.array(reason) == "")
    visits, width = sums.visits, data.xx.shape[-1]
    elements = visits * (visits + 1) // 2
    size = max(1, _NUMBERS // (elements * max((visits * width) ** 2, visits * elements)))
    for start in range(0, len(able), size):
        chosen = able[start : start + size]
        piece = _piece(data.of(chosen), first, second)
        found.estimate[chosen], found.se[chosen], found.df[chosen] = piece.contrast
        for whole, part in zip(fits, piece.fits, strict=True):
            whole[chosen] = part
        for place in chosen[~piece.good]:
            one = _single(data, int(place), first, second)
            if isinstance(one, str):
                found.failures[one] = found.failures.get(one, 0) + 1
                one = (np.nan, np.nan, np.nan), _unfitted(1, sums.visits, data.xx.shape[-1])
            found.estimate[place], found.se[place], found.df[place] = one[0]
            for whole, part in zip(fits, one[1], strict=True):
                whole[place] = part[0]
    return found, fits


def _unfitted(replicates: int, visits: int, width: int) -> Fits:
    elements = visits * (visits + 1) // 2
    shapes = ((visits, width), (visits, width) * 2, (visits, visits), (elements, elements))
    return Fits(*(np.full((replicates, *shape), np.nan) for shape in shapes))


def _empty(sums: Sums) -> list[str]:
    """Why a replicate cannot be fitted at all; empty where it can."""
    last = sums.counts[:, :, -1]
    there = last.sum(axis=1)
    needed = last.shape[1] + 1 + sums.visits
    return [
        "an arm has nobody left at the visit"
        if low < 1
        else "too few patients are left at the visit"
        if many < needed
        else ""
        for low, many in zip(last.min(axis=1), there, strict=True)
    ]


class _Piece(NamedTuple):
    """Estimate, standard error and degrees of freedom; the fits; and whether they hold."""

    contrast: tuple[Array, Array, Array]
    fits: Fits
    good: Flags


def _piece(data: _Data, first: int, second: int) -> _Piece:
    replicates, visits = len(data.counts), int(data.yy.shape[-1])
    try:
        sigma = _first(data)
        sigma, state, settled = _search(data, sigma)
        contrast, uncertainty, good = _inferred(data, state, first, second)
    except np.linalg.LinAlgError:
        # one replicate of the piece is at the border: the others go on without it, so that none
        # depends on which are fitted with it
        half = replicates // 2
        if not half:
            none = np.full(1, np.nan)
            fits = _unfitted(1, visits, data.xx.shape[-1])
            return _Piece((none, none, none), fits, np.zeros(1, bool))
        return _after_each_other(
            *(_piece(data.of(chosen), first, second) for chosen in (slice(half), slice(half, None)))
        )
    scale = np.sqrt(np.diagonal(sigma, axis1=1, axis2=2))
    correlation = sigma / scale[:, :, None] / scale[:, None, :]
    good &= settled & (np.linalg.eigvalsh(correlation)[:, 0] > _LEAST)
    return _Piece(contrast, Fits(state.beta, state.variance, sigma, uncertainty), good)


def _after_each_other(one: _Piece, other: _Piece) -> _Piece:
    estimate, se, df = (
        np.concatenate(each) for each in zip(one.contrast, other.contrast, strict=True)
    )
    fits = Fits(*(np.concatenate(each) for each in zip(one.fits, other.fits, strict=True)))
    return _Piece((estimate, se, df), fits, np.concatenate([one.good, other.good]))


def _first(data: _Data) -> Array:
    """Covariance to start from: of residuals at each two visits of those who were at both."""
    visits, width = int(data.yy.shape[-1]), int(data.xx.shape[-1])
    there = np.arange(1, visits + 1)  # visits of a pattern
    beta = np.empty((len(data.counts), visits, width))
    for visit in range(visits):
        at = there > visit
        beta[:, visit] = np.linalg.solve(
            data.xx[:, at].sum(axis=1), data.xy[..., visit][:, at].sum(axis=1)[..., None]
        )[..., 0]
    scatter = _scatter(data, beta)
    latest = np.maximum.outer(np.arange(visits), np.arange(visits))
    seen = there[:, None, None] > latest
    count = np.einsum("rg,gst->rst", data.counts, seen.astype(float))
    sigma = (scatter * seen).sum(axis=1) / np.maximum(count - width, 1.0)
    scale = np.sqrt(np.maximum(np.diagonal(sigma, axis1=1, axis2=2), 1e-12))
    values, vectors = np.linalg.eigh(sigma / scale[:, :, None] / scale[:, None, :])
    raised = (vectors * np.maximum(values, _START)[:, None, :]) @ vectors.transpose(0, 2, 1)
    again = np.sqrt(np.diagonal(raised, axis1=1, axis2=2))
    scale = scale / again
    return raised * scale[:, :, None] * scale[:, None, :]


def _scatter(data: _Data, beta: Array) -> Array:
    """Residual cross products of each pattern, (R, G, T, T); of absent visits they mean nothing."""
    slope = beta[:, None]
    crossed = slope @ data.xy
    turned = slope.swapaxes(2, 3)
    return data.yy - crossed - crossed.swapaxes(2, 3) + slope @ data.xx @ turned


def _solved(data: _Data, sigma: Array) -> _State:
    """Fixed effects and deviance at a covariance that is positive definite."""
    replicates, patterns = len(data.counts), int(data.counts.shape[1])
    visits, width = int(sigma.shape[-1]), int(data.xx.shape[-1])
    absent = np.arange(visits) > np.arange(patterns)[:, None]
    both = ~absent[:, :, None] & ~absent[:, None, :]
    filled = np.where(both, sigma[:, None], 0.0)
    visit = np.arange(visits)
    filled[:, :, visit, visit] += absent
    weights = np.linalg.inv(filled) * both
    logs = np.linalg.slogdet(filled)[1]
    information = _crossed(weights, data.xx)
    flat = information.reshape(replicates, visits * width, visits * width)
    variance = np.linalg.inv(flat)
    variance = (variance + variance.swapaxes(1, 2)) / 2.0
    right = (weights @ data.xy.swapaxes(2, 3)).sum(axis=1).reshape(replicates, visits * width, 1)
    beta = (variance @ right)[..., 0]
    shaped = beta.reshape(replicates, visits, width)
    residual = (weights * _scatter(data, shaped)).sum(axis=(1, 2, 3))
    deviance = (data.counts * logs).sum(axis=1) + np.linalg.slogdet(flat)[1] + residual
    return _State(deviance, shaped, variance.reshape(information.shape), weights)


def _crossed(weights: Array, xx: Array) -> Array:
    """Sum over patterns of a T × T matrix crossed with the design, shape (R, T, Q, T, Q)."""
    replicates, patterns, visits, _ = weights.shape
    width = xx.shape[-1]
    flat = weights.reshape(replicates, patterns, visits * visits).swapaxes(1, 2) @ xx.reshape(
        replicates, patterns, width * width
    )
    shape = (replicates, visits, visits, width, width)
    return flat.reshape(shape).transpose(0, 1, 3, 2, 4)


class _Slopes(NamedTuple):
    """Derivatives of the deviance by the elements of the covariance, but for the traces."""

    gradient: Array  # (R, K)
    hessian: Array  # (R, K, K)


def _slopes(data: _Data, state: _State) -> _Slopes:
    """Gradient, and the observed information without its smallest term, of order Q over n."""
    weights, variance = state.weights, state.variance
    replicates, patterns, visits, _ = weights.shape
    width = data.xx.shape[-1]
    first, second = pairs(visits)
    own = np.where(first == second, 0.5, 1.0)
    scatter = _scatter(data, state.beta)
    blocks = variance.transpose(0, 1, 3, 2, 4).reshape(replicates, visits * visits, -1)
    leverage = (
        (blocks @ data.xx.reshape(replicates, patterns, -1).swapaxes(1, 2))
        .swapaxes(1, 2)
        .reshape(weights.shape)
    )
    counted = data.counts[:, :, None, None] * weights
    slope = (counted - weights @ (scatter + leverage) @ weights).sum(axis=1)
    gradient = 2.0 * own * slope[:, first, second]
    bent = 2.0 * weights @ (scatter + leverage) @ weights - counted
    hessian = np.zeros((replicates, len(first), len(first)))
    for one, other in ((first, second), (second, first)):
        for left, right in ((first, second), (second, first)):
            # tr(D W D N) of two elements: W at inner places, N at outer ones
            hessian += np.einsum(
                "rgkl,rgkl->rkl",
                weights[:, :, other[:, None], left[None, :]],
                bent[:, :, one[:, None], right[None, :]],
            )
    hessian *= own[:, None] * own
    score = _scores(data, state).reshape(replicates, len(first), -1)
    flat = variance.reshape(replicates, visits * width, visits * width)
    hessian -= 2.0 * score @ flat @ score.swapaxes(1, 2)
    return _Slopes(gradient, (hessian + hessian.swapaxes(1, 2)) / 2.0)


def _scores(data: _Data, state: _State) -> Array:
    """Sum of X' W D W e of each element D, shape (R, K, T, Q)."""
    weights = state.weights
    first, second = pairs(weights.shape[-1])
    own = np.where(first == second, 0.5, 1.0)[:, None, None]
    errors = data.xy.swapaxes(2, 3) - state.beta[:, None] @ data.xx
    weighed = weights @ errors
    columns = weights.swapaxes(2, 3)
    total = np.einsum("rgkt,rgkq->rktq", columns[:, :, first], weighed[:, :, second])
    total += np.einsum("rgkt,rgkq->rktq", columns[:, :, second], weighed[:, :, first])
    return total * own


def _search(data: _Data, sigma: Array) -> tuple[Array, _State, Flags]:
    """Newton steps of all replicates that are not there yet, each halved until it goes down."""
    visits = sigma.shape[-1]
    first, second = pairs(visits)
    state = _solved(data, sigma)
    settled = np.zeros(len(sigma), bool)
    stuck = np.zeros(len(sigma), bool)
    for _ in range(_STEPS):
        active = np.flatnonzero(~settled & ~stuck)
        if not len(active):
            break
        part = data.of(active)
        here = _State(*(each[active] for each in state))
        slopes = _slopes(part, here)
        direction, decrement = _direction(slopes, sigma[active], part)
        near = decrement < _DONE
        settled[active[near]] = True
        going = active[~near]
        direction, decrement = direction[~near], decrement[~near]
        size = np.ones(len(going))
        left = np.arange(len(going))
        for _ in range(_HALVINGS):
            if not len(left):
                break
            places = going[left]
            step = np.zeros((len(left), visits, visits))
            step[:, first, second] = size[left, None] * direction[left]
            step[:, second, first] = step[:, first, second]
            tried = sigma[places] + step
            definite = np.linalg.eigvalsh(tried)[:, 0] > 0.0
            there = _solved(data.of(places[definite]), tried[definite])
            least = state.deviance[places[definite]]
            bound = least - 1e-4 * (size[left] * decrement[left])[definite] + 1e-11 * np.abs(least)
            lower = there.deviance <= bound
            done = places[definite][lower]
            sigma[done] = tried[definite][lower]
            for each, new in zip(state, there, strict=True):
                each[done] = new[lower]
            kept = np.ones(len(left), bool)
            kept[np.flatnonzero(definite)[lower]] = False
            left = left[kept]
            size[left] /= 2.0
        stuck[going[left]] = True
    return sigma, state, settled


def _direction(slopes: _Slopes, sigma: Array, data: _Data) -> tuple[Array, Array]:
    """Steps downhill (R, K) and how far each goes down.

    Where the parabola has no bottom, the information of complete data takes its place.
    """
    visits = sigma.shape[-1]
    first, second = pairs(visits)
    scale = np.sqrt(sigma[:, first, first] * sigma[:, second, second])
    hessian = slopes.hessian * scale[:, :, None] * scale[:, None, :]
    gradient = slopes.gradient * scale
    bad = ~(np.linalg.eigvalsh(hessian)[:, 0] > 0.0)
    if bad.any():
        inverse = np.linalg.inv(sigma[bad])
        own = np.where(first == second, 0.5, 1.0)
        plain = np.zeros_like(hessian[bad])
        for one, other in ((first, second), (second, first)):
            plain += inverse[:, other[:, None], first] * inverse[:, one[:, None], second]
            plain += inverse[:, other[:, None], second] * inverse[:, one[:, None], first]
        plain *= own[:, None] * own * data.counts[bad].sum(axis=1)[:, None, None]
        hessian[bad] = plain * scale[bad][:, :, None] * scale[bad][:, None, :]
    step = -np.linalg.solve(hessian, gradient[..., None])[..., 0]
    decrement: Array = -(gradient * step).sum(axis=1)
    return np.asarray(step * scale, np.float64), decrement


def _inferred(
    data: _Data, state: _State, first_arm: int, second_arm: int
) -> tuple[tuple[Array, Array, Array], Array, Flags]:
    """Estimate, standard error and degrees of freedom as Kenward and Roger have them.

    **Returns:** these; the uncertainty of the covariance (R, K, K); and whether they hold.
    """
    weights = state.weights
    replicates, _, visits, _ = weights.shape
    width = data.xx.shape[-1]
    columns = visits * width
    slope = basis(visits)
    # sums of X' W D W X of each element D, shape (R, K, P, P)
    inner = weights[:, None] @ slope[None, :, None] @ weights[:, None]
    count = len(slope)
    flat = inner.reshape(replicates, count, weights.shape[1], -1).transpose(0, 1, 3, 2)
    told = (flat @ data.xx.reshape(replicates, 1, -1, width * width)).reshape(
        replicates, count, visits, visits, width, width
    )
    told = np.ascontiguousarray(told.transpose(0, 1, 2, 4, 3, 5)).reshape(
        replicates, count, columns, columns
    )
    variance = state.variance.reshape(replicates, columns, columns)
    half = variance[:, None] @ told
    traces = half.reshape(replicates, count, -1) @ half.swapaxes(2, 3).reshape(
        replicates, count, -1
    ).swapaxes(1, 2)
    hessian = _slopes(data, state).hessian - traces
    hessian = (hessian + hessian.swapaxes(1, 2)) / 2.0
    scale = np.sqrt(np.abs(np.diagonal(hessian, axis1=1, axis2=2)))
    scaled = hessian / scale[:, :, None] / scale[:, None, :]
    good = np.linalg.eigvalsh(scaled)[:, 0] > 0.0
    scaled[~good] = np.eye(count)
    uncertainty = 2.0 * np.linalg.inv(scaled) / scale[:, :, None] / scale[:, None, :]

    contrast = np.zeros((visits, width))
    contrast[-1, first_arm], contrast[-1, second_arm] = 1.0, -1.0
    row = contrast.reshape(-1)
    estimate = state.beta.reshape(replicates, -1) @ row
    moved = variance @ row
    size = moved @ row
    each = (told @ moved[:, None, :, None])[..., 0]
    along = (each * moved[:, None]).sum(axis=2)
    spread = (along[:, None] @ uncertainty @ along[..., None])[:, 0, 0]
    df = 2.0 * size * size / spread
    # what is added to the variance: w (Q - P Phi P) of all pairs of elements
    mixed = (uncertainty @ slope.reshape(count, -1)).reshape(replicates, count, visits, visits)
    middle = (mixed[:, None] @ weights[:, :, None] @ slope[None, None]).sum(axis=2)
    total = weights @ middle @ weights
    shaped = moved.reshape(replicates, visits, width)[:, None]
    bent = (total * (shaped @ data.xx @ shaped.swapaxes(2, 3))).sum(axis=(1, 2, 3))
    taken = (uncertainty * (each @ variance @ each.swapaxes(1, 2))).sum(axis=(1, 2))
    square = size + 2.0 * (bent - taken)
    good &= (square > 0.0) & (spread > 0.0)
    return (estimate, np.sqrt(np.where(good, square, np.nan)), df), uncertainty, good


def _single(
    data: _Data, place: int, first: int, second: int
) -> tuple[tuple[float, float, float], Fits] | str:
    """The same of one replicate by the search that starts again; or why there is none."""
    xx, xy, yy = data.xx[place], data.xy[place], data.yy[place]
    patterns, width, visits = xy.shape
    present = np.tril(np.ones((patterns, visits), bool))
    one, other = pairs(visits)
    products = np.zeros((patterns, len(one), visits * width + 1, visits * width + 1))
    for pair, (s, t) in enumerate(zip(one, other, strict=True)):
        seen = (present[:, s] & present[:, t])[:, None, None]
        block = np.zeros_like(products[:, 0])
        rows, columns = (slice(v * width, (v + 1) * width) for v in (s, t))
        block[:, rows, columns] = xx * seen
        block[:, rows, -1] = xy[:, :, t] * seen[:, 0]
        block[:, -1, columns] = xy[:, :, s] * seen[:, 0]
        block[:, -1, -1] = yy[:, s, t] * seen[:, 0, 0]
        products[:, pair] = block if s == t else block + block.swapaxes(1, 2)
    kept = data.counts[place] > 0
    statistics = Statistics(present[kept], data.counts[place][kept], products[kept])
    contrast = np.zeros(visits * width)
    contrast[(visits - 1) * width + first], contrast[(visits - 1) * width + second] = 1.0, -1.0
    try:
        optimum = fit(statistics)
        inference = infer(statistics, optimum, "kenward-roger")
    except (NotFittedError, np.linalg.LinAlgError) as error:
        return str(error)
    square = float(contrast @ inference.variance @ contrast)
    if not square > 0.0:
        return "the variance of the contrast is not positive"
    shape = visits, width
    fits = Fits(
        optimum.solved.beta.reshape(1, *shape),
        optimum.solved.variance.reshape(1, *shape, *shape),
        optimum.sigma[None],
        optimum.uncertainty[None],
    )
    return (float(contrast @ inference.beta), square**0.5, inference.freedom(contrast)), fits
