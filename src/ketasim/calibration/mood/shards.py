"""Full refits planned in shards, one each, a shard done, and the calibration gathered from them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from ketasim._base import InputError
from ketasim._base.shards.plan import (
    MANIFEST,
    NOTHING,
    Cost,
    Plan,
    check_cards,
    held_plan,
    read_plan,
    write_plan,
)
from ketasim._base.shards.shard import Made, do, gathered, timed
from ketasim._base.shards.store import peak_memory
from ketasim._base.size import LOG
from ketasim.calibration.mood.fit import MoodFit, calibrate_mood
from ketasim.calibration.mood.judgement import LeftOut, leave_one_out
from ketasim.calibration.mood.optimum import optimise
from ketasim.calibration.mood.problem import PATIENTS, MoodProblem
from ketasim.calibration.mood.processes import Done, package_stamp
from ketasim.calibration.mood.refit import fitted_rows, refit, trials_to_refit
from ketasim.dosing import load_studies
from ketasim.evidence import load_card

_FILE: Final = "refits.json"
_PRIOR: Final = "mood_prior"
_STORED: Final = 5e3  # bytes of a refit: what it predicts, and what it was made by


def plan_refits(
    folder: Path,
    *,
    seed: int = 1,
    patients: int = PATIENTS,
    given: Mapping[str, Any] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Plan:
    """Plan the full refits of the chain to mood, a shard each, and write the plan into a folder.

    The calibration is fitted once: it decides which trials are left out, and tells what a refit
    costs. A plan of the same refits that is there already stays, with what is done of it.

    **Main arguments:**

    - `folder`: made if missing.

    **Other arguments:**

    - `seed`, `patients`, `progress`: as of `calibrate_mood`.
    - `given`: words of the command, for the files that are made at the end.

    **Raises:** `InputError`.
    """
    plan = unwritten(folder, seed=seed, patients=patients, given=given)
    if (folder / MANIFEST).exists():
        found = read_plan(folder, field="--plan")
        # which trials are left out follows from the rest
        plan = replace(plan, digest=found.digest, total=found.total)
    there = held_plan(plan, None)
    if there is not None:
        return there

    def fitted() -> tuple[LeftOut, ...]:
        prior = load_card(_PRIOR)
        problem = MoodProblem(prior, load_studies(), fitted_rows(), patients, seed)
        return tuple(leave_one_out(problem, optimise(problem, progress), progress))

    each, left_out = timed(fitted)
    cost = Cost(0.0, each, memory=peak_memory(), stored=_STORED, once=0.0, measured=1)
    return write_refits(replace(plan, cost=cost), trials_to_refit(left_out))


def unwritten(
    folder: Path, *, seed: int, patients: int, given: Mapping[str, Any] | None = None
) -> Plan:
    """The plan of refits before it is known of which trials; arguments as of `plan_refits`."""
    return Plan(
        folder=folder,
        kind="calibration",
        counted="refits",
        total=1,
        size=1,
        input=_FILE,
        digest="",
        # a fit follows from the code and from every row of evidence
        options={"seed": seed, "patients": patients, "package": package_stamp()},
        cards=_cards(),
        cost=NOTHING,
        given=dict(given or {}),
    )


def write_refits(plan: Plan, trials: Mapping[str, str]) -> Plan:
    """Write the plan of some refits.

    **Arguments:**

    - `plan`: as `unwritten` makes it. `trials`: left out, each to why it was chosen.

    **Raises:** `InputError` where the folder cannot be written to.
    """
    content = (json.dumps(dict(trials), indent=2, ensure_ascii=False) + "\n").encode()
    digest = hashlib.sha256(content).hexdigest()
    return write_plan(replace(plan, total=len(trials), digest=digest), content)


def _cards() -> dict[str, str]:
    return {_PRIOR: load_card(_PRIOR).hash}


def _trials(plan: Plan) -> list[str]:
    """Trials that are left out, one a shard."""
    check_cards(plan, _cards())
    if plan.options["package"] != package_stamp():
        raise InputError(
            "DIR",
            "the refits were planned with other files of ketasim than those here",
            "run it where it was planned, or plan it again into another folder",
        )
    return list(json.loads(plan.source.read_text(encoding="utf-8")))


def work_refits(plan: Plan, shard: int) -> bool:
    """Do one refit, and write its file.

    **Arguments:**

    - `plan`: of a calibration. `shard`: counted from 0.

    **Returns:** false where it was done already.

    **Raises:** `InputError`.
    """

    def made() -> Made:
        trial, options = _trials(plan)[shard], plan.options
        job = {"trial": trial, "patients": options["patients"], "seed": options["seed"]}
        return {}, {"trial": trial, "refit": refit(job)}

    return do(plan, shard, made)


def known_refits(plan: Plan) -> dict[str, Done]:
    """Refits of a plan by trial.

    **Raises:** `InputError` where one is missing, damaged or of another plan.
    """
    return dict(gathered(plan, lambda _, about: (str(about["trial"]), about["refit"])))


def gather_refits(plan: Plan) -> MoodFit:
    """The calibration with its refits: what one process returns, to the last bit.

    It is fitted here once more, as long as one refit takes.

    **Arguments:**

    - `plan`: of a calibration, all of whose shards are done.

    **Raises:** `InputError` where one is missing, damaged or of another plan.
    """
    known = known_refits(plan)
    _trials(plan)  # the same files as planned
    options = plan.options
    return calibrate_mood(
        seed=options["seed"],
        patients=options["patients"],
        refit=True,
        known=known,
        progress=LOG.info,
    )
