"""A course by week: scores at the trough before its sessions, and at the peak a day after."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim.population import VisitNoise, remission_chance, response_chance

Array = NDArray[np.float64]

REMISSION: Final = 10.0
"""MADRS of at most so many points is a remission in the table by week."""

_DAY, _WEEK = 24.0, 168.0
_SLIP = 1e-6

SCHEMA: Final = {
    "week": pl.Int64,
    "sessions": pl.Int64,
    "trough_h": pl.Float64,
    "peak_h": pl.Float64,
    "MADRS_trough": pl.Float64,
    "MADRS_peak": pl.Float64,
    "response_trough": pl.Float64,
    "response_peak": pl.Float64,
    "remission_trough": pl.Float64,
    "remission_peak": pl.Float64,
}
"""Columns of the table by week."""


@dataclass(frozen=True)
class Week:
    """A week of a course.

    **Arguments:**

    - `number`: from 1, counted from the first dose. `sessions`: how many begin in it.
    - `trough`: h, start of its first session; of a week without, its start.
    - `peak`: h, a day after the start of its last session; of a week without, its end. Never
      after the horizon.
    """

    number: int
    sessions: int
    trough: float
    peak: float


def weeks_of(sessions: Sequence[float], horizon: float) -> tuple[Week, ...]:
    """Weeks of a course, with the times that show what its sessions do.

    Times follow the sessions and not a grid: a grid that falls on dosing days would show scores at
    their worst, or at their best.

    **Arguments:**

    - `sessions`: h, their starts. `horizon`: h.
    """
    found: list[Week] = []
    for place in range(max(math.ceil((horizon - _SLIP) / _WEEK), 1)):
        start, end = place * _WEEK, (place + 1) * _WEEK
        own = [s for s in sessions if start - _SLIP <= s < end - _SLIP and s < horizon]
        trough, peak = (min(own), max(own) + _DAY) if own else (start, end)
        found.append(Week(place + 1, len(own), trough, min(peak, horizon)))
    return tuple(found)


def week_times(weeks: Sequence[Week]) -> Array:
    """Troughs and peaks, h, one week after the other, shape (2W,)."""
    times = [time for week in weeks for time in (week.trough, week.peak)]
    return np.round(np.asarray(times, np.float64), 9)


def mean_weeks(
    times: Array, scores: Array, baseline: float, noise: VisitNoise | None
) -> dict[str, Array]:
    """Outcomes before and after the sessions of each week, in the mean over patients.

    **Arguments:**

    - `times`: as `week_times` returns them. `scores`: MADRS at these, points, shape (n, 2W).
    - `baseline`: MADRS before treatment, points.
    - `noise`: within a patient; nothing for the typical patient, who has no shares.

    **Returns:** `MADRS`, and `response` and `remission` where there are shares, shape (2W,).
    """
    found = {"MADRS": scores.mean(axis=0)}
    if noise is not None:
        sd = noise.sd(times)
        found["response"] = response_chance(scores, baseline, sd).mean(axis=0)
        found["remission"] = remission_chance(scores, REMISSION, sd).mean(axis=0)
    return found


def week_table(weeks: Sequence[Week], means: Mapping[str, Array]) -> pl.DataFrame:
    """Outcomes before and after the sessions of each week.

    **Arguments:**

    - `weeks`: of the course. `means`: of all patients, as `mean_weeks` returns them.

    **Returns:** columns of `SCHEMA`; response and remission are shares of patients, at `trough_h`
    and at `peak_h`.
    """
    columns: dict[str, Any] = {
        "week": [week.number for week in weeks],
        "sessions": [week.sessions for week in weeks],
    }
    named = {name: means.get(name) for name in ("MADRS", "response", "remission")}
    for name, values in (("", week_times(weeks)), *named.items()):
        for place, when in enumerate(("trough", "peak")):
            key = f"{name}_{when}" if name else f"{when}_h"
            columns[key] = [None] * len(weeks) if values is None else values[place::2]
    return pl.DataFrame(columns, schema=SCHEMA)


def shown_weeks(table: pl.DataFrame, most: int) -> list[dict[str, Any]]:
    """Choose weeks for a short table: the first, the week of the last session, the last.

    **Arguments:**

    - `table`: columns of `SCHEMA`. `most`: rows at most, four or more.

    **Returns:** the rows; all of them where they are not more than `most`.
    """
    count = len(table)
    if count <= most:
        return table.to_dicts()
    treated = table["sessions"].to_numpy().nonzero()[0]
    last = int(treated[-1]) if len(treated) else count - 1
    at_end = most // 3
    chosen = {*range(count - at_end, count), last}
    for place in range(count):
        if len(chosen) == most:
            break
        chosen.add(place)
    return table[sorted(chosen)].to_dicts()
