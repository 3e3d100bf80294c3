"""Scores of the chain before it is known how each session was answered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Chain:
    """Scores of N patients at K times: what the fast arm lowers, and the rest.

    **Arguments:**

    - `rest`: what all but the fast arm makes of the score before treatment, points of the MADRS,
      shape (N, K).
    - `fast`: by how much the fast arm lowers its logarithm, at an answer of 1, shape (N, K).
    - `omega`: SD of the logarithm of an answer, shape (N,).
    - `occasions`: number of the last session begun at each time, -1 before the first, shape (K,).
    - `highest`: of the scale, points.
    """

    rest: Array
    fast: Array
    omega: Array
    occasions: Integers
    highest: float

    def scores(self, normals: Array) -> Array:
        """Scores, points, shape (N, K).

        **Arguments:**

        - `normals`: standard normal numbers behind the answers at each time, shape (N, K); not
          looked at before the first session.
        """
        answers = np.where(self.occasions < 0, 1.0, np.exp(self.omega[:, None] * normals))
        return np.minimum(self.highest, self.rest * np.exp(-self.fast * answers))

    def by_session(self, normals: Array) -> Array:
        """Scores where the numbers are given for each session.

        **Arguments:**

        - `normals`: shape (N, S), of all sessions begun at these times.
        """
        none = np.zeros((len(normals), 1))
        return self.scores(np.hstack([normals, none])[:, self.occasions])

    def at(self, place: int, normals: Array) -> Array:
        """Scores at one time, for one answer of each patient or several.

        **Arguments:**

        - `place`: of the time. `normals`: shape (N,) or (N, A).

        **Returns:** points, shape of `normals`. Before the first session nothing has been answered,
        and the fast arm is zero.
        """
        shape = (-1,) + (1,) * (normals.ndim - 1)
        rest, fast = self.rest[:, place].reshape(shape), self.fast[:, place].reshape(shape)
        lowered = fast * np.exp(self.omega.reshape(shape) * normals)
        return np.minimum(self.highest, rest * np.exp(-lowered))
