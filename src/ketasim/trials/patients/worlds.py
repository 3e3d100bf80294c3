"""What the replicates of a trial differ in beside their patients: numbers and trial effects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim._base import standard_normals
from ketasim.dosing import Trial
from ketasim.evidence import Card
from ketasim.population import card_draws

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Worlds:
    """What the replicates of a trial differ in beside their patients.

    **Arguments:**

    - `numbers`: symbol of the card `mood` to its draws, shape (R,).
    - `early`, `late`: trial effects added where expectation and where the natural course act.
    - `drug`: part of the drug's effect that the trial adds to it. Each of shape (R,).
    """

    numbers: Mapping[str, Array]
    early: Array
    late: Array
    drug: Array

    def of(self, replicate: NDArray[np.int64]) -> dict[str, Any]:
        """Numbers of the card for patients of some replicates: constants stay single numbers."""
        return {
            symbol: float(draws[0]) if (draws == draws[0]).all() else draws[replicate]
            for symbol, draws in self.numbers.items()
        }

    @property
    def alike(self) -> bool:
        """Whether all replicates have the same numbers of the card."""
        return all((draws == draws[0]).all() for draws in self.numbers.values())

    def first(self, count: int) -> Worlds:
        """Those of the first replicates."""
        own = {symbol: draws[:count] for symbol, draws in self.numbers.items()}
        return Worlds(own, self.early[:count], self.late[:count], self.drug[:count])

    def by_turns(self, draws: int) -> Worlds:
        """With the numbers of the first replicates by turns; the effects of each trial stay."""
        turn = np.arange(len(self.early)) % draws
        own = {symbol: values[turn] for symbol, values in self.numbers.items()}
        return replace(self, numbers=own)


def worlds(
    trial: Trial, card: Card, seed: int, count: int, *, uncertainty: bool, between_trials: bool
) -> Worlds:
    """Draw the numbers and the trial effects of replicates.

    **Main arguments:**

    - `trial`: its arms tell whether everybody knows what is given.
    - `card`: `mood`. `seed`: of the simulation. `count`: how many replicates.

    **Other arguments:**

    - `uncertainty`: false: the numbers of the card, in every replicate.
    - `between_trials`: false: no trial effects.
    """
    if uncertainty:
        numbers = card_draws(card, seed, 0, count)
    else:
        numbers = {symbol: np.full(count, value) for symbol, value in card.values().items()}

    def effect(name: str, where: str = "") -> Array:
        if not between_trials or f"tau_{name}" not in numbers:
            return np.zeros(count)
        z = standard_normals(seed, f"trial:tau_{name}{where}", 0, count, 1)[:, 0]
        return numbers[f"tau_{name}"] * z

    known = all(arm.open for arm in trial.arms)
    return Worlds(
        numbers,
        early=effect("early") + (effect("open") if known else 0.0),
        late=effect("late") + (effect("open", ":late") if known else 0.0),
        # a trial may take the drug's effect away, but not turn it round
        drug=np.maximum(effect("drug") + (effect("series") if known else 0.0), -1.0),
    )
