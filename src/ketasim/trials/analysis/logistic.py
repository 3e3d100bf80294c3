"""Logistic regression by maximum likelihood."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special

from ketasim._base import InputError
from ketasim.trials.analysis.inference import Inference, normal_inference

Array = NDArray[np.float64]

_STEPS: Final = 50
_DONE: Final = 1e-12  # Newton decrement
_FAR: Final = 15.0  # of a log odds: the probability is 0 or 1 to 3e-7


def fit_logistic(design: Array, outcome: Array, names: tuple[str, ...]) -> Inference:
    """Fit a logistic regression by Newton's method.

    **Arguments:**

    - `design`: of full rank, shape (R, P). `outcome`: 0 or 1, shape (R,).
    - `names`: of the columns, for errors.

    **Raises:** `InputError` where a coefficient runs to infinity, because categories separate.
    """
    # by orthonormal columns: the origin and the unit of a covariate cost no digits
    columns, upper = np.linalg.qr(design)
    beta = np.zeros(columns.shape[1])
    value = _loss(columns, outcome, beta)
    for _ in range(_STEPS):
        chance = special.expit(columns @ beta)
        score = columns.T @ (outcome - chance)
        information = (columns * (chance * (1.0 - chance))[:, None]).T @ columns
        try:
            step = linalg.cho_solve(linalg.cho_factor(information), score)
        except linalg.LinAlgError:
            break
        decrement = float(score @ step)
        if decrement < _DONE:
            if np.all(np.abs(columns @ beta) < _FAR):
                return _inference(beta, information, upper)
            break
        size = 1.0
        while size > 1e-8:
            trial = beta + size * step
            there = _loss(columns, outcome, trial)
            if there < value:
                break
            size /= 2.0
        else:
            return _inference(beta, information, upper)
        beta, value = trial, there
    spread = np.where(design.std(axis=0) > 0, design.std(axis=0), 1.0)
    worst = names[int(np.argmax(np.abs(linalg.solve_triangular(upper, beta)) * spread))]
    raise InputError(
        "model",
        f"the log odds of '{worst}' run to infinity: it separates those with the event from those "
        "without",
        "leave the term out; risk differences need no model",
    )


def _inference(beta: Array, information: Array, upper: Array) -> Inference:
    """In the terms of the design, from those of its orthonormal columns."""
    variance = linalg.inv(information)
    coefficients = linalg.solve_triangular(upper, beta)
    return normal_inference(coefficients, (variance + variance.T) / 2.0, upper)


def _loss(design: Array, outcome: Array, beta: Array) -> float:
    odds = design @ beta
    return float(np.sum(np.logaddexp(0.0, odds) - outcome * odds))
