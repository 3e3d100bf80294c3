"""A trial planned in shards, a shard done, and the trial gathered from them."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from ketasim._base import InputError
from ketasim._base.shards.plan import Cost, Plan, check_cards, held_plan, sized, write_plan
from ketasim._base.shards.store import (
    Clock,
    check_own,
    packed,
    peak_memory,
    read_shard,
    spans,
    state_of,
    write_shard,
)
from ketasim.dosing import located
from ketasim.evidence import load_card
from ketasim.trials.result import TrialResult
from ketasim.trials.run import Ready, assembled, ready, simulated
from ketasim.trials.shards.stored import arrays_of, part_of
from ketasim.trials.size import trial_size

SECONDS: Final = 30.0
"""What a shard takes of one core, about."""

_PILOT: Final = 3.0  # s of one core for the replicates that tell the cost
_CARDS: Final = ("mood", "reference", "receptor", "session")


def plan_trial(
    trial: str | Path,
    folder: Path,
    *,
    replicates: int | None = None,
    seed: int | None = None,
    size: int | None = None,
    given: dict[str, Any] | None = None,
) -> Plan:
    """Plan a trial in shards of about 30 s, and write the plan into a folder.

    A few replicates are simulated to know what they cost. A plan of the same trial that is there
    already stays, with what is done of it.

    **Main arguments:**

    - `trial`: path of a trial file, or name of a trial that ships. `folder`: made if missing.

    **Other arguments:**

    - `replicates`, `seed`: instead of those of the trial.
    - `size`: replicates of a shard; as many as take about `SECONDS` when left out.
    - `given`: the other words of the command, for the files that are made at the end.

    **Raises:** `InputError`.
    """
    path = located(Path(trial), "trial", field="TRIAL")
    content = path.read_bytes()
    options = {"replicates": replicates, "seed": seed}
    asked = ready(path, replicates, seed, told=False)
    total = asked.trial.replicates
    plan = Plan(
        folder=folder,
        kind="trial",
        counted="replicates",
        total=total,
        size=1,
        input=path.name,
        digest=hashlib.sha256(content).hexdigest(),
        options=options,
        cards=_cards(),
        cost=Cost(0.0, 0.0, 0.0, 0.0, 0.0, 0),
        given={"trial": str(trial), **options, **(given or {})},
    )
    held = held_plan(plan, size)
    if held is not None:
        return held
    cost = _cost(path, asked)
    of = min(size, total) if size is not None else sized(cost, total, SECONDS)
    memory = cost.memory + trial_size(replace(asked.pool, replicates=of), asked.visits).bytes
    return write_plan(replace(plan, size=of, cost=replace(cost, memory=memory)), content)


def _cards() -> dict[str, str]:
    return {key: load_card(key).hash for key in _CARDS}


def _cost(path: Path, asked: Ready) -> Cost:
    """What replicates take, by a few of them."""
    simulated(asked, range(1))  # what is loaded and compiled is so once a process
    begun = time.process_time()
    asked = ready(path, asked.trial.replicates, asked.trial.seed, told=False)
    part = simulated(asked, range(1))
    start = time.process_time() - begun
    count, spent = 1, start
    while spent < _PILOT and count < asked.trial.replicates:
        count = min(4 * count, asked.trial.replicates)
        begun = time.process_time()
        part = simulated(asked, range(count))
        spent = time.process_time() - begun
    each = max(spent - start, 0.0) / (count - 1) if count > 1 else start
    arrays, about = arrays_of(part)
    table = len(arrays.pop("patients", np.zeros(0)))
    kept = min(asked.kept, count)
    return Cost(
        start=max(start - each, 0.0),
        each=each,
        memory=peak_memory(),
        stored=len(packed(arrays, about)) / count,
        once=table / max(kept, 1) * asked.kept,
        measured=count,
    )


@lru_cache(maxsize=1)
def _ready(path: Path, replicates: int | None, seed: int | None, _mark: str) -> Ready:
    return ready(path, replicates, seed, told=False)


def _asked(plan: Plan) -> Ready:
    check_cards(plan, _cards())
    return _ready(plan.source, plan.options["replicates"], plan.options["seed"], plan.hash)


def work_trial(plan: Plan, shard: int) -> bool:
    """Do a shard of a trial, and write its file.

    **Arguments:**

    - `plan`: of a trial. `shard`: counted from 0.

    **Returns:** false where it was done already.

    **Raises:** `InputError`.
    """
    state = state_of(plan, range(shard, shard + 1), whole=True)
    check_own(plan, state)
    if state.done:
        return False
    clock = Clock()
    arrays, about = arrays_of(simulated(_asked(plan), plan.items(shard)))
    write_shard(plan, shard, arrays, about | clock.told())
    return True


def gather_trial(plan: Plan) -> TrialResult:
    """Put the shards of a trial together: what one process returns, to the last bit.

    **Arguments:**

    - `plan`: of a trial, all of whose shards are done.

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
    asked = _asked(plan)
    parts = [part_of(*read_shard(plan, shard), asked.question) for shard in range(plan.shards)]
    return assembled(asked, parts)
