"""How often something is given, in words and in the short forms of a prescription."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

from ketasim._base import InputError
from ketasim.vocabulary.number import NUMBER_WORDS, ORDINALS, TIMES, value_of
from ketasim.vocabulary.phrase import key, pattern_of, straight

_DAY: Final = 24.0  # h
_HOURS: Final = {"s": 1 / 3600, "min": 1 / 60, "h": 1.0, "d": 24.0, "w": 168.0, "f": 336.0}

_EVERY: Final = {
    24.0: "daily;qd;q.d.;od;o.d.;q24h;once daily;every day;each day;per day;a day;every night;"
    "every morning;every evening;nightly;nocte;qhs;q.h.s.;hs;qn;at night;at bedtime;mane;qam;qpm;"
    "in the morning;in the evening;once a day;one a day;1 a day",
    12.0: "bid;b.i.d.;bd;b.d.",
    8.0: "tid;t.i.d.;tds;t.d.s.",
    6.0: "qid;q.i.d.;qds;q.d.s.",
    48.0: "qod;q.o.d.;eod;e.o.d.;alternate days;on alternate days;alternating days",
    1.0: "hourly",
    336.0: "fortnightly;every fortnight;once a fortnight;qow;eow;alternate weeks",
}
_WEEKLY: Final = {1: "weekly;qw;q.w.;qwk;every week;each week", 2: "biw;b.i.w.", 3: "tiw;t.i.w."}
_MONTHS: Final = (
    "months differ in length: write the weeks or days between doses, such as 'every 4 weeks' or "
    "'every 30 days'"
)
_ASKED: Final = {
    "biweekly": "write 'twice weekly' or 'every 2 weeks'",
    "bi weekly": "write 'twice weekly' or 'every 2 weeks'",
    "bimonthly": "write 'every 2 weeks' or 'every 8 weeks'",
    "semi weekly": "write 'twice weekly'",
    "monthly": _MONTHS,
    "every month": _MONTHS,
    "once a month": _MONTHS,
    "q month": _MONTHS,
    "quarterly": "write the number of weeks between doses",
    "prn": "a dose as needed has no time: name the days or hours",
    "as needed": "a dose as needed has no time: name the days or hours",
    "as required": "a dose as needed has no time: name the days or hours",
    "on weekdays": "name the days, such as 'Mon/Tue/Wed/Thu/Fri'",
}
_NAMES: Final = (
    "mon(?:days?)?",
    "tue(?:s|sdays?)?",
    "wed(?:s|nesdays?)?",
    "thu(?:r|rs|rsdays?)?",
    "fri(?:days?)?",
    "sat(?:urdays?)?",
    "sun(?:days?)?",
)


@dataclass(frozen=True)
class Frequency:
    """How often.

    **Arguments:**

    - `per_week`: sessions a week, on whole days; 0 where it is an interval.
    - `interval`: h; 0 where it is a number a week.
    - `weekdays`: 0 for Monday to 6, ascending from the first that is named, when days are named.
    - `text`: as typed.
    """

    per_week: int = 0
    interval: float = 0.0
    weekdays: tuple[int, ...] = ()
    text: str = ""

    @property
    def gap(self) -> float:
        """Mean time between two sessions, h."""
        return 7 * _DAY / self.per_week if self.per_week else self.interval


@cache
def _words() -> dict[str, Frequency]:
    found = {key(w): Frequency(interval=h) for h, words in _EVERY.items() for w in words.split(";")}
    weekly = {n: words.split(";") for n, words in _WEEKLY.items()}
    return found | {key(w): Frequency(per_week=n) for n, words in weekly.items() for w in words}


def _count(text: str) -> int:
    return int(value_of(text))


def _times(match: re.Match[str], field: str) -> Frequency:
    count, period = _count(match["times"]), match["period"].lower()
    if period.startswith(("w",)) and 1 <= count <= 7:
        return Frequency(per_week=count)
    if period.startswith("d") and count >= 1:
        return Frequency(interval=_DAY / count)
    raise InputError(
        field,
        f"'{' '.join(match[0].split())}' is not a pattern",
        "write how many times a day, up to 7 times a week, or every how many hours or days",
    )


def _every(match: re.Match[str], field: str) -> Frequency:
    if match["unit"].lower().startswith("mo"):
        raise InputError(
            field, f"'{' '.join(match[0].split())}' does not say one frequency", _MONTHS
        )
    count = match["count"]
    number = 1.0 if not count else float(ORDINALS.get(count.lower()) or value_of(count))
    unit = match["unit"].lower()
    start = "min" if unit.startswith("m") else unit[0]
    return Frequency(interval=number * _HOURS[start])


def _days(match: re.Match[str], field: str) -> Frequency:
    words = [
        word
        for word in re.findall("[A-Za-z]+|-", match["days"])
        if word.lower() not in ("and", "on", "every")
    ]
    found = [_weekday(word) for word in words if word != "-"]
    if words.count("-") not in (0, len(found) - 1) or (len(found) == 2 and "-" in words):
        shown = " ".join(match["days"].split())
        raise InputError(
            field,
            f"'{shown}' may be the days named or all from the one to the other",
            "write '/' between the days of the sessions",
        )
    return _weekdays(found, match[0], field)


def _weekday(word: str) -> int:
    return next(n for n, name in enumerate(_NAMES) if re.fullmatch(name, word.lower()))


def _day_to_day(match: re.Match[str], field: str) -> Frequency:
    first, last = _weekday(match["first"]), _weekday(match["last"])
    found = [(first + day) % 7 for day in range((last - first) % 7 + 1)]
    return _weekdays(found, match[0], field)


def _weekdays(found: list[int], text: str, field: str) -> Frequency:
    offsets = [(day - found[0]) % 7 for day in found]
    if offsets != sorted(set(offsets)):
        raise InputError(
            field,
            f"the weekdays '{' '.join(text.split())}' are not in order, each once",
            "name them in the order in which they come",
        )
    return Frequency(per_week=len(found), weekdays=tuple(found))


def _mwf(match: re.Match[str], field: str) -> Frequency:
    return _weekdays([0, 2, 4], match[0], field)


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], Callable[[re.Match[str], str], Frequency]], ...]:
    words = "|".join(sorted((*NUMBER_WORDS, *TIMES), key=len, reverse=True))
    ordinals = "|".join(sorted(ORDINALS, key=len, reverse=True))
    day = "|".join(f"(?:{name})" for name in _NAMES)
    count = rf"\d{{1,4}}(?:[.,]\d+)?|{words}|{ordinals}"
    unit = r"min(?:ute)?s?|h(?:ou)?rs?|h|days?|d|w(?:ee)?ks?|w|fortnights?|months?"
    period = r"\s*(?P<period>day|d|week|wk|hour|h|fortnight)"
    noun = "(?:sessions|doses|infusions)"
    some_day = r"(?:(?:on|every|each)\s+)?"
    next_day = rf"(?:\s*(?:/|,|&|\+|-)\s*|\s+and\s+|\s+)(?:{day})"
    patterns: tuple[tuple[str, Callable[[re.Match[str], str], Frequency]], ...] = (
        # 3/week, 3x weekly, twice a week; '4 weekly' may be every four weeks and is not read
        (
            rf"(?P<times>{words})(?:\s*(?:times|x)|\s+{noun})?\s*(?:/|\s(?:per|an?|each|every)\s){period}",
            _times,
        ),
        (rf"(?P<times>{'|'.join(TIMES)})[\s-]+(?P<period>daily|weekly)", _times),
        (rf"(?P<times>{words})\s+times[\s-]+(?P<period>daily|weekly)", _times),
        (
            r"(?P<times>\d{1,3})\s*(?:(?:times|x|sessions|doses|infusions)\s*(?:/|(?:per|an?|each|every)\s)|/|\s(?:per|an?)\s)"
            + period,
            _times,
        ),
        (r"(?P<times>\d{1,3})\s*(?:times|x)\s*(?P<period>daily|weekly|week|wk|day)", _times),
        (rf"(?:once\s+|one\s+)?(?:every|each)\s*(?P<count>{count})?\s*(?P<unit>{unit})", _every),
        (rf"q\.?\s?(?P<count>\d{{1,4}})?\s?(?P<unit>{unit})", _every),
        (r"(?P<count>\d{1,3})(?:-|\s)(?P<unit>h)ourly", _every),
        (r"(?P<count>\d{1,3})-(?P<unit>w)eekly", _every),
        (rf"{some_day}(?:mwf|m[/-]w[/-]f)", _mwf),
        (
            rf"{some_day}(?:from\s+)?(?P<first>{day})\s+(?:to|through|thru)\s+(?P<last>{day})",
            _day_to_day,
        ),
        (rf"{some_day}(?P<days>(?:{day})(?:{next_day})*)", _days),
    )
    return tuple(
        (re.compile(rf"(?<!\w)(?:{one})(?!\w)", re.IGNORECASE | re.ASCII), handler)
        for one, handler in patterns
    )


@cache
def _listed() -> re.Pattern[str]:
    return pattern_of(
        w for words in (*_EVERY.values(), *_WEEKLY.values()) for w in words.split(";")
    )


@cache
def _doubtful() -> re.Pattern[str]:
    return pattern_of(_ASKED)


def frequency_at(text: str, position: int, *, field: str) -> tuple[Frequency, int] | None:
    """The words for a frequency that begin at a place of a text.

    **Arguments:**

    - `text`: as `straight` returns it.
    - `position`: where the words begin.
    - `field`: the field's name for errors.

    **Returns:** the frequency and where its words end; nothing when none begins there.

    **Raises:** `InputError` for words that may be two frequencies, such as `biweekly`.
    """
    doubtful = _doubtful().match(text, position)
    if doubtful is not None:
        shown = " ".join(doubtful[0].split())
        raise InputError(field, f"'{shown}' does not say one frequency", _ASKED[key(doubtful[0])])
    best: tuple[Frequency, int] | None = None
    for pattern, read in _patterns():
        match = pattern.match(text, position)
        if match is not None and (best is None or match.end() > best[1]):
            found = read(match, field)
            shown = " ".join(match[0].split())
            best = Frequency(found.per_week, found.interval, found.weekdays, shown), match.end()
    match = _listed().match(text, position)
    if match is not None and (best is None or match.end() >= best[1]):
        found = _words()[key(match[0])]
        best = (
            Frequency(found.per_week, found.interval, (), " ".join(match[0].split())),
            match.end(),
        )
    return best


def frequency_of(text: str, *, field: str = "frequency") -> Frequency | None:
    """The frequency that a whole text says, such as `BIW` or `every third day`; else nothing.

    **Raises:** `InputError` for words that may be two frequencies.
    """
    plain = straight(text).strip()
    found = frequency_at(plain, 0, field=field)
    return found[0] if found is not None and found[1] == len(plain) else None
