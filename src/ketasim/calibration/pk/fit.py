"""The joint fit of the reference model to the published exposures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.special import expit, logit

from ketasim.__about__ import __version__
from ketasim._base import Headline, HeadlineRow, Result
from ketasim._base.headline import plain, share
from ketasim._base.result import csv, later, saved
from ketasim.calibration.pk.curves import MeasuredCurve, load_curves
from ketasim.calibration.pk.interactions import (
    InteractionRow,
    load_interactions,
    predict_ratio,
)
from ketasim.calibration.pk.problem import predict
from ketasim.calibration.pk.profiles import PROFILES, Profile
from ketasim.calibration.pk.training import Design, TrainingRow, load_training
from ketasim.engine import concentrations
from ketasim.evidence import Card, Entry, Uncertainty, load_card, write_card
from ketasim.models import MODELS, declared

if TYPE_CHECKING:
    import polars

Array = NDArray[np.float64]

PROFILE_LOG_SD = 0.35  # log scale; how far one published model may lie from the joint truth
PROFILE_WORTH = 2.0  # a whole profile counts as this many observations
CURVE_WORTH = 4.0  # a whole curve counts as this many observations
SOFT_BEYOND = 2.0  # standard deviations beyond which a published number pulls linearly only
NOT_IDENTIFIED = 0.9  # posterior over prior SD above which a datum hardly moves a parameter
UNMOVED = "Stays an assumption: the measured ratio hardly narrows it."
_COMMAND = "ketasim calibrate pk --out DIR"
_STEP = 3e-3  # step of the central differences, on the log or logit scale; the time of a peak,
# read off a grid, is rough on a finer scale


@dataclass(frozen=True)
class Compared:
    """One comparison of a published number with the fitted model."""

    row: TrainingRow | InteractionRow
    predicted: float

    @property
    def ratio(self) -> float:
        """Predicted over published."""
        return self.predicted / self.row.value

    @property
    def fold(self) -> float:
        """Fold error, at least 1."""
        return max(self.ratio, 1 / self.ratio)


@dataclass(frozen=True)
class ProfileCompared:
    """A published model's profile beside the reference model's."""

    profile: Profile
    published: Array
    predicted: Array


@dataclass(frozen=True)
class CurveCompared:
    """A measured curve beside the reference model's."""

    curve: MeasuredCurve
    predicted: Array

    def points(self) -> tuple[Compared, ...]:
        """Every point of the curve with its prediction."""
        pairs = zip(self.curve.points, self.predicted.tolist(), strict=True)
        return tuple(Compared(point, predicted) for point, predicted in pairs)


