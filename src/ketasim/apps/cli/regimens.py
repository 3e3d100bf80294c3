"""`ketasim regimen` and `ketasim events`: what was understood, and event tables in and out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ketasim.apps.cli.console import AsJson, check_file, note, print_json

if TYPE_CHECKING:
    from ketasim.dosing import Regimen


def regimen(
    sentence: Annotated[str, Parameter(help="A regimen, such as in a course file.")],
    /,
    *,
    as_json: AsJson = False,
) -> None:
    """Say in plain words how a regimen sentence is understood."""
    from ketasim.dosing import parse_regimen

    _tell(parse_regimen(sentence), as_json)


def events(
    file: Annotated[
        Path, Parameter(help="Course file (YAML), or an event table (CSV) to be checked.")
    ],
    /,
    *,
    out: Annotated[
        Path | None, Parameter(help="Event table to write (CSV); printed when left out.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Turn a course into a NONMEM-style event table, or check such a table and say it in words."""
    raise NotImplementedError


def _tell(understood: Regimen, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "words": understood.describe(),
                "sessions": len(understood.sessions),
                "doses": [vars(dose) for dose in understood.doses],
            }
        )
        return
    for line in understood.describe():
        print(line)


__all__ = ["events", "regimen"]
_ = check_file, note
