"""The verb `export`: models as SBML, Antimony, mrgsolve, rxode2 and NONMEM."""

from ketasim.interop.export.export import FORMATS, export

__all__ = ["FORMATS", "export"]
