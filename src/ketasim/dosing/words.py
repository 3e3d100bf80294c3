"""Doses and sessions in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise

from ketasim.dosing.dose import Dose, base_fraction

_LISTED = 40  # times named one by one; more are told as a row when they are evenly spaced
_CLOSE = 1e-6  # h

Session = tuple[Dose, ...]


def describe_sessions(sessions: Sequence[Session]) -> list[str]:
    """Say what sessions give, one line for each run of equal ones.

    **Arguments:**

    - `sessions`: doses of each session, sorted by time.

    **Returns:** lines such as `4 sessions: ketamine 0.5 mg/kg (base) iv over 40 min on days 0, …`.
    """
    lines: list[str] = []
    for content, run in groupby(sessions, key=describe_content):
        starts = [session[0].time for session in run]
        count = f"{len(starts)} session{'s' if len(starts) > 1 else ''}"
        lines.append(f"{count}: {content} {describe_times(starts)}")
    return lines


def describe_content(session: Session) -> str:
    """Say what one session gives, without its time."""
    steps: list[str] = []
    before: Dose | None = None
    for is_device, group in groupby(session, key=_is_device):
        doses = list(group)
        if is_device:
            steps.append(_delay(before, doses[0], session) + _devices(doses))
        else:
            for dose in doses:
                steps.append(_delay(before, dose, session) + describe_dose(dose))
                before = dose
        before = doses[-1]
    return " + ".join(steps)


def describe_dose(dose: Dose) -> str:
    """Say what one dose gives, such as `ketamine 0.5 mg/kg (base) iv over 40 min`."""
    amount = f"{_number(dose.amount)} {dose.unit}"
    if dose.salt == "base":
        mass = "base"
    else:
        base = dose.amount * base_fraction(dose.salt)
        mass = f"{dose.salt}, {base:.4g} {dose.unit} of base"
    words = [dose.drug, amount, f"({mass})", dose.route.replace("_er", " extended-release")]
    if dose.duration > 0:
        words.append(f"over {describe_duration(dose.duration)}")
    elif dose.route == "iv":
        words.append("bolus" if dose.duration_given else "bolus (no duration is given)")
    if dose.steady_state_interval is not None:
        words.append(f"at steady state of every {describe_duration(dose.steady_state_interval)}")
    return " ".join(words)


def describe_duration(hours: float) -> str:
    """Say a duration in min, h or days, whichever is plain."""
    if hours < 2 - _CLOSE:
        return f"{_number(hours * 60)} min"
    if hours < 48 or hours % 24 > _CLOSE:
        return f"{_number(hours)} h"
    return f"{_number(hours / 24)} days"


def describe_times(starts: Sequence[float]) -> str:
    """Say when sessions start: by days, with the time of day that all share, otherwise by hours."""
    clock = starts[0] % 24
    if len(starts) > 1 and clock > _CLOSE and starts[-1] - starts[0] > 24 - _CLOSE:
        days = [(start - clock) / 24 for start in starts]
        if all(abs(day - round(day)) * 24 < _CLOSE for day in days):
            told = describe_times([24.0 * round(day) for day in days])
            return f"{told} ({describe_duration(clock)} into the day)"
    whole = all(abs(start / 24 - round(start / 24)) * 24 < _CLOSE for start in starts)
    numbers = [_number(round(start / 24) if whole else start) for start in starts]
    if len(starts) > _LISTED:
        gaps = [later - earlier for earlier, later in pairwise(starts)]
        if max(gaps) - min(gaps) < _CLOSE:
            first, last = (f"day {n}" if whole else f"{n} h" for n in (numbers[0], numbers[-1]))
            return f"every {describe_duration(gaps[0])} from {first} to {last}"
        numbers = [*numbers[:_LISTED], "…", numbers[-1]]
    listed = ", ".join(numbers)
    if not whole:
        return f"at {listed} h"
    return f"on day{'s' if len(starts) > 1 else ''} {listed}"


def _is_device(dose: Dose) -> bool:
    return (dose.drug, dose.route) == ("esketamine", "intranasal")


def _devices(doses: Sequence[Dose]) -> str:
    total = sum(dose.amount for dose in doses)
    first = doses[0]
    gaps = {round((later.time - earlier.time) * 60, 6) for earlier, later in pairwise(doses)}
    same = len({(d.amount, d.unit, d.salt, d.steady_state_interval) for d in doses}) == 1
    in_turn = [dose.device for dose in doses] == list(range(len(doses)))
    if not (same and in_turn and len(gaps) <= 1):
        parts = (
            f"{describe_dose(d)} (device {d.device + 1}, {_number((d.time - first.time) * 60)} min)"
            for d in doses
        )
        return " + ".join(parts)
    words = f"esketamine {_number(total)} {first.unit} ({first.salt}) intranasal "
    each = f"{_number(first.amount)} {first.unit}"
    if len(doses) == 1:
        words += f"(1 device of {each})"
    else:
        words += f"({len(doses)} devices of {each}, {_number(gaps.pop())} min apart)"
    if first.steady_state_interval is not None:
        words += f" at steady state of every {describe_duration(first.steady_state_interval)}"
    return words


def _delay(before: Dose | None, dose: Dose, session: Session) -> str:
    """Say when a later step starts, unless that is when the step before it ends."""
    if before is None or abs(dose.time - before.end) < _CLOSE:
        return ""
    return f"(after {describe_duration(dose.time - session[0].time)}) "


def _number(value: float) -> str:
    """Write a number without needless digits, and without an exponent where people read it."""
    rounded = round(value, 6)
    if rounded == 0 and value != 0:
        return f"{value:.3g}"
    return f"{int(rounded)}" if rounded == int(rounded) else f"{rounded:.10g}"
