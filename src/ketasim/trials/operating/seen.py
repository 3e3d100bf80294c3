"""What the analyses see of an arm: changes, responders and relapses, replicate by replicate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import scales
from ketasim.trials.assess import Survival, hits, starters, survival
from ketasim.trials.operating.question import Question
from ketasim.trials.ratings import Ratings

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Followed(NamedTuple):
    """Patients followed until relapse in R replicates.

    **Arguments:**

    - `shown`, `there`: whether a visit shows what counts, and was come to, shape (R, n, V).
    - `started`: who is followed, shape (R, n). `visits`: at how many in a row it must be shown.
    """

    shown: Flags
    there: Flags
    started: Flags
    visits: int

    def counts(self, sizes: Sequence[int], strata: Flags | None = None) -> tuple[Array, Array]:
        """Relapses at each visit and patients at risk then, shape (L, R, S V) each.

        Visits of one stratum follow on those of another, as the partial likelihood has them.

        **Arguments:**

        - `sizes`: L numbers of patients, each of the first.
        - `strata`: whether a patient is of each of S strata, shape (S, R, n); left out, all are of
          one.
        """
        groups = [self.started] if strata is None else [self.started & own for own in strata]
        found = [
            _joined(
                [
                    survival(self.shown[:, :n], self.there[:, :n], own[:, :n], self.visits)
                    for own in groups
                ]
            )
            for n in sizes
        ]
        return np.stack([one.relapsed for one in found]), np.stack([one.at_risk for one in found])


class _Counts(NamedTuple):
    """Relapses and patients at risk, shape (R, S V) each."""

    relapsed: Array
    at_risk: Array


def _joined(parts: Sequence[Survival]) -> _Counts:
    return _Counts(
        np.concatenate([one.relapsed for one in parts], axis=1),
        np.concatenate([one.at_risk for one in parts], axis=1),
    )


class Seen(NamedTuple):
    """An arm of n patients in R replicates.

    **Arguments:**

    - `baseline`: less a constant, shape (R, n). `change`: not a number after a patient has left,
      shape (R, n, T). `response`: at the last visit, who left has none, shape (R, n).
    - `followed`: until relapse, where that is asked for.
    - `period`: of a crossover, in which the patient is in the arm, from 0, shape (R, n).
    - `stratum`: by which the analyses compare within strata, shape (R, n).
    """

    baseline: Array
    change: Array
    response: Flags
    followed: Followed | None = None
    period: NDArray[np.int64] | None = None
    stratum: NDArray[np.int64] | None = None

    def covariates(self, design: Array | None) -> Array:
        """The baseline, and what the stratum adds to it, shape (R, n, C).

        **Arguments:**

        - `design`: regressors of each stratum, shape (S, C - 1); nothing without any.
        """
        own = self.baseline[..., None]
        if design is None or self.stratum is None or not design.shape[1]:
            return own
        return np.concatenate([own, design[self.stratum]], axis=2)

    def strata(self, count: int) -> Flags | None:
        """Whether a patient is of each of some strata, shape (S, R, n); nothing without any."""
        if self.stratum is None:
            return None
        return self.stratum[None] == np.arange(count)[:, None, None]

    def by_stratum(self, count: int, sizes: Sequence[int]) -> tuple[Array, Array]:
        """Responders and patients in each of some strata, shape (L, R, S) each.

        **Arguments:**

        - `sizes`: L numbers of patients, each of the first.
        """
        own = self.strata(count)
        assert own is not None
        there = np.moveaxis(own, 0, -1)
        shown = there & self.response[..., None]
        both = [[one[:, :n].sum(axis=1) for n in sizes] for one in (shown, there)]
        responders, patients = (np.stack(one).astype(np.float64) for one in both)
        return responders, patients


def seen_of(asked: Question, rated: Ratings) -> Seen:
    """What the analyses see of the ratings of an arm."""
    primary = asked.trial.primary
    assert primary is not None
    baseline = rated.baseline(primary.scale)
    shape = (*baseline.shape, len(asked.visits))
    change = np.empty(shape)
    for place, time in enumerate(asked.visits):
        change[:, :, place] = rated.score(primary.scale, time) - baseline
    least = asked.trial.response_at_least * baseline - 1e-9
    shown = np.nan_to_num(change[:, :, -1]) if asked.visits else np.zeros_like(baseline)
    response = (baseline > 0.0) & (-shown >= least)
    # numbers near 0 lose no digits in sums of squares
    middle = scales()[primary.scale] / 2.0
    stratum = None if asked.allocation is None else rated.stratum
    followed = _followed(asked, rated)
    return Seen(baseline - middle, change, response, followed, rated.period, stratum)


def _followed(asked: Question, rated: Ratings) -> Followed | None:
    one = asked.relapse
    if one is None:
        return None
    assert one.relapse is not None and one.start is not None
    baseline = rated.baseline(one.scale)
    scores = np.stack([rated.score(one.scale, time) for time in one.times], axis=2)
    shown = hits(one.relapse, scores, baseline[:, :, None], one.response_at_least)
    followed = starters(one, rated.score(one.scale, one.start), baseline)
    return Followed(shown, ~np.isnan(scores), followed, one.relapse.visits)
