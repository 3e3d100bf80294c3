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
# before a denying word: it denies the denial
_NOT_DENIED: Final = re.compile(
    r"(?:n't|\bnot|\bnever|\bcannot|\bhardly|\bwithout) (?:been |be |in fact |ever |really )?$"
)
# before a relative who is compared with, or who tells of the patient
_BESIDE: Final = re.compile(
    r"\b(?:unlike|like|as has|as did|as does|as had|in contrast to|compared (?:with|to)|same as|"
    r"similar to|according to|as per|per|informed by|told by|reported by|brought (?:in )?by|"
    r"(?:cared for|found|looked after|supported|helped|raised|adopted|visited) by|"
    r"accompanied by|collateral(?: history)? (?:from|of)|(?:history|information|story) from|"
    r"laut) (?:(?:his|her|their|the|my|a|an|own|older|younger|elder|late|patient's|"
    r"pt's) )*$"
)
_TELLS: Final = re.compile(
    r" (?:also |now )*(?:(?:has |had )?(?:reports?|reported|says|said|states?|stated|noted|notices|"
    r"noticed|thinks|believes?|confirms?|confirmed|tells|told|describes?|described|fears|worries|"
    r"mentions|mentioned|adds|cares|cared|looks after|looked after)|(?:found|finds|saw|helps|"
    r"helped|drives|drove|supports|visits|accompanies) (?:him|her|them|the patient|patient|pt))\b"
    r"(?! to\b| with\b| as\b)"
)
# before a word of stopping: it was not done, or is only wanted, asked for or supposed
_UNDONE: Final = re.compile(
    r"(?:n't|\b(?:not|never|cannot|unable|fail\w*|try|trying|tries|tried to|want\w*|wish\w*|would|"
    r"like|hop(?:es?|ed|ing)|plan\w*|intend\w*|advised?|told|asked|refus\w*|declin\w*|reluctant|"
    r"unwilling|willing|hesitant|afraid|scared|struggl\w*|attempt\w*|agree\w*|encouraged|needs?|"
    r"should|must|will|if|when|whenever|unless|before|wird|soll|sollte|muss|kann|nicht))"
    r"(?:[ \0]+(?:able|to|be|been|being|have|has|had|he|she|they|pt|patient|yet|really|fully|was|"
    r"completely|totally|ever|werden|the|his|her))*[ \0]+$"
)
_RARELY: Final = re.compile(
    r"\b(?:hardly|rarely|seldom|scarcely|never|not|kaum|nie)(?: (?:ever|been|completely|fully|"
    r"entirely|really|quite|totally|be|yet))* $"
)
_NEAR: Final = 200  # letters within which words beside a trigger are looked at
_WHO: Final = re.compile(r"^,? (?:who|whose|with)\b")
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
        if _turned(rest, match, roles):
            roles = (Role("pseudo", "", ""),)
        marks.append(Mark(*match.span(), "trigger", match[0], roles, touches=touches))
        hidden[match.start() : match.end()] = "\0" * (match.end() - match.start())
    rest = "".join(hidden)
    for match in _SPLIT.finditer(rest):
        kind = {",": "comma", ":": "colon", "-": "dash", " - ": "dash"}.get(match[0], "hard")
        marks.append(Mark(*match.span(), kind, match[0]))
    for match in _WORD.finditer(rest):
        marks.append(Mark(*match.span(), "word", match[0]))
    return sorted(marks, key=lambda mark: mark.start)


def _turned(text: str, match: re.Match[str], roles: Sequence[Role]) -> bool:
    """Whether words beside a trigger make it none: a denial denied, a relative who only tells."""
    before = text[max(match.start() - _NEAR, 0) : match.start()]
    behind = text[match.end() : match.end() + _NEAR]
    if match[0] == "without":
        # cannot sleep without it
        return bool(_CANNOT.search(before) or _RARELY.search(before))
    if match[0] in ("free of", "-free", "free from"):
        return bool(_RARELY.search(before))
    if any(role.kind == "stopped" for role in roles) and _UNDONE.search(before):
        return True
    if match[0].startswith(("deny", "denie")):
        return bool(_NOT_DENIED.search(before))
    if any(role.kind == "family" and role.scope == "list" for role in roles):
        beside = bool(_BESIDE.search(before)) and not _WHO.search(behind)
        return beside or bool(_TELLS.match(behind))
    return False
