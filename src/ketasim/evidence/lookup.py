"""Looking things up: facts by words, and everything known of a key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

from ketasim._base import InputError, near
from ketasim.evidence.card import Card
from ketasim.evidence.card_entry import Entry, Spread
from ketasim.evidence.card_file import card_keys, load_card
from ketasim.evidence.citing.bibliography import bibtex
from ketasim.evidence.citing.sources import Source, cite, load_sources, source_names
from ketasim.evidence.citing.sources import source as find_source
from ketasim.evidence.grading import RowGrade, grade_row
from ketasim.evidence.study_files import study_arms, study_heads
from ketasim.evidence.tables import Fact, all_facts, fact, facts, table_names

_TRIAL_TABLES: Final = ("mood/trials", "mood/arms", "mood/outcomes")


@dataclass(frozen=True)
class FactView:
    """A fact with its grade and citation."""

    fact: Fact
    grade: RowGrade
    citation: str

    def to_dict(self) -> dict[str, Any]:
        """Return the fact as a plain dictionary."""
        return {**self.fact.to_dict(), "grade": asdict(self.grade), "citation": self.citation}


@dataclass(frozen=True)
class SourceView:
    """A bibliographic entry, the facts taken from it and the cards that cite it."""

    source: Source
    citation: str
    bibtex: str
    link: str
    facts: tuple[FactView, ...]
    cards: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as a plain dictionary."""
        return {
            "key": self.source.key,
            "kind": "source",
            "entry": self.source.to_dict(),
            "citation": self.citation,
            "bibtex": self.bibtex,
            "link": self.link,
            "facts": [view.to_dict() for view in self.facts],
            "cards": list(self.cards),
        }


@dataclass(frozen=True)
class TrialView:
    """A published trial that ships: its arms, and the rows of the mood tables on it.

    **Arguments:**

    - `key`, `title`: of its file. `arms`: ids, in the order of the file.
    - `sources`: keys of everything below. `facts`: rows on the trial, its arms and its outcomes.
    - `command`: what simulates it.
    """

    key: str
    title: str
    arms: tuple[str, ...]
    sources: tuple[str, ...]
    facts: tuple[FactView, ...]
    command: str

    def to_dict(self) -> dict[str, Any]:
        """Return everything as a plain dictionary."""
        return {
            "key": self.key,
            "kind": "trial",
            "title": self.title,
            "arms": list(self.arms),
            "sources": list(self.sources),
            "source_names": source_names(self.sources),
            "facts": [view.to_dict() for view in self.facts],
            "command": self.command,
        }


@dataclass(frozen=True)
class CardView:
    """A card with the citations of everything it uses."""

    card: Card
    citations: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as a plain dictionary."""
        card = self.card
        return {
            "key": card.key,
            "kind": "card",
            "title": card.title,
            "model": card.model,
            "source": card.source,
            "population": card.population,
            "n": card.n,
            "sites": list(card.sites),
            "hash": card.hash,
            "parameters": [_entry_row(entry) for entry in card.entries.values()],
            "correlations": [list(one) for one in card.correlations],
            "notes": list(card.notes),
            "citations": list(self.citations),
        }


def list_facts(
    text: str | None = None,
    *,
    table: str | None = None,
    source: str | None = None,
    limit: int | None = None,
) -> list[FactView]:
    """Find facts.

    **Arguments:**

    - `text`: words that must all stand somewhere in the row, in any case.
    - `table`: a table such as `pk/observed`, or a folder such as `pk`.
    - `source`: a source key.
    - `limit`: the most facts to return.

    **Returns:** the facts in table order.

    **Raises:** `InputError` when the table, folder or source is unknown or the limit is below one.
    """
    if limit is not None and limit < 1:
        raise InputError("limit", f"{limit} is below one", "give 1 or more")
    if source is not None:
        find_source(source)
    words = (text or "").lower().split()
    found: list[FactView] = []
    for row in _rows(table):
        if source is not None and row.source != source:
            continue
        line = " ".join(row.cells.values()).lower()
        if all(word in line for word in words):
            found.append(_view(row))
            if limit is not None and len(found) == limit:
                break
    return found


def show(key: str) -> tuple[SourceView | CardView | TrialView | FactView, ...]:
    """Return everything known of a source key, card key, published trial or fact id.

    **Arguments:**

    - `key`: such as `otto2021`, `murrough2013` or `pk/observed:17`.

    **Returns:** what the key names; a key may name a source and a card, or a source and a trial.

    **Raises:** `InputError` with the nearest known key when nothing has that name.
    """
    if ":" in key:
        return (_view(fact(key)),)
    views: list[SourceView | CardView | TrialView | FactView] = []
    if key in load_sources():
        views.append(
            SourceView(
                source=find_source(key),
                citation=cite([key]),
                bibtex=bibtex([key]),
                link=find_source(key).link(),
                facts=tuple(list_facts(source=key)),
                cards=tuple(name for name in card_keys() if key in load_card(name).sources()),
            )
        )
    if key in card_keys():
        card = load_card(key)
        known = load_sources()
        cited = tuple(cite([one]) for one in card.sources() if one in known)
        views.append(CardView(card, cited))
    if key in study_arms():
        views.append(_trial(key))
    if not views:
        hint = near(key, {*load_sources(), *card_keys(), *study_arms(), *table_names()})
        remedy = hint if hint.startswith("did you mean") else "search with `ketasim evidence list`"
        raise InputError("key", f"no source, card, trial or fact is called '{key}'", remedy)
    return tuple(views)


def _trial(key: str) -> TrialView:
    rows = [row for table in _TRIAL_TABLES for row in facts(table) if row.get("trial_id") == key]
    head = study_heads()[key]
    keys = dict.fromkeys((head.source, *(row.source for row in rows)))
    return TrialView(
        key=key,
        title=head.title,
        arms=study_arms()[key],
        sources=tuple(one for one in keys if one),
        facts=tuple(map(_view, rows)),
        command=f"ketasim trial {key} --out DIR",
    )


def _rows(table: str | None) -> Iterator[Fact]:
    if table is None:
        yield from all_facts()
    elif table in table_names():
        yield from facts(table)
    else:
        inside = [name for name in table_names() if name.startswith(f"{table}/")]
        if not inside:
            raise InputError("table", f"unknown table '{table}'", near(table, table_names()))
        for name in inside:
            yield from facts(name)


def _view(row: Fact) -> FactView:
    citation = cite([row.source]) if row.source in load_sources() else ""
    return FactView(row, grade_row(row), citation)


def _entry_row(entry: Entry) -> dict[str, Any]:
    row = {
        name: value
        for name, value in vars(entry).items()
        if value not in (None, "") and not isinstance(value, Spread)
    }
    for name, spread in (("iiv", entry.iiv), ("iov", entry.iov)):
        if spread is not None:
            row[name] = {**asdict(spread), "kind": spread.kind, "sd": spread.sd}
    return row
