"""The flow of patients through a trial: who begins, who leaves and why, and what they had."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim.trials.patients.leaving import CAUSES
from ketasim.trials.ratings import Ratings

Array = NDArray[np.float64]

LEFT: Final = tuple(f"left_{name}" for name in CAUSES)
"""Columns of patients who left, by cause."""

COLUMNS: Final = (
    *("begun", *LEFT, "completed", "sessions", "sessions_sd", "missed", "rescued"),
    *("shorter_interval", "never_changed", "changed_once", "changed_more"),
)
"""Columns of the flow beside `arm`: patients who begin, leave and complete, means over replicates;
sessions attended, their SD between patients, and sessions missed; patients with rescue; of a dosing
rule the mean part of decisions for the shorter interval, and the parts of patients whose interval
never changed, changed once, and more often."""


@dataclass
class Flow:
    """Counts of the replicates as they come.

    **Arguments:**

    - `sums`: arm to sums over replicates.
    """

    sums: dict[str, dict[str, float]] = field(default_factory=dict[str, dict[str, float]])

    def add(self, arm: str, rated: Ratings, last: float) -> None:
        """Count patients.

        **Arguments:**

        - `arm`: id. `rated`: of it. `last`: its last visit, h.
        """
        own = self.sums.setdefault(arm, {})
        courses = {name: np.asarray(one, np.float64) for name, one in rated.courses.items()}
        there = ~np.isnan(rated.before)
        left = there & (courses["leaves"] <= last)
        found: dict[str, float] = {"replicates": float(len(there)), "begun": float(there.sum())}
        for code, name in enumerate(LEFT):
            found[name] = float((left & (courses["cause"] == code)).sum())
        found["completed"] = float((there & ~left).sum())
        sessions = courses["sessions"][there]
        found["sessions"] = float(sessions.sum())
        found["squares"] = float((sessions**2).sum())
        found["missed"] = float(courses["missed"][there].sum())
        found["rescued"] = float((courses["rescued"][there] <= last).sum())
        ruled = there & ~np.isnan(courses["dense"])
        changes = courses["changes"][ruled]
        found["ruled"] = float(ruled.sum())
        found["shorter_interval"] = float(courses["dense"][ruled].sum())
        found["never_changed"] = float((changes == 0).sum())
        found["changed_once"] = float((changes == 1).sum())
        found["changed_more"] = float((changes > 1).sum())
        for name, value in found.items():
            own[name] = own.get(name, 0.0) + value

    def table(self) -> pl.DataFrame:
        """A row an arm, with `COLUMNS`."""
        rows = [{"arm": arm, **_row(own)} for arm, own in self.sums.items()]
        return pl.DataFrame(rows, schema={"arm": pl.String, **dict.fromkeys(COLUMNS, pl.Float64)})


def _row(own: dict[str, float]) -> dict[str, Any]:
    replicates, begun, ruled = own["replicates"], own["begun"], own["ruled"]
    made: dict[str, Any] = {
        name: own[name] / replicates for name in ("begun", *LEFT, "completed", "rescued")
    }
    if begun:
        mean = own["sessions"] / begun
        made["sessions"] = mean
        made["sessions_sd"] = max(own["squares"] / begun - mean**2, 0.0) ** 0.5
        made["missed"] = own["missed"] / begun
    if ruled:
        for name in COLUMNS[-4:]:
            made[name] = own[name] / ruled
    return {name: made.get(name) for name in COLUMNS}
