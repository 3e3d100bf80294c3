"""The verb `fit`: linear models fitted to observations, of a population or of one subject."""

from ketasim.estimation.estimates import Estimate
from ketasim.estimation.fit import fit
from ketasim.estimation.result import ModelFit, Objective

__all__ = ["Estimate", "ModelFit", "Objective", "fit"]
