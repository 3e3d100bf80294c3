"""The published trials that ship as trial files."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType

import yaml


def studies() -> tuple[Path, ...]:
    """Paths of the trial files of published trials, by name."""
    folder = Path(str(resources.files("ketasim.evidence").joinpath("studies")))
    return tuple(sorted(folder.glob("*.yaml")))


@cache
def study_arms() -> Mapping[str, tuple[str, ...]]:
    """Key of each published trial to the ids of its arms, in the order of its file."""
    files = (yaml.safe_load(path.read_text("utf-8")) for path in studies())
    return MappingProxyType(
        {file["trial"]: tuple(str(arm["id"]) for arm in file["arms"]) for file in files}
    )