@dataclass(frozen=True, repr=False)
class PkFit(Result):
    """Result of `calibrate_pk`.

    **Arguments:**

    - `card`: the fitted reference card, with relative standard errors and their covariance.
    - `prior`: the card it started from.
    - `free`: symbols that were free.
    - `exposures`: every training and check row with its prediction.
    - `interactions`: every measured ratio with its prediction.
    - `profiles`: the published models' profiles beside the reference model's.
    - `curves`: the measured curves beside the reference model's.
    - `covariance`: of the free parameters on their log or logit scale.
    - `cost_before`, `cost_after`: half the sum of squared weighted residuals.
    """

    card: Card
    prior: Card
    free: tuple[str, ...]
    exposures: tuple[Compared, ...]
    interactions: tuple[Compared, ...]
    profiles: tuple[ProfileCompared, ...]
    curves: tuple[CurveCompared, ...]
    covariance: Array
    cost_before: float
    cost_after: float

    def shrinkage(self) -> dict[str, float]:
        """Posterior over prior SD of each free parameter; near 1 means not identified."""
        prior = self.prior.extra["prior"]
        sd = np.sqrt(np.diag(self.covariance))
        return {s: float(sd[i] / prior[s]) for i, s in enumerate(self.free)}

    def headline(self) -> Headline:
        """How well the fit agrees with what was published."""
        groups = later("ketasim.calibration.pk.judgement:agreement_table")(self)
        rows = [
            HeadlineRow(
                one.group,
                f"{one.fold_error:.2f}",
                f"{share(one.within_two)} % within two-fold, n {one.n}",
                "fold error",
            )
            for one in groups
            if one.by == "all" and one.n
        ]
        before, after = plain(self.cost_before, 3), plain(self.cost_after, 3)
        rows.append(HeadlineRow("half the sum of squared residuals", after, f"before {before}"))
        title = "Fit of the reference pharmacokinetic model"
        return Headline(f"{title}: {len(self.free)} parameters, card {self.card.key}", tuple(rows))

    @property
    def metadata(self) -> dict[str, Any]:
        """Version and the hashes of both cards."""
        return {"ketasim": __version__, "cards": _hashes(self.card, self.prior)}

    def sources(self) -> tuple[str, ...]:
        """Keys of the sources of what was compared, and of the card."""
        keys = [one.row.source for one in (*self.exposures, *self.interactions)]
        keys += [*self.prior.sources(), *(one.profile.model for one in self.profiles)]
        keys += [one.curve.source for one in self.curves]
        return tuple(sorted({key for key in keys if key}))

    def main_table(self) -> polars.DataFrame:
        """Every published number beside its prediction, as `fit_table` returns them."""
        return later("ketasim.calibration.pk.tables:fit_table")(self)

    def files(self, *, command: str = _COMMAND) -> dict[str, bytes]:
        """What `save` writes: reference.toml, fit.csv and report.html.

        **Arguments:**

        - `command`: what the report says reproduces it.
        """
        report = later("ketasim.reports:calibration_report")
        return {
            "reference.toml": write_card(self.card).encode(),
            "fit.csv": csv(self.main_table()),
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


def _hashes(*cards: Card) -> dict[str, str]:
    return {card.key: card.hash for card in cards}


class _Problem:
    """Residuals of the joint fit for many parameter vectors at once."""

    def __init__(self, prior: Card) -> None:
        self.prior = prior
        self.model = MODELS["reference"]
        sds: Mapping[str, float] = prior.extra["prior"]
        self.free = tuple(sds)
        self.sd = np.array([float(sds[s]) for s in self.free])
        self.is_fraction = np.array([_bounded(s, prior.values()[s]) for s in self.free])
        start = np.array([prior.values()[s] for s in self.free])
        self.start = self.transform(start)
        self.rows = [r for r in load_training() if r.use in ("fit", "timing")]
        self.ratios = [r for r in load_interactions() if r.use == "fit"]
        self.published = [np.log(p.published()) for p in PROFILES]
        self.curves = load_curves()

    def transform(self, values: Array) -> Array:
        bounded = np.clip(values, 1e-9, 1 - 1e-9)
        return np.where(self.is_fraction, logit(bounded), np.log(values))

    def values(self, vectors: Array) -> dict[str, Array]:
        """Card values for vectors of shape (n, p), as arrays of shape (n,)."""
        natural = np.where(self.is_fraction, expit(vectors), np.exp(np.clip(vectors, -30, 30)))
        n = len(vectors)
        values: dict[str, Array] = {k: np.full(n, v) for k, v in self.prior.values().items()}
        values.update({s: natural[:, i] for i, s in enumerate(self.free)})
        return values

    def residuals(self, vectors: Array) -> Array:
        """Weighted residuals, shape (n, number of residuals)."""
        values = self.values(vectors)
        columns: list[Array] = []
        for row, predicted in _by_design(
            self.rows, lambda d, rs: predict(self.model, values, d, rs)
        ):
            columns.append(_soft(np.log(predicted / row.value) / row.log_sd))
        for ratio in self.ratios:
            predicted = predict_ratio(self.model, values, ratio)
            columns.append(np.log(predicted / ratio.value) / ratio.log_sd)
        for profile, log_published in zip(PROFILES, self.published, strict=True):
            log_predicted = np.log(_profile(profile, values))
            sd = PROFILE_LOG_SD * np.sqrt(len(log_published) / PROFILE_WORTH)
            columns.extend(_soft((log_predicted - log_published[:, None]) / sd))
        for curve in self.curves:
            log_ratios = np.log(_profile(curve, values) / curve.published()[:, None])
            columns.extend(_soft(log_ratios / _curve_sd(curve)[:, None]))
        columns.extend(((vectors - self.start) / self.sd).T)
        return np.stack(columns, axis=1)

    def jacobian(self, vector: Array) -> Array:
        """Central differences, all perturbed vectors in one batch; shape (residuals, p)."""
        p = len(vector)
        steps = np.vstack([np.eye(p) * _STEP, -np.eye(p) * _STEP])
        both = self.residuals(vector + steps)
        return (both[:p] - both[p:]).T / (2 * _STEP)


def _bounded(symbol: str, value: float) -> bool:
    known = declared("reference")
    if symbol in known:
        return known[symbol].domain.scale == "logit"
    return value < 1  # an activity under a medicine: what inhibits leaves a part of it


def _soft(residual: Array) -> Array:
    """Square root of the soft-L1 loss with its sign: a published outlier pulls linearly only."""
    scaled = (residual / SOFT_BEYOND) ** 2
    return np.sign(residual) * SOFT_BEYOND * np.sqrt(2 * (np.sqrt(1 + scaled) - 1))


def _by_design(
    rows: list[TrainingRow], predict_rows: Callable[[Design, list[TrainingRow]], Array]
) -> list[tuple[TrainingRow, Array]]:
    ordered = sorted(rows, key=lambda r: repr(r.design))
    found: list[tuple[TrainingRow, Array]] = []
    for _, group in groupby(ordered, key=lambda r: repr(r.design)):
        members = list(group)
        assert members[0].design is not None
        found.extend(zip(members, predict_rows(members[0].design, members), strict=True))
    return found


def _curve_sd(curve: MeasuredCurve) -> Array:
    """SD of the logarithm of every point of a curve, shape (times,)."""
    sds = np.array([point.log_sd for point in curve.points])
    return sds * np.sqrt(len(sds) / CURVE_WORTH)


def _profile(profile: Profile | MeasuredCurve, values: Mapping[str, Any]) -> Array:
    """The reference model's profile, shape (times, n)."""
    times = np.array([0.0, *profile.minutes]) / 60.0
    n = max(np.size(v) for v in values.values())
    solved = concentrations(
        MODELS["reference"],
        {**profile.design.covariates(), **values},
        profile.design.doses(),
        times,
        np.full(n, profile.design.weight),
        sites=(profile.site,),
        areas=False,
    )
    return solved.values[profile.analyte, profile.site][1:]


def calibrate_pk(*, progress: Callable[[str], None] | None = None) -> PkFit:
    """Fit the reference model jointly to the training exposures, interactions and published models.

    Weighted least squares on the log scale with a soft-L1 loss for the exposures, and a normal
    prior on the logarithm (logit for fractions) of every free parameter. Deterministic.

    **Arguments:**

    - `progress`: called with one line of text after each step of the fit.

    **Returns:** `PkFit`; uncertainty is the inverse of the Gauss-Newton Hessian at the optimum.
    """
    prior = load_card("reference_prior")
    problem = _Problem(prior)
    evaluations = 0

    def residuals(vector: Array) -> Array:
        nonlocal evaluations
        result = problem.residuals(vector[None])[0]
        evaluations += 1
        if progress is not None:
            progress(f"evaluation {evaluations}: objective {0.5 * float(result @ result):.3f}")
        return result

    before = problem.residuals(problem.start[None])[0]
    solution = least_squares(
        residuals,
        problem.start,
        jac=problem.jacobian,  # pyright: ignore[reportArgumentType]
        method="trf",
        x_scale=problem.sd,
        ftol=1e-6,
        xtol=1e-6,
        max_nfev=60,
    )
    jacobian = np.asarray(solution.jac, np.float64)
    covariance = np.asarray(np.linalg.inv(jacobian.T @ jacobian), np.float64)
    card = _card(problem, np.asarray(solution.x, np.float64), covariance)
    return compare(
        card, prior, problem.free, covariance, 0.5 * float(before @ before), float(solution.cost)
    )


def _card(problem: _Problem, vector: Array, covariance: Array) -> Card:
    """The fitted card: new values of the free parameters, the prior's words for all others."""
    natural = {s: float(v[0]) for s, v in problem.values(vector[None]).items()}
    sd = np.sqrt(np.diag(covariance))
    entries: list[Entry] = []
    for i, symbol in enumerate(problem.free):
        value = natural[symbol]
        fraction = bool(problem.is_fraction[i])
        relative = sd[i] * (1 - value) if fraction else sd[i]
        ends = vector[i] + 1.96 * sd[i] * np.array([-1.0, 1.0])
        low, high = 1 / (1 + np.exp(-ends)) if fraction else np.exp(ends)
        old = problem.prior.entry(symbol)
        # a parameter that the data hardly move stays an assumption if it was one
        moved = sd[i] < NOT_IDENTIFIED * problem.sd[i]
        grade = "fitted" if moved or old.grade != "assumed" else "assumed"
        entries.append(
            old.replace(
                value=float(f"{value:.4g}"),
                grade=grade,
                source="ketasim",
                locator=f"joint fit; prior {old.value:g} {old.source} {old.locator}".strip(),
                rse=float(f"{100 * relative:.3g}"),
                low=float(f"{low:.4g}"),
                high=float(f"{high:.4g}"),
                interval="95% interval of the joint fit",
                note=old.note if moved or not symbol.startswith("a_") else UNMOVED,
            )
        )
    return problem.prior.with_entries(*entries).replace(
        key="reference",
        title="Reference model: joint fit to the published exposures",
        uncertainty=Uncertainty(
            problem.free,
            tuple("logit" if f else "log" for f in problem.is_fraction),
            tuple(tuple(float(f"{x:.6g}") for x in row) for row in covariance),
        ),
    )


def compare_pk(card: Card, prior: Card | None = None) -> PkFit:
    """Put every published number beside a fitted card's prediction; nothing is fitted.

    **Arguments:**

    - `card`: such as the shipped card `reference`; carries an uncertainty.
    - `prior`: what it started from; left out, the shipped `reference_prior`.

    **Returns:** what `calibrate_pk` returned when the card was made, without the costs.

    **Raises:** `ValueError` when the card carries no uncertainty.
    """
    if card.uncertainty is None:
        raise ValueError(f"the card '{card.key}' carries no uncertainty")
    before = load_card("reference_prior") if prior is None else prior
    free = tuple(before.extra["prior"])
    order = [card.uncertainty.symbols.index(symbol) for symbol in free]
    covariance = card.uncertainty.matrix()[np.ix_(order, order)]
    return compare(card, before, free, covariance, np.nan, np.nan)


def compare(
    card: Card,
    prior: Card,
    free: tuple[str, ...],
    covariance: Array,
    cost_before: float,
    cost_after: float,
) -> PkFit:
    """Put every published number beside a card's prediction."""
    model = MODELS["reference"]
    values = {k: np.array([v]) for k, v in card.values().items()}
    rows = [r for r in load_training() if r.use != "out"]
    exposures = [
        Compared(row, float(predicted[0]))
        for row, predicted in _by_design(rows, lambda d, rs: predict(model, values, d, rs))
    ]
    exposures.sort(key=lambda c: int(c.row.fact.rsplit(":", 1)[1]))
    interactions = [
        Compared(row, float(predict_ratio(model, values, row)[0]))
        for row in load_interactions()
        if row.use != "out"
    ]
    profiles = [ProfileCompared(p, p.published(), _profile(p, values)[:, 0]) for p in PROFILES]
    curves = [CurveCompared(c, _profile(c, values)[:, 0]) for c in load_curves()]
    return PkFit(
        card,
        prior,
        free,
        tuple(exposures),
        tuple(interactions),
        tuple(profiles),
        tuple(curves),
        covariance,
        cost_before,
        cost_after,
    )
