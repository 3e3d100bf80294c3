"""Groups of a course's patients, simulated: all that its result tells of them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim.simulation.curves import Curves
from ketasim.simulation.exposure import exposure_columns, metrics_of
from ketasim.simulation.mood.course import MoodCourse, mood_means, solve_mood
from ketasim.simulation.mood.means import MoodMeans, pooled_means
from ketasim.simulation.simulate import Prepared
from ketasim.simulation.statistics import pooled
from ketasim.simulation.tables import summary_columns

Array = NDArray[np.float64]
Tables = Mapping[str, Mapping[str, Array]]

_SUMMARY: Final = "summary"
_EXPOSURE: Final = "exposure"


@dataclass(frozen=True, eq=False)
class Part:
    """Patients simulated together.

    **Arguments:**

    - `count`: how many.
    - `summary`, `exposure`: statistics of curves and of metrics, as `summary_columns` and
      `exposure_columns` return them.
    - `mood`: what is told of their mood; nothing where it is not computed.
    """

    count: int
    summary: Mapping[str, Array]
    exposure: Mapping[str, Array]
    mood: MoodMeans | None


def part_of(asked: Prepared, mood: MoodCourse | None, which: slice) -> Part:
    """Simulate some patients, as many as one group at most.

    **Arguments:**

    - `asked`: the course. `mood`: of the course; nothing where it is not computed.
    - `which`: of its patients.
    """
    cohort = asked.cohort.take(which)
    recipe = asked.recipe(cohort)
    means: MoodMeans | None = None
    if mood is not None:
        solved = solve_mood(mood, cohort)
        means = mood_means(mood, solved)
        recipe = replace(recipe, mood=solved.curves)
    curves = Curves(recipe)
    times, horizon = asked.hours, asked.course.horizon
    metrics = metrics_of(asked.model, cohort, asked.sessions, times, curves, horizon)
    return Part(
        cohort.n,
        summary_columns(times, curves, typical=False),
        exposure_columns(metrics, cohort),
        means,
    )


def pooled_parts(parts: Sequence[Part]) -> Part:
    """Groups together: what is told of all patients.

    **Arguments:**

    - `parts`: one at least, in the order of the patients.
    """
    count = [part.count for part in parts]
    moods = [part.mood for part in parts if part.mood is not None]
    return Part(
        sum(count),
        pooled([part.summary for part in parts], count),
        pooled([part.exposure for part in parts], count),
        pooled_means(moods) if moods else None,
    )


def arrays_of(parts: Sequence[Part]) -> tuple[dict[str, Array], dict[str, Any]]:
    """Groups as arrays, and what they are.

    **Returns:** name to array, a row each for the groups; and what JSON can hold.
    """
    tables = [_tables(part) for part in parts]
    arrays = {
        f"{table}/{column}": np.stack([one[table][column] for one in tables])
        for table, columns in tables[0].items()
        for column in columns
    }
    mood = parts[0].mood
    moods = None if mood is None else list(mood.tables)
    return arrays, {"count": [part.count for part in parts], "mood": moods}


def parts_of(arrays: Mapping[str, Array], about: Mapping[str, Any]) -> list[Part]:
    """The groups that `arrays_of` made arrays of."""
    found: list[Part] = []
    for place, count in enumerate(about["count"]):
        tables: dict[str, dict[str, Array]] = {}
        for name, rows in arrays.items():
            table, _, column = name.partition("/")
            tables.setdefault(table, {})[column] = rows[place]
        mood: MoodMeans | None = None
        if about["mood"] is not None:
            mood = MoodMeans(count, {name: tables.get(name, {}) for name in about["mood"]})
        found.append(Part(count, tables[_SUMMARY], tables[_EXPOSURE], mood))
    return found


def _tables(part: Part) -> Tables:
    mood: Tables = {} if part.mood is None else part.mood.tables
    return {_SUMMARY: part.summary, _EXPOSURE: part.exposure, **mood}
