"""What the chain to mood predicts for the rows of the training table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtri

from ketasim.calibration.mood.world import ArmDesign, MoodWorld, relapse_end, times_of
from ketasim.dosing import Trial
from ketasim.evidence.mood_training import DAYS, FOLLOWED, OF_ENTERED, MoodRow
from ketasim.population import (
    HALF_POINT,
    VisitNoise,
    chain_scores,
    correlated,
    mood_values,
    remission_chance,
    response_chance,
    session_answers,
    session_weights,
    still_well,
)

Array = NDArray[np.float64]
States = Sequence[Mapping[str, Array]]

_DAY = 24.0
REMISSION = 10.0
"""Points of remission where a trial does not say it (formats of the trial files)."""


@dataclass(frozen=True)
class TrialEffect:
    """How a trial differs from the others.

    **Arguments:**

    - `early`: added where expectation acts. `late`: added to the natural course.
    - `drug`: part of the drug's effect that is added to it; -1 takes it away.
    """

    early: float = 0.0
    late: float = 0.0
    drug: float = 0.0


NO_EFFECT = TrialEffect()


@dataclass(frozen=True)
class ArmScores:
    """Scores of an arm's patients, each as all kinds of patient: helped by a treatment, or never.

    **Arguments:**

    - `times`: h. `baseline`: points, shape (kN,). `scores`: points, shape (kN, T).
    - `weights`: of the patients, shape (kN,), sum 1.
    - `noise`: within a patient.
    """

    times: Array
    baseline: Array
    scores: Array
    weights: Array
    noise: VisitNoise

    def at(self, time: float) -> Array:
        """Scores at a time, shape (kN,)."""
        return self.scores[:, int(np.searchsorted(self.times, time - 1e-9))]

    def mean(self, values: Array) -> float:
        """Weighted mean over the patients."""
        return float(self.weights @ values)

    def sd(self, values: Array, time: float) -> float:
        """Weighted SD over the patients of what is rated at a time, by its values without noise."""
        middle = self.mean(values)
        noise = float(self.noise.covariance(time, time))
        return float(np.sqrt(self.weights @ (values - middle) ** 2 + noise))


def arm_scores(
    design: ArmDesign,
    states: Mapping[str, Array],
    effects: Mapping[str, Array],
    turns: Array,
    numbers: Mapping[str, float],
    shift: TrialEffect = NO_EFFECT,
    reference: Mapping[str, float] | None = None,
) -> ArmScores:
    """Scores of an arm's patients.

    **Main arguments:**

    - `design`, `states`: of the arm. `effects`: of its N patients. `turns`: as of `MoodWorld`.
    - `numbers`: of the card `mood`.

    **Other arguments:**

    - `shift`: how the trial differs.
    - `reference`: numbers of which the shift of the drug's effect is a part; `numbers` when left
      out.
    """
    values = mood_values(numbers, effects, design.situation, design.baseline)
    left = numbers["f_old"] if design.situation.older else 1.0
    z = correlated(numbers, effects)["sens"]
    values["sens"] = left * np.exp(numbers["omega_sens"] * z)
    # the shift is a part of the drug's effect as it was, so that it draws neither arm up or down
    was = reference or numbers
    values |= {arm: numbers[arm] + shift.drug * was[arm] for arm in ("e_A", "e_S")}
    values["e_N"] = values["e_N"] + shift.late
    values["e_P"] = values["e_P"] + shift.early
    new = numbers["e_O"] * left if design.situation.new_antidepressant else 0.0
    values["e_O"] = new * np.exp(numbers["omega_O"] * effects["e_O"])
    parts: list[Array] = []
    weights: list[float] = []
    sessions = design.sessions
    blend = session_weights(design.times, sessions, decay=numbers["kA"], rise=numbers["kG"])
    # each patient once for each turn of what the sessions bring
    answers = [
        values["e_A"] * (session_answers(numbers["omega_A"], normals[:, : len(sessions)]) @ blend)
        for normals in (turns if sessions else turns[:1])
    ]
    for absent, weight in _mixture(design, numbers):
        own = {**values, **dict.fromkeys(absent, 0.0)}
        ways = answers[:1] if "sens" in absent else answers
        for e_a in ways:
            parts.append(chain_scores({**own, "e_A": e_a}, states))
            weights.append(weight / len(ways))
    n = len(design.baseline)
    return ArmScores(
        design.times,
        np.tile(design.baseline, len(parts)),
        np.vstack(parts),
        np.repeat(np.array(weights) / n, n),
        VisitNoise.of(numbers),
    )


def _mixture(
    design: ArmDesign, numbers: Mapping[str, float]
) -> list[tuple[tuple[str, ...], float]]:
    """Kinds of patients: whom the drug or a new antidepressant never helps, and their shares."""
    kinds: list[tuple[tuple[str, ...], float]] = [((), 1.0)]
    for symbol, share, acts in (
        ("sens", numbers["share_none"], design.arm.control is None),
        ("e_O", numbers["share_none_O"], design.situation.new_antidepressant),
    ):
        if acts:
            kinds = [
                one
                for absent, weight in kinds
                for one in (
                    (absent, weight * (1.0 - share)),
                    ((*absent, symbol), weight * share),
                )
            ]
    return kinds


def predicted(row: MoodRow, arms: Mapping[tuple[str, str], ArmScores], world: MoodWorld) -> float:
    """Prediction of a row, in its own unit.

    **Arguments:**

    - `row`: of the training table. `arms`: scores by trial and arm. `world`: of the arms.
    """
    arm = arms[row.trial, row.arm]
    if row.metric in FOLLOWED or row.metric in DAYS:
        return _relapse(row, arm, world)
    assert row.time is not None
    if row.metric in OF_ENTERED:
        return _of_entered(row, arm)
    score = arm.at(row.time)
    if row.metric == "change":
        return arm.mean(score - arm.baseline)
    if row.metric == "sd_change":
        return arm.sd(score - arm.baseline, row.time)
    if row.metric == "sd_score":
        return arm.sd(score, row.time)
    if row.metric in ("contrast", "cohen_d"):
        assert row.control is not None
        other = arms[row.trial, row.control]
        against = other.at(row.time)
        gap = arm.mean(score - arm.baseline) - other.mean(against - other.baseline)
        if row.metric == "contrast":
            return gap
        spread = np.sqrt((arm.sd(score, row.time) ** 2 + other.sd(against, row.time) ** 2) / 2.0)
        return float(-gap / spread)
    return arm.mean(_share(row, arm, score))


@dataclass(frozen=True)
class PairNoise:
    """What two ratings of a patient differ by beside the course of the model.

    **Arguments:**

    - `first`, `second`: SDs at the two visits, points. `correlation`: of the two.
    """

    first: float
    second: float
    correlation: float

    @classmethod
    def of(cls, noise: VisitNoise, first: float, second: float) -> PairNoise:
        """Noise of the ratings at two visits.

        **Arguments:**

        - `noise`: the law. `first`, `second`: h, after the rating before treatment.
        """
        sds = (float(noise.sd(first)), float(noise.sd(second)))
        return cls(*sds, float(noise.covariance(first, second)) / (sds[0] * sds[1]))


def of_entered(
    gain: Array, room: Array, weights: Array, noise: PairNoise, *, from_entry: bool
) -> tuple[float, float]:
    """Mean and SD of a rated change among those who entered by a low rating at a first visit.

    Among them the noise of that visit is a normal one cut off from above: they are not as well as
    they were rated. A later rating keeps as much of it as the two visits are correlated.

    **Arguments:**

    - `gain`: change without noise until the second visit, points, shape (n,).
    - `room`: highest rating that enters minus the score without noise at the first visit, points,
      shape (n,).
    - `weights`: of the patients, shape (n,), sum 1. `noise`: of the two visits.
    - `from_entry`: the change counts from the rating of the first visit, not from one before.

    **Returns:** points; the SD is that between patients, their noise included.
    """
    cut = room / noise.first
    log_chance = log_ndtr(cut)
    # mean of a standard normal number below the cut, and of its square
    low = -np.exp(-(cut**2) / 2.0 - log_chance) / np.sqrt(2.0 * np.pi)
    square = 1.0 + cut * low
    kept = noise.correlation * noise.second - (noise.first if from_entry else 0.0)
    rest = noise.second**2 * (1.0 - noise.correlation**2)
    # chances may be too small to be numbers, their ratios are not
    share = weights * np.exp(log_chance - log_chance.max())
    share = share / share.sum()
    mean = float(share @ (gain + kept * low))
    second = float(share @ (gain**2 + 2.0 * gain * kept * low + kept**2 * square + rest))
    return mean, float(np.sqrt(max(second - mean**2, 0.0)))


def _of_entered(row: MoodRow, arm: ArmScores) -> float:
    assert row.time is not None and row.start is not None
    from_entry = row.metric.endswith("from_phase")
    early, late = arm.at(row.start), arm.at(row.time)
    mean, sd = of_entered(
        late - (early if from_entry else arm.baseline),
        (1.0 - (row.threshold or 0.5)) * arm.baseline - early,
        arm.weights,
        PairNoise.of(arm.noise, row.start, row.time),
        from_entry=from_entry,
    )
    return sd if row.metric.startswith("sd_") else mean


def _share(row: MoodRow, arm: ArmScores, score: Array) -> Array:
    """Chance of each patient to count in a share."""
    assert row.time is not None
    sd = arm.noise.sd(row.time)
    if row.metric == "remission":
        assert row.threshold is not None
        return remission_chance(score, row.threshold, sd)
    fraction = 0.3 if row.metric == "response30" else (row.threshold or 0.5)
    return response_chance(score, arm.baseline, sd, fraction)


def _relapse(row: MoodRow, arm: ArmScores, world: MoodWorld) -> float:
    trial = next(d.trial for d in world.designs if d.trial.key == row.trial)
    times = times_of(row, trial)
    columns = np.searchsorted(arm.times, times - 1e-9)
    entry, lost, visits = _limits(row, trial)
    first, both = still_well(
        arm.scores[:, columns],
        arm.baseline,
        arm.noise,
        times,
        entry=entry,
        lost=lost,
        visits=visits,
    )
    well = (arm.weights @ both) / max(float(arm.weights @ first), 1e-12)
    if row.metric in ("no_relapse", "sustained_response"):
        return float(well[-1])
    if row.metric == "relapse":
        return float(1.0 - well[-1])
    days = (times - (row.start or 0.0)) / _DAY
    if row.metric == "days_to_relapse_mean":
        end = (relapse_end(row, trial) - (row.start or 0.0)) / _DAY
        assert abs(days[-1] - end) < 1e-6
        return float(days[0] + np.trapezoid(well, days))
    if well[-1] > 0.5:  # beyond what was followed, at the last rate of loss
        rate = -np.log(max(well[-1], 1e-9) / well[0]) / (days[-1] - days[0])
        return float(days[-1] + np.log(well[-1] / 0.5) / max(rate, 1e-6))
    return float(np.interp(0.5, well[::-1], days[::-1]))


def _limits(row: MoodRow, trial: Trial) -> tuple[float | None, float | None, int]:
    """Points of entry and of relapse by the trial, nothing for half the score; visits in a row."""
    for one in trial.assessments:
        if one.relapse is None or "relapse" not in one.metrics or row.arm not in one.arms:
            continue
        cut = one.remission_at_most if one.remission_at_most is not None else REMISSION
        entry = cut + HALF_POINT if one.of == "remitters" else None
        points = one.relapse.score_at_least
        return entry, None if points is None else points - HALF_POINT, one.relapse.visits
    return None, None, 1


def contributions(row: MoodRow, arm: ArmScores) -> tuple[Array, float, float] | None:
    """What each patient adds to a mean or share, and what the noise of the ratings adds.

    **Returns:** the values of the patients; how much one SD of the noise of a patient's rating
    moves it (see `visit_noise`); and the variance that is left. Nothing for rows that are not a
    mean over the patients of one arm.
    """
    if row.control is not None or row.time is None:
        return None
    if row.metric not in ("change", "response", "remission", "response30"):
        return None
    score = arm.at(row.time)
    if row.metric == "change":
        return score - arm.baseline, float(arm.noise.sd(row.time)), 0.0
    chance = _share(row, arm, score)
    # of a yes or no, the slope by the noise is the density where the chance is
    density = np.exp(-(ndtri(np.clip(chance, 1e-12, 1 - 1e-12)) ** 2) / 2.0) / np.sqrt(2.0 * np.pi)
    load = -arm.mean(density)
    return chance, load, max(arm.mean(chance * (1.0 - chance)) - load**2, 0.0)


def visit_noise(rows: Sequence[MoodRow], arm: ArmScores) -> Array:
    """Correlation of the noise of a patient's ratings at the times of some rows.

    **Arguments:**

    - `rows`: for which `contributions` are there. `arm`: of the rows.

    **Returns:** shape (rows, rows).
    """
    times = np.array([row.time for row in rows], np.float64)
    covariance = arm.noise.covariance(times[:, None], times[None, :])
    sd = np.maximum(arm.noise.sd(times), 1e-12)
    return covariance / np.outer(sd, sd)
