"""Boundaries of group-sequential tests: when an interim look is significant, and at what cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from ketasim._base import InputError, near, shortened
from ketasim.trials.sequential.crossing import crossing

Array = NDArray[np.float64]

KINDS: Final = (
    "obrien-fleming",
    "pocock",
    "wang-tsiatis",
    "spending-obrien-fleming",
    "spending-pocock",
    "none",
)
"""Shapes of boundaries: of constant shape, by alpha spending (Lan and DeMets), or unadjusted."""

_MOST: Final = 50  # looks
_EXACT: Final = 1e-12


@dataclass(frozen=True)
class Boundaries:
    """A group-sequential test for efficacy.

    **Arguments:**

    - `kind`: of `KINDS`. `alpha`: type I error. `sided`: 1 or 2.
    - `information`: share of the information at each look, shape (L,).
    - `critical`: value that the standardised statistic must reach at each look, shape (L,).
    - `spent`: type I error spent up to each look, shape (L,).
    """

    kind: str
    alpha: float
    sided: int
    information: Array
    critical: Array
    spent: Array

    def crossed(self, drift: float) -> Array:
        """Probability of stopping at each look for efficacy, shape (L,).

        **Arguments:**

        - `drift`: expected standardised statistic at the last look.
        """
        lower = -self.critical if self.sided == 2 else np.full(len(self.critical), -np.inf)
        over, under = crossing(self.critical, lower, self.information, drift)
        return over + under

    def power(self, drift: float) -> float:
        """Probability of a significant result at any look."""
        return float(self.crossed(drift).sum())

    def drift(self, power: float) -> float:
        """The expected standardised statistic at the last look that has a power.

        **Raises:** `InputError` when the power is not between alpha and 1.
        """
        if not self.alpha < power < 1.0:
            raise InputError("power", f"{power:g} is not between alpha and 1", "give 0.8, say")
        return float(optimize.brentq(lambda one: self.power(one) - power, 0.0, 40.0, xtol=1e-11))

    def inflation(self, power: float) -> float:
        """How many times the patients of a trial without looks the last look has."""
        return (self.drift(power) / fixed_drift(self.alpha, self.sided, power)) ** 2

    def expected(self, drift: float) -> float:
        """Expected information when it stops, as a share of that at the last look.

        **Arguments:**

        - `drift`: as of `crossed`.
        """
        stops = self.crossed(drift)
        return float(stops @ self.information + (1.0 - stops.sum()))


def fixed_drift(alpha: float, sided: int, power: float) -> float:
    """Expected standardised statistic of a test without looks that has a power."""
    return float(special.ndtri(1.0 - alpha / sided) + special.ndtri(power))


def boundaries(
    looks: int | Sequence[float],
    kind: str = "obrien-fleming",
    *,
    alpha: float = 0.025,
    sided: int = 1,
    shape: float = 0.25,
) -> Boundaries:
    """Boundaries for efficacy of a group-sequential test.

    **Main arguments:**

    - `looks`: how many, evenly spaced; or the share of the information at each, the last 1.
    - `kind`: of `KINDS`.

    **Other arguments:**

    - `alpha`: type I error over all looks. `sided`: 1, or 2 for a symmetric test.
    - `shape`: of `wang-tsiatis`: 0 is O'Brien-Fleming, 0.5 is Pocock.

    **Raises:** `InputError`.

    Source: Jennison and Turnbull, Group sequential methods (2000), chapters 2 and 7.
    """
    share = _shares(looks)
    if kind not in KINDS:
        raise InputError("kind", f"'{shortened(kind)}' is unknown", near(kind, KINDS))
    if not 0.0 < alpha < 0.5:
        raise InputError("alpha", f"{alpha:g} is not between 0 and 0.5", "give 0.025, say")
    if sided not in (1, 2):
        raise InputError("sided", f"{sided} is neither 1 nor 2", "give 1 or 2")
    if kind.startswith("spending"):
        critical = _by_spending(share, alpha, sided, SPENDING[kind])
    else:
        critical = _of_shape(share, alpha, sided, kind, shape)
    found = Boundaries(kind, alpha, sided, share, critical, np.zeros(len(share)))
    spent = np.cumsum(found.crossed(0.0))
    return Boundaries(kind, alpha, sided, share, critical, spent)


def _shares(looks: int | Sequence[float]) -> Array:
    remedy = f"give 1 to {_MOST} looks, or rising shares that end with 1"
    if isinstance(looks, int):
        if not 1 <= looks <= _MOST:
            raise InputError("looks", f"{looks} looks", remedy)
        return np.arange(1, looks + 1) / looks
    share = np.asarray(looks, dtype=float)
    rising = len(share) > 0 and share[0] > 0.0 and bool(np.all(np.diff(share) > 0.0))
    if not rising or len(share) > _MOST or abs(share[-1] - 1.0) > _EXACT:
        raise InputError("looks", f"{shortened(list(looks))} do not rise to 1", remedy)
    return share


def _of_shape(share: Array, alpha: float, sided: int, kind: str, shape: float) -> Array:
    if kind == "none":
        return np.full(len(share), special.ndtri(1.0 - alpha / sided))
    power = {"obrien-fleming": 0.0, "pocock": 0.5}.get(kind, shape)
    form = share ** (power - 0.5)

    def excess(constant: float) -> float:
        upper = constant * form
        lower = -upper if sided == 2 else np.full(len(upper), -np.inf)
        over, under = crossing(upper, lower, share, 0.0)
        return float(over.sum() + under.sum()) - alpha

    return form * float(optimize.brentq(excess, 0.1, 12.0, xtol=1e-12))


def _by_spending(
    share: Array, alpha: float, sided: int, spending: Callable[[Array, float], Array]
) -> Array:
    """Critical values one look after the other, each of which spends what is planned for it."""
    step = np.diff(spending(share, alpha / sided), prepend=0.0)
    critical = np.zeros(len(share))
    for look in range(len(share)):

        def excess(value: float, look: int = look) -> float:
            upper = np.append(critical[:look], value)
            lower = -upper if sided == 2 else np.full(look + 1, -np.inf)
            over, _ = crossing(upper, lower, share[: look + 1], 0.0)
            return float(over[-1] - step[look])

        critical[look] = optimize.brentq(excess, -2.0, 12.0, xtol=1e-12)
    return critical


def _like_obrien_fleming(share: Array, alpha: float) -> Array:
    return 2.0 * special.ndtr(-special.ndtri(1.0 - alpha / 2.0) / np.sqrt(share))


def _like_pocock(share: Array, alpha: float) -> Array:
    return alpha * np.log1p((np.e - 1.0) * share)


SPENDING: Final[dict[str, Callable[[Array, float], Array]]] = {
    "spending-obrien-fleming": _like_obrien_fleming,
    "spending-pocock": _like_pocock,
}
"""Kind to the type I error spent up to a share of the information, of one side."""
