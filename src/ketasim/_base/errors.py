"""Errors that name the field and the remedy."""

from __future__ import annotations

import difflib
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


def near(word: str, known: Iterable[str]) -> str:
    """Return a clause that suggests the nearest known word, or lists what is known.

    **Returns:** such as `did you mean 'intranasal'?` or `use one of: im, iv, sc`.
    """
    options = sorted(set(known))
    # a long word shares many letters with words that mean something else
    hit = difflib.get_close_matches(word, options, n=1, cutoff=0.6 if len(word) < 6 else 0.7)
    if hit:
        return f"did you mean '{hit[0]}'?"
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
