"""Tables of the calibration of the chain to mood, and its targets."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from ketasim.calibration.mood.judgement import GROUPS, RIVALS
from ketasim.evidence import load_table
from ketasim.evidence.mood_training import MEANS, SHARES, SPREADS
from ketasim.models import to_scale
from ketasim.population import card_draws

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ketasim.calibration.mood import (
        Judged,
        MoodFit,
        Number,
        Recovery,
        RowFit,
        Unseen,
    )

ARM_ERROR: Final = 3.0
"""Target of the calibration: largest mean absolute error of an unseen arm, points of the MADRS."""
CONTRAST_ERROR: Final = 2.5
"""Target of the calibration: largest mean absolute error of an unseen contrast, points."""
GAIN: Final = 0.15
"""Target of the calibration: least reduction of the error below that of the best rival."""
COVERAGE: Final = (0.85, 0.95)
"""Target of the calibration: share of published values inside 90 % prediction intervals."""
WIDTH: Final = 13.0
"""Target of the calibration: largest mean width of the 90 % prediction intervals, points."""
DRAWS: Final = 400
"""Draws of the free numbers that are written."""

_NORMAL: Final = 1.959963984540054
_POINTS: Final = (*MEANS, *SPREADS)
_FIT_NUMBERS: Final = ("time_h", "published", "se", "predicted", "sd", "score")


@dataclass(frozen=True)
class MoodTarget:
    """A target of the calibration and what came of it.

    **Arguments:**

    - `name`: what is judged. `goal`: in words.
    - `value`: reached, points or a fraction. `met`: whether it is reached.
    - `noise`: mean absolute error of a perfect prediction, points; nothing where it has no part.
    - `share`: `value` is a fraction. `n`, `trials`: published values judged, and their trials.
    """

    name: str
    goal: str
    value: float
    met: bool
    noise: float | None
    share: bool
    n: int
    trials: int


def overall(unseen: Sequence[Unseen]) -> Judged | None:
    """Errors over all values, nothing where no value was predicted unseen."""
    from ketasim.calibration.mood import judged

    return judged(unseen)[0] if unseen else None


def mood_targets(fit: MoodFit) -> tuple[MoodTarget, ...]:
    """Compare a calibration with its targets.

    **Arguments:**

    - `fit`: what `calibrate_mood` returned.

    **Returns:** as `unseen_targets`.
    """
    return unseen_targets(fit.arms, fit.contrasts)


def unseen_targets(arms: Sequence[Unseen], contrasts: Sequence[Unseen]) -> tuple[MoodTarget, ...]:
    """Compare predictions of unseen trials with the targets.

    **Arguments:**

    - `arms`, `contrasts`: as of `MoodFit`, or of `judge_mood`.

    **Returns:** for arms and for contrasts error, gain over the best rival, coverage and mean width
    of the intervals; empty where no trial was predicted unseen.
    """
    found: list[MoodTarget] = []
    for name, unseen, limit in (
        ("Changes of arms", arms, ARM_ERROR),
        ("Contrasts", contrasts, CONTRAST_ERROR),
    ):
        one = overall(unseen)
        if one is None:
            continue
        low, high = COVERAGE
        count = (one.n, one.trials)
        found += [
            MoodTarget(
                f"{name}: mean absolute error of unseen trials",
                f"at most {limit:.1f} points",
                one.error,
                one.error <= limit,
                one.noise,
                False,
                *count,
            ),
            MoodTarget(
                f"{name}: better than the best of three rivals by",
                f"at least {100 * GAIN:.0f} %",
                one.gain,
                one.gain >= GAIN,
                None,
                True,
                *count,
            ),
            MoodTarget(
                f"{name}: published values inside their 90 % prediction intervals",
                f"{100 * low:.0f} to {100 * high:.0f} %",
                one.coverage,
                low <= one.coverage <= high,
                None,
                True,
                *count,
            ),
            MoodTarget(
                f"{name}: mean width of the 90 % prediction intervals",
                f"at most {WIDTH:.0f} points",
                one.width,
                one.width <= WIDTH,
                None,
                False,
                *count,
            ),
        ]
    return tuple(found)


def unit_of(metric: str) -> str:
    """Unit of a metric of the training table, empty where the model does not predict it."""
    if metric in SHARES:
        return "fraction"
    if metric in _POINTS:
        return "points"
    if metric.startswith("days_to_relapse"):
        return "days"
    return "SD" if metric == "cohen_d" else ""


def comparable(one: RowFit) -> bool:
    """Whether published and predicted have the same unit: points of other scales do not."""
    return one.row.metric not in _POINTS or one.row.scale == "MADRS"


def mood_fit_table(fit: MoodFit) -> pl.DataFrame:
    """Every row of the training table beside its prediction, rows that are not used included.

    **Arguments:**

    - `fit`: what `calibrate_mood` returned.

    **Returns:** columns key, trial, arm, scale, metric, time_h, published, unit, se, predicted, sd,
    score, used, rule, why, source, locator. A prediction is in points of the MADRS where the
    published value is in points of another scale: `sd` and `score` are missing there.
    """
    predicted = {one.row.key: one for one in fit.rows}
    rows: list[dict[str, Any]] = []
    for cells in load_table("mood/training").rows(named=True):
        one = predicted.get(cells["row_id"])
        fair = one is not None and comparable(one)
        rows.append(
            {
                "key": cells["row_id"],
                **{name: cells[name] for name in ("trial", "arm", "scale", "metric")},
                "time_h": _float(cells["time_h"]),
                "published": _float(cells["value"]),
                "unit": unit_of(cells["metric"]),
                "se": _float(cells["se"]) if one is None else one.se,
                "predicted": None if one is None else one.predicted,
                "sd": one.sd if one is not None and fair else None,
                "score": one.score if one is not None and fair else None,
                **{name: cells[name] or "" for name in ("used", "rule", "why")},
                "source": cells["source"],
                "locator": cells["locator"] or "",
            }
        )
    names = list(rows[0])
    schema = {name: pl.Float64 if name in _FIT_NUMBERS else pl.String for name in names}
    return pl.DataFrame(rows, schema=schema)


def unseen_table(fit: MoodFit) -> pl.DataFrame:
    """Changes of arms and contrasts, each predicted without its trial.

    **Arguments:**

    - `fit`: what `calibrate_mood` returned.

    **Returns:** the fields of `Unseen`, `low` and `high` of the 90 % interval, `inside`.
    """
    rows = [
        {**asdict(one), "low": one.low, "high": one.high, "inside": one.inside}
        for one in (*fit.arms, *fit.contrasts)
    ]
    numbers = ("published", "se", "predicted", "sd", *RIVALS, "low", "high")
    schema: dict[str, Any] = {
        **dict.fromkeys(("trial", "arm", "control"), pl.String),
        **dict.fromkeys(("time", "start"), pl.Float64),
        **dict.fromkeys(GROUPS, pl.String),
        **dict.fromkeys(numbers, pl.Float64),
        "inside": pl.Boolean,
    }
    table = pl.DataFrame(rows, schema=schema)
    return table.rename({"time": "time_h", "start": "from_h"})


def refit_table(fit: MoodFit) -> pl.DataFrame:
    """Unseen values of ten trials by the linear step and by full refits.

    **Arguments:**

    - `fit`: what `calibrate_mood` returned with `refit`.

    **Returns:** the fields of `Refitted`, times in h, and whether the published value is `inside`
    the 90 % interval of the full refit.
    """
    schema: dict[str, Any] = {
        **dict.fromkeys(("trial", "arm", "control"), pl.String),
        **dict.fromkeys(("time", "start"), pl.Float64),
        "chosen": pl.String,
        **dict.fromkeys(
            ("published", "se", "linear", "linear_sd", "full", "full_sd"),
            pl.Float64,
        ),
        "steps": pl.Int64,
        "inside": pl.Boolean,
    }
    rows = [{**asdict(one), "inside": one.inside} for one in fit.refits]
    return pl.DataFrame(rows, schema=schema).rename({"time": "time_h", "start": "from_h"})


def recovery_table(recovery: Recovery) -> pl.DataFrame:
    """Numbers that were simulated and fitted back.

    **Arguments:**

    - `recovery`: what `recover_mood` returned.

    **Returns:** the fields of `RecoveredNumber`, and `recovered`; nothing there for between-trial
    SDs.
    """
    numbers = ("truth", "truth_sd", "mean", "sd", "bias", "coverage", "correlation", "shrinkage")
    schema: dict[str, Any] = {
        **dict.fromkeys(("symbol", "meaning", "unit", "scale"), pl.String),
        **dict.fromkeys(numbers, pl.Float64),
        "why": pl.String,
        "recovered": pl.Boolean,
    }
    rows = [
        {**asdict(one), "recovered": None if one.shrinkage is None else not one.why}
        for one in recovery.numbers
    ]
    return pl.DataFrame(rows, schema=schema)


def between_trials_of(fit: MoodFit) -> tuple[str, ...]:
    """Symbols of the between-trial SDs: in the prior, and no free number."""
    free = {number.symbol for number in fit.numbers}
    return tuple(symbol for symbol in fit.prior.extra["prior"] if symbol not in free)


def mood_parameter_table(fit: MoodFit) -> pl.DataFrame:
    """Prior against posterior of the free numbers and the between-trial SDs.

    **Arguments:**

    - `fit`: what `calibrate_mood` returned.

    **Returns:** columns symbol, meaning, unit, kind (`free` or `between trials`), scale, prior,
    prior_sd, value, sd, low, high, shrinkage, moved, grade. SDs are on the scale; the interval is
    of 95 %. Between-trial variability has neither SD nor interval.
    """
    rows: list[dict[str, Any]] = []
    for one in fit.numbers:
        entry = fit.card.entry(one.symbol)
        rows.append(
            {
                "symbol": one.symbol,
                "meaning": one.meaning,
                "unit": one.unit,
                "kind": "free",
                "scale": one.scale,
                "prior": one.prior,
                "prior_sd": one.prior_sd,
                "value": one.value,
                "sd": one.sd,
                "low": entry.low,
                "high": entry.high,
                "shrinkage": one.shrinkage,
                "moved": one.moved,
                "grade": entry.grade,
            }
        )
    for symbol in between_trials_of(fit):
        entry = fit.card.entry(symbol)
        rows.append(
            {
                "symbol": symbol,
                "meaning": entry.meaning,
                "unit": entry.unit,
                "kind": "between trials",
                "scale": "log",
                "prior": fit.prior.entry(symbol).value,
                "prior_sd": float(fit.prior.extra["prior"][symbol]),
                "value": entry.value,
                "grade": entry.grade,
            }
        )
    text = ("symbol", "meaning", "unit", "kind", "scale")
    numbers = ("prior", "prior_sd", "value", "sd", "low", "high", "shrinkage")
    return pl.DataFrame(
        rows,
        schema={
            **dict.fromkeys(text, pl.String),
            **dict.fromkeys(numbers, pl.Float64),
            "moved": pl.Boolean,
            "grade": pl.String,
        },
    )


def mood_correlation_table(fit: MoodFit) -> pl.DataFrame:
    """Correlation of the free numbers after the fit, a column for each.

    **Arguments:**

    - `fit`: what `calibrate_mood` returned.
    """
    symbols = [number.symbol for number in fit.numbers]
    return pl.DataFrame(
        {
            "symbol": symbols,
            **{symbol: fit.correlation[:, i] for i, symbol in enumerate(symbols)},
        }
    )


def mood_draws_table(fit: MoodFit, *, count: int = DRAWS) -> pl.DataFrame:
    """Sets of the free numbers that the data allow, one a row.

    **Main arguments:**

    - `fit`: what `calibrate_mood` returned; its seed is that of the draws.

    **Other arguments:**

    - `count`: how many.
    """
    values = card_draws(fit.card, fit.seed, 0, count)
    return pl.DataFrame(
        {"draw": range(count), **{one.symbol: values[one.symbol] for one in fit.numbers}}
    )


def on_scale(number: Number, value: float) -> float:
    """A value of a free number on the scale on which it was free."""
    return float(to_scale(number.scale, value))


def interval_in_priors(number: Number) -> tuple[float, float, float]:
    """Posterior and its 95 % interval in prior SDs from the prior value, on the number's scale."""
    shift = (on_scale(number, number.value) - on_scale(number, number.prior)) / number.prior_sd
    half = _NORMAL * number.shrinkage
    return shift, shift - half, shift + half


def _float(text: str | None) -> float | None:
    try:
        return None if text in (None, "") else float(text)
    except ValueError:
        return None
