"""Statistics over patients, as the tables give them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

GROUP: Final = 10_000
"""Patients of whom statistics are taken at once. More are told by groups of about as many, whose
statistics are pooled: a group needs no other, wherever it is simulated."""

_TOGETHER = 100_000  # numbers taken together; they stay in the processor's cache
QUANTILES = {"p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}


def groups(patients: int) -> list[slice]:
    """Patients one after another in as few groups of `GROUP` at most as there can be, alike large.

    **Arguments:**

    - `patients`: how many.
    """
    many = max(-(-patients // GROUP), 1)
    ends = [patients * place // many for place in range(many + 1)]
    return [slice(first, last) for first, last in pairwise(ends)]


def statistics(table: Array, typical: bool) -> dict[str, Array]:
    """Mean, standard deviation and quantiles over patients.

    **Arguments:**

    - `table`: shape (rows, n).
    - `typical`: there is one patient, the typical one: only the mean.

    **Returns:** column name to values, each of shape (rows,). Those of more patients than `GROUP`
    are pooled; see `pooled`.
    """
    if typical:
        return {"mean": table[:, 0].astype(np.float64)}
    parts = groups(table.shape[1])
    return pooled([_together(table[:, part]) for part in parts], counts(parts))


def counts(parts: Sequence[slice]) -> list[int]:
    """How many patients there are in groups."""
    return [part.stop - part.start for part in parts]


def pooled(parts: Sequence[Mapping[str, Array]], count: Sequence[int]) -> dict[str, Array]:
    """Statistics of several groups together.

    The mean and the standard deviation are those of all patients. A quantile is the mean of those
    of the groups, which differs from that of all patients by less than the standard error of
    either: with groups of 10,000 by 0.002 SD at most of a million normal numbers.

    **Arguments:**

    - `parts`: of each group, by column, `mean` and `sd` among them. `count`: its patients.
    """
    if len(parts) == 1:
        return dict(parts[0])
    found = {name: weighted([part[name] for part in parts], count) for name in parts[0]}
    means = [part["mean"] for part in parts]
    variance = pooled_variance([part["sd"] ** 2 for part in parts], means, count)
    return found | {"sd": np.sqrt(variance)}


def weighted(values: Sequence[Array], count: Sequence[int]) -> Array:
    """Mean of what groups have, each as often as it has patients.

    **Arguments:**

    - `values`: of each group, of one shape. `count`: its patients.
    """
    if len(values) == 1:
        return values[0]
    total = np.zeros(values[0].shape)
    for one, many in zip(values, count, strict=True):
        total += many * one
    return total / sum(count)


def pooled_variance(
    variances: Sequence[Array], means: Sequence[Array], count: Sequence[int]
) -> Array:
    """Variance over the patients of several groups.

    **Arguments:**

    - `variances`, `means`: of each group, of one shape. `count`: its patients.
    """
    if len(variances) == 1:
        return variances[0]
    centre = weighted(means, count)
    total = np.zeros(centre.shape)
    for variance, mean, many in zip(variances, means, count, strict=True):
        total += (many - 1) * variance + many * (mean - centre) ** 2
    return total / (sum(count) - 1)


def _together(table: Array) -> dict[str, Array]:
    rows, n = table.shape
    found = np.full((2 + len(QUANTILES), rows), np.nan)
    size = max(_TOGETHER // max(n, 1), 1)
    for first in range(0, rows, size):
        part, put = table[first : first + size], found[:, first : first + size]
        mean = part.mean(axis=1, dtype=np.float64, keepdims=True)
        put[0] = mean[:, 0]
        if n > 1:  # of one patient there is no spread
            put[1] = part.std(axis=1, ddof=1, dtype=np.float64, mean=mean)
        put[2:] = _quantiles(part)
    return dict(zip(("mean", "sd", *QUANTILES), found, strict=True))


def _quantiles(table: Array) -> Array:
    """The quantiles of every row, linear between patients, shape (Q, rows).

    To the last bit what `numpy.quantile` gives, which places each quantile by itself; one sort is
    a quarter of that work.
    """
    ordered: Array = np.sort(table, axis=1).astype(np.float64, copy=False)
    n = ordered.shape[1]
    place = np.array([*QUANTILES.values()]) * (n - 1)
    low = np.floor(place).astype(np.int64)
    part: Array = place - low
    below: Array = ordered[:, low]
    above: Array = ordered[:, np.minimum(low + 1, n - 1)]
    gap = above - below
    found: Array = np.where(part < 0.5, below + gap * part, above - gap * (1.0 - part))
    # what is not a number comes last in the order, and makes its row none
    return np.where(np.isnan(ordered[:, -1:]), np.nan, found).T
