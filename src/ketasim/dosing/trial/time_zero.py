"""Where the times of a trial begin: what was understood where no session is on day 0."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ketasim.dosing.trial.arm import Arm
from ketasim.dosing.trial.assessment import Assessment
from ketasim.dosing.trial.label import arm_name

_DAY: Final = 24.0  # h
_SAME_TIME: Final = 1e-6  # h
_NAMED: Final = 3  # visits named one by one
_LISTED: Final = 12  # days written out


def time_zero_warnings(arms: Sequence[Arm], assessments: Sequence[Assessment]) -> tuple[str, ...]:
    """Say what times count from where a file counts its days from 1, or seems to.

    Times of a trial count from 0 h, the start of day 0, whatever its first session. A protocol that
    calls the day of the first dose Day 1 is then a day late, and its visit at 24 h comes before
    anything is given.

    **Arguments:**

    - `arms`, `assessments`: of one trial.

    **Returns:** sentences: one where no arm has a session on day 0, or arms begin a day apart; one
    for each arm and scale with a visit that does not come after the arm's first session.
    """
    first = {arm.id: arm.sessions[0] for arm in arms if arm.sessions}
    late = [arm for arm in arms if first.get(arm.id, 0.0) >= _DAY - _SAME_TIME]
    if not late:
        return ()
    return (*_days(arms, first, late), *_visits(late, first, assessments))


def _days(arms: Sequence[Arm], first: dict[str, float], late: Sequence[Arm]) -> Iterator[str]:
    zero = "Times of visits count from 0 h, the start of day 0"
    everywhere = len(late) == len(first)
    starts = [first[arm.id] for arm in late]
    if everywhere:
        day = min(starts) / _DAY
        when = f"the first is on day {day:g} ({min(starts):g} h)"
        yield f"No session is on day 0; {when}. {zero}{_remedy(late)}."
        return
    for arm in late:
        if first[arm.id] <= _DAY + _SAME_TIME:
            on_zero = next(one for one in arms if one.id in first and one not in late)
            yield (
                f"Arm {arm_name(arm)}: the first session is on day {first[arm.id] / _DAY:g}, that "
                f"of {arm_name(on_zero)} on day 0. {zero} in both; if both begin on the day of "
                "the first dose, count the days of both from 0."
            )


def _remedy(late: Sequence[Arm]) -> str:
    """The same schedule counted from 0, for days that seem to be counted from 1."""
    days = {arm.days for arm in late}
    if any(one[0] != 1.0 for one in days):
        return ""
    told = "count days from 0, those of visits too,"
    # one list for all, and of arms whose days are one list
    alike = len(days) == 1 and all(len(arm.phases) < 2 for arm in late)
    if alike and len(own := days.pop()) <= _LISTED:
        told += f" such as days: [{', '.join(f'{day - 1:g}' for day in own)}]"
    return f"; if day 1 is the day of the first dose, {told.rstrip(',')}"


def _visits(
    late: Sequence[Arm], first: dict[str, float], assessments: Sequence[Assessment]
) -> Iterator[str]:
    found: dict[tuple[str, str], set[float]] = {}
    for one in assessments:
        for arm in late:
            if arm.id in one.arms:
                # a visit at 0 h is before treatment by its own words
                times = (*one.times, 0.0 if one.start is None else one.start)
                early = {t for t in times if 0.0 < t <= first[arm.id] + _SAME_TIME}
                found.setdefault((one.scale, arm.id), set()).update(early)
    said: dict[tuple[str, tuple[float, ...], float], list[Arm]] = {}
    for (scale, name), early in found.items():
        arm = next(arm for arm in late if arm.id == name)
        if early:
            said.setdefault((scale, tuple(sorted(early)), first[name]), []).append(arm)
    for (scale, early, start), members in said.items():
        times = ", ".join(f"{time:g} h" for time in early[:_NAMED])
        times += f" and {len(early) - _NAMED} more" if len(early) > _NAMED else ""
        many = len(early) > 1
        at = all(abs(time - start) <= _SAME_TIME for time in early)
        where = "at the time of" if at else "not after"
        named = ", ".join(map(arm_name, members))
        yield (
            f"The {scale} visit{'s' if many else ''} at {times} {'are' if many else 'is'} {where} "
            f"the first session of {'arm' if len(members) == 1 else 'arms'} {named}, at {start:g} "
            f"h: {'they show' if many else 'it shows'} no effect of it."
        )
