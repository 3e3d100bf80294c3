"""Outcomes imputed at the last visit, and the jackknife of what is made of them, compiled.

The text of this file is what is compiled and kept; it stands alone.
"""

# pyright: basic
from __future__ import annotations

import numpy as np
from numba import njit


@njit(nogil=True, error_model="numpy")
def _inverse(matrix, size, out):
    """Inverse of the first rows and columns of a matrix that is positive definite."""
    root = np.zeros((size, size))
    for i in range(size):
        for j in range(i + 1):
            total = matrix[i, j]
            for k in range(j):
                total -= root[i, k] * root[j, k]
            if i == j:
                root[i, i] = np.sqrt(total)
            else:
                root[i, j] = total / root[j, j]
    back = np.zeros((size, size))  # inverse of the root
    for i in range(size):
        back[i, i] = 1.0 / root[i, i]
        for j in range(i):
            total = 0.0
            for k in range(j, i):
                total -= root[i, k] * back[k, j]
            back[i, j] = total / root[i, i]
    for i in range(size):
        for j in range(size):
            total = 0.0
            for k in range(max(i, j), size):
                total += back[k, i] * back[k, j]
            out[i, j] = total


@njit(nogil=True, error_model="numpy")
def _line(coefficients, at, row):
    """Sum of the coefficients of a patient, each times its regressor."""
    total = 0.0
    for m in range(len(at)):
        total += coefficients[at[m]] * row[m]
    return total


