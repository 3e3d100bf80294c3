"""`ketasim compare`: courses side by side on the same virtual patients."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ketasim._base import InputError
from ketasim.apps.cli.console import (
    AsJson,
    OutFolder,
    answer,
    check_folder,
    check_input,
    command_line,
    listen,
    save,
    whole_number,
)
from ketasim.apps.cli.simulate import loaded

if TYPE_CHECKING:
    from ketasim.dosing import Course

_FILES = ("comparison.csv", "report.html")


def compare(
    *courses: Annotated[
        Path, Parameter(help="Two to four course files (YAML), or names of examples.")
    ],
    out: OutFolder,
    regimen: Annotated[
        tuple[str, ...],
        Parameter(
            help="A regimen for the patient of a single course, as in a course file; may be "
            "repeated. The course's own is the first option."
        ),
    ] = (),
    rank_by: Annotated[
        str | None,
        Parameter(help="Criterion to rank by, such as days_well or hours; left out, no ranking."),
    ] = None,
    typical: Annotated[
        bool, Parameter(help="The typical patient, even if the files ask for a population.")
    ] = False,
    n: Annotated[int | None, whole_number("Virtual patients around the patient.")] = None,
    seed: Annotated[int | None, whole_number("Seed of the virtual patients.")] = None,
    as_json: AsJson = False,
) -> None:
    """Set two to four regimens side by side, on the same virtual patients."""
    if not courses:
        problem, remedy = "is missing", "name two to four course files, or one and --regimen"
        raise InputError("COURSE", problem, remedy)
    files = [check_input(one, "COURSE") for one in courses]
    check_folder(out, _FILES, inputs=files)
    listen()
    from ketasim.planning import compare as run

    read: list[Course] = [loaded(one, typical, n, seed) for one in courses]
    try:
        result = run(
            read, regimen, names=_names(courses, read, regimen), typical=typical, rank_by=rank_by
        )
    except InputError as error:
        raise _as_typed(error, courses, regimen) from None
    command = _command(courses, out, regimen, rank_by, typical, n, seed)
    paths = save(result, out, inputs=files, command=command)
    from ketasim.apps.cli.planning.compared import print_comparison

    answer(
        result,
        paths,
        print_comparison,
        lambda: {
            "comparison": result.summary().to_dicts(),
            "ranking": result.ranking_rows(),
            "certainty": result.certainty().to_dicts(),
            "costs": result.costs().to_dicts(),
        },
        as_json=as_json,
    )


def _names(
    courses: Sequence[Path], read: Sequence[Course], regimens: Sequence[str]
) -> tuple[str, ...]:
    """Titles of the courses, or names of their files; with regimens what is given tells them apart.

    **Arguments:**

    - `courses`: as typed. `read`: their content. `regimens`: of `--regimen`.
    """
    if regimens:
        return ()
    found: list[str] = []
    for path, course in zip(courses, read, strict=True):
        name = course.title or path.stem
        found.append(name if name not in found else f"{name} ({path.stem})")
    # one file that is named twice
    return tuple(found) if len(set(found)) == len(found) else ()


def _as_typed(error: InputError, courses: Sequence[Path], regimens: Sequence[str]) -> InputError:
    """The error in the words of the command line."""
    if error.field == "courses" and not regimens and len(courses) == 1:
        return InputError(
            "COURSE", error.problem, "name two to four courses, or add --regimen with a sentence"
        )
    field = {"courses": "COURSE", "rank_by": "--rank-by", "regimens": "--regimen"}.get(error.field)
    if field is None and error.field.startswith("regimens["):
        field = "--regimen"
    return error if field is None else InputError(field, error.problem, error.remedy)


def _command(
    courses: Sequence[Path],
    out: Path,
    regimens: Sequence[str],
    rank_by: str | None,
    typical: bool,
    n: int | None,
    seed: int | None,
) -> str:
    words = ["ketasim", "compare", *map(str, courses)]
    for sentence in regimens:
        words += ["--regimen", sentence]
    words += ["--out", str(out)]
    words += [] if rank_by is None else ["--rank-by", rank_by]
    words += ["--typical"] if typical else []
    words += [] if n is None else ["--n", str(n)]
    words += [] if seed is None else ["--seed", str(seed)]
    return command_line(words)
