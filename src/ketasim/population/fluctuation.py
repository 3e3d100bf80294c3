"""What varies within a patient: the error of each rating, and a fluctuation of state with a memory.

A patient's rated score is

    y(t) = L(t) + (F(t) - F(0)) + (e(t) - e(0)), within the scale,

where L is the score of the chain, which starts at the *rated* score before treatment; e is the
error of a rating, new at every visit; and F the fluctuation of state, a stationary Gaussian process
that forgets at a rate (of Ornstein and Uhlenbeck). The rating before treatment was one rating like
any other: a patient rated high by chance was less ill than that, and the later ratings say so. Its
chance part is subtracted, so it is shared by all later visits of the patient.

Response is counted from the rated score before treatment, as trials do, and needs no other law. On
average nothing is added: the mean fall by regression to the mean, from choosing patients who were
rated high, is in the natural course, which is fitted to the control arms of such trials.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import standard_normals

Array = NDArray[np.float64]

NOISE_SYMBOLS: Final = ("sigma", "omega_F", "k_F")
"""Symbols on the card `mood`: SD of a rating's error and of the fluctuation, points; rate at which
the fluctuation is forgotten, 1/h."""

_DAY: Final = 24.0
_WEEK: Final = 168.0
_CELL: Final = _DAY / 256.0  # h; a power of two of a day
_SLOWEST: Final = 1e-12  # 1/h


@dataclass(frozen=True)
class VisitNoise:
    """The law of what a rating adds to the score of the chain.

    **Arguments:**

    - `sigma`: SD of the error of a rating, points.
    - `omega`: SD of the fluctuation of state, points.
    - `rate`: at which it is forgotten, 1/h.

    Each is one number, or one for every patient, shape (n,). Results then have a row a patient.
    """

    sigma: Any
    omega: Any
    rate: Any

    @classmethod
    def of(cls, numbers: Mapping[str, Any]) -> VisitNoise:
        """The law by the numbers of the card `mood`, or by draws of them."""
        return cls(*(numbers[symbol] for symbol in NOISE_SYMBOLS))

    def sd(self, times: Any) -> Array:
        """SD of what a rating adds to the change from baseline.

        **Arguments:**

        - `times`: h since the rating before treatment, a number or shape (T,).

        **Returns:** points, as `times`, or (n, T) where the law differs between patients; 0 at that
        rating itself.
        """
        since = np.asarray(times, np.float64)
        sigma, omega, rate = (self._over(value, since.ndim) for value in self._law)
        variance = 2.0 * sigma**2 - 2.0 * omega**2 * np.expm1(-rate * since)
        return np.where(since == 0.0, 0.0, np.sqrt(variance))

    def of_patients(self, which: int | slice) -> VisitNoise:
        """The law of one or some of the patients, where there is one for every patient."""
        values = (np.asarray(value, np.float64) for value in self._law)
        return VisitNoise(*(value[which] if value.ndim else value for value in values))

    def covariance(self, one: Any, other: Any) -> Array:
        """Covariance of what two ratings of a patient add.

        **Arguments:**

        - `one`, `other`: h since the rating before treatment, of shapes that broadcast.

        **Returns:** points², as `sd`.
        """
        first, second = np.broadcast_arrays(
            np.asarray(one, np.float64), np.asarray(other, np.float64)
        )
        sigma, omega, rate = (self._over(value, first.ndim) for value in self._law)
        kept = np.exp(-rate * np.abs(first - second))
        since = np.exp(-rate * np.abs(first)), np.exp(-rate * np.abs(second))
        state = omega**2 * (1.0 + kept - since[0] - since[1])
        error = sigma**2 * (1.0 + (first == second) - (first == 0.0) - (second == 0.0))
        # the rating before treatment adds nothing to itself, and rounding no more than that
        return np.where((first == 0.0) | (second == 0.0), 0.0, np.maximum(state + error, 0.0))

    def draws(self, normals: Mapping[str, Array], times: Sequence[float] | Array) -> Array:
        """Draw what the ratings of some patients add.

        **Arguments:**

        - `normals`: as `visit_normals` returns them for these times, shape (n,) each.
        - `times`: h since the rating before treatment, shape (T,).

        **Returns:** points, shape (n, T); 0 at time 0.
        """
        sigma, omega, rate = (np.asarray(value, np.float64) for value in self._law)
        known = {0.0: normals[_name("state", 0.0)]}
        for time, left, right in _steps(times):
            # the variance that is not kept over a time; of what is never forgotten hardly any
            lost = [-np.expm1(-2.0 * np.maximum(rate, _SLOWEST) * (time - left))]
            near = np.exp(-rate * (time - left)) * known[left]
            spread = lost[0]
            if right is not None:
                lost += [
                    -np.expm1(-2.0 * np.maximum(rate, _SLOWEST) * hours)
                    for hours in (right - time, right - left)
                ]
                far = np.exp(-rate * (right - time)) * known[right]
                near = (near * lost[1] + far * lost[0]) / lost[2]
                spread = lost[0] * lost[1] / lost[2]
            known[time] = near + np.sqrt(spread) * normals[_name("state", time)]
        before = omega * known[0.0] + sigma * normals[_name("error", 0.0)]
        found = np.zeros((len(before), len(times)))
        for place, visit in enumerate(times):
            time = float(visit)
            if time > 0.0:
                rated = omega * known[_snapped(time)] + sigma * normals[_name("error", time)]
                found[:, place] = rated - before
        return found

    @property
    def _law(self) -> tuple[Any, Any, Any]:
        return self.sigma, self.omega, self.rate

    @staticmethod
    def _over(value: Any, dimensions: int) -> Array:
        """A number of the law, for every patient where it has one, over arrays of times."""
        array = np.asarray(value, np.float64)
        return array.reshape(array.shape + (1,) * (dimensions if array.ndim else 0))


def visit_normals(
    seed: int, first: int, count: int, times: Sequence[float] | Array
) -> dict[str, Array]:
    """Standard normal numbers behind the ratings of patients.

    They are keyed by seed, patient and time: those of a patient do not depend on how many there
    are, nor those of a visit on which others there are. For the fluctuation, numbers from week to
    week come first; a day within a week is put between the day before and the end of the week, and
    an hour by halving the day.

    **Arguments:**

    - `seed`: of the ratings. `first`, `count`: the patients asked for, counted from 0.
    - `times`: h since the rating before treatment, shape (T,).

    **Returns:** purpose and time to shape (count,).
    """
    names = [_name("state", time) for time in (0.0, *(time for time, _, _ in _steps(times)))]
    names += [_name("error", time) for time in (0.0, *map(float, times))]
    return {
        name: standard_normals(seed, f"rating:{name}", first, count, 1)[:, 0] for name in set(names)
    }


def _name(purpose: str, time: float) -> str:
    return f"{purpose} at {time:.6f}"


def _snapped(time: float) -> float:
    """The time to which the fluctuation is resolved; it moves by nothing in the three minutes."""
    return round(time / _CELL) * _CELL


def _steps(times: Sequence[float] | Array) -> list[tuple[float, float, float | None]]:
    """Times at which the fluctuation is drawn, in order, each with those it is drawn between."""
    found: dict[float, tuple[float, float, float | None]] = {}

    def put(time: float, left: float, right: float | None) -> None:
        found.setdefault(time, (time, left, right))

    for wanted in sorted({_snapped(float(time)) for time in times} - {0.0}):
        week = 0.0
        while week + _WEEK <= wanted:
            put(week + _WEEK, week, None)
            week += _WEEK
        if wanted == week:
            continue
        put(week + _WEEK, week, None)
        left = week
        while left + _DAY <= wanted:
            put(left + _DAY, left, week + _WEEK)
            left += _DAY
        if wanted == left:
            continue
        right = left + _DAY
        put(right, left, week + _WEEK)
        middle = left
        while middle != wanted:
            middle = (left + right) / 2.0
            put(middle, left, right)
            left, right = (middle, right) if middle < wanted else (left, middle)
    return list(found.values())


@cache
def hermite(count: int, degrees: int | None = None) -> tuple[Array, Array, Array]:
    """Quadrature of the standard normal distribution and the polynomials that belong to it.

    In these the transition of the process of Ornstein and Uhlenbeck is diagonal: over a time in
    which a part r of it is kept, the polynomial of degree k is multiplied by r^k, exactly.

    **Arguments:**

    - `count`: of the nodes. `degrees`: how many polynomials; as many when left out.

    **Returns:** nodes and weights, shape (count,), and the normalised polynomials at the nodes,
    degree before node, shape (degrees, count).
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(count)
    table = np.ones((degrees or count, count))
    table[1:2] = nodes
    for k in range(1, len(table) - 1):
        table[k + 1] = (nodes * table[k] - np.sqrt(k) * table[k - 1]) / np.sqrt(k + 1.0)
    return nodes, weights / weights.sum(), table
