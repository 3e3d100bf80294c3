"""Time to an event by arm: curves, medians, the log-rank test and hazard ratios."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import HeadlineRow, InputError, near, shortened
from ketasim._base.headline import plain
from ketasim._base.numbers import span
from ketasim.trials.analysis.design import (
    build,
    prepared,
    read_model,
    whole_rows,
)
from ketasim.trials.analysis.margins import estimates
from ketasim.trials.analysis.result import Analysis
from ketasim.trials.analysis.rows import check_once, left_out, notes_on_rows
from ketasim.trials.analysis.survival.cox import fit_cox
from ketasim.trials.analysis.survival.curves import INTERVALS, Curve, kaplan_meier, log_rank
from ketasim.trials.analysis.table import Table, as_table, used_levels

if TYPE_CHECKING:
    import polars

Array = NDArray[np.float64]

_SURV: Final = re.compile(r"\s*Surv\s*\(\s*([^,()]+?)\s*,\s*([^()]+?)\s*\)\s*~(.*)", re.DOTALL)
_EVENT: Final = re.compile(r"(1\s*-\s*)?`?([^=`]+?)`?\s*(?:==\s*['\"]?([^'\"]+?)['\"]?)?")
TIES: Final = ("efron", "breslow")
"""How a Cox regression treats events at the same time."""


def time_to_event(
    model: str,
    data: object,
    *,
    arm: str | None = None,
    subject: str | None = None,
    reference: Mapping[str, str] | str | None = None,
    factors: Sequence[str] = (),
    ties: str = "efron",
    interval: str = "log-log",
) -> Analysis:
    """Compare times to an event, such as relapse.

    **Main arguments:**

    - `model`: such as `"Surv(AVAL, EVENT) ~ TRT + AGE"`; the event is a column of 0 and 1,
      true and false, or Y and N; `1 - CNSR`; or a condition such as `STATUS == 2`.
      `Surv(AVAL, EVENT) ~ 1` for one curve.
    - `data`: as `mmrm` takes it, one row a subject.

    **Other arguments:**

    - `arm`, `reference`, `factors`: as of `ancova`. `subject`: a column, of which each subject has
      one row.
    - `ties`: of `TIES`. `interval`: of the curves, of `INTERVALS`.

    **Returns:** `hazard_ratios` of a Cox regression with all terms, `log_rank` over the arms,
    `summary` (median and restricted mean by arm, up to the same time) and `curves`.

    **Raises:** `InputError`.
    """
    if ties not in TIES:
        raise InputError("ties", f"'{shortened(ties)}' is unknown", near(ties, TIES))
    if interval not in INTERVALS:
        raise InputError(
            "interval", f"'{shortened(interval)}' is unknown", near(interval, INTERVALS)
        )
    hit = _SURV.fullmatch(model)
    if hit is None:
        raise InputError(
            "model",
            f"'{shortened(model)}' has no time and event",
            "write Surv(TIME, EVENT) ~ terms, such as Surv(AVAL, 1 - CNSR) ~ TRT",
        )
    table = as_table(data)
    happened = _event(hit[2], table)
    read = read_model(f"{_quoted(hit[1])} ~ {hit[3]}")
    if subject is not None:
        table.column(subject, "subject")
        if subject in read.variables:
            raise InputError(
                "subject", f"'{subject}' is in the model too", "name it in one of them"
            )
    also = () if subject is None else (subject,)
    ready, compared = prepared(
        read, table, arm=arm, reference=reference, factors=factors, also=also
    )
    whole = ~ready.columns[read.variables[0]].missing & ~np.isnan(happened)
    rows = whole_rows(read, ready.taking(whole), also)
    if subject is not None:
        rows = rows.having(used_levels(rows.factor(subject, "subject")))
        check_once(rows, subject, None)
    event = happened[whole] == 1.0
    time = rows.numbers(read.variables[0], "model")
    if np.any(time < 0.0):
        raise InputError(read.variables[0], "a time is below 0", "count from the start")
    alone = not list(read.variables[1:])
    design = None if alone else build(read, rows)
    tables: dict[str, polars.DataFrame] = {}
    notes = [
        *left_out(table.rows - rows.rows, "a time or whether the event happened"),
        *notes_on_rows(rows, read.variables[1:], subject, None),
        *(
            []
            if subject
            else ["Each row counts as a subject of its own: no column of subjects was named."]
        ),
    ]
    main: tuple[HeadlineRow, ...] = ()
    if design is not None:
        try:
            fitted = fit_cox(time, event, design.matrix[:, 1:], design.names[1:], ties=ties)
            words = {"term": list(design.names[1:])}
            found = estimates(fitted.inference, np.eye(len(design.names) - 1), words)
            tables["hazard_ratios"] = _ratios(found)
            main = _headline(tables["hazard_ratios"])
        except InputError as error:
            notes.append(f"No Cox regression: {error.problem}.")
    groups = _groups(rows, compared)
    if len(groups) > 1:
        tables["log_rank"] = _log_rank(time, event, groups)
    curves = {
        key: kaplan_meier(time[mine], event[mine], interval=interval)
        for key, mine in groups.items()
    }
    last = float(time.max())
    tables["summary"] = _summary(curves, last)
    tables["curves"] = _curves(curves)
    return Analysis(
        f"Time to event, {hit[1]}: {int(event.sum())} events of {len(time)} subjects",
        tables,
        {
            "model": model,
            "arm": compared,
            "subject": subject,
            "method": "survival",
            "ties": ties,
            "interval": interval,
        },
        tuple(notes),
        main,
    )


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_]\w*|`.*`", name) else f"`{name}`"


def _event(text: str, table: Table) -> Array:
    """Whether the event happened: 1, 0, or NaN where that is missing."""
    hit = _EVENT.fullmatch(text.strip())
    if hit is None:
        raise InputError("model", f"'{shortened(text)}' is no event", "write a column of 0 and 1")
    turned, name, value = hit[1] is not None, hit[2].strip(), hit[3]
    table.column(name, "model")
    if value is not None:
        levels = table.factor(name, "model")
        if value.strip() not in levels.levels:
            raise InputError(
                "model",
                f"{name} has no '{shortened(value)}'",
                near(value.strip(), levels.levels),
            )
        assert levels.codes is not None
        same = levels.codes == levels.levels.index(value.strip())
        return np.where(levels.codes < 0, np.nan, same.astype(float))
    values = table.yes_or_no(name, "model").values
    assert values is not None
    other = values[~np.isnan(values) & (values != 0.0) & (values != 1.0)]
    if len(other):
        raise InputError(
            name,
            f"{plain(float(other[0]), 4)} is neither 0 nor 1",
            f"write the value of the event, such as {name} == {plain(float(other[0]), 4)}",
        )
    return 1.0 - values if turned else values


def _groups(rows: Table, arm: str | None) -> dict[str, NDArray[np.bool_]]:
    if arm is None:
        return {"all": np.ones(rows.rows, dtype=bool)}
    column = used_levels(rows.columns[arm])
    return {level: column.codes == i for i, level in enumerate(column.levels)}


def _ratios(found: polars.DataFrame) -> polars.DataFrame:
    import polars

    columns = {"estimate": "hazard_ratio", "low": "hazard_ratio_low", "high": "hazard_ratio_high"}
    return found.drop("df").with_columns(
        polars.col(name).exp().alias(shown) for name, shown in columns.items()
    )


def _headline(table: polars.DataFrame) -> tuple[HeadlineRow, ...]:
    return tuple(
        HeadlineRow(
            f"hazard ratio, {row['term']}",
            plain(row["hazard_ratio"], 3),
            span(plain(row["hazard_ratio_low"], 3), plain(row["hazard_ratio_high"], 3)),
        )
        for row in table.iter_rows(named=True)
    )


def _log_rank(
    time: Array, event: NDArray[np.bool_], groups: Mapping[str, NDArray[np.bool_]]
) -> polars.DataFrame:
    import polars

    number = np.zeros(len(time), dtype=np.intp)
    for i, mine in enumerate(groups.values()):
        number[mine] = i
    test = log_rank(time, event, number)
    return polars.DataFrame(
        {
            "arm": list(groups),
            "observed": test.observed,
            "expected": test.expected,
            "chi_squared": [test.statistic] * len(groups),
            "df": [test.df] * len(groups),
            "p": [test.p] * len(groups),
        }
    )


def _summary(curves: Mapping[str, Curve], last: float) -> polars.DataFrame:
    import polars

    rows: list[dict[str, Any]] = []
    for name, curve in curves.items():
        median, low, high = curve.quantile()
        mean, se = curve.restricted_mean(last)
        rows.append(
            {
                "arm": name,
                "n": int(curve.at_risk[0]),
                "events": int(curve.events.sum()),
                "median": median,
                "low": low,
                "high": high,
                "restricted_mean": mean,
                "restricted_mean_se": se,
                "until": last,
            }
        )
    return polars.DataFrame(rows, nan_to_null=True)


def _curves(curves: Mapping[str, Curve]) -> polars.DataFrame:
    import polars

    return polars.concat(
        polars.DataFrame(
            {
                "arm": [name] * len(curve.time),
                "time": curve.time,
                "at_risk": curve.at_risk.astype(int),
                "events": curve.events.astype(int),
                "censored": curve.censored.astype(int),
                "survival": curve.survival,
                "se": curve.se,
                "low": curve.low,
                "high": curve.high,
            },
            nan_to_null=True,
        )
        for name, curve in curves.items()
    )
