"""Triggers that speak of what follows them: where their scope ends, and what it reaches."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ketasim.vocabulary.context.denial import (
    DENIALS,
    EXCEPT,
    Assertion,
    denies_another,
    limited_denial,
    of_treatment,
    still_taken,
    taken_again,
    taken_back,
)
from ketasim.vocabulary.context.marks import Mark, Role

_STRICT: Final = re.compile(
    r"\b(not|never|n't)\b|doesn't|without|rather than|instead of|as opposed to|refus|declin"
)
# a denial of what is said to be before or after something
_TIMES: Final = (
    "since", "after", "before", "until", "during", "despite", "because of", "due to", "following",
    "prior to", "when", "while", "if",
)  # fmt: skip
_STATUS: Final = {
    "negated": "absent",
    "possible": "uncertain",
    "family": "family",
    "stopped": "stopped",
}
_TWICE_WORDS: Final = "he she it they the a that there to be known said so having is was i has pt"
_TWICE: Final = frozenset(_TWICE_WORDS.split())
"""Words between two denials of which the first denies the second."""
_HAS_WORDS: Final = """
died dies dead deceased killed lost passed away suffered suffers suffering developed develops
diagnosed treated hospitalised hospitalized admitted sectioned committed completed attempted
survived affected underwent late early onset type great elder older younger side line also too
aged age living alive severe mild postpartum postnatal puerperal heavy lifelong life-long long
fatal massive multiple several two three first second got gets was is young carries carried
takes took used uses d did well ruptured
"""
_HAS: Final = frozenset(_HAS_WORDS.split())
"""Words between a relative and a finding that leave the finding the relative's."""
_LIVES_WITH: Final = (
    "wife", "husband", "partner", "spouse", "boyfriend", "girlfriend", "roommate", "children",
    "child",
)  # fmt: skip
_MIDDLE_WORDS: Final = """
his her their the my a an one two three both older younger elder late own patient's pt's strong
positive remote one's of in and also
"""
_MIDDLE: Final = frozenset(_MIDDLE_WORDS.split())
"""Words before a relative that leave him what the clause is about."""
_AGAIN: Final = ("restarted", "resumed", "back on", "started")
_ANOTHER_WORDS: Final = """
his her their he she they treatment treatments therapy medication medications meds medicine tablets
tablet drug drugs doctor gp worse better help support matter behandlung therapie
"""
_ANOTHER: Final = frozenset(_ANOTHER_WORDS.split())
"""Words between a denial and a finding that are denied in its place."""
_FAR: Final = 20  # pieces before a relative within which his clause is looked for
_MOST_FREE: Final = 3  # words of an element of a list that are no known finding


@dataclass
class _Active:
    """A trigger whose scope is open."""

    role: Role
    mark: Mark
    covered: int = 0  # findings it reached
    words: int = 0  # free words since the trigger or the last finding
    doubt: bool = False


def forward(text: str, marks: Sequence[Mark], found: dict[int, Assertion], used: set[int]) -> None:
    """Give each finding that a trigger before it reaches its status.

    **Arguments:**

    - `text`: as `plain` returns it, taken apart into `marks`.
    - `found`: number of a finding to its status; grows. `used`: starts of triggers that spoke;
      grows.
    """
    active: _Active | None = None
    for place, mark in enumerate(marks):
        if mark.kind == "finding":
            if active is not None and mark.finding not in found:
                found[mark.finding] = _reached(text, marks, place, active)
                used.add(active.mark.start)
                active.covered, active.words = active.covered + 1, 0
        elif mark.kind == "word":
            own = place > 0 and marks[place - 1].text in ("had", "has")  # had his AAA repaired
            active = _after_word(active, mark.text, own=own)
        elif mark.kind == "trigger":
            active = _after_trigger(marks, place, active, used)
        else:
            active = _after_break(marks, place, active)


def _after_word(active: _Active | None, word: str, *, own: bool) -> _Active | None:
    if active is not None:
        active.words += 1
        strict = active.role.kind in DENIALS and (
            _STRICT.search(active.mark.text)
            or word.endswith("ing")
            or word in _ANOTHER
            or (active.role.kind == "negated" and active.words > 1)  # no doctor treats it
            or (active.mark.text == "none of" and word not in ("the", "these", "those"))
        )
        told = own or word in _HAS or any(letter.isdigit() for letter in word)
        listed = active.role.scope == "list" or active.mark.text == "family"
        listed = listed and active.role.scope != "all"
        if active.role.kind == "family" and listed and not told and not active.covered:
            active.doubt = True  # mother drove him in after: what follows may be the patient's
        if strict and not active.covered:
            active.doubt = True  # not missed, never increased: who knows what is denied
    return active


