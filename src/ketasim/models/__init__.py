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
from ketasim.models.expression import evaluate, names_in
from ketasim.models.pharmacokinetics import MODELS
from ketasim.models.receptor import RECEPTOR, Blocker, ReceptorModel

__all__ = [
    "MODELS",
    "RECEPTOR",
    "Blocker",
    "Branch",
    "Definition",
    "Flow",
    "LinearModel",
    "Output",
    "ReceptorModel",
    "Stream",
    "Symbol",
    "evaluate",
    "names_in",
]
