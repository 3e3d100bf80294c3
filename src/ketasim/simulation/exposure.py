"""Exposure metrics of a simulated course: peaks, areas, half-life, bioavailability."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim.dosing import Dose
from ketasim.engine import Concentrations, peak, terminal_half_life
from ketasim.models import LinearModel
from ketasim.population import Cohort
from ketasim.simulation.calendar import Session
from ketasim.simulation.concentrations import Key, solve_cohort
from ketasim.simulation.statistics import statistics

Array = NDArray[np.float64]

_FOREVER = 10_000.0  # h after the last input; every area is complete by then
_LONG = 96.0  # h; the same where rates change with time, which is solved in short steps
HALF_LIFE_AT = (24.0, 36.0, 48.0)  # h after the last input of the session
_DAY = 24.0
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


def exposure_table(
    model: LinearModel,
    cohort: Cohort,
    sessions: Sequence[Session],
    times: Array,
    values: Mapping[Key, Array],
    units: Mapping[Key, str],
    horizon: float,
) -> pl.DataFrame:
    """Exposure metrics per quantity, site and session.

    **Arguments:**

    - `model`, `cohort`, `sessions`, `horizon`: what was simulated.
    - `times`: h, shape (T,). `values`: (quantity, site) to arrays of shape (T, n).
    - `units`: (quantity, site) to unit.

    **Returns:** columns quantity, site, session (`first`, `last`, `course`), start_h, end_h,
    metric, unit, and the statistics; times to peak count from the session's start.
    """
    rows: list[tuple[Key, str, float, float, str, Array]] = []
    if not sessions:
        return _frame(rows, units, cohort)
    chosen = {"first": sessions[0]}
    if len(sessions) > 1:
        chosen["last"] = sessions[-1]
    doses = [dose for session in sessions for dose in session.doses]
    areas = _areas(model, cohort, doses, chosen.values(), horizon)
    single = _single(model, cohort, sessions[0])
    iv = _as_iv(model, cohort, sessions[0]) if "iv" in model.routes else None
    for key, table in values.items():
        for name, session in chosen.items():
            within = (times >= session.start) & (times <= session.until)
            span = (session.start, session.until)
            if within.any():
                cmax, tmax = peak(times[within], table[within], breaks=session.turns)
                rows.append((key, name, *span, "cmax", cmax))
                rows.append((key, name, *span, "tmax", tmax - session.start))
            if key in areas.areas:
                rows.append((key, name, *span, "auc", _between(areas, key, *span)))
                day = (session.start, session.start + _DAY)
                rows.append((key, name, *day, "auc24", _between(areas, key, *day)))
            if name == "first" and key in single.areas:
                total = single.areas[key][-1]
                rows.append((key, name, session.start, np.inf, "auc_inf", total))
                rows.append((key, name, *span, "half_life", _half_life(single, key)))
                if iv is not None and key[0] in _PARENT:
                    rows.append((key, name, session.start, np.inf, "F", total / iv.areas[key][-1]))
        if key in areas.areas:
            rows.append((key, "course", 0.0, np.inf, "auc_inf", areas.areas[key][-1]))
    return _frame(rows, units, cohort)


def complete_after(model: LinearModel) -> float:
    """Hours after the last input by which areas are complete."""
    return _LONG if model.time_varying else _FOREVER


def _areas(
    model: LinearModel,
    cohort: Cohort,
    doses: Sequence[Dose],
    sessions: Iterable[Session],
    horizon: float,
) -> Concentrations:
    marks = {0.0, horizon, horizon + complete_after(model)}
    for session in sessions:
        marks |= {session.start, session.until, session.start + _DAY}
    return solve_cohort(model, cohort, doses, np.array(sorted(marks)), areas=True)


def _between(areas: Concentrations, key: Key, start: float, end: float) -> Array:
    first, last = np.searchsorted(areas.times, [start, end])
    return areas.areas[key][last] - areas.areas[key][first]


def _single(model: LinearModel, cohort: Cohort, session: Session) -> Concentrations:
    """The first session as if no other came before or followed."""
    doses = [replace(dose, steady_state_interval=None) for dose in session.doses]
    marks = [session.end + after for after in (*HALF_LIFE_AT, complete_after(model))]
    return solve_cohort(model, cohort, doses, np.array([0.0, *marks]), areas=True)


def _as_iv(model: LinearModel, cohort: Cohort, session: Session) -> Concentrations:
    """The same patients with the same doses, given into the vein."""
    doses = [
        replace(d, route="iv", duration=0.0, device=0, steady_state_interval=None)
        for d in session.doses
    ]
    end = session.end + complete_after(model)
    return solve_cohort(model, cohort, doses, np.array([0.0, end]), areas=True)


def _half_life(single: Concentrations, key: Key) -> Array:
    late = slice(1, 1 + len(HALF_LIFE_AT))
    points = len(HALF_LIFE_AT)
    return terminal_half_life(single.times[late], single.values[key][late], points=points)


def _frame(
    rows: Sequence[tuple[Key, str, float, float, str, Array]],
    units: Mapping[Key, str],
    cohort: Cohort,
) -> pl.DataFrame:
    frame = pl.DataFrame(
        {
            "quantity": [key[0] for key, *_ in rows],
            "site": [key[1] for key, *_ in rows],
            "session": [row[1] for row in rows],
            "start_h": [row[2] for row in rows],
            "end_h": [row[3] for row in rows],
            "metric": [row[4] for row in rows],
            "unit": [_UNITS[row[4]] or units[row[0]] for row in rows],
        },
        schema={
            "quantity": pl.String,
            "site": pl.String,
            "session": pl.String,
            "start_h": pl.Float64,
            "end_h": pl.Float64,
            "metric": pl.String,
            "unit": pl.String,
        },
    )
    table = np.array([row[5] for row in rows]) if rows else np.zeros((0, cohort.n))
    columns = statistics(table, cohort.typical)
    return frame.with_columns([pl.Series(name, column) for name, column in columns.items()])
