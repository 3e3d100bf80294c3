"""Samples of an event table: which rows are values, and which of them are below the limit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError, near
from ketasim._base.text import shortened
from ketasim.dosing.events.sheet import Sheet

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

_BELOW: Final = re.compile(r"(?:<.*|blq|bql|blloq|bloq|b?lloq|below.*)", re.IGNORECASE)
_SAID: Final = re.compile(r"<\s*(\d+(?:\.\d*)?|\.\d+)")
FLAGS: Final = ("BLQ", "BQL", "CENS")
"""Columns that mark values below the limit."""


@dataclass(frozen=True)
class Samples:
    """Values of every row of a table.

    **Arguments:**

    - `values`: 0 where it is below the limit, shape (R,).
    - `below`: whether it is, shape (R,). `there`: whether the row is a sample, shape (R,).
    - `limits`: of quantification where a value is below it, as far as the table or the call says
      it, shape (R,); not a number elsewhere. Nothing where nobody asked.
    """

    values: Array
    below: Flags
    there: Flags
    limits: Array | None = None


def samples_of(
    sheet: Sheet,
    name: str,
    limit: float | None,
    events: Flags,
    *,
    zero_below: bool = True,
    negative: bool = False,
    otherwise: str = "write BLQ, or leave it blank where there was no sample",
) -> Samples:
    """Read the values of a column.

    **Arguments:**

    - `name`: of the column. `limit`: of quantification; nothing where words, BLQ or CENS say it.
    - `events`: rows that are no observation, shape (R,).
    - `zero_below`: whether a 0 that nothing marks is below the limit too, or a value.
    - `negative`: whether a value may be below 0. `otherwise`: the remedy where it may not.

    **Raises:** `InputError` for a column that is not there, a cell that is no number and not below
    the limit, a value below 0 that may not be, or a mark in BLQ or CENS other than 0 and 1.
    """
    if name not in sheet.columns:
        have = [one for one in sheet.columns if one not in sheet.events.values()]
        raise InputError("dv", f"the table has no column '{shortened(name)}'", near(name, have))
    words = sheet.texts(name)
    if any("," in word for word in set(words)) and sheet.commas(name):
        words = [word.replace(",", ".") for word in words]
    told = np.array([bool(_BELOW.fullmatch(word)) for word in words])
    values = _numbers(sheet, name, words, told)
    left = events
    if "MDV" in sheet.events:
        left = events | (np.nan_to_num(sheet.values("MDV")) != 0)
    wrong = (values < 0) & ~left
    if wrong.any() and not negative:
        row = int(np.argmax(wrong))
        raise InputError(sheet.field(name, row), f"{values[row]:g} is below 0", otherwise)
    for flag in FLAGS:
        if flag in sheet.columns:
            told |= _marked(sheet, flag, left)
    below = told | (values == 0) if zero_below else told
    if limit is not None:
        below |= values < limit
    limits = _limits(words, values, below, limit)
    missing = np.isnan(values) & ~told
    return Samples(np.where(below, 0.0, values), below, ~(missing | left), limits)


def _marked(sheet: Sheet, flag: str, left: Flags) -> Flags:
    """Rows that a column marks as below the limit; those that are left out may have any mark."""
    marks = np.nan_to_num(sheet.values(flag))
    wrong = ~np.isin(marks, (0.0, 1.0)) & ~left
    if wrong.any():
        row = int(np.argmax(wrong))
        said = (
            "marks a value above a limit, which is not read" if marks[row] == -1 else "is no mark"
        )
        raise InputError(
            sheet.field(flag, row),
            f"{marks[row]:g} {said}",
            "write 1 where the value is below the limit of quantification and 0 elsewhere, or "
            "MDV 1 where it is to be left out",
        )
    return marks == 1.0


def _limits(words: list[str], values: Array, below: Flags, limit: float | None) -> Array:
    """The limit where a value is below it: that of the call, of `<2`, or the number marked."""
    found = np.full(len(words), np.nan)
    for row in np.flatnonzero(below):
        said = _SAID.fullmatch(words[row])
        if limit is not None:
            found[row] = limit
        elif said is not None:
            found[row] = float(said[1])
        elif np.isfinite(values[row]) and values[row] != 0:
            found[row] = values[row]
    return found


def _numbers(sheet: Sheet, name: str, words: list[str], told: Flags) -> Array:
    if not told.any():
        return sheet.values(name)
    found = np.full(len(words), np.nan)
    for row, word in enumerate(words):
        if told[row] or not word:
            continue
        try:
            found[row] = float(word)
        except ValueError:
            found[row] = np.inf
        if not np.isfinite(found[row]):
            raise InputError(
                sheet.field(name, row),
                f"'{shortened(word)}' is not a finite number",
                "give a number or BLQ, or leave it blank",
            )
    return found
