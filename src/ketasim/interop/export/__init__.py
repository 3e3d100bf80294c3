"""The verb `export`: models as SBML, Antimony, mrgsolve, rxode2 and NONMEM."""

from ketasim.interop.export.export import DRIVEN, FORMATS, WITH_EVENTS, export, export_table

__all__ = ["DRIVEN", "FORMATS", "WITH_EVENTS", "export", "export_table"]
