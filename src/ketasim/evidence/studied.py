"""Regimens that were studied: doses, numbers and spacing of sessions, by drug and route."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from ketasim._base import DRUGS, ROUTES, InputError, near
from ketasim.evidence.tables import Fact, fact, facts, number

# Days between two sessions. Two a week fall on days 1, 4, 8, 11 (mood/arms:172), three on Monday,
# Wednesday and Friday (mood/arms:54).
_INTERVALS: Final = {
    "daily": (1.0, 1.0),
    "3/week": (2.0, 3.0),
    "2/week": (3.0, 4.0),
    "1-2/week": (3.0, 7.0),
    "weekly": (7.0, 7.0),
}
_EVERY: Final = re.compile(r"every (\d+)(?:-(\d+))? (day|week)s")
_APART: Final = re.compile(r"at least (\d+) days apart")


@dataclass(frozen=True)
class StudiedSpan:
    """Lowest and highest studied dose of one kind, in one unit.

    **Arguments:**

    - `kind`: `session` for a dose given at one time, `daily` for the total of a day where a dose
      was taken every day, `rate` for an infusion over hours to days.
    - `unit`: mg/kg or mg; mg/h, mg/h/70kg or mg/kg/h of a rate.
    - `low`, `high`: the ends, as written in the rows; never converted.
    - `low_fact`, `high_fact`: the rows the ends stand in.
    - `sessions`: fewest and most doses of one course of this kind, or days of a daily one.
    - `facts`: every row that gives a dose of this kind and unit.
    """

    kind: str
    unit: str
    low: float
    high: float
    low_fact: str
    high_fact: str
    sessions: tuple[int, int] | None
    facts: tuple[str, ...]

    def words(self) -> str:
        """Return such as `0.1-1 mg/kg` or `0.25 mg/kg`."""
        ends = f"{self.low:g}" if self.low == self.high else f"{self.low:g}-{self.high:g}"
        return f"{ends} {self.unit}" + (" a day" if self.kind == "daily" else "")


@dataclass(frozen=True)
class StudiedDoses:
    """What was studied of one drug by one route in one condition.

    **Arguments:**

    - `condition`, `drug`, `route`: what was asked for.
    - `spans`: one a kind and unit of dose; empty when the rows give no dose.
    - `sessions`: fewest and most sessions of one course; daily doses and infusions over hours to
      days are not counted.
    - `interval_days`: shortest and longest time between two such sessions, days.
    - `uncounted`: rows of courses whose most sessions are not in the row, such as long extensions:
      where there are some, more sessions than `sessions` says were studied too.
    - `spacings`: the spacing as the rows have it, such as `once`, `2/week`, `6 in 12 days`.
    - `facts`: ids of the rows, such as `mood/arms:5`.
    - `sources`: their source keys.
    - `notes`: what the numbers leave out, each with the id of its row.
    """

    condition: str
    drug: str
    route: str
    spans: tuple[StudiedSpan, ...]
    sessions: tuple[int, int] | None
    interval_days: tuple[float, float] | None
    uncounted: tuple[str, ...]
    spacings: tuple[str, ...]
    facts: tuple[str, ...]
    sources: tuple[str, ...]
    notes: tuple[str, ...]

    def span(self, unit: str, kind: str = "session") -> StudiedSpan | None:
        """Return the span of a unit and kind of dose, otherwise nothing."""
        return next((one for one in self.spans if (one.unit, one.kind) == (unit, kind)), None)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as a plain dictionary."""
        return {**vars(self), "spans": [vars(one) for one in self.spans]}


def check_drug(drug: str) -> None:
    """Refuse a word that is no drug of this package."""
    if drug not in DRUGS:
        raise InputError("drug", f"unknown drug '{drug}'", near(drug, DRUGS))


def check_route(route: str) -> None:
    """Refuse a word that is no route of this package."""
    if route not in ROUTES:
        raise InputError("route", f"unknown route '{route}'", near(route, ROUTES))


@cache
def regimen_rows() -> tuple[Fact, ...]:
    """Rows of `care/studied_regimens` that are used."""
    return tuple(row for row in facts("care/studied_regimens") if row.get("used") == "yes")


