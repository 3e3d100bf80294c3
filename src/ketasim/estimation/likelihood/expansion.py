"""Predictions of every observation with their first and second derivatives by differences.

A direction is a number of a subject on its own scale: the logarithm of a parameter, or the
parameter itself. The engine solves linear models without a tolerance, so that differences of its
predictions are smooth; all points of a stencil are solved together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
Predict = Callable[[Array], Array]
"""From directions of every subject, shape (B, S, P), to predictions, shape (B, N)."""

_NEAR: Final = 1e-4  # step of first derivatives: errors of 1e-9, of truncation and of rounding
_FAR: Final = 1e-3  # of second ones: 1e-7
_FARTHER: Final = 1e-2  # of third ones, taken of the second: 1e-4


@dataclass(frozen=True)
class Expansion:
    """Predictions around a place.

    **Arguments:**

    - `f`: shape (N,). `j`: first derivatives, shape (N, P). `d2`: second ones, shape (N, P, P).
    - `d3`: change of second derivatives by q of the directions along every one, shape
      (N, q, q, P), the last that direction; nothing where it was not asked for.
    """

    f: Array
    j: Array
    d2: Array
    d3: Array | None = None


def expand(predict: Predict, at: Array, *, third: Integers | None = None) -> Expansion:
    """Predict with derivatives.

    **Arguments:**

    - `predict`: predictions of several sets of directions at once.
    - `at`: the directions of every subject, shape (S, P).
    - `third`: the q directions whose second derivatives are followed along all others.

    **Raises:** `InputError` as `predict`.
    """
    p = at.shape[1]
    stencil = _FAR * _stencil(p)
    both_ways = np.concatenate([np.eye(p), -np.eye(p)])
    shifts = np.concatenate([stencil, _NEAR * both_ways])
    count = len(stencil)
    if third is not None:
        own = np.zeros((1 + len(third) * (len(third) + 1), p))
        own[:, third] = _FAR * _stencil(len(third))
        further = (_FARTHER * both_ways)[:, None] + own
        shifts = np.concatenate([shifts, further.reshape(-1, p)])
    values = predict(at + shifts[:, None, :])
    up, down = values[count : count + p], values[count + p : count + 2 * p]
    d3 = None
    if third is not None:
        q = len(third)
        d3 = np.zeros((values.shape[1], q, q, p))
        rest = values[count + 2 * p :].reshape(2, p, 1 + q * (q + 1), -1)
        for k in range(p):
            d3[..., k] = (_second(rest[0, k], q) - _second(rest[1, k], q)) / (2.0 * _FARTHER)
    j = ((up - down) / (2.0 * _NEAR)).T
    return Expansion(values[0], j, _second(values[:count], p), d3)


def _stencil(p: int) -> Array:
    """The place itself, a step each way along each direction, and along each pair."""
    rows = [np.zeros((1, p)), np.eye(p), -np.eye(p)]
    pairs = list(combinations(range(p), 2))
    for sign in (1.0, -1.0):
        both = np.zeros((len(pairs), p))
        for number, (i, j) in enumerate(pairs):
            both[number, [i, j]] = sign
        rows.append(both)
    return np.concatenate(rows)


def _second(values: Array, p: int) -> Array:
    """Second derivatives of the values at a stencil, shape (N, p, p)."""
    middle, up, down = values[0], values[1 : 1 + p], values[1 + p : 1 + 2 * p]
    found = np.zeros((values.shape[1], p, p))
    curved = up + down - 2.0 * middle
    for i in range(p):
        found[:, i, i] = curved[i]
    pairs = list(combinations(range(p), 2))
    plus = values[1 + 2 * p : 1 + 2 * p + len(pairs)]
    minus = values[1 + 2 * p + len(pairs) :]
    for number, (i, j) in enumerate(pairs):
        mixed = plus[number] + minus[number] - 2.0 * middle - curved[i] - curved[j]
        found[:, i, j] = found[:, j, i] = mixed / 2.0
    return found / _FAR**2
