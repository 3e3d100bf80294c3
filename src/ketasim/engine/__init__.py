"""How models are solved: arrays in, arrays out."""

from ketasim.engine.concentrations import Concentrations, concentrations
from ketasim.engine.exposure import peak, terminal_half_life
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
    "peak",
    "solve_adaptive",
    "solve_linear",
    "terminal_half_life",
]
