"""What this patient may be: virtual patients weighed by scores, under every candidate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from ketasim.dosing import Course
from ketasim.forecasting.ahead import Ahead, Fluctuations, fluctuations, followed
from ketasim.forecasting.forecast import weighed, with_baseline
from ketasim.forecasting.options import Option, options_of
from ketasim.forecasting.tables import limits_of, well_of
from ketasim.forecasting.weighing.ratings import Ratings, ratings_of
from ketasim.forecasting.weighing.steps import steps_for
from ketasim.planning.measure import PATIENT, Measure

Array = NDArray[np.float64]

SURVIVORS: Final = 800
"""Patients who are followed under every candidate."""

_DAY: Final = 24.0
_STEP: Final = 12.0  # h
_HIGHEST: Final = 60.0  # of the MADRS
_NO_RESPONSE: Final = "hardly anybody like this patient has a response that could be lost"


@dataclass(frozen=True, eq=False)
class Survived:
    """Scores of this patient by every candidate.

    **Arguments:**

    - `measures`: number of a candidate to a measure for each criterion that follows from scores.
    - `scores`: how many were used beside that before treatment. `effective`: sample size behind.
    """

    measures: Mapping[int, list[Measure]]
    scores: int
    effective: float


def survived(course: Course, courses: Mapping[int, Course], seed: int) -> Survived:
    """Follow those who are like this patient by every candidate, from now.

    Their weights do not depend on the candidates, nor do the steps of one on the others.

    **Arguments:**

    - `course`: with scores, and what was given. `courses`: number of a candidate to its course,
      with what was given before.
    - `seed`: of all that is drawn.

    **Raises:** `InputError` when the scores cannot be used.
    """
    ahead, ratings = options_of(course), ratings_of(course)
    given = with_baseline(ahead.given, ratings)
    weights = weighed(given, ratings, seed=seed, plan=steps_for([given]))
    survivors = weights.survivors(SURVIVORS, seed)
    times = np.unique([*np.arange(ahead.now, ahead.horizon, _STEP), ahead.horizon])
    noise = fluctuations(survivors, times, [ratings.baseline.scale], seed)
    found: dict[int, list[Measure]] = {}
    for number, one in courses.items():
        option = Option(str(number), with_baseline(one, ratings), 0)
        steps = steps_for([given, option.course])
        answers = survivors.normals(len(one.regimen.sessions))
        chosen = survivors.chosen
        (scores,) = followed(weights.ensemble, chosen, answers, [option], times, steps)
        found[number] = list(_counted(scores, noise, ratings))
    return Survived(found, len(ratings.scores), weights.effective)


def _counted(ahead: Ahead, noise: Fluctuations, ratings: Ratings) -> Iterator[Measure]:
    """What is counted of the scores of every survivor."""
    scale, times = ratings.baseline.scale, noise.times
    rating = noise.rating(scale, ahead.score)
    limits = limits_of(ratings, scale)
    response = ndtr((limits.response - rating.mean) / rating.sd)
    remission = ndtr((limits.remission - rating.mean[:, -1]) / rating.sd[:, -1])
    end = float(times[-1])
    score = np.clip(rating.mean[:, -1], 0.0, _HIGHEST)
    yield Measure("MADRS_end", float(score.mean()), score, PATIENT, at_h=end)
    for key, chance in (("response_end", response[:, -1]), ("remission_end", remission)):
        yield Measure(key, float(chance.mean()), chance, PATIENT, at_h=end, note=f"on the {scale}")
    days = np.asarray(np.trapezoid(response, times / _DAY, axis=1))
    note = f"from day {times[0] / _DAY:.3g}, days on which a rating shows half of the baseline"
    yield Measure("days_well", float(days.mean()), days, PATIENT, note=note)
    lost = float(well_of(ahead, noise, ratings).p_lost[-1])
    if np.isnan(lost):
        yield Measure("relapse", None, note=_NO_RESPONSE)
        return
    note = "of those who respond from now on, the share who lose it; its uncertainty: not assessed"
    yield Measure("relapse", lost, None, PATIENT, at_h=end, note=note)
