"""Curves as paths: cut at the frame, thinned to what pixels show, written to hundredths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom, in pixels."""

_PER_PIXEL: Final = 2  # points of a curve for each pixel that pass without thinning


def runs(*columns: ArrayLike) -> list[Array]:
    """Stretches without a gap, each of shape (n, columns).

    **Arguments:**

    - `columns`: numbers of one length; where one of them is no number, there is a gap.
    """
    table = np.column_stack([np.asarray(column, dtype=np.float64) for column in columns])
    there = np.isfinite(table).all(axis=1)
    if there.all():
        return [table] if len(table) else []
    edges = np.flatnonzero(np.diff(np.concatenate([[False], there, [False]]).astype(np.int8)))
    return [table[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True)]


def thinned(points: Array) -> Array:
    """Points of a curve from left to right that show in pixels.

    Of each column of pixels the first, the last, the highest and the lowest are kept: drawn with a
    line as wide as a pixel, the picture is the same.

    **Arguments:**

    - `points`: shape (n, 2), pixels.
    """
    x, y = points[:, 0], points[:, 1]
    if len(points) <= _PER_PIXEL * (abs(x[-1] - x[0]) + 1.0) or np.any(np.diff(x) < 0):
        return points
    column = np.floor(x)
    first = np.flatnonzero(np.concatenate([[True], np.diff(column) > 0]))
    counts = np.diff(np.append(first, len(x)))
    lowest, highest = (
        np.repeat(reduce.reduceat(y, first), counts) for reduce in (np.minimum, np.maximum)
    )
    keep = (y == lowest) | (y == highest)
    # of equal neighbours inside a column one is enough
    keep[1:] &= (y[1:] != y[:-1]) | (column[1:] != column[:-1])
    keep[first] = True
    keep[np.append(first[1:] - 1, len(x) - 1)] = True
    return points[keep]


def cut_line(points: Array, box: Box) -> list[Array]:
    """The parts of a line inside a box, each of shape (n, 2).

    **Arguments:**

    - `points`: shape (n, 2), finite. `box`: see `Box`.
    """
    planes = _planes(points, box)
    if not planes:
        return [points]
    for plane in planes:
        points = _cut(points, *plane, closed=False)
    return runs(points[:, 0], points[:, 1])


def cut_area(points: Array, box: Box) -> Array:
    """The part of a polygon inside a box, shape (n, 2); edges along the box may fall together.

    **Arguments:**

    - `points`: shape (n, 2), finite, without the first one repeated. `box`: see `Box`.
    """
    for plane in _planes(points, box):
        points = _cut(points, *plane, closed=True)
    return points


def _planes(points: Array, box: Box) -> list[tuple[int, float, float]]:
    """Sides of a box that points lie beyond: axis, direction of the inner side, bound."""
    (least_x, least_y), (most_x, most_y) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    left, top, right, bottom = box
    sides = (
        ((0, 1.0, left), least_x < left),
        ((0, -1.0, right), most_x > right),
        ((1, 1.0, top), least_y < top),
        ((1, -1.0, bottom), most_y > bottom),
    )
    return [plane for plane, beyond in sides if beyond]


def _cut(points: Array, axis: int, sign: float, bound: float, *, closed: bool) -> Array:
    """What lies on the inner side of a bound; rows of NaN part a line that leaves and returns."""
    depth = sign * (points[:, axis] - bound)
    gap = np.isnan(depth)
    inside = depth >= 0.0
    if bool((inside | gap).all()):
        return points
    other = np.roll(depth, -1)
    crosses = (inside != np.roll(inside, -1)) & ~gap & ~np.isnan(other)
    if not closed:
        crosses[-1] = False
    share = depth / np.where(crosses, depth - other, 1.0)
    at = points + np.where(crosses, share, 0.0)[:, None] * (np.roll(points, -1, axis=0) - points)
    at[:, axis] = bound
    made = np.stack([points, at, np.full_like(points, np.nan)], axis=1)
    leaves = crosses & inside & (not closed)
    return made[np.stack([inside | gap, crosses, leaves], axis=1)]


def segments(ends: Sequence[tuple[float, float, float, float]]) -> str:
    """A path of straight lines apart from each other, to hundredths of a pixel.

    **Arguments:**

    - `ends`: x and y of the one end and of the other.
    """
    flat = [round(value, 2) + 0.0 for line in ends for value in line]
    return ("M%g,%gL%g,%g" * len(ends)) % tuple(flat)


def path(points: Array, *, closed: bool = False) -> str:
    """A path through points, to hundredths of a pixel.

    **Arguments:**

    - `points`: shape (n, 2), finite. `closed`: back to the first.
    """
    flat = (np.round(points, 2) + 0.0).ravel().tolist()  # plus zero: no −0
    text = ("%g,%g " * len(points))[:-1] % tuple(flat)
    return f"M{text}{'Z' if closed else ''}"


def hundredths(value: float) -> str:
    """A number to hundredths, as an attribute has it.

    **Arguments:**

    - `value`: pixels.
    """
    return f"{round(value, 2) + 0.0:g}"
