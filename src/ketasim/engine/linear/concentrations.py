"""Concentrations of every analyte at every site, from doses and individual parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.engine.linear.inputs import DoseLike
from ketasim.engine.linear.solver import LinearSolver
from ketasim.models import LinearModel

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Concentrations:
    """What a model predicts.

    **Arguments:**

    - `times`: h, shape (T,).
    - `values`: (quantity, site) to ng/mL, shape (T, n); quantity such as `s_ketamine`, and the sum
      of the enantiomers as `ketamine` where both are followed.
    - `areas`: the same keys to ng*h/mL from time 0, shape (T, n); as exact as the values. At time
      0 of a steady-state dose they start from zero.
    """

    times: Array
    values: Mapping[tuple[str, str], Array]
    areas: Mapping[tuple[str, str], Array]


def concentrations(
    model: LinearModel,
    values: Mapping[str, Any],
    doses: Sequence[DoseLike],
    times: Array,
    weight: Array,
    *,
    sites: Sequence[str] | None = None,
    analytes: Sequence[str] | None = None,
    areas: bool = True,
) -> Concentrations:
    """Solve a model exactly for a batch of patients who share one calendar.

    **Main arguments:**

    - `model`: the declaration.
    - `values`: parameters and covariates, numbers or arrays of shape (n,).
    - `doses`: the regimen's doses.
    - `times`: h from the start of the course, ascending, shape (T,).
    - `weight`: kg, shape (n,), for doses in mg/kg.

    **Other arguments:**

    - `sites`, `analytes`: what to report; everything when left out.
    - `areas`: also report areas under the curve.

    **Returns:** `Concentrations`.

    **Raises:** `InputError` when the model does not know a drug or route that is dosed.
    """
    solution = LinearSolver(model, values, weight).solve(doses)
    found = solution.at(times, sites, analytes)
    under = solution.areas(times, sites, analytes) if areas else {}
    return Concentrations(np.asarray(times, np.float64), found, under)
