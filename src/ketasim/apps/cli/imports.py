"""`ketasim import`: a course file from a health record or a clinic's own table."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from cyclopts import App, Parameter

from ketasim._base import InputError, write_whole
from ketasim.apps.cli.console import (
    AsJson,
    check_file,
    check_folder,
    example,
    note,
    path_given,
    print_json,
)

if TYPE_CHECKING:
    from ketasim.interop import Imported

import_app = App(
    name="import",
    help="Make a course file of a health record or a clinic's table.",
    help_epilogue=example("import table visits.csv --out course.yaml"),
)

CourseOut = Annotated[
    Path, Parameter(name="--out", help="Course file (YAML) to write.", converter=path_given)
]
Dates = Annotated[
    bool,
    Parameter(
        name="--dates",
        help="Write dates; left out, days since the first session: a date may tell who it is.",
    ),
]
Since = Annotated[
    str | None, Parameter(help="Leave out what is from before this date, such as 2026-01-05.")
]
_SHOWN: Final = 20  # lines of what was not read; all of them are in the file


@import_app.command(help_epilogue=example("import fhir bundle.json --out course.yaml"))
def fhir(
    bundle: Annotated[Path, Parameter(help="FHIR R4 Bundle of one patient (JSON).")],
    /,
    *,
    out: CourseOut,
    dates: Dates = False,
    zone: Annotated[
        str, Parameter(help="Time zone of the clinic, such as Europe/Berlin, for days and clocks.")
    ] = "",
    since: Since = None,
    as_json: AsJson = False,
) -> None:
    """Read scores, doses of ketamine, birth year, sex and body weight of a FHIR R4 Bundle."""
    from ketasim.interop import read_fhir

    check_file(bundle, "BUNDLE")
    check_folder(out.parent, [out.name], inputs=[bundle])
    _written(read_fhir(bundle, zone=zone, since=_since(since)), bundle, out, dates, as_json)


@import_app.command(
    help_epilogue=example("import table visits.xlsx --out course.yaml --drug ketamine --route iv")
)
def table(
    file: Annotated[Path, Parameter(help="Table of one patient (CSV, or Excel .xlsx).")],
    /,
    *,
    out: CourseOut,
    dates: Dates = False,
    drug: Annotated[str, Parameter(help="Drug of doses that name none, such as ketamine.")] = "",
    route: Annotated[str, Parameter(help="Route of doses that name none, such as iv.")] = "",
    over: Annotated[str, Parameter(help="Duration of doses without one, such as '40 min'.")] = "",
    order: Annotated[
        Literal["day-first", "month-first"] | None,
        Parameter(help="Order in dates such as 3/12/26, where no date of the file shows it."),
    ] = None,
    sheet: Annotated[str, Parameter(help="Sheet of an Excel file that has several.")] = "",
    since: Since = None,
    as_json: AsJson = False,
) -> None:
    """Read dates, scores and doses of a clinic's own table, whatever its headings are called."""
    from ketasim.interop import read_table

    check_file(file, "FILE")
    check_folder(out.parent, [out.name], inputs=[file])
    found = read_table(
        file, drug=drug, route=route, over=over, order=order, sheet=sheet, since=_since(since)
    )
    _written(found, file, out, dates, as_json)


def _since(text: str | None) -> date | None:
    from ketasim.vocabulary import read_moment

    if text is None:
        return None
    found = read_moment(text, field="--since")
    if found is None:
        raise InputError("--since", f"'{text}' is not a date", "write it such as '2026-01-05'")
    return found.day


def _written(imported: Imported, source: Path, out: Path, dates: bool, as_json: bool) -> None:
    """Write the course and print what is in it and what is not."""
    from ketasim.interop import course_of, course_text, remarks

    course = course_of(imported, dates=dates)
    text = course_text(imported, dates=dates)
    written = write_whole(out.parent, {out.name: text.encode()}, inputs=[source])
    told = remarks(imported)
    if as_json:
        print_json(
            {
                "course": course,
                "notes": told,
                "not_read": list(imported.left_out),
                "files": [str(path) for path in written],
            }
        )
        return
    for line in told:
        note(f"note: {line}")
    for line in imported.left_out[:_SHOWN]:
        note(f"not read: {line}")
    if len(imported.left_out) > _SHOWN:
        note(f"not read: {len(imported.left_out) - _SHOWN} more, listed in the file")
    print(*_summary(imported), sep="\n")
    for path in written:
        print(path)


def _summary(imported: Imported) -> list[str]:
    from ketasim._base.words import counted
    from ketasim.vocabulary import scale_words

    doses, scores = imported.doses, imported.scores
    days = (doses[-1].when.day - doses[0].when.day).days if doses else 0
    by_scale: dict[str, int] = {}
    for one in scores:
        by_scale[one.scale] = by_scale.get(one.scale, 0) + 1
    lines = [f"{counted(len(doses), 'dose')} given" + (f" over {days} days" if days else "")]
    lines += [
        f"{counted(count, 'score')} of {scale_words(scale)}"
        for scale, count in sorted(by_scale.items())
    ]
    return lines
