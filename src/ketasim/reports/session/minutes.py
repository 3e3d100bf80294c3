"""A session minute by minute: what is expected, and what its plan has, at each time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ketasim._base.numbers import NOTHING, percent
from ketasim.population import SESSION_CURVES

if TYPE_CHECKING:
    from ketasim.dosing import Patient
    from ketasim.screening import PlanEntry, SessionPlan
    from ketasim.simulation.session.curves import SessionProfile

_SHOWN: Final = ("CADSS", "dissociation", "sedation", "dizziness", "nausea", "SBP", "DBP", "HR")
_HEADS: Final = {
    "CADSS": "CADSS, points",
    "dissociation": "CADSS above 4",
    "sedation": "Sedation",
    "dizziness": "Dizziness",
    "nausea": "Nausea",
    "SBP": "Systolic, mmHg",
    "DBP": "Diastolic, mmHg",
    "HR": "Heart rate, 1/min",
}
_STEPS: Final = (5.0, 10.0, 15.0, 30.0, 60.0, 120.0)  # min between rows
_ROWS: Final = 14  # of the table, at most, beside those of the peaks
_PEAKS: Final = {"CADSS": "highest CADSS", "SBP": "highest systolic pressure"}
_AFTER: Final = 30.0  # min shown after the monitoring period
_KINDS: Final = ("dose", "measurement", "discharge")


@dataclass(frozen=True)
class MinuteRow:
    """A row of the table: the minute, the effects in words, and what the plan has from then.

    `peak` says which effects have their highest mean in this row, and is empty in all others.
    """

    minute: str
    effects: tuple[str, ...]
    plan: tuple[str, ...]
    peak: str


@dataclass(frozen=True)
class Minutes:
    """The table of a session.

    **Arguments:**

    - `heads`: of the effects. `rows`: from the first dose to half an hour after the monitoring
      period, or to the end of what is computed.
    - `own`: whether pressures and heart rate are the patient's own with the change; else the
      change.
    """

    heads: tuple[str, ...]
    rows: tuple[MinuteRow, ...]
    own: bool


def session_minutes(
    plan: SessionPlan, profile: SessionProfile, before: dict[str, float | None]
) -> Minutes:
    """The table of a session by the minute.

    **Arguments:**

    - `plan`: of the session. `profile`: its effects.
    - `before`: the patient's own `SBP`, `DBP` and `HR`, nothing where not stated.
    """
    last = float(profile.minutes[-1])
    wanted = last if plan.watch_end_min is None else min(plan.watch_end_min + _AFTER, last)
    step = next((one for one in _STEPS if wanted / one < _ROWS), _STEPS[-1])
    peaks = _peaks(profile, wanted)
    regular = (float(one) for one in np.arange(0.0, wanted + 1e-9, step))
    times = sorted({*regular, *peaks})
    own = {name: value for name, value in before.items() if value is not None}
    rows = [
        MinuteRow(
            f"{at:.0f}",
            tuple(_effect(profile, name, at, own.get(name)) for name in _SHOWN),
            _planned(plan, at, end),
            " and ".join(peaks.get(at, ())),
        )
        for at, end in zip(times, [*times[1:], times[-1] + step], strict=True)
    ]
    heads = tuple(_head(name, name in own) for name in _SHOWN)
    return Minutes(heads, tuple(rows), bool(own))


def _peaks(profile: SessionProfile, last: float) -> dict[float, list[str]]:
    """Whole minutes of the highest means, and what is highest then."""
    found: dict[float, list[str]] = {}
    shown = profile.minutes <= last
    for name, words in _PEAKS.items():
        if name in profile.means:
            mean = np.asarray(profile.means[name])[shown]
            found.setdefault(round(float(profile.minutes[mean.argmax()])), []).append(words)
    return {float(at): words for at, words in found.items()}


def _head(name: str, own: bool) -> str:
    if name in ("SBP", "DBP", "HR") and not own:
        return f"{_HEADS[name]}, change"
    return _HEADS[name]


_UNITS: Final = {curve.name: curve.unit for curve in SESSION_CURVES}


def _effect(profile: SessionProfile, name: str, at: float, own: float | None) -> str:
    if name not in profile.means:
        return NOTHING
    value = float(np.interp(at, profile.minutes, profile.means[name]))
    if _UNITS[name] == "fraction":
        return percent(value, 2)
    if own is not None:
        return f"{own + value:.0f}"
    text = f"{value:.1f}"
    return "0" if float(text) == 0.0 else text.replace("-", "−")


def _planned(plan: SessionPlan, start: float, end: float) -> tuple[str, ...]:
    """What begins until the next row: doses, measurements and discharge of this drug and route."""
    found: dict[float, list[str]] = {}
    for entry in plan.entries:
        if entry.kind in _KINDS and _begins(entry, start, end) and not entry.borrowed:
            at = float(entry.at_min_from or 0.0)
            found.setdefault(at, []).append(entry.statement if entry.kind == "dose" else entry.what)
    watch = plan.watch_end_min
    if watch is not None and start <= watch < end:
        found.setdefault(watch, []).append("earliest end of monitoring")
    return tuple(
        f"{at:.0f} min: {'; '.join(one.rstrip('.') for one in dict.fromkeys(found[at]))}"
        for at in sorted(found)
    )


def _begins(entry: PlanEntry, start: float, end: float) -> bool:
    return entry.at_min_from is not None and start <= entry.at_min_from < end


def before_session(patient: Patient) -> dict[str, float | None]:
    """A patient's own pressures and heart rate before a session, by the names of the effects.

    **Arguments:**

    - `patient`: of a course.
    """
    vitals = patient.vitals
    heart = None if vitals is None else vitals.heart_rate
    return {**patient.pressure, "HR": heart}
