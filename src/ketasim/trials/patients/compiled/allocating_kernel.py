"""Patients of many replicates put into arms by permuted blocks within strata, compiled.

The text of this file is what is compiled and kept; it stands alone.
"""

# pyright: basic
from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, error_model="numpy", cache=True)
def allocate(chances, reached, block, sizes, starts, found):
    """Fill `found` (R, sum of sizes) with the strata of the patients of all arms.

    `chances` (R, N, 2) are random; `reached` (S,) is the part of the patients in a stratum or an
    earlier one; `block` (A,) patients of each arm in a block; `sizes` (A,) and `starts` (A,) are
    the patients of each arm and the place of the first. Who comes when the arm is full is put
    nowhere, and the arms that are not go on.
    """
    replicates, candidates, _ = chances.shape
    strata, arms = len(reached), len(sizes)
    whole = block.sum()
    left = np.empty((strata, arms), np.int64)
    for r in range(replicates):
        left[:] = 0
        full = np.zeros(arms, np.int64)
        missing = sizes.sum()
        for i in range(candidates):
            if missing == 0:
                break
            s = 0
            while s < strata - 1 and chances[r, i, 0] >= reached[s]:
                s += 1
            rest = left[s].sum()
            if rest == 0:
                left[s] = block
                rest = whole
            place = int(chances[r, i, 1] * rest)
            a = 0
            while place >= left[s, a]:
                place -= left[s, a]
                a += 1
            left[s, a] -= 1
            if full[a] < sizes[a]:
                found[r, starts[a] + full[a]] = s
                full[a] += 1
                missing -= 1
