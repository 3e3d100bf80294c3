"""A course by week: expected scores before its sessions and a day after them."""

from __future__ import annotations

import math
from collections.abc import Sequence
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
    "before_h": pl.Float64,
    "after_h": pl.Float64,
    "MADRS_before": pl.Float64,
    "MADRS_after": pl.Float64,
    "response": pl.Float64,
    "remission": pl.Float64,
}
"""Columns of the table by week."""


@dataclass(frozen=True)
class Week:
    """A week of a course.

    **Arguments:**

    - `number`: from 1, counted from the first dose. `sessions`: how many begin in it.
    - `before`: h, start of its first session; of a week without, its start.
    - `after`: h, a day after the start of its last session; of a week without, its end. Never
      after the horizon.
    """

    number: int
    sessions: int
    before: float
    after: float


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
        before, after = (min(own), max(own) + _DAY) if own else (start, end)
        found.append(Week(place + 1, len(own), before, min(after, horizon)))
    return tuple(found)


def week_times(weeks: Sequence[Week]) -> Array:
    """Times before and after, h, one week after the other, shape (2W,)."""
    times = [time for week in weeks for time in (week.before, week.after)]
    return np.round(np.asarray(times, np.float64), 9)


def week_table(
    weeks: Sequence[Week], scores: Array, baseline: float, noise: VisitNoise | None
) -> pl.DataFrame:
    """Outcomes before and after the sessions of each week.

    **Arguments:**

    - `weeks`: of the course. `scores`: MADRS at `week_times`, points, shape (n, 2W).
    - `baseline`: MADRS before treatment, points.
    - `noise`: within a patient; nothing for the typical patient, who has no shares.

    **Returns:** columns of `SCHEMA`; response and remission are shares of patients at `after_h`.
    """
    mean = scores.mean(axis=0)
    after = scores[:, 1::2]
    shares: dict[str, Array | None] = {"response": None, "remission": None}
    if noise is not None:
        sd = noise.sd([week.after for week in weeks])
        shares = {
            "response": response_chance(after, baseline, sd).mean(axis=0),
            "remission": remission_chance(after, REMISSION, sd).mean(axis=0),
        }
    columns = {
        "week": [week.number for week in weeks],
        "sessions": [week.sessions for week in weeks],
        "before_h": [week.before for week in weeks],
        "after_h": [week.after for week in weeks],
        "MADRS_before": mean[0::2],
        "MADRS_after": mean[1::2],
        **{name: [None] * len(weeks) if share is None else share for name, share in shares.items()},
    }
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
