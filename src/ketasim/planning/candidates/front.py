"""The Pareto front: which candidates no other is at least as good as in all, and better in one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ketasim.planning.criteria import Criterion
from ketasim.planning.difference import Difference, difference
from ketasim.planning.measure import Measure

Array = NDArray[np.float64]
Truths = NDArray[np.bool_]


@dataclass(frozen=True)
class Placed:
    """Where a candidate is among the others.

    **Arguments:**

    - `on_front`: whether no other dominates it by expected values; nothing where a criterion is not
      assessed for it.
    - `against`: number of the candidate that says most: of a dominated one the dominator that is
      clearly better in most criteria; of one on the front another that is clearly better in some
      criterion and not clearly worse in any. 0 where there is none.
    - `clear`: keys of criteria in which `against` is better and told apart (`apart`).
    - `unclear`: keys of those in which the two differ and are not told apart.
    - `missing`: keys of criteria that are not assessed for it.
    """

    on_front: bool | None
    against: int = 0
    clear: tuple[str, ...] = ()
    unclear: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        """One of `front`, `front, unclear`, `dominated`, `dominated, unclear`, `not placed`.

        *Unclear* on the front: it is there only by differences that are not told apart, smaller
        than their uncertainty or than `least` of the criterion. *Unclear* of a dominated one: it is
        not told apart from its dominator in any criterion.
        """
        if self.on_front is None:
            return "not placed"
        if self.on_front:
            return "front, unclear" if self.against else "front"
        return "dominated" if self.clear else "dominated, unclear"


def dominated(values: Array) -> Truths:
    """Who is dominated by whom.

    **Arguments:**

    - `values`: lower is better, shape (candidates, criteria).

    **Returns:** shape (candidates, candidates): whether the second dominates the first: it is at
    least as good in every criterion and better in one.
    """
    mine, theirs = values[:, None, :], values[None, :, :]
    return np.asarray((theirs <= mine).all(axis=-1) & (theirs < mine).any(axis=-1), np.bool_)


def placed(
    measures: Mapping[int, Mapping[str, Measure]], chosen: Sequence[Criterion]
) -> dict[int, Placed]:
    """Place every candidate.

    **Arguments:**

    - `measures`: number of a candidate to criterion to measure.
    - `chosen`: criteria of the front, each with a better way.
    """
    found: dict[int, Placed] = {}
    numbers: list[int] = []
    for number, own in measures.items():
        missing = tuple(one.key for one in chosen if own[one.key].value is None)
        if missing:
            found[number] = Placed(None, missing=missing)
        else:
            numbers.append(number)
    if numbers:
        found |= _among(numbers, measures, chosen)
    return {number: found[number] for number in measures}


def _among(
    numbers: Sequence[int],
    measures: Mapping[int, Mapping[str, Measure]],
    chosen: Sequence[Criterion],
) -> dict[int, Placed]:
    signs = np.array([1.0 if one.better == "lower" else -1.0 for one in chosen])
    values = np.array([[measures[n][one.key].value or 0.0 for one in chosen] for n in numbers])
    beaten = dominated(values * signs)
    found: dict[int, Placed] = {}
    for row, number in enumerate(numbers):
        others = [
            _against(other, number, measures, chosen)
            for column, other in enumerate(numbers)
            if column != row and (beaten[row, column] or not beaten[row].any())
        ]
        on_front = not beaten[row].any()
        if on_front:
            # others may be clearly better in something only if they are nowhere clearly worse
            others = [one for one in others if one.clear and not one.worse]
        if not others:
            found[number] = Placed(on_front)
            continue
        front = {numbers[i] for i in range(len(numbers)) if not beaten[i].any()}
        best = max(others, key=lambda one: (one.other in front, len(one.clear), -one.other))
        found[number] = Placed(on_front, best.other, best.clear, best.unclear)
    return found


@dataclass(frozen=True)
class _Against:
    """Another candidate beside one: in what it is clearly better, clearly worse, or neither."""

    other: int
    clear: tuple[str, ...]
    worse: tuple[str, ...]
    unclear: tuple[str, ...]


def _against(
    other: int,
    number: int,
    measures: Mapping[int, Mapping[str, Measure]],
    chosen: Sequence[Criterion],
) -> _Against:
    clear: list[str] = []
    worse: list[str] = []
    unclear: list[str] = []
    for one in chosen:
        gap = apart(measures[other][one.key], measures[number][one.key])
        if gap.clear:
            (clear if better(gap, one) else worse).append(one.key)
        elif gap.value:
            unclear.append(one.key)
    return _Against(other, tuple(clear), tuple(worse), tuple(unclear))


def apart(one: Measure, other: Measure) -> Difference:
    """Subtract a measure of another candidate; what is too small to be told is not clear.

    **Arguments:**

    - `one`, `other`: of the same criterion.
    """
    gap = difference(one, other)
    small = one.drawn is not None and abs(gap.value or 0.0) < one.criterion.least
    return replace(gap, clear=False) if small else gap


def better(gap: Difference, one: Criterion) -> bool:
    """Whether a difference is an improvement in a criterion.

    **Arguments:**

    - `gap`: a candidate minus another. `one`: with a better way.
    """
    value = gap.value or 0.0
    return value < 0.0 if one.better == "lower" else value > 0.0
