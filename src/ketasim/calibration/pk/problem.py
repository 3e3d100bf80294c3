"""What the reference model predicts for an observed exposure, for many parameter sets at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ketasim.calibration.pk.training import Design, TrainingRow
from ketasim.dosing import Dose
from ketasim.engine import Concentrations, concentrations, peak, terminal_half_life
from ketasim.models import LinearModel

Array = NDArray[np.float64]

FOREVER = 1000.0  # h; long enough for every area to be complete
_EARLY = np.concatenate(
    [np.arange(0, 60) / 60, np.arange(60, 120, 2) / 60, np.arange(120, 240, 5) / 60]
)
_LATE = np.concatenate([np.arange(4, 12, 0.5), np.arange(12, 49, 4)])


def _grid(design: Design, rows: Sequence[TrainingRow]) -> Array:
    start = max(dose.time for dose in design.doses())
    points = [_EARLY, _LATE, start + _EARLY, [design.over, start + design.over, FOREVER]]
    points.append(np.array([row.until for row in rows if np.isfinite(row.until)]))
    return np.unique(np.round(np.concatenate([np.asarray(p, np.float64) for p in points]), 8))


def predict(
    model: LinearModel, values: Mapping[str, Array], design: Design, rows: Sequence[TrainingRow]
) -> Array:
    """Predictions of all rows that share one design.

    **Arguments:**

    - `model`: the reference model.
    - `values`: parameters, arrays of shape (n,), one column per parameter set.
    - `design`: doses and patient.
    - `rows`: what to predict.

    **Returns:** shape (len(rows), n), in the unit of each row.
    """
    times = _grid(design, rows)
    solved = _solve(model, values, design, design.doses(), times)
    return np.stack([_metric(model, values, design, row, times, solved) for row in rows])


def _solve(
    model: LinearModel,
    values: Mapping[str, Array],
    design: Design,
    doses: Sequence[Dose],
    times: Array,
) -> Concentrations:
    n = max(np.size(v) for v in values.values())
    everything = {**design.covariates(), **values}
    weight = np.full(n, design.weight)
    return concentrations(model, everything, doses, times, weight, sites=("arterial", "venous"))


def _metric(
    model: LinearModel,
    values: Mapping[str, Array],
    design: Design,
    row: TrainingRow,
    times: Array,
    solved: Concentrations,
) -> Array:
    key = (row.analyte, row.site)
    match row.metric:
        case "cmax":
            return peak(times, solved.values[key], breaks=design.breaks())[0]
        case "tmax":
            return peak(times, solved.values[key], breaks=design.breaks())[1]
        case "cmax_second":
            later = times >= max(dose.time for dose in design.doses())
            return peak(times[later], solved.values[key][later], breaks=design.breaks())[0]
        case "c_at" | "c_load":
            return solved.values[key][np.searchsorted(times, row.until - 1e-6)]
        case "auc":
            at = len(times) - 1 if np.isinf(row.until) else np.searchsorted(times, row.until - 1e-6)
            if row.analyte == "each_norketamine":
                return solved.areas["norketamine", row.site][at] / 2
            return solved.areas[key][at]
        case "share":
            other = solved.areas["ketamine", row.site][-1]
            return solved.areas[key][-1] / (solved.areas[key][-1] + other)
        case "F" | "F_combined":
            iv = tuple(Dose(d.time, d.drug, "iv", d.amount, d.unit) for d in design.doses())
            reference = _solve(model, values, design, iv, np.array([0.0, FOREVER]))
            if row.metric == "F":
                return solved.areas[key][-1] / reference.areas[key][-1]
            return _molar(values, solved, row.site) / _molar(values, reference, row.site)
        case "cl":
            milligrams = sum(d.milligrams(design.weight) for d in design.doses())
            share = 0.5 if design.drug == "ketamine" and row.analyte != "ketamine" else 1.0
            return share * milligrams * 1000.0 / solved.areas[key][-1]
        case "vss":
            resolved = model.resolve({**design.covariates(), **values})
            inner = resolved["Vh_i"] * (1 - resolved["E_liver"])
            return sum(resolved[v] for v in ("Vc_i", "V_fast_i", "V_slow_i", "V_deep_i")) + inner
        case "t_half":
            ends = np.searchsorted(times, [24.0, 48.0])
            return terminal_half_life(times[ends], solved.values[key][ends], points=2)
        case _:
            raise ValueError(f"unknown metric '{row.metric}'")


def _molar(values: Mapping[str, Array], solved: Concentrations, site: str) -> Array:
    ketamine = solved.areas["ketamine", site][-1] / values["MW_K"]
    return ketamine + solved.areas["norketamine", site][-1] / values["MW_NK"]
