"""The grid of a run: chosen on the patients who need it most, checked on who may need more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.engine.grid import BINS, Profile
from ketasim.engine.patients import Group, Patients
from ketasim.engine.pilot import LEFT, Piloted, Solver, choose_profile, halving_errors
from ketasim.engine.response.cascade import Cascade
from ketasim.engine.system import System

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

_MOST_CALENDARS = 6
_EXTREMES = 36  # pilot patients at most, of all calendars
_SUSPECTS = 16  # patients whom the pilot's errors point to
_MOST_DOSES = 1500  # of all pilot patients together
_ROUNDS = 4
_SAFE = 0.8  # part of the tolerance that is aimed at
_COARSE = 4.0  # times the tolerance: where the search for few patients begins
_FINEST = 4  # halvings at most; then it is better to look where steps are needed
_MOST_LOST = 4  # of them with a state that is not finite

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


def make_plan(
    patients: Patients,
    groups: Sequence[Group],
    cascade: Cascade,
    tolerance: float,
    build: Callable[[Group, Integers], System],
    solver: Solver,
    *,
    few: bool = False,
) -> Plan:
    """Choose the steps for a population.

    The pilot patients are those with the smallest and the largest value of every parameter and
    those farthest out over all. Their errors, as a function of the parameters, then point to the
    patients who should do worst; these are checked, and join the pilot until none is beyond the
    tolerance. Which patients these are depends on their numbers alone, not on their order.

    **Arguments:**

    - `patients`, `groups`: who is simulated.
    - `cascade`: the step of the response.
    - `tolerance`: relative error allowed.
    - `build`: makes the system of some members of a group.
    - `solver`: of the pilot.
    - `few`: all patients are checked on steps a little finer than they should need, which is
      quicker than to look for the cheapest.
    """
    if not cascade.model.states:
        # what follows the concentrations at once is exact
        return Plan(starting_profile(tolerance), tolerance, 0.0, 0)
    if few:
        quick = _for_few(groups, cascade, tolerance, build, solver)
        if quick.kept:
            return quick
    chosen = _calendars(patients, groups)
    # fewer patients where a calendar is long: a pilot of many doses is as telling with few
    doses = sum(len(patients.calendars[group.calendar].doses) for group in chosen)
    part = min(1.0, _MOST_DOSES / max(doses * _EXTREMES / len(chosen), 1.0))
    room = max(int(part * _EXTREMES) // len(chosen), 4)
    suspects = max(int(part * _SUSPECTS) // len(chosen), 1) + 1
    features = {id(group): _features(patients, group) for group in chosen}
    pilots = {id(group): _extremes(features[id(group)], room) for group in chosen}
    found: Piloted | None = None
    checked = 0
    for _ in range(_ROUNDS):
        systems = [build(group, group.members[pilots[id(group)]]) for group in chosen]
        start = found.profile if found is not None else starting_profile(tolerance)
        found = choose_profile(systems, cascade, tolerance, solver, start)
        checked = sum(len(one) for one in pilots.values())
        worst = found.error
        again = False
        place = 0
        for group in chosen:
            mine = pilots[id(group)]
            errors = found.errors[place : place + len(mine)]
            place += len(mine)
            more = _suspects(features[id(group)], mine, errors, suspects)
            if not len(more):
                continue
            seen = halving_errors(build(group, group.members[more]), cascade, found.profile, solver)
            checked += len(more)
            worst = max(worst, float(seen.max()))
            beyond = more[seen > tolerance]
            if len(beyond):
                pilots[id(group)] = np.concatenate([mine, beyond])
                again = True
        found = Piloted(found.profile, worst, found.worst, found.errors)
        if not again or not np.isfinite(worst):
            break
    assert found is not None
    profile, error = found.profile, found.error
    systems = [build(group, group.members[pilots[id(group)]]) for group in chosen]
    for _ in range(_FINEST):
        if error <= tolerance or not np.isfinite(error):
            break
        # the search for the cheapest has ended without success: finer everywhere
        profile = profile.finer()
        error = max(float(halving_errors(one, cascade, profile, solver).max()) for one in systems)
    return Plan(profile, tolerance, error, checked)


def _for_few(
    groups: Sequence[Group],
    cascade: Cascade,
    tolerance: float,
    build: Callable[[Group, Integers], System],
    solver: Solver,
) -> Plan:
    profile = starting_profile(_COARSE * tolerance)
    systems = [build(group, group.members) for group in groups]
    error, lost = np.inf, 0
    for _ in range(_FINEST):
        rough = max(float(halving_errors(one, cascade, profile, solver).max()) for one in systems)
        # the finer of the two runs is the one that is used
        error, profile = LEFT * rough, profile.finer()
        lost += not np.isfinite(rough)
        if error <= _SAFE * tolerance or lost == _MOST_LOST:
            break
    return Plan(profile, tolerance, error, sum(one.n for one in systems))


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
