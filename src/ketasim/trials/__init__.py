"""Trials simulated: arms, drop-out, ratings, and what an assessment tells of them."""

from ketasim.trials.assess import Cell, Values
from ketasim.trials.contrasts import Estimate
from ketasim.trials.metrics import is_share, value_in_words
from ketasim.trials.published import DERIVED, USES, PublishedValue
from ketasim.trials.result import TrialAssumption, TrialResult
from ketasim.trials.run import OBSERVED, run_trial

__all__ = [
    "DERIVED",
    "OBSERVED",
    "USES",
    "Cell",
    "Estimate",
    "PublishedValue",
    "TrialAssumption",
    "TrialResult",
    "Values",
    "is_share",
    "run_trial",
    "value_in_words",
]
