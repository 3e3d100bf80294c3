"""Every subject at every visit: outcomes that are there, and the design of those that are not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError, shortened
from ketasim.trials.analysis.design import Design, Model
from ketasim.trials.analysis.rows import first_values
from ketasim.trials.analysis.table import Column, Table

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Grid:
    """Subjects at visits, whether the outcome is there or not.

    **Arguments:**

    - `subjects`, `visits`: their names, N and T.
    - `outcome`: NaN where missing, shape (N, T).
    - `design`: of the mixed model, shape (N, T, P). `as_reference`: as in the reference arm.
    - `after`: visits after the outcomes of a subject end, shape (N, T).
    - `people`: one row a subject, with what does not change between visits.
    """

    subjects: tuple[str, ...]
    visits: tuple[str, ...]
    outcome: Array
    design: Array
    as_reference: Array
    after: NDArray[np.bool_]
    people: Table


def one_row_each(
    read: Model, table: Table, subject: str, visit: str
) -> tuple[Table, Array, tuple[str, ...], tuple[str, ...]]:
    """What does not change between visits, a row a subject, and the outcomes by visit.

    **Arguments:**

    - `table`: with subject and visit as categories.

    **Returns:** the rows; the outcomes, NaN where missing, shape (N, T); subjects; visits.

    **Raises:** `InputError` where a covariate changes, or is missing, within a subject.
    """
    if read.outcome != read.variables[0]:
        raise InputError(
            "model", f"'{shortened(read.outcome)}' is no column", "compute it as a column before"
        )
    people, order = table.columns[subject], table.columns[visit]
    assert people.codes is not None and order.codes is not None
    there = (people.codes >= 0) & (order.codes >= 0)
    who, when = people.codes[there], order.codes[there]
    outcome = np.full((len(people.levels), len(order.levels)), np.nan)
    known = table.taking(there)
    values = known.numbers(read.variables[0], "model")
    seen = ~np.isnan(values)  # a second, empty row of a visit does not hide its outcome
    outcome[who[seen], when[seen]] = values[seen]
    kept = dict[str, Column]()
    for name in read.variables[1:]:
        if name == visit:
            continue
        kept[name], other = first_values(known.columns[name], who, len(people.levels))
        if other.any():
            first = people.levels[int(who[int(np.flatnonzero(other)[0])])]
            raise InputError(
                name,
                f"it changes between the visits of '{shortened(first)}'",
                "use what was known at the start; missing visits have none of their own",
            )
        lost = kept[name].missing
        if lost.any():
            first = people.levels[int(np.flatnonzero(lost)[0])]
            raise InputError(name, f"missing for '{shortened(first)}'", "fill it in")
    rows = Table(kept, len(people.levels))
    return rows, outcome, people.levels, order.levels


def whole_grid(
    design: Design,
    people: Table,
    outcome: Array,
    names: tuple[tuple[str, ...], tuple[str, ...]],
    *,
    visit: str,
    arm: str,
    reference: str,
    ended: Mapping[str, int] | None = None,
) -> Grid:
    """Subjects at visits, with the designs of their own arm and of the reference.

    **Arguments:**

    - `design`: of the mixed model. `people`, `outcome`, `names`: as of `one_row_each`.
    - `visit`, `arm`: names of columns. `reference`: name of the arm.
    - `ended`: subject to the number of the first visit whose outcomes no longer count.
    """
    subjects, visits = names
    size, count = outcome.shape
    seen = outcome.copy()
    for i, name in enumerate(subjects):
        if ended and name in ended:
            seen[i, ended[name] :] = np.nan
    there = ~np.isnan(seen)
    last = np.where(there.any(axis=1), count - 1 - there[:, ::-1].argmax(axis=1), -1)
    every_visit: NDArray[np.intp] = np.arange(count, dtype=np.intp)
    after = every_visit > last[:, None]
    who = np.repeat(np.arange(size, dtype=np.intp), count)
    every = people.taking(np.ones(people.rows, dtype=bool))
    rows = {
        name: Column(
            name,
            None if column.values is None else column.values[who],
            None if column.codes is None else column.codes[who],
            column.levels,
        )
        for name, column in every.columns.items()
    }
    if visit in design.factors:
        rows[visit] = Column(visit, None, np.tile(every_visit, size), visits)
    own: Array = design.rows(Table(rows, size * count))
    levels: tuple[str, ...] = rows[arm].levels
    rows[arm] = Column(arm, None, np.repeat(np.intp(levels.index(reference)), size * count), levels)
    other = design.rows(Table(rows, size * count))
    shape = (size, count, own.shape[1])
    return Grid(subjects, visits, seen, own.reshape(shape), other.reshape(shape), after, people)
