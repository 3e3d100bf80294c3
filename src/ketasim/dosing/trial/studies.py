"""The published trials that ship, as trials."""

from __future__ import annotations

from functools import cache

from ketasim.dosing.trial.design import Trial, load_trial
from ketasim.evidence import studies


@cache
def load_studies() -> tuple[Trial, ...]:
    """The published trials that ship, by name."""
    return tuple(load_trial(path) for path in studies())
