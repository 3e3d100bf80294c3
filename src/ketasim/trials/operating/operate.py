"""The worlds behind operating characteristics beside that with all uncertainty."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import Trial
from ketasim.evidence import Card
from ketasim.trials.operating.characteristics import Characteristics
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
    uncertain: World,
    visits: Mapping[str, Array],
    mood: Card,
    *,
    rate: float,
    size: int,
    advance: Callable[[int], None],
    progress: Callable[[str], None] | None,
) -> Characteristics:
    """Simulate and analyse replicates at the effect of the card, and without any difference.

    **Main arguments:**

    - `question`: what is asked. `pool`: the trial, as `pooled` returns it.
    - `uncertain`: replicates with all uncertainty, analysed already.
    - `visits`: arm to the times of its ratings, h. `mood`: the card.

    **Other arguments:**

    - `rate`: at which patients leave for lack of effect, 1/h.
    - `size`: how many replicates are held at one time.
    - `advance`: receives how many patients are done.
    - `progress`: receives a sentence now and then.
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
        for first in range(0, pool.replicates, size):
            count = min(size, pool.replicates - first)
            if progress is not None:
                progress(f"{told}: replicates {first + 1} to {first + count}")
            rated: dict[str, Ratings] = {}
            stayed: dict[str, Ratings] = {}
            for one in arms:
                rated[one.arm.id], stayed[one.arm.id] = one.ratings(first, count)
                advance(count * one.stride)
            world.add(rated, None if given is not None else stayed)
        made.append(world)
    return Characteristics(question, made[0], uncertain, made[1])
