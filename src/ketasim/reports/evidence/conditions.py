"""A condition for a page: doses studied in lines of words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ketasim.evidence import StudiedDoses

DOSE_HEADS: Final = ("drug", "route", "dose", "in rows", "sessions", "days apart", "rows")
"""Heads of `dose_lines`."""

_ROUTES: Final = {"iv": "IV", "im": "IM", "sc": "SC", "oral_er": "oral, extended release"}


def dose_lines(doses: StudiedDoses) -> list[tuple[str, ...]]:
    """One line a kind and unit of dose; one without a dose where no row gives any.

    **Arguments:**

    - `doses`: what was studied of one drug by one route.
    """
    apart = _ends(doses.interval_days)
    lines: list[tuple[str, ...]] = []
    for span in doses.spans:
        ends = dict.fromkeys((span.low_fact, span.high_fact))
        sessions = _ends(span.sessions)
        if span.kind == "session":
            longer = any(row in doses.uncounted for row in span.facts)
            sessions = (sessions + " or more" if sessions else "not stated") if longer else sessions
        lines.append(
            (
                doses.drug,
                route_words(doses.route),
                span.words(),
                ", ".join(ends),
                sessions or "not stated",
                apart if span.kind == "session" else "",
                str(len(span.facts)),
            )
        )
    if not lines:
        counted = _ends(doses.sessions) or "not stated"
        route = route_words(doses.route)
        lines.append((doses.drug, route, "not stated", "", counted, apart, str(len(doses.facts))))
    return lines


def route_words(route: str) -> str:
    """A route as tables have it, such as `IV`."""
    return _ROUTES.get(route, route)


def _ends(ends: tuple[float, float] | None) -> str:
    if ends is None:
        return ""
    low, high = ends
    return f"{low:g}" if low == high else f"{low:g}-{high:g}"
