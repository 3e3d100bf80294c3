"""One session of a course as a page shows it: timeline, minutes, effects, pressure, plan."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from ketasim.figures.session import session_figures
from ketasim.figures.session_plan import plan_figure
from ketasim.reports.course_session import (
    NOT_IN_EFFECTS,
    EffectRow,
    PlanStage,
    effect_rows,
    plan_stages,
    pressure_rows,
)
from ketasim.reports.session.minutes import Minutes, before_session, session_minutes

if TYPE_CHECKING:
    from ketasim.figures.figure import Figure
    from ketasim.screening import SessionPlan
    from ketasim.simulation import Simulation

_DAY: Final = 24.0


@dataclass(frozen=True)
class SessionView:
    """One session.

    **Arguments:**

    - `title`: which of the course, and when. `given`: the regimen in lines.
    - `choices`: `first` and `last` with their words, where there are several sessions.
    - `plan`, `stages`: its plan; nothing where its effects were not computed.
    - `timeline`, `figures`: of its effects. `minutes`, `rows`, `pressures`: the same as tables.
    - `notes`: what the effects leave out, and on driving. `warnings`: as sentences.
    - `missing`: why there is nothing to show; empty where there is.
    """

    title: str
    given: tuple[str, ...]
    choices: tuple[tuple[str, str], ...]
    plan: SessionPlan | None
    stages: tuple[PlanStage, ...]
    timeline: Figure | None
    figures: tuple[Figure, ...]
    minutes: Minutes | None
    rows: tuple[EffectRow, ...]
    pressures: tuple[dict[str, str], ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]
    missing: str = ""


def session_view(simulation: Simulation, *, last: bool = False) -> SessionView:
    """Arrange a session.

    **Arguments:**

    - `simulation`: what `simulate` returned. `last`: the last session instead of the first.
    """
    given = tuple(simulation.course.regimen.describe())
    effects = simulation.session_effects
    if effects is None:
        said = [one for one in simulation.warnings if one.startswith("Session effects")]
        missing = said[0] if said else "Not computed: session effects need the reference model."
        return SessionView(
            "Session", given, (), None, (), None, (), None, (), (), (), simulation.warnings, missing
        )
    shown = effects.sessions[-1 if last else 0]
    plan = simulation.session_plan(shown.number)
    many = len(simulation.sessions)
    drawn = session_figures(simulation, of_last=last)
    return SessionView(
        title=f"Session {shown.number} of {many}, {_when(shown.start)}: {plan.session}",
        given=given,
        choices=()
        if len(effects.sessions) == 1
        else tuple(
            (name, f"Session {one.number}, {_when(one.start)}")
            for name, one in zip(("first", "last"), effects.sessions, strict=True)
        ),
        plan=plan,
        stages=tuple(plan_stages(plan)),
        timeline=replace(plan_figure(plan), name="timeline"),
        figures=tuple(replace(one, name=f"effects-{n}") for n, one in enumerate(drawn, 1)),
        minutes=session_minutes(plan, shown, before_session(simulation.course.patient)),
        rows=tuple(effect_rows(shown)),
        pressures=tuple(pressure_rows(effects, shown.number)),
        notes=(NOT_IN_EFFECTS, effects.driving.statement),
        warnings=simulation.warnings,
    )


def _when(start: float) -> str:
    return f"day {start / _DAY:.4g}"
