"""Hazard ratio of relapse between two arms, in every replicate at once."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_FAR: Final = 12.0  # of the logarithm of the ratio
_HALVINGS: Final = 40


def log_hazard_ratio(
    first: tuple[Array, Array], second: tuple[Array, Array]
) -> tuple[Array, Array]:
    """Logarithm of the hazard ratio of one arm over another, and its variance.

    By Cox's model with relapses at the same visit as Efron has it. The likelihood is penalised by
    the information (Firth), so that an arm without any relapse has a ratio too.

    **Arguments:**

    - `first`, `second`: of an arm the relapses at each visit and the patients at risk then, each of
      shape (R, T).

    **Returns:** shape (R,); not a number where nobody relapses.

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
        rising = own - p.sum(axis=1) + bend > 0
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    middle = (low + high) / 2.0
    p = _chance(a, b, middle)
    told = (p * (1.0 - p)).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(told > 0, middle, np.nan), np.where(told > 0, 1.0 / told, np.nan)


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
