"""What stands beside a finding: how severe, how much, when."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from ketasim.vocabulary.number import NUMBER_WORDS

_COUNTS: Final = {
    **dict.fromkeys(("a", "an", "einem", "einer"), 1),
    **{word: number for word, number in NUMBER_WORDS.items() if number <= 12},
    "zwei": 2,
    "drei": 3,
    "vier": 4,
}
_UNITS: Final = {
    **dict.fromkeys(("hour", "hr", "h"), 1 / 24),
    **dict.fromkeys(("day", "d", "tag"), 1.0),
    **dict.fromkeys(("week", "wk", "w", "woche"), 7.0),
    **dict.fromkeys(("month", "mo", "mth", "monat"), 365.25 / 12),
    **dict.fromkeys(("year", "yr", "y", "jahr"), 365.25),
}
_NUMBER: Final = rf"(\d+(?:\.\d+)?|{'|'.join(_COUNTS)})"
_UNIT: Final = rf"({'|'.join(sorted(_UNITS, key=len, reverse=True))})s?"
_AGO: Final = re.compile(rf"\b{_NUMBER} ?{_UNIT} (?:ago|before|previously|earlier|back)\b")
_VOR: Final = re.compile(
    r"\bvor (\d+(?:\.\d+)?|einem|einer|zwei|drei|vier) ?(tag|woche|monat|jahr)(?:en|e|n)?\b"
)
_LAST: Final = re.compile(rf"\b(?:(?:in|within|over) )?(?:the )?(?:last|past) {_NUMBER} ?{_UNIT}\b")
_FOR: Final = re.compile(rf"\b(?:for|after|since) (?:the (?:last|past) )?{_NUMBER} ?{_UNIT}\b")
# days, weeks and months of the clinic: 4/7, 2/52, 3/12
_SHORT: Final = re.compile(r"\b(\d{1,2})/(7|52|12)(?: ago\b|\b(?!/))")
_OVER: Final = re.compile(r"(?:more than|over|greater than|at least|>)\s*$")
_MORE: Final = 1.01  # more than six months is not within six
_WORDS: Final = {
    **{f"last {day}day": 7.0 for day in ("mon", "tues", "wednes", "thurs", "fri", "satur", "sun")},
    "today": 0.0,
    "this morning": 0.0,
    "last night": 1.0,
    "yesterday": 1.0,
    "this week": 7.0,
    "last week": 14.0,
    "recently": 14.0,
    "last month": 62.0,
    "last year": 731.0,
}
_SINCE: Final = re.compile(
    r"\b(?:since |in |on |from )?(?:(?:early|late|mid|about) )?(?:(?:jan|feb|mar|apr|may|jun|jul|"
    r"aug|sep|oct|nov|dec)\w* ?)?(?:\d{1,2}[/.-]){0,2}(?:19|20)\d\d\b"
)
_SEVERITY: Final = re.compile(
    r"\b(very severe|mild|moderate|severe|poorly controlled|well controlled|uncontrolled|"
    r"controlled|stable|unstable|borderline|refractory|resistant|chronic|acute|"
    r"(?:stage|grade|type|class|nyha|ccs|child-pugh|child|ckd)(?: stage)? ?[1-5ivabc]{1,3}[ab]?)\b"
)
_MEASURE: Final = re.compile(
    r"\b\d{2,3} ?/ ?\d{2,3}(?: ?mmhg)?\b|(?:\b(?:egfr|ef|lvef|bmi|ahi|iop|mmse|inr|hba1c|gfr) ?"
    r"(?:of |is |= ?|: ?)?\d+(?:\.\d+)? ?%?)|\b\d+(?:\.\d+)? ?(?:cm|mm|mmhg|ml/min|%|units?/\w+|"
    r"kg/m2|mg/dl|mmol/l)(?!\w)"
)


@dataclass(frozen=True)
class Qualifier:
    """Words beside a finding that say more of it.

    **Arguments:**

    - `severity`: such as `poorly controlled`. `measure`: such as `4.2 cm`.
    - `time`: such as `3 weeks ago`. `days`: how long ago at most, days, where the words tell it.
    - `exact`: the time is a point, not a span such as `within the last 3 weeks`.
    """

    severity: str = ""
    measure: str = ""
    time: str = ""
    days: float | None = None
    exact: bool = True


def qualifier(text: str) -> Qualifier:
    """Read severity, amount and time in the words that belong to a finding.

    **Arguments:**

    - `text`: as `plain` returns it.
    """
    severity, measure = _SEVERITY.search(text), _MEASURE.search(text)
    time, days, exact = time_of(text)
    return Qualifier(
        severity[0] if severity else "", measure[0] if measure else "", time, days, exact
    )


def time_of(text: str) -> tuple[str, float | None, bool]:
    """The first time a text tells, as written, in days ago where it is known, and whether exact.

    A year alone is no number of days, since the day on which it was written is not known.
    """
    short = _SHORT.search(text)
    if short:
        unit = {"7": 1.0, "52": 7.0, "12": 365.25 / 12}[short[2]]
        return short[0], float(short[1]) * unit, True
    for pattern, exact in ((_AGO, True), (_VOR, True), (_LAST, False), (_FOR, True)):
        match = pattern.search(text)
        if match:
            count = _COUNTS.get(match[1])
            number = float(match[1]) if count is None else count
            days = number * _UNITS[match[2]]
            return match[0], days * (_MORE if _OVER.search(text[: match.start()]) else 1), exact
    for words, days in _WORDS.items():
        if re.search(rf"\b{words}\b", text):
            return words, days, False
    since = _SINCE.search(text)
    return (since[0].strip(), None, True) if since else ("", None, True)
