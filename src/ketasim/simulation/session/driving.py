"""Driving after a session: the one test of it, and when this session is at the level tested."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import load_course
from ketasim.evidence import Fact, fact, load_card, source_name
from ketasim.models import MODELS, SESSION
from ketasim.population import times_back, virtual_patients
from ketasim.simulation.calendar import Session
from ketasim.simulation.concentrations import solve_cohort
from ketasim.simulation.session.group import Group

Array = NDArray[np.float64]

_TEST: Final = "acute/acute_observed:50"  # vandeloo2017
_DAY: Final = 24.0
_MOST: Final = 95.0  # percent of patients who are at the level, for the later of the two times


@dataclass(frozen=True)
class Driving:
    """When a session is at the concentration under which driving was tested.

    **Arguments:**

    - `tested_h`: h after the dose of the test. `tested_dose`: in words.
    - `level`: S-ketamine at the effect site that the model gives for it, ng/mL.
    - `median_h`, `most_h`: h after the start until the median patient, and 19 of 20, are at or
      below it; nothing where a day is not enough.
    - `statement`: the same in a sentence, with the rule that stands whatever it says.
    - `source`, `fact`: of the test.
    """

    tested_h: float
    tested_dose: str
    level: float
    median_h: float | None
    most_h: float | None
    statement: str
    source: str
    fact: str


def driving_after(group: Group, session: Session) -> Driving:
    """Compare a session with the one test of driving.

    **Arguments:**

    - `group`: the patients behind a session. `session`: of the course.
    """
    row = fact(_TEST)
    hours, level = float(row.get("time_h")), _tested_level()
    grid, end = _grid(session), _end(session)
    curves = group.read(driving_times(session))[0]
    ends = times_back(grid, np.ascontiguousarray(curves.T), level)
    top = float(np.median(curves.max(axis=0)))
    median, most = (float(np.percentile(ends, q, method="higher")) for q in (50.0, _MOST))
    dose = row.get("dose").removesuffix(" single")
    return Driving(
        tested_h=hours,
        tested_dose=f"{dose} nasal esketamine",
        level=level,
        median_h=_known(median),
        most_h=_known(most),
        statement=_statement(row, dose, level, _words((median, most), top, level, end)),
        source=row.source,
        fact=row.id,
    )


def driving_times(session: Session) -> Array:
    """Times at which `driving_after` reads concentrations, h from the first dose."""
    return session.start + _grid(session)


def _grid(session: Session) -> Array:
    return np.arange(0.0, _end(session) + 1e-9, 0.25)


def _end(session: Session) -> float:
    return min(_DAY, max(session.until - session.start, 1.0))


@cache
def _tested_level() -> float:
    """S-ketamine at the effect site at the time of the test, ng/mL, typical patient."""
    row = fact(_TEST)
    dose = row.get("dose").removesuffix(" single")
    course = load_course(
        {"title": "test of driving", "regimen": f"esketamine {dose} intranasal", "horizon": "1 d"}
    )
    model, card = MODELS["reference"], load_card("reference")
    typical = virtual_patients(course, card, model, typical=True)
    times = np.array([0.0, float(row.get("time_h"))])
    solved = solve_cohort(model, typical, course.regimen.doses, times, sites=(SESSION.site,))
    return float(solved.values["s_ketamine", SESSION.site][-1, 0])


def _known(hours: float) -> float | None:
    return hours if np.isfinite(hours) else None


def _statement(row: Fact, dose: str, level: float, when: str) -> str:
    return (
        "No driving until the next day after a restful sleep. In the only driving test, "
        f"{row.get('time_h')} h after {dose} nasal esketamine in healthy volunteers, driving was "
        f"not worse than after placebo ({source_name(row.source)}); the model predicts {level:.2g} "
        f"ng/mL S-ketamine at the effect site at that time. This session {when}. This is not a "
        "clearance to drive: R-ketamine, metabolites, other medicines and sleep are not included."
    )


def _words(after: tuple[float, float], top: float, level: float, end: float) -> str:
    """When a session falls to the level, in the middle of a sentence."""
    if top <= level:
        return "stays below that level in the median patient"
    times = [f"{one:.1f} h" if np.isfinite(one) else f"more than {end:g} h" for one in after]
    return f"reaches it after {times[0]} (median) and {times[1]} (95 % of patients)"
