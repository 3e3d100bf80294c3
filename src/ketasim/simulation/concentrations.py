"""Concentrations of a whole cohort: in chunks, and grouped where inputs last differently long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import Dose
from ketasim.engine import Concentrations, concentrations
from ketasim.models import LinearModel, evaluate
from ketasim.population import Cohort

Array = NDArray[np.float64]
Key = tuple[str, str]

CHUNK = 250  # patients solved together; bounds the memory of the states


def solve_cohort(
    model: LinearModel,
    cohort: Cohort,
    doses: Sequence[Dose],
    times: Array,
    *,
    sites: Sequence[str] | None = None,
    areas: bool = False,
) -> Concentrations:
    """Solve a model for every patient of a cohort.

    **Main arguments:**

    - `model`: the structure.
    - `cohort`: the patients.
    - `doses`: of the regimen.
    - `times`: h, ascending, shape (T,).

    **Other arguments:**

    - `sites`: sampling sites wanted; all when left out.
    - `areas`: also the areas under the curve from time 0.

    **Returns:** `Concentrations` with arrays of shape (T, n).
    """
    values: dict[Key, Array] = {}
    under: dict[Key, Array] = {}
    for which in _batches(model, cohort, doses):
        part = cohort.take(which)
        solved = concentrations(
            model, part.values, doses, times, part.weight, sites=sites, areas=areas
        )
        for table, found in ((values, solved.values), (under, solved.areas)):
            _store(table, found, which, (len(times), cohort.n))
    return Concentrations(times, values, under)


def input_durations(model: LinearModel, cohort: Cohort) -> dict[str, list[float]]:
    """How long the model's own inputs last, lag included, by route; h, of the first patient."""
    resolved = model.resolve(cohort.take(slice(0, 1)).values)

    def hours(text: str | None) -> float:
        if text is None:
            return 0.0
        return float(np.asarray(evaluate(text, resolved), np.float64).reshape(-1)[0])

    durations: dict[str, list[float]] = {route: [] for route in model.routes}
    forms = [(route, branches) for (route, _), branches in model.forms.items()]
    for route, branches in (*model.routes.items(), *forms):
        durations[route] += [
            hours(b.lag) + hours(b.duration) for b in branches if b.lag or b.duration
        ]
    return durations


def _store(
    table: dict[Key, Array],
    found: Mapping[Key, Array],
    which: NDArray[np.int64],
    shape: tuple[int, int],
) -> None:
    for key, array in found.items():
        if key not in table:
            table[key] = np.zeros(shape)
        table[key][:, which] = array


def _batches(model: LinearModel, cohort: Cohort, doses: Sequence[Dose]) -> list[NDArray[np.int64]]:
    """Positions of the patients that can be solved together: same lags and durations."""
    everyone = np.arange(cohort.n)
    timings = {
        text
        for route, drug in {(dose.route, dose.drug) for dose in doses}
        for branch in model.branches_of(route, drug)
        for text in (branch.lag, branch.duration)
        if text is not None
    }
    groups = [everyone]
    if timings and cohort.n > 1:
        resolved = model.resolve(cohort.values)
        columns = [
            np.broadcast_to(np.asarray(evaluate(text, resolved), np.float64), (cohort.n,))
            for text in sorted(timings)
        ]
        _, group = np.unique(np.column_stack(columns), axis=0, return_inverse=True)
        group = group.reshape(-1)
        groups = [everyone[group == number] for number in range(group.max() + 1)]
    return [
        members[first : first + CHUNK]
        for members in groups
        for first in range(0, len(members), CHUNK)
    ]
