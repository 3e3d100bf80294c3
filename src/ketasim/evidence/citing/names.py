"""Names of sources as people cite them: "Murrough et al., 2013", "FDA label of Spravato, 2019".

A paper's name follows from its authors and year. Whatever else is cited (labels, guidelines, web
pages, registries, papers whose authors could not be confirmed) has its name in `source_names.csv`.
The address of a mirror never stands in a name: where a text was read is said last.
"""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final
from urllib.parse import urlsplit

from ketasim.evidence.citing.authors import read_authors, short_authors

LONGEST: Final = 90
"""The most characters of a name: it must fit into a cell of a table."""

_NAMES: Final = "source_names"
_MIRRORS: Final = "mirrors"
# the kinds of which authors and year make a name
_PAPERS: Final = ("article", "review", "thesis")
_SUFFIXES: Final = "abcdefghijklmnopqrstuvwxyz"
_HOST: Final = re.compile(r"(?:https?:|www\.)|[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}\b", re.IGNORECASE)
_VOLUME: Final = re.compile(r"[\s;,]+(?:\(|\d|CD\d|10\.).*")


@dataclass(frozen=True)
class SourceName:
    """One row of the table of names.

    **Arguments:**

    - `name`: as a table shows the source, empty where it follows from authors and year.
    - `via`: what it was read on, `-` where the address is the publisher's own.
    - `same_as`: key of the source that is the same document, empty for none.
    """

    name: str = ""
    via: str = ""
    same_as: str = ""


def read_source_names(text: str) -> Mapping[str, SourceName]:
    """Read names from CSV text with the columns `key`, `name`, `via`, `same_as`."""
    rows = csv.DictReader(io.StringIO(text, newline=""))
    return {row["key"]: SourceName(row["name"], row["via"], row["same_as"]) for row in rows}


@cache
def load_source_names() -> Mapping[str, SourceName]:
    """Return the package's table of names, by key."""
    return read_source_names(_text(_NAMES))


@cache
def mirrors() -> Mapping[str, str]:
    """Return hosts that show what others published, with what is said of them."""
    rows = csv.DictReader(io.StringIO(_text(_MIRRORS), newline=""))
    return {row["host"]: row["name"] or row["host"] for row in rows}


def mirror_of(address: str) -> str:
    """Return the mirror that an address leads to, in words, empty when it is none."""
    parts = urlsplit(address)
    for host in (parts.netloc, parts.hostname or ""):
        known = mirrors().get(host.removeprefix("www."))
        if known:
            return known
    return ""


def paper_name(kind: str, authors: str, year: str) -> str:
    """Name a paper by its authors and year, as confirmed.

    **Returns:** such as "Coyle and Laws, 2015", empty when one of the two is not known, when the
    source is no paper, or when a body alone stands for its authors.
    """
    if not (kind.startswith(_PAPERS) and authors and year):
        return ""
    found, more = read_authors(authors)
    if len(found) == 1 and not (found[0].initials or more):
        return ""
    mark = " (retracted)" if "retracted" in kind else ""
    return f"{short_authors(authors)}, {year}{mark}"


def journal(venue: str) -> str:
    """Return the journal of a venue, without volume and pages."""
    return _VOLUME.sub("", venue).strip()


def tell_apart(names: Mapping[str, str], venues: Mapping[str, str]) -> dict[str, str]:
    """Make names of different papers differ: by journal, else by a letter after the year.

    **Arguments:**

    - `names`: of each document, in the order of the bibliography. `venues`: of each.

    **Returns:** the names, each once.
    """
    told = dict(names)
    for group in _alike(names):
        places = {key: journal(venues.get(key, "")) for key in group}
        if all(places.values()) and len({*places.values()}) == len(group):
            told |= {key: f"{names[key]}, {place}" for key, place in places.items()}
            continue
        # letters follow the order of the bibliography, which only grows at its end
        for letter, key in zip(_SUFFIXES, group, strict=False):
            told[key] = re.sub(r"((?:19|20)\d\d)", rf"\g<1>{letter}", names[key], count=1)
    return told


def _alike(names: Mapping[str, str]) -> list[list[str]]:
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for key, name in names.items():
        groups[name].append(key)
    return [group for group in groups.values() if len(group) > 1]


def name_fault(name: str, keys: Iterable[str]) -> str:
    """Tell what is wrong with a name, empty when nothing is.

    **Arguments:**

    - `keys`: of the bibliography; none of them may stand in a name.
    """
    if not name:
        return "no name to cite it by; add a row to source_names.csv"
    if len(name) > LONGEST:
        return f"the name '{name}' is longer than {LONGEST} characters"
    if leads_with_host(name):
        return f"the name '{name}' begins with where it was read; say that in 'via'"
    words = set(re.findall(r"[\w-]+", name))
    # keys without a digit or '_' are words or names in their own right
    raw = sorted(key for key in words.intersection(keys) if re.search(r"[\d_]", key))
    return f"the name '{name}' holds the key '{raw[0]}'" if raw else ""


def leads_with_host(name: str) -> bool:
    """Tell whether a name begins with an address, a host or a mirror."""
    first = re.split(r"[,:\s]", name.strip(), maxsplit=1)[0]
    return bool(_HOST.match(first)) or "mirror" in first.lower()


def _text(table: str) -> str:
    file = resources.files("ketasim.evidence").joinpath("data", f"{table}.csv")
    return file.read_bytes().decode("utf-8")
