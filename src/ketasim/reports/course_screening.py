"""Screening and costs in the report of a simulation, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from ketasim._base import words
from ketasim._base.numbers import NOTHING, span
from ketasim.screening import NO_VERDICT, SEVERITIES, MonitoringPrompt, Screen, ScreenFinding

_FOLDED: Final = "note"  # as is what speaks of another drug or route, unless contraindicated


@dataclass(frozen=True)
class FindingGroup:
    """Findings of one severity, those for another drug or route apart."""

    title: str
    open: bool
    findings: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class ScreeningView:
    """A screen as the report shows it."""

    statement: str
    counts: tuple[tuple[str, int], ...]
    groups: tuple[FindingGroup, ...]
    monitoring: tuple[MonitoringPrompt, ...]


def screening_view(screen: Screen) -> ScreeningView:
    """Arrange a screen for the report.

    **Arguments:**

    - `screen`: what `ketasim.screen` returned.
    """
    groups: list[FindingGroup] = []
    for severity in SEVERITIES:
        found = screen.of(severity)
        for here in (True, False):
            members = tuple(_finding(one) for one in found if one.applies_here is here)
            if not members:
                continue
            other = "" if here else f", for a drug or route other than {screen.given}"
            title = words.capital(severity) + other
            shown = severity == "contraindicated" or (here and severity != _FOLDED)
            groups.append(FindingGroup(title, shown, members))
    return ScreeningView(NO_VERDICT, screen.count_words(), tuple(groups), screen.monitoring)


def _finding(one: ScreenFinding) -> dict[str, Any]:
    place = " ".join(filter(None, (one.jurisdiction, one.date)))
    return {
        **vars(one),
        "subject": f"{one.about}, boxed warning" if one.boxed else one.about,
        "severity_in_source": one.source_says,
        "effect": one.effect,
        "quality": "; ".join(filter(None, (one.quality, place))),
        "computed": [
            f"{ratio.metric} of {words.quantity(ratio.quantity)} × {ratio.ratio:.2f} "
            f"with {ratio.with_}"
            for ratio in one.computed
        ],
    }


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
