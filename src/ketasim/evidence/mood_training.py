"""The training table of the chain to mood: what each trial published, and how it enters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType

from ketasim.evidence.study_files import study_arms
from ketasim.evidence.tables import load_table

FITTED = "fit"
COMPARED = "compare"

OF_ENTERED = (
    "change_from_phase",
    "sd_change_from_phase",
    "change_entered",
    "sd_change_entered",
)
"""Metrics of those who entered a phase by a response at its start: change from that start, or from
the first dose, and their standard deviations."""
MEANS = ("change", "contrast", "change_from_phase", "change_entered")
"""Metrics in points of the MADRS."""
FOLLOWED = ("relapse", "no_relapse", "sustained_response")
"""Metrics that are fractions of those who responded at a time, followed from there."""
SHARES = ("response", "remission", "response30", *FOLLOWED)
"""Metrics that are fractions of patients."""
SPREADS = ("sd_change", "sd_score", "sd_change_from_phase", "sd_change_entered")
"""Metrics that are standard deviations between patients, points."""
DAYS = ("days_to_relapse_mean", "days_to_relapse_median")
"""Metrics that are times to relapse, days."""
STANDARDISED = ("cohen_d",)
"""Metrics that are differences over a standard deviation; positive favours the drug."""
METRICS = (*MEANS, *SHARES, *SPREADS, *DAYS, *STANDARDISED)
"""Metrics that the model predicts."""

SAME_PEOPLE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "TRANSFORM1": ("POOL_TRANSFORM12",),
        "TRANSFORM2": ("POOL_TRANSFORM12",),
        "zheng2019": ("zheng2018",),
        "SUSTAIN2": ("SUSTAIN2_SR440", "SUSTAIN2_AGE", "ICEBERG"),
        "EOTC": ("ICEBERG",),
        "murrough2013": ("wilkinson2019",),
    }
)
"""Trials to others that hold the same people (mood/trials): they are left out together."""


def same_people(trial: str) -> tuple[str, ...]:
    """Other trials that hold people of a trial, or of which it is a part."""
    parts = SAME_PEOPLE.get(trial, ())
    wholes = tuple(one for one, others in SAME_PEOPLE.items() if trial in others)
    return tuple(dict.fromkeys((*parts, *wholes)))


@dataclass(frozen=True)
class MoodRow:
    """One published number of a trial.

    **Arguments:**

    - `key`: of the row. `trial`, `arm`: of the study file; a contrast names the drug's arm and has
      `control`.
    - `scale`, `metric`: what was measured; see `METRICS`.
    - `time`: h from the first dose; nothing for a time to relapse.
    - `value`: points, fraction, SD or days. `se`: its standard error, nothing for a share of `n`.
    - `n`, `n_control`: patients behind it, nothing where the source does not say it.
    - `threshold`: of a response (fraction) or remission (points).
    - `start`: h, from when a relapse is counted, or the start of the phase that people entered.
    - `statistic`: observed, LS, LOCF … as the source has it.
    - `used`: `fit` or `compare`. `rule`, `why`: data rules applied, `;` between them.
    - `source`, `grade`: where from.
    """

    key: str
    trial: str
    arm: str
    control: str | None
    scale: str
    metric: str
    time: float | None
    value: float
    se: float | None
    n: float | None
    n_control: float | None
    threshold: float | None
    start: float | None
    statistic: str
    used: str
    rule: str
    why: str
    source: str
    grade: str

    @property
    def fitted(self) -> bool:
        """Whether the row enters the fit."""
        return self.used == FITTED


@cache
def load_mood_rows() -> tuple[MoodRow, ...]:
    """Every row of the training table that the model predicts, fitted or compared."""
    return _load_rows(second=False)


@cache
def load_second_rows() -> tuple[MoodRow, ...]:
    """Rows of second periods: of people randomised again, whom the calibration leaves out.

    Their changes and responses count from the start of the period.
    """
    rows = _load_rows(second=True)
    known = {"change": "change_from_phase", "response": "response_from_phase"}
    return tuple(replace(row, metric=known.get(row.metric, row.metric)) for row in rows)


def _load_rows(*, second: bool) -> tuple[MoodRow, ...]:
    trials = study_arms()
    table = load_table("mood/training")
    found: list[MoodRow] = []
    for cells in table.rows(named=True):
        if cells["used"] not in (FITTED, COMPARED) or cells["metric"] not in METRICS:
            continue
        ids = trials.get(cells["trial"])
        if ids is None:
            continue
        arm, control = _arms(cells["arm"], ids)
        if arm is None or second != ("period2" in (cells["rule"] or "").split(";")):
            continue
        row = MoodRow(
            key=cells["row_id"],
            trial=cells["trial"],
            arm=arm,
            control=control,
            scale=cells["scale"],
            metric=cells["metric"],
            time=_number(cells["time_h"]),
            value=float(cells["value"]),
            se=_number(cells["se"]),
            n=_number(cells["n"]),
            n_control=_number(cells["n_control"]),
            threshold=_number(cells["threshold"]),
            start=_number(cells["from_h"]),
            statistic=cells["statistic"] or "",
            used=cells["used"],
            rule=cells["rule"] or "",
            why=cells["why"] or "",
            source=cells["source"],
            grade=cells["grade"],
        )
        if row.time is not None or row.metric in DAYS:
            found.append(row)
    return tuple(found)


def _arms(text: str, ids: Sequence[str]) -> tuple[str | None, str | None]:
    """Arm, or the two arms of a contrast."""
    if text in ids:
        return text, None
    for first in ids:
        if text.startswith(f"{first}-") and text[len(first) + 1 :] in ids:
            return first, text[len(first) + 1 :]
    return None, None


def _number(text: str | None) -> float | None:
    return None if text in (None, "") else float(text)
