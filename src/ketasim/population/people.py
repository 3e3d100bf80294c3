"""Who virtual patients are: ages, weights and sexes, drawn one by one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ketasim._base import standard_normals, uniforms
from ketasim.dosing import DRAWN_AGES, DRAWN_WEIGHTS, AgeSpread, WeightSpread

Array = NDArray[np.float64]


def drawn_weights(spread: WeightSpread, seed: int, purpose: str, first: int, count: int) -> Array:
    """Weights of patients, kg, normal and kept within `DRAWN_WEIGHTS`.

    **Arguments:**

    - `spread`: mean and SD.
    - `seed`, `purpose`: of the random numbers: patient i's do not depend on anything else.
    - `first`, `count`: the patients asked for, counted from 0.
    """
    z = standard_normals(seed, purpose, first, count, 1)[:, 0]
    return np.clip(np.full(count, spread.mean) + spread.sd * z, *DRAWN_WEIGHTS)


def drawn_ages(spread: AgeSpread, seed: int, purpose: str, first: int, count: int) -> Array:
    """Ages of patients, years, normal and kept within `DRAWN_AGES`; arguments as before."""
    if spread.sd is None:
        return np.full(count, spread.mean)
    z = standard_normals(seed, purpose, first, count, 1)[:, 0]
    return np.clip(spread.mean + spread.sd * z, *DRAWN_AGES)


def drawn_sexes(female: float, seed: int, purpose: str, first: int, count: int) -> NDArray[np.str_]:
    """Sex of patients, female or male.

    **Arguments:** as of `drawn_weights`; `female`: fraction of women.
    """
    chance = uniforms(seed, purpose, first, count, 1)[:, 0]
    return np.where(chance < female, "female", "male")
