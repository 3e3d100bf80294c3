"""`ketasim export`: models as the source of other engines."""

from ketasim.apps.cli.export.command import export

__all__ = ["export"]
