"""A plan in words: what screen, report and page have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ketasim._base.numbers import NOTHING, span
from ketasim.planning.candidates.front import apart, better
from ketasim.planning.criteria import CRITERIA
from ketasim.planning.difference import Difference
from ketasim.planning.shown import gap_words, unit_words, written

if TYPE_CHECKING:
    from ketasim.planning.planned import Plan

SAID: Final[Mapping[str, str]] = {
    "MADRS_end": "score",
    "days_well": "days with response",
    "response_end": "response",
    "remission_end": "remission",
    "relapse": "relapse",
    "CADSS_peak": "dissociation",
    "SBP_peak": "pressure",
    "sessions": "sessions",
    "hours": "hours",
    "dose": "cumulative dose",
    "cost": "cost",
    "certainty": "distance from what was studied",
}
"""Criteria of a plan in the middle of a sentence."""

STANDS: Final[Mapping[str, str]] = {
    "front": "on the front",
    "front, unclear": "on the front, not clearly",
    "dominated": "dominated",
    "dominated, unclear": "dominated, not clearly",
    "not placed": "not placed",
}
"""Words of `Placed` as people read them."""


@dataclass(frozen=True)
class Number:
    """A number of a candidate, in words.

    **Arguments:**

    - `value`, `range`: such as `21` and `19-24`. `note`: what the reader must know.
    """

    value: str
    range: str
    note: str


@dataclass(frozen=True)
class Row:
    """A candidate, in words.

    **Arguments:**

    - `number`, `name`: of it. `numbers`: in the order of the criteria that were asked for.
    - `certain`: how near it is to what was studied. `stands`: of `STANDS`.
    - `why`: what is said of its place, in a sentence; empty where nothing is.
    - `on_front`: whether it is on the front. `own`: whether it is the course's own regimen.
    """

    number: int
    name: str
    numbers: tuple[Number, ...]
    certain: str
    stands: str
    why: str
    on_front: bool
    own: bool


def rows(plan: Plan, keys: Sequence[str], *, only_front: bool = False) -> list[Row]:
    """Candidates with some of their criteria.

    **Main arguments:**

    - `plan`: what `plan` returned. `keys`: of the criteria.

    **Other arguments:**

    - `only_front`: those on the front, the best by the first criterion of the front first.
    """
    chosen = list(plan.front) if only_front else list(plan.candidates)
    if only_front:
        first = CRITERIA[plan.criteria[0]]
        sign = 1.0 if first.better == "lower" else -1.0
        chosen.sort(key=lambda one: sign * (plan.measures[one.number][first.key].value or 0.0))
    return [
        Row(
            one.number,
            one.name,
            tuple(number_of(plan, one.number, key) for key in keys),
            plan.word(one.number),
            STANDS[plan.placed[one.number].word],
            why(plan, one.number),
            bool(plan.placed[one.number].on_front),
            one.origin == "own" and plan.scores is None,
        )
        for one in chosen
    ]


def number_of(plan: Plan, number: int, key: str) -> Number:
    """A criterion of a candidate in words.

    **Arguments:**

    - `plan`: what `plan` returned. `number`: of the candidate. `key`: of the criterion.
    """
    own, chosen = plan.measures[number][key], CRITERIA[key]
    if own.value is None:
        return Number("not assessed", "", own.note)
    if key == "certainty":
        return Number(plan.word(number), "", own.note)
    low, _, high = own.quantiles
    ends = "" if low is None or high is None else span(written(chosen, low), written(chosen, high))
    return Number(written(chosen, own.value), ends, own.note)


def heading(plan: Plan, key: str) -> str:
    """A criterion with its unit, as the head of a column.

    **Arguments:**

    - `plan`: what `plan` returned. `key`: of the criterion.
    """
    unit = next((own[key].unit for own in plan.measures.values()), "")
    words = CRITERIA[key].words
    unit = "" if key == "certainty" else unit_words(unit)
    return f"{words}, {unit}" if unit else words


def why(plan: Plan, number: int) -> str:
    """What is said of the place of a candidate, in a sentence.

    **Arguments:**

    - `plan`: what `plan` returned. `number`: of the candidate.
    """
    place = plan.placed[number]
    if place.missing:
        return f"Not assessed: {listed(place.missing)}."
    if not place.against:
        return ""
    other = place.against
    clear = "; ".join(_gap(plan, other, number, key) for key in place.clear)
    unclear = listed(place.unclear)
    if place.on_front:
        told = f"{other} is better in {clear}"
        return f"{told}, and not distinguishable from it in {unclear}." if unclear else f"{told}."
    if not place.clear:
        return f"{other} has the better expected values; not distinguishable in {unclear}."
    more = f"; not distinguishable in {unclear}" if unclear else ""
    return f"{other} is better in {clear}{more}."


def default_words(plan: Plan) -> str:
    """By which criteria the front is, and whose choice that was.

    **Arguments:**

    - `plan`: what `plan` returned.
    """
    names = listed(plan.criteria)
    if plan.criteria_named:
        return f"The front is over the criteria that were named: {names}."
    return f"No criteria were named: the front is over the default set, {names}."


def alike(plan: Plan) -> list[tuple[int, list[int]]]:
    """Candidates on the front, each with the others there from which nothing tells it apart.

    **Arguments:**

    - `plan`: what `plan` returned.
    """
    numbers = [one.number for one in plan.front]
    found: list[tuple[int, list[int]]] = []
    for place, number in enumerate(numbers):
        same = [
            other
            for other in numbers[place + 1 :]
            if not any(_between(plan, other, number, key).clear for key in plan.criteria)
        ]
        if same:
            found.append((number, same))
    return found


def _between(plan: Plan, one: int, other: int, key: str) -> Difference:
    return apart(plan.measures[one][key], plan.measures[other][key])


def _gap(plan: Plan, other: int, number: int, key: str) -> str:
    chosen = CRITERIA[key]
    gap = _between(plan, other, number, key)
    assert better(gap, chosen)
    if key == "certainty":
        return f"{SAID[key]} ({plan.word(other)})"
    return f"{SAID[key]} {gap_words(chosen, gap)}"


def listed(keys: Sequence[str]) -> str:
    """Criteria in words, such as `score and sessions`.

    **Arguments:**

    - `keys`: of `SAID`.
    """
    names = [SAID[key] for key in keys]
    if not names:
        return NOTHING
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
