"""The result of `predict`: the table that was brought, with a column for each output."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim.__about__ import __version__
from ketasim._base import Headline, HeadlineRow, InputError, Result
from ketasim._base.headline import plain
from ketasim._base.result import csv
from ketasim._base.words import counted
from ketasim.simulation.tables import xarray_library

if TYPE_CHECKING:
    import xarray

Array = NDArray[np.float64]

NUMERICAL: Final = (
    "the rates change with amounts or time: the model is solved numerically (LSODA, relative "
    "tolerance 1e-10), which takes longer"
)
"""What is said of a model that is not solved exactly."""

_QUANTILES: Final = {"p05": 0.05, "p25": 0.25, "p50": 0.50, "p75": 0.75, "p95": 0.95}


@dataclass(frozen=True)
class Predicted:
    """An output at every row.

    **Arguments:**

    - `name`, `unit`: of the output.
    - `typical`: without any draw, shape (R,).
    - `drawn`: shape (n, R), nothing without draws; with residual error where it was asked for.
    - `observed`: one draw of the residual error on `typical`, shape (R,), nothing otherwise.
    """

    name: str
    unit: str
    typical: Array
    drawn: Array | None = None
    observed: Array | None = None


@dataclass(frozen=True, repr=False, eq=False)
class Prediction(Result):
    """What `predict` returns.

    **Arguments:**

    - `model`: its name. `carried`: the columns that were brought, one row a record.
    - `rows`: number of each row in the table, from 1 below the header. `subjects`: how many.
    - `outputs`: what was predicted.
    - `parameters`: name to the number that was used, of those that are one number.
    - `seed`: of the draws, nothing without any. `uncertainty`, `residual`: whether they are drawn.
    - `notes`: what the reader must know, as sentences.
    - `keys`: of the sources that a model of the package used.
    - `amount`: unit of AMT.
    """

    model: str
    carried: pl.DataFrame
    rows: NDArray[np.int64]
    subjects: int
    outputs: tuple[Predicted, ...]
    parameters: Mapping[str, float]
    seed: int | None = None
    uncertainty: bool = False
    residual: bool = False
    notes: tuple[str, ...] = ()
    keys: tuple[str, ...] = field(default=())
    amount: str = "mg"

    def table(self) -> pl.DataFrame:
        """One row a record, in the order of the table that was brought.

        **Returns:** `ROW`, the columns as they came, then a column for each output. With draws,
        `_mean`, `_sd`, `_p05`, `_p25`, `_p50`, `_p75` and `_p95` of them follow it; with residual
        error and no draws, `_observed`: the prediction with one draw of the error.
        """
        found: dict[str, Any] = {"ROW": self.rows}
        found |= {name: self.carried[name] for name in self.carried.columns}
        for one in self.outputs:
            found[one.name] = one.typical
            if one.observed is not None:
                found[f"{one.name}_observed"] = one.observed
            if one.drawn is not None:
                found[f"{one.name}_mean"] = one.drawn.mean(axis=0)
                many = len(one.drawn) > 1
                found[f"{one.name}_sd"] = (
                    one.drawn.std(axis=0, ddof=1) if many else 0.0 * one.typical
                )
                quantiles = np.quantile(one.drawn, list(_QUANTILES.values()), axis=0)
                for name, values in zip(_QUANTILES, quantiles, strict=True):
                    found[f"{one.name}_{name}"] = values
        return pl.DataFrame(found)

    def draws(self) -> pl.DataFrame:
        """Every draw of every output: `draw` (from 1), `ROW`, `output`, `value`, `unit`.

        **Raises:** `InputError` when there are none.
        """
        parts: list[pl.DataFrame] = []
        for one in self.outputs:
            if one.drawn is None:
                raise InputError("n", "the prediction has no draws", "ask for them, as n=500")
            n = len(one.drawn)
            parts.append(
                pl.DataFrame(
                    {
                        "draw": np.repeat(np.arange(1, n + 1), len(self.rows)),
                        "ROW": np.tile(self.rows, n),
                        "value": one.drawn.reshape(-1),
                    }
                ).select(
                    "draw",
                    "ROW",
                    pl.lit(one.name).alias("output"),
                    "value",
                    pl.lit(one.unit).alias("unit"),
                )
            )
        return pl.concat(parts)

    def to_xarray(self) -> xarray.Dataset:
        """One variable for each output over the rows of the table.

        **Returns:** a variable `NAME` over `row` for each output, `NAME_drawn` over `draw` (from 1)
        and `row` where there are draws, `NAME_observed` as of `table`; the columns that were
        brought are coordinates.

        **Raises:** `KetasimError` when xarray is not installed.
        """
        library = xarray_library()
        variables: dict[str, Any] = {}
        draws = 0
        for one in self.outputs:
            unit = {"unit": one.unit}
            variables[one.name] = ("row", one.typical, unit)
            if one.observed is not None:
                variables[f"{one.name}_observed"] = ("row", one.observed, unit)
            if one.drawn is not None:
                variables[f"{one.name}_drawn"] = (("draw", "row"), one.drawn, unit)
                draws = len(one.drawn)
        places: dict[str, Any] = {"row": self.rows}
        if draws:
            places["draw"] = np.arange(1, draws + 1)
        for name in self.carried.columns:
            column = self.carried[name]
            cells = column.fill_null("") if column.dtype == pl.String else column
            places[name] = ("row", cells.to_numpy())
        return library.Dataset(variables, places, {"metadata": json.dumps(self.metadata)})

    def headline(self) -> Headline:
        """What was predicted, and the range of every output."""
        records = counted(len(self.rows), "record")
        many = "" if self.outputs[0].drawn is None else f", {len(self.outputs[0].drawn):,} draws"
        rows = tuple(
            HeadlineRow(
                one.name,
                plain(float(one.typical.max())),
                f"at most; least {plain(float(one.typical.min()))}",
                one.unit,
            )
            for one in self.outputs
        )
        return Headline(
            f"{self.model}: {records} of {counted(self.subjects, 'subject')}{many}", rows
        )

    @property
    def metadata(self) -> dict[str, Any]:
        """Version, model, parameters, seed and notes."""
        return {
            "ketasim": __version__,
            "model": self.model,
            "parameters": dict(self.parameters),
            "units": {one.name: one.unit for one in self.outputs},
            "draws": 0 if self.outputs[0].drawn is None else len(self.outputs[0].drawn),
            "seed": self.seed,
            "uncertainty": self.uncertainty,
            "residual": self.residual,
            "notes": list(self.notes),
        }

    def sources(self) -> tuple[str, ...]:
        """Keys of the sources of a model of the package; none of a model of one's own."""
        return self.keys

    def main_table(self) -> pl.DataFrame:
        """The table that `to_parquet` writes."""
        return self.table()

    def files(self) -> Mapping[str, bytes]:
        """What `save` writes: `predictions.csv`."""
        return {"predictions.csv": csv(self.table())}
