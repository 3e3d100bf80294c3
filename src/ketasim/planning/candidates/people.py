"""The virtual patients whom every candidate of a plan is given to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import Course
from ketasim.evidence import load_card
from ketasim.models import MODELS
from ketasim.planning.measure import UNCERTAINTY
from ketasim.population import (
    Cohort,
    card_draws,
    mood_effects,
    session_normals,
    virtual_patients,
)
from ketasim.simulation.mood.drawn import DRAWS

Array = NDArray[np.float64]

_REFERENCE: Final = "reference"
_EACH: Final = 50  # patients with each draw


@dataclass(frozen=True, eq=False)
class People:
    """Virtual patients, once with the numbers of the card, and some with each draw of them.

    They are the same for every candidate, so that candidates are subtracted draw by draw.

    **Arguments:**

    - `cohort`: of all rows. `first`: its patients once.
    - `effects`: between-patient variability of the card `mood`, each of shape (rows,).
    - `drawn`: numbers of the card `mood`, each of shape (rows,).
    - `each`: how many of the first have each draw. `rows`: who of the first is in each row.
    """

    cohort: Cohort
    first: Cohort
    effects: Mapping[str, Array]
    drawn: Mapping[str, Array]
    each: int
    rows: NDArray[np.int64]

    def normals(self, sessions: int) -> Array:
        """Standard normal numbers behind their answers to sessions, shape (rows, sessions)."""
        first = self.first
        return session_normals(first.seed or 0, 0, first.n, sessions)[self.rows]

    @property
    def spread(self) -> str:
        """What a range over `gathered` is of."""
        return UNCERTAINTY

    def gathered(self, values: Array) -> tuple[float, Array]:
        """A mean over patients, and what it would be of all of them under each draw.

        **Arguments:**

        - `values`: of every row, shape (rows,).

        **Returns:** the mean with the card's numbers, and shape (draws,).
        """
        n = self.first.n
        mean = float(values[:n].mean())
        drawn = values[n:].reshape(DRAWS, self.each).mean(axis=1)
        return mean, drawn + (mean - values[: self.each].mean())


def people_of(course: Course) -> People:
    """The virtual patients of a course.

    **Arguments:**

    - `course`: with a population; its regimen is not looked at.
    """
    model = MODELS[_REFERENCE]
    first = virtual_patients(course, load_card(_REFERENCE), model)
    n, each, seed = first.n, min(first.n, _EACH), first.seed or 0
    rows = np.concatenate([np.arange(n), np.tile(np.arange(each), DRAWS)])
    card = load_card("mood")
    own, drawn = card.values(), card_draws(card, seed, 0, DRAWS)
    numbers = {
        symbol: np.concatenate([np.full(n, own[symbol]), np.repeat(values, each)])
        for symbol, values in drawn.items()
    }
    effects = {name: values[rows] for name, values in mood_effects(seed, 0, n).items()}
    return People(first.take(rows), first, effects, numbers, each, rows)
