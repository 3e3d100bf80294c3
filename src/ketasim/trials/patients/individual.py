"""Patients followed one session at a time, where these differ between them.

By a rule on their score, with sessions that they miss, with rescue, and through the periods of a
crossover.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import permutations
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import Arm, Dose, Trial
from ketasim.engine import Calendar, Plan
from ketasim.population import VisitNoise, chain_scores, from_madrs
from ketasim.trials.patients.answers import Blend
from ketasim.trials.patients.leaving import STAYS, Stage
from ketasim.trials.patients.superposition import (
    OVER,
    Followed,
    Kernels,
    session_calendar,
    session_kernels,
)

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

COURSES: Final = ("leaves", "cause", "sessions", "missed", "rescued", "dense", "changes")
"""What came of a patient: when the trial is left, h (infinite for who stays), and why, a code of
`CAUSES`; sessions attended and missed until then; when rescue began, h; of the decisions of a
dosing rule the part for the shorter interval, and how often they changed."""

MOST_LOOKS: Final = 250
"""Most times after a session at which a state is kept."""

_SLIP: Final = 1e-6  # h
_ALL_ORDERS: Final = 3  # arms of a crossover up to which every order is used


@dataclass(frozen=True)
class Slot:
    """A time at which a session may take place.

    **Arguments:**

    - `time`: h. `kind`: place of its calendar. `of`: id of the arm whose treatment it is.
    - `turn`: its number under the dosing rule, from 0; nothing where it takes place anyway.
    """

    time: float
    kind: int
    of: str
    turn: int | None = None


@dataclass
class Schedule:
    """What may be given to the patients of an arm.

    **Arguments:**

    - `calendars`: a session each, at 0 h. `slots`: in order.
    """

    calendars: list[Calendar] = field(default_factory=list[Calendar])
    slots: list[Slot] = field(default_factory=list[Slot])

    def add(self, arm: Arm, start: float, *, since: float = 0.0, until: float = np.inf) -> None:
        """Add the sessions of an arm.

        **Arguments:**

        - `arm`: with its fixed sessions and its rule. `start`: of its day 0, h.
        - `since`, `until`: only those from then and before then, h after its day 0.
        """
        for time, doses in _sessions(arm):
            if since <= time < until:
                self.slots.append(Slot(start + time, self._kind(doses), _treatment(arm, time)))
        for turn, time in enumerate(arm.rule_times):
            if since <= time < until:
                of = _treatment(arm, time)
                sham = arm.control is not None and of == arm.id
                kind = self._kind(() if sham else _at_start(arm.last_session))
                self.slots.append(Slot(start + time, kind, of, turn))
        self.slots.sort(key=lambda slot: slot.time)

    def drug(self, slot: Slot) -> bool:
        """Whether a session holds a drug."""
        return any(isinstance(one, Dose) for one in self.calendars[slot.kind].doses)

    def _kind(self, doses: tuple[Dose, ...]) -> int:
        calendar = session_calendar(doses)
        if calendar not in self.calendars:
            self.calendars.append(calendar)
        return self.calendars.index(calendar)


def _treatment(arm: Arm, time: float) -> str:
    """Id of the arm in whose comparison a patient is at a session."""
    branch = arm.branch
    return arm.id if branch is None or time >= branch.after else branch.of


def _sessions(arm: Arm) -> list[tuple[float, tuple[Dose, ...]]]:
    """Fixed sessions of an arm, each with its doses."""
    by_start: dict[int, list[Dose]] = {}
    for dose in arm.doses:
        by_start.setdefault(dose.session, []).append(dose)
    given = {min(one.time for one in doses): tuple(doses) for doses in by_start.values()}
    return [(time, _at_start(given.get(time, ()))) for time in arm.sessions]


def _at_start(doses: Sequence[Dose]) -> tuple[Dose, ...]:
    start = min((dose.time for dose in doses), default=0.0)
    return tuple(replace(dose, time=round(dose.time - start, 9), session=0) for dose in doses)


@dataclass(frozen=True)
class Rated:
    """What came of some patients.

    **Arguments:**

    - `scores`: MADRS as rated, at the visits asked for, shape (n, T).
    - `attended`: whether each session of the schedule took place, shape (n, S); `planned`: whether
      it was due.
    - `rescued`: when rescue began, h; infinite for who got none, shape (n,).
    - `dense`: of each time at which a rule decided, whether the shorter interval followed; shape
      (n, D). `decided`: these times, h.
    """

    scores: Array
    attended: Flags
    planned: Flags
    rescued: Array
    dense: Flags
    decided: Array


@dataclass(frozen=True)
class Patientwise:
    """Patients of an arm, ready to be followed.

    **Arguments:**

    - `trial`, `arm`: of which. `schedule`: what may be given.
    - `kernels`: of a session of each kind.
    - `values`: of the chain, numbers or shape (n,), trial effects put in.
    - `heights`: id of an arm to what is expected of its treatment, shape (n,).
    - `rescue`: what an oral antidepressant would do, on the logarithm of severity, shape (n,).
    - `noise`: a function of times, h, that gives what ratings then add, shape (n, T).
    - `comes`: whether a patient would come to each session, shape (n, S).
    - `answers`: as of `session_answers`, shape (n, S) or more.
    - `watched`: visits at which the score may ask for rescue, h.
    """

    trial: Trial
    arm: Arm
    schedule: Schedule
    kernels: Kernels
    values: Mapping[str, Any]
    heights: Mapping[str, Array]
    rescue: Array
    noise: Callable[[Array], Array]
    comes: Flags
    answers: Array
    watched: tuple[float, ...] = ()

    def followed(self, times: Array, until: Array | None = None) -> Rated:
        """Follow them.

        **Arguments:**

        - `times`: of the visits, h, shape (T,).
        - `until`: when each leaves, h, shape (n,): from then on no session is given and no rescue
          begins, and the visits are rated all the same. Left out, everybody stays.
        """
        visits, back = np.unique(times, return_inverse=True)
        until = np.full(len(self.comes), np.inf) if until is None else until
        n, slots = len(self.comes), self.schedule.slots
        rule = self.arm.dosing_rule
        ruled = [slot.time for slot in slots if slot.turn is not None]
        watched = np.array(self.watched)
        rated = np.unique(np.concatenate([visits, np.array(ruled), watched]))
        added = self.noise(rated)
        patients = Followed.start(self.kernels, n)
        scores = np.full((n, len(visits)), np.nan)
        attended = np.zeros((n, len(slots)), np.bool_)
        planned = np.zeros((n, len(slots)), np.bool_)
        rescued = np.full(n, np.inf)
        due = np.zeros(n, np.int64)
        blend = Blend.start(n)
        dense = np.ones(n, np.bool_)
        told: list[Flags] = []
        decided: list[float] = []
        places = {round(slot.time, 6): place for place, slot in enumerate(slots)}
        starts = np.array([slot.time for slot in slots], np.float64)
        events = np.unique(np.round(np.concatenate([rated, starts]), 6))
        for time in map(float, events):
            score = np.zeros(0)
            column = int(np.searchsorted(rated, time - _SLIP))
            if column < len(rated) and abs(rated[column] - time) < 2 * _SLIP:
                score = self._score(patients, time, rescued, blend.at(time)) + added[:, column]
                score = np.clip(score, 0.0, self.values["M_max"])
                where = int(np.searchsorted(visits, time - _SLIP))
                if where < len(visits) and abs(visits[where] - time) < 2 * _SLIP:
                    scores[:, where] = score
                if len(watched) and np.abs(watched - time).min() < 2 * _SLIP:
                    rescued = np.where(time < until, self._rescued(score, time, rescued), rescued)
            if time not in places:
                continue
            place = places[time]
            slot = slots[place]
            here = np.ones(n, np.bool_)
            if slot.turn is not None:
                assert rule is not None
                here = due == slot.turn
                asks = rule.check is None or slot.turn % round(rule.check / rule.every) == 0
                chosen = here if rule.check is None else np.ones(n, np.bool_)
                if asks:
                    holds = rule.condition.holds(_points(rule.condition.scale, score))
                    dense = np.where(chosen, holds, dense)
                    here = here | (rule.check is not None)
                    told.append(dense.copy())
                    decided.append(time)
                gap = 1 if rule.otherwise is None else round(rule.otherwise / rule.every)
                due = np.where(here, slot.turn + np.where(dense, 1, gap), due)
                if rule.otherwise is None:
                    here &= dense
            planned[:, place] = here
            here = here & self.comes[:, place] & (slot.time < until)
            attended[:, place] = here
            patients.session(time, slot.kind, self.heights[slot.of], here)
            if self.schedule.drug(slot):
                blend.session(time, self.answers[:, place], here)
        table = np.stack(told, axis=1) if told else np.zeros((n, 0), np.bool_)
        return Rated(scores[:, back], attended, planned, rescued, table, np.array(decided))

    def _score(self, patients: Followed, time: float, rescued: Array, answered: Array) -> Array:
        """MADRS at a time without the noise of a rating."""
        fast, restored, lift = patients.states(time)
        number = {name: np.asarray(self.values[name]) for name in ("kO", "kN", "kC")}
        new = np.broadcast_to(-np.expm1(-number["kO"] * time), fast.shape)
        own = {**self.values, "e_P": 1.0, "e_A": self.values["e_A"] * answered}
        if self.trial.rescue is not None:
            own["e_O"] = self.rescue
            new = -np.expm1(-number["kO"] * np.maximum(time - rescued, 0.0))
        states = {
            "fast_arm": fast,
            "restored": restored,
            "expectation": lift,
            "antidepressant": new,
            "course": np.broadcast_to(-np.expm1(-number["kN"] * time), fast.shape),
            "care": np.broadcast_to(-np.expm1(-number["kC"] * time), fast.shape),
        }
        return chain_scores(own, {name: one[:, None] for name, one in states.items()})[:, 0]

    def _rescued(self, score: Array, time: float, rescued: Array) -> Array:
        rescue = self.trial.rescue
        assert rescue is not None
        asked = rescue.when.holds(_points(rescue.when.scale, score)) & np.isinf(rescued)
        return np.where(asked, time, rescued)


def _points(scale: str, madrs: Array) -> Array:
    """Scores of a scale, whole points."""
    return np.rint(np.asarray(from_madrs(scale, madrs), np.float64))


@dataclass(frozen=True)
class Group:
    """Patients with the same schedule.

    **Arguments:**

    - `members`: their places. `schedule`: what may be given to them.
    - `start`: of what is rated, h: of their period in a crossover, 0 otherwise.
    - `stages`: the arms they are in. `sessions`: h, and the arms they are of, by which they leave.
    """

    members: NDArray[np.int64]
    schedule: Schedule
    start: float
    stages: tuple[Stage, ...]
    sessions: tuple[tuple[float, str], ...]

    def patients(
        self,
        trial: Trial,
        arm: Arm,
        plan: Plan,
        people: Mapping[str, Any],
        values: Mapping[str, Any],
        moved: Mapping[str, Any],
        early: Array,
        visits: Array,
        *,
        normals: Callable[[NDArray[np.int64], Array], dict[str, Array]],
        chances: Callable[[NDArray[np.int64], str], Array],
    ) -> tuple[Patientwise, Patientwise]:
        """Them with and without the effects of the trial, ready to be followed.

        **Main arguments:**

        - `trial`, `arm`: whose treatment is given. `plan`: steps, as of `kernel_plan`.
        - `people`: what was drawn of them. `values`: of the chain; `moved`: those that the trial
          moves; `early`: how far it moves what is expected.
        - `visits`: at which they will be rated, h.

        **Other arguments:**

        - `normals`, `chances`: draw what is behind ratings and attendance of some patients.
        """
        slots = self.schedule.slots
        kernels = session_kernels(
            values, people["weight"], self.schedule.calendars, _looks(slots, visits), plan
        )
        who: NDArray[np.int64] = people["position"]
        comes = np.ones((len(who), len(slots)), np.bool_)
        if trial.adherence is not None:
            for place, slot in enumerate(slots[1:], 1):
                chance = chances(who, f"attends:{slot.time:.6f}")
                comes[:, place] = chance < trial.adherence.attend
        law = VisitNoise.of(people)

        def noise(when: Array) -> Array:
            return law.draws(normals(who, when), when)

        made: list[Patientwise] = []
        none: Mapping[str, Any] = {}
        for shift, lift in ((moved, early), (none, np.zeros(len(who)))):
            heights = {
                name.removeprefix("height:"): np.broadcast_to(one, (len(who),)) + lift
                for name, one in people.items()
                if name.startswith("height:")
            }
            rescue = np.broadcast_to(people.get("rescue", 0.0), (len(who),))
            one = Patientwise(
                *(trial, arm, self.schedule, kernels, {**values, **shift}, heights, rescue),
                *(noise, comes, people["answers"], _watched(trial, arm)),
            )
            made.append(one)
        return made[0], made[1]


def orders_of(trial: Trial) -> tuple[tuple[int, ...], ...]:
    """Orders of a crossover's arms: every one of up to three arms, else each in turn first."""
    count = len(trial.arms)
    if count <= _ALL_ORDERS:
        return tuple(permutations(range(count)))
    return tuple(tuple((first + k) % count for k in range(count)) for first in range(count))


