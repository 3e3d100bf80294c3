"""A sentence cut into tokens: each word is read by the vocabulary, or refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from ketasim._base import NUMBER, InputError, read_unit
from ketasim.dosing.sentence.refusal import FIELD, refuse_word, remark
from ketasim.vocabulary.drug import drug_of, drug_pattern, salt_of, salt_pattern
from ketasim.vocabulary.frequency import Frequency, frequency_at
from ketasim.vocabulary.measure import Measure, measure_of, measure_pattern
from ketasim.vocabulary.number import NUMBER_WORDS, TIMES, value_of
from ketasim.vocabulary.phrase import straight
from ketasim.vocabulary.route import (
    IN_SHORT,
    other_route_pattern,
    route_of,
    route_pattern,
    unknown_route,
)

LONGEST: Final = 20_000
"""Most letters of a sentence: a limit against floods."""


@dataclass(frozen=True)
class Token:
    """A word or phrase of a sentence.

    **Arguments:**

    - `kind`: what it is, in capitals.
    - `value`: what it says, by its kind.
    - `text`: as typed.
    - `start`: its place in the sentence.
    """

    kind: str
    value: Any
    text: str
    start: int


_SKIPPED: Final = re.compile(r"(?:[\s;:)\[\]\"']|,(?!\d))+|\(|\.(?=\s|$)|-(?=\s)")
_NUMBER: Final = re.compile(rf"(?!\+){NUMBER}(?!\w)")
_RANGE: Final = re.compile(r"([0-9]+)\s*(?:-|to|through)\s*([0-9]+)(?![\w.,]*\d)(?![.]?\w)", re.I)
_SPREAD: Final = re.compile(rf"{NUMBER}\s*(?:-|to)\s*{NUMBER}\s*-?\s*([a-zµ/]+)", re.I)
_BETWEEN: Final = re.compile(r"every\s+[0-9.,]+\s*(?:-|to)\s*[0-9.,]+\s*\w*", re.I)
_CLOCK: Final = re.compile(
    r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?|[0-9]{1,2}\s?(?:am|pm)(?!\w)|noon|midnight", re.I
)
_DATE: Final = re.compile(
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}|[0-9]{1,2}([/.])[0-9]{1,2}\1[0-9]{2,4}(?!\w)"
    r"|[0-9]{1,2}(?:st|nd|rd|th|\.)?\s?(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)"
    r"(?:uary|ruary|ch|il|ust|ember|ober)?(?!\w)",
    re.I,
)
_LIST: Final = re.compile(r"[0-9]+(?:,[0-9]+){2,}")
_GROUPED: Final = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+")
_SALT_COMPUTED: Final = re.compile(r"\(\s*hydrochloride\s*,[^()]*of base\s*\)", re.I)
_DEVICES: Final = re.compile(
    rf"(?P<count>[0-9]+|{'|'.join(NUMBER_WORDS)})\s+devices?"
    r"(?:\s+of\s+(?P<each>[0-9.]+\s*mg))?(?:\s*,?\s*5\s*min\s+apart)?(?!\w)",
    re.I,
)
_WEEKS: Final = re.compile(
    r"(?:(?:in|during|for|over|on)\s+)?weeks?\s+([0-9]+)(?:\s*(?:-|to|through|and)\s*([0-9]+))?"
    r"(?![\w.])",
    re.I,
)
_FROM_TO: Final = re.compile(
    r"from\s+day\s+([0-9.]+)\s+(?:to|until|through)\s+(?:day\s+)?([0-9.]+)", re.I
)
_MULTIPLE: Final = re.compile(rf"([0-9]+)\s*x\s*(?={NUMBER}\s*(?:mg|g|ug|mcg|\u00b5g)(?!\w))", re.I)
_COUNTED: Final = re.compile(r"([0-9]+)\s*x(?=\s*(?:$|[,;.)]|then|over|for|on|from|at))", re.I)
_DOUBTFUL: Final = re.compile(
    rf"([0-9]+|{'|'.join(NUMBER_WORDS)})\s+(?:(?:doses|sessions|infusions|injections|treatments)\s+)?"
    r"(week|wk|dai)ly(?!\w)",
    re.I,
)
_MOST_A: Final[Mapping[str, int]] = {"day": 6, "week": 7}
"""`x 14 daily` is a number of doses; of fewer it may be how many a day."""
_HALVED: Final = re.compile(rf"{NUMBER}\s+[0-9][0-9]{{2}}\s*(?:mg|g|ug|mcg|\u00b5g)(?!\w)", re.I)
_PER_PERIOD: Final = re.compile(r"(?:d|days?|h|hrs?|hours?|min|minutes?|weeks?|wks?)\s*/", re.I)
_DILUENT: Final = re.compile(
    r"(?:(?:of|in)\s+)?(?:(?:0[.,]9|5)\s?%\s+)?(?:in\s+)?(?:normal\s+)?"
    r"(?:saline|nacl|sodium\s+chloride|dextrose|glucose|d5w)(?:\s+(?:0[.,]9|5)\s?%)?(?!\w)",
    re.I,
)
_ARTICLE: Final = re.compile(
    r"(?:an?|one)\s+(?P<unit>week|day|hour)(?!\w)|(?:an?|one|(?P<count>[0-9]{1,3}))\s+fortnights?"
    r"(?!\w)",
    re.I,
)
_PERCENT: Final = re.compile(rf"{NUMBER}\s*(?:%|per\s?cent)", re.I)

# kind to words; a word that is none of these, nor a drug, route, amount or frequency, is refused
_WORDS: Final = (
    ("THEN", r"(?:and\s+)?then|followed\s+by|thereafter|and\s+afterwards|afterwards"),
    ("PLUS", r"\+|plus"),
    ("PAUSE", r"(?:and\s+)?(?:a\s+)?(?:pause|break|rest)(?:\s+(?:of|for))?"),
    ("STOP", r"(?:and\s+)?(?:stopped|discontinued|aborted|halted|interrupted)(?:\s+(?:after|at))?"),
    ("BOLUS", r"(?:slow\s+|rapid\s+|fast\s+)?(?:bolus|push)(?:\s+injection)?"),
    ("ONCE", r"once(?:\s+only)?|one[\s-]?time|one[\s-]off|(?:a\s+)?single(?=\s)|stat"),
    ("NOUN", r"doses?|sessions?|infusions|injections?|treatments?|administrations?|times"),
    ("INFUSION", r"infusion|infused|infuse|drip"),
    ("OVER", r"over|during|lasting"),
    ("TOTAL", r"(?:a\s+)?total\s+of"),
    ("FILL", r"slow(?:ly)?(?=\s+(?:iv|i\.v|intravenous))"),
    ("FILL", r"of|a|an|the|given|administered|as|via|by|dosed|dosing|at\s+a\s+(?:dose|rate)\s+of"),
    ("FILL", r"each(?=\s+(?:over|of|lasting|for)\b)"),
    ("FILL", r"per\s+(?:infusion|session|dose|injection|treatment)|no\s+duration\s+is\s+given"),
    ("FOR", r"for"),
    ("X", rf"[x*](?=\s*(?:[-+.0-9]|(?:{'|'.join(NUMBER_WORDS)})(?!\w)))"),
    ("DAY", r"(?:on\s+)?(?:the\s+)?days?(?:\s+no\.?)?|on(?=\s+[0-9])"),
    ("FROM", r"(?:from|(?:starting|beginning)(?:\s+(?:on|at|from|in))?)"),
    ("AT", r"at(?:\s+hours?)?"),
    ("IN", r"in(?=\s*[0-9])"),
    ("AND", r"and|&"),
)


@cache
def _words() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple(
        (
            kind,
            re.compile(
                rf"(?<![\w])(?:{words})(?!\w)" if kind not in ("PLUS", "X") else words, re.I
            ),
        )
        for kind, words in _WORDS
    )


def scan(sentence: str) -> list[Token]:
    """Cut a sentence into tokens.

    **Raises:** `InputError` for the first words that are not read, or that may mean two things.
    """
    if len(sentence) > LONGEST:
        raise InputError(
            FIELD, f"the sentence has more than {LONGEST:,} letters", "write it in fewer words"
        )
    text = straight(sentence)
    if text.count("(") != text.count(")"):
        raise InputError(FIELD, "a bracket is not closed, or not opened", "write brackets in pairs")
    tokens: list[Token] = []
    position = 0
    while True:
        skipped = _SKIPPED.match(text, position)
        while skipped is not None and not _opens_name(text, position):
            position = skipped.end()
            skipped = _SKIPPED.match(text, position)
        if position >= len(text):
            return tokens
        for read in _READERS:
            found = read(text, position, tokens)
            if found is not None:
                tokens += found[0]
                position = found[1]
                break
        else:
            refuse_word(sentence, text, position, number=_open(tokens), first=not tokens)


_Found = tuple[list[Token], int] | None


def _open(tokens: list[Token]) -> str:
    """The number at the end that waits for its unit; those of days need none."""
    if not tokens or tokens[-1].kind != "NUM" or any(token.kind == "DAY" for token in tokens):
        return ""
    if len(tokens) > 1 and tokens[-2].kind == "X":
        return ""
    return tokens[-1].text


def _opens_name(text: str, position: int) -> bool:
    """A bracket may open a name, as in `(S)-ketamine` or `(hydrochloride)`."""
    patterns = (drug_pattern(), salt_pattern(), _SALT_COMPUTED)
    return text[position] == "(" and any(one.match(text, position) for one in patterns)


def _one(kind: str, value: Any, text: str, match: re.Match[str]) -> _Found:
    return [Token(kind, value, text[match.start() : match.end()], match.start())], match.end()


def _refused(text: str, position: int, before: list[Token]) -> _Found:
    """Refuse what must not be taken for something else."""
    if text[position] == ",":
        found = re.compile(r",[0-9]+").match(text, position)
        raise InputError(
            FIELD,
            f"'{'' if found is None else found[0]}' begins with a comma",
            "write the digit before a decimal comma, and a blank after the comma of a list",
        )
    clock, date = _CLOCK.match(text, position), _DATE.match(text, position)
    if clock is not None:
        raise InputError(
            FIELD,
            f"'{clock[0]}' is a time of the clock",
            "count hours from the start of the course, as in 'at 0, 6, 12 h'",
        )
    if date is not None:
        raise InputError(
            FIELD, f"'{date[0]}' is a date", "count days from the first dose, as in 'on days 0 7'"
        )
    percent = _PERCENT.match(text, position)
    if percent is not None and _DILUENT.match(text, position) is None:
        raise InputError(
            FIELD,
            f"'{percent[0]}' is a percentage",
            "write a dose in mg or mg/kg, a concentration in mg/mL",
        )
    between = _BETWEEN.match(text, position)
    if between is not None:
        raise InputError(FIELD, f"'{between[0]}' is a range", "write the one interval")
    halved = _HALVED.match(text, position)
    if halved is not None and not any(token.kind in ("DAY", "X") for token in before):
        raise InputError(
            FIELD,
            f"'{halved[0]}' may be one number or two",
            "write the whole dose of a session as one number, with nothing between its digits",
        )
    spread = _SPREAD.match(text, position)
    if spread is not None and read_unit(spread[1]) is not None:
        raise InputError(
            FIELD, f"'{spread[0]}' is a range", "write the one amount or time that is given"
        )
    remark(text, position)
    return None


def _measure(text: str, position: int, before: list[Token]) -> _Found:
    match = measure_pattern().match(text, position)
    if match is None or text[position] == "+":  # a plus joins steps
        return None
    number, unit, end = match["number"], match["unit"], match.end()
    found = _listed(number, unit, match)
    if found is not None:
        return found
    if read_unit(unit) is None and re.match(r"\w+\s*[/\u00b7]", unit) is None:
        unit = unit.split()[0]
        end = match.start("unit") + len(unit)
    if read_unit(unit) is None:
        return _unknown_unit(number, unit)
    told = measure_of(number, unit, field=FIELD)
    if told is None:
        return _unknown_unit(number, unit)
    if told.kind == "time" and told.unit in ("month", "year"):
        raise InputError(
            FIELD,
            f"'{text[position:end]}' is not read: months and years differ in length",
            "write the weeks, the days or the number of sessions",
        )
    shown = text[position:end]
    goes_on = re.match(r"[\^/][a-z0-9]\S*", text[end:], re.I)
    if goes_on is not None and told.kind != "time" and not _per_time(text, end):
        raise _no_dose_unit(unit + goes_on[0])
    if told.kind == "rate" and told.per_day and not _runs(before, text[end:]):
        by = 24.0 if told.per_day == 24.0 else 168.0
        value = told.value * int(by)
        per = "daily" if by == 24.0 else "weekly"
        often = Frequency(0, by, (), per) if by == 24.0 else Frequency(1, 0.0, (), per)
        dose = Measure("dose", value, told.per_kg, shown)
        return [Token("DOSE", dose, shown, position), Token("FREQ", often, shown, position)], end
    kind = {"dose": "DOSE", "rate": "RATE", "concentration": "CONC", "volume": "VOL"}
    return [Token(kind.get(told.kind, told.kind.upper()), told, shown, position)], end


def _runs(before: list[Token], after: str) -> bool:
    """An infusion goes on: an amount by the day is a rate then, and no daily dose."""
    rest = re.split(r"\bthen\b", after, maxsplit=1)[0]
    said = any(token.kind in ("INFUSION", "OVER") for token in before)
    return said or re.search(r"\b(?:over|infusion|infused)\b", rest, re.I) is not None


def _listed(number: str, unit: str, match: re.Match[str]) -> _Found:
    """`0,6,12 h` are three times; one comma is a decimal comma."""
    found = read_unit(unit)
    if found is None or set(found.kind) != {"time"}:
        return None
    if _LIST.fullmatch(number) is None or _GROUPED.fullmatch(number) is not None:
        return None
    *earlier, last = number.split(",")
    tokens = [Token("NUM", part, part, match.start()) for part in earlier]
    told = measure_of(last, unit, field=FIELD)
    return [*tokens, Token("TIME", told, f"{last} {unit}", match.start())], match.end()


def _per_time(text: str, end: int) -> bool:
    """`0.5 mg/kg/40 min`: what follows the stroke is a time."""
    after = measure_pattern().match(text, end + 1)
    unit = None if after is None else read_unit(after["unit"])
    return text[end] == "/" and unit is not None and set(unit.kind) == {"time"}


def _unknown_unit(number: str, unit: str) -> None:
    """Refuse an amount in a unit that is none; a plain word after a number is no unit."""
    del number
    if unit.lower() == "in":  # no inches: `3 in week 1`
        return
    if "/" in unit or "\u00b7" in unit or read_unit(unit) is not None:
        raise _no_dose_unit(unit)


def _no_dose_unit(unit: str) -> InputError:
    if _PER_PERIOD.match(unit):
        return InputError(
            FIELD,
            f"'{unit}' is not read",
            "write how often, such as '3/week', and 'over' before the time of an infusion",
        )
    return InputError(
        FIELD,
        f"'{unit}' is not a unit of a dose",
        "write the dose in mg, g or ug, each also per kg",
    )


def _slash(text: str, position: int, before: list[Token]) -> _Found:
    if text[position] == "/" and before and before[-1].kind == "DOSE" and _per_time(text, position):
        after = measure_pattern().match(text, position + 1)
        time = None if after is None else measure_of(after["number"], after["unit"], field=FIELD)
        # a day's driver is no dose every 24 h
        if after is not None and time is not None and not (time.value <= 1 or time.value == 24):
            raise InputError(
                FIELD,
                f"'{before[-1].text}/{after[0]}' may be given over {after[0]}, or every {after[0]}",
                f"write 'over {after[0]}' or 'every {after[0]}'",
            )
        return [Token("OVER", None, "/", position)], position + 1
    return None


def _drug(text: str, position: int, before: list[Token]) -> _Found:
    del before
    match = drug_pattern().match(text, position)
    return None if match is None else _one("DRUG", drug_of(match[0]), text, match)


def _salt(text: str, position: int, before: list[Token]) -> _Found:
    del before
    computed = _SALT_COMPUTED.match(text, position)
    if computed is not None:
        return _one("SALT", "hydrochloride", text, computed)
    match = salt_pattern().match(text, position)
    return None if match is None else _one("SALT", salt_of(match[0]), text, match)


def _route(text: str, position: int, before: list[Token]) -> _Found:
    del before
    match = IN_SHORT.match(text, position) or route_pattern().match(text, position)
    if match is not None:
        return _one("ROUTE", route_of(match[0]), text, match)
    other = other_route_pattern().match(text, position)
    if other is not None:
        if other[0].lower() == "injection":
            return _one("NOUN", None, text, other)
        raise unknown_route(other[0], FIELD)
    return None


def _frequency(text: str, position: int, before: list[Token]) -> _Found:
    found = frequency_at(text, position, field=FIELD)
    if found is None:
        match = _DOUBTFUL.match(text, position)
        if match is not None:
            count, period = match[1], "day" if match[2].lower() == "dai" else "week"
            if before and before[-1].kind == "X":
                if value_of(count) > _MOST_A[period]:
                    return None
                raise InputError(
                    FIELD,
                    f"'x {match[0]}' may be {count} a {period}, or {count} doses, one a {period}",
                    f"write '{count}/{period}', or '{match[2]}ly, x {count}'",
                )
            raise InputError(
                FIELD,
                f"'{match[0]}' may be {count} a {period}, {count} doses or every {count} {period}s",
                f"write '{count}/{period}', 'x {count}' or 'every {count} {period}s'",
            )
        return None
    return [Token("FREQ", found[0], text[position : found[1]], position)], found[1]


def _phrase(text: str, position: int, before: list[Token]) -> _Found:
    article = _ARTICLE.match(text, position)
    if article is not None and before and before[-1].kind in ("FOR", "OVER", "X", "STOP"):
        unit, count = article["unit"], int(article["count"] or 1)
        told = measure_of("1", unit, field=FIELD) if unit else None
        told = told or measure_of(str(2 * count), "weeks", field=FIELD)
        return _one("TIME", told, text, article)
    for kind, pattern in (
        ("DILUENT", _DILUENT),
        ("DEVICES", _DEVICES),
        ("WEEKS", _WEEKS),
        ("SPAN", _FROM_TO),
        ("MULTIPLE", _MULTIPLE),
        ("COUNT", _COUNTED),
    ):
        match = pattern.match(text, position)
        if match is not None:
            return _one(kind, match, text, match)
    return None


def _word(text: str, position: int, before: list[Token]) -> _Found:
    del before
    for kind, pattern in _words():
        match = pattern.match(text, position)
        if match is not None:
            return _one(kind, None, text, match)
    return None


def _number(text: str, position: int, before: list[Token]) -> _Found:
    del before
    match = _RANGE.match(text, position)
    if match is not None:
        return _one("RANGE", (int(match[1]), int(match[2])), text, match)
    match = _NUMBER.match(text, position)
    if match is None:
        words = "|".join(sorted((*NUMBER_WORDS, *TIMES), key=len, reverse=True))
        match = re.compile(rf"(?:{words})(?!\w)", re.I).match(text, position)
        return None if match is None else _one("NUM", match[0], text, match)
    number = match[0].rstrip(".")
    if _LIST.fullmatch(number) is not None and _GROUPED.fullmatch(number) is None:
        return [Token("NUM", n, n, position) for n in number.split(",")], match.end()
    return _one("NUM", number, text, match)


_READERS: Final[tuple[Callable[[str, int, list[Token]], _Found], ...]] = (
    _refused,
    _slash,
    _drug,
    _salt,
    _phrase,
    _frequency,
    _measure,
    _route,
    _word,
    _number,
)


def phases(tokens: list[Token]) -> Iterator[list[Token]]:
    """The tokens of each phase, which `then` parts."""
    own: list[Token] = []
    for token in tokens:
        if token.kind == "THEN":
            yield own
            own = []
        else:
            own.append(token)
    yield own
