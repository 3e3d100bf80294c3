"""`ketasim.pk`: ready declarations of compartmental models for `ketasim.predict`."""

from ketasim.models.pk.declaration import (
    Compartment,
    CompartmentModel,
    Covariate,
    Flow,
    Output,
    Parameter,
)
from ketasim.models.pk.file import read_model
from ketasim.models.pk.ready import one_compartment, two_compartments

__all__ = [
    "Compartment",
    "CompartmentModel",
    "Covariate",
    "Flow",
    "Output",
    "Parameter",
    "one_compartment",
    "read_model",
    "two_compartments",
]