def period_length(trial: Trial, arm: Arm) -> float:
    """Time from the start of a period of a crossover to that of the next, h.

    **Arguments:**

    - `arm`: of the period; sessions after its horizon do not take place.
    """
    seen = [time for time in arm.sessions if time < trial.horizon]
    return max((seen[-1] if seen else 0.0) + (trial.washout or 0.0), trial.horizon)


def groups_of(trial: Trial, arm: Arm, own: Arm, order: NDArray[np.int64]) -> tuple[Group, ...]:
    """Patients of an arm by what may be given to them.

    **Arguments:**

    - `arm`: whose patients. `own`: the arm whose treatment they get, and as in which they leave.
    - `order`: number of the order of each in a crossover, zeros otherwise.
    """
    found: list[Group] = []
    for number in np.unique(order):
        members = np.flatnonzero(order == number)
        schedule = Schedule()
        if trial.design == "crossover":
            start, stages = 0.0, list[Stage]()
            for place in orders_of(trial)[int(number)]:
                one = trial.arms[place]
                stages.append(Stage(one, start))
                schedule.add(one, start, until=trial.horizon)
                if one.id == arm.id:
                    break
                start += period_length(trial, one)
            sessions = tuple((slot.time, slot.of) for slot in schedule.slots)
            found.append(Group(members, schedule, start, tuple(stages), sessions))
            continue
        schedule.add(own, 0.0)
        stages = [Stage(own, 0.0)]
        if own.branch is not None:
            stages = [Stage(trial.arm(own.branch.of), 0.0), Stage(own, own.branch.after)]
        sessions = tuple((slot.time, slot.of) for slot in schedule.slots)
        found.append(Group(members, schedule, 0.0, tuple(stages), sessions))
    return tuple(found)


