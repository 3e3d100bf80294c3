"""The order of visits in time: as it is given, or as their names tell it beyond doubt."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from ketasim._base import InputError, near, read_unit, shortened
from ketasim.trials.analysis.table import Column, Table, few

FIELD: Final = "visit_order"
"""The option that gives the order."""

_BASELINE: Final = "baseline"
# a minus belongs to a number only where no word runs into it: Week-1 is not a week before
_NUMBERS: Final = re.compile(r"((?:(?:(?<=\s)|(?<=\()|^)-)?\d+(?:\.\d+)?)")
_TIMED: Final = (
    re.compile(r"(?P<unit>[a-z]+)\.?[\s_]*(?P<n>\d+(?:\.\d+)?)"),
    re.compile(r"(?P<unit>[a-z]+)\.?[\s_]+(?P<n>-\d+(?:\.\d+)?)"),
    re.compile(r"(?P<n>-?\d+(?:\.\d+)?)[\s_]*(?P<unit>[a-z]+)\.?"),
)
_COUNTED_DOWN: Final = re.compile(r"\b(before|prior|pre|until|remaining|to go)\b")
_DAY: Final = 24.0
# a day may be the n-th or be n days after the first; months and years have several lengths
_LENGTHS: Final = {"month": (28.0, 31.0), "year": (365.0, 366.0)}


@dataclass(frozen=True)
class VisitOrder:
    """Visits in their order.

    **Arguments:**

    - `levels`: every visit of the column, the first in time first; what no outcome has comes last.
    - `used`: those that have an outcome, in their order.
    - `by`: how the order is known, in words.
    - `doubt`: what is not certain about it; empty where all is.
    """

    levels: tuple[str, ...]
    used: tuple[str, ...]
    by: str
    doubt: str = ""

    @property
    def note(self) -> str:
        """The order, in a sentence."""
        return f"Order of the visits, {self.by}: {', '.join(self.used)}."

    def check(self, visit: str, why: str) -> None:
        """Refuse an order that is not certain.

        **Arguments:**

        - `visit`: name of the column. `why`: what depends on the order, in words.

        **Raises:** `InputError`.
        """
        if self.doubt:
            raise InputError(
                visit,
                f"{self.doubt}, and {why} depends on it",
                f"give {FIELD}: a column of numbers that orders the visits, such as AVISITN, or "
                "the visits one after the other",
            )


def order_of_visits(
    table: Table,
    visit: str,
    outcome: str,
    given: str | Sequence[str] | None = None,
    also: Sequence[str] = (),
) -> VisitOrder:
    """Put the visits of a table in order.

    **Arguments:**

    - `table`: the data. `visit`, `outcome`: names of columns.
    - `given`: a column of numbers that orders the visits, or the visits in their order.
    - `also`: visits that must have a place though they may have no outcome.

    **Raises:** `InputError` where what is given does not order every visit that has an outcome.
    """
    column = table.factor(visit, "visit")
    assert column.codes is not None
    there: list[int] = column.codes[~table.columns[outcome].missing].tolist()
    named = {column.levels[code] for code in set(there) if code >= 0} | set(also)
    used = [one for one in column.levels if one in named]
    by, doubt = "as given", ""
    if isinstance(given, str):
        by = f"by {given}"
        used = _by_column(table, column, used, given)
    elif given is not None:
        used = _as_listed(column, used, given)
    elif column.ordered:
        by = "as the data have it" if table.columns[visit].values is None else "by their numbers"
    else:
        by = "by their names"
        known, doubt = _by_names(used)
        rest = [one for one in used if one not in known]
        # where nothing depends on it; the order of categories that the data have stays
        used = [*known, *(sorted(rest, key=_natural) if rest == sorted(rest) else rest)]
    rest = [one for one in column.levels if one not in named]
    return VisitOrder((*used, *rest), tuple(used), by, doubt)


def _natural(text: str) -> list[tuple[int, float, str]]:
    """For sorting: `V2` comes before `V10`."""
    parts = (part for part in _NUMBERS.split(text.lower()) if part)
    return [
        (1, float(part), "") if _NUMBERS.fullmatch(part) else (0, 0.0, part.strip())
        for part in parts
    ]


def _by_column(table: Table, column: Column, used: Sequence[str], name: str) -> list[str]:
    values = table.numbers(name, FIELD)
    assert column.codes is not None
    places = dict[str, float]()
    for level in used:
        own = values[column.codes == column.levels.index(level)]
        own = np.unique(own[~np.isnan(own)])
        if len(own) != 1:
            told = f"the numbers {own[0]:g} and {own[1]:g}" if len(own) else "no number"
            raise InputError(
                FIELD,
                f"'{shortened(level)}' has {told} in {shortened(name)}",
                "name a column with one number for each visit, or list the visits",
            )
        places[level] = float(own[0])
    order = sorted(used, key=places.__getitem__)
    for one, other in pairwise(order):
        if places[one] == places[other]:
            raise InputError(
                FIELD,
                f"'{shortened(one)}' and '{shortened(other)}' are both {places[one]:g} in "
                f"{shortened(name)}",
                "name a column with another number for each visit, or list the visits",
            )
    return order


def _as_listed(column: Column, used: Sequence[str], given: Sequence[str]) -> list[str]:
    for one in given:
        if one not in column.levels:
            raise InputError(
                FIELD,
                f"there is no column and no visit '{shortened(one)}'",
                near(one, column.levels),
            )
    twice = [one for one, count in Counter(given).items() if count > 1]
    if twice:
        raise InputError(FIELD, f"'{shortened(twice[0])}' is there twice", "name each visit once")
    lost = [one for one in used if one not in given]
    if lost:
        raise InputError(FIELD, f"it lacks {few(lost)}", "name every visit that has outcomes")
    return [one for one in given if one in used]


class _Timed(NamedTuple):
    """A visit's time: earliest and latest, h, and the number of its unit."""

    earliest: float
    latest: float
    number: float
    unit: str
    level: str


