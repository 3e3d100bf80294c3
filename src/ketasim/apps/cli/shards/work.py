"""`ketasim work`: shards of a plan are done."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ketasim._base import InputError, named
from ketasim._base.size import LOG
from ketasim.apps.cli.console import AsJson, listen, path_given, print_json, whole
from ketasim.apps.cli.shards.planned import Cluster, do_shard

if TYPE_CHECKING:
    from ketasim._base.shards.plan import Plan

PlanRead = Annotated[
    Path, Parameter(name="DIR", help="Folder that --plan has written.", converter=path_given)
]


def work(
    folder: PlanRead,
    /,
    *,
    shard: Annotated[
        str | None,
        Parameter(
            help="Which: a number from 0, such as 7, several, such as 0-9,12; left out, all that "
            "are not done."
        ),
    ] = None,
    cluster: Cluster = None,
    as_json: AsJson = False,
) -> None:
    """Do shards of a plan: each appears whole, and none that is there is done again."""
    from ketasim._base.shards.plan import read_plan
    from ketasim._base.shards.store import check_own, state_of

    plan = read_plan(folder)
    if shard is not None and cluster is not None:
        raise InputError("--shard", "a cluster does all that are missing", "leave it out")
    listen()
    state = state_of(plan)
    check_own(plan, state)
    done: list[int] = []
    if cluster is not None:
        do_on_cluster(plan, cluster, done)
    else:
        asked = numbers(shard, plan.shards) if shard is not None else _mixed(state.left)
        for place, one in enumerate(asked):
            if len(asked) > 1:
                LOG.info("shard %s (%s of %s)", one, place + 1, len(asked))
            if do_shard(plan, one):
                done.append(one)
            elif not as_json:
                print(f"shard {one} is there already")
    there = state_of(plan)
    if as_json:
        print_json(
            {
                "folder": str(folder),
                "shards": plan.shards,
                "done_now": sorted(done),
                "missing": list(there.left),
            }
        )
        return
    print(f"{len(done):,} done now, {len(there.done):,} of {plan.shards:,} there")
    if not there.left:
        print(f"collect:  ketasim gather {named(folder)} --out OUT")


def do_on_cluster(plan: Plan, address: str, done: list[int]) -> None:
    """Do what is missing on a cluster.

    **Arguments:**

    - `plan`: to be done. `address`: as typed. `done`: receives the shards.
    """
    from ketasim._base.shards.store import state_of
    from ketasim.apps.cli.shards.cluster import connected, map_shards
    from ketasim.engine.progress import Progress

    left = state_of(plan).left
    if not left:
        return
    with connected(address) as client, Progress(len(left), show=None, what="shards") as bar:

        def told(shard: int, now: bool) -> None:
            if now:
                done.append(shard)
            bar.advance(1)

        map_shards(client, plan, told)


def _mixed(left: tuple[int, ...]) -> tuple[int, ...]:
    """In an order of chance: processes beside each other then rarely do the same."""
    return tuple(random.sample(left, len(left)))


def numbers(text: str, shards: int) -> tuple[int, ...]:
    """Shards as they are typed: `7`, `0-9,12`.

    **Arguments:**

    - `shards`: how many there are.

    **Raises:** `InputError`.
    """
    found: list[int] = []
    for part in text.split(","):
        ends = re.fullmatch(r"\s*(\d+)\s*-\s*(\d+)\s*", part)
        words = ends.groups() if ends else (part.strip(),)
        remedy = "give a number, as 7, or several, as 0-9,12"
        first, *rest = (whole(word, "--shard", remedy) for word in words)
        last = rest[0] if rest else first
        if last < first:
            raise InputError(
                "--shard", f"'{named(part.strip(), 40)}' ends before it begins", remedy
            )
        for one in (first, last):
            if not 0 <= one < shards:
                raise InputError(
                    "--shard",
                    f"there is no shard {one}",
                    f"give 0 to {shards - 1}" if shards > 1 else "give 0",
                )
        found += range(first, last + 1)
    return tuple(dict.fromkeys(found))
