"""Parameter recovery: data simulated from a card are fitted back, many times.

Each time the truth is drawn from the uncertainty of the card, every trial gets effects of its own
from the between-trial SDs, and every row the error of its published value, correlated within an
arm; shares stay between 0 and 1. The optimiser of the calibration then starts from the prior, with
fewer virtual patients and a limit on its steps. The rows, trials and designs are those of the
calibration, so that what comes back is what these very data can tell.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim.calibration.mood.optimum import optimise
from ketasim.calibration.mood.problem import (
    BETWEEN_TRIALS,
    MoodProblem,
    in_frame_of,
    scale_of,
)
from ketasim.calibration.mood.processes import Done, Job, package_stamp, worked
from ketasim.dosing import load_studies
from ketasim.evidence import Card, Scale, load_card
from ketasim.evidence.mood_training import DAYS, SHARES, SPREADS, MoodRow, load_mood_rows
from ketasim.models import from_scale
from ketasim.population import card_draws

Array = NDArray[np.float64]

REPLICATES: Final = 50
"""How many times data are simulated and fitted back."""
PATIENTS: Final = 64
"""Virtual patients an arm; half of those of the calibration."""
STEPS: Final = 12
"""Steps after which a fit ends where it is."""
INFORMED: Final = 0.9
"""Posterior over prior SD above which a number is not recovered."""

_NORMAL: Final = 1.959963984540054
_LEAST: Final = 1e-3  # of an SD or a time


@dataclass(frozen=True)
class Replicate:
    """Data simulated once and fitted back; numbers on the scales of the fit.

    **Arguments:**

    - `truth`, `estimate`, `sd`: free numbers that the data come from, those fitted, and the SDs of
      these, shape (free,).
    - `taus`: between-trial SDs that were fitted.
    - `steps`: of the fit.
    """

    truth: Array
    estimate: Array
    sd: Array
    taus: Array
    steps: int


@dataclass(frozen=True)
class RecoveredNumber:
    """How well a number comes back.

    **Arguments:**

    - `symbol`, `meaning`, `unit`, `scale`: which; SDs are on its scale.
    - `truth`: on the card. `truth_sd`: of the truths drawn.
    - `mean`, `sd`: of the estimates; the mean is taken on the scale.
    - `bias`: mean of estimate less truth, in SDs of the prior; of a between-trial SD, of its
      logarithm.
    - `coverage`: of the 95 % intervals; nothing for between-trial SDs, which have none.
    - `correlation`: of truths and estimates; nothing where the truth is the same each time.
    - `shrinkage`: median of posterior over prior SD.
    - `why`: why it cannot be recovered; empty where it can, and for between-trial SDs.
    """

    symbol: str
    meaning: str
    unit: str
    scale: Scale
    truth: float
    truth_sd: float
    mean: float
    sd: float
    bias: float
    coverage: float | None
    correlation: float | None
    shrinkage: float | None
    why: str


@dataclass(frozen=True)
class Recovery:
    """Result of `recover_mood`.

    **Arguments:**

    - `card`: simulated from. `prior`: fitted back from.
    - `numbers`: free numbers, then between-trial SDs.
    - `replicates`: how often. `drawn`: the truth was drawn each time.
    - `seed`, `patients`: of the fits. `steps`: mean number of steps.
    """

    card: Card
    prior: Card
    numbers: tuple[RecoveredNumber, ...]
    replicates: int
    drawn: bool
    seed: int
    patients: int
    steps: float

    @property
    def lost(self) -> tuple[RecoveredNumber, ...]:
        """Numbers that the data cannot recover: they are to be fixed, and graded assumed."""
        return tuple(one for one in self.numbers if one.why)


def recover_mood(
    card: Card | None = None,
    *,
    replicates: int = REPLICATES,
    seed: int = 1,
    patients: int = PATIENTS,
    most_steps: int = STEPS,
    drawn: bool = True,
    kept: Path | None = None,
    workers: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> Recovery:
    """Simulate the data of the calibration from a card and fit them back.

    **Main arguments:**

    - `card`: fitted, with its uncertainty; the card `mood` when left out.

    **Other arguments:**

    - `replicates`: how often. `seed`: of the virtual patients, and of what is drawn.
    - `patients`: an arm, a power of two. `most_steps`: of a fit.
    - `drawn`: draw the truth from the card's uncertainty each time, rather than take the card.
    - `kept`, `workers`, `progress`: see `ketasim.calibration.mood.processes.worked`.
    """
    from_card = load_card("mood") if card is None else card
    prior = load_card("mood_prior")
    truths = _truths(from_card, prior, seed, replicates if drawn else 0, replicates)
    taus = [from_card.values()[s] for s in BETWEEN_TRIALS]
    jobs = {
        f"simulation {i + 1}": {
            "truth": truth,
            "taus": taus,
            "number": i,
            "seed": seed,
            "patients": patients,
            "most_steps": most_steps,
        }
        for i, truth in enumerate(truths)
    }
    done = worked(
        _recover,
        jobs,
        stamp=f"{package_stamp()} {from_card.hash} {seed} {patients} {most_steps} {drawn}",
        kept=kept,
        workers=workers,
        progress=progress,
    )
    fits = [
        Replicate(
            np.array(one["truth"]),
            np.array(one["estimate"]),
            np.array(one["sd"]),
            np.array(one["taus"]),
            one["steps"],
        )
        for one in done.values()
    ]
    return Recovery(
        from_card,
        prior,
        recovered_numbers(from_card, prior, fits, drawn=drawn),
        replicates,
        drawn,
        seed,
        patients,
        float(np.mean([one.steps for one in fits])),
    )


def _truths(card: Card, prior: Card, seed: int, drawn: int, count: int) -> list[dict[str, float]]:
    free = _free(prior)
    if not drawn:
        values = in_frame_of(dict(card.values()), prior)
        return [{s: values[s] for s in free}] * count
    table = card_draws(card, seed, 0, drawn)
    found: list[dict[str, float]] = []
    for i in range(drawn):
        values = in_frame_of({s: float(column[i]) for s, column in table.items()}, prior)
        found.append({s: values[s] for s in free})
    return found


def _free(prior: Card) -> tuple[str, ...]:
    return tuple(s for s in prior.extra["prior"] if s not in BETWEEN_TRIALS)


def _recover(job: Job) -> Done:
    """Simulate and fit back once; work of a process of its own."""
    problem = _problem(job["patients"], job["seed"])
    rng = np.random.default_rng([job["seed"], job["number"]])
    return _plain(fit_back(problem, job["truth"], np.array(job["taus"]), rng, job["most_steps"]))


def _plain(one: Replicate) -> Done:
    arrays = {name: getattr(one, name).tolist() for name in ("truth", "estimate", "sd", "taus")}
    return {**arrays, "steps": one.steps}


@lru_cache(maxsize=1)
def _problem(patients: int, seed: int) -> MoodProblem:
    rows = [row for row in load_mood_rows() if row.fitted]
    problem = MoodProblem(load_card("mood_prior"), load_studies(), rows, patients, seed)
    problem.at(problem.start)  # where the steps of the solver are planned, whatever comes first
    return problem


def fit_back(
    problem: MoodProblem,
    truth: dict[str, float],
    taus: Array,
    rng: np.random.Generator,
    most_steps: int = STEPS,
) -> Replicate:
    """Simulate the rows of a problem and fit them from its prior.

    **Main arguments:**

    - `problem`: rows, patients, priors; it is left as it is.
    - `truth`: free numbers. `taus`: one SD for each of `BETWEEN_TRIALS`.
    - `rng`: of what is drawn.

    **Other arguments:**

    - `most_steps`: of the fit.
    """
    vector = problem.transform(truth)
    twin = copy.copy(problem)
    twin.rows = simulated_rows(problem, vector, taus, rng)
    twin.published = np.array([row.value for row in twin.rows])
    twin.reference = problem.prior.values()
    optimum = optimise(twin, most_steps=most_steps)
    sd = np.sqrt(np.diag(optimum.covariance))
    return Replicate(vector, optimum.point.vector, sd, optimum.taus, optimum.steps)


def simulated_rows(
    problem: MoodProblem, vector: Array, taus: Array, rng: np.random.Generator
) -> tuple[MoodRow, ...]:
    """Rows as trials like those of a problem would have published them.

    **Arguments:**

    - `problem`: rows, patients. `vector`: free numbers on their scales.
    - `taus`: one SD for each of `BETWEEN_TRIALS`. `rng`: of what is drawn.
    """
    own = copy.copy(problem)
    own.reference = problem.numbers(vector)
    effects = np.sqrt(own.variances(taus)) * rng.standard_normal((len(own.trials), 3))
    effects[:, 2] = np.maximum(effects[:, 2], -1.0)  # no trial turns the drug round
    point = own.at(vector, effects)
    lower = np.linalg.cholesky(own.sampling(point))
    values = point.values + lower @ rng.standard_normal(len(own.rows))
    return tuple(
        replace(row, value=_possible(row, float(value)))
        for row, value in zip(own.rows, values, strict=True)
    )


def _possible(row: MoodRow, value: float) -> float:
    if row.metric in SHARES:
        return min(max(value, 0.0), 1.0)
    if row.metric in SPREADS or row.metric in DAYS:
        return max(value, _LEAST)
    return value


def recovered_numbers(
    card: Card, prior: Card, fits: Sequence[Replicate], *, drawn: bool
) -> tuple[RecoveredNumber, ...]:
    """Compare estimates with what they come from.

    **Arguments:**

    - `card`: simulated from. `prior`: fitted back from. `fits`: at least two.
    - `drawn`: the truth was drawn each time.
    """
    values = in_frame_of(dict(card.values()), prior)
    prior_sd: dict[str, float] = prior.extra["prior"]
    truth = np.array([one.truth for one in fits])
    estimate = np.array([one.estimate for one in fits])
    sd = np.array([one.sd for one in fits])
    found: list[RecoveredNumber] = []
    for i, symbol in enumerate(_free(prior)):
        entry = prior.entry(symbol)
        gap = estimate[:, i] - truth[:, i]
        related = _correlation(truth[:, i], estimate[:, i]) if drawn else None
        shrinkage = float(np.median(sd[:, i])) / float(prior_sd[symbol])
        found.append(
            RecoveredNumber(
                symbol,
                entry.meaning,
                entry.unit,
                scale_of(symbol),
                values[symbol],
                float(truth[:, i].std(ddof=1)),
                float(from_scale(scale_of(symbol), estimate[:, i].mean())),
                float(estimate[:, i].std(ddof=1)),
                float(gap.mean()) / float(prior_sd[symbol]),
                float(np.mean(np.abs(gap) <= _NORMAL * sd[:, i])),
                related,
                shrinkage,
                _why(shrinkage, related, len(fits)),
            )
        )
    for i, symbol in enumerate(BETWEEN_TRIALS):
        entry = prior.entry(symbol)
        logs = np.log([one.taus[i] for one in fits])
        found.append(
            RecoveredNumber(
                symbol,
                entry.meaning,
                entry.unit,
                "log",
                values[symbol],
                0.0,
                float(np.exp(logs.mean())),
                float(logs.std(ddof=1)),
                float(logs.mean() - np.log(values[symbol])),
                None,
                None,
                None,
                "",
            )
        )
    return tuple(found)


def _correlation(one: Array, other: Array) -> float:
    if one.std() == 0.0 or other.std() == 0.0:
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def _why(shrinkage: float, correlation: float | None, count: int) -> str:
    """Why a number cannot be recovered, as a phrase.

    A correlation counts as none below what 97.5 % of unrelated pairs of that number stay below.
    """
    found: list[str] = []
    if shrinkage > INFORMED:
        found.append(f"posterior SD {shrinkage:.2f} of the prior SD")
    if correlation is not None and correlation < _NORMAL / np.sqrt(count):
        found.append(f"correlation of truth and estimate {correlation:.2f}")
    return "; ".join(found)
