"""Gauss-Newton for the calibration of the chain to mood, trials with effects of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.calibration.mood.problem import BETWEEN_TRIALS, MoodProblem, Point

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

MOST_STEPS = 40
"""Steps after which the calibration ends where it is."""
_REWEIGHED = 6  # steps in which the weights of the rows follow the model; then they stay
_SMALL = 0.25  # by which the cost falls in the last two steps
_LONGEST = 1.0  # prior SDs a step may go
_FARTHEST = 0.5  # a step may move a trial's effect
_SETTLED = 30  # rounds, at most, in which the trials' effects settle at given numbers


@dataclass(frozen=True)
class Optimum:
    """Where a fit ended.

    **Arguments:**

    - `point`: the model there, with the trials' own effects. `taus`: between-trial variability.
    - `jacobian`: of all rows, (rows, free). `columns`: by the trials' effects, (rows, 3).
    - `sampling`: covariance of the published numbers.
    - `covariance`: of the free numbers on their scales.
    - `cost`: minus the logarithm of the posterior density, up to a constant. `steps`: taken.
    """

    point: Point
    taus: Array
    jacobian: Array
    columns: Array
    sampling: Array
    covariance: Array
    cost: float
    steps: int


def optimise(
    problem: MoodProblem,
    progress: Callable[[str], None] | None = None,
    *,
    most_steps: int = MOST_STEPS,
) -> Optimum:
    """Fit all rows: the numbers of the card, and an effect of each trial's own.

    The model is made linear around the numbers and around the trials' effects, the best numbers are
    found with the trials' effects averaged out, then the effects, and so on.

    **Main arguments:**

    - `problem`: rows, patients, priors.

    **Other arguments:**

    - `progress`: told what is being done.
    - `most_steps`: after which it ends where it is.
    """
    say = progress or _silent
    point = problem.at(problem.start)
    taus = np.array([problem.prior.values()[s] for s in BETWEEN_TRIALS])
    everything = np.ones(len(problem.rows), np.bool_)
    say("the first derivatives")
    jacobian = problem.jacobian(point, exact=False)
    columns, sampling = problem.trial_columns(point), problem.sampling(point)
    steps = slow = 0
    for steps in range(1, most_steps + 1):
        taus = between_trials(problem, point, jacobian, columns, sampling, taus, everything)
        point, moved, gain = _search(problem, point, jacobian, columns, sampling, taus)
        say(f"step {steps}: {moved:.3f} of a prior SD, cost down by {gain:.3f}")
        if steps < _REWEIGHED:
            # between-trial variability is relative to the drug's effect, but must not draw it up
            problem.reference = point.numbers
            point = problem.with_effects(point, point.effects)
        jacobian = problem.jacobian(point, exact=False)
        columns = problem.trial_columns(point)
        if steps < _REWEIGHED:
            sampling = problem.sampling(point)
        slow = slow + 1 if gain < _SMALL else 0
        if slow == 2 and steps >= _REWEIGHED:
            break
    jacobian = problem.jacobian(point)
    _, _, covariance = linear_step(problem, point, jacobian, columns, sampling, taus)
    cost = _cost(problem, point, sampling, taus)
    return Optimum(point, taus, jacobian, columns, sampling, covariance, cost, steps)


def optimum_at(
    problem: MoodProblem,
    numbers: Mapping[str, float],
    progress: Callable[[str], None] | None = None,
) -> Optimum:
    """Where a fit ended that is known by its numbers; only the trials' effects are found anew.

    **Arguments:**

    - `problem`: rows, patients, priors. `numbers`: of the fitted card.
    - `progress`: told what is being done.
    """
    say = progress or _silent
    problem.reference = numbers
    point = problem.at(problem.transform(numbers))
    taus = np.array([numbers[s] for s in BETWEEN_TRIALS])
    say("the effects of the trials")
    for _ in range(_SETTLED):
        point, gain = _settled(problem, point, problem.sampling(point), taus)
        if gain < _SMALL:
            break
    say("the derivatives")
    jacobian, sampling = problem.jacobian(point, exact=False), problem.sampling(point)
    columns = problem.trial_columns(point)
    _, _, covariance = linear_step(problem, point, jacobian, columns, sampling, taus)
    cost = _cost(problem, point, sampling, taus)
    return Optimum(point, taus, jacobian, columns, sampling, covariance, cost, 0)


def _settled(
    problem: MoodProblem, point: Point, sampling: Array, taus: Array
) -> tuple[Point, float]:
    """Move the trials' effects towards their best at the same numbers; by how much cost falls."""
    from scipy.linalg import cho_factor, cho_solve

    columns = problem.trial_columns(point)
    own = np.einsum("ij,ij->i", columns, point.effects[problem.trial_of])
    total = sampling + problem.between(columns, taus)
    left = np.asarray(
        cho_solve(cho_factor(total), problem.published - point.values + own), dtype=np.float64
    )
    effects = np.zeros_like(point.effects)
    np.add.at(effects, problem.trial_of, columns * left[:, None])
    change = effects * problem.variances(taus) - point.effects
    before, best, gain = _cost(problem, point, sampling, taus), point, 0.0
    for share in (1.0, 0.5, 0.25, 0.1, 0.03):
        tried = problem.with_effects(point, point.effects + share * change)
        fall = before - _cost(problem, tried, sampling, taus)
        if fall > gain:
            best, gain = tried, fall
    return best, gain


