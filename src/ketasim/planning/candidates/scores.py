"""Scores of the same virtual patients by every candidate, and what is counted of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError, KetasimError
from ketasim.dosing import Course, Dose, Regimen
from ketasim.dosing.regimen import by_session, in_order
from ketasim.engine import Patients, solve_each
from ketasim.engine.progress import Progress
from ketasim.models import MODELS, mood_chain
from ketasim.planning.candidates.people import People
from ketasim.planning.measure import Measure
from ketasim.population import (
    Answers,
    Situation,
    VisitNoise,
    mood_values,
    remission_chance,
    response_chance,
    still_well,
)
from ketasim.simulation.mood.inputs import MoodInput, calendar_of, mood_input, patients_of
from ketasim.simulation.mood.steps import steps_of
from ketasim.simulation.mood.weeks import REMISSION

Array = NDArray[np.float64]

SCORED: Final = ("MADRS_end", "response_end", "remission_end", "days_well", "relapse")
"""Criteria that follow from scores."""

_DAY, _WEEK = 24.0, 168.0
_STEP: Final = 12.0  # h, between the times at which scores are looked at, the same for all
_ONSET: Final = (2.0, 4.0, 8.0)  # h, within which the first session acts
_LONG: Final = 366 * _DAY  # from which once a day is enough
_FOUR_WEEKS: Final = 4 * _WEEK
_FEW: Final = 0.01  # share with a response, of which no relapse is told
_NUMBERS: Final = 20_000_000  # scores held at once
_SLIP: Final = 1e-6
_NAMES: Final = ("MADRS", "fast_arm")
_APART: Final = (0.0, 2 * _DAY)  # h, sessions by which steps are chosen
_NO_RELAPSE: Final = "the horizon is too short: relapse is looked for from week to week"


@dataclass(frozen=True)
class _Asked:
    """A candidate to be solved."""

    name: int
    course: Course
    given: MoodInput


def scored(courses: Mapping[int, Course], people: People) -> dict[int, list[Measure]]:
    """Follow the same patients by every candidate.

    What is looked at, and with which steps, does not depend on the other candidates, and so neither
    do the numbers.

    **Arguments:**

    - `courses`: number of a candidate to its course, all with one patient and horizon.
    - `people`: who is followed.

    **Returns:** number to a measure for each of `SCORED`.
    """
    kinds: dict[tuple[Regimen, Situation], list[_Asked]] = {}
    for name, course in courses.items():
        given = mood_input(course)
        kinds.setdefault((_few(course.regimen), given.situation), []).append(
            _Asked(name, course, given)
        )
    found: dict[int, list[Measure]] = {}
    with Progress(len(courses), show=None, what="candidates") as bar:
        for (few, _), asked in kinds.items():
            try:
                for one, measures in _followed(asked, few, people):
                    found[one.name] = measures
                    bar.advance(1)
            except InputError:
                raise
            except KetasimError as error:  # such as a dose whose effect drowns in rounding
                note = f"mood is not computed: {error}"
                for one in asked:
                    found[one.name] = [Measure(key, None, note=note) for key in SCORED]
    return found


def landmark(horizon: float) -> float | None:
    """The day from which relapse is looked for, h: four weeks, or half of a shorter horizon.

    **Arguments:**

    - `horizon`: h.

    **Returns:** nothing where there are no two weeks to look at.
    """
    half = _DAY * (0.5 * horizon // _DAY)
    day = min(_FOUR_WEEKS, half)
    return day if day >= _WEEK - _SLIP else None


def _few(own: Regimen) -> Regimen:
    """Two sessions of each content: by these steps are chosen, whatever the schedule."""
    found: dict[tuple[Dose, ...], None] = {}
    for session in by_session(own.doses):
        begin = session[0].time
        found.setdefault(tuple(replace(d, time=d.time - begin, session=0) for d in session))
    doses: list[Dose] = []
    for place, content in enumerate(sorted(found, key=repr)):
        for again, apart in enumerate(_APART):
            at, number = place * _WEEK + apart, len(_APART) * place + again
            doses += [replace(dose, time=at + dose.time, session=number) for dose in content]
    return Regimen(in_order(doses))


def _followed(
    asked: list[_Asked], few: Regimen, people: People
) -> Iterator[tuple[_Asked, list[Measure]]]:
    """Solve candidates with sessions of one kind."""
    first = asked[0]
    model = MODELS["reference"]
    chain, given = mood_chain(model), first.given
    numbers = given.numbers(people.drawn)
    rows = people.cohort.n
    start = np.full(rows, given.baseline)
    values = mood_values(numbers, people.effects, given.situation, start, spread=True)
    horizon = first.course.horizon
    model_course = replace(first.course, regimen=few, horizon=max(horizon, few.end + _WEEK))
    calendar = calendar_of(model_course, model_course.horizon)
    plan = steps_of(model_course, given, calendar, chain, model)
    times = _times(horizon)
    noise = VisitNoise.of(numbers)
    batch = max(int(_NUMBERS // (rows * len(times) * len(_NAMES))), 1)
    for begin in range(0, len(asked), batch):
        part = asked[begin : begin + batch]
        calendars = [calendar_of(one.course, horizon) for one in part]
        base = patients_of(people.cohort, numbers, values, calendars[0])
        patients = Patients(base.values, base.weight, tuple(calendars))
        solved = solve_each(chain, patients, times, _NAMES, plan=plan, progress=False)
        normals = people.normals(max(len(one.course.regimen.sessions) for one in part))
        for one, table in zip(part, solved, strict=True):
            sessions = one.course.regimen.sessions
            own = normals[:, : len(sessions)]
            answers = Answers.of(values, numbers["omega_A"], own, sessions)
            both = {"MADRS": table[..., 0], "fast_arm": table[..., 1]}
            scores = answers.applied(both, times)["MADRS"]
            yield one, list(_counted(scores, times, given.baseline, noise, people))


def _times(horizon: float) -> Array:
    """The same times for all candidates of a horizon, h."""
    step = _STEP if horizon <= _LONG else _DAY
    times: Array = np.unique(np.concatenate([np.arange(0.0, horizon, step), _ONSET, [horizon]]))
    return times[times <= horizon]


def _counted(
    scores: Array, times: Array, baseline: float, noise: VisitNoise, people: People
) -> Iterator[Measure]:
    """What is counted of the scores of every row, shape (rows, T)."""
    end = float(times[-1])
    sd = noise.sd(times)
    response = response_chance(scores, baseline, sd)
    last = sd[..., -1:]
    remission = remission_chance(scores[:, -1:], REMISSION, last)[:, 0]
    spread = people.spread
    value, drawn = people.gathered(scores[:, -1])
    yield Measure("MADRS_end", value, drawn, spread, at_h=end)
    for key, chance in (("response_end", response[:, -1]), ("remission_end", remission)):
        value, drawn = people.gathered(chance)
        yield Measure(key, value, np.clip(drawn, 0.0, 1.0), spread, at_h=end)
    days: Array = np.asarray(np.trapezoid(response, times / _DAY, axis=1))
    value, drawn = people.gathered(days)
    drawn = np.clip(drawn, 0.0, end / _DAY)
    note = "expected days on which a rating shows half of the baseline or less"
    yield Measure("days_well", value, drawn, spread, note=note)
    yield _relapse(scores, times, baseline, noise, people)


def _relapse(
    scores: Array, times: Array, baseline: float, noise: VisitNoise, people: People
) -> Measure:
    """Of those with a response on a day that is the same for all, who has lost it since.

    The rating of a week is of its mean score: by the week's day alone a candidate would be at its
    worst or at its best.
    """
    horizon = float(times[-1])
    begin = landmark(horizon)
    if begin is None:
        return Measure("relapse", None, note=_NO_RELAPSE)
    visits = np.arange(begin, horizon + _SLIP, _WEEK)
    if len(visits) < 2:
        return Measure("relapse", None, note=_NO_RELAPSE)
    weekly = np.stack([_mean(scores, times, at - _WEEK, at) for at in visits], axis=1)
    start = np.full(len(scores), baseline)
    first, well = still_well(weekly, start, noise, visits, coarse=True)
    share, shares = people.gathered(first)
    kept, kepts = people.gathered(well[:, -1])
    note = (
        f"of those with a response on day {begin / _DAY:.3g} the share without one in a weekly "
        f"rating by day {visits[-1] / _DAY:.3g}"
    )
    if share < _FEW or shares.min() < _FEW:
        few = f"less than {_FEW:.0%} have a response on day {begin / _DAY:.3g}".replace("%", " %")
        return Measure("relapse", None, note=few)
    drawn = np.clip(1.0 - kepts / shares, 0.0, 1.0)
    return Measure("relapse", 1.0 - kept / share, drawn, people.spread, at_h=horizon, note=note)


def _mean(scores: Array, times: Array, begin: float, end: float) -> Array:
    inside = (times >= begin - _SLIP) & (times <= end + _SLIP)
    weights = times[inside]
    return np.trapezoid(scores[:, inside], weights, axis=1) / (weights[-1] - weights[0])
