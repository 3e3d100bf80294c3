"""Dose response: the trend over arms that give one drug in several doses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import polars as pl

from ketasim.dosing import Arm, Trial
from ketasim.trials.assess import Cell, Values
from ketasim.trials.metrics import CONTRASTED

Found = Mapping[tuple[str, Cell], Values]

COLUMNS: Final = {
    "arms": pl.String,
    "scale": pl.String,
    "time_h": pl.Float64,
    "metric": pl.String,
    "definition": pl.String,
    "mean": pl.Float64,
    "p05": pl.Float64,
    "p95": pl.Float64,
    "detected": pl.Float64,
    "mc_se": pl.Float64,
}
"""Columns of the table. `mean` is the trend for each step to the next dose, `p05` to `p95` its 90 %
prediction interval in a trial of this size, `detected` the part of trials in which it differs from
none (two-sided at 5 %), with its Monte-Carlo error."""

_LEAST: Final = 3  # doses, no drug among them
_NORMAL: Final = 1.959963984540054


def dose_levels(trial: Trial) -> tuple[tuple[Arm, ...], ...]:
    """Arms with one drug by one route in ascending doses, after the control where there is one.

    **Arguments:**

    - `trial`: of which; a crossover has none, as its arms hold the same patients.

    **Returns:** a tuple a drug, route and unit that has three levels or more.
    """
    if trial.design == "crossover":
        return ()
    arms = [arm for arm in trial.enrolled_arms if arm.withdrawal is None]
    controls = [arm for arm in arms if arm.control is not None]
    groups: dict[tuple[str, str, str], list[Arm]] = {}
    for arm in arms:
        if arm.phases:
            last = arm.phases[-1]
            groups.setdefault((last.drug, last.route, last.unit), []).append(arm)
    found: list[tuple[Arm, ...]] = []
    for members in groups.values():
        ordered = sorted(members, key=_dose)
        if len({_dose(arm) for arm in ordered}) < len(ordered):
            continue  # two arms of one dose differ in something else
        levels = (*(controls if len(controls) == 1 else ()), *ordered)
        if len(levels) >= _LEAST and len(ordered) > 1:
            found.append(levels)
    return tuple(found)


def _dose(arm: Arm) -> float:
    return arm.phases[-1].amount


def trend_table(trial: Trial, found: Found) -> pl.DataFrame:
    """Test a trend over the doses in every replicate.

    A contrast of the arms with equal steps from each dose to the next: its estimate is the slope,
    its variance that of the arms by the choice of patients.

    **Arguments:**

    - `trial`: as simulated. `found`: arm and cell to values in every replicate.

    **Returns:** `COLUMNS`; empty where no drug has three levels.
    """
    rows: list[dict[str, Any]] = []
    for levels in dose_levels(trial):
        ids = [arm.id for arm in levels]
        steps = np.arange(len(ids)) - (len(ids) - 1) / 2.0
        weights = steps / (steps**2).sum()
        for cell in dict.fromkeys(cell for name, cell in found if name == ids[0]):
            if cell.metric not in CONTRASTED or not all((one, cell) in found for one in ids):
                continue
            values = [found[one, cell] for one in ids]
            slope = sum(w * one.value for w, one in zip(weights, values, strict=True))
            spread = sum(w**2 * one.sampling for w, one in zip(weights, values, strict=True))
            slope, spread = np.asarray(slope), np.asarray(spread)
            known = ~np.isnan(slope) & (spread > 0.0)
            if not known.any():
                continue
            told = np.abs(slope[known]) > _NORMAL * np.sqrt(spread[known])
            share = float(told.mean())
            low, high = np.quantile(slope[known], (0.05, 0.95))
            rows.append(
                {
                    "arms": " - ".join(ids),
                    "scale": cell.scale,
                    "time_h": cell.time,
                    "metric": cell.metric,
                    "definition": cell.definition,
                    "mean": float(slope[known].mean()),
                    "p05": float(low),
                    "p95": float(high),
                    "detected": share,
                    "mc_se": float(np.sqrt(share * (1.0 - share) / known.sum())),
                }
            )
    return pl.DataFrame(rows, schema=COLUMNS)
