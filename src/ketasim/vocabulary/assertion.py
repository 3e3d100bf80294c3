"""What an entry says of what it names: present, absent, uncertain, somebody else's, stopped.

The method is that of NegEx and ConText: words of a table set off a status that holds to the end of
their scope. It is stricter than both: a finding is absent only where a denial clearly reaches it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ketasim.vocabulary.marks import Mark, Role, marks_of

PRESENCES: Final = ("present", "uncertain", "stopped", "family", "absent")
"""What can be said of a finding: `uncertain` counts as present, `stopped` is of medicines."""

_DENIALS: Final = ("negated", "stopped")
_STRICT: Final = re.compile(r"\b(not|never|n't)\b|doesn't|without")
_STATUS: Final = {
    "negated": "absent",
    "possible": "uncertain",
    "family": "family",
    "stopped": "stopped",
}
# a denial of some time only: what was before it is not denied
_SINCE: Final = re.compile(
    r"^\W*(?:\w+ ){0,2}?(?:since|after|any ?more|for (?:the )?(?:last |past )?(?:\d|a |one|two|"
    r"three|four|five|six|several|many|some|over)|(?:in|within|over) (?:the )?(?:last|past) )"
)
# a denial of some days or under a condition only
_ONLY_THEN: Final = re.compile(
    r"\b(?:sessions?|infusions?|treatments?|procedures?|dosing|each|every|before|prior to|unless|"
    r"except|when|if|while|until|today|tonight|this (?:morning|evening|week)|morning|weekends?|"
    r"alone|on days?|the days?|day of)\b"
)
_REASON: Final = re.compile(
    r"^\W*(?:because|due to|owing to|after|for|by|as|when|with|ineffective)"
)
_WHEN: Final = (
    r"(?:\d{1,4}(?:[/.-]\d{1,4}){0,2}|ago|years?|yrs?|y|months?|mo|weeks?|wks?|days?|hours?|h|"
    r"yesterday|today|recently|last|past|this|since|in|on|at|the|a|an|one|two|three|four|five|six|"
    r"seven|eight|nine|ten|early|late|mid|about|approx|approximately|around|age|aged|over|more|"
    r"x ?\d+|than|nearly|almost|just|previously|before|of|few|couple|several|monday|tuesday|"
    r"wednesday|thursday|friday|saturday|sunday|jan\w*|feb\w*|mar\w*|apr\w*|may|june?|july?|aug\w*|"
    r"sep\w*|oct\w*|nov\w*|dec\w*|spring|summer|autumn|winter|christmas)"
)
_ONLY_WHEN: Final = re.compile(rf"^\W*(?:{_WHEN}\W*)*$")
_RELATIVE_REST: Final = re.compile(
    rf"^\W*(?:(?:{_WHEN}|died|side|line|only|too|and|his|her|both|deceased|maternal|paternal)\W*)*$"
)
_RELATIVE_LINK: Final = re.compile(r"^\W*(?:(?:in|of|his|her|their|the|my|both|one|a|-|with)\W*)*$")
_MOST_FREE: Final = 3  # words of an element of a list that are no known finding


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


@dataclass
class _Active:
    """A trigger whose scope is open."""

    role: Role
    mark: Mark
    covered: int = 0  # findings it reached
    words: int = 0  # free words since the trigger or the last finding
    doubt: bool = False


def assertions(
    text: str, spans: Sequence[tuple[int, int]], about: str
) -> tuple[tuple[Assertion, ...], tuple[str, ...]]:
    """Say of each finding in a text whether it is there.

    **Arguments:**

    - `text`: as `plain` returns it.
    - `spans`: start and end of each finding, in order, without overlap.
    - `about`: `history` or `medicine`, for triggers that speak of one of them.

    **Returns:** an assertion for each finding, and the words of the text that were not read.

    **Source:** chapman2001, harkema2009, chapman2013.
    """
    marks = marks_of(text, spans, about)
    found: dict[int, Assertion] = {}
    used: set[int] = set()
    _backward_relatives(text, marks, found, used)
    _forward(text, marks, found, used)
    _backward(text, marks, found, used)
    said = [found.get(place, Assertion("present")) for place in range(len(spans))]
    only_since = "stopped" if about == "medicine" else "present"
    return (
        tuple(_past(marks, n, one, only_since) for n, one in enumerate(said)),
        _unread(marks, used),
    )


def denies_all(text: str, about: str) -> str:
    """The word by which a text without a known finding is a denial as a whole, else nothing.

    **Arguments:**

    - `text`: as `plain` returns it. `about`: see `assertions`.
    """
    marks = marks_of(text, (), about)
    if not marks or marks[0].role("negated", "forward") is None:
        return ""
    rest = marks[1:]
    plain_list = all(m.kind in ("word", "comma") or m.is_a("or", "between", "closer") for m in rest)
    return marks[0].text if plain_list else ""


# ----------------------------------------------------------------------------- forward


def _forward(text: str, marks: Sequence[Mark], found: dict[int, Assertion], used: set[int]) -> None:
    active: _Active | None = None
    for place, mark in enumerate(marks):
        if mark.kind == "finding":
            if active is not None and mark.finding not in found:
                found[mark.finding] = _reached(text, marks, place, active)
                used.add(active.mark.start)
                active.covered, active.words = active.covered + 1, 0
        elif mark.kind == "word":
            active = _after_word(active, mark.text)
        elif mark.kind == "trigger":
            active = _after_trigger(marks, place, active, used)
        else:
            active = _after_break(marks, place, active)


def _after_word(active: _Active | None, word: str) -> _Active | None:
    if active is not None:
        active.words += 1
        strict = active.role.kind in _DENIALS and (
            _STRICT.search(active.mark.text) or word.endswith("ing")
        )
        if strict and not active.covered:
            active.doubt = True  # not missed, never increased: who knows what is denied
    return active


def _after_trigger(
    marks: Sequence[Mark], place: int, active: _Active | None, used: set[int]
) -> _Active | None:
    mark = marks[place]
    opened = _opens(mark, active, used)
    if opened is not None:
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
    if mark.ends_all:
        return None
    denial = active.role.kind in _DENIALS
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


def _over_and(marks: Sequence[Mark], place: int, active: _Active) -> _Active | None:
    """Whether a scope goes on behind an `and`: over a bare finding, and never for sure."""
    element = _element(marks, place + 1)
    if not active.covered:
        return active
    if not _bare(element, 0):
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
        return active  # mother, hypertension
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
    if not all(_bare(one, _MOST_FREE) for one in elements):
        return None
    joined = any(mark.is_a("or") and mark.text != "/" for mark in elements[-1])
    if joined:
        return active
    if active.role.scope in ("list", "heading") and active.role.kind != "stopped":
        listed = active.role.kind == "negated" and len(elements) > 1
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


def _bare(element: Sequence[Mark], free: int) -> bool:
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
    if place + 1 < len(marks) and marks[place + 1].is_a("yes") and kind in _DENIALS:
        return Assertion("present", word)  # aneurysm no, stroke yes
    if kind == "family" and _own_too(marks, place):
        return Assertion("present", word)
    if active.doubt:
        return Assertion("uncertain", word)
    if kind in _DENIALS:
        if _again(text, marks, place):
            return Assertion("present", word)
        if _qualified(marks, place) or _of_another(marks, place, kind):
            return Assertion("uncertain", word)
        if word == "last" and not re.search(r"\bago\b|yesterday", text[marks[place].end :]):
            return Assertion("present", word)
        return _denied(_rest(text, marks, place), word, status)
    return Assertion(status, word)


def _denied(rest: str, word: str, status: str) -> Assertion:
    """A denial, unless what follows says that it is one of some time or some days only."""
    if _SINCE.search(rest):
        return Assertion("stopped" if status == "stopped" else "since", word, past=True)
    if status == "stopped" and _ONLY_WHEN.search(rest):
        return Assertion(status, word)
    if _ONLY_THEN.search(rest) and not _STRONG.search(word):
        return Assertion("present", word)
    return Assertion(status, word)


_RESTART: Final = re.compile(
    r"\b(?:re-?start\w*|resum\w*|back on|again|re-?introduc\w*|recommenc\w*)"
)
_BUT: Final = ("but", "however", "though", "although", "nevertheless", "yet")
_BARE: Final = ("none", "no", "nil", "never", "n")
_STRONG: Final = re.compile(r"\bden|family|\bfh|allerg|intoleran")


def _again(text: str, marks: Sequence[Mark], place: int) -> bool:
    """Whether what was stopped is said to be taken again before another finding is named."""
    later = next((m.start for m in marks[place + 1 :] if m.kind == "finding"), len(text))
    return bool(_RESTART.search(text[marks[place].end : later]))


def _own_too(marks: Sequence[Mark], place: int) -> bool:
    """Whether the patient is named behind a relative's finding: mother has it as does patient."""
    for mark in marks[place + 1 :]:
        if mark.kind in ("finding", "comma", "hard"):
            return False
        if mark.is_a("own"):
            return True
    return False


