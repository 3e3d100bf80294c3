"""The daily amount of a medicine, from the words for its dose and how often it is taken."""

from __future__ import annotations

import math
import re
from typing import Final

from ketasim.vocabulary.number import NUMBER_WORDS

_UNITS: Final = {
    **dict.fromkeys(("g", "gram", "grams", "gm"), 1000.0),
    **dict.fromkeys(("mg", "mgs", "milligram", "milligrams", "milligramme", "milligrammes"), 1.0),
    **dict.fromkeys(("mcg", "mcgs", "ug", "µg", "μg", "microgram", "micrograms"), 0.001),
    **dict.fromkeys(("microgramme", "microgrammes", "micg"), 0.001),
}
_UNIT: Final = "|".join(sorted(_UNITS, key=len, reverse=True))
_NUMBER: Final = r"\d+(?:[.,]\d+)?"
_DOSE: Final = re.compile(
    rf"(?<![\w.,+-])(?<!\d/)({_NUMBER})\s*({_UNIT})(?![\w/%-])(?!\s*/\s*(?!d))"
)
_PER_DAY: Final = re.compile(rf"(?<![\w.,/+-])({_NUMBER})\s*({_UNIT})\s*/\s*(?:d|day|24 ?h)\b")
_VOLUME: Final = re.compile(
    rf"(?<![\w.,])({_NUMBER})\s*ml\s*\(?\s*(?:of\s+)?"
    rf"({_NUMBER})\s*({_UNIT})\s*/\s*({_NUMBER})?\s*ml\)?"
)
_COUNTED: Final = re.compile(
    rf"(?<![\w.,])(\d|one|two|three|four)\s*(?:x|×|tablets?|tabs?|capsules?|caps?|pills?)"
    rf"(?:\s*(?:of|x|×|\())?\s*({_NUMBER})\s*({_UNIT})(?![\w/%])\)?"
)
_OF_TABLETS: Final = re.compile(
    rf"(?<![\w.,])(\d|one|two|three|four)\s+({_NUMBER})\s*({_UNIT})\s*(?:tablets?|tabs?|capsules?|caps?)\b"
)
# how many of them at once: `400 mg ii nocte`, `25 mg x 2 at night`
_TABLETS: Final = re.compile(
    r"\s*(?:tabs?\s*|tablets?\s*|caps?\s*)?(?:(i{1,3})\b(?!/)|x ?([2-4])\b(?= (?:at|nocte|mane|od|"
    r"bd|tds|qds|qhs|hs|on|once|every|each|in the)\b))"
)
_ROMAN: Final = {"i": 1, "ii": 2, "iii": 3, "2": 2, "3": 3, "4": 4}
# morning, noon, evening, night, as `1-0-1`
_SCHEME: Final = re.compile(
    r"(?<![\w.,-])((?:\d|½|\d[.,]5)(?:\s?[-–+]\s?(?:\d|½|\d[.,]5)){2,3})(?![\w-])"
)
# a dose that is not taken every day, or only at most; a range
_NOT_DAILY: Final = re.compile(
    r"needed|required|\bprn\b|p\.r\.n|b\. ?bed|bedarf|\bsos\b|\bup to\b|\bmax|weekly|monthly|"
    r"fortnight|"
    r"(?:/|x|per|an?|every|each|once|twice|times|days) ?(?:week|wk|month)|"
    r"every other|alternate|every (?:second|third|[2-9]|\d\d) ?(?:days?|d)\b|\bq[2-9]d\b|\bqod\b|"
    r"\beod\b|every 72|every 48|patch|half|quarter|½ tab|"
    r"x ?\d+ ?(?:nights?|days?|weeks?|doses?)\b|occasional|sometimes|some days|"
    r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)days\b|\bon days?\b|depot|\blai\b|injection|"
    r"\d\s?(?:-|–|to)\s?\d+(?:[.,]\d+)?\s?m?c?g"
)
_BEFORE: Final = re.compile(
    r"(?:previously|formerly|was|from|until recently|earlier|before that|initially|originally|"
    r"increased from|reduced from|decreased from|instead of)\s*(?:on\s*|taking\s*)?$"
)
# how often a day, the first that fits
_TIMES: Final = {
    6: ("q.?4.?h", "4[ -]?hourly", r"every 4 ?h\w*"),
    4: (
        "four times", "qid", r"q\.i\.d", "qds", r"q\.d\.s", r"4\s?x", r"x\s?4", "4 times",
        "q.?6.?h", "6[ -]?hourly", r"every 6 ?h\w*",
    ),
    3: (
        "three times", "thrice", "tid", r"t\.i\.d", "tds", r"t\.d\.s", r"3\s?x", r"x\s?3",
        "3 times",
        "q.?8.?h", "8[ -]?hourly", r"every 8 ?h\w*",
    ),
    2: (
        "twice", "two times", "bid", r"b\.i\.d", "bd", r"b\.d", r"2\s?x", r"x\s?2", "2 times",
        "q.?12.?h", "12[ -]?hourly", r"every 12 ?h\w*", "morning and (?:evening|night)",
        "mane and nocte", "am and pm",
    ),
    1: (
        "once", "one time", r"1\s?x", "nightly", "nocte", "noct", "qhs", r"q\.h\.s", "hs", r"h\.s",
        "at night", "every night", "each night", r"at bed\w*", r"before bed\w*", "bedtime",
        "zur nacht", "abends", "morgens", "mane", "qam", r"q\.a\.m", "qpm", r"q\.p\.m", "am",
        r"a\.m", "pm", r"p\.m", "od", r"o\.d", "qd", r"q\.d", "on$", r"on\b(?= for)", "daily",
        "per day", "a day", "each day", "every day", r"every 24 ?h\w*", "q.?24.?h",
        "24[ -]?hourly", "(?:in the |every |each )?(?:morning|evening|afternoon)",
        "(?:at |with )?(?:breakfast|lunch|dinner|supper)", "at noon", "midday", "tgl", "täglich",
        r"/\s?(?:d|day|24 ?h)", "die",
    ),
}  # fmt: skip
_TIME: Final = tuple(
    (re.compile(rf"(?<![\w.-])(?:{'|'.join(words)})(?![\w-])"), count)
    for count, words in _TIMES.items()
)
# of a day: two doses beside two of these are both taken
_PART: Final = re.compile(
    r"(?<![\w-])(?:am|a\.m|pm|p\.m|mane|nocte|noon|midday|morning|evening|night|afternoon|hs|qhs|"
    r"bedtime|breakfast|lunch|dinner|supper|qam|qpm|tea ?time)(?![\w-])"
)
_COUNT_BEFORE: Final = re.compile(r"(?:\b(?:two|three|four|double|twice)|(?<![\d.,])\d) ?x? ?$")
_NOW: Final = re.compile(r"(?:now|currently|current|to|presently|total)\s*(?:on\s*)?(?:of\s*)?$")
_READ: Final = re.compile(
    r"\b(?:po|p\.o|oral|orally|by mouth|sl|sublingual|tablets?|tabs?|capsules?|caps?|pills?|"
    r"xl|xr|sr|er|ir|mr|cr|la|for|to|of|and|the|in|at|with|food|plus|since|total|dose|stable|"
    r"long|term|regularly|regular|maintenance|hcl|hydrochloride)\b"
)


