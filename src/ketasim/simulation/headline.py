"""The numbers a simulation opens with: exposure, block, session peaks, mood."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim._base import HeadlineRow, words
from ketasim._base.headline import plain, share
from ketasim._base.numbers import span
from ketasim.dosing import Course
from ketasim.population import Cohort
from ketasim.simulation.calendar import Session
from ketasim.simulation.concentrations import Key
from ketasim.simulation.mood.course import Mood

Array = NDArray[np.float64]

BLOCK: Final[Key] = ("nmda_block", "effect")
"""The block of NMDA receptors, as `Simulation.values` holds it."""

_DAY: Final = 24.0
_NEAR: Final = 0.5  # h; a score moves little in between
_PEAKS: Final = (
    ("CADSS", "Dissociation, CADSS, peak", "points"),
    ("sedation", "Sedation, MOAA/S 4 or less", "% of patients"),
    ("SBP", "Systolic pressure, peak increase by the drug", "mmHg"),
)


def title_of(course: Course, cohort: Cohort, sessions: tuple[Session, ...]) -> str:
    """What was simulated, of whom, for how long."""
    who = "typical patient" if cohort.typical else f"{cohort.n:,} virtual patients"
    many = words.counted(len(sessions), "session")
    seed = "" if cohort.typical else f", seed {cohort.seed}"
    days = f"{course.horizon / _DAY:.3g}"
    about = f"{who}{seed}, {many}, followed for {days} day{'' if days == '1' else 's'}"
    return f"Simulation of {course.title or 'a course'}: {about}"


def note_of(*, typical: bool, effects: bool, mood: bool, healthy: bool = False) -> str:
    """What the values and ranges of a simulation's headline are.

    **Arguments:**

    - `typical`: of the typical patient. `healthy`: of a healthy volunteer.
    - `effects`, `mood`: whether the effects of sessions and mood were computed.
    """
    if typical:
        said = "Typical patient: no between-patient variability."
        if effects:
            said = "Session effects: means, shares and ranges over patients like this one; "
            said += "the rest: typical patient."
    else:
        means = (
            "" if not (effects or mood) else "; else mean" if mood else "; session effects: mean"
        )
        said = f"Concentrations and block: median{means}. Ranges: 90 % of patients"
        said += "; of response, uncertainty." if mood else "."
    if mood:
        return said
    return f"{said} Mood was not simulated{' (healthy volunteer)' if healthy else ''}."


def effects_note(patients: int, typical: bool) -> str:
    """Why the tables of a session and the time course differ a little, in one sentence.

    **Arguments:**

    - `patients`: behind the tables. `typical`: the time course is of the typical patient.
    """
    single = "the typical patient" if typical else "the patients drawn"
    return (
        f"Session effects here average {patients} virtual patients, by the minute, over all "
        "sensitivities to the drug; patients affected count over the whole session. summary.csv "
        f"and ketasim.plot show {single}, at each output time."
    )


def exposure_rows(exposure: pl.DataFrame, main: Key | None) -> Iterator[HeadlineRow]:
    """Cmax and AUC of the main quantity, and the peak block.

    **Arguments:**

    - `exposure`: as `Simulation.exposure` returns it. `main`: quantity and site.
    """
    wanted = [(BLOCK, "cmax")]
    if main is not None:
        wanted = [(main, "cmax"), (main, "auc24"), *wanted]
    for (quantity, site), metric in wanted:
        found = exposure.filter(
            (pl.col("quantity") == quantity)
            & (pl.col("site") == site)
            & (pl.col("session") == "first")
            & (pl.col("metric") == metric)
        ).to_dicts()
        if not found:
            continue
        row = found[0]
        middle = row["mean"] if row.get("p50") is None else row["p50"]
        if quantity == BLOCK[0]:
            name, write, unit = "NMDA receptor block, peak, session 1", share, "%"
        else:
            drug, write, unit = words.quantity(quantity), plain, words.unit(row["unit"])
            what = "Cmax, session 1" if metric == "cmax" else "AUC, 0 to 24 h"
            name = f"{what}, {drug}, {words.site(site)}"
        yield HeadlineRow(name, write(middle), _range(row, write), unit)


def session_rows(effects: pl.DataFrame) -> Iterator[HeadlineRow]:
    """Peaks of a session: dissociation, sedation, blood pressure.

    **Arguments:**

    - `effects`: as `SessionProfile.table` has them, of one session.
    """
    table = {row["effect"]: row for row in effects.to_dicts()}
    number = effects["session"][0]
    for effect, what, unit in _PEAKS:
        row, name = table[effect], f"{what}, session {number}"
        if row["in_session"] is not None:
            yield HeadlineRow(name, share(row["in_session"]), unit=unit)
            continue
        low, high = row["peak_p05"], row["peak_p95"]
        yield HeadlineRow(name, plain(row["peak"]), span(plain(low), plain(high)), unit)


def mood_rows(mood: Mood, times: Array | None = None) -> Iterator[HeadlineRow]:
    """MADRS and response before treatment, a day after the last session, and at the end.

    **Arguments:**

    - `times`: h, of the curves, shape (T,); left out, the scores have no range.
    """
    table = mood.table.to_dicts()
    end = table[-1]
    after = min(table, key=lambda row: abs(row["time_h"] - mood.well_from))
    shown = {0.0: "before treatment"}
    if after["time_h"] < end["time_h"]:
        shown[after["time_h"]] = "a day after the last session"
    shown[end["time_h"]] = "end"
    rows = {row["time_h"]: row for row in table}
    told = list(shown)[min(1, len(shown) - 1)]
    for time, when in shown.items():
        row = rows[time]
        name = f"day {row['day']:.4g}, {when}"
        brief = time == told
        # before treatment all have the score of the file
        spread = "" if time == 0.0 else _patients(time, times, mood.rated)
        yield HeadlineRow(f"MADRS, {name}", plain(row["MADRS"]), spread, "points", brief)
        if row.get("response") is not None and time > 0.0:
            ends = span(share(row.get("response_p05")), share(row.get("response_p95")))
            unit = "% of patients"
            yield HeadlineRow(f"Response, {name}", share(row["response"]), ends, unit, brief)


def _patients(time: float, times: Array | None, rated: pl.DataFrame | None) -> str:
    """Range of the patients' rated scores at a time, where the curves have one near it."""
    if times is None or rated is None:
        return ""
    place = int(np.abs(times - time).argmin())
    if abs(times[place] - time) > _NEAR:
        return ""
    low, high = (float(rated[name][place]) for name in ("p05", "p95"))
    return span(plain(low), plain(high))


def _range(row: Mapping[str, Any], write: Any) -> str:
    low, high = row.get("p05"), row.get("p95")
    ends = "" if low is None or high is None else span(write(low), write(high))
    # all patients have the same: no range
    return "" if low is not None and low == high else ends
