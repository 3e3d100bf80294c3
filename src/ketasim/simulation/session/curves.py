"""Sessions of a course: curves by the minute, peaks, when each effect resolves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim._base import Headline, InputError, standard_normals, words
from ketasim._base import Shown as Held
from ketasim._base.result import later
from ketasim.dosing import Course, Dose, PopulationSpec
from ketasim.engine import Concentrations
from ketasim.evidence import Card, load_card, source_name, source_names
from ketasim.models import SESSION, LinearModel
from ketasim.population import (
    SESSION_CURVES,
    Cohort,
    PressureOutlook,
    Sensitivity,
    card_draws,
    pressure_outlook,
    pressure_sensitivity,
    session_curve,
    virtual_patients,
)
from ketasim.simulation.calendar import Session
from ketasim.simulation.concentrations import Key, solve_cohort
from ketasim.simulation.session.driving import Driving, driving_after
from ketasim.simulation.session.rows import (
    CUTS,
    NUMBERS,
    Shown,
    WholeCourse,
    drawn_means,
    effect_row,
    pressure_row,
    whole_course,
)
from ketasim.simulation.statistics import statistics

Array = NDArray[np.float64]

SESSION_UNITS: Final[Mapping[Key, str]] = MappingProxyType(
    {(curve.name, "patient"): curve.unit for curve in SESSION_CURVES}
)
"""Quantity and site of the effects of a session to unit. Shares are of patients, or the chance of
one; pressures and heart rate are changes from before the dose; cognition is a share of the full
effect, of which no study gives the size."""

OLDER_FROM: Final = 65.0
"""Age from which the sources tell older people apart, years."""

_DRUGS = ("s_ketamine", "s_norketamine")
_PATIENTS = 200  # behind the session's curves, whatever the course asks for
_LEAST = 1.0 / 60.0  # h that are shown of a session at the course's end
_AFTER = 4.0  # h that are shown after the last input of a session
_MOST_MINUTES = 400  # points of a session's grid
_MOST_SESSIONS = 60  # that are counted for what happens at least once in a course
_PEAKS = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75, 1.0, 1.5])  # h after an input turns


@dataclass(frozen=True, repr=False)
class SessionProfile(Held):
    """One session of a course by the minute.

    **Arguments:**

    - `number`: from 1. `start`: h from the first dose.
    - `minutes`: after the start, shape (M,).
    - `doses`: (start, end) of each input, min after the start.
    - `effects`: name of an effect to arrays of shape (M, n), in the units of `SESSION_CURVES`.
    - `means`: name to the mean over patients and their sensitivities, none drawn, shape (M,).
    - `table`: one row an effect, as `SessionEffects.table` has them.
    - `pressure`: one row a pressure: what its statistics are, as the sources define them.
    - `outlook`: the patient's own blood pressure with the predicted rise.
    - `routes`: by which its doses are given.
    """

    number: int
    start: float
    minutes: Array
    doses: tuple[tuple[float, float], ...]
    effects: Mapping[str, Array]
    means: Mapping[str, Array]
    table: pl.DataFrame
    pressure: pl.DataFrame
    outlook: PressureOutlook
    routes: tuple[str, ...]

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
            for curve in SESSION_CURVES
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
    hours: Array,
    effect_site: Mapping[str, Array],
) -> tuple[dict[Key, Array], SessionEffects]:
    """Follow the effects of sessions.

    **Arguments:**

    - `course`, `cohort`, `model`: what is simulated.
    - `sessions`: of the course, at least one.
    - `hours`: h from the first dose, shape (T,).
    - `effect_site`: S-ketamine and S-norketamine, ng/mL, each of shape (T, n).

    **Returns:** the curves of `SESSION_UNITS`, shape (T, n), and what the sessions are like.
    """
    card = load_card("session")
    values = card.values()
    curves = _curves(card, cohort, sessions, hours, effect_site)
    group = _group(course, cohort, model)
    shown = [0] if len(sessions) == 1 else [0, len(sessions) - 1]
    peaks = _session_peaks(values, course, group, model, sessions)
    older = course.age is not None and course.age >= OLDER_FROM
    exposed = [_exposed(values, course, group, model, sessions[i], i + 1) for i in shown]
    whole = whole_course(values, exposed[0][0], peaks, older)
    found = [
        _session(card, course, group, sessions[one.number - 1], one, both, older, whole)
        for one, both in exposed
    ]
    driving = driving_after(course, group, model, sessions[0])
    beyond = _beyond(card, peaks)
    warnings = _warnings(card, sessions, beyond, alike=group.typical)
    return curves, SessionEffects(card, tuple(found), group.n, driving, beyond, warnings)


def session_at(
    course: Course,
    cohort: Cohort,
    model: LinearModel,
    sessions: Sequence[Session],
    hours: Array,
    effect_site: Mapping[str, Array],
) -> tuple[dict[Key, Array], tuple[str, ...]]:
    """Effects of sessions at times alone, without what a session is like for 200 patients.

    **Arguments:** as of `simulate_session`.

    **Returns:** the curves of `SESSION_UNITS`, shape (T, n), and what the reader must know.
    """
    card = load_card("session")
    curves = _curves(card, cohort, sessions, hours, effect_site)
    peaks = _session_peaks(card.values(), course, cohort, model, sessions)
    return curves, _warnings(card, sessions, _beyond(card, peaks), alike=False)


def _curves(
    card: Card,
    cohort: Cohort,
    sessions: Sequence[Session],
    hours: Array,
    effect_site: Mapping[str, Array],
) -> dict[Key, Array]:
    drugs = _both(effect_site, (len(hours), cohort.n))
    own = _drawn(card, cohort)
    effect = SESSION.effect(own, *drugs)
    number = np.searchsorted([s.start for s in sessions], hours + 1e-9, side="right")
    number = np.maximum(number, 1)
    patients = None if cohort.typical else _sensitivity(cohort, number)
    return {
        (curve.name, "patient"): session_curve(
            own, curve, effect, *drugs, session=number[:, None], patients=patients
        )
        for curve in SESSION_CURVES
    }


def _beyond(card: Card, peaks: Array) -> bool:
    """Tell whether the highest effect of the median patient is above those of the fitted data."""
    return float(np.median(peaks.max(axis=0))) > float(card.extra["highest_effect"])


def _group(course: Course, cohort: Cohort, model: LinearModel) -> Cohort:
    """Patients behind the curves of a session: the first of the course's, or such as this one."""
    if cohort.n >= _PATIENTS:
        return cohort.take(slice(0, _PATIENTS))
    asked = course.population or PopulationSpec(n=_PATIENTS, seed=cohort.seed or 0)
    spread = replace(course, population=asked.model_copy(update={"n": _PATIENTS}))
    try:
        card = load_card(course.pk_model)
        return virtual_patients(spread, card, model, uncertainty=cohort.uncertainty)
    except InputError:  # the model has no between-patient variability
        return cohort


