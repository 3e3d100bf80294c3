"""What raters write down: scores of an arm's patients at every visit, in every replicate."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import standard_normals, uniforms
from ketasim.dosing import Arm, Scenario, Trial
from ketasim.engine import Patients, Plan, solve
from ketasim.evidence import Card
from ketasim.models import MODELS, mood_chain
from ketasim.population import (
    MOOD_STATES,
    VisitNoise,
    arm_calendar,
    arm_patients,
    baseline_scores,
    card_draws,
    chain_scores,
    from_madrs,
    in_madrs,
    mood_effects,
    mood_plan,
    mood_values,
    situation_of,
    visit_normals,
)
from ketasim.trials.criteria import enters
from ketasim.trials.leaving import (
    constant_hazard,
    exposure,
    hours_until,
    leaves_after_session,
    rate_of,
)

Array = NDArray[np.float64]
Single = NDArray[np.float32]

HIGHEST: Final = 60.0
"""Highest score of the MADRS, points."""

_PILOT: Final = 256  # patients the steps are chosen with, always the same
PILOT_SEED: Final = 0
"""Seed of the patients and numbers with which steps are chosen, whatever that of the trial."""

PIECE: Final = 20_000
"""Patients solved at once."""

PIECE_NUMBERS: Final = 4_000_000
"""Values of a state held at once."""


@dataclass(frozen=True)
class Worlds:
    """What the replicates of a trial differ in beside their patients.

    **Arguments:**

    - `numbers`: symbol of the card `mood` to its draws, shape (R,).
    - `early`, `late`: trial effects added where expectation and where the natural course act.
    - `drug`: part of the drug's effect that the trial adds to it. Each of shape (R,).
    """

    numbers: Mapping[str, Array]
    early: Array
    late: Array
    drug: Array

    def of(self, replicate: NDArray[np.int64]) -> dict[str, Any]:
        """Numbers of the card for patients of some replicates: constants stay single numbers."""
        return {
            symbol: float(draws[0]) if (draws == draws[0]).all() else draws[replicate]
            for symbol, draws in self.numbers.items()
        }


def worlds(
    trial: Trial, card: Card, seed: int, count: int, *, uncertainty: bool, between_trials: bool
) -> Worlds:
    """Draw the numbers and the trial effects of replicates.

    **Main arguments:**

    - `trial`: its arms tell whether everybody knows what is given.
    - `card`: `mood`. `seed`: of the simulation. `count`: how many replicates.

    **Other arguments:**

    - `uncertainty`: false: the numbers of the card, in every replicate.
    - `between_trials`: false: no trial effects.
    """
    if uncertainty:
        numbers = card_draws(card, seed, 0, count)
    else:
        numbers = {symbol: np.full(count, value) for symbol, value in card.values().items()}

    def effect(name: str, where: str = "") -> Array:
        if not between_trials or f"tau_{name}" not in numbers:
            return np.zeros(count)
        z = standard_normals(seed, f"trial:tau_{name}{where}", 0, count, 1)[:, 0]
        return numbers[f"tau_{name}"] * z

    known = all(arm.open for arm in trial.arms)
    return Worlds(
        numbers,
        early=effect("early") + (effect("open") if known else 0.0),
        late=effect("late") + (effect("open", ":late") if known else 0.0),
        # a trial may take the drug's effect away, but not turn it round
        drug=np.maximum(effect("drug") + (effect("series") if known else 0.0), -1.0),
    )


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
    """

    times: Array
    madrs: Single
    before: Single
    again: float | None = None

    def baseline(self, scale: str) -> Array:
        """Scores of a scale before treatment, whole points, shape (R, n)."""
        return _rated(scale, self.before)

    def of_first(self, n: int) -> Ratings:
        """Those of the first patients of every replicate."""
        return replace(self, madrs=self.madrs[:, :n], before=self.before[:, :n])

    def of_replicates(self, block: slice) -> Ratings:
        """Those of some of the replicates."""
        return replace(self, madrs=self.madrs[block], before=self.before[block])

    def score(self, scale: str, time: float) -> Array:
        """Scores of a scale at a visit, whole points, shape (R, n)."""
        place = int(np.searchsorted(self.times, time - 1e-9))
        return _rated(scale, self.madrs[:, :, place])


