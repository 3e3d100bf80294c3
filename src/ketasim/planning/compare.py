"""The verb `compare`: courses side by side on the same virtual patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ketasim._base import InputError
from ketasim.dosing import Course, load_course
from ketasim.planning.alike import check_alike, names_of, same_horizon
from ketasim.planning.criteria import criterion
from ketasim.planning.option import Option, shared_quantity
from ketasim.planning.result import Comparison
from ketasim.simulation import Simulation, simulate

MOST: Final = 4
"""Options in one comparison at most."""

_LEAST: Final = 2

Source = Course | Simulation | Mapping[str, Any] | str | Path


def compare(
    courses: Source | Sequence[Source],
    regimens: Sequence[str] = (),
    *,
    names: Sequence[str] = (),
    typical: bool = False,
    seed: int | None = None,
    rank_by: str | None = None,
) -> Comparison:
    """Set two to four regimens side by side, on the same virtual patients.

    All options have the same patients with the same seed, situation and horizon; only what is given
    differs. A difference is taken under each parameter draw, which all options share, so that what
    is uncertain in all of them alike cancels. Nothing is ranked unless a criterion is named.

    **Main arguments:**

    - `courses`: two to four, each as `simulate` takes it, or a `Simulation` that is computed
      already. Differences are to the first.
    - `regimens`: sentences, for the patient of a single course; its own regimen is the first
      option.

    **Other arguments:**

    - `names`: of the options; their titles or regimens when left out.
    - `typical`: the typical patient even if the courses ask for a population.
    - `seed`: instead of the seed of the courses' population.
    - `rank_by`: one of `CRITERIA` that has a better way, such as `days_well` or `hours`.

    **Returns:** `Comparison`.

    **Raises:** `InputError` when there are fewer than two or more than four options, they differ in
    the patient, the population or the horizon, or a course cannot be used.
    """
    ranked = None if rank_by is None else criterion(rank_by)
    given = _listed(courses)
    sources = [one if isinstance(one, Simulation) else _course(one) for one in given]
    if regimens:
        sources = _with(sources, [regimens] if isinstance(regimens, str) else list(regimens))
    count = len(sources)
    if not _LEAST <= count <= MOST:
        few = "one option alone has nothing beside it" if count == 1 else f"there are {count}"
        raise InputError("courses", few, f"give {_LEAST} to {MOST} options")
    if names and len(names) != count:
        raise InputError("names", f"{len(names)} for {count} options", "give each option one")
    read = [one.course if isinstance(one, Simulation) else one for one in sources]
    wanted = list(names) or [""] * count
    told = names_of(list(zip(wanted, read, strict=True)))
    check_alike(dict(zip(told, read, strict=True)))
    alike, notes = same_horizon(dict(zip(told, read, strict=True)))
    simulations = {
        name: one
        if isinstance(one, Simulation) and one.course is alike[name]
        else simulate(alike[name], typical=typical, seed=seed)
        for name, one in zip(told, sources, strict=True)
    }
    quantity = shared_quantity(list(simulations.values()))
    options = tuple(Option(name, one, quantity) for name, one in simulations.items())
    return Comparison(options, "" if ranked is None else ranked.key, notes)


def _listed(courses: Source | Sequence[Source]) -> list[Source]:
    if isinstance(courses, Course | Simulation | Mapping | str | Path):
        return [courses]
    return list(courses)


def _course(source: Course | Mapping[str, Any] | str | Path) -> Course:
    return source if isinstance(source, Course) else load_course(source)


def _with(sources: list[Course | Simulation], regimens: list[str]) -> list[Course | Simulation]:
    """A course and the same patient by other regimens."""
    if len(sources) != 1:
        raise InputError(
            "regimens",
            f"{len(sources)} courses and regimens are given",
            "give one course, whose patient is treated, and regimens; or courses alone",
        )
    first = sources[0]
    course = first.course if isinstance(first, Simulation) else first
    form = {k: v for k, v in course.to_dict().items() if k not in ("title", "regimen", "doses")}
    found: list[Course | Simulation] = [first]
    for place, sentence in enumerate(regimens):
        try:
            found.append(load_course({**form, "regimen": sentence}))
        except InputError as error:
            if error.field != "regimen":
                raise
            field = f"regimens[{place}]"
            raise InputError(field, error.problem, error.remedy) from None
    return found
