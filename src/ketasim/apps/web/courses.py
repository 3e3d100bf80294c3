"""The course of a page: read within the limits, and simulated once for all who ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from ketasim._base import InputError, words
from ketasim.apps.web.entries import as_meant
from ketasim.apps.web.state import SWITCHES, PageState
from ketasim.apps.web.templating import filled_in

if TYPE_CHECKING:
    from markupsafe import Markup
    from starlette.requests import Request

    from ketasim.apps.web.results import Results
    from ketasim.apps.web.settings import Limits
    from ketasim.dosing import Course
    from ketasim.simulation import Simulation

OLDEST: Final = 90.0
"""Ages of so many years and more are kept as this one: a rare age can name a person."""

OPTIONS: Final = SWITCHES
"""Options of `simulate` that a page of a course may have."""


def read_course(state: PageState, limits: Limits, *, typed: bool = True) -> Course:
    """Read the course of a state, an age of more than `OLDEST` as that one.

    **Arguments:**

    - `state`: of a page. `limits`: of the page.
    - `typed`: whether it was typed into the form, which says the units; else it is a file.

    **Raises:** `InputError` with the field, when it cannot be used or is too large for the page.
    """
    state = as_meant(state) if typed else state
    course = state.load()
    if course.patient.age is not None and course.patient.age > OLDEST:
        course = _with_oldest(state).load()
    many = 1 if course.population is None else course.population.n
    remedy = "the command takes more: ketasim simulate course.yaml --out DIR"
    if many > limits.patients:
        problem = f"{many:,} virtual patients are more than the page takes, {limits.patients:,}"
        raise InputError("population.n", problem, remedy)
    doses = len(course.regimen.doses)
    if doses > limits.doses:
        field = "doses" if "doses" in state.course else "regimen"
        problem = f"{doses:,} doses are more than the page takes, {limits.doses:,}"
        raise InputError(field, problem, remedy)
    if course.horizon > limits.horizon:
        most = limits.horizon / 24
        problem = f"{course.horizon / 24:,.0f} d are more than the page takes, {most:,.0f} d"
        raise InputError("horizon", problem, remedy)
    return course


def with_age_kept(state: PageState, course: Course) -> PageState:
    """The state with units written out, and an age of 90 or more as 90; see `OLDEST`.

    **Arguments:**

    - `state`: of a page. `course`: as it was read of it.
    """
    state = as_meant(state)
    return _with_oldest(state) if course.patient.age == OLDEST else state


def _with_oldest(state: PageState) -> PageState:
    patient = cast("Mapping[str, Any]", state.course["patient"])
    return state.with_course({**state.course, "patient": {**patient, "age": int(OLDEST)}})


def is_on(state: PageState, option: str) -> bool:
    """Whether an option is chosen.

    **Raises:** `InputError` when it is neither on nor off.
    """
    value = state.options.get(option, False)
    if isinstance(value, bool):
        return value
    raise InputError(option, f"'{value}' is neither true nor false", "write true, or leave it out")


def _options(state: PageState, course: Course) -> dict[str, bool]:
    """Options of `simulate` that a state has."""
    options = {name: is_on(state, name) for name in OPTIONS}
    if options["uncertainty"] and (options["typical"] or course.population is None):
        problem = "the typical patient has one set of parameters"
        if course.population is None:
            remedy = "choose a number of virtual patients under 'Of whom', or leave it out"
        else:
            remedy = "take typical or uncertainty out of the address"
        raise InputError("uncertainty", problem, remedy)
    return options


def _key(course: Course, options: Mapping[str, bool]) -> tuple[str | bool, ...]:
    """Everything that a simulation depends on."""
    return (PageState(course.to_dict()).query(), *options.values())


async def simulated(
    request: Request, state: PageState, course: Course, *, profiles: bool = True
) -> Simulation:
    """Simulate a course, or return what is kept of it.

    **Arguments:**

    - `request`: who asks. `state`: with the options of `simulate`. `course`: as it was read.
    - `profiles`: whether the effects of the sessions are wanted, which take longest.

    **Raises:** `InputError`; `HTTPException` with status 429.
    """
    results: Results = request.app.state.results
    options = _options(state, course)
    typical, uncertain = options["typical"], options["uncertainty"]
    key = ("simulate", *_key(course, options))

    def quick() -> Simulation:
        from ketasim.simulation import simulate

        return simulate(course, profiles=False, typical=typical, uncertainty=uncertain)

    if not profiles and (*key, True) not in results:
        return await results.of(request, (*key, False), quick)
    begun: Simulation | None = None
    if (*key, False) in results:
        begun = await results.of(request, (*key, False), quick)

    def whole() -> Simulation:
        from ketasim.simulation import simulate, with_profiles

        if begun is not None:
            return with_profiles(begun)
        return simulate(course, typical=typical, uncertainty=uncertain)

    found = await results.of(request, (*key, True), whole)
    results.drop((*key, False))
    return found


@dataclass(frozen=True)
class Front:
    """What is shown of a course before all else.

    **Arguments:**

    - `html`: filled in. `pending`: whether its session is still to be computed.
    """

    html: Markup
    pending: bool


async def front_of(
    request: Request, state: PageState, course: Course, *, profiles: bool = True
) -> Front:
    """Simulate a course and fill in what is shown of it, or return what is kept of that.

    **Arguments:** those of `simulated`.

    **Raises:** as `simulated`.
    """
    fragments: Results = request.app.state.fragments
    key = _key(course, _options(state, course))
    kept = fragments.kept((*key, False))
    if kept is not None:
        return kept
    simulation = await simulated(request, state, course, profiles=profiles)
    pending = not profiles and simulation.session_effects is None

    def filled() -> Front:
        from ketasim.reports.course_parts import course_part

        part = course_part(simulation, pending=pending)
        return Front(filled_in("course_first.html", part=part, words=words), part.first.pending)

    return await fragments.of(request, (*key, pending), filled)
