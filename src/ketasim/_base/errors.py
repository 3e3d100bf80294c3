"""Errors that name the field and the remedy."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class KetasimError(Exception):
    """Base class of every error ketasim raises on purpose."""


class InputError(KetasimError):
    """The input cannot be used; the message is one line: field, problem, remedy.

    **Arguments:**

    - `field`: dotted path of the offending field, such as `patient.weight` or `doses[2].over`.
    - `problem`: what is wrong, in one clause.
    - `remedy`: what to write instead, in one clause.
    """

    def __init__(self, field: str, problem: str, remedy: str) -> None:
        self.field = field
        self.problem = problem
        self.remedy = remedy
        super().__init__(f"{field}: {problem}; {remedy}")


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
    return "use one of: " + ", ".join(options)
