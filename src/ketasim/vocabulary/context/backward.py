"""Triggers that speak of what stands before them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from ketasim.vocabulary.context.denial import (
    BUT,
    DENIALS,
    EXCEPT,
    ONLY_THEN,
    ONLY_WHEN,
    SINCE,
    TODAY,
    UNDER,
    WHEN,
    Assertion,
    still_taken,
    taken_again,
    taken_back,
)
from ketasim.vocabulary.context.forward import bare
from ketasim.vocabulary.context.marks import Mark, Role

_REASON: Final = re.compile(
    r"^\W*(?:because|due to|owing to|after|for|by|as|when|with|ineffective)"
)
_RELATIVE_REST: Final = re.compile(
    rf"^\W*(?:(?:{WHEN}|\b(?:died|side|line|only|too|and|his|her|both|deceased|maternal|paternal)\b)"
    r"\W*)*$"
)
_RELATIVE_LINK: Final = re.compile(r"^\W*(?:\b(?:in|of|his|her|their|the|my|both|one|a)\b\W*)*$")
_HEALTHY: Final = ("normal", "unremarkable")  # said of all of `liver and kidney function`
# denied beside a disease is that it troubles, not the disease
_COMPLAINT: Final = re.compile(r"^\W*(?:any )?(?:symptoms|problems?|issues?|concerns?)\b")
_EVENT: Final = re.compile(r"pregnan|gravid|schwanger|labou?r|breast")
_BARE: Final = ("none", "no", "nil", "never", "n")


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


def backward_relatives(
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
                and not bare(
                    [m for m in marks[back + 1 : first - 1] if m.kind != "trigger"]
                    or [marks[back]],
                    1,
                )
            ):
                continue
            found[marks[back].finding] = Assertion("family", mark.text)
            used.update(m.start for m in marks[start:end] if m.kind == "trigger")


def backward(text: str, marks: Sequence[Mark], found: dict[int, Assertion], used: set[int]) -> None:
    """Give each finding that a trigger behind it speaks of its status; see `forward`."""
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
        not (m.is_a("link", "between", "and", "historical") or m.text in BUT) for m in between
    ) and not (
        kind == "stopped" and all(m.kind == "word" or m.is_a("link", "present") for m in between)
    ):
        return False
    if not here and kind == "negated" and not _bare_between(marks[back + 1 : first - 1]):
        # a size or a dose beside the finding: the denial is of something else
        return False
    if kind in DENIALS and taken_back(marks, place):
        return _put(found, marks, back, "uncertain", mark)
    if kind == "negated":
        return _deny_back(marks, where, back, found, tail, here=here)
    if Role("stopped", "backward", "swap") in mark.roles:
        if place + 1 >= len(marks) or marks[place + 1].kind != "finding":
            return False
        return _put(found, marks, back, "stopped", mark)
    if mark.text == "until":
        if not re.search(r"\d{4}|ago|last|yesterday", tail):
            return False
    elif (
        (ONLY_THEN.search(tail) and not ONLY_WHEN.search(tail))
        or any(m.is_a("present") and m.text not in ("on", "now") for m in marks[place + 1 : last])
        or (tail and not (ONLY_WHEN.search(tail) or _REASON.search(tail)))
    ):
        return False
    if taken_again(text, marks, back):
        return False
    if still_taken(text, marks, back):
        return _put(found, marks, back, "uncertain", mark)
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
    *,
    here: bool,
) -> bool:
    _, place, last = where
    mark = marks[place]
    if mark.text in _HEALTHY and _EVENT.match(marks[back].text):
        return False  # a normal pregnancy
    closers = all(m.is_a("closer", "between") for m in marks[place + 1 : last])
    if mark.text in _BARE and ONLY_THEN.search(tail):
        return False  # none today
    if back > 0 and marks[back - 1].text in EXCEPT:
        return False  # other than stroke nil
    tested = mark.text.startswith(("neg", "-ve"))  # a test of today stands
    if (
        (TODAY.search(tail) and not tested)
        or UNDER.search(tail)
        or (not here and _COMPLAINT.search(tail))
    ):
        return _put(found, marks, back, "uncertain", mark)
    if tail and not closers:
        if ONLY_THEN.search(tail):
            return False
        if SINCE.search(tail):
            found[marks[back].finding] = Assertion("since", mark.text, past=True)
            return True
        if not ONLY_WHEN.search(tail) or "since" in tail:
            return False
    return _put(found, marks, back, "absent", mark)


def _put(
    found: dict[int, Assertion], marks: Sequence[Mark], back: int, status: str, mark: Mark
) -> bool:
    """Say it of a finding, and of those that an `or` joins to it."""
    found[marks[back].finding] = Assertion(status, mark.text)
    joins = ("or", "and") if mark.text in _HEALTHY else ("or",)
    for near in range(back - 1, 0, -2):
        if not (marks[near].is_a(*joins) and marks[near - 1].kind == "finding"):
            break
        found.setdefault(marks[near - 1].finding, Assertion(status, mark.text))
    return True
