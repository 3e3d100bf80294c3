"""Names of the columns of event tables: what they mean in this field, and the unit in them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

from ketasim._base import parse_quantity
from ketasim.evidence import facts

WORDS: Final = "event_columns"
"""Table of the names and what is done with each."""

_TIME: Final = {
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 1.0),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), 1.0 / 60.0),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0 / 3600.0),
    **dict.fromkeys(("d", "day", "days"), 24.0),
    **dict.fromkeys(("wk", "week", "weeks"), 168.0),
}
_MASS: Final = {
    **dict.fromkeys(("mg", "milligram", "milligrams"), 1.0),
    **dict.fromkeys(("mcg", "ug", "microgram", "micrograms"), 1e-3),
    **dict.fromkeys(("g", "gram", "grams"), 1e3),
    "ng": 1e-6,
}
_WEIGHT: Final = {"kg": "kg", "g": "g", **dict.fromkeys(("lb", "lbs", "pound", "pounds"), "lb")}
_AGE: Final = {
    **dict.fromkeys(("y", "yr", "yrs", "year", "years"), 1.0),
    **dict.fromkeys(("mo", "month", "months"), 1.0 / 12.0),
}
# names without a mark between word and unit: what could end a word is left out
_GLUED: Final = {
    **{per_kg.replace("/", ""): per_kg for per_kg in ("mg/kg", "mcg/kg", "ug/kg")},
    **{unit: unit for unit in ("minutes", "hours", "days", "mins", "min", "hrs", "hr", "sec")},
    **{unit: unit for unit in ("mcg", "mg", "ug", "kg")},
}
_BRACKETS: Final = re.compile(r"^(.*?)[\s_]*[(\[{]\s*(.*?)\s*[)\]}]\s*$")
# what a column may be that has such a unit and an unknown name
_LIKE_UNIT: Final = {
    "time": (("DUR", "STOP", "START", "TIME", "II"), "a time or duration"),
    "amount": (("AMT",), "amount of a dose"),
    "rate": (("RATE",), "rate of an infusion"),
}
_NEAR: Final = 0.6  # as `near` has it for short words
_LONGEST: Final = 12  # characters; a longer name is no slip of a short one


class Unit(NamedTuple):
    """A unit of a column or cell.

    **Arguments:**

    - `text`: as typed.
    - `factor`: to h, mg, mg/h, kg or years.
    - `per_kg`: whether it is per kg of body weight.
    - `per`: of a rate, h in its unit of time; 1 otherwise.
    """

    text: str
    factor: float
    per_kg: bool = False
    per: float = 1.0


@dataclass(frozen=True)
class ColumnName:
    """What the name of a column says.

    **Arguments:**

    - `typed`: as typed.
    - `name`: of the table, such as `DUR` for `TINF`; empty when the name is not known.
    - `use`: `read`, `read_with_unit` (read then), `read_where_drug` (read where it names drugs,
      ignored otherwise), `ignored`, `refused`, `like` (an unknown name that has a word of a known
      one in it, or a unit behind it that a column of doses has), or empty when the name is not
      known.
    - `kind`: what its unit measures: `time`, `amount`, `rate`, `weight`, `age` or nothing.
    - `unit`: in the name, nothing when there is none.
    - `unknown_unit`: in the name, not understood; empty when there is none.
    - `instead`: the column that is meant when that one is missing.
    - `neutral`: the number that changes nothing, and words for it, joined by `;`.
    - `says`: what it holds, or why it is refused.
    - `remedy`: what to do when it is refused.
    - `slip`: the known name that it may be a slip of; empty when there is none.
    """

    typed: str
    name: str = ""
    use: str = ""
    kind: str = ""
    unit: Unit | None = None
    unknown_unit: str = ""
    instead: str = ""
    neutral: str = ""
    says: str = ""
    remedy: str = ""
    slip: str = ""


def read_unit(text: str, kind: str) -> Unit | None:
    """Read a unit of a column.

    **Arguments:**

    - `text`: such as `mcg`, `mg/kg`, `mg/min` or `min`.
    - `kind`: as of `ColumnName`.

    **Returns:** nothing when it is no unit of that kind.
    """
    parts = [p for p in re.split(r"\s*(?:/|\bper\b|\s)\s*", _plain(text)) if p]
    parts = [p for p in parts if p != "base"]
    if kind in ("time", "age"):
        known = {"time": _TIME, "age": _AGE}[kind]
        return Unit(text, known[parts[0]]) if len(parts) == 1 and parts[0] in known else None
    if kind == "weight":
        name = _WEIGHT.get("/".join(parts))
        return None if name is None else Unit(text, parse_quantity(f"1 {name}", "kg", field="WT"))
    if not parts or parts[0] not in _MASS:
        return None
    mass, rest = _MASS[parts[0]], parts[1:]
    per_kg = rest[:1] == ["kg"]
    rest = rest[1:] if per_kg else rest
    if kind == "amount":
        return None if rest else Unit(text, mass, per_kg)
    if kind == "rate" and len(rest) == 1 and rest[0] in _TIME:
        return Unit(text, mass / _TIME[rest[0]], per_kg, _TIME[rest[0]])
    return None


def read_column(typed: str) -> ColumnName:
    """Read the name of a column.

    **Arguments:**

    - `typed`: in any case, with a unit behind it (`AMT (mcg)`, `TIME_MIN`, `WT [kg]`) or without.

    **Source:** event_columns, a choice of this package.
    """
    text = typed.strip().lstrip("#").strip()
    known = _words()
    found = known.get(_letters(text))
    if found is not None:
        return _column(typed, found)
    bracketed = _BRACKETS.match(text)
    if bracketed:
        found = known.get(_letters(bracketed[1]))
        if found is None:
            return _unknown(typed, _letters(bracketed[1]), bracketed[2])
        return _with_unit(typed, found, bracketed[2])
    tokens = re.split(r"[\s_./-]+", text)
    for behind in range(1, min(4, len(tokens))):
        found = known.get(_letters("".join(tokens[:-behind])))
        if found is not None and found.get("kind"):
            unit = "/".join(tokens[-behind:])
            if read_unit(unit, found["kind"]) is not None:
                return _with_unit(typed, found, unit)
    letters = _letters(text)
    for glued, unit in _GLUED.items():
        found = known.get(letters.removesuffix(glued)) if letters.endswith(glued) else None
        if found is not None and found.get("kind") and read_unit(unit, found["kind"]) is not None:
            return _with_unit(typed, found, unit)
    units = ("/".join(tokens[behind:]) for behind in range(1, len(tokens)))
    return _unknown(typed, letters, next((unit for unit in units if _kinds(unit)), ""))


def _kinds(unit: str) -> list[str]:
    """What a unit may measure, of what doses and times are written in."""
    return [kind for kind in _LIKE_UNIT if read_unit(unit, kind) is not None]


def _with_unit(typed: str, entry: Mapping[str, str], unit: str) -> ColumnName:
    column = _column(typed, entry)
    if not unit or not column.kind:
        return column
    use = "read" if column.use == "read_with_unit" else column.use
    found = read_unit(unit, column.kind)
    return ColumnName(
        typed,
        column.name,
        use,
        column.kind,
        found,
        "" if found else unit,
        column.instead,
        column.neutral,
        column.says,
        column.remedy,
    )


def _column(typed: str, entry: Mapping[str, str]) -> ColumnName:
    return ColumnName(
        typed,
        entry["name"],
        entry["use"],
        entry["kind"],
        instead=entry["instead"],
        neutral=entry["neutral"],
        says=entry["says"],
        remedy=entry["remedy"],
    )


def _unknown(typed: str, letters: str, unit: str) -> ColumnName:
    kinds = _kinds(unit)
    for entry in facts(WORDS):
        if entry.get("use") == "like" and any(part in letters for part in entry.listed("words")):
            name = entry.get("name")
            kind = next((k for k in kinds if name in _LIKE_UNIT[k][0]), "")
            found = read_unit(unit, kind) if kind else None
            says = entry.get("says")
            return ColumnName(typed, name, "like", kind, found, says=says, slip=name)
    if kinds:
        names, says = _LIKE_UNIT[kinds[0]]
        return ColumnName(typed, names[0], "like", kinds[0], read_unit(unit, kinds[0]), says=says)
    if not 1 < len(letters) <= _LONGEST:
        return ColumnName(typed)
    close = difflib.get_close_matches(letters, _targets(), n=1, cutoff=_NEAR)
    return ColumnName(typed, slip=_words()[close[0]]["name"] if close else "")


@cache
def _words() -> dict[str, Mapping[str, str]]:
    return {
        _letters(word): entry.cells
        for entry in facts(WORDS)
        if entry.get("use") != "like"
        for word in entry.listed("words")
    }


@cache
def _targets() -> tuple[str, ...]:
    """The names that a slip of the pen is compared with."""
    return tuple(
        _letters(e.get("name")) for e in facts(WORDS) if e.get("use") == "read" and e.get("slips")
    )


def _letters(text: str) -> str:
    """Letters and digits alone, small."""
    return re.sub(r"[^a-z0-9]", "", _plain(text))


def _plain(text: str) -> str:
    return text.strip().lower().replace("\u00b5", "u").replace("\u03bc", "u")
