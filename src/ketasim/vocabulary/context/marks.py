"""The pieces of an entry: findings, triggers, what separates them, and other words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from ketasim.evidence import facts

TRIGGERS: Final = "vocabulary/triggers"
"""Words that say whether a finding is there, by kind, direction and scope."""

_CANNOT: Final = re.compile(r"\b(?:can't|cannot|can not|unable|won't|not|never)\b[^.;]*$")
_WORD: Final = re.compile(r"[^\W_][\w'%-]*(?:\.\d+)?%?")
# a full stop, not that of an abbreviation
_SPLIT: Final = re.compile(
    r"[;\n()\[\]]|(?<![\s(.][a-z])(?<!\bst)(?<!\bdr)(?<!poss)(?<!prob)(?<!susp)(?<!incl)(?<!hist)"
    r"(?<!approx)(?<!\bret)(?<!\bvs)\.(?=\s|$)|,(?!\d)| - |-(?= )|:"
)


@dataclass(frozen=True)
class Role:
    """What a trigger does; columns of the table."""

    kind: str
    direction: str
    scope: str


@dataclass(frozen=True)
class Mark:
    """A piece of the text: a finding, a trigger, what separates, or a word."""

    start: int
    end: int
    kind: str  # finding, trigger, hard, comma, dash, colon, word
    text: str
    roles: tuple[Role, ...] = ()
    finding: int = -1
    touches: bool = False  # a question mark right behind a finding

    def role(self, kind: str, *directions: str) -> Role | None:
        """What the trigger does of a kind, in one of some directions; else nothing."""
        for one in self.roles:
            if one.kind == kind and (not directions or one.direction in directions):
                return one
        return None

    def is_a(self, *kinds: str) -> bool:
        """Whether the trigger is of one of some kinds."""
        return any(one.kind in kinds for one in self.roles)

    @property
    def ends_all(self) -> bool:
        """Whether every scope ends here."""
        return Role("terminator", "", "all") in self.roles


@cache
def _triggers(about: str) -> tuple[dict[str, tuple[Role, ...]], re.Pattern[str]]:
    found: dict[str, tuple[Role, ...]] = {}
    for row in facts(TRIGGERS):
        if row.get("about") in ("", about):
            role = Role(row.get("kind"), row.get("direction"), row.get("scope"))
            for words in row.listed("words"):
                if role not in found.get(words, ()):
                    found[words] = (*found.get(words, ()), role)
    longest = sorted(found, key=len, reverse=True)
    parts = [
        rf"(?<![\w-]){re.escape(w)}(?![\w-])"
        if w[0].isalnum() and w[-1].isalnum()
        else re.escape(w)
        for w in longest
    ]
    return found, re.compile("|".join(parts))


def marks_of(text: str, spans: Sequence[tuple[int, int]], about: str) -> list[Mark]:
    """Take a text apart.

    **Arguments:**

    - `text`: as `plain` returns it. `spans`: start and end of each finding, in order.
    - `about`: `history` or `medicine`, for triggers that speak of one of them.

    **Returns:** the pieces in order; what is none of them, such as blanks, is left out.
    """
    known, pattern = _triggers(about)
    hidden = list(text)
    for start, end in spans:
        hidden[start:end] = "\0" * (end - start)
    rest = "".join(hidden)
    marks = [Mark(a, b, "finding", text[a:b], finding=n) for n, (a, b) in enumerate(spans)]
    for match in pattern.finditer(rest):
        touches = match[0] == "?" and any(end == match.start() for _, end in spans)
        roles = known[match[0]]
        if match[0] == "without" and _CANNOT.search(rest[: match.start()]):
            roles = (Role("pseudo", "", ""),)  # cannot sleep without it
        marks.append(Mark(*match.span(), "trigger", match[0], roles, touches=touches))
        hidden[match.start() : match.end()] = "\0" * (match.end() - match.start())
    rest = "".join(hidden)
    for match in _SPLIT.finditer(rest):
        kind = {",": "comma", ":": "colon", "-": "dash", " - ": "dash"}.get(match[0], "hard")
        marks.append(Mark(*match.span(), kind, match[0]))
    for match in _WORD.finditer(rest):
        marks.append(Mark(*match.span(), "word", match[0]))
    return sorted(marks, key=lambda mark: mark.start)
