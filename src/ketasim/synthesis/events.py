"""Comparable published adverse events: one ratio or difference of shares a study."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ketasim._base import InputError, near
from ketasim.evidence import Fact, facts, number
from ketasim.synthesis.effects import (
    ArmCount,
    CountReading,
    count_of_percent,
    join_counts,
    share_effect,
)
from ketasim.synthesis.rows import count_flag
from ketasim.synthesis.selection import (
    LeftOut,
    MetaQuery,
    MetaSelection,
    StudyEffect,
    control_words,
)

_DRUG = "esketamine"
_ROUTE = "intranasal"


@dataclass(frozen=True)
class _EventRow:
    """A row of `acute/label_adverse_events` with the choice made of it."""

    fact: Fact
    choice: Fact

    @property
    def event(self) -> str:
        """Name of the event, one spelling for all studies."""
        return self.choice.get("event") or self.fact.get("event")

    @property
    def study(self) -> str:
        return self.choice.get("study")

    @property
    def blind(self) -> bool:
        return self.choice.get("blinding") == "double-blind"

    @property
    def counted(self) -> bool:
        """Whether both shares and both numbers of people are plain numbers."""
        columns = ("percent", "n", "comparator_percent", "comparator_n")
        return all(number(self.fact.get(column)) is not None for column in columns)


def select_events(query: MetaQuery) -> MetaSelection:
    """The studies of the tables that print an adverse event for both arms.

    Which table of events enters, and which is a pool of others, stands in the table
    `acute/event_pooling`.

    **Arguments:**

    - `query`: the question; its metric is `event`.

    **Returns:** one effect a study; dose arms are joined against their one control.

    **Raises:** `InputError` when the event or a trial is not in the tables.
    """
    rows = _rows()
    names = sorted({row.event for row in rows})
    wanted = query.event or ""
    event = next((name for name in names if name.lower() == wanted.strip().lower()), None)
    if event is None:
        raise InputError("--event", f"unknown event '{wanted}'", near(wanted, names))
    trials = sorted({key for row in rows for key in (row.study, *_trials(row)) if key})
    for key in query.exclude:
        if key not in trials:
            raise InputError("--exclude", f"unknown trial '{key}'", near(key, trials))
    by_study: dict[str, list[_EventRow]] = {}
    for row in rows:
        if row.event == event:
            by_study.setdefault(f"{row.study}|{row.choice.row}", []).append(row)
    studies: list[StudyEffect] = []
    left: list[LeftOut] = []
    for found in by_study.values():
        reason = _why_not(query, found)
        study = None if reason else _effect(query, found)
        if study is None:
            reason = reason or "no event in either arm: a ratio says nothing"
            left.append(LeftOut(found[0].study, reason, tuple(row.fact.id for row in found)))
        else:
            studies.append(study)
    silent = _silent(rows, event, {row.study for found in by_study.values() for row in found})
    asked = replace(query, event=event)
    return MetaSelection(asked, tuple(studies), (*left, *silent), tuple(_notes(studies)))


def _rows() -> list[_EventRow]:
    """Every row of the table of events with its choice."""
    table = facts("acute/label_adverse_events")
    return [
        _EventRow(table[int(place) - 1], choice)
        for choice in facts("acute/event_pooling")
        for place in choice.listed("row")
    ]


def _trials(row: _EventRow) -> list[str]:
    return list(row.choice.listed("trials"))


def _why_not(query: MetaQuery, rows: Sequence[_EventRow]) -> str:
    first = rows[0]
    choice = first.choice
    if {first.study, *_trials(first)} & set(query.exclude):
        return "left out by --exclude"
    if query.drug not in (None, _DRUG):
        return f"another drug: {_DRUG}"
    if query.route not in (None, _ROUTE):
        return f"another route: {_ROUTE}"
    if choice.get("use") != "pool":
        return choice.get("why")
    if query.control not in ("any", choice.get("control")):
        return f"another control: {control_words(choice.get('control'))}"
    if not query.open and not first.blind:
        return choice.get("why")
    if not all(row.counted for row in rows):
        return "a share or a number of people is missing, or is a range"
    return ""


def _effect(query: MetaQuery, rows: Sequence[_EventRow]) -> StudyEffect | None:
    choice = rows[0].choice
    flags: list[str] = []
    arms: list[ArmCount] = []
    for row in rows:
        read = _count(row.fact, "percent", "n")
        arms.append(ArmCount(read.count, int(row.fact.get("n"))))
        if not read.exact:
            dose = row.fact.get("dose")
            flags.append(count_flag(f"{_DRUG} {dose}", read.count, read.low, read.high))
    # every row of a study repeats the one comparator
    against = _count(rows[0].fact, "comparator_percent", "comparator_n")
    control = ArmCount(against.count, int(rows[0].fact.get("comparator_n")))
    if not against.exact:
        flags.append(count_flag("the control", against.count, against.low, against.high))
    if "dash" in rows[0].fact.get("locator") and control.events == 0:
        flags.append("printed as a dash, read as 0")
    drug = join_counts(arms)
    pair = share_effect(query.effect, drug, control)
    if pair is None:
        return None
    if len(rows) > 1:
        flags.append(f"{len(rows)} dose arms joined")
    if not rows[0].blind:
        flags.append("blinding is not in the tables")
    if len(_trials(rows[0])) > 1:
        flags.append("two trials printed as one")
    return StudyEffect(
        label=choice.get("study"),
        population=choice.get("population"),
        drug=_DRUG,
        route=_ROUTE,
        dose=" / ".join(dict.fromkeys(row.fact.get("dose") for row in rows)),
        control=choice.get("control"),
        time=None,
        scale="",
        basis="counts from percentages, " + rows[0].fact.get("timing_note"),
        n=drug.n,
        n_control=control.n,
        events=drug.events,
        events_control=control.events,
        effect=pair[0],
        se=math.sqrt(pair[1]),
        flags=tuple(flags),
        grade="derived",
        facts=tuple(row.fact.id for row in rows),
        sources=tuple(dict.fromkeys(row.fact.source for row in rows)),
    )


def _count(fact: Fact, percent: str, n: str) -> CountReading:
    return count_of_percent(fact.get(percent), int(fact.get(n)))


def _silent(rows: Sequence[_EventRow], event: str, told: set[str]) -> list[LeftOut]:
    """Studies that could have entered and do not print the event."""
    found = dict.fromkeys(
        row.study for row in rows if row.choice.get("use") == "pool" and row.study not in told
    )
    return [LeftOut(study, f"its tables do not print '{event}': not assessed") for study in found]


def _notes(studies: Sequence[StudyEffect]) -> list[str]:
    notes: list[str] = []
    controls = Counter(control_words(study.control) for study in studies)
    if len(controls) > 1:
        told = ", ".join(f"{control} {n}" for control, n in controls.items())
        notes.append(f"Several kinds of control together: {told}.")
    counted = Counter(study.population for study in studies)
    if len(counted) > 1:
        told = "; ".join(f"{population} {n}" for population, n in counted.items())
        notes.append(f"Several populations together: {told}.")
    if any("two trials printed as one" in study.flags for study in studies):
        notes.append(
            "Two trials that are printed as one count as one study: how much they differ is "
            "not seen."
        )
    if any("possible" in flag for study in studies for flag in study.flags):
        notes.append(
            "Counts are read from rounded percentages; the flags say what else they may be."
        )
    return notes
