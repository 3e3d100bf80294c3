"""What an option asks of patient and clinic: sessions, hours, milligrams, published prices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from ketasim._base.numbers import number, span
from ketasim.dosing import Course, Dose, Regimen
from ketasim.planning.measure import Measure
from ketasim.screening import course_costs, session_rules
from ketasim.screening.rules.conditions import is_slow
from ketasim.screening.rules.session import WATCH

if TYPE_CHECKING:
    import polars

_MINUTES: Final = 60.0
_LABELLED: Final = "intranasal"  # what the monitoring period was stated for
_PER: Final = ("session", "dose")  # what is due once a course tells no options apart
_NO_PRICE: Final = "no published price is counted for all options"


@dataclass(frozen=True)
class Monitoring:
    """The monitoring period after a session.

    **Arguments:**

    - `minutes`: at least, after the last dose. `source`: key.
    """

    minutes: float
    source: str


def monitoring() -> Monitoring:
    """The monitoring period of the rules of a session."""
    rule = next(one for one in session_rules() if one.rule == WATCH)
    assert rule.at_min_to is not None
    return Monitoring(rule.at_min_to, rule.source)


def within(course: Course) -> Course:
    """The course with the doses before its horizon, by which it is counted and priced."""
    doses = tuple(dose for dose in course.regimen.doses if dose.time < course.horizon)
    if len(doses) == len(course.regimen.doses):
        return course
    return replace(course, regimen=Regimen(doses))


def burden(course: Course) -> list[Measure]:
    """Sessions, hours and milligrams of a course up to its horizon.

    **Arguments:**

    - `course`: as `within` returns it.
    """
    sessions = _by_session(course.regimen.doses)
    weight = course.patient.weight
    return [
        Measure("sessions", float(len(sessions))),
        _hours(sessions),
        Measure("dose", sum(float(one.milligrams(weight)) for one in course.regimen.doses)),
    ]


def _by_session(doses: Sequence[Dose]) -> list[list[Dose]]:
    found: dict[int, list[Dose]] = {}
    for dose in doses:
        found.setdefault(dose.session, []).append(dose)
    return list(found.values())


def _hours(sessions: Sequence[Sequence[Dose]]) -> Measure:
    """Hours from the first dose of each session to the end of its monitoring period."""
    if any(is_slow(dose.route for dose in one) for one in sessions):
        note = "no monitoring period in the sources for a form that releases over hours"
        return Measure("hours", None, note=note)
    watch = monitoring().minutes / _MINUTES
    given = sum(max(d.end for d in one) - min(d.time for d in one) for one in sessions)
    own = all(dose.route == _LABELLED for one in sessions for dose in one)
    label = "of the US label" if own else "of the US label of nasal esketamine"
    note = (
        f"from the first dose to the end of the monitoring period of at least {watch:g} h {label}"
    )
    return Measure("hours", given + watch * len(sessions), note=note)


def costs(courses: Mapping[str, Course]) -> polars.DataFrame:
    """Published prices of each option.

    **Arguments:**

    - `courses`: name of an option to its course, as `within` returns it.

    **Returns:** the columns of `course_costs` after `option`; rows are alternatives.
    """
    import polars as pl

    parts = [
        course_costs(course).select(pl.lit(name).alias("option"), pl.all())
        for name, course in courses.items()
    ]
    return pl.concat(parts)


def shared_costs(table: polars.DataFrame, names: Sequence[str]) -> list[Measure]:
    """The cost of each option by one price that all of them have.

    Prices of different items, countries and years are alternatives: options can be set against each
    other only by the same one.

    **Arguments:**

    - `table`: of `costs`. `names`: of the options.

    **Returns:** a measure an option: the middle of the price's range times how often it is due.
    """
    counted = [row for row in table.to_dicts() if row["count"] and row["per"] in _PER]
    by_fact: dict[str, dict[str, dict[str, Any]]] = {}
    for row in counted:
        by_fact.setdefault(row["fact"], {})[row["option"]] = row
    shared = [rows for rows in by_fact.values() if len(rows) == len(set(names))]
    shared.sort(key=lambda rows: _PER.index(next(iter(rows.values()))["per"]))
    if not shared:
        return [Measure("cost", None, note=_NO_PRICE) for _ in names]
    return [_cost(shared[0][name]) for name in names]


def _cost(row: Mapping[str, Any]) -> Measure:
    low, high = row["total_low"], row["total_high"]
    ends = number(low) if low == high else span(number(low), number(high))
    year = f", {row['year']}" if row["year"] else ""
    note = f"{row['item']}, {row['country']}{year}: {row['count']} times, {row['currency']} {ends}"
    return Measure("cost", (low + high) / 2.0, note=note, currency=row["currency"])
