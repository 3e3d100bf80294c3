"""Scores of a bundle: of the PHQ-9 by its codes, of other scales by their names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ketasim.dosing import scales
from ketasim.interop.fhir.bundle import Bundle
from ketasim.interop.fhir.element import (
    Element,
    codings,
    family,
    meanings,
    names,
    part,
    parts,
    text,
)
from ketasim.interop.fhir.moment import Time, effective
from ketasim.interop.fhir.person import kilograms
from ketasim.interop.fhir.phq9 import answers_of, points, total_of
from ketasim.interop.records import Account
from ketasim.interop.scale_name import scale_named

_PHQ9: Final = "PHQ9"
_DONE: Final = {
    "QuestionnaireResponse": ("completed", "amended"),
    "Observation": ("final", "amended", "corrected"),
}
_CHANGED: Final = ("amended", "corrected")
_STATUS: Final = re.compile(r"[a-z-]{1,30}")


@dataclass(frozen=True)
class Found:
    """A score as one resource has it.

    **Arguments:**

    - `time`: when. `scale` and `score`: what.
    - `changed`: the resource corrects an earlier one. `resource`: that it is of.
    """

    time: Time
    scale: str
    score: float
    changed: bool
    resource: Mapping[str, Any]


@dataclass
class _Single:
    """Observations of one time, each of one item or of the total."""

    time: Time
    items: dict[str, float | None] = field(default_factory=dict[str, float | None])
    totals: list[float] = field(default_factory=list[float])
    changed: bool = False
    resource: Mapping[str, Any] = field(default_factory=dict[str, Any])


def scores_of(bundle: Bundle, account: Account) -> list[Found]:
    """Every score of a bundle, some of them the same said twice.

    **Arguments:**

    - `bundle`: the resources. `account`: takes what is left out.
    """
    found: list[Found] = []
    for entry in bundle.of("QuestionnaireResponse"):
        one = entry.resource
        items, totals = answers_of(one, bundle)
        if not items and not totals:
            account.leave_out("QuestionnaireResponse", "not a PHQ-9 by its codes or address")
            continue
        time = _time(one, "QuestionnaireResponse", account)
        if time is not None:
            found += _whole(_Single(time, items, totals, _changed(one), one), account)
    return found + _observed(bundle, account)


def weights_of(bundle: Bundle, account: Account) -> list[tuple[Time, float, Mapping[str, Any]]]:
    """Body weights, kg, with when they were measured and the resource."""
    found: list[tuple[Time, float, Mapping[str, Any]]] = []
    for entry in bundle.of("Observation"):
        one = entry.resource
        if _kind(one) != "weight":
            continue
        time, value = _time(one, "Observation", account), kilograms(one)
        if value is None:
            account.leave_out("Observation", "body weight without a value in kg, g or lb")
        elif time is not None:
            found.append((time, value, one))
    return found


def _kind(observation: Element) -> str:
    rows = meanings(part(observation, "code"))
    return rows[0].get("kind") if rows else ""


def _observed(bundle: Bundle, account: Account) -> list[Found]:
    single: dict[tuple[str, bool], _Single] = {}
    found: list[Found] = []
    for entry in bundle.of("Observation"):
        one = entry.resource
        kind = _kind(one)
        if kind == "weight":
            continue
        scale = "" if kind else _named(part(one, "code"))
        if kind not in ("panel", "total", "item") and not scale:
            account.leave_out("Observation", _what(one, kind))
            continue
        time = _time(one, "Observation", account)
        if time is None:
            continue
        if scale:
            value = points(one)
            if value is None:
                account.leave_out("Observation", f"{scale} without a value")
            else:
                account.note(f"Scores of {scale} were recognised by name, not by code.")
                found += _ranged(Found(time, scale, value, _changed(one), one), account)
            continue
        changed = _changed(one)
        mine = single.setdefault((time.key, changed), _Single(time, changed=changed, resource=one))
        for part_of in (one, *parts(one, "component")):
            _add(part_of, mine)
    for mine in single.values():
        if mine.items or mine.totals:
            found += _whole(mine, account)
        else:
            account.leave_out("Observation", "PHQ-9 without a value or items")
    return found


def _add(one: Element, mine: _Single) -> None:
    """Take the value of an Observation or of its component."""
    for row in meanings(part(one, "code"))[:1]:
        value = points(one)
        if row.get("kind") == "item":
            code = row.get("code")
            mine.items[code] = value if mine.items.get(code, value) == value else None
        elif value is not None and row.get("kind") in ("total", "panel"):
            mine.totals.append(value)


def _whole(mine: _Single, account: Account) -> list[Found]:
    total, why = total_of(mine.items, mine.totals)
    if total is None:
        account.leave_out("PHQ-9", why)
        return []
    return _ranged(Found(mine.time, _PHQ9, total, mine.changed, mine.resource), account)


def _ranged(one: Found, account: Account) -> list[Found]:
    most = scales()[one.scale]
    if 0 <= one.score <= most:
        return [one]
    account.leave_out(f"{one.scale} score", f"{one.score:g} is outside 0 to {most:g}")
    return []


def _named(code: Element) -> str:
    """The scale that the words of a code name; empty where they name none, or two."""
    found = {scale for name in names(code) if (scale := scale_named(name))}
    return found.pop() if len(found) == 1 else ""


def _what(one: Element, kind: str) -> str:
    if kind == "beside":
        return "the PHQ-9 question on difficulty is not part of its total"
    for coding in codings(part(one, "code")):
        code = text(coding, "code")
        if family(text(coding, "system")) == "loinc" and re.fullmatch(r"\d{1,7}-\d", code):
            return f"LOINC {code} is neither a score that is read nor body weight"
    return "neither a score that is read nor body weight"


def _time(one: Element, kind: str, account: Account) -> Time | None:
    """When a resource counts; nothing where it does not, which is noted."""
    status = text(one, "status")
    if status not in _DONE[kind]:
        shown = status if _STATUS.fullmatch(status) else "unknown"
        account.leave_out(kind, f"its status is {shown}")
        return None
    time = effective(one)[0]
    if time is None:
        account.leave_out(kind, "its time is missing, is no whole date, or has no time zone")
    return time


def _changed(one: Element) -> bool:
    return text(one, "status") in _CHANGED
