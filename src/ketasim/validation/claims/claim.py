"""A claim: a published number, what is predicted for it, and whether that is close enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from ketasim.evidence import Grade

Outcome = Literal["pass", "miss", "cannot tell"]
Error = Literal["fold", "difference", "relative", ""]

TWO_FOLD: Final = 2.0
"""Fold error within which an exposure counts as predicted, as pharmacokinetic models are judged."""


@dataclass(frozen=True)
class Claim:
    """A published number beside the model's.

    **Arguments:**

    - `area`: key of the area it belongs to. `what`: the number, in words. `where`: of whom, after
      which dose.
    - `published`, `predicted`: in `unit`, or in words.
    - `low`, `high`: the interval that decides: published, or of the prediction, as `criterion`
      says.
    - `error`: `predicted` from `published`, as `measure` says: how many fold, difference in `unit`,
      or part of the published number.
    - `covered`: whether the number lies in the interval; nothing where there is none.
    - `criterion`: by which `outcome` was decided.
    - `grade`: how the prediction was obtained.
    - `independent`: whether it was predicted without this number.
    - `source`: key of what published it. `place`: where in it, or in the tables.
    - `note`: what limits the comparison.
    """

    area: str
    what: str
    where: str
    published: float | str | None
    predicted: float | str
    unit: str
    criterion: str
    outcome: Outcome
    grade: Grade
    independent: bool
    source: str
    place: str
    low: float | None = None
    high: float | None = None
    error: float | None = None
    measure: Error = ""
    covered: bool | None = None
    note: str = ""


def judged(met: bool | None) -> Outcome:
    """The outcome of a criterion; nothing where it cannot be applied."""
    if met is None:
        return "cannot tell"
    return "pass" if met else "miss"


def fold(predicted: float, published: float) -> float | None:
    """How many fold two numbers differ, one or more; nothing where one of them is not positive."""
    if predicted <= 0.0 or published <= 0.0:
        return None
    ratio = predicted / published
    return max(ratio, 1.0 / ratio)
