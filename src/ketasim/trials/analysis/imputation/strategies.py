"""What a subject's outcomes would have been after they end: means of the strategies, conditioning.

Carpenter, Roger and Kenward, Journal of Biopharmaceutical Statistics 23 (2013) 1352-1371.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ketasim.trials.analysis.imputation.grid import Grid

Array = NDArray[np.float64]

STRATEGIES: Final = {
    "mar": "missing at random: as others of the arm who stayed (hypothetical estimand)",
    "j2r": "jump to reference: after the end as in the reference arm",
    "cr": "copy reference: as in the reference arm all along",
    "cir": "copy increments in reference: the difference to the reference is kept, changes are its",
    "lmcf": "last mean carried forward: the mean of the arm stays as it was at the end",
}
"""Strategy to what it assumes of the outcomes after a subject's own end."""


def means(grid: Grid, beta: Array, strategy: str) -> Array:
    """Means of every outcome under a strategy, shape (N, T).

    Outcomes that are missing before the end are at random whatever the strategy.

    **Arguments:**

    - `beta`: coefficients of the mixed model, shape (P,). `strategy`: of `STRATEGIES`.
    """
    own = grid.design @ beta
    if strategy == "mar":
        return own
    other = grid.as_reference @ beta
    if strategy == "cr":
        return np.where(grid.after[:, -1:], other, own)
    if strategy == "j2r":
        return np.where(grid.after, other, own)
    last = np.maximum((~grid.after).sum(axis=1) - 1, 0)
    every = np.arange(len(own))
    never = grid.after[:, 0][:, None]  # nothing was seen after the start
    if strategy == "lmcf":
        return np.where(grid.after & ~never, own[every, last][:, None], own)
    shift = np.where(never, 0.0, (own - other)[every, last][:, None])
    return np.where(grid.after, other + shift, own)


class Patterns(NamedTuple):
    """Which outcomes are there.

    **Arguments:**

    - `present`: of each pattern, shape (G, T). `number`: of each subject's pattern, shape (N,).
    """

    present: NDArray[np.bool_]
    number: NDArray[np.intp]


def patterns_of(there: NDArray[np.bool_]) -> Patterns:
    """The patterns of what is there, shape (N, T)."""
    present, number = np.unique(there, axis=0, return_inverse=True)
    return Patterns(present, number.reshape(-1))


def completed(
    outcome: Array, mean: Array, sigma: Array, patterns: Patterns, noise: Array | None = None
) -> Array:
    """Outcomes with the missing ones put in: their conditional mean, or a draw around it.

    **Main arguments:**

    - `outcome`: NaN where missing, shape (N, T). `mean`: shape (N, T). `sigma`: shape (T, T).
    - `patterns`: of `outcome`.

    **Other arguments:**

    - `noise`: standard normals for a draw, shape (N, T).
    """
    present, number = patterns
    both = present[:, :, None] & present[:, None, :]
    visit = np.arange(len(sigma))
    filled = np.where(both, sigma, 0.0)
    filled[:, visit, visit] += ~present
    slope = sigma @ (np.linalg.inv(filled) * both)
    there = present[number]
    known = np.where(there, outcome - mean, 0.0)
    put = mean + np.einsum("nst,nt->ns", slope[number], known)
    if noise is not None:
        spread = sigma - slope @ sigma
        lost = ~present[:, :, None] & ~present[:, None, :]
        spread = np.where(lost, (spread + spread.transpose(0, 2, 1)) / 2.0, 0.0)
        spread[:, visit, visit] += present
        put += np.einsum("nst,nt->ns", np.linalg.cholesky(spread)[number], noise)
    return np.where(there, outcome, put)
