"""What may follow: the course with each candidate, from now to the horizon."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from ketasim._base import InputError
from ketasim.dosing import HEALTHY, Candidate, Course

STOP: Final = "stop"
"""Name of the option of no further session, where no candidates are given."""

_DAY: Final = 24.0
WEEKS: Final = 8 * 7 * _DAY
"""How long after now a course is followed where no horizon is given, h."""
_AFTER: Final = 7 * _DAY  # h after the last session, at least


@dataclass(frozen=True)
class Option:
    """A candidate with what was given before.

    **Arguments:**

    - `name`: of the candidate. `course`: sessions of both, to the horizon.
    - `sessions`: how many follow.
    """

    name: str
    course: Course
    sessions: int


@dataclass(frozen=True)
class Options:
    """What is looked at ahead.

    **Arguments:**

    - `given`: the course as given until now. `now`, `horizon`: h.
    - `options`: candidates. `assumptions`: as sentences.
    """

    given: Course
    now: float
    horizon: float
    options: tuple[Option, ...]
    assumptions: tuple[str, ...]


def options_of(course: Course) -> Options:
    """Read what may follow.

    **Raises:** `InputError` when the course cannot be forecast.
    """
    _check(course)
    now = course.now if course.now is not None else course.regimen.sessions[-1]
    candidates = course.next or (Candidate(STOP),)
    every = [one.after(course.regimen) for one in candidates]
    assumptions = [one.note for one in candidates if one.note]
    if course.horizon_given:
        horizon = course.horizon
        if horizon <= now:
            raise InputError(
                "horizon",
                f"day {horizon / _DAY:.4g} is not after now, day {now / _DAY:.4g}",
                "give a later one; it counts from the start of the course",
            )
    else:
        last = max(regimen.sessions[-1] for regimen in every)
        horizon = max(now + WEEKS, last + _AFTER)
        assumptions.append(
            f"The horizon is not given: day {horizon / _DAY:.4g}, eight weeks after now or a week "
            "after the last session."
        )
    if not course.next:
        assumptions.append("No candidates are given: no further session is looked at.")
    bare = replace(
        course, population=None, scores=(), now=None, next=(), horizon=horizon, horizon_given=True
    )
    sessions = len(course.regimen.sessions)
    options = tuple(
        Option(one.name, replace(bare, regimen=regimen), len(regimen.sessions) - sessions)
        for one, regimen in zip(candidates, every, strict=True)
    )
    return Options(bare, now, horizon, options, tuple(assumptions))


def _check(course: Course) -> None:
    if course.patient.diagnosis == HEALTHY:
        raise InputError(
            "patient.diagnosis",
            "mood is not computed for a healthy volunteer",
            "name the diagnosis that the scores are of",
        )
    if course.pk_model != "reference":
        raise InputError(
            "pk_model",
            f"mood is not computed with the model '{course.pk_model}'",
            "leave it out, or write 'reference'",
        )
    if any(dose.steady_state_interval is not None for dose in course.regimen.doses):
        raise InputError(
            "doses",
            "a score has no steady state to start from",
            "write the earlier doses out",
        )
    if not course.scores and course.patient.baseline is None:
        raise InputError(
            "scores",
            "no score is given",
            "add one before treatment, such as '{day: 0, scale: PHQ9, score: 21}'",
        )
