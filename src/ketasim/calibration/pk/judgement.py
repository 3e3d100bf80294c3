"""How well predictions agree with what was published."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ketasim.calibration.pk.fit import Compared, PkFit
from ketasim.calibration.pk.training import TrainingRow

MODEL_ROWS = "published model, 820 people"
"""Group of the training rows that are a published model's typical exposures."""

MODEL_ROW_WEIGHT = 13.0 / 54.0
"""What one of those 54 rows counts beside an observation: together as many as 13."""


CURVES = {
    "norketamine": ("s_norketamine", "r_norketamine"),
    "hydroxynorketamine": ("hnk",),
}
"""Measured curves by molecule, and the analytes they are of."""


@dataclass(frozen=True)
class Agreement:
    """Agreement of a group of comparisons.

    **Arguments:**

    - `by`, `group`: what the group is, such as `route` and `intranasal`.
    - `n`: comparisons.
    - `fold_error`: geometric mean of the fold errors.
    - `bias`: geometric mean of predicted over published.
    - `within_two`: share of fold errors of at most 2.
    """

    by: str
    group: str
    n: int
    fold_error: float
    bias: float
    within_two: float


def agreement(
    by: str, group: str, compared: Sequence[Compared], *, weighted: bool = False
) -> Agreement:
    """Summarise comparisons; an empty group gives NaN.

    **Main arguments:**

    - `by`, `group`, `compared`: name of the group, and its comparisons.

    **Other arguments:**

    - `weighted`: a prediction of a published model counts as `MODEL_ROW_WEIGHT` of an observation.
    """
    logs = np.array([math.log(c.ratio) for c in compared])
    weights = np.array(
        [MODEL_ROW_WEIGHT if weighted and _row(c).group == MODEL_ROWS else 1.0 for c in compared]
    )
    if logs.size == 0:
        return Agreement(by, group, 0, math.nan, math.nan, math.nan)
    return Agreement(
        by,
        group,
        len(compared),
        float(np.exp(np.average(np.abs(logs), weights=weights))),
        float(np.exp(np.average(logs, weights=weights))),
        float(np.average(np.abs(logs) <= math.log(2) + 1e-12, weights=weights)),
    )


def agreement_table(fit: PkFit) -> list[Agreement]:
    """Agreement over the training set by use, group, route, analyte and sampling site.

    The rows that are predictions of a published model are many and alike: lines of their own leave
    them out, or count them as the fit does.
    """
    used = [c for c in fit.exposures if c.row.use == "fit"]
    timing = [c for c in fit.exposures if c.row.use == "timing"]
    checks = [c for c in fit.exposures if c.row.use == "check"]
    observed = [c for c in used if _row(c).group != MODEL_ROWS]
    table = [
        agreement("all", "training exposures", used),
        agreement("all", "training exposures, observed only", observed),
        agreement(
            "all", "training exposures, model rows weighted as in the fit", used, weighted=True
        ),
        agreement("all", "times, half-lives, volume", timing),
        agreement("all", "compared, not fitted", checks),
    ]
    points = [point for curve in fit.curves for point in curve.points()]
    for name, analytes in CURVES.items():
        group = [c for c in points if _row(c).analyte in analytes]
        table.append(agreement("all", f"points of measured curves, {name}", group))
    keys: list[tuple[str, Callable[[TrainingRow], str]]] = [
        ("group", lambda r: r.group),
        ("route", lambda r: r.design.route if r.design else ""),
        ("analyte", lambda r: r.analyte),
        ("site", lambda r: r.site),
    ]
    for by, key in keys:
        for name in _names(used, key):
            table.append(agreement(by, name, [c for c in used if key(_row(c)) == name]))
    return table


def _row(compared: Compared) -> TrainingRow:
    assert isinstance(compared.row, TrainingRow)
    return compared.row


def _names(compared: Iterable[Compared], key: Callable[[TrainingRow], str]) -> list[str]:
    return sorted({key(_row(c)) for c in compared})
