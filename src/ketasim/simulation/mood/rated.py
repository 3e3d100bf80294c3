"""Scores as they would be rated at a visit: over patients, and within each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim.population import VisitNoise
from ketasim.simulation.statistics import QUANTILES, pooled_variance, weighted

Array = NDArray[np.float64]

_HIGHEST: Final = 60.0  # of the MADRS
_FINE: Final = 0.25  # points; distance of the grid on which distributions are smoothed
_GRID: Final = 512  # places of it, a power of two
_LOWEST: Final = (_HIGHEST - _FINE * _GRID) / 2.0  # as much room below the scale as above
_ALIKE: Final = 8  # groups of patients with one law each, where every patient has another


def rated_spread(times: Array, scores: Array, noise: VisitNoise) -> dict[str, Array]:
    """Spread of the scores that would be rated at each time, of some patients.

    **Arguments:**

    - `times`: h, shape (T,). `scores`: of the chain, points, shape (T, n).
    - `noise`: within a patient.

    **Returns:** `mean`; `between` and `within`, variances between and within patients, points²;
    p05, p25, p50, p75 and p95; each of shape (T,).
    """
    n = scores.shape[1]
    found = rated_quantiles(times, scores, noise, tuple(QUANTILES.values()))
    return {
        "mean": scores.mean(axis=1),
        "between": scores.var(axis=1, ddof=1) if n > 1 else np.zeros(len(times)),
        "within": np.reshape(noise.covariance(times, times), (-1, len(times))).mean(axis=0),
        **dict(zip(QUANTILES, found, strict=True)),
    }


def pooled_spread(parts: Sequence[Mapping[str, Array]], count: Sequence[int]) -> dict[str, Array]:
    """Spread over the patients of several groups; see `ketasim.simulation.statistics.pooled`.

    **Arguments:**

    - `parts`: of each group, as `rated_spread` returns it. `count`: its patients.
    """
    found = {name: weighted([part[name] for part in parts], count) for name in parts[0]}
    means = [part["mean"] for part in parts]
    between = pooled_variance([part["between"] for part in parts], means, count)
    return found | {"between": between}


def rated_table(times: Array, spread: Mapping[str, Array]) -> pl.DataFrame:
    """Spread of the scores that would be rated at each time.

    **Arguments:**

    - `times`: h, shape (T,). `spread`: of all patients, as `rated_spread` returns it.

    **Returns:** columns time_h, sd (not cut at the ends of the scale), p05, p25, p50, p75 and p95,
    points.
    """
    sd = np.sqrt(spread["between"] + spread["within"])
    quantiles = {name: spread[name] for name in QUANTILES}
    return pl.DataFrame({"time_h": times, "sd": sd, **quantiles})


def rated_quantiles(
    times: Array, scores: Array, noise: VisitNoise, shares: Sequence[float]
) -> Array:
    """Quantiles of the scores that would be rated at each time.

    The distribution of the patients' scores is smoothed by that of the noise: nothing is drawn.

    **Arguments:** as of `rated_spread`; `shares`: of the patients below each quantile.

    **Returns:** points within the scale, shape (Q, T).
    """
    last = np.ravel(noise.sd(times[-1]))
    if len(last) == 1:
        laws = [np.ravel(noise.sd(times))]
        density = _smoothed(scores, laws[0])
    else:
        groups = np.array_split(np.argsort(last, kind="stable"), min(_ALIKE, len(last)))
        laws = [noise.of_patients(int(group[len(group) // 2])).sd(times) for group in groups]
        density = np.zeros((len(times), _GRID))
        for group, law in zip(groups, laws, strict=True):
            density += _smoothed(scores[:, group], law)
    below = (np.cumsum(density, axis=1) - density / 2.0) / scores.shape[1]
    found = np.empty((len(shares), len(times)))
    rows = np.arange(len(times))
    for place, share in enumerate(shares):
        at = np.clip((below < share).sum(axis=1), 1, _GRID - 1)
        low, high = below[rows, at - 1], below[rows, at]
        part = (share - low) / np.maximum(high - low, 1e-300)
        found[place] = _LOWEST + _FINE * (at - 1 + np.clip(part, 0.0, 1.0))
    exact = np.max(laws, axis=0) < _FINE  # the rating before treatment is what it is
    if exact.any():
        found[:, exact] = np.quantile(scores[exact], list(shares), axis=1)
    return np.clip(found, 0.0, _HIGHEST)


def _smoothed(scores: Array, sd: Array) -> Array:
    """Density of scores with noise on the grid, shape (T, grid), sum n in each row."""
    rows = len(scores)
    place = (scores - _LOWEST) / _FINE
    low = place.astype(np.int64)
    part = place - low
    flat = (low + _GRID * np.arange(rows)[:, None]).ravel()
    size = rows * _GRID
    counts = np.bincount(flat, (1.0 - part).ravel(), size)[:size]
    counts += np.bincount(flat + 1, part.ravel(), size + 1)[:size]
    waves = np.fft.rfftfreq(_GRID, _FINE)
    kept = np.exp(-2.0 * (np.pi * waves * sd[:, None]) ** 2)
    return np.fft.irfft(np.fft.rfft(counts.reshape(rows, _GRID)) * kept, _GRID)
