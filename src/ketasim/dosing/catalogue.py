"""What ships, a line each: example courses, and published and example trials."""

from __future__ import annotations

from dataclasses import dataclass

from ketasim.dosing.course import load_course
from ketasim.dosing.shipped import shipped
from ketasim.dosing.trial.arm import Arm
from ketasim.dosing.trial.design import Trial, load_trial
from ketasim.dosing.trial.label import ROUTE_WORDS
from ketasim.evidence import facts, source

_DAY = 24.0


@dataclass(frozen=True)
class CatalogueEntry:
    """A course or trial that ships.

    **Arguments:**

    - `name`: what loads it. `title`: of the file.
    - `given`: regimen of a course; drugs, routes and controls of a trial's arms.
    - `patients`: virtual patients of a course (1: the typical one), or enrolled in a trial.
    - `days`: how long it is followed.
    - `source`: of a published trial, as it is cited; empty of an example.
    """

    name: str
    title: str
    given: str
    patients: int
    days: float
    source: str


def catalogue(kind: str) -> tuple[CatalogueEntry, ...]:
    """List what ships.

    **Arguments:**

    - `kind`: `course` or `trial`.
    """
    return tuple((_trial if kind == "trial" else _course)(name) for name in shipped(kind))


def _course(name: str) -> CatalogueEntry:
    course = load_course(shipped("course")[name])
    patients = 1 if course.population is None else course.population.n
    given = course.regimen.text or ", ".join(course.regimen.describe())
    return CatalogueEntry(name, course.title, given, patients, course.horizon / _DAY, "")


def _trial(name: str) -> CatalogueEntry:
    trial = load_trial(shipped("trial")[name])
    arms = dict.fromkeys(_given(arm) for arm in trial.enrolled_arms)
    patients = trial.enrolled
    cited = "" if trial.source is None else _cited(trial)
    return CatalogueEntry(
        name, trial.title, " / ".join(arms), patients, trial.horizon / _DAY, cited
    )


def _cited(trial: Trial) -> str:
    """The source of a trial, by authors and year where the tables name a paper of it."""
    assert trial.source is not None
    own = source(trial.source)
    authors = own.authors_year
    rows = facts("mood/training")
    reports = dict.fromkeys(row.source for row in rows if row.get("trial") == trial.key)
    for key in () if authors else reports:
        one = source(key)
        # another report of the same registered trial; a re-analysis has a key of its own
        if own.nct and one.nct == own.nct:
            authors = authors or one.authors_year
    if not authors or authors in own.display:
        return own.display
    return f"{authors} ({own.nct})"


def _given(arm: Arm) -> str:
    if arm.control is not None:
        return arm.control.replace("_", " ")
    phases = dict.fromkeys(
        f"{one.drug} {ROUTE_WORDS.get(one.route, one.route)}" for one in arm.phases
    )
    return ", ".join(phases)
