"""`ketasim simulate`: a course file goes in, tables and a report come out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from ketasim._base import InputError
from ketasim.apps.cli.console import (
    PRINT,
    AsJson,
    ListShipped,
    MaybeFolder,
    Printed,
    check_folder,
    check_input,
    command_line,
    listen,
    needed,
    note,
    print_catalogue,
    print_json,
    save,
    warn,
    whole,
    whole_number,
)

if TYPE_CHECKING:
    from ketasim.dosing import Course

_FILES = ("summary.csv", "timecourse.parquet", "report.html")


def simulate(
    course: Annotated[
        Path | None, Parameter(help="Course file (YAML), or name of an example.")
    ] = None,
    /,
    *,
    out: MaybeFolder = None,
    typical: Annotated[
        bool, Parameter(help="The typical patient, even if the file asks for a population.")
    ] = False,
    n: Annotated[int | None, whole_number("Virtual patients around the patient.")] = None,
    seed: Annotated[int | None, whole_number("Seed of the virtual patients.")] = None,
    uncertainty: Annotated[
        bool,
        Parameter(
            help="Every virtual patient has a draw of the parameters within their uncertainty.",
            negative=(),
        ),
    ] = False,
    costs: Annotated[
        bool, Parameter(help="A table of the course at published prices in the report.")
    ] = False,
    individuals: Annotated[
        str | None,
        Parameter(
            help="Patients of whom timecourse.parquet has curves: a number, or all; 50 when left "
            "out."
        ),
    ] = None,
    printed: Printed = False,
    listed: ListShipped = False,
    as_json: AsJson = False,
) -> None:
    """Simulate a course: prints what came out, writes two tables and a report."""
    if listed:
        print_catalogue("course", as_json)
        return
    course = needed(course, "COURSE", "name a course file, or one of 'ketasim simulate --list'")
    out = needed(out, "--out", "name a folder, such as --out out/mine")
    file = check_input(course, "COURSE")
    check_folder(out, (*_FILES, PRINT) if printed else _FILES, inputs=(file,))
    asked = _individuals(individuals)

    listen()
    from ketasim.simulation import INDIVIDUALS, individuals_note
    from ketasim.simulation import simulate as run
    from ketasim.simulation.size import check_individuals

    if typical and uncertainty:
        problem = "the typical patient has one set of parameters"
        raise InputError("--uncertainty", problem, "leave out --typical, or --uncertainty")
    read = loaded(course, typical, n, seed)
    if individuals is not None and (asked is None or asked > INDIVIDUALS):
        check_individuals(read, typical, asked)
    result = run(read, typical=typical, uncertainty=uncertainty)
    command = _command(course, out, typical, n, seed, uncertainty, costs, individuals, printed)
    written = INDIVIDUALS if individuals is None else asked
    options: dict[str, Any] = {"command": command, "costs": costs, "individuals": written}
    options["printed"] = printed
    paths = save(result, out, inputs=(file,), **options)
    told = individuals_note(written, result.cohort.n)
    if as_json:
        print_json(
            {
                "metadata": result.metadata,
                "exposure": result.exposure().to_dicts(),
                "weekly": result.weekly().to_dicts(),
                "nearest": result.nearest().to_dicts(),
                "warnings": list(result.warnings),
                "files": [str(path) for path in paths],
                "individuals": result.cohort.n
                if written is None
                else min(written, result.cohort.n),
            }
        )
        return

    from ketasim.apps.cli.answers import print_simulation

    warn(result.warnings)
    print_simulation(result)
    print()
    tables = [path.name for path in paths if path.name not in _FILES]
    if tables:
        note(f"tables of the report beside it: {', '.join(tables)}")
    for path in paths:
        if path.name in _FILES:
            print(path)
    if told:
        print(told)


def _individuals(text: str | None) -> int | None:
    """How many patients are written; nothing for all."""
    if text is None or text.strip().lower() == "all":
        return None
    count = whole(text.strip(), "--individuals", "give one, as 20, or all")
    if count < 0:
        raise InputError("--individuals", f"{count} is less than 0", "give 0 or more, or all")
    return count


def loaded(path: Path, typical: bool, n: int | None, seed: int | None) -> Course:
    """The course of a file, with the population that the options ask for.

    **Arguments:**

    - `path`: of the file, or name of what ships. `typical`, `n`, `seed`: the options.
    """
    from ketasim.dosing import load_course

    course = load_course(path)
    if typical and (n is not None or seed is not None):
        option = "--n" if n is not None else "--seed"
        raise InputError(option, "a typical patient has no population", f"leave out {option}")
    if seed is not None and n is None and course.population is None:
        raise InputError("--seed", "the course has no population", "give its size with --n")
    if n is None and seed is None:
        return course
    asked = {"n": n, "seed": seed}
    population = course.to_dict().get("population", {})
    population |= {name: value for name, value in asked.items() if value is not None}
    return load_course({**course.to_dict(), "population": population})


def _command(
    course: Path,
    out: Path,
    typical: bool,
    n: int | None,
    seed: int | None,
    uncertainty: bool,
    costs: bool,
    individuals: str | None,
    printed: bool,
) -> str:
    words = ["ketasim", "simulate", str(course), "--out", str(out)]
    words += ["--typical"] if typical else []
    words += [] if n is None else ["--n", str(n)]
    words += [] if seed is None else ["--seed", str(seed)]
    words += ["--uncertainty"] if uncertainty else []
    words += ["--costs"] if costs else []
    words += [] if individuals is None else ["--individuals", individuals]
    words += ["--print"] if printed else []
    return command_line(words)
