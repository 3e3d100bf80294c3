"""A card of the effects of a session beside the published numbers, without fitting again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.calibration.session.problem import PRESSURES, SessionProblem
from ketasim.calibration.session.training import SessionRow, load_session_training
from ketasim.evidence import Card, load_card

Array = NDArray[np.float64]

_NINE_IN_TEN = 1.645  # SDs from a prediction to either end of its 90 % interval


@dataclass(frozen=True)
class SessionCompared:
    """A published number beside the model's.

    **Arguments:**

    - `row`: the published number.
    - `predicted`: in its unit.
    - `low`, `high`: 90 % prediction interval for such a study: error of the published number,
      spread between studies and uncertainty of the fit.
    - `z`: published less predicted, in SDs of that interval.
    """

    row: SessionRow
    predicted: float
    low: float
    high: float
    z: float

    @property
    def inside(self) -> bool:
        """Whether the published number lies inside the interval."""
        return abs(self.z) <= _NINE_IN_TEN


@dataclass(frozen=True)
class SessionFit:
    """Result of `calibrate_session`.

    **Arguments:**

    - `card`: the fitted card with its uncertainty. `prior`: what it started from.
    - `free`: symbols that were free; the spreads between studies besides.
    - `shrinkage`: posterior over prior SD of each; near 1 means not identified.
    - `compared`: every row, fitted or only compared, with its prediction.
    - `steps`: taken.
    """

    card: Card
    prior: Card
    free: tuple[str, ...]
    shrinkage: dict[str, float]
    compared: tuple[SessionCompared, ...]
    steps: int


def compare_session(card: Card, prior: Card | None = None) -> SessionFit:
    """Put every published effect of a session beside a card's prediction.

    The intervals are those of `calibrate_session`, computed from the covariance that the card
    carries, in seconds.

    **Arguments:**

    - `card`: fitted, such as the shipped card `session`; carries an uncertainty.
    - `prior`: what it started from; left out, the shipped `session_prior`.

    **Returns:** what `calibrate_session` returned when the card was made, with 0 `steps`.

    **Raises:** `ValueError` when the card carries no uncertainty.
    """
    spread = card.uncertainty
    if spread is None:
        raise ValueError(f"the card {card.key} carries no uncertainty")
    before = load_card("session_prior") if prior is None else prior
    problem = SessionProblem(load_session_training(), before)
    values = card.values()
    natural, drug = problem.predict(values)
    scaled, free = problem.scaled(natural), problem.scaled(natural, bounded=False)
    covariance = spread.matrix()
    jacobian = problem.jacobian(values, spread.symbols, spread.scales)
    own = np.einsum("ij,jk,ik->i", jacobian, covariance, jacobian)
    sd = np.sqrt(problem.variance + np.diag(problem.between(values, drug)) + own)
    z = (problem.published - scaled) / sd
    compared: list[SessionCompared] = []
    for i, row in enumerate(problem.rows):
        ends = free[i] + _NINE_IN_TEN * sd[i] * np.array([-1.0, 1.0])
        # nothing measured here lies below zero but a change of pressure
        floor = -np.inf if row.what in PRESSURES and row.unit != "min" else 0.0
        low, high = (max(float(problem.unscaled(row, end)), floor) for end in ends)
        compared.append(SessionCompared(row, float(natural[i]), low, high, float(z[i])))
    wide: dict[str, float] = dict(before.extra["prior"])
    left = np.sqrt(np.diag(covariance)) / np.array([wide[s] for s in spread.symbols])
    shrinkage = {s: float(share) for s, share in zip(spread.symbols, left, strict=True)}
    return SessionFit(card, before, spread.symbols, shrinkage, tuple(compared), 0)
