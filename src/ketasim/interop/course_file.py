"""A course file from what was read: days since the first session, and no date unless asked for."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import yaml

from ketasim._base import InputError
from ketasim.dosing import load_course
from ketasim.interop.once import after, first_clock
from ketasim.interop.records import MOST_AGE, SAFE_AGE, Imported, Rating
from ketasim.vocabulary import Moment
from ketasim.vocabulary.clock import clock_text

_OLD: Final = 90
"""Days between a body weight and the first session from which it is pointed at: assumed."""

_HEAD: Final = (
    "# Made by `ketasim import`. Names, identifiers, addresses and free text were dropped.",
    "# Check it before use. Decision support for professionals; not medical advice.",
)


def course_of(imported: Imported, *, dates: bool = False) -> dict[str, Any]:
    """What a course file of the imported data says.

    **Arguments:**

    - `imported`: what was read. `dates`: write dates in the place of days.

    **Raises:** `InputError` when there is neither a dose nor a score, or dates are asked for and
    the source has none.
    """
    if not imported.doses and not imported.scores:
        first = f" ({imported.left_out[0]})" if imported.left_out else ""
        raise InputError(
            "file", f"no dose and no score could be read in it{first}", "check what it holds"
        )
    if dates and not imported.timed:
        raise InputError("--dates", "the file counts days and has no dates", "leave it out")
    zero = day_zero(imported)
    course: dict[str, Any] = {}
    patient = _patient(imported)
    if patient:
        course["patient"] = patient
    if dates:
        course["start"] = str(zero)
    if imported.doses:
        clocks = all(one.when.clock is not None for one in imported.doses)
        course["doses"] = [
            {
                "day": _day(one.when.day, zero, dates),
                **({"at": clock_text(one.when.clock)} if clocks and one.when.clock else {}),
                **one.entry,
            }
            for one in imported.doses
        ]
    if imported.scores:
        course["scores"] = [
            _score(one, _when(imported, one, zero, dates)) for one in imported.scores
        ]
    return course


def day_zero(imported: Imported) -> date:
    """The date of the first session; without one, of the first score."""
    return (*imported.doses[:1], *imported.scores[:1])[0].when.day


def remarks(imported: Imported) -> list[str]:
    """What the reader of the course must know, as sentences."""
    found = list(imported.notes)
    if not imported.doses:
        found.append(
            "No dose is in it: add 'regimen:' with what was given before the course is used."
        )
    if not imported.scores:
        found.append("No score is in it.")
    per_kg = any("/kg" in one.entry["dose"] for one in imported.doses)
    if per_kg and not imported.person.weight:
        found.append("Doses are per kg and no body weight was read: add 'weight' to 'patient'.")
    apart = _weight_apart(imported)
    if apart > _OLD:
        found.append(f"The body weight is {apart} days from the first session.")
    age = _age(imported) if imported.doses or imported.scores else None
    if age is not None and not 0 <= age <= MOST_AGE:
        found.append(f"The birth year cannot be right (an age of {age:.0f}): no age is written.")
    clocks = {one.when.clock is None for one in imported.doses}
    if len(clocks) > 1:
        found.append("Some doses have no clock time: none is written.")
    if any(_same_day(imported, place) for place in range(len(imported.scores))):
        found.append("A score without a clock time on a session's day is taken as before it.")
    problem = _problem(imported)
    if problem:
        found.append(f"It cannot be used before this is corrected: {problem}.")
    return list(dict.fromkeys(found))


def _problem(imported: Imported) -> str:
    """Why the course would be refused though doses are in it, such as a dose of a slip."""
    if not imported.doses:
        return ""
    try:
        load_course(course_of(imported))
    except InputError as error:
        return f"{error.field}: {error.problem}"
    return ""


def course_text(imported: Imported, *, dates: bool = False) -> str:
    """The course file: YAML with, as comments, what was left out and what to know."""
    course = course_of(imported, dates=dates)
    lines = list(_HEAD)
    lines += [f"# {text}" for text in remarks(imported)]
    lines += [f"# Not read: {text}" for text in imported.left_out]
    lines.append("")
    for name, value in course.items():
        if isinstance(value, list):
            lines.append(f"{name}:")
            lines += [f"  - {_flow(one)}" for one in value]  # pyright: ignore[reportUnknownVariableType]
        else:
            lines.append(f"{name}: {_flow(value)}")
    return "\n".join(lines) + "\n"


def _flow(value: Any) -> str:
    text = yaml.safe_dump(
        value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000
    )
    return text.removesuffix("...\n").strip()


def _day(day: date, zero: date, dates: bool) -> int | str:
    return str(day) if dates else (day - zero).days


def _when(imported: Imported, one: Rating, zero: date, dates: bool) -> dict[str, Any]:
    """When a score was measured: its day, and how long after the start of that day's session."""
    day = _day(one.when.day, zero, dates)
    start = first_clock(imported.doses, one.when.day)
    if start is None or one.when.clock is None or not after(one, start):
        return {"day": day}
    if sum(dose.when.day == one.when.day for dose in imported.doses) > 1:
        # of several sessions of a day the last would be meant
        hours = 24 * (one.when.day - zero).days + one.when.clock
        return {"time": str(one.when) if dates else f"{hours:.6g} h"}
    minutes = max(round(60 * (one.when.clock - start)), 1)
    return {"day": day, "after": f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} min"}


def _score(one: Rating, when: dict[str, Any]) -> dict[str, Any]:
    points = int(one.score) if float(one.score).is_integer() else one.score
    later = {"after": when["after"]} if "after" in when else {}
    first = {name: value for name, value in when.items() if name != "after"}
    return {**first, "scale": one.scale, "score": points, **later}


def _same_day(imported: Imported, place: int) -> bool:
    one = imported.scores[place]
    with_session = any(dose.when.day == one.when.day for dose in imported.doses)
    return with_session and (
        one.when.clock is None or first_clock(imported.doses, one.when.day) is None
    )


def _weight(imported: Imported) -> tuple[Moment | None, float] | None:
    """The weight that doses were made for: the last one until the first session, else the next."""
    weights = imported.person.weight
    first = imported.doses[0].when.day if imported.doses else day_zero(imported)
    until = [one for one in weights if one[0] is None or one[0].day <= first]
    return until[-1] if until else weights[0] if weights else None


def _weight_apart(imported: Imported) -> int:
    found = _weight(imported)
    if found is None or found[0] is None:
        return 0
    first = imported.doses[0].when.day if imported.doses else day_zero(imported)
    return abs((first - found[0].day).days)


def _age(imported: Imported) -> float | None:
    """Age at the first session, years; nothing where it is not known."""
    born = imported.person.birth_year
    return imported.person.age if born is None else float(day_zero(imported).year - born)


def _patient(imported: Imported) -> dict[str, Any]:
    person = imported.person
    found: dict[str, Any] = {}
    age = _age(imported)
    if age is not None and 0 <= age <= MOST_AGE:
        found["age"] = int(min(age, SAFE_AGE))
    weight = _weight(imported)
    if weight is not None:
        found["weight"] = f"{weight[1]:.4g} kg"
    if person.sex is not None:
        found["sex"] = person.sex
    return found
