"""The maximum of a likelihood: quasi-Newton steps, then Newton's, and the curvature there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError
from ketasim.estimation.likelihood.objective import Likelihood, Value

Array = NDArray[np.float64]
Progress = Callable[[str], None]

_ITERATIONS: Final = 500
_WINDOWS: Final = 30
_WINDOW: Final = 1.0  # of every number: a factor of 2.7
_FURTHEST: Final = 12.0  # of a number from where it starts: a factor of 160,000 of what has a log
_LEAST: Final = np.log(1e-4)  # of the logarithm of an SD: a spread of 0.01 % is none
_STEP: Final = 1e-3  # of numbers, for the curvature as differences of gradients
_POLISHES: Final = 5
_GAIN: Final = 1e-5  # of the objective by one more Newton step: at the maximum
_SETTLED: Final = 1e-2  # and where it is called converged at all


@dataclass(frozen=True)
class Maximum:
    """Where a likelihood is largest.

    **Arguments:**

    - `numbers`: unconstrained, shape (K,). `value`: the objective there.
    - `curvature`: half of its second derivatives, the observed information, shape (K, K).
    - `bounded`: which numbers stand at the end of what they may be, shape (K,).
    - `iterations`, `evaluations`: of the search.
    - `gain`: what one more Newton step would take from the objective.
    """

    numbers: Array
    value: Value
    curvature: Array
    bounded: NDArray[np.bool_]
    iterations: int
    evaluations: int
    gain: float

    @property
    def converged(self) -> bool:
        """Whether the search ended at a maximum."""
        return self.gain < _SETTLED and bool(self.value.modes.settled.all())

    @property
    def free(self) -> NDArray[np.intp]:
        """Numbers that are not at an end."""
        return np.flatnonzero(~self.bounded)


def maximise(likelihood: Likelihood, start: Array, tell: Progress) -> Maximum:
    """Search the maximum of a likelihood.

    **Arguments:**

    - `likelihood`: its objective. `start`: unconstrained numbers, shape (K,).
    - `tell`: takes a line of progress.

    **Raises:** `InputError` when nothing can be predicted at the start, or it has no likelihood.
    """
    from scipy import optimize  # scipy is slow to load

    people = likelihood.people
    nothing = np.zeros((people.count, len(people.effects)))
    first = likelihood.at(start, nothing)
    if not np.isfinite(first.total) or not np.isfinite(first.slope).all():
        raise InputError(
            "TABLE",
            "the observations have no likelihood with the starting values",
            "check the values of the model and its residual error",
        )
    best: list[tuple[Array, Value]] = [(start.copy(), first)]
    low, high = _ends(likelihood, start)

    def objective(numbers: Array) -> tuple[float, Array]:
        known = best[0][1]
        try:
            value = likelihood.at(numbers, known.modes.effects)
        except (InputError, np.linalg.LinAlgError):
            return _beyond(known.total), np.zeros(len(numbers))
        sound = np.isfinite(value.total) and np.isfinite(value.slope).all()
        if not (sound and value.modes.settled.all()):
            return _beyond(known.total), np.zeros(len(numbers))
        if value.total < known.total:
            best[0] = (numbers.copy(), value)
        return value.total, value.slope

    search: Any = optimize.minimize  # its types know no callback without a result
    steps = 0

    def told(_: Any) -> None:
        nonlocal steps
        steps += 1
        tell(f"iteration {steps}: objective {best[0][1].total:.3f}")

    tell(f"start: objective {first.total:.3f}")
    for _ in range(_WINDOWS if len(start) else 0):
        # a search within a window around the best: the first steps know nothing of scales
        middle = best[0][0]
        left, right = np.maximum(low, middle - _WINDOW), np.minimum(high, middle + _WINDOW)
        search(
            objective,
            middle,
            jac=True,
            method="L-BFGS-B",
            bounds=list(zip(left, right, strict=True)),
            callback=told,
            options={"maxiter": _ITERATIONS, "ftol": 1e-9, "gtol": 1e-3, "maxcor": 30},
        )
        ended = best[0][0]
        stopped = (ended <= left + 1e-6) & (left > low) | (ended >= right - 1e-6) & (right < high)
        if not stopped.any():
            break
    return _polished(likelihood, best[0], (low, high), steps, tell)


def _beyond(known: float) -> float:
    """What stands for the objective where there is none."""
    return known + 1e3 * (1.0 + abs(known))


def _ends(likelihood: Likelihood, start: Array) -> tuple[Array, Array]:
    """Least and largest value of every number."""
    typical, _, _ = likelihood.numbers.counts
    low, high = start - _FURTHEST, start + _FURTHEST
    for place, (row, column) in enumerate(likelihood.numbers.spread.places, start=typical):
        if row == column:
            low[place], high[place] = min(_LEAST, start[place]), np.log(10.0)
        else:
            low[place], high[place] = -10.0, 10.0
    return low, high


def _polished(
    likelihood: Likelihood,
    best: tuple[Array, Value],
    ends: tuple[Array, Array],
    steps: int,
    tell: Progress,
) -> Maximum:
    """Newton's steps from where the search ended, until one gains nothing."""
    numbers, value = best
    low, high = ends
    curvature, gain, bounded = np.zeros((len(numbers),) * 2), 0.0, np.zeros(len(numbers), bool)
    for turn in range(_POLISHES):
        tell(f"curvature: objective {value.total:.3f}")
        slope = value.slope
        room = 1e-6 * (high - low)
        bounded = (numbers <= low + room) | (numbers >= high - room)
        curvature = _curvature(likelihood, numbers, value)
        free = np.flatnonzero(~bounded)
        part = curvature[np.ix_(free, free)]
        sizes, axes = np.linalg.eigh(part) if len(free) else (np.zeros(0), np.zeros((0, 0)))
        # along an axis that is not curved upwards there is no step to take
        along = axes.T @ slope[free]
        firm = sizes > 1e-8 * max(sizes.max(initial=0.0), 1e-300)
        step = np.zeros(len(numbers))
        step[free] = -axes[:, firm] @ (along[firm] / sizes[firm]) / 2.0
        gain = float(np.sum(along[firm] ** 2 / sizes[firm]) / 4.0)
        if gain < _GAIN or turn == _POLISHES - 1:
            break
        steps += 1
        further = _further(likelihood, numbers, value, step, ends)
        if further is None:
            break
        numbers, value = further
    return Maximum(numbers, value, curvature, bounded, steps, likelihood.evaluations, gain)


def _further(
    likelihood: Likelihood, numbers: Array, value: Value, step: Array, ends: tuple[Array, Array]
) -> tuple[Array, Value] | None:
    """A step that makes the objective less, shortened if need be; nothing where none does."""
    for share in (1.0, 0.3, 0.1):
        place = np.clip(numbers + share * step, *ends)
        try:
            after = likelihood.at(place, value.modes.effects)
        except (InputError, np.linalg.LinAlgError):
            continue
        if after.total < value.total + 1e-9 * abs(value.total):
            return place, after
    return None


def _curvature(likelihood: Likelihood, numbers: Array, value: Value) -> Array:
    """Half of the second derivatives of the objective, from differences of its gradient."""
    rows: list[Array] = []
    for k in range(len(numbers)):
        both: list[Array] = []
        for sign in (1.0, -1.0):
            moved = numbers.copy()
            moved[k] += sign * _STEP
            both.append(likelihood.at(moved, value.modes.effects).slope)
        rows.append((both[0] - both[1]) / (2.0 * _STEP))
    matrix = np.array(rows).reshape(len(numbers), len(numbers))
    return 0.25 * (matrix + matrix.T)
