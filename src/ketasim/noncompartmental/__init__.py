"""The verb `nca`: non-compartmental metrics of sampled concentrations."""

from ketasim.noncompartmental.nca import nca
from ketasim.noncompartmental.result import NonCompartmental

__all__ = ["NonCompartmental", "nca"]
