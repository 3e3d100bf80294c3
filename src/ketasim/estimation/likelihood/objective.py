"""The objective of a population: minus twice the log likelihood, approximated by subject.

With η the most likely effects of a subject and h half of minus twice the joint log density there,
the objective is 2 h + log|Ω| + log|H|, without the constant of N log 2π. In the Laplace method H is
the curvature of h; in FOCE with interaction it is what is expected of it, which drops second
derivatives of predictions. The gradient is analytic in the covariance and the residual error, and
in the parameters from derivatives of the predictions; the effects' own change is followed
implicitly.

**Source:** Wang 2007, J. Pharmacokinet. Pharmacodyn. 34:575; Almquist et al. 2015, ibid. 42:191.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.estimation.likelihood.conditional import Modes, People, modes, positive
from ketasim.estimation.likelihood.spread import Spread

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Numbers:
    """How the unconstrained numbers of a population are laid out.

    **Arguments:**

    - `middle`: directions of the typical subject, of which `estimated` are numbers, shape (P,).
    - `estimated`: their places, shape (T,). `spread`: of the effects.
    - `sds`: residual SDs, of which `free` are numbers.
    - `free`: their places.
    """

    middle: Array
    estimated: Integers
    spread: Spread
    sds: Array
    free: Integers

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many are of typical values, of the spread and of the residual error."""
        return len(self.estimated), len(self.spread.places), len(self.free)

    def of(self, numbers: Array) -> tuple[Array, Array, Array]:
        """Middle, numbers of the spread, and residual SDs."""
        t, k, _ = self.counts
        middle, sds = self.middle.copy(), self.sds.copy()
        middle[self.estimated] = numbers[:t]
        sds[self.free] = np.exp(numbers[t + k :])
        return middle, numbers[t : t + k], sds


@dataclass(frozen=True)
class Value:
    """The objective at some numbers.

    **Arguments:**

    - `each`: of every subject, shape (S,). `slopes`: its gradient, shape (S, K).
    - `modes`: the effects. `covariance`: of the effects, shape (q, q). `sds`: residual SDs.
    - `middle`: directions of the typical subject.
    """

    each: Array
    slopes: Array
    modes: Modes
    covariance: Array
    sds: Array
    middle: Array

    @property
    def total(self) -> float:
        """The objective."""
        return float(self.each.sum())

    @property
    def slope(self) -> Array:
        """Its gradient, shape (K,)."""
        return np.asarray(self.slopes.sum(axis=0), np.float64)


class Likelihood:
    """The objective as a function of the unconstrained numbers.

    **Arguments:**

    - `people`: the subjects. `numbers`: their layout. `laplace`: whether H is the curvature itself.
    """

    def __init__(self, people: People, numbers: Numbers, *, laplace: bool) -> None:
        self.people, self.numbers, self.laplace = people, numbers, laplace
        self.evaluations = 0

    def at(self, numbers: Array, start: Array) -> Value:
        """The objective and its gradient.

        **Arguments:**

        - `numbers`: shape (K,). `start`: effects to begin with, shape (S, q).

        **Raises:** `InputError` when nothing can be predicted there.
        """
        self.evaluations += 1
        people = self.people
        middle, spread, sds = self.numbers.of(numbers)
        covariance = self.numbers.spread.covariance(spread)
        precision: Array = np.asarray(np.linalg.inv(covariance), np.float64)
        found = modes(people, middle, precision, sds, start, third=self.laplace)
        curved = found.curvature if self.laplace else found.expected
        bent = positive(curved)
        used = np.where(bent[:, None, None], curved, found.expected)
        _, size = np.linalg.slogdet(covariance)
        each = 2.0 * found.half + size + np.linalg.slogdet(used)[1]
        slopes = self._slopes(found, used, precision, spread, sds)
        return Value(each, slopes, found, covariance, sds, middle)

    def _slopes(
        self, found: Modes, used: Array, precision: Array, spread: Array, sds: Array
    ) -> Array:
        people, mine = self.people, self.people.effects
        j, d2, jets = found.expansion.j, found.expansion.d2, found.jets
        own, own2 = j[:, mine], d2[:, mine[:, None], mine]
        inverse = np.linalg.inv(used) if len(mine) else used
        outer = own[:, :, None] * own[:, None, :]

        def trace(changes: Array) -> Array:
            """Change of log|H| from that of H, shape (S, …)."""
            return np.einsum("sqr,s...qr->s...", inverse, changes)

        # changes of H along every direction
        mixed = d2[:, :, mine, None] * own[:, None, None, :]
        mixed = mixed + np.swapaxes(mixed, 2, 3)
        along = j[:, :, None, None] * outer[:, None]
        if self.laplace:
            assert found.expansion.d3 is not None
            third = np.moveaxis(found.expansion.d3, -1, 1)
            bend = (
                jets.e3[:, None, None, None] * along
                + jets.e2[:, None, None, None] * (mixed + j[:, :, None, None] * own2[:, None])
                + jets.e1[:, None, None, None] * third
            )
        else:
            bend = jets.w1[:, None, None, None] * along + jets.w[:, None, None, None] * mixed
        bends = trace(people.total(bend))

        # how the effects follow: the gradient of h stays 0
        cross = people.total(
            jets.e2[:, None, None] * own[:, :, None] * j[:, None, :]
            + jets.e1[:, None, None] * d2[:, mine]
        )
        steady = np.where(positive(found.curvature)[:, None, None], found.curvature, found.expected)
        lean = bends[:, mine]
        pull = -np.linalg.solve(steady, lean[..., None])[..., 0] if len(mine) else lean

        parts: list[Array] = []
        slope = 2.0 * people.total(jets.e1[:, None] * j)
        typical = slope + bends + np.einsum("sq,sqp->sp", pull, cross)
        parts.append(typical[:, self.numbers.estimated])

        changes = self.numbers.spread.slopes(spread)
        if len(changes):
            back = -np.einsum("qr,krs,st->kqt", precision, changes, precision)
            effects = found.effects
            moved = np.einsum("kqr,sr->skq", back, effects)
            parts.append(
                np.einsum("sq,skq->sk", effects, moved)
                + np.einsum("qr,kqr->k", precision, changes)
                + trace(np.broadcast_to(back, (people.count, *back.shape)))
                + np.einsum("sq,skq->sk", pull, moved)
            )
        for number in self.numbers.free:
            other = people.error.by_sd(sds, found.expansion.f, int(number))
            if self.laplace:
                bent = other.e2[:, None, None] * outer + other.e1[:, None, None] * own2
            else:
                bent = other.w[:, None, None] * outer
            part = (
                2.0 * people.total(other.e)
                + trace(people.total(bent))
                + np.einsum("sq,sq->s", pull, people.total(other.e1[:, None] * own))
            )
            parts.append(part[:, None])
        return np.concatenate(parts, axis=1)
