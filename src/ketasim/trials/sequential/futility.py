"""Non-binding bounds for futility of a group-sequential test, and what they do to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from ketasim._base import InputError
from ketasim.trials.sequential.boundaries import SPENDING, Boundaries
from ketasim.trials.sequential.crossing import crossing

Array = NDArray[np.float64]

_FAR = 9.0  # standardised statistics beyond which nothing is


@dataclass(frozen=True)
class Stops:
    """How often a test stops at each look when its bounds for futility are obeyed.

    **Arguments:**

    - `information`: share of it at each look, shape (L,).
    - `efficacy`, `futility`: probabilities of either, the last of no effect shown, shape (L,) each.
    """

    information: Array
    efficacy: Array
    futility: Array

    @property
    def expected(self) -> float:
        """Expected information when it stops, as a share of that at the last look."""
        return float((self.efficacy + self.futility) @ self.information)


def stops(plan: Boundaries, bound: Sequence[float] | Array, drift: float) -> Stops:
    """Probabilities of stopping at each look in the direction that is hoped for.

    **Arguments:**

    - `plan`: boundaries for efficacy. `drift`: expected standardised statistic at the last look.
    - `bound`: statistic below which a look before the last stops for futility, minus infinity
      where none does, shape (L - 1,).
    """
    lower = np.append(np.asarray(bound, np.float64), plan.critical[-1])
    over, under = crossing(plan.critical, lower, plan.information, drift)
    return Stops(plan.information, over, under)


def drift_with(plan: Boundaries, bound: Sequence[float] | Array, power: float) -> float:
    """The expected standardised statistic at the last look that has a power, futility obeyed.

    **Arguments:** as of `stops`.

    **Raises:** `InputError` when the power is not between alpha and 1.
    """
    if not plan.alpha < power < 1.0:
        raise InputError("power", f"{power:g} is not between alpha and 1", "give 0.8, say")
    return float(
        optimize.brentq(
            lambda one: stops(plan, bound, one).efficacy.sum() - power, 0.0, 40.0, xtol=1e-11
        )
    )


def conditional_bound(plan: Boundaries, chance: float) -> Array:
    """Bounds below which the conditional power under the current trend is less than a chance.

    The conditional power is that of the last look alone.

    **Arguments:**

    - `plan`: boundaries for efficacy. `chance`: conditional power, above 0 and below 1.

    **Returns:** shape (L - 1,).

    **Raises:** `InputError`.

    Source: Lan and Wittes, Biometrics 44 (1988) 579-585.
    """
    if not 0.0 < chance < 1.0:
        raise InputError("chance", f"{chance:g} is not between 0 and 1", "give 0.2, say")
    share = plan.information[:-1]
    wanted = plan.critical[-1] + np.sqrt(1.0 - share) * special.ndtri(chance)
    return np.minimum(np.sqrt(share) * wanted, plan.critical[:-1])


def spent_bound(plan: Boundaries, spent: Sequence[float] | Array) -> Array:
    """Bounds that spend a type II error, at the effect at which all of it is spent at the end.

    They are not binding: the boundaries for efficacy are those without them.

    **Arguments:**

    - `plan`: boundaries for efficacy.
    - `spent`: type II error spent up to each look, shape (L,); a look that spends none has no
      bound.

    **Returns:** shape (L - 1,).

    **Raises:** `InputError`.

    Source: Pampallona, Tsiatis and Kim, Drug Information Journal 35 (2001) 1113-1121.
    """
    whole = np.asarray(spent, np.float64)
    step = np.diff(whole, prepend=0.0)
    if len(whole) != len(plan.critical) or np.any(step < 0.0) or not 0.0 < whole[-1] < 1.0:
        raise InputError(
            "spent", "it does not rise to a type II error", "give as many shares as looks"
        )

    def excess(drift: float) -> float:
        """Type II error at an effect less what is to be spent."""
        bound = _bound_at(plan, step, drift)
        return float(stops(plan, bound, drift).futility.sum() - whole[-1])

    drift = optimize.brentq(excess, 0.01, 2.0 * _FAR, xtol=1e-10)
    return _bound_at(plan, step, float(drift))


def beta_spent(plan: Boundaries, kind: str, beta: float) -> Array:
    """Type II error spent up to each look by a spending function, shape (L,).

    **Arguments:**

    - `plan`: boundaries for efficacy. `beta`: type II error over all looks.
    - `kind`: one of the kinds of `boundaries` that spend.
    """
    return SPENDING[kind](plan.information, beta)


def _bound_at(plan: Boundaries, step: Array, drift: float) -> Array:
    """Bounds of the looks before the last, one after the other, at an effect."""
    bound = np.full(len(step) - 1, -np.inf)
    for look in np.flatnonzero(step[:-1] > 0.0):
        upper, share = plan.critical[: look + 1], plan.information[: look + 1]
        bound[look] = _next(upper, share, bound[:look], float(step[look]), drift)
    return bound


def _next(upper: Array, share: Array, earlier: Array, step: float, drift: float) -> float:
    """Bound of a look that spends a type II error, given those before it."""

    def excess(value: float) -> float:
        return float(crossing(upper, np.append(earlier, value), share, drift)[1][-1] - step)

    # where less than that is left, whatever is not significant stops
    highest = float(upper[-1])
    if excess(highest) <= 0.0:
        return highest
    lowest = min(highest, drift * float(np.sqrt(share[-1]))) - _FAR
    return float(optimize.brentq(excess, lowest, highest, xtol=1e-12))
