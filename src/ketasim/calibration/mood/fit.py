"""The calibration of the chain to mood on the published trials: a model-based meta-analysis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ketasim.__about__ import __version__
from ketasim._base import Headline, HeadlineRow, Result
from ketasim._base.headline import plain, share
from ketasim._base.result import csv, later, saved
from ketasim.calibration.mood.judgement import Unseen, leave_one_out
from ketasim.calibration.mood.mechanism import INFUSION, mechanism_curves
from ketasim.calibration.mood.optimum import Optimum, optimise
from ketasim.calibration.mood.problem import (
    BETWEEN_TRIALS,
    PATIENTS,
    WITH_THE_BURST,
    MoodProblem,
    Point,
    scale_of,
)
from ketasim.calibration.mood.processes import Done
from ketasim.calibration.mood.refit import Refitted, fitted_rows, refit_trials
from ketasim.dosing import load_studies
from ketasim.evidence import Card, Entry, Scale, Uncertainty, load_card, write_card
from ketasim.evidence.mood_training import (
    MEANS,
    SHARES,
    MoodRow,
    load_mood_rows,
)
from ketasim.models import moved

if TYPE_CHECKING:
    import polars

Array = NDArray[np.float64]

GLX_HOURS = 26.0 / 60.0
"""When prefrontal glutamate and glutamine were highest in people, h (milak2016)."""
GLX_RISE = 0.378
"""How much they had risen, fraction (milak2016, mechanism/timecourse)."""
MOVED = 0.9
"""Posterior over prior SD below which the data moved a number."""
_CURVE_HOURS = (0.0, 2.0, 4.0, 8.0, 24.0, 48.0, 72.0, 120.0, 168.0)
_DAY = 24.0
_COMMAND = "ketasim calibrate mood --out DIR"
_TABLES = "ketasim.calibration.mood.tables"  # which read the fit


@dataclass(frozen=True)
class RowFit:
    """A row of the training table beside its prediction.

    **Arguments:**

    - `row`: as published. `predicted`: in its unit.
    - `se`: standard error with which it enters. `sd`: of what a trial of that size would publish.
    """

    row: MoodRow
    predicted: float
    se: float
    sd: float

    @property
    def score(self) -> float:
        """Published less predicted, in SDs of what a trial of that size would publish."""
        return (self.row.value - self.predicted) / self.sd


@dataclass(frozen=True)
class Curve:
    """Expected change of an arm over time.

    **Arguments:**

    - `trial`, `arm`: keys. `times`: h, shape (T,). `mean`: points, shape (T,).
    - `sd_parameters`, `sd_trials`: by the numbers' uncertainty and between trials, shape (T,).
    - `sd_patients`: of one patient, shape (T,).
    """

    trial: str
    arm: str
    times: Array
    mean: Array
    sd_parameters: Array
    sd_trials: Array
    sd_patients: Array


@dataclass(frozen=True)
class Number:
    """A number of the card before and after.

    **Arguments:**

    - `symbol`, `unit`, `meaning`: which. `scale`: on which it was free.
    - `prior`, `prior_sd`: value, and SD on that scale. `value`, `sd`: the same after the fit.
    """

    symbol: str
    unit: str
    meaning: str
    scale: Scale
    prior: float
    prior_sd: float
    value: float
    sd: float

    @property
    def shrinkage(self) -> float:
        """Posterior over prior SD: near 1 where the data say nothing."""
        return self.sd / self.prior_sd

    @property
    def moved(self) -> bool:
        """Whether the data moved it."""
        return self.shrinkage < MOVED


@dataclass(frozen=True, repr=False)
class MoodFit(Result):
    """Result of `calibrate_mood`.

    **Arguments:**

    - `card`: fitted. `prior`: it started from.
    - `numbers`: before and after. `correlation`: of the free numbers, in their order.
    - `rows`: every fitted and compared row with its prediction. `curves`: of every arm.
    - `arms`, `contrasts`: predicted without their trial; empty when that was not asked for.
    - `seed`, `patients`: of the virtual patients. `steps`: of the fit.
    - `refits`: ten trials predicted by the linear step and by full refits, when that was asked for.
    """

    card: Card
    prior: Card
    numbers: tuple[Number, ...]
    correlation: Array
    rows: tuple[RowFit, ...]
    curves: tuple[Curve, ...]
    arms: tuple[Unseen, ...]
    contrasts: tuple[Unseen, ...]
    seed: int
    patients: int
    steps: int
    refits: tuple[Refitted, ...] = ()

    def headline(self) -> Headline:
        """The targets of the calibration and what came of them."""
        rows = [
            HeadlineRow(
                one.name,
                share(one.value) if one.share else plain(one.value, 3),
                f"target {one.goal}: {'met' if one.met else 'missed'}",
                "%" if one.share else "points",
            )
            for one in later(f"{_TABLES}:mood_targets")(self)
        ]
        fitted = sum(one.row.fitted for one in self.rows)
        trials = len({one.row.trial for one in self.rows if one.row.fitted})
        title = f"Fit of the chain to mood: {fitted} values of {trials} trials, seed {self.seed}"
        return Headline(title, tuple(rows), "" if rows else "No trial was predicted unseen.")

    @property
    def metadata(self) -> dict[str, Any]:
        """Version, the hashes of both cards, seed and size of the virtual patients."""
        return {
            "ketasim": __version__,
            "cards": {card.key: card.hash for card in (self.card, self.prior)},
            "seed": self.seed,
            "patients": self.patients,
        }

    def sources(self) -> tuple[str, ...]:
        """Keys of the sources of what was compared, and of the cards."""
        keys = [one.row.source for one in self.rows]
        keys += [*self.prior.sources(), *self.card.sources()]
        return tuple(sorted({key for key in keys if key}))

    def main_table(self) -> polars.DataFrame:
        """Every row of the training table beside its prediction."""
        return later(f"{_TABLES}:mood_fit_table")(self)

    def files(self, *, command: str = _COMMAND) -> dict[str, bytes]:
        """What `save` writes: mood.toml, five tables, a sixth of refits, and report.html.

        **Arguments:**

        - `command`: what the report says reproduces it.
        """
        report = later("ketasim.reports:mood_calibration_report")
        tables = {
            "fit.csv": "mood_fit_table",
            "parameters.csv": "mood_parameter_table",
            "correlation.csv": "mood_correlation_table",
            "draws.csv": "mood_draws_table",
            "unseen.csv": "unseen_table",
        }
        if self.refits:
            tables["refit.csv"] = "refit_table"
        return {
            "mood.toml": write_card(self.card).encode(),
            **{name: csv(later(f"{_TABLES}:{table}")(self)) for name, table in tables.items()},
            "report.html": report(self, command=command).encode(),
        }

    def save(self, folder: str | Path, *, command: str = _COMMAND) -> list[Path]:
        """Write card, tables and report: all of them or none.

        **Arguments:**

        - `folder`: made if missing.
        - `command`: what the report says reproduces it.

        **Returns:** the files.

        **Raises:** `InputError` when the folder cannot be written to.
        """
        return saved(folder, self.files(command=command))


def calibrate_mood(
    *,
    seed: int = 1,
    patients: int = PATIENTS,
    judge: bool = True,
    refit: bool = False,
    kept: Path | None = None,
    known: Mapping[str, Done] | None = None,
    progress: Callable[[str], None] | None = None,
) -> MoodFit:
    """Fit the chain to mood to the published trials.

    Arm means, spreads, shares and times to relapse are fitted together, weighed by their published
    precision, with effects of each trial's own and the same virtual patients in all arms.

    **Other arguments:**

    - `seed`: of the virtual patients; the same seed gives the same card.
    - `patients`: an arm, a power of two.
    - `judge`: also predict every trial from the others.
    - `refit`: also leave ten of them out by a full refit each, as long as the calibration itself;
      they run in processes, so that a script that asks for it starts under
      `if __name__ == "__main__"`.
    - `kept`: a file for the refits that are done, from which a later call takes them.
    - `known`: refits that were done elsewhere, by trial, as shards of a plan.
    - `progress`: told what is being done.
    """
    prior = load_card("mood_prior")
    problem = MoodProblem(prior, load_studies(), fitted_rows(), patients, seed)
    optimum = optimise(problem, progress)
    left_out = leave_one_out(problem, optimum, progress) if judge or refit else ()
    refits: tuple[Refitted, ...] = ()
    if refit:
        refits = refit_trials(
            left_out, patients=patients, seed=seed, kept=kept, known=known, progress=progress
        )
    if progress is not None:
        progress("curves of every arm")
    numbers = _numbers(problem, optimum)
    card = _card(problem, optimum, numbers)
    return MoodFit(
        card=card,
        prior=prior,
        # as on the card, where the height of the burst is that measured in people
        numbers=tuple(replace(n, value=card.entry(n.symbol).value) for n in numbers),
        correlation=_correlation(optimum.covariance),
        rows=_all_rows(problem, optimum, patients, seed),
        curves=_curves(problem, optimum, seed),
        arms=tuple(one for trial in left_out for one in trial.arms),
        contrasts=tuple(one for trial in left_out for one in trial.contrasts),
        seed=seed,
        patients=patients,
        steps=optimum.steps,
        refits=refits,
    )


def _numbers(problem: MoodProblem, optimum: Optimum) -> tuple[Number, ...]:
    sd = np.sqrt(np.diag(optimum.covariance))
    values = problem.numbers(optimum.point.vector, optimum.taus)
    found: list[Number] = []
    for i, symbol in enumerate(problem.free):
        entry = problem.prior.entry(symbol)
        found.append(
            Number(
                symbol,
                entry.unit,
                entry.meaning,
                scale_of(symbol),
                entry.value,
                float(problem.sd[i]),
                values[symbol],
                float(sd[i]),
            )
        )
    return tuple(found)


def _card(problem: MoodProblem, optimum: Optimum, numbers: Sequence[Number]) -> Card:
    entries: list[Entry] = []
    for number in numbers:
        old = problem.prior.entry(number.symbol)
        low, high = (_end(number, sign) for sign in (-1.96, 1.96))
        start = f"{old.value:g}" + (f" {old.source}" if old.source else "")
        entries.append(
            old.replace(
                value=_short(number.value),
                grade="fitted" if number.moved else "assumed",
                source="ketasim",
                locator=f"calibration on the published trials; start {start}",
                rse=_relative(number.sd) if number.scale == "log" else None,
                low=_short(min(low, number.value)),
                high=_short(max(high, number.value)),
                interval="95% interval of the calibration",
                note=(
                    ""
                    if number.moved
                    else "Hardly informed by the data: it remains an assumption. "
                )
                + (old.note if not number.moved else ""),
            )
        )
    for symbol, tau in zip(BETWEEN_TRIALS, optimum.taus, strict=True):
        entries.append(
            problem.prior.entry(symbol).replace(
                value=_short(float(tau)),
                grade="fitted",
                source="ketasim",
                locator="calibration on the published trials",
                note="",
            )
        )
    covariance = optimum.covariance
    card = problem.prior.with_entries(*entries).replace(
        key="mood",
        title="Chain to mood: fitted to the published trials",
        uncertainty=Uncertainty(
            problem.free,
            tuple(scale_of(symbol) for symbol in problem.free),
            tuple(tuple(_short(x, 6) for x in row) for row in covariance),
        ),
        notes=(
            "A model-based meta-analysis of the trials in mood/training.",
            "What is graded assumed was not informed by the data, or never free.",
        ),
    )
    return _with_glutamate(card)


def _with_glutamate(card: Card) -> Card:
    """Set the height of the burst to what was measured in people, and keep what follows from it.

    The burst is linear in `g_max`; the fast arm and the formation of synapses are linear in the
    burst, so that `e_A` and `s_gain` take the opposite factor and mood stays as it is.
    """
    rise = mechanism_curves([INFUSION], np.array([GLX_HOURS]), ["glutamate"], card)
    factor = GLX_RISE / (float(np.ravel(rise["glutamate"])[0]) - 1.0)
    changed = [
        card.entry("g_max").replace(value=_short(card.entry("g_max").value * factor)),
    ]
    for symbol in WITH_THE_BURST:
        entry = card.entry(symbol)
        low, high = entry.low, entry.high
        changed.append(
            entry.replace(
                value=_short(entry.value / factor),
                low=None if low is None else _short(low / factor),
                high=None if high is None else _short(high / factor),
            )
        )
    return card.with_entries(*changed)


def _relative(sd: float) -> float:
    """Relative standard error of a number whose logarithm has an SD, percent."""
    return _short(100.0 * float(np.sqrt(np.expm1(sd**2))))


def _end(number: Number, quantiles: float) -> float:
    return float(moved(number.scale, number.value, quantiles * number.sd))


def _short(value: float, digits: int = 4) -> float:
    return float(f"{value:.{digits}g}")


def _correlation(covariance: Array) -> Array:
    root = np.sqrt(np.diag(covariance))
    return covariance / np.outer(root, root)


def rows_by(card: Card, *, patients: int = PATIENTS, seed: int = 1) -> tuple[RowFit, ...]:
    """Every fitted and compared row beside its prediction by a fitted card, without a fit.

    **Arguments:**

    - `card`: such as the card `mood`. `patients`, `seed`: as of `calibrate_mood`.
    """
    prior = load_card("mood_prior").with_entries(*map(card.entry, card.values()))
    problem = MoodProblem(prior, load_studies(), _kept_rows(), patients, seed)
    taus = np.array([card.values()[symbol] for symbol in BETWEEN_TRIALS])
    return _row_fits(problem, problem.at(problem.start), taus)


def _all_rows(
    problem: MoodProblem, optimum: Optimum, patients: int, seed: int
) -> tuple[RowFit, ...]:
    """Fitted and compared rows beside the fitted model."""
    wide = MoodProblem(problem.prior, load_studies(), _kept_rows(), patients, seed)
    wide.reference = optimum.point.numbers
    return _row_fits(wide, wide.at(optimum.point.vector), optimum.taus)


def _kept_rows() -> list[MoodRow]:
    return [row for row in load_mood_rows() if row.fitted or _comparable(row)]


def _row_fits(problem: MoodProblem, point: Point, taus: Array) -> tuple[RowFit, ...]:
    sampling = problem.sampling(point)
    between = problem.between(problem.trial_columns(point), taus)
    sd = np.sqrt(np.diag(sampling) + np.diag(between))
    return tuple(
        RowFit(row, float(value), float(np.sqrt(noise)), float(spread))
        for row, value, noise, spread in zip(
            problem.rows, problem.expected(point, taus), np.diag(sampling), sd, strict=True
        )
    )


def _comparable(row: MoodRow) -> bool:
    """Whether a row that is not fitted can be put beside a prediction with its error."""
    if row.metric == "remission" and row.threshold is None:
        return False
    if row.metric in MEANS and row.scale != "MADRS":
        return False
    return row.se is not None or (row.metric in SHARES and row.n is not None)


def _curves(problem: MoodProblem, optimum: Optimum, seed: int) -> tuple[Curve, ...]:
    """Expected course of every arm with published changes or shares of the MADRS."""
    shapes: list[MoodRow] = []
    seen: set[tuple[str, str]] = set()
    for row in problem.rows:
        for arm in (row.arm, row.control):
            if arm is None or (row.trial, arm) in seen:
                continue
            seen.add((row.trial, arm))
            last = max(
                [r.time for r in problem.rows if r.trial == row.trial and r.time is not None],
                default=672.0,
            )
            times = [t for t in _CURVE_HOURS if t < last]
            times += [*np.arange(240.0, last, 3 * _DAY), last]
            shapes += [
                replace(
                    row,
                    arm=arm,
                    control=None,
                    metric="change",
                    time=float(t),
                    value=0.0,
                    se=1.0,
                    start=None,
                )
                for t in sorted({max(t, 0.1) for t in times})
            ]
    dense = MoodProblem(problem.prior, load_studies(), shapes, problem.world.n // 2, seed)
    dense.reference = optimum.point.numbers
    point = dense.at(optimum.point.vector)
    jacobian = dense.jacobian(point)
    parameters = np.sqrt(np.einsum("ij,jk,ik->i", jacobian, optimum.covariance, jacobian))
    trials = np.sqrt(np.diag(dense.between(dense.trial_columns(point), optimum.taus)))
    expected = dense.expected(point, optimum.taus)
    scores = dense.scores(point.numbers, point.states, point.effects)
    found: list[Curve] = []
    for key in dict.fromkeys((row.trial, row.arm) for row in shapes):
        index = [i for i, row in enumerate(shapes) if (row.trial, row.arm) == key]
        arm = scores[key]
        times = np.array([shapes[i].time or 0.0 for i in index])
        patients = [arm.sd(arm.at(float(t)) - arm.baseline, float(t)) for t in times]
        found.append(
            Curve(
                *key,
                times,
                expected[index],
                parameters[index],
                trials[index],
                np.array(patients),
            )
        )
    return tuple(found)
