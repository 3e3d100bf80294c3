"""`ketasim trial`: a trial file goes in, tables and a report come out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    note,
    print_catalogue,
    progress_console,
    whole_number,
)
from ketasim.apps.cli.shards.planned import (
    Cluster,
    PlanFolder,
    ShardSize,
    check_options,
    print_plan,
)
from ketasim.apps.cli.shards.together import let_go_of, on_cluster

if TYPE_CHECKING:
    from ketasim._base.shards.plan import Plan
    from ketasim.trials import TrialResult

_ALWAYS = ("summary.csv", "flow.csv", "sessions.csv", "patients.parquet", "report.html")
_FILES = (*_ALWAYS, "analysis.csv", "looks.csv")
_DATASETS = ("adsl", "adqs", "adtte", "adae")


@dataclass(frozen=True)
class TrialOptions:
    """What the command was called with, beside where its files go.

    **Arguments:**

    - `trial`: as typed. `replicates`, `seed`, `datasets`, `replicate`: the options.
    """

    trial: str
    replicates: int | None = None
    seed: int | None = None
    datasets: str | None = None
    replicate: int | None = None

    def command(self, out: Path) -> str:
        """The command that writes the same files."""
        words = ["ketasim", "trial", self.trial, "--out", str(out)]
        for name in ("replicates", "seed", "datasets", "replicate"):
            value = getattr(self, name)
            words += [] if value is None else [f"--{name}", str(value)]
        return command_line(words)

    def gathered(self) -> dict[str, Any]:
        """What changes what is gathered: nothing."""
        return {}

    @property
    def formats(self) -> tuple[str, ...]:
        """Formats of the data sets; none where they are not asked for.

        **Raises:** `InputError`.
        """
        if self.datasets is None:
            return ()
        from ketasim.trials.datasets.write import check_formats

        return check_formats(self.datasets)

    def files(self) -> list[str]:
        """Names of what is written."""
        return [*_FILES, *_datasets(self.formats)]


def _datasets(formats: Iterable[str]) -> list[str]:
    return [f"datasets/{name}.{kind}" for kind in formats for name in _DATASETS]


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
    plan: PlanFolder = None,
    shard_size: ShardSize = None,
    cluster: Cluster = None,
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
    check_options(out, plan, cluster, shard_size)
    if plan is None or cluster is not None:
        out = needed(out, "--out", "name a folder, such as --out out/mine")
    file = check_input(trial, "TRIAL", "trial")
    options = TrialOptions(str(trial), replicates, seed, datasets, replicate)
    _check_datasets(trial, options)
    if out is not None:
        check_folder(out, options.files(), inputs=(file,))

    listen()
    if out is None:
        assert plan is not None
        print_plan(_planned(options, plan, shard_size), as_json=as_json)
        return
    if cluster is not None:
        result = on_cluster(
            lambda folder: _planned(options, folder, shard_size), out, plan, cluster
        )
    else:
        result = _simulated(trial, replicates, seed)
    finished(result, options, out, inputs=(file,), as_json=as_json)
    if cluster is not None and plan is None:
        let_go_of(out)


def finished(
    result: TrialResult,
    options: TrialOptions,
    out: Path,
    *,
    inputs: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Write the files of a trial, and print what came out.

    **Arguments:**

    - `options`: of the command. `out`: where the files go. `inputs`: files that were read.
    """
    from ketasim._base import write_whole
    from ketasim.apps.cli.answers import print_trial

    files = result.files(command=options.command(out))
    if options.formats:
        from ketasim.trials.datasets import data_files

        made = data_files(result, options.formats, replicate=options.replicate)
        files |= {f"datasets/{name}": content for name, content in made.items()}
    left = _earlier(out, files, inputs)
    paths = write_whole(out, files, inputs=inputs)
    _remove(out, left)
    answer(
        result,
        paths,
        print_trial,
        lambda: {
            "summary": result.summary().to_dicts(),
            "analysis": result.analysis().to_dicts(),
            "looks": result.looks().to_dicts(),
            "blinding": result.blinding().to_dicts(),
            "flow": result.flow().to_dicts(),
            "sessions": result.sessions().to_dicts(),
            "published": result.published().to_dicts(),
            "nearest": result.nearest().to_dicts(),
        },
        as_json=as_json,
    )


def _earlier(out: Path, files: Iterable[str], inputs: Sequence[Path]) -> list[str]:
    """Files of an earlier run in the folder that this one has not; none where no run was there."""
    from ketasim.trials.datasets.write import FORMATS

    if not all((out / name).is_file() for name in _ALWAYS):
        return []
    names = [name for name in (*_FILES, *_datasets(FORMATS)) if name not in files]
    there = [name for name in names if (out / name).is_file()]
    return [name for name in there if not any((out / name).samefile(one) for one in inputs)]


def _remove(out: Path, names: Sequence[str]) -> None:
    """Remove files of an earlier run: beside those of another they would be taken for its own."""
    with suppress(OSError):
        for name in names:
            (out / name).unlink()
            note(f"removed: {out / name}, of an earlier run")
        if any(name.startswith("datasets/") for name in names):
            (out / "datasets").rmdir()  # stays where something is in it


def _planned(options: TrialOptions, folder: Path, size: int | None) -> Plan:
    from ketasim.trials.shards.run import plan_trial

    asked = {"replicates": options.replicates, "seed": options.seed}
    return plan_trial(options.trial, folder, size=size, given=vars(options), **asked)


def _simulated(path: Path, replicates: int | None, seed: int | None) -> TrialResult:
    from rich.text import Text

    from ketasim._base import visible
    from ketasim.trials import run_trial

    with progress_console().status("reading the trial") as status:

        def tell(text: str) -> None:
            status.update(Text(visible(text)))  # it names arms, as a user wrote them

        return run_trial(path, replicates=replicates, seed=seed, progress=tell)


def _check_datasets(path: Path, options: TrialOptions) -> None:
    """Refuse data sets that cannot be written, before any work."""
    from ketasim._base import InputError

    if not options.formats:
        if options.replicate is not None:
            raise InputError("--replicate", "no data sets are asked for", "add '--datasets csv'")
        return
    from ketasim.dosing import load_trial
    from ketasim.trials.datasets.tables import check_design

    check_design(load_trial(path))
