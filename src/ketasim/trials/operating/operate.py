"""The worlds behind operating characteristics beside that with all uncertainty."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import Trial, block_of, ratio_of
from ketasim.evidence import Card
from ketasim.trials.operating.question import Question
from ketasim.trials.operating.world import World
from ketasim.trials.patients.drawing import PILOT_SEED, pilot_replicates, strides
from ketasim.trials.patients.worlds import worlds
from ketasim.trials.ratings import ArmSimulation, Ratings

Array = NDArray[np.float64]

_EXPECTED: Final = 10_000
"""Patients of an arm by whom a difference is expected."""

_CARD: Final = "at the effect of the card"


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
    given, known = trial.randomisation, trial.enrolled_arms
    if given is not None:
        # blocks are those of the sizes of the file
        settled = {"ratio": ratio_of(given, known), "block": block_of(given, known)}
        given = given.model_copy(update=settled)
    return replace(trial, arms=arms, randomisation=given)


def shifted(
    question: Question | None, pool: Trial, visits: Mapping[str, Array], mood: Card
) -> Question | None:
    """The question with the points by which imputed outcomes are worse.

    Where the trial does not say them, they are the difference that the card expects between the
    arms at the visit had nobody left: who leaves loses what the arm had over the reference.

    **Arguments:** as of `operated`.
    """
    if question is None or "delta" not in question.trial.estimands:
        return question
    if question.trial.delta is not None:
        return replace(question, delta=question.trial.delta)
    primary = question.trial.primary
    assert primary is not None
    means: list[float] = []
    for place in question.pair:
        arm = pool.arm(question.arms[place].id)
        count = -(-_EXPECTED // strides(pool, arm))
        drawn = worlds(*(pool, mood, PILOT_SEED, count), uncertainty=False, between_trials=False)
        one = ArmSimulation(pool, arm, visits[arm.id], PILOT_SEED, drawn, True, stays=True)
        rated = one.ratings(0, count)[1]
        change = rated.score(primary.scale, primary.at) - rated.baseline(primary.scale)
        means.append(float(change.mean()))
    return replace(question, delta=round(means[1] - means[0], 1))


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
    for other, told in ((None, _CARD), (reference, "without any effect")):
        world = World(question)
        shown, given = pool, other
        if question.crossover and other is not None:
            # what is left of earlier periods is of the same treatment as well
            same = tuple(replace(other, id=arm.id, n=arm.n) for arm in pool.arms)
            shown, given = replace(pool, arms=same), None
        arms = [
            ArmSimulation(
                *(shown, shown.arm(arm.id), visits[arm.id], pool.seed, drawn, True, pilot),
                rate=rate,
                given=given,
                stays=told == _CARD,
                follows=question.follows,
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
            world.add(rated, stayed if told == _CARD else None)
        made.append(world)
    return made[0], made[1]
