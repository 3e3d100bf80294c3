"""Scores of the chain before it is known how each session was answered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.population import session_answers

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Chain:
    """Scores of N patients at K times: what the fast arm lowers, and the rest.

    **Arguments:**

    - `rest`: what all but the fast arm makes of the score before treatment, points of the MADRS,
      shape (N, K).
    - `fast`: by how much the fast arm lowers its logarithm, at answers of 1, shape (N, K).
    - `omega`: SD of the logarithm of an answer, shape (N,).
    - `weights`: of each session at each time, as of `session_weights`, shape (S, K).
    - `highest`: of the scale, points.
    """

    rest: Array
    fast: Array
    omega: Array
    weights: Array
    highest: float

    def scores(self, normals: Array) -> Array:
        """Scores, points, shape (N, K).

        **Arguments:**

        - `normals`: standard normal numbers behind the answers to each session, shape (N, S).
        """
        answered = session_answers(self.omega, normals) @ self.weights
        return np.minimum(self.highest, self.rest * np.exp(-self.fast * answered))

    def at(self, place: int, answered: Array) -> Array:
        """Scores at one time, for one blend of answers of each patient or several.

        **Arguments:**

        - `place`: of the time. `answered`: by how much the fast arm counts, shape (N,) or (N, A).

        **Returns:** points, shape of `answered`.
        """
        shape = (-1,) + (1,) * (answered.ndim - 1)
        rest, fast = self.rest[:, place].reshape(shape), self.fast[:, place].reshape(shape)
        return np.minimum(self.highest, rest * np.exp(-fast * answered))
