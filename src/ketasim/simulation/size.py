"""Memory and time of a course, counted before it is simulated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ketasim._base.size import Size, check_size, processors
from ketasim._base.words import counted
from ketasim.dosing import Course
from ketasim.models import LinearModel, known_model
from ketasim.simulation.calendar import output_times, sessions_of
from ketasim.simulation.curves import CHUNK, FOLLOWED, HELD, PIECE
from ketasim.simulation.mood.course import MOOD_UNITS
from ketasim.simulation.session.patients import SESSION_UNITS
from ketasim.simulation.statistics import GROUP
from ketasim.simulation.tables import INDIVIDUALS

_NUMBER: Final = 8  # bytes
_CURVES: Final = 28  # concentrations at all sites, and the block
_SOLVED: Final = 9  # curves of every patient while mood is computed, and the scores
_ROW: Final = 52  # bytes of a row of the time course while it is written
_LINE: Final = 250  # bytes of a line of the summary while it is written
_OTHER: Final = 40e6  # bytes: tables of the sessions, the page
_PATIENT: Final = 24_000  # bytes of a patient: parameters, modes while they are made, amounts
_KEPT: Final = 13_000  # bytes of a patient followed through some 15 sessions
_CURVE: Final = 8e-8  # s, of one value of a curve, its statistics included
_ALWAYS: Final = 3.0  # s: sessions, steps, page


def simulation_size(
    patients: int,
    times: int,
    curves: int,
    *,
    mood: bool = True,
    individuals: int | None = INDIVIDUALS,
    tables: bool = True,
) -> Size:
    """What `simulate` takes together with the tables and the page of its result.

    **Main arguments:**

    - `patients`: how many. `times`: of the result. `curves`: of each patient, those of mood with
      them.

    **Other arguments:**

    - `mood`: whether mood is computed.
    - `individuals`: patients in the time course; all when nothing.
    - `tables`: false: neither tables nor a page are made of the result.
    """
    one = _NUMBER * times * patients  # a curve of every patient
    whole = curves * one
    solved = _SOLVED * one if mood else 0
    kept = whole if whole <= HELD else len(MOOD_UNITS) * one if mood else 0
    rows = 0.0
    if whole > HELD:
        # some times of all patients, and of some patients at all times
        stretch = max(PIECE, curves * _NUMBER * patients)
        chunk = CHUNK / max(patients, CHUNK) * stretch
        rows = max(
            stretch * (1.0 + 2.0 / curves) + processors() * chunk,
            _NUMBER * min(CHUNK, patients) * times * _CURVES,
        ) + min(FOLLOWED, _KEPT * patients)
    written = patients if individuals is None else min(individuals, patients)
    files = max(rows, _ROW * written * times * curves, _LINE * times * curves) if tables else 0.0
    most = max(solved, kept + files) + _OTHER + _PATIENT * patients
    return Size(most, _ALWAYS + _CURVE * curves * times * patients)


def check_course(
    course: Course,
    model: LinearModel,
    *,
    sites: Sequence[str] | None = None,
    times: int | None = None,
    mood: bool = True,
    session: bool = True,
    individuals: int | None = INDIVIDUALS,
    tables: bool = True,
    told: bool = True,
) -> None:
    """Refuse a course that does not fit into memory, and tell how long a long one takes.

    **Main arguments:**

    - `course`: with its population. `model`: of its concentrations.

    **Other arguments:**

    - `sites`: of the concentrations; all when left out. `times`: of the result; its own when left
      out.
    - `mood`, `session`: whether these are computed.
    - `individuals`, `tables`: as of `simulation_size`.
    - `told`: false: the forecast of long work is not told.

    **Raises:** `InputError`.
    """
    patients = 1 if course.population is None else course.population.n
    if times is None:
        # the ends of inputs of the model's own add a few
        sessions = sessions_of(course.regimen.doses, course.horizon, {})
        times = len(output_times(sessions, course.horizon))
    outputs = sum(sites is None or output.site in sites for output in model.outputs)
    drugs = {dose.drug for dose in course.regimen.doses}
    curves = outputs * (2 if len(drugs) == 1 and drugs != {"ketamine"} else 3) + 1
    curves += (len(MOOD_UNITS) if mood else 0) + (len(SESSION_UNITS) if session else 0)
    many = times

    def fitting(n: int) -> Size:
        return simulation_size(n, many, curves, mood=mood, individuals=individuals, tables=tables)

    everyone = individuals is None or individuals > INDIVIDUALS
    single = patients == 1
    shards = "; or 'ketasim simulate --plan', in shards" if patients > GROUP else ""
    check_size(
        fitting(patients),
        "--individuals" if everyone else "horizon" if single else "population.n",
        f"{counted(patients, 'patient')} at {times:,} times",
        fitting=None if single else fitting,
        asked=patients,
        or_else="a smaller number of --individuals"
        if everyone
        else f"{'give ' if single else ''}a shorter horizon, or fewer times or sites{shards}",
        told=told,
    )


def check_individuals(course: Course, typical: bool, individuals: int | None) -> None:
    """Refuse a time course of more patients than fit into memory, before they are simulated.

    **Arguments:**

    - `course`: with its population. `typical`: it is not simulated.
    - `individuals`: as of `simulation_size`.

    **Raises:** `InputError`.
    """
    if typical or course.population is None:
        return
    reference = course.pk_model == "reference"
    check_course(
        course,
        known_model(course.pk_model),
        mood=reference,
        session=reference,
        individuals=individuals,
        told=False,
    )
