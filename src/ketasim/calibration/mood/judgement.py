"""Leave-one-trial-out: how well the chain to mood predicts a trial it has not seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim.calibration.mood.empirical import Empirical, empirical
from ketasim.calibration.mood.optimum import Optimum, between_trials, linear_step, optimum_at
from ketasim.calibration.mood.problem import PATIENTS, MoodProblem, in_frame_of
from ketasim.calibration.mood.rivals import Exponential, mean_of_similar, one_exponential
from ketasim.calibration.mood.values import ArmValue, arm_values
from ketasim.dosing import load_studies
from ketasim.evidence import Card, load_card
from ketasim.evidence.mood_training import load_mood_rows, same_people

Array = NDArray[np.float64]

NINETY: Final = 1.6448536269514722
"""Standard normal quantile of 0.95: a 90 % interval reaches so many SDs to either side."""
RIVALS: Final = ("similar", "exponential", "empirical")
"""Fields of `Unseen` and `Judged` with the rivals."""
GROUPS: Final = ("side", "window", "route", "against", "openness", "drug")
"""Fields of `Unseen` by which errors are given."""


@dataclass(frozen=True)
class Unseen:
    """A published change of an arm, or a contrast, predicted without its trial.

    **Arguments:**

    - `trial`, `arm`, `control`: where; `control` only of a contrast. `time`: h.
    - `start`: h, from when the change counts; nothing for a change from before the first dose.
    - `side`, `window`, `route`, `against`, `openness`, `drug`: groups it belongs to; `against` is
      the kind of control of the trial.
    - `published`, `predicted`: points. `se`: published standard error.
    - `sd`: of what a trial of that size would publish, points.
    - `similar`, `exponential`, `empirical`: the rivals' predictions.
    """

    trial: str
    arm: str
    control: str | None
    time: float
    start: float | None
    side: str
    window: str
    route: str
    against: str
    openness: str
    drug: str
    published: float
    se: float
    predicted: float
    sd: float
    similar: float
    exponential: float
    empirical: float

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
    - `similar`, `exponential`, `empirical`: mean absolute errors of the rivals.
    - `noise`: mean absolute error of a perfect prediction, from the published standard errors.
    - `by_trial`: error of the model and of the rivals, in that order, where every trial counts
      once, points.
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
    empirical: float
    noise: float
    by_trial: tuple[float, float, float, float]

    @property
    def rival(self) -> float:
        """Smallest error of a rival over the group, points."""
        return min(self.similar, self.exponential, self.empirical)

    @property
    def gain(self) -> float:
        """Part by which the error is smaller than that of the best rival."""
        return 1.0 - self.error / self.rival


@dataclass(frozen=True)
class LeftOut:
    """A trial left out by the linear step.

    **Arguments:**

    - `trial`: key. `moved`: how far the numbers go without it, in SDs of their uncertainty.
    - `arms`, `contrasts`: its changes and contrasts, predicted from the others.
    """

    trial: str
    moved: float
    arms: tuple[Unseen, ...]
    contrasts: tuple[Unseen, ...]


@dataclass(frozen=True)
class _Rivals:
    """What the rivals learn from the other trials."""

    others: Sequence[ArmValue]
    exponential: Exponential
    empirical: Empirical

    def of(self, value: ArmValue) -> dict[str, float]:
        """Their predictions of a change."""
        return {
            "similar": mean_of_similar(value, self.others),
            "exponential": self.exponential.change(value),
            "empirical": self.empirical.change(value),
        }


def hidden_with(trial: str) -> tuple[str, ...]:
    """A trial and those that hold the same people: they are left out together."""
    return trial, *same_people(trial)


def leave_one_out(
    problem: MoodProblem, optimum: Optimum, progress: Callable[[str], None] | None = None
) -> tuple[LeftOut, ...]:
    """Predict every trial with published changes from all others.

    The numbers move from the optimum by what the trial's rows had moved them, by the derivatives
    found there, and the chain is solved anew; between-trial variability is estimated anew too. The
    rivals learn from the changes of the same other trials.

    **Returns:** for each trial the changes of arms, and the contrasts drug minus control.
    """
    values = arm_values(problem.rows, problem.world.designs)
    found: list[LeftOut] = []
    for trial in problem.trials:
        own = {i: v for i, v in values.items() if v.trial == trial}
        hidden = hidden_with(trial)
        others = [v for v in values.values() if v.trial not in hidden]
        if not own or not others:
            continue
        if progress is not None:
            progress(f"without {trial}")
        rivals = _Rivals(others, one_exponential(others), empirical(others))
        centre, covariance, moved = _without(problem, optimum, hidden)
        arms = _arms(own, rivals, centre, covariance)
        found.append(LeftOut(trial, moved, arms, _contrasts(own, rivals, centre, covariance)))
    return tuple(found)


def judge_mood(
    card: Card,
    *,
    patients: int = PATIENTS,
    seed: int = 1,
    progress: Callable[[str], None] | None = None,
) -> tuple[tuple[Unseen, ...], tuple[Unseen, ...]]:
    """Predict every trial with published changes from the others, at a fitted card.

    As `calibrate_mood` judges itself, without the fit: the derivatives are taken at the numbers of
    the card, the trials' effects follow from them.

    **Arguments:**

    - `card`: such as the card `mood`. `patients`, `seed`: as of `calibrate_mood`.
    - `progress`: told which trial is left out.

    **Returns:** changes of arms, and contrasts drug minus control.
    """
    rows = [row for row in load_mood_rows() if row.fitted]
    prior = load_card("mood_prior")
    problem = MoodProblem(prior, load_studies(), rows, patients, seed)
    numbers = in_frame_of(card.values(), prior)
    left_out = leave_one_out(problem, optimum_at(problem, numbers, progress), progress)
    return (
        tuple(one for trial in left_out for one in trial.arms),
        tuple(one for trial in left_out for one in trial.contrasts),
    )


def _without(
    problem: MoodProblem, optimum: Optimum, hidden: Sequence[str]
) -> tuple[Array, Array, float]:
    """Predictions of all rows without some trials, their covariance, and how far numbers move.

    The covariance is that of what would be published, the distance in SDs of the uncertainty.
    """
    out = [problem.trials.index(t) for t in hidden if t in problem.trials]
    kept = ~np.isin(problem.trial_of, out)
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
    step = less - whole
    moved = float(np.sqrt(step @ np.linalg.solve(optimum.covariance, step)))
    return centre, optimum.jacobian @ covariance @ optimum.jacobian.T + total, moved


def _arms(
    own: Mapping[int, ArmValue], rivals: _Rivals, centre: Array, covariance: Array
) -> tuple[Unseen, ...]:
    return tuple(
        Unseen(
            trial=value.trial,
            arm=value.arm.id,
            control=None,
            time=value.time,
            start=value.start,
            side=value.side,
            window=value.window,
            route=value.route,
            against=value.against,
            openness=value.openness,
            drug=value.arm.drug or "none",
            published=value.change,
            se=value.se,
            predicted=float(centre[i]),
            sd=float(np.sqrt(covariance[i, i])),
            **rivals.of(value),
        )
        for i, value in own.items()
    )


def pairs(own: Mapping[int, ArmValue]) -> list[tuple[int, int]]:
    """Rows of drug and control of a trial at the same time, counted from the same time.

    **Arguments:**

    - `own`: position of each row to its value.
    """
    return [
        (i, j)
        for i, drug in own.items()
        for j, control in own.items()
        if drug.side == "drug"
        and control.side == "control"
        and (drug.time, drug.start) == (control.time, control.start)
        and not drug.arm.open
    ]


def _contrasts(
    own: Mapping[int, ArmValue], rivals: _Rivals, centre: Array, covariance: Array
) -> tuple[Unseen, ...]:
    found: list[Unseen] = []
    for i, j in pairs(own):
        drug, control = own[i], own[j]
        with_drug, with_control = rivals.of(drug), rivals.of(control)
        variance = covariance[i, i] + covariance[j, j] - 2 * covariance[i, j]
        found.append(
            Unseen(
                trial=drug.trial,
                arm=drug.arm.id,
                control=control.arm.id,
                time=drug.time,
                start=drug.start,
                side="contrast",
                window=drug.window,
                route=drug.route,
                against=control.against,
                openness=drug.openness,
                drug=drug.arm.drug or "none",
                published=drug.change - control.change,
                se=float(np.hypot(drug.se, control.se)),
                predicted=float(centre[i] - centre[j]),
                sd=float(np.sqrt(variance)),
                **{name: with_drug[name] - with_control[name] for name in RIVALS},
            )
        )
    return tuple(found)


def judged(unseen: Sequence[Unseen]) -> tuple[Judged, ...]:
    """Errors over all values, and by each of `GROUPS`."""
    groups: dict[tuple[str, str], list[Unseen]] = {("all", "all"): list(unseen)}
    for by in GROUPS:
        for one in unseen:
            groups.setdefault((by, getattr(one, by)), []).append(one)
    return tuple(_judged(by, group, members) for (by, group), members in groups.items())


def _judged(by: str, group: str, members: Sequence[Unseen]) -> Judged:
    published = np.array([m.published for m in members])
    trials = sorted({m.trial for m in members})
    places = [[i for i, m in enumerate(members) if m.trial == t] for t in trials]
    names = ("predicted", *RIVALS)
    gaps = {n: np.abs(np.array([getattr(m, n) for m in members]) - published) for n in names}
    error, similar, exponential, field = (float(gaps[n].mean()) for n in names)
    once = [float(np.mean([gaps[n][place].mean() for place in places])) for n in names]
    return Judged(
        by=by,
        group=group,
        n=len(members),
        trials=len(trials),
        error=error,
        bias=float(np.mean([m.predicted for m in members] - published)),
        coverage=float(np.mean([m.inside for m in members])),
        width=float(np.mean([m.high - m.low for m in members])),
        similar=similar,
        exponential=exponential,
        empirical=field,
        noise=float(np.mean([m.se for m in members]) * np.sqrt(2.0 / np.pi)),
        by_trial=(once[0], once[1], once[2], once[3]),
    )
