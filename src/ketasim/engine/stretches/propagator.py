"""One step of x' = K x + r, exact, for many matrices and steps at once.

Where a matrix has modes that are far enough apart, K = V diag(rates) V^-1 and a step is a sum over
modes. Where it has not, as in a chain of equal rates, the matrix exponential is taken by scaling
and squaring with the Padé approximant of order 13.

**Source:** Higham 2005, SIAM J. Matrix Anal. Appl. 26:1179.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

# V is badly conditioned where modes nearly coincide; digits are lost in proportion. Half of the
# sixteen are more than are needed of an amount beside the largest one.
_CONDITION: Final = 1e4
_PADE: Final = (
    64764752532480000.0,
    32382376266240000.0,
    7771770303897600.0,
    1187353796428800.0,
    129060195264000.0,
    10559470521600.0,
    670442572800.0,
    33522128640.0,
    1323241920.0,
    40840800.0,
    960960.0,
    16380.0,
    182.0,
    1.0,
)
_THETA: Final = 5.371920351148152  # largest norm that the approximant takes without squaring


class Propagator:
    """Rate matrices, decomposed once.

    **Arguments:**

    - `matrices`: K, 1/h, shape (C, m, m).
    """

    def __init__(self, matrices: Array) -> None:
        self.matrices = matrices
        self.rates: NDArray[Any]
        count, m, _ = matrices.shape
        self.rates, self._into = np.zeros((count, m)), np.zeros_like(matrices)
        self._back: NDArray[Any] = np.zeros_like(matrices)
        self.sound = np.zeros(count, bool)
        if count == 0:
            return
        rates, modes = np.linalg.eig(matrices)
        with np.errstate(all="ignore"):
            determinant = np.abs(np.linalg.det(modes))
        regular = determinant > 1e-12  # of unit vectors
        inverse = np.zeros_like(modes)
        inverse[regular] = np.linalg.inv(modes[regular])
        size = np.linalg.norm(modes, axis=(1, 2)) * np.linalg.norm(inverse, axis=(1, 2))
        self.sound = regular & (size < _CONDITION)
        self.rates, self._back, self._into = rates, modes, inverse
        self.all_sound = bool(self.sound.all())

    def step(self, columns: Integers, amounts: Array, supply: Array | None, hours: Array) -> Array:
        """Amounts after some hours under a constant supply.

        **Arguments:**

        - `columns`: the matrix of each, shape (k,).
        - `amounts`: shape (k, m). `supply`: mg/h, shape (k, m); nothing for none.
        - `hours`: shape (k,).
        """
        if self.all_sound:
            return self._modal(columns, amounts, supply, hours)
        found = np.empty_like(amounts)
        for sound in (True, False):
            here = np.flatnonzero(self.sound[columns] == sound)
            if len(here):
                part = None if supply is None else supply[here]
                step = self._modal if sound else self._exponential
                found[here] = step(columns[here], amounts[here], part, hours[here])
        return found

    def _modal(
        self, columns: Integers, amounts: Array, supply: Array | None, hours: Array
    ) -> Array:
        grown = self.rates[columns] * hours[:, None]
        into = self._into[columns]
        modes = np.exp(grown) * np.einsum("kij,kj->ki", into, amounts)
        if supply is not None:
            modes += _integral(grown, hours) * np.einsum("kij,kj->ki", into, supply)
        return np.einsum("kij,kj->ki", self._back[columns], modes).real

    def _exponential(
        self, columns: Integers, amounts: Array, supply: Array | None, hours: Array
    ) -> Array:
        k, m = amounts.shape
        wide = np.zeros((k, m + 1, m + 1))
        wide[:, :m, :m] = self.matrices[columns] * hours[:, None, None]
        if supply is not None:
            wide[:, :m, m] = supply * hours[:, None]
        found = exponential(wide)
        return np.einsum("kij,kj->ki", found[:, :m, :m], amounts) + found[:, :m, m]

    def repeated(self, columns: Integers, amounts: Array, hours: Array, reached: Array) -> Array:
        """What infinitely many doses have left, of which each leaves `amounts`: (1 - e^(K h))^-1.

        **Arguments:**

        - `columns`, `hours`: shape (k,); the interval. `amounts`: shape (k, m).
        - `reached`: 1 of the compartments that the dose reaches, 0 of the others, shape (k, m).
        """
        m = amounts.shape[1]
        left = exponential(self.matrices[columns] * hours[:, None, None])
        among = reached[:, :, None] * reached[:, None, :]
        matrix = np.eye(m) - left * among
        found = np.linalg.solve(matrix, (amounts * reached)[..., None])
        return np.asarray(found[..., 0], np.float64)

    def level(self, columns: Integers, supply: Array, reached: Array) -> Array:
        """What a constant supply keeps up, -K^-1 r; arguments as of `repeated`."""
        among = reached[:, :, None] * reached[:, None, :]
        m = supply.shape[1]
        matrix = self.matrices[columns] * among - np.eye(m) * (1 - reached)[:, None, :]
        return np.asarray(np.linalg.solve(matrix, -supply[..., None])[..., 0], np.float64)


def _integral(grown: NDArray[Any], hours: Array) -> NDArray[Any]:
    """(e^(rate hours) - 1)/rate, also where the rate is 0."""
    small = np.abs(grown) < 1e-300
    return hours[:, None] * np.where(small, 1.0, np.expm1(grown) / np.where(small, 1.0, grown))


def exponential(matrices: Array) -> Array:
    """Matrix exponentials, shape (k, m, m)."""
    norm = np.abs(matrices).sum(axis=1).max(axis=1)
    with np.errstate(divide="ignore"):
        squarings = np.maximum(np.ceil(np.log2(norm / _THETA)), 0.0).astype(np.int64)
    a = matrices / (2.0**squarings)[:, None, None]
    one, b = np.eye(a.shape[-1]), _PADE
    a2 = a @ a
    a4 = a2 @ a2
    a6 = a4 @ a2
    odd = a @ (
        a6 @ (b[13] * a6 + b[11] * a4 + b[9] * a2) + b[7] * a6 + b[5] * a4 + b[3] * a2 + b[1] * one
    )
    even = (
        a6 @ (b[12] * a6 + b[10] * a4 + b[8] * a2) + b[6] * a6 + b[4] * a4 + b[2] * a2 + one * b[0]
    )
    found: Array = np.asarray(np.linalg.solve(even - odd, even + odd), np.float64)
    for number in range(int(squarings.max(initial=0))):
        here = np.flatnonzero(squarings > number)
        found[here] = found[here] @ found[here]
    return found
