"""Options in order by the criterion that was asked for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ketasim.planning.criteria import CRITERIA, Criterion
from ketasim.planning.difference import Difference, difference
from ketasim.planning.measure import Measure


@dataclass(frozen=True)
class Ranked:
    """An option in its place by the criterion that was asked for.

    **Arguments:**

    - `place`: from 1; the same as that of the option before where the two are not told apart.
    - `option`: its name. `value`: by the criterion. `unit`: of it.
    - `gap`: it minus the option `against`, the one before or the first of the place before; nothing
      of the first.
    """

    place: int
    option: str
    value: float | None
    unit: str
    gap: Difference | None
    against: str = ""

    def to_row(self) -> dict[str, Any]:
        """As a mapping: place, option, value, unit, and the gap to the one before."""
        gap = self.gap
        return {
            "place": self.place,
            "option": self.option,
            "value": self.value,
            "unit": self.unit,
            "difference_to_previous": None if gap is None else gap.value,
            "difference_p05": None if gap is None else gap.p05,
            "difference_p95": None if gap is None else gap.p95,
            "clear": None if gap is None else gap.clear,
        }


def ranked(
    measures: Mapping[str, Measure],
    key: str,
    *,
    apart: Callable[[Measure, Measure], Difference] = difference,
    to_first: bool = False,
) -> tuple[Ranked, ...]:
    """Put options in order by a criterion, the better first.

    Two that follow each other share a place where their difference is smaller than its uncertainty.
    What is not assessed comes last.

    **Main arguments:**

    - `measures`: name of an option to its measure of the criterion. `key`: of `CRITERIA`.

    **Other arguments:**

    - `apart`: the difference of two, and whether it is clear.
    - `to_first`: look at the difference to the first of a place, not at that to the one before: of
      many options, neighbours that are not told apart may be far from the first.
    """
    chosen = CRITERIA[key]
    found = sorted(measures.items(), key=lambda one: _order(one[1], chosen))
    places: list[Ranked] = []
    against = ""
    for number, (name, own) in enumerate(found, 1):
        gap, place = None, number
        if against:
            gap = apart(own, measures[against])
            place = number if gap.clear or gap.value is None else places[-1].place
        places.append(Ranked(place, name, own.value, own.unit, gap, against))
        if not against or not to_first or place == number:
            against = name
    return tuple(places)


def _order(own: Measure, chosen: Criterion) -> float:
    if own.value is None:
        return math.inf
    return own.value if chosen.better == "lower" else -own.value
