"""Rows of the tables of a session: peaks, times, ranges, statistics of pressure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim.models import SESSION
from ketasim.population import (
    DRAWN_EVERY,
    SESSION_CURVES,
    at_readings,
    highest_effect,
    mean_of_maxima,
    reading_minutes,
    share_in_course,
    share_now,
    share_rising,
    time_from,
    times_back,
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
    - `values`: the numbers of the card.
    - `drugs`: S-ketamine and S-norketamine at the effect site, ng/mL, each of shape (M, n).
    - `nasal`: whether all its doses are nasal.
    """

    number: int
    minutes: Array
    values: Mapping[str, Any]
    drugs: Sequence[Array]
    nasal: bool

    @cached_property
    def effect(self) -> Array:
        """The effect h, shape (M, n)."""
        return SESSION.effect(self.values, *self.drugs)

    @cached_property
    def highest(self) -> Array:
        """The highest effect of each patient, shape (n,)."""
        return highest_effect(self.values, self.drugs)


@dataclass(frozen=True)
class WholeCourse:
    """What happens in at least one session of a course: one number, beside whichever session.

    **Arguments:**

    - `first`: the first session; all are taken to have its course of the effect.
    - `peaks`: highest effect of each session, shape (sessions, n).
    - `older`: whether the patient is 65 or more.
    """

    first: Shown
    peaks: Array
    older: bool

    @cached_property
    def events(self) -> Mapping[str, float]:
        """Name of an event's curve to the share of patients who show it."""
        return {
            curve.name: share_in_course(self.first.values, SESSION.event(curve.event), self.peaks)
            for curve in SESSION_CURVES
            if curve.event
        }

    @cached_property
    def rises(self) -> Mapping[str, float]:
        """Pressure to the share of patients with a rise of at least its `CUTS`."""
        own = np.maximum(self.peaks[self.first.number - 1], np.finfo(float).tiny)
        factors = np.median(self.peaks / own, axis=1)
        sessions = sorted(Counter(round(float(factor), _ALIKE) for factor in factors).items())
        return {name: one.rising(sessions) for name, one in self._readings.items()}

    @cached_property
    def placebo_rises(self) -> Mapping[str, float]:
        """The same without the drug."""
        count = len(self.peaks)
        return {name: one.without_drug().rising(count) for name, one in self._readings.items()}

    @property
    def _readings(self) -> dict[str, _Readings]:
        return {name: _Readings.of(name, self.first, self.older) for name in CUTS}


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
    def of(cls, name: str, shown: Shown, older: bool) -> _Readings:
        values = shown.values
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


