"""What `--plan` and `--cluster` share: their options, the plan told, its shards done by kind."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter

from ketasim._base import InputError, named
from ketasim._base.result import later
from ketasim._base.size import duration, gigabytes
from ketasim.apps.cli.console import command_line, path_given, print_json, whole_number

if TYPE_CHECKING:
    from ketasim._base.shards.plan import Plan

PlanFolder = Annotated[
    Path | None,
    Parameter(
        name="--plan",
        help="Only plan the work, in shards, into this folder; 'ketasim work' does them and "
        "'ketasim gather' collects them.",
        converter=path_given,
    ),
]
ShardSize = Annotated[int | None, whole_number("Of a plan: items of a shard, instead of 30 s.")]
Cluster = Annotated[
    str | None,
    Parameter(
        name="--cluster",
        help="Do the shards on the dask cluster with this address, such as tcp://10.0.0.5:8786.",
    ),
]

WORK: Final = {
    "trial": "ketasim.trials.shards.run:work_trial",
    "course": "ketasim.simulation.shards.run:work_course",
    "calibration": "ketasim.calibration.mood.shards:work_refits",
}
"""Kind of a plan to what does a shard of it."""

GATHER: Final = {
    "trial": "ketasim.trials.shards.run:gather_trial",
    "course": "ketasim.simulation.shards.run:gather_course",
    "calibration": "ketasim.calibration.mood.shards:gather_refits",
}
"""Kind of a plan to what puts its shards together."""


def check_known(plan: Plan) -> None:
    """Refuse a plan of something else.

    **Raises:** `InputError`.
    """
    if plan.kind not in WORK:
        raise InputError("DIR", f"holds a plan of '{named(plan.kind, 40)}'", "plan it again")


def do_shard(plan: Plan, shard: int) -> bool:
    """Do a shard; see `work_trial`."""
    check_known(plan)
    return later(WORK[plan.kind])(plan, shard)


def do_in(folder: str, shard: int) -> bool:
    """Do a shard of the plan in a folder, as a machine of a cluster is asked to."""
    from ketasim._base.shards.plan import read_plan

    return do_shard(read_plan(Path(folder)), shard)


def check_options(
    out: Path | None, plan: Path | None, cluster: str | None, size: int | None
) -> None:
    """Refuse options that contradict each other.

    **Raises:** `InputError`.
    """
    if plan is not None and out is not None and cluster is None:
        raise InputError(
            "--out",
            "a plan writes no results",
            f"leave it out; 'ketasim gather {named(plan)} --out {named(out)}' writes them",
        )
    if size is None:
        return
    if plan is None and cluster is None:
        raise InputError("--shard-size", "nothing is planned", "add '--plan DIR', or leave it out")
    if size < 1:
        raise InputError("--shard-size", f"{size} is less than 1", "give 1 or more")


def print_plan(plan: Plan, *, as_json: bool) -> None:
    """Say what the shards of a plan are, and what they will take."""
    if as_json:
        print_json({"folder": str(plan.folder), **plan.document()})
        return
    many, cost = plan.shards, plan.cost
    seconds = duration(plan.seconds(len(plan.items(0))))
    of = f"{plan.size:,} of {plan.total:,} {plan.counted} each" if many > 1 else "all in one"
    print(f"{many:,} shard{'s' if many > 1 else ''}, {of}")
    print(f"a shard takes about {seconds} of one core and {gigabytes(cost.memory)} of memory")
    print(f"all take {_hours(plan.core_hours)}, their files {gigabytes(plan.bytes)}")
    print(f"(measured here on {cost.measured:,} of them)")
    print()
    folder = str(plan.folder)
    last = many - 1
    shard = ["ketasim", "work", folder, "--shard"]
    print(f"do one:   {command_line([*shard, '0'])}{f'   (to {last})' if last else ''}")
    print(f"do all:   {command_line(['ketasim', 'work', folder])}")
    print(f"collect:  {command_line(['ketasim', 'gather', folder, '--out', 'OUT'])}")


def _hours(hours: float) -> str:
    if hours < 0.1:
        return f"{math.ceil(60.0 * hours)} core-min"
    return f"{hours:.2g} core-hours" if hours < 10.0 else f"{hours:,.0f} core-hours"


def options_given(**given: Any) -> dict[str, Any]:
    """Options of a command that were given, by name."""
    return {name: value for name, value in given.items() if value is not None}
