"""How long patients were followed in the published trials, and what is said beyond that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from ketasim.evidence import facts, number, source_name
from ketasim.simulation.mood.studied import Treated, studied_arms

_DAY: Final = 24.0
_SLIP: Final = _DAY  # h; a visit within a day of the horizon reaches it
_DAYS: Final = {"day": 1.0, "week": 7.0, "month": 365.25 / 12.0, "year": 365.25}
_UNTREATED: Final = ("none", "antidepressant")
_NO_RATING: Final = ("baseline", "baseline_sd")
# what was rated in people, and not a share of those who stopped or changed a treatment
_RATED: Final = ("mean", "change_from_baseline", "response_pct", "remission_pct")

_Kind = tuple[str, str, str, str]


@dataclass(frozen=True)
class Followed:
    """The trial of one kind that was followed longest.

    **Arguments:**

    - `trial`: its name. `source`: key. `time`: h from the first dose, the last published rating.
    """

    trial: str
    source: str
    time: float


@cache
def longest_followed() -> Mapping[_Kind, Followed]:
    """Drug, route, control and openness to the trial of that kind with the latest rating.

    Ratings are those of the training table, used or not; of people without sessions those of
    `mood/natural_course` too.
    """
    found: dict[_Kind, Followed] = {}

    def add(kind: _Kind, one: Followed) -> None:
        if kind not in found or one.time > found[kind].time:
            found[kind] = one

    for row in facts("mood/training"):
        time = number(row.get("time_h"))
        if time is None or row.get("metric") in _NO_RATING:
            continue
        names = [
            name
            for trial, name in studied_arms()
            if trial == row.get("trial")
            and (name == row.get("arm") or row.get("arm").startswith(f"{name}-"))
        ]
        for name in names:
            arm = studied_arms()[row.get("trial"), name]
            add(_kind(arm), Followed(arm.trial, row.source, time))
    for row in facts("mood/natural_course"):
        time, unit = number(row.get("time")), _DAYS.get(row.get("time_unit"))
        if time is None or unit is None or row.get("metric") not in _RATED:
            continue
        for control in _UNTREATED:
            kind = ("", "", control, "no sessions")
            add(kind, Followed(row.get("study"), row.source, time * unit * _DAY))
    return found


def beyond_evidence(own: Treated, horizon: float) -> str:
    """Say that a horizon is beyond what was followed in trials of that kind.

    **Arguments:**

    - `own`: the course, or an arm. `horizon`: h from the start.

    **Returns:** one sentence with the longest trial; empty within the evidence.
    """
    longest = longest_followed().get(_kind(own))
    days = f"{horizon / _DAY:.4g}"
    if longest is None:
        return (
            f"No published trial of {own.kind} with a rating is in the evidence: mood over these "
            f"{days} days is an extrapolation from other trials."
        )
    if horizon <= longest.time + _SLIP:
        return ""
    return (
        f"The horizon of {days} days is beyond the evidence: the longest trial of {own.kind} has "
        f"its last rating on day {longest.time / _DAY:.4g} ({source_name(longest.source)}); mood "
        "after that is an extrapolation."
    )


def _kind(arm: Treated) -> _Kind:
    return arm.drug, arm.route, arm.control, arm.told
