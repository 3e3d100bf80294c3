"""`ketasim export`: a model goes in, the source of another engine comes out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from ketasim._base import InputError, write_whole
from ketasim.apps.cli.console import check_folder, check_input, path_given
from ketasim.apps.cli.tables.numbered import settings

if TYPE_CHECKING:
    from ketasim.dosing import Course

Format = Literal["sbml", "antimony", "mrgsolve", "rxode2", "nonmem"]


def export(
    model: Annotated[
        str,
        Parameter(
            help="Model: a TOML file, or the name of one that ships ('ketasim models', receptor, "
            "mood or session)."
        ),
    ],
    /,
    *,
    to: Annotated[Format, Parameter(help="Format to write.")],
    out: Annotated[Path, Parameter(help="File to write.", converter=path_given)],
    course: Annotated[
        Path | None,
        Parameter(
            help="Course (YAML file, or name of an example) whose patient and doses are written: "
            "as events in SBML and Antimony, else as a table beside the file.",
            converter=path_given,
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        Parameter(
            name="--set",
            help="A parameter instead of the file's, such as CL=1.1; repeatable.",
        ),
    ] = None,
) -> None:
    """Write a model as SBML, Antimony, mrgsolve, rxode2 or NONMEM code."""
    inputs = [Path(model)] if Path(model).is_file() else []
    given: Course | None = None
    if course is not None:
        from ketasim.dosing import load_course

        source = check_input(course, "--course")
        inputs += [source] if source.is_file() else []
        given = load_course(source)
    data = out.with_suffix(".csv").name
    beside = given is not None and to not in ("sbml", "antimony")
    if beside and data == out.name:
        raise InputError(
            "--out",
            f"'{data}' is also the name of the table of doses beside it",
            "give the file another ending, such as .txt",
        )
    check_folder(
        out.parent, [out.name, data] if beside else [out.name], inputs=inputs, field="--out"
    )
    numbers = settings(set_ or [])

    from ketasim.interop.export import export as written
    from ketasim.interop.export import export_table

    files = {
        out.name: written(
            model,
            to,
            parameters=numbers,
            course=given,
            data=data if beside else "data.csv",
        ).encode()
    }
    if beside and given is not None:
        files[data] = export_table(model, given).write_csv().encode()
    for path in write_whole(out.parent, files, inputs=inputs):
        print(path)
