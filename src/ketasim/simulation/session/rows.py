"""Rows of the tables of a session: peaks, times, ranges, statistics of pressure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim.evidence import Card
from ketasim.models import SESSION
from ketasim.population import (
    SESSION_CURVES,
    SessionCurve,
    at_readings,
    card_draws,
    mean_of_maxima,
    reading_minutes,
    session_curve,
    share_in_course,
    share_now,
    share_rising,
    time_back,
    time_from,
)

Array = NDArray[np.float64]

CUTS: Final = {"SBP": 40.0, "DBP": 25.0}
"""Increases in blood pressure that the label counts, mmHg."""

NUMBERS: Final[dict[str, Any]] = dict.fromkeys(
    (
        "peak",
        "peak_p05",
        "peak_p95",
        "peak_low",
        "peak_high",
        "onset_min",
        "peak_at_min",
        "peak_at_low",
        "peak_at_high",
        "back_at_min",
        "back_at_low",
        "back_at_high",
        "level",
        "may_exceed",
        "in_session",
        "in_course",
    ),
    pl.Float64,
)
"""Columns of the table of effects that hold numbers, some of them missing."""

_DRAWS: Final = 40  # parameter draws within the card's uncertainty
_EVERY: Final = 3  # of the grid, for the uncertainty
_RANGE: Final = (5.0, 95.0)
_RARELY: Final = 0.05  # share of the draws that may be without a time
_ALIKE: Final = 2  # decimals to which the effects of sessions are told apart
# Curves in which no fitted number acts: their uncertainty is not carried.
_UNCARRIED: Final = ("high", "pain")
# What counts as back is published for none of the means and shares computed here.
_LEVEL_GRADE: Final = "assumed"


@dataclass(frozen=True)
class Shown:
    """A session to be tabled.

    **Arguments:**

    - `number`: from 1. `minutes`: after its start, shape (M,).
    - `effect`: h, shape (M, n).
    - `nasal`: whether all its doses are nasal.
    """

    number: int
    minutes: Array
    effect: Array
    nasal: bool


@dataclass(frozen=True)
class WholeCourse:
    """What happens in at least one session of a course: one number, beside whichever session.

    **Arguments:**

    - `events`: name of an event's curve to the share of patients who show it.
    - `rises`, `placebo_rises`: pressure to the share with a rise of at least its `CUTS`.
    """

    events: Mapping[str, float]
    rises: Mapping[str, float]
    placebo_rises: Mapping[str, float]


def whole_course(values: Mapping[str, Any], first: Shown, peaks: Array, older: bool) -> WholeCourse:
    """Count over the sessions of a course.

    **Arguments:**

    - `values`: the numbers of the card. `first`: the first session; all are taken to have its
      course of the effect.
    - `peaks`: highest effect of each session, shape (sessions, n).
    - `older`: whether the patient is 65 or more.
    """
    events = [(curve.name, SESSION.event(curve.event)) for curve in SESSION_CURVES if curve.event]
    own = np.maximum(peaks[first.number - 1], np.finfo(float).tiny)
    factors = np.median(peaks / own, axis=1)
    sessions = sorted(Counter(round(float(factor), _ALIKE) for factor in factors).items())
    readings = {name: _Readings.of(values, name, first, older) for name in CUTS}
    return WholeCourse(
        events={name: share_in_course(values, event, peaks) for name, event in events},
        rises={name: one.rising(sessions) for name, one in readings.items()},
        placebo_rises={
            name: one.without_drug().rising(len(peaks)) for name, one in readings.items()
        },
    )


@dataclass(frozen=True)
class _Readings:
    """Readings of a pressure after a session, as trials take them.

    **Arguments:**

    - `cut`: mmHg. `full`: rise at the full effect. `scatter`, `base`: of a reading, and without
      the drug. `effect`: h at the readings, shape (readings, n). `values`: of the card.
    """

    cut: float
    full: float
    scatter: float
    base: float
    effect: Array
    values: Mapping[str, Any]

    @classmethod
    def of(cls, values: Mapping[str, Any], name: str, shown: Shown, older: bool) -> _Readings:
        readings = reading_minutes(values, shown.minutes, shown.effect, nasal=shown.nasal)
        return cls(
            cut=CUTS[name],
            full=values[f"{name}_full"],
            scatter=values[f"sigma_{name}"],
            base=values[f"older_{name}"] if older else 0.0,
            effect=at_readings(readings, shown.minutes, shown.effect),
            values=values,
        )

    def without_drug(self) -> _Readings:
        return replace(self, full=0.0, effect=np.zeros((len(self.effect), 1)))

    def mean_of_maxima(self) -> float:
        return mean_of_maxima(self.full, self.values, self.effect, self.scatter, self.base)

    def rising(self, sessions: int | Sequence[tuple[float, int]]) -> float:
        return share_rising(
            self.cut, self.full, self.values, self.effect, self.scatter, sessions, self.base
        )


def drawn_means(card: Card, drugs: Sequence[Array], shown: Shown) -> dict[str, Array]:
    """Each effect's mean curve under each parameter draw within the uncertainty.

    **Arguments:**

    - `card`: with its uncertainty. `drugs`: S-ketamine and S-norketamine, ng/mL, shape (M, n).
    - `shown`: the session.

    **Returns:** name of an effect to shape (draws, every third minute).
    """
    draws = {s: v[:, None, None] for s, v in card_draws(card, 0, 0, _DRAWS).items()}
    thin = [one[None, ::_EVERY] for one in drugs]
    effect = SESSION.effect(draws, *thin)
    return {
        curve.name: np.broadcast_to(
            session_curve(draws, curve, effect, *thin, session=shown.number).mean(axis=-1),
            effect.shape[:2],
        )
        for curve in SESSION_CURVES
    }


def effect_row(
    card: Card,
    curve: SessionCurve,
    shown: Shown,
    mean: Array,
    patients: Array,
    drawn: Mapping[str, Array],
    course: WholeCourse,
) -> dict[str, Any]:
    """One effect of a session, as `ketasim.simulation.SessionEffects.table` has it.

    **Arguments:**

    - `card`, `curve`, `shown`: what, of which session.
    - `mean`: over patients, shape (M,). `patients`: each of them, shape (M, n).
    - `drawn`: what `drawn_means` returned. `course`: what `whole_course` did.
    """
    values, minutes = card.values(), shown.minutes
    level = values[curve.level] if curve.level else None
    coarse, draws = minutes[::_EVERY], drawn[curve.name]
    between = (None, None)
    if curve.kind != "share" and patients.shape[1] > 1:
        between = np.percentile(patients.max(axis=0), _RANGE)
    top, at = float(mean.max()), float(minutes[np.argmax(mean)])
    row: dict[str, Any] = {
        "session": shown.number,
        "effect": curve.name,
        "unit": curve.unit,
        "peak": top,
        "peak_p05": between[0],
        "peak_p95": between[1],
        "peak_low": None,
        "peak_high": None,
        "onset_min": None if level is None else _finite(time_from(minutes, mean, level)),
        "peak_at_min": at,
        **_range("peak_at", coarse[np.argmax(draws, axis=1)], at),
        "back_at_min": None,
        "back_at_low": None,
        "back_at_high": None,
        "level": level,
        "level_grade": "" if level is None else _LEVEL_GRADE,
        "state": "",
        "may_exceed": None,
        "in_session": None,
        "in_course": None,
    }
    if curve.kind not in _UNCARRIED:
        row |= _range("peak", draws.max(axis=1), top)
    if level is not None:
        row |= _back(minutes, mean, coarse, draws, level)
    if curve.kind == "share":
        event, highest = SESSION.event(curve.event), shown.effect.max(axis=0)
        row["in_session"] = float(np.mean(share_now(values, event, highest, shown.number)))
        row["in_course"] = max(course.events[curve.name], row["in_session"])
    return row


def _back(minutes: Array, mean: Array, coarse: Array, draws: Array, level: float) -> dict[str, Any]:
    """When an effect resolves, and its range over the parameter draws."""
    exceeding = draws[draws.max(axis=1) > level]
    found: dict[str, Any] = {"may_exceed": len(exceeding) / len(draws)}
    back = time_back(minutes, mean, level)
    if mean.max() <= level:
        return {**found, "state": "never above"}
    if not np.isfinite(back):
        return {**found, "state": "not back"}
    found |= {"state": "back", "back_at_min": back}
    if len(exceeding):
        times = np.array([time_back(coarse, one, level) for one in exceeding])
        open_end = np.mean(~np.isfinite(times)) > _RARELY
        ends = _range("back_at", np.where(np.isfinite(times), times, minutes[-1]), back)
        found |= {**ends, **({"back_at_high": None} if open_end else {})}
    return found


def pressure_row(
    values: Mapping[str, Any], name: str, shown: Shown, older: bool, course: WholeCourse
) -> dict[str, Any]:
    """Statistics of one pressure in a session, as `SessionEffects.pressure` has them.

    **Arguments:**

    - `values`: the numbers of the card. `name`: SBP or DBP. `shown`: the session.
    - `older`: whether the patient is 65 or more. `course`: what `whole_course` returned.
    """
    readings = _Readings.of(values, name, shown, older)
    return {
        "session": shown.number,
        "quantity": name,
        "mean_change": float((readings.full * shown.effect).mean(axis=1).max()),
        "mean_of_maxima": readings.mean_of_maxima(),
        "placebo_mean_of_maxima": readings.without_drug().mean_of_maxima(),
        "cut": readings.cut,
        "rise_in_session": readings.rising(1),
        "rise_in_course": course.rises[name],
        "placebo_rise_in_course": course.placebo_rises[name],
    }


def _range(name: str, draws: Array, value: float) -> dict[str, float]:
    """Range of the draws, widened to hold the value itself, which has another grid."""
    low, high = np.percentile(draws, _RANGE)
    return {f"{name}_low": min(float(low), value), f"{name}_high": max(float(high), value)}


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