def _after_trigger(
    marks: Sequence[Mark], place: int, active: _Active | None, used: set[int]
) -> _Active | None:
    mark = marks[place]
    opened = _opens(mark, active, used)
    if opened is not None:
        opened.doubt = (
            opened.doubt
            or _denied_twice(marks, place, opened)
            or _under_doubt(active, opened)
            or (opened.role.kind == "family" and _mid_clause(marks, place))
        )
        return opened
    if active is None or mark.is_a("or"):
        return active
    fresh = not active.covered and not active.words
    if mark.is_a("closer", "link") and not mark.is_a("between", "terminator"):
        active.words += 1  # no symptoms from his aneurysm
        return active
    if mark.is_a("and"):
        return _over_and(marks, place, active)
    if mark.is_a("pseudo", "own"):
        return None
    if mark.ends_all or (fresh and active.role.kind == "negated" and mark.text in _TIMES):
        return None  # nil since stroke
    denial = active.role.kind in DENIALS
    if active.role.kind == "stopped" and mark.text in _AGAIN:
        return None  # stopped and restarted
    return None if denial and not fresh and mark.is_a("terminator", "present") else active


def _opens(mark: Mark, active: _Active | None, used: set[int]) -> _Active | None:
    """The scope that a trigger opens; that of a relative goes on under a mere doubt."""
    if mark.start in used:
        return None
    for kind in ("family", "stopped", "negated", "possible"):
        if kind == "possible" and mark.touches:
            continue  # `stroke? hypertension`: the question is of what it stands at

        role = mark.role(kind, "forward") or mark.role(kind, "both")
        if role is None:
            continue
        if kind == "possible" and active is not None and active.role.kind == "family":
            return None
        if role.scope == "possessive":
            return _Active(role, mark, doubt=True)  # her husband's Valium: who takes it?
        return _Active(role, mark)
    return None


def _denied_twice(marks: Sequence[Mark], place: int, opened: _Active) -> bool:
    """Whether a denial is itself denied by one before it: it is not true that she has no stroke."""
    if opened.role.kind != "negated":
        return False
    for mark in reversed(marks[:place]):
        if mark.is_a("negated"):
            return True
        if mark.kind not in ("word", "trigger") or mark.text not in _TWICE:
            return False
    return False


def _under_doubt(active: _Active | None, opened: _Active) -> bool:
    """Whether a denial is itself denied or doubted: unsure whether he stopped, no proof of no."""
    if active is None or active.covered or opened.role.kind not in DENIALS:
        return False
    return active.role.kind == "possible" or (active.role.kind == "negated" and active.words > 0)


def _mid_clause(marks: Sequence[Mark], place: int) -> bool:
    """Whether a clause speaks of something else before it comes to a relative: lives with mother.

    What follows a relative there is his only where the words say so: lives with a wife who has it.
    """
    role = marks[place].role("family")
    if role is None or not (role.scope == "list" or marks[place].text == "family"):
        return False
    behind = [mark.text for mark in marks[place + 1 : place + 3] if mark.kind != "comma"]
    if behind and behind[0] in ("who", "has", "had"):
        return False
    for mark in reversed(marks[max(place - _FAR, 0) : place]):
        if mark.kind == "word" and mark.text not in _MIDDLE and not mark.text.isdigit():
            return True
        if mark.is_a("family", "or", "and", "terminator") or mark.text in _MIDDLE:
            continue
        return mark.is_a("negated")
    return False


def _begins_list(marks: Sequence[Mark], place: int, active: _Active) -> bool:
    """Whether a relative before a comma is a heading, and not one the patient lives with."""
    if active.role.scope != "list":
        return not active.doubt
    if place + 1 < len(marks) and marks[place + 1].text == "who":
        return True  # lives with his father, who has dementia
    before = marks[place - 2].text if place > 1 else ""
    counted = before.isdigit() or before in ("one", "two", "three", "four")
    alone = marks[place - 1] is active.mark and not active.doubt
    return alone and not counted and active.mark.text not in _LIVES_WITH


def _over_and(marks: Sequence[Mark], place: int, active: _Active) -> _Active | None:
    """Whether a scope goes on behind an `and`: over a bare finding, and never for sure."""
    element = _element(marks, place + 1)
    if not active.covered:
        return active
    if not bare(element, 0):
        return None
    if active.role.kind == "negated" and active.role.scope == "next":
        active.doubt = True
    return active


def _after_break(marks: Sequence[Mark], place: int, active: _Active | None) -> _Active | None:
    mark = marks[place]
    if active is not None and active.role.scope == "all" and mark.text in "()":
        return active
    if (
        active is not None
        and mark.text == "("
        and active.role.kind == "family"
        and not (active.covered or active.words)
    ):
        active.role = Role("family", active.role.direction, "brackets")  # father (HTN, MI at 54)
        return active
    if active is not None and active.role.scope == "brackets" and mark.text not in "()":
        return active
    if active is None or mark.kind == "hard":
        return None
    heading = active.role.scope == "heading"
    just_opened = not active.covered and not active.words
    if mark.kind in ("colon", "dash") and just_opened:
        if heading or mark.kind == "colon":
            active.role = Role(active.role.kind, active.role.direction, "all")
        return active
    if active.role.scope == "all":
        return active
    if mark.kind == "comma" and just_opened and active.role.kind == "family":
        return active if _begins_list(marks, place, active) else None  # mother, hypertension
    if mark.kind == "colon":
        return None
    if mark.kind == "dash":
        return None
    return _over_comma(marks, place, active)


