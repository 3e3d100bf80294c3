"""Exposure metrics of a simulated course: peaks, areas, half-life, bioavailability."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim.dosing import Dose
from ketasim.engine import LinearSolver, peak, terminal_half_life
from ketasim.models import LinearModel
from ketasim.population import Cohort
from ketasim.simulation.calendar import Session
from ketasim.simulation.concentrations import Key
from ketasim.simulation.curves import Curves, Rows
from ketasim.simulation.statistics import statistics

Array = NDArray[np.float64]

_FOREVER = 10_000.0  # h after the last input; every area is complete by then
_LONG = 96.0  # h; the same where rates change with time, which is solved in short steps
HALF_LIFE_AT = (24.0, 36.0, 48.0)  # h after the last input of the session
_DAY = 24.0
_BESIDE = 50  # patients up to whom the peaks of all curves are sought together
_ALONE = "first session as if no other followed, 0 h to infinity"
_WHOLE = "whole course, 0 h to infinity"
_PARENT = ("s_ketamine", "r_ketamine", "ketamine")
_UNITS = {
    "cmax": "",
    "tmax": "h",
    "auc": "ng*h/mL",
    "auc24": "ng*h/mL",
    "auc_inf": "ng*h/mL",
    "half_life": "h",
    "F": "fraction",
}


@dataclass(frozen=True)
class ExposureMetric:
    """One metric of every patient.

    **Arguments:**

    - `key`: quantity and site. `session`: `first`, `last` or `course`.
    - `start`, `end`: h, of the time it is taken over. `interval`: the same in words.
    - `metric`: such as `cmax`. `values`: shape (n,).
    """

    key: Key
    session: str
    start: float
    end: float
    interval: str
    metric: str
    values: Array


@dataclass(frozen=True)
class _Intervals:
    """Over what the metrics of a session are taken, in words.

    **Arguments:**

    - `session`: until the next one or the end of the course. `day`: 24 h. `late`: of the half-life.
    - `all_of_it`: to infinity.
    """

    session: str
    day: str
    late: str
    all_of_it: str

    @classmethod
    def of(cls, name: str, session: Session, *, alone: bool, follows: bool) -> _Intervals:
        """Intervals of a session: `alone` in its course, or one that another `follows`."""
        length = f"0-{session.until - session.start:g} h"
        day, late = f"0-{_DAY:g} h", f"{HALF_LIFE_AT[0]:g}-{HALF_LIFE_AT[-1]:g} h"
        first = "dose" if len(session.doses) == 1 else "first dose"
        last = "dose" if len(session.doses) == 1 else "last dose"
        if alone:
            return cls(
                f"{length} after the {first}",
                f"{day} after the {first}",
                f"{late} after the end of the {last}",
                f"0 h to infinity after the {first}",
            )
        until = "next session" if follows else "end of the course"
        return cls(
            f"{name} session to the {until}, {length} after its {first}",
            f"{day} after the {name} session's {first}",
            f"{late} after the end of the {name} session's {last}",
            _ALONE,
        )


def exposure_metrics(
    model: LinearModel,
    cohort: Cohort,
    sessions: Sequence[Session],
    times: Array,
    values: Mapping[Key, Array],
    horizon: float,
    solver: LinearSolver | None = None,
) -> list[ExposureMetric]:
    """Exposure metrics per quantity, site and session; `tmax` counts from the session's start.

    **Arguments:**

    - `model`, `cohort`, `sessions`, `horizon`: what was simulated.
    - `times`: h, shape (T,). `values`: (quantity, site) to arrays of shape (T, n).
    - `solver`: of the cohort, where there is one already.
    """
    found: list[ExposureMetric] = []
    if not sessions:
        return found
    chosen = _chosen(sessions)
    doses = [dose for session in sessions for dose in session.doses]
    if solver is None:
        solver = LinearSolver(model, cohort.values, cohort.weight)
    sites = tuple(dict.fromkeys(site for _, site in values))
    marks = _marks(model, chosen.values(), horizon)
    areas = solver.solve(doses).areas(marks, sites)
    first = sessions[0]
    end = first.end + complete_after(model)
    late = first.end + np.array(HALF_LIFE_AT)
    single = solver.solve(_alone(first))
    curves, totals = single.at(late, sites), single.areas(np.array([end]), sites)
    by_iv: Mapping[Key, Array] = {}
    if "iv" in model.routes:
        by_iv = solver.solve(_as_iv(first)).areas(np.array([end]), sites, ("ketamine",))

    def between(key: Key, start: float, stop: float) -> Array:
        before, after = np.searchsorted(marks, [start, stop])
        return areas[key][after] - areas[key][before]

    tops = {name: _tops(session, times, values) for name, session in chosen.items()}
    half_lives = _half_lives(late, {key: curves[key] for key in values if key in totals})
    for key in values:
        for name, session in chosen.items():
            add = partial(_metric, found, key, name, session.start)
            follows = name == "first" and len(sessions) > 1
            told = _Intervals.of(name, session, alone=len(sessions) == 1, follows=follows)
            if key in tops[name]:
                cmax, tmax = tops[name][key]
                add("cmax", session.until, told.session, cmax)
                add("tmax", session.until, told.session, tmax - session.start)
            if key in areas:
                add("auc", session.until, told.session, between(key, session.start, session.until))
                day = session.start + _DAY
                add("auc24", day, told.day, between(key, session.start, day))
            if name == "first" and key in totals:
                total = totals[key][0]
                add("auc_inf", np.inf, told.all_of_it, total)
                add("half_life", session.until, told.late, half_lives[key])
                if key in by_iv and key[0] in _PARENT:
                    add("F", np.inf, told.all_of_it, total / by_iv[key][0])
        if key in areas:
            whole = areas[key][-1]
            found.append(ExposureMetric(key, "course", 0.0, np.inf, _WHOLE, "auc_inf", whole))
    return found


def metrics_of(
    model: LinearModel,
    cohort: Cohort,
    sessions: Sequence[Session],
    times: Array,
    curves: Curves,
    horizon: float,
) -> list[ExposureMetric]:
    """The metrics of patients whose curves may be too large to keep.

    **Arguments:** as of `exposure_metrics`; `curves`: of the cohort.
    """

    def part(
        which: slice, rows: Rows, solver: LinearSolver, values: Mapping[Key, Array]
    ) -> list[ExposureMetric]:
        own = cohort.take(which)
        return exposure_metrics(model, own, sessions, times[rows], values, horizon, solver)

    return _joined(curves.exposed(part, _times_of_peaks(sessions, times)))


def _times_of_peaks(sessions: Sequence[Session], times: Array) -> NDArray[np.bool_]:
    """Times that peaks are taken from, shape (T,)."""
    found = np.zeros(len(times), np.bool_)
    for session in _chosen(sessions).values():
        found |= _within(session, times)
    return found


def _chosen(sessions: Sequence[Session]) -> dict[str, Session]:
    """The first and, of several, the last session, by name."""
    ends = {"first": sessions[:1], "last": sessions[1:][-1:]}
    return {name: session for name, found in ends.items() for session in found}


def _within(session: Session, times: Array) -> NDArray[np.bool_]:
    return (times >= session.start) & (times <= session.until)


def _tops(
    session: Session, times: Array, values: Mapping[Key, Array]
) -> dict[Key, tuple[Array, Array]]:
    """Peak of each curve in a session and its time, h, each of shape (n,); none without a time."""
    first, last = (
        np.searchsorted(times, session.start),
        np.searchsorted(times, session.until, "right"),
    )
    within, turns = slice(int(first), int(last)), session.turns
    if first >= last or not values:
        return {}
    if next(iter(values.values())).shape[1] > _BESIDE:
        return {k: peak(times[within], table[within], breaks=turns) for k, table in values.items()}
    beside = np.concatenate([table[within] for table in values.values()], axis=1)
    parts = (np.split(one, len(values)) for one in peak(times[within], beside, breaks=turns))
    return dict(zip(values, zip(*parts, strict=True), strict=True))


def _half_lives(times: Array, curves: Mapping[Key, Array]) -> dict[Key, Array]:
    """Half-life of each curve at some late times, h, each of shape (n,)."""
    if not curves:
        return {}
    beside = np.concatenate([*curves.values()], axis=1)
    found = terminal_half_life(times, beside, points=len(times))
    return dict(zip(curves, np.split(found, len(curves)), strict=True))


def _joined(parts: Sequence[Sequence[ExposureMetric]]) -> list[ExposureMetric]:
    """Metrics of patients and of those after them, as of all together."""
    return [
        replace(same[0], values=np.concatenate([one.values for one in same]))
        for same in zip(*parts, strict=True)
    ]


def _metric(
    found: list[ExposureMetric],
    key: Key,
    session: str,
    start: float,
    metric: str,
    end: float,
    interval: str,
    values: Array,
) -> None:
    found.append(ExposureMetric(key, session, start, end, interval, metric, values))


def exposure_columns(metrics: Sequence[ExposureMetric], cohort: Cohort) -> dict[str, Array]:
    """Statistics of the metrics over patients, by column, each of shape (metrics,)."""
    table = np.array([one.values for one in metrics]) if metrics else np.zeros((0, cohort.n))
    return statistics(table, cohort.typical)


def exposure_table(
    metrics: Sequence[ExposureMetric], units: Mapping[Key, str], columns: Mapping[str, Array]
) -> pl.DataFrame:
    """Statistics of the metrics over patients as a table.

    **Arguments:**

    - `units`: (quantity, site) to unit. `columns`: as `exposure_columns` returns them.

    **Returns:** as `Simulation.exposure`.
    """
    frame = pl.DataFrame(
        [_words_of(one, units) for one in metrics],
        schema={
            "quantity": pl.String,
            "site": pl.String,
            "session": pl.String,
            "start_h": pl.Float64,
            "end_h": pl.Float64,
            "interval": pl.String,
            "metric": pl.String,
            "unit": pl.String,
        },
    )
    return frame.with_columns([pl.Series(name, column) for name, column in columns.items()])


def patient_table(
    metrics: Sequence[ExposureMetric], units: Mapping[Key, str], cohort: Cohort
) -> pl.DataFrame:
    """The metrics of every patient, one row each.

    **Returns:** as `Simulation.patient_exposure`.
    """
    names = ("quantity", "site", "session", "interval", "metric", "unit")
    parts = [
        pl.DataFrame({"id": cohort.ids, "value": one.values}).with_columns(
            pl.lit(text, dtype=pl.String).alias(name)
            for name, text in _words_of(one, units).items()
            if name in names
        )
        for one in metrics
    ]
    schema = {"id": pl.Int64, **dict.fromkeys(names[:-1], pl.String), "value": pl.Float64}
    schema["unit"] = pl.String
    return pl.concat(parts).select(list(schema)) if parts else pl.DataFrame(schema=schema)


def _words_of(one: ExposureMetric, units: Mapping[Key, str]) -> dict[str, str | float]:
    return {
        "quantity": one.key[0],
        "site": one.key[1],
        "session": one.session,
        "start_h": one.start,
        "end_h": one.end,
        "interval": one.interval,
        "metric": one.metric,
        "unit": _UNITS[one.metric] or units[one.key],
    }


def complete_after(model: LinearModel) -> float:
    """Hours after the last input by which areas are complete."""
    return _LONG if model.time_varying else _FOREVER


def _marks(model: LinearModel, sessions: Iterable[Session], horizon: float) -> Array:
    """Times between which areas are taken, h."""
    marks = {0.0, horizon, horizon + complete_after(model)}
    for session in sessions:
        marks |= {session.start, session.until, session.start + _DAY}
    return np.array(sorted(marks))


def _alone(session: Session) -> list[Dose]:
    """The first session as if no other came before or followed."""
    return [replace(dose, steady_state_interval=None) for dose in session.doses]


def _as_iv(session: Session) -> list[Dose]:
    """The same doses, given into the vein."""
    return [
        replace(d, route="iv", duration=0.0, device=0, steady_state_interval=None)
        for d in session.doses
    ]
