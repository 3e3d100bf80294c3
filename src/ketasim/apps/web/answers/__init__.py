"""Pages that compute are answered in processes beside the one that listens."""

from ketasim.apps.web.answers.layer import Answers

__all__ = ["Answers"]
