"""Where the evidence disagrees: every side with its rows, and what the product does with it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from ketasim._base import InputError, near
from ketasim.evidence.citing.sources import source_name
from ketasim.evidence.tables import Fact, facts

_TABLE = "conflicts"


@dataclass(frozen=True)
class Side:
    """One answer to a question the evidence disagrees on.

    **Arguments:**

    - `answer`: in a few words; several sides may give the same.
    - `statement`: what was seen.
    - `facts`: ids of the rows, such as `mechanism/interaction_pd:13`.
    - `source`: their source key.
    """

    answer: str
    statement: str
    facts: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class Conflict:
    """A question with more than one published answer.

    **Arguments:**

    - `name`: short name, such as `naltrexone`.
    - `topic`: pharmacokinetics, mechanism, mood, session, care or conditions.
    - `question`: in one sentence.
    - `sides`: the answers, none before the others by rank.
    - `ketasim`: what this package does with it.
    """

    name: str
    topic: str
    question: str
    sides: tuple[Side, ...]
    ketasim: str

    @property
    def sources(self) -> tuple[str, ...]:
        """Source keys of all sides."""
        return tuple(dict.fromkeys(side.source for side in self.sides))

    def to_dict(self) -> dict[str, Any]:
        """Return the conflict as a plain dictionary."""
        sides = [{**asdict(side), "source_name": source_name(side.source)} for side in self.sides]
        return {**vars(self), "sides": sides}


def conflicts(text: str | None = None, *, topic: str | None = None) -> tuple[Conflict, ...]:
    """Find questions on which the evidence disagrees.

    **Arguments:**

    - `text`: words that must all stand somewhere in the question, its sides or its sources, in any
      case.
    - `topic`: only one of `conflict_topics()`.

    **Returns:** the conflicts in the order of the table; none when nothing has all the words.

    **Raises:** `InputError` for an unknown topic.
    """
    if topic is not None and topic not in conflict_topics():
        raise InputError("topic", f"unknown topic '{topic}'", near(topic, conflict_topics()))
    words = (text or "").lower().replace("_", " ").split()
    return tuple(
        one
        for one, line in _all()
        if topic in (None, one.topic) and all(word in line for word in words)
    )


def conflict_topics() -> tuple[str, ...]:
    """Return the topics of the conflicts."""
    return tuple(dict.fromkeys(one.topic for one, _ in _all()))


@cache
def _all() -> tuple[tuple[Conflict, str], ...]:
    """Every conflict, and its text in lower case."""
    groups: dict[str, list[Fact]] = {}
    for row in facts(_TABLE):
        groups.setdefault(row.get("id"), []).append(row)
    return tuple((_conflict(name, rows), _line(rows)) for name, rows in groups.items())


def _conflict(name: str, rows: list[Fact]) -> Conflict:
    return Conflict(
        name=name,
        topic=rows[0].get("topic"),
        question=rows[0].get("question"),
        sides=tuple(
            Side(
                answer=row.get("side"),
                statement=row.get("statement"),
                facts=row.listed("facts"),
                source=row.source,
            )
            for row in rows
        ),
        ketasim=" ".join(row.get("ketasim") for row in rows if row.get("ketasim")),
    )


def _line(rows: list[Fact]) -> str:
    return " ".join(cell for row in rows for cell in row.cells.values()).lower().replace("_", " ")
