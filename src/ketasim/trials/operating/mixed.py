"""Mixed models of many replicates at once: restricted likelihood, Kenward-Roger, one contrast.

With every covariate crossed with visit, all that a fit needs are sums by missing pattern, so that
its cost does not grow with the patients; the formulas are those of `ketasim.trials.analysis.mixed`.
What this search does not settle goes there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ketasim.engine.backends.numba.kernel import Kernel
from ketasim.trials.analysis.mixed.adjustment import infer
from ketasim.trials.analysis.mixed.likelihood import NotFittedError, fit
from ketasim.trials.analysis.mixed.statistics import Statistics, pairs
from ketasim.trials.operating.sums import Sums, regressors

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

_LEAST: Final = 1e-7  # smallest eigenvalue of the correlations
_START: Final = 0.05  # the same where the search starts

_fit = Kernel(
    Path(__file__).parent / "compiled" / "fitting_kernel.py", "fit", "the fits of many replicates"
)


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

    - `beta`: coefficients of the arms and the covariates at each visit, shape (R, T, Q).
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


def fit_contrast(sums: Sums, first: int, second: int) -> tuple[Found, Fits]:
    """One arm minus another at the last visit, by a mixed model for repeated measures.

    Fixed effects: arm by visit and covariates by visit; covariance unstructured; degrees of freedom
    and standard errors of Kenward and Roger.

    **Arguments:**

    - `sums`: of all arms. `first`, `second`: places of the two arms.
    """
    xx, xy, yy = regressors(sums)
    counts = sums.counts[:, :, 1:].sum(axis=1)
    data = _Data(counts, xx[:, 1:], xy[:, 1:], yy[:, 1:])
    replicates = len(data.counts)
    estimate, se, df = (np.full(replicates, np.nan) for _ in range(3))
    found = Found(estimate, se, df, {})
    fits = _unfitted(replicates, sums.visits, data.xx.shape[-1])
    reason = _empty(sums)
    for why in set(reason) - {""}:
        found.failures[why] = reason.count(why)
    able = np.flatnonzero(np.array(reason) == "")
    if len(able):
        piece = _piece(data.of(able), first, second)
        found.estimate[able], found.se[able], found.df[able] = piece.contrast
        for whole, part in zip(fits, piece.fits, strict=True):
            whole[able] = part
        for place in able[~piece.good]:
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
    needed = last.shape[1] + sums.covariates + sums.visits
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
    width = int(data.xx.shape[-1])
    size, elements = visits * width, visits * (visits + 1) // 2
    found = np.full((replicates, 3), np.nan)
    try:
        sigma = np.ascontiguousarray(_first(data))
    except np.linalg.LinAlgError:
        # one replicate of the piece is at the border: the others go on without it, so that none
        # depends on which are fitted with it
        half = replicates // 2
        if not half:
            none = np.full(1, np.nan)
            fits = _unfitted(1, visits, width)
            return _Piece((none, none, none), fits, np.zeros(1, bool))
        return _after_each_other(
            *(_piece(data.of(chosen), first, second) for chosen in (slice(half), slice(half, None)))
        )
    beta = np.full((replicates, size), np.nan)
    variance = np.full((replicates, size, size), np.nan)
    uncertainty = np.full((replicates, elements, elements), np.nan)
    _fit(
        *(np.ascontiguousarray(part) for part in data),
        *(np.array([first, second]), sigma, found, beta, variance, uncertainty),
    )
    scale = np.sqrt(np.diagonal(sigma, axis1=1, axis2=2))
    correlation = sigma / scale[:, :, None] / scale[:, None, :]
    good = ~np.isnan(found[:, 0]) & (np.linalg.eigvalsh(correlation)[:, 0] > _LEAST)
    shape = visits, width
    fits = Fits(beta.reshape(-1, *shape), variance.reshape(-1, *shape, *shape), sigma, uncertainty)
    return _Piece((found[:, 0], found[:, 1], found[:, 2]), fits, good)


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
