"""A pool of virtual patients, solved once, from which many replicates are drawn.

Of a patient's course the equations of the chain are solved for the pharmacokinetics and for how
long synapses last; all else about the patient acts on what was solved, outside the equations. So
the pool holds what was solved, and a replicate draws from it with replacement; sensitivity, the
answer to each session, expectation, course, baseline, rating noise, the time of leaving and the
effects of the trial are drawn anew for every patient of every replicate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ketasim._base import standard_normals
from ketasim.dosing import Arm, Scenario, Trial
from ketasim.engine import Calendar, Patients, Plan, solve
from ketasim.engine.backends.numba.kernel import Kernel
from ketasim.models import MODELS, MOOD_PARAMETERS, mood_chain
from ketasim.population import (
    MOOD_STATES,
    Part,
    arm_patients,
    drug_sessions,
    in_madrs,
    normal_within,
    session_weights,
    situation_of,
)
from ketasim.trials.patients.afterwards import ended_calendar, sessions_until
from ketasim.trials.patients.allocation import Allocation, allocation_of
from ketasim.trials.patients.drawing import HIGHEST, derived
from ketasim.trials.patients.leaving import constant_hazard, each_session, stop_hazard
from ketasim.trials.patients.worlds import Worlds
from ketasim.trials.ratings import PIECE, Ratings

Array = NDArray[np.float64]
Single = NDArray[np.float32]
Integers = NDArray[np.int64]

LARGE: Final = 20_000
"""Patients of an arm's pool where the numbers of the card are the same in every replicate."""

SMALL: Final = 32
"""Patients of an arm's pool for each draw of the numbers, spread evenly over those of the large."""

DRAWS: Final = 1000
"""Most draws of the numbers of the card; replicates beyond them take turns."""

_SOLVED: Final = ("age", "weight")  # factors of stratification on which what is solved depends
_LITTLE: Final = 1e-3  # of the fast arm: a session that never has more counts for nothing
_NODES: Final = 16  # of sensitivity, for the error of a pool

_draw = Kernel(
    Path(__file__).parent / "compiled" / "drawing_kernel.py",
    "draw",
    "the drawing of replicates",
)


class Held(NamedTuple):
    """What was solved of the patients of an arm, for D draws of the numbers of the card.

    **Arguments:**

    - `load`: decrease in log severity at full sensitivity due to the fast arm, with every session
      answered as by the typical patient, and to restored synapses, shape (2, D, m, V).
    - `ended`: the same with the first K sessions alone, shape (K, 2, D, m, V); K is 0 where nobody
      is followed after leaving.
    - `durability`: standard normal number behind the loss of synapses, shape (m,).
    - `shared`: onset of an antidepressant, natural and slow course, shape (D, 3, V).
    - `expected`: expectation with so many sessions, the last with all, shape (K + 1, D, V).
    - `ends`: where the patients of each cell of strata begin, and the last ends, shape (C + 1,);
      one cell without strata of age or weight, or where one patient stands for all.
    """

    load: Single
    ended: Single
    durability: Single
    shared: Array
    expected: Array
    ends: Integers


