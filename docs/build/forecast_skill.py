"""Skill of the forecast beside four rivals on simulated patients, and how well it tells response.

Rivals learn from other simulated patients of the same law, as from an endless trial of the same
course: last score carried forward, mean of the population, regression of the later score on the
last one that is known, and a mixed model with random intercept and slope. Each is a normal law on
the scale, rounded and within its ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

import forecast_fits
from ketasim.population import from_madrs, to_madrs
from ketasim.validation.forecast.discrimination import discrimination
from ketasim.validation.forecast.fits import simulated
from ketasim.validation.forecast.points import normal_points
from ketasim.validation.forecast.settings import COUNTS, KNOWN, LATER, SETTINGS, Setting
from results import keep, kept, read, tell
from table import table

RESULT, AREAS = "forecast-skill", "forecast-areas"
LEARNT = 300
"""Simulated patients of each setting from whom rivals learn."""

RIVALS = ("last score carried forward", "population mean", "regression", "mixed model")
FORECAST = "forecast"
_SCALES = {"MADRS": "MADRS", "PHQ9": "PHQ-9"}
Array = np.ndarray[Any, Any]


def compute() -> None:
    """Score the kept fits and the rivals; a minute or two beside the fits."""
    fits = forecast_fits.fits()
    errors: list[dict[str, Any]] = []
    areas: list[dict[str, Any]] = []
    for setting in SETTINGS:
        tell(setting.name)
        own = fits.filter(pl.col("setting") == setting.name).sort("patient")
        rivals = _Rivals(setting)
        for count in COUNTS:
            part = own.filter(pl.col("scores") == count)
            for place, day in enumerate(LATER):
                name = f"{day:g}"
                truth = part[f"rated_{name}"].to_numpy()
                key = {"scale": setting.baseline[0], "scores": count, "day": day}
                errors += _of(
                    key, FORECAST, truth, part[f"median_{name}"], part[f"crps_{name}"].to_numpy()
                )
                for rival, mean, sd in rivals.told(count, place):
                    points = normal_points(mean, sd, setting.baseline[0])
                    errors += _of(key, rival, truth, points.median, points.crps(truth))
            last = rivals.scores[:, count - 1]
            responds = part["response_28"].to_numpy()
            for who, numbers in (
                (FORECAST, part["p_response_28"].to_numpy()),
                ("last score", -last),
            ):
                found = discrimination(numbers, responds)
                half = (found.high - found.low) / 2.0
                areas.append({"scores": count, "who": who, "area": found.area, "half": half})
    columns = ("scale", "scores", "day", "who")
    mean = pl.col("error", "crps").mean()
    table_of = pl.DataFrame(errors).group_by(columns, maintain_order=True)
    keep(RESULT, table_of.agg(mean, pl.len().alias("n")))
    # settings are areas of their own: what the score before treatment tells is not counted
    within = pl.DataFrame(areas).group_by(["scores", "who"], maintain_order=True)
    spread = (pl.col("half") ** 2).sum().sqrt() / pl.len()
    keep(AREAS, within.agg(pl.col("area").mean(), spread.alias("half"), pl.len().alias("settings")))


def _of(
    key: dict[str, Any], who: str, truth: Array, middle: Any, crps: Array
) -> list[dict[str, Any]]:
    gaps = np.abs(np.asarray(middle, np.float64) - truth)
    return [
        {**key, "who": who, "error": float(gap), "crps": float(score)}
        for gap, score in zip(gaps, crps, strict=True)
    ]


class _Rivals:
    """The rivals of a setting, on the scale of its score before treatment."""

    def __init__(self, setting: Setting) -> None:
        scale = setting.baseline[0]
        days = np.array([*KNOWN, *LATER])
        learnt = simulated(setting, LEARNT, learnt=True)
        theirs = simulated(setting, forecast_fits.PATIENTS)
        self._learnt = _on(learnt.scores, setting.scales, scale)
        self.scores = _on(theirs.scores, setting.scales, scale)
        self._design = np.column_stack([np.ones(len(days)), days])
        self._fixed, self._random, self._error = _mixed(self._learnt, days)

    def told(self, count: int, place: int) -> Iterator[tuple[str, Array, Any]]:
        """Mean and SD of each rival for the later score at a place of `LATER`."""
        column = len(KNOWN) + place
        then, now = self._learnt[:, column], self._learnt[:, count - 1]
        last = self.scores[:, count - 1]
        yield RIVALS[0], last, float(np.sqrt(np.mean((then - now) ** 2)))
        yield RIVALS[1], np.full(len(last), then.mean()), float(then.std(ddof=1))
        slope, start = np.polyfit(now, then, 1)
        rest = then - start - slope * now
        yield RIVALS[2], start + slope * last, float(rest.std(ddof=2))
        yield RIVALS[3], *self._by_mixed(count, column)

    def _by_mixed(self, count: int, column: int) -> tuple[Array, float]:
        known, later = self._design[:count], self._design[column]
        whole = known @ self._random @ known.T + self._error * np.eye(count)
        gain = np.linalg.solve(whole, known @ self._random @ later)
        mean = self._fixed[column] + (self.scores[:, :count] - self._fixed[:count]) @ gain
        variance = later @ self._random @ later - gain @ (known @ self._random @ later)
        return mean, float(np.sqrt(variance + self._error))


def _on(scores: Array, scales: tuple[str, ...], scale: str) -> Array:
    """Scores in points of one scale, by the cross-walk."""
    columns = [
        scores[:, place]
        if own == scale
        else np.asarray(from_madrs(scale, to_madrs(own, scores[:, place])), np.float64)
        for place, own in enumerate(scales)
    ]
    return np.column_stack(columns)


def _mixed(scores: Array, days: Array) -> tuple[Array, Array, float]:
    """Means of the visits, covariance of intercept and slope, and variance of the rest."""
    import warnings

    from statsmodels.regression.mixed_linear_model import MixedLM

    n, visits = scores.shape
    which = np.tile(np.eye(visits), (n, 1))
    # in months: intercept and slope are of one size, which the search likes
    scaled = np.tile(np.column_stack([np.ones(visits), days / 28.0]), (n, 1))
    model = MixedLM(scores.ravel(), which, groups=np.repeat(np.arange(n), visits), exog_re=scaled)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a slope without variance is a result as any other
        found = model.fit(reml=True)
    turn = np.diag([1.0, 1.0 / 28.0])
    random = turn @ np.asarray(found.cov_re) @ turn
    return np.asarray(found.fe_params), random, float(found.scale)


def skill() -> str:
    """Return errors and scores of the forecast and its rivals."""
    if not kept(RESULT):
        return "Not computed yet: `make forecast-checks`."
    rows = read(RESULT).to_dicts()
    parts: list[str] = []
    for scale in dict.fromkeys(row["scale"] for row in rows):
        own = [row for row in rows if row["scale"] == scale]
        names = list(dict.fromkeys(row["who"] for row in own))
        lines: list[list[str]] = []
        for day in LATER:
            for count in COUNTS:
                cell = {
                    row["who"]: row for row in own if (row["scores"], row["day"]) == (count, day)
                }
                best = min(cell[name]["crps"] for name in RIVALS)
                gain = 1.0 - cell[FORECAST]["crps"] / best
                lines.append(
                    [
                        f"{day:g}",
                        str(count),
                        *(f"{cell[name]['error']:.2f}; {cell[name]['crps']:.2f}" for name in names),
                        f"{100 * gain:.0f} %",
                    ]
                )
        head = ["day", "scores", *names, "CRPS below the best rival by"]
        n = own[0]["n"]
        told = f"{_SCALES[scale]}, {n} patients: mean absolute error; CRPS, both in points."
        parts.append(f"{told}\n\n{table(head, lines)}\n")
    return "\n".join(parts)


def areas() -> str:
    """Return how well the forecast tells who responds on day 28."""
    if not kept(AREAS):
        return "Not computed yet: `make forecast-checks`."
    rows = read(AREAS).to_dicts()
    names = list(dict.fromkeys(row["who"] for row in rows))
    lines: list[list[str]] = []
    for count in COUNTS:
        cell = {row["who"]: row for row in rows if row["scores"] == count}
        lines.append([str(count), *(_area(cell[name]) for name in names)])
    return table(["scores", *(f"AUC by the {name}, 95 % interval" for name in names)], lines) + "\n"


def _area(row: dict[str, Any]) -> str:
    return f"{row['area']:.2f} ({row['area'] - row['half']:.2f} to {row['area'] + row['half']:.2f})"
