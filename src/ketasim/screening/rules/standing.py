"""Whether what a source says was said of the drug and route of a course."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from ketasim.dosing import Course
from ketasim.evidence import Fact, fact

_SAME: Final = {"oral_er": "oral"}  # the tablet is swallowed too
_WORDS: Final = {"oral_er": "oral extended-release", "intranasal": "nasal", "iv": "IV", "im": "IM"}


@dataclass(frozen=True)
class Given:
    """What a course gives.

    **Arguments:**

    - `drugs`, `routes`: in their order.
    - `starts`: of the sessions before the horizon, h.
    - `diagnosis`: of the patient; nothing when it is not given.
    """

    drugs: tuple[str, ...]
    routes: tuple[str, ...]
    starts: tuple[float, ...] = ()
    diagnosis: str | None = None

    def words(self) -> str:
        """Such as `IV ketamine`."""
        routes = " and ".join(_WORDS.get(route, route) for route in self.routes)
        return f"{routes} {' and '.join(self.drugs)}"


def given(course: Course) -> Given:
    """What a course gives, by which routes."""
    doses = course.regimen.doses
    return Given(
        tuple(dict.fromkeys(dose.drug for dose in doses)),
        tuple(dict.fromkeys(dose.route for dose in doses)),
        tuple(time for time in course.regimen.sessions if time < course.horizon),
        course.patient.diagnosis,
    )


@dataclass(frozen=True)
class Standing:
    """Whether a source speaks of what is given.

    **Arguments:**

    - `applies_to`: drug, and route if the source is on one.
    - `here`: whether both are given. `route_here`: whether the route is.
    - `suffix`: what to add to a statement that is not on what is given.
    """

    applies_to: str
    here: bool
    route_here: bool
    suffix: str


def standing(row: Fact, what: Given) -> Standing:
    """Compare a row's `applies_to` and `route` with what is given.

    **Arguments:**

    - `row`: of a table of the screen.
    - `what`: of the course.
    """
    drug, routes = row.get("applies_to"), row.listed("route")
    drug_here = drug == "both" or drug in what.drugs
    route_here = not routes or bool({*what.routes, *map(_same, what.routes)}.intersection(routes))
    applies_to = drug if not routes else f"{drug} ({', '.join(routes)})"
    if drug_here and route_here:
        return Standing(applies_to, True, True, "")
    source = drug if drug != "both" else "other routes"
    if routes and not route_here:
        source = f"{'/'.join(_WORDS.get(r, r) for r in routes)} {drug if drug != 'both' else ''}"
    return Standing(
        applies_to,
        False,
        route_here,
        f" From {source.strip()}: not established for {what.words()}.",
    )


def _same(route: str) -> str:
    return _SAME.get(route, route)


def cited(row: Fact) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Source keys of a row and of the facts it names, and the ids of those facts."""
    ids = row.listed("facts")
    named: Iterable[str] = (fact(one).source for one in ids)
    keys = tuple(dict.fromkeys(filter(None, (row.source, *named))))
    return keys, ids


def origin(row: Fact, stands: Standing) -> dict[str, Any]:
    """What a finding or a prompt says of where its row comes from, as keyword arguments."""
    keys, ids = cited(row)
    return {
        "applies_to": stands.applies_to,
        "applies_here": stands.here,
        "jurisdiction": row.get("jurisdiction"),
        "date": row.get("date"),
        "sources": keys,
        "facts": ids,
    }


def sentence(text: str) -> str:
    """A text with a capital at its start and a full stop at its end."""
    text = text.strip()
    if not text:
        return ""
    return text[0].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
