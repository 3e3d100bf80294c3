"""Ten trials left out by fitting everything anew, beside the linear step.

Which ten: the five with the latest change of an arm (more values, then the name, decide between
equals), where the linear step has the longest way to go in time; and of the rest the five without
which it moves the numbers most, where it is most likely to be wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from ketasim.calibration.mood.judgement import NINETY, LeftOut, Unseen, hidden_with, pairs
from ketasim.calibration.mood.optimum import MOST_STEPS, optimise
from ketasim.calibration.mood.problem import MoodProblem
from ketasim.calibration.mood.processes import Done, Job, package_stamp, worked
from ketasim.calibration.mood.values import arm_values
from ketasim.dosing import load_studies
from ketasim.evidence import load_card
from ketasim.evidence.mood_training import MoodRow, load_mood_rows

LONGEST: Final = 5
"""How many of the trials are those followed longest."""
FARTHEST: Final = 5
"""How many are those without which the numbers move most."""


@dataclass(frozen=True)
class Refitted:
    """An unseen value by the linear step and by a full refit.

    **Arguments:**

    - `trial`, `arm`, `control`, `time`, `start`, `published`, `se`: as of `Unseen`.
    - `chosen`: why its trial is among the ten: `followed longest` or `moves the numbers most`.
    - `linear`, `linear_sd`: predicted by the linear step, and SD of what a trial of that size
      would publish, points.
    - `full`, `full_sd`: the same by a fit without the trial.
    - `steps`: of that fit.
    """

    trial: str
    arm: str
    control: str | None
    time: float
    start: float | None
    chosen: str
    published: float
    se: float
    linear: float
    linear_sd: float
    full: float
    full_sd: float
    steps: int

    @property
    def inside(self) -> bool:
        """Whether the published value lies in the 90 % interval of the full refit."""
        return abs(self.published - self.full) <= NINETY * self.full_sd


@dataclass(frozen=True)
class RefitSummary:
    """How far the linear step and the full refits differ.

    **Arguments:**

    - `name`: arms or contrasts. `n`, `trials`: how many.
    - `differ`, `most`: mean and largest absolute difference of the two predictions, points.
    - `in_sds`: mean of that difference over the SD of the linear step.
    - `linear`, `full`: mean absolute errors, points.
    - `linear_inside`, `full_inside`: coverage of the 90 % intervals.
    - `linear_width`, `full_width`: mean widths of these, points.
    """

    name: str
    n: int
    trials: int
    differ: float
    most: float
    in_sds: float
    linear: float
    full: float
    linear_inside: float
    full_inside: float
    linear_width: float
    full_width: float


def trials_to_refit(left_out: Sequence[LeftOut]) -> dict[str, str]:
    """Choose the ten trials by the rule of this module.

    **Arguments:**

    - `left_out`: every trial, left out by the linear step.

    **Returns:** trial to why it was chosen.
    """
    by_time = sorted(left_out, key=lambda o: (-max(a.time for a in o.arms), -len(o.arms), o.trial))
    longest = by_time[:LONGEST]
    rest = sorted(by_time[LONGEST:], key=lambda o: (-o.moved, o.trial))
    return dict.fromkeys([o.trial for o in longest], "followed longest") | dict.fromkeys(
        [o.trial for o in rest[:FARTHEST]], "moves the numbers most"
    )


def refit_trials(
    left_out: Sequence[LeftOut],
    *,
    patients: int,
    seed: int,
    kept: Path | None = None,
    known: Mapping[str, Done] | None = None,
    workers: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> tuple[Refitted, ...]:
    """Leave the ten trials out by a full refit each, from the start of the calibration.

    **Main arguments:**

    - `left_out`: every trial, left out by the linear step.

    **Other arguments:**

    - `patients`, `seed`: as of `calibrate_mood`.
    - `known`: refits that were done elsewhere, by trial; then none is done here.
    - `kept`, `workers`, `progress`: see `worked`.
    """
    chosen = trials_to_refit(left_out)
    done = known
    if done is None:
        done = worked(
            refit,
            {t: {"trial": t, "patients": patients, "seed": seed} for t in chosen},
            stamp=f"{package_stamp()} {patients} {seed}",
            kept=kept,
            workers=workers,
            progress=None if progress is None else lambda text: progress(f"full refits: {text}"),
        )
    found: list[Refitted] = []
    for one in left_out:
        if one.trial in chosen:
            full = {_key(v): v for v in done[one.trial]["values"]}
            found += [
                _beside(v, full[_key(asdict(v))], chosen[one.trial], done[one.trial]["steps"])
                for v in (*one.arms, *one.contrasts)
            ]
    return tuple(found)


def _beside(one: Unseen, full: dict[str, Any], chosen: str, steps: int) -> Refitted:
    return Refitted(
        one.trial,
        one.arm,
        one.control,
        one.time,
        one.start,
        chosen,
        one.published,
        one.se,
        one.predicted,
        one.sd,
        full["predicted"],
        full["sd"],
        steps,
    )


def _key(value: dict[str, Any]) -> tuple[Any, ...]:
    return value["arm"], value["control"], value["time"], value["start"]


def fitted_rows() -> list[MoodRow]:
    """Rows of the training table that enter the fit."""
    return [row for row in load_mood_rows() if row.fitted]


def refit(job: Job) -> Done:
    """Fit without a trial and predict it; work of a process of its own.

    **Arguments:**

    - `job`: `trial`, `patients` and `seed`, as of `without_trial`.
    """
    return without_trial(fitted_rows(), job["trial"], job["patients"], job["seed"])


def without_trial(
    rows: Sequence[MoodRow],
    trial: str,
    patients: int,
    seed: int,
    *,
    most_steps: int = MOST_STEPS,
) -> Done:
    """Fit all rows but those of a trial and predict its changes and contrasts.

    **Main arguments:**

    - `rows`: of all trials. `trial`: key; trials with the same people are left out with it.
    - `patients`, `seed`: as of `calibrate_mood`.

    **Other arguments:**

    - `most_steps`: of the fit.

    **Returns:** `values`, each with arm, control, time, start, predicted and sd; `steps`.
    """
    prior, trials = load_card("mood_prior"), load_studies()
    hidden = hidden_with(trial)
    less = MoodProblem(prior, trials, [r for r in rows if r.trial not in hidden], patients, seed)
    optimum = optimise(less, most_steps=most_steps)
    own = [r for r in rows if r.trial == trial]
    problem = MoodProblem(prior, trials, own, patients, seed)
    problem.reference = less.reference
    point = problem.at(optimum.point.vector)
    centre = problem.expected(point, optimum.taus)
    jacobian = problem.jacobian(point)
    covariance = jacobian @ optimum.covariance @ jacobian.T + problem.sampling(point)
    covariance += problem.between(problem.trial_columns(point), optimum.taus)
    values = arm_values(own, problem.world.designs)
    found: list[dict[str, Any]] = [
        {
            "arm": v.arm.id,
            "control": None,
            "time": v.time,
            "start": v.start,
            "predicted": float(centre[i]),
            "sd": float(np.sqrt(covariance[i, i])),
        }
        for i, v in values.items()
    ]
    for i, j in pairs(values):
        variance = covariance[i, i] + covariance[j, j] - 2 * covariance[i, j]
        found.append(
            {
                "arm": values[i].arm.id,
                "control": values[j].arm.id,
                "time": values[i].time,
                "start": values[i].start,
                "predicted": float(centre[i] - centre[j]),
                "sd": float(np.sqrt(variance)),
            }
        )
    return {"values": found, "steps": optimum.steps}


def refit_summary(refits: Sequence[Refitted]) -> tuple[RefitSummary, ...]:
    """Compare the linear step with the full refits, changes of arms and contrasts apart."""
    found: list[RefitSummary] = []
    for name, members in (
        ("Changes of arms", [r for r in refits if r.control is None]),
        ("Contrasts", [r for r in refits if r.control is not None]),
    ):
        if not members:
            continue
        published = np.array([r.published for r in members])
        linear, full = (np.array([getattr(r, n) for r in members]) for n in ("linear", "full"))
        sds = {n: np.array([getattr(r, n) for r in members]) for n in ("linear_sd", "full_sd")}
        gap = np.abs(linear - full)
        found.append(
            RefitSummary(
                name,
                len(members),
                len({r.trial for r in members}),
                float(gap.mean()),
                float(gap.max()),
                float((gap / sds["linear_sd"]).mean()),
                float(np.abs(linear - published).mean()),
                float(np.abs(full - published).mean()),
                float((np.abs(linear - published) <= NINETY * sds["linear_sd"]).mean()),
                float(np.mean([r.inside for r in members])),
                float(2 * NINETY * sds["linear_sd"].mean()),
                float(2 * NINETY * sds["full_sd"].mean()),
            )
        )
    return tuple(found)
