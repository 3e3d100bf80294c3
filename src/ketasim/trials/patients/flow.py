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

    - `counts`: arm to sums over the patients of each replicate, some replicates after the others.
    """

    counts: dict[str, dict[str, list[Array]]] = field(
        default_factory=dict[str, dict[str, list[Array]]]
    )

    def add(self, arm: str, rated: Ratings, last: float) -> None:
        """Count patients.

        **Arguments:**

        - `arm`: id. `rated`: of it. `last`: its last visit, h.
        """
        own = self.counts.setdefault(arm, {})
        courses = {name: np.asarray(one, np.float64) for name, one in rated.courses.items()}
        there = ~np.isnan(rated.before)
        left = there & (courses["leaves"] <= last)
        found: dict[str, Array] = {"begun": _sum(there, 1.0)}
        for code, name in enumerate(LEFT):
            found[name] = _sum(left & (courses["cause"] == code), 1.0)
        found["completed"] = _sum(there & ~left, 1.0)
        sessions = courses["sessions"]
        found["sessions"] = _sum(there, sessions)
        found["squares"] = _sum(there, sessions**2)
        found["missed"] = _sum(there, courses["missed"])
        found["rescued"] = _sum(there & (courses["rescued"] <= last), 1.0)
        ruled = there & ~np.isnan(courses["dense"])
        changes = courses["changes"]
        found["ruled"] = _sum(ruled, 1.0)
        found["shorter_interval"] = _sum(ruled, courses["dense"])
        found["never_changed"] = _sum(ruled & (changes == 0), 1.0)
        found["changed_once"] = _sum(ruled & (changes == 1), 1.0)
        found["changed_more"] = _sum(ruled & (changes > 1), 1.0)
        for name, values in found.items():
            own.setdefault(name, []).append(values)

    def table(self) -> pl.DataFrame:
        """A row an arm, with `COLUMNS`."""
        rows = [{"arm": arm, **_row(own)} for arm, own in self.counts.items()]
        return pl.DataFrame(rows, schema={"arm": pl.String, **dict.fromkeys(COLUMNS, pl.Float64)})


def joined_flow(parts: list[Flow]) -> Flow:
    """Replicates one part after the other."""
    made = Flow()
    for part in parts:
        for arm, own in part.counts.items():
            for name, values in own.items():
                made.counts.setdefault(arm, {}).setdefault(name, []).extend(values)
    return made


def _sum(which: NDArray[np.bool_], values: Array | float) -> Array:
    """Sum over some of the patients of each replicate, shape (R,)."""
    return np.where(which, values, 0.0).sum(axis=1)


def _row(counts: dict[str, list[Array]]) -> dict[str, Any]:
    # of all replicates at once: however they came, the sum is the same to the last bit
    each = {name: np.concatenate(values) for name, values in counts.items()}
    own = {name: float(values.sum()) for name, values in each.items()}
    replicates, begun, ruled = float(len(each["begun"])), own["begun"], own["ruled"]
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
