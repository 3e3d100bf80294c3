"""The most likely effects of each subject, given the numbers of the population.

Newton's method on half of minus twice the log density, for all subjects at once, from where the
last one ended. Where the curvature is not positive definite, its axes are taken as if it were;
where a step makes a subject worse, it is shortened for that subject.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError
from ketasim.estimation.likelihood.expansion import Expansion, Predict, expand
from ketasim.estimation.likelihood.residual import Jets, ResidualError

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

_STEPS: Final = 60
_SHORTENED: Final = 12
_SHORTER: Final = 0.3
_SHORTEST: Final = 1e-5
_DONE: Final = 1e-5  # gain of a step after which one more was taken: the next would be 1e-10
_LONGEST: Final = 2.0  # of a step of an effect
_ROUNDING: Final = 1e-10


@dataclass(frozen=True)
class People:
    """Subjects with observations.

    **Arguments:**

    - `subject`: of each observation, ascending, shape (N,). `count`: of subjects, S.
    - `predict`: from directions to predictions, as `expand` takes it.
    - `effects`: which directions have an effect of the subject, shape (q,).
    - `error`: the residual error.
    """

    subject: Integers
    count: int
    predict: Predict
    effects: Integers
    error: ResidualError

    def total(self, values: Array) -> Array:
        """Sums over the observations of each subject, shape (S, …)."""
        found = np.zeros((self.count, *values.shape[1:]))
        if len(self.subject):
            there, first = np.unique(self.subject, return_index=True)
            found[there] = np.add.reduceat(values, first, axis=0)
        return found


@dataclass(frozen=True)
class Modes:
    """Effects of every subject where their density is largest.

    **Arguments:**

    - `effects`: shape (S, q). `half`: half of minus twice the log density, without the determinant
      of the covariance, shape (S,).
    - `expansion`, `jets`: of the predictions there. `curvature`: of `half`, shape (S, q, q).
    - `expected`: what takes its place in FOCE with interaction, shape (S, q, q).
    - `settled`: whether each came to rest.
    """

    effects: Array
    half: Array
    expansion: Expansion
    jets: Jets
    curvature: Array
    expected: Array
    settled: NDArray[np.bool_]


def modes(
    people: People,
    middle: Array,
    precision: Array,
    sds: Array,
    start: Array,
    *,
    third: bool = False,
) -> Modes:
    """Find the most likely effects.

    **Arguments:**

    - `people`: the subjects. `middle`: directions without effects, shape (P,).
    - `precision`: inverse covariance of the effects, shape (q, q). `sds`: of the residual error.
    - `start`: effects to start from, shape (S, q).
    - `third`: whether the expansion has third derivatives at the end.

    **Raises:** `InputError` when nothing can be predicted at the start.
    """

    def look(effects: Array) -> Modes:
        return _looked(people, middle, precision, sds, effects)

    found = look(start)
    settled = np.full(people.count, not len(people.effects))
    for _ in range(_STEPS):
        if settled.all():
            break
        step, gain = _newton(people, found, precision)
        found = _moved(look, found, step)
        settled = gain < _DONE
    expansion = found.expansion
    if third:
        places = _places(people, middle, found.effects)
        expansion = expand(people.predict, places, third=people.effects)
    return replace(found, expansion=expansion, settled=settled)


def gradient(people: People, found: Modes, precision: Array) -> Array:
    """Gradient of `half` by the effects, shape (S, q)."""
    j = found.expansion.j[:, people.effects]
    return people.total(found.jets.e1[:, None] * j) + found.effects @ precision


def _places(people: People, middle: Array, effects: Array) -> Array:
    places = np.tile(middle, (people.count, 1))
    places[:, people.effects] += effects
    return places


def _looked(people: People, middle: Array, precision: Array, sds: Array, effects: Array) -> Modes:
    """What there is to know at some effects."""
    expansion = expand(people.predict, _places(people, middle, effects))
    jets = people.error.jets(sds, expansion.f)
    j = expansion.j[:, people.effects]
    d2 = expansion.d2[:, people.effects[:, None], people.effects]
    outer = j[:, :, None] * j[:, None, :]
    curved = jets.e2[:, None, None] * outer + jets.e1[:, None, None] * d2
    half = people.total(jets.e) + 0.5 * np.einsum("sq,qr,sr->s", effects, precision, effects)
    return Modes(
        effects,
        np.where(np.isfinite(half), half, np.inf),
        expansion,
        jets,
        people.total(curved) + precision,
        people.total(jets.w[:, None, None] * outer) + precision,
        np.zeros(people.count, bool),
    )


def _newton(people: People, found: Modes, precision: Array) -> tuple[Array, Array]:
    """A step for every subject, and what it would gain.

    Along axes that are not curved upwards, the step is as long as if they were.
    """
    slope = gradient(people, found, precision)
    sound: Flags = np.asarray(np.isfinite(found.curvature).all(axis=(1, 2)))
    sizes, axes = np.linalg.eigh(np.where(sound[:, None, None], found.curvature, precision))
    least = np.linalg.eigvalsh(precision)[0]
    along = np.einsum("sqr,sq->sr", axes, slope)
    step = -np.einsum("sqr,sr->sq", axes, along / np.maximum(np.abs(sizes), 0.5 * least))
    gain = -0.5 * np.einsum("sq,sq->s", slope, step)
    gain = np.where(sizes[:, 0] > 0.0, gain, np.inf)
    longest = np.abs(step).max(axis=1, initial=0.0)
    step *= np.minimum(1.0, _LONGEST / np.maximum(longest, 1e-300))[:, None]
    return step, gain


def positive(matrices: Array) -> Flags:
    """Tell which symmetric matrices are positive definite, shape (S,)."""
    if not matrices.shape[-1]:
        return np.ones(len(matrices), bool)
    finite: Flags = np.asarray(np.isfinite(matrices).all(axis=(1, 2)))
    least = np.linalg.eigvalsh(np.where(finite[:, None, None], matrices, 0.0))[:, 0]
    return finite & (least > 0.0)


def _moved(look: Callable[[Array], Modes], found: Modes, step: Array) -> Modes:
    """The subjects after a step, which is shortened where it makes one worse."""
    share = np.ones(len(step))
    for _ in range(_SHORTENED):
        try:
            after = look(found.effects + share[:, None] * step)
        except InputError:
            share *= _SHORTER
            continue
        worse = ~(after.half <= found.half + _ROUNDING * (1.0 + np.abs(found.half)))
        if not worse.any():
            return after
        share[worse] *= _SHORTER
    return look(found.effects + np.where(share < _SHORTEST, 0.0, share)[:, None] * step)
