"""Mixed models of many replicates: restricted likelihood and Kenward-Roger, compiled.

The text of this file is what is compiled and kept; it stands alone. Pattern g has the first g + 1
visits; elements of a covariance are those of its upper triangle, row by row; coefficient i of visit
t is number t Q + i.
"""

# pyright: basic
from __future__ import annotations

import numpy as np
from numba import njit

STEPS, HALVINGS = 60, 25
DONE = 1e-10  # Newton decrement, in units of -2 log likelihood


@njit(nogil=True, error_model="numpy")
def _inverse(matrix, size):
    """Inverse of the first rows and logarithm of its determinant, nan where not definite."""
    root, back, out = np.zeros((size, size)), np.zeros((size, size)), np.zeros((size, size))
    log = 0.0
    for i in range(size):
        for j in range(i):
            total = matrix[i, j]
            for k in range(j):
                total -= root[i, k] * root[j, k]
            root[i, j] = total / root[j, j]
        total = matrix[i, i]
        for k in range(i):
            total -= root[i, k] * root[i, k]
        if not total > 0.0:
            return out, np.nan
        root[i, i] = np.sqrt(total)
        log += np.log(total)
    for i in range(size):
        back[i, i] = 1.0 / root[i, i]
        for k in range(i):
            factor = root[i, k] / root[i, i]
            for j in range(k + 1):
                back[i, j] -= factor * back[k, j]
    for k in range(size):
        for i in range(k + 1):
            factor = back[k, i]
            for j in range(i + 1):
                out[i, j] += factor * back[k, j]
    for i in range(size):
        for j in range(i):
            out[j, i] = out[i, j]
    return out, log


@njit(nogil=True, error_model="numpy")
def _solved(sigma, counts, xx, xy, yy):
    """Deviance or nan, coefficients and their variance, weights, residual products."""
    patterns, width, visits = xy.shape
    size = visits * width
    weights = np.zeros((patterns, visits, visits))
    scatter = np.zeros((patterns, visits, visits))
    information, right, beta = np.zeros((size, size)), np.zeros(size), np.zeros(size)
    deviance = 0.0
    for g in range(patterns):
        inner, log = _inverse(sigma, g + 1)
        if np.isnan(log):
            return np.nan, beta, information, weights, scatter
        deviance += counts[g] * log
        for t in range(g + 1):
            for u in range(g + 1):
                w = inner[t, u]
                weights[g, t, u] = w
                for i in range(width):
                    right[t * width + i] += w * xy[g, i, u]
                    for j in range(width):
                        information[t * width + i, u * width + j] += w * xx[g, i, j]
    variance, log = _inverse(information, size)
    if np.isnan(log):
        return np.nan, beta, variance, weights, scatter
    deviance += log
    for a in range(size):
        total = 0.0
        for b in range(size):
            total += variance[a, b] * right[b]
        beta[a] = total
    moved = np.zeros((visits, width))
    for g in range(patterns):
        for t in range(g + 1):
            for i in range(width):
                total = 0.0
                for j in range(width):
                    total += xx[g, i, j] * beta[t * width + j]
                moved[t, i] = total
        for t in range(g + 1):
            for u in range(t + 1):
                total = yy[g, t, u]
                for i in range(width):
                    total -= beta[t * width + i] * (xy[g, i, u] - moved[u, i])
                    total -= beta[u * width + i] * xy[g, i, t]
                scatter[g, t, u] = total
                scatter[g, u, t] = total
                deviance += weights[g, t, u] * total * (1.0 if t == u else 2.0)
    return deviance, beta, variance, weights, scatter