def _of_another(marks: Sequence[Mark], place: int, kind: str) -> bool:
    """Whether what is denied is a noun behind the finding: denies AAA repair."""
    behind = marks[place + 1] if place + 1 < len(marks) else None
    if behind is None or behind.kind != "word" or kind != "negated":
        return False
    return not _ONLY_WHEN.search(behind.text)


def _qualified(marks: Sequence[Mark], place: int) -> bool:
    """Whether a `but` takes something of a denial back: no other finding or relative follows."""
    rest = list(marks[place + 1 :])
    for number, mark in enumerate(rest):
        if mark.kind == "finding" or mark.text in (";", ".", "\n"):
            return False
        if mark.text in _BUT:
            behind = rest[number + 1 :]
            return not any(one.kind == "finding" or one.is_a("family") for one in behind)
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


# ----------------------------------------------------------------------------- backward


def _segments(marks: Sequence[Mark]) -> Iterator[tuple[int, int]]:
    """Places of the first mark of each segment, and behind its last."""
    start = 0
    for place, mark in enumerate(marks):
        if mark.kind in ("hard", "comma", "dash", "colon"):
            yield start, place
            start = place + 1
    yield start, len(marks)


def _before(marks: Sequence[Mark], first: int, place: int) -> tuple[int, bool]:
    """Place of the nearest finding before a mark, and whether it is in the same segment."""
    for back in range(place - 1, first - 1, -1):
        if marks[back].kind == "finding":
            return back, True
    if place != first or first == 0 or marks[first - 1].text in (";", ".", "\n"):
        return -1, False
    for back in range(first - 2, -1, -1):
        if marks[back].kind == "finding":
            return back, False
        if marks[back].kind in ("hard", "comma", "dash", "colon"):
            return -1, False
    return -1, False


