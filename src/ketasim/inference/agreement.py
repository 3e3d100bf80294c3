"""How well predictions agree with what was published."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ketasim.inference.pk_calibration import Compared, PkFit
from ketasim.inference.training import TrainingRow


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


def agreement(by: str, group: str, compared: Sequence[Compared]) -> Agreement:
    """Summarise comparisons; an empty group gives NaN."""
    logs = np.array([math.log(c.ratio) for c in compared])
    if logs.size == 0:
        return Agreement(by, group, 0, math.nan, math.nan, math.nan)
    return Agreement(
        by,
        group,
        len(compared),
        float(np.exp(np.mean(np.abs(logs)))),
        float(np.exp(np.mean(logs))),
        float(np.mean(np.abs(logs) <= math.log(2) + 1e-12)),
    )


def agreement_table(fit: PkFit) -> list[Agreement]:
    """Agreement over the training set by use, group, route, analyte and sampling site.

    The rows graded as published-model predictions are also left out in a line of their own, since
    they are many and alike.
    """
    used = [c for c in fit.exposures if c.row.use == "fit"]
    timing = [c for c in fit.exposures if c.row.use == "timing"]
    checks = [c for c in fit.exposures if c.row.use == "check"]
    observed = [c for c in used if _row(c).group != "published model, 820 people"]
    table = [
        agreement("all", "training exposures", used),
        agreement("all", "training exposures, observed only", observed),
        agreement("all", "times, half-lives, volume", timing),
        agreement("all", "compared, not fitted", checks),
    ]
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
