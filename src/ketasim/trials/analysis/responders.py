"""Responders of arms compared: risk difference, risk ratio, logistic regression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ketasim._base import HeadlineRow, InputError, shortened
from ketasim._base.headline import plain
from ketasim._base.numbers import span
from ketasim.trials.analysis.design import Design, read_model
from ketasim.trials.analysis.least_squares import at_visit, by_visit, together
from ketasim.trials.analysis.logistic import fit_logistic
from ketasim.trials.analysis.margins import estimates
from ketasim.trials.analysis.proportions import (
    risk_difference,
    risk_ratio,
    score_statistic,
    wilson,
)
from ketasim.trials.analysis.result import Analysis
from ketasim.trials.analysis.table import as_table

if TYPE_CHECKING:
    import polars

Array = NDArray[np.float64]


def responder(
    model: str,
    data: object,
    *,
    arm: str | None = None,
    subject: str | None = None,
    visit: str | None = None,
    reference: Mapping[str, str] | str | None = None,
    factors: Sequence[str] = (),
) -> Analysis:
    """Compare shares of responders, or of any event that is there or is not.

    **Main arguments:**

    - `model`: such as `"RESPONSE ~ TRT + BASE"` with 0 and 1, true and false, or Y and N; or
      `"I(CHG <= -10) ~ TRT"`.
    - `data`: as `mmrm` takes it.

    **Other arguments:**

    - `arm`, `subject`, `visit`, `reference`, `factors`: as of `ancova`.

    **Returns:** `differences` (risk difference with the intervals of Miettinen-Nurminen and
    Newcombe, p of the score test and of Fisher's, risk ratio; no covariates), `arms`, and
    `coefficients` of the logistic regression with all terms, with odds ratios.

    **Raises:** `InputError`.
    """
    read = read_model(model)
    found: dict[str, list[polars.DataFrame]] = {}
    rows = 0
    table = as_table(data)
    if read.outcome == read.variables[0]:
        table = table.having(table.yes_or_no(read.outcome, "model"))
    split = by_visit(read, table, arm, subject, visit, reference, factors)
    compared = split.arm
    if compared is None:
        raise InputError("arm", "is missing", "name the column of the arms")
    notes = list(split.notes)
    for name, design in split.designs:
        _check_binary(design)
        rows += len(design.outcome)
        arms = _arms(design, compared)
        notes += _without_ratio(arms, f" at {name}" if name else "")
        tables = {"differences": _differences(arms), "arms": _table(arms)}
        try:
            tables["coefficients"] = _odds(design)
        except InputError as error:
            where = f" at {name}" if name else ""
            notes.append(f"No logistic regression{where}: {error.problem}.")
        for key, table in tables.items():
            found.setdefault(key, []).append(at_visit(table, visit, name))
    joined = together(found)
    return Analysis(
        f"Responders, {read.outcome}: {rows} outcomes, risk differences",
        joined,
        {
            "model": model,
            "arm": compared,
            "subject": subject,
            "visit": visit,
            "method": "responder",
            "observations": rows,
        },
        tuple(notes),
        tuple(
            HeadlineRow(
                ", ".join(str(row[key]) for key in (*([visit] if visit else []), "contrast")),
                f"{plain(100 * row['estimate'], 3)}",
                span(plain(100 * row["low"], 3), plain(100 * row["high"], 3)),
                "percentage points",
            )
            for row in joined["differences"].iter_rows(named=True)
        ),
    )


def _check_binary(design: Design) -> None:
    other = design.outcome[(design.outcome != 0.0) & (design.outcome != 1.0)]
    if len(other):
        raise InputError(
            design.model.outcome,
            f"{plain(float(other[0]), 4)} is neither 0 nor 1",
            f"write a condition, such as I({shortened(design.model.variables[0])} <= 10)",
        )


def _arms(design: Design, arm: str) -> dict[str, tuple[int, int]]:
    """Arm to events and patients, the reference first."""
    column = design.table.columns[arm]
    assert column.codes is not None
    events = np.bincount(column.codes, design.outcome, len(column.levels))
    size = np.bincount(column.codes, minlength=len(column.levels))
    return {
        level: (int(one), int(many))
        for level, one, many in zip(column.levels, events, size, strict=True)
    }


def _without_ratio(arms: Mapping[str, tuple[int, int]], where: str) -> list[str]:
    """Why a comparison has no risk ratio, or no interval of it."""
    (base, (b, m)), *others = arms.items()
    notes = list[str]()
    for name, (a, n) in others:
        if not a or not b:
            none = " and ".join(one for one, count in ((name, a), (base, b)) if not count)
            notes.append(f"No risk ratio of {name} - {base}{where}: nobody responds in {none}.")
        elif a == n and b == m:
            notes.append(
                f"No interval of the risk ratio of {name} - {base}{where}: everybody responds in "
                "both."
            )
    return notes


def _table(arms: Mapping[str, tuple[int, int]]) -> polars.DataFrame:
    import polars

    events, size = (np.array(one, dtype=float) for one in zip(*arms.values(), strict=True))
    low, high = wilson(events, size)
    return polars.DataFrame(
        {
            "arm": list(arms),
            "n": size.astype(int),
            "events": events.astype(int),
            "share": events / size,
            "low": low,
            "high": high,
        }
    )


def _differences(arms: Mapping[str, tuple[int, int]]) -> polars.DataFrame:
    import polars
    from scipy import stats  # slow to load

    (base, (b, m)), *others = arms.items()
    rows = list[dict[str, Any]]()
    for name, (a, n) in others:
        score = risk_difference(a, n, b, m)
        hybrid = risk_difference(a, n, b, m, method="newcombe")
        ratio = risk_ratio(a, n, b, m)
        a_, n_, b_, m_ = (np.array(float(one)) for one in (a, n, b, m))
        z = float(score_statistic(a_, n_, b_, m_, np.array(0.0)))
        rows.append(
            {
                "contrast": f"{name} - {base}",
                "estimate": float(score.estimate),
                "low": float(score.low),
                "high": float(score.high),
                "p": float(2.0 * special.ndtr(-abs(z))) if np.isfinite(z) else 1.0,
                "newcombe_low": float(hybrid.low),
                "newcombe_high": float(hybrid.high),
                "p_fisher": float(stats.fisher_exact(np.array([[a, n - a], [b, m - b]]))[1]),
                "risk_ratio": float(ratio.estimate),
                "risk_ratio_low": float(ratio.low),
                "risk_ratio_high": float(ratio.high),
            }
        )
    return polars.DataFrame(rows)


def _odds(design: Design) -> polars.DataFrame:
    import polars

    inference = fit_logistic(design.matrix, design.outcome, design.names)
    table = estimates(inference, np.eye(len(design.names)), {"term": list(design.names)})
    columns = {"estimate": "odds_ratio", "low": "odds_ratio_low", "high": "odds_ratio_high"}
    return table.drop("df").with_columns(
        polars.col(name).exp().alias(shown) for name, shown in columns.items()
    )
