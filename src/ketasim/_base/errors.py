"""Errors that name the field and the remedy."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ketasim._base.text import visible

# characters of the parts of a message: a line that a terminal and a log can show
_FIELD: Final = 80
_PROBLEM: Final = 200
_REMEDY: Final = 200
_LISTED: Final = 160  # of known names listed in one
_WORDS: Final = 60  # of what the user wrote, in quotes; the path of a file may be longer
_LONG_WORDS: Final = re.compile(rf"'([^'/]{{{_WORDS + 1},}})'")

_SHORT: Final = 3
_LONG: Final = 6


class KetasimError(Exception):
    """Base class of every error ketasim raises on purpose."""


class InputError(KetasimError):
    """The input cannot be used; the message is one line: field, problem, remedy.

    Whatever the user wrote, the line has at most 500 characters, none of which acts on a terminal.

    **Arguments:**

    - `field`: dotted path of the offending field, such as `patient.weight` or `doses[2].over`.
    - `problem`: what is wrong, in one clause.
    - `remedy`: what to write instead, in one clause.
    """

    def __init__(self, field: str, problem: str, remedy: str) -> None:
        self.field = _line(field, _FIELD)
        self.problem = _line(problem, _PROBLEM)
        self.remedy = _line(remedy, _REMEDY)
        super().__init__(f"{self.field}: {self.problem}; {self.remedy}")

    def __reduce__(self) -> tuple[type[InputError], tuple[str, str, str]]:
        """Carry the three parts between processes."""
        return type(self), (self.field, self.problem, self.remedy)


def _line(text: str, longest: int) -> str:
    """One line; the middle of a long one is left out, since its end says what is wrong."""
    shown = _LONG_WORDS.sub(
        lambda hit: f"'{_cut(hit[1], _WORDS)}'", " ".join(visible(text).split())
    )
    return _cut(shown, longest)


def _cut(shown: str, longest: int) -> str:
    if len(shown) <= longest:
        return shown
    half = (longest - 1) // 2
    return f"{shown[:half]}…{shown[-half:]}"


class KetasimWarning(UserWarning):
    """Something the reader of a result must know; results carry it and reports print it."""


def near(word: str, known: Iterable[str], *, most: int = 2) -> str:
    """Return a clause that suggests the known word that this one is a slip of, or lists all.

    A slip is one wrong, missing, added or swapped letter, of words of six letters and more two. A
    word of two letters, or one that is nearly as close to a second, is no slip of any: `im` is not
    `iv`, and a guess may mean another drug, scale or dose.

    **Arguments:**

    - `word`: as typed. `known`: what it may be. `most`: letters of a slip; upper and lower case
      are none.

    **Returns:** such as `did you mean 'intranasal'?` or `use one of: im, iv, sc`.
    """
    options = sorted(set(known))
    cased = [option for option in options if option.casefold() == word.casefold()]
    if len(cased) == 1:
        return f"did you mean '{cased[0]}'?"
    limit = 0 if len(word) < _SHORT else 1 if len(word) < _LONG else most
    # a word of a flood is no slip, and comparing it takes long
    distances = sorted(
        (_distance(word, option), option)
        for option in options
        if abs(len(word) - len(option)) <= limit + 1
    )
    closest = [option for distance, option in distances if distance <= limit]
    alone = len(distances) < 2 or distances[1][0] > distances[0][0] + (len(word) == _SHORT)
    if limit and closest and alone:
        return f"did you mean '{closest[0]}'?"
    return one_of(options)


def one_of(known: Iterable[str]) -> str:
    """Return a clause that lists what is known, of many the first: `use one of: im, iv, sc`."""
    names = list(known)
    shown: list[str] = []
    for name in names:
        if shown and sum(len(one) + 2 for one in shown) + len(name) > _LISTED:
            break
        shown.append(name)
    more = f" and {len(names) - len(shown)} more" if len(shown) < len(names) else ""
    return f"use one of: {', '.join(shown)}{more}"


def _distance(word: str, other: str) -> int:
    """Letters to be changed, added, left out or swapped with their neighbour to get the other."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(word, start=1):
        earlier, before, row = before, row, [i]
        for j, sign in enumerate(other, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != sign))
            if i > 1 and j > 1 and letter == other[j - 2] and word[i - 2] == sign:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
    return row[-1]
