"""The command that analyses anybody's data."""

from ketasim.apps.cli.analyse.command import analyse

__all__ = ["analyse"]
