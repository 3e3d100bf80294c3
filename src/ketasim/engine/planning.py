"""The grid of a run: chosen on the patients who need it most, checked on who may need more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim.engine.grid import BINS, Profile
from ketasim.engine.linear.inputs import DoseLike
from ketasim.engine.patients import Calendar, Group, Patients
from ketasim.engine.pilot import Solver, choose_profile, cost_of, halving_errors
from ketasim.engine.response.cascade import Cascade
from ketasim.engine.system import System

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

Build = Callable[[Group, Integers], System]

_MOST_CALENDARS = 6
_SESSIONS = 4  # of a calendar at most, on which steps are searched for
_APART = 2.0  # h between the doses of one session and the next
_SEARCHED = 12  # patients of a calendar for whom steps are searched
_EXTREMES = 36  # pilot patients at most, of all calendars
_SUSPECTS = 16  # patients whom the pilot's errors point to
_MOST_DOSES = 1500  # of all pilot patients together
_ROUNDS = 4
_SAFE = 0.8  # part of the tolerance that is aimed at
_LEAST_AIM = 0.1  # part of the aim before, at least: a kink is passed in whole steps
DEAREST: Final = np.inf
"""Steps at which a search ends, over those usual for the tolerance."""

_FINEST = 4  # halvings at most; then it is better to look where steps are needed

# Where the search begins, at a tolerance of 1e-4. It only saves rounds: what a profile does is
# measured before it is used.
_RUNNING = (1, 1, 2, 3, 4, 4, 4, 8, 8, 8, 8, 8)
_FREE = (1, 1, 1, 1, 1, 2, 2, 3, 4, 5, 6, 8, 5, 5, 8, 12)


@dataclass(frozen=True)
class Plan:
    """The steps of a run.

    **Arguments:**

    - `profile`: steps by time since the last change of input.
    - `tolerance`: the relative error asked for.
    - `error`: the largest relative error found by halving every step, over all states and times of
      the patients who were checked; small numbers count as a thousandth of the state's largest.
    - `checked`: how many patients were looked at for it, some of them more than once. Both are of
      the population that the plan was made for.
    - `model`: the name of the model it was made for.
    """

    profile: Profile
    tolerance: float
    error: float
    checked: int
    model: str = ""

    @property
    def kept(self) -> bool:
        """Whether the tolerance was kept."""
        return self.error <= self.tolerance


def starting_profile(tolerance: float) -> Profile:
    """A profile to begin with."""

    def scaled(counts: Sequence[int]) -> tuple[int, ...]:
        filled = list(counts)
        while len(filled) < BINS:
            filled.append(min(2 * filled[-1], 4096))
        factor = (1e-4 / tolerance) ** 0.25
        return tuple(max(round(n * factor), 1) for n in filled)

    return Profile(scaled(_RUNNING), scaled(_FREE))


@dataclass(frozen=True)
class _Moved:
    """A dose at another time, h."""

    dose: DoseLike
    time: float

    @property
    def drug(self) -> str:
        return self.dose.drug

    @property
    def route(self) -> str:
        return self.dose.route

    @property
    def duration(self) -> float:
        return self.dose.duration

    @property
    def device(self) -> int:
        return self.dose.device

    @property
    def rate_given(self) -> bool:
        return self.dose.rate_given

    @property
    def steady_state_interval(self) -> float | None:
        return self.dose.steady_state_interval

    def milligrams(self, weight: Any) -> Any:
        return self.dose.milligrams(weight)


def shortened(calendar: Calendar, weight: float) -> Calendar:
    """A calendar with a few of its sessions, each with the time that follows it.

    They are the first, the last, that of the largest dose and that before the longest break. The
    steps after a dose depend on the time since it, so a few sessions tell what many would; none is
    followed for longer than in the whole.

    **Arguments:**

    - `calendar`: the whole.
    - `weight`: kg, by which doses are compared.
    """
    sessions: list[list[DoseLike]] = []
    for dose in sorted(calendar.doses, key=lambda one: one.time):
        if dose.time >= calendar.horizon:
            break
        if not sessions or dose.time - sessions[-1][-1].time > _APART:
            sessions.append([])
        sessions[-1].append(dose)
    if len(sessions) <= _SESSIONS:
        return calendar
    starts = [session[0].time for session in sessions]
    follows = np.diff([*starts, calendar.horizon])
    given = [sum(float(dose.milligrams(weight)) for dose in session) for session in sessions]
    last = len(sessions) - 1
    chosen = sorted({0, int(np.argmax(given)), int(np.argmax(follows[:-1])), last})
    moved: list[DoseLike] = []
    at = starts[0]
    for i in chosen:
        moved += [_Moved(dose, round(at + dose.time - starts[i], 9)) for dose in sessions[i]]
        at += float(follows[i])
    return Calendar(tuple(moved), at)


def make_plan(
    patients: Patients,
    groups: Sequence[Group],
    cascade: Cascade,
    tolerance: float,
    build: Build,
    brief: Build,
    solver: Solver,
    *,
    few: bool = False,
    dearest: float = DEAREST,
    first: Profile | None = None,
) -> Plan:
    """Choose the steps for a population.

    The pilot patients are those with the smallest and the largest value of every parameter and
    those farthest out over all. The cheapest steps are searched for on a few sessions of some of
    them, and checked on all sessions of all of them. Their errors, as a function of the parameters,
    then point to the patients who should do worst; these are checked too. Where somebody is beyond
    the tolerance, the search goes on with a smaller one and with those patients. Which patients
    these are depends on their numbers alone, not on their order.

    **Main arguments:**

    - `patients`, `groups`: who is simulated.
    - `cascade`: the step of the response.
    - `tolerance`: relative error allowed.
    - `build`: makes the system of some members of a group.
    - `brief`: the same on the `shortened` calendars.
    - `solver`: of the pilot.

    **Other arguments:**

    - `few`: all calendars are looked at.
    - `dearest`: steps at which the search ends, over those usual for the tolerance.
    - `first`: steps that are taken without a search where they keep the tolerance.
    """
    if not cascade.model.states:
        # what follows the concentrations at once is exact
        return Plan(starting_profile(tolerance), tolerance, 0.0, 0)
    chosen = list(groups) if few else _calendars(patients, groups)
    # fewer patients where a calendar is long: a pilot of many doses is as telling with few
    doses = sum(len(patients.calendars[group.calendar].doses) for group in chosen)
    part = min(1.0, _MOST_DOSES / max(doses * _EXTREMES / len(chosen), 1.0))
    pilots = [
        _Pilot(
            group,
            features := _features(patients, group),
            _extremes(features, max(int(part * _EXTREMES) // len(chosen), 4)),
            _extremes(features, max(_SEARCHED // len(chosen), 4)),
        )
        for group in chosen
    ]
    suspects = max(int(part * _SUSPECTS) // len(chosen), 1) + 1
    usual = starting_profile(tolerance)
    profile, aim = usual, tolerance
    worst, checked = np.inf, 0
    if first is not None:
        errors = [
            _checked(one, cascade, first, build, solver, tolerance, suspects)[0] for one in pilots
        ]
        if max(errors) <= tolerance:
            checked = sum(len(one.known) + suspects for one in pilots)
            return Plan(first, tolerance, max(errors), checked)
    for _ in range(_ROUNDS):
        systems = [brief(one.group, one.group.members[one.searched]) for one in pilots]
        limit = dearest * cost_of(systems, usual)
        found = choose_profile(systems, cascade, aim, solver, profile, limit)
        profile = found.profile
        worst, checked, again = 0.0, 0, False
        for one in pilots:
            error, beyond = _checked(one, cascade, profile, build, solver, tolerance, suspects)
            worst, checked = max(worst, error), checked + len(one.known) + suspects
            again |= one.add(beyond)
        if worst <= tolerance:
            break
        if np.isfinite(dearest) and aim < found.error < np.inf:
            break  # where the rates have corners steps of any length lose their order
        if not np.isfinite(worst):
            profile = usual  # what steps too long do tells nothing
        elif not again:
            # they are searched for already: what they miss is on the other sessions
            aim *= max(_SAFE * tolerance / worst, _LEAST_AIM)
    systems = [build(one.group, one.group.members[one.known]) for one in pilots]
    for _ in range(_FINEST):
        if worst <= tolerance or cost_of(systems, profile) > dearest * cost_of(systems, usual):
            break
        # the search for the cheapest has ended without success: finer everywhere
        profile = profile.finer()
        worst = max(float(halving_errors(one, cascade, profile, solver).max()) for one in systems)
    return Plan(profile, tolerance, worst, checked)


@dataclass
class _Pilot:
    """The patients of a calendar who are solved first: positions among the group's members.

    **Arguments:**

    - `features`: of all members. `known`: who is checked. `searched`: for whom steps are searched.
    """

    group: Group
    features: Array
    known: Integers
    searched: Integers

    def add(self, more: Integers) -> bool:
        """Take patients in; tell whether steps were not yet searched for some of them."""
        before = len(self.searched)
        self.known = np.union1d(self.known, more)
        self.searched = np.union1d(self.searched, more)
        return len(self.searched) > before


def _checked(
    pilot: _Pilot,
    cascade: Cascade,
    profile: Profile,
    build: Build,
    solver: Solver,
    tolerance: float,
    suspects: int,
) -> tuple[float, Integers]:
    """Largest error of the pilot patients and of those whom their errors point to; who is beyond.

    Of those beyond, as many as are searched for: the worst.
    """
    members = pilot.group.members

    def errors_of(who: Integers) -> Array:
        return halving_errors(build(pilot.group, members[who]), cascade, profile, solver)

    errors = errors_of(pilot.known)
    more = _suspects(pilot.features, pilot.known, errors, suspects)
    everybody = np.concatenate([pilot.known, more])
    if len(more):
        errors = np.concatenate([errors, errors_of(more)])
    beyond = np.flatnonzero(errors > tolerance)
    order = beyond[np.argsort(-errors[beyond], kind="stable")][:_SUSPECTS]
    return float(errors.max()), everybody[order]


def _calendars(patients: Patients, groups: Sequence[Group]) -> list[Group]:
    """The groups a pilot runs on: the longest, the busiest, the largest and some between."""

    def key(group: Group) -> tuple[float, int, int]:
        calendar = patients.calendars[group.calendar]
        return calendar.horizon, len(calendar.doses), len(group.members)

    if len(groups) <= _MOST_CALENDARS:
        return list(groups)
    ranked = [max(groups, key=lambda group, i=i: key(group)[i]) for i in range(3)]
    ordered = sorted(groups, key=key)
    spread = np.linspace(0, len(ordered) - 1, _MOST_CALENDARS).round().astype(int)
    picked: dict[int, Group] = {}
    for group in (*ranked, *(ordered[int(i)] for i in spread)):
        picked.setdefault(group.calendar, group)
    return list(picked.values())[:_MOST_CALENDARS]


def _features(patients: Patients, group: Group) -> Array:
    """What differs between the members, each from -1 to 1, shape (members, F)."""
    columns: list[Array] = []
    for value in (*patients.values.values(), patients.weight):
        if value.ndim == 0:
            continue
        mine = value[group.members]
        if mine.min() > 0:
            mine = np.log(mine)
        low, high = mine.min(), mine.max()
        if high > low:
            columns.append((mine - 0.5 * (low + high)) * (2.0 / (high - low)))
    if not columns:
        return np.zeros((len(group.members), 0))
    return np.column_stack(columns)


def _extremes(features: Array, room: int) -> Integers:
    n, count = features.shape
    if n <= room:
        return np.arange(n, dtype=np.int64)
    if count == 0:
        return np.zeros(1, np.int64)
    found: dict[int, None] = {}
    norm = (features**2).sum(axis=1)
    for place in _largest(norm, features, room // 3):
        found[place] = None
    for score in (s for f in range(count) for s in (features[:, f], -features[:, f])):
        if len(found) >= room:
            break
        for place in _largest(score, features, 1):
            found[place] = None
    # the rest lies between: evenly spaced in how far out they are
    order = np.argsort(norm, kind="stable")
    left = max(room - len(found), 0)
    for place in order[np.linspace(0, n - 1, left).round().astype(int)] if left else ():
        found[int(place)] = None
    return np.array(sorted(found), np.int64)


def _largest(score: Array, features: Array, count: int) -> list[int]:
    """Positions of the largest scores; among equals the order of the features decides."""
    count = min(count, len(score))
    if count == 0:
        return []
    edge = np.partition(score, len(score) - count)[len(score) - count]
    places = np.flatnonzero(score >= edge)
    rank = np.lexsort((*features[places].T, -score[places]))
    return [int(places[i]) for i in rank[:count]]


def _suspects(features: Array, known: Integers, errors: Array, count: int) -> Integers:
    """Patients whose error should be largest, judged by those that are known."""
    n, width = features.shape
    good = np.isfinite(errors) & (errors > 0)
    if n <= len(known) or width == 0 or good.sum() < 4:
        return np.zeros(0, np.int64)

    def terms(x: Array) -> Array:
        return np.column_stack([np.ones(len(x)), x, x**2])

    # in an order of their own, so that sums do not depend on that of the patients
    rank = np.lexsort(features[known[good]].T)
    design = terms(features[known[good]][rank])
    penalty = 0.05 * np.eye(design.shape[1])
    penalty[0, 0] = 0.0
    known_errors = np.log(errors[good][rank])
    slope = np.asarray(
        np.linalg.solve(design.T @ design + penalty, design.T @ known_errors), np.float64
    )
    guess = slope[0] + np.zeros(n)
    for f in range(width):
        # term by term: a matrix product would depend on how it is split
        guess += slope[1 + f] * features[:, f] + slope[1 + width + f] * features[:, f] ** 2
    guess[known] = -np.inf
    return np.array(_largest(guess, features, count), np.int64)
