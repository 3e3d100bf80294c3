"""Profiles of an event table, observed or predicted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError, near
from ketasim._base.text import shortened
from ketasim.dosing import (
    EVENT_COLUMNS,
    DoseRecords,
    Records,
    Samples,
    Sheet,
    read_records,
    read_sheet,
    samples_of,
)
from ketasim.noncompartmental.doses import Dosed, doses_of, following, occasions
from ketasim.noncompartmental.profile import Given, Profile

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class EventRows:
    """A table with its records, ready for the values of one quantity or several.

    **Arguments:**

    - `sheet`, `records`, `doses`: of the table. `notes`: what was made of it.
    - `groups`: names of the columns that results are grouped by.
    - `route`: of every dose; nothing where the table says it.
    - `steady_state`: whether doses after others at equal intervals are at steady state.
    """

    sheet: Sheet
    records: Records
    doses: DoseRecords
    notes: list[str]
    groups: Sequence[str]
    route: str | None
    steady_state: bool

    @classmethod
    def read(
        cls,
        source: Any,
        groups: Sequence[str],
        route: str | None,
        dose_unit: str,
        *,
        steady_state: bool,
    ) -> EventRows:
        """Read a table; amounts whose unit it says are turned into `dose_unit`.

        **Raises:** `InputError` as `read_sheet` and `read_records`, for a route that is not known
        and for a group that is no column.
        """
        if route not in (None, "iv", "extravascular"):
            raise InputError(
                "route", f"'{shortened(route)}' is not known", "give iv or extravascular"
            )
        apart = [name for name in groups if name.upper() not in EVENT_COLUMNS]
        sheet = read_sheet(source, apart, amounts=dose_unit)
        records, doses, notes = read_records(sheet)
        for name in groups:
            if name not in sheet.columns:
                raise InputError(
                    "by",
                    f"the table has no column '{shortened(name)}'",
                    near(name, sheet.columns),
                )
        if not len(doses.record):
            raise InputError(
                "AMT", "no row gives a dose", "add a row with the dose, TIME and EVID 1"
            )
        return cls(sheet, records, doses, notes, groups, route, steady_state)

    def columns(self, name: str, limit: float | None) -> Samples:
        """Samples of a column of the table."""
        return samples_of(self.sheet, name, limit, self.events)

    @property
    def events(self) -> NDArray[np.bool_]:
        """Rows that are no observation, shape (R,)."""
        found = np.zeros(len(self.records.time), bool)
        found[self.doses.record] = True
        found |= self.records.reset
        if self.sheet.has("EVID"):
            found |= self.sheet.values("EVID") != 0
        return found

    @property
    def count(self) -> int:
        """How many doses there are, as far as rows follow."""
        return int(following(self.records.time, self.doses, self._until()).sum())

    def _until(self) -> Array:
        """Time of the last row after which compartments are emptied, of each row, shape (R,)."""
        ends = np.append(np.flatnonzero(np.diff(self._periods())), len(self.records.time) - 1)
        return self.records.time[ends][self._periods() - 1]

    def _periods(self) -> Integers:
        """Number of each row's subject and what follows a reset in it, from 1, shape (R,)."""
        changes = np.append(True, np.diff(self.records.subject) != 0)
        return np.cumsum(self.records.reset | changes).astype(np.int64)

    def profiles(
        self, quantities: Mapping[tuple[str, int], Samples], left: set[int]
    ) -> Iterator[Profile]:
        """Profiles of every subject.

        **Arguments:**

        - `quantities`: name and draw (0 without draws) to samples.
        - `left`: takes the numbers of rows with a sample that no profile has.

        **Raises:** `InputError` for two values of one time, or a group that changes in a subject.
        """
        time, period = self.records.time, self._periods()
        dosed = doses_of(self.sheet, time, self.doses, self.route, self._until())
        names = self.sheet.texts("ID")
        told: dict[str, list[str]] = {name: self.sheet.texts(name) for name in self.groups}
        by_period: dict[int, list[Dosed]] = {}
        for dose in dosed:
            by_period.setdefault(int(period[dose.row]), []).append(dose)
        ends = np.append(np.flatnonzero(np.diff(period)) + 1, len(period))
        for one, end in enumerate(ends, start=1):
            first = int(ends[one - 2]) if one > 1 else 0
            rows = np.arange(first, int(end), dtype=np.int64)
            doses = sorted(by_period.get(one, []), key=lambda dose: (dose.time, dose.row))
            groups = tuple(self._group(name, told[name], rows) for name in self.groups)
            for (name, draw), samples in quantities.items():
                there = rows[samples.there[rows]]
                given = occasions(doses, time[there], self.steady_state)
                unused = set(there.tolist())
                for place, dose in enumerate(given):
                    after = given[place + 1].time if place + 1 < len(given) else np.inf
                    if not np.any((time[there] >= dose.time) & (time[there] <= after)):
                        continue
                    last = max((d.row for d in doses if d.time <= dose.time), default=-1)
                    kept = _within(there, time, dose, after, last, doses)
                    if not len(kept):
                        continue
                    self._once(time, kept, name)
                    unused -= set(kept.tolist())
                    yield Profile(
                        names[int(rows[0])],
                        name,
                        draw,
                        dose,
                        time[kept] - dose.time,
                        samples.values[kept],
                        samples.below[kept],
                        groups,
                    )
                left |= {int(self.sheet.numbers[row]) for row in unused}

    def _group(self, name: str, cells: list[str], rows: Integers) -> str:
        first, last = int(rows[0]), int(rows[-1])
        for row in range(first, last + 1):
            if cells[row] != cells[first]:
                raise InputError(
                    self.sheet.field(name, row),
                    f"'{shortened(cells[row])}' where the subject had '{shortened(cells[first])}'",
                    "group by what stays the same in a subject",
                )
        return cells[first]

    def _once(self, time: Array, kept: Integers, name: str) -> None:
        again = np.flatnonzero(np.diff(time[kept]) == 0)
        if len(again):
            row = int(kept[again[0] + 1])
            raise InputError(
                self.sheet.field(name, row),
                f"a second value at {time[row]:g} h of the same subject",
                "keep one of them, or give their mean",
            )


def _within(
    rows: Integers, time: Array, dose: Given, after: float, last: int, doses: list[Dosed]
) -> Integers:
    """Rows of the samples of a dose: from it up to the next, both ends included.

    At the time of a dose, rows before it belong to the interval before, and to its own as the value
    it starts from, unless it is given at once into the vein.
    """
    next_row = min((d.row for d in doses if d.time == after), default=len(time))
    at, end = time[rows] == dose.time, time[rows] == after
    inside = (time[rows] > dose.time) & (time[rows] < after)
    here = at & (rows > last)
    if dose.route != "bolus" and not here.any():
        here = at
    there = end & (rows < next_row)
    if not there.any() and next_row < len(time):
        following = [d for d in doses if d.row == next_row]
        if following and following[0].route != "bolus":
            there = end
    return rows[inside | here | there]
