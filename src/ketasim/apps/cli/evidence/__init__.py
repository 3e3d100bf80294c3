"""`ketasim evidence`: search, show, lint and pool what is known."""

from ketasim.apps.cli.evidence.commands import evidence_app

__all__ = ["evidence_app"]
