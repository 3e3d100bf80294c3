"""What an assessment tells of the ratings: shares, means, relapse, in every replicate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import FOLLOWED, FROM_PHASE, RELAPSES, Assessment, Relapse
from ketasim.trials.criteria import remitted, responded
from ketasim.trials.ratings import Ratings

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Cell:
    """What a row of the summary tells.

    **Arguments:**

    - `scale`, `time`, `metric`: such as MADRS, 24 h, response.
    - `definition`: what counts, in words; empty where the metric needs none.
    """

    scale: str
    time: float
    metric: str
    definition: str = ""


@dataclass(frozen=True)
class Values:
    """A metric in some replicates.

    **Arguments:**

    - `value`: of the arm, shape (R,); not a number where nobody could be assessed.
    - `count`: patients assessed, shape (R,).
    - `spread`: variance between patients, shape (R,).
    - `sampling`: variance of `value` by the choice of patients, shape (R,).
    - `each`: values of the patients, shape (R, n), not a number where not assessed; nothing for
      metrics that only a group has.
    - `events`: relapses at the visit, shape (R,), of the metrics that tell of them.
    """

    value: Array
    count: Array
    spread: Array
    sampling: Array
    each: Array | None = None
    events: Array | None = None


def assessed(assessment: Assessment, ratings: Ratings) -> Iterator[tuple[Cell, Values]]:
    """Compute all metrics of an assessment.

    **Arguments:**

    - `assessment`: which metrics, and what counts. `ratings`: of one arm.

    **Returns:** a cell and its values, one visit and metric after the other.
    """
    scale = assessment.scale
    baseline = ratings.baseline(scale)
    for metric in assessment.metrics:
        if metric in RELAPSES:
            yield from _relapses(assessment, metric, ratings, baseline)
            continue
        held: Array | None = None
        followed = None
        if metric == "sustained_response":
            assert assessment.start is not None
            score = ratings.score(scale, assessment.start)
            followed = starters(assessment, score, baseline)
            held = _at_start(assessment, ratings, baseline)
        for time in assessment.times:
            score = ratings.score(scale, time)
            if metric == "sustained_response":
                assert held is not None and followed is not None
                held = np.where(np.isnan(score), np.nan, held)
                held = held * responded(score, baseline, assessment.response_at_least)
                each = np.where(followed, held, np.nan)
            else:
                each = _each(metric, score, _compared_with(metric, ratings, scale), assessment)
            yield Cell(scale, time, metric, definition(assessment, metric)), mean_of(each)


def mean_of(each: Array) -> Values:
    """Mean over patients.

    **Arguments:**

    - `each`: shape (R, n), not a number where not assessed.
    """
    there = ~np.isnan(each)
    count = there.sum(axis=1).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.where(there, each, 0.0).sum(axis=1) / count
        square = np.where(there, (each - value[:, None]) ** 2, 0.0).sum(axis=1)
        spread = np.where(count > 1, square / (count - 1), np.nan)
        return Values(value, count, spread, spread / count, each)


def _compared_with(metric: str, ratings: Ratings, scale: str) -> Array:
    """Scores that a change counts from."""
    if metric not in FROM_PHASE:
        return ratings.baseline(scale)
    assert ratings.again is not None
    return ratings.score(scale, ratings.again)


def _each(metric: str, score: Array, baseline: Array, assessment: Assessment) -> Array:
    if metric == "score":
        return score
    if metric in ("change", "change_from_phase"):
        return score - baseline
    if metric == "percent_change":
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(baseline > 0, 100.0 * (score - baseline) / baseline, np.nan)
    if metric in ("response", "response_from_phase"):
        return responded(score, baseline, assessment.response_at_least)
    assert metric == "remission" and assessment.remission_at_most is not None
    return remitted(score, assessment.remission_at_most)


def starters(assessment: Assessment, score: Array, baseline: Array) -> Flags:
    """Who is followed: those still in the trial at the start, and of the group asked for.

    **Arguments:**

    - `assessment`: with its start. `score`: then, of one arm. `baseline`: before treatment; shape
      (R, n) each.
    """
    if assessment.of == "responders":
        return responded(score, baseline, assessment.response_at_least) == 1.0
    if assessment.of == "remitters":
        assert assessment.remission_at_most is not None
        return score <= assessment.remission_at_most
    return ~np.isnan(score)


def _at_start(assessment: Assessment, ratings: Ratings, baseline: Array) -> Array:
    """Response at the start; before treatment there is none to ask for."""
    assert assessment.start is not None
    if assessment.start == 0.0:
        return np.ones_like(baseline)
    score = ratings.score(assessment.scale, assessment.start)
    return responded(score, baseline, assessment.response_at_least)


def hits(relapse: Relapse, score: Array, baseline: Array, response: float) -> Flags:
    """Whether a visit shows what counts as relapse.

    **Arguments:**

    - `relapse`: the definition. `score`, `baseline`: points. `response`: fraction of the baseline.
    """
    if relapse.score_at_least is not None:
        return score >= relapse.score_at_least
    if relapse.percent_of_baseline_at_least is not None:
        return score >= relapse.percent_of_baseline_at_least / 100.0 * baseline - 1e-9
    return responded(score, baseline, response) == 0.0


@dataclass(frozen=True)
class Survival:
    """Kaplan-Meier estimate of staying without relapse.

    **Arguments:**

    - `well`: chance of no relapse until each visit, shape (R, T).
    - `variance`: of it by Greenwood's formula, shape (R, T).
    - `at_risk`: patients at each visit who had not relapsed before, shape (R, T).
    - `relapsed`: patients who relapsed at each visit, shape (R, T).
    - `followed`: patients at the start, shape (R,).
    """

    well: Array
    variance: Array
    at_risk: Array
    relapsed: Array
    followed: Array


def visit_by_visit(
    shown: Flags, there: Flags, followed: Flags, visits: int
) -> Iterator[tuple[Flags, Flags]]:
    """Who is at risk at each visit, and who of them relapses at it; arguments of `survival`."""
    run = np.zeros(followed.shape, np.int64)
    well = followed.copy()
    for place in range(shown.shape[2]):
        seen = well & there[:, :, place]
        run = np.where(seen & shown[:, :, place], run + 1, 0)
        relapsed = run >= visits
        yield seen, relapsed
        well = seen & ~relapsed


def survival(shown: Flags, there: Flags, followed: Flags, visits: int) -> Survival:
    """Follow patients until relapse; who leaves is followed until the last visit attended.

    **Arguments:**

    - `shown`: whether a visit shows a relapse, shape (R, n, T).
    - `there`: whether the patient came to it, shape (R, n, T).
    - `followed`: who is followed, shape (R, n).
    - `visits`: at how many consecutive visits it must be shown; the last of them is the relapse.
    """
    chance = np.ones(followed.shape[0])
    greenwood = np.zeros(followed.shape[0])
    columns: list[tuple[Array, Array, Array, Array]] = []
    for seen, relapsed in visit_by_visit(shown, there, followed, visits):
        n, d = seen.sum(axis=1).astype(np.float64), relapsed.sum(axis=1).astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            chance = chance * np.where(n > 0, 1.0 - d / n, 1.0)
            greenwood = greenwood + np.where(n > d, d / (n * (n - d)), 0.0)
        columns.append((chance, chance**2 * greenwood, n, d))
    chances, variances, at_risk, relapses = (
        np.stack([column[i] for column in columns], axis=1) for i in range(4)
    )
    return Survival(chances, variances, at_risk, relapses, followed.sum(axis=1).astype(np.float64))


def restricted_mean(well: Array, times: Array, start: float) -> tuple[Array, Array]:
    """Mean time without relapse until the last visit, and its variance between patients.

    The area under the curve of Kaplan and Meier, a staircase that falls at visits.

    **Arguments:**

    - `well`: shape (R, T). `times`: of the visits, h, shape (T,). `start`: h.

    **Returns:** h and h², shape (R,).
    """
    edges = np.concatenate([[0.0], times - start])
    steps = np.concatenate([np.ones((len(well), 1)), well[:, :-1]], axis=1)
    # summed row by row: a product of matrices depends on how many replicates are held at once
    mean = (steps * np.diff(edges)).sum(axis=1)
    return mean, np.maximum((steps * np.diff(edges**2)).sum(axis=1) - mean**2, 0.0)


def _relapses(
    assessment: Assessment, metric: str, ratings: Ratings, baseline: Array
) -> Iterator[tuple[Cell, Values]]:
    assert assessment.relapse is not None and assessment.start is not None
    scale, relapse = assessment.scale, assessment.relapse
    scores = np.stack([ratings.score(scale, time) for time in assessment.times], axis=2)
    shown = hits(relapse, scores, baseline[:, :, None], assessment.response_at_least)
    followed = starters(assessment, ratings.score(scale, assessment.start), baseline)
    found = survival(shown, ~np.isnan(scores), followed, relapse.visits)
    someone = found.followed > 0
    words = definition(assessment, metric)
    if metric == "time_to_relapse":
        times = np.array(assessment.times)
        mean, spread = restricted_mean(found.well, times, assessment.start)
        with np.errstate(invalid="ignore", divide="ignore"):
            sampling = spread / found.followed
        values = Values(
            np.where(someone, mean, np.nan),
            found.followed,
            np.where(someone, spread, np.nan),
            np.where(someone, sampling, np.nan),
        )
        yield Cell(scale, assessment.times[-1], metric, words), values
        return
    for place, time in enumerate(assessment.times):
        well = np.where(someone, found.well[:, place], np.nan)
        values = Values(
            well if metric == "no_relapse" else 1.0 - well,
            found.at_risk[:, place],
            well * (1.0 - well),
            found.variance[:, place],
            events=found.relapsed[:, place],
        )
        yield Cell(scale, time, metric, words), values


def definition(assessment: Assessment, metric: str) -> str:
    """What counts, in words.

    **Arguments:**

    - `assessment`: with its thresholds. `metric`: one of `METRICS`.
    """
    response = f"improvement of {100 * assessment.response_at_least:g} % or more"
    if metric == "response":
        return response
    if metric == "response_from_phase":
        return f"{response}, of the score at the randomisation"
    if metric == "remission":
        return f"score at most {assessment.remission_at_most:g}"
    if metric not in FOLLOWED:
        return ""
    start = f"from {assessment.start:g} h, of {assessment.of}"
    if metric == "sustained_response":
        return f"{response} at every visit, {start}"
    relapse = assessment.relapse
    assert relapse is not None
    if relapse.score_at_least is not None:
        what = f"score at least {relapse.score_at_least:g}"
    elif relapse.percent_of_baseline_at_least is not None:
        what = f"{relapse.percent_of_baseline_at_least:g} % of baseline or more"
    else:
        what = f"no {response}"
    more = "" if relapse.visits == 1 else f" at {relapse.visits} consecutive visits"
    return f"{what}{more}, {start}"
