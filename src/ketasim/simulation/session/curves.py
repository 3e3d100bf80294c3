"""Sessions of a course: curves by the minute, peaks, when each effect resolves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim._base import Headline, words
from ketasim._base import Shown as Held
from ketasim._base.result import later
from ketasim.dosing import Course, Dose
from ketasim.engine import LinearSolution
from ketasim.evidence import Card, load_card, source_name, source_names
from ketasim.models import SESSION, LinearModel
from ketasim.population import (
    SESSION_CURVES,
    Cohort,
    PressureOutlook,
    Sensitivity,
    drawn_curves,
    highest_effect,
    mean_curves,
    pressure_outlook,
    session_curve,
    session_curves,
)
from ketasim.simulation.calendar import Session
from ketasim.simulation.session.driving import Driving, driving_after, driving_times
from ketasim.simulation.session.group import Group, session_group
from ketasim.simulation.session.patients import SESSION_UNITS, SessionCurves
from ketasim.simulation.session.rows import (
    Shown,
    WholeCourse,
    effect_table,
    pressure_table,
)
from ketasim.simulation.statistics import statistics

__all__ = [
    "OLDER_FROM",
    "SESSION_UNITS",
    "SessionCurves",
    "SessionEffects",
    "SessionProfile",
    "by_minute",
    "session_warnings",
    "simulate_session",
]

Array = NDArray[np.float64]

OLDER_FROM: Final = 65.0
"""Age from which the sources tell older people apart, years."""

_LEAST = 1.0 / 60.0  # h that are shown of a session at the course's end
_AFTER = 4.0  # h that are shown after the last input of a session
_MOST_MINUTES = 400  # points of a session's grid
_MOST_SESSIONS = 60  # that are counted for what happens at least once in a course
_PEAKS = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75, 1.0, 1.5])  # h after an input turns


@dataclass(frozen=True)
class _Behind:
    """What a session's curves and pressures are computed from, where they are asked for.

    **Arguments:**

    - `card`: the numbers of the effects. `shown`: the session.
    - `own`: numbers of the card; of each patient, shape (n,), within their uncertainty.
    - `patients`: their sensitivities; nothing without variability between them.
    - `before`: the patient's own blood pressure.
    - `older`: whether the patient is 65 or more.
    - `course`: what happens in the course.
    - `drawn`: name of an effect to its mean under parameter draws, shape (draws, every third
      minute).
    """

    card: Card
    shown: Shown
    own: Mapping[str, Any]
    patients: Sensitivity | None
    before: Mapping[str, float | None]
    older: bool
    course: WholeCourse
    drawn: Mapping[str, Array]


@dataclass(frozen=True, repr=False)
class SessionProfile(Held):
    """One session of a course by the minute.

    **Arguments:**

    - `number`: from 1. `start`: h from the first dose.
    - `minutes`: after the start, shape (M,).
    - `doses`: (start, end) of each input, min after the start.
    - `means`: name of an effect to the mean over patients and their sensitivities, none drawn,
      shape (M,), in the units of `SESSION_CURVES`.
    - `table`: one row an effect, as `SessionEffects.table` has them.
    - `routes`: by which its doses are given.
    - `behind`: what the rest is computed from.
    """

    number: int
    start: float
    minutes: Array
    doses: tuple[tuple[float, float], ...]
    means: Mapping[str, Array]
    table: pl.DataFrame
    routes: tuple[str, ...]
    behind: _Behind

    @cached_property
    def effects(self) -> Mapping[str, Array]:
        """Name of an effect to each patient's, shape (M, n), in the units of `SESSION_CURVES`."""
        behind, shown = self.behind, self.behind.shown
        felt = SESSION.effect(behind.own, *shown.drugs)
        return MappingProxyType(
            session_curves(
                behind.own, felt, shown.drugs, session=self.number, patients=behind.patients
            )
        )

    @cached_property
    def pressure(self) -> pl.DataFrame:
        """One row a pressure: what its statistics are, as the sources define them."""
        return pressure_table(self.behind.shown, self.behind.older, self.behind.course)

    @cached_property
    def outlook(self) -> PressureOutlook:
        """The patient's own blood pressure with the predicted rise."""
        behind, shown = self.behind, self.behind.shown
        return pressure_outlook(
            behind.card,
            shown.minutes,
            shown.drugs,
            behind.before,
            session=self.number,
            nasal=shown.nasal,
            older=behind.older,
            sensitivity=None if behind.patients is None else behind.patients.pressure,
            values=behind.own,
            known=(self.means["cognition"], behind.drawn["cognition"]),
        )

    def headline(self) -> Headline:
        """Peaks of dissociation, sedation and blood pressure."""
        rows = later("ketasim.simulation.headline:session_rows")(self.table)
        title = f"Session {self.number}: {self.minutes[-1]:.0f} min, {len(self.effects)} effects"
        return Headline(title, tuple(rows), "Means; ranges: 90 % of patients.")

    def by_minute(self) -> pl.DataFrame:
        """Statistics of every effect over the patients behind the session.

        **Returns:** columns minute, effect, unit, expected (see `means`), mean, sd, p05, p25, p50,
        p75, p95; of a share they are of each patient's chance.
        """
        times, names = len(self.minutes), [curve.name for curve in SESSION_CURVES]
        every = np.concatenate([self.effects[name] for name in names])
        return pl.DataFrame(
            {
                "minute": np.tile(self.minutes, len(names)),
                "effect": np.repeat(names, times),
                "unit": np.repeat([curve.unit for curve in SESSION_CURVES], times),
                "expected": np.concatenate([self.means[name] for name in names]),
                **statistics(every, typical=False),
            }
        )


