"""Analysis of covariance: least squares with the t distribution, at each visit by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError
from ketasim.trials.analysis.design import (
    Design,
    Model,
    arm_of,
    build,
    check_remainder,
    prepared,
    read_model,
    references,
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
from ketasim.trials.analysis.table import Table, as_table, in_natural_order, used_levels

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
    beta = np.linalg.solve(upper, orthogonal.T @ outcome)
    residual = outcome - design @ beta
    inverse = np.linalg.inv(upper)
    df = rows - columns
    variance = float(residual @ residual) / df * (inverse @ inverse.T)
    return fixed_inference(
        np.asarray(beta, dtype=float), np.asarray(variance, dtype=float), float(df)
    )


def ancova(
    model: str,
    data: object,
    *,
    arm: str | None = None,
    visit: str | None = None,
    reference: Mapping[str, str] | str | None = None,
    factors: Sequence[str] = (),
) -> Analysis:
    """Compare arms by analysis of covariance.

    **Main arguments:**

    - `model`: such as `"CHG ~ TRT + BASE"`. `data`: as `mmrm` takes it.

    **Other arguments:**

    - `arm`: the column whose categories are compared; left out, the only category of the model.
    - `visit`: a column; each of its visits is analysed by itself, with the outcomes that are there.
    - `reference`: as of `mmrm`. `factors`: columns that are categories though they hold numbers.

    **Returns:** `differences` and `means` (by least squares, the covariates at their mean) and
    `coefficients`, with a column of the visit where one is named.

    **Raises:** `InputError`.
    """
    read = read_model(model)
    found: dict[str, list[polars.DataFrame]] = {}
    compared: str | None = arm
    rows = 0
    for name, design in by_visit(read, as_table(data), arm, visit, reference, factors):
        if len(design.outcome) <= len(design.names):
            raise InputError(
                "model",
                f"{len(design.outcome)} outcomes are too few for {len(design.names)} coefficients",
                "use fewer terms",
            )
        check_remainder(design)
        rows += len(design.outcome)
        compared = arm or arm_of(design)
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
        {"model": model, "arm": compared, "visit": visit, "method": "ancova", "observations": rows},
        ("Outcomes that are missing are left out.",),
        main,
    )


def by_visit(
    read: Model,
    table: Table,
    arm: str | None,
    visit: str | None,
    reference: Mapping[str, str] | str | None,
    factors: Sequence[str],
) -> Iterator[tuple[str, Design]]:
    """The designs of a model at each visit, or of all rows when none is named.

    **Arguments:** as of `ancova`.

    **Raises:** `InputError`.
    """
    if visit is not None and visit in read.variables:
        raise InputError("visit", f"'{visit}' is in the model too", "name it in one of them")
    also = () if visit is None else (visit,)
    given = references(reference, arm)
    rows = whole_rows(
        read, prepared(read, table, arm=arm, reference=given, factors=factors, also=also), also
    )
    if visit is None:
        yield "", build(read, rows)
        return
    order = used_levels(in_natural_order(rows.factor(visit, "visit")))
    assert order.codes is not None
    for number, name in enumerate(order.levels):
        yield name, build(read, rows.taking(order.codes == number))


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
