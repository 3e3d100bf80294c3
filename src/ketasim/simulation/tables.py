"""Results as long tables with a unit column."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim._base import InputError, KetasimError
from ketasim._base.result import parquet
from ketasim.simulation.concentrations import Key
from ketasim.simulation.curves import Curves, array_place, in_threads
from ketasim.simulation.statistics import statistics

if TYPE_CHECKING:
    import xarray

Array = NDArray[np.float64]

INDIVIDUALS: Final = 50
"""Patients of whom the file of a time course has curves, if nothing else is asked for."""


def summary_columns(times: Array, curves: Curves, typical: bool) -> dict[str, Array]:
    """Statistics over patients at every time.

    Never more than pieces of the curves of a large population are in memory.

    **Arguments:**

    - `times`: h, shape (T,). `curves`: (quantity, site) to arrays of shape (T, n).
    - `typical`: only the mean.

    **Returns:** mean, sd, p05, p25, p50, p75, p95, of a typical patient the mean alone; each of
    shape (curves, T).
    """
    names = list(statistics(np.zeros((0, 1)), typical))
    columns = {name: np.empty((len(curves), len(times))) for name in names}

    def each(tables: Iterable[Array]) -> Sequence[dict[str, Array]]:
        if curves.held:
            return [statistics(table, typical) for table in tables]
        return in_threads(lambda table: statistics(table, typical), tables)

    for rows, found in curves.stretches():
        alike = {array_place(table): table for table in found.values()}
        known = dict(zip(alike, each(alike.values()), strict=True))
        for place, table in enumerate(found.values()):
            for name, values in known[array_place(table)].items():
                columns[name][place, rows] = values
    return columns


def summary_table(
    times: Array, keys: Sequence[Key], units: Mapping[Key, str], columns: Mapping[str, Array]
) -> pl.DataFrame:
    """Statistics over patients as a table.

    **Arguments:**

    - `times`: h, shape (T,). `keys`: quantity and site of the curves. `units`: of these.
    - `columns`: as `summary_columns` returns them.

    **Returns:** columns time_h, quantity, site, unit, mean, sd, p05, p25, p50, p75, p95; of a
    typical patient no spread.
    """
    return pl.DataFrame(
        {
            "time_h": np.tile(times, len(keys)),
            **_named(keys, units, len(times)),
            **{name: values.reshape(-1) for name, values in columns.items()},
        }
    )


def with_spread(table: pl.DataFrame, key: Key, spread: pl.DataFrame) -> pl.DataFrame:
    """Put another spread of one quantity into a summary.

    **Arguments:**

    - `table`: as of `summary_table`. `key`: quantity and site.
    - `spread`: at the same times, columns such as sd and p05.
    """
    rows = ((table["quantity"] == key[0]) & (table["site"] == key[1])).to_numpy()
    columns: list[pl.Series] = []
    for name in spread.columns:
        if name in table.columns and name != "time_h":
            values = table[name].to_numpy().copy()
            values[rows] = spread[name].to_numpy()
            columns.append(pl.Series(name, values))
    return table.with_columns(columns)


def _named(keys: Sequence[Key], units: Mapping[Key, str], rows: int) -> dict[str, pl.Series]:
    """Columns quantity, site and unit, so many rows for each key."""
    which = np.repeat(np.arange(len(keys)), rows)
    texts = {
        "quantity": [quantity for quantity, _ in keys],
        "site": [site for _, site in keys],
        "unit": [units[key] for key in keys],
    }
    return {name: pl.Series(name, text, pl.String)[which] for name, text in texts.items()}


def timecourse_table(
    times: Array,
    ids: NDArray[np.int64],
    values: Mapping[Key, Array],
    units: Mapping[Key, str],
    individuals: int | None = None,
) -> pl.DataFrame:
    """Patients at every time, one row each.

    **Main arguments:**

    - `times`: h, shape (T,). `ids`: of the patients, shape (n,).
    - `values`: (quantity, site) to arrays of shape (T, n).
    - `units`: (quantity, site) to unit.

    **Other arguments:**

    - `individuals`: how many patients, the first of them; all when left out.

    **Returns:** columns id, time_h, quantity, site, value, unit, ordered by quantity and site, then
    patient, then time.

    **Raises:** `InputError` when `individuals` is less than 0.
    """
    checked_individuals(individuals)
    ids = ids[:individuals]
    # enumerations: a name takes one byte a row
    kinds = [
        pl.Enum(list(dict.fromkeys(words)))
        for words in (
            (quantity for quantity, _ in values),
            (site for _, site in values),
            (units[key] for key in values),
        )
    ]
    schema = {
        "id": pl.Int64,
        "time_h": pl.Float64,
        "quantity": kinds[0],
        "site": kinds[1],
        "value": pl.Float64,
        "unit": kinds[2],
    }
    rows = len(times) * len(ids)
    patients, hours = np.repeat(ids, len(times)), np.tile(times, len(ids))
    parts = [
        pl.DataFrame(
            {"id": patients, "time_h": hours, "value": table[:, :individuals].T.reshape(rows)}
        )
        .with_columns(
            pl.lit(quantity, dtype=kinds[0]).alias("quantity"),
            pl.lit(site, dtype=kinds[1]).alias("site"),
            pl.lit(units[quantity, site], dtype=kinds[2]).alias("unit"),
        )
        .select(list(schema))
        for (quantity, site), table in values.items()
    ]
    return pl.concat(parts) if parts else pl.DataFrame(schema=schema)


def checked_individuals(individuals: Any) -> None:
    """Refuse a number of patients that is none.

    **Raises:** `InputError` when it is neither nothing nor a whole number from 0.
    """
    whole = isinstance(individuals, int) and not isinstance(individuals, bool)
    if individuals is not None and (not whole or individuals < 0):
        raise InputError(
            "individuals", f"'{individuals}' is no number of patients", "give 0 or more, or None"
        )


def timecourse_file(table: pl.DataFrame) -> bytes:
    """The time course as the content of a Parquet file.

    Values are of single precision, seven digits. Parquet has each name of a quantity, a site and
    a unit once, in a dictionary.

    **Arguments:**

    - `table`: as `timecourse_table` returns it.
    """
    return parquet(table.with_columns(pl.col("value").cast(pl.Float32)))


def individuals_note(written: int | None, patients: int) -> str:
    """Say that a time course has not every patient; empty where it has.

    **Arguments:**

    - `written`: how many were asked for; nothing for all. `patients`: how many there are.
    """
    if written is None or written >= patients:
        return ""
    if written == 0:
        return "no time course of single patients, as asked for"
    return f"time course of {written:,} of {patients:,} patients; --individuals all for every one"


def dataset(
    times: Array,
    ids: NDArray[np.int64],
    values: Mapping[Key, Array],
    units: Mapping[Key, str],
    attributes: Mapping[str, Any],
) -> xarray.Dataset:
    """One variable for each quantity and site, over time and patient.

    **Raises:** `KetasimError` when xarray is not installed.
    """
    library = xarray_library()
    variables = {
        f"{quantity}_{site}": (("time_h", "id"), table, {"unit": units[quantity, site]})
        for (quantity, site), table in values.items()
    }
    return library.Dataset(variables, coords={"time_h": times, "id": ids}, attrs=dict(attributes))


def xarray_library() -> Any:
    """The library xarray, an extra.

    **Raises:** `KetasimError` when it is not installed.
    """
    try:
        import xarray
    except ImportError as error:
        raise KetasimError(
            "to_xarray: xarray is not installed; run: pip install 'ketasim[xarray]'"
        ) from error
    return xarray
