"""`ketasim trial`: a trial file goes in, tables and a report come out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ketasim.apps.cli.console import (
    AsJson,
    ListShipped,
    MaybeFolder,
    answer,
    check_folder,
    check_input,
    command_line,
    listen,
    needed,
    print_catalogue,
    progress_console,
    save,
    whole_number,
)

if TYPE_CHECKING:
    from ketasim.trials import TrialResult

_FILES = ("summary.csv", "analysis.csv", "patients.parquet", "report.html")
_DATASETS = ("adsl", "adqs", "adtte")


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
    datasets: Annotated[
        str | None,
        Parameter(help="Data sets of the patients in OUT/datasets: csv, xpt, json, or several."),
    ] = None,
    replicate: Annotated[
        int | None,
        whole_number("Data sets of this replicate alone, from 1, instead of all that are kept."),
    ] = None,
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
    formats = _formats(trial, datasets, replicate)
    check_folder(out, _FILES, inputs=(file,))
    if formats:
        names = [f"{name}.{kind}" for name in _DATASETS for kind in formats]
        check_folder(out / "datasets", names, inputs=(file,))

    listen()
    result = _simulated(trial, replicates, seed)
    command = _command(trial, out, replicates, seed, datasets, replicate)
    files = _data_files(result, formats, replicate)
    paths = save(result, out, inputs=(file,), command=command)
    if files:
        from ketasim._base import write_whole

        paths += write_whole(out / "datasets", files, inputs=(file,))
    from ketasim.apps.cli.answers import print_trial

    answer(
        result,
        paths,
        print_trial,
        lambda: {
            "summary": result.summary().to_dicts(),
            "analysis": result.analysis().to_dicts(),
            "blinding": result.blinding().to_dicts(),
            "published": result.published().to_dicts(),
            "nearest": result.nearest().to_dicts(),
        },
        as_json=as_json,
    )


def _simulated(path: Path, replicates: int | None, seed: int | None) -> TrialResult:
    from rich.text import Text

    from ketasim._base import visible
    from ketasim.trials import run_trial

    with progress_console().status("reading the trial") as status:

        def tell(text: str) -> None:
            status.update(Text(visible(text)))  # it names arms, as a user wrote them

        return run_trial(path, replicates=replicates, seed=seed, progress=tell)


def _formats(path: Path, datasets: str | None, replicate: int | None) -> tuple[str, ...]:
    """Formats of the data sets; none where they are not asked for."""
    from ketasim._base import InputError

    if datasets is None:
        if replicate is not None:
            raise InputError("--replicate", "no data sets are asked for", "add '--datasets csv'")
        return ()
    from ketasim.dosing import load_trial
    from ketasim.trials.datasets.tables import check_design
    from ketasim.trials.datasets.write import check_formats

    formats = check_formats(datasets)
    check_design(load_trial(path))
    return formats


def _data_files(
    result: TrialResult, formats: tuple[str, ...], replicate: int | None
) -> dict[str, bytes]:
    if not formats:
        return {}
    from ketasim.trials.datasets import data_files

    return data_files(result, formats, replicate=replicate)


def _command(
    path: Path,
    out: Path,
    replicates: int | None,
    seed: int | None,
    datasets: str | None,
    replicate: int | None,
) -> str:
    words = ["ketasim", "trial", str(path), "--out", str(out)]
    words += [] if replicates is None else ["--replicates", str(replicates)]
    words += [] if seed is None else ["--seed", str(seed)]
    words += [] if datasets is None else ["--datasets", datasets]
    words += [] if replicate is None else ["--replicate", str(replicate)]
    return command_line(words)
