"""Words of a user matched to known terms: whole words, the longest first, nothing twice."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

_ALIKE: Final = 0.8  # how much of two words agrees when one may be a slip of the other
_SHORT: Final = 5  # letters; a shorter word is too much like others
_START: Final = r"(?<!\w)(?<![^x]-)"  # not within a word, nor behind a hyphen but that of ex-
# a word ends here: not within another, nor before a hyphen, but for what may follow a name
_BEHIND: Final = (
    "free|induced|related|associated|dependent|naive|naïve|boosted|"
    "xr|xl|sr|er|cr|la|mr|retard|depot"
)
_END: Final = rf"(?!\w|-(?!(?:{_BEHIND})\b))"


@dataclass(frozen=True)
class Reading:
    """Known terms in a text.

    **Arguments:**

    - `found`: term as known to its place in the text, start and end.
    - `rest`: the text without them.
    """

    found: tuple[tuple[str, int, int], ...]
    rest: str


def plain(text: str) -> str:
    """The text in small letters, with single spaces and straight quotes and hyphens."""
    straight = text.lower().replace("\u2019", "'").replace("\u2018", "'")
    return " ".join(re.sub("[\u2010-\u2015]", "-", straight).split())


def read_terms(text: str, terms: Iterable[str]) -> Reading:
    """Find terms in a text, as words of their own, in singular or plural.

    **Arguments:**

    - `text`: as `plain` returns it.
    - `terms`: known, in small letters.

    **Returns:** no two overlap; where they would, the longest stands.
    """
    taken = [False] * len(text)
    found: list[tuple[str, int, int]] = []
    for term in sorted(terms, key=len, reverse=True):
        if term not in text:
            continue
        for match in re.finditer(rf"{_START}{re.escape(term)}(?:s|es)?{_END}", text):
            start, end = match.span()
            if not any(taken[start:end]):
                taken[start:end] = [True] * (end - start)
                found.append((term, start, end))
    rest = "".join(" " if used else letter for letter, used in zip(text, taken, strict=True))
    return Reading(tuple(sorted(found, key=lambda f: f[1])), rest)


def replaced(text: str, found: Iterable[tuple[str, int, int]], names: Mapping[str, str]) -> str:
    """The text with each term replaced by the name it stands for."""
    parts: list[str] = []
    place = 0
    for term, start, end in found:
        parts += [text[place:start], names[term]]
        place = end
    return "".join((*parts, text[place:]))


def slip_of(text: str, terms: Iterable[str]) -> str:
    """The known term that a text or a word of it may be a slip of, else nothing."""
    known = [term for term in terms if len(term) >= _SHORT]
    words = [word for word in re.findall(r"[a-z][a-z'-]+", text) if len(word) >= _SHORT]
    for candidate in (text, *words):
        near = difflib.get_close_matches(candidate, known, n=1, cutoff=_ALIKE)
        if near:
            return near[0]
    return ""
