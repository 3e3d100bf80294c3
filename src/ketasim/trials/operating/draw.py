"""Replicates of all three worlds drawn from pools of patients, where there are many."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import Trial
from ketasim.evidence import Card
from ketasim.trials.operating.characteristics import Characteristics, Drawn
from ketasim.trials.operating.pool import (
    DRAWS,
    LARGE,
    SMALL,
    DrawnArm,
    Held,
    Pool,
    from_pool,
    pool_error,
)
from ketasim.trials.operating.question import Question
from ketasim.trials.operating.world import World
from ketasim.trials.patients.worlds import Worlds, worlds
from ketasim.trials.ratings import ArmSimulation

Array = NDArray[np.float64]

SOLVED: Final = 240_000
"""Patients of all replicates up to which each is solved."""

_FEWEST: Final = 100  # replicates of which every patient is solved
_DRAWN: Final = 2.0e-6  # s, of one patient in one world
_FITTED: Final = 2.0e-3  # s, of the analyses of one replicate of 800 patients


def draws(trial: Trial, question: Question) -> bool:
    """Whether replicates are drawn from pools: there are many, and the trial allows it.

    **Arguments:**

    - `trial`: with the patients of its largest size. `question`: what is asked of it.
    """
    many = trial.replicates * trial.enrolled > SOLVED and trial.replicates > _FEWEST
    return many and from_pool(trial, question.arms)


def solved_replicates(trial: Trial) -> int:
    """How many replicates have every patient solved, for the arms and the table of patients."""
    return min(trial.replicates, max(_FEWEST, SOLVED // trial.enrolled))


def drawn_seconds(patients: int) -> float:
    """How long the three worlds take, s, for so many patients of all replicates."""
    return 3.0 * patients * (_DRAWN + _FITTED / 800.0)


def drawn_notes(found: Characteristics | None, solved: int) -> tuple[str, ...]:
    """What was drawn, as a sentence."""
    if found is None or found.drawn is None:
        return ()
    count = f"{found.question.trial.replicates:,}"
    numbers = found.drawn.draws
    uncertain = (
        f", with the effect uncertain from {SMALL} for each of {numbers:,} draws of the card"
        if numbers > 1
        else ""
    )
    told = (
        f"Power, assurance and type-I error are of {count} replicates whose patients are drawn "
        f"from a pool of {LARGE:,} for each arm{uncertain}; arms and the table of patients are of "
        f"the first {solved:,} replicates, every patient solved."
    )
    return (told,)


@dataclass(frozen=True)
class Drawing:
    """Pools of patients, and the replicates of all three worlds drawn from them.

    The pools depend on the trial alone and are solved once, whichever replicates are drawn.

    **Arguments:**

    - `question`: what is asked. `pool`: the trial, as `pooled` returns it.
    - `numbers`: worlds of all replicates, uncertain. `arms`: simulations of the arms, with their
      steps. `mood`: the card.
    - `rate`: at which patients leave for lack of effect, 1/h.
    """

    question: Question
    pool: Trial
    numbers: Worlds
    arms: Sequence[ArmSimulation]
    mood: Card
    rate: float
    _held: dict[str, tuple[Pool, Held, Held]] = field(
        default_factory=dict[str, tuple[Pool, Held, Held]], init=False
    )

    @property
    def _draws(self) -> int:
        return 1 if self.numbers.alike else min(self.pool.replicates, DRAWS)

    @cached_property
    def _worlds(self) -> tuple[Worlds, Worlds]:
        """Those of all replicates: with the draws by turns, and certain."""
        pool = self.pool
        certain = worlds(
            *(pool, self.mood, pool.seed, pool.replicates), uncertainty=False, between_trials=False
        )
        return self.numbers.by_turns(self._draws), certain

    def solve(
        self, progress: Callable[[str], None] | None = None
    ) -> Mapping[str, tuple[Pool, Held, Held]]:
        """Solve the pools, if they are not yet.

        **Arguments:**

        - `progress`: receives a sentence now and then.

        **Returns:** arm to its pool, and what it holds at the numbers of the card and at the draws.
        """
        turned, certain = self._worlds
        draws = self._draws
        by_id = {one.arm.id: one for one in self.arms}
        for arm in self.question.arms:
            if arm.id in self._held:
                continue
            if progress is not None:
                told = f"a pool of {LARGE:,} patients, {draws:,} draws of the numbers"
                progress(f"arm {arm.id}: {told}")
            one = by_id[arm.id]
            own = Pool(
                *(self.pool, one.arm, one.times, self.pool.seed, one.planned()),
                self.question.follows,
            )
            large = own.held(certain.first(1))
            small = own.held(turned.first(draws), around=large) if draws > 1 else large
            self._held[arm.id] = own, large, small
        return self._held

    def worlds(
        self,
        replicates: range,
        *,
        advance: Callable[[int], None],
        progress: Callable[[str], None] | None,
    ) -> tuple[World, World, World]:
        """Draw and analyse some replicates.

        **Main arguments:**

        - `replicates`: which, counted from 0.

        **Other arguments:**

        - `advance`: receives how many patients are done.
        - `progress`: receives a sentence now and then.

        **Returns:** the worlds with the effect uncertain, at that of the card, and without any.
        """
        held = self.solve(progress)
        turned, certain = self._worlds
        asked, pool = self.question, self.pool
        reference = asked.arms[asked.pair[1]].id
        made: list[World] = []
        for told, given, drawn in (
            ("the effect uncertain", None, turned),
            ("at the effect of the card", None, certain),
            ("without any effect", reference, certain),
        ):
            if progress is not None:
                progress(f"{told}: replicates {replicates.start + 1:,} to {replicates.stop:,}")
            own_arms: list[DrawnArm] = []
            for arm in asked.arms:
                source, large, small = held[given or arm.id]
                own_arms.append(
                    DrawnArm(
                        *(pool, pool.arm(arm.id), source.arm, small if drawn is turned else large),
                        *(source.times, source.sessions, pool.seed, drawn),
                        draws=self._draws if drawn is turned else 1,
                        rate=self.rate,
                        follows=asked.follows,
                    )
                )
            world = World(asked)
            world.draw(own_arms, replicates, stays=drawn is certain and not given, advance=advance)
            made.append(world)
        return made[0], made[1], made[2]

    @property
    def drawn(self) -> Drawn:
        """How many draws of the numbers there are, and the error of a difference by the pools."""
        asked, held = self.question, self.solve()
        numbers = self._worlds[1].first(1)
        errors = [
            pool_error(held[arm.id][1], numbers, arm, place_of(held[arm.id][0].times, asked))
            for arm in (asked.arms[place] for place in asked.pair)
        ]
        return Drawn(self._draws, float(np.hypot(errors[0], errors[1])))


def place_of(times: Array, question: Question) -> int:
    """Place of the primary visit among the times of an arm, h."""
    last = question.visits[-1] if question.visits else float(times[-1])
    return int(np.searchsorted(times, last - 1e-9))
