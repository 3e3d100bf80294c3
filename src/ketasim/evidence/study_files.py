"""The published trials that ship as trial files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ketasim._base import read_yaml


def studies() -> tuple[Path, ...]:
    """Paths of the trial files of published trials, by name."""
    folder = Path(str(resources.files("ketasim.evidence").joinpath("studies")))
    return tuple(sorted(folder.glob("*.yaml")))


@dataclass(frozen=True)
class StudyHead:
    """What a trial file says first: its title, the key of its source, and the ids of its arms."""

    title: str
    source: str
    arms: tuple[str, ...]


@cache
def study_heads() -> Mapping[str, StudyHead]:
    """Key of each published trial to what its file says of it."""
    files = (read_yaml(path.read_text("utf-8"), path.name) for path in studies())
    return MappingProxyType(
        {
            file["trial"]: StudyHead(
                file.get("title", ""),
                file.get("source", ""),
                _ids(file["arms"]),
            )
            for file in files
        }
    )


def _ids(arms: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Ids of the arms of a file, last those of randomised withdrawals."""
    again = [
        # what is given on, or a control, without an id of its own
        f"{arm['id']}:{one}" if isinstance(one, str) else str(one["id"])
        for arm in arms
        for one in arm.get("withdrawal", {}).get("to", ())
    ]
    return (*(str(arm["id"]) for arm in arms), *again)


@cache
def study_arms() -> Mapping[str, tuple[str, ...]]:
    """Key of each published trial to the ids of its arms, in the order of its file."""
    return MappingProxyType({key: head.arms for key, head in study_heads().items()})