def effect_table(
    shown: Shown,
    means: Mapping[str, Array],
    drawn: Mapping[str, Array],
    highest: Mapping[str, Array],
    course: WholeCourse,
) -> pl.DataFrame:
    """The effects of a session, as `ketasim.simulation.SessionEffects.table` has them.

    **Arguments:**

    - `shown`: the session.
    - `means`: name of an effect to its mean over patients, shape (M,).
    - `drawn`: the same under parameter draws, shape (draws, every third minute).
    - `highest`: name of an effect that is no share to the highest of each patient, shape (n,).
    - `course`: what happens in the course.
    """
    minutes = shown.minutes
    coarse = minutes[::DRAWN_EVERY]
    mean = np.stack([means[curve.name] for curve in SESSION_CURVES])
    draws = np.stack([drawn[curve.name] for curve in SESSION_CURVES])
    most, when = draws.max(axis=2), coarse[draws.argmax(axis=2)]
    peak, peak_at = np.percentile([most, when], _RANGE, axis=2).swapaxes(0, 1)
    between: dict[str, Array] = {}
    if shown.drugs[0].shape[1] > 1:
        ends = np.percentile(np.stack(list(highest.values())), _RANGE, axis=1)
        between = dict(zip(highest, ends.T, strict=True))
    levelled = [i for i, curve in enumerate(SESSION_CURVES) if curve.level]
    levels = np.array([shown.values[SESSION_CURVES[i].level] for i in levelled])
    found = _backs(minutes, mean[levelled], coarse, draws[levelled], levels)
    backs = dict(zip(levelled, found, strict=True))
    rows: list[dict[str, Any]] = []
    for i, curve in enumerate(SESSION_CURVES):
        top, at = float(mean[i].max()), float(minutes[np.argmax(mean[i])])
        level = shown.values[curve.level] if curve.level else None
        low, high = between.get(curve.name, (None, None))
        row: dict[str, Any] = {
            "session": shown.number,
            "effect": curve.name,
            "unit": curve.unit,
            "peak": top,
            "peak_p05": low,
            "peak_p95": high,
            "peak_low": None,
            "peak_high": None,
            "onset_min": None if level is None else _finite(time_from(minutes, mean[i], level)),
            "peak_at_min": at,
            **_range("peak_at", peak_at[:, i], at),
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
            row |= _range("peak", peak[:, i], top)
        row |= backs.get(i, {})
        if curve.kind == "share":
            event = SESSION.event(curve.event)
            now = share_now(shown.values, event, shown.highest, shown.number)
            row["in_session"] = float(np.mean(now))
            row["in_course"] = max(course.events[curve.name], row["in_session"])
        rows.append(row)
    return pl.DataFrame(rows, schema_overrides=NUMBERS)


def _backs(
    minutes: Array, means: Array, coarse: Array, draws: Array, levels: Array
) -> list[dict[str, Any]]:
    """When effects resolve, and the ranges over the parameter draws, of each a part of a row.

    **Arguments:**

    - `means`: shape (effects, M). `draws`: shape (effects, draws, every third minute).
    - `levels`: at or below which each has resolved, shape (effects,).
    """
    effects, count = draws.shape[:2]
    backs = times_back(minutes, means, levels)
    each = times_back(coarse, draws.reshape(effects * count, -1), np.repeat(levels, count))
    each = each.reshape(effects, count)
    exceeding = draws.max(axis=2) > levels[:, None]
    shown = np.where(np.isfinite(each), each, minutes[-1])
    all_exceed = exceeding.all(axis=1)
    whole = iter(np.percentile(shown[all_exceed], _RANGE, axis=1).T if all_exceed.any() else ())
    ranges = [
        next(whole) if every else np.percentile(one[of], _RANGE) if of.any() else None
        for every, one, of in zip(all_exceed, shown, exceeding, strict=True)
    ]
    rows: list[dict[str, Any]] = []
    for i, (back, ends) in enumerate(zip(backs, ranges, strict=True)):
        of = exceeding[i]
        found: dict[str, Any] = {"may_exceed": int(of.sum()) / count, "state": "back"}
        if means[i].max() <= levels[i]:
            found["state"] = "never above"
        elif not np.isfinite(back):
            found["state"] = "not back"
        else:
            found["back_at_min"] = float(back)
            if ends is not None:
                found |= _range("back_at", ends, float(back))
                if np.mean(~np.isfinite(each[i, of])) > _RARELY:
                    found["back_at_high"] = None
        rows.append(found)
    return rows


def pressure_table(shown: Shown, older: bool, course: WholeCourse) -> pl.DataFrame:
    """Statistics of the pressures of a session, as `SessionEffects.pressure` has them.

    **Arguments:**

    - `shown`: the session. `older`: whether the patient is 65 or more.
    - `course`: what happens in the course.
    """
    rows: list[dict[str, Any]] = []
    for name in CUTS:
        readings = _Readings.of(name, shown, older)
        rows.append(
            {
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
        )
    return pl.DataFrame(rows)


def _range(name: str, ends: Array, value: float) -> dict[str, float]:
    """Range of the draws, widened to hold the value itself, which has another grid."""
    low, high = ends
    return {f"{name}_low": min(float(low), value), f"{name}_high": max(float(high), value)}


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
