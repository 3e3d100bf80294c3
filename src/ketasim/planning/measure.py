"""A number of an option, with what its range is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim.planning.criteria import CRITERIA, Criterion

Array = NDArray[np.float64]

UNCERTAINTY: Final = "parameter uncertainty"
"""What a range of scores, shares and session effects is of: means under each parameter draw."""

PATIENTS: Final = "between patients"
"""What a range of exposures is of: the virtual patients."""

PATIENT: Final = "this patient"
"""What such a range is of where scores were used: what the patient may be, parameters included."""

EXACT: Final = ""
"""Of what follows from the regimen alone, and of what has no range."""

RANGE: Final = (0.05, 0.5, 0.95)
"""Quantiles of every range."""


@dataclass(frozen=True, eq=False)
class Measure:
    """A number of an option.

    **Arguments:**

    - `key`: of `CRITERIA`. `week`: of a weekly one, from 1.
    - `value`: in the criterion's unit; nothing where it is not assessed, and `note` says why.
    - `drawn`: under each parameter draw, or of each patient, shape (k,); the same draws and the
      same patients in every option.
    - `spread`: `UNCERTAINTY`, `PATIENTS`, `PATIENT` or `EXACT`: what `drawn` is of.
    - `at_h`: h from the first dose; nothing where it is of no single time.
    - `note`: what the reader must know, in words. `currency`: of a cost.
    """

    key: str
    value: float | None
    drawn: Array | None = None
    spread: str = EXACT
    week: int | None = None
    at_h: float | None = None
    note: str = ""
    currency: str = ""

    @property
    def unit(self) -> str:
        """Of the value, as tables have it."""
        return self.currency or self.criterion.unit

    @property
    def criterion(self) -> Criterion:
        """What it is."""
        return CRITERIA[self.key]

    @property
    def quantiles(self) -> tuple[float | None, float | None, float | None]:
        """5 %, 50 % and 95 % of the draws or patients, widened to contain the value."""
        return ranged(self.value, self.drawn)


def ranged(
    value: float | None, drawn: Array | None
) -> tuple[float | None, float | None, float | None]:
    """Quantiles of draws.

    **Arguments:**

    - `value`: what they are of. `drawn`: shape (k,); nothing where there are none.

    **Returns:** 5 %, 50 % and 95 %; the ends contain the value, which may be of more patients.
    """
    if value is None or drawn is None:
        return None, None, None
    low, middle, high = (float(one) for one in np.quantile(drawn, RANGE))
    return min(low, value), middle, max(high, value)
