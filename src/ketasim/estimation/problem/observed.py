"""Observations of a table: which rows have a value of which output, and which are below a limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError, near, one_of
from ketasim._base.text import shortened
from ketasim.dosing import Sheet, samples_of

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Observed:
    """Values that a model is fitted to, in the order of the table, each array of shape (N,).

    **Arguments:**

    - `row`: place of the row, from 0. `output`: number of the output.
    - `value`: of it, the limit where it is `below`.
    """

    row: Integers
    output: Integers
    value: Array
    below: Flags


def columns_of(dv: str | Mapping[str, str], outputs: Sequence[str]) -> dict[str, str]:
    """Which column has the values of which output.

    **Arguments:**

    - `dv`: a column, or output to column. `outputs`: of the model.

    **Raises:** `InputError` for an output that is not known, or where one has to be named.
    """
    if isinstance(dv, str):
        if len(outputs) > 1:
            raise InputError(
                "dv",
                f"'{shortened(dv)}' may be of any of {len(outputs)} outputs",
                f"say which, as --dv {outputs[0]}={shortened(dv)} ({one_of(outputs)})",
            )
        return {outputs[0]: dv}
    for name in dv:
        if name not in outputs:
            raise InputError("dv", f"unknown output '{shortened(name)}'", near(name, outputs))
    if not dv:
        raise InputError("dv", "names no column", "name one, as DV")
    return {name: dv[name] for name in outputs if name in dv}


def read_observed(
    sheet: Sheet,
    events: Flags,
    columns: Sequence[str],
    limit: float | None,
    negative: Sequence[bool],
) -> Observed:
    """Read the observations.

    **Arguments:**

    - `sheet`: the table. `events`: rows that are none, shape (R,).
    - `columns`: with the values, one an output. `limit`: of quantification, of all of them.
    - `negative`: whether values may be below 0, by output.

    **Raises:** `InputError` where there are none, none above the limit, only zeros, one below a
    limit that nobody says, or one below 0 that may not be.
    """
    parts: list[tuple[Integers, Integers, Array, Flags]] = []
    for number, name in enumerate(columns):
        found = samples_of(
            sheet,
            name,
            limit,
            events,
            zero_below=False,
            negative=negative[number],
            otherwise="an error that is a part of the value has none below 0: take --error "
            "additive or combined, or leave the value out (MDV 1)",
        )
        rows = np.flatnonzero(found.there)
        below = found.below[rows]
        if len(rows) and not (below.any() or found.values[rows].any()):
            raise InputError(
                name, f"every value is 0 ({len(rows)} of them)", "give the measured ones"
            )
        limits = np.full(len(rows), np.nan) if found.limits is None else found.limits[rows]
        unknown = np.flatnonzero(below & np.isnan(limits))
        if len(unknown):
            raise InputError(
                sheet.field(name, int(rows[unknown[0]])),
                "is below a limit that nothing says",
                "give the limit, as --lloq 2, or write it there, as <2",
            )
        values = np.where(below, limits, found.values[rows])
        parts.append((rows, np.full(len(rows), number), values, below))
    row, output, value, below = (np.concatenate(part) for part in zip(*parts, strict=True))
    if not len(row):
        raise InputError(
            ", ".join(columns), "no row has a value", "give the values in rows with EVID 0"
        )
    if below.all():
        raise InputError(
            ", ".join(columns),
            f"every value is below the limit ({len(row)} of them)",
            "a fit needs values above it",
        )
    order = np.lexsort((output, row))
    return Observed(
        row[order].astype(np.int64), output[order].astype(np.int64), value[order], below[order]
    )


def not_observations(sheet: Sheet, dosed: Integers, reset: Flags) -> Flags:
    """Rows that are no observation: doses, resets and other events, shape (R,)."""
    found = reset.copy()
    found[dosed] = True
    if sheet.has("EVID"):
        found |= np.nan_to_num(sheet.values("EVID")) != 0
    return found
