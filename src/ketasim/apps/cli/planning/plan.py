"""`ketasim plan`: candidates for one patient, and their Pareto front."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

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
    print_table,
    save,
    whole_number,
)
from ketasim.apps.cli.simulate import loaded

if TYPE_CHECKING:
    from ketasim.planning import Plan

_FILES = ("plan.csv", "report.html")
_LISTED: Final = "; several with commas between"
_LEFT_OUT: Final = 4  # reasons that are printed


def plan(
    course: Annotated[Path, Parameter(help="Course file (YAML), or name of an example.")],
    /,
    *,
    out: OutFolder,
    interval: Annotated[
        str | None, Parameter(help=f"Between sessions, such as 3d, 1wk or 3/week{_LISTED}.")
    ] = None,
    number: Annotated[str | None, Parameter(help=f"Of sessions{_LISTED}.")] = None,
    dose: Annotated[
        str | None, Parameter(help=f"Of a session, with its unit, such as '0.5 mg/kg'{_LISTED}.")
    ] = None,
    route: Annotated[str | None, Parameter(help=f"Such as iv or im{_LISTED}.")] = None,
    drug: Annotated[str | None, Parameter(help=f"Such as ketamine or esketamine{_LISTED}.")] = None,
    over: Annotated[str | None, Parameter(help="How long an infusion takes, as '40 min'.")] = None,
    taper: Annotated[
        bool, Parameter(help="Also each candidate with longer and longer intervals after it.")
    ] = False,
    regimen: Annotated[
        tuple[str, ...],
        Parameter(help="A candidate as a sentence, as in a course file; may be repeated."),
    ] = (),
    beyond_studied: Annotated[
        bool, Parameter(help="Keep combinations never studied for the condition; marked far.")
    ] = False,
    criteria: Annotated[
        str | None,
        Parameter(help="Of the front, such as score,sessions,cost; shown as the default set else."),
    ] = None,
    by: Annotated[
        str | None, Parameter(help="Criterion to rank by; left out, nothing is ranked.")
    ] = None,
    n: Annotated[int | None, whole_number("Virtual patients around the patient.")] = None,
    seed: Annotated[int | None, whole_number("Seed of the virtual patients.")] = None,
    as_json: AsJson = False,
) -> None:
    """Set many regimens side by side for one patient, with their Pareto front."""
    file = check_input(course, "COURSE")
    check_folder(out, _FILES, inputs=(file,))
    listen()
    from ketasim.planning import plan as run

    grid: dict[str, Any] = {
        "interval": interval,
        "number": number,
        "dose": dose,
        "route": route,
        "drug": drug,
        "over": over,
        "taper": taper or None,
    }
    given = {key: value for key, value in grid.items() if value is not None}
    read = loaded(course, False, n, None if n is None else seed)
    try:
        result = run(
            read,
            regimen,
            grid=given or None,
            criteria=[] if criteria is None else [one.strip() for one in criteria.split(",")],
            rank_by=by,
            beyond_studied=beyond_studied,
            seed=seed,
        )
    except InputError as error:
        raise _as_typed(error, given) from None
    command = _command(course, out, given, regimen, beyond_studied, criteria, by, n, seed)
    paths = save(result, out, inputs=(file,), command=command)
    answer(
        result,
        paths,
        _print,
        lambda: {
            "plan": result.summary().to_dicts(),
            "left_out": result.left_out().to_dicts(),
            "ranking": [one.to_row() for one in result.ranking()],
        },
        as_json=as_json,
    )


def _print(result: Plan) -> None:
    """The front, what it cannot tell apart, what was left out, and the ranking asked for."""
    from ketasim._base.words import counted
    from ketasim.apps.cli.answers import print_wrapped
    from ketasim.planning.candidates.grid import left_out_words
    from ketasim.planning.candidates.shown import default_words, heading, rows
    from ketasim.planning.criteria import CRITERIA
    from ketasim.planning.shown import ranked_words, unit_words, written

    print_wrapped(result.headline().title)
    print_wrapped(default_words(result), "  ")
    found = rows(result, result.criteria, only_front=True)
    print()
    for row in found:
        mark = " (the course's own)" if row.own else ""
        print_wrapped(f"{row.number}  {row.name}{mark}: {row.certain}", "  ")
    print()
    cells = [
        [str(row.number), *(f"{n.value} ({n.range})" if n.range else n.value for n in row.numbers)]
        for row in found
    ]
    print_table(["", *(heading(result, key) for key in result.criteria)], cells)
    print()
    print_wrapped("In brackets: 90 % uncertainty interval. All candidates are in plan.csv.")
    for row in found:
        if row.why:
            print_wrapped(f"{row.number}: {row.stands}: {row.why}", "  ")
    reasons = left_out_words(result.grid.left_out)
    if reasons:
        print_wrapped("Left out of the grid:")
        for why, many, _ in reasons[:_LEFT_OUT]:
            print_wrapped(f"{counted(many, 'combination')}: {why}", "  ")
        if len(reasons) > _LEFT_OUT:
            print_wrapped(f"{len(reasons) - _LEFT_OUT} more reasons are in the report", "  ")
    if result.rank_by:
        chosen = CRITERIA[result.rank_by]
        print(f"By {chosen.words} ({chosen.better} is better), as asked:")
        called = {str(one.number): str(one.number) for one in result.candidates}
        names = {str(one.number): one.name for one in result.candidates}
        for one, told in ranked_words(result, called):
            more = f"; {told}" if told else ""
            value = f"{written(chosen, one.value)} {unit_words(chosen.unit)}".rstrip()
            place = f"place {one.place}: candidate {one.option}, {names[one.option]}"
            print_wrapped(f"{place}: {value}{more}", "  ")


def _as_typed(error: InputError, given: dict[str, Any]) -> InputError:
    """The error in the words of the command line."""
    field = {"criteria": "--criteria", "rank_by": "--by"}.get(error.field)
    name = error.field.removeprefix("plan.")
    if field is None and error.field.startswith("plan.") and (name in given or name == "over"):
        field = f"--{name}"
    if field is None and error.field.startswith("regimens["):
        field = "--regimen"
    return error if field is None else InputError(field, error.problem, error.remedy)


def _command(
    course: Path,
    out: Path,
    given: dict[str, Any],
    regimens: Sequence[str],
    beyond_studied: bool,
    criteria: str | None,
    by: str | None,
    n: int | None,
    seed: int | None,
) -> str:
    words = ["ketasim", "plan", str(course), "--out", str(out)]
    for name, value in given.items():
        words += [f"--{name}"] if value is True else [f"--{name}", str(value)]
    for sentence in regimens:
        words += ["--regimen", sentence]
    words += ["--beyond-studied"] if beyond_studied else []
    words += [] if criteria is None else ["--criteria", criteria]
    words += [] if by is None else ["--by", by]
    words += [] if n is None else ["--n", str(n)]
    words += [] if seed is None else ["--seed", str(seed)]
    return command_line(words)
