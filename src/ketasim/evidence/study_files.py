"""The published trials that ship as trial files."""

from __future__ import annotations

from importlib import resources
from pathlib import Path


def studies() -> tuple[Path, ...]:
    """Paths of the trial files of published trials, by name."""
    folder = Path(str(resources.files("ketasim.evidence").joinpath("studies")))
    return tuple(sorted(folder.glob("*.yaml")))
