"""Sums over the subjects of a missing pattern: all that a mixed model asks of the data."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Statistics(NamedTuple):
    """Sufficient statistics of a mixed model for repeated measures, by missing pattern.

    With G patterns, T visits, K = T (T + 1) / 2 pairs of visits (as `pairs` has them) and P
    columns of the design; the outcome is a column behind them.

    **Arguments:**

    - `present`: whether a pattern has a visit, shape (G, T).
    - `counts`: subjects of each pattern, shape (G,).
    - `products`: cross products of the columns, summed over subjects, shape (G, K, P + 1, P + 1):
      of a visit with itself, or of two visits with each other in both orders.
    """

    present: NDArray[np.bool_]
    counts: Array
    products: Array

    @property
    def visits(self) -> int:
        """How many visits there are."""
        return self.present.shape[1]

    @property
    def columns(self) -> int:
        """How many columns the design has, without the outcome."""
        return self.products.shape[-1] - 1

    @property
    def rows(self) -> int:
        """How many outcomes were observed."""
        return int(self.counts @ self.present.sum(axis=1))


class Layout(NamedTuple):
    """Rows put into a grid of subjects and visits.

    **Arguments:**

    - `grid`: design and outcome behind it, 0 where missing, shape (N, T, P + 1).
    - `seen`: whether the outcome was observed, shape (N, T).
    - `pattern`: number of each subject's missing pattern, shape (N,).
    - `present`: the patterns, shape (G, T).
    """

    grid: Array
    seen: NDArray[np.bool_]
    pattern: NDArray[np.intp]
    present: NDArray[np.bool_]


def pairs(visits: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First and second visit of each pair, first at most second, shape (K,) each."""
    return np.triu_indices(visits)


def lay_out(
    design: Array, outcome: Array, subject: NDArray[np.intp], visit: NDArray[np.intp], visits: int
) -> Layout:
    """Put rows into a grid of subjects and visits.

    **Arguments:**

    - `design`: shape (R, P). `outcome`: shape (R,).
    - `subject`: number of the subject of each row, from 0 and without gaps, shape (R,).
    - `visit`: number of its visit, shape (R,). `visits`: how many there are.
    """
    size = int(subject.max()) + 1
    grid = np.zeros((size, visits, design.shape[1] + 1))
    grid[subject, visit, :-1] = design
    grid[subject, visit, -1] = outcome
    seen = np.zeros((size, visits), dtype=bool)
    seen[subject, visit] = True
    present, pattern = np.unique(seen, axis=0, return_inverse=True)
    return Layout(grid, seen, pattern.reshape(-1), present)


def summed(layout: Layout) -> Statistics:
    """Sum a grid over the subjects of each pattern."""
    patterns, visits = layout.present.shape
    width = layout.grid.shape[2]
    first, second = pairs(visits)
    products = np.zeros((patterns, len(first), width, width))
    for number in range(patterns):
        there = np.flatnonzero(layout.present[number])
        mine = layout.grid[layout.pattern == number][:, there]
        flat = mine.reshape(len(mine), -1)
        whole = (flat.T @ flat).reshape(len(there), width, len(there), width).transpose(0, 2, 1, 3)
        both = whole + whole.transpose(1, 0, 2, 3)
        inside = np.isin(first, there) & np.isin(second, there)
        at = np.searchsorted(there, first[inside]), np.searchsorted(there, second[inside])
        products[number, inside] = both[at]
        products[number, inside & (first == second)] /= 2.0
    return Statistics(layout.present, np.bincount(layout.pattern).astype(np.float64), products)


def without(statistics: Statistics, layout: Layout, subject: int) -> Statistics:
    """The sums without one subject, for a jackknife.

    **Arguments:**

    - `statistics`: with all. `layout`: where they come from. `subject`: number of the one left out.
    """
    first, second = pairs(statistics.visits)
    mine = layout.grid[subject]
    products = mine[first][:, :, None] * mine[second][:, None, :]
    products = products + products.transpose(0, 2, 1)
    products[first == second] /= 2.0
    number = layout.pattern[subject]
    left = statistics.products.copy()
    left[number] -= products
    counts = statistics.counts.copy()
    counts[number] -= 1.0
    if counts[number] > 0.0:
        return Statistics(statistics.present, counts, left)
    kept = np.arange(len(counts)) != number
    return Statistics(statistics.present[kept], counts[kept], left[kept])
