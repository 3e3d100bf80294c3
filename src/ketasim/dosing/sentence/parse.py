"""The regimen sentence, such as `ketamine 0.5 mg/kg iv over 40 min 3/week x 6, then weekly x 4`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from ketasim._base import InputError
from ketasim._base.words import counted
from ketasim.dosing.dose import Dose
from ketasim.dosing.regimen import Regimen, check_count, in_order
from ketasim.dosing.sentence.phase import Phase, phase_of
from ketasim.dosing.sentence.refusal import EXAMPLE, FIELD
from ketasim.dosing.sentence.scan import phases, scan
from ketasim.dosing.sentence.schedule import DAY, WEEK, Before, Schedule
from ketasim.dosing.sentence.step import Step

_WEEKDAYS: Final = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"


def parse_regimen(text: str) -> Regimen:
    """Read a regimen from a sentence.

    A sentence is phases joined by *then*. A phase says what is given, when, or both; what it leaves
    out (drug, amount, salt, route, duration) carries over from the phase before. Case does not
    matter, and commas stand for spaces.

    **What is given**, in any order: the drug by a generic name or a brand; an amount in `mg` or
    `mg/kg`, a volume with its concentration, or a rate with its duration; the route in any usual
    short form; `over 40 min` or `bolus` (an iv dose without a duration is taken as a bolus, which
    `Regimen.assumptions` says); and `hydrochloride` when the amount is the mass of the salt
    (without it, it is the mass of base). Steps of one session are joined with `+`: each starts when
    the one before ends, or after a `pause 10 min`. Before *then*, an injection with `bolus` or
    `over` but without a time is such a step too. Nasal esketamine is given in devices of 28 mg,
    five minutes apart.

    **When**: `once`; `on days 0 2 4`, `on days 0-4`; `at 0, 6, 12 h`; `weeks 1-4`; or how often
    (`daily`, `BIW`, `3/week`, `every 3 days`, `q12h`, `Mon/Wed/Fri`, see `vocabulary.frequency`)
    with a number of doses (`x 4`) or a span (`x 2 wk`, `for 2 weeks`), and `from day 7` to say
    where it begins. Days and hours count from the start of the course. A first phase without a time
    is given on day 0.

    `n` sessions a week are on days ⌊7k/n⌋ for k = 0, 1, 2 …: twice weekly on days 0 and 3 of each
    week, 3/week on days 0, 2 and 4. A pattern after *then* takes the last session of the phase
    before as its own position 0: its first dose comes one interval later. A span counts from the
    first dose of its pattern; after a single dose of the same drug by the same route, from that.

    **Arguments:**

    - `text`: the sentence.

    **Returns:** the regimen; `describe()` says what was understood.

    **Raises:** `InputError` with the field `regimen`, showing the words where reading stopped.
    """
    if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance] -- users' input
        raise InputError(FIELD, "it is not a sentence", f"write it such as '{EXAMPLE}'")
    tokens = scan(text)
    if not tokens:
        raise InputError(FIELD, "the sentence is empty", f"write it such as '{EXAMPLE}'")
    doses: list[Dose] = []
    notes: list[str] = []
    readings: list[str] = []
    steps: tuple[Step, ...] = ()
    before = Before()
    session = 0
    for number, phase in enumerate(_joined([phase_of(own, text) for own in phases(tokens)])):
        earlier, steps = steps, _carried(phase.steps, steps)
        if phase.schedule is None and number > 0:
            raise InputError(
                FIELD,
                "a phase after 'then' does not say when",
                "add a time, such as 'on day 3' or 'weekly x 4', or join steps with '+'",
            )
        schedule = phase.schedule or Schedule()
        same = [(s.drug, s.route) for s in earlier] == [(s.drug, s.route) for s in steps]
        before = replace(before, single=before.single and same)
        starts = schedule.starts(before)
        check_count(len(doses) + len(starts) * len(steps), FIELD)
        for start in starts:
            doses += _session(steps, start, session)
            session += 1
        check_count(len(doses), FIELD)
        notes += _notes(phase, schedule, before)
        readings += _readings(phase, schedule, before, len(starts))
        monday = schedule.monday(before)
        single = len(starts) == 1 and schedule.pattern is None
        before = Before(starts[-1], single, monday)
    return Regimen(
        in_order(doses),
        text,
        notes=tuple(dict.fromkeys(notes)),
        readings=tuple(dict.fromkeys(readings)),
    )


def _notes(phase: Phase, schedule: Schedule, before: Before) -> list[str]:
    """What was computed, as sentences."""
    found = [note for step in phase.steps for note in step.notes]
    monday = schedule.monday(before)
    if monday is not None and before.monday is None:
        found.append(f"Day 0 is a {_WEEKDAYS.split()[-monday % 7]}.")
    return found


def _readings(phase: Phase, schedule: Schedule, before: Before, count: int) -> list[str]:
    """What may be meant otherwise, as sentences."""
    found = [one for step in phase.steps for one in step.readings]
    if schedule.inside(before):
        assert before.last is not None and schedule.span is not None
        found.append(
            f"The {schedule.span / WEEK:g} weeks after 'then' count from the single dose on day "
            f"{before.last / DAY:g}: {counted(count, 'session')} after it. For another number "
            "write 'x' and the number."
        )
    return found


def _session(steps: Iterable[Step], start: float, session: int) -> list[Dose]:
    doses: list[Dose] = []
    for step in steps:
        given = step.doses(start + step.pause, session)
        doses += given
        start = given[-1].end
    return doses


def _joined(found: list[Phase]) -> list[Phase]:
    """Turn injections without a time before 'then' into steps of the session that follows."""
    joined: list[Phase] = []
    waiting: tuple[Step, ...] = ()
    for number, phase in enumerate(found):
        follows = found[number + 1] if number + 1 < len(found) else None
        if phase.schedule is None and follows is not None and follows.steps:
            timed = [s.duration is not None for s in (*phase.steps, *follows.steps)]
            if not all(timed):
                raise InputError(
                    FIELD,
                    "a dose before 'then' does not say when",
                    "add 'once' or 'on day 0' before 'then', or join the steps of one session "
                    "with '+'",
                )
            waiting += phase.steps
        else:
            joined.append(Phase(waiting + phase.steps, phase.schedule))
            waiting = ()
    return joined


def _carried(steps: tuple[Step, ...], before: tuple[Step, ...]) -> tuple[Step, ...]:
    """Complete the steps of a phase from the phase before, and each step from the one before it."""
    if not steps:
        if not before:
            raise InputError(
                FIELD, "the sentence does not say what is given", f"write it such as '{EXAMPLE}'"
            )
        if any(step.stopped for step in before):
            raise InputError(
                FIELD, "a phase after a session that was stopped gives no dose", "say its dose"
            )
        return before
    complete: list[Step] = []
    for place, step in enumerate(steps):
        filled = step
        if len(before) == len(steps):
            filled = step.after(before[place], same_place=True)
        elif complete or before:
            nearest = replace(
                (complete or list(before))[-1], amount=None, unit="", stopped=False, by_rate=False
            )
            filled = step.after(nearest, same_place=False)
        several = max(len(before), len(steps)) > 1
        if several and filled.route == "iv" and filled.duration is None:
            raise InputError(
                FIELD,
                "a step of a session with several, or after one, does not say how long it takes",
                "add 'over' with a duration, or 'bolus', to each step",
            )
        complete.append(filled.checked())
    return tuple(complete)
