"""`--cluster`: a command planned, done and gathered in one go."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ketasim._base.result import later
from ketasim.apps.cli.shards.planned import GATHER
from ketasim.apps.cli.shards.work import do_on_cluster

if TYPE_CHECKING:
    from ketasim._base.shards.plan import Plan


def _beside(out: Path) -> Path:
    """Where the shards lie for which no folder is named."""
    return out / "plan"


def on_cluster(
    planned: Callable[[Path], Plan], out: Path, folder: Path | None, address: str, **options: Any
) -> Any:
    """Plan, do the shards on a cluster, and gather.

    **Main arguments:**

    - `planned`: plans into a folder. `out`: where the files of the command go.
    - `folder`: of the plan; one beside the files when nothing. `address`: as typed.

    **Other arguments:**

    - `options`: of what gathers.

    **Returns:** the result of the command.

    **Raises:** `InputError`.
    """
    from ketasim.apps.cli.shards.cluster import connected

    with connected(address):  # before anything is planned
        pass
    plan = planned(_beside(out) if folder is None else folder)
    do_on_cluster(plan, address, [])
    return later(GATHER[plan.kind])(plan, **options)


def let_go_of(out: Path) -> None:
    """Remove the shards for which no folder was named, once the files are there."""
    shutil.rmtree(_beside(out), ignore_errors=True)
