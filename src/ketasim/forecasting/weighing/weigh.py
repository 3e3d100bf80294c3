"""Virtual patients weighed by the scores of one patient, with a second look where few are alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import uniforms
from ketasim.forecasting.weighing.ensemble import Ensemble, Normals
from ketasim.forecasting.weighing.law import RatingLaw
from ketasim.forecasting.weighing.likelihood import Likelihood, factor, likelihood
from ketasim.forecasting.weighing.proposal import Proposal, effective, proposal_of
from ketasim.forecasting.weighing.ratings import Ratings
from ketasim.population import session_normals

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

ENOUGH: Final = 400.0
"""Effective sample size below which more patients are looked for."""

ROUNDS: Final = 5
"""How often they are looked for at most."""

_STREAM: Final = 7919  # between the seeds of the looks
_LEAST: Final = 2000  # solutions of a look

TOGETHER: Final = 4
"""Survivors who share one solution."""

Look = Callable[[Normals, int], Ensemble]


@dataclass(frozen=True, eq=False)
class Weighed:
    """Patients of an ensemble with weights.

    **Arguments:**

    - `ensemble`: N patients. `ratings`: the scores, K of them.
    - `lower`: factor of the covariance of the ratings of each solution, shape (n, K, K).
    - `likelihood`: of the scores.
    - `log_ratio`: logarithm of the density of the prior over that which the patients were drawn
      with, shape (N,); 0 of those of the prior alone.
    - `first`: patients of the first ensemble, the prior's, who come first.
    - `rounds`: how often more patients were looked for.
    """

    ensemble: Ensemble
    ratings: Ratings
    lower: Array
    likelihood: Likelihood
    log_ratio: Array
    first: int
    rounds: int = 0

    def weights(self, count: int | None = None) -> Array:
        """Weights by the first scores, by all when left out; sum 1, shape (N,)."""
        logs = self.log_ratio + self.likelihood.terms[:, :count].sum(axis=1)
        found = np.exp(logs - logs.max())
        return found / found.sum()

    @cached_property
    def own(self) -> Array:
        """Weights by all scores, shape (N,)."""
        return self.weights()

    @property
    def effective(self) -> float:
        """Effective sample size: patients who share a solution count as one."""
        return effective(self.own, self.ensemble.solution)

    @property
    def log_evidence(self) -> float:
        """Logarithm of the chance of the scores under the prior."""
        logs = self.log_ratio + self.likelihood.total
        most = float(logs.max())
        return most + float(np.log(np.mean(np.exp(logs - most))))

    @property
    def information(self) -> float:
        """How far the scores moved the patients, bits (divergence of Kullback and Leibler)."""
        mean = float(np.sum(self.own * self.likelihood.total))
        return max(mean - self.log_evidence, 0.0) / float(np.log(2.0))

    def normals(self, prior: Array, which: Integers | None = None) -> Array:
        """Standard normal numbers behind the answers to sessions, given the scores.

        **Arguments:**

        - `prior`: those of patients of whom nothing is known, shape (M, S).
        - `which`: patients, shape (M,); all when left out.

        **Returns:** shape (M, S): of sessions until the last rating as they were drawn.
        """
        found = prior.copy()
        drawn = self.likelihood.normals if which is None else self.likelihood.normals[which]
        found[:, : drawn.shape[1]] = drawn
        return found

    def survivors(self, count: int, seed: int) -> Survivors:
        """Draw patients by their weights, as evenly as can be (systematic resampling).

        Solutions are drawn by the weights of those who share them, and then some of these.

        **Arguments:**

        - `count`: how many. `seed`: of the draw.
        """
        few = max(count // TOGETHER, 1)
        draws = uniforms(seed, "forecast:survivors", 0, few + 1, 2)
        each = np.asarray(np.bincount(self.ensemble.solution, self.own), np.float64)
        solutions = _even(np.cumsum(each), (np.arange(few) + draws[0, 0]) / few)
        # of each solution some of the patients who share it, by their weights
        begin = np.searchsorted(self.ensemble.solution, solutions)
        inner = np.cumsum(self.own)
        low = np.where(begin > 0, inner[begin - 1], 0.0)
        part = (np.arange(TOGETHER) + draws[1:, 1:]) / TOGETHER
        chosen = _even(inner, (low[:, None] + part * each[solutions][:, None]).ravel())
        return Survivors(
            self,
            chosen,
            seed,
            self.ensemble.law.take(solutions),
            self.likelihood.added[chosen].reshape(few, TOGETHER, -1),
            self.lower[solutions],
        )


@dataclass(frozen=True, eq=False)
class Survivors:
    """Patients drawn by their weights, all alike from here on: F solutions, `TOGETHER` on each.

    **Arguments:**

    - `weighed`: of which. `seed`: of the draw.
    - `chosen`: which of the ensemble, shape (M,): those of one solution after another.
    - `law`: of the ratings, of F solutions.
    - `added`: what the ratings added, points, shape (F, `TOGETHER`, K).
    - `lower`: factor of the covariance of the ratings, shape (F, K, K).
    """

    weighed: Weighed
    chosen: Integers
    seed: int
    law: RatingLaw
    added: Array
    lower: Array

    @property
    def ratings(self) -> Ratings:
        """The scores."""
        return self.weighed.ratings

    def normals(self, sessions: int) -> Array:
        """Standard normal numbers behind the answers to sessions, given the scores.

        **Arguments:**

        - `sessions`: how many, S, those that follow among them.

        **Returns:** shape (M, S).
        """
        prior = session_normals(self.seed, 0, self.size, sessions)
        return self.weighed.normals(prior, self.chosen)

    @property
    def size(self) -> int:
        """How many, M."""
        return len(self.chosen)

    def given_scores(self, times: Array, scale: str) -> tuple[Array, Array]:
        """Law of what later ratings add, given the scores: all that is shared with them is known.

        **Arguments:**

        - `times`: h, shape (T,). `scale`: of the ratings.

        **Returns:** mean, points of the MADRS, and variance without the error that a rating has
        alone; shape (M, T) each.
        """
        variance = self.law.variance(times, scale, rating=False)
        if not len(self.ratings.times):
            variance = np.repeat(variance, TOGETHER, axis=0)
            return np.zeros_like(variance), variance
        gain = self.gain(times, scale)
        variance = np.maximum(variance - np.sum(gain**2, axis=1), 0.0)
        mean = self.moved_by(self.unit, gain)
        return mean, np.repeat(variance, TOGETHER, axis=0)

    @cached_property
    def unit(self) -> Array:
        """What the ratings added as independent standard normal numbers, shape of `added`."""
        return self.whitened(self.added)

    def whitened(self, added: Array) -> Array:
        """Ratings as independent standard normal numbers, shape (F, `TOGETHER`, K)."""
        found = np.linalg.solve(self.lower, added.transpose(0, 2, 1)).transpose(0, 2, 1)
        return np.asarray(found, np.float64)

    def gain(self, times: Array, scale: str) -> Array:
        """Covariance of later ratings with those numbers, shape (F, K, T)."""
        known = self.ratings
        both = self.law.covariance(known.times, known.scales, times, [scale] * len(times))
        return np.asarray(np.linalg.solve(self.lower, both), np.float64)

    def moved_by(self, unit: Array, gain: Array) -> Array:
        """What such numbers say of later ratings, points, shape (M, T)."""
        return (unit @ gain).reshape(self.size, -1)


def _even(cumulated: Array, at: Array) -> Integers:
    """Positions of shares of the whole in a cumulated sum."""
    found = np.searchsorted(cumulated, at * float(cumulated[-1]))
    return np.clip(found, 0, len(cumulated) - 1)


def weigh(
    ensemble: Ensemble, ratings: Ratings, *, seed: int = 0, look: Look | None = None
) -> Weighed:
    """Weigh the patients of an ensemble by scores.

    Where the effective sample size is below `ENOUGH`, further patients are drawn around those with
    large weights and all of them weighed by the law they were drawn with, prior and others together
    (a deterministic mixture), so that the result stays that of the prior.

    **Main arguments:**

    - `ensemble`: solved at the times of the ratings. `ratings`: the scores.

    **Other arguments:**

    - `seed`: of what is drawn. `look`: makes an ensemble of given standard normal numbers and a
      seed; without it there is no second look.
    """
    found = _weighed(ensemble, ratings, seed)
    if look is None or not len(ratings.times):
        return found
    parts: list[tuple[int, Proposal | None]] = [(ensemble.size, None)]
    # half as many as the first: they are where they are needed
    solutions = max(ensemble.patients.n // 2, _LEAST)
    for number in range(1, ROUNDS + 1):
        if found.effective >= ENOUGH:
            break
        proposal = proposal_of(found.ensemble, found.log_ratio + found.likelihood.total)
        own_seed = seed + _STREAM * number
        more = _weighed(look(proposal.draw(solutions, own_seed), own_seed), ratings, own_seed)
        parts.append((more.ensemble.size, proposal))
        found = replace(
            found,
            ensemble=found.ensemble.joined(more.ensemble),
            lower=np.concatenate([found.lower, more.lower]),
            likelihood=found.likelihood.joined(more.likelihood),
            rounds=number,
        )
        found = replace(found, log_ratio=_log_ratio(found.ensemble, parts))
    return found


def _weighed(ensemble: Ensemble, ratings: Ratings, seed: int) -> Weighed:
    lower = factor(ensemble.law, ratings)
    found = likelihood(ensemble.chain(ratings.times), lower, ratings, seed)
    ratio = np.zeros(ensemble.size)
    return Weighed(ensemble, ratings, lower, found, ratio, ensemble.size)


def _log_ratio(ensemble: Ensemble, parts: Sequence[tuple[int, Proposal | None]]) -> Array:
    """Logarithm of the prior over the mixture that the patients were drawn from, shape (N,)."""
    whole = sum(count for count, _ in parts)
    logs = np.stack(
        [
            np.full(ensemble.size, np.log(count / whole))
            + (0.0 if one is None else one.log_ratio(ensemble))
            for count, one in parts
        ]
    )
    return -np.logaddexp.reduce(logs, axis=0)