def _backward_relatives(
    text: str, marks: Sequence[Mark], found: dict[int, Assertion], used: set[int]
) -> None:
    """`stroke in mother`, `stroke (father)`, `psychosis - sister`."""
    for first, last in _segments(marks):
        for place in range(first, last):
            mark = marks[place]
            if mark.role("family", "both") is None:
                continue
            end = next((p for p in range(place + 1, last) if marks[p].is_a("and", "or")), last)
            tail = text[mark.end : marks[end - 1].end] if end > place + 1 else ""
            if not _RELATIVE_REST.search(tail):
                continue
            start = place
            while start > first and marks[start - 1].role("family", "both"):
                start -= 1
            back, here = _before(marks, first, start)
            if back < 0 or marks[back].finding in found:
                continue
            between = text[marks[back].end : marks[start].start]
            if here and not _RELATIVE_LINK.search(between):
                continue
            if (
                not here
                and marks[first - 1].kind == "comma"
                and not _bare(
                    [m for m in marks[back + 1 : first - 1] if m.kind != "trigger"]
                    or [marks[back]],
                    1,
                )
            ):
                continue
            found[marks[back].finding] = Assertion("family", mark.text)
            used.update(m.start for m in marks[start:end] if m.kind == "trigger")


def _backward(
    text: str, marks: Sequence[Mark], found: dict[int, Assertion], used: set[int]
) -> None:
    for first, last in _segments(marks):
        for place in range(first, last):
            mark = marks[place]
            if mark.start in used:
                continue
            for kind in ("possible", "stopped", "negated"):
                role = mark.role(kind, "backward", "both")
                if role is not None and _attach(text, marks, (first, place, last), kind, found):
                    used.add(mark.start)
                    break


