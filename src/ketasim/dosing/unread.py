"""What to say about a sentence that cannot be read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ketasim._base import InputError, near
from ketasim.dosing.dose import DRUGS, ROUTES

EXAMPLE: Final = "ketamine 0.5 mg/kg iv over 40 min on days 0 2 4 7 9 11, then weekly x4"

# what may stand where the grammar expects a terminal
_WORDS: Final[dict[str, tuple[str, ...]]] = {
    "DRUG": DRUGS,
    "ROUTE": (*ROUTES, "intravenous", "intramuscular", "subcutaneous", "nasal", "oral er"),
    "SALT": ("hydrochloride", "base"),
    "BOLUS": ("bolus",),
    "OFTEN": ("daily", "weekly", "twice weekly", "twice daily"),
    "TIMES_A": ("twice a week",),
    "TIME_UNIT": ("min", "h", "days", "weeks"),
    "DOSE_UNIT": ("mg", "mg/kg"),
    "_ON": ("on",),
    "_DAY_WORD": ("days", "day"),
    "_AT": ("at",),
    "_ONCE": ("once",),
    "_EVERY": ("every",),
    "_OVER": ("over",),
    "_THEN": ("then",),
    "_FOR": ("for",),
    "_FROM": ("from",),
    "OTHER": ("other",),
}
# words whose nearest known word would be the wrong one
_MEANT: Final = {
    "s-ketamine": "did you mean 'esketamine'?",
    "(s)-ketamine": "did you mean 'esketamine'?",
    "s(+)-ketamine": "did you mean 'esketamine'?",
    "r-ketamine": "did you mean 'arketamine'?",
    "(r)-ketamine": "did you mean 'arketamine'?",
    "spravato": "write 'esketamine' and its dose, such as 'esketamine 56 mg intranasal'",
    "ketalar": "write 'ketamine' and its dose",
    "biweekly": "write 'twice weekly' or 'every 2 weeks'",
    "fortnightly": "write 'every 2 weeks'",
    "monthly": "write 'every 4 weeks'",
    "months": "write weeks, such as '4 weeks'",
    "month": "write weeks, such as '4 weeks'",
}


def unread(text: str, position: int, expected: Iterable[str]) -> InputError:
    """Explain why a sentence cannot be read: where, and what to write.

    **Arguments:**

    - `text`: the sentence.
    - `position`: where reading stopped.
    - `expected`: terminals of the grammar that could have stood there.

    **Returns:** the error, to be raised.
    """
    terminals = set(expected)
    before = _quoted(text[:position])
    found = re.match(r"[^\s,;]+", text[position:].lstrip(" ,;\t\n"))
    word = found[0] if found else ""
    if terminals & {"DOSE_UNIT", "TIME_UNIT"} and len(terminals) == 1:
        return _unit(text, position, word, "DOSE_UNIT" in terminals)
    if not word:
        problem = f"the sentence ends after {before}" if before else "the sentence is empty"
        return InputError("regimen", problem, _such_as(terminals))
    vocabulary = {w for name in terminals for w in _WORDS.get(name, ())}
    meant = _MEANT.get(word.lower())
    hint = meant or (near(word.lower(), vocabulary) if vocabulary else "")
    if not before and re.fullmatch(r"[\w()+-]*[^\W\d][\w()+-]*", word):
        return InputError("regimen", f"unknown drug '{word}'", meant or near(word.lower(), DRUGS))
    problem = f"cannot read '{word}'" + (f" after {before}" if before else "")
    known = hint.startswith(("did you mean", "write"))
    return InputError("regimen", problem, hint if known else _such_as(terminals))


def _unit(text: str, position: int, word: str, of_dose: bool) -> InputError:
    number = re.search(r"\S+\s*$", text[:position])
    value = number[0].strip() if number else ""
    known = {w for words in _WORDS.values() for w in words} | set(_MEANT)
    example = f"'{value} mg' or '{value} mg/kg'" if of_dose else f"'{value} min' or '{value} h'"
    if not word or word.lower() in known or not re.match(r"[^\W\d]", word):
        return InputError(
            "regimen", f"'{value}' has no unit", f"write it with its unit, such as {example}"
        )
    kind = "a dose" if of_dose else "time"
    return InputError("regimen", f"'{word}' is not a unit of {kind}", f"write {example}")


def _such_as(terminals: set[str]) -> str:
    if terminals == {"NUMBER"}:
        return "write a number there"
    return f"write it such as '{EXAMPLE}'"


def _quoted(text: str, longest: int = 40) -> str:
    words = " ".join(text.split()).rstrip(" ,;")
    if not words:
        return ""
    return f"'{words}'" if len(words) <= longest else f"'…{words[-longest:].lstrip()}'"
