"""Leave-one-trial-out: how well the chain to mood predicts a trial it has not seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.calibration.mood.optimum import Optimum, between_trials, linear_step
from ketasim.calibration.mood.problem import MoodProblem
from ketasim.calibration.mood.rivals import (
    WINDOW_NAMES,
    ArmValue,
    kind_of,
    mean_of_similar,
    one_exponential,
)
from ketasim.evidence.mood_training import same_people

Array = NDArray[np.float64]

NINETY = 1.6448536269514722
"""Standard normal quantile of 0.95: a 90 % interval reaches so many SDs to either side."""


@dataclass(frozen=True)
class Unseen:
    """A published change of an arm, or a contrast, predicted without its trial.

    **Arguments:**

    - `trial`, `arm`, `control`: where; `control` only of a contrast. `time`: h.
    - `kind`, `drug`, `window`, `side`: groups it belongs to.
    - `published`, `predicted`: points. `se`: published standard error.
    - `sd`: of what a trial of that size would publish, points.
    - `similar`, `exponential`: the two rivals' predictions.
    """

    trial: str
    arm: str
    control: str | None
    time: float
    kind: str
    drug: str
    window: str
    side: str
    published: float
    se: float
    predicted: float
    sd: float
    similar: float
    exponential: float

    @property
    def low(self) -> float:
        """Lower end of the 90 % prediction interval."""
        return self.predicted - NINETY * self.sd

    @property
    def high(self) -> float:
        """Upper end of the 90 % prediction interval."""
        return self.predicted + NINETY * self.sd

    @property
    def inside(self) -> bool:
        """Whether the published value lies in the interval."""
        return self.low <= self.published <= self.high


@dataclass(frozen=True)
class Judged:
    """Errors over a group of unseen values.

    **Arguments:**

    - `by`, `group`: which. `n`: values. `trials`: they come from.
    - `error`: mean absolute error, points. `bias`: mean of predicted less published.
    - `coverage`: of the 90 % intervals. `width`: their mean width, points.
    - `similar`, `exponential`: mean absolute errors of the rivals.
    - `noise`: mean absolute error of a perfect prediction, from the published standard errors.
    - `by_trial`: error of the model and of the two rivals where every trial counts once, points.
    """

    by: str
    group: str
    n: int
    trials: int
    error: float
    bias: float
    coverage: float
    width: float
    similar: float
    exponential: float
    noise: float
    by_trial: tuple[float, float, float]


def leave_one_out(
    problem: MoodProblem, optimum: Optimum, progress: Callable[[str], None] | None = None
) -> tuple[tuple[Unseen, ...], tuple[Unseen, ...]]:
    """Predict every trial with published changes from all others.

    The numbers move from the optimum by what the trial's rows had moved them, by the derivatives
    found there, and the chain is solved anew; between-trial variability is estimated anew too.

    **Returns:** changes of arms, and contrasts drug minus control of the same trials.
    """
    values = {i: v for i, v in enumerate(_values(problem)) if v is not None}
    arms: list[Unseen] = []
    contrasts: list[Unseen] = []
    for trial in problem.trials:
        own = [i for i, v in values.items() if v.trial == trial]
        if not own:
            continue
        if progress is not None:
            progress(f"without {trial}")
        others = [v for v in values.values() if v.trial != trial]
        centre, covariance = _without(problem, optimum, trial)
        arms += _arms(values, own, others, centre, covariance)
        contrasts += _contrasts(values, own, others, centre, covariance)
    return tuple(arms), tuple(contrasts)


def _without(problem: MoodProblem, optimum: Optimum, trial: str) -> tuple[Array, Array]:
    """Predictions of all rows without a trial, and the covariance of what would be published."""
    hidden = [t for t in (trial, *same_people(trial)) if t in problem.trials]
    kept = ~np.isin(problem.trial_of, [problem.trials.index(t) for t in hidden])
    taus = between_trials(
        problem,
        optimum.point,
        optimum.jacobian,
        optimum.columns,
        optimum.sampling,
        optimum.taus,
        kept,
    )
    parts = (
        linear_step(
            problem,
            optimum.point,
            optimum.jacobian,
            optimum.columns,
            optimum.sampling,
            spread,
            rows,
        )
        for spread, rows in ((optimum.taus, None), (taus, kept))
    )
    (whole, _, _), (less, effects, covariance) = parts
    point = problem.at(optimum.point.vector + less - whole, effects)
    alone = problem.with_effects(point, np.zeros_like(point.effects))
    columns = problem.trial_columns(alone)
    total = optimum.sampling + problem.between(columns, taus)
    centre = problem.expected(alone, taus)
    return centre, optimum.jacobian @ covariance @ optimum.jacobian.T + total


def _arms(
    values: dict[int, ArmValue],
    own: Sequence[int],
    others: Sequence[ArmValue],
    centre: Array,
    covariance: Array,
) -> list[Unseen]:
    rival = one_exponential(others)
    return [
        Unseen(
            trial=values[i].trial,
            arm=values[i].arm.id,
            control=None,
            time=values[i].time,
            kind=values[i].kind,
            drug=values[i].arm.drug or "none",
            window=WINDOW_NAMES[values[i].window],
            side="control" if values[i].arm.control else "drug",
            published=values[i].change,
            se=values[i].se,
            predicted=float(centre[i]),
            sd=float(np.sqrt(covariance[i, i])),
            similar=mean_of_similar(values[i], others),
            exponential=rival.change(values[i]),
        )
        for i in own
    ]


def _contrasts(
    values: dict[int, ArmValue],
    own: Sequence[int],
    others: Sequence[ArmValue],
    centre: Array,
    covariance: Array,
) -> list[Unseen]:
    rival = one_exponential(others)
    found: list[Unseen] = []
    for i in own:
        for j in own:
            drug, control = values[i], values[j]
            if drug.arm.control or not control.arm.control or drug.time != control.time:
                continue
            variance = covariance[i, i] + covariance[j, j] - 2 * covariance[i, j]
            found.append(
                Unseen(
                    trial=drug.trial,
                    arm=drug.arm.id,
                    control=control.arm.id,
                    time=drug.time,
                    kind=f"{kind_of(drug.arm)} against {kind_of(control.arm)}",
                    drug=drug.arm.drug or "none",
                    window=WINDOW_NAMES[drug.window],
                    side="contrast",
                    published=drug.change - control.change,
                    se=float(np.hypot(drug.se, control.se)),
                    predicted=float(centre[i] - centre[j]),
                    sd=float(np.sqrt(variance)),
                    similar=mean_of_similar(drug, others) - mean_of_similar(control, others),
                    exponential=rival.change(drug) - rival.change(control),
                )
            )
    return found


def _values(problem: MoodProblem) -> list[ArmValue | None]:
    arms = {d.key: d.arm for d in problem.world.designs}
    return [
        ArmValue(row.trial, arms[row.trial, row.arm], row.time, row.value, row.se)
        if row.metric == "change" and row.time is not None and row.se is not None
        else None
        for row in problem.rows
    ]


def judged(unseen: Sequence[Unseen]) -> tuple[Judged, ...]:
    """Errors over all values, and by side, kind of arm, drug and time."""
    groups: dict[tuple[str, str], list[Unseen]] = {("all", "all"): list(unseen)}
    for one in unseen:
        for by in ("side", "kind", "drug", "window"):
            groups.setdefault((by, getattr(one, by)), []).append(one)
    return tuple(_judged(by, group, members) for (by, group), members in groups.items())


def _judged(by: str, group: str, members: Sequence[Unseen]) -> Judged:
    published = np.array([m.published for m in members])

    places = [
        [i for i, m in enumerate(members) if m.trial == t] for t in {m.trial for m in members}
    ]

    def once(name: str) -> float:
        gaps = np.abs([getattr(m, name) for m in members] - published)
        return float(np.mean([gaps[place].mean() for place in places]))

    def error(name: str) -> float:
        return float(np.mean(np.abs([getattr(m, name) for m in members] - published)))

    return Judged(
        by=by,
        group=group,
        n=len(members),
        trials=len({m.trial for m in members}),
        error=error("predicted"),
        bias=float(np.mean([m.predicted for m in members] - published)),
        coverage=float(np.mean([m.inside for m in members])),
        width=float(np.mean([m.high - m.low for m in members])),
        similar=error("similar"),
        exponential=error("exponential"),
        noise=float(np.mean([m.se for m in members]) * np.sqrt(2.0 / np.pi)),
        by_trial=(once("predicted"), once("similar"), once("exponential")),
    )
