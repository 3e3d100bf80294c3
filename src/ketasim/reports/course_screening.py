"""Screening and costs in the report of a simulation, in words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from ketasim._base import words
from ketasim._base.numbers import NOTHING, span
from ketasim.screening import NO_VERDICT, SEVERITIES, MonitoringPrompt, Screen, ScreenFinding

_LONG: Final = 170  # characters of a finding in brief; longer ones end after a sentence
_ROW: Final = re.compile(r", [a-z]+/[a-z_]+:\d+(?=\))")  # of a table, in screening.csv
_FOLDED: Final = "note"  # as is what speaks of another drug or route, unless contraindicated


@dataclass(frozen=True)
class FindingGroup:
    """Findings of one severity, those for another drug or route apart; `above` have been shown."""

    severity: str
    title: str
    open: bool
    findings: tuple[dict[str, Any], ...]
    above: int


@dataclass(frozen=True)
class ScreeningView:
    """A screen as the report shows it; `foremost` has the most severe findings in full.

    `interpreted` has the entries of history and medicines as written, and how they were read.
    """

    statement: str
    counts: tuple[tuple[str, int], ...]
    foremost: tuple[dict[str, Any], ...]
    unread: tuple[str, ...]
    pressure: tuple[str, ...]
    read: tuple[str, ...]
    interpreted: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    groups: tuple[FindingGroup, ...]
    monitoring: tuple[MonitoringPrompt, ...]


def screening_view(screen: Screen) -> ScreeningView:
    """Arrange a screen for the report.

    **Arguments:**

    - `screen`: what `ketasim.screen` returned.
    """
    groups: list[FindingGroup] = []
    first = set(screen.foremost)
    for severity in SEVERITIES:
        found = screen.of(severity)
        for here in (True, False):
            members = tuple(
                _finding(one) for one in found if one.applies_here is here and one not in first
            )
            if not members:
                continue
            other = "" if here else f", for a drug or route other than {screen.given}"
            title = words.capital(severity) + other
            shown = severity == "contraindicated" or (here and severity != _FOLDED)
            above = sum(one.applies_here is here and one in first for one in found)
            groups.append(FindingGroup(severity, title, shown, members, above))
    return ScreeningView(
        statement=NO_VERDICT,
        counts=screen.count_words(),
        foremost=tuple(_foremost(one, screen) for one in screen.foremost),
        unread=screen.unread,
        pressure=screen.pressure_lines,
        read=(*(f"Warning: {one}" for one in screen.warnings), *screen.assumptions),
        interpreted=screen.interpreted,
        groups=tuple(groups),
        monitoring=screen.monitoring,
    )


def _foremost(one: ScreenFinding, screen: Screen) -> dict[str, Any]:
    other = "" if one.applies_here else f", for {one.applies_to}, not {screen.given}"
    return {
        **_finding(one),
        "severity": f"{words.capital(one.severity)}{other}",
        "more": len(screen.on_same(one)),
    }


def _finding(one: ScreenFinding) -> dict[str, Any]:
    place = " ".join(filter(None, (one.jurisdiction, one.date)))
    return {
        **vars(one),
        "statement": one.told,
        "brief": brief(one.told),
        "subject": f"{one.about}, boxed warning" if one.boxed else one.about,
        "measured": [_ROW.sub("", line) for line in one.measured],
        "severity_in_source": one.source_says,
        "effect": one.effect,
        "quality": "; ".join(filter(None, (one.quality, place))),
        "computed": [
            f"{ratio.metric} of {words.quantity(ratio.quantity)} × {ratio.ratio:.2f} "
            f"with {ratio.with_}"
            for ratio in one.computed
        ],
    }


def brief(text: str) -> str:
    """The first sentences of a text; never a part of one."""
    sentences = text.split(". ")
    found = sentences[0]
    for more in sentences[1:]:
        if len(found) + len(more) > _LONG:
            break
        found += f". {more}"
    return found if found.endswith(".") else f"{found}."


def cost_lines(costs: pl.DataFrame) -> list[dict[str, str]]:
    """Published prices and what they come to, in words.

    **Arguments:**

    - `costs`: what `ketasim.screening.course_costs` returned.
    """
    return [_cost(row) for row in costs.to_dicts()]


def _cost(row: dict[str, Any]) -> dict[str, str]:
    currency = row["currency"] or ""
    place = row["country"] or ""
    if place:
        place += f", {row['year'] or 'year not shown'}"
    return {
        "item": row["item"] or f"{row['drug']} {row['route']}",
        "includes": row["includes"] or "",
        "note": row["note"] or "",
        "place": place or NOTHING,
        "price": _amount(row["low"], row["high"], currency),
        "per": row["per"] or NOTHING,
        "count": NOTHING if row["count"] is None else str(row["count"]),
        "total": _amount(row["total_low"], row["total_high"], currency),
        "source": row["source"] or "",
        "fact": row["fact"] or "",
    }


def _amount(low: float | None, high: float | None, currency: str) -> str:
    if low is None:
        return NOTHING
    ends = span(_whole(low), _whole(low if high is None else high))
    return f"{ends} {currency}"


def _whole(value: float) -> str:
    return f"{value:,.0f}".replace(",", "\u202f")
