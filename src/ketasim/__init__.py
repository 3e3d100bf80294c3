"""ketasim simulates ketamine therapy end to end; every number shows its published source."""

from ketasim.__about__ import __version__

__all__ = ["__version__"]
