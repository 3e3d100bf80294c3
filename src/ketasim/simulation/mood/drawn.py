"""Means over patients under each draw of the card: what differences of courses rest on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import Course
from ketasim.engine import solve
from ketasim.evidence import load_card
from ketasim.models import MODELS, mood_chain
from ketasim.population import (
    VisitNoise,
    card_draws,
    mood_plan,
    mood_values,
    response_chance,
    typical_effects,
    virtual_patients,
)
from ketasim.simulation.mood.inputs import calendar_of, mood_input, patients_of

Array = NDArray[np.float64]

DRAWS: Final = 40
"""Parameter draws within the card's uncertainty."""

_DAY: Final = 24.0


@dataclass(frozen=True, eq=False)
class DrawnMeans:
    """Means over patients under each draw of the numbers of the card `mood`.

    Courses with the same seed have the same draws and the same patients, so that they can be
    subtracted draw by draw.

    **Arguments:**

    - `times`: h, shape (R,).
    - `means`: `MADRS`, points, and of a population the shares of `CHANCES`; shape (draws, R).
    - `shown`: h, those by which days are counted, shape (T,).
    - `days_well`: days on which a rating shows half of the baseline or less, shape (draws,).
    """

    times: Array
    means: Mapping[str, Array]
    shown: Array
    days_well: Array


def days_well(
    times: Array, scores: Array, baseline: float, noise: VisitNoise | None, draws: int = 1
) -> Array:
    """Mean days on which a rating shows half of the baseline or less.

    **Arguments:**

    - `times`: h, shape (T,). `scores`: MADRS, points, shape (draws * n, T).
    - `baseline`: points. `noise`: within a patient; nothing where the score itself counts.
    - `draws`: how many groups the patients are in, one after another.

    **Returns:** shape (draws,).
    """
    if noise is None:
        well = np.asarray(scores <= 0.5 * baseline, np.float64)
    else:
        well = response_chance(scores, baseline, noise.sd(times))
    share = well.reshape(draws, -1, len(times)).mean(axis=1)
    return np.trapezoid(share, times / _DAY, axis=1)


def typical_drawn(course: Course, times: Array, curve: Array) -> DrawnMeans:
    """Scores of the typical patient under each draw of the card's numbers.

    **Arguments:**

    - `course`: of the reference model. `times`: h, those of the table, ascending.
    - `curve`: h, ascending, those by which days are counted.
    """
    given, model = mood_input(course), MODELS["reference"]
    cohort = virtual_patients(course, load_card("reference"), model, typical=True)
    cohort = cohort.take(np.zeros(DRAWS, np.int64))
    numbers = given.numbers(card_draws(given.card, 0, 0, DRAWS))
    effects = {name: np.repeat(one, DRAWS) for name, one in typical_effects().items()}
    start = np.full(DRAWS, given.baseline)
    values = mood_values(numbers, effects, given.situation, start, spread=False)
    chain = mood_chain(model)
    patients = patients_of(cohort, numbers, values, calendar_of(course, course.horizon))
    every = np.union1d(times, curve)
    solved = solve(
        chain, patients, every, ("MADRS",), plan=mood_plan(chain, patients), progress=False
    )
    scores = solved["MADRS"]
    rows, shown = np.searchsorted(every, times), np.searchsorted(every, curve)
    days = days_well(curve, scores[:, shown], given.baseline, None, DRAWS)
    return DrawnMeans(times, {"MADRS": scores[:, rows]}, curve, days)