def _silent(_text: str) -> None:
    pass


def linear_step(
    problem: MoodProblem,
    point: Point,
    jacobian: Array,
    columns: Array,
    sampling: Array,
    taus: Array,
    rows: Mask | None = None,
) -> tuple[Array, Array, Array]:
    """Best numbers and effects if the model were linear.

    **Arguments:**

    - `rows`: which rows count, shape (rows,); all when left out.

    **Returns:** the vector, the trials' effects (trials, 3), and the covariance of the vector.
    """
    from scipy.linalg import cho_factor, cho_solve  # scipy is slow to load

    kept = np.ones(len(problem.rows), np.bool_) if rows is None else rows
    prior = np.diag(problem.sd**-2.0)
    part = jacobian[kept]
    own = np.einsum("ij,ij->i", columns, point.effects[problem.trial_of])
    residual = (problem.published - point.values + own)[kept]
    total = (sampling + problem.between(columns, taus))[np.ix_(kept, kept)]
    factor = cho_factor(total)
    information = part.T @ cho_solve(factor, part) + prior
    pulled = part.T @ np.asarray(cho_solve(factor, residual + part @ point.vector), np.float64)
    covariance = np.linalg.inv(information)
    vector = covariance @ (pulled + prior @ problem.start)
    left = np.asarray(
        cho_solve(factor, residual - part @ (vector - point.vector)), dtype=np.float64
    )
    effects = np.zeros_like(point.effects)
    np.add.at(effects, problem.trial_of[kept], columns[kept] * left[:, None])
    return vector, effects * problem.variances(taus), (covariance + covariance.T) / 2.0


def _search(
    problem: MoodProblem,
    point: Point,
    jacobian: Array,
    columns: Array,
    sampling: Array,
    taus: Array,
) -> tuple[Point, float, float]:
    """Go towards the best linear point as far as the cost falls; how far, and by how much."""
    target, effects, _ = linear_step(problem, point, jacobian, columns, sampling, taus)
    direction, change = target - point.vector, effects - point.effects
    size = float(np.max(np.abs(direction / problem.sd)))
    longest = max(size, float(np.max(np.abs(change))) / _FARTHEST)
    start = min(1.0, _LONGEST / max(longest, 1e-12))
    before = _cost(problem, point, sampling, taus)
    best, gain, went = point, 0.0, 0.0
    for share in (start, start / 2, start / 4, start / 10, start / 30):
        tried = problem.at(point.vector + share * direction, point.effects + share * change)
        fall = before - _cost(problem, tried, sampling, taus)
        if fall <= gain and gain > 0.0:
            break
        if fall > gain:
            best, gain, went = tried, fall, share * size
    return best, went, gain


def _cost(problem: MoodProblem, point: Point, sampling: Array, taus: Array) -> float:
    from scipy.linalg import cho_factor, cho_solve

    residual = problem.published - point.values
    misfit = residual @ cho_solve(cho_factor(sampling), residual)
    prior = np.sum(((point.vector - problem.start) / problem.sd) ** 2)
    own = np.sum(point.effects**2 / problem.variances(taus))
    return float(misfit + prior + own) / 2.0


def between_trials(
    problem: MoodProblem,
    point: Point,
    jacobian: Array,
    columns: Array,
    sampling: Array,
    start: Array,
    rows: Mask,
) -> Array:
    """Between-trial variability that makes the rows most likely, the free numbers averaged out.

    **Arguments:**

    - `start`: where to begin, one SD for each of `BETWEEN_TRIALS`. `rows`: which rows count.
    """
    index = np.ix_(rows, rows)
    spread = jacobian @ np.diag(problem.sd**2) @ jacobian.T
    own = np.einsum("ij,ij->i", columns, point.effects[problem.trial_of])
    residual = (problem.published - point.values + own + jacobian @ (point.vector - problem.start))[
        rows
    ]
    prior = np.log([problem.prior.values()[s] for s in BETWEEN_TRIALS])

    def cost(logs: Array) -> float:
        total = (sampling + problem.between(columns, np.exp(logs)) + spread)[index]
        lower = np.linalg.cholesky(total)
        scaled = np.asarray(np.linalg.solve(lower, residual), np.float64)
        unlikely = np.sum(((logs - prior) / problem.tau_sd) ** 2)
        return float(np.sum(np.log(np.diag(lower))) + (scaled @ scaled + unlikely) / 2.0)

    from scipy.optimize import minimize

    found = minimize(
        cost, np.log(start), method="Nelder-Mead", options={"xatol": 1e-2, "fatol": 1e-2}
    )
    return np.exp(found.x)
