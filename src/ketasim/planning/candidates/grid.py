"""A grid of candidates: every combination as a sentence, those never studied left out and named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product
from typing import Final

from ketasim._base import InputError
from ketasim.dosing import Course, Dose, PlanOptions, Regimen, interval_words, parse_regimen
from ketasim.dosing.follow_up.candidate import CandidateItem
from ketasim.dosing.regimen import by_session
from ketasim.planning.candidates.candidate import GRID, NAMED, OWN, Candidate, LeftOut
from ketasim.planning.candidates.studied import (
    beyond_studied,
    conditions_of,
    longest_interval,
    session_dose,
    usual_options,
)
from ketasim.vocabulary import frequency_of

MOST: Final = 60
"""Candidates of a plan at most."""

_RAW: Final = 2000  # combinations of a grid at most, before those never studied are left out
_DAY, _WEEK = 24.0, 168.0
_TAPERED: Final = (_WEEK, 2 * _WEEK, 4 * _WEEK)
_EACH: Final = 2  # sessions at each longer interval; a choice, not a finding
_SLIP: Final = 1e-6
_MINUTES: Final = 60.0
_LONGEST: Final = 2_000  # characters of a sentence


@dataclass(frozen=True)
class Grid:
    """What a plan looks at.

    **Arguments:**

    - `candidates`: the course's own first. `left_out`: combinations that are none, and why.
    - `options`: the grid, with what was filled in; nothing where there was none.
    - `usual`: whether it is the one that is taken when none is given.
    """

    candidates: tuple[Candidate, ...]
    left_out: tuple[LeftOut, ...]
    options: PlanOptions | None
    usual: bool


@dataclass(frozen=True)
class _Place:
    """A combination, as text."""

    drug: str
    route: str
    dose: str
    interval: str
    number: int
    taper: str
    sentence: str


def candidates_of(
    course: Course,
    options: PlanOptions | None,
    regimens: Sequence[str] = (),
    *,
    beyond: bool = False,
) -> Grid:
    """List what a plan looks at: the course's own regimen, those named, and a grid.

    **Main arguments:**

    - `course`: patient, own regimen and horizon. Where it says until when the patient is known, its
      regimen was given, and candidates follow it; those of its `next` are among them.
    - `options`: the grid; without it and without `regimens`, one from what was studied.
    - `regimens`: sentences.

    **Other arguments:**

    - `beyond`: keep combinations of the grid that were never studied for the condition.

    **Raises:** `InputError` for a grid of nothing or of too many, and what cannot be read.
    """
    usual = options is None and not regimens and not course.next
    chosen = usual_options(course) if usual else options
    conditions = conditions_of(course)
    found = [_own(course, conditions)]
    for place, sentence in enumerate(regimens):
        regimen = _read(course, sentence, f"regimens[{place}]")
        why = beyond_studied(regimen, conditions)
        found.append(Candidate(0, " ".join(sentence.split()), regimen, NAMED, beyond=why))
    for one in course.next:
        regimen = one.after(course.regimen)
        why = beyond_studied(regimen, conditions)
        found.append(Candidate(0, one.name, regimen, NAMED, beyond=why))
    left_out: list[LeftOut] = []
    if chosen is not None:
        chosen = _filled(course, chosen)
        made = _combined(course, chosen, beyond, left_out)
        if not made:
            why = f": {left_out[0].name}: {left_out[0].why}" if left_out else ""
            remedy = "widen the grid, lengthen the horizon, or add --beyond-studied"
            raise InputError("plan", f"no combination of the grid is left{why}", remedy)
        found += made
    kept: list[Candidate] = []
    for one in found:
        if not any(_same(one.regimen, other.regimen) for other in kept):
            kept.append(replace(one, number=len(kept) + 1))
    if len(kept) > MOST:
        raise InputError(
            "plan",
            f"there are {len(kept)} candidates",
            f"give at most {MOST}: fewer intervals, numbers, doses or routes",
        )
    return Grid(tuple(kept), tuple(left_out), chosen, usual)


def _own(course: Course, conditions: Sequence[str]) -> Candidate:
    regimen = course.regimen
    name = regimen.text or "; ".join(regimen.describe())
    if course.scores:  # it was given: what stands here is what happens without a further session
        name = f"no further session after {name}"
    return Candidate(
        0, " ".join(name.split()), regimen, OWN, beyond=beyond_studied(regimen, conditions)
    )


def _read(course: Course, sentence: str, field: str) -> Regimen:
    """A sentence as the regimen of this patient, its doses checked against the limits."""
    try:
        regimen = parse_regimen(sentence)
        if course.now is not None:  # what was given stays, and this follows
            item = CandidateItem(name=GRID, regimen=sentence)
            follows = item.read(field, course.start, course.now, course.regimen)
            regimen = follows.after(course.regimen)
        replace(course, regimen=regimen, horizon=max(course.horizon, regimen.end + 1.0))
    except InputError as error:
        raise InputError(field, error.problem, error.remedy) from None
    return regimen


def _filled(course: Course, options: PlanOptions) -> PlanOptions:
    """The grid with the course's own regimen for what it does not say."""
    doses = course.regimen.doses
    sessions = by_session(doses)
    updates: dict[str, object] = {}
    if options.drug is None:
        updates["drug"] = tuple(dict.fromkeys(one.drug for one in doses))
    if options.route is None:
        updates["route"] = tuple(dict.fromkeys(one.route for one in doses))
    if options.dose is None:
        amounts = dict.fromkeys(session_dose(one) for one in sessions)
        updates["dose"] = tuple(f"{amount:.10g} {unit}" for amount, unit in amounts)
    if options.number is None:
        updates["number"] = (len(sessions),)
    if options.interval is None:
        updates["interval"] = _own_intervals(course, options, updates)
    return options.model_copy(update=updates)


