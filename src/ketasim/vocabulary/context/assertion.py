"""What an entry says of what it names: present, absent, uncertain, somebody else's, stopped.

The method is that of NegEx and ConText: words of a table set off a status that holds to the end of
their scope. It is stricter than both: a finding is absent only where a denial clearly reaches it.
"""

from __future__ import annotations

from collections.abc import Sequence

from ketasim.vocabulary.context.backward import backward, backward_relatives
from ketasim.vocabulary.context.denial import Assertion
from ketasim.vocabulary.context.forward import forward
from ketasim.vocabulary.context.marks import Mark, marks_of


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
    backward_relatives(text, marks, found, used)
    forward(text, marks, found, used)
    backward(text, marks, found, used)
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
