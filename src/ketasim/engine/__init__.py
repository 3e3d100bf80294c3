"""How models are solved: arrays in, arrays out."""

from ketasim.engine.jacobian import jacobian
from ketasim.engine.linear.concentrations import Concentrations, concentrations
from ketasim.engine.linear.exposure import peak, terminal_half_life
from ketasim.engine.linear.inputs import DoseLike, Input, inputs_of
from ketasim.engine.linear.solution import Solution, solve_linear
from ketasim.engine.linear.solver import FollowedPatients, LinearSolution, LinearSolver
from ketasim.engine.oracle import solve_adaptive
from ketasim.engine.patients import Calendar, Patients
from ketasim.engine.planning import Plan
from ketasim.engine.reduce import (
    Outcomes,
    Reducer,
    Summary,
    SummaryTable,
    at_time,
    hours_above,
    largest,
)
from ketasim.engine.run import BlowUp, begin, plan, solve, solve_each, stream
from ketasim.engine.trajectories import Trajectories

__all__ = [
    "BlowUp",
    "Calendar",
    "Concentrations",
    "DoseLike",
    "FollowedPatients",
    "Input",
    "LinearSolution",
    "LinearSolver",
    "Outcomes",
    "Patients",
    "Plan",
    "Reducer",
    "Solution",
    "Summary",
    "SummaryTable",
    "Trajectories",
    "at_time",
    "begin",
    "concentrations",
    "hours_above",
    "inputs_of",
    "jacobian",
    "largest",
    "peak",
    "plan",
    "solve",
    "solve_adaptive",
    "solve_each",
    "solve_linear",
    "stream",
    "terminal_half_life",
]
