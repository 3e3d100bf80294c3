"""Structures of models, without numbers, and the registry of the pharmacokinetic ones."""

from ketasim.models.acute import ACUTE, AcuteEvent, AcuteModel
from ketasim.models.declaration import (
    Branch,
    Definition,
    Flow,
    LinearModel,
    Output,
    Stream,
    Symbol,
)
from ketasim.models.expression import evaluate, names_in
from ketasim.models.mood import (
    MOOD,
    MOOD_PARAMETERS,
    SESSION,
    SESSION_STATE,
    mood_chain,
    with_sessions,
)
from ketasim.models.pharmacokinetics import MODELS
from ketasim.models.receptor import RECEPTOR, Blocker, ReceptorModel
from ketasim.models.response import (
    AMOUNT,
    ChainModel,
    ResponseModel,
    Signal,
    Turnover,
    receptor_signal,
)

__all__ = [
    "ACUTE",
    "AMOUNT",
    "MODELS",
    "MOOD",
    "MOOD_PARAMETERS",
    "RECEPTOR",
    "SESSION",
    "SESSION_STATE",
    "AcuteEvent",
    "AcuteModel",
    "Blocker",
    "Branch",
    "ChainModel",
    "Definition",
    "Flow",
    "LinearModel",
    "Output",
    "ReceptorModel",
    "ResponseModel",
    "Signal",
    "Stream",
    "Symbol",
    "Turnover",
    "evaluate",
    "mood_chain",
    "names_in",
    "receptor_signal",
    "with_sessions",
]
