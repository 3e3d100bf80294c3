"""What the page shows of a course: its first page, and the same as tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ketasim.reports.course_mood import outcome_rows
from ketasim.reports.course_session import NOT_IN_EFFECTS, effect_rows
from ketasim.reports.first_page import first_page

if TYPE_CHECKING:
    from ketasim.reports.course_mood import MoodCell
    from ketasim.reports.course_session import EffectRow
    from ketasim.reports.first_page import FirstPage
    from ketasim.simulation.result import Simulation


@dataclass(frozen=True)
class CoursePart:
    """A course, in words and as drawings, and the tables of what is drawn.

    **Arguments:**

    - `first`: its first page.
    - `heads`, `rows`: of the table of scores; none without mood.
    - `effects`: rows of the first session's effects. `note`: what these leave out.
    """

    first: FirstPage
    heads: tuple[str, ...]
    rows: tuple[tuple[MoodCell, ...], ...]
    effects: tuple[EffectRow, ...]
    note: str


def course_part(simulation: Simulation, *, pending: bool = False) -> CoursePart:
    """Arrange what the page shows of a simulation.

    **Arguments:**

    - `simulation`: what `simulate` returned. `pending`: see `first_page`.
    """
    mood, effects = simulation.mood, simulation.session_effects
    heads, rows = ([], []) if mood is None else outcome_rows(mood)
    return CoursePart(
        first=first_page(simulation, pending=pending),
        heads=tuple(heads),
        rows=tuple(tuple(row) for row in rows),
        effects=tuple(effect_rows(effects.sessions[0])) if effects and effects.sessions else (),
        note=NOT_IN_EFFECTS,
    )
