"""A shard of a plan: done once, whoever does it, and gathered with the others."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ketasim._base.errors import InputError
from ketasim._base.shards.plan import Plan
from ketasim._base.shards.store import Clock, check_own, read_shard, state_of, write_shard
from ketasim._base.words import spans

if TYPE_CHECKING:
    from numpy.typing import NDArray

SECONDS: Final = 30.0
"""What a shard takes of one core, about."""

Made = tuple[Mapping[str, "NDArray[Any]"], Mapping[str, Any]]
"""What a shard holds: arrays by name, and what JSON can hold."""

_T = TypeVar("_T")


def do(plan: Plan, shard: int, make: Callable[[], Made]) -> bool:
    """Do a shard, and write its file.

    **Arguments:**

    - `plan`: of the work. `shard`: counted from 0. `make`: computes what it holds.

    **Returns:** false where it was done already.

    **Raises:** `InputError`.
    """
    state = state_of(plan, range(shard, shard + 1), whole=True)
    check_own(plan, state)
    if state.done:
        return False
    clock = Clock()
    arrays, about = make()
    write_shard(plan, shard, arrays, {**about, **clock.told()})
    return True


def gathered(plan: Plan, part: Callable[[dict[str, NDArray[Any]], dict[str, Any]], _T]) -> list[_T]:
    """What all shards of a plan hold, in their order.

    **Arguments:**

    - `plan`: of the work. `part`: makes something of the arrays of a shard and what is known of
      them.

    **Raises:** `InputError` where one is missing, damaged or of another plan.
    """
    state = state_of(plan)
    check_own(plan, state)
    if state.left:
        raise InputError(
            "DIR",
            f"{len(state.left)} of {plan.shards} shards are missing: {spans(state.left)}",
            f"run 'ketasim work {plan.folder}'",
        )
    return [part(*read_shard(plan, shard)) for shard in range(plan.shards)]


def timed(work: Callable[[], _T]) -> tuple[float, _T]:
    """Seconds of one core that some work takes, and what it gives."""
    begun = time.process_time()
    found = work()
    return time.process_time() - begun, found
