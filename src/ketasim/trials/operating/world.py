"""Replicates of one world analysed as they come: all uncertain, at a fixed effect, or without."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base.size import one_thread, processors
from ketasim.dosing import IMPUTED
from ketasim.trials.operating.crossover import within_patients
from ketasim.trials.operating.imputed import impute_contrast
from ketasim.trials.operating.mixed import fit_contrast
from ketasim.trials.operating.outcomes import (
    Outcome,
    by_t,
    covariance,
    each_estimable,
    joined,
    responders,
    stratified_responders,
    survivors,
)
from ketasim.trials.operating.pool import DrawnArm
from ketasim.trials.operating.question import Question, Way
from ketasim.trials.operating.seen import Seen, seen_of
from ketasim.trials.operating.sums import Sums, arm_sums, together
from ketasim.trials.ratings import Ratings

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Key = tuple[Way, int]

_TOGETHER: Final = 250
"""Replicates whose sums are held at once, for each thread."""


@dataclass
class World:
    """Replicates of one world, and what the analyses found in them.

    **Arguments:**

    - `question`: what is asked.
    - `found`: way of analysis and patients in the first arm to outcomes, one part after the other.
    - `truths`: estimand to the difference of the mean changes of all patients, had they stayed or
      whatever they did, of each part.
    """

    question: Question
    found: dict[Key, list[Outcome]] = field(default_factory=dict[Key, list[Outcome]])
    truths: dict[str, list[Array]] = field(default_factory=dict[str, list[Array]])

    def add(
        self, rated: Mapping[str, Ratings], stayed: Mapping[str, Ratings] | None = None
    ) -> None:
        """Analyse some replicates.

        **Arguments:**

        - `rated`: arm to its ratings. `stayed`: the same had nobody left.
        """
        from concurrent.futures import ThreadPoolExecutor

        asked = self.question
        count = len(rated[asked.arms[0].id].before)
        starts = range(0, count, _TOGETHER)

        def made(start: int) -> dict[Key, Outcome]:
            block = slice(start, start + _TOGETHER)
            parts = [rated[arm.id].of_replicates(block) for arm in asked.arms]
            own = [seen_of(asked, part) for part in parts]
            whole = [seen_of(asked, part.regardless) for part in parts] if asked.follows else None
            return analysed(asked, own, whole)

        # many small matrices: the library's own threads would wait for each other
        with one_thread(), ThreadPoolExecutor(min(processors(), len(starts))) as pool:
            for one in pool.map(made, starts):
                self.keep(one)
        if stayed is not None:
            self._true("hypothetical", stayed)
            if asked.follows:
                self._true("treatment_policy", {k: one.regardless for k, one in rated.items()})

    def draw(
        self,
        arms: Sequence[DrawnArm],
        replicates: range,
        *,
        stays: bool,
        advance: Callable[[int], None],
    ) -> None:
        """Draw replicates from pools and analyse them.

        **Main arguments:**

        - `arms`: of the question, in its order. `replicates`: which, counted from 0.

        **Other arguments:**

        - `stays`: the truth, had nobody left, is asked for.
        - `advance`: receives how many patients are done.
        """
        from concurrent.futures import ThreadPoolExecutor

        asked = self.question
        starts = replicates[::_TOGETHER]

        def made(start: int) -> tuple[int, dict[Key, Outcome], dict[str, Array]]:
            count = min(_TOGETHER, replicates.stop - start)
            both = [arm.ratings(start, count, stays=stays) for arm in arms]
            own = [seen_of(asked, rated) for rated, _ in both]
            whole = None
            if asked.follows:
                whole = [seen_of(asked, rated.regardless) for rated, _ in both]
            found = analysed(asked, own, whole)
            truths: dict[str, Array] = {}
            if stays and asked.visits:
                truths["hypothetical"] = _apart(
                    [seen_of(asked, one[1]) for one in both if one[1] is not None], asked
                )
                if whole is not None:
                    truths["treatment_policy"] = _apart(whole, asked)
            return count, found, truths

        with one_thread(), ThreadPoolExecutor(min(processors(), len(starts))) as pool:
            for count, found, truths in pool.map(made, starts):
                self.keep(found)
                for estimand, truth in truths.items():
                    self.truths.setdefault(estimand, []).append(truth)
                advance(count * sum(arm.arm.n for arm in arms))

    def keep(self, made: Mapping[Key, Outcome]) -> None:
        """Put the outcomes of some replicates to those of the others."""
        for key, outcome in made.items():
            self.found.setdefault(key, []).append(outcome)

    def _true(self, estimand: str, rated: Mapping[str, Ratings]) -> None:
        asked = self.question
        if not asked.visits:
            return
        seen = [seen_of(asked, rated[arm.id]) for arm in asked.arms]
        self.truths.setdefault(estimand, []).append(_apart(seen, asked))

    def outcome(self, way: Way, size: int) -> Outcome:
        """All replicates of an analysis with so many patients in the first arm."""
        return joined(self.found[way, size])

    def truth(self, estimand: str) -> Array | None:
        """Difference of mean changes of all patients, in each replicate, shape (R,)."""
        parts = self.truths.get(estimand)
        return None if parts is None else np.concatenate(parts)


def _apart(arms: Sequence[Seen], asked: Question) -> Array:
    """Difference of the mean changes of all patients at the visit, shape (R,)."""
    # who left an earlier period of a crossover has no score at the start of this one
    first, second = (np.nanmean(arms[place].change[:, :, -1], axis=1) for place in asked.pair)
    return first - second


def analysed(
    asked: Question, own: Sequence[Seen], whole: Sequence[Seen] | None
) -> dict[Key, Outcome]:
    """Outcomes of a block of replicates.

    **Arguments:**

    - `asked`: what is asked. `own`: of each arm what is seen until patients leave. `whole`: the
      same whether they left or not, where that is asked for.
    """
    made = _of(asked, own, [way for way in asked.ways if way.estimand != "treatment_policy"])
    if whole is not None:
        made |= _of(asked, whole, [way for way in asked.ways if way.estimand == "treatment_policy"])
    return made


def _of(asked: Question, arms: Sequence[Seen], ways: Sequence[Way]) -> dict[Key, Outcome]:
    made: dict[Key, Outcome] = {}
    sizes = [asked.patients(arm) for arm in asked.arms]
    both = list(zip(arms, sizes, strict=True))
    within = asked.allocation
    strata = 0 if within is None else within.count
    followed = [
        None if arm.followed is None else arm.followed.counts(size, arm.strata(strata))
        for arm, size in both
    ]
    plain = any(way.analysis != "survival" for way in ways) and not asked.crossover
    design = None if within is None else within.design
    known = [arm.covariates(design) for arm in arms]
    sums = [
        arm_sums(own, arm.change, arm.response, size)
        for own, (arm, size) in zip(known, both, strict=True)
        if plain
    ]
    responses = [
        arm.by_stratum(strata, size)
        for arm, size in both
        if strata and any(way.analysis == "responder" for way in ways)
    ]

    def by_ancova(some: Sums, _: Flags, __: Flags) -> Mapping[str, Outcome]:
        return {"ancova": covariance(some, *asked.pair)}

    for place, cut in enumerate(asked.cuts):
        # looks before the end have the primary analysis alone
        here = [way for way in ways if cut in asked.sizes or way == asked.ways[0]]
        if asked.crossover and here:
            changes = [arm.change[:, : size[place], -1] for arm, size in both]
            least = min(one.shape[1] for one in changes)
            changes = [one[:, :least] for one in changes]
            periods = [arm.period[:, :least] for arm in arms if arm.period is not None]
            made[here[0], cut] = by_t(within_patients(changes, periods, *asked.pair))
            continue
        if any(way.analysis == "survival" for way in here):
            first, second = (followed[one] for one in asked.pair)
            assert first is not None and second is not None
            outcome = survivors(
                (first[0][place], first[1][place]), (second[0][place], second[1][place])
            )
            for way in here:
                if way.analysis == "survival":
                    made[way, cut] = outcome
        if not sums or not here:
            continue
        together_here = together(sums, place)
        for way in here:
            if way.analysis == "ancova":
                made[way, cut] = each_estimable(together_here, by_ancova)["ancova"]
            elif way.analysis == "responder" and responses:
                first, second = (
                    (responses[one][0][place], responses[one][1][place]) for one in asked.pair
                )
                made[way, cut] = stratified_responders(first, second)
            elif way.analysis == "responder":
                made[way, cut] = responders(together_here, *asked.pair)
        parts = [
            (own[:, : size[place]], arm.change[:, : size[place]])
            for own, (arm, size) in zip(known, both, strict=True)
        ]
        for way, outcome in _mixed(asked, parts, here, together_here).items():
            made[way, cut] = outcome
    return made


def _mixed(
    asked: Question, arms: Sequence[tuple[Array, Array]], ways: Sequence[Way], sums: Sums
) -> dict[Way, Outcome]:
    """Outcomes of the mixed model, and of what it imputes, at one size.

    **Arguments:**

    - `arms`: covariates and changes of each, shape (R, n, C) and (R, n, T). `sums`: of them.
    """
    mixed = [way for way in ways if way.analysis == "mmrm"]
    if not mixed:
        return {}

    def analyse(some: Sums, replicates: Flags, covariates: Flags) -> Mapping[str, Outcome]:
        found, fits = fit_contrast(some, *asked.pair)
        plain = by_t(found)
        named = {"hypothetical": plain, "treatment_policy": plain}
        if any(way.estimand in IMPUTED for way in mixed):
            parts = [(own[replicates][..., covariates], y[replicates]) for own, y in arms]
            made = impute_contrast(parts, fits, *asked.pair, asked.delta)
            named |= {estimand: by_t(one) for estimand, one in made.items()}
        return named

    named = each_estimable(sums, analyse)
    return {way: named[way.estimand] for way in mixed}
