"""What the page shows of a course while it is changed: a part that is quick, and its sessions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from ketasim._base.numbers import span
from ketasim.figures.course import figures
from ketasim.reports.course import Tile, exposure_tiles, patient_words
from ketasim.reports.course_mood import mood_tiles, outcome_rows
from ketasim.reports.course_screening import screening_view
from ketasim.reports.course_session import NOT_IN_EFFECTS, effect_rows

if TYPE_CHECKING:
    from ketasim.figures.figure import Figure
    from ketasim.simulation.result import Simulation

_FOREMOST: Final = ("CADSS", "sedation", "SBP")


@dataclass(frozen=True)
class CoursePart:
    """Scores over a course, in words and as drawings.

    **Arguments:**

    - `given`, `patient`, `who`: what was simulated. `tiles`, `figures`: of mood.
    - `heads`, `rows`: of the table of scores. `warnings`: as sentences.
    """

    given: tuple[str, ...]
    patient: str
    who: str
    tiles: tuple[Tile, ...]
    figures: tuple[Figure, ...]
    heads: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    warnings: tuple[str, ...]


def course_part(simulation: Simulation) -> CoursePart:
    """Arrange the scores of a simulation.

    **Arguments:**

    - `simulation`: what `simulate` returned, with the profiles of its sessions or without.
    """
    mood = simulation.mood
    heads, rows = ([], []) if mood is None else outcome_rows(mood)
    drawn = figures(simulation, None, only=("scores",))["scores"]
    course = simulation.course
    named = [f"{name.lower()} {said}" for name, said, _ in patient_words(simulation)]
    days = f"{course.horizon / 24:.3g}"
    who = (
        "the typical patient"
        if simulation.cohort.typical
        else f"{simulation.cohort.n:,} virtual patients, seed {simulation.cohort.seed}"
    )
    return CoursePart(
        given=tuple(course.regimen.describe()),
        patient="; ".join(named),
        who=f"{who}, followed for {days} day{'' if days == '1' else 's'}",
        tiles=tuple(Tile(*one) for one in mood_tiles(simulation)),
        figures=_named(drawn, "scores"),
        heads=tuple(heads),
        rows=tuple(tuple(row) for row in rows),
        warnings=simulation.warnings,
    )


@dataclass(frozen=True)
class SessionPart:
    """The first session, in words and as drawings.

    **Arguments:**

    - `tiles`, `figures`, `rows`: of its effects. `note`: what these leave out.
    - `exposure`, `concentrations`: tiles and figures of concentrations and block.
    - `pressure`: lines on blood pressure. `findings`: the most severe ones of the screen.
    - `counts`: how many findings of each severity. `statement`: what a screen cannot say.
    """

    tiles: tuple[Tile, ...]
    figures: tuple[Figure, ...]
    rows: tuple[Any, ...]
    note: str
    exposure: tuple[Tile, ...]
    concentrations: tuple[Figure, ...]
    pressure: tuple[str, ...]
    findings: tuple[dict[str, Any], ...]
    counts: tuple[tuple[str, int], ...]
    statement: str


def session_part(simulation: Simulation) -> SessionPart:
    """Arrange the first session of a simulation and the findings of its course.

    **Arguments:**

    - `simulation`: what `simulate` returned, with the profiles of its sessions.
    """
    effects = simulation.session_effects
    drawn = figures(simulation, None, only=("effects", "block"))
    rows = [] if effects is None or not effects.sessions else effect_rows(effects.sessions[0])
    screen = screening_view(simulation.screening)
    return SessionPart(
        tiles=tuple(_effect_tiles(simulation)),
        figures=_named(drawn["effects"], "effects"),
        rows=tuple(rows),
        note=NOT_IN_EFFECTS,
        exposure=tuple(exposure_tiles(simulation)),
        concentrations=_named(drawn["block"], "block"),
        pressure=screen.pressure,
        findings=screen.foremost[:5],
        counts=screen.counts,
        statement=screen.statement,
    )


def _named(drawn: Iterable[Figure], prefix: str) -> tuple[Figure, ...]:
    """Figures without numbers: parts of a page come and go."""
    return tuple(
        replace(one, name=f"{prefix}-{place}", title=one.title.partition(". ")[2])
        for place, one in enumerate(drawn, 1)
    )


def _effect_tiles(simulation: Simulation) -> list[Tile]:
    """Dissociation and sedation with the time they resolve, and the increase in pressure."""
    effects = simulation.session_effects
    if effects is None or not effects.sessions:
        return []
    session = effects.sessions[0]
    by_effect = dict(zip(session.table["effect"], effect_rows(session), strict=True))
    found: list[Tile] = []
    for effect in _FOREMOST:
        row = by_effect[effect]
        of = "90 % of patients" if effect != "sedation" else "90 % uncertainty interval"
        found.append(Tile(f"{row.effect}, peak", row.peak, "", row.peak_range, of))
        if effect == "CADSS":
            back = span(*row.back_range.split("-")) if "-" in row.back_range else ""
            title = "Dissociation (CADSS) resolved by"
            unit = "90 % uncertainty interval"
            found.append(Tile(title, row.back, "", f"{back} min" if back else "", unit))
    return found
