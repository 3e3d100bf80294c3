"""Exposure read off a concentration curve: the peak between the times, the last half-life."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

_SAME = 1e-9  # h; a time this close to a break is that break


def peak(
    times: ArrayLike, values: ArrayLike, *, breaks: Sequence[float] = ()
) -> tuple[Array, Array]:
    """Height and time of the highest point, refined between the times of the grid.

    A parabola through the highest value and its two neighbours gives the top: third-order accurate
    where the curve is smooth. At the ends of the grid and at `breaks` the grid's own value stands.

    **Main arguments:**

    - `times`: h, strictly ascending, shape (T,).
    - `values`: concentrations, shape (T, n).

    **Other arguments:**

    - `breaks`: h; times where the curve has a jump or a corner, such as the end of an infusion.
      They should be on the grid.

    **Returns:** the peak, in the unit of `values`, and its time, h, each of shape (n,).

    **Raises:** `ValueError` when there is no time or the shapes do not agree.
    """
    grid, curves = _checked(times, values)
    if len(grid) == 0:
        raise ValueError("a peak needs at least one time")
    patient = np.arange(curves.shape[1], dtype=np.intp)
    top = curves.argmax(axis=0)
    height, when = curves[top, patient].copy(), grid[top].copy()
    corner = np.zeros(len(grid), dtype=bool)
    for time in breaks:
        corner |= np.abs(grid - time) <= _SAME
    inside = (top > 0) & (top < len(grid) - 1) & ~corner[top]
    if not inside.any():
        return height, when
    patient, top = patient[inside], top[inside]
    before, after = grid[top - 1] - grid[top], grid[top + 1] - grid[top]
    fall_before = curves[top - 1, patient] - curves[top, patient]
    fall_after = curves[top + 1, patient] - curves[top, patient]
    # value = top + slope * x + bend * x^2 with x the time from the highest grid point
    bend = (fall_after / after - fall_before / before) / (after - before)
    slope = fall_before / before - bend * before
    shift = np.divide(-slope, 2 * bend, out=np.zeros_like(slope), where=bend < 0)
    shift = np.clip(shift, before, after)
    height[inside] += slope * shift + bend * shift**2
    when[inside] += shift
    return height, when


def terminal_half_life(times: ArrayLike, values: ArrayLike, *, points: int = 3) -> Array:
    """Half-life of the last part of a curve, by least squares on the logarithm.

    **Main arguments:**

    - `times`: h, strictly ascending, shape (T,).
    - `values`: concentrations, shape (T, n).

    **Other arguments:**

    - `points`: how many of the last times are used, at least two.

    **Returns:** h, shape (n,); not a number where the curve does not fall or is not positive there.

    **Raises:** `ValueError` when there are too few times or the shapes do not agree.
    """
    grid, curves = _checked(times, values)
    if points < 2 or len(grid) < points:
        raise ValueError(f"a half-life needs at least two times, and {points} are asked for")
    late, tail = grid[-points:] - grid[-points:].mean(), curves[-points:]
    positive = (tail > 0).all(axis=0)
    logs = np.log(np.where(positive, tail, 1.0))
    slope = (late[:, None] * logs).sum(axis=0) / (late**2).sum()
    falling = positive & (slope < 0)
    return np.where(falling, np.log(2.0) / np.where(falling, -slope, 1.0), np.nan)


def _checked(times: ArrayLike, values: ArrayLike) -> tuple[Array, Array]:
    grid, curves = np.asarray(times, np.float64), np.asarray(values, np.float64)
    if grid.ndim != 1 or curves.ndim != 2 or len(grid) != len(curves):
        raise ValueError(f"times {grid.shape} and values {curves.shape} should be (T,) and (T, n)")
    if np.any(np.diff(grid) <= 0):
        raise ValueError("times are not strictly ascending")
    return grid, curves
