"""`ketasim trial`: a trial file goes in, tables and a report come out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ketasim.apps.cli.console import (
    AsJson,
    ListShipped,
    MaybeFolder,
    check_folder,
    check_input,
    command_line,
    listen,
    needed,
    print_catalogue,
    print_json,
    progress_console,
    save,
    warn,
    whole_number,
)

if TYPE_CHECKING:
    from ketasim.trials import TrialResult

_FILES = ("summary.csv", "patients.parquet", "report.html")


def trial(
    trial: Annotated[
        Path | None, Parameter(help="Trial file (YAML), or name of a trial that ships.")
    ] = None,
    /,
    *,
    out: MaybeFolder = None,
    replicates: Annotated[
        int | None, whole_number("How often the trial is simulated, instead of the file's.")
    ] = None,
    seed: Annotated[int | None, whole_number("Seed, instead of the file's.")] = None,
    listed: ListShipped = False,
    as_json: AsJson = False,
) -> None:
    """Simulate a trial: prints what came out, writes two tables and a report.

    Of a published trial, its reported values stand beside the prediction.
    """
    if listed:
        print_catalogue("trial", as_json)
        return
    trial = needed(trial, "TRIAL", "name a trial file, or one of 'ketasim trial --list'")
    out = needed(out, "--out", "name a folder, such as --out out/mine")
    file = check_input(trial, "TRIAL", "trial")
    check_folder(out, _FILES, inputs=(file,))

    listen()
    result = _simulated(trial, replicates, seed)
    command = _command(trial, out, replicates, seed)
    paths = save(result, out, inputs=(file,), command=command)
    if as_json:
        print_json(
            {
                "metadata": result.metadata,
                "summary": result.summary().to_dicts(),
                "blinding": result.blinding().to_dicts(),
                "published": result.published().to_dicts(),
                "nearest": result.nearest().to_dicts(),
                "warnings": list(result.warnings),
                "files": [str(path) for path in paths],
            }
        )
        return

    from ketasim.apps.cli.answers import print_trial

    warn(result.warnings)
    print_trial(result)
    print()
    for path in paths:
        print(path)


def _simulated(path: Path, replicates: int | None, seed: int | None) -> TrialResult:
    from rich.text import Text

    from ketasim._base import visible
    from ketasim.trials import run_trial

    with progress_console().status("reading the trial") as status:

        def tell(text: str) -> None:
            status.update(Text(visible(text)))  # it names arms, as a user wrote them

        return run_trial(path, replicates=replicates, seed=seed, progress=tell)


def _command(path: Path, out: Path, replicates: int | None, seed: int | None) -> str:
    words = ["ketasim", "trial", str(path), "--out", str(out)]
    words += [] if replicates is None else ["--replicates", str(replicates)]
    words += [] if seed is None else ["--seed", str(seed)]
    return command_line(words)
