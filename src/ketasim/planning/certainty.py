"""How near an option is to what was studied: studied, near, or far from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ketasim.simulation import NearValue, Simulation
from ketasim.simulation.mood.nearness import differences
from ketasim.simulation.mood.reach import beyond_evidence
from ketasim.simulation.mood.studied import Treated, of_course, studied_arms

WORDS: Final = ("studied", "near", "far")
"""Nearest first."""

OWN: Final = ("drug", "route", "dose", "sessions", "spacing")
"""Features of the rule `mood/nearness` in which an arm that studied an option must not differ."""

_MEANT: Final = {
    "studied": "a trial arm had this drug, route, dose, number and spacing of sessions",
    "near": "a trial arm is within the limit of the rule of nearness",
    "far": "no trial arm is within the limit of the rule of nearness",
}


@dataclass(frozen=True)
class Certainty:
    """What was studied that is nearest to an option at a time.

    **Arguments:**

    - `at_h`: h from the first dose. `when`: `last`, a day after the last session, or `end`.
    - `word`: one of `WORDS`. `meaning`: of it, in words.
    - `trial`, `arm`: keys of the nearest arm. `title`, `given`: in words.
    - `distance`: by the rule `mood/nearness`. `differs`: in what, with what the option has in
      brackets. `source`: key.
    - `beyond`: that the horizon is beyond the longest trial of that kind, in a sentence; or empty.
    """

    at_h: float
    when: str
    word: str
    meaning: str
    trial: str
    arm: str
    title: str
    given: str
    distance: float
    differs: str
    source: str
    beyond: str


def certainties(simulation: Simulation) -> tuple[Certainty, ...]:
    """How near a course is to what was studied, a day after its last session and at its end.

    **Arguments:**

    - `simulation`: of the course.

    **Returns:** two, or one where the times are close to each other; none where mood was not
    computed or nothing of the kind was studied.
    """
    mood, course = simulation.mood, simulation.course
    if mood is None:
        return ()
    own = of_course(course, setting=mood.situation.setting)
    return nearest_arms(own, mood.near, mood.well_from, course.horizon)


def nearest_arms(
    own: Treated, values: Sequence[NearValue], after: float, horizon: float
) -> tuple[Certainty, ...]:
    """How near a course is to what was studied, by the trials nearest to it.

    **Arguments:**

    - `own`: the course. `values`: as `near_values` returns them.
    - `after`: h, a day after its last session. `horizon`: h.

    **Returns:** as `certainties`.
    """
    if not values:
        return ()
    beyond = beyond_evidence(own, horizon)
    times = sorted({one.own_time_h for one in values})
    last = next((time for time in times if time >= min(after, times[-1]) - 0.5), times[-1])
    found: list[Certainty] = []
    for when, time in (("last", last), ("end", times[-1])):
        if when == "end" and time == last and found:
            break
        near = [one for one in values if one.own_time_h == time]
        nearest = min(near, key=lambda one: one.distance)
        same = [one for one in near if _studied(one, own)]
        shown = min(same, key=lambda one: one.distance) if same else nearest
        word = "studied" if same else "near" if nearest.near else "far"
        found.append(
            Certainty(
                at_h=time,
                when=when,
                word=word,
                meaning=_MEANT[word],
                trial=shown.trial,
                arm=shown.arm,
                title=shown.title,
                given=shown.given,
                distance=shown.distance,
                differs=shown.differs,
                source=shown.source,
                beyond=beyond if when == "end" or time == times[-1] else "",
            )
        )
    return tuple(found)


def _studied(one: NearValue, own: Treated) -> bool:
    """Whether an arm had what the course gives, by then."""
    if not one.near:
        return False
    arm = studied_arms()[one.trial, one.arm]
    told = differences(arm, one.time_h, own, one.own_time_h)
    return told is not None and not any(
        difference.words for difference in told if difference.feature in OWN
    )


def overall(found: Sequence[Certainty]) -> str:
    """The least certain of an option's words; empty where none is assessed."""
    return max((one.word for one in found), key=WORDS.index, default="")
