"""Response, remission and staying well over time, and the contributions to the improvement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim.population import (
    VisitNoise,
    convertible,
    from_madrs,
    remission_chance,
    response_chance,
    still_well,
)
from ketasim.simulation.mood.inputs import PARTS
from ketasim.simulation.mood.weeks import week_times, weeks_of

Array = NDArray[np.float64]

REMISSION: Final = (10, 12)
"""MADRS of at most so many points is a remission; trials use either."""

CHANCES: Final = ("response", *(f"remission_{points}" for points in REMISSION), "still_well")
"""Shares of patients in the table."""

OCCASIONS: Final = ("baseline", "trough", "peak", "trough and peak", "between", "follow-up")
"""What a time in the table is: before treatment; before a further session; a day after a session;
both; between the two; after the last session."""

_DAY = 24.0
_SHORT = 14 * _DAY  # a course followed for less is told by the day
_LEAST_FALL = 1e-6  # points; of less there are no shares
_SLIP = 1e-6


@dataclass(frozen=True)
class Scores:
    """Scores of patients at the times of the table.

    **Arguments:**

    - `times`: h, shape (R,), `well_from` among them when it is within the horizon.
    - `sessions`: h, their starts, ascending.
    - `well_from`: h, the rating from which patients count as still well.
    - `baseline`: MADRS before treatment, points.
    - `values`: `MADRS` and the parts of its fall, points, shape (n, R).
    """

    times: Array
    sessions: tuple[float, ...]
    well_from: float
    baseline: float
    values: Mapping[str, Array]


def assessment_times(
    sessions: Sequence[float], horizon: float, extra: Sequence[float] = ()
) -> Array:
    """Times of the table: troughs and peaks of the sessions, and what lies between and after them.

    Times follow the sessions and not a grid: a grid that falls on dosing days would show scores at
    their worst, or at their best.

    **Arguments:**

    - `sessions`: h, their starts. `horizon`: h. `extra`: h, left out when they are after it.

    **Returns:** h, ascending: days 0 and 1, of each week the start of its first session and a day
    after its last, a week without sessions from its start to its end, and the horizon; of a course
    of up to two weeks every session and every day.
    """
    if horizon <= _SHORT:
        days = np.arange(0.0, horizon + _SLIP, _DAY)
        regular = np.concatenate([days, sessions, np.asarray(sessions) + _DAY])
    else:
        regular = week_times(weeks_of(sessions, horizon))
    wanted = np.asarray([0.0, _DAY, horizon, *extra], np.float64)
    times = np.round(np.concatenate([regular, wanted]), 9)
    return np.unique(np.minimum(times[times <= horizon + _SLIP], horizon))


def occasions(times: Array, sessions: Sequence[float]) -> list[str]:
    """Name each time by the sessions around it.

    **Arguments:**

    - `times`: h. `sessions`: h, their starts, ascending.

    **Returns:** of each time one of `OCCASIONS`.
    """
    starts = np.asarray(sessions, np.float64)
    if not len(starts):
        return [OCCASIONS[0 if time <= _SLIP else -1] for time in times]
    found: list[str] = []
    for time in times:
        trough = bool((np.abs(starts[1:] - time) <= _SLIP).any())
        peak = bool((np.abs(starts + _DAY - time) <= _SLIP).any())
        if time <= starts[0] + _SLIP:
            found.append("baseline")
        elif trough or peak:
            found.append(" and ".join(["trough"] * trough + ["peak"] * peak))
        else:
            found.append("follow-up" if time > starts[-1] else "between")
    return found


def _chances(scores: Scores, noise: VisitNoise, *, coarse: bool = False) -> dict[str, Array]:
    """Chance of each patient, shape (n, R); still well is not a number before it is counted."""
    score, sd = scores.values["MADRS"], noise.sd(scores.times)
    found = {"response": response_chance(score, scores.baseline, sd)}
    for points in REMISSION:
        found[f"remission_{points}"] = remission_chance(score, points, sd)
    well = np.full(score.shape, np.nan)
    since = scores.times >= scores.well_from - _SLIP
    if since.any():
        times = scores.times[since]
        well[:, since] = still_well(score[:, since], scores.baseline, noise, times, coarse=coarse)[
            1
        ]
    return found | {"still_well": well}


def mean_scores(scores: Scores, noise: VisitNoise | None) -> dict[str, Array]:
    """What the table by time is made of, in the mean over patients.

    **Arguments:**

    - `scores`: of the patients.
    - `noise`: within a patient; nothing for the typical patient.

    **Returns:** `MADRS`; `CHANCES` where there is a population; the parts of the fall; each of
    shape (R,).
    """
    found = {"MADRS": scores.values["MADRS"].mean(axis=0)}
    if noise is not None:
        # the mean of what is not a number is not a number: no warning, nothing hidden
        found |= {name: table.mean(axis=0) for name, table in _chances(scores, noise).items()}
    return found | {part: scores.values[part].mean(axis=0) for part in PARTS}


def weekly_table(scores: Scores, means: Mapping[str, Array]) -> pl.DataFrame:
    """Outcomes by time.

    **Arguments:**

    - `scores`: of which only times, sessions and baseline are looked at.
    - `means`: of all patients, as `mean_scores` returns them.

    **Returns:** columns time_h, day, occasion (one of `OCCASIONS`), MADRS; `CHANCES` (fractions of
    all patients) where there is a population; the parts of the mean fall in points and as `share_…`
    of it; and the mean on each other scale with a cross-walk.
    """
    mean = means["MADRS"]
    columns: dict[str, Array] = {"time_h": scores.times, "day": scores.times / _DAY, "MADRS": mean}
    columns |= {name: means[name] for name in CHANCES if name in means}
    parts = {part: means[part] for part in PARTS}
    fall = scores.baseline - mean
    there = np.abs(fall) > _LEAST_FALL
    shares = {
        f"share_{part.removeprefix('by_')}": np.where(there, p / np.where(there, fall, 1.0), np.nan)
        for part, p in parts.items()
    }
    scales = {s: np.asarray(from_madrs(s, mean), np.float64) for s in convertible() if s != "MADRS"}
    table = pl.DataFrame({**columns, **parts, **shares, **scales})
    named = pl.Series("occasion", occasions(scores.times, scores.sessions), pl.String)
    return table.with_columns(pl.all().fill_nan(None)).insert_column(2, named)


def drawn_chances(scores: Scores, noise: VisitNoise, draws: int) -> dict[str, Array]:
    """Shares under each draw of the card's numbers.

    **Arguments:**

    - `scores`: of as many patients with each draw, one draw after another.
    - `noise`: within a patient. `draws`: how many.

    **Returns:** name of `CHANCES` to shape (draws, R).
    """
    return {
        name: table.reshape(draws, -1, table.shape[1]).mean(axis=1)
        for name, table in _chances(scores, noise, coarse=True).items()
    }


def spread_of_chances(drawn: Mapping[str, Array]) -> list[pl.Series]:
    """Range of the shares over the uncertainty of the card's numbers.

    **Arguments:**

    - `drawn`: as `drawn_chances` returns them, and others.

    **Returns:** columns such as `response_p05` and `response_p95`.
    """
    columns: list[pl.Series] = []
    for name in CHANCES:
        share = drawn[name]
        for percent in (5, 95):
            values = np.quantile(share, percent / 100.0, axis=0)
            columns.append(pl.Series(f"{name}_p{percent:02d}", values).fill_nan(None))
    return columns


def spread_of_parts(scores: Scores, draws: int) -> list[pl.Series]:
    """Range over the uncertainty of the contributions to the improvement.

    **Arguments:** as of `drawn_chances`.

    **Returns:** columns such as `by_drug_p05`, points, and `share_drug_p05`, of the mean fall.
    """
    columns: list[pl.Series] = []
    shape = (draws, -1, len(scores.times))
    fall = scores.baseline - scores.values["MADRS"].reshape(shape).mean(axis=1)
    there = np.abs(fall) > _LEAST_FALL
    for part in PARTS:
        points = scores.values[part].reshape(shape).mean(axis=1)
        share = np.where(there, points / np.where(there, fall, 1.0), 0.0)
        for name, table in ((part, points), (f"share_{part.removeprefix('by_')}", share)):
            for percent in (5, 95):
                values = np.quantile(table, percent / 100.0, axis=0)
                columns.append(pl.Series(f"{name}_p{percent:02d}", values))
    return columns
