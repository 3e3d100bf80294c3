"""Patients who left a trial: how many sessions they got before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import Arm
from ketasim.engine import Calendar
from ketasim.population import arm_calendar

Array = NDArray[np.float64]


def sessions_until(sessions: Sequence[float], left: Array) -> NDArray[np.int64]:
    """How many sessions somebody got who left at a time, h."""
    return np.searchsorted(np.asarray(sessions, np.float64), left, side="left").astype(np.int64)


def ended_calendar(arm: Arm, sessions: int, horizon: float) -> Calendar:
    """The calendar of an arm of which the first sessions alone are given.

    **Arguments:**

    - `sessions`: how many. `horizon`: h.
    """
    whole = arm_calendar(arm, horizon)
    if sessions >= len(arm.sessions):
        return whole
    end = arm.sessions[sessions] - 1e-9
    return Calendar(tuple(dose for dose in whole.doses if dose.time < end), horizon)
