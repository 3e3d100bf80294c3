"""`ketasim gather`: the shards of a plan become the files of its command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from cyclopts import Parameter

from ketasim._base.result import later
from ketasim._base.size import duration
from ketasim.apps.cli import calibrate, simulate, trial
from ketasim.apps.cli.console import AsJson, check_folder, listen, path_given, print_json, warn
from ketasim.apps.cli.shards.planned import GATHER, check_known
from ketasim.apps.cli.shards.work import PlanRead

if TYPE_CHECKING:
    from ketasim._base.shards.plan import Plan
    from ketasim._base.shards.store import State

NOT_ALL = 1
"""Exit status where shards are missing."""

_COMMANDS: Final[dict[str, Any]] = {
    "trial": (trial.TrialOptions, trial.finished),
    "course": (simulate.CourseOptions, simulate.finished),
    "calibration": (calibrate.MoodOptions, calibrate.finished),
}
"""Kind of a plan to the options of its command, and to what writes its files."""

Collected = Annotated[
    Path | None,
    Parameter(
        name="--out",
        help="Folder for the files, DIR/result when left out; made if missing.",
        converter=path_given,
    ),
]


def gather(folder: PlanRead, /, *, out: Collected = None, as_json: AsJson = False) -> int:
    """Collect the shards of a plan: writes what one process would have written.

    While shards are missing it says which, writes nothing and ends with status 1.
    """
    from ketasim._base.shards.plan import read_plan
    from ketasim._base.shards.store import check_own, environments, state_of

    plan = read_plan(folder)
    check_known(plan)
    state = state_of(plan)
    check_own(plan, state)
    if state.left:
        _tell_missing(plan, state, as_json=as_json)
        return NOT_ALL
    out = folder / "result" if out is None else out
    made, finished = _COMMANDS[plan.kind]
    options = made(**plan.given)
    check_folder(out, options.files(), inputs=(plan.source,))
    listen()
    if len(environments(plan, state.done)) > 1:
        warn(["shards were done with other libraries or machines: last digits may differ"])
    result = later(GATHER[plan.kind])(plan, **options.gathered())
    finished(result, options, out, inputs=(plan.source,), as_json=as_json)
    return 0


def _tell_missing(plan: Plan, state: State, *, as_json: bool) -> None:
    from ketasim._base.shards.store import about_of
    from ketasim._base.words import spans

    known = [about for one in state.done if (about := about_of(plan, one)) is not None]
    cores = [float(one["core_seconds"]) for one in known]
    measured: dict[str, Any] = {}
    if cores:
        each = sum(cores) / len(cores)
        measured = {
            "core_seconds_a_shard": each,
            "core_hours_left": each * len(state.left) / 3600.0,
            "memory": max(float(one["memory"]) for one in known),
        }
    if as_json:
        told = {name: list(shards) for name, shards in vars(state).items()}
        print_json({"folder": str(plan.folder), "shards": plan.shards, **told, **measured})
        return
    print(f"{len(state.done):,} of {plan.shards:,} shards are there")
    if state.missing:
        print(f"missing: {spans(state.missing)}")
    if state.damaged:
        print(f"damaged: {spans(state.damaged)}")
    if cores:
        left = sum(cores) / len(cores) * len(state.left)
        print(f"a shard took {sum(cores) / len(cores):.3g} s of one core; left: {duration(left)}")
    print(f"do them:  ketasim work {plan.folder} --shard {spans(state.left).replace(' ', '')}")