@dataclass(frozen=True, repr=False)
class SessionEffects(Held):
    """The effects of a course's first and last session.

    **Arguments:**

    - `card`: the numbers of the effects.
    - `sessions`: the first and, of several, the last.
    - `patients`: how many virtual patients stand behind the curves.
    - `driving`: when the first session is at the level under which driving was tested.
    - `extrapolated`: whether the dose is beyond those that the numbers were fitted to.
    - `warnings`: what the reader must know, as sentences.
    """

    card: Card
    sessions: tuple[SessionProfile, ...]
    patients: int
    driving: Driving
    extrapolated: bool = False
    warnings: tuple[str, ...] = ()

    def headline(self) -> Headline:
        """Peaks of dissociation, sedation and blood pressure in the first session."""
        shown = " and ".join(str(one.number) for one in self.sessions)
        rows = self.sessions[0].headline().rows
        title = f"Effects of session {shown}, {self.patients} virtual patients; card"
        note = "First session: means; ranges: 90 % of patients."
        return Headline(f"{title} {self.card.key}", rows, note)

    @cached_property
    def table(self) -> pl.DataFrame:
        """Peaks and times of every effect in the sessions shown.

        **Returns:** columns session, effect, unit, peak (of the mean over patients), peak_p05 and
        peak_p95 (between patients, of all but shares), peak_low and peak_high (uncertainty of the
        fitted numbers, 5-95 %; missing where none of them acts), onset_min, peak_at_min with _low
        and _high, back_at_min with _low and _high (missing where more than one parameter draw in
        twenty is not resolved within the time shown), level (at or below which it is resolved),
        level_grade, state (`back`, `never above` the level, `not back` within the time shown),
        may_exceed (share of the parameter draws in which it rises above the level),
        in_session (share of patients who show it at all, of events) and in_course (in at least
        one session).
        """
        return pl.concat(session.table for session in self.sessions)

    @cached_property
    def pressure(self) -> pl.DataFrame:
        """Statistics of blood pressure as the sources define them, placebo part kept apart.

        **Returns:** columns session, quantity, mean_change (largest mean, the drug's part),
        mean_of_maxima, placebo_mean_of_maxima (of three readings: after a nasal session at the
        minutes of the card, otherwise at the peak and as long after it), cut (mmHg),
        rise_in_session, rise_in_course and placebo_rise_in_course (shares of patients with a rise
        of at least `cut`). From 65 years a rise without the drug is in all but the first.
        """
        return pl.concat(session.pressure for session in self.sessions)


