"""The worlds behind operating characteristics beside that with all uncertainty."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import Trial
from ketasim.evidence import Card
from ketasim.trials.operating.world import Question, World
from ketasim.trials.ratings import PILOT_SEED, ArmSimulation, Ratings, pilot_replicates, worlds

Array = NDArray[np.float64]


def pooled(trial: Trial, question: Question | None) -> Trial:
    """The trial with as many patients in each arm as the largest size asks for.

    **Arguments:**

    - `question`: of the trial; without one the trial is as it was.
    """
    if question is None:
        return trial
    largest = {arm.id: max(question.patients(arm)[-1], arm.n) for arm in question.arms}
    if all(largest.get(arm.id, arm.n) == arm.n for arm in trial.arms):
        return trial
    own = question.arms[question.pair[0]].n
    ratio = question.sizes[-1] / own
    arms = tuple(
        replace(arm, n=largest.get(arm.id, max(arm.n, round(arm.n * ratio)))) for arm in trial.arms
    )
    return replace(trial, arms=arms)


def operated(
    question: Question,
    pool: Trial,
    visits: Mapping[str, Array],
    mood: Card,
    replicates: range,
    *,
    rate: float,
    size: int,
    advance: Callable[[int], None],
    progress: Callable[[str], None] | None,
) -> tuple[World, World]:
    """Simulate and analyse replicates at the effect of the card, and without any difference.

    **Main arguments:**

    - `question`: what is asked. `pool`: the trial, as `pooled` returns it.
    - `visits`: arm to the times of its ratings, h. `mood`: the card.
    - `replicates`: which of them, counted from 0.

    **Other arguments:**

    - `rate`: at which patients leave for lack of effect, 1/h.
    - `size`: how many replicates are held at one time.
    - `advance`: receives how many patients are done.
    - `progress`: receives a sentence now and then.

    **Returns:** the two worlds.
    """
    certain = {"uncertainty": False, "between_trials": False}
    drawn = worlds(pool, mood, pool.seed, pool.replicates, **certain)
    pilot = worlds(pool, mood, PILOT_SEED, pilot_replicates(pool), **certain)
    reference = pool.arm(question.arms[question.pair[1]].id)
    made: list[World] = []
    for given, told in ((None, "at the effect of the card"), (reference, "without any effect")):
        world = World(question)
        arms = [
            ArmSimulation(
                *(pool, pool.arm(arm.id), visits[(given or arm).id], pool.seed, drawn, True, pilot),
                rate=rate,
                given=given,
                stays=given is None,
            )
            for arm in question.arms
        ]
        for first in replicates[::size]:
            count = min(size, replicates.stop - first)
            if progress is not None:
                progress(f"{told}: replicates {first + 1} to {first + count}")
            rated: dict[str, Ratings] = {}
            stayed: dict[str, Ratings] = {}
            for one in arms:
                rated[one.arm.id], stayed[one.arm.id] = one.ratings(first, count)
                advance(count * one.stride)
            world.add(rated, None if given is not None else stayed)
        made.append(world)
    return made[0], made[1]
