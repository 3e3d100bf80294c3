"""Random effects over several studies: mean, between-study variability, prediction."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError, near

Array = NDArray[np.float64]

LEVEL: Final = 0.95
"""Coverage of every interval here."""

INTERVALS: Final = ("modified", "hksj", "wald")
"""Intervals of a pooled mean: Hartung-Knapp-Sidik-Jonkman never narrower than Wald, as it is, and
Wald."""

FEWEST_FOR_EGGER: Final = 10
"""Fewest studies for which the small-study check is made (a choice, `pooling_methods`)."""

FEWEST_FOR_PREDICTION: Final = 3
"""Fewest studies for a prediction interval: its t has two degrees of freedom less than studies."""


@dataclass(frozen=True)
class MeanInterval:
    """A 95 % interval of a pooled mean.

    **Arguments:**

    - `name`: one of `INTERVALS`.
    - `low`, `high`: its ends. `se`: the standard error it is made of.
    - `df`: degrees of freedom of its t; nothing for the normal.
    """

    name: str
    low: float
    high: float
    se: float
    df: int | None

    @property
    def width(self) -> float:
        """Distance between the ends."""
        return self.high - self.low


@dataclass(frozen=True)
class WithoutOne:
    """The pooled result without one study.

    **Arguments:**

    - `label`: the study that is left out.
    - `estimate`, `low`, `high`: the mean of the others and its interval.
    - `tau2`, `i2`: variance between the others, and its share (0-1); nothing for one study.
    """

    label: str
    estimate: float
    low: float
    high: float
    tau2: float | None
    i2: float | None


@dataclass(frozen=True)
class SmallStudyCheck:
    """Egger's regression: whether small studies say something else than large ones.

    **Arguments:**

    - `intercept`, `se`: of the regression of effect over its standard error on the inverse.
    - `t`, `df`, `p`: its test against 0, two sides.
    """

    intercept: float
    se: float
    t: float
    df: int
    p: float


@dataclass(frozen=True)
class PooledEffect:
    """A random-effects mean of several studies, on the scale of the effects.

    **Arguments:**

    - `k`: studies. `method`: how they were pooled, in words.
    - `labels`, `effects`, `variances`: what was pooled.
    - `estimate`: the mean. `interval`: the one asked for.
    - `modified`, `hksj`, `wald`: all three; the first two need two studies.
    - `tau2`: variance between studies (REML), with its Q-profile interval `tau2_low`, `tau2_high`.
    - `q`, `q_df`, `q_p`: Cochran's Q and its test. `i2` (0-1), `h2`: from `tau2` and the typical
      sampling variance.
    - `prediction`: 95 % interval of the effect in a further study; nothing below three studies.
    - `weights`: of each study in the mean; they add to 1.
    - `without`: the result without each study in turn.
    - `egger`: from ten studies of unequal size on. `notes`: what a reader must know, as sentences.
    """

    k: int
    method: str
    labels: tuple[str, ...]
    effects: tuple[float, ...]
    variances: tuple[float, ...]
    estimate: float
    interval: MeanInterval
    wald: MeanInterval
    weights: tuple[float, ...]
    modified: MeanInterval | None = None
    hksj: MeanInterval | None = None
    tau2: float | None = None
    tau2_low: float | None = None
    tau2_high: float | None = None
    q: float | None = None
    q_df: int = 0
    q_p: float | None = None
    i2: float | None = None
    h2: float | None = None
    prediction: tuple[float, float] | None = None
    without: tuple[WithoutOne, ...] = ()
    egger: SmallStudyCheck | None = None
    notes: tuple[str, ...] = ()

    @property
    def low(self) -> float:
        """Lower end of the interval asked for."""
        return self.interval.low

    @property
    def high(self) -> float:
        """Upper end of the interval asked for."""
        return self.interval.high

    @property
    def se(self) -> float:
        """Standard error behind the interval asked for."""
        return self.interval.se

    @property
    def hksj_is_narrower(self) -> bool:
        """Whether the unmodified Hartung-Knapp interval is narrower than the usual one."""
        return self.hksj is not None and self.hksj.width < self.wald.width


def pool_effects(
    effects: Sequence[float],
    variances: Sequence[float],
    *,
    labels: Sequence[str] | None = None,
    interval: str = "modified",
) -> PooledEffect:
    """Pool the effects of several studies with a random-effects model.

    The variance between studies is that of the restricted likelihood (REML, by PyMARE). The rules
    and their sources stand in the table `pooling_methods`.

    **Arguments:**

    - `effects`: shape (k,), on a scale on which they are about normal, such as a log odds ratio.
    - `variances`: shape (k,), squared standard errors, above 0.
    - `labels`: names of the studies; numbers when left out.
    - `interval`: which interval the result gives first, one of `INTERVALS`. `modified` is never
      narrower than the usual one; `hksj` can be when the studies agree more than chance lets them.

    **Returns:** the result. One study is given back as it is, and nothing is pooled.

    **Raises:** `InputError` when nothing is given, lengths differ, a number is not finite, a
    variance is not above 0, or the interval is unknown.
    """
    y, v, names = _checked(effects, variances, labels, interval)
    found = _pooled(y, v, names, interval)
    if found.k == 1:
        return found
    return _with_others(found, y, v, interval)


def _checked(
    effects: Sequence[float], variances: Sequence[float], labels: Sequence[str] | None, name: str
) -> tuple[Array, Array, tuple[str, ...]]:
    if name not in INTERVALS:
        raise InputError("interval", f"unknown interval '{name}'", near(name, INTERVALS))
    y, v = (np.asarray(values, dtype=np.float64) for values in (effects, variances))
    if y.size == 0:
        raise InputError("effects", "there is no study", "give one effect and variance a study")
    if y.ndim != 1 or y.shape != v.shape:
        raise InputError("variances", "not as many as effects", "give one variance for each effect")
    if not (np.isfinite(y).all() and np.isfinite(v).all()):
        raise InputError("effects", "a number is not finite", "leave the study out")
    if not (v > 0).all():
        raise InputError("variances", "a variance is not above 0", "leave the study out")
    names = tuple(labels) if labels is not None else tuple(str(i + 1) for i in range(y.size))
    if len(names) != y.size:
        raise InputError("labels", "not as many as effects", "give one label for each effect")
    return y, v, names


def _pooled(y: Array, v: Array, labels: tuple[str, ...], name: str) -> PooledEffect:
    """The result without what needs the model again."""
    from scipy.stats import chi2, norm
    from scipy.stats import t as student

    k = y.size
    z = float(norm.ppf(0.5 + LEVEL / 2))
    effects, variances = tuple(y.tolist()), tuple(v.tolist())
    if k == 1:
        wald = _interval("wald", float(y[0]), math.sqrt(float(v[0])), z, None)
        return PooledEffect(
            k=1,
            method="one study, nothing is pooled",
            labels=labels,
            effects=effects,
            variances=variances,
            estimate=float(y[0]),
            interval=wald,
            wald=wald,
            weights=(1.0,),
            notes=("One study: its own result stands, nothing is pooled.",),
        )
    tau2, tau2_low, tau2_high, of_mean = _reml(y, v)
    w = 1.0 / (v + tau2)
    estimate = float((w * y).sum() / w.sum())
    quantile = float(student.ppf(0.5 + LEVEL / 2, k - 1))
    intervals = {
        which: _interval(which, estimate, math.sqrt(variance), reach, df)
        for which, variance, reach, df in (
            ("wald", of_mean[0], z, None),
            ("hksj", of_mean[1], quantile, k - 1),
            ("modified", of_mean[2], quantile, k - 1),
        )
    }
    fixed = 1.0 / v
    centre = float((fixed * y).sum() / fixed.sum())
    q = float((fixed * (y - centre) ** 2).sum())
    typical = float((k - 1) * fixed.sum() / (fixed.sum() ** 2 - (fixed**2).sum()))
    prediction = None
    if k >= FEWEST_FOR_PREDICTION:
        reach = float(student.ppf(0.5 + LEVEL / 2, k - 2))
        reach *= math.sqrt(tau2 + intervals[name].se ** 2)
        prediction = (estimate - reach, estimate + reach)
    return PooledEffect(
        k=k,
        method=f"random effects, REML; {_WORDS[name]}",
        labels=labels,
        effects=effects,
        variances=variances,
        estimate=estimate,
        interval=intervals[name],
        wald=intervals["wald"],
        weights=tuple((w / w.sum()).tolist()),
        modified=intervals["modified"],
        hksj=intervals["hksj"],
        tau2=tau2,
        tau2_low=tau2_low,
        tau2_high=tau2_high,
        q=q,
        q_df=k - 1,
        q_p=float(chi2.sf(q, k - 1)),
        i2=tau2 / (tau2 + typical),
        h2=(tau2 + typical) / typical,
        prediction=prediction,
    )


def _interval(name: str, centre: float, se: float, reach: float, df: int | None) -> MeanInterval:
    return MeanInterval(name, centre - reach * se, centre + reach * se, se, df)


_WORDS: Final = {
    "modified": "Hartung-Knapp-Sidik-Jonkman interval, modified: never narrower than Wald",
    "hksj": "Hartung-Knapp-Sidik-Jonkman interval",
    "wald": "Wald interval",
}


def _reml(y: Array, v: Array) -> tuple[float, float, float, list[float]]:
    """Variance between studies with its interval, and the variances of the mean.

    **Returns:** REML estimate, Q-profile ends, and the variance of the mean as Wald,
    Hartung-Knapp and modified Hartung-Knapp have it, shape (3,).
    """
    with warnings.catch_warnings():
        # PyMARE 0.0.13 leaves a file of its own open while it is imported
        warnings.simplefilter("ignore", ResourceWarning)
        from pymare import estimators as _estimators  # pyright: ignore[reportMissingTypeStubs]
        from pymare import stats as _stats  # pyright: ignore[reportMissingTypeStubs]
    estimators, stats = cast("Any", _estimators), cast("Any", _stats)

    ones = np.ones((y.size, 1))
    # an effect of 1e-6 and one of 1e6 are searched equally well when both are of the order of 1
    unit = float(np.sqrt(v.mean()))
    effects, sampling = y / unit, v / unit**2
    model = estimators.VarianceBasedLikelihoodEstimator(
        method="REML", small_sample_correction="wald", xtol=1e-10, maxiter=200
    ).fit(effects, sampling, ones)
    fitted = model.params_
    tau2 = float(np.ravel(fitted["tau2"])[0])
    wald = fitted["inv_cov"]
    variances = [wald]
    for floor in (False, True):
        cov, _ = stats.knapp_hartung_cov_and_dof(
            effects[:, None],
            sampling[:, None],
            ones,
            fitted["fe_params"],
            wald,
            tau2=tau2,
            conservative=floor,
        )
        variances.append(cov)
    ends = stats.q_profile(effects, sampling, ones, alpha=1.0 - LEVEL)
    scale = unit**2
    of_mean = [scale * float(np.ravel(one)[0]) for one in variances]
    return scale * tau2, scale * float(ends["ci_l"]), scale * float(ends["ci_u"]), of_mean


def _with_others(found: PooledEffect, y: Array, v: Array, name: str) -> PooledEffect:
    """Add the results without each study, the small-study check and the notes."""
    without: list[WithoutOne] = []
    for i, label in enumerate(found.labels):
        kept = np.arange(y.size) != i
        others = tuple(one for j, one in enumerate(found.labels) if j != i)
        rest = _pooled(y[kept], v[kept], others, name)
        without.append(WithoutOne(label, rest.estimate, rest.low, rest.high, rest.tau2, rest.i2))
    egger = _egger(y, v) if found.k >= FEWEST_FOR_EGGER else None
    whole = replace(found, without=tuple(without), egger=egger)
    return replace(whole, notes=tuple(_notes(whole)))


def _egger(y: Array, v: Array) -> SmallStudyCheck | None:
    from scipy.stats import linregress
    from scipy.stats import t as student

    se = np.sqrt(v)
    if np.ptp(se) <= 1e-9 * se.max():
        return None  # no study is smaller than another
    line = cast("Any", linregress(1.0 / se, y / se))
    if line.intercept_stderr <= 1e-9 * max(1.0, float(np.abs(y / se).max())):
        return None  # the studies lie on one line: there is no scatter to test against
    df = y.size - 2
    t = float(line.intercept / line.intercept_stderr)
    return SmallStudyCheck(
        intercept=float(line.intercept),
        se=float(line.intercept_stderr),
        t=t,
        df=df,
        p=float(2.0 * student.sf(abs(t), df)),
    )


def _notes(found: PooledEffect) -> list[str]:
    notes: list[str] = []
    if found.hksj_is_narrower:
        notes.append(
            "The Hartung-Knapp interval as it is would be narrower than the Wald interval: "
            "the studies agree more than chance lets them."
        )
    if found.k < FEWEST_FOR_PREDICTION:
        notes.append(
            "Two studies: the interval rests on one degree of freedom, and there is no "
            "prediction interval."
        )
    elif found.k < 5:
        notes.append(
            f"{found.k} studies: the variance between them is hardly known, see its interval."
        )
    if found.tau2 == 0.0 and found.tau2_high == 0.0:
        notes.append(
            "The variance between studies is estimated as 0, and so are both ends of its "
            "interval: the studies agree more than chance lets them."
        )
    elif found.tau2 == 0.0:
        notes.append(
            "The variance between studies is estimated as 0; its interval says what else it may be."
        )
    if found.k >= FEWEST_FOR_EGGER and found.egger is None:
        notes.append(
            "No small-study check: the studies are equally precise, or agree exactly. Not assessed."
        )
    if found.k < FEWEST_FOR_EGGER:
        notes.append(f"No small-study check: it needs {FEWEST_FOR_EGGER} studies. Not assessed.")
    return notes
