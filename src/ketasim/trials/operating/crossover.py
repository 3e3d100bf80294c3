"""A crossover: arms compared within patients, over their periods."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ketasim.trials.operating.mixed import Found

Array = NDArray[np.float64]


def within_patients(
    changes: Sequence[Array], periods: Sequence[NDArray[np.int64]], first: int, second: int
) -> Found:
    """One arm minus another by a linear model of patient, period and arm.

    Patients are fixed effects, so that a sequence is among what they differ in; who was in one
    period alone tells nothing of the arms. Who leaves a period is in none of the later ones.

    **Arguments:**

    - `changes`: of each arm at the visit, not a number for who left, shape (R, n).
    - `periods`: in which a patient is in each arm, from 0, shape (R, n).
    - `first`, `second`: places of the two arms.
    """
    value = np.stack(changes, axis=2)
    replicates, patients, arms = value.shape
    period = np.stack(periods, axis=2)
    by_period = np.take_along_axis(value, period.argsort(axis=2), axis=2)
    gone = np.maximum.accumulate(np.isnan(by_period), axis=2)
    there = ~np.take_along_axis(gone, period.argsort(axis=2).argsort(axis=2), axis=2)
    columns = 2 * arms - 2
    design = np.zeros((replicates, patients, arms, columns))
    for arm in range(arms):
        if arm:
            design[:, :, arm, arm - 1] = 1.0
        for later in range(1, arms):
            design[:, :, arm, arms - 2 + later] = period[:, :, arm] == later
    weight = there.astype(np.float64)
    count = weight.sum(axis=2)
    many = np.maximum(count, 1.0)
    rows = design * weight[..., None]
    rows = (design - (rows.sum(axis=2) / many[..., None])[:, :, None]) * weight[..., None]
    seen = np.where(there, value, 0.0)
    seen = (seen - (seen.sum(axis=2) / many)[..., None]) * weight
    flat = rows.reshape(replicates, patients * arms, -1)
    whole = seen.reshape(replicates, -1)
    squares = flat.swapaxes(1, 2) @ flat
    df = np.maximum(count - 1.0, 0.0).sum(axis=1) - columns
    good = (df >= 1.0) & (np.linalg.cond(squares) < 1e12)
    squares = np.where(good[:, None, None], squares, np.eye(columns))
    inverse = np.linalg.inv(squares)
    right = (flat * whole[..., None]).sum(axis=1)
    beta = (inverse @ right[..., None])[..., 0]
    rest = np.maximum((whole**2).sum(axis=1) - (beta * right).sum(axis=1), 0.0)
    contrast = np.zeros(columns)
    for place, sign in ((first, 1.0), (second, -1.0)):
        if place:
            contrast[place - 1] = sign
    known = np.where(good, 1.0, np.nan)
    spread = contrast @ inverse @ contrast
    se = np.sqrt(spread * rest / np.maximum(df, 1.0)) * known
    lost = int((~good).sum())
    failures = {"too few patients were in two periods": lost} if lost else {}
    return Found(beta @ contrast * known, se, df, failures)
