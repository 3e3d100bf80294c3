"""Scores as one types or pastes them: lines such as `0 PHQ-9 21`, or a table of a spreadsheet."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from ketasim._base import InputError
from ketasim.dosing import scales
from ketasim.interop.records import Rating
from ketasim.interop.scale_name import scale_named
from ketasim.interop.tables.dose import Usual
from ketasim.interop.tables.heading import read_heading
from ketasim.interop.tables.read import DAY_ZERO, read_rows
from ketasim.interop.tables.sheet import sheet_of
from ketasim.vocabulary import check_one_order, read_moment, scale_remedy, scale_words

MOST_LINES: Final = 500
"""Most lines of scores: a limit against slips."""

_FIELD: Final = "scores"
_LIKE: Final = "write it such as '3 PHQ-9 14' or '2026-01-05 MADRS 33'"
_AFTER: Final = re.compile(r"[\s,;]+after\s+(?P<after>\d+(?:[.,]\d+)?\s*[a-z]+)\s*$", re.I)
_SCORE: Final = re.compile(
    r"(?:^|[\s,;|:=])(?P<score>\d+(?:[.,]\d+)?)\s*(?:/\s*(?P<top>\d+))?\s*(?:points?|pts\.?)?\s*$",
    re.I,
)
_DAY: Final = re.compile(r"(?:on\s+)?(?:day|d|tag)?\s*(?P<day>[-−]?\d+(?:[.,]\d+)?)", re.I)
_HOURS: Final = re.compile(r"(?P<hours>[-−]?\d+(?:[.,]\d+)?)\s*(?:h|hours?)", re.I)
_POINTS: Final = re.compile(
    r"(?P<day>0?[1-9]|[12]\d|3[01])\.(?P<month>0?[1-9]|1[0-2])\.(?P<year>(?:20)?\d\d)(?P<rest>\s.*)?"
)
_SHOWN: Final = 40  # characters of a line in an error


@dataclass(frozen=True)
class Pasted:
    """What was read.

    **Arguments:**

    - `entries`: as `scores:` of a course file has them, in the order given.
    - `left_out`: what was not taken and why, as sentences.
    """

    entries: tuple[Mapping[str, Any], ...]
    left_out: tuple[str, ...] = ()


def read_pasted(text: str) -> Pasted:
    """Read scores from lines, or from a table with headings as it is copied from a spreadsheet.

    **Arguments:**

    - `text`: a line a score: its day (0 is the start) or date, the scale, the points; behind it
      `after 4 h` where it was measured after that day's session. Or rows with cells.

    **Raises:** `InputError` of the field `scores` with the line as typed.
    """
    text = text.removeprefix("\ufeff")  # of a file that was copied whole
    lines = [(n, one.strip()) for n, one in enumerate(text.splitlines(), 1) if one.strip()]
    if len(lines) > MOST_LINES:
        raise InputError(_FIELD, f"there are {len(lines)} lines", f"give at most {MOST_LINES}")
    if lines and _is_heading(lines[0][1]):
        return _of_table(text)
    check_one_order((_FIELD, line) for _, line in lines)
    return Pasted(tuple(_entry(number, line) for number, line in lines))


def day_first(text: str) -> str:
    """A date with points as year-month-day; any other text as it is.

    With points the day comes first: no country writes the month first so.

    **Arguments:**

    - `text`: such as `5.1.2026` or `05.01.26 10:30`.
    """
    hit = _POINTS.fullmatch(text.strip())
    if hit is None:
        return text
    year = f"20{hit['year'][-2:]}"
    return f"{year}-{int(hit['month']):02}-{int(hit['day']):02}{hit['rest'] or ''}"


def written(entries: Sequence[Any]) -> str:
    """Scores of a course file as lines that read back as the same.

    **Arguments:**

    - `entries`: of `scores:`; what is no entry is written as it is.
    """
    return "\n".join(map(_line, entries))


def _line(one: Any) -> str:
    if not isinstance(one, Mapping):
        return str(one)
    entry = cast("Mapping[str, Any]", one)
    when = next((entry[name] for name in ("day", "date", "time") if name in entry), "")
    after = f"after {entry['after']}" if "after" in entry else ""
    scale = scale_words(str(entry.get("scale", "")))
    parts = (when, scale, entry.get("score", ""), after)
    return " ".join(str(part) for part in parts if str(part))


def _is_heading(line: str) -> bool:
    cells = [one.strip() for one in re.split(r"[\t;|,]", line)]
    roles = {read_heading(one).role for one in cells if one and not one[:1].isdigit()}
    return bool(roles & {"date", "day"}) and bool(roles & {"rating", "score"})


def _of_table(text: str) -> Pasted:
    try:
        found = read_rows(sheet_of(text), Usual())
    except InputError as error:
        place = "" if error.field == "file" else f"{error.field}: "
        remedy = error.remedy
        if "--" in remedy:  # of the command line
            remedy = "paste the columns of dates and scores alone"
        raise InputError(_FIELD, f"{place}{error.problem}", remedy) from None
    rows = [one for one in found.left_out if not one.startswith("Column")]
    if rows:
        problem = re.sub(r" \(\d+ times\)$", "", rows[0]).partition("; ")[0]
        raise InputError(_FIELD, problem, "leave the one out that does not count")
    left = list(found.left_out)
    if found.doses:
        left.append(
            f"{len(found.doses)} doses of the table: write them under 'Given so far', or use "
            "'ketasim import table'"
        )
    return Pasted(tuple(_of_rating(one, found.timed) for one in found.scores), tuple(left))


def _of_rating(one: Rating, timed: bool) -> dict[str, Any]:
    points = int(one.score) if float(one.score).is_integer() else one.score
    rated = {"scale": one.scale, "score": points}
    if not timed:
        return {"day": (one.when.day - DAY_ZERO).days, **rated}
    if one.when.clock is None:
        return {"date": str(one.when), **rated}
    return {"time": str(one.when), **rated}


def _entry(number: int, line: str) -> dict[str, Any]:
    shown = line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"
    told = f"line {number}, '{shown}'"
    rest, after = line, {}
    hit = _AFTER.search(rest)
    if hit is not None:
        after = {"after": " ".join(hit["after"].split())}
        rest = rest[: hit.start()]
    hit = _SCORE.search(rest)
    if hit is None:
        raise InputError(_FIELD, f"{told}: no score is at its end", _LIKE)
    score = float(hit["score"].replace(",", "."))
    points = int(score) if score.is_integer() else score
    words = re.split(r"[\s,;|:=]+", _joined(rest[: hit.start()]))
    words = [one for one in words if one]
    named = next(
        (
            (place, scale)
            for place in range(len(words))
            if (scale := scale_named(" ".join(words[place:]))) is not None
        ),
        None,
    )
    if named is None:
        tail = " ".join(words[1:])
        problem = f"'{tail}' is not a scale" if tail else "no scale is named"
        raise InputError(_FIELD, f"{told}: {problem}", scale_remedy(tail, scales()))
    place, scale = named
    top = scales()[scale]
    if hit["top"] and float(hit["top"]) != top:
        raise InputError(
            _FIELD, f"{told}: {scale} goes to {top:g}, not to {hit['top']}", "check the scale"
        )
    return {**_when(" ".join(words[:place]), told), "scale": scale, "score": points, **after}


def _joined(text: str) -> str:
    """A clock time keeps its colon when a line is parted into words."""
    return re.sub(r"(\d):(\d)", "\\1\u2236\\2", text)


def _when(text: str, told: str) -> dict[str, Any]:
    """The day, date or time of a line, as a course file has it."""
    text = text.replace("\u2236", ":").strip()
    if not text:
        raise InputError(_FIELD, f"{told}: no day is given", _LIKE)
    hit = _HOURS.fullmatch(text)
    if hit is not None:
        return {"time": f"{hit['hours'].replace(',', '.').replace('−', '-')} h"}
    hit = _DAY.fullmatch(text)
    if hit is not None:
        day = float(hit["day"].replace(",", ".").replace("−", "-"))
        return {"day": int(day) if day.is_integer() else day}
    try:
        moment = read_moment(day_first(text))
    except InputError as error:
        raise InputError(_FIELD, f"{told}: {error.problem}", error.remedy) from None
    if moment is None:
        raise InputError(_FIELD, f"{told}: '{text}' is neither a day nor a date", _LIKE)
    return {"date" if moment.clock is None else "time": str(moment)}
