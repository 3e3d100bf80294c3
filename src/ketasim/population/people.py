"""Who virtual patients are: ages, weights and sexes, drawn one by one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ketasim._base import standard_normals, uniforms
from ketasim.dosing import DRAWN_AGES, DRAWN_WEIGHTS, AgeSpread, WeightSpread

Array = NDArray[np.float64]


Part = tuple[Array, Array]
"""Between which shares of a distribution the number of each patient lies, shape (count,) each."""


def drawn_weights(
    spread: WeightSpread,
    seed: int,
    purpose: str,
    first: int,
    count: int,
    part: Part | None = None,
) -> Array:
    """Weights of patients, kg, normal and kept within `DRAWN_WEIGHTS`.

    **Arguments:**

    - `spread`: mean and SD.
    - `seed`, `purpose`: of the random numbers: patient i's do not depend on anything else.
    - `first`, `count`: the patients asked for, counted from 0.
    - `part`: of the distribution in which each of them lies; all of it when left out.
    """
    z = normal_within(standard_normals(seed, purpose, first, count, 1)[:, 0], part)
    return np.clip(np.full(count, spread.mean) + spread.sd * z, *DRAWN_WEIGHTS)


def drawn_ages(
    spread: AgeSpread, seed: int, purpose: str, first: int, count: int, part: Part | None = None
) -> Array:
    """Ages of patients, years, normal and kept within `DRAWN_AGES`; arguments as before."""
    if spread.sd is None:
        return np.full(count, spread.mean)
    z = normal_within(standard_normals(seed, purpose, first, count, 1)[:, 0], part)
    return np.clip(spread.mean + spread.sd * z, *DRAWN_AGES)


def within(chance: Array, part: Part | None) -> Array:
    """Uniform numbers moved into a part of the distribution; the same without one."""
    return chance if part is None else part[0] + (part[1] - part[0]) * chance


def normal_within(normal: Array, part: Part | None) -> Array:
    """Standard normal numbers moved into a part of their distribution; the same without one."""
    if part is None:
        return normal
    from scipy.special import ndtr, ndtri  # only here: scipy is slow to load

    return np.asarray(ndtri(within(ndtr(normal), part)), np.float64)


def drawn_sexes(female: float, seed: int, purpose: str, first: int, count: int) -> NDArray[np.str_]:
    """Sex of patients, female or male.

    **Arguments:** as of `drawn_weights`; `female`: fraction of women.
    """
    chance = uniforms(seed, purpose, first, count, 1)[:, 0]
    return np.where(chance < female, "female", "male")
