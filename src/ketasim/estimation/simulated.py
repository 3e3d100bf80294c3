"""Data simulated from a fit: prediction errors and the visual predictive check."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim._base import standard_normals
from ketasim.estimation.likelihood.conditional import People

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

_QUANTILES: Final = (0.05, 0.50, 0.95)
_BINS: Final = 11  # of times, where there are more different ones than that by half
_ROUNDS: Final = 100
_ENDS: Final = (0.05, 0.5, 0.95)  # of the quantiles over the simulated data sets


@dataclass(frozen=True)
class Simulated:
    """Data sets simulated from a fit with the doses, times and covariates of its data.

    **Arguments:**

    - `values`: with residual error, shape (n, N).
    """

    values: Array


def simulate_data(
    people: People, middle: Array, covariance: Array, sds: Array, n: int, seed: int
) -> Simulated:
    """Simulate data sets.

    **Arguments:**

    - `people`: the subjects. `middle`: typical numbers. `covariance`: of effects. `sds`: residual.
    - `n`: how many. `seed`: of them; one does not depend on how many there are.
    """
    q = len(people.effects)
    places = np.tile(middle, (n, people.count, 1))
    if q:
        lower = np.linalg.cholesky(covariance)
        normals = np.stack(
            [standard_normals(seed, f"fit:effects:{draw}", 0, people.count, q) for draw in range(n)]
        )
        places[:, :, people.effects] += np.einsum("qr,nsr->nsq", lower, normals)
    predicted = people.predict(places)
    count = predicted.shape[1]
    errors = np.stack(
        [standard_normals(seed, f"fit:residual:{d}", 0, count, 1)[:, 0] for d in range(n)]
    )
    return Simulated(people.error.drawn(sds, predicted, errors))


def prediction_errors(people: People, simulated: Simulated, observed: Array, below: Flags) -> Array:
    """Normalised prediction distribution errors of every observation, shape (N,).

    Observed and simulated values of a subject are made independent with the mean and covariance of
    the simulated ones; what share of these lies below an observation becomes a normal number.
    Values below the limit have none.

    **Source:** Brendel et al. 2006, Pharm. Res. 23:2036; Comets et al. 2008, CMPB 90:154.

    **Arguments:**

    - `people`: the subjects. `simulated`: the data sets, n of them. `observed`: shape (N,).
    - `below`: which are below the limit.
    """
    from scipy.special import ndtri  # scipy is slow to load

    found = np.full(len(observed), np.nan)
    n = len(simulated.values)
    for subject in range(people.count):
        mine = np.flatnonzero((people.subject == subject) & ~below)
        if not len(mine) or n <= len(mine):
            continue
        drawn = simulated.values[:, mine]
        mean = drawn.mean(axis=0)
        matrix = np.cov(drawn.T).reshape(len(mine), len(mine))
        fixed = np.diag(matrix) <= 1e-12 * max(float(np.diag(matrix).max()), 1e-300)
        varied = np.flatnonzero(~fixed)
        if not len(varied):
            continue
        part = matrix[np.ix_(varied, varied)] + 1e-12 * np.diag(np.diag(matrix)[varied])
        whitened: Array = np.asarray(np.linalg.inv(np.linalg.cholesky(part)), np.float64)
        own = whitened @ (observed[mine] - mean)[varied]
        others = whitened @ (drawn - mean)[:, varied].T
        share: Array = np.asarray((others < own[:, None]).mean(axis=1), np.float64)
        found[mine[varied]] = ndtri(np.clip(share, 0.5 / n, 1.0 - 0.5 / n))
    return found


@dataclass(frozen=True)
class Check:
    """What a visual predictive check is made of, each array of shape (N,).

    **Arguments:**

    - `time`: h. `observed`: values. `typical`: predictions without effects.
    - `below`: which are below the limit. `stratum`: of each. `output`: name of it.
    """

    time: Array
    observed: Array
    typical: Array
    below: Flags
    stratum: Sequence[str]
    output: Sequence[str]


def predictive_check(
    check: Check, simulated: Simulated, *, corrected: bool, edges: Sequence[float] = ()
) -> pl.DataFrame:
    """Quantiles of observed values by time, beside those of simulated data sets.

    **Arguments:**

    - `check`: the observations. `simulated`: the data sets.
    - `corrected`: values are divided by the typical prediction and multiplied with its median in
      the bin, so that subjects with other doses or covariates compare.
    - `edges`: h between bins of times; bins around times that are near each other without them.

    **Returns:** `output`, `stratum`, `time_h` (median), `from_h`, `to_h`, `n`, `n_below`,
    `quantile` (0.05, 0.5, 0.95), `observed`, and of the simulated ones `p05`, `p50`, `p95`; and
    with `quantile` nothing the same of the share below the limit.

    **Source:** Bergstrand et al. 2011, AAPS J. 13:143, for the correction.
    """
    rows: list[dict[str, object]] = []
    keys = list(zip(check.output, check.stratum, strict=True))
    for output, stratum in dict.fromkeys(keys):
        group = np.array([key == (output, stratum) for key in keys])
        for mine in _bins(check.time, np.flatnonzero(group), edges):
            observed, drawn = check.observed[mine].copy(), simulated.values[:, mine].copy()
            if corrected:
                typical = check.typical[mine]
                with np.errstate(divide="ignore", invalid="ignore"):
                    factor = np.where(typical > 0, np.median(typical) / typical, 1.0)
                observed, drawn = observed * factor, drawn * factor
            here = check.below[mine]
            head: dict[str, object] = {
                "output": output,
                "stratum": stratum,
                "time_h": float(np.median(check.time[mine])),
                "from_h": float(check.time[mine].min()),
                "to_h": float(check.time[mine].max()),
                "n": len(mine),
                "n_below": int(here.sum()),
            }
            # a value below the limit is less than all others, whatever it is
            ranked = np.where(here, -np.inf, observed)
            for quantile in _QUANTILES:
                value = float(np.quantile(ranked, quantile, method="inverted_cdf"))
                each = np.quantile(drawn, quantile, axis=1)
                low, middle, high = np.quantile(each, _ENDS)
                told = value if np.isfinite(value) else None
                rows.append(
                    head
                    | {"quantile": quantile, "observed": told}
                    | {"p05": float(low), "p50": float(middle), "p95": float(high)}
                )
            limits = check.observed[group & check.below]
            if len(limits):
                own = check.observed[mine][here]
                limit = float(own.max() if len(own) else limits.max())
                share = (simulated.values[:, mine] < limit).mean(axis=1)
                low, middle, high = np.quantile(share, _ENDS)
                rows.append(
                    head
                    | {"quantile": None, "observed": float(here.mean())}
                    | {"p05": float(low), "p50": float(middle), "p95": float(high)}
                )
    return pl.DataFrame(rows, infer_schema_length=None)


def _bins(time: Array, rows: NDArray[np.intp], edges: Sequence[float]) -> list[NDArray[np.intp]]:
    """Observations of a group by time: between edges, or around times that are near each other."""
    times = np.unique(time[rows])
    if len(edges):
        place = np.searchsorted(np.asarray(edges), time[rows], side="right")
    elif len(times) <= 1.5 * _BINS:
        place = np.searchsorted(times, time[rows])
    else:
        place = _clusters(np.sqrt(np.maximum(time[rows], 0.0)))
    return [rows[place == one] for one in np.unique(place)]


def _clusters(points: Array) -> NDArray[np.intp]:
    """Number of the cluster of each point: means move until none does, from even quantiles."""
    middles = np.unique(np.quantile(points, (np.arange(_BINS) + 0.5) / _BINS))
    for _ in range(_ROUNDS):
        place = np.abs(points[:, None] - middles).argmin(axis=1)
        after = np.array([points[place == k].mean() for k in np.unique(place)])
        if len(after) == len(middles) and np.allclose(after, middles):
            break
        middles = after
    return np.abs(points[:, None] - middles).argmin(axis=1)
