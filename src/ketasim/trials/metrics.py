"""What a trial measures, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    pass

METRICS: Final = {
    "score": "score",
    "change": "change from baseline",
    "percent_change": "change from baseline, %",
    "response": "response",
    "remission": "remission",
    "relapse": "relapsed",
    "time_to_relapse": "time without relapse, restricted mean",
    "sustained_response": "sustained response",
}
"""Metric to its name in words."""

RATES: Final = ("response", "remission", "relapse", "sustained_response")


def unit_of(metric: str) -> str:
    """Unit behind a value of a metric; none where it is a share."""
    if metric in ("score", "change"):
        return "points"
    return {"percent_change": "%", "time_to_relapse": "days"}.get(metric, "")
