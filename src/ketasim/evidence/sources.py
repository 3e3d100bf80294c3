"""The bibliography: who said it, where, and what about that could not be confirmed."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final

from ketasim._base import InputError, near

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
_FIRST_URL: Final = re.compile(r"https?://[^\s;]+")


@dataclass(frozen=True)
class Source:
    """One entry of the bibliography, fields as written.

    **Arguments:**

    - `key`: what every `source` column points at.
    - `authors`, `year`, `title`, `venue`, `doi`, `pmid_or_pmcid`, `nct`, `url`: as written.
    - `kind`: article, review, label, guideline, registry, repo, thesis …
    - `metadata_note`: which fields could not be confirmed.
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

    def confirmed(self) -> dict[str, str]:
        """Return the fields that may be printed in a citation.

        A field is left out when `metadata_note` marks it, when its own text says that it was not
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
        if self.metadata_note:
            fields = dict.fromkeys(fields, "")
        pmid = re.search(r"(?<![\dC])\d{5,9}\b", self.pmid_or_pmcid)
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

    def link(self) -> str:
        """Return the best address of the source, empty when none is known."""
        known = self.confirmed()
        if "doi" in known:
            return f"https://doi.org/{known['doi']}"
        if "pmcid" in known:
            return f"https://pmc.ncbi.nlm.nih.gov/articles/{known['pmcid']}"
        if "pmid" in known:
            return f"https://pubmed.ncbi.nlm.nih.gov/{known['pmid']}"
        return known.get("url", "")

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as written, without blank ones."""
        return {name: text for name, text in asdict(self).items() if text}

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
    text = text.strip()
    return "" if text in ("", "-") or _UNCONFIRMED.search(text) else text


def read_sources(text: str) -> tuple[Source, ...]:
    """Read a bibliography from CSV text with the columns of `Source`."""
    rows = csv.DictReader(io.StringIO(text, newline=""))
    return tuple(Source(**{name: row.get(name) or "" for name in _COLUMNS}) for row in rows)


_COLUMNS: Final = tuple(Source.__dataclass_fields__)


@cache
def load_sources() -> Mapping[str, Source]:
    """Return the whole bibliography by key, as compiled first, then as added."""
    folder = resources.files("ketasim.evidence").joinpath("data")
    found: dict[str, Source] = {}
    for name in FILES:
        for entry in read_sources(folder.joinpath(f"{name}.csv").read_bytes().decode("utf-8")):
            found.setdefault(entry.key, entry)
    return MappingProxyType(found)


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


def cite(keys: Iterable[str]) -> str:
    """Return plain-text references, one line a source, in the order given.

    **Raises:** `InputError` when a key is unknown.
    """
    return "\n".join(_reference(source(key)) for key in dict.fromkeys(keys))


def _reference(entry: Source) -> str:
    known = entry.confirmed()
    authors = known.get("authors", "")
    if authors.endswith(" et al"):
        authors += "."
    parts = [authors, known.get("title", ""), known.get("venue", "")]
    if "year" in known:
        # after the authors, or after the first thing that stands in their place
        place = next((index for index, part in enumerate(parts) if part), 0)
        parts[place] = f"{parts[place]} ({known['year']})".strip()
    parts = [part.rstrip(".") for part in parts if part]
    if "doi" in known:
        parts.append(f"doi:{known['doi']}")
    elif "pmcid" in known or "pmid" in known:
        parts.append(known.get("pmcid") or f"PMID {known['pmid']}")
    elif "url" in known:
        parts.append(known["url"])
    return f"[{entry.key}] " + ". ".join(parts or ["bibliographic details not confirmed"])
