"""What the sessions of a course are like: curves by the minute, peaks, when each effect is back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim._base import InputError, standard_normals
from ketasim.dosing import Course, PopulationSpec
from ketasim.engine import Concentrations
from ketasim.evidence import Card, load_card
from ketasim.models import ACUTE, LinearModel
from ketasim.outputs.calendar import Session
from ketasim.outputs.driving import Driving, driving_after
from ketasim.outputs.solving import Key, solve_cohort
from ketasim.outputs.statistics import statistics
from ketasim.population import (
    ACUTE_CURVES,
    AcuteCurve,
    Cohort,
    Sensitivity,
    acute_curve,
    card_draws,
    mean_of_maxima,
    share_in_course,
    share_now,
    share_rising,
    time_back,
    time_from,
    virtual_patients,
)

Array = NDArray[np.float64]

ACUTE_UNITS: Final[Mapping[Key, str]] = MappingProxyType(
    {(curve.name, "patient"): curve.unit for curve in ACUTE_CURVES}
)
"""Quantity and site of the effects of a session to unit. Shares are of patients, or the chance of
one; pressures and heart rate are changes from before the dose; cognition is a share of the full
effect, of which no study gives the size."""

_DRUGS = ("s_ketamine", "s_norketamine")
_PATIENTS = 200  # behind the session's curves, whatever the course asks for
_DRAWS, _DRAWN_PATIENTS = 40, 60  # sets of numbers within the card's uncertainty, and for whom
_AFTER = 4.0  # h that are shown after the last input of a session
_MOST_MINUTES = 400  # points of a session's grid
_MOST_SESSIONS = 60  # that are counted for what happens at least once in a course
_PEAKS = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75, 1.0, 1.5])  # h after an input turns
_OLDER = 65.0  # years; as the sources divide people
_CUTS = {"SBP": 40.0, "DBP": 25.0}  # mmHg; rises that the label counts
_EVERY = 3  # of the grid, for the uncertainty
_RANGE = (5.0, 95.0)


@dataclass(frozen=True)
class AcuteSession:
    """One session of a course by the minute.

    **Arguments:**

    - `number`: from 1. `start`: h from the first dose.
    - `minutes`: after the start, shape (M,).
    - `doses`: (start, end) of each input, min after the start.
    - `effects`: name of an effect to arrays of shape (M, n), in the units of `ACUTE_CURVES`.
    - `means`: name to the mean over patients' sensitivities without drawing any, shape (M,); of the
      CADSS the middle patient.
    - `table`: one row an effect, as `Acute.table` has them.
    - `pressure`: one row a pressure: what its statistics are, as the sources define them.
    """

    number: int
    start: float
    minutes: Array
    doses: tuple[tuple[float, float], ...]
    effects: Mapping[str, Array]
    means: Mapping[str, Array]
    table: pl.DataFrame
    pressure: pl.DataFrame

    def by_minute(self) -> pl.DataFrame:
        """Statistics of every effect over the patients behind the session.

        **Returns:** columns minute, effect, unit, expected (see `means`), mean, sd, p05, p25, p50,
        p75, p95; of a share they are of each patient's chance.
        """
        return pl.concat(
            pl.DataFrame(
                {
                    "minute": self.minutes,
                    "effect": [curve.name] * len(self.minutes),
                    "unit": [curve.unit] * len(self.minutes),
                    "expected": self.means[curve.name],
                    **statistics(self.effects[curve.name], typical=False),
                }
            )
            for curve in ACUTE_CURVES
        )


@dataclass(frozen=True)
class Acute:
    """The effects of a course's first and last session.

    **Arguments:**

    - `card`: the numbers of the effects.
    - `sessions`: the first and, of several, the last.
    - `patients`: how many virtual patients stand behind the curves.
    - `driving`: when the first session is at the level under which driving was tested.
    - `warnings`: what the reader must know, as sentences.
    """

    card: Card
    sessions: tuple[AcuteSession, ...]
    patients: int
    driving: Driving
    warnings: tuple[str, ...] = ()

    @cached_property
    def table(self) -> pl.DataFrame:
        """Peaks and times of every effect in the sessions shown.

        **Returns:** columns session, effect, unit, peak (mean over patients; of a score the middle
        patient), peak_p05 and peak_p95 (between patients, of scores, pressures and the high),
        peak_low and peak_high (uncertainty of the numbers, 5-95 %), onset_min, peak_at_min with
        _low and _high, back_at_min with _low and _high, level (at which it counts as back),
        level_grade, state (`back`, `never above` the level, `not back` within the time shown),
        in_session (share of patients who show it at all, of events) and in_course (in at least
        one session).
        """
        return _joined([session.table for session in self.sessions])

    @cached_property
    def pressure(self) -> pl.DataFrame:
        """Statistics of blood pressure as the sources define them, placebo part kept apart.

        **Returns:** columns session, quantity, mean_change (largest mean), mean_of_maxima,
        placebo_mean_of_maxima, cut (mmHg), rise_in_session, rise_in_course and
        placebo_rise_in_course (shares of patients with a rise of at least `cut`).
        """
        return _joined([session.pressure for session in self.sessions])


def simulate_acute(
    course: Course,
    cohort: Cohort,
    model: LinearModel,
    sessions: Sequence[Session],
    hours: Array,
    effect_site: Mapping[str, Array],
) -> tuple[dict[Key, Array], Acute]:
    """Follow the effects of sessions.

    **Arguments:**

    - `course`, `cohort`, `model`: what is simulated.
    - `sessions`: of the course, at least one.
    - `hours`: h from the first dose, shape (T,).
    - `effect_site`: S-ketamine and S-norketamine, ng/mL, each of shape (T, n).

    **Returns:** the curves of `ACUTE_UNITS`, shape (T, n), and what the sessions are like.
    """
    card = load_card("acute")
    values = card.values()
    drugs = _both(effect_site, (len(hours), cohort.n))
    effect = ACUTE.effect(values, *drugs)
    number = np.searchsorted([s.start for s in sessions], hours + 1e-9, side="right")
    number = np.maximum(number, 1)
    patients = None if cohort.typical else _sensitivity(cohort, number)
    curves = {
        (curve.name, "patient"): acute_curve(
            values, curve, effect, *drugs, session=number[:, None], patients=patients
        )
        for curve in ACUTE_CURVES
    }
    group = _group(course, cohort, model)
    shown = [0] if len(sessions) == 1 else [0, len(sessions) - 1]
    peaks = _session_peaks(values, course, group, model, sessions)
    older = course.patient.age is not None and course.patient.age >= _OLDER
    found = [_session(card, course, group, model, sessions[i], i + 1, peaks, older) for i in shown]
    driving = driving_after(course, group, model, sessions[0])
    warnings = _warnings(card, sessions, peaks, group)
    return curves, Acute(card, tuple(found), group.n, driving, warnings)


def _group(course: Course, cohort: Cohort, model: LinearModel) -> Cohort:
    """Patients behind the curves of a session: the first of the course's, or such as this one."""
    if cohort.n >= _PATIENTS:
        return cohort.take(slice(0, _PATIENTS))
    spread = replace(course, population=PopulationSpec(n=_PATIENTS, seed=cohort.seed or 0))
    try:
        return virtual_patients(spread, load_card(course.pk_model), model)
    except InputError:  # the model has no spread between patients
        return cohort


