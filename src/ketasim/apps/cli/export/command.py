"""`ketasim export`: a model goes in, the source of another engine comes out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from ketasim._base import write_whole
from ketasim.apps.cli.console import check_folder, path_given
from ketasim.apps.cli.tables.numbered import settings

Format = Literal["sbml", "antimony", "mrgsolve", "rxode2", "nonmem"]


def export(
    model: Annotated[
        str, Parameter(help="Model: a TOML file, or the name of one that ships ('ketasim models').")
    ],
    /,
    *,
    to: Annotated[Format, Parameter(help="Format to write.")],
    out: Annotated[Path, Parameter(help="File to write.", converter=path_given)],
    set_: Annotated[
        list[str] | None,
        Parameter(
            name="--set",
            help="A parameter instead of the file's, such as CL=1.1; repeatable.",
        ),
    ] = None,
) -> None:
    """Write a pharmacokinetic model as SBML, Antimony, mrgsolve, rxode2 or NONMEM code."""
    inputs = [Path(model)] if Path(model).is_file() else []
    check_folder(out.parent, [out.name], inputs=inputs, field="--out")
    given = settings(set_ or [])

    from ketasim.interop.export import export as written

    text = written(model, to, parameters=given)
    for path in write_whole(out.parent, {out.name: text.encode()}, inputs=inputs):
        print(path)
