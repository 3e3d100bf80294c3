"""Survivors followed ahead, under each candidate, with the same fluctuations of state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import standard_normals
from ketasim.engine import Plan, solve_each
from ketasim.forecasting.mixture import Mixture
from ketasim.forecasting.options import Option
from ketasim.forecasting.weighing.ensemble import Ensemble, by_calendars
from ketasim.forecasting.weighing.weigh import TOGETHER, Survivors
from ketasim.models import MODELS, mood_chain
from ketasim.population import (
    MOOD_STATES,
    chain_scores,
    drug_sessions,
    session_answers,
    session_weights,
)
from ketasim.simulation.mood.chain import in_points
from ketasim.simulation.mood.inputs import PARTS, calendar_of

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

_DAY: Final = 24.0
_MOST_DAYS: Final = 400  # rows of a table of days


@dataclass(frozen=True, eq=False)
class Ahead:
    """Patients ahead under one candidate.

    **Arguments:**

    - `score`: of the chain, points of the MADRS, shape (M, T).
    - `parts`: of its fall, `PARTS`, points, shape (M, T) each.
    """

    score: Array
    parts: Mapping[str, Array]


def days_ahead(now: float, horizon: float) -> Array:
    """Times of the tables, h: now, every whole day after it, and the horizon.

    Of more than `_MOST_DAYS` days every second, third … is taken.
    """
    first, last = int(np.floor(now / _DAY)) + 1, int(np.ceil(horizon / _DAY))
    days = np.array(range(first, last), np.float64)
    every = -(-len(days) // _MOST_DAYS)
    return np.unique(np.round([now, *(days[:: max(every, 1)] * _DAY), horizon], 9))


def followed(
    ensemble: Ensemble,
    chosen: Integers,
    normals: Array,
    options: Sequence[Option],
    times: Array,
    plan: Plan,
) -> list[Ahead]:
    """Follow some patients under each candidate.

    **Arguments:**

    - `ensemble`: they are of. `chosen`: positions, shape (M,).
    - `normals`: standard normal numbers behind their answers to the sessions of each candidate, in
      order, shape (M, S) with as many as the longest has.
    - `options`: candidates. `times`: h, shape (T,). `plan`: steps of the solver.
    """
    solution = ensemble.solution[chosen]
    which, of = np.unique(solution, return_inverse=True)
    calendars = [calendar_of(one.course, one.course.horizon) for one in options]
    patients = by_calendars(ensemble.patients.take(which), calendars)
    chain = mood_chain(MODELS["reference"])
    solved = solve_each(chain, patients, times, MOOD_STATES, plan=plan, progress=False)
    values = ensemble.of(chosen)
    every = {k: v[:, None] if np.ndim(v) else v for k, v in values.items()}
    answers = session_answers(ensemble.answer_sd[chosen], normals)
    e_a = every["e_A"]
    found: list[Ahead] = []
    for one, table in zip(options, solved, strict=True):
        states = {name: table[of, :, i] for i, name in enumerate(MOOD_STATES)}
        sessions = drug_sessions(one.course.regimen.doses)
        every["e_A"] = e_a * (answers[:, : len(sessions)] @ session_weights(times, sessions))
        score = chain_scores(every, states)
        logs = {
            "by_drug": every["sens"]
            * every["gate"]
            * (every["e_A"] * states["fast_arm"] + every["e_S"] * states["restored"]),
            "by_expectation": every["e_P"] * states["expectation"],
            "by_antidepressant": every["e_O"] * states["antidepressant"],
            "by_course": every["e_N"] * states["course"] + every["e_C"] * states["care"],
        }
        points = in_points(ensemble.given.baseline, {"MADRS": score, **logs})
        found.append(Ahead(score, {part: points[part] for part in PARTS}))
    return found


@dataclass(frozen=True, eq=False)
class Fluctuations:
    """What ratings of survivors add ahead, given their scores.

    **Arguments:**

    - `times`: h, shape (T,).
    - `laws`: scale to mean and variance without the error of the rating, shape (M, T) each.
    - `errors`: scale to the variance of the error of a rating, shape (M,).
    - `paths`: a draw of what is added on the scale of the score before treatment, without the error
      of ratings, points, shape (M, T): the patient's state.
    """

    times: Array
    laws: Mapping[str, tuple[Array, Array]]
    errors: Mapping[str, Array]
    paths: Array

    def rating(self, scale: str, score: Array) -> Mixture:
        """Distribution of a rating, of patients whose score of the chain is given, shape (M, T)."""
        mean, variance = self.laws[scale]
        return Mixture(score + mean, np.sqrt(variance + self.errors[scale][:, None]))


def fluctuations(
    survivors: Survivors, times: Array, scales: Sequence[str], seed: int
) -> Fluctuations:
    """The law of what ratings add ahead, and a draw of the state of each survivor.

    **Arguments:**

    - `survivors`: M of them. `times`: h, shape (T,). `scales`: of the ratings. `seed`: of the draw.
    """
    law = survivors.law
    laws = {scale: survivors.given_scores(times, scale) for scale in scales}
    errors = {scale: np.repeat(law.error(scale) ** 2, TOGETHER) for scale in scales}
    return Fluctuations(times, laws, errors, _paths(survivors, times, seed))


def _paths(survivors: Survivors, times: Array, seed: int) -> Array:
    """Draw states ahead: without the scores first, then moved by what these say of the draw."""
    law, known = survivors.law, survivors.ratings
    scored = len(known.times)
    order = np.unique(np.concatenate([[0.0], known.times, times]))
    count = len(order)
    normals = standard_normals(seed, "forecast:paths", 0, survivors.size, count + 1 + scored)
    normals = normals.reshape(len(law.sigma), TOGETHER, -1)
    state = np.empty((*normals.shape[:2], count))
    omega, rate = law.omega[:, None], law.rate[:, None]
    state[..., 0] = omega * normals[..., 0]
    for place, hours in enumerate(np.diff(order), start=1):
        fresh = omega * np.sqrt(-np.expm1(-2.0 * rate * hours)) * normals[..., place]
        state[..., place] = np.exp(-rate * hours) * state[..., place - 1] + fresh
    error = law.error(law.scale)[:, None] * normals[..., count]
    state -= (state[..., 0] + error)[..., None]
    ahead = state[..., np.searchsorted(order, times)].reshape(survivors.size, -1)
    if not scored:
        return ahead
    # what is left of the ratings beside the state: their errors, rounding and offsets of scales
    whole = survivors.lower @ survivors.lower.transpose(0, 2, 1)
    same = [law.scale] * scored
    rest = whole - law.covariance(known.times, same, known.times, same)
    seen = state[..., np.searchsorted(order, known.times)]
    seen += normals[..., count + 1 :] @ _factor(rest).transpose(0, 2, 1)
    apart = survivors.whitened(survivors.added - seen)
    return ahead + survivors.moved_by(apart, survivors.gain(times, law.scale))


def _factor(matrix: Array) -> Array:
    """Lower factor of covariances that rounding may have made a little less than that."""
    matrix = (matrix + matrix.transpose(0, 2, 1)) / 2.0 + 1e-9 * np.eye(matrix.shape[1])
    return np.asarray(np.linalg.cholesky(matrix), np.float64)
