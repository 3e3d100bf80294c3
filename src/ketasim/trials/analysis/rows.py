"""Rows of subjects: each there once, what changes between them, and what the reader must know."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError, shortened
from ketasim.trials.analysis.table import Codes, Column, Table

_SAME: Final = 1e-9  # of a number, within which it is the same


def check_once(rows: Table, subject: str, visit: str | None) -> None:
    """Refuse several rows of a subject, or of a subject at a visit.

    **Arguments:**

    - `rows`: those that are analysed, with subject and visit as categories.
    - `subject`, `visit`: names of columns; without a visit every subject has one row.

    **Raises:** `InputError`.
    """
    people = rows.columns[subject]
    assert people.codes is not None
    key, levels = people.codes, ("",)
    if visit is not None:
        order = rows.columns[visit]
        assert order.codes is not None
        levels = order.levels
        key = key * len(levels) + order.codes
    found, counts = np.unique(key, return_counts=True)
    twice = found[counts > 1]
    if not len(twice):
        return
    who = shortened(people.levels[int(twice[0]) // len(levels)])
    if visit is None:
        one = len(twice) == 1
        raise InputError(
            "data",
            f"{len(twice)} subject{' has' if one else 's have'} several rows, first '{who}' with "
            f"{int(counts[counts > 1][0])}",
            "name the column of the visits, or keep one row for each subject",
        )
    when = shortened(levels[int(twice[0]) % len(levels)])
    raise InputError(
        "data",
        f"{len(twice)} pairs of subject and visit have several rows, first '{who}' at '{when}'",
        "keep one row for each",
    )


def first_values(column: Column, who: Codes, people: int) -> tuple[Column, NDArray[np.bool_]]:
    """The first value of each subject, and which rows have another one.

    **Arguments:**

    - `column`: shape (R,). `who`: number of the subject of each row, shape (R,).
    - `people`: how many subjects there are, N.

    **Returns:** a column of N rows, missing where a subject has no value; and shape (R,).
    """
    known = ~column.missing
    if column.values is not None:
        values = np.full(people, np.nan)
        values[who[known][::-1]] = column.values[known][::-1]
        same = np.isclose(column.values, values[who], rtol=_SAME, atol=0.0)
        return Column(column.name, values), known & ~same
    assert column.codes is not None
    codes = np.full(people, -1, dtype=np.intp)
    codes[who[known][::-1]] = column.codes[known][::-1]
    first = Column(column.name, None, codes, column.levels, column.ordered)
    return first, known & (column.codes != codes[who])


def notes_on_rows(
    rows: Table, names: Iterable[str], subject: str | None, visit: str | None
) -> list[str]:
    """What of the data may be a slip and is analysed as it is, a sentence each.

    **Arguments:**

    - `rows`: those that are analysed. `names`: of the columns of the right side.
    - `subject`, `visit`: names of columns, where there are any.
    """
    terms = [name for name in dict.fromkeys(names) if name != visit]
    every = [*terms, *(one for one in (visit, subject) if one is not None)]
    notes = [note for name in every for note in _alike(rows.columns[name])]
    if subject is None:
        return notes
    people = rows.columns[subject]
    assert people.codes is not None
    for name in terms:
        _, other = first_values(rows.columns[name], people.codes, len(people.levels))
        changed = np.unique(people.codes[other])
        if len(changed):
            several = "s" if len(changed) > 1 else ""
            notes.append(
                f"{name} changes between the rows of {len(changed)} subject{several}, first "
                f"'{shortened(people.levels[int(changed[0])])}': each row counts with its own."
            )
    return notes


def _alike(column: Column) -> list[str]:
    """Categories that differ only in case or spaces."""
    if column.codes is None:
        return []
    found = dict[str, list[str]]()
    for number in np.unique(column.codes[column.codes >= 0]):
        level = column.levels[int(number)]
        found.setdefault(" ".join(level.split()).casefold(), []).append(level)
    notes = list[str]()
    for levels in found.values():
        if len(levels) > 1:
            listed = " and ".join(f"'{shortened(one)}'" for one in levels)
            notes.append(
                f"{column.name} has {listed}, which differ only in case or spaces: they count as "
                "different."
            )
    return notes


def left_out(count: int, what: str = "an outcome") -> list[str]:
    """How many rows were left out because something is missing; nothing when none was.

    **Arguments:**

    - `count`: of the rows. `what`: is missing.
    """
    if not count:
        return []
    return [f"{count} row{' is' if count == 1 else 's are'} left out, without {what}."]
