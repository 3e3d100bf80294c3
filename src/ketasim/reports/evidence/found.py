"""What is found by words: sources, parameters, trials, conditions, open questions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from ketasim._base import words
from ketasim._base.numbers import number
from ketasim.evidence import (
    card_keys,
    condition,
    condition_names,
    conflicts,
    list_facts,
    load_card,
    load_sources,
    source_name,
)
from ketasim.evidence.study_files import study_heads

KINDS: Final = ("conditions", "trials", "parameters", "questions", "sources", "rows")
"""Kinds of what is found, in the order of the page."""

SHOWN: Final = 12
"""Of each kind, before the reader asks for all."""

_MOST: Final = 500  # of one kind
_ROOM: Final = "/evidence"
_PRIOR: Final = "_prior"  # cards of what was known before a fit


@dataclass(frozen=True)
class Hit:
    """One thing that was found.

    **Arguments:**

    - `path`: its page. `name`, `detail`: in words. `grade`: of a parameter or row.
    """

    path: str
    name: str
    detail: str
    grade: str = ""


@dataclass(frozen=True)
class Found:
    """What was found of one kind: `total` of them, those shown in `hits`."""

    kind: str
    hits: tuple[Hit, ...]
    total: int


def find(text: str, *, kind: str | None = None) -> tuple[Found, ...]:
    """Find what has all the words, in any case.

    **Arguments:**

    - `text`: words. `kind`: one of `KINDS`, of which all are shown; else a dozen of each.

    **Returns:** one for each kind with anything, in the order of `KINDS`.
    """
    wanted = text.lower().replace("_", " ").split()
    if not wanted:
        return ()
    found: list[Found] = []
    for name in KINDS if kind is None else (kind,):
        most = SHOWN if kind is None else _MOST
        if name == "rows":
            hits, total = _rows(text, most)
        else:
            every = [hit for line, hit in _index(name) if all(word in line for word in wanted)]
            hits, total = _first(every, wanted)[:most], len(every)
        if total:
            found.append(Found(name, tuple(hits), total))
    return tuple(found)


def everything(kind: str) -> tuple[Hit, ...]:
    """All there is of a kind, for a reader who has not asked for anything yet.

    **Arguments:**

    - `kind`: one of `KINDS`, but `rows`.
    """
    return tuple(hit for _, hit in _index(kind))


def _first(hits: Sequence[Hit], wanted: Sequence[str]) -> list[Hit]:
    """Those first whose name has the words, else the order of the tables."""

    def missing(hit: Hit) -> int:
        name = f"{hit.name} {hit.path.rpartition('/')[2]}".lower().replace("_", " ")
        return sum(word not in name for word in wanted)

    return sorted(hits, key=missing)


def _rows(text: str, most: int) -> tuple[list[Hit], int]:
    views = list_facts(text.replace("_", " "))
    hits = [
        Hit(
            f"{_ROOM}/row/{view.fact.id}",
            view.fact.id,
            _row_words(view.fact.cells.items()),
            view.grade.grade or "",
        )
        for view in views[:most]
    ]
    return hits, len(views)


_LONG: Final = 240  # letters of a row in a list


def _row_words(cells: Iterable[tuple[str, str]]) -> str:
    told = "; ".join(f"{name}: {cell}" for name, cell in cells if cell and name != "source")
    return told if len(told) <= _LONG else f"{told[: _LONG - 1].rstrip()}…"


@cache
def _index(kind: str) -> tuple[tuple[str, Hit], ...]:
    """Everything of a kind with its words in lower case."""
    made = {
        "conditions": _conditions,
        "trials": _trials,
        "parameters": _parameters,
        "questions": _questions,
        "sources": _sources,
    }[kind]
    return tuple((line.lower().replace("_", " "), hit) for line, hit in made())


def _conditions() -> Iterable[tuple[str, Hit]]:
    for name in condition_names():
        one = condition(name)
        told = words.counted(len(one.studies), "row of studies", "rows of studies")
        graded = "graded" if one.graded_by else "not graded by any source here"
        hit = Hit(f"{_ROOM}/condition/{name}", words.capital(one.title), f"{told}; {graded}")
        yield " ".join((name, one.title, *one.synonyms, one.part_of)), hit


def _trials() -> Iterable[tuple[str, Hit]]:
    for key, head in study_heads().items():
        cited = source_name(head.source)
        yield (
            " ".join((key, head.title, cited, *head.arms)),
            Hit(f"{_ROOM}/trial/{key}", head.title or key, cited),
        )


def _parameters() -> Iterable[tuple[str, Hit]]:
    for key in card_keys():
        card = load_card(key)
        yield (
            f"{key} {card.title} {card.population} card",
            Hit(
                f"{_ROOM}/card/{key}",
                f"Card {key}",
                f"{card.title}; {words.counted(len(card.entries), 'parameter')}",
            ),
        )
        if key.endswith(_PRIOR):
            continue
        for one in card.entries.values():
            unit = "" if one.unit in ("-", "fraction", "ratio") else f" {words.unit(one.unit)}"
            told = f"{one.symbol} = {number(one.value)}{unit}; card {key}"
            yield (
                f"{one.symbol} {one.meaning} {key} {source_name(one.source)} {one.source}",
                Hit(
                    f"{_ROOM}/parameter/{key}/{one.symbol}",
                    words.capital(one.meaning or one.symbol),
                    told,
                    one.grade,
                ),
            )


def _questions() -> Iterable[tuple[str, Hit]]:
    for one in conflicts():
        sides = " ".join(f"{side.answer} {side.statement}" for side in one.sides)
        cited = " ".join(map(source_name, one.sources))
        told = f"{one.topic}; {words.counted(len(one.sides), 'finding')} that disagree"
        yield (
            f"{one.name} {one.topic} {one.question} {sides} {cited} {one.ketasim}",
            Hit(f"{_ROOM}/question/{one.name}", one.question, told),
        )


def _sources() -> Iterable[tuple[str, Hit]]:
    for key, one in load_sources().items():
        if one.document != key:
            continue  # another name of the same document
        reference = one.reference()
        yield (
            f"{key} {one.display} {one.citation} {one.kind}",
            Hit(f"{_ROOM}/source/{key}", one.display or key, reference.details or one.kind),
        )
