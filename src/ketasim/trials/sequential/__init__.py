"""Looks at a running trial and its size: boundaries, alpha spending, power of simple designs."""

from ketasim.trials.sequential.boundaries import KINDS, Boundaries, boundaries, fixed_drift
from ketasim.trials.sequential.crossing import crossing
from ketasim.trials.sequential.fixed import (
    events_needed,
    power_of_means,
    power_of_rates,
    size_of_means,
    size_of_rates,
)

__all__ = [
    "KINDS",
    "Boundaries",
    "boundaries",
    "crossing",
    "events_needed",
    "fixed_drift",
    "power_of_means",
    "power_of_rates",
    "size_of_means",
    "size_of_rates",
]
