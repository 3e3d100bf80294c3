"""A regimen: doses in the order they are given, grouped into sessions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from ketasim._base import InputError
from ketasim.dosing.dose import DEVICE_AMOUNT, DEVICE_GAP, MOST_DOSES, STUDY_DEVICE, Dose
from ketasim.dosing.words import describe_sessions

_SAME_TIME = 1e-9  # h; sums of minutes and days agree to this


@dataclass(frozen=True)
class Regimen:
    """Everything a course gives.

    **Arguments:**

    - `doses`: sorted by time, nasal sessions already split into their devices.
    - `text`: the sentence as the user wrote it, nothing for a regimen given otherwise.
    - `notes`: what was computed of the words, such as the dose of a rate, as sentences.
    - `readings`: how words were read that may be meant otherwise, as sentences.

    **Raises:** `InputError` when there is no dose, or more than `MOST_DOSES`, or they are not
    sorted.
    """

    doses: tuple[Dose, ...]
    text: str | None = None
    notes: tuple[str, ...] = field(default=(), compare=False)
    readings: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        """Refuse what cannot be a regimen."""
        check_count(len(self.doses), "regimen")
        times = [dose.time for dose in self.doses]
        sessions = [dose.session for dose in self.doses]
        if times != sorted(times) or set(sessions) != set(range(max(sessions) + 1)):
            raise InputError(
                "regimen",
                "the doses are not in order of time, or sessions are not counted from 0",
                "sort the doses and number the sessions 0, 1, 2 …",
            )

    @property
    def sessions(self) -> tuple[float, ...]:
        """Start times of the distinct sessions, h, in the order of their numbers."""
        starts: dict[int, float] = {}
        for dose in self.doses:
            starts.setdefault(dose.session, dose.time)
        return tuple(starts[number] for number in sorted(starts))

    @property
    def end(self) -> float:
        """Time at which the last dose has been given, h."""
        return max(dose.end for dose in self.doses)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the reader of a result must know: iv doses that are taken as given at once."""
        untimed = [dose for dose in self.doses if not dose.duration_given]
        if not untimed:
            return ()
        amounts = ", ".join(dict.fromkeys(f"{dose.amount:g} {dose.unit}" for dose in untimed[:20]))
        many = len(untimed) > 1
        doses = f"{len(untimed)} iv doses" if many else "the iv dose"
        take = "take" if many else "takes"
        problem = f"Nothing says how long {doses} of {amounts} {take}: given at once (bolus) is"
        return (f"{problem} assumed. Write 'over' and a time for an infusion, or 'bolus'.",)

    @property
    def assumed(self) -> tuple[str, ...]:
        """Paths of the fields of which something was assumed, one for each of `assumptions`."""
        paths = ("regimen", "regimen") if self.text is not None else ("doses.over", "doses.route")
        return (*(paths[0] for _ in self.warnings), *(paths[1] for _ in self.readings))

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What was assumed of the doses, as sentences."""
        return (*self.warnings, *self.readings)

    def describe(self) -> list[str]:
        """Say in plain words what was understood.

        Sessions that follow each other and give the same share a line, such as `8 sessions:
        esketamine 56 mg (base) intranasal (2 devices of 28 mg, 5 min apart) on days 0, 3, 7, …`.
        What an amount is the mass of, base or hydrochloride, is always said, and what was computed.

        **Returns:** one line a group of sessions, then the notes.
        """
        return [*describe_sessions(by_session(self.doses)), *self.notes]


def overlapping(regimen: Regimen) -> tuple[str, ...]:
    """What to say when an infusion begins while an earlier one still runs."""
    end = -math.inf
    for dose in regimen.doses:
        if dose.duration > 0 and dose.time < end - _SAME_TIME:
            starts = f"The infusion at {dose.time:g} h begins while one before it still runs"
            return (f"{starts}, to {end:g} h: both run together.",)
        end = max(end, dose.end) if dose.duration > 0 else end
    return ()


def by_session(doses: Iterable[Dose]) -> list[tuple[Dose, ...]]:
    """Group doses by session, sessions by number, doses of a session by time and device."""
    ordered = sorted(doses, key=lambda d: (d.session, d.time, d.device))
    return [tuple(group) for _, group in groupby(ordered, key=lambda d: d.session)]


def check_count(count: float, field: str) -> None:
    """Refuse a number of doses that cannot be meant.

    **Raises:** `InputError` naming `field`.
    """
    if count < 1:
        raise InputError(field, "there is no dose", "give at least one dose")
    if count > MOST_DOSES:
        raise InputError(
            field, f"there are more than {MOST_DOSES:,} doses", "give fewer doses or a shorter span"
        )


def split_devices(dose: Dose, field: str) -> tuple[Dose, ...]:
    """Split a nasal esketamine session into its devices of 28 mg, five minutes apart.

    Other drugs and routes, such as a nasal spray of the racemate, are one event.

    **Arguments:**

    - `dose`: the amount of the whole session.
    - `field`: what to call the amount in an error.

    **Returns:** one dose a device.

    **Raises:** `InputError` when the amount is not a whole number of devices.

    One device of 14 mg, which was studied and is not sold, is taken as it is.

    **Source:** mims_hk (care/rules R10); ctg_nct01998958 (mood/arms) for 14 mg.
    """
    if (dose.drug, dose.route) != ("esketamine", "intranasal"):
        return (dose,)
    if dose.unit != "mg" or dose.salt != "base":
        raise InputError(
            field,
            "nasal esketamine comes in devices of 28 mg of base",
            "write the mg of base of the whole session",
        )
    if math.isclose(dose.amount, STUDY_DEVICE, rel_tol=1e-9):
        return (dose,)
    devices = round(dose.amount / DEVICE_AMOUNT)
    if devices < 1 or not math.isclose(devices * DEVICE_AMOUNT, dose.amount, rel_tol=1e-9):
        raise InputError(
            field,
            f"{dose.amount:g} mg is not a whole number of nasal devices of 28 mg",
            "check the amount: a session is a whole number of devices",
        )
    check_count(devices, field)
    return tuple(
        replace(dose, amount=DEVICE_AMOUNT, time=dose.time + n * DEVICE_GAP, device=n)
        for n in range(devices)
    )


def number_sessions(groups: Sequence[Sequence[Dose]]) -> tuple[Dose, ...]:
    """Number sessions and sort their doses.

    Groups are numbered by their first dose. A group that starts before or just when what is being
    given ends belongs to the same session, as the second step of an infusion does; so does a nasal
    device that says it is not the first.

    **Arguments:**

    - `groups`: doses that were given as one, such as the devices of a nasal session.

    **Returns:** doses sorted by time.
    """
    numbered: list[Dose] = []
    session, end = -1, -math.inf
    # of equal times a first device comes before a later one, whatever the order of the entries
    for group in sorted(groups, key=lambda g: min((d.time, d.device) for d in g)):
        start = min(dose.time for dose in group)
        later_device = session >= 0 and min(dose.device for dose in group) > 0
        if start > end + _SAME_TIME and not later_device:
            session += 1
            end = -math.inf
        numbered += [replace(dose, session=session) for dose in group]
        end = max(end, *(dose.end for dose in group))
    return in_order(numbered)


def in_order(doses: Iterable[Dose]) -> tuple[Dose, ...]:
    """Sort doses by time, then session; what is at steady state comes first at its time.

    Doses of the same time and session keep their order: an event table has one.
    """
    return tuple(sorted(doses, key=lambda d: (d.time, d.steady_state_interval is None, d.session)))
