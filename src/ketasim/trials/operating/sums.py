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

    - `products`: of 1, C covariates, the baseline first, and the T changes, 0 after a patient has
      left, shape (R, A, T + 1, 1 + C + T, 1 + C + T).
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
        return self.products.shape[2] - 1

    @property
    def covariates(self) -> int:
        """How many covariates there are, the baseline among them."""
        return self.products.shape[-1] - 1 - self.visits

    @property
    def estimable(self) -> NDArray[np.bool_]:
        """Whether those who are at the last visit differ in each covariate, shape (R, C)."""
        last = self.products[:, :, -1].sum(axis=1)
        count, inner = last[:, 0, 0], slice(1, 1 + self.covariates)
        total = last[:, 0, inner]
        squares = np.diagonal(last, axis1=1, axis2=2)[:, inner]
        return squares * count[:, None] - total**2 > 1e-9 * np.maximum(squares, 1.0)

    def of(self, replicates: NDArray[np.bool_], covariates: NDArray[np.bool_]) -> Sums:
        """Those of some replicates, with some of the covariates.

        **Arguments:**

        - `replicates`: shape (R,). `covariates`: shape (C,).
        """
        if replicates.all() and covariates.all():
            return self
        kept = np.concatenate([[True], covariates, np.ones(self.visits, np.bool_)])
        return Sums(self.products[replicates][..., kept, :][..., kept], self.events[replicates])


_add_up = Kernel(
    Path(__file__).parent / "compiled" / "summing_kernel.py",
    "add_up",
    "the sums of many replicates",
)


def arm_sums(
    covariates: Array, change: Array, response: NDArray[np.bool_], sizes: Sequence[int]
) -> tuple[Array, Array]:
    """Sums of one arm for several sizes of it, each of its first patients.

    **Arguments:**

    - `covariates`: the baseline less a constant first, shape (R, N, C).
    - `change`: not a number after a patient has left, shape (R, N, T). `response`: at the last
      visit, shape (R, N).
    - `sizes`: L numbers of patients, ascending, the last at most N.

    **Returns:** products, shape (L, R, T + 1, 1 + C + T, 1 + C + T), and responders, shape (L, R).
    """
    replicates, _, visits = change.shape
    width = 1 + covariates.shape[2] + visits
    products = np.empty((len(sizes), replicates, visits + 1, width, width))
    events = np.empty((len(sizes), replicates))
    _add_up(
        *(np.ascontiguousarray(one, np.float64) for one in (covariates, change)),
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
    """Cross products of a design with a mean for each arm and one slope of each covariate.

    **Returns:** for Q = A + C columns: of the design (R, T + 1, Q, Q), of the design with changes
    (R, T + 1, Q, T), and of the changes (R, T + 1, T, T).
    """
    products = sums.products
    replicates, arms, patterns = products.shape[:3]
    whole = products.sum(axis=1)
    slopes = slice(arms, arms + sums.covariates)
    own, changes = slice(1, 1 + sums.covariates), slice(1 + sums.covariates, None)
    xx = np.zeros((replicates, patterns, slopes.stop, slopes.stop))
    xy = np.empty((replicates, patterns, slopes.stop, sums.visits))
    for arm in range(arms):
        xx[:, :, arm, arm] = products[:, arm, :, 0, 0]
        xx[:, :, arm, slopes] = xx[:, :, slopes, arm] = products[:, arm, :, 0, own]
        xy[:, :, arm] = products[:, arm, :, 0, changes]
    xx[:, :, slopes, slopes] = whole[:, :, own, own]
    xy[:, :, slopes] = whole[:, :, own, changes]
    return xx, xy, whole[:, :, changes, changes]
