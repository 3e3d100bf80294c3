"""The arms that a randomised withdrawal makes: an open phase, and what comes after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ketasim._base import InputError
from ketasim.dosing.regimen import Regimen
from ketasim.dosing.trial.arm import Arm, ArmItem
from ketasim.dosing.trial.phase import DRUG_KEYS, WITHOUT_SESSIONS, PhaseItem, days_of, given
from ketasim.dosing.trial.rule import DosingRule
from ketasim.dosing.trial.withdrawal import Branch, TargetItem, WithdrawalItem, check_withdrawal

_DAY = 24.0


def branches_of(item: ArmItem, arm: Arm, field: str, *, remission: bool) -> tuple[Arm, ...]:
    """Make the arms of those who are randomised again.

    **Arguments:**

    - `item`: the entry of the arm. `arm`: as made of it. `field`: its path, for errors.
    - `remission`: whether the trial says what a remission is.

    **Returns:** arms that begin as `arm` and go on as the withdrawal says, of all patients of
    `arm`; nothing without a withdrawal.

    **Raises:** `InputError` with the path of the field.
    """
    withdrawal = item.withdrawal
    if withdrawal is None:
        return ()
    path = f"{field}.withdrawal"
    first = arm.sessions[0] if arm.sessions else None
    check_withdrawal(
        withdrawal,
        path,
        first=first,
        scale=arm.baseline.scale,
        remission=remission,
        masked=arm.masked,
    )
    later = _later(withdrawal, arm, path)
    kept = withdrawal.days is None
    split = _split(item, withdrawal.after)
    ratios = tuple(one.ratio for one in withdrawal.to)
    made: list[Arm] = []
    for place, one in enumerate(withdrawal.to):
        branch = Branch(arm.id, withdrawal.after, withdrawal.entry, place, ratios)
        made.append(_arm(arm, one, branch, split, (later, kept), (field, f"{path}.to[{place}]")))
    return tuple(made)


def _later(withdrawal: WithdrawalItem, arm: Arm, path: str) -> tuple[float, ...]:
    """Days of the sessions after the withdrawal, where an entry does not give its own."""
    if withdrawal.days is not None:
        return _after(days_of(PhaseItem(days=withdrawal.days), path), withdrawal.after, path)
    return tuple(day for day in arm.days if day * _DAY >= withdrawal.after)


def _after(days: tuple[float, ...], after: float, path: str) -> tuple[float, ...]:
    if days and days[0] * _DAY < after:
        raise InputError(
            f"{path}.days",
            f"day {days[0]:g} comes before the withdrawal on day {after / _DAY:g}",
            "give the days of sessions after it, counted from day 0 of the arm",
        )
    return days


@dataclass(frozen=True)
class _Split:
    """Sessions of the arm's drug before the withdrawal, and as the arm has them from then on."""

    before: list[PhaseItem]
    later: list[PhaseItem]


def _split(item: ArmItem, after: float) -> _Split:
    found = _Split([], [])
    phases: Sequence[PhaseItem] = (item,) if item.phases is None else item.phases
    for one in phases if item.control is None else ():
        content = {key: getattr(one, key) for key in ("drug", *DRUG_KEYS)}
        for there, chosen in ((False, found.before), (True, found.later)):
            days = tuple(day for day in one.days or () if (day * _DAY >= after) == there)
            if days:
                chosen.append(PhaseItem(**content, days=days))
    return found


def _arm(
    arm: Arm,
    one: TargetItem,
    branch: Branch,
    split: _Split,
    planned: tuple[tuple[float, ...], bool],
    paths: tuple[str, str],
) -> Arm:
    field, path = paths
    later, kept = planned
    before = tuple(day for day in arm.days if day * _DAY < branch.after)
    control = one.control if one.control is not None or one.own_drug else arm.control
    if control in WITHOUT_SESSIONS and one.days is not None:
        raise InputError(
            f"{path}.days", f"the control '{control}' has no sessions", "leave 'days' out"
        )
    own = _after(days_of(one, path), branch.after, path) if one.days is not None else later
    rule = _rule(arm, one, branch, kept=kept, control=control)
    ruled = rule is not None and (rule.until is None or rule.until > branch.after)
    if control not in WITHOUT_SESSIONS and not own and not ruled:
        last = f"day {arm.days[-1]:g}" if arm.days else "none"
        raise InputError(
            f"{path.rpartition('.to')[0]}.after",
            f"no session is left after day {branch.after / _DAY:g}: the last of the arm is {last}",
            "give the days of those that follow as 'days' of the withdrawal, or an earlier time",
        )
    places = [(phase, field) for phase in split.before]
    if control is None and kept and one.days is None and not one.own_drug:
        places += [(phase, field) for phase in split.later]
    elif control is None and own:
        places += _own(one, split, own, path)
    phases, doses = given(places, path) if places else ((), ())
    own = () if control in WITHOUT_SESSIONS else own
    early = [time for time in arm.sessions if time < branch.after]
    # the start of a session of a drug is that of its first dose
    late = Regimen(doses).sessions if control is None else [_DAY * day for day in own]
    made = replace(
        arm,
        id=one.arm_id(arm.id),
        phases=phases,
        control=control,
        doses=doses,
        days=(*before, *own),
        sessions=(*early, *(time for time in late if time >= branch.after)),
        open=one.open,
        label=one.label,
        withdrawal=None,
        branch=branch,
        dosing_rule=rule,
    )
    try:
        _ = made.warnings
    except InputError as error:
        raise InputError(f"{path}.dose", error.problem, error.remedy) from None
    return made


def _rule(
    arm: Arm, one: TargetItem, branch: Branch, *, kept: bool, control: str | None
) -> DosingRule | None:
    """The dosing rule of the arm, until the withdrawal where something else follows."""
    rule = arm.dosing_rule
    if rule is None:
        return None
    goes_on = kept and one.days is None and not one.own_drug and control not in WITHOUT_SESSIONS
    if goes_on:
        return rule
    until = branch.after if rule.until is None else min(rule.until, branch.after)
    return rule.model_copy(update={"until": until}) if until > (rule.start or 0.0) else None


def _own(
    one: TargetItem, split: _Split, days: tuple[float, ...], path: str
) -> list[tuple[PhaseItem, str]]:
    """The drug after the withdrawal: as given last, but for what the entry says."""
    content = {key: getattr(one, key) for key in ("drug", *DRUG_KEYS)}
    if one.drug is None:
        if not split.before:
            raise InputError(
                f"{path}.drug", "is missing: the arm gives none", "add it, with route and dose"
            )
        last = max(split.before, key=lambda phase: (phase.days or (0.0,))[-1])
        content |= {key: getattr(last, key) for key, value in content.items() if value is None}
    return [(PhaseItem(**content, days=days), path)]