@njit(nogil=True, error_model="numpy")
def _slopes(counts, xx, xy, beta, variance, weights, scatter, first, second):
    """Gradient of the deviance, and the observed information without its smallest term."""
    patterns, width, visits = xy.shape
    elements, size = len(first), visits * width
    gradient, hessian = np.zeros(elements), np.zeros((elements, elements))
    score = np.zeros((elements, size))
    slope = np.zeros((visits, visits))
    around, half = np.zeros((visits, visits)), np.zeros((visits, visits))
    bent = np.zeros((visits, visits))
    errors, weighed = np.zeros((visits, width)), np.zeros((visits, width))
    for g in range(patterns):
        if counts[g] == 0.0:
            continue
        w, p = weights[g], g + 1
        for t in range(p):
            for u in range(p):
                total = scatter[g, t, u]
                for i in range(width):
                    for j in range(width):
                        total += variance[t * width + i, u * width + j] * xx[g, i, j]
                around[t, u] = total
        for t in range(p):
            for u in range(p):
                total = 0.0
                for v in range(p):
                    total += w[t, v] * around[v, u]
                half[t, u] = total
        for t in range(p):
            for u in range(p):
                total = 0.0
                for v in range(p):
                    total += half[t, v] * w[v, u]
                slope[t, u] += counts[g] * w[t, u] - total
                bent[t, u] = 2.0 * total - counts[g] * w[t, u]
            for i in range(width):
                total = xy[g, i, t]
                for j in range(width):
                    total -= beta[t * width + j] * xx[g, j, i]
                errors[t, i] = total
        for t in range(p):
            for i in range(width):
                total = 0.0
                for u in range(p):
                    total += w[t, u] * errors[u, i]
                weighed[t, i] = total
        for k in range(elements):
            a, b = first[k], second[k]
            if b >= p:
                continue
            for m in range(k + 1):
                c, d = first[m], second[m]
                if d >= p:
                    continue
                total = w[b, c] * bent[a, d] + w[b, d] * bent[a, c]
                total += w[a, c] * bent[b, d] + w[a, d] * bent[b, c]
                hessian[k, m] += total
            for t in range(p):
                one, other = w[t, a], w[t, b]
                for i in range(width):
                    score[k, t * width + i] += one * weighed[b, i] + other * weighed[a, i]
    turned = np.zeros(size)
    for k in range(elements):
        own = 0.5 if first[k] == second[k] else 1.0
        gradient[k] = 2.0 * own * slope[first[k], second[k]]
        turned[:] = 0.0
        for a in range(size):
            factor = score[k, a]
            for b in range(size):
                turned[b] += factor * variance[a, b]
        for m in range(k + 1):
            total = 0.0
            for a in range(size):
                total += turned[a] * score[m, a]
            both = own * (0.5 if first[m] == second[m] else 1.0)
            hessian[k, m] = both * (hessian[k, m] - 2.0 * total)
            hessian[m, k] = hessian[k, m]
    return gradient, hessian


@njit(nogil=True, error_model="numpy")
def _direction(gradient, hessian, sigma, number, first, second):
    """A step downhill; where the parabola has no bottom, with the information of complete data."""
    elements = len(first)
    scale = np.empty(elements)
    for k in range(elements):
        scale[k] = np.sqrt(sigma[first[k], first[k]] * sigma[second[k], second[k]])
    scaled = np.empty((elements, elements))
    for k in range(elements):
        for m in range(elements):
            scaled[k, m] = hessian[k, m] * scale[k] * scale[m]
    inverse, log = _inverse(scaled, elements)
    if np.isnan(log):
        inner, _ = _inverse(sigma, len(sigma))
        for k in range(elements):
            a, b = first[k], second[k]
            for m in range(elements):
                c, d = first[m], second[m]
                total = inner[b, c] * inner[a, d] + inner[b, d] * inner[a, c]
                total += inner[a, c] * inner[b, d] + inner[a, d] * inner[b, c]
                own = (0.5 if a == b else 1.0) * (0.5 if c == d else 1.0)
                scaled[k, m] = own * total * number * scale[k] * scale[m]
        inverse, _ = _inverse(scaled, elements)
    step, decrement = np.zeros(elements), 0.0
    for k in range(elements):
        total = 0.0
        for m in range(elements):
            total -= inverse[k, m] * gradient[m] * scale[m]
        step[k] = total * scale[k]
        decrement -= gradient[k] * step[k]
    return step, decrement