def _sensitivity(cohort: Cohort, number: NDArray[np.int64]) -> Sensitivity:
    """Each patient's own sensitivity, and that of each session, shape (T, n)."""
    seed = cohort.seed or 0
    own = standard_normals(seed, "acute", 0, cohort.n, 2)
    drawn = {
        int(k): standard_normals(seed, f"acute session {k}", 0, cohort.n, 1)[:, 0]
        for k in np.unique(number)
    }
    return Sensitivity(own[:, 0], own[:, 1], np.stack([drawn[int(k)] for k in number]))


def _session_peaks(
    values: Mapping[str, Any],
    course: Course,
    group: Cohort,
    model: LinearModel,
    sessions: Sequence[Session],
) -> Array:
    """Highest effect of each session of each patient, shape (sessions, n)."""
    counted = sessions[:_MOST_SESSIONS]
    times = [
        np.unique(np.round(np.add.outer(s.turns, _PEAKS).ravel(), 10)).clip(max=s.until)
        for s in counted
    ]
    every = np.unique(np.concatenate(times))
    solved = solve_cohort(model, group, course.regimen.doses, every, sites=(ACUTE.site,))
    effect = ACUTE.effect(values, *_both(_at_site(solved), (len(every), group.n)))
    return np.stack([effect[np.searchsorted(every, t)].max(axis=0) for t in times])


