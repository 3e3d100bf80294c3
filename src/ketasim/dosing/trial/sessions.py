"""Sessions that can be added up where patients differ in which they have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

from ketasim._base import InputError
from ketasim.dosing.regimen import check_count
from ketasim.dosing.trial.arm import Arm
from ketasim.dosing.trial.assessment import Assessment
from ketasim.dosing.trial.phase import WITHOUT_SESSIONS
from ketasim.dosing.trial.rule import LEAST_INTERVAL, Rescue

_SLACK: Final = 4.0  # h: sessions every other day are not always at the same hour
_DAY: Final = 24.0


def check_sessions(
    arms: Sequence[Arm],
    assessments: Sequence[Assessment],
    rescue: Rescue | None,
    individual: Callable[[Arm], bool],
    *,
    crossover: bool = False,
) -> None:
    """Refuse sessions, rules and a rescue that cannot be followed patient by patient.

    **Arguments:**

    - `arms`: of the trial. `assessments`: of it. `rescue`: of it, or nothing.
    - `individual`: whether the treatment of an arm differs between its patients.
    - `crossover`: the design.

    **Raises:** `InputError` with the path of the field.
    """
    enrolled = [arm for arm in arms if arm.branch is None]
    if crossover and rescue is not None:
        raise InputError(
            "rescue", "is not simulated in a crossover", "leave it out, or write 'design: parallel'"
        )
    for place, arm in enumerate(enrolled):
        field = f"arms[{place}]"
        rule = arm.dosing_rule
        if rule is not None:
            if crossover:
                raise InputError(
                    f"{field}.dosing_rule",
                    "is not simulated in a crossover",
                    "write the days of the sessions, or 'design: parallel'",
                )
            if not arm.rule_times:
                raise InputError(
                    f"{field}.dosing_rule.from",
                    f"no session follows the rule: it begins on day {(rule.start or 0) / _DAY:g}, "
                    f"and the last visit is on day {arm.horizon / _DAY:g}",
                    "begin earlier, or add a later visit or 'horizon'",
                )
            check_count(len(arm.rule_times), f"{field}.dosing_rule")
        if rescue is not None:
            _check_rescue(rescue, arm, field, assessments)
    for arm in arms:
        if individual(arm):
            _check_gaps(arm, enrolled)


def _check_gaps(arm: Arm, enrolled: Sequence[Arm]) -> None:
    for earlier, later in pairwise(arm.sessions):
        if later - earlier < LEAST_INTERVAL - _SLACK:
            name = arm.id if arm.branch is None else arm.branch.of
            place = [one.id for one in enrolled].index(name)
            raise InputError(
                f"arms[{place}].days",
                f"sessions {later - earlier:g} h apart, where patients differ in the sessions "
                "they have (dosing_rule, adherence, rescue or a crossover)",
                f"give days at least {LEAST_INTERVAL / _DAY:g} apart, or leave those keys out",
            )


def _check_rescue(rescue: Rescue, arm: Arm, field: str, assessments: Sequence[Assessment]) -> None:
    if arm.background == "new" or arm.control == WITHOUT_SESSIONS[0]:
        raise InputError(
            "rescue",
            f"{field} has a new oral antidepressant from day 0, and the rescue is one",
            "leave 'rescue' out, or write 'background: continued'",
        )
    scale = rescue.when.scale
    times = [
        t for one in assessments if one.scale == scale and arm.id in one.arms for t in one.times
    ]
    if not any(time > 0 and time >= rescue.start for time in times):
        raise InputError(
            "rescue.when",
            f"{scale} is not rated in {field} from {rescue.start / _DAY:g} d on",
            f"assess {scale} there, or name a scale that is assessed",
        )
