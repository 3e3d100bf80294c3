"""Results: the verb `simulate`, its tables and where their numbers come from."""

from ketasim.outputs.calendar import Session
from ketasim.outputs.sensitivity import Elasticity
from ketasim.outputs.simulate import simulate
from ketasim.outputs.simulation import Assumption, Simulation

__all__ = ["Assumption", "Elasticity", "Session", "Simulation", "simulate"]
