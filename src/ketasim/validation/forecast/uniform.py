"""Whether numbers between 0 and 1 are uniform: bins, chi-square, and a band for their order."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

BINS: Final = 20
"""Bins of a histogram of ranks."""

_SEED: Final = 1
_DRAWS: Final = 4000  # sets of uniform numbers behind a band
_GRID: Final = 99  # places at which a set is looked at


@dataclass(frozen=True, eq=False)
class Uniformity:
    """How uniform numbers are.

    **Arguments:**

    - `counts`: in equal bins, shape (`BINS`,).
    - `chi_square`, `p_value`: of these counts, `BINS` - 1 degrees of freedom.
    - `away`: largest difference of the share below a place from that place, over all places.
    - `band`: what `away` stays below in 95 % of sets of so many uniform numbers.
    - `mean`, `sd`: of the numbers; 0.5 and 0.289 when uniform. A mean below says that the truth
      lies lower than forecast, an SD above that the forecast is too narrow.
    """

    counts: NDArray[np.int64]
    chi_square: float
    p_value: float
    away: float
    band: float
    mean: float
    sd: float


def uniformity(numbers: Array) -> Uniformity:
    """Look whether numbers are uniform.

    **Arguments:**

    - `numbers`: 0 to 1, shape (n,).
    """
    from scipy.stats import chisquare  # only here: scipy is slow to load

    values = np.asarray(numbers, np.float64)
    counts = np.histogram(values, BINS, (0.0, 1.0))[0]
    found = chisquare(counts)
    return Uniformity(
        counts=counts,
        chi_square=float(found.statistic),
        p_value=float(found.pvalue),
        away=float(_away(values[None, :])[0]),
        band=_band(len(values)),
        mean=float(values.mean()),
        sd=float(values.std()),
    )


@cache
def bin_band(n: int) -> tuple[int, int]:
    """Between which counts a bin stays in 99 % of sets of n uniform numbers."""
    from scipy.stats import binom  # only here: scipy is slow to load

    low, high = (float(binom.ppf(end, n, 1.0 / BINS)) for end in (0.005, 0.995))
    return int(low), int(high)


def _away(values: Array) -> Array:
    """Largest difference from the diagonal of each set, by the number of its values below places.

    Places, not the values: a set of ranks has ties.
    """
    places = np.arange(1, _GRID + 1) / (_GRID + 1.0)
    below = np.stack([(values <= place).mean(axis=1) for place in places], axis=1)
    return np.abs(below - places).max(axis=1)


@cache
def _band(n: int) -> float:
    rng = np.random.default_rng(_SEED)
    # counts of cells are enough: all sets at once would be large
    cells = rng.multinomial(n, np.full(_GRID + 1, 1.0 / (_GRID + 1)), _DRAWS)
    below = np.cumsum(cells, axis=1)[:, :-1] / n
    places = np.arange(1, _GRID + 1) / (_GRID + 1.0)
    return float(np.quantile(np.abs(below - places).max(axis=1), 0.95))
