"""What to say about a sentence that cannot be read."""

from __future__ import annotations

import re
from typing import Final, NoReturn

from ketasim._base import DRUGS, ROUTES, InputError, near, shortened
from ketasim.vocabulary.drug import unknown_drug

FIELD: Final = "regimen"
"""What a sentence is called in errors."""

EXAMPLE: Final = "ketamine 0.5 mg/kg iv over 40 min on days 0 2 4 7 9 11, then weekly x4"
"""A sentence, to show its form."""

PARTS: Final = "say drug, dose, route and when, each in words of the manual's page on regimens"
"""The remedy where no word is near."""

# words that a slip may have made; none of them is near to another that means something else
_NEAR_TEXT: Final = """
intravenous intramuscular subcutaneous nasal hydrochloride bolus infusion over then daily weekly
fortnightly twice thrice every weeks minutes hours sessions doses once
"""
_NEAR: Final = (*DRUGS, *ROUTES, *_NEAR_TEXT.split())
_PIECES: Final = (
    r"(?:sprays?|puffs?|actuations?|tablets?|tabs?|capsules?|caps?|lozenges?|troches?|drops?|vials?"
    r"|ampoules?|suppositor(?:y|ies))"
)
_FEW: Final = "half|one|two|three|four|five|six|an?"
_WHOLE: Final = "write the whole dose of a session in mg"
_DECIMAL: Final = "write a decimal number for a fraction"
_EACH: Final = "write each dose and its time"
_PHASES: Final = "write each phase with its dose, joined by 'then'"
_ONE: Final = "write the one amount or time that is given"
_PLAIN: Final = "write what is given, without a condition: a course for each case"
_GIVEN: Final = "write the amount that was given, and over what time"
# what a sentence says that a regimen cannot, to what is asked
_REMARKS: Final = {
    r"in\s+(?:\w+\s+)?divided\s+doses|divided|split(?:\s+doses?)?": _EACH,
    r"in\s+(?:\d+|two|three|four|five|six)\s+doses": _EACH,
    r"titrat\w*|taper\w*|increas\w*|decreas\w*": _PHASES,
    r"up\s+to|maximum|max\.?(?!\w)|capped": "write the dose that is given, and how often",
    rf"(?:[x*]\s*)?(?:\d+|{_FEW})\s+(?:an?\s+|nasal\s+|oral\s+)?{_PIECES}": _WHOLE,
    rf"(?:[x*]\s*)(?:\d+|{_FEW})\s+devices?": _WHOLE,
    rf"{_PIECES}\s*[x*]\s*\d+(?!\s*(?:d|wk?|days?|wks?|weeks?)\b)": _WHOLE,
    r"(?:first|initial|subsequent|second|last|next)\s+(?:doses?|sessions?|infusions?)": _PHASES,
    r"hold|withhold|held|withheld": _PLAIN,
    r"\d+\s*:\s*\d+": "write one drug by its name, and its dose in mg or mg/kg",
    r"\d+(?:\s+\d+)?/\d+\s*(?:m?c?u?g|h|hr|hours?)(?:/kg)?": _DECIMAL,
    r"apart": "write 'every' before the time between two sessions",
    r"if|unless|depending|otherwise|as\s+tolerated|except": _PLAIN,
    r"until|till": "write 'x' and the number of sessions, or 'for' and the weeks",
    r"in\s+\d+\s*(?:min\w*|h\w*)": "write 'over' before the time of an infusion",
    r"\d+/(?:7|52|12)": "write the time in days or weeks, or how often as in '3/week'",
    r"or": "write the one that is given",
    r"not\s+on|not|without|no(?!\s+duration|\.)": "write what is given, and leave out the rest",
    r"only": _GIVEN,
    r"(?:per|in|each|in\s+each|both)\s+nostrils?": "write the whole dose of a session in mg",
    r"(?:ideal|lean|adjusted)\s+body\s?weight|[ial]bw|lbw": "write the dose in mg",
    r"in\s+\d+\s+(?:weeks?|wks?|days?)": "write how often, such as '3/week', and 'for' the weeks",
    r"about|approx\w*|circa|ca\.|~|roughly|at\s+least|at\s+most": _ONE,
    r"missed|skipped|not\s+given|omitted|cancelled": "leave out the sessions that were not given",
    r"partly\s+given|(?:only\s+)?half\s+(?:of\s+\w+\s+)?(?:was\s+)?given": _GIVEN,
    r"half\s+(?:the\s+)?dose": _GIVEN,
    r"months?|years?": "write the time in weeks or days",
    r"placebo": "a course gives ketamine, esketamine or arketamine",
}


def remark(text: str, position: int) -> None:
    """Refuse words that say what no part of a sentence can.

    **Raises:** `InputError` that quotes them.
    """
    for words, remedy in _REMARKS.items():
        match = re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE).match(text, position)
        if match is not None:
            raise InputError(FIELD, f"'{match[0]}' is not read", remedy)


def refuse_word(sentence: str, text: str, position: int, *, number: str, first: bool) -> NoReturn:
    """Refuse the word at a place of a sentence.

    **Arguments:**

    - `sentence`: as typed; `text`: the same with plain signs.
    - `position`: of the word.
    - `number`: that stands before it, whose unit it should be; else empty.
    - `first`: nothing was read before it.

    **Raises:** `InputError`.
    """
    found = re.compile(r"[^\s,;]+").match(text, position)
    assert found is not None
    word = shortened(sentence[found.start() : found.end()])
    if first and re.fullmatch(r"[\w()+-]*[^\W\d][\w()+-]*", word):
        raise unknown_drug(word, FIELD)
    if number and re.match(r"[^\W\d]", word):
        raise InputError(
            FIELD,
            f"'{word}' after '{number}' is not a unit",
            "use one of: mg, mg/kg, mL, s, min, h, d, wk",
        )
    before = quoted(sentence[:position])
    problem = f"cannot read '{word}'" + (f" after {before}" if before else "")
    # two drugs with a stroke between are no slip of one
    hint = "" if word.lower() in _NEAR or "/" in word else near(word.lower(), _NEAR)
    raise InputError(FIELD, problem, hint if hint.startswith("did you mean") else PARTS)


def quoted(text: str, longest: int = 40) -> str:
    """The end of what was read, in quotes; nothing where nothing was."""
    words = " ".join(text[-4 * longest :].split()).rstrip(" ,;")
    if not words:
        return ""
    return f"'{words}'" if len(words) <= longest else f"'…{words[-longest:].lstrip()}'"