def _session(
    card: Card,
    course: Course,
    group: Cohort,
    model: LinearModel,
    session: Session,
    number: int,
    peaks: Array,
    older: bool,
) -> AcuteSession:
    minutes = _minutes(session)
    times = session.start + minutes / 60.0
    solved = solve_cohort(model, group, course.regimen.doses, times, sites=(ACUTE.site,))
    drugs = _both(_at_site(solved), (len(times), group.n))
    values = card.values()
    effect = ACUTE.effect(values, *drugs)
    patients = None
    if not group.typical:
        patients = _sensitivity(group, np.full(1, number))
    effects = {
        curve.name: acute_curve(values, curve, effect, *drugs, session=number, patients=patients)
        for curve in ACUTE_CURVES
    }
    drawn = _drawn(card, [one[::_EVERY, :_DRAWN_PATIENTS] for one in drugs], number)
    means = {curve.name: _mean(values, curve, effect, drugs, number) for curve in ACUTE_CURVES}
    rows = [
        _row(
            card,
            curve,
            number,
            minutes,
            effect,
            means[curve.name],
            effects[curve.name],
            drawn,
            peaks,
        )
        for curve in ACUTE_CURVES
    ]
    return AcuteSession(
        number=number,
        start=session.start,
        minutes=minutes,
        doses=tuple(
            (60.0 * (d.time - session.start), 60.0 * (d.end - session.start)) for d in session.doses
        ),
        effects=MappingProxyType(effects),
        means=MappingProxyType(means),
        table=pl.DataFrame(rows, schema_overrides=_NUMBERS),
        pressure=pl.DataFrame(
            [_pressure_row(values, name, number, minutes, effect, peaks, older) for name in _CUTS]
        ),
    )


def _at_site(solved: Concentrations) -> dict[str, Array]:
    """Concentrations at the effect site by molecule."""
    return {name: table for (name, site), table in solved.values.items() if site == ACUTE.site}


def _both(effect_site: Mapping[str, Array], shape: tuple[int, int]) -> list[Array]:
    """S-ketamine and S-norketamine; none of them where the course gives the other enantiomer."""
    return [effect_site.get(name, np.zeros(shape)) for name in _DRUGS]


def _minutes(session: Session) -> Array:
    """Every minute from the start to some hours after the last input, coarser when that is long."""
    last = min(session.end + _AFTER, session.until) if session.until > session.start else 0.0
    length = 60.0 * (max(last, session.start + 1.0) - session.start)
    step = max(1.0, np.ceil(length / _MOST_MINUTES))
    turns = 60.0 * (np.array(session.turns) - session.start)
    grid = np.concatenate([np.arange(0.0, length + 1e-9, step), turns[turns <= length]])
    return np.unique(np.round(grid, 6))


def _mean(
    values: Mapping[str, Any],
    curve: AcuteCurve,
    effect: Array,
    drugs: Sequence[Array],
    number: int,
) -> Array:
    """An effect's mean over patients, sensitivities averaged out; of a score the middle one."""
    return acute_curve(values, curve, effect, *drugs, session=number).mean(axis=-1)


def _drawn(card: Card, drugs: Sequence[Array], number: int) -> dict[str, Array]:
    """Each effect's mean curve under each set of numbers within the uncertainty, (D, M)."""
    draws = {s: v[:, None, None] for s, v in card_draws(card, 0, 0, _DRAWS).items()}
    effect = ACUTE.effect(draws, *(one[None] for one in drugs))
    return {
        curve.name: np.broadcast_to(
            _mean(draws, curve, effect, [one[None] for one in drugs], number),
            effect.shape[:2],
        )
        for curve in ACUTE_CURVES
    }


_NUMBERS: Final[dict[str, Any]] = dict.fromkeys(
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
        "in_session",
        "in_course",
    ),
    pl.Float64,
)


