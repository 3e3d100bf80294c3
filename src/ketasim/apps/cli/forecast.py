"""`ketasim forecast`: a patient's scores so far go in, what may follow comes out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from ketasim._base import InputError, write_whole
from ketasim.apps.cli.answers import print_wrapped
from ketasim.apps.cli.console import (
    PRINT,
    AsJson,
    OutFolder,
    Printed,
    answer,
    check_folder,
    check_input,
    command_line,
    listen,
    print_table,
    whole_number,
)

if TYPE_CHECKING:
    from ketasim.forecasting import Forecast

_FILES = ("forecast.csv", "fit.csv", "report.html")
_ASSESSMENT = "risk_assessment.json"
_LEVEL = 0.5


def forecast(
    course: Annotated[
        Path, Parameter(help="Course file (YAML) with 'scores', or name of an example.")
    ],
    /,
    *,
    out: OutFolder,
    level: Annotated[
        float,
        Parameter(help="Probability of having lost the response whose day is told, 0 to 1."),
    ] = _LEVEL,
    n: Annotated[int | None, whole_number("Virtual patients drawn before the scores.")] = None,
    seed: Annotated[int | None, whole_number("Seed of the virtual patients.")] = None,
    to: Annotated[
        Literal["fhir"] | None,
        Parameter(help="Also write risk_assessment.json, a FHIR R4 RiskAssessment."),
    ] = None,
    printed: Printed = False,
    as_json: AsJson = False,
) -> None:
    """Forecast one patient from the scores so far, under each candidate for what follows."""
    file = check_input(course, "COURSE")
    names = (*_FILES, *([PRINT] if printed else []), *([_ASSESSMENT] if to == "fhir" else []))
    check_folder(out, names, inputs=(file,))
    if to == "fhir":
        from ketasim.interop import r4_class

        r4_class("RiskAssessment")  # a missing package is told before the work
    listen()
    from ketasim.forecasting import PATIENTS
    from ketasim.forecasting import forecast as run

    try:
        result = run(course, n=PATIENTS if n is None else n, seed=seed, level=level)
    except InputError as error:
        raise _as_typed(error) from None
    command = _command(course, out, level, n, seed, to, printed)
    more = {_ASSESSMENT: _assessment(result)} if to == "fhir" else {}
    files = result.files(command=command, printed=printed) | more
    paths = write_whole(out, files, inputs=(file,))
    answer(
        result,
        paths,
        _print,
        lambda: {
            "forecast": result.summary().to_dicts(),
            "fit": result.fit.to_dicts(),
            "lost": result.lost.to_dicts(),
            "differences": result.differences.to_dicts(),
            "contributions": result.contributions.to_dicts(),
            "learned": result.learned,
            "unusual": result.unusual,
            "assumptions": list(result.assumptions),
        },
        as_json=as_json,
    )


def _assessment(result: Forecast) -> bytes:
    from ketasim.interop import risk_assessment_file

    return risk_assessment_file(
        result.summary().iter_rows(named=True),
        notes=(result.learned, result.unusual, *result.warnings),
    )


def _command(
    course: Path,
    out: Path,
    level: float,
    n: int | None,
    seed: int | None,
    to: str | None,
    printed: bool,
) -> str:
    words = ["ketasim", "forecast", str(course), "--out", str(out)]
    words += [] if level == _LEVEL else ["--level", f"{level:g}"]
    words += [] if n is None else ["--n", str(n)]
    words += [] if seed is None else ["--seed", str(seed)]
    words += [] if to is None else ["--to", to]
    words += ["--print"] if printed else []
    return command_line(words)


def _as_typed(error: InputError) -> InputError:
    """The error in the words of the command line."""
    if error.field in ("n", "seed", "level"):
        return InputError(f"--{error.field}", error.problem, error.remedy)
    return error


def _print(result: Forecast) -> None:
    """Print what was learned, and each option by week."""
    from ketasim.forecasting.shown import HEADER, week_rows
    from ketasim.vocabulary import scale_words

    print(result.headline().title)
    print_wrapped(f"{result.learned} {result.unusual}")
    print()
    scale = scale_words(result.scales[0])
    print_wrapped(
        f"{scale} as rated on a day, 90 % of ratings in brackets; chances in %; well: a response "
        "now or later, not lost since"
    )
    print_table(HEADER, week_rows(result))
    print()
    for sentence in result.losing:
        print_wrapped(sentence)
    effective, drawn = result.effective, result.patients
    print_wrapped(
        f"Effective sample {effective:,.0f} of {drawn:,} virtual patients. Decision support for "
        "professionals; not medical advice."
    )
