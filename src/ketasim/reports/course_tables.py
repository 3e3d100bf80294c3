"""The tables of a simulation in full: what its report shows a part of."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import polars as pl

from ketasim.evidence import source_names
from ketasim.reports.page import references
from ketasim.validation.session_checks import session_checks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ketasim.simulation.result import Simulation


def course_tables(simulation: Simulation) -> dict[str, pl.DataFrame]:
    """Tables of a simulation by name, those that have rows.

    **Arguments:**

    - `simulation`: what `simulate` returned.

    **Returns:** `exposure`, `parameters`, `assumptions`, `screening`, `monitoring` and `sources`;
    where they were computed `session`, `pressure`, `plan` and `published_sessions`, and `mood`,
    `mood_parameters` and `nearest`.
    """
    screen, effects, mood = simulation.screening, simulation.session_effects, simulation.mood
    keys = [*simulation.sources(), *screen.sources()]
    found = {
        "exposure": simulation.exposure(),
        "parameters": simulation.parameters(),
        "assumptions": _frame(map(asdict, simulation.assumptions)),
        "screening": screen.table(),
        "monitoring": _frame(map(asdict, screen.monitoring)),
    }
    if effects is not None and effects.sessions:
        plan = simulation.session_plan()
        given = {(dose.drug, dose.route) for dose in simulation.course.regimen.doses}
        checks = session_checks(given)
        keys += [*plan.sources(), *(one.source for one in checks)]
        found |= {
            "session": effects.table,
            "pressure": effects.pressure,
            "plan": plan.table(),
            "published_sessions": _frame(map(asdict, checks)),
        }
    if mood is not None:
        used = (
            {
                "symbol": one.symbol,
                "meaning": one.meaning,
                "value": one.value,
                "unit": one.unit,
                "grade": one.grade,
                "source": one.source,
                "source_name": source_names([one.source]) if one.source else "",
                "locator": one.locator,
                "note": one.note,
            }
            for one in mood.entries
        )
        found |= {
            "mood": mood.table,
            "mood_parameters": _frame(used),
            "nearest": simulation.nearest(),
        }
    found["sources"] = _frame(asdict(one) for one in references(keys))
    return {name: table for name, table in found.items() if table.height}


def _frame(rows: Iterable[dict[str, Any]]) -> pl.DataFrame:
    """A row each; lists are joined by `; `."""
    return pl.DataFrame(
        [
            {
                name: "; ".join(map(str, value)) if isinstance(value, list | tuple) else value  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
                for name, value in row.items()
            }
            for row in rows
        ],
        infer_schema_length=None,
    )
