"""Trials simulated and analysed: arms, drop-out, ratings, what an assessment tells of them."""

from ketasim.trials.analysis import ancova, imputed, mmrm, responder, time_to_event
from ketasim.trials.assess import Cell, Values
from ketasim.trials.contrasts import Estimate
from ketasim.trials.metrics import is_share, value_in_words
from ketasim.trials.published import DERIVED, USES, PublishedValue
from ketasim.trials.result import TrialAssumption, TrialResult
from ketasim.trials.run import run_trial
from ketasim.trials.scenario import observed

__all__ = [
    "DERIVED",
    "USES",
    "Cell",
    "Estimate",
    "PublishedValue",
    "TrialAssumption",
    "TrialResult",
    "Values",
    "ancova",
    "imputed",
    "is_share",
    "mmrm",
    "observed",
    "responder",
    "run_trial",
    "time_to_event",
    "value_in_words",
]
