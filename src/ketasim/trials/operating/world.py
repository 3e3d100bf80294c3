"""Replicates of one world analysed as they come: all uncertain, at a fixed effect, or without."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base.size import processors
from ketasim.dosing import Arm, Trial, analysed_visits, scales
from ketasim.trials.operating.outcomes import ANALYSED, Outcome, joined
from ketasim.trials.operating.sums import arm_sums, together
from ketasim.trials.ratings import Ratings

Array = NDArray[np.float64]

_TOGETHER: Final = 250
"""Replicates whose sums are held at once, for each thread."""


@dataclass(frozen=True)
class Question:
    """What is asked of every replicate.

    **Arguments:**

    - `trial`: with its primary contrast.
    - `visits`: those that enter, h, the last that of the contrast.
    - `arms`: those that enter. `pair`: places of the two of the contrast.
    - `sizes`: patients in the first arm of the contrast, ascending.
    """

    trial: Trial
    visits: tuple[float, ...]
    arms: tuple[Arm, ...]
    pair: tuple[int, int]
    sizes: tuple[int, ...]

    def patients(self, arm: Arm) -> tuple[int, ...]:
        """Patients in an arm for each of the sizes: its ratio to the first arm is kept."""
        own = self.arms[self.pair[0]].n
        return tuple(max(2, round(size * arm.n / own)) for size in self.sizes)

    @property
    def own(self) -> int:
        """Place of the trial's own size among the sizes."""
        return self.sizes.index(self.arms[self.pair[0]].n)


def question_of(trial: Trial) -> Question | None:
    """What is asked of a trial; nothing where it has no primary contrast."""
    primary = trial.primary
    if primary is None:
        return None
    visits = analysed_visits(primary, trial.assessments)
    arms = tuple(
        arm
        for arm in trial.enrolled_arms
        if arm.id in primary.contrast or _rated(trial, arm, primary.scale, visits)
    )
    ids = [arm.id for arm in arms]
    pair = ids.index(primary.contrast[0]), ids.index(primary.contrast[1])
    asked = () if trial.power is None else trial.power.n
    sizes = tuple(sorted({*asked, arms[pair[0]].n}))
    return Question(trial, visits, arms, pair, sizes)


def _rated(trial: Trial, arm: Arm, scale: str, visits: Sequence[float]) -> bool:
    times = {t for one in trial.assessed(arm) if one.scale == scale for t in one.times}
    return set(visits) <= times


@dataclass
class World:
    """Replicates of one world, and what the analyses found in them.

    **Arguments:**

    - `question`: what is asked.
    - `found`: analysis to the outcomes of each size, one part after the other.
    - `truths`: difference of the mean changes of patients who stay, of each part.
    """

    question: Question
    found: dict[tuple[str, int], list[Outcome]] = field(
        default_factory=dict[tuple[str, int], list[Outcome]]
    )
    truths: list[Array] = field(default_factory=list[Array])

    def add(
        self, rated: Mapping[str, Ratings], stayed: Mapping[str, Ratings] | None = None
    ) -> None:
        """Analyse some replicates.

        **Arguments:**

        - `rated`: arm to its ratings. `stayed`: the same had nobody left.
        """
        from concurrent.futures import ThreadPoolExecutor

        from threadpoolctl import threadpool_limits  # pyright: ignore[reportMissingTypeStubs]

        asked = self.question
        count = len(rated[asked.arms[0].id].before)
        starts = range(0, count, _TOGETHER)

        def analysed(start: int) -> dict[tuple[str, int], Outcome]:
            return _analysed(asked, rated, slice(start, start + _TOGETHER))

        # many small matrices: the library's own threads would wait for each other
        with threadpool_limits(1), ThreadPoolExecutor(min(processors(), len(starts))) as pool:
            for made in pool.map(analysed, starts):
                for key, outcome in made.items():
                    self.found.setdefault(key, []).append(outcome)
        if stayed is not None:
            first, second = (
                _numbers(asked, stayed[asked.arms[place].id])[1][:, :, -1] for place in asked.pair
            )
            self.truths.append(first.mean(axis=1) - second.mean(axis=1))

    def outcome(self, analysis: str, place: int) -> Outcome:
        """All replicates of an analysis at one size."""
        return joined(self.found[analysis, place])

    @property
    def truth(self) -> Array:
        """Difference of mean changes had nobody left, in each replicate, shape (R,)."""
        return np.concatenate(self.truths)


def _numbers(asked: Question, rated: Ratings) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Baseline, changes at the visits, and who responds at the last."""
    primary = asked.trial.primary
    assert primary is not None
    baseline = rated.baseline(primary.scale)
    score = np.stack([rated.score(primary.scale, time) for time in asked.visits], axis=2)
    change = score - baseline[:, :, None]
    least = asked.trial.response_at_least * baseline - 1e-9
    response = (baseline > 0.0) & (-np.nan_to_num(change[:, :, -1], nan=0.0) >= least)
    # numbers near 0 lose no digits in sums of squares
    return baseline - scales()[primary.scale] / 2.0, change, response


def _analysed(
    asked: Question, rated: Mapping[str, Ratings], block: slice
) -> dict[tuple[str, int], Outcome]:
    """Outcomes of a block of replicates, by analysis and place of the size."""
    sums = [
        arm_sums(*_numbers(asked, rated[arm.id].of_replicates(block)), asked.patients(arm))
        for arm in asked.arms
    ]
    made: dict[tuple[str, int], Outcome] = {}
    for place in range(len(asked.sizes)):
        whole = together(sums, place)
        for name in asked.trial.analyses:
            made[name, place] = ANALYSED[name][1](whole, *asked.pair)
    return made
