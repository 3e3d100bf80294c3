"""Concentrations of a whole cohort."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ketasim.dosing import Dose
from ketasim.engine import Concentrations, concentrations
from ketasim.models import LinearModel, evaluate
from ketasim.population import Cohort

Array = NDArray[np.float64]
Key = tuple[str, str]


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
    return concentrations(
        model, cohort.values, doses, times, cohort.weight, sites=sites, areas=areas
    )


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
