"""A large population planned in shards, a shard done, and the result gathered from them.

Patients depend on nothing beside them, but bands are quantiles over all of them. Those of more
patients than a group are pooled from groups, in one process as well, so that a shard keeps what
is told of each of its groups and no patient's curve.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from ketasim._base import InputError, KetasimError
from ketasim._base.shards.plan import NOTHING, Cost, Plan, check_cards, held_plan, sized, write_plan
from ketasim._base.shards.shard import SECONDS, do, gathered, timed
from ketasim._base.shards.store import packed, peak_memory
from ketasim.dosing import load_course, located
from ketasim.evidence import load_card
from ketasim.simulation.mood.course import MoodCourse, mood_course
from ketasim.simulation.session.group import PATIENTS
from ketasim.simulation.shards.part import Part, arrays_of, part_of, parts_of, pooled_parts
from ketasim.simulation.shards.result import Gathered
from ketasim.simulation.simulate import Prepared, assembled, prepared
from ketasim.simulation.statistics import GROUP, groups
from ketasim.simulation.tables import INDIVIDUALS

_FEW: Final = 64  # patients after whom all is loaded and compiled
_ITEMS: Final = "groups of patients"


def plan_course(
    course: str | Path,
    folder: Path,
    *,
    n: int | None = None,
    seed: int | None = None,
    uncertainty: bool = False,
    size: int | None = None,
    given: dict[str, Any] | None = None,
) -> Plan:
    """Plan the population of a course in shards of about 30 s, and write the plan into a folder.

    The first group of patients is simulated to know what it costs. A plan of the same course that
    is there already stays, with what is done of it.

    **Main arguments:**

    - `course`: path of a course file, or name of an example. `folder`: made if missing.

    **Other arguments:**

    - `n`, `seed`: of the population, instead of those of the course.
    - `uncertainty`: as of `simulate`.
    - `size`: groups of a shard; as many as take about 30 s when left out.
    - `given`: the other words of the command, for the files that are made at the end.

    **Raises:** `InputError`.
    """
    path = located(Path(course), "course", field="COURSE")
    content = path.read_bytes()
    options = {"n": n, "seed": seed, "uncertainty": uncertainty}
    asked, mood = _prepared(path, n, seed, uncertainty)
    parts = groups(asked.cohort.n)
    plan = Plan(
        folder=folder,
        kind="course",
        counted=_ITEMS,
        total=len(parts),
        size=1,
        input=path.name,
        digest=hashlib.sha256(content).hexdigest(),
        options=options,
        cards=_cards(asked),
        cost=NOTHING,
        given={"course": str(course), **options, **(given or {})},
    )
    there = held_plan(plan, size)
    if there is not None:
        return there
    cost = _cost(asked, mood, lambda: _prepared(path, n, seed, uncertainty))
    of = min(size, plan.total) if size is not None else sized(cost, plan.total, SECONDS)
    return write_plan(replace(plan, size=of, cost=cost), content)


def _prepared(
    path: Path, n: int | None, seed: int | None, uncertainty: bool
) -> tuple[Prepared, MoodCourse | None]:
    """A course with its patients, and what their mood follows from."""
    course = load_course(path)
    if n is not None or seed is not None:
        course = course.with_population(n, seed)
    if course.population is None:
        raise InputError(
            "--plan",
            "the course has no population, and one patient is not divided",
            "give its size with --n, or leave --plan out",
        )
    asked = prepared(course, uncertainty=uncertainty, together=GROUP)
    if not asked.mooded:
        return asked, None
    try:
        return asked, mood_course(asked.course, asked.cohort, asked.model, asked.hours)
    except InputError:
        raise
    except KetasimError:  # as one process, which says why
        return asked, None


def _cards(asked: Prepared) -> dict[str, str]:
    keys = (asked.course.pk_model, "receptor", "session", "mood")
    return {key: load_card(key).hash for key in keys}


def _cost(asked: Prepared, mood: MoodCourse | None, again: Any) -> Cost:
    """What a group takes, by the first of them."""
    first = groups(asked.cohort.n)[0]
    _part(asked, mood, slice(0, min(_FEW, first.stop)))
    each, part = timed(lambda: _part(asked, mood, first))
    start, _ = timed(again)
    stored = float(len(packed(*arrays_of([part]))))
    return Cost(start, each, memory=peak_memory(), stored=stored, once=0.0, measured=1)


def _part(asked: Prepared, mood: MoodCourse | None, which: slice) -> Part:
    try:
        return part_of(asked, mood, which)
    except InputError:
        raise
    except KetasimError as error:
        told = f"patients {which.start + 1:,} to {which.stop:,} cannot be simulated ({error})"
        raise InputError("COURSE", told, "simulate it in one process, without --plan") from None


@lru_cache(maxsize=1)
def _known(
    path: Path, n: int | None, seed: int | None, uncertainty: bool, _mark: str
) -> tuple[Prepared, MoodCourse | None]:
    return _prepared(path, n, seed, uncertainty)


def _asked(plan: Plan) -> tuple[Prepared, MoodCourse | None]:
    asked, mood = _known(plan.source, **plan.options, _mark=plan.hash)
    check_cards(plan, _cards(asked))
    return asked, mood


def work_course(plan: Plan, shard: int) -> bool:
    """Do a shard of a population, and write its file.

    **Arguments:**

    - `plan`: of a course. `shard`: counted from 0.

    **Returns:** false where it was done already.

    **Raises:** `InputError`.
    """

    def made() -> tuple[dict[str, Any], dict[str, Any]]:
        asked, mood = _asked(plan)
        parts = groups(asked.cohort.n)
        return arrays_of([_part(asked, mood, parts[item]) for item in plan.items(shard)])

    return do(plan, shard, made)


def gather_course(plan: Plan, *, individuals: int | None = INDIVIDUALS) -> Gathered:
    """Put the shards of a population together: what one process tells, to the last bit.

    **Main arguments:**

    - `plan`: of a course, all of whose shards are done.

    **Other arguments:**

    - `individuals`: patients of whom curves are wanted, the first of them, which are simulated
      here; all when nothing.

    **Raises:** `InputError` where one is missing, damaged or of another plan.
    """
    whole = pooled_parts([part for parts in gathered(plan, parts_of) for part in parts])
    asked, _ = _asked(plan)
    n = asked.cohort.n
    # as many as stand behind the effects of a session, and the uncertainty of mood
    shown = n if individuals is None else min(max(individuals, PATIENTS), n)
    first = assembled(asked, asked.cohort.take(slice(0, shown)), whole.mood)
    return Gathered.of(first, asked, whole)
