"""The rival from the field: an empirical model-based meta-analysis of the changes of arms.

Placebo and drug have a maximum and a half-life of onset each; the drug's maximum depends on the
dose by an Emax curve and is lost from the last dose with a half-life of its own. The maximum of
placebo depends on the kind of control, that of the drug on drug and route, each drawn towards a
common one as far as the data say; a new antidepressant adds a course of its own. Trials differ in
their maximum of placebo. Everything is estimated by maximum likelihood, with loose penalties that
keep a variance from vanishing where few trials speak for it. Nothing of the chain to mood is in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim.calibration.mood.values import ArmValue

Array = NDArray[np.float64]

_DAY: Final = 24.0
_FLAT: Final = 10.0  # points; SD of a common maximum before the data
# half-lives in days, dose over the usual one, points, and a correlation: start, lowest, highest
_FREE: Final = (
    ("placebo_onset", 0.5, 0.02, 30.0),
    ("new_onset", 10.0, 1.0, 60.0),
    ("drug_onset", 0.1, 0.02, 30.0),
    ("drug_left", 10.0, 0.5, 365.0),
    ("half_dose", 0.3, 0.01, 10.0),
    ("between_trials", 2.0, 0.1, 10.0),
    ("between_controls", 2.0, 0.1, 10.0),
    ("between_routes", 2.0, 0.1, 10.0),
    ("left_over", 1.0, 0.1, 5.0),
    ("same_patients", 0.5, 0.05, 0.95),
)
_LOOSE: Final = 1.0  # SD of the logarithm of each around its start: no SD is to vanish


@dataclass(frozen=True)
class Empirical:
    """A fitted empirical model.

    **Arguments:**

    - `free`: half-lives (d), dose of half the maximum (of the usual one), SDs (points) and the
      correlation of visits, by name.
    - `columns`: names of the maxima. `maxima`: points of improvement, in their order.
    - `usual`: median amount of each drug, route and unit.
    """

    free: dict[str, float]
    columns: tuple[str, ...]
    maxima: Array
    usual: dict[tuple[str, str, str], float]

    def change(self, value: ArmValue) -> float:
        """Change of an arm at its time in a trial that is not known, points."""
        shapes = _Shapes([value], self.columns, self.usual)
        return float(-(shapes.table(self.free) @ self.maxima)[0])


def empirical(values: Sequence[ArmValue]) -> Empirical:
    """Fit the empirical model.

    **Arguments:**

    - `values`: of the trials to learn from.
    """
    from scipy.optimize import minimize  # scipy is slow to load

    columns = tuple(dict.fromkeys(name for v in values for name in _names(v)))
    usual = _usual(values)
    shapes = _Shapes(values, columns, usual)
    noise = _Noise(values)
    improvement = -np.array([v.change for v in values])
    bounds = [(np.log(low), np.log(high)) for _, _, low, high in _FREE]
    names = [name for name, _, _, _ in _FREE]
    starts = np.log([first for _, first, _, _ in _FREE])

    def named(logs: Array) -> dict[str, float]:
        return dict(zip(names, np.exp(logs).tolist(), strict=True))

    def cost(logs: Array) -> float:
        free = named(logs)
        lower = np.linalg.cholesky(_total(shapes, noise, free))
        scaled = np.asarray(np.linalg.solve(lower, improvement), np.float64)
        unlikely = np.sum(((logs - starts) / _LOOSE) ** 2)
        return float(np.sum(np.log(np.diag(lower))) + (scaled @ scaled + unlikely) / 2.0)

    found = minimize(cost, starts, method="L-BFGS-B", bounds=bounds)
    free = named(np.asarray(found.x, np.float64))
    pull = shapes.variances(free)[:, None] * shapes.table(free).T
    maxima = pull @ np.linalg.solve(_total(shapes, noise, free), improvement)
    return Empirical(free, columns, np.asarray(maxima, np.float64), usual)


def _total(shapes: _Shapes, noise: _Noise, free: dict[str, float]) -> Array:
    """Covariance of the published changes, maxima and trials averaged out."""
    table = shapes.table(free)
    placebo = table[:, shapes.columns.index("placebo")]
    return (table * shapes.variances(free)) @ table.T + noise.covariance(free, placebo)


def _names(value: ArmValue) -> list[str]:
    """Maxima that add up in an arm."""
    arm = value.arm
    found = ["placebo", f"control: {value.against}"]
    if arm.background == "new":
        found.append("new antidepressant")
    if arm.phases:
        found += ["drug", f"drug: {arm.drug} {value.route}"]
    return found


def _usual(values: Sequence[ArmValue]) -> dict[tuple[str, str, str], float]:
    amounts: dict[tuple[str, str, str], dict[tuple[str, str], float]] = {}
    for v in values:
        phase = v.phase(v.time)
        if phase is not None:  # each arm counts once, with its last dose
            key = (phase.drug, phase.route, phase.unit)
            amounts.setdefault(key, {})[v.trial, v.arm.id] = phase.amount
    return {key: float(np.median(list(arms.values()))) for key, arms in amounts.items()}


class _Shapes:
    """Courses of the maxima in some arms at their times."""

    def __init__(
        self,
        values: Sequence[ArmValue],
        columns: Sequence[str],
        usual: dict[tuple[str, str, str], float],
    ) -> None:
        self.columns = columns
        # a change from a later start is the difference of two courses
        self.parts = [(+1.0, _Course(values, [v.time for v in values], usual))]
        if any(v.start is not None for v in values):
            starts = [0.0 if v.start is None else v.start for v in values]
            self.parts.append((-1.0, _Course(values, starts, usual)))
        acts = [set(_names(v)) for v in values]
        self.acts = np.array([[name in one for name in columns] for one in acts], np.float64)

    def table(self, free: dict[str, float]) -> Array:
        """Part of each maximum that has come, shape (values, columns)."""
        total = np.zeros_like(self.acts)
        for sign, course in self.parts:
            placebo, new, drug = course.parts(free)
            which = {"new antidepressant": new}
            shape = np.column_stack(
                [which.get(n, drug if n.startswith("drug") else placebo) for n in self.columns]
            )
            total += sign * shape * self.acts
        return total

    def variances(self, free: dict[str, float]) -> Array:
        """Variance of each maximum before the data, points squared, shape (columns,)."""
        sds = [
            free["between_routes"]
            if name.startswith("drug:")
            else free["between_controls"]
            if ":" in name
            else _FLAT
            for name in self.columns
        ]
        return np.square(sds)


class _Course:
    """Days and doses behind the courses of some arms at some times, h."""

    def __init__(
        self,
        values: Sequence[ArmValue],
        times: Sequence[float],
        usual: dict[tuple[str, str, str], float],
    ) -> None:
        self.days = np.array(times) / _DAY
        since = [v.since(t) for v, t in zip(values, times, strict=True)]
        self.first = np.array([0.0 if s is None else s[0] for s in since])
        self.last = np.array([0.0 if s is None else s[1] for s in since])
        doses: list[float] = []
        for value, time in zip(values, times, strict=True):
            phase = value.phase(time)
            if phase is None:
                doses.append(0.0)
            else:
                key = (phase.drug, phase.route, phase.unit)
                doses.append(phase.amount / usual.get(key, phase.amount))
        self.doses = np.array(doses)

    def parts(self, free: dict[str, float]) -> tuple[Array, Array, Array]:
        """Courses of placebo, of a new antidepressant and of the drug, shape (values,) each."""
        placebo = 1.0 - np.exp2(-self.days / free["placebo_onset"])
        new = 1.0 - np.exp2(-self.days / free["new_onset"])
        came = 1.0 - np.exp2(-self.first / free["drug_onset"])
        left = np.exp2(-self.last / free["drug_left"])
        by_dose = self.doses / (self.doses + free["half_dose"])
        return placebo, new, came * left * by_dose


class _Noise:
    """Covariance of published changes: their errors, and what each trial adds."""

    def __init__(self, values: Sequence[ArmValue]) -> None:
        trials = np.array([v.trial for v in values])
        arms = np.array([v.arm.id for v in values])
        self.same = np.asarray(trials[:, None] == trials[None, :], np.float64)
        error = np.array([v.se for v in values])
        self.error = np.diag(error**2)
        self.visits = self.same * (arms[:, None] == arms[None, :]) * np.outer(error, error)

    def covariance(self, free: dict[str, float], placebo: Array) -> Array:
        """Covariance, points squared, shape (values, values).

        **Arguments:**

        - `free`: see `Empirical`. `placebo`: part of the placebo response that has come.
        """
        kept = free["same_patients"]
        between = free["between_trials"] ** 2 * self.same * np.outer(placebo, placebo)
        left = free["left_over"] ** 2 * np.eye(len(placebo))
        return (1.0 - kept) * self.error + kept * self.visits + between + left
