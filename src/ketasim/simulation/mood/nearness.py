"""How near an arm of a published trial is to a course: a written rule, and what differs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from ketasim.evidence import facts, number
from ketasim.population import OLDER
from ketasim.simulation.mood.studied import Treated

RULE: Final = "mood/nearness"
"""What each difference counts."""

_DAY: Final = 24.0
_FAR: Final = math.inf
_SHORTEST: Final = 1.0 / 24.0  # days; earlier ratings are taken as one at an hour
_SAME: Final = 0.15  # doublings that are not worth a word
_TOLD: Final = {"open": "open", "blinded": "blinded", "masked": "under anaesthesia"}


@dataclass(frozen=True)
class Difference:
    """In what an arm at a rating differs from a course at a time.

    **Arguments:**

    - `feature`: of `RULE`. `counts`: towards the distance.
    - `words`: what the arm has, and in brackets what the course has; empty where too small.
    """

    feature: str
    counts: float
    words: str


@cache
def weights() -> Mapping[str, float]:
    """Feature to what a difference in it, or a doubling of it, counts."""
    found: dict[str, float] = {}
    for row in facts(RULE):
        counts = number(row.get("counts"))
        assert counts is not None
        found[row.get("feature")] = counts
    return found


def near_limit() -> float:
    """Distance beyond which an arm is not near."""
    return weights()["limit"]


def distance(differences: tuple[Difference, ...]) -> float:
    """Sum of what the differences count."""
    return math.fsum(one.counts for one in differences)


def differences(
    arm: Treated, rated: float, own: Treated, time: float
) -> tuple[Difference, ...] | None:
    """In what an arm differs from a course or another arm.

    **Arguments:**

    - `arm`: of a published trial. `rated`: h, when it was.
    - `own`: the course. `time`: h, when it is looked at.

    **Returns:** nothing where one is given a drug and the other is not.
    """
    if bool(arm.drug) != bool(own.drug):
        return None
    return tuple(_differences(arm, rated, own, time))


def _differences(arm: Treated, rated: float, own: Treated, time: float) -> Iterator[Difference]:
    alike = (arm.drug, arm.route, arm.control) == (own.drug, own.route, own.control)
    if arm.control != own.control:
        yield _other("drug", arm.control.replace("_", " "), own.control.replace("_", " "))
    if arm.drug != own.drug:
        yield _other("drug", arm.drug, own.drug)
    if arm.route != own.route:
        yield _other("route", _route(arm), _route(own))
    theirs, mine = arm.sessions_by(rated), own.sessions_by(time)
    if alike and arm.doses and theirs and mine:
        yield _dose(arm, len(theirs) - 1, own, len(mine) - 1)
    yield _ratio("sessions", len(theirs), len(mine), "sessions by then")
    if len(theirs) > 1 and len(mine) > 1:
        gap, my_gap = ((days[-1] - days[0]) / (len(days) - 1) for days in (theirs, mine))
        yield _ratio("spacing", gap, my_gap, "days between sessions")
    after = rated / _DAY - min(arm.days, default=0.0)
    my_after = time / _DAY - min(own.days, default=0.0)
    yield _ratio("time", after, my_after, "days after the first session", least=_SHORTEST)
    if theirs and mine:
        since, my_since = rated / _DAY - theirs[-1], time / _DAY - mine[-1]
        words = "days after the last session"
        yield _ratio("since", max(since, 1.0), max(my_since, 1.0), words)
    if arm.told != own.told:
        yield _other("openness", _TOLD.get(arm.told, arm.told), _TOLD.get(own.told, own.told))
    elif own.against and not set(arm.against) & set(own.against):
        yield _other("control", _against(arm), _against(own))
    if arm.background != own.background:
        words = f"antidepressant {arm.background}"
        yield _other("background", words, f"antidepressant {own.background}")
    if arm.setting != own.setting:
        yield _other("setting", arm.setting, own.setting)
    if _age_group(arm) != _age_group(own):
        yield _other("age", _age_group(arm), _age_group(own))


def _against(one: Treated) -> str:
    controls = " or ".join(one.against) or "no control"
    return f"against {controls}".replace("_", " ")


def _age_group(one: Treated) -> str:
    older = one.age is not None and one.age >= OLDER
    return f"{'from' if older else 'below'} age {OLDER:g}"


def _other(feature: str, theirs: str, mine: str) -> Difference:
    return Difference(feature, weights()[feature], f"{theirs} ({mine})")


def _ratio(
    feature: str, theirs: float, mine: float, unit: str, *, least: float = 1.0
) -> Difference:
    """A difference that counts by doublings; numbers below `least` are taken as that."""
    doublings = abs(math.log2(max(theirs, least) / max(mine, least)))
    words = f"{theirs:.3g} ({mine:.3g}) {unit}" if doublings > _SAME else ""
    return Difference(feature, weights()[feature] * doublings, words)


def _dose(arm: Treated, their_last: int, own: Treated, my_last: int) -> Difference:
    """Doses of the last sessions, in mg where both are ordered so, else in mg/kg."""
    absolute = arm.unit == own.unit == "mg"
    theirs, mine = (
        one.doses[place] / (1.0 if absolute else one.weight)
        for one, place in ((arm, their_last), (own, my_last))
    )
    doublings = abs(math.log2(theirs / mine)) if theirs > 0.0 and mine > 0.0 else _FAR
    words = ""
    if doublings > _SAME:
        words = f"{theirs:.2g} ({mine:.2g}) {'mg' if absolute else 'mg/kg'}"
    return Difference("dose", weights()["dose"] * doublings, words)


def _route(one: Treated) -> str:
    return one.route.replace("oral_er", "extended-release tablets").replace("_", " ")