def _drawn(card: Card, cohort: Cohort) -> dict[str, Any]:
    """Numbers of the card; where patients differ in them, of each patient, shape (n,)."""
    if not cohort.uncertainty:
        return dict(card.values())
    return dict(card_draws(card, cohort.seed or 0, 0, cohort.n))


def _sensitivity(cohort: Cohort, number: NDArray[np.int64]) -> Sensitivity:
    """Each patient's own sensitivity, and that of each session, shape (T, n)."""
    seed = cohort.seed or 0
    # the names of these streams choose the patients drawn: they stay as they are
    own = standard_normals(seed, "acute", 0, cohort.n, 2)[:, 0]
    drawn = {
        int(k): standard_normals(seed, f"acute session {k}", 0, cohort.n, 1)[:, 0]
        for k in np.unique(number)
    }
    pressure = pressure_sensitivity(seed, cohort.n)
    return Sensitivity(own, pressure, np.stack([drawn[int(k)] for k in number]))


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
    solved = solve_cohort(model, group, course.regimen.doses, every, sites=(SESSION.site,))
    effect = SESSION.effect(values, *_both(_at_site(solved), (len(every), group.n)))
    return np.stack([effect[np.searchsorted(every, t)].max(axis=0) for t in times])


def _exposed(
    values: Mapping[str, Any],
    course: Course,
    group: Cohort,
    model: LinearModel,
    session: Session,
    number: int,
) -> tuple[Shown, list[Array]]:
    """One session by the minute: the effect, and the concentrations behind it."""
    minutes = _minutes(session)
    times = session.start + minutes / 60.0
    solved = solve_cohort(model, group, course.regimen.doses, times, sites=(SESSION.site,))
    drugs = _both(_at_site(solved), (len(times), group.n))
    return Shown(number, minutes, SESSION.effect(values, *drugs), _is_nasal(session)), drugs


def _session(
    card: Card,
    course: Course,
    group: Cohort,
    session: Session,
    shown: Shown,
    drugs: list[Array],
    older: bool,
    whole: WholeCourse,
) -> SessionProfile:
    values, number, effect = card.values(), shown.number, shown.effect
    patients = None
    if not group.typical:
        patients = _sensitivity(group, np.full(1, number))
    own = _drawn(card, group)
    felt = SESSION.effect(own, *drugs)
    effects = {
        curve.name: session_curve(own, curve, felt, *drugs, session=number, patients=patients)
        for curve in SESSION_CURVES
    }
    mean = {
        curve.name: session_curve(values, curve, effect, *drugs, session=number).mean(axis=-1)
        for curve in SESSION_CURVES
    }
    drawn = drawn_means(card, drugs, shown)
    rows = [
        effect_row(card, curve, shown, mean[curve.name], effects[curve.name], drawn, whole)
        for curve in SESSION_CURVES
    ]
    return SessionProfile(
        number=number,
        start=session.start,
        minutes=shown.minutes,
        doses=tuple(
            (60.0 * (d.time - session.start), 60.0 * (d.end - session.start)) for d in session.doses
        ),
        effects=MappingProxyType(effects),
        means=MappingProxyType(mean),
        table=pl.DataFrame(rows, schema_overrides=NUMBERS),
        pressure=pl.DataFrame([pressure_row(values, name, shown, older, whole) for name in CUTS]),
        outlook=pressure_outlook(
            card,
            shown.minutes,
            drugs,
            course.patient.pressure,
            session=number,
            nasal=shown.nasal,
            older=older,
            sensitivity=None if patients is None else patients.pressure,
            values=own,
        ),
        routes=tuple(dict.fromkeys(dose.route for dose in session.doses)),
    )


def _is_nasal(session: Session) -> bool:
    return all(dose.route == "intranasal" for dose in session.doses)


def _at_site(solved: Concentrations) -> dict[str, Array]:
    """Concentrations at the effect site by molecule."""
    return {name: table for (name, site), table in solved.values.items() if site == SESSION.site}


def _both(effect_site: Mapping[str, Array], shape: tuple[int, int]) -> list[Array]:
    """S-ketamine and S-norketamine; none of them where the course gives the other enantiomer."""
    return [effect_site.get(name, np.zeros(shape)) for name in _DRUGS]


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
