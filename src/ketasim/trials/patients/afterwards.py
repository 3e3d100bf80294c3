"""Patients who left a trial: how many sessions they got before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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


def kept_expectation(
    values: Mapping[str, Any],
    states: Array,
    times: Array,
    after: float,
    sessions: Sequence[float],
) -> Array:
    """Part of the expectation at visits that is from before a randomised withdrawal, 0 to 1.

    Every session moves expectation towards the height that the patient believes in at that
    session, at the rates of the chain, and what was there before fades at the same rates. What
    is left of the expectation at the withdrawal is known in closed form, as the chain is linear
    in it.

    **Arguments:**

    - `values`: of the chain. `states`: expectation at the visits, shape (n, V).
    - `times`: of the visits, h, shape (V,). `after`: the withdrawal, h. `sessions`: h.
    """
    k_fade, k_lift, k_session = (
        np.reshape(np.asarray(values[name], np.float64), (-1, 1))
        for name in ("k_fade", "k_lift", "k_session")
    )
    # hours of sessions since, each fading as its mark does
    spent = np.zeros((len(k_session), len(times)))
    for session in sessions:
        until = np.exp(-k_session * np.maximum(times - session, 0.0))
        since = np.exp(-k_session * max(after - session, 0.0))
        spent += np.maximum(since - until, 0.0) / k_session
    place = int(np.searchsorted(times, after - 1e-9))
    passed = np.maximum(times - after, 0.0)
    rest = states[:, place : place + 1] * np.exp(-k_fade * passed - k_lift * spent)
    share = np.divide(rest, states, out=np.zeros_like(states), where=states > 0)
    return np.where(times > after, np.clip(share, 0.0, 1.0), 1.0)