def _own_intervals(
    course: Course, options: PlanOptions, updates: dict[str, object]
) -> tuple[str, ...]:
    """How far apart the course's own sessions are, where one interval says it."""
    starts = course.regimen.sessions
    numbers = options.number or updates["number"]
    if numbers == (1,):
        return ("weekly",)  # of one session it says nothing
    gaps = {round(b - a, 6) for a, b in pairwise(starts)}
    days = [round((start - starts[0]) / _DAY, 6) for start in starts]
    for per_week in range(2, 7):
        if len(days) > 1 and days == [7 * k // per_week for k in range(len(days))]:
            return (f"{per_week}/week",)
    if len(gaps) != 1:
        raise InputError(
            "plan.interval",
            "is missing, and the course's own sessions are not at one interval",
            "give the intervals, such as '3 d, 1 wk'",
        )
    return (interval_words(gaps.pop()),)


def _combined(
    course: Course, options: PlanOptions, beyond: bool, left_out: list[LeftOut]
) -> list[Candidate]:
    """Candidates of a grid; what is left out is added to `left_out`."""
    conditions = conditions_of(course)
    raw = 1
    for part in (options.drug, options.route, options.dose, options.interval, options.number):
        raw *= len(part or ())
    if raw > _RAW:
        problem = f"the grid has {raw:,} combinations"
        raise InputError("plan", problem, f"give at most {MOST} candidates")
    found: list[Candidate] = []
    refused: dict[tuple[str, str], InputError] = {}
    read: set[tuple[str, str]] = set()
    for place in _places(course, options, conditions):
        # what a sentence is refused for is its dose, or what was put behind one that was read
        fault = ("taper", place.taper) if place.taper else ("dose", place.dose)
        try:
            regimen = _read(course, place.sentence, f"plan.{fault[0]}")
        except InputError as error:
            refused.setdefault(fault, error)
            left_out.append(LeftOut(place.sentence, error.problem))
            continue
        read.add(fault)
        if regimen.doses[-1].time >= course.horizon:
            last = regimen.sessions[-1] / _DAY
            days = f"{course.horizon / _DAY:.4g}"
            why = f"its last session, on day {last:.3g}, is not before the horizon of {days} d"
            left_out.append(LeftOut(place.sentence, why))
            continue
        why = beyond_studied(regimen, conditions)
        if why and not beyond:
            left_out.append(LeftOut(place.sentence, why))
            continue
        found.append(
            Candidate(
                0,
                place.sentence,
                regimen,
                GRID,
                place.drug,
                place.route,
                place.dose,
                place.interval,
                str(place.number),
                place.taper,
                why,
            )
        )
    for fault, error in refused.items():
        if fault not in read:
            raise InputError(error.field, f"'{fault[1]}': {error.problem}", error.remedy)
    return found


def _places(course: Course, options: PlanOptions, conditions: Sequence[str]) -> Iterator[_Place]:
    """Every combination with its sentence."""
    assert options.drug and options.route and options.dose and options.interval and options.number
    kinds = product(options.drug, options.route, options.dose)
    for drug, route, dose in kinds:
        given = f"{drug} {dose}{_salt(course, drug)} {route}{_over(course, options, route)}"
        for interval, number in product(options.interval, options.number):
            # after '3/week', 'x 2' may be sessions or weeks
            sessions = " sessions" if interval.endswith("/week") else ""
            when = "once" if number == 1 else f"{interval} x {number}{sessions}"
            plain = f"{given} {when}"
            yield _Place(drug, route, dose, interval, number, "", plain)
            if number == 1:
                continue
            for taper in _tapers(course, options, interval, conditions, plain):
                yield _Place(drug, route, dose, interval, number, taper, f"{plain}, then {taper}")


def _tapers(
    course: Course, options: PlanOptions, interval: str, conditions: Sequence[str], plain: str
) -> list[str]:
    """What may follow the sessions at an interval; of longer intervals as many as have room."""
    if not options.taper:
        return []
    if options.taper is not True:
        return list(options.taper)
    frequency = frequency_of(interval)
    assert frequency is not None
    try:
        first = parse_regimen(plain).doses[0]
    except InputError:
        return []
    longest = longest_interval(conditions, first.drug, first.route)
    longer = [gap for gap in _TAPERED if frequency.gap + _SLIP < gap <= longest + _SLIP]
    steps = [f"{interval_words(gap)} x {_EACH}" for gap in longer]
    for count in range(len(steps), 0, -1):
        taper = ", then ".join(steps[:count])
        if parse_regimen(f"{plain}, then {taper}").doses[-1].time < course.horizon:
            return [taper]
    return []


def _salt(course: Course, drug: str) -> str:
    """The salt that the course's own doses of a drug are of, where they are not of base."""
    salts = {one.salt for one in course.regimen.doses if one.drug == drug}
    return f" {salts.pop()}" if len(salts) == 1 and salts != {"base"} else ""


def _over(course: Course, options: PlanOptions, route: str) -> str:
    """How long an infusion takes: as asked, or as in the course's own doses by that route."""
    if route != "iv":
        return ""
    if options.over is not None:
        return f" over {options.over}"
    own = {one.duration for one in course.regimen.doses if one.route == route}
    if len(own) != 1:
        raise InputError(
            "plan.over",
            "is missing, and the course's own doses do not say how long an infusion takes",
            "give it, such as '40 min'",
        )
    duration = own.pop()
    return f" over {_MINUTES * duration:.10g} min" if duration else " bolus"


def _same(one: Regimen, other: Regimen) -> bool:
    """Whether two regimens give the same."""

    def given(doses: Sequence[Dose]) -> list[tuple[object, ...]]:
        return [
            (
                d.drug,
                d.route,
                d.salt,
                d.unit,
                *(round(x, 6) for x in (d.time, d.amount, d.duration)),
            )
            for d in doses
        ]

    return given(one.doses) == given(other.doses)


def left_out_words(left_out: Sequence[LeftOut]) -> list[tuple[str, int, list[str]]]:
    """What was left out, by reason.

    **Arguments:**

    - `left_out`: of a grid.

    **Returns:** reason, how many, and their sentences.
    """
    reasons: dict[str, list[str]] = {}
    for one in left_out:
        reasons.setdefault(one.why, []).append(one.name)
    return [(why, len(names), names) for why, names in reasons.items()]
