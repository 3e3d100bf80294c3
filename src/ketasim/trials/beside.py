"""The published trials nearest to the arms of a trial, and what the evidence does not reach."""

from __future__ import annotations

from typing import Final

from ketasim.dosing import Arm, Trial, arm_name
from ketasim.simulation.mood.beside import NearValue, disagreement, near_values
from ketasim.simulation.mood.reach import beyond_evidence
from ketasim.simulation.mood.studied import of_arm
from ketasim.trials.published import is_published

_ROUTINE: Final = ("change", "response", "remission")


def near_trials(trial: Trial) -> tuple[NearValue, ...]:
    """What the trials nearest to each arm reported, beside what the model gives for them.

    A published trial as it ships is not beside itself.

    **Arguments:**

    - `trial`: with all arms.
    """
    return tuple(value for arm in trial.arms for value in _near(trial, arm))


def evidence_notes(trial: Trial) -> list[str]:
    """Where the evidence disagrees with the model for an arm, and where it does not reach."""
    found: dict[str, list[str]] = {}
    for arm in trial.arms:
        own, last = of_arm(trial, arm), max(_visits(trial, arm), default=0.0)
        notes = [disagreement(own, _near(trial, arm), of="this arm")]
        if not is_published(trial):
            notes.append(beyond_evidence(own, last))
        for note in filter(None, notes):
            found.setdefault(note, []).append(arm_name(arm))
    return [f"Arm {', '.join(arms)}: {note}" for note, arms in found.items()]


def _near(trial: Trial, arm: Arm) -> tuple[NearValue, ...]:
    visits = _visits(trial, arm)
    if not visits:
        return ()
    without = (trial.key,) if is_published(trial) else ()
    return near_values(of_arm(trial, arm), sorted({visits[0], visits[-1]}), without=without)


def _visits(trial: Trial, arm: Arm) -> list[float]:
    """Visits after the first session, h, at which scores of an arm are reported."""
    start = min(arm.sessions, default=0.0)
    times = {
        time
        for one in trial.assessments
        if arm.id in one.arms and set(one.metrics).intersection(_ROUTINE)
        for time in one.times
        if time > start
    }
    return sorted(times)
