"""Cox regression: proportional hazards by partial likelihood, ties as Efron or Breslow treat them.

Efron, Journal of the American Statistical Association 72 (1977) 557-565.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from ketasim._base import InputError
from ketasim.trials.analysis.inference import Inference, normal_inference

Array = NDArray[np.float64]

_STEPS: Final = 60
_DONE: Final = 1e-12  # Newton decrement
_FAR: Final = 15.0  # of a log hazard ratio between the ends of a covariate


@dataclass(frozen=True)
class CoxFit:
    """A fitted Cox regression.

    **Arguments:**

    - `inference`: of the log hazard ratios. `null`, `fitted`: log partial likelihoods.
    - `score`, `wald`: statistics of the tests that all coefficients are zero.
    - `concordance`: share of pairs whose order the model tells, ties one half.
    """

    inference: Inference
    null: float
    fitted: float
    score: float
    wald: float
    concordance: float


def fit_cox(
    time: Array,
    event: NDArray[np.bool_],
    design: Array,
    names: tuple[str, ...],
    *,
    ties: str = "efron",
) -> CoxFit:
    """Fit a Cox regression by Newton's method.

    **Main arguments:**

    - `time`, `event`: shape (N,). `design`: without an intercept, shape (N, P).
    - `names`: of the columns, for errors.

    **Other arguments:**

    - `ties`: `efron` or `breslow`.

    **Raises:** `InputError` where a hazard ratio runs to 0 or infinity, or nobody has the event.
    """
    if not event.any():
        raise InputError("event", "nobody has it", "name the column that is 1 at the event")
    part = _sorted(time, event, design - design.mean(axis=0))

    def total(beta: Array) -> tuple[float, Array, Array]:
        return _partial(*part, beta, ties == "efron")

    beta = np.zeros(design.shape[1])
    null, score, information = total(beta)
    value = null
    score_test = float(score @ _solved(information, score, names))
    reach = np.ptp(design, axis=0)
    for _ in range(_STEPS):
        step = _solved(information, score, names)
        decrement = float(score @ step)
        far = np.abs(beta) * reach
        if np.any(far > _FAR):
            raise InputError(
                "model",
                f"the hazard ratio of '{names[int(np.argmax(far))]}' runs to 0 or infinity: a "
                "group has no event",
                "leave the term out, or compare curves by the log-rank test",
            )
        if decrement < _DONE:
            break
        size = 1.0
        while size > 1e-6:
            trial = beta + size * step
            there = total(trial)
            if np.isfinite(there[0]) and there[0] >= value - 1e-12 * abs(value):
                break
            size /= 2.0
        else:
            break
        beta, (value, score, information) = trial, there
    variance = linalg.inv(information)
    return CoxFit(
        normal_inference(beta, (variance + variance.T) / 2.0),
        null,
        value,
        score_test,
        float(beta @ information @ beta),
        _concordance(time, event, design @ beta),
    )


def _solved(information: Array, score: Array, names: tuple[str, ...]) -> Array:
    try:
        return linalg.cho_solve(linalg.cho_factor(information), score)
    except linalg.LinAlgError:
        worst = names[int(np.argmin(np.diag(information)))]
        raise InputError(
            "model", f"the events say nothing of '{worst}'", "leave the term out"
        ) from None


def _sorted(
    time: Array, event: NDArray[np.bool_], design: Array
) -> tuple[NDArray[np.intp], NDArray[np.intp], Array, Array]:
    """Rows from the latest time to the earliest, and where each event time's risk set ends."""
    order = np.argsort(-time, kind="stable")
    times, happened, rows = time[order], event[order], design[order]
    distinct, place = np.unique(-times[happened], return_inverse=True)
    ends = np.searchsorted(-times, distinct, side="right")  # the risk set: rows before this one
    return place, ends, rows, happened.astype(float)


def _partial(
    place: NDArray[np.intp],
    ends: NDArray[np.intp],
    rows: Array,
    happened: Array,
    beta: Array,
    efron: bool,
) -> tuple[float, Array, Array]:
    """Log partial likelihood, score and information."""
    risk = rows @ beta
    shift = float(risk.max())
    hazard = np.exp(risk - shift)
    dead = happened > 0.0
    last = ends - 1
    first = hazard[:, None] * rows
    second = first[:, :, None] * rows[:, None, :]
    s0 = np.cumsum(hazard)[last]
    s1 = np.cumsum(first, axis=0)[last]
    s2 = np.cumsum(second, axis=0)[last]
    count = np.bincount(place, minlength=len(ends)).astype(float)
    d0 = np.bincount(place, hazard[dead], len(ends))
    d1 = np.zeros_like(s1)
    d2 = np.zeros_like(s2)
    np.add.at(d1, place, first[dead])
    np.add.at(d2, place, second[dead])
    # each event at a time of several counts those before it in part (Efron)
    rank = np.concatenate([np.arange(int(one)) for one in count])
    which = np.repeat(np.arange(len(ends)), count.astype(int))
    part = rank / count[which] if efron else np.zeros(len(which))
    a0 = s0[which] - part * d0[which]
    mean = (s1[which] - part[:, None] * d1[which]) / a0[:, None]
    square = (s2[which] - part[:, None, None] * d2[which]) / a0[:, None, None]
    value = float(risk[dead].sum() - np.sum(np.log(a0) + shift))
    score = rows[dead].sum(axis=0) - mean.sum(axis=0)
    information = square.sum(axis=0) - mean.T @ mean
    return value, score, information


def _concordance(time: Array, event: NDArray[np.bool_], risk: Array) -> float:
    agree = pairs = 0.0
    for i in np.flatnonzero(event):
        later = (time > time[i]) | ((time == time[i]) & ~event)
        pairs += float(later.sum())
        agree += float((risk[i] > risk[later]).sum()) + 0.5 * float((risk[i] == risk[later]).sum())
    return agree / pairs if pairs else float("nan")