def simulate_session(
    course: Course,
    cohort: Cohort,
    model: LinearModel,
    sessions: Sequence[Session],
    solution: LinearSolution,
) -> SessionEffects:
    """Follow the effects of sessions.

    **Arguments:**

    - `course`, `cohort`, `model`: what is simulated.
    - `sessions`: of the course, at least one.
    - `solution`: concentrations of the cohort.
    """
    card = load_card("session")
    group = session_group(course, cohort, model, solution)
    numbers = sorted({1, len(sessions)})
    group = group.reading(
        *_peak_times(sessions),
        *(_minute_times(sessions[number - 1]) for number in numbers),
        driving_times(sessions[0]),
    )
    peaks = _session_peaks(card, group, sessions)
    older = course.age is not None and course.age >= OLDER_FROM
    shown = [_shown(card, group, sessions[number - 1], number) for number in numbers]
    whole = WholeCourse(shown[0], peaks, older)
    behind = SessionCurves(card, group.cohort, sessions)
    found = [_session(card, course, behind, group, sessions, one, whole) for one in shown]
    driving = driving_after(group, sessions[0])
    beyond = _beyond(card, peaks)
    warnings = _warnings(card, sessions, beyond, alike=group.cohort.typical)
    return SessionEffects(card, tuple(found), group.cohort.n, driving, beyond, warnings)


def by_minute(group: Group, session: Session) -> list[Array]:
    """S-ketamine and S-norketamine at the effect site at the minutes of a `SessionProfile`.

    **Arguments:**

    - `group`: the patients. `session`: of the course.

    **Returns:** ng/mL, each of shape (M, n), as `mean_curves` and `drawn_curves` take them.
    """
    return group.read(_minute_times(session))


def session_warnings(
    cohort: Cohort, sessions: Sequence[Session], solution: LinearSolution
) -> tuple[str, ...]:
    """What the reader must know where sessions are not followed by the minute.

    **Arguments:** as of `simulate_session`.
    """
    card = load_card("session")
    peaks = _session_peaks(card, Group(cohort, solution), sessions)
    return _warnings(card, sessions, _beyond(card, peaks), alike=False)


def _beyond(card: Card, peaks: Array) -> bool:
    """Tell whether the highest effect of the median patient is above those of the fitted data."""
    return float(np.median(peaks.max(axis=0))) > float(card.extra["highest_effect"])


def _peak_times(sessions: Sequence[Session]) -> list[Array]:
    """Times around the turns of each session's inputs, h."""
    return [
        np.unique(np.round(np.add.outer(s.turns, _PEAKS).ravel(), 10)).clip(max=s.until)
        for s in sessions[:_MOST_SESSIONS]
    ]


def _session_peaks(card: Card, group: Group, sessions: Sequence[Session]) -> Array:
    """Highest effect of each session of each patient, shape (sessions, n)."""
    values, times = card.values(), _peak_times(sessions)
    every = np.unique(np.concatenate(times))
    drugs = group.read(every)
    places = [np.searchsorted(every, one) for one in times]
    return np.stack([highest_effect(values, [drug[place] for drug in drugs]) for place in places])


def _minute_times(session: Session) -> Array:
    return session.start + _minutes(session) / 60.0


def _shown(card: Card, group: Group, session: Session, number: int) -> Shown:
    """One session by the minute."""
    drugs = group.read(_minute_times(session))
    return Shown(number, _minutes(session), card.values(), drugs, _is_nasal(session))


