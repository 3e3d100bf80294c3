"""Hazard ratio of relapse between two arms, in every replicate at once."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_FAR: Final = 12.0  # of the logarithm of the ratio
_HALVINGS: Final = 40


def log_hazard_ratio(
    first: tuple[Array, Array], second: tuple[Array, Array], *, penalised: bool = True
) -> tuple[Array, Array]:
    """Logarithm of the hazard ratio of one arm over another, and its variance.

    By Cox's model with relapses at the same visit as Efron has it. The likelihood is penalised by
    the information (Firth), so that an arm without any relapse has a ratio too.

    **Main arguments:**

    - `first`, `second`: of an arm the relapses at each visit and the patients at risk then, each of
      shape (R, T).

    **Other arguments:**

    - `penalised`: false: the plain likelihood, whose ratio has no end where one arm alone relapses.

    **Returns:** shape (R,); not a number where nobody relapses, or where the ratio has no end.

    Source: Efron, J Am Stat Assoc 1977;72:557-565; Heinze and Schemper, Biometrics 2001;57:114-119.
    """
    risks = _risks(first, second)
    a, b = (np.concatenate(side, axis=1) for side in risks)
    events = ~np.isnan(a)
    a, b = np.where(events, a, 0.0), np.where(events, b, 0.0)
    own = first[0].sum(axis=1)
    low, high = np.full(len(own), -_FAR), np.full(len(own), _FAR)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        p = _chance(a, b, middle)
        spread = p * (1.0 - p)
        told = spread.sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            bend = np.where(told > 0, (spread * (1.0 - 2.0 * p)).sum(axis=1) / told / 2.0, 0.0)
        bend = bend if penalised else 0.0
        rising = own - p.sum(axis=1) + bend > 0
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    middle = (low + high) / 2.0
    p = _chance(a, b, middle)
    told = (p * (1.0 - p)).sum(axis=1)
    known = (told > 0) & (np.abs(middle) < _FAR - 1e-6)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(known, middle, np.nan), np.where(known, 1.0 / told, np.nan)


def log_rank(first: tuple[Array, Array], second: tuple[Array, Array]) -> Array:
    """Standardised statistic of the log-rank test, shape (R,): relapses in the first over expected.

    **Arguments:** as of `log_hazard_ratio`.

    **Returns:** not a number where nobody relapses.
    """
    (events, at_risk), (others, beside) = first, second
    both, there = events + others, at_risk + beside
    with np.errstate(invalid="ignore", divide="ignore"):
        part = np.where(there > 0, at_risk / there, 0.0)
        rest = np.where(there > 1, (there - both) / (there - 1.0), 0.0)
        variance = (both * part * (1.0 - part) * rest).sum(axis=1)
        return np.where(
            variance > 0, (events - both * part).sum(axis=1) / np.sqrt(variance), np.nan
        )


def _risks(
    first: tuple[Array, Array], second: tuple[Array, Array]
) -> tuple[list[Array], list[Array]]:
    """Patients at risk of both arms for each relapse, those at one visit one after the other."""
    sides: tuple[list[Array], list[Array]] = [np.empty((len(first[0]), 0))], []
    sides[1].append(sides[0][0])
    for visit in range(first[0].shape[1]):
        both = first[0][:, visit] + second[0][:, visit]
        turn = np.arange(int(both.max(initial=0.0)))
        with np.errstate(invalid="ignore", divide="ignore"):
            gone = np.where(turn < both[:, None], turn / both[:, None], np.nan)
        for side, (relapses, at_risk) in zip(sides, (first, second), strict=True):
            side.append(at_risk[:, visit, None] - gone * relapses[:, visit, None])
    return sides


def _chance(a: Array, b: Array, log_ratio: Array) -> Array:
    """Chance that a relapse is one of the first arm; 0 where there was none."""
    weighed = a * np.exp(log_ratio)[:, None]
    whole = weighed + b
    return np.divide(weighed, whole, out=np.zeros_like(whole), where=whole > 0)
