"""`ketasim.pk`: ready declarations of compartmental models for `ketasim.predict`."""

from ketasim.models.own.declaration import (
    Compartment,
    CompartmentModel,
    Covariate,
    OwnFlow,
    OwnOutput,
    Parameter,
)
from ketasim.models.own.file import read_model
from ketasim.models.own.ready import one_compartment, two_compartments

__all__ = [
    "Compartment",
    "CompartmentModel",
    "Covariate",
    "OwnFlow",
    "OwnOutput",
    "Parameter",
    "one_compartment",
    "read_model",
    "two_compartments",
]
