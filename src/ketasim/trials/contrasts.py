"""Numbers of arms, and of arms against each other, over all replicates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import Arm, Trial
from ketasim.trials.assess import Cell, Values
from ketasim.trials.metrics import RATIO

Array = NDArray[np.float64]

_INTERVAL: Final = {"p05": 0.05, "p50": 0.5, "p95": 0.95}


@dataclass(frozen=True)
class Estimate:
    """One metric of one arm, or of one arm against another, in every replicate.

    **Arguments:**

    - `arm`: id, or two ids such as `ket - saline`. `n`: patients enrolled in a replicate.
    - `cell`: scale, time, metric, and what counts.
    - `values`: with all that differs between replicates; of a ratio its logarithm.
    - `plain`: the same values without the trial effects, shape (R,).
    - `patients_differ`, `numbers_differ`: whether replicates hold other patients, and have other
      numbers of the card.
    """

    arm: str
    n: int
    cell: Cell
    values: Values
    plain: Array
    patients_differ: bool = True
    numbers_differ: bool = True

    @property
    def shown(self) -> Array:
        """Its value in every replicate, shape (R,): of a ratio itself, not its logarithm."""
        return np.exp(self.values.value) if self.cell.metric == RATIO else self.values.value

    @property
    def _expected(self) -> float | None:
        middle = _mean(self.values.value)
        # of ratios the geometric mean: one over the other is then the reciprocal
        return middle if middle is None or self.cell.metric != RATIO else float(np.exp(middle))

    def row(self) -> dict[str, Any]:
        """The row of the summary."""
        known = self.shown[~np.isnan(self.shown)]
        quantiles = np.quantile(known, list(_INTERVAL.values())) if len(known) else [None] * 3
        return {
            "arm": self.arm,
            "scale": self.cell.scale,
            "time_h": self.cell.time,
            "metric": self.cell.metric,
            "n": self.n,
            "mean": self._expected,
            "sd": _root(_mean(self.values.spread)),
            **dict(zip(_INTERVAL, quantiles, strict=True)),
            "n_assessed": _mean(self.values.count),
            "definition": self.cell.definition,
            **self.spreads(),
        }

    def spreads(self) -> dict[str, float | None]:
        """Standard deviation of the arm's value by each of the three sources alone."""
        sampling = _mean(self.values.sampling) if self.patients_differ else 0.0
        both = _variance(self.plain)
        rest = None if both is None or sampling is None else max(both - sampling, 0.0)
        return {
            "sd_patients_sampling": _root(sampling),
            "sd_parameters": _root(rest) if self.numbers_differ else 0.0,
            "sd_trials": _root(_variance(self.values.value - self.plain)),
        }


def contrasts(trial: Trial) -> tuple[tuple[Arm, Arm], ...]:
    """Which arm is compared with which: each drug with each control.

    **Arguments:**

    - `trial`: where all arms get a drug, or none does, each arm is compared with the first. Arms of
      a randomised withdrawal are compared with each other.
    """
    return (*_pairs(trial.enrolled_arms), *withdrawals(trial))


def withdrawals(trial: Trial) -> tuple[tuple[Arm, Arm], ...]:
    """Those of `contrasts` that compare arms of a randomised withdrawal."""
    whose = dict.fromkeys(arm.branch.of for arm in trial.arms if arm.branch is not None)
    together = (
        [arm for arm in trial.arms if arm.branch is not None and arm.branch.of == one]
        for one in whose
    )
    return tuple(pair for arms in together for pair in _pairs(arms))


def _pairs(arms: Sequence[Arm]) -> tuple[tuple[Arm, Arm], ...]:
    drugs = [arm for arm in arms if arm.control is None]
    controls = [arm for arm in arms if arm.control is not None]
    pairs = tuple((drug, control) for drug in drugs for control in controls)
    return pairs or tuple((arm, arms[0]) for arm in arms[1:])


def contrast(
    arms: tuple[Arm, Arm], cell: Cell, values: Mapping[str, tuple[Values, Values]], paired: bool
) -> Estimate:
    """Compare two arms.

    **Main arguments:**

    - `arms`: the first minus the second. `cell`: of both.
    - `values`: arm to its values with and without trial effects.

    **Other arguments:**

    - `paired`: the arms hold the same patients, as in a crossover.
    """
    (a, plain_a), (b, plain_b) = (values[arm.id] for arm in arms)
    sampling = a.sampling + b.sampling
    if paired and a.each is not None and b.each is not None:
        both = min(a.each.shape[1], b.each.shape[1])
        sampling = _paired(a.each[:, :both] - b.each[:, :both])
    return Estimate(
        f"{arms[0].id} - {arms[1].id}",
        arms[0].n + arms[1].n,
        cell,
        Values(a.value - b.value, a.count + b.count, (a.spread + b.spread) / 2, sampling),
        plain_a.value - plain_b.value,
    )


def _paired(difference: Array) -> Array:
    there = ~np.isnan(difference)
    count = there.sum(axis=1)
    middle = np.where(there, difference, 0.0).sum(axis=1) / np.maximum(count, 1)
    square = np.where(there, (difference - middle[:, None]) ** 2, 0.0).sum(axis=1)
    return np.where(count > 1, square / np.maximum(count * (count - 1), 1), np.nan)


def _mean(values: Array) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None


def _variance(values: Array) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.var(ddof=1)) if len(known) > 1 else None


def _root(value: float | None) -> float | None:
    return None if value is None else float(np.sqrt(value))
