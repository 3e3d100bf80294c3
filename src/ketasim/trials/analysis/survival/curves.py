"""Time to an event: Kaplan-Meier curves with their medians and restricted means, log-rank test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Array = NDArray[np.float64]

INTERVALS: Final = ("log-log", "log", "plain")
"""Scales on which a curve's interval is symmetric; `log` is what the R package survival does."""

_SAME: Final = 1e-9  # times and shares that are taken for equal


@dataclass(frozen=True)
class Curve:
    """A Kaplan-Meier curve.

    **Arguments:**

    - `time`: when something happened, ascending, shape (E,).
    - `at_risk`, `events`, `censored`: at each time.
    - `survival`: just after each time. `se`: Greenwood's. `low`, `high`: of its interval.
    - `level`, `interval`: how wide it is, and on which scale.
    """

    time: Array
    at_risk: Array
    events: Array
    censored: Array
    survival: Array
    se: Array
    low: Array
    high: Array
    level: float
    interval: str

    def at(self, times: ArrayLike) -> tuple[Array, Array, Array, Array]:
        """Survival, its standard error and its interval at times."""
        place = np.searchsorted(self.time, np.asarray(times, dtype=float) + _SAME) - 1
        start = (1.0, 0.0, 1.0, 1.0)
        columns = (self.survival, self.se, self.low, self.high)
        found = [
            np.where(place < 0, first, column[np.maximum(place, 0)])
            for first, column in zip(start, columns, strict=True)
        ]
        return found[0], found[1], found[2], found[3]

    def quantile(self, share: float = 0.5) -> tuple[float, float, float]:
        """Time by which a share has had the event, and its interval; NaN where not reached.

        The interval is where the curve's interval crosses (Brookmeyer and Crowley, Biometrics 38
        (1982) 29-41); on a stretch at exactly that height the middle is taken, as R does.
        """
        level = 1.0 - share
        return (
            self._first_below(self.survival, level),
            self._first_below(self.low, level),
            self._first_below(self.high, level),
        )

    def _first_below(self, curve: Array, level: float) -> float:
        known = ~np.isnan(curve)
        under = np.flatnonzero(known & (curve <= level + _SAME))
        if not len(under):
            return float("nan")
        first = int(under[0])
        if abs(curve[first] - level) > _SAME:
            return float(self.time[first])
        lower = np.flatnonzero(known & (curve < level - _SAME))
        end = self.time[lower[0]] if len(lower) else self.time[-1]
        return float((self.time[first] + end) / 2.0)

    def restricted_mean(self, until: float | None = None) -> tuple[float, float]:
        """Mean time without the event up to a time, and its standard error.

        **Arguments:**

        - `until`: the last time of the curve when left out.
        """
        end = float(self.time[-1]) if until is None else until
        inside = self.time < end - _SAME
        edges = np.concatenate([[0.0], self.time[inside], [end]])
        heights = np.concatenate([[1.0], self.survival[inside]])
        areas = np.diff(edges) * heights
        after = np.cumsum(areas[::-1])[::-1][1:]  # area to the right of each time
        n, d = self.at_risk[inside], self.events[inside]
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = np.where(n > d, d / (n * (n - d)), 0.0)
        return float(areas.sum()), float(np.sqrt(np.sum(after**2 * rate)))


def kaplan_meier(
    time: ArrayLike, event: ArrayLike, *, interval: str = "log-log", level: float = 0.95
) -> Curve:
    """Estimate a survival curve.

    **Main arguments:**

    - `time`: to the event or to the end of follow-up, any unit, shape (N,).
    - `event`: whether it was the event, shape (N,).

    **Other arguments:**

    - `interval`: of `INTERVALS`. `level`: of the interval.
    """
    times, happened = np.asarray(time, dtype=float), np.asarray(event, dtype=bool)
    distinct, place = np.unique(times, return_inverse=True)
    events: Array = np.bincount(place, happened.astype(float), len(distinct)).astype(float)
    every = np.bincount(place, minlength=len(distinct)).astype(float)
    at_risk = every[::-1].cumsum()[::-1]
    survival: Array = np.asarray(np.cumprod(1.0 - events / at_risk), dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.cumsum(events / (at_risk * (at_risk - events)))
        relative = np.sqrt(greenwood)
        se = np.where(survival > 0.0, survival * relative, 0.0)
        z = float(special.ndtri(0.5 + level / 2.0))
        logs = np.log(survival)
        if interval == "log":
            low = np.exp(logs - z * relative)
            high = np.minimum(np.exp(logs + z * relative), 1.0)
        elif interval == "plain":
            low, high = np.maximum(survival - z * se, 0.0), np.minimum(survival + z * se, 1.0)
        else:
            reach = z * relative / np.abs(logs)
            low, high = survival ** np.exp(reach), survival ** np.exp(-reach)
    none = survival >= 1.0
    low, high = np.where(none, 1.0, low), np.where(none, 1.0, high)
    gone = survival <= 0.0
    low, high = np.where(gone, np.nan, low), np.where(gone, np.nan, high)
    return Curve(
        distinct, at_risk, events, every - events, survival, se, low, high, level, interval
    )


class LogRank(NamedTuple):
    """A comparison of curves.

    **Arguments:**

    - `statistic`: chi-squared. `df`. `p`.
    - `observed`, `expected`: (weighted) events of each group.
    """

    statistic: float
    df: int
    p: float
    observed: Array
    expected: Array


def log_rank(time: ArrayLike, event: ArrayLike, group: ArrayLike, *, rho: float = 0.0) -> LogRank:
    """Compare survival between groups.

    **Main arguments:**

    - `time`, `event`: as of `kaplan_meier`. `group`: number of each subject's group, from 0.

    **Other arguments:**

    - `rho`: 0 for the log-rank test, 1 for Peto and Peto's weights (Harrington and Fleming,
      Biometrika 69 (1982) 553-566).
    """
    times, happened = np.asarray(time, dtype=float), np.asarray(event, dtype=bool)
    groups = np.asarray(group, dtype=np.intp)
    count = int(groups.max()) + 1
    distinct, place = np.unique(times, return_inverse=True)
    here = np.zeros((len(distinct), count))
    deaths = np.zeros((len(distinct), count))
    np.add.at(here, (place, groups), 1.0)
    np.add.at(deaths, (place[happened], groups[happened]), 1.0)
    at_risk = here[::-1].cumsum(axis=0)[::-1]
    n, d = at_risk.sum(axis=1), deaths.sum(axis=1)
    weight = np.ones(len(distinct))
    if rho:
        weight[1:] = np.asarray(np.cumprod(1.0 - d / n), dtype=float)[:-1] ** rho
    share = at_risk / n[:, None]
    observed = (weight[:, None] * deaths).sum(axis=0)
    expected = (weight[:, None] * d[:, None] * share).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(n > 1, weight**2 * d * (n - d) / (n - 1), 0.0)
    variance = np.diag((factor[:, None] * share).sum(axis=0)) - (factor[:, None] * share).T @ share
    gap = (observed - expected)[1:]
    moved: Array = np.asarray(np.linalg.lstsq(variance[1:, 1:], gap, rcond=None)[0], dtype=float)
    statistic = float(gap @ moved)
    df = count - 1
    return LogRank(statistic, df, float(special.chdtrc(df, statistic)), observed, expected)
