"""What raters write down: scores of an arm's patients at every visit, in every replicate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import uniforms
from ketasim.dosing import Arm, Scenario, Trial
from ketasim.engine import Patients, Plan, solve
from ketasim.models import MODELS, mood_chain
from ketasim.population import (
    MOOD_STATES,
    NOISE_SYMBOLS,
    Part,
    VisitNoise,
    arm_calendar,
    arm_patients,
    baseline_scores,
    chain_scores,
    from_madrs,
    in_madrs,
    mood_effects,
    mood_plan,
    mood_values,
    normal_within,
    session_answers,
    situation_of,
    visit_normals,
)
from ketasim.trials.criteria import enters
from ketasim.trials.patients.afterwards import ended_calendar, kept_expectation, sessions_until
from ketasim.trials.patients.allocation import Allocation, allocation_of
from ketasim.trials.patients.answers import answer_normals, fast_effects
from ketasim.trials.patients.drawing import HIGHEST, PILOT, PILOT_SEED, derived, strides
from ketasim.trials.patients.individual import (
    COURSES,
    MOST_LOOKS,
    Group,
    Patientwise,
    calendars_of,
    courses_of,
    groups_of,
    orders_of,
    taken,
)
from ketasim.trials.patients.leaving import Leavers, stop_hazard
from ketasim.trials.patients.superposition import kernel_plan
from ketasim.trials.patients.worlds import Worlds

Array = NDArray[np.float64]
Single = NDArray[np.float32]

_STOPS: Final = ("stop_drug", "stop_control")

PIECE: Final = 20_000
"""Patients solved at once."""

PIECE_NUMBERS: Final = 4_000_000
"""Values of a state held at once."""


@dataclass(frozen=True)
class Ratings:
    """Ratings of one arm in some replicates.

    **Arguments:**

    - `times`: of the visits, h, shape (T,).
    - `madrs`: with the noise of each rating, points, not rounded, shape (R, n, T); not a number at
      visits after a patient has dropped out, and in an arm of a randomised withdrawal of those who
      are not in it.
    - `before`: MADRS before treatment, points, not rounded, shape (R, n); not a number for the
      same.
    - `again`: when the patients were randomised again, h; nothing where they were not.
    - `courses`: what came of the patients beside their ratings, `COURSES` to shape (R, n).
    - `whole`: as `madrs`, with the visits after a patient has left: rated, and without further
      sessions; nothing where it was not asked for.
    - `period`: of a crossover, in which the patient is in the arm, from 0, shape (R, n).
    - `stratum`: of the randomisation, shape (R, n); nothing without strata.
    """

    times: Array
    madrs: Single
    before: Single
    again: float | None = None
    courses: Mapping[str, Single] = field(default_factory=dict[str, Single])
    whole: Single | None = None
    period: NDArray[np.int64] | None = None
    stratum: NDArray[np.int64] | None = None

    @property
    def regardless(self) -> Ratings:
        """Those of all patients at all visits, whether they left or not."""
        assert self.whole is not None
        return replace(self, madrs=self.whole)

    def baseline(self, scale: str) -> Array:
        """Scores of a scale before treatment, whole points, shape (R, n)."""
        return _rated(scale, self.before)

    def of_first(self, n: int) -> Ratings:
        """Those of the first patients of every replicate."""
        return self._part((slice(None), slice(n)))

    def of_replicates(self, block: slice) -> Ratings:
        """Those of some of the replicates."""
        return self._part((block,))

    def _part(self, which: tuple[slice, ...]) -> Ratings:
        courses = {name: one[which] for name, one in self.courses.items()}
        return replace(
            self,
            madrs=self.madrs[which],
            before=self.before[which],
            courses=courses,
            whole=None if self.whole is None else self.whole[which],
            period=None if self.period is None else self.period[which],
            stratum=None if self.stratum is None else self.stratum[which],
        )

    def score(self, scale: str, time: float) -> Array:
        """Scores of a scale at a visit, whole points, shape (R, n)."""
        place = int(np.searchsorted(self.times, time - 1e-9))
        return _rated(scale, self.madrs[:, :, place])


def _rated(scale: str, madrs: Single) -> Array:
    if scale == "MADRS":
        return np.rint(madrs, dtype=np.float64)
    there = ~np.isnan(madrs)
    points = np.asarray(from_madrs(scale, np.where(there, madrs, 0.0).astype(np.float64)))
    return np.where(there, np.rint(points), np.nan)


@dataclass
class ArmSimulation:
    """One arm of a trial, ready to be simulated.

    **Arguments:**

    - `trial`, `arm`: what is simulated. `times`: of the visits, h, ascending.
    - `seed`: of the simulation.
    - `worlds`: of all replicates.
    - `patients`: false: every replicate holds the same patients.
    - `pilot`: worlds drawn with `PILOT_SEED`, of `pilot_replicates`, with which steps are chosen;
      those of the replicates when left out.
    - `rate`: at which patients leave for lack of effect, 1/h.
    - `given`: another arm, whose treatment and patients this one has, and as in which they leave,
      as in a trial without any difference.
    - `stays`: the second ratings are of the same patients had nobody left, in place of those
      without the effects of the trials.
    - `follows`: who left is rated on, without further sessions.
    """

    trial: Trial
    arm: Arm
    times: Array
    seed: int
    worlds: Worlds
    patients: bool
    pilot: Worlds | None = None
    rate: float = 0.0
    given: Arm | None = None
    stays: bool = False
    follows: bool = False
    _plan: Plan | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """See to it that patients of a randomised withdrawal are rated as in the open phase.

        There is a rating by which they are randomised again, and those of the open phase by which
        they may have left before it.
        """
        again = self.arm.branch
        if again is None:
            return
        times = [again.after]
        if any(one.pattern == "lack_of_effect" for one in self.trial.dropout):
            for one in self.trial.assessed(self.trial.arm(again.of)):
                times += [*one.times, *(() if one.start is None else (one.start,))]
        self.times = np.unique(np.append(self.times, times))

    @property
    def stride(self) -> int:
        """Patients drawn a replicate; periods of a crossover share theirs."""
        return strides(self.trial, self.arm)

    @cached_property
    def own_seed(self) -> int:
        """Seed of what happens to the patients in this arm."""
        again = self.arm.branch
        return derived(self.seed, f"arm {self.arm.id if again is None else again.of}")

    @cached_property
    def people_seed(self) -> int:
        """Seed of who the patients are."""
        return derived(self.seed, "everybody") if self._crossover else self.own_seed

    @property
    def _own(self) -> Arm:
        """The arm whose treatment is given."""
        return self.arm if self.given is None else self.given

    @cached_property
    def _allocation(self) -> Allocation | None:
        return allocation_of(self.trial)

    def parts(self, first: int, count: int) -> Mapping[str, Part]:
        """Factor of stratification to the part of its distribution in which each patient lies.

        **Arguments:**

        - `first`, `count`: the patients asked for, counted from 0.
        """
        found = self._allocation
        if found is None:
            return {}
        return found.parts(found.patients(self.seed, self.arm.id, first, count))

    @property
    def _crossover(self) -> bool:
        return self.trial.design == "crossover"

    def covariates(self, count: int) -> tuple[Array | None, Array | None]:
        """Ages, years, and weights, kg, of the patients of the first replicates.

        **Returns:** shape (count × `stride`,) each; nothing where the arm does not say them.
        """
        total = count * self.stride
        parts = self.parts(0, total)
        values, weight, _ = arm_patients(self._own, self.people_seed, 0, total, parts=parts)
        age = None
        if self._own.age is not None:
            age = np.broadcast_to(np.asarray(values.get("AGE", self._own.age.mean)), (total,))
        return age, weight if self._own.weight is not None else None

    def ratings(
        self, first: int, count: int, told: Callable[[int], None] | None = None
    ) -> tuple[Ratings, Ratings]:
        """Simulate some replicates.

        **Arguments:**

        - `first`, `count`: the replicates asked for, counted from 0.
        - `told`: receives the number of patients after each piece of them.

        **Returns:** ratings with and without the effects of the trials, of the same patients.
        """
        total, n = count * self.stride, self.arm.n
        size = max(1, min(PIECE, PIECE_NUMBERS // self._width))
        sides = 3 if self.follows else 2
        both = np.full((sides, total, len(self.times)), np.nan, np.float32)
        before = np.full(total, np.nan, np.float32)
        courses = {name: np.full(total, np.nan, np.float32) for name in COURSES}
        members = self._members(first, count)
        for start in range(0, len(members), size):
            chosen = members[start : start + size]
            both[:, chosen], before[chosen], made = self._piece(chosen + first * self.stride)
            for name, values in made.items():
                courses[name][chosen] = values
            if told is not None:
                told(len(chosen))
        kept = before.reshape(count, self.stride)[:, :n]
        tables = both.reshape(sides, count, self.stride, len(self.times))[:, :, :n]
        held = {name: one.reshape(count, self.stride)[:, :n] for name, one in courses.items()}
        period = self._periods(first, count) if self._crossover else None
        stratum = None
        if self._allocation is not None:
            drawn = (first, count) if self.patients else (0, 1)
            stratum = self._allocation.strata(self.seed, self.arm.id, *drawn)
            stratum = np.broadcast_to(stratum, (count, n))
        rated, plain = (
            Ratings(self.times, table, kept, courses=held, period=period, stratum=stratum)
            for table in tables[:2]
        )
        if self.follows:
            rated = replace(rated, whole=tables[2])
        return self._entered(rated), self._entered(plain)

    def _members(self, first: int, count: int) -> NDArray[np.int64]:
        """Places of those who may be in the arm: all, or whom the randomisation puts there.

        Every patient has a place in the randomisation before it is known who enters, so that this
        depends on nothing that is rated. A replicate deals the arms out to its patients in random
        order, by turns and by the ratio.
        """
        places = np.arange(count * self.stride)
        branch = self.arm.branch
        if branch is None:
            return places
        drawn = 1 if not self.patients else count
        start = first * self.stride if self.patients else 0
        chances = uniforms(self.own_seed, "trial:again", start, drawn * self.stride, 2)
        table = chances.reshape(drawn, self.stride, 2)
        order = table[:, :, 0].argsort(axis=1).argsort(axis=1)
        turns = np.repeat(np.arange(len(branch.ratios)), branch.ratios)
        # whoever comes last must not always lack the same arm
        offset = (table[:, :1, 1] * len(turns)).astype(np.int64)
        own = turns[(order + offset) % len(turns)] == branch.place
        return places[np.broadcast_to(own, (count, self.stride)).ravel()]

    def _entered(self, ratings: Ratings) -> Ratings:
        """Ratings of those who are randomised into the arm."""
        branch = self.arm.branch
        if branch is None:
            return ratings
        inside = enters(
            self.trial,
            branch,
            lambda scale: ratings.score(scale, branch.after),
            ratings.baseline,
        )
        return Ratings(
            self.times,
            np.where(inside[:, :, None], ratings.madrs, np.float32(np.nan)),
            np.where(inside, ratings.before, np.float32(np.nan)),
            branch.after,
            {
                name: np.where(inside, one, np.float32(np.nan))
                for name, one in ratings.courses.items()
            },
        )

    def _piece(self, positions: NDArray[np.int64]) -> tuple[Single, Single, dict[str, Array]]:
        """Ratings (2, n, T) with and without trial effects, scores before treatment, `COURSES`.

        Where patients are followed after they left, the third are those with their visits since.
        """
        replicate = positions // self.stride
        self._plan = self.planned()
        people, values, baseline = self._people(positions)
        early = self.worlds.early[replicate]
        moved = {
            "sens": values["sens"] * (1.0 + self.worlds.drug[replicate]),
            "e_P": values["e_P"] + early,
            "e_N": values["e_N"] + self.worlds.late[replicate],
        }
        sides = 3 if self.follows else 2
        rated = np.empty((sides, len(positions), len(self.times)), np.float32)
        before = np.empty(len(positions), np.float32)
        courses = {name: np.empty(len(positions)) for name in COURSES}
        for group in self._groups(positions):
            who, start = group.members, group.start
            part = taken(people, who), taken(values, who), taken(moved, who)
            entered = baseline[who]
            alone: tuple[Patientwise, ...] = ()
            visits = start + np.concatenate([[0.0], self.times])
            if self._alone:
                assert self._plan is not None
                alone = group.patients(
                    *(self.trial, self._own, self._plan, *part, early[who], visits),
                    normals=self.normals,
                    chances=self.chances,
                )
                sides = [one.followed(visits) for one in alone]
                scores = np.stack([one.scores[:, 1:] for one in sides])
                entered = sides[0].scores[:, 0] if start else entered
            else:
                sides = []
                scores = self._together(*part, entered)
            took = sides[0].attended if sides else None
            leavers = Leavers(
                self.trial,
                group.stages,
                {name[4:]: one for name, one in part[0].items() if name.startswith("due:")},
                [stop_hazard(stage.arm, part[0]) for stage in group.stages],
                group.sessions,
                took,
                self.rate,
            )
            leaves, cause = leavers.departures(scores, entered, start + self.times)
            if self.stays:
                scores[1], leaves[1] = scores[0], np.inf
            gone = (start + self.times)[None, None] >= leaves[:, :, None]
            rated[:2, who] = np.where(gone, np.nan, scores)
            if self.follows:
                if alone:
                    since = alone[0].followed(visits, leaves[0]).scores[:, 1:]
                else:
                    since = self._afterwards(part[0], part[2], part[1], scores[0], leaves[0])
                rated[2, who] = np.where(gone[0], since, scores[0])
            # who has left before a later period of a crossover does not begin it
            before[who] = np.where(leaves[0] <= start, np.nan, entered) if start else entered
            for name, one in courses_of(group, sides, leaves[0], cause).items():
                courses[name][who] = one
        return rated, before, courses

    def _together(
        self,
        people: Mapping[str, Array],
        values: Mapping[str, Any],
        moved: Mapping[str, Any],
        baseline: Array,
    ) -> Array:
        """Scores of patients who all have the same sessions, with and without trial effects."""
        assert self._plan is not None
        patients = Patients(values, people["weight"], (self._calendar,))
        later = np.flatnonzero(self.times > 0)
        scores = np.repeat(baseline[None, :, None], len(self.times), axis=2).repeat(2, axis=0)
        if not len(later):
            return scores
        states = self._solved(patients, later)
        left = None
        if self.arm.branch is not None:
            since = self.arm.branch.after, self._own.sessions
            left = kept_expectation(values, states["expectation"], self.times[later], *since)
        noise = people["noise"][:, later]
        effects = fast_effects(values, people["answers"], self.times[later], self._own)
        for place, shift in enumerate((moved, {})):
            own = {**values, **shift, "e_A": effects}
            if left is not None:
                earlier = people["expected"] - values["e_P"]
                own["e_P"] = np.asarray(own["e_P"])[:, None] + earlier[:, None] * left
            scores[place][:, later] = chain_scores(own, states) + noise
        return np.clip(scores, 0.0, HIGHEST)

    def _afterwards(
        self,
        people: Mapping[str, Array],
        moved: Mapping[str, Any],
        values: Mapping[str, Any],
        scores: Array,
        leaves: Array,
    ) -> Array:
        """Scores (n, T) that hold after patients left, with the sessions that they got before."""
        found = scores.copy()
        later = np.flatnonzero(self.times > 0)
        got = sessions_until(self._own.sessions, leaves)
        missed = np.flatnonzero(got < sessions_until(self._own.sessions, self.times[-1:]))
        if not len(missed):
            return found
        counts = np.unique(got[missed])
        own = taken({**values, **moved}, missed)
        horizon = self._calendar.horizon
        patients = Patients(
            *(own, people["weight"][missed]),
            tuple(ended_calendar(self._own, int(count), horizon) for count in counts),
            np.searchsorted(counts, got[missed]),
        )
        states, answers = self._solved(patients, later), people["answers"][missed]
        own["e_A"] = fast_effects(own, answers, self.times[later], self._own, got[missed])
        rated = chain_scores(own, states) + people["noise"][missed][:, later]
        found[np.ix_(missed, later)] = np.clip(rated, 0.0, HIGHEST)
        return found

    def _solved(self, patients: Patients, later: NDArray[np.intp]) -> dict[str, Array]:
        """States of the chain at visits."""
        solved = solve(
            mood_chain(MODELS["reference"]),
            patients,
            self.times[later],
            MOOD_STATES,
            plan=self._plan,
            engine="numba",
            progress=False,
        )
        return {name: np.asarray(solved[name]) for name in MOOD_STATES}

    @cached_property
    def _calendar(self) -> Any:
        return arm_calendar(self._own, max(float(self.times[-1]), 1.0))

    def planned(self) -> Plan:
        """Steps that depend neither on how many replicates are asked for nor on their seed."""
        if self._plan is not None:
            return self._plan
        standard = self
        if self.pilot is not None:
            standard = ArmSimulation(
                *(self.trial, self.arm, self.times, PILOT_SEED, self.pilot),
                patients=True,
                given=self.given,
            )
        people, values, _ = standard._people(np.arange(PILOT))
        if self._alone:
            return kernel_plan(values, people["weight"], calendars_of(self.trial, self._own))
        patients = Patients(values, people["weight"], (self._calendar,))
        chain = mood_chain(MODELS["reference"])
        return mood_plan(chain, patients, engine="numba")

    @property
    def _alone(self) -> bool:
        """Whether patients differ in the sessions they have."""
        return self.trial.individual(self._own)

    @property
    def _width(self) -> int:
        """Values of a state held for each patient."""
        return len(self.times) + (MOST_LOOKS if self._alone else 0)

    def _groups(self, positions: NDArray[np.int64]) -> tuple[Group, ...]:
        """Patients by the order in which they are in the arms: one group but in a crossover."""
        order = np.zeros(len(positions), np.int64)
        if self._crossover:
            order = self._orders(positions)
        return groups_of(self.trial, self.arm, self._own, order)

    def _orders(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Number of the order of each patient, dealt out evenly within a replicate."""
        known = len(orders_of(self.trial))
        replicate = positions // self.stride if self.patients else np.zeros_like(positions)
        first, last = int(replicate.min()), int(replicate.max())
        count = (last - first + 1) * self.stride
        chance = uniforms(self.people_seed, "trial:order", first * self.stride, count, 1)
        dealt = chance.reshape(-1, self.stride).argsort(axis=1).argsort(axis=1) % known
        return dealt[replicate - first, positions % self.stride]

    def _periods(self, first: int, count: int) -> NDArray[np.int64]:
        """Period of a crossover in which each patient is in the arm, shape (count, n)."""
        orders = np.array(orders_of(self.trial))
        place = [arm.id for arm in self.trial.arms].index(self.arm.id)
        period = (orders == place).argmax(axis=1)
        positions = np.arange(first * self.stride, (first + count) * self.stride)
        return period[self._orders(positions)].reshape(count, self.stride)[:, : self.arm.n]

    def normals(self, positions: NDArray[np.int64], times: Array) -> dict[str, Array]:
        """What is behind the ratings of patients at some times, shape (n,) each."""
        first, count, pick = self._drawn(positions)
        # each arm has its own: but a patient in several periods is one and the same
        seed = self.people_seed if self._crossover else self.own_seed
        drawn = visit_normals(seed, first, count, times)
        return {name: values[pick] for name, values in drawn.items()}

    def chances(self, positions: NDArray[np.int64], purpose: str) -> Array:
        """Uniform numbers of patients for a purpose, shape (n,)."""
        first, count, pick = self._drawn(positions)
        seed = self.people_seed if self._crossover else self.own_seed
        return uniforms(seed, f"trial:{purpose}", first, count, 1)[:, 0][pick]

    def _drawn(self, positions: NDArray[np.int64]) -> tuple[int, int, NDArray[np.int64]]:
        """Which patients are drawn, the first and how many, and who of them is at each place."""
        if self.patients:
            first = int(positions[0])
            return first, int(positions[-1] - positions[0]) + 1, positions - first
        # the patients of the first replicate
        return 0, self.stride, positions % self.stride

    def _people(
        self, positions: NDArray[np.int64]
    ) -> tuple[dict[str, Array], dict[str, Any], Array]:
        """What is drawn of patients; values of the chain; scores before treatment.

        What is drawn has `weight`, kg; `answers` to sessions; `noise` of ratings; `expected` before
        a randomised withdrawal; `height:ID`, what is expected of the treatment of an arm; `rescue`,
        what a new antidepressant would do; `due:CAUSE`; and the numbers of the law of ratings and
        of drop-out.
        """
        replicate = positions // self.stride
        begin, count, pick = self._drawn(positions)
        numbers = self.worlds.of(replicate)
        effects = {k: v[pick] for k, v in mood_effects(self.people_seed, begin, count).items()}
        parts = self.parts(begin, count)
        if "baseline" in parts:
            own = parts["baseline"][0][pick], parts["baseline"][1][pick]
            effects["M0"] = normal_within(effects["M0"], own)
        pk, weight, _ = arm_patients(self._own, self.people_seed, begin, count, parts=parts)
        values = {name: value[pick] if np.ndim(value) == 1 else value for name, value in pk.items()}
        spread = self._own.baseline
        mean, sd = in_madrs(spread.scale, spread.mean, spread.sd)
        baseline = baseline_scores(mean, sd, effects["M0"], HIGHEST)
        scenario = self.trial.scenario or Scenario()

        def expected(arm: Arm, **other: Any) -> dict[str, Any]:
            situation = replace(situation_of(self.trial, arm), **other)
            found = mood_values(numbers, effects, situation, baseline)
            return found | {"e_P": found["e_P"] * scenario.expectation}

        values |= expected(self._own)
        values["k_session"] = numbers["k_session"]
        values["sens"] = values["sens"] * scenario.drug_effect
        again = self.arm.branch
        others = [] if again is None else [self.trial.arm(again.of)]
        others += list(self.trial.arms) if self._crossover else []
        people: dict[str, Any] = {f"height:{one.id}": expected(one)["e_P"] for one in others}
        people[f"height:{self._own.id}"] = values["e_P"]
        people["expected"] = values["e_P"] if again is None else people[f"height:{again.of}"]
        if self.trial.rescue is not None:
            people["rescue"] = expected(self._own, background="new")["e_O"]
        people |= {symbol: numbers[symbol] for symbol in (*NOISE_SYMBOLS, *_STOPS)}
        causes = [one.pattern for one in self.trial.dropout]
        # with one cause patients are as ready to leave as without
        first = {"card", *causes[:1]}
        for cause in dict.fromkeys(("card", "why", *causes)):
            chance = self.chances(positions, "leaves" if cause in first else f"leaves:{cause}")
            people[f"due:{cause}"] = chance if cause == "why" else -np.log(chance)
        if not self._alone:
            normals = self.normals(positions, self.times)
            people["noise"] = VisitNoise.of(numbers).draws(normals, self.times)
        answers = answer_normals(self.trial, self._own, self.people_seed, begin, count)[pick]
        people["answers"] = session_answers(numbers["omega_A"], answers)
        people["weight"] = np.asarray(weight)[pick]
        people["position"] = positions
        return people, values, baseline
