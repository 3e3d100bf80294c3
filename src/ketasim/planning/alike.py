"""What options must have in common: the patients, and how long they are followed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, cast

from ketasim._base import InputError
from ketasim.dosing import Course

_OWN: Final = ("title", "regimen", "doses", "horizon", "start", "plan")
_DAY: Final = 24.0
_LONGEST: Final = 60  # characters of a name


def check_alike(courses: Mapping[str, Course]) -> None:
    """Refuse options of different patients, populations, models or situations.

    **Arguments:**

    - `courses`: name of an option to its course.

    **Raises:** `InputError` with the field, both values and the two options.
    """
    (first, course), *others = courses.items()
    mine = dict(_flat("", _common(course)))
    for name, other in others:
        theirs = dict(_flat("", _common(other)))
        for field in dict.fromkeys((*mine, *theirs)):
            own, its = mine.get(field), theirs.get(field)
            if own != its:
                raise InputError(
                    field,
                    f"{_value(own)} in '{_short(first)}' and {_value(its)} in '{_short(name)}'",
                    "give all options the same; only the regimen may differ",
                )


def same_horizon(courses: Mapping[str, Course]) -> tuple[dict[str, Course], tuple[str, ...]]:
    """Follow all options equally long.

    **Arguments:**

    - `courses`: name of an option to its course.

    **Returns:** the courses, and what was assumed, in sentences. Where some have no horizon it is
    that of the others, and where none has one, the longest that would be taken alone.

    **Raises:** `InputError` when two that are given differ, or one is before the first dose.
    """
    given = {name: one.horizon for name, one in courses.items() if one.horizon_given}
    lengths = set(given.values())
    if len(lengths) > 1:
        (first, mine), (name, its) = next(
            (a, b) for a in given.items() for b in given.items() if a[1] != b[1]
        )
        raise InputError(
            "horizon",
            f"{_days(mine)} in '{_short(first)}' and {_days(its)} in '{_short(name)}'",
            "follow all options equally long",
        )
    length = lengths.pop() if lengths else max(one.horizon for one in courses.values())
    found = {
        name: one if one.horizon == length else replace(one, horizon=length, horizon_given=True)
        for name, one in courses.items()
    }
    if len(given) == len(courses) or all(one is courses[name] for name, one in found.items()):
        return found, ()
    which = "that of the others" if given else "the longest of the options"
    return found, (f"Where no horizon is given it is {_days(length)}, {which}.",)


def names_of(courses: Sequence[tuple[str, Course]]) -> list[str]:
    """Names by which options are told apart.

    **Arguments:**

    - `courses`: name that is wanted, or nothing, and the course.

    **Returns:** the name, or the title, or what is given in words; a number after one that comes
    again.
    """
    found: list[str] = []
    for wanted, course in courses:
        text = wanted or course.title or course.regimen.text or course.regimen.describe()[0]
        base = name = " ".join(text.split())
        again = 2
        while name in found:
            name = f"{base} ({again})"
            again += 1
        found.append(name)
    return found


def _common(course: Course) -> dict[str, Any]:
    return {key: value for key, value in course.to_dict().items() if key not in _OWN}


def _flat(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, one in cast("Mapping[str, Any]", value).items():
            yield from _flat(f"{path}.{key}" if path else str(key), one)
    else:
        yield path, value


def _value(value: Any) -> str:
    if value is None:
        return "nothing is given"
    if isinstance(value, list):
        return f"'{', '.join(map(str, cast('list[Any]', value)))}'"
    return f"'{value}'"


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def _days(hours: float) -> str:
    return f"{hours / _DAY:.4g} d"
