"""Concentrations of every analyte at every site, from doses and individual parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.engine.linear.inputs import DoseLike, check_doses, inputs_of
from ketasim.engine.linear.solution import solve_linear
from ketasim.models import LinearModel, Output, Stream, evaluate

Array = NDArray[np.float64]

_NG_PER_ML = 1000.0  # 1 mg/L in ng/mL


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
    check_doses(model, doses)
    outputs = tuple(
        o
        for o in model.outputs
        if (sites is None or o.site in sites) and (analytes is None or o.analyte in analytes)
    )
    dosed = {dose.drug for dose in doses}
    followed = {s.prefix: s for drug in model.streams if drug in dosed for s in model.streams[drug]}
    found: dict[tuple[str, str], Array] = {}
    under: dict[tuple[str, str], Array] = {}
    for prefix, stream in followed.items():
        resolved = model.resolve({**values, "R": 1.0 if prefix == "r" else 0.0})
        _solve_stream(model, stream, resolved, doses, times, weight, outputs, areas, found, under)
    for table in (found, under):
        _add_totals(table, outputs)
    return Concentrations(times, found, under)


def _solve_stream(
    model: LinearModel,
    stream: Stream,
    resolved: Mapping[str, Any],
    doses: Sequence[DoseLike],
    times: Array,
    weight: Array,
    outputs: tuple[Output, ...],
    areas: bool,
    found: dict[tuple[str, str], Array],
    under: dict[tuple[str, str], Array],
) -> None:
    inputs = inputs_of(model, doses, resolved, weight, stream)
    keep = model.reachable({i.state for i in inputs}, outputs)
    constant = None if model.time_varying else model.rate_matrix(resolved, keep)

    def matrix(time: float) -> Array:
        return model.rate_matrix(resolved, keep, time) if constant is None else constant

    solution = solve_linear(matrix, keep, inputs, times, time_varying=model.time_varying)
    area = solution.areas(matrix(0.0)) if areas else None
    for output in outputs:
        name = f"{stream.prefix}_{output.analyte}" if stream.prefix else output.analyte
        per = (
            _NG_PER_ML
            * np.asarray(evaluate(output.scale, resolved), np.float64)
            / np.asarray(evaluate(output.volume, resolved), np.float64)
        )
        shape = (len(times), len(weight))
        if output.state in keep:
            column = keep.index(output.state)
            found[name, output.site] = np.broadcast_to(solution.amounts[:, :, column] * per, shape)
            if area is not None:
                under[name, output.site] = np.broadcast_to(area[:, :, column] * per, shape)
        else:
            found[name, output.site] = np.zeros(shape)
            if areas:
                under[name, output.site] = np.zeros(shape)


def _add_totals(table: dict[tuple[str, str], Array], outputs: tuple[Output, ...]) -> None:
    """Sum of the enantiomers, as an assay without stereoselectivity reports it."""
    for output in outputs:
        parts = [
            table[f"{prefix}_{output.analyte}", output.site]
            for prefix in ("s", "r")
            if (f"{prefix}_{output.analyte}", output.site) in table
        ]
        if parts:
            table[output.analyte, output.site] = np.sum(parts, axis=0)