def _rated(scale: str, madrs: Single) -> Array:
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
    - `rate`: at which patients leave for lack of effect, 1/h, as `dropout_rate` finds it.
    - `given`: another arm, whose treatment and patients this one has, as in a trial without any
      difference; patients leave as in their own.
    - `stays`: the second ratings are of the same patients had nobody left, in place of those
      without the effects of the trials.
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
    _plan: Plan | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """See to it that there is a rating by which patients are randomised again."""
        again = self.arm.branch
        if again is not None:
            self.times = np.unique(np.append(self.times, again.after))

    @property
    def stride(self) -> int:
        """Patients drawn a replicate; periods of a crossover share theirs."""
        return strides(self.trial, self.arm)

    @cached_property
    def own_seed(self) -> int:
        """Seed of what happens to the patients in this arm."""
        again = self.arm.branch
        return _derived(self.seed, f"arm {self.arm.id if again is None else again.of}")

    @cached_property
    def people_seed(self) -> int:
        """Seed of who the patients are."""
        return _derived(self.seed, "everybody") if self._crossover else self.own_seed

    @property
    def _own(self) -> Arm:
        """The arm whose treatment is given."""
        return self.arm if self.given is None else self.given

    @property
    def _crossover(self) -> bool:
        return self.trial.design == "crossover"

    def covariates(self, count: int) -> tuple[Array | None, Array | None]:
        """Ages, years, and weights, kg, of the patients of the first replicates.

        **Returns:** shape (count × `stride`,) each; nothing where the arm does not say them.
        """
        total = count * self.stride
        values, weight, _ = arm_patients(self._own, self.people_seed, 0, total)
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
        size = max(1, min(PIECE, PIECE_NUMBERS // len(self.times)))
        shape = (total, len(self.times))
        both = np.empty((2, *shape), np.float32)
        before = np.empty(total, np.float32)
        if self.arm.branch is not None:
            both[:], before[:] = np.nan, np.nan
        members = self._members(first, count)
        for start in range(0, len(members), size):
            chosen = members[start : start + size]
            both[:, chosen], before[chosen] = self._piece(chosen + first * self.stride)
            if told is not None:
                told(len(chosen))
        kept = before.reshape(count, self.stride)[:, :n]
        tables = both.reshape(2, count, self.stride, len(self.times))[:, :, :n]
        rated, plain = (Ratings(self.times, table, kept) for table in tables)
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
        )

    def _piece(self, positions: NDArray[np.int64]) -> tuple[Single, Single]:
        """Ratings (2, n, T) with and without trial effects, and the scores before treatment."""
        replicate = positions // self.stride
        if self._plan is None:
            self._plan = self._planned()
        people, values, baseline = self._people(positions)
        patients = Patients(values, people["weight"], (self._calendar,))
        later = np.flatnonzero(self.times > 0)
        states: dict[str, Array] = {}
        if len(later):
            solved = solve(
                mood_chain(MODELS["reference"]),
                patients,
                self.times[later],
                MOOD_STATES,
                plan=self._plan,
                engine="numba",
                progress=False,
            )
            states = {name: np.asarray(solved[name]) for name in MOOD_STATES}
        scores = np.repeat(baseline[None, :, None], len(self.times), axis=2).repeat(2, axis=0)
        if len(later):
            worlds = self.worlds
            moved = {
                "sens": values["sens"] * (1.0 + worlds.drug[replicate]),
                "e_P": values["e_P"] + worlds.early[replicate],
                "e_N": values["e_N"] + worlds.late[replicate],
            }
            noise = people["noise"][:, later]
            left = self._left(values, states["expectation"], self.times[later])
            for place, shift in enumerate((moved, {})):
                own = {**values, **shift}
                if left is not None:
                    earlier = people["expected"] - values["e_P"]
                    own["e_P"] = np.asarray(own["e_P"])[:, None] + earlier[:, None] * left
                scores[place][:, later] = chain_scores(own, states) + noise
        scores = np.clip(scores, 0.0, HIGHEST)
        gone = self._gone(people, scores, baseline)
        if self.stays:
            scores[1], gone[1] = scores[0], False
        rated = np.where(gone, np.nan, scores)
        return rated.astype(np.float32), baseline.astype(np.float32)

    def _left(self, values: Mapping[str, Any], states: Array, times: Array) -> Array | None:
        """Part of the expectation at visits that is from before a randomised withdrawal, 0 to 1.

        Every session moves expectation towards the height that the patient believes in at that
        session, at the rates of the chain, and what was there before fades at the same rates. What
        is left of the expectation at the withdrawal is known in closed form, as the chain is linear
        in it. Nothing where there was no withdrawal.
        """
        branch = self.arm.branch
        if branch is None:
            return None
        k_fade, k_lift, k_session = (
            np.reshape(np.asarray(values[name], np.float64), (-1, 1))
            for name in ("k_fade", "k_lift", "k_session")
        )
        # hours of sessions since, each fading as its mark does
        spent = np.zeros((len(k_session), len(times)))
        for session in self.arm.sessions:
            until = np.exp(-k_session * np.maximum(times - session, 0.0))
            since = np.exp(-k_session * max(branch.after - session, 0.0))
            spent += np.maximum(since - until, 0.0) / k_session
        place = int(np.searchsorted(times, branch.after - 1e-9))
        passed = np.maximum(times - branch.after, 0.0)
        rest = states[:, place : place + 1] * np.exp(-k_fade * passed - k_lift * spent)
        share = np.divide(rest, states, out=np.zeros_like(states), where=states > 0)
        return np.where(times > branch.after, np.clip(share, 0.0, 1.0), 1.0)

    def _gone(
        self, people: Mapping[str, Array], scores: Array, baseline: Array
    ) -> NDArray[np.bool_]:
        """Whether a patient has left before a visit, shape (2, n, T)."""
        dropout = self.trial.dropout
        if dropout is not None and dropout.pattern == "lack_of_effect":
            hours = exposure(scores, baseline, self.times)
            return self.rate * hours >= people["due"][:, None]
        gone = self.times[None, :] >= people["leaves"][:, None]
        return np.repeat(gone[None], 2, axis=0)

    @cached_property
    def _calendar(self) -> Any:
        return arm_calendar(self._own, max(float(self.times[-1]), 1.0))

    def _planned(self) -> Plan:
        """Steps that depend neither on how many replicates are asked for nor on their seed."""
        standard = self
        if self.pilot is not None:
            standard = ArmSimulation(
                *(self.trial, self.arm, self.times, PILOT_SEED, self.pilot),
                patients=True,
                given=self.given,
            )
        people, values, _ = standard._people(np.arange(_PILOT))
        patients = Patients(values, people["weight"], (self._calendar,))
        chain = mood_chain(MODELS["reference"])
        return mood_plan(chain, patients, engine="numba")

    def _people(
        self, positions: NDArray[np.int64]
    ) -> tuple[dict[str, Array], dict[str, Any], Array]:
        """Weight, noise and times of leaving; values of the chain; scores before treatment."""
        replicate = positions // self.stride
        if self.patients:
            first, count = int(positions[0]), int(positions[-1] - positions[0]) + 1
            pick = positions - first
        else:  # the patients of the first replicate
            first, count = 0, self.stride
            pick = positions % self.stride
        numbers = self.worlds.of(replicate)
        effects = {k: v[pick] for k, v in mood_effects(self.people_seed, first, count).items()}
        pk, weight, _ = arm_patients(self._own, self.people_seed, first, count)
        values = {name: value[pick] if np.ndim(value) == 1 else value for name, value in pk.items()}
        spread = self._own.baseline
        mean, sd = in_madrs(spread.scale, spread.mean, spread.sd)
        baseline = baseline_scores(mean, sd, effects["M0"], HIGHEST)
        values |= mood_values(numbers, effects, situation_of(self.trial, self._own), baseline)
        values["k_session"] = numbers["k_session"]
        scenario = self.trial.scenario or Scenario()
        values["sens"] = values["sens"] * scenario.drug_effect
        values["e_P"] = values["e_P"] * scenario.expectation
        expected = values["e_P"]
        again = self.arm.branch
        if again is not None:
            before = situation_of(self.trial, self.trial.arm(again.of))
            expected = mood_values(numbers, effects, before, baseline)["e_P"]
            expected = expected * scenario.expectation
        chance = uniforms(self.own_seed, "trial:leaves", first, count, 1)[:, 0]
        due = -np.log(chance[pick])
        leaves = self._leaves(due, numbers)
        # each arm has its own: periods of a crossover share patients, not what is rated
        drawn = visit_normals(self.own_seed, first, count, self.times)
        normals = {name: values[pick] for name, values in drawn.items()}
        n = len(positions)
        people = {
            "weight": np.asarray(weight)[pick],
            "noise": VisitNoise.of(numbers).draws(normals, self.times),
            "due": np.broadcast_to(due, (n,)),
            "leaves": np.broadcast_to(leaves, (n,)),
            "expected": np.broadcast_to(expected, (n,)),
        }
        return people, values, baseline

    def _leaves(self, due: Array, numbers: Mapping[str, Any]) -> Array:
        """Time at which a patient leaves, h: when the hazards add up to what is due."""
        dropout = self.trial.dropout
        if dropout is not None and dropout.pattern == "adverse_event" and self.arm.control is None:
            return leaves_after_session(dropout, self.arm.sessions, due)
        with np.errstate(divide="ignore", invalid="ignore"):
            hazard = self._hazard(self.arm, numbers)
            again = self.arm.branch
            if again is None:
                return due / hazard
            before = self._hazard(self.trial.arm(again.of), numbers)
            rest = due - before * again.after
            return np.where(rest < 0, due / before, again.after + np.maximum(rest, 0.0) / hazard)

    def _hazard(self, arm: Arm, numbers: Mapping[str, Any]) -> Array:
        dropout = self.trial.dropout
        if dropout is not None and dropout.pattern == "completely_at_random":
            return np.asarray(constant_hazard(dropout))
        return stop_hazard(arm, numbers)


def dropout_rate(trial: Trial, visits: Mapping[str, Array], card: Card) -> float:
    """Rate at which patients leave for lack of effect, 1/h, by the numbers of the card.

    **Arguments:**

    - `trial`: with its drop-out. `visits`: arm to the times of its ratings, h. `card`: `mood`.

    **Returns:** 0 where patients leave otherwise.
    """
    dropout = trial.dropout
    if dropout is None or dropout.pattern != "lack_of_effect":
        return 0.0
    pilot = worlds(
        *(trial, card, PILOT_SEED, pilot_replicates(trial)),
        uncertainty=False,
        between_trials=False,
    )
    hours: list[tuple[Array, float]] = []
    for arm in trial.enrolled_arms:
        times = visits[arm.id]
        if not len(times):
            continue
        one = ArmSimulation(trial, arm, times, PILOT_SEED, pilot, patients=True, stays=True)
        rated = one.ratings(0, pilot_replicates(trial))[1]
        scores = rated.madrs.reshape(-1, len(times)).astype(np.float64)
        baseline = rated.before.ravel().astype(np.float64)
        hours.append((hours_until(dropout.by, scores, baseline, times), float(arm.n)))
    return rate_of(dropout, hours)


def stop_hazard(arm: Arm, numbers: Mapping[str, Any]) -> Array:
    """Hazard of leaving the trial, 1/h, of an arm's patients."""
    symbol = "stop_drug" if arm.control is None else "stop_control"
    return np.asarray(numbers[symbol], np.float64)


def strides(trial: Trial, arm: Arm) -> int:
    """Patients drawn a replicate for an arm: those of the largest period in a crossover."""
    return max(one.n for one in trial.arms) if trial.design == "crossover" else arm.n


def pilot_replicates(trial: Trial) -> int:
    """How many replicates hold the patients with whom the steps are chosen."""
    return max(-(-_PILOT // strides(trial, arm)) for arm in trial.arms)


def _derived(seed: int, purpose: str) -> int:
    digest = hashlib.blake2b(f"{seed}:trial:{purpose}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")
