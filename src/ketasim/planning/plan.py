"""The verb `plan`: candidates for what is given, on the same virtual patients, and their front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from ketasim._base import InputError
from ketasim._base.words import counted
from ketasim.dosing import HEALTHY, Course, PlanOptions, PopulationSpec, load_course
from ketasim.dosing.course import FOLLOW_UP, REFERENCE
from ketasim.dosing.dose import LONGEST
from ketasim.dosing.fields import validated
from ketasim.engine import begin
from ketasim.forecasting.forecast import with_baseline
from ketasim.forecasting.options import WEEKS
from ketasim.forecasting.weighing.ratings import ratings_of
from ketasim.models import MODELS, mood_chain
from ketasim.planning.burden import burden, costs, shared_costs, within
from ketasim.planning.candidates.candidate import Candidate
from ketasim.planning.candidates.front import placed
from ketasim.planning.candidates.grid import Grid, candidates_of
from ketasim.planning.candidates.people import people_of
from ketasim.planning.candidates.scores import scored
from ketasim.planning.candidates.session import peaks
from ketasim.planning.candidates.survivors import SURVIVORS, Survived, survived
from ketasim.planning.certainty import WORDS, Certainty, nearest_arms
from ketasim.planning.criteria import CRITERIA, PLANNED, criterion
from ketasim.planning.measure import Measure
from ketasim.planning.planned import Plan
from ketasim.simulation.mood.beside import disagreement, near_values, times_compared
from ketasim.simulation.mood.inputs import mood_input
from ketasim.simulation.mood.studied import of_course
from ketasim.simulation.size import check_course

DEFAULT: Final = ("MADRS_end", "sessions", "CADSS_peak")
"""Criteria of the front where none are named."""

PATIENTS: Final = 200
"""Virtual patients of a course that asks for none."""

_SEED: Final = 1
_DAY: Final = 24.0
_NOT_STUDIED: Final = "no trial of this kind with a rating is in the evidence"


def plan(
    course: Course | Mapping[str, Any] | str | Path,
    regimens: Sequence[str] = (),
    *,
    grid: PlanOptions | Mapping[str, Any] | None = None,
    criteria: Sequence[str] = (),
    rank_by: str | None = None,
    beyond_studied: bool = False,
    seed: int | None = None,
) -> Plan:
    """Set many regimens side by side for one patient, on the same virtual patients.

    Candidates are the course's own regimen, those named, and the combinations of a grid. Each has
    the same criteria; the Pareto front is over those that are named. Nothing is ranked unless a
    criterion is named for it, and what is not told apart is said not to be.

    **Main arguments:**

    - `course`: the patient, the own regimen and the horizon, as `simulate` takes it; its key `plan`
      is the grid. With `scores`, virtual patients are weighed by them, and candidates follow what
      was given. Without a population there are 200 virtual patients around the patient.
    - `regimens`: sentences, each a candidate.

    **Other arguments:**

    - `grid`: `PlanOptions`, or a mapping of its fields; each goes before the same one of the file.
      With none of the three, a grid from what was studied for the condition.
    - `criteria`: names of those of the front, two or more, of `PLANNED` or `score`, `response`,
      `remission`, `dissociation`, `pressure`; score, sessions and dissociation when left out.
    - `rank_by`: one of them; left out, nothing is ranked.
    - `beyond_studied`: keep combinations of the grid that were never studied for the condition;
      their certainty is `far`.
    - `seed`: instead of the seed of the course's population.

    **Returns:** `Plan`.

    **Raises:** `InputError`, one line with the field and the remedy, for a course, a grid, a
    candidate or a criterion that cannot be used.
    """
    chosen = _criteria(criteria)
    ranked = "" if rank_by is None else criterion(rank_by, among=PLANNED).key
    course, notes = _prepared(course, seed)
    options = _options(course, grid)
    found, course, more = _candidates(course, options, regimens, beyond_studied)
    notes += more
    scored_course = course if course.scores else None
    if scored_course is not None:
        course = with_baseline(course, ratings_of(course))
    n = 0 if course.population is None else course.population.n
    check_course(course, MODELS[REFERENCE], sites=None, times=None, mood=True, session=False)
    begin(mood_chain(MODELS[REFERENCE]), n)
    courses = {
        one.number: replace(
            course, title="", regimen=one.regimen, plan=None, scores=(), now=None, next=()
        )
        for one in found.candidates
    }
    people = people_of(course)
    given = {number: within(one) for number, one in courses.items()}
    seen = None
    if scored_course is not None:
        seen = survived(scored_course, courses, people.first.seed or 0)
        notes += (_used(seen),)
    by_scores = scored(courses, people) if seen is None else seen.measures
    by_session = peaks(courses, people.first)
    certain: dict[int, tuple[Certainty, ...]] = {}
    disagrees: dict[int, str] = {}
    for number, one in courses.items():
        certain[number], disagrees[number] = _beside(one)
    names = [str(number) for number in courses]
    prices = costs({str(number): one for number, one in given.items()})
    cost = dict(zip(courses, shared_costs(prices, names), strict=True))
    measures: dict[int, dict[str, Measure]] = {}
    for one in found.candidates:
        number = one.number
        every = [*by_scores[number], *by_session[number], *burden(given[number]), cost[number]]
        every.append(_certainty(one, certain[number]))
        own = {measure.key: measure for measure in every}
        measures[number] = {key: own[key] for key in PLANNED}
    first = mood_input(course)
    return Plan(
        course=course,
        grid=found,
        courses=courses,
        measures=measures,
        certainty=certain,
        disagrees=disagrees,
        prices=prices,
        criteria=chosen or DEFAULT,
        criteria_named=bool(chosen),
        placed=placed(measures, [CRITERIA[key] for key in chosen or DEFAULT]),
        rank_by=ranked,
        patients=people.first.n,
        seed=people.first.seed or 0,
        baseline=first.baseline,
        assumed=tuple(text for _, text in first.assumed),
        notes=tuple(dict.fromkeys((*notes, *first.warnings, *people.first.notes))),
        mood_sources=first.sources,
        scores=None if seen is None else seen.scores,
    )


def _used(seen: Survived) -> str:
    """What the scores so far did, in a sentence."""
    return (
        f"Score, response, remission, relapse and days are of this patient: {SURVIVORS} virtual "
        f"patients drawn by how likely {counted(seen.scores, 'score')} after the first make them "
        f"(effective sample {seen.effective:.0f}). Sessions are of virtual patients around the "
        "patient."
    )


def _criteria(names: Sequence[str]) -> tuple[str, ...]:
    listed = [names] if isinstance(names, str) else list(names)
    found = tuple(
        dict.fromkeys(criterion(one, field="criteria", among=PLANNED).key for one in listed)
    )
    if len(found) == 1:
        raise InputError(
            "criteria",
            f"one criterion, '{listed[0]}', has no front",
            "name two or more; rank_by puts candidates in order by one",
        )
    return found


def _prepared(
    source: Course | Mapping[str, Any] | str | Path, seed: int | None
) -> tuple[Course, tuple[str, ...]]:
    """The course with a population."""
    course = source if isinstance(source, Course) else load_course(source)
    if course.patient.diagnosis == HEALTHY:
        raise InputError(
            "patient.diagnosis", "mood of a healthy volunteer is not computed", "name a depression"
        )
    if course.pk_model != REFERENCE:
        problem = f"mood is not computed with '{course.pk_model}'"
        raise InputError("pk_model", problem, "use pk_model: reference")
    if any(dose.steady_state_interval is not None for dose in course.regimen.doses):
        problem = "a score has no steady state to start from"
        raise InputError("doses", problem, "list the earlier doses themselves")
    if course.population is not None:
        if seed is not None:
            course = replace(course, population=course.population.reseeded(seed))
        return course, ()
    spec = PopulationSpec(n=PATIENTS).reseeded(_SEED if seed is None else seed)
    note = f"The course asks for no population: {PATIENTS} virtual patients around the patient."
    return replace(course, population=spec), (note,)


def _options(course: Course, grid: PlanOptions | Mapping[str, Any] | None) -> PlanOptions | None:
    """The grid of the options over that of the file."""
    if grid is None:
        return course.plan
    named = grid.model_dump(exclude_none=True) if isinstance(grid, PlanOptions) else dict(grid)
    named = {key: value for key, value in named.items() if value is not None}
    own = {} if course.plan is None else course.plan.model_dump(exclude_none=True)
    return validated(PlanOptions, {**own, **named}, prefix="plan") if named else course.plan


def _candidates(
    course: Course, options: PlanOptions | None, regimens: Sequence[str], beyond: bool
) -> tuple[Grid, Course, tuple[str, ...]]:
    """The candidates, followed equally long."""
    sentences = [regimens] if isinstance(regimens, str) else list(regimens)
    if course.horizon_given:
        return candidates_of(course, options, sentences, beyond=beyond), course, ()
    endless = replace(course, horizon=LONGEST)
    found = candidates_of(endless, options, sentences, beyond=beyond)
    last = max(one.regimen.sessions[-1] for one in found.candidates)
    end, told = last + FOLLOW_UP, "seven days after the last session of the longest candidate"
    if course.scores:  # as far as a forecast from the same scores
        now = course.now if course.now is not None else course.regimen.sessions[-1]
        end = max(end, now + WEEKS)
        told = f"eight weeks after now or {told}"
    course = replace(course, horizon=min(end, LONGEST), horizon_given=True)
    note = f"No horizon is given: {course.horizon / _DAY:.4g} d, {told}."
    return found, course, (note,)


def _beside(course: Course) -> tuple[tuple[Certainty, ...], str]:
    """How near a candidate is to what was studied, and where trials disagree with the model."""
    sessions = [start for start in course.regimen.sessions if start < course.horizon]
    own = of_course(course, setting=course.patient.setting or "outpatient")
    near = near_values(own, times_compared(sessions, course.horizon))
    after = max(sessions, default=0.0) + _DAY
    found = nearest_arms(own, near, after, course.horizon)
    return found, disagreement(own, near, of="a candidate")


def _certainty(one: Candidate, found: Sequence[Certainty]) -> Measure:
    """Studied, near or far as 0, 1 and 2, a day after the last session; beyond is far."""
    if not one.beyond and not found:
        return Measure("certainty", None, note=_NOT_STUDIED)
    word = WORDS[-1] if one.beyond else found[0].word
    end = f"; {found[-1].word} at the horizon" if len(found) > 1 else ""
    why = f": {one.beyond}" if one.beyond else " a day after the last session"
    return Measure("certainty", float(WORDS.index(word)), note=f"{word}{why}{end}")
