"""Trials analysed as statisticians do: mixed models, responders, survival, estimands."""

from ketasim.trials.analysis.imputation.model import imputed
from ketasim.trials.analysis.imputation.strategies import STRATEGIES
from ketasim.trials.analysis.inference import Inference, Test
from ketasim.trials.analysis.least_squares import ancova
from ketasim.trials.analysis.logistic import fit_logistic
from ketasim.trials.analysis.mixed.covariance import STRUCTURES
from ketasim.trials.analysis.mixed.model import METHODS, MixedModel, mmrm
from ketasim.trials.analysis.proportions import Difference, risk_difference, risk_ratio, wilson
from ketasim.trials.analysis.responders import responder
from ketasim.trials.analysis.result import Analysis
from ketasim.trials.analysis.survival.cox import CoxFit, fit_cox
from ketasim.trials.analysis.survival.curves import Curve, LogRank, kaplan_meier, log_rank
from ketasim.trials.analysis.survival.model import time_to_event

__all__ = [
    "METHODS",
    "STRATEGIES",
    "STRUCTURES",
    "Analysis",
    "CoxFit",
    "Curve",
    "Difference",
    "Inference",
    "LogRank",
    "MixedModel",
    "Test",
    "ancova",
    "fit_cox",
    "fit_logistic",
    "imputed",
    "kaplan_meier",
    "log_rank",
    "mmrm",
    "responder",
    "risk_difference",
    "risk_ratio",
    "time_to_event",
    "wilson",
]