def _by_names(levels: Sequence[str]) -> tuple[list[str], str]:
    """Visits in the order of their names, and what is not certain about it.

    It is certain where all have the same words and one number that differs, such as `Visit 2`, or
    where all are times that do not overlap, such as `Hour 4`, `Day 7` and `Week 2`.
    """
    if len(levels) < 2:
        return list(levels), ""
    parts = {one: _NUMBERS.split(" ".join(one.lower().split())) for one in levels}
    words = {one: tuple(own[::2]) for one, own in parts.items()}
    down = [one for one in levels if _COUNTED_DOWN.search(one.lower())]
    if len(set(words.values())) == 1 and not down:
        numbers = {one: tuple(map(float, own[1::2])) for one, own in parts.items()}
        order = sorted(levels, key=numbers.__getitem__)
        return order, _disagreement(order, [numbers[one] for one in order])
    timed = [one for one in map(_timed, levels) if one is not None and one.level not in down]
    timed.sort()
    known = [one.level for one in timed]
    unread = [one for one in levels if one not in known]
    if unread:
        often = Counter(words[one] for one in unread)
        odd = min(unread, key=lambda one: often[words[one]])
        return known, f"the place of '{shortened(odd)}' among the visits is not certain"
    for one, other in pairwise(timed):
        if not _certain(one, other):
            return known, _either(one.level, other.level)
    return known, ""


def _disagreement(order: Sequence[str], numbers: Sequence[tuple[float, ...]]) -> str:
    """What is not certain where the names differ in their numbers alone."""
    for place in range(1, len(order)):
        one, other = numbers[place - 1], numbers[place]
        if one == other or any(a > b for a, b in zip(one, other, strict=True)):
            return _either(order[place - 1], order[place])
    first = [own[0] for own in numbers if own]
    if first and max(first) < 0.0:  # weeks before the start, or a dash before each number
        return _either(order[0], order[-1])
    return ""


def _either(one: str, other: str) -> str:
    return f"whether '{shortened(one)}' or '{shortened(other)}' comes first is not certain"


def _timed(level: str) -> _Timed | None:
    text = " ".join(level.lower().split())
    if text == _BASELINE:
        return _Timed(0.0, 0.0, -math.inf, _BASELINE, level)
    found = next(filter(None, (one.fullmatch(text) for one in _TIMED)), None)
    unit = None if found is None else read_unit(found["unit"])
    if found is None or unit is None or dict(unit.kind) != {"time": 1}:
        return None
    number, name = float(found["n"]), next(iter(unit.parts))
    if name in _LENGTHS:
        ends = sorted(_DAY * days * number for days in _LENGTHS[name])
    elif name == "d":
        ends = [_DAY * (number - 1.0), _DAY * number]
    else:
        ends = [float(unit.factor) * number] * 2
    return _Timed(ends[0], ends[1], number, name, level)


def _certain(one: _Timed, other: _Timed) -> bool:
    """Whether the first is before the second whatever is meant by a day and a month."""
    if one.unit == other.unit:
        return one.number < other.number
    if one.unit == _BASELINE:
        return other.number > 0.0
    return one.latest < other.earliest
