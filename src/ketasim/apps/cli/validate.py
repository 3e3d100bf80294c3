"""`ketasim validate`: every claim, computed on this machine."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from ketasim._base import InputError
from ketasim.apps.cli.console import (
    AsJson,
    OutFolder,
    check_folder,
    command_line,
    print_json,
    progress_console,
    save,
)
from ketasim.apps.cli.tables.asked import at_option

_FILES = ("validation.csv", "validation.html")


def validate(
    *,
    out: OutFolder,
    areas: Annotated[
        list[str] | None,
        Parameter(
            name="--areas",
            consume_multiple=True,
            help="Only these: solvers, analyses, forecasts, replays, exposures, interactions, "
            "sessions, mechanism, unseen, visits, early. All when left out.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compute every claim: solvers, analyses, pharmacokinetics, sessions, mood, forecasts.

    Nothing is fitted; misses stay in the table. A few minutes.
    """
    check_folder(out, _FILES)

    from ketasim.validation import validate as compute

    console = progress_console()
    with console.status("Validation") as status:
        try:
            found = compute(areas or (), progress=lambda text: status.update(f"Validation: {text}"))
        except InputError as error:
            raise at_option(error, {"areas": "--areas"}) from None
    words = ["ketasim", "validate", *(["--areas", *areas] if areas else []), "--out", str(out)]
    paths = save(found, out, command=command_line(words))
    if as_json:
        rows = found.summary().to_dicts()
        print_json({"areas": rows, **found.metadata, "files": [str(path) for path in paths]})
        return
    print(found)
    for path in paths:
        print(path)
