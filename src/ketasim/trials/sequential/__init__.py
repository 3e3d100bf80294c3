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
from ketasim.trials.sequential.futility import (
    Stops,
    beta_spent,
    conditional_bound,
    drift_with,
    spent_bound,
    stops,
)

__all__ = [
    "KINDS",
    "Boundaries",
    "Stops",
    "beta_spent",
    "boundaries",
    "conditional_bound",
    "crossing",
    "drift_with",
    "events_needed",
    "fixed_drift",
    "power_of_means",
    "power_of_rates",
    "size_of_means",
    "size_of_rates",
    "spent_bound",
    "stops",
]
