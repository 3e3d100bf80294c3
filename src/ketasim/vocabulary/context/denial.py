"""What is said of one finding, and what takes a denial of it back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ketasim.vocabulary.context.marks import Mark

PRESENCES: Final = ("present", "uncertain", "stopped", "family", "absent")
"""What can be said of a finding: `uncertain` counts as present, `stopped` is of medicines."""

DENIALS: Final = ("negated", "stopped")
"""Kinds of triggers that take a finding away."""

# a denial of some time only: what was before it is not denied
SINCE: Final = re.compile(
    r"^\W*(?:\w+ ){0,2}?(?:since|seit|after|any ?more|any longer|"
    r"for (?:the )?(?:last |past )?(?:\d|a |one|two|three|four|five|six|several|many|some|over)|"
    r"(?:in|within|over) (?:the )?(?:last|past) )"
)
"""Text behind a denial that limits it to a time."""

# a denial of some days or under a condition only
ONLY_THEN: Final = re.compile(
    r"\b(?:sessions?|infusions?|treatments?|procedures?|dosing|each|every|before|prior to|unless|"
    r"except|when|if|while|until|today|tonight|this (?:morning|evening|week)|morning|weekends?|"
    r"alone|on days?|the days?|day of)\b"
)
"""Text behind a denial that limits it to some days, or puts it under a condition."""

WHEN: Final = (
    r"\b(?:\d{1,4}|ago|years?|yrs?|y|months?|mo|weeks?|wks?|days?|hours?|h|"
    r"yesterday|today|recently|last|past|this|since|in|on|at|the|a|an|one|two|three|four|five|six|"
    r"seven|eight|nine|ten|early|late|mid|about|approx|approximately|around|age|aged|over|more|"
    r"x ?\d+|than|nearly|almost|just|previously|before|of|few|couple|several|monday|tuesday|"
    r"wednesday|thursday|friday|saturday|sunday|jan\w*|feb\w*|mar\w*|apr\w*|may|june?|july?|aug\w*|"
    r"sep\w*|oct\w*|nov\w*|dec\w*|spring|summer|autumn|winter|christmas|vor|seit|tag\w*|woche\w*|"
    r"monat\w*|jahr\w*)\b"
)
"""A word of a time; each is whole, so that a long text is read in one pass."""

ONLY_WHEN: Final = re.compile(rf"^\W*(?:{WHEN}\W*)*$")
"""Text that is a time and nothing else."""

_RESTART: Final = re.compile(
    r"\b(?:now (?:on )?\d|(?:increased|reduced|raised|lowered) to|"
    r"re-?start\w*|resum\w*|back on|(?<!never )again|re-?introduc\w*|recommenc\w*)"
)
BUT: Final = ("but", "however", "though", "although", "nevertheless", "yet")
"""Words that may take back what was said before them."""

# sources that disagree on whether it was stopped
_STILL: Final = re.compile(
    r"\b(?:still|continues to|keeps) (?:being )?(?:tak\w*|us\w*|on|collect\w*|order\w*|dispens\w*|"
    r"prescrib\w*|buy\w*|refill\w*)"
    r"(?= (?:it|them|this|some|daily|monthly|weekly|regularly)\b|$|[,;.])|"
    r"\b(?:refills?|refilled|dispensed|pdmp)\b"
)
# what is denied of a disease that is there: that it is treated, controlled or gone
_OF_TREATMENT: Final = re.compile(
    r"\b(?:treated|controlled|medicated|managed|operated|repaired|clipped|coiled|resolved|settl\w+|"
    r"improv\w+|remitted|better|healed|cured|missed|overlooked|followed|addressed|stable|"
    r"under control|at target|at goal|optimi[sz]ed|behandelt|eingestellt|operiert)\b"
)
# free of it under a treatment, which is no denial; not what an examination shows
UNDER: Final = re.compile(
    r"^\W*(?:symptoms? |episodes? |attacks? )?(?:on|under|unter) "
    r"(?!\w*(?:scopy|gram|graphy|scan|test|tests)\b|(?:last|latest|recent|prior|previous)\b|mse|pet\b|"
    r"assess|auscult|neuro|palpation|inspection|abpm|holter|bloods?\b|labs|mental|mri|mra|ct|cta|"
    r"imaging|echo|ecg|ekg|eeg|exam|review|screening|testing|questioning|direct|angiogra|ultrasound|x-ray|file|"
    r"record|the|both|admission|history|asking|enquiry|inquiry|repeat|follow|\d)"
)
TODAY: Final = re.compile(r"^\W*(?:today|tonight|heute|this (?:morning|week|evening))\b")
"""Text behind a denial that says nothing of yesterday."""

EXCEPT: Final = (
    "except", "except for", "excepting", "apart from", "aside from", "other than", "besides",
    "save for",
)  # fmt: skip
"""Words for what a denial does not hold of."""

_TEST: Final = re.compile(
    r"^ (?:pregnancy )?(?:tests?|testing|scans?|screen|screening|screened|checks?|imaging|work-?up|"
    r"assessment|review|clinic|follow-?up|advice|service|team)\b"
)
_STRONG: Final = re.compile(r"\bden|family|\bfh|allerg|intoleran")


@dataclass(frozen=True)
class Assertion:
    """What is said of one finding.

    **Arguments:**

    - `presence`: one of `PRESENCES`.
    - `word`: the words that say so; empty for what is simply there.
    - `past`: the words put it in the past, or deny it since some time only.
    """

    presence: str
    word: str = ""
    past: bool = False

    @property
    def counted(self) -> bool:
        """Whether it is to be taken as there."""
        return self.presence in ("present", "uncertain")


def limited_denial(rest: str, word: str, status: str) -> Assertion:
    """A denial, unless what follows says that it is one of some time or some days only."""
    if SINCE.search(rest):
        return Assertion("stopped" if status == "stopped" else "since", word, past=True)
    if status == "stopped" and ONLY_WHEN.search(rest):
        return Assertion(status, word)
    if status == "absent" and (UNDER.search(rest) or TODAY.search(rest)):
        return Assertion("uncertain", word)
    if ONLY_THEN.search(rest) and not _STRONG.search(word):
        return Assertion("present", word)
    return Assertion(status, word)


def taken_again(text: str, marks: Sequence[Mark], place: int) -> bool:
    """Whether what was stopped is said to be taken again before another finding is named."""
    later = next((m.start for m in marks[place + 1 :] if m.kind == "finding"), len(text))
    return bool(_RESTART.search(text[marks[place].end : later]))


def still_taken(text: str, marks: Sequence[Mark], place: int) -> bool:
    """Whether what was stopped is said by somebody to be taken still."""
    later = next((m.start for m in marks[place + 1 :] if m.kind == "finding"), len(text))
    told = _STILL.search(text, marks[place].end, later)
    return told is not None and (later == len(text) or told.end() < later - 1)


def of_treatment(text: str, marks: Sequence[Mark], place: int) -> bool:
    """Whether a denial is of what is done about findings: neither X nor Y is controlled.

    Looked at is the rest of the clause behind the last finding of the list.
    """
    last = place
    for number, mark in enumerate(marks[place + 1 :], place + 1):
        if mark.kind in ("hard", "comma", "dash", "colon") or mark.ends_all or mark.is_a("yes"):
            return bool(_told_of(text[marks[last].end : mark.start]))
        if mark.kind == "finding":
            last = number
    return bool(_told_of(text[marks[last].end :]))


def _told_of(rest: str) -> bool:
    return bool(_OF_TREATMENT.search(rest) or _TEST.match(rest))


def denies_another(marks: Sequence[Mark], place: int, kind: str) -> bool:
    """Whether what is denied is a noun behind the finding: denies AAA repair."""
    behind = marks[place + 1] if place + 1 < len(marks) else None
    if behind is None or behind.kind != "word" or kind != "negated":
        return False
    return not ONLY_WHEN.search(behind.text)


def taken_back(marks: Sequence[Mark], place: int) -> bool:
    """Whether a `but` takes something of a denial back: no other finding or relative follows."""
    rest = list(marks[place + 1 :])
    for number, mark in enumerate(rest):
        if mark.kind == "finding" or mark.text in (";", ".", "\n"):
            return False
        if mark.text in BUT:
            behind = rest[number + 1 :]
            return not any(one.kind == "finding" or one.is_a("family") for one in behind)
    return False
