"""What the linter looks at and what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from ketasim.evidence.card import Card
from ketasim.evidence.citing.sources import Source
from ketasim.evidence.tables import Fact

Severity = Literal["error", "warning", "info"]
Row = int | str | None
Hits = Iterator[tuple[str, Row, str]]


@dataclass(frozen=True)
class Finding:
    """One thing the linter found.

    **Arguments:**

    - `severity`: `error` must be mended or waived, `warning` deserves a look, `info` is for the
      record.
    - `table`: table such as `pk/observed`, `sources`, or card such as `cards/otto2021`.
    - `row`: row number, source key or parameter symbol.
    - `check`: name of the check.
    - `message`: what is wrong.
    - `waived`: why it is accepted, empty when it is not.
    """

    severity: Severity
    table: str
    row: Row
    check: str
    message: str
    waived: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as a plain dictionary."""
        return asdict(self)


@dataclass(frozen=True)
class Evidence:
    """Everything the linter looks at.

    **Arguments:**

    - `tables`: rows by table name.
    - `choices`: rows of the tables that choose among the rows of another, by table name.
    - `sources`: the bibliography in file order, repeated keys included.
    - `cards`: cards by key.
    - `unreadable`: cards that could not be read, key to the reason.
    """

    tables: Mapping[str, tuple[Fact, ...]] = field(default_factory=dict[str, tuple[Fact, ...]])
    choices: Mapping[str, tuple[Fact, ...]] = field(default_factory=dict[str, tuple[Fact, ...]])
    sources: tuple[Source, ...] = ()
    cards: Mapping[str, Card] = field(default_factory=dict[str, Card])
    unreadable: Mapping[str, str] = field(default_factory=dict[str, str])

    def facts(self) -> Iterator[Fact]:
        """Return every row of every table."""
        for rows in self.tables.values():
            yield from rows

    def keys(self) -> frozenset[str]:
        """Return the known source keys."""
        return frozenset(entry.key for entry in self.sources)


@dataclass(frozen=True)
class Check:
    """One check: a name, how bad a hit is, and the function that finds hits."""

    name: str
    severity: Severity
    run: Callable[[Evidence], Hits]
