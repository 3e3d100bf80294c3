"""Trials simulated: arms, drop-out, ratings, and what an assessment tells of them."""

from ketasim.trials.assess import Cell, Values
from ketasim.trials.result import Estimate, TrialAssumption, TrialResult
from ketasim.trials.run import OBSERVED, run_trial

__all__ = [
    "OBSERVED",
    "Cell",
    "Estimate",
    "TrialAssumption",
    "TrialResult",
    "Values",
    "run_trial",
]
