"""What a course exposes to over time: sessions, amounts, how often and how long."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from ketasim._base import InputError
from ketasim.dosing import DRUGS, ROUTES, Course

WEEK: Final = 168.0  # h
DAY: Final = 24.0  # h
_SAME_TIME: Final = 1e-6  # h


@dataclass(frozen=True)
class TreatmentExposure:
    """A treatment counted over its whole length.

    **Arguments:**

    - `sessions`: how many.
    - `milligrams`: drug to mg of base in all; racemate, esketamine and arketamine are kept apart.
    - `weight`: kg.
    - `routes`: by which it was given.
    - `weeks`: from the first to the last session.
    - `sessions_per_week`: mean, from the intervals between sessions; nothing for one session.
    - `most_in_7_days`: the most sessions within any seven days.
    - `most_mg_in_a_day`: drug to the most mg of base within any 24 h.
    - `most_mg_in_7_days`: drug to the most mg of base within any seven days.
    - `notes`: what is not counted.

    **Raises:** `InputError` when a number cannot be.
    """

    sessions: int
    milligrams: Mapping[str, float]
    weight: float
    routes: tuple[str, ...]
    weeks: float
    sessions_per_week: float | None
    most_in_7_days: int
    most_mg_in_a_day: Mapping[str, float] = field(default_factory=dict[str, float])
    most_mg_in_7_days: Mapping[str, float] = field(default_factory=dict[str, float])
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse counts that cannot be."""
        for name in ("milligrams", "most_mg_in_a_day", "most_mg_in_7_days"):
            amounts: Mapping[str, float] = getattr(self, name)
            object.__setattr__(self, name, MappingProxyType(dict(amounts)))
            if not set(amounts) <= set(DRUGS):
                raise InputError(f"exposure.{name}", "it names an unknown drug", _known(DRUGS))
            if not all(math.isfinite(mg) and mg >= 0 for mg in amounts.values()):
                raise InputError(f"exposure.{name}", "an amount is below 0", "give mg of base")
        if self.sessions < 1 or not 1 <= self.most_in_7_days <= self.sessions:
            raise InputError(
                "exposure.sessions",
                f"{self.most_in_7_days} sessions in seven days of {self.sessions} in all",
                "count at least one session, and no more in seven days than in all",
            )
        if not self.milligrams:
            raise InputError("exposure.milligrams", "no drug is given", "name a drug and its mg")
        if not (math.isfinite(self.weight) and self.weight > 0):
            raise InputError("exposure.weight", f"{self.weight:g} kg is no weight", "give kg")
        if not (math.isfinite(self.weeks) and self.weeks >= 0):
            raise InputError("exposure.weeks", f"{self.weeks:g} is no length", "give weeks")
        if not set(self.routes) <= set(ROUTES):
            raise InputError("exposure.routes", "one is unknown", _known(ROUTES))

    @property
    def milligrams_per_kg(self) -> dict[str, float]:
        """Drug to mg of base per kg of body weight, in all."""
        return {drug: mg / self.weight for drug, mg in self.milligrams.items()}

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as a plain dictionary."""
        amounts = ("milligrams", "most_mg_in_a_day", "most_mg_in_7_days")
        plain = {**vars(self), **{name: dict(getattr(self, name)) for name in amounts}}
        return {
            **plain,
            "routes": list(self.routes),
            "notes": list(self.notes),
            "milligrams_per_kg": self.milligrams_per_kg,
        }


def course_exposure(course: Course) -> TreatmentExposure:
    """Count what a course gives before its horizon.

    **Arguments:**

    - `course`: of treatment; amounts per kg are taken for the patient's weight.

    **Returns:** the counts.
    """
    doses = [dose for dose in course.regimen.doses if dose.time < course.horizon]
    late = len(course.regimen.doses) - len(doses)
    weight = course.patient.weight
    starts = sorted({dose.session: dose.time for dose in reversed(doses)}.values())
    notes: list[str] = []
    if late:
        notes.append(f"{late} doses after the horizon are not counted.")
    if any(dose.steady_state_interval is not None for dose in doses):
        notes.append("Doses before a steady state are not counted: their number is not given.")
    notes += course.patient.assumptions
    if course.population is not None:
        notes.append("Amounts are those of the patient, not of the virtual patients around.")
    weeks = (starts[-1] - starts[0]) / WEEK
    total: dict[str, float] = {}
    day: dict[str, float] = {}
    week: dict[str, float] = {}
    for drug in dict.fromkeys(dose.drug for dose in doses):
        given = [(dose.time, dose.milligrams(weight)) for dose in doses if dose.drug == drug]
        total[drug] = math.fsum(mg for _, mg in given)
        day[drug] = _most(given, DAY)
        week[drug] = _most(given, WEEK)
    return TreatmentExposure(
        sessions=len(starts),
        milligrams=total,
        weight=weight,
        routes=tuple(dict.fromkeys(dose.route for dose in doses)),
        weeks=weeks,
        sessions_per_week=(len(starts) - 1) / weeks if weeks > 0 else None,
        most_in_7_days=round(_most([(start, 1.0) for start in starts], WEEK)),
        most_mg_in_a_day=day,
        most_mg_in_7_days=week,
        notes=tuple(notes),
    )


def _most(given: Sequence[tuple[float, float]], window: float) -> float:
    """Largest sum of amounts that start within a window, its end left out."""
    ordered = sorted(given)
    times = [time for time, _ in ordered]
    sums = [0.0]
    for _, amount in ordered:
        sums.append(sums[-1] + amount)
    return max(
        sums[bisect_left(times, time + window - _SAME_TIME)] - sums[index]
        for index, time in enumerate(times)
    )


def _known(words: Sequence[str]) -> str:
    return "use: " + ", ".join(words)
