"""Sums over the patients of many replicates, compiled.

The text of this file is what is compiled and kept; it stands alone.
"""

# pyright: basic
from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, error_model="numpy", cache=True)
def add_up(covariates, change, response, sizes, products, events):
    """Fill `products` (L, R, T + 1, W, W) and `events` (L, R) for `sizes` (L,), ascending.

    W is 1 + C + T; `covariates` (R, N, C); `change` (R, N, T), not a number from a
    visit on; `response` (R, N).
    """
    replicates, _, visits = change.shape
    before = 1 + covariates.shape[2]
    row = np.empty(before + visits)
    row[0] = 1.0
    for r in range(replicates):
        start = 0
        for place in range(len(sizes)):
            if place:
                products[place, r] = products[place - 1, r]
                events[place, r] = events[place - 1, r]
            else:
                products[place, r] = 0.0
                events[place, r] = 0.0
            for i in range(start, sizes[place]):
                for one in range(1, before):
                    row[one] = covariates[r, i, one - 1]
                seen = 0
                while seen < visits and not np.isnan(change[r, i, seen]):
                    row[before + seen] = change[r, i, seen]
                    seen += 1
                total = products[place, r, seen]
                for one in range(before + seen):
                    for other in range(one + 1):
                        total[one, other] += row[one] * row[other]
                if response[r, i]:
                    events[place, r] += 1.0
            start = sizes[place]
        for place in range(len(sizes)):
            for seen in range(visits + 1):
                total = products[place, r, seen]
                for one in range(before + seen):
                    for other in range(one):
                        total[other, one] = total[one, other]