def _session(
    card: Card,
    course: Course,
    behind: SessionCurves,
    group: Group,
    sessions: Sequence[Session],
    shown: Shown,
    whole: WholeCourse,
) -> SessionProfile:
    session = sessions[shown.number - 1]
    own = behind.values()
    patients = None if group.cohort.typical else behind.sensitivity(shown.number)
    means = mean_curves(card, shown.drugs, shown.number)
    drawn = drawn_curves(card, shown.drugs, shown.number)
    return SessionProfile(
        number=shown.number,
        start=session.start,
        minutes=shown.minutes,
        doses=tuple(
            (60.0 * (d.time - session.start), 60.0 * (d.end - session.start)) for d in session.doses
        ),
        means=MappingProxyType(means),
        table=effect_table(shown, means, drawn, _highest(own, shown, patients), whole),
        routes=tuple(dict.fromkeys(dose.route for dose in session.doses)),
        behind=_Behind(
            card,
            shown,
            own,
            patients,
            course.patient.pressure,
            whole.older,
            whole,
            MappingProxyType(drawn),
        ),
    )


def _highest(
    own: Mapping[str, Any], shown: Shown, patients: Sensitivity | None
) -> dict[str, Array]:
    """The highest of each effect in each patient, shape (n,), of all that are no shares.

    All but the relief of pain rise with the effect, or with S-ketamine alone.
    """
    felt, drugs = highest_effect(own, shown.drugs), shown.drugs
    found: dict[str, Array] = {}
    for curve in SESSION_CURVES:
        if curve.kind == "share":
            continue
        if curve.kind == "pain":
            found[curve.name] = session_curve(own, curve, felt, *drugs).max(axis=0)
        else:
            top = drugs[0].max(axis=0)
            found[curve.name] = session_curve(
                own, curve, felt, top, top, session=shown.number, patients=patients
            )
    return found


def _is_nasal(session: Session) -> bool:
    return all(dose.route == "intranasal" for dose in session.doses)


def _minutes(session: Session) -> Array:
    """Every minute from the start to some hours after the last input, coarser when that is long."""
    last = min(session.end + _AFTER, session.until)
    length = 60.0 * max(last - session.start, _LEAST)
    step = max(1.0, np.ceil(length / _MOST_MINUTES))
    turns = 60.0 * (np.array(session.turns) - session.start)
    grid = np.concatenate([np.arange(0.0, length + 1e-9, step), turns[turns <= length]])
    return np.unique(np.round(grid, 6))


def _routes(names: Sequence[str], doses: Sequence[Dose]) -> str:
    """Doses by these routes in words, such as `IV infusions and sublingual doses`."""
    timed = {dose.route for dose in doses if dose.duration > 0}
    every = {dose.route for dose in doses if dose.duration == 0}
    said = [
        f"{words.route(name)} {'infusions' if name in timed - every else 'doses'}" for name in names
    ]
    return " and ".join(filter(None, (", ".join(said[:-1]), said[-1])))


def _warnings(
    card: Card, sessions: Sequence[Session], beyond: bool, *, alike: bool
) -> tuple[str, ...]:
    found: list[str] = []
    if beyond:
        found.append(
            "Session effects are extrapolated: the dose is above the range of the fitted "
            "data and anaesthesia is not modelled; percentages are too low, ranges too narrow."
        )
    doses = [dose for session in sessions for dose in session.doses]
    routes = {dose.route for dose in doses}
    fitted: set[str] = set(card.extra["event_routes"])
    unseen = sorted(routes - fitted)
    if unseen:
        told = "Percentages of patients affected were fitted to nasal esketamine; for "
        told += f"{_routes(unseen, doses)} they are predicted from the concentration alone."
        if "iv" in unseen:
            told += (
                " After an infusion about twice as many patients reported dizziness as the "
                f"model predicts ({source_names(['dbpia_trdsi', 'rodrigues2022'])})."
            )
        found.append(told)
    if any(dose.drug == "arketamine" for dose in doses):
        found.append(
            "Arketamine does not contribute to the session effects: one model found no effect "
            f"({source_name('olofsen2022')}), one study saw some ({source_name('jonkman2018')}). "
            "Its effects are not assessed."
        )
    if len(sessions) > _MOST_SESSIONS:
        found.append(
            "Patients affected at least once in the course are counted over the first "
            f"{_MOST_SESSIONS} sessions."
        )
    if alike:
        found.append(
            "The model has no between-patient variability: percentages are for identical patients."
        )
    return tuple(found)