def calendars_of(trial: Trial, arm: Arm) -> tuple[Calendar, ...]:
    """A session of every kind that patients of an arm may have."""
    schedule = Schedule()
    for one in trial.arms if trial.design == "crossover" else (arm,):
        schedule.add(one, 0.0)
    return tuple(schedule.calendars)


def courses_of(
    group: Group, sides: Sequence[Rated], leaves: Array, cause: Array
) -> dict[str, Array]:
    """`COURSES` of patients.

    **Arguments:**

    - `sides`: how they were followed, with trial effects first; empty where all have the same
      sessions. `leaves`: h, infinite for who stays; `cause`: codes.
    """
    n = len(leaves)
    slots = group.schedule.slots
    times = np.array([slot.time for slot in slots])
    there = times[None, :] < leaves[:, None]
    # of a randomised withdrawal, those before it, or those from then on; of a crossover, those of
    # the period
    begun, withdrawal = group.stages[-1].start, group.stages[-1].arm.withdrawal
    until = np.inf if withdrawal is None else withdrawal.after
    own = (times >= begun) & (times < until)
    took = sides[0].attended if sides else np.ones((n, len(slots)), np.bool_)
    planned = sides[0].planned if sides else took
    made = {
        "leaves": leaves - group.start,
        "cause": np.where(np.isinf(leaves), STAYS, cause),
        "sessions": (took & there & own).sum(axis=1).astype(np.float64),
        "missed": (planned & ~took & there & own).sum(axis=1).astype(np.float64),
        "rescued": np.full(n, np.inf),
        "dense": np.full(n, np.nan),
        "changes": np.full(n, np.nan),
    }
    if sides:
        side = sides[0]
        made["rescued"] = np.where(side.rescued < leaves, side.rescued, np.inf)
        if side.dense.shape[1]:
            asked = side.decided[None, :] < leaves[:, None]
            asked &= (side.decided >= begun) & (side.decided < until)
            before = np.concatenate([np.ones((n, 1), np.bool_), side.dense[:, :-1]], axis=1)
            count = asked.sum(axis=1)
            with np.errstate(invalid="ignore", divide="ignore"):
                made["dense"] = np.where(
                    count > 0, (side.dense & asked).sum(axis=1) / count, np.nan
                )
            changes = ((side.dense != before) & asked).sum(axis=1)
            made["changes"] = np.where(count > 0, changes, np.nan)
    return made


