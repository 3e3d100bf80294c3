"""Structures of models, without numbers, and the registry of the pharmacokinetic ones."""

from ketasim.models.declaration import (
    Branch,
    Definition,
    Flow,
    LinearModel,
    Output,
    Stream,
    Symbol,
)
from ketasim.models.declared import declared
from ketasim.models.domain import Domain, drawn_on, from_scale, moved, slope, to_scale
from ketasim.models.expression import evaluate, names_in
from ketasim.models.mood import (
    MOOD,
    MOOD_PARAMETERS,
    SESSION_MARK,
    SESSION_STATE,
    mood_chain,
    with_sessions,
)
from ketasim.models.pharmacokinetics import MODELS, known_model
from ketasim.models.receptor import RECEPTOR, Blocker, ReceptorModel
from ketasim.models.response import (
    AMOUNT,
    ChainModel,
    ResponseModel,
    Signal,
    Turnover,
    receptor_signal,
)
from ketasim.models.session import SESSION, SessionEvent, SessionModel

__all__ = [
    "AMOUNT",
    "MODELS",
    "MOOD",
    "MOOD_PARAMETERS",
    "RECEPTOR",
    "SESSION",
    "SESSION_MARK",
    "SESSION_STATE",
    "Blocker",
    "Branch",
    "ChainModel",
    "Definition",
    "Domain",
    "Flow",
    "LinearModel",
    "Output",
    "ReceptorModel",
    "ResponseModel",
    "SessionEvent",
    "SessionModel",
    "Signal",
    "Stream",
    "Symbol",
    "Turnover",
    "declared",
    "drawn_on",
    "evaluate",
    "from_scale",
    "known_model",
    "mood_chain",
    "moved",
    "names_in",
    "receptor_signal",
    "slope",
    "to_scale",
    "with_sessions",
]