@dataclass(frozen=True)
class Pool:
    """The pool of the treatment of an arm.

    **Arguments:**

    - `trial`, `arm`: whose treatment. `times`: of the visits, h, shape (V,).
    - `seed`: of the simulation. `plan`: the steps of its chain.
    - `follows`: patients are rated on after they left.
    """

    trial: Trial
    arm: Arm
    times: Array
    seed: int
    plan: Plan
    follows: bool

    @cached_property
    def _people(self) -> tuple[dict[str, Any], Array, Array]:
        """Pharmacokinetics, weights, and durabilities of the large pool."""
        seed = derived(self.seed, f"pool of {self.arm.id}")
        parts: Mapping[str, Part] = {}
        found = allocation_of(self.trial)
        if found is not None:
            one = found.cells(_SOLVED)[1]
            parts = found.parts(np.repeat(one, np.diff(self._ends)))
        values, weight, _ = arm_patients(self.arm, seed, 0, LARGE, parts=parts)
        return values, np.asarray(weight), standard_normals(seed, "mood:kS", 0, LARGE, 1)[:, 0]

    @cached_property
    def _ends(self) -> Integers:
        """Where the patients of each cell of strata begin in the large pool, and the last ends."""
        found = allocation_of(self.trial)
        if found is None:
            return np.array([0, LARGE])
        shares = np.bincount(found.cells(_SOLVED)[0], found.shares)
        # no cell may be empty
        counts = np.maximum(np.round(shares * LARGE).astype(np.int64), SMALL)
        counts[counts.argmax()] += LARGE - counts.sum()
        return np.concatenate([[0], np.cumsum(counts)])

    @property
    def sessions(self) -> tuple[float, ...]:
        """Those of the arm until the last visit, h."""
        return self.arm.sessions[: int(sessions_until(self.arm.sessions, self.times[-1:])[0])]

    def held(self, numbers: Worlds, *, around: Held | None = None) -> Held:
        """Solve the patients.

        **Main arguments:**

        - `numbers`: of the card, of D draws.

        **Other arguments:**

        - `around`: the large pool at the numbers of the card, of which some stand for all; left
          out, it is that which is made.
        """
        draws = len(numbers.early)
        # without the drug patients differ in nothing that is solved
        who, ends = np.arange(LARGE), self._ends
        if self.arm.control is not None:
            who, ends = np.arange(1), np.array([0, 1])
        elif around is not None:
            # of each cell evenly over the effects at the last visit, the smallest to the largest
            cells = pairwise(ends)
            typical = around.load[:, 0, :, -1].sum(axis=0)
            some = [first + _spread(typical[first:last]) for first, last in cells]
            who, ends = np.concatenate(some), SMALL * np.arange(len(some) + 1)
        until = max(float(self.times[-1]), 1.0)
        counts = range(len(self.sessions) + 1) if self.follows else [len(self.arm.sessions)]
        parts = [
            self._solved(ended_calendar(self.arm, count, until), numbers, who) for count in counts
        ]
        whole = parts[-1]
        shape = (0, 2, draws, len(who), len(self.times))
        ended = np.stack([one[0] for one in parts[:-1]]) if parts[:-1] else np.empty(shape)
        return Held(
            whole[0],
            ended.astype(np.float32),
            self._people[2][who].astype(np.float32),
            whole[1][:, 1:],
            np.stack([one[1][:, 0] for one in parts]),
            ends,
        )

    def _solved(self, calendar: Calendar, numbers: Worlds, who: Integers) -> tuple[Single, Array]:
        """Load (2, D, m, V), and expectation with what runs by itself (D, 4, V)."""
        draws, members = len(numbers.early), len(who)
        load = np.zeros((2, draws, members, len(self.times)), np.float32)
        shared = np.zeros((draws, 4, len(self.times)))
        later = np.flatnonzero(self.times > 0.0)
        size = max(1, PIECE // members)
        pk, weight, durability = self._people
        for start in range(0, draws, size):
            world = np.arange(start, min(start + size, draws))
            drawn = numbers.of(np.repeat(world, members))
            place = np.tile(who, len(world))
            values = {k: v[place] if np.ndim(v) == 1 else v for k, v in pk.items()}
            values |= {s.name: drawn[s.name] for s in MOOD_PARAMETERS if s.name in drawn}
            # what acts on the states from without moves none of them
            values |= {"sens": 1.0, "e_P": 0.0, "M0": HIGHEST, "k_session": drawn["k_session"]}
            values["kS"] = drawn["kS"] * np.exp(drawn["omega_kS"] * durability[place])
            solved = solve(
                mood_chain(MODELS["reference"]),
                Patients(values, weight[place], (calendar,)),
                self.times[later],
                MOOD_STATES,
                plan=self.plan,
                engine="numba",
                progress=False,
            )
            states = {name: np.asarray(solved[name]) for name in MOOD_STATES}

            def column(symbol: str, drawn: dict[str, Any] = drawn) -> Any:
                value = np.asarray(drawn[symbol], np.float64)
                return value[:, None] if value.ndim else value

            shape = (len(world), members, len(later))
            for row, (symbol, name) in enumerate((("e_A", "fast_arm"), ("e_S", "restored"))):
                made = column("gate") * column(symbol) * states[name]
                members_of = np.arange(members)[None, :, None]
                load[row, world[:, None, None], members_of, later] = made.reshape(shape)
            for row, name in enumerate(("expectation", "antidepressant", "course", "care")):
                # nothing about the patient is in these
                shared[world[:, None], row, later] = states[name].reshape(shape)[:, 0]
        return load, shared


def _spread(load: Single) -> Integers:
    """Places of `SMALL` patients evenly over the effects, in the order of their places."""
    ranks = ((np.arange(SMALL) + 0.5) / SMALL * len(load)).astype(np.int64)
    return np.sort(load.argsort(kind="stable")[ranks]).astype(np.int64)


@dataclass(frozen=True)
class DrawnArm:
    """An arm whose patients are drawn from a pool.

    **Arguments:**

    - `trial`, `arm`: how many patients there are, and whose random numbers they have.
    - `given`: whose treatment and patients they have, and as in which they leave; another arm in a
      trial without any difference.
    - `held`: what was solved of it. `times`: of the visits, h, shape (V,).
    - `sessions`: of the treatment until the last visit, h.
    - `seed`: of the simulation. `worlds`: of all replicates. `draws`: how many the pool holds.
    - `rate`: at which patients leave for lack of effect, 1/h.
    - `follows`: patients are rated on after they left.
    """

    trial: Trial
    arm: Arm
    given: Arm
    held: Held
    times: Array
    sessions: tuple[float, ...]
    seed: int
    worlds: Worlds
    draws: int
    rate: float
    follows: bool

    def ratings(self, first: int, count: int, *, stays: bool) -> tuple[Ratings, Ratings | None]:
        """Draw some replicates.

        **Main arguments:**

        - `first`, `count`: the replicates asked for, counted from 0.

        **Other arguments:**

        - `stays`: ratings of the same patients had nobody left are asked for.

        **Returns:** ratings, and those had nobody left.
        """
        n, visits = self.arm.n, len(self.times)
        random = self._random(first, count)
        shape = (count, n, visits)
        none = np.empty((0, 0, 0), np.float32)
        rated, before = np.empty(shape, np.float32), np.empty(shape[:2], np.float32)
        stayed = np.empty(shape, np.float32) if stays else none
        whole = np.empty(shape, np.float32) if self.follows else none
        replicate = np.arange(first, first + count)
        stratum, parts = self._strata(first, count)
        if "baseline" in parts:
            own = normal_within(random[0][:, :, 5].astype(np.float64), parts["baseline"])
            random[0][:, :, 5] = own
        if stratum is not None and len(self.held.ends) > 2:
            assert self._allocation is not None
            cell = self._allocation.cells(_SOLVED)[0][stratum]
            begin, last = self.held.ends[cell], self.held.ends[cell + 1]
            member = np.floor(begin + (last - begin) * random[1][:, :, 0].astype(np.float64))
            # the middle of what stands for the patient, whatever is rounded
            random[1][:, :, 0] = (np.minimum(member, last - 1) + 0.5) / self.held.ends[-1]
        numbers, kept = self._numbers
        mean_sd = in_madrs(*(getattr(self.given.baseline, k) for k in ("scale", "mean", "sd")))
        _draw(
            *(*random, replicate % self.draws, numbers[replicate]),
            *(self.held.load, self.held.ended, self.held.durability),
            *(self.held.shared, self.held.expected, self.times, kept[replicate]),
            self._weights,
            *(np.array(self.sessions, np.float64), np.array(self.given.sessions, np.float64)),
            *(np.array([*mean_sd, HIGHEST]),),
            *(rated, stayed, whole, before),
        )
        made = Ratings(
            self.times, rated, before, whole=whole if self.follows else None, stratum=stratum
        )
        return made, Ratings(self.times, stayed, before) if stays else None

    def _strata(self, first: int, count: int) -> tuple[Integers | None, Mapping[str, Part]]:
        """Strata of the patients, and where in its distribution each factor of them lies."""
        found = self._allocation
        if found is None:
            return None, {}
        stratum = found.strata(self.seed, self.arm.id, first, count)
        return stratum, found.parts(stratum)

    @cached_property
    def _allocation(self) -> Allocation | None:
        return allocation_of(self.trial)

    def _random(self, first: int, count: int) -> tuple[Single, Single, Single]:
        """Random numbers of replicates, each with its own: how many are asked for moves none."""
        n, width = self.arm.n, 8 + 2 * len(self.times) + self._weights.shape[1]
        normals = np.empty((count, n, width), np.float32)
        chances, dues = np.empty((2, count, n, 3), np.float32)
        for purpose, kind in (("normals", normals), ("chances", chances), ("dues", dues)):
            bits = np.random.Philox(key=derived(self.seed, f"drawn {self.arm.id} {purpose}"))
            generator, state = np.random.Generator(bits), bits.state
            for place in range(count):
                state["state"]["counter"] = np.array([0, first + place, 0, 0], np.uint64)
                bits.state = state
                if purpose == "normals":
                    generator.standard_normal(dtype=np.float32, out=kind[place])
                elif purpose == "chances":
                    generator.random(dtype=np.float32, out=kind[place])
                else:
                    generator.standard_exponential(dtype=np.float32, out=kind[place])
        return normals, chances, dues

    @cached_property
    def _weights(self) -> Single:
        """Weights of the answers to sessions at visits, shape (G, O, V), the last with all of them.

        Of who left, one with so many sessions each; otherwise only sessions that count at a visit.
        """
        starts = np.array(drug_sessions(self.given.doses), np.float64)
        most = len(self.sessions)
        counts = range(most + 1) if self.follows else [most]
        every = np.zeros((len(counts), len(starts), len(self.times)), np.float32)
        for place, count in enumerate(counts):
            begun = starts[starts <= (self.sessions[count - 1] if count else -np.inf)]
            every[place, : len(begun)] = session_weights(self.times, begun)
        return every[:, (every > _LITTLE).any(axis=(0, 2))]

    @cached_property
    def _numbers(self) -> tuple[Array, Array]:
        """Numbers (R, 21) and what is kept of a fluctuation from visit to visit (R, V)."""
        own, worlds = self.worlds.numbers, self.worlds
        count = len(worlds.early)
        situation = situation_of(self.trial, self.given)
        scenario = self.trial.scenario or Scenario()
        left = own["f_old"] if situation.older else np.ones(count)
        expected = np.broadcast_to(np.asarray(situation.expectation(own)), (count,))
        columns = (
            left * scenario.drug_effect * (1.0 + worlds.drug),
            left * expected * scenario.expectation,
            left * own["e_O"] if situation.new_antidepressant else np.zeros(count),
            left * own["e_N"],
            left * own["e_C"],
            *(own[f"omega_{name}"] for name in ("sens", "P", "O", "N", "C")),
            *(own[name] for name in ("share_none", "share_none_O", "rho", "sigma", "omega_F")),
            *(worlds.early, worlds.late),
            *(np.broadcast_to(np.asarray(one), (count,)) for one in self._hazards),
            own["omega_A"],
        )
        steps = np.diff(self.times, prepend=0.0)
        kept = np.exp(-own["k_F"][:, None] * steps)
        return np.column_stack(columns), kept

    @property
    def _hazards(self) -> tuple[Any, float, float]:
        """Of leaving: constant, 1/h; of each session; the rate for lack of effect, 1/h."""
        own = {one.pattern: one for one in self.trial.dropout if one.of(self.given)}
        if not own:
            return stop_hazard(self.given, self.worlds.numbers), 0.0, 0.0
        steady, event = own.get("completely_at_random"), own.get("adverse_event")
        each = None if event is None else each_session(event, np.array(self.given.sessions))
        return (
            0.0 if steady is None else constant_hazard(steady),
            each or 0.0,
            self.rate if "lack_of_effect" in own else 0.0,
        )


def from_pool(trial: Trial, arms: Sequence[Arm]) -> bool:
    """Whether the replicates of a trial may be drawn from a pool.

    A pool holds courses that depend on nothing but the treatment: not on what was rated, as in a
    randomised withdrawal or by a dosing rule, nor on what was given before, as in a crossover.
    """
    return not any(arm.branch is not None or trial.individual(arm) for arm in arms)


def pool_error(held: Held, numbers: Worlds, arm: Arm, place: int) -> float:
    """Standard error of the mean score of an arm at a visit, points, by the choice of its pool.

    **Arguments:**

    - `held`: of one draw of the numbers. `place`: of the visit.
    """
    own = {name: float(values[0]) for name, values in numbers.numbers.items()}
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    mixed = np.sqrt(1.0 - own["rho"] ** 2) * nodes - own["rho"] * held.durability[:, None]
    sens = np.exp(own["omega_sens"] * mixed)[:, :, None]
    fast, slow = held.load[:, 0, :, place].astype(np.float64)[:, :, None, None]
    weights = weights / weights.sum()
    load = fast * np.exp(own["omega_A"] * nodes) + slow
    lowered = np.exp(-sens * load) @ weights @ weights
    mean, _ = in_madrs(arm.baseline.scale, arm.baseline.mean, arm.baseline.sd)
    # whom the drug never helps and what else lowers the score make it smaller
    return float(mean * (1.0 - own["share_none"]) * lowered.std() / np.sqrt(len(lowered)))
