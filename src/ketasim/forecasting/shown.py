"""A forecast by week, for a short table."""

from __future__ import annotations

from typing import Final

import polars as pl

from ketasim._base.headline import plain
from ketasim.forecasting.result import Forecast
from ketasim.forecasting.words import chance

HEADER: Final = ("option", "day", "score", "", "response", "remission", "well")
"""Heads of the columns of `week_rows`; the fourth is of the range."""

_WEEK: Final = 7.0
_MOST: Final = 5  # rows of an option


def week_rows(result: Forecast) -> list[list[str]]:
    """Some days of each option, on the scale of the score before treatment: now, weeks, the end."""
    days = sorted(result.days["day"].unique())
    first, last = days[0], days[-1]
    # now may be within a day, after a session with a clock time: the day nearest to each week
    ends = [first + week * _WEEK for week in range(int((last - first) / _WEEK) + 1)]
    weeks = [min(days, key=lambda day, end=end: abs(day - end)) for end in ends]
    every = -(-len(weeks) // _MOST)
    shown = sorted({*weeks[::every], last})
    rows: list[list[str]] = []
    table = result.days.filter(pl.col("scale") == result.scales[0])
    for name in result.names:
        own = {row["day"]: row for row in table.filter(pl.col("option") == name).to_dicts()}
        for place, day in enumerate(shown):
            row = own[day]
            rows.append(
                [
                    "" if place else name,
                    f"{day:.4g}",
                    plain(row["mean"]),
                    f"({plain(row['p05'])}-{plain(row['p95'])})",
                    *(chance(row[key]) for key in ("p_response", "p_remission", "p_well")),
                ]
            )
    return rows
