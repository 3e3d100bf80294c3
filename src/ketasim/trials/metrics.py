"""What a trial measures, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    pass

RATIO: Final = "hazard_ratio"
"""Metric that only two arms have, the first over the second."""

CONTRASTED: Final = (
    "change",
    "response",
    "remission",
    "no_relapse",
    "change_from_phase",
    "response_from_phase",
)
"""Metrics of which arms are compared."""

METRICS: Final = {
    "score": "score",
    "change": "change from baseline",
    "percent_change": "change from baseline, %",
    "response": "response",
    "remission": "remission",
    "relapse": "relapsed",
    "no_relapse": "free of relapse",
    "time_to_relapse": "time without relapse, restricted mean",
    "sustained_response": "sustained response",
    "change_from_phase": "change from the randomisation",
    "response_from_phase": "response from the randomisation",
    "hazard_ratio": "hazard ratio of relapse",
}
"""Metric to its name in words."""

RATES: Final = (
    "response",
    "remission",
    "relapse",
    "no_relapse",
    "sustained_response",
    "response_from_phase",
)
"""Metrics that are shares of patients."""


def unit_of(metric: str) -> str:
    """Unit behind a value of a metric; none where it is a share."""
    if metric in ("score", "change", "change_from_phase"):
        return "points"
    return {"percent_change": "%", "time_to_relapse": "days"}.get(metric, "")


PUBLISHED: Final = {
    **METRICS,
    "change": "change",
    "contrast": "difference of changes",
    "response30": "response of 30 %",
    "sd_change": "SD of change",
    "sd_score": "SD of score",
    "change_from_phase": "change from the start of the phase",
    "sd_change_from_phase": "SD of change from the start of the phase",
    "change_entered": "change of those who entered the phase",
    "sd_change_entered": "SD of change of those who entered the phase",
    "days_to_relapse_mean": "mean days to relapse",
    "days_to_relapse_median": "median days to relapse",
    "cohen_d": "standardised difference",
}
"""Metric of the training table to its name in words."""


def value_in_words(metric: str) -> str:
    """Name of a published value in words."""
    return PUBLISHED.get(metric, metric.replace("_", " "))


def is_share(metric: str) -> bool:
    """Whether a published value is a fraction of patients."""
    return metric in (*RATES, "response30", "dropout")
