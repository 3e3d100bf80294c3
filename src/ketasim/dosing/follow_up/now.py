"""Until when a patient is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ketasim._base import InputError
from ketasim.dosing.follow_up.candidate import Candidate
from ketasim.dosing.follow_up.score import Score
from ketasim.dosing.follow_up.when import DAY
from ketasim.dosing.regimen import Regimen


def known_until(now: float | None, scores: Sequence[Score], regimen: Regimen) -> float:
    """Until when the patient is known, h from the start of the course.

    **Arguments:**

    - `now`: h, as given; the last score or session when left out.
    - `scores`: in the order of time. `regimen`: what was given.

    **Raises:** `InputError` for a score or a session after now.
    """
    last = max(regimen.sessions[-1], scores[-1].time if scores else 0.0)
    if now is None:
        return last
    if scores and scores[-1].time > now:
        late = scores[-1]
        raise InputError(
            "now",
            f"day {now / DAY:.4g} is before the score {late.scale} {late.score:g} of day "
            f"{late.time / DAY:.4g}",
            "give a later one, or leave it out",
        )
    if regimen.sessions[-1] > now:
        raise InputError(
            "regimen",
            f"the session on day {regimen.sessions[-1] / DAY:.4g} is after now, day "
            f"{now / DAY:.4g}",
            "write what may follow as a candidate under 'next'",
        )
    return now


def to_follow(
    regimen: Regimen, scores: Sequence[Score], now: float | None, candidates: Sequence[Candidate]
) -> dict[str, Any]:
    """The normal form of the keys on one patient; nothing of those that are not given."""
    form: dict[str, Any] = {}
    if scores:
        form["scores"] = [one.to_dict(regimen) for one in scores]
    if now is not None:
        form["now"] = f"{now!r} h"
    if candidates:
        form["next"] = [one.to_dict() for one in candidates]
    return form
