"""How models are solved: arrays in, arrays out."""

from ketasim.engine.concentrations import Concentrations, concentrations
from ketasim.engine.inputs import DoseLike, Input, inputs_of
from ketasim.engine.linear import Solution, solve_linear
from ketasim.engine.oracle import solve_adaptive

__all__ = [
    "Concentrations",
    "DoseLike",
    "Input",
    "Solution",
    "concentrations",
    "inputs_of",
    "solve_adaptive",
    "solve_linear",
]
