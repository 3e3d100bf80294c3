"""The table of single patients: a row a patient, a scale and a visit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl

from ketasim.dosing import Arm, Trial
from ketasim.trials.patients.leaving import CAUSES
from ketasim.trials.ratings import Ratings
from ketasim.trials.size import MOST_ROWS

_CAUSE: Final = pl.Enum(CAUSES)
_CAUSES: Final = {float(code): name for code, name in enumerate(CAUSES)}


def kept_replicates(trial: Trial, arms: Sequence[Arm]) -> int:
    """How many replicates of single patients are kept.

    **Arguments:**

    - `trial`: with its replicates. `arms`: those that are rated.
    """
    rows = sum(
        trial.arm(arm.id).n * sum(1 + len(times) for times in _by_scale(trial, arm).values())
        for arm in arms
    )
    return min(trial.replicates, max(1, MOST_ROWS // rows))


def _by_scale(trial: Trial, arm: Arm) -> dict[str, tuple[float, ...]]:
    """Visits after the baseline by scale."""
    times: dict[str, set[float]] = {}
    for one in trial.assessed(arm):
        start = () if one.start is None else (one.start,)
        times.setdefault(one.scale, set()).update((*one.times, *start))
    return {scale: tuple(sorted(found - {0.0})) for scale, found in times.items()}


def patient_tables(
    trial: Trial, arm: Arm, rated: Ratings, first: int, count: int
) -> list[pl.DataFrame]:
    """The patients of an arm, replicate by replicate, a table a scale.

    **Arguments:**

    - `arm`, `rated`: and its ratings. `first`, `count`: the replicates, counted from 0.
    """
    n, tables = arm.n, list[pl.DataFrame]()
    arms = pl.Enum([arm.id for arm in trial.arms])
    scales = pl.Enum(list(dict.fromkeys(each.scale for each in trial.assessments)))
    place = trial.arms.index(arm)
    for scale, times in _by_scale(trial, arm).items():
        hours = np.array([0.0, *times])
        baseline = rated.baseline(scale)[:count]
        score = np.stack([baseline, *(rated.score(scale, t)[:count] for t in times)], axis=2)
        change = score - baseline[:, :, None]
        limit = _remission(trial, scale)
        table = pl.DataFrame(
            {
                "replicate": np.repeat(np.arange(first, first + count), n * len(hours)),
                "id": np.tile(np.repeat(np.arange(n), len(hours)), count),
                "time_h": np.tile(hours, count * n),
                "score": score.ravel(),
                "change": change.ravel(),
                "baseline": np.repeat(baseline.ravel(), len(hours)),
                **{
                    name: np.repeat(values[:count].ravel(), len(hours))
                    for name, values in rated.courses.items()
                },
            }
        )
        # who is not in an arm of a randomised withdrawal has no baseline in it
        table = table.filter(pl.col("baseline").is_not_nan())
        table = table.with_columns(pl.col("score", "change").fill_nan(None))
        least = trial.response_at_least * pl.col("baseline") - 1e-9
        response = pl.when(pl.col("baseline") > 0).then(-pl.col("change") >= least)
        remission = pl.lit(None, pl.Boolean) if limit is None else pl.col("score") <= limit
        tables.append(
            table.select(
                "replicate",
                pl.lit(arm.id, dtype=arms).alias("arm"),
                "id",
                "time_h",
                pl.lit(scale, dtype=scales).alias("scale"),
                "score",
                "change",
                response.alias("response"),
                remission.alias("remission"),
                pl.col("score").is_null().alias("dropped"),
                pl.when(pl.col("score").is_null())
                .then(pl.col("cause").replace_strict(_CAUSES, default=None, return_dtype=_CAUSE))
                .alias("left"),
                pl.col("sessions").cast(pl.Int32),
                pl.col("missed").cast(pl.Int32),
                (pl.col("rescued") <= pl.col("time_h")).alias("rescued"),
                pl.lit(place).alias("place"),
            )
        )
    return tables


def _remission(trial: Trial, scale: str) -> float | None:
    """Highest score that is remission: the first an assessment of the scale names."""
    limits = [one.remission_at_most for one in trial.assessments if one.scale == scale]
    return next((limit for limit in limits if limit is not None), None)