def daily_mg(text: str) -> float | None:
    """Daily dose of one medicine, as far as the words leave no doubt.

    **Arguments:**

    - `text`: in small letters, what stands behind the name, such as `0,5 mg nocte`, `5 mg 1-0-1`,
      `2 x 1 mg tds` or `5 mg morning and 10 mg night`. A dose without how often is taken as the
      daily dose.

    **Returns:** mg; nothing where the dose, or how often, cannot be told: as needed, a range, a
    half tablet, less often than daily.
    """
    text = " ".join(text.replace("\u2013", "-").replace("\u00d7", "x").split())
    if _NOT_DAILY.search(text):
        return None
    per_day = {_mg(match[1], match[2]) for match in _PER_DAY.finditer(text)}
    if per_day:
        return next(iter(per_day)) if len(per_day) == 1 else None
    volume = _VOLUME.search(text)
    if volume is not None:
        each, strength, per = (_number(volume[n] or "1") for n in (1, 2, 4))
        if each is None or strength is None or not per:
            return None
        return _times(each * strength / per * _UNITS[volume[3]], text[volume.end() :])
    counted = _COUNTED.search(text) or _OF_TABLETS.search(text)
    if counted is not None:
        each = _mg(counted[2], counted[3])
        count = NUMBER_WORDS.get(counted[1]) or int(counted[1])
        rest = text[counted.end() :]
        if each is None or _DOSE.search(rest) or re.search(r"\d\s?$", text[: counted.start()]):
            return None
        return _times(each * count, rest)
    return _of_doses(text)


def _of_doses(text: str) -> float | None:
    doses = [match for match in _DOSE.finditer(text) if not _BEFORE.search(text[: match.start()])]
    if not doses or any(_COUNT_BEFORE.search(text[: match.start()]) for match in doses):
        return None
    if len(doses) > 1:
        now = [match for match in doses if _NOW.search(text[: match.start()])]
        if len(now) == 1 and not _PART.search(text[now[0].end() :]):
            doses = now
    if len(doses) == 1:
        rest = text[doses[0].end() :]
        count = _TABLETS.match(rest)
        each = _mg(doses[0][1], doses[0][2])
        if count is None or each is None:
            return _times(each, rest)
        return _times(each * _ROMAN[count[1] or count[2]], rest[count.end() :])
    ends = [match.start() for match in doses[1:]] + [len(text)]
    parts = [text[match.end() : end] for match, end in zip(doses, ends, strict=True)]
    before = [text[: doses[0].start()], *parts[:-1]]
    if not all(len(_PART.findall(part)) == 1 for part in parts) and not all(
        len(_PART.findall(part)) == 1 for part in before
    ):
        return None
    amounts = [_mg(match[1], match[2]) for match in doses]
    known = [one for one in amounts if one is not None]
    return sum(known) if len(known) == len(amounts) else None


def _times(mg: float | None, rest: str) -> float | None:
    """A dose by how often the words behind it say that it is taken."""
    if mg is None:
        return None
    scheme = _SCHEME.search(rest)
    if scheme is not None:
        counts = [
            0.5 if one == "½" else _number(one) or 0.0 for one in re.split(r"\s?[-+]\s?", scheme[1])
        ]
        return mg * sum(counts) or None
    for pattern, count in _TIME:
        if pattern.search(rest):
            return mg * count
    left = _READ.sub(" ", re.split(r"[,;(]", rest)[0])
    # such as `/mL` or `before sleep`: not a daily dose that can be told
    return None if re.search(r"\w|/", left) else mg


def _mg(number: str, unit: str) -> float | None:
    value = _number(number)
    return None if value is None else value * _UNITS[unit]


def _number(text: str) -> float | None:
    """A number, its comma read as a decimal one unless it or a point may part thousands."""
    whole, comma, part = text.partition(",")
    if (comma and len(part) == 3 and whole != "0") or text.endswith(".000"):
        return None
    value = float(text.replace(",", "."))
    return value if math.isfinite(value) else None
