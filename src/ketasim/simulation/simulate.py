"""The verb `simulate`: from a course to concentrations, receptor block and mood."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError, KetasimError, near
from ketasim.dosing import HEALTHY, Course, load_course
from ketasim.engine import LinearSolver, begin
from ketasim.evidence import load_card, source_name
from ketasim.models import RECEPTOR, known_model, mood_chain
from ketasim.population import uncertainty_note, virtual_patients
from ketasim.simulation.calendar import checked_times, output_times, sessions_of
from ketasim.simulation.concentrations import input_durations
from ketasim.simulation.curves import Curves, Recipe
from ketasim.simulation.mood.course import Mood, simulate_mood
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
    course = course if isinstance(course, Course) else load_course(course)
    course = _with_population(course, typical, seed)
    model, card = known_model(course.pk_model), load_card(course.pk_model)
    for site in sites or ():
        if site not in model.sites:
            raise InputError(
                "sites", f"the model '{model.name}' has no site '{site}'", near(site, model.sites)
            )
    doses = course.regimen.doses
    at_effect = course.pk_model == _REFERENCE and RECEPTOR.site in (sites or model.sites)
    with_mood, with_session = mood and at_effect, session and at_effect
    given = None if times is None else checked_times(times)
    count = None if given is None else len(given)
    check_course(
        course,
        model,
        sites=sites,
        times=count,
        mood=with_mood,
        session=with_session,
        tables=profiles,
    )
    if with_mood and course.patient.diagnosis != HEALTHY:
        begin(mood_chain(model), 1 if course.population is None else course.population.n)
    cohort = virtual_patients(course, card, model, uncertainty=uncertainty)
    if given is None:
        sessions = sessions_of(doses, course.horizon, input_durations(model, cohort))
        hours = output_times(sessions, course.horizon)
    else:
        hours = given
    solver = LinearSolver(model, cohort.values, cohort.weight)
    shown = tuple(site for site in model.sites if sites is None or site in sites)
    recipe = Recipe(hours, cohort.n, solver, solver.solve(doses), shown)
    warnings = [*course.warnings, *cohort.notes]
    receptor_card = load_card("receptor")
    healthy = course.patient.diagnosis == HEALTHY
    if RECEPTOR.site in shown:
        recipe = replace(recipe, receptor=receptor_card.values())
    elif RECEPTOR.site not in model.sites:
        warnings.append(
            f"The model '{model.name}' has no effect site: the block of NMDA receptors is not "
            "computed; the reference model computes it."
        )
    room: SessionEffects | None = None
    if with_session:
        durations = input_durations(model, cohort)
        in_room = sessions_of(doses, course.horizon, durations)
        if in_room and all(dose.drug == "arketamine" for dose in doses):
            warnings.append(
                "Session effects are not assessed: in one model arketamine does not contribute to "
                f"them ({source_name('olofsen2022')}), one study found some "
                f"({source_name('jonkman2018')})."
            )
        elif in_room:
            recipe = replace(recipe, session=SessionCurves(load_card("session"), cohort, in_room))
            if profiles:
                room = simulate_session(course, cohort, model, in_room, recipe.solution)
                warnings += room.warnings
            else:
                warnings += session_warnings(cohort, in_room, recipe.solution)
    found: Mood | None = None
    if healthy and with_mood:
        warnings.append(HEALTHY_NOTE)
        with_mood = False
    steady = any(dose.steady_state_interval is not None for dose in doses)
    if with_mood and steady:
        warnings.append(
            "Mood is not computed: a score has no steady state to start from; list the earlier "
            "doses themselves."
        )
    elif with_mood:
        try:
            curves, found, said = simulate_mood(course, cohort, model, hours)
        except InputError:
            raise
        except KetasimError as error:
            # such as a dose so small that its effect drowns in rounding
            warnings.append(f"Mood is not computed: {error}.")
        else:
            recipe = replace(recipe, mood=curves)
            warnings += said
    elif mood and course.pk_model != _REFERENCE and not healthy:
        warnings.append(
            f"Mood is not computed with the model '{model.name}': the model from receptor to "
            "MADRS was fitted to the reference model and is computed only with it."
        )
    if uncertainty:
        used = [card, *([receptor_card] if recipe.receptor is not None else [])]
        used += [] if found is None else [found.card]
        used += [] if room is None else [room.card]
        warnings += [uncertainty_note(one) for one in used]
    return Simulation(
        course=course,
        model=model,
        card=card,
        receptor_card=receptor_card,
        times=hours,
        cohort=cohort,
        values=Curves(recipe),
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


def _with_population(course: Course, typical: bool, seed: int | None) -> Course:
    """The course as it is simulated, so that its normal form reproduces the result."""
    if course.population is None:
        return course
    if typical:
        return replace(course, population=None)
    if seed is None:
        return course
    return replace(course, population=course.population.reseeded(seed))
