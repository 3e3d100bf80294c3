"""Sessions added up give what the engine gives for the whole calendar."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ketasim.dosing import load_trial
from ketasim.engine import Patients, solve
from ketasim.evidence import load_card
from ketasim.models import MODELS, mood_chain
from ketasim.population import MOOD_STATES, arm_calendar
from ketasim.trials.patients.individual import Schedule
from ketasim.trials.patients.superposition import (
    Followed,
    kernel_plan,
    session_calendar,
    session_kernels,
)
from ketasim.trials.patients.worlds import worlds
from ketasim.trials.ratings import ArmSimulation

N = 200
VISITS = np.array([24.0, 60.0, 168.0, 400.0, 60 * 24.0])


def _arm(days: list[float], **drug: Any) -> ArmSimulation:
    trial = load_trial(
        {
            "trial": "t",
            "population": {
                "baseline": {"scale": "MADRS", "mean": 33, "sd": 5},
                "weight": {"mean": 80, "sd": 15},
            },
            "arms": [{"id": "a", "n": N, "days": days, **drug}],
            "assess": [{"scale": "MADRS", "at": ["60 d"], "metrics": ["change"]}],
        }
    )
    drawn = worlds(trial, load_card("mood"), 1, 1, uncertainty=True, between_trials=False)
    return ArmSimulation(trial, trial.arms[0], VISITS, 1, drawn, patients=True)


KETAMINE = {"drug": "ketamine", "route": "iv", "dose": "0.5 mg/kg", "over": "40 min"}
SPRAY = {"drug": "esketamine", "route": "intranasal", "dose": "84 mg"}


@pytest.mark.parametrize(
    ("drug", "days", "allowed"),
    [
        (SPRAY, [0, 3, 7, 10, 14, 21, 35, 56], 0.01),
        (KETAMINE, [0, 7, 14, 28], 0.002),
        (KETAMINE, [0, 2, 4, 7, 9, 11], 0.02),
    ],
)
def test_sessions_added_up_give_the_calendar(
    drug: dict[str, Any], days: list[float], allowed: float
) -> None:
    one = _arm(days, **drug)
    people, values, _ = one._people(np.arange(N))
    whole = arm_calendar(one.arm, float(VISITS[-1]))
    solved = solve(
        mood_chain(MODELS["reference"]),
        Patients(values, people["weight"], (whole,)),
        VISITS,
        MOOD_STATES,
        engine="numba",
        rtol=1e-3,
        progress=False,
    )
    schedule = Schedule()
    schedule.add(one.arm, 0.0)
    assert len(schedule.calendars) == 1  # every session gives the same
    plan = kernel_plan(values, people["weight"], schedule.calendars)
    kernels = session_kernels(values, people["weight"], schedule.calendars, np.zeros(0), plan)
    patients = Followed.start(kernels, N)
    everybody, full = np.ones(N, np.bool_), np.ones(N)
    events = [(slot.time, 1) for slot in schedule.slots] + [(float(t), 0) for t in VISITS]
    for time, given in sorted(events):
        if given:
            patients.session(time, 0, full, everybody)
            continue
        place = int(np.searchsorted(VISITS, time))
        found = patients.states(time)
        for name, state in zip(("fast_arm", "restored", "expectation"), found, strict=True):
            exact = np.asarray(solved[name])[:, place]
            # on the logarithm of the score the fast arm counts a fifth of a point, synapses too
            tight = allowed if name != "fast_arm" else 5 * allowed
            assert np.abs(state - exact).mean() < tight / 4, (name, time)
            assert np.quantile(np.abs(state - exact), 0.99) < tight, (name, time)


def test_a_session_that_is_missed_leaves_nothing() -> None:
    one = _arm([0, 7], **KETAMINE)
    people, values, _ = one._people(np.arange(N))
    schedule = Schedule()
    schedule.add(one.arm, 0.0)
    plan = kernel_plan(values, people["weight"], schedule.calendars)
    kernels = session_kernels(values, people["weight"], schedule.calendars, VISITS, plan)
    half = np.arange(N) % 2 == 0
    both, once = Followed.start(kernels, N), Followed.start(kernels, N)
    for time, who in ((0.0, np.ones(N, np.bool_)), (168.0, half)):
        both.session(time, 0, np.ones(N), who)
    once.session(0.0, 0, np.ones(N), np.ones(N, np.bool_))
    for mine, other in zip(both.states(400.0), once.states(400.0), strict=True):
        np.testing.assert_array_equal(mine[~half], other[~half])
    assert (both.states(400.0)[1] >= once.states(400.0)[1] - 1e-12).all()


def test_before_the_first_session_nothing_has_begun() -> None:
    one = _arm([0], **KETAMINE)
    people, values, _ = one._people(np.arange(N))
    calendars = [session_calendar(())]
    plan = kernel_plan(values, people["weight"], calendars)
    kernels = session_kernels(values, people["weight"], calendars, np.zeros(0), plan)
    patients = Followed.start(kernels, N)
    assert all((state == 0.0).all() for state in patients.states(48.0))
    patients.session(48.0, 0, np.ones(N), np.ones(N, np.bool_))
    fast, restored, expected = patients.states(72.0)
    assert (fast == 0.0).all()
    # a session without a drug restores nothing, and is expected of
    assert np.abs(restored).max() < 1e-9
    assert (expected > 0.5).all()