@njit(nogil=True, error_model="numpy", cache=True)
def impute(
    covariates, change, arm, sizes, beta, variance, sigma, uncertainty, pair, delta, found, spread
):  # fmt: skip
    """Estimate and jackknife variance of J2R, CR, CIR and delta, `found` and `spread` (R, 4).

    `covariates` (R, N, C); `change` (R, N, T), not a number from a visit on; the patients of arm a
    come one after the other, `arm` (N,), `sizes` (A,); `beta` (R, T, Q) of arms and covariates,
    `variance` (R, T, Q, T, Q) of it, `sigma` (R, T, T), `uncertainty` (R, K, K) of its elements;
    `pair` the arms compared, the second the reference; `delta` points.
    """
    replicates, patients, visits = change.shape
    arms, active = len(sizes), 1 + covariates.shape[2]
    width, last, elements = arms + active - 1, visits - 1, visits * (visits + 1) // 2
    at, row = np.empty(active, np.int64), np.empty(active)  # regressors of a patient
    at[1:], row[0] = arms + np.arange(active - 1), 1.0
    first, reference = pair[0], pair[1]
    seen = np.empty(patients, np.int64)
    left = np.empty((patients, 4))
    inverses = np.zeros((visits + 1, visits, visits))
    slope = np.zeros((visits + 1, visits))
    shift = np.zeros((4, arms, visits + 1))
    toward = np.zeros((4, visits, width))  # derivatives by the coefficients
    moved = np.zeros((4, visits, width))
    missed = np.zeros((4, visits + 1, visits))
    bent = np.zeros((4, elements))  # derivatives by the elements of the covariance
    turned = np.zeros((4, elements))
    squares = np.zeros((width, width))
    products = np.zeros((4, width))
    gamma = np.zeros((4, width))
    rest = np.zeros(visits)
    around, back = np.zeros((visits, visits)), np.zeros((visits, visits))
    small = np.zeros((visits, visits))
    weighed, slopes = np.zeros(visits), np.zeros(elements)
    completed = np.zeros((patients, 4))
    for r in range(replicates):
        b, s = beta[r], sigma[r]
        if not np.isfinite(s[0, 0]):
            for k in range(4):
                found[r, k] = spread[r, k] = np.nan
            continue
        for p in range(1, visits + 1):
            _inverse(s, p, small)
            for i in range(p):
                for j in range(p):
                    inverses[p, i, j] = small[i, j]
            for j in range(p):
                total = 0.0
                for i in range(p):
                    total += s[last, i] * small[i, j]
                slope[p, j] = total
        # what a strategy adds to what is imputed at random, by arm and visits seen
        for a in range(arms):
            apart = b[last, a] - b[last, reference]
            for p in range(visits):
                shift[0, a, p] = -apart
                shift[1, a, p] = -apart
                for t in range(p):
                    shift[1, a, p] += slope[p, t] * (b[t, a] - b[t, reference])
                shift[2, a, p] = -apart
                if p > 0:
                    shift[2, a, p] += b[p - 1, a] - b[p - 1, reference]
                shift[3, a, p] = delta if a != reference else 0.0
        squares[:] = 0.0
        products[:] = 0.0
        for i in range(patients):
            a = at[0] = arm[i]
            row[1:] = covariates[r, i]
            p = 0
            while p < visits and not np.isnan(change[r, i, p]):
                p += 1
            seen[i] = p
            if p == visits:
                value = change[r, i, last]
            else:
                value = _line(b[last], at, row)
                for t in range(p):
                    value += slope[p, t] * (change[r, i, t] - _line(b[t], at, row))
            for m in range(active):
                for j in range(active):
                    squares[at[m], at[j]] += row[m] * row[j]
            for k in range(4):
                whole = value if p == visits else value + shift[k, a, p]
                completed[i, k] = whole
                for m in range(active):
                    products[k, at[m]] += whole * row[m]
        inverse = np.linalg.inv(squares)
        for k in range(4):
            for i in range(width):
                total = 0.0
                for j in range(width):
                    total += inverse[i, j] * products[k, j]
                gamma[k, i] = total
            found[r, k] = gamma[k, first] - gamma[k, reference]
        toward[:] = 0.0
        missed[:] = 0.0
        for i in range(patients):
            p = seen[i]
            if p == visits:
                continue
            a = at[0] = arm[i]
            row[1:] = covariates[r, i]
            weight = _line(inverse[first], at, row) - _line(inverse[reference], at, row)
            for k in range(4):
                for m in range(active):
                    toward[k, last, at[m]] += weight * row[m]
                for t in range(p):
                    for m in range(active):
                        toward[k, t, at[m]] -= weight * slope[p, t] * row[m]
                    off = change[r, i, t] - _line(b[t], at, row)
                    if k == 1:
                        off += b[t, a] - b[t, reference]
                    missed[k, p, t] += weight * off
                if k < 3:
                    toward[k, last, a] -= weight
                    toward[k, last, reference] += weight
                if k == 1:
                    for t in range(p):
                        toward[k, t, a] += weight * slope[p, t]
                        toward[k, t, reference] -= weight * slope[p, t]
                if k == 2 and p > 0:
                    toward[k, p - 1, a] += weight
                    toward[k, p - 1, reference] -= weight
        for k in range(4):
            for t in range(visits):
                for i in range(width):
                    total = 0.0
                    for u in range(visits):
                        for j in range(width):
                            total += variance[r, t, i, u, j] * toward[k, u, j]
                    moved[k, t, i] = total
            bent[k] = 0.0
            for p in range(1, visits):
                for t in range(p):
                    total = 0.0
                    for u in range(p):
                        total += inverses[p, t, u] * missed[k, p, u]
                    weighed[t] = total
                place = 0
                for i in range(visits):
                    for j in range(i, visits):
                        if j == last and i < p:
                            bent[k, place] += weighed[i]
                        elif j < p:
                            bent[k, place] -= slope[p, i] * weighed[j]
                            if i != j:
                                bent[k, place] -= slope[p, j] * weighed[i]
                        place += 1
            for i in range(elements):
                total = 0.0
                for j in range(elements):
                    total += uncertainty[r, i, j] * bent[k, j]
                # half of it is the inverse of the curvature of the deviance
                turned[k, i] = 0.5 * total * patients / (patients - 1.0)
        v = variance[r]
        mean = np.zeros(4)
        for i in range(patients):
            at[0], p = arm[i], seen[i]
            row[1:] = covariates[r, i]
            lever = 0.0
            for m in range(active):
                lever += row[m] * _line(inverse[at[m]], at, row)
            weight = _line(inverse[first], at, row) - _line(inverse[reference], at, row)
            for t in range(p):
                rest[t] = change[r, i, t] - _line(b[t], at, row)
                for u in range(t + 1):
                    own = 0.0
                    for m in range(active):
                        own += row[m] * _line(v[t, at[m], u], at, row)
                    around[t, u] = s[t, u] - own
                    around[u, t] = around[t, u]
            if p > 0:
                _inverse(around, p, back)
                for t in range(p):
                    total = 0.0
                    for u in range(p):
                        total += back[t, u] * rest[u]
                    weighed[t] = total
                # how the deviance of the others rises with each element of the covariance
                place = 0
                for t in range(visits):
                    for u in range(t, visits):
                        slopes[place] = 0.0
                        if u < p:
                            one = inverses[p, t, u] - (1.0 - lever) * weighed[t] * weighed[u]
                            slopes[place] = one if t == u else 2.0 * one
                        place += 1
            for k in range(4):
                value = found[r, k]
                if p > 0:
                    for t in range(p):
                        value -= _line(moved[k, t], at, row) * weighed[t]
                    for j in range(elements):
                        value += turned[k, j] * slopes[j]
                off = completed[i, k] - _line(gamma[k], at, row)
                value -= weight * off / (1.0 - lever)
                left[i, k] = value
                mean[k] += value / patients
        for k in range(4):
            total = 0.0
            for i in range(patients):
                total += (left[i, k] - mean[k]) ** 2
            spread[r, k] = total * (patients - 1.0) / patients