def _row(
    card: Card,
    curve: AcuteCurve,
    number: int,
    minutes: Array,
    effect: Array,
    mean: Array,
    table: Array,
    drawn: Mapping[str, Array],
    peaks: Array,
) -> dict[str, Any]:
    values = card.values()
    level = values[curve.level] if curve.level else None
    coarse, draws = minutes[::_EVERY], drawn[curve.name]
    spread = curve.kind != "share" and table.shape[1] > 1
    between = np.percentile(table.max(axis=0), _RANGE) if spread else (None, None)
    row: dict[str, Any] = {
        "session": number,
        "effect": curve.name,
        "unit": curve.unit,
        "peak": float(mean.max()),
        "peak_p05": between[0],
        "peak_p95": between[1],
        **_range("peak", draws.max(axis=1), float(mean.max())),
        "onset_min": None if level is None else _finite(time_from(minutes, mean, level)),
        "peak_at_min": float(minutes[np.argmax(mean)]),
        **_range("peak_at", coarse[np.argmax(draws, axis=1)], float(minutes[np.argmax(mean)])),
        "back_at_min": None,
        "back_at_low": None,
        "back_at_high": None,
        "level": level,
        "level_grade": card.entry(curve.level).grade if curve.level else "",
        "state": "",
        "in_session": None,
        "in_course": None,
    }
    if level is not None:
        back = time_back(minutes, mean, level)
        if mean.max() <= level:
            row["state"] = "never above"
        elif not np.isfinite(back):
            row["state"] = "not back"
        else:
            row |= {"state": "back", "back_at_min": back}
            times = np.array([time_back(coarse, one, level) for one in draws])
            ends = _range("back_at", np.where(np.isfinite(times), times, minutes[-1]), back)
            row |= ends
    if curve.kind == "share":
        event = ACUTE.event(curve.event)
        row["in_session"] = float(np.mean(share_now(values, event, effect.max(axis=0), number)))
        row["in_course"] = share_in_course(values, event, peaks)
    return row


def _pressure_row(
    values: Mapping[str, Any],
    name: str,
    number: int,
    minutes: Array,
    effect: Array,
    peaks: Array,
    older: bool,
) -> dict[str, Any]:
    full, scatter = values[f"{name}_full"], values[f"sigma_{name}"]
    base = values[f"older_{name}"] if older else 0.0
    readings = [values[f"reading_{i}"] for i in (1, 2, 3)]
    columns = [np.asarray(np.interp(readings, minutes, one), np.float64) for one in effect.T]
    read = np.stack(columns, axis=1)
    nothing, cut = np.zeros((3, 1)), _CUTS[name]
    sessions = len(peaks)

    def rising(drug: float, at: Array, times: int) -> float:
        return share_rising(cut, drug, values, at, scatter, times, base)

    return {
        "session": number,
        "quantity": name,
        "mean_change": float((full * effect).mean(axis=1).max()),
        "mean_of_maxima": mean_of_maxima(full, values, read, scatter, base),
        "placebo_mean_of_maxima": mean_of_maxima(0.0, values, nothing, scatter, base),
        "cut": cut,
        "rise_in_session": rising(full, read, 1),
        "rise_in_course": rising(full, read, sessions),
        "placebo_rise_in_course": rising(0.0, nothing, sessions),
    }


def _range(name: str, draws: Array, value: float) -> dict[str, float]:
    """Range of the draws, widened to hold the value itself, which has another grid."""
    low, high = np.percentile(draws, _RANGE)
    return {f"{name}_low": min(float(low), value), f"{name}_high": max(float(high), value)}


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _joined(tables: list[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(tables) if tables else pl.DataFrame()


def _warnings(
    card: Card, sessions: Sequence[Session], peaks: Array, group: Cohort
) -> tuple[str, ...]:
    found: list[str] = []
    highest = float(card.extra["highest_effect"])
    if float(np.median(peaks.max(axis=0))) > highest:
        found.append(
            "Effects of the session: the dose is beyond what they were fitted to; treat peaks as "
            "extrapolated, and anaesthesia is not modelled."
        )
    routes = {dose.route for session in sessions for dose in session.doses}
    unseen = sorted(routes - set(card.extra["routes"]))
    if unseen:
        found.append(
            "Effects of the session were fitted to nasal, intravenous and subcutaneous doses: for "
            f"{', '.join(unseen)} they rest on the concentration alone."
        )
    if len(sessions) > _MOST_SESSIONS:
        found.append(
            f"What happens at least once in the course is counted over {_MOST_SESSIONS} sessions."
        )
    if group.typical:
        found.append("The model has no spread between patients: shares are of like patients.")
    return tuple(found)
