"""Between-subject variability as a covariance matrix, and its unconstrained numbers.

Effects that are correlated form a block. Each block is L L', and the numbers behind it are the
logarithms of the diagonal of L and what is below it, so that any of them gives a covariance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Spread:
    """The effects of subjects, q of them.

    **Arguments:**

    - `names`: of the effects. `blocks`: their places, those in one block correlated.
    """

    names: tuple[str, ...]
    blocks: tuple[tuple[int, ...], ...]

    @property
    def places(self) -> list[tuple[int, int]]:
        """Row and column of L behind each unconstrained number."""
        return [(b[i], b[j]) for b in self.blocks for i in range(len(b)) for j in range(i + 1)]

    def numbers(self, covariance: Array) -> Array:
        """The unconstrained numbers of a covariance, shape (q, q)."""
        found: list[float] = []
        for block in self.blocks:
            lower = np.linalg.cholesky(covariance[np.ix_(block, block)])
            for i in range(len(block)):
                found += [float(v) for v in lower[i, :i]] + [float(np.log(lower[i, i]))]
        return np.array(found)

    def lower(self, numbers: Array) -> Array:
        """L of some numbers, shape (q, q)."""
        found = np.zeros((len(self.names), len(self.names)))
        for (row, column), value in zip(self.places, numbers, strict=True):
            found[row, column] = np.exp(value) if row == column else value
        return found

    def covariance(self, numbers: Array) -> Array:
        """The covariance of some numbers, shape (q, q)."""
        lower = self.lower(numbers)
        return lower @ lower.T

    def slopes(self, numbers: Array) -> Array:
        """Derivative of the covariance by each number, shape (K, q, q)."""
        lower = self.lower(numbers)
        found = np.zeros((len(self.places), *lower.shape))
        for k, (row, column) in enumerate(self.places):
            change = np.zeros_like(lower)
            change[row, column] = lower[row, row] if row == column else 1.0
            part = change @ lower.T
            found[k] = part + part.T
        return found

    def described(self, covariance: Array) -> dict[str, float]:
        """Standard deviations by name, and correlations within blocks by both names."""
        sds = np.sqrt(np.diag(covariance))
        found = {name: float(sd) for name, sd in zip(self.names, sds, strict=True)}
        for row, column in self.places:
            if row != column:
                value = covariance[row, column] / (sds[row] * sds[column])
                found[f"{self.names[column]},{self.names[row]}"] = float(value)
        return found


def blocks_of(
    names: Sequence[str], pairs: Sequence[tuple[str, str]]
) -> tuple[tuple[int, ...], ...]:
    """Group effects that pairs connect, directly or through others.

    **Arguments:**

    - `names`: of the effects. `pairs`: of those that are correlated.
    """
    group = {name: {i} for i, name in enumerate(names)}
    for one, other in pairs:
        both = group[one] | group[other]
        for i in both:
            group[names[i]] = both
    return tuple(tuple(sorted(own)) for i, name in enumerate(names) if min(own := group[name]) == i)