def _over_comma(marks: Sequence[Mark], place: int, active: _Active) -> _Active | None:
    """Whether a scope goes on behind a comma: over a list of bare findings that ends with `or`.

    A list without `or` after `denies` or `family history` may go on or may be another matter: what
    it names counts as uncertain, and as denied only in a list of three or more.
    """
    if active.role.kind == "possible":
        return None
    elements: list[list[Mark]] = [[]]
    for mark in marks[place + 1 :]:
        if mark.kind in ("hard", "dash", "colon") or mark.ends_all:
            break
        if mark.kind == "comma":
            elements.append([])
        else:
            elements[-1].append(mark)
    if not all(bare(one, _MOST_FREE) for one in elements):
        return None
    joined = any(mark.is_a("or") and mark.text != "/" for mark in elements[-1])
    if joined:
        return active
    if active.role.scope in ("list", "heading") and active.role.kind != "stopped":
        # `denies A, B and C` names three as well
        joins = any(mark.is_a("and") for mark in elements[-1])
        listed = active.role.kind == "negated" and len(elements) + joins > 1
        if active.role.kind == "family" and active.role.scope == "list":
            return None
        if not listed:
            active.doubt = True
        return active
    return None


def _element(marks: Sequence[Mark], place: int) -> list[Mark]:
    found: list[Mark] = []
    for mark in marks[place:]:
        if mark.kind in ("hard", "comma", "dash", "colon") or mark.is_a("or", "and"):
            break
        found.append(mark)
    return found


def bare(element: Sequence[Mark], free: int) -> bool:
    """Whether an element of a list is a name alone: without a dose, a size or a remark."""
    words = [mark for mark in element if mark.kind == "word"]
    if len(words) > free or any(c.isdigit() for mark in words for c in mark.text):
        return False
    return bool(element) and all(
        mark.kind in ("word", "finding") or mark.is_a("or", "and", "between", "closer")
        for mark in element
    )


def _reached(text: str, marks: Sequence[Mark], place: int, active: _Active) -> Assertion:
    """What a finding is under a trigger before it; a denial in part is none."""
    word = active.mark.text
    kind = active.role.kind
    status = _STATUS[kind]
    if place + 1 < len(marks) and marks[place + 1].is_a("yes") and kind in DENIALS:
        return Assertion("present", word)  # aneurysm no, stroke yes
    if kind == "family" and _own_too(marks, place):
        return Assertion("present", word)
    if active.doubt:
        return Assertion("uncertain", word)
    if kind in DENIALS:
        if taken_again(text, marks, place):
            return Assertion("present", word)
        if kind == "stopped" and still_taken(text, marks, place):
            return Assertion("uncertain", word)
        if kind == "negated" and _excepts(marks, place):
            return Assertion("uncertain", word)  # no allergies except latex
        if kind == "negated" and of_treatment(text, marks, place):
            return Assertion("uncertain", word)
        if taken_back(marks, place) or denies_another(marks, place, kind):
            return Assertion("uncertain", word)
        if word == "last" and not re.search(r"\bago\b|yesterday", text[marks[place].end :]):
            return Assertion("present", word)
        return limited_denial(_rest(text, marks, place), word, status)
    return Assertion(status, word)


def _excepts(marks: Sequence[Mark], place: int) -> bool:
    """Whether a denial has an exception that names nothing known: no allergies except latex."""
    if place + 1 >= len(marks) or marks[place + 1].text not in EXCEPT:
        return False
    for mark in marks[place + 2 :]:
        if mark.kind == "hard":
            break
        if mark.kind == "finding":
            return False
    return True


def _own_too(marks: Sequence[Mark], place: int) -> bool:
    """Whether the patient is named behind a relative's finding: mother has it as does patient."""
    for mark in marks[place + 1 :]:
        if mark.kind in ("finding", "comma", "hard"):
            return False
        if mark.is_a("own"):
            return True
    return False


def _rest(text: str, marks: Sequence[Mark], place: int) -> str:
    """The text behind a finding, to the next comma or the end of the clause."""
    start = marks[place].end
    for mark in marks[place + 1 :]:
        if mark.kind in ("hard", "comma") and not (mark.text in "([" and mark.start - start < 2):
            return text[start : mark.start]
        if mark.kind == "finding" or mark.ends_all:
            return text[start : mark.start]
    return text[start:]
