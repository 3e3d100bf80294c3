"""What is asked of every replicate of a trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, NamedTuple

from ketasim.dosing import (
    IMPUTED,
    Arm,
    Assessment,
    Trial,
    analysed_visits,
    followed_relapse,
    whose,
)
from ketasim.trials.patients.allocation import Allocation, allocation_of

OWN_ESTIMAND: Final = {
    "mmrm": "hypothetical",
    "ancova": "observed_cases",
    "responder": "composite",
    "survival": "hypothetical",
}
"""Analysis to what it estimates of patients who leave when the trial does not say it."""


class Way(NamedTuple):
    """An analysis, and what it estimates of patients who leave."""

    analysis: str
    estimand: str


@dataclass(frozen=True)
class Question:
    """What is asked of every replicate.

    **Arguments:**

    - `trial`: with its primary contrast.
    - `visits`: those that enter, h, the last that of the contrast.
    - `arms`: those that enter. `pair`: places of the two of the contrast.
    - `sizes`: patients in the first arm of the contrast, ascending.
    - `relapse`: how it is followed, where time to it is compared.
    - `delta`: points added to what is imputed of an arm but the reference.
    """

    trial: Trial
    visits: tuple[float, ...]
    arms: tuple[Arm, ...]
    pair: tuple[int, int]
    sizes: tuple[int, ...]
    relapse: Assessment | None = None
    delta: float = 0.0

    def patients(self, arm: Arm) -> tuple[int, ...]:
        """Patients in an arm for each of `cuts`: its ratio to the first arm is kept."""
        return tuple(self.trial.patients(arm, cut) for cut in self.cuts)

    @cached_property
    def cuts(self) -> tuple[int, ...]:
        """Patients in the first arm at all looks of all sizes, ascending; sizes among them."""
        looks = {n for size in self.sizes for n in self.looked(size)}
        return tuple(sorted({*self.sizes, *looks}))

    def looked(self, size: int) -> tuple[int, ...]:
        """Patients in the first arm who have been followed at each look of a size."""
        looks = self.trial.looks
        shares = () if looks is None else looks.at
        return tuple(max(1, round(share * size)) for share in shares)

    @cached_property
    def allocation(self) -> Allocation | None:
        """The randomisation within strata that the analyses take; nothing where they take none."""
        found = allocation_of(self.trial)
        return found if found is not None and found.adjust else None

    @cached_property
    def ways(self) -> tuple[Way, ...]:
        """Analyses and their estimands, the primary one first."""
        asked = self.trial.estimands
        policy = ("treatment_policy",) if "treatment_policy" in asked else ()
        found: list[Way] = []
        for name in self.trial.analyses:
            if name == "mmrm":
                own = asked or (OWN_ESTIMAND[name],)
            else:
                # what is asked for first is the primary estimand
                first = asked[:1] == policy and bool(policy)
                own = (*policy, OWN_ESTIMAND[name]) if first else (OWN_ESTIMAND[name], *policy)
            found += [Way(name, one) for one in own]
        missing = [one for one in asked if Way("mmrm", one) not in found]
        # the mixed model imputes, whatever else is asked for
        return (*found, *(Way("mmrm", one) for one in missing if one in IMPUTED))

    @property
    def notes(self) -> tuple[str, ...]:
        """What was taken for granted of the estimands, as sentences."""
        found: list[str] = []
        if "delta" in self.trial.estimands:
            given = self.trial.delta is not None
            whence = "as given" if given else "the difference that the card expects at the visit"
            found.append(
                f"Estimand 'delta': what is imputed of an arm but {self.arms[self.pair[1]].id} is "
                f"{self.delta:g} points higher, {whence}."
            )
        if self.follows:
            what = "and without another treatment"
            if self.trial.rescue is not None:
                what = "or another treatment; a rescue that began before goes on, none begins after"
            found.append(
                f"Treatment policy: who left is rated on, without further sessions {what} "
                "(assumed)."
            )
        return tuple(found)

    @property
    def follows(self) -> bool:
        """Whether patients are rated on after they left."""
        return any(way.estimand == "treatment_policy" for way in self.ways)

    @property
    def crossover(self) -> bool:
        """Whether the arms hold the same patients."""
        return self.trial.design == "crossover"

    @property
    def own(self) -> int:
        """Place of the trial's own size among the sizes."""
        return self.sizes.index(self.arms[self.pair[0]].n)


def question_of(trial: Trial) -> Question | None:
    """What is asked of a trial; nothing where it has no primary contrast."""
    primary = trial.primary
    if primary is None:
        return None
    pair = [trial.arm(name) for name in primary.contrast]
    first, second = (trial.assessed(arm) for arm in pair)
    plain = [name for name in trial.analyses if name != "survival"]
    visits = analysed_visits(primary, first, second) if plain or trial.estimands else ()
    arms = tuple(
        arm
        for arm in trial.arms
        if arm.id in primary.contrast
        or (whose(arm) == whose(pair[0]) and visits and _rated(trial, arm, primary.scale, visits))
    )
    ids = [arm.id for arm in arms]
    places = ids.index(primary.contrast[0]), ids.index(primary.contrast[1])
    asked = () if trial.power is None else trial.power.n
    sizes = tuple(sorted({*asked, pair[0].n}))
    return Question(trial, visits, arms, places, sizes, _relapse(trial, first, second))


def _relapse(
    trial: Trial, first: Sequence[Assessment], second: Sequence[Assessment]
) -> Assessment | None:
    primary = trial.primary
    if primary is None or "survival" not in trial.analyses:
        return None
    found = followed_relapse(primary, first, second)
    if found is None or primary.analysis != "survival":
        return found
    # the primary visit ends the follow-up
    times = tuple(one for one in found.times if one <= primary.at * (1 + 1e-9))
    return replace(found, at=times, every=None, until=None)


def _rated(trial: Trial, arm: Arm, scale: str, visits: Sequence[float]) -> bool:
    times = {t for one in trial.assessed(arm) if one.scale == scale for t in one.times}
    return set(visits) <= times
