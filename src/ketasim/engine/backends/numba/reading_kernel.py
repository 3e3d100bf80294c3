"""Reading modes at times, compiled: the arithmetic of `ketasim.engine.linear.modal` in its order.

The text of this file is what is compiled and kept; it stands alone.
"""

# pyright: basic
from __future__ import annotations

import numpy as np
from numba import njit

WIDTH = 256  # columns read together; their modes stay in the processor's cache


@njit(nogil=True, error_model="numpy", inline="always")
def _feed(mode, work, powers, hours):
    """Add what a mode gets from those near to it, by powers of the hours."""
    last = powers[len(powers) - 1]
    for i in range(len(work)):
        work[i] = last[i]
    for k in range(len(powers) - 1, 0, -1):
        factor, power = hours / (k + 1), powers[k - 1]
        for i in range(len(work)):
            work[i] = work[i] * factor + power[i]
    for i in range(len(work)):
        mode[i] += work[i] * hours


@njit(nogil=True, error_model="numpy", cache=True)
def read_modes(
    start, fed, powers, grown, since, which, later, order, weights, seen, firsts, steady, stands,
    rising, rises, out, column,
):  # fmt: skip
    """Fill columns of `out`, shape (O, T, N), from `column` on.

    `start` (a, U, n), `powers` (K, R, U, n) of the modes `fed` (R,); `grown` (a, H, n); of each of
    the times the places `since`, `which` and `order` in U, H and T, and the hours `later`;
    `weights` (W, n) of the modes `seen` (W,), those of output o from `firsts[o]` on; `steady` and
    `rising` (O, F, n), or of no output where there is none, and of each of the times the places
    `stands` and `rises` in F.
    """
    modes = np.empty((start.shape[0], WIDTH))
    sums = np.empty(WIDTH)
    for left in range(0, start.shape[2], WIDTH):
        right = min(left + WIDTH, start.shape[2])
        total = sums[: right - left]
        for t in range(len(order)):
            u, h, hours = since[t], which[t], later[t]
            for j in range(len(modes)):
                mode, begins = modes[j], start[j, u, left:right]
                for i in range(len(total)):
                    mode[i] = begins[i]
            for r in range(len(fed)):
                _feed(modes[fed[r]], total, powers[:, r, u, left:right], hours)
            for j in range(len(modes)):
                mode, growth = modes[j], grown[j, h, left:right]
                for i in range(len(total)):
                    mode[i] *= growth[i]
            for o in range(len(firsts) - 1):
                for i in range(len(total)):
                    total[i] = 0.0
                w, last = firsts[o], firsts[o + 1]
                while w + 3 < last:  # in their order; four at once stay in registers
                    w0, m0 = weights[w, left:right], modes[seen[w]]
                    w1, m1 = weights[w + 1, left:right], modes[seen[w + 1]]
                    w2, m2 = weights[w + 2, left:right], modes[seen[w + 2]]
                    w3, m3 = weights[w + 3, left:right], modes[seen[w + 3]]
                    for i in range(len(total)):
                        two = (total[i] + m0[i] * w0[i]) + m1[i] * w1[i]
                        total[i] = (two + m2[i] * w2[i]) + m3[i] * w3[i]
                    w += 4
                while w < last:
                    weight, mode = weights[w, left:right], modes[seen[w]]
                    for i in range(len(total)):
                        total[i] += mode[i] * weight[i]
                    w += 1
                if len(steady):
                    fixed = steady[o, stands[t], left:right]
                    for i in range(len(total)):
                        total[i] += fixed[i]
                if len(rising):
                    fixed = rising[o, rises[t], left:right]
                    for i in range(len(total)):
                        total[i] += fixed[i] * hours
                row = out[o, order[t], column + left : column + right]
                for i in range(len(total)):
                    row[i] = 0.0 if total[i] < 0.0 else total[i]
