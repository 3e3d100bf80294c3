"""The verb `simulate`: from a course to concentrations, receptor block and mood."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError, KetasimError, near
from ketasim.dosing import HEALTHY, Course, load_course
from ketasim.engine import LinearSolver, begin
from ketasim.evidence import Card, load_card, source_name
from ketasim.models import RECEPTOR, LinearModel, known_model, mood_chain
from ketasim.population import Cohort, uncertainty_note, virtual_patients
from ketasim.simulation.calendar import Session, checked_times, output_times, sessions_of
from ketasim.simulation.concentrations import input_durations
from ketasim.simulation.curves import Curves, Recipe
from ketasim.simulation.mood.course import Mood, simulate_mood
from ketasim.simulation.mood.means import MoodMeans
from ketasim.simulation.result import Simulation
from ketasim.simulation.session.curves import SessionEffects, session_warnings, simulate_session
from ketasim.simulation.session.patients import SESSION_UNITS, SessionCurves
from ketasim.simulation.size import check_course

Array = NDArray[np.float64]

HEALTHY_NOTE: Final = (
    "A healthy volunteer: concentrations, receptor block and effects of the session are computed; "
    "mood is not, because the mood model was fitted to depression."
)
"""What is said of a course whose diagnosis is `healthy`."""

_SHARED: Final = frozenset({"screening", "elasticities", "sessions", "_exposure"})
"""What a result keeps once it is asked for, and does not depend on profiles of the sessions."""

_REFERENCE = "reference"  # the model behind which the chain to mood was fitted


def simulate(
    course: Course | Mapping[str, Any] | str | Path,
    *,
    typical: bool = False,
    sites: Sequence[str] | None = None,
    times: Iterable[float] | None = None,
    seed: int | None = None,
    mood: bool = True,
    session: bool = True,
    profiles: bool = True,
    uncertainty: bool = False,
) -> Simulation:
    """Simulate a course: concentrations at every site, the block of NMDA receptors, and mood.

    **Main arguments:**

    - `course`: a course, its content as a mapping, the path of a course file, or the name of an
      example that ships, such as `six_infusions`.

    **Other arguments:**

    - `typical`: the typical patient even if the course asks for a population.
    - `sites`: of `arterial`, `venous` and `effect`, those wanted; all the model has when left out.
      The block, and with the reference model mood, need the effect site.
    - `times`: h from the first dose; when left out, close around the first and last session.
    - `seed`: instead of the seed of the course's population.
    - `mood`: false leaves the chain from the receptor to mood out.
    - `session`: false leaves the effects of the sessions out.
    - `profiles`: false keeps of them only the curves at the times of the result, which is much
      faster where many courses are simulated.
    - `uncertainty`: every virtual patient has a draw of the numbers of each card within the
      uncertainty of their estimates, so that the bands include
      it together with between-patient variability.

    **Returns:** `Simulation`.

    **Raises:** `InputError`, one line with the field and the remedy, when the course, a site, the
    times, or a route or drug that the model does not know cannot be used.
    """
    asked = prepared(
        course,
        typical=typical,
        sites=sites,
        times=times,
        seed=seed,
        mood=mood,
        session=session,
        profiles=profiles,
        uncertainty=uncertainty,
    )
    return assembled(asked)


@dataclass(frozen=True)
class Prepared:
    """A course with its patients, before anything is solved.

    **Arguments:**

    - `course`, `model`, `card`: what is simulated. `cohort`: all patients.
    - `hours`: of the result, shape (T,). `sites`: those shown.
    - `mood`: whether it is asked for, and `with_mood` whether it may be computed.
    - `sessions`: of the course. `with_session`: whether their effects may be computed, and
      `profiles` whether by the minute.
    """

    course: Course
    model: LinearModel
    card: Card
    cohort: Cohort
    hours: Array
    sites: tuple[str, ...]
    mood: bool
    with_mood: bool
    sessions: tuple[Session, ...]
    with_session: bool
    profiles: bool

    @property
    def healthy(self) -> bool:
        """Whether the patient has no depression."""
        return self.course.patient.diagnosis == HEALTHY

    @property
    def steady(self) -> bool:
        """Whether a dose is at steady state."""
        doses = self.course.regimen.doses
        return any(dose.steady_state_interval is not None for dose in doses)

    @property
    def followed(self) -> tuple[Session, ...]:
        """Sessions whose effects the model knows: none where only arketamine is given."""
        other = any(dose.drug != "arketamine" for dose in self.course.regimen.doses)
        return self.sessions if self.with_session and other else ()

    @property
    def mooded(self) -> bool:
        """Whether mood is computed."""
        return self.with_mood and not self.healthy and not self.steady

    def recipe(self, cohort: Cohort) -> Recipe:
        """What the curves of some of the patients follow from, those of mood aside."""
        solver = LinearSolver(self.model, cohort.values, cohort.weight)
        solution = solver.solve(self.course.regimen.doses)
        found = Recipe(self.hours, cohort.n, solver, solution, self.sites)
        if RECEPTOR.site in self.sites:
            found = replace(found, receptor=load_card("receptor").values())
        if self.followed:
            effects = SessionCurves(load_card("session"), cohort, self.followed)
            found = replace(found, session=effects)
        return found


def prepared(
    course: Course | Mapping[str, Any] | str | Path,
    *,
    typical: bool = False,
    sites: Sequence[str] | None = None,
    times: Iterable[float] | None = None,
    seed: int | None = None,
    mood: bool = True,
    session: bool = True,
    profiles: bool = True,
    uncertainty: bool = False,
    together: int | None = None,
) -> Prepared:
    """Read a course, draw its patients, and refuse what cannot be simulated.

    **Main arguments:** as of `simulate`.

    **Other arguments:** as of `simulate`.

    - `together`: patients that are solved together, and have to fit into memory; all when left out.
    """
    course = course if isinstance(course, Course) else load_course(course)
    course = _with_population(course, typical, seed)
    model, card = known_model(course.pk_model), load_card(course.pk_model)
    for site in sites or ():
        if site not in model.sites:
            raise InputError(
                "sites", f"the model '{model.name}' has no site '{site}'", near(site, model.sites)
            )
    at_effect = course.pk_model == _REFERENCE and RECEPTOR.site in (sites or model.sites)
    with_mood, with_session = mood and at_effect, session and at_effect
    given = None if times is None else checked_times(times)
    check_course(
        course if together is None else _of_size(course, together),
        model,
        sites=sites,
        times=None if given is None else len(given),
        mood=with_mood,
        session=with_session,
        tables=profiles,
        told=together is None,
    )
    if with_mood and course.patient.diagnosis != HEALTHY:
        begin(mood_chain(model), 1 if course.population is None else course.population.n)
    cohort = virtual_patients(course, card, model, uncertainty=uncertainty)
    sessions = sessions_of(course.regimen.doses, course.horizon, input_durations(model, cohort))
    return Prepared(
        course=course,
        model=model,
        card=card,
        cohort=cohort,
        hours=output_times(sessions, course.horizon) if given is None else given,
        sites=tuple(site for site in model.sites if sites is None or site in sites),
        mood=mood,
        with_mood=with_mood,
        sessions=sessions,
        with_session=with_session,
        profiles=profiles,
    )


def assembled(
    asked: Prepared, first: Cohort | None = None, means: MoodMeans | None = None
) -> Simulation:
    """Solve the patients of a course, and put the result together.

    **Arguments:**

    - `asked`: the course. `first`: of its patients, those that are solved; all when left out.
    - `means`: of the mood of all patients, where not all are solved.
    """
    course, model, hours = asked.course, asked.model, asked.hours
    cohort = asked.cohort if first is None else first
    recipe = asked.recipe(cohort)
    warnings = [*course.warnings, *cohort.notes]
    if RECEPTOR.site not in asked.sites and RECEPTOR.site not in model.sites:
        warnings.append(
            f"The model '{model.name}' has no effect site: the block of NMDA receptors is not "
            "computed; the reference model computes it."
        )
    room: SessionEffects | None = None
    if asked.with_session and asked.sessions and not asked.followed:
        warnings.append(
            "Session effects are not assessed: in one model arketamine does not contribute to "
            f"them ({source_name('olofsen2022')}), one study found some "
            f"({source_name('jonkman2018')})."
        )
    elif asked.followed and asked.profiles:
        room = simulate_session(course, cohort, model, asked.followed, recipe.solution)
        warnings += room.warnings
    elif asked.followed:
        warnings += session_warnings(cohort, asked.followed, recipe.solution)
    found: Mood | None = None
    if asked.with_mood and asked.healthy:
        warnings.append(HEALTHY_NOTE)
    elif asked.with_mood and asked.steady:
        warnings.append(
            "Mood is not computed: a score has no steady state to start from; list the earlier "
            "doses themselves."
        )
    elif asked.mooded:
        try:
            curves, found, said = simulate_mood(course, cohort, model, hours, means=means)
        except InputError:
            raise
        except KetasimError as error:
            # such as a dose so small that its effect drowns in rounding
            warnings.append(f"Mood is not computed: {error}.")
        else:
            recipe = replace(recipe, mood=curves)
            warnings += said
    elif asked.mood and course.pk_model != _REFERENCE and not asked.healthy:
        warnings.append(
            f"Mood is not computed with the model '{model.name}': the model from receptor to "
            "MADRS was fitted to the reference model and is computed only with it."
        )
    receptor_card = load_card("receptor")
    if cohort.uncertainty:
        used = [asked.card, *([receptor_card] if recipe.receptor is not None else [])]
        used += [] if found is None else [found.card]
        used += [] if room is None else [room.card]
        warnings += [uncertainty_note(one) for one in used]
    return Simulation(
        course=course,
        model=model,
        card=asked.card,
        receptor_card=receptor_card,
        times=hours,
        cohort=cohort,
        values=Curves(recipe) if first is None else Curves(recipe, held=0.0),
        warnings=tuple(dict.fromkeys(warnings)),
        mood=found,
        session_effects=room,
    )


def with_profiles(simulation: Simulation) -> Simulation:
    """Follow the sessions of a course that was simulated without profiles.

    **Arguments:**

    - `simulation`: as `simulate` returns it with `profiles=False`.

    **Returns:** what `simulate` returns with profiles; the same where no session is followed.
    """
    before, cohort, curves = simulation.course, simulation.cohort, simulation.values
    followed = any(key in SESSION_UNITS for key in curves)
    if simulation.session_effects is not None or not followed:
        return simulation
    assert isinstance(curves, Curves)
    doses, model = before.regimen.doses, simulation.model
    in_room = sessions_of(doses, before.horizon, input_durations(model, cohort))
    room = simulate_session(before, cohort, model, in_room, curves.solution)
    known = dict.fromkeys([*before.warnings, *cohort.notes])
    said = dict.fromkeys([*known, *room.warnings, *simulation.warnings])
    if cohort.uncertainty:
        said |= dict.fromkeys([uncertainty_note(room.card)])
    found = replace(simulation, session_effects=room, warnings=tuple(said))
    vars(found).update({name: one for name, one in vars(simulation).items() if name in _SHARED})
    return found


def _of_size(course: Course, most: int) -> Course:
    """The course with as many patients at most."""
    if course.population is None or course.population.n <= most:
        return course
    return replace(course, population=course.population.model_copy(update={"n": most}))


def _with_population(course: Course, typical: bool, seed: int | None) -> Course:
    """The course as it is simulated, so that its normal form reproduces the result."""
    if course.population is None:
        return course
    if typical:
        return replace(course, population=None)
    if seed is None:
        return course
    return replace(course, population=course.population.reseeded(seed))
