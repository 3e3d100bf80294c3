"""Memory and time of a trial, counted before it is simulated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base.size import Size
from ketasim.dosing import RELAPSES, Arm, Assessment, Trial
from ketasim.engine.size import NUMBER, pilot_size, solve_size, steps_of
from ketasim.population import MOOD_STATES, MOOD_TOLERANCES, arm_calendar
from ketasim.trials.patients.drawing import strides
from ketasim.trials.patients.individual import MOST_LOOKS, calendars_of
from ketasim.trials.ratings import PIECE, PIECE_NUMBERS

Array = NDArray[np.float64]

AT_ONCE: Final = 10_000_000
"""Ratings of all arms held at once, those of one replicate at least."""

MOST_ROWS: Final = 1_000_000
"""Rows of the table of patients: as many whole replicates are kept as fit, at least one."""

_RATED: Final = 8  # bytes of a rating with and one without the effects of the trial
_SCORED: Final = 60  # bytes of a patient while one metric is computed
_FOLLOWED: Final = 36  # bytes of a patient at a visit while relapse is
_KEPT: Final = 9  # states of a session, as solved and as kept
_STATES: Final = 150  # bytes of a patient at a visit while ratings are made of states
_PERSON: Final = 3_000  # bytes of a patient being drawn
_ROW: Final = 160  # bytes of a row of the table of patients while it is sorted
_DRAWN: Final = 6.0e-6  # s, of one patient
_CELL: Final = 1.2e-7  # s, of a metric of one patient


def replicates_at_once(trial: Trial, visits: Mapping[str, Array]) -> int:
    """How many replicates are held at one time.

    **Arguments:**

    - `trial`: with its replicates. `visits`: arm to the times of its ratings, h.
    """
    ratings = sum(strides(trial, arm) * len(visits[arm.id]) for arm in trial.arms)
    return min(trial.replicates, max(1, AT_ONCE // max(ratings, 1)))


def trial_size(trial: Trial, visits: Mapping[str, Array]) -> Size:
    """What a trial takes.

    **Arguments:**

    - `trial`: with its replicates. `visits`: arm to the times of its ratings, h.
    """
    many = replicates_at_once(trial, visits)
    arms = [arm for arm in trial.arms if len(visits[arm.id])]
    kept = sum(2 * NUMBER * many * arm.n * _cells(trial, arm, single=True) for arm in arms)
    rated = sorted(_RATED * many * strides(trial, arm) * len(visits[arm.id]) for arm in arms)
    work = max((_working(trial, arm, many, visits[arm.id]) for arm in arms), default=0.0)
    rows = sum(arm.n * (1 + len(visits[arm.id])) for arm in arms)
    table = _ROW * rows * min(trial.replicates, max(1, MOST_ROWS // max(rows, 1)))
    single = sum(_cells(trial, arm, single=False) for arm in arms)
    values = 10 * NUMBER * trial.replicates * single
    seconds = 0.0
    for arm in arms:
        patients, times = trial.replicates * strides(trial, arm), visits[arm.id]
        steps = _steps(arm, times)
        solved = solve_size(patients, steps, len(times), len(MOOD_STATES), together=0)
        metrics = 2 * _cells(trial, arm, single=False) * _CELL
        seconds += solved.seconds + patients * (_DRAWN + metrics)
        seconds += pilot_size(steps, len(MOOD_STATES)).seconds
    held = kept + sum(rated[-2:]) + max(work, table)
    return Size(held + values, seconds)


def _working(trial: Trial, arm: Arm, many: int, visits: Array) -> float:
    """Bytes held for a moment for one arm: choosing steps, solving a piece, or a metric."""
    patients, times = many * strides(trial, arm), len(visits)
    piece = min(patients, max(1, min(PIECE, PIECE_NUMBERS // times)))
    solved = piece * (times * (_STATES + NUMBER * len(MOOD_STATES)) + _PERSON)
    if trial.individual(arm):  # a session of each kind, at many times after it
        kinds = len(calendars_of(trial, arm))
        piece = min(patients, PIECE_NUMBERS // (times + MOST_LOOKS))
        solved = piece * (kinds * MOST_LOOKS * _KEPT * NUMBER + _PERSON)
    relapses = [len(one.times) for one in trial.assessed(arm) if set(one.metrics) & set(RELAPSES)]
    metric = many * arm.n * (_SCORED + _FOLLOWED * max(relapses, default=0))
    return max(solved, metric, pilot_size(_steps(arm, visits), len(MOOD_STATES)).bytes)


def _steps(arm: Arm, times: Array) -> int:
    return steps_of(arm_calendar(arm, max(float(times[-1]), 1.0)), MOOD_TOLERANCES[0])


def _cells(trial: Trial, arm: Arm, *, single: bool) -> int:
    """Metrics at visits of an arm; `single`: those of which single patients have values."""

    def of(one: Assessment) -> int:
        metrics = [name for name in one.metrics if not single or name not in RELAPSES]
        return len(metrics) * len(one.times)

    return sum(map(of, trial.assessed(arm)))
