"""What was read from a health record or a clinic's table: doses, scores and who the patient is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from ketasim.vocabulary import Moment

SAFE_AGE: Final = 90
"""Ages from here on are written as this one: a higher age tells who somebody is."""


MOST_AGE: Final = 120
"""Years; an age above it is a slip, not an old patient."""

WEIGHTS: Final = (20.0, 400.0)
"""Body weights that are taken, kg, against slips; narrower than that of a course."""


@dataclass(frozen=True)
class Rating:
    """A score of one scale.

    **Arguments:**

    - `when`: date, with a clock time or without. `scale`: as `dosing.scales` names it.
    - `score`: points.
    """

    when: Moment
    scale: str
    score: float


@dataclass(frozen=True)
class Given:
    """A dose that was given.

    **Arguments:**

    - `when`: date, with a clock time or without.
    - `entry`: `drug`, `route`, `dose` and, where they are known, `over` and `salt`, as an entry of
      `doses:` in a course file has them.
    """

    when: Moment
    entry: dict[str, str]


@dataclass(frozen=True)
class Person:
    """What is kept of a patient.

    **Arguments:**

    - `birth_year`: nothing where it is not recorded. `sex`: `female` or `male`.
    - `weight`: body weight, kg, by when it was measured.
    - `age`: years, where the record has no birth year but an age.
    """

    birth_year: int | None = None
    sex: str | None = None
    weight: tuple[tuple[Moment | None, float], ...] = ()
    age: float | None = None


@dataclass
class Account:
    """What was left out and why, and what the reader must know; no words of the record itself."""

    left_out: Counter[str] = field(default_factory=Counter[str])
    notes: list[str] = field(default_factory=list[str])

    def leave_out(self, what: str, why: str) -> None:
        """Count something that is not taken into the course."""
        self.left_out[f"{what}: {why}"] += 1

    def note(self, text: str) -> None:
        """Keep a sentence, once."""
        if text not in self.notes:
            self.notes.append(text)

    def lines(self) -> list[str]:
        """What was left out, a line each, in the order found, with how often."""
        return [
            f"{what} ({count} times)" if count > 1 else what
            for what, count in self.left_out.items()
        ]


@dataclass(frozen=True)
class Imported:
    """What an import read.

    **Arguments:**

    - `person`: the patient. `doses`: given. `scores`: measured, each by time.
    - `left_out`: what was not taken into the course and why, a line each.
    - `notes`: what the reader must know, as sentences.
    - `timed`: false where the source counts days and has no dates.
    """

    person: Person
    doses: tuple[Given, ...]
    scores: tuple[Rating, ...]
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    timed: bool = True

    def __repr__(self) -> str:
        """Counts alone: nothing of a record belongs into a log."""
        return f"Imported({len(self.doses)} doses, {len(self.scores)} scores)"


def in_order(doses: Iterable[Given]) -> tuple[Given, ...]:
    """Doses by time; those without a clock time come first on their day, in the order given."""
    return tuple(sorted(doses, key=lambda one: (one.when.day, one.when.clock or 0.0)))
