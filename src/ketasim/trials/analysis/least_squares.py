"""Analysis of covariance: least squares with the t distribution, at each visit by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError
from ketasim.trials.analysis.design import (
    Design,
    Model,
    build,
    check_remainder,
    prepared,
    read_model,
    whole_rows,
)
from ketasim.trials.analysis.inference import Inference, fixed_inference
from ketasim.trials.analysis.margins import (
    estimates,
    headline_rows,
    marginal_differences,
    marginal_means,
)
from ketasim.trials.analysis.result import Analysis
from ketasim.trials.analysis.rows import check_once, left_out, notes_on_rows
from ketasim.trials.analysis.table import Table, as_table, used_levels, with_order
from ketasim.trials.analysis.visits import order_of_visits

if TYPE_CHECKING:
    import polars

Array = NDArray[np.float64]


def least_squares(design: Array, outcome: Array) -> Inference:
    """Ordinary least squares.

    **Arguments:**

    - `design`: shape (R, P), of full rank. `outcome`: shape (R,).
    """
    rows, columns = design.shape
    orthogonal, upper = np.linalg.qr(design)
    inside = orthogonal.T @ outcome
    beta: Array = np.asarray(np.linalg.solve(upper, inside), dtype=float)
    residual = outcome - orthogonal @ inside
    df = rows - columns
    variance = float(residual @ residual) / df * np.eye(columns)
    return fixed_inference(beta, variance, float(df), upper)


def ancova(
    model: str,
    data: object,
    *,
    arm: str | None = None,
    subject: str | None = None,
    visit: str | None = None,
    reference: Mapping[str, str] | str | None = None,
    factors: Sequence[str] = (),
) -> Analysis:
    """Compare arms by analysis of covariance.

    **Main arguments:**

    - `model`: such as `"CHG ~ TRT + BASE"`. `data`: as `mmrm` takes it.

    **Other arguments:**

    - `arm`: the column whose categories are compared; left out, the only category of the model.
    - `subject`: a column, of which each subject has one row, or one a visit. Left out, every row
      counts as a subject of its own.
    - `visit`: a column; each of its visits is analysed by itself, with the outcomes that are there.
    - `reference`: as of `mmrm`. `factors`: columns that are categories though they hold numbers.

    **Returns:** `differences` and `means` (by least squares, the covariates at their mean) and
    `coefficients`, with a column of the visit where one is named.

    **Raises:** `InputError`.
    """
    read = read_model(model)
    found: dict[str, list[polars.DataFrame]] = {}
    rows = 0
    split = by_visit(read, as_table(data), arm, subject, visit, reference, factors)
    compared = split.arm
    for name, design in split.designs:
        if len(design.outcome) <= len(design.names):
            raise InputError(
                "model",
                f"{len(design.outcome)} outcomes are too few for {len(design.names)} coefficients",
                "use fewer terms",
            )
        check_remainder(design)
        rows += len(design.outcome)
        inference = least_squares(design.matrix, design.outcome)
        tables = {
            "coefficients": estimates(
                inference, np.eye(len(design.names)), {"term": list(design.names)}
            )
        }
        if compared is not None:
            tables = {
                "differences": marginal_differences(design, inference, compared),
                "means": marginal_means(design, inference, [compared]),
                **tables,
            }
        for key, table in tables.items():
            found.setdefault(key, []).append(at_visit(table, visit, name))
    joined = together(found)
    main = ()
    if "differences" in joined:
        main = headline_rows(joined["differences"], [*([visit] if visit else []), "contrast"])
    return Analysis(
        f"ANCOVA of {read.outcome}: {rows} outcomes",
        joined,
        {
            "model": model,
            "arm": compared,
            "subject": subject,
            "visit": visit,
            "method": "ancova",
            "observations": rows,
        },
        split.notes,
        main,
    )


class Split(NamedTuple):
    """Data at each visit.

    **Arguments:**

    - `designs`: name of a visit and its design; of all rows alone, without a name, where there is
      no visit.
    - `arm`: whose categories are compared; `None` where none is known.
    - `notes`: what the reader must know of the rows.
    """

    designs: list[tuple[str, Design]]
    arm: str | None
    notes: tuple[str, ...]


def by_visit(
    read: Model,
    table: Table,
    arm: str | None,
    subject: str | None,
    visit: str | None,
    reference: Mapping[str, str] | str | None,
    factors: Sequence[str],
) -> Split:
    """Split data into the visits of a model, or take all rows when none is named.

    **Arguments:** as of `ancova`.

    **Raises:** `InputError`.
    """
    if read.covariance:
        raise InputError(
            "model",
            f"'{read.covariance}({read.visit} | {read.subject})' is of a mixed model",
            "leave it out, or use mmrm",
        )
    for field, name in (("visit", visit), ("subject", subject)):
        if name is not None and name in read.variables:
            raise InputError(field, f"'{name}' is in the model too", "name it in one of them")
        if name is not None:
            table.column(name, field)
    also = tuple(name for name in (subject, visit) if name is not None)
    ready, compared = prepared(
        read, table, arm=arm, reference=reference, factors=factors, also=also
    )
    rows = whole_rows(read, ready, also)
    rows = rows.having(*(used_levels(rows.factor(one, one)) for one in also))
    if visit is not None:
        levels = order_of_visits(rows, visit, read.variables[0]).levels
        rows = rows.having(with_order(rows.columns[visit], levels))
    if subject is not None:
        check_once(rows, subject, visit)
    notes = (
        *left_out(table.rows - rows.rows),
        *notes_on_rows(rows, read.variables[1:], subject, visit),
        *(
            []
            if subject
            else ["Each row counts as a subject of its own: no column of subjects was named."]
        ),
    )
    if visit is None:
        return Split([("", build(read, rows))], compared, notes)
    order = rows.columns[visit]
    assert order.codes is not None
    designs = [
        (name, build(read, rows.taking(order.codes == number)))
        for number, name in enumerate(order.levels)
    ]
    return Split(designs, compared, notes)


def at_visit(table: polars.DataFrame, visit: str | None, name: str) -> polars.DataFrame:
    """A table with the visit in a column before the others."""
    import polars

    if visit is None:
        return table
    return table.select(polars.lit(name).alias(visit), polars.all())


def together(found: Mapping[str, Sequence[polars.DataFrame]]) -> dict[str, polars.DataFrame]:
    """Tables of visits below each other."""
    import polars

    return {key: polars.concat(tables) for key, tables in found.items()}
