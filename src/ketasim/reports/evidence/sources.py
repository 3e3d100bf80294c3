"""A source, and a row of a table, for a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ketasim._base import InputError, near, words
from ketasim.evidence import FactView, SourceView, load_sources, show
from ketasim.evidence.study_files import study_heads

_AWAY: Final = ("source",)  # cells that a row says elsewhere


@dataclass(frozen=True)
class RowView:
    """A row of a table in words: name and text of its cells, its grade and why."""

    view: FactView
    cells: tuple[tuple[str, str], ...]
    short: str


@dataclass(frozen=True)
class SourcePage:
    """A source.

    **Arguments:**

    - `view`: everything known of it. `also`: other keys of the same document.
    - `tables`: name of a table and the rows taken from the source.
    - `trials`: key and title of trials that ship and rest on it.
    """

    view: SourceView
    also: tuple[str, ...]
    tables: tuple[tuple[str, tuple[RowView, ...]], ...]
    trials: tuple[tuple[str, str], ...]


def source_page(key: str) -> SourcePage:
    """Everything known of a source and of the document that it is.

    **Arguments:**

    - `key`: of the bibliography.

    **Raises:** `InputError` when there is none.
    """
    known = load_sources()
    if key not in known:
        raise InputError("source", f"there is no source '{key}'", near(key, known))
    document = known[key].document
    same = tuple(one for one, entry in known.items() if entry.document == document)
    views = [one for name in same for one in show(name) if isinstance(one, SourceView)]
    view = next(one for one in views if one.source.key == document)
    tables: dict[str, list[RowView]] = {}
    for one in views:
        for fact in one.facts:
            tables.setdefault(fact.fact.table, []).append(_row(fact))
    cards = dict.fromkeys(name for one in views for name in one.cards)
    return SourcePage(
        view=SourceView(
            view.source, view.citation, view.bibtex, view.link, view.facts, tuple(cards)
        ),
        also=tuple(one for one in same if one != document),
        tables=tuple((name, tuple(rows)) for name, rows in tables.items()),
        trials=tuple(
            (name, head.title or name)
            for name, head in study_heads().items()
            if head.source in same
        ),
    )


def row_view(row: str) -> RowView:
    """A row of a table.

    **Arguments:**

    - `row`: its id, such as `pk/observed:17`.

    **Raises:** `InputError` when there is none.
    """
    if ":" not in row:
        raise InputError("row", f"'{row}' is not the id of a row", "write one as pk/observed:17")
    (found,) = show(row)
    assert isinstance(found, FactView)
    return _row(found)


def _row(view: FactView) -> RowView:
    cells = tuple(
        (words.capital(name.replace("_", " ")), text)
        for name, text in view.fact.cells.items()
        if text and name not in _AWAY
    )
    return RowView(view, cells, "; ".join(f"{name}: {text}" for name, text in cells))
