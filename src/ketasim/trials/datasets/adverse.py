"""Adverse events of the sessions of virtual patients, drawn from the session model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim._base import standard_normals, uniforms
from ketasim.dosing import Arm, Trial
from ketasim.evidence import Card, load_card
from ketasim.models import SESSION
from ketasim.models.session import SessionEvent
from ketasim.population import arm_patients
from ketasim.population.session.effects import effect_level, highest_effect, share_at_level
from ketasim.trials.patients.adverse import not_assessed, session_doses, session_peaks
from ketasim.trials.patients.individual import Schedule
from ketasim.trials.patients.worlds import Worlds
from ketasim.trials.ratings import ArmSimulation

if TYPE_CHECKING:
    from ketasim.trials.result import TrialResult

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

REPORTED: Final = ("dissociation_report", "sedation_report", "dizziness", "nausea", "vomiting")
"""Events of the session model that patients of trials reported."""

_PIECE: Final = 5_000  # patients whose concentrations are held together
_COLUMNS: Final = {
    "replicate": pl.Int64,
    "arm": pl.String,
    "id": pl.Int64,
    "time_h": pl.Float64,
    "session": pl.Int64,
    "term": pl.String,
    "basis": pl.String,
}


def assessed_arms(trial: Trial) -> dict[str, Schedule]:
    """Arms whose adverse events are known, with their sessions from the beginning of the trial.

    Those of a control have no rates in the session model; under a dosing rule it is not kept which
    sessions a patient had.
    """
    found: dict[str, Schedule] = {}
    for arm in trial.arms:
        schedule = Schedule()
        until = np.inf if arm.withdrawal is None else arm.withdrawal.after
        schedule.add(arm, 0.0, until=until)
        own = schedule.slots[_before(arm, schedule) :]
        given = [session_doses(schedule.calendars[slot.kind]) for slot in own]
        if arm.dosing_rule is None and not not_assessed(arm, given):
            found[arm.id] = schedule
    return found


def _before(arm: Arm, schedule: Schedule) -> int:
    """How many sessions come before patients of an arm are randomised again into it."""
    branch = arm.branch
    return 0 if branch is None else sum(slot.time < branch.after for slot in schedule.slots)


def events_of(result: TrialResult, pool: Trial) -> pl.DataFrame:
    """Adverse events of the patients that the table of patients holds, session by session.

    A patient has one sensitivity for all events and sessions, and each session its own on top, in
    the proportion of the card `session`; its numbers are those of the card, without their
    uncertainty. What is drawn depends on the seed, the replicate and the arm alone.

    **Arguments:**

    - `result`: of a parallel trial. `pool`: the trial with as many patients as were simulated.

    **Returns:** a row an event: replicate, arm, id, time_h (start of the session), session (of the
    patient, from 1), term, and basis, the number of the card it rests on with its grade.
    """
    tables = [pl.DataFrame(schema=_COLUMNS)]
    card = load_card("session")
    numbers = np.unique(result.patients()["replicate"].to_numpy())
    for name, schedule in assessed_arms(result.trial).items():
        arm = result.trial.arm(name)
        had = sessions_had(result, pool, arm, schedule, numbers)
        drawn = len(numbers) if result.patients_differ else 1
        one = _simulation(result, pool, arm)
        shown = _shown(card, one, schedule, had, drawn, arm.n)
        turn, before = had.cumsum(axis=1), _before(arm, schedule)
        for event, places in shown:
            # earlier events are those of the arm that they come from
            patient, slot = (one[places[1] >= before] for one in places)
            session = turn[patient, slot]
            tables.append(
                pl.DataFrame(
                    {
                        "replicate": numbers[patient // arm.n],
                        "arm": name,
                        "id": patient % arm.n,
                        "time_h": np.array([one.time for one in schedule.slots])[slot],
                        "session": session,
                        "term": _term(event),
                        "basis": basis_of(card, event),
                    },
                    schema=_COLUMNS,
                )
            )
    return pl.concat(tables).sort("replicate", "arm", "id", "time_h", "term")


def _simulation(result: TrialResult, pool: Trial, arm: Arm) -> ArmSimulation:
    none = np.zeros(0)
    return ArmSimulation(
        *(pool, pool.arm(arm.id), none, pool.seed, Worlds({}, none, none, none)),
        result.patients_differ,
    )


def sessions_had(
    result: TrialResult, pool: Trial, arm: Arm, schedule: Schedule, numbers: NDArray[np.int64]
) -> Flags:
    """Whether a patient had each session, shape (R * n, S), replicate by replicate.

    Until a patient has left, each session was attended or missed; who comes is drawn as for the
    ratings. Who is randomised again into the arm has had those before; others have none.
    """
    patients = pl.DataFrame({"replicate": numbers}).join(
        pl.DataFrame({"id": np.arange(arm.n)}), how="cross"
    )
    kept = (
        result.patients()
        .filter(pl.col("arm").cast(pl.String) == arm.id)
        .group_by("replicate", "id")
        .agg(until=pl.col("sessions").first() + pl.col("missed").first())
        .with_columns(pl.col("replicate", "id").cast(pl.Int64))
    )
    found = patients.with_columns(pl.col("replicate", "id").cast(pl.Int64)).join(
        kept, on=["replicate", "id"], how="left", maintain_order="left"
    )
    until = (found["until"] + _before(arm, schedule)).fill_null(0).to_numpy()[:, None]
    had = np.arange(len(schedule.slots))[None, :] < until
    adherence = result.trial.adherence
    if adherence is None:
        return had
    one = _simulation(result, pool, arm)
    places = np.arange(arm.n)
    first = numbers * one.stride if result.patients_differ else np.zeros_like(numbers)
    positions = (first[:, None] + places[None, :]).ravel()
    for place, slot in enumerate(schedule.slots[1:], 1):
        had[:, place] &= one.chances(positions, f"attends:{slot.time:.6f}") < adherence.attend
    return had


def _shown(
    card: Card, one: ArmSimulation, schedule: Schedule, had: Flags, drawn: int, n: int
) -> list[tuple[SessionEvent, tuple[NDArray[np.int64], NDArray[np.int64]]]]:
    """Each event with the patients and the sessions that have it."""
    values = card.values()
    events = [SESSION.event(name) for name in REPORTED]
    found = {event.name: np.zeros(had.shape, np.bool_) for event in events}
    repeats = len(had) // (drawn * n)
    for first in range(0, drawn, max(1, _PIECE // one.stride)):
        count = min(max(1, _PIECE // one.stride), drawn - first)
        rows = slice(first * n, (first + count) * n)
        some = had[rows] if repeats == 1 else had
        made = _piece(values, one, schedule, some, range(first, first + count), n)
        for name, flags in made.items():
            found[name][rows if repeats == 1 else slice(None)] = flags
    pairs = ((event, np.nonzero(found[event.name])) for event in events)
    return [(event, (which[0], which[1])) for event, which in pairs]


def _piece(
    values: Mapping[str, Any],
    one: ArmSimulation,
    schedule: Schedule,
    had: Flags,
    drawn: range,
    n: int,
) -> dict[str, Flags]:
    """Whether patients of some replicates have each event, shape (patients, sessions)."""
    stride, count = one.stride, len(drawn)
    start, total = drawn.start * stride, count * stride
    repeats = len(had) // (count * n)  # where every replicate holds the same patients
    numbers, weight, _ = arm_patients(
        one.arm, one.people_seed, start, total, parts=one.parts(start, total)
    )
    doses = [session_doses(calendar) for calendar in schedule.calendars]

    def kept(table: Array) -> Array:
        own = np.broadcast_to(table, (total,)).reshape(count, stride)[:, :n].ravel()
        return np.tile(own, repeats)

    levels = [
        kept(
            effect_level(
                highest_effect(
                    values, [x[None] for x in session_peaks(numbers, weight, given, total)]
                )
            )
        )
        if given
        else np.full(len(had), -np.inf)
        for given in doses
    ]
    sensitivity = kept(standard_normals(one.people_seed, "trial:session", start, total, 1)[:, 0])
    drug = np.array([bool(doses[slot.kind]) for slot in schedule.slots])
    turn = np.maximum((had & drug).cumsum(axis=1), 1)
    found = {name: np.zeros(had.shape, np.bool_) for name in REPORTED}
    for place, slot in enumerate(schedule.slots):
        if not drug[place]:
            continue
        purpose = f"trial:session:{slot.time:.6f}"
        chance = kept(uniforms(one.own_seed, purpose, start, total, 1)[:, 0])
        for name, flags in found.items():
            event = SESSION.event(name)
            share = share_at_level(values, event, levels[slot.kind], sensitivity, turn[:, place])
            flags[:, place] = had[:, place] & (chance < share)
    return found


def basis_of(card: Card, event: SessionEvent) -> str:
    """What the rate of an event rests on: the number of the card, and its grade."""
    return f"{card.key}/{event.threshold}, {card.entry(event.threshold).grade}"


def _term(event: SessionEvent) -> str:
    """An event as a report names it, such as `DIZZINESS`."""
    return event.title.removesuffix(" reported").upper()