def doses_of(
    condition: str, studies: frozenset[str], drug: str | None = None, route: str | None = None
) -> tuple[StudiedDoses, ...]:
    """Group the regimens of some studies by drug and route.

    **Arguments:**

    - `condition`: name the result carries.
    - `studies`: ids of rows of `care/conditions` and `mood/trials`.
    - `drug`, `route`: only these, when given.

    **Returns:** one group a drug and route, in the order of `DRUGS` and `ROUTES`.
    """
    groups: dict[tuple[str, str], list[Fact]] = {}
    for row in regimen_rows():
        key = (row.get("drug"), row.get("route"))
        wanted = drug in (None, key[0]) and route in (None, key[1])
        if wanted and study_of(row.get("fact")) in studies:
            groups.setdefault(key, []).append(row)
    order = sorted(groups, key=lambda key: (DRUGS.index(key[0]), ROUTES.index(key[1])))
    return tuple(_group(condition, key[0], key[1], groups[key]) for key in order)


@cache
def study_of(fact_id: str) -> str:
    """The study a regimen belongs to: the row of its trial, or the row of `care/conditions`."""
    row = fact(fact_id)
    if row.table != "mood/arms":
        return fact_id
    return next(t.id for t in facts("mood/trials") if t.get("trial_id") == row.get("trial_id"))


def interval_of(spacing: str) -> tuple[float, float] | None:
    """Days between two sessions, shortest and longest; nothing where the words do not tell.

    **Arguments:**

    - `spacing`: such as `2/week`, `every 5-28 days` or several of these joined by commas.
    """
    ends: list[float] = []
    for part in spacing.split(", "):
        if part in _INTERVALS:
            ends += _INTERVALS[part]
        elif match := _EVERY.fullmatch(part):
            days = 7 if match[3] == "week" else 1
            ends += [days * float(match[1]), days * float(match[2] or match[1])]
        elif match := _APART.fullmatch(part):
            ends.append(float(match[1]))
    return (min(ends), max(ends)) if ends else None


def _group(condition: str, drug: str, route: str, rows: list[Fact]) -> StudiedDoses:
    kinds: dict[tuple[str, str], list[Fact]] = {}
    for row in rows:
        if row.get("low") or row.get("high"):
            kinds.setdefault((row.get("kind"), row.get("unit")), []).append(row)
    counted = [row for row in rows if row.get("kind") == "session"]
    intervals = [ends for row in counted if (ends := interval_of(row.get("spacing"))) is not None]
    ids = tuple(dict.fromkeys(row.get("fact") for row in rows))
    return StudiedDoses(
        condition=condition,
        drug=drug,
        route=route,
        spans=tuple(_span(kind, unit, found) for (kind, unit), found in kinds.items()),
        sessions=_sessions(counted),
        interval_days=(
            (min(low for low, _ in intervals), max(high for _, high in intervals))
            if intervals
            else None
        ),
        uncounted=tuple(
            dict.fromkeys(row.get("fact") for row in counted if not row.get("sessions_high"))
        ),
        spacings=tuple(dict.fromkeys(row.get("spacing") for row in rows if row.get("spacing"))),
        facts=ids,
        sources=tuple(dict.fromkeys(fact(one).source for one in ids)),
        notes=tuple(f"{row.get('note')} ({row.get('fact')})" for row in rows if row.get("note")),
    )


def _span(kind: str, unit: str, rows: list[Fact]) -> StudiedSpan:
    # an end that the source leaves open is not taken from the other end
    ends = [
        (float(text), row.get("fact"))
        for row in rows
        for text in _cells(row, "low", "high")
        if text
    ]
    low, high = min(ends, key=lambda end: end[0]), max(ends, key=lambda end: end[0])
    return StudiedSpan(
        kind=kind,
        unit=unit,
        low=low[0],
        high=high[0],
        low_fact=low[1],
        high_fact=high[1],
        sessions=_sessions(rows),
        facts=tuple(dict.fromkeys(row.get("fact") for row in rows)),
    )


def _sessions(rows: list[Fact]) -> tuple[int, int] | None:
    counts = [int(text) for row in rows for text in _cells(row, "sessions_low", "sessions_high")]
    return (min(counts), max(counts)) if counts else None


def _cells(row: Fact, *columns: str) -> Iterable[str]:
    return (row.get(column) for column in columns if number(row.get(column)) is not None)