@njit(nogil=True, error_model="numpy")
def _inferred(counts, xx, beta, variance, weights, hessian, first, second, pair, told):
    """Estimate, squared standard error, degrees of freedom, uncertainty; nan where they fail.

    `told` (K, P, P) is work space.
    """
    patterns, visits = len(counts), weights.shape[1]
    width = xx.shape[1]
    elements, size = len(first), visits * width
    told[:] = 0.0
    for g in range(patterns):
        if counts[g] == 0.0:
            continue
        w, p = weights[g], g + 1
        for k in range(elements):
            a, b = first[k], second[k]
            if b >= p:
                continue
            for t in range(p):
                for u in range(p):
                    factor = w[t, a] * w[b, u]
                    if a != b:
                        factor += w[t, b] * w[a, u]
                    for i in range(width):
                        for j in range(width):
                            told[k, t * width + i, u * width + j] += factor * xx[g, i, j]
    half = np.empty((elements, size, size))
    for k in range(elements):
        half[k] = np.dot(variance, told[k])
    scale = np.empty(elements)
    scaled = np.empty((elements, elements))
    for k in range(elements):
        for m in range(k + 1):
            total = 0.0
            for a in range(size):
                for b in range(size):
                    total += half[k, a, b] * half[m, b, a]
            scaled[k, m] = hessian[k, m] - total
            scaled[m, k] = scaled[k, m]
        scale[k] = np.sqrt(np.abs(scaled[k, k]))
    for k in range(elements):
        for m in range(elements):
            scaled[k, m] /= scale[k] * scale[m]
    uncertainty, log = _inverse(scaled, elements)
    if np.isnan(log):
        return np.nan, np.nan, np.nan, uncertainty
    for k in range(elements):
        for m in range(elements):
            uncertainty[k, m] *= 2.0 / (scale[k] * scale[m])
    last = (visits - 1) * width
    estimate = beta[last + pair[0]] - beta[last + pair[1]]
    moved = variance[:, last + pair[0]] - variance[:, last + pair[1]]
    spread_model = moved[last + pair[0]] - moved[last + pair[1]]
    each = np.empty((elements, size))
    turned = np.empty((elements, size))
    along = np.empty(elements)
    for k in range(elements):
        each[k] = np.dot(told[k], moved)
        turned[k] = np.dot(variance, each[k])
        along[k] = np.dot(each[k], moved)
    spread, taken = 0.0, 0.0
    for k in range(elements):
        for m in range(elements):
            spread += along[k] * uncertainty[k, m] * along[m]
            taken += uncertainty[k, m] * np.dot(each[k], turned[m])
    # what is added to the variance: w (Q - P Phi P) of all pairs of elements
    mixed = np.zeros((elements, visits, visits))
    for k in range(elements):
        for m in range(elements):
            mixed[k, first[m], second[m]] += uncertainty[k, m]
            if first[m] != second[m]:
                mixed[k, second[m], first[m]] += uncertainty[k, m]
    bent = 0.0
    middle = np.zeros((visits, visits))
    for g in range(patterns):
        if counts[g] == 0.0:
            continue
        w = weights[g]
        middle[:] = 0.0
        for k in range(elements):
            a, b = first[k], second[k]
            product = np.dot(mixed[k], w)
            for t in range(visits):
                middle[t, b] += product[t, a]
                if a != b:
                    middle[t, a] += product[t, b]
        total = np.dot(np.dot(w, middle), w)
        for t in range(g + 1):
            for u in range(g + 1):
                inner = 0.0
                for i in range(width):
                    for j in range(width):
                        inner += moved[t * width + i] * xx[g, i, j] * moved[u * width + j]
                bent += total[t, u] * inner
    square = spread_model + 2.0 * (bent - taken)
    return estimate, square, 2.0 * spread_model * spread_model / spread, uncertainty


@njit(nogil=True, error_model="numpy", cache=True)
def fit(counts, xx, xy, yy, pair, start, found, beta, variance, uncertainty):
    """Search the covariance of each replicate from `start` (R, T, T), which it becomes.

    `counts` (R, G), `xx` (R, G, Q, Q), `xy` (R, G, Q, T) and `yy` (R, G, T, T) as summed; fills
    `found` (R, 3) with estimate, standard error and degrees of freedom of the `pair` at the last
    visit, nan where the search does not settle, and the fits `beta` (R, P), `variance` (R, P, P)
    and `uncertainty` (R, K, K).
    """
    replicates, _, width, visits = xy.shape
    elements, size = visits * (visits + 1) // 2, visits * width
    first, second = np.empty(elements, np.int64), np.empty(elements, np.int64)
    place = 0
    for t in range(visits):
        for u in range(t, visits):
            first[place], second[place] = t, u
            place += 1
    told = np.empty((elements, size, size))
    tried = np.empty((visits, visits))
    for r in range(replicates):
        sigma = start[r]
        data = counts[r], xx[r], xy[r], yy[r]
        number = counts[r].sum()
        found[r] = np.nan
        deviance, b, v, weights, scatter = _solved(sigma, *data)
        settled = False
        gradient, hessian = np.zeros(elements), np.zeros((elements, elements))
        for _ in range(STEPS):
            if np.isnan(deviance):
                break
            gradient, hessian = _slopes(
                counts[r], xx[r], xy[r], b, v, weights, scatter, first, second
            )
            step, decrement = _direction(gradient, hessian, sigma, number, first, second)
            if decrement < DONE:
                settled = True
                break
            part, moved = 1.0, False
            for _ in range(HALVINGS):
                for k in range(elements):
                    value = sigma[first[k], second[k]] + part * step[k]
                    tried[first[k], second[k]] = value
                    tried[second[k], first[k]] = value
                there = _solved(tried, *data)
                bound = deviance - 1e-4 * part * decrement + 1e-11 * np.abs(deviance)
                if there[0] <= bound:
                    sigma[:] = tried
                    deviance, b, v, weights, scatter = there
                    moved = True
                    break
                part /= 2.0
            if not moved:
                break
        if not settled:
            continue
        estimate, square, df, told_of = _inferred(
            counts[r], xx[r], b, v, weights, hessian, first, second, pair, told
        )
        beta[r], variance[r], uncertainty[r] = b, v, told_of
        if square > 0.0 and df > 0.0:
            found[r, 0], found[r, 1], found[r, 2] = estimate, np.sqrt(square), df
