"""BibTeX of sources, without the fields that could not be confirmed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ketasim.__about__ import ADDRESS, AUTHOR, LICENSE, TITLE, YEAR, __version__
from ketasim.evidence.citing.authors import read_authors
from ketasim.evidence.citing.sources import Source, source

OWN: Final = "ketasim"
"""Key of ketasim itself, as cards that it fitted name their source."""

_ESCAPES: Final = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "%": r"\%",
    "&": r"\&",
    "#": r"\#",
    "_": r"\_",
    "$": r"\$",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}
_ISSUE: Final = re.compile(
    r"(?P<journal>\D.*?) (?P<volume>\d+)(?:\((?P<number>[^)]+)\))?:(?P<pages>[A-Za-z]?[\w.-]+)"
)


def bibtex(keys: Iterable[str]) -> str:
    """Return BibTeX entries, one a source, in the order given, each once.

    Fields that could not be confirmed are left out; an entry that lost some says so in its note.

    **Raises:** `InputError` when a key is unknown.
    """
    return "\n".join(
        citation() if key == OWN else bibtex_entry(source(key)) for key in dict.fromkeys(keys)
    )


def cite_result(keys: Iterable[str]) -> str:
    """Return BibTeX of ketasim itself and then of the sources that a result used.

    **Raises:** `InputError` when a key is unknown.
    """
    others = bibtex(key for key in keys if key != OWN)
    return f"{citation()}\n{others}" if others else citation()


def citation() -> str:
    """Return the BibTeX of ketasim itself, in the version that runs, with what is known of it.

    **Returns:** an entry with year, version and, once the project has one, its address.
    """
    fields = {
        "author": "{" + escape(AUTHOR) + "}",
        "title": "{" + escape(TITLE) + "}",
        "year": YEAR,
        "version": __version__,
        # styles of BibTeX do not print the version
        "howpublished": escape(f"Computer program, version {__version__}"),
        "note": escape(f"Licence {LICENSE}"),
        "url": ADDRESS,
    }
    body = "".join(f"  {name} = {{{text}}},\n" for name, text in fields.items() if text)
    return f"@misc{{{OWN},\n{body}}}\n"


def bibtex_entry(entry: Source) -> str:
    """Return the BibTeX of one source."""
    known = entry.confirmed()
    fields: dict[str, str] = {}
    if "authors" in known:
        fields["author"] = _authors(known["authors"])
    if "title" in known:
        # the outer pair keeps the capitals of drug and gene names
        fields["title"] = "{" + escape(known["title"]) + "}"
    kind = "misc"
    venue = known.get("venue", "")
    issue = _ISSUE.fullmatch(venue)
    registered = issue is not None or not known.keys().isdisjoint(("doi", "pmid", "pmcid"))
    if entry.kind.startswith(("article", "review")) and venue and registered:
        kind = "article"
        if issue:
            fields |= {name: escape(text) for name, text in issue.groupdict().items() if text}
        else:
            fields["journal"] = escape(venue)
    elif entry.kind == "thesis" and venue:
        kind = "phdthesis"
        fields["school"] = escape(venue)
    elif venue:
        fields["howpublished"] = escape(venue)
    fields |= {name: known[name] for name in ("year", "pmid", "pmcid") if name in known}
    if "doi" in known:
        fields["doi"] = escape(known["doi"])
    if "url" in known:
        # read verbatim by the url packages: only braces would break the entry
        fields["url"] = known["url"].replace("{", "%7B").replace("}", "%7D")
    notes = [known["nct"]] if "nct" in known else []
    if "retracted" in entry.kind:
        notes.append("retracted")
    if entry.metadata_note or not {"authors", "title"} <= known.keys():
        notes.append("fields that could not be confirmed are left out")
    if notes:
        fields["note"] = "; ".join(notes)
    body = "".join(f"  {name} = {{{text}}},\n" for name, text in fields.items())
    return f"@{kind}{{{entry.key},\n{body}}}\n"


def _authors(text: str) -> str:
    authors, more = read_authors(text)
    names: list[str] = []
    for author in authors:
        if author.initials:
            initials = " ".join(f"{letter}." for letter in author.initials.replace("-", ""))
            rank = f" {author.rank}," if author.rank else ""
            names.append(f"{escape(author.last)},{rank} {initials}")
        else:
            # an organisation among the people is kept whole
            names.append("{" + escape(author.last) + "}")
    # BibTeX allows "others" only at the end, wherever "et al." stood
    return " and ".join([*names, "others"] if more else names)


def escape(text: str) -> str:
    """Return a text with the characters that mean something to TeX escaped."""
    return "".join(_ESCAPES.get(letter, letter) for letter in " ".join(text.split()))
