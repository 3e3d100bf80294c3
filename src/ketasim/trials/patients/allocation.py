"""Which strata the patients of each arm are of, after a randomisation within strata.

People are enrolled one after the other, each of a stratum by chance, and dealt out to the arms by
permuted blocks within the stratum. Everything else about a patient is drawn given the stratum.
What is balanced is what a trial would balance, and an arm is simulated as before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ketasim._base import uniforms
from ketasim.dosing import Stratum, Trial, block_of, factor_names, ratio_of
from ketasim.engine.backends.numba.kernel import Kernel
from ketasim.population import Part, baseline_scores, from_madrs, in_madrs
from ketasim.trials.patients.drawing import HIGHEST, derived

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

_HALVINGS: Final = 60
_FAR: Final = 9.0  # standard deviations beyond which nobody is

_allocate = Kernel(
    Path(__file__).parent / "compiled" / "allocating_kernel.py",
    "allocate",
    "the randomisation of many replicates",
)


@dataclass(frozen=True)
class Allocation:
    """The randomisation of a trial within strata.

    **Arguments:**

    - `factors`: of stratification.
    - `ends`: of each factor the shares of the patients at which its levels begin and end, ascending
      from 0 to 1.
    - `block`: patients of each arm in a block. `arms`: their ids. `sizes`: their patients.
    - `adjust`: the analyses take the strata.
    """

    factors: tuple[Stratum, ...]
    ends: tuple[Array, ...]
    block: tuple[int, ...]
    arms: tuple[str, ...]
    sizes: tuple[int, ...]
    adjust: bool

    @cached_property
    def levels(self) -> Integers:
        """Level of each factor in each stratum, shape (S, F)."""
        return np.array(list(product(*(range(len(one.levels)) for one in self.factors))), np.int64)

    @property
    def count(self) -> int:
        """Number of strata."""
        return len(self.levels)

    @cached_property
    def shares(self) -> Array:
        """Part of the patients in each stratum, shape (S,)."""
        parts = [np.diff(ends)[self.levels[:, f]] for f, ends in enumerate(self.ends)]
        return np.prod(parts, axis=0)

    @cached_property
    def design(self) -> Array:
        """Regressors of the strata beside an intercept and the baseline, shape (S, C).

        Levels of each factor after the first; of the baseline none, as its score is a regressor.
        """
        columns = [
            (self.levels[:, f] == level).astype(np.float64)
            for f, one in enumerate(self.factors)
            if one.name != "baseline"
            for level in range(1, len(one.levels))
        ]
        return np.stack(columns, axis=1) if columns else np.zeros((self.count, 0))

    @cached_property
    def _candidates(self) -> int:
        """People who fill all arms, whatever their strata."""
        whole = sum(self.block)
        longest = max(-(-n // own) for n, own in zip(self.sizes, self.block, strict=True))
        return (longest + self.count) * whole

    def cells(self, names: Sequence[str]) -> tuple[Integers, Integers]:
        """Strata that differ in some of the factors.

        **Arguments:**

        - `names`: of these factors.

        **Returns:** cell of each stratum, shape (S,), and one stratum of each cell, shape (K,).
        """
        kept = [f for f, one in enumerate(self.factors) if one.name in names]
        _, first, cell = np.unique(
            self.levels[:, kept], axis=0, return_index=True, return_inverse=True
        )
        return cell.ravel().astype(np.int64), first.astype(np.int64)

    def strata(self, seed: int, arm: str, first: int, count: int) -> Integers:
        """Strata of the patients of an arm in some replicates, shape (count, n).

        **Arguments:**

        - `seed`: of the simulation. `first`, `count`: the replicates, counted from 0.
        """
        chances = uniforms(
            derived(seed, "allocation"), "trial:strata", first, count, 2 * self._candidates
        )
        starts = np.cumsum([0, *self.sizes[:-1]])
        found = np.zeros((count, sum(self.sizes)), np.int64)
        _allocate(
            *(chances.reshape(count, self._candidates, 2), np.cumsum(self.shares)),
            *(np.array(self.block, np.int64), np.array(self.sizes, np.int64)),
            *(starts.astype(np.int64), found),
        )
        place = self.arms.index(arm)
        return found[:, starts[place] : starts[place] + self.sizes[place]]

    def patients(self, seed: int, arm: str, first: int, count: int) -> Integers:
        """Strata of the patients of an arm, counted over all replicates, shape (count,).

        **Arguments:** as of `strata`, of patients in place of replicates.
        """
        n = self.sizes[self.arms.index(arm)]
        start, stop = first // n, -(-(first + count) // n)
        own = self.strata(seed, arm, start, stop - start).ravel()
        return own[first - start * n :][:count]

    def parts(self, strata: Integers) -> dict[str, Part]:
        """Where in its distribution each factor of patients lies.

        **Arguments:**

        - `strata`: of the patients, any shape.
        """
        found: dict[str, Part] = {}
        for f, (one, ends) in enumerate(zip(self.factors, self.ends, strict=True)):
            level = self.levels[:, f][strata]
            found[one.name] = ends[level], ends[level + 1]
        return found


def allocation_of(trial: Trial) -> Allocation | None:
    """The randomisation of a trial within strata; nothing where it has none."""
    given = trial.randomisation
    if given is None:
        return None
    arms = trial.enrolled_arms
    ratio = ratio_of(given, arms)
    times = block_of(given, arms) // sum(ratio)
    return Allocation(
        given.strata,
        tuple(_ends(trial, one) for one in given.strata),
        tuple(times * own for own in ratio),
        tuple(arm.id for arm in arms),
        tuple(arm.n for arm in arms),
        given.adjust,
    )


def _ends(trial: Trial, one: Stratum) -> Array:
    """Shares of the patients at which the levels of a factor begin and end."""
    population = trial.population
    if one.name == "sex":
        assert population.female is not None
        inner: Sequence[float] = [population.female]
    elif one.shares:
        inner = np.cumsum(list(one.shares.values()))[:-1].tolist()
    elif one.name == "baseline":
        inner = [_below(trial, cut) for cut in one.cuts]
    else:
        spread = population.age if one.name == "age" else population.weight
        assert spread is not None and spread.sd is not None
        inner = [float(special.ndtr((cut - spread.mean) / spread.sd)) for cut in one.cuts]
    return np.array([0.0, *inner, 1.0])


def _below(trial: Trial, cut: float) -> float:
    """Part of the patients who are rated below a score before treatment."""
    spread = trial.arms[0].baseline
    mean, sd = in_madrs(spread.scale, spread.mean, spread.sd)
    low, high = -_FAR, _FAR
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        score = baseline_scores(mean, sd, np.array([middle]), HIGHEST)
        rated = score if spread.scale == "MADRS" else from_madrs(spread.scale, score)
        if np.rint(rated)[0] < cut:
            low = middle
        else:
            high = middle
    return float(special.ndtr((low + high) / 2.0))


def allocation_words(trial: Trial) -> str:
    """How patients are put into arms, for a table; empty without strata."""
    found, given = allocation_of(trial), trial.randomisation
    if found is None or given is None:
        return ""
    adjusted = "" if given.adjust else "; the analyses do not take them"
    return (
        f"within {found.count} strata of {factor_names(given)}, permuted blocks of "
        f"{sum(found.block)}{adjusted}"
    )


def allocation_notes(trial: Trial) -> tuple[str, ...]:
    """What was taken for granted of a randomisation within strata, as sentences."""
    found, given = allocation_of(trial), trial.randomisation
    if found is None or given is None:
        return ()
    block = "" if given.block is not None else " (assumed)"
    adjusted = (
        "the analyses take them" if given.adjust else "the analyses do not take them, as asked for"
    )
    idle = [one.name for one in found.factors if one.name == "sex" or one.shares]
    told = (
        f"Randomised within {found.count} strata of {factor_names(given)}, by permuted blocks of "
        f"{sum(found.block)}{block}; {adjusted}. An arm that is not full when the others are goes "
        "on until it is."
    )
    if not idle:
        return (told,)
    change = "changes" if len(idle) == 1 else "change"
    names = " and ".join(idle).capitalize()
    return told, f"{names} of a patient {change} nothing that is simulated (assumed)."
