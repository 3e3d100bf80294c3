"""Authors as written, taken apart: the people and bodies behind a source."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_PERSON: Final = re.compile(
    r"(?P<last>.+?) (?P<initials>[A-Z](?:-?[A-Z]){0,3})(?: (?P<rank>Jr|Sr|I{2,3}))?"
)


@dataclass(frozen=True)
class Author:
    """One author: a person with initials, or a body, kept whole.

    **Arguments:**

    - `last`: family name, or the whole name of a body. `initials`, `rank`: empty for a body.
    """

    last: str
    initials: str = ""
    rank: str = ""


def read_authors(text: str) -> tuple[tuple[Author, ...], bool]:
    """Take a list of authors apart.

    **Arguments:**

    - `text`: names joined by `;`, or by `,` where there is no `;`, with or without "et al.".

    **Returns:** the authors in order, and whether there are more of them.
    """
    names = re.split(r"\s*;\s*" if ";" in text else r"\s*,\s*", text)
    found: list[Author] = []
    more = 0
    for name in names:
        stem, others = re.subn(r"\s*\bet al\.?$", "", name.strip().rstrip("."))
        more += others
        match = _PERSON.fullmatch(stem)
        if match:
            found.append(Author(match["last"], match["initials"], match["rank"] or ""))
        elif stem:
            found.append(Author(stem))
    if ";" not in text and not any(author.initials for author in found):
        # a body's own name may hold commas
        found = [Author(re.sub(r"\s*\bet al\.?$", "", text.strip()))]
    return tuple(found), bool(more)


def short_authors(text: str) -> str:
    """Return authors as a table cites them: "Doe", "Doe and Roe", "Doe et al."; empty for none."""
    found, more = read_authors(text) if text else ((), False)
    if not found:
        return ""
    if more or len(found) > 2:
        return f"{found[0].last} et al."
    return " and ".join(author.last for author in found)
