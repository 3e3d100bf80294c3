"""The command line: `ketasim`."""

from ketasim.apps.cli.application import app, main

__all__ = ["app", "main"]
