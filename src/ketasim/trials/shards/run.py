"""A trial planned in shards, a shard done, and the trial gathered from them."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from ketasim._base.shards.plan import NOTHING, Cost, Plan, check_cards, held_plan, sized, write_plan
from ketasim._base.shards.shard import SECONDS, do, gathered, timed
from ketasim._base.shards.store import packed, peak_memory
from ketasim.dosing import located
from ketasim.evidence import load_card
from ketasim.trials.result import TrialResult
from ketasim.trials.run import Ready, assembled, ready, simulated
from ketasim.trials.shards.part import Part
from ketasim.trials.shards.stored import arrays_of, part_of
from ketasim.trials.size import trial_size

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
        cost=NOTHING,
        given={"trial": str(trial), **options, **(given or {})},
    )
    there = held_plan(plan, size)
    if there is not None:
        return there
    cost = _cost(path, asked)
    # what replicates are drawn from is solved in each process: no shard is shorter than that
    seconds = SECONDS if asked.drawing is None else cost.start + max(SECONDS, cost.start)
    of = min(size, total) if size is not None else sized(cost, total, seconds)
    held = replace(asked.pool, replicates=min(of, asked.solved))
    memory = cost.memory + trial_size(held, asked.visits).bytes
    return write_plan(replace(plan, size=of, cost=replace(cost, memory=memory)), content)


def _cards() -> dict[str, str]:
    return {key: load_card(key).hash for key in _CARDS}


def _cost(path: Path, asked: Ready) -> Cost:
    """What replicates take, by a few of them."""
    pools = 0.0 if asked.drawing is None else timed(asked.drawing.solve)[0]
    simulated(asked, range(1))  # what is loaded and compiled is so once a process
    trial = asked.trial
    again, _ = timed(lambda: ready(path, trial.replicates, trial.seed, told=False))
    start = again + pools
    total, solved = asked.trial.replicates, asked.solved
    once, each, part = _timed(asked, range(solved))
    arrays, about = arrays_of(part)
    table = len(arrays.pop("patients", np.zeros(0)))
    stored = len(packed(arrays, about)) / part.count
    first = table / max(min(asked.kept, part.count), 1) * asked.kept
    measured = part.count
    if solved < total:
        _, drawn, part = _timed(asked, range(solved, total))
        of_drawn = len(packed(*arrays_of(part))) / part.count
        first += (stored - of_drawn) * solved
        each = (each * solved + drawn * (total - solved)) / total
        stored, measured = of_drawn, measured + part.count
    return Cost(
        start=start + once,
        each=each,
        memory=peak_memory(),
        stored=stored,
        once=first,
        measured=measured,
    )


def _timed(asked: Ready, replicates: range) -> tuple[float, float, Part]:
    """Seconds of one core that some replicates take once and each, by the first of them."""

    def some(count: int) -> tuple[float, Part]:
        return timed(lambda: simulated(asked, replicates[:count]))

    count = 1
    one, part = some(count)
    spent = one
    while spent < _PILOT and count < len(replicates):
        count = min(4 * count, len(replicates))
        spent, part = some(count)
    each = max(spent - one, 0.0) / (count - 1) if count > 1 else one
    return max(one - each, 0.0), each, part


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
    return do(plan, shard, lambda: arrays_of(simulated(_asked(plan), plan.items(shard))))


def gather_trial(plan: Plan) -> TrialResult:
    """Put the shards of a trial together: what one process returns, to the last bit.

    **Arguments:**

    - `plan`: of a trial, all of whose shards are done.

    **Raises:** `InputError` where one is missing, damaged or of another plan.
    """
    parts = gathered(plan, lambda arrays, about: part_of(arrays, about, _asked(plan).question))
    return assembled(_asked(plan), parts)
