"""The nearest published trials in a report: what they published, what the model gives for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from ketasim._base.numbers import NOTHING, percent, span
from ketasim.dosing import scales
from ketasim.simulation.mood.beside import COMPARED

if TYPE_CHECKING:
    import polars as pl

    from ketasim.simulation import Mood
    from ketasim.simulation.mood.beside import NearValue

Own = Mapping[tuple[str, float, str], float]
"""Arm, time in h to a thousandth and metric to what the model gives."""

_DAY: Final = 24.0
_NAMES: Final = {"change": "MADRS, change"}
_USED: Final = {"fit": "fitted", "compare": "not fitted"}


@dataclass(frozen=True)
class NearGroup:
    """Values beside a course, or an arm, at one time.

    **Arguments:**

    - `title`: which time, of what. `own`: what the model gives for the course or arm itself then.
    - `near`: whether a trial is within the limit of the rule.
    - `rows`: cells of each value, by the names in the template.
    """

    title: str
    own: str
    near: bool
    rows: tuple[dict[str, Any], ...]


def near_groups(
    values: Sequence[NearValue], own: Own, labels: Mapping[str, str] | None = None
) -> list[NearGroup]:
    """Put near values into groups for a table.

    **Arguments:**

    - `values`: of a course or a trial. `own`: what the model gives for it, by arm (empty of a
      course), time and metric. `labels`: of the trial's arms.
    """
    found: list[NearGroup] = []
    for (arm, time), members in groupby(values, key=lambda one: (one.own, one.own_time_h)):
        rows = list(members)
        title = f"Day {time / _DAY:.3g}"
        if labels:
            title = f"{labels[arm]}, day {time / _DAY:.3g}"
        told = [
            f"{_NAMES.get(metric, metric)} {_write(metric, value)}"
            for metric in COMPARED
            if (value := own.get((arm, round(time, 3), metric))) is not None
        ]
        near = any(one.near for one in rows)
        found.append(NearGroup(title, ", ".join(told), near, tuple(map(_row, rows))))
    return found


def own_of_course(mood: Mood) -> Own:
    """What the model gives for a course, as `near_groups` takes it."""
    found: dict[tuple[str, float, str], float] = {}
    for row in mood.table.to_dicts():
        time = round(row["time_h"], 3)
        found["", time, "change"] = row["MADRS"] - mood.baseline
        shares = {"response": row.get("response"), "remission": row.get("remission_10")}
        found |= {("", time, name): share for name, share in shares.items() if share is not None}
    return found


def own_of_trial(summary: pl.DataFrame) -> Own:
    """What the model gives for the arms of a trial, by `TrialResult.summary`."""
    return {
        (row["arm"], round(row["time_h"], 3), row["metric"]): row["mean"]
        for row in summary.to_dicts()
        if row["metric"] in COMPARED and row["scale"] == "MADRS" and row["mean"] is not None
    }


def _row(one: NearValue) -> dict[str, Any]:
    days = one.time_h / _DAY
    return {
        "given": one.given,
        "title": one.title,
        "what": f"{one.scale}, {one.metric}" if one.scale in scales() else one.metric,
        "day": f"day {days:.3g}" if days >= 1.0 else f"{one.time_h:.2g} h",
        "published": _write(one.metric, one.published),
        "n": NOTHING if one.n is None else f"{one.n:g}",
        "predicted": _write(one.metric, one.predicted),
        "interval": span(_write(one.metric, one.p05), _write(one.metric, one.p95)),
        "inside": one.inside,
        "near": one.near,
        "differs": one.differs or "none of the features compared",
        "used": _USED.get(one.used, one.used),
        "source": one.source,
    }


def _write(metric: str, value: float) -> str:
    if metric != "change":
        return percent(value, 2)
    return f"{round(value, 1) + 0.0:.1f}".replace("-", "−")
