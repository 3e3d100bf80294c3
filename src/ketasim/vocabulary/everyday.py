"""Words of a history that mean something else in everyday notes: `voices concern`, `ht 172 cm`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from ketasim.evidence import facts
from ketasim.vocabulary.context.marks import marks_of

EVERYDAY: Final = "care/history_everyday"
"""Words with a meaning of their own; words beside them that tell which of the two is meant."""

_SMALL_WORDS: Final = """
a all also an and any are as at be been by does for from had has have he her him his i in is it mr
mrs ms my of on or patient's phx pmh pt she since some still that the their they this to very was
were when which who with x
"""
_SMALL: Final = frozenset(_SMALL_WORDS.split())
_SHORT: Final = 2  # letters; behind so short a word a date is that of a birth, a number a height
_PARTED: Final = re.compile(r"[;,()\[\]\n]|\. ")
_DATE: Final = re.compile(r"\b\d{1,2}[./-]\d{1,2}[./-](?:\d\d){1,2}\b|\0\W*1[3-9]\d\b(?! ?/)")


@dataclass(frozen=True)
class _Word:
    """Words beside a word that make it a finding, and such that make it another thing.

    A strict one is no finding beside words that are neither.
    """

    strict: bool
    beside: re.Pattern[str] | None
    other: re.Pattern[str] | None


def _any(words: Sequence[str]) -> re.Pattern[str] | None:
    alike = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    return re.compile(rf"(?<![\w-])(?:{alike})(?![\w-])") if words else None


@cache
def _words() -> dict[str, _Word]:
    found: dict[str, _Word] = {}
    for row in facts(EVERYDAY):
        for term in row.listed("terms"):
            found[term] = _Word(
                bool(row.get("strict")), _any(row.listed("beside")), _any(row.listed("other"))
            )
    return found


def meant(text: str, found: Sequence[tuple[str, int, int]]) -> tuple[tuple[str, int, int], ...]:
    """Those of some terms that are findings, without the everyday words that mean another thing.

    Such a word is a finding where it stands alone or beside a word that goes with it, such as
    `hears` with `voices`. It is none beside a word that goes with its other meaning, and a strict
    one also beside words of its clause that are not known; then it is left among the words that
    were not read, and so is named.

    **Arguments:**

    - `text`: as `plain` returns it. `found`: term, start and end of each, in order.
    """
    kept: list[tuple[str, int, int]] = []
    for term, start, end in found:
        word = _words().get(term)
        if word is None or _is_finding(text, found, (start, end), word):
            kept.append((term, start, end))
    return tuple(kept)


def _is_finding(
    text: str, found: Sequence[tuple[str, int, int]], span: tuple[int, int], word: _Word
) -> bool:
    start = max((match.end() for match in _PARTED.finditer(text, 0, span[0])), default=0)
    after = _PARTED.search(text, span[1])
    end = after.start() if after else len(text)
    others = "".join((text[start : span[0]], " \0 ", text[span[1] : end]))
    others = re.sub(r"(\d)([a-z])", r"\1 \2", others)
    if word.beside is not None and word.beside.search(others):
        return True
    if word.other is not None and word.other.search(others):
        return False
    if not word.strict:
        return not _DATE.search(others) or len(text[span[0] : span[1]]) > _SHORT
    spans = [(a - start, b - start) for _, a, b in found if start <= a and b <= end]
    marks = marks_of(text[start:end], spans, "history")
    free = [mark.text for mark in marks if mark.kind == "word" and not mark.text[0].isdigit()]
    return all(one in _SMALL for one in free)
