"""The primary contrast of many replicates by each analysis: estimate, interval, test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ketasim.trials.analysis.proportions import risk_difference, score_statistic
from ketasim.trials.operating.mixed import Found, fit_contrast
from ketasim.trials.operating.sums import Sums, regressors

Array = NDArray[np.float64]

LEVEL: Final = 0.95
"""Of intervals; tests are two-sided at what is left of it."""


class Outcome(NamedTuple):
    """A contrast in R replicates; not a number where it could not be estimated.

    **Arguments:**

    - `estimate`, `se`, `low`, `high`: shape (R,).
    - `rejects`: 1 where the difference is told from none, 0 where not, shape (R,).
    - `failures`: reason to how many replicates have no estimate for it.
    """

    estimate: Array
    se: Array
    low: Array
    high: Array
    rejects: Array
    failures: Mapping[str, int] = MappingProxyType({})


def joined(parts: list[Outcome]) -> Outcome:
    """Replicates one after the other."""
    failures: dict[str, int] = {}
    for part in parts:
        for why, count in part.failures.items():
            failures[why] = failures.get(why, 0) + count
    return Outcome(
        np.concatenate([part.estimate for part in parts]),
        np.concatenate([part.se for part in parts]),
        np.concatenate([part.low for part in parts]),
        np.concatenate([part.high for part in parts]),
        np.concatenate([part.rejects for part in parts]),
        failures,
    )


def mixed(sums: Sums, first: int, second: int) -> Outcome:
    """By the mixed model with Kenward-Roger, missing at random.

    **Arguments:** as of `fit_contrast`.
    """
    return _by_t(fit_contrast(sums, first, second))


def covariance(sums: Sums, first: int, second: int) -> Outcome:
    """By ANCOVA of the patients at the last visit.

    **Arguments:** as of `fit_contrast`.
    """
    xx, xy, yy = (part[:, -1] for part in regressors(sums))
    xy, yy = xy[..., -1], yy[..., -1, -1]
    width = xx.shape[-1]
    counts = sums.counts[:, :, -1]
    df = counts.sum(axis=1) - width
    few = (counts.min(axis=1) < 1) | (df < 1)
    flat = np.where(few[:, None, None], np.eye(width), xx)
    good = ~few & (np.linalg.cond(flat) < 1e12)
    flat = np.where(good[:, None, None], flat, np.eye(width))
    inverse = np.linalg.inv(flat)
    beta = (inverse @ xy[..., None])[..., 0]
    rest = np.maximum(yy - (beta * xy).sum(axis=1), 0.0)
    contrast = np.zeros(width)
    contrast[first], contrast[second] = 1.0, -1.0
    spread = contrast @ inverse @ contrast
    good &= rest > 0.0
    known = np.where(good, 1.0, np.nan)
    failures = {"too few patients are left at the visit": int((~good).sum())}
    se = np.sqrt(spread * rest / np.maximum(df, 1.0)) * known
    return _by_t(Found(beta @ contrast * known, se, df, {k: v for k, v in failures.items() if v}))


def _by_t(found: Found) -> Outcome:
    estimate, se, df, failures = found
    reach = special.stdtrit(df, 0.5 + LEVEL / 2.0) * se
    low, high = estimate - reach, estimate + reach
    rejects = np.where(np.isnan(estimate), np.nan, (low > 0.0) | (high < 0.0))
    return Outcome(estimate, se, low, high, rejects, failures)


def responders(sums: Sums, first: int, second: int) -> Outcome:
    """By the difference of the shares of responders (Miettinen and Nurminen), who left is none.

    **Arguments:** as of `fit_contrast`.
    """
    size = sums.counts.sum(axis=2)
    a, b = sums.events[:, first], sums.events[:, second]
    n, m = size[:, first], size[:, second]
    found = risk_difference(a, n, b, m, level=LEVEL)
    p, q = a / n, b / m
    z = score_statistic(a, n, b, m, np.zeros(len(a)))
    limit = float(special.ndtri(0.5 + LEVEL / 2.0))
    rejects = (np.isfinite(z) & (np.abs(z) > limit)).astype(np.float64)
    se = np.sqrt(p * (1.0 - p) / n + q * (1.0 - q) / m)
    return Outcome(p - q, se, np.asarray(found.low), np.asarray(found.high), rejects)


ANALYSED: Final[Mapping[str, tuple[str, Callable[[Sums, int, int], Outcome]]]] = {
    "mmrm": ("hypothetical", mixed),
    "ancova": ("observed_cases", covariance),
    "responder": ("composite", responders),
}
"""Analysis to what it estimates of patients who leave, and its function."""
