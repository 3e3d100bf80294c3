"""Draws of coefficients and covariance from their posterior, by data augmentation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim.trials.analysis.imputation.strategies import Patterns, completed
from ketasim.trials.analysis.mixed.likelihood import Optimum, solve
from ketasim.trials.analysis.mixed.statistics import Layout, Statistics

Array = NDArray[np.float64]

BURN_IN: Final = 200
THIN: Final = 3


def draws(
    layout: Layout,
    statistics: Statistics,
    optimum: Optimum,
    count: int,
    random: np.random.Generator,
) -> Iterator[tuple[Array, Array]]:
    """Draw coefficients (P,) and covariance (T, T) of a mixed model.

    Flat prior of the coefficients, Jeffreys' of the covariance. Each step draws the coefficients
    given the covariance from the observed outcomes alone, then what is missing, then the covariance
    from its inverse Wishart distribution. Steps start at the optimum of the restricted likelihood;
    the first `BURN_IN` are left out and of the others each `THIN`-th is taken.

    **Arguments:**

    - `layout`, `statistics`, `optimum`: of the fit. `count`: draws.
    """
    sigma = optimum.sigma
    size, visits = layout.seen.shape
    outcome = np.where(layout.seen, layout.grid[..., -1], np.nan)
    design = layout.grid[..., :-1]
    patterns = Patterns(layout.present, layout.pattern)
    zero = np.zeros((size, visits))
    below = np.tril_indices(visits, -1)
    df: Array = size - np.arange(visits, dtype=float)
    for step in range(BURN_IN + count * THIN):
        found = solve(statistics, sigma)
        assert found is not None  # the draw is positive definite
        normal = random.standard_normal(len(found.beta))
        beta = found.beta + np.linalg.cholesky(found.variance) @ normal
        if step >= BURN_IN and (step - BURN_IN) % THIN == THIN - 1:
            yield beta, sigma
        residual = outcome - np.where(layout.seen, design @ beta, 0.0)
        whole = completed(residual, zero, sigma, patterns, random.standard_normal((size, visits)))
        upper = np.linalg.cholesky(np.linalg.inv(whole.T @ whole))
        bartlett = np.diag(np.sqrt(random.chisquare(df)))
        bartlett[below] = random.standard_normal(len(below[0]))
        half = upper @ bartlett
        sigma = np.linalg.inv(half @ half.T)
        sigma = (sigma + sigma.T) / 2.0
