"""How fast patients leave for lack of effect, so that as many leave as the trial says."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import Trial
from ketasim.evidence import Card
from ketasim.trials.patients.drawing import PILOT_SEED, pilot_replicates
from ketasim.trials.patients.leaving import hours_until, rate_of
from ketasim.trials.patients.worlds import worlds
from ketasim.trials.ratings import ArmSimulation

Array = NDArray[np.float64]


def dropout_rate(trial: Trial, visits: Mapping[str, Array], card: Card) -> float:
    """Rate at which patients leave for lack of effect, 1/h, by the numbers of the card.

    **Arguments:**

    - `trial`: with its drop-out. `visits`: arm to the times of its ratings, h. `card`: `mood`.

    **Returns:** 0 where nobody leaves for that.
    """
    dropout = next((one for one in trial.dropout if one.pattern == "lack_of_effect"), None)
    if dropout is None:
        return 0.0
    pilot = worlds(
        *(trial, card, PILOT_SEED, pilot_replicates(trial)),
        uncertainty=False,
        between_trials=False,
    )
    hours: list[tuple[Array, float]] = []
    for arm in trial.enrolled_arms:
        times = visits[arm.id]
        if not len(times) or not dropout.of(arm):
            continue
        one = ArmSimulation(trial, arm, times, PILOT_SEED, pilot, patients=True, stays=True)
        rated = one.ratings(0, pilot_replicates(trial))[1]
        scores = rated.madrs.reshape(-1, len(times)).astype(np.float64)
        baseline = rated.before.ravel().astype(np.float64)
        hours.append((hours_until(dropout.by, scores, baseline, times), float(arm.n)))
    return rate_of(dropout, hours)
