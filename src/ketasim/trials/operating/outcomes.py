"""The primary contrast of many replicates by each analysis: estimate, interval, test."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ketasim.trials.analysis.proportions import (
    risk_difference,
    score_statistic,
    stratified_difference,
)
from ketasim.trials.hazard import log_hazard_ratio, log_rank
from ketasim.trials.operating.mixed import Found
from ketasim.trials.operating.sums import Sums, regressors

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

LEVEL: Final = 0.95
"""Of intervals; tests are two-sided at what is left of it."""

LIMIT: Final = float(special.ndtri(0.5 + LEVEL / 2.0))
"""Standardised statistic from which a difference is told from none."""


class Outcome(NamedTuple):
    """A contrast in R replicates; not a number where it could not be estimated.

    **Arguments:**

    - `estimate`, `se`, `low`, `high`: shape (R,).
    - `z`: statistic of the test, as a standard normal one, shape (R,).
    - `failures`: reason to how many replicates have no estimate for it.
    """

    estimate: Array
    se: Array
    low: Array
    high: Array
    z: Array
    failures: Mapping[str, int] = MappingProxyType({})

    @property
    def rejects(self) -> Array:
        """1 where the difference is told from none, 0 where not, shape (R,)."""
        return np.where(np.isnan(self.z), np.nan, np.abs(self.z) > LIMIT)


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
        np.concatenate([part.z for part in parts]),
        failures,
    )


def covariance(sums: Sums, first: int, second: int) -> Outcome:
    """By ANCOVA of the patients at the last visit.

    **Arguments:** as of `ketasim.trials.operating.mixed.fit_contrast`.
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
    return by_t(Found(beta @ contrast * known, se, df, {k: v for k, v in failures.items() if v}))


def each_estimable(
    sums: Sums, analyse: Callable[[Sums, Flags, Flags], Mapping[str, Outcome]]
) -> dict[str, Outcome]:
    """Analyse replicates without the covariates in which their patients do not differ.

    **Arguments:**

    - `sums`: of all arms.
    - `analyse`: receives sums of replicates with the same covariates, which replicates and which
      covariates they are, shape (R,) and (C,), and returns named outcomes.
    """
    able = sums.estimable
    able[:, 0] = True  # without a spread of the baseline there is no fit, which is told
    kinds, which = np.unique(able, axis=0, return_inverse=True)
    found: dict[str, Outcome] = {}
    for place, kind in enumerate(kinds):
        some = which.ravel() == place
        for name, outcome in analyse(sums.of(some, kind), some, kind).items():
            if name not in found:
                none = np.full((5, len(able)), np.nan)
                found[name] = Outcome(none[0], none[1], none[2], none[3], none[4])
            whole = found[name]
            for all_of, part in zip(whole[:5], outcome[:5], strict=True):
                all_of[some] = part
            failures = dict(whole.failures)
            for why, count in outcome.failures.items():
                failures[why] = failures.get(why, 0) + count
            found[name] = whole._replace(failures=failures)
    return found


def by_t(found: Found) -> Outcome:
    """A contrast with its t test; without degrees of freedom, where they are endless."""
    estimate, se, df, failures = found
    endless = np.isinf(df)
    own = np.where(endless, 1.0, df)
    quantile = np.where(endless, LIMIT, special.stdtrit(own, 0.5 + LEVEL / 2.0))
    reach = quantile * se
    with np.errstate(invalid="ignore", divide="ignore"):
        t = estimate / se
    below = np.where(endless, special.ndtr(-np.abs(t)), special.stdtr(own, -np.abs(t)))
    # beyond the smallest number there is no difference to tell
    z = -np.sign(t) * special.ndtri(np.maximum(below, np.finfo(np.float64).tiny))
    z = np.where(np.isnan(t), np.nan, z)
    return Outcome(estimate, se, estimate - reach, estimate + reach, z, failures)


def responders(sums: Sums, first: int, second: int) -> Outcome:
    """By the difference of the shares of responders (Miettinen and Nurminen), who left is none.

    **Arguments:** as of `covariance`.
    """
    size = sums.counts.sum(axis=2)
    a, b = sums.events[:, first], sums.events[:, second]
    n, m = size[:, first], size[:, second]
    found = risk_difference(a, n, b, m, level=LEVEL)
    p, q = a / n, b / m
    z = score_statistic(a, n, b, m, np.zeros(len(a)))
    se = np.sqrt(p * (1.0 - p) / n + q * (1.0 - q) / m)
    z = np.where(np.isfinite(z), z, 0.0)
    return Outcome(p - q, se, np.asarray(found.low), np.asarray(found.high), z)


def stratified_responders(first: tuple[Array, Array], second: tuple[Array, Array]) -> Outcome:
    """By the difference of the shares of responders within strata (Mantel and Haenszel).

    The standard error is Sato's, the test that of Cochran, Mantel and Haenszel without a correction
    for continuity.

    **Arguments:**

    - `first`, `second`: of an arm responders and patients in each stratum, each of shape (R, S).

    Source: Sato, Biometrics 45 (1989) 1323-1324.
    """
    (a, n), (b, m) = first, second
    found = stratified_difference(a, n, b, m)
    reach = LIMIT * found.se
    return Outcome(
        *(found.estimate, found.se, found.estimate - reach, found.estimate + reach, found.z)
    )


def survivors(first: tuple[Array, Array], second: tuple[Array, Array]) -> Outcome:
    """By Cox's model (Efron): the logarithm of the hazard ratio; tested by log-rank.

    **Arguments:**

    - `first`, `second`: of an arm the relapses at each visit and the patients at risk then, each of
      shape (R, V).
    """
    estimate, variance = log_hazard_ratio(first, second, penalised=False)
    se = np.sqrt(variance)
    # where nobody relapses, or one arm alone is at risk, no difference is shown
    z = np.nan_to_num(log_rank(first, second))
    nobody = (first[0] + second[0]).sum(axis=1) == 0.0
    alone = np.isnan(estimate) & ~nobody
    reasons = {"nobody relapses": nobody, "nobody relapses in one of the arms": alone}
    failures = {why: int(some.sum()) for why, some in reasons.items() if some.any()}
    return Outcome(estimate, se, estimate - LIMIT * se, estimate + LIMIT * se, z, failures)