def taken(values: Mapping[str, Any], who: NDArray[np.int64]) -> dict[str, Any]:
    """Values of some patients; single numbers are everybody's."""
    return {name: one[who] if np.ndim(one) else one for name, one in values.items()}


def _watched(trial: Trial, arm: Arm) -> tuple[float, ...]:
    """Visits at which the score may ask for rescue, h."""
    rescue = trial.rescue
    if rescue is None:
        return ()
    arms = [arm] if arm.branch is None else [trial.arm(arm.branch.of), arm]
    times = {
        time
        for one in arms
        for assessment in trial.assessed(one)
        if assessment.scale == rescue.when.scale
        for time in assessment.times
    }
    return tuple(sorted(time for time in times if time > 0.0 and time >= rescue.start - _SLIP))


def _looks(slots: Sequence[Slot], visits: Array) -> Array:
    """Times after a session at which a state is needed; too many are interpolated."""
    starts = np.array([slot.time for slot in slots])
    ends = np.concatenate([visits, starts])
    since = (ends[:, None] - starts[None, :]).ravel()
    found = np.unique(np.round(since[(since > _SLIP) & (since < OVER)], 6))
    return found if len(found) <= MOST_LOOKS - _KEPT else np.zeros(0)


_KEPT: Final = 60  # looks that every kernel has
