"""Sums over the patients of an arm, by last visit: all that the analyses of a replicate ask for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ketasim.engine.backends.numba.kernel import Kernel

Array = NDArray[np.float64]


class Sums(NamedTuple):
    """Cross products of patients in R replicates and A arms, by how many of T visits they were at.

    Patients who leave do not come back, so that there are T + 1 patterns, from no visit to all.

    **Arguments:**

    - `products`: of 1, the baseline and the T changes, 0 after a patient has left, shape
      (R, A, T + 1, T + 2, T + 2).
    - `events`: responders at the last visit, those who left counted as none, shape (R, A).
    """

    products: Array
    events: Array

    @property
    def counts(self) -> Array:
        """Patients of each arm and pattern, shape (R, A, T + 1)."""
        return self.products[..., 0, 0]

    @property
    def visits(self) -> int:
        """How many visits there are."""
        return self.products.shape[-1] - 2


_add_up = Kernel(
    Path(__file__).parent / "compiled" / "summing_kernel.py",
    "add_up",
    "the sums of many replicates",
)


def arm_sums(
    baseline: Array, change: Array, response: NDArray[np.bool_], sizes: Sequence[int]
) -> tuple[Array, Array]:
    """Sums of one arm for several sizes of it, each of its first patients.

    **Arguments:**

    - `baseline`: less a constant, shape (R, N). `change`: not a number after a patient has left,
      shape (R, N, T). `response`: at the last visit, shape (R, N).
    - `sizes`: L numbers of patients, ascending, the last at most N.

    **Returns:** products, shape (L, R, T + 1, T + 2, T + 2), and responders, shape (L, R).
    """
    replicates, _, visits = change.shape
    products = np.empty((len(sizes), replicates, visits + 1, visits + 2, visits + 2))
    events = np.empty((len(sizes), replicates))
    _add_up(
        *(np.ascontiguousarray(one, np.float64) for one in (baseline, change)),
        *(np.ascontiguousarray(response), np.array(sizes, np.int64), products, events),
    )
    return products, events


def together(arms: Sequence[tuple[Array, Array]], place: int) -> Sums:
    """The arms of one size side by side.

    **Arguments:**

    - `arms`: of each what `arm_sums` returned. `place`: of the size among the sizes.
    """
    return Sums(
        np.stack([products[place] for products, _ in arms], axis=1),
        np.stack([events[place] for _, events in arms], axis=1),
    )


def regressors(sums: Sums) -> tuple[Array, Array, Array]:
    """Cross products of a design with a mean for each arm and one slope of the baseline.

    **Returns:** for Q = A + 1 columns: of the design (R, T + 1, Q, Q), of the design with changes
    (R, T + 1, Q, T), and of the changes (R, T + 1, T, T).
    """
    products = sums.products
    replicates, arms, patterns = products.shape[:3]
    whole = products.sum(axis=1)
    xx = np.zeros((replicates, patterns, arms + 1, arms + 1))
    xy = np.empty((replicates, patterns, arms + 1, sums.visits))
    for arm in range(arms):
        xx[:, :, arm, arm] = products[:, arm, :, 0, 0]
        xx[:, :, arm, arms] = xx[:, :, arms, arm] = products[:, arm, :, 0, 1]
        xy[:, :, arm] = products[:, arm, :, 0, 2:]
    xx[:, :, arms, arms] = whole[:, :, 1, 1]
    xy[:, :, arms] = whole[:, :, 1, 2:]
    return xx, xy, whole[:, :, 2:, 2:]
