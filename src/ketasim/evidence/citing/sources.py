"""The bibliography: who said it, where, and what about that could not be confirmed."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final

from ketasim._base import InputError, near
from ketasim.evidence.citing.authors import read_authors
from ketasim.evidence.citing.names import (
    SourceName,
    load_source_names,
    mirror_of,
    paper_name,
    tell_apart,
)

FILES: Final = ("sources", "sources_added")
"""The files of the bibliography: as compiled, and as added since."""

# what a field says when it was not read in the source itself
_UNCONFIRMED: Final = re.compile(
    r"not (?:shown|seen|in seen text|stated|fully visible)|brief\)|per task|per style"
    r"|secondary source|as in URL|unconfirmed",
    re.IGNORECASE,
)
_OTHERS: Final = re.compile(r"[;,]?\s*\b(?:other authors|others) not shown[^;)]*", re.IGNORECASE)
_PARENTHESIS: Final = re.compile(r"\s*\([^()]*\)")
# what the compiler of the bibliography said of a field
_ASIDE: Final = re.compile(r"\s*\((?:per DOI|publisher note|reprinted|flagged)[^()]*\)")
# notes that speak of the fields as a whole; the others tell why a field is blank
_NOTE_ON_ALL: Final = re.compile(r"authors \(and|not seen")
# what describes a place in a paper and is not its title
_DESCRIBED: Final = re.compile(r"Article (?:whose|with)|Review table|Table \d")
# a word that may be a key, not a part of an address or an id
_WORD: Final = re.compile(r"(?<![\w/.:-])[A-Za-z][\w-]*(?![\w/]|:\w|\.\w)")
# of these a reference gives authors, title and journal
_PAPERS: Final = ("article", "review", "thesis", "guideline")
_READ_VIA: Final = "Read via"
_FIRST_URL: Final = re.compile(r"https?://[^\s;]+")


@dataclass(frozen=True)
class Source:
    """One entry of the bibliography, fields as written.

    **Arguments:**

    - `key`: what every `source` column points at.
    - `authors`, `year`, `title`, `venue`, `doi`, `pmid_or_pmcid`, `nct`, `url`: as written.
    - `kind`: article, review, label, guideline, registry, repo, thesis …
    - `metadata_note`: which fields could not be confirmed.
    - `name`: as people cite it; empty where it follows from authors and year alone.
    - `via`: what it was read on, empty for the publisher's own page.
    - `same_as`: key of another source that is the same document, empty for none.
    - `primary`: the entry of the same document that knows most of it, nothing for that entry.
    """

    key: str
    authors: str
    year: str
    title: str
    venue: str
    doi: str
    pmid_or_pmcid: str
    nct: str
    url: str
    kind: str
    metadata_note: str
    name: str = ""
    via: str = ""
    same_as: str = ""
    primary: Source | None = None

    @property
    def display(self) -> str:
        """Name for a table, such as "Murrough et al., 2013", empty when none can be told.

        Sources of the loaded bibliography that are the same document have the same name, others
        have different ones.
        """
        if self.name:
            return self.name
        return self.authors_year

    @property
    def authors_year(self) -> str:
        """Authors and year of a paper, such as "Murrough et al., 2013", whatever its name is."""
        known = self.confirmed()
        return paper_name(self.kind, known.get("authors", ""), known.get("year", ""))

    @property
    def document(self) -> str:
        """Key of the document: that of the entry which knows most of it."""
        return self.primary.key if self.primary else self.key

    def reference(self) -> Reference:
        """Return the source as a list of references has it."""
        return _reference(self)

    @property
    def citation(self) -> str:
        """The whole reference in one line, what it was read on last."""
        return str(self.reference())

    def confirmed(self) -> dict[str, str]:
        """Return the fields that may be printed in a citation.

        A field is left out when `metadata_note` marks all, when its own text says that it was not
        seen, or when it is a placeholder; the note that marks authors also marks title, year and
        venue, because it does not say which of them were seen.

        **Returns:** some of `authors`, `year`, `title`, `venue`, `doi`, `pmid`, `pmcid`, `nct`,
        `url`.
        """
        fields = {
            "authors": self._authors(),
            "year": self.year if re.fullmatch(r"(?:19|20)\d\d", self.year) else "",
            "title": _seen(self.title),
            "venue": _seen(self.venue),
        }
        if not self.details_confirmed:
            fields = dict.fromkeys(fields, "")
        pmid = re.search(r"(?<![\dA-Z])\d{5,9}\b", self.pmid_or_pmcid)
        pmcid = re.search(r"PMC\d+", self.pmid_or_pmcid)
        url = _FIRST_URL.search(self.url)
        nct = re.search(r"NCT\d{8}", self.nct)
        fields |= {
            "doi": self.doi if self.doi.startswith("10.") else "",
            "pmid": pmid[0] if pmid else "",
            "pmcid": pmcid[0] if pmcid else "",
            "nct": nct[0] if nct else "",
            # an address cut short leads nowhere
            "url": url[0] if url and not url[0].endswith(("...", "…")) else "",
        }
        return {name: text for name, text in fields.items() if text}

    @property
    def details_confirmed(self) -> bool:
        """Whether the fields were read in the source, but for those left blank."""
        return not _NOTE_ON_ALL.match(self.metadata_note)

    def link(self) -> str:
        """Return the best address of the source, empty when none is known."""
        if self.primary and self.primary.link():
            return self.primary.link()
        known = self.confirmed()
        if "doi" in known:
            return f"https://doi.org/{known['doi']}"
        if "pmcid" in known:
            return f"https://pmc.ncbi.nlm.nih.gov/articles/{known['pmcid']}"
        if "pmid" in known:
            return f"https://pubmed.ncbi.nlm.nih.gov/{known['pmid']}"
        return known.get("url", "")

    def to_dict(self) -> dict[str, Any]:
        """Return the name and the fields as written, without blank ones."""
        fields = asdict(replace(self, name="", same_as="", primary=None))
        fields = {"key": self.key, "display": self.display, **fields}
        return {name: text for name, text in fields.items() if text}

    def _authors(self) -> str:
        # names in parentheses alone were taken from elsewhere, not from the source; a profile
        # page names its owner, who need not be the first author
        if self.authors.startswith("(") or "profile page" in self.authors:
            return ""
        text, others = _OTHERS.subn("", self.authors)
        if _seen(text) == "":
            return ""
        text = _PARENTHESIS.sub("", text).strip(" ;,.")
        if others and not re.search(r"\bet al$", text):
            text += " et al"
        return text


def _seen(text: str) -> str:
    text = _ASIDE.sub("", text).strip()
    return "" if text in ("", "-") or _UNCONFIRMED.search(text) else text


@dataclass(frozen=True)
class Reference:
    """A source as a list of references has it.

    **Arguments:**

    - `name`: as tables have it. `details`: authors, year, title and journal of a paper.
    - `identifier`: its DOI, PMCID, PMID or address. `link`: the address of that.
    - `note`: what could not be confirmed, and what it was read on.
    - `mirrored`: whether the identifier is the address of what it was read on.
    """

    name: str
    details: str
    identifier: str
    link: str
    note: str
    mirrored: bool = False

    def __str__(self) -> str:
        """Return it in one line."""
        text = self.details or self.name
        shown = "" if self.identifier in text else self.identifier
        if shown and self.mirrored:
            return f"{text}. {self.note}: {shown}"
        return ". ".join(filter(None, (text, shown, self.note)))


def read_sources(text: str, names: Mapping[str, SourceName] | None = None) -> tuple[Source, ...]:
    """Read a bibliography from CSV text with the columns of `Source`.

    **Arguments:**

    - `names`: names by key, for what is no paper with authors and year.
    """
    rows = csv.DictReader(io.StringIO(text, newline=""))
    fields: list[dict[str, Any]] = [
        {name: row.get(name) or "" for name in _COLUMNS} for row in rows
    ]
    entries = [Source(**one) for one in fields]
    return tuple(_named(entry, (names or {}).get(entry.key, SourceName())) for entry in entries)


# what is told by the table of names, not by the bibliography
_NAMED: Final = ("name", "via", "same_as", "primary")
_COLUMNS: Final = tuple(name for name in Source.__dataclass_fields__ if name not in _NAMED)


def _named(entry: Source, name: SourceName) -> Source:
    via = name.via or mirror_of(entry.confirmed().get("url", ""))
    via = "" if via == "-" else via
    return replace(entry, name=name.name, via=via, same_as=name.same_as)


@cache
def load_sources() -> Mapping[str, Source]:
    """Return the whole bibliography by key, as compiled first, then as added."""
    folder = resources.files("ketasim.evidence").joinpath("data")
    names = load_source_names()
    found: dict[str, Source] = {}
    for file in FILES:
        text = folder.joinpath(f"{file}.csv").read_bytes().decode("utf-8")
        for entry in read_sources(text, names):
            found.setdefault(entry.key, entry)
    return MappingProxyType(joined(found))


def joined(entries: Mapping[str, Source]) -> dict[str, Source]:
    """Give the entries of one document one name, and different documents different ones.

    **Arguments:**

    - `entries`: by key. Those that share a DOI, PMID or PMCID are one document, and those whose
      `same_as` says so.

    **Returns:** the entries by key; an entry keeps a name of its own.
    """
    primary = _primaries(entries)
    heads = {key: entries[key] for key in dict.fromkeys(primary.values())}
    own = {key: entry.name for key, entry in entries.items()}
    for key, head in primary.items():
        # a name given to any entry of a document is that of the document
        own[head] = own[head] or own[key]
    # a name given by hand stays as it is
    told = tell_apart(
        {key: entry.display for key, entry in heads.items() if not own[key] and entry.display},
        {key: entry.confirmed().get("venue", "") for key, entry in heads.items()},
    )
    heads = {key: replace(entry, name=told.get(key, own[key])) for key, entry in heads.items()}
    found: dict[str, Source] = {}
    for key, entry in entries.items():
        head = heads[primary[key]]
        found[key] = (
            head if key == head.key else replace(entry, name=entry.name or head.name, primary=head)
        )
    return found


def _primaries(entries: Mapping[str, Source]) -> dict[str, str]:
    """Key of the entry that knows most of its document, by key."""
    group = {key: key for key in entries}

    def root(key: str) -> str:
        while group[key] != key:
            key = group[key]
        return key

    first: dict[tuple[str, str], str] = {}
    for key, entry in entries.items():
        known = entry.confirmed()
        marks = [(name, known[name].lower()) for name in ("doi", "pmid", "pmcid") if name in known]
        for other in [first.setdefault(mark, key) for mark in marks]:
            group[root(key)] = root(other)
        if entry.same_as in entries:
            group[root(key)] = root(entry.same_as)
    members: dict[str, list[str]] = {}
    for key in entries:
        members.setdefault(root(key), []).append(key)
    chosen: dict[str, str] = {}
    for keys in members.values():
        named = [same for key in keys if (same := entries[key].same_as) in keys]
        best = named[0] if named else max(keys, key=lambda key: _knowledge(entries[key]))
        chosen |= dict.fromkeys(keys, best)
    return chosen


def _knowledge(entry: Source) -> tuple[bool, int]:
    known = entry.confirmed()
    return "authors" in known, len(known)


def source(key: str) -> Source:
    """Return one entry of the bibliography.

    **Raises:** `InputError` with the nearest known key when there is no such entry.
    """
    known = load_sources()
    if key in known:
        return known[key]
    hint = near(key, known)
    # the whole list of keys helps nobody
    remedy = hint if hint.startswith("did you mean") else "see `ketasim evidence list`"
    raise InputError("source", f"unknown source '{key}'", remedy)


def source_name(key: str) -> str:
    """Return a source as people cite it; a key that is not in the bibliography as it stands."""
    known = load_sources()
    return (known[key].display or key) if key in known else key


def source_names(keys: Iterable[str]) -> str:
    """Return several sources as people cite them, each document once, joined by ";"."""
    return "; ".join(dict.fromkeys(source_name(key) for key in keys))


def with_source_names(text: str) -> str:
    """Return a text with the name of a source in place of each key that stands in it.

    Keys that are plain words, and those inside an address, a path or an id, stay.
    """
    return _WORD.sub(lambda word: _name_of(word[0]), text)


def _name_of(word: str) -> str:
    return source_name(word) if any(letter.isdigit() or letter == "_" for letter in word) else word


def cite(keys: Iterable[str]) -> str:
    """Return plain-text references, one line a source, in the order given, each with its key.

    **Raises:** `InputError` when a key is unknown.
    """
    return "\n".join(f"[{key}] {source(key).citation}" for key in dict.fromkeys(keys))


def _reference(entry: Source) -> Reference:
    head = entry.primary or entry
    known = head.confirmed()
    identifier = ""
    if "doi" in known:
        identifier = f"doi:{known['doi']}"
    elif "pmcid" in known or "pmid" in known:
        identifier = known.get("pmcid") or f"PMID {known['pmid']}"
    elif "url" in known:
        identifier = known["url"]
    notes = [] if head.details_confirmed else ["Authors, title and year not confirmed"]
    notes += [f"{_READ_VIA} {entry.via}"] if entry.via else []
    note = ". ".join(notes)
    address = identifier.startswith("http") and bool(entry.via)
    mirrored = address and (mirror_of(identifier) == entry.via or entry.via in identifier)
    return Reference(entry.display, _details(head), identifier, entry.link(), note, mirrored)


def _details(entry: Source) -> str:
    """Authors, year, title and venue of a paper, empty for what its name tells in full."""
    known = entry.confirmed()
    authors = known.get("authors", "")
    title = known.get("title", "")
    people = any(author.initials for author in read_authors(authors)[0])
    paper = people or not known.keys().isdisjoint(("doi", "pmid", "pmcid"))
    told = title and not _DESCRIBED.match(title)
    if not (paper and told and entry.kind.startswith(_PAPERS)):
        return ""
    if authors.endswith(" et al"):
        authors += "."
    parts = [authors, title, known.get("venue", "")]
    if "year" in known:
        # after the authors, or after the first thing that stands in their place
        place = next((index for index, part in enumerate(parts) if part), 0)
        parts[place] = f"{parts[place]} ({known['year']})".strip()
    return ". ".join(part.rstrip(".") for part in parts if part)