def _attach(
    text: str,
    marks: Sequence[Mark],
    where: tuple[int, int, int],
    kind: str,
    found: dict[int, Assertion],
) -> bool:
    first, place, last = where
    mark = marks[place]
    back, here = _before(marks, first, place)
    if back < 0:
        return False
    said = found.get(marks[back].finding)
    if said is not None and (said.presence in ("family", "absent") or kind == "possible"):
        return False
    tail = text[mark.end : marks[last - 1].end] if last > place + 1 else ""
    between = marks[back + 1 : place] if here else ()
    if kind == "possible":
        if any(m.kind == "finding" for m in marks[place + 1 : last]) and mark.text != "?":
            return mark.text in ("vs", "versus") and _put(found, marks, back, "uncertain", mark)
        return _put(found, marks, back, "uncertain", mark)
    if any(
        not (m.is_a("link", "between", "and", "historical") or m.text in _BUT) for m in between
    ) and not (
        kind == "stopped" and all(m.kind == "word" or m.is_a("link", "present") for m in between)
    ):
        return False
    if not here and kind == "negated" and not _bare_between(marks[back + 1 : first - 1]):
        # a size or a dose beside the finding: the denial is of something else
        return False
    if kind in _DENIALS and _qualified(marks, place):
        return _put(found, marks, back, "uncertain", mark)
    if kind == "negated":
        return _deny_back(marks, where, back, found, tail)
    if Role("stopped", "backward", "swap") in mark.roles:
        if place + 1 >= len(marks) or marks[place + 1].kind != "finding":
            return False
        return _put(found, marks, back, "stopped", mark)
    if mark.text == "until":
        if not re.search(r"\d{4}|ago|last|yesterday", tail):
            return False
    elif (
        (_ONLY_THEN.search(tail) and not _ONLY_WHEN.search(tail))
        or any(m.is_a("present") and m.text not in ("on", "now") for m in marks[place + 1 : last])
        or (tail and not (_ONLY_WHEN.search(tail) or _REASON.search(tail)))
    ):
        return False
    if _again(text, marks, back):
        return False
    past = mark.text in ("none since", "not since")
    found[marks[back].finding] = Assertion("stopped", mark.text, past)
    return True


def _bare_between(between: Sequence[Mark]) -> bool:
    return all(m.kind != "word" or not any(c.isdigit() for c in m.text) for m in between)


def _deny_back(
    marks: Sequence[Mark],
    where: tuple[int, int, int],
    back: int,
    found: dict[int, Assertion],
    tail: str,
) -> bool:
    _, place, last = where
    mark = marks[place]
    closers = all(m.is_a("closer", "between") for m in marks[place + 1 : last])
    if mark.text in _BARE and _ONLY_THEN.search(tail):
        return False  # none today
    if tail and not closers:
        if _ONLY_THEN.search(tail):
            return False
        if _SINCE.search(tail):
            found[marks[back].finding] = Assertion("since", mark.text, past=True)
            return True
        if not _ONLY_WHEN.search(tail) or "since" in tail:
            return False
    return _put(found, marks, back, "absent", mark)


def _put(
    found: dict[int, Assertion], marks: Sequence[Mark], back: int, status: str, mark: Mark
) -> bool:
    """Say it of a finding, and of those that an `or` joins to it."""
    found[marks[back].finding] = Assertion(status, mark.text)
    for near in range(back - 1, 0, -2):
        if not (marks[near].is_a("or") and marks[near - 1].kind == "finding"):
            break
        found.setdefault(marks[near - 1].finding, Assertion(status, mark.text))
    return True


# ----------------------------------------------------------------------------- what is left


def _past(marks: Sequence[Mark], number: int, one: Assertion, only_since: str) -> Assertion:
    """A finding that words beside it put in the past; what is denied since then was there."""
    if one.presence == "since":
        return Assertion(only_since, one.word, past=True)
    place = next(p for p, mark in enumerate(marks) if mark.finding == number)
    beside = marks[max(place - 2, 0) : place + 3]
    past = one.past or any(mark.is_a("historical") for mark in beside)
    return Assertion(one.presence, one.word, past)


def _unread(marks: Sequence[Mark], used: set[int]) -> tuple[str, ...]:
    """Runs of words that nothing was made of, a denial among them that reached no finding."""
    found: list[str] = []
    run: list[Mark] = []

    def close() -> None:
        while run and run[-1].kind == "trigger":
            run.pop()
        if any(mark.kind == "word" for mark in run):
            found.append(" ".join(mark.text for mark in run))
        run.clear()

    for mark in marks:
        opens = mark.is_a("negated") and mark.start not in used
        small = mark.is_a("between", "terminator", "link", "and") and bool(run)
        if mark.kind == "word" or (mark.kind == "trigger" and (opens or small)):
            run.append(mark)
        else:
            close()
    close()
    return tuple(found)
