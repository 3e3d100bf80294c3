"""Doses of an event table as the starts of profiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError
from ketasim.dosing import DoseRecords, Sheet
from ketasim.dosing.dose import DEVICE_GAP
from ketasim.noncompartmental.profile import Given, RouteKind
from ketasim.vocabulary import route_of

Array = NDArray[np.float64]
Integers = NDArray[np.int64]

TOGETHER: Final = 2 * DEVICE_GAP
"""Hours within which doses without a sample between them are one, such as the devices of a nasal
session: twice their distance, since tables are rounded."""

_SAME: Final = 1e-9  # h, of intervals that are equally long


@dataclass(frozen=True)
class Dosed:
    """One dose, those of ADDL each by themselves.

    **Arguments:**

    - `time`: h. `row`: place of its row. `amount`, `duration` (h): of the dose.
    - `route`: how it got in. `interval`: II, h. `steady`: whether SS says it is at steady state.
    """

    time: float
    row: int
    amount: float
    duration: float
    route: RouteKind
    interval: float
    steady: bool


def doses_of(sheet: Sheet, time: Array, doses: DoseRecords, route: str | None) -> list[Dosed]:
    """Every dose of a table, in the order of its rows.

    **Arguments:**

    - `time`: h of each row. `route`: of all of them, `iv` or `extravascular`; nothing where ROUTE
      or CMT say it, or RATE and DUR.

    **Raises:** `InputError` for a dose whose duration or amount is not in the table.
    """
    words: list[str] = sheet.texts("ROUTE") if "ROUTE" in sheet.columns else []
    found: list[Dosed] = []
    for place, row in enumerate(doses.record):
        rate, amount = float(doses.rate[place]), float(doses.amount[place])
        if rate < 0:
            raise InputError(
                sheet.field("RATE", row),
                f"{rate:g}: the model says how long it lasts, and there is none here",
                "give the rate, or the hours in DUR",
            )
        if amount == 0:
            raise InputError(
                sheet.field("AMT", row),
                "0: a constant input has no amount to divide by",
                "give the amount that was infused, with RATE",
            )
        duration = amount / rate if rate > 0 else float(doses.duration[place])
        word = (words[int(row)] if words else "") or doses.compartment[place]
        kind = _kind(route or word, duration)
        steady, interval = bool(doses.steady[place]), float(doses.interval[place])
        for more in range(int(doses.further[place]) + 1):
            start = float(time[row]) + more * interval
            found.append(Dosed(start, int(row), amount, duration, kind, interval, steady))
    return found


def _kind(word: str, duration: float) -> RouteKind:
    """How a dose gets in: by the route where it is named, else an infusion goes into the vein."""
    if word == "extravascular":
        return "extravascular"
    known = route_of(word) if word else None
    into_vein = duration > 0 if known is None else known.route == "iv"
    if not into_vein:
        return "extravascular"
    return "infusion" if duration > 0 else "bolus"


def occasions(doses: list[Dosed], samples: Array, steady_state: bool) -> list[Given]:
    """Doses of one subject, those close to each other as one.

    **Arguments:**

    - `doses`: ascending in time. `samples`: h of its samples.
    - `steady_state`: whether doses that follow others at equal intervals are at steady state.
    """
    groups: list[list[Dosed]] = []
    for dose in doses:
        last = groups[-1][-1] if groups else None
        if last is not None and dose.time - last.time <= TOGETHER:
            between = (samples > last.time) & (samples <= dose.time)
            if not between.any() or dose.time == last.time:
                groups[-1].append(dose)
                continue
        groups.append([dose])
    starts = [group[0].time for group in groups]
    return [
        given_of(group, place, starts, steady_state=steady_state)
        for place, group in enumerate(groups)
    ]


def given_of(
    group: Sequence[Dosed], place: int, starts: Sequence[float], *, steady_state: bool = False
) -> Given:
    """Doses that are one, as the start of a profile.

    **Arguments:**

    - `group`: the doses, ascending in time. `place`: of theirs among `starts`, h of every group.
    - `steady_state`: as of `occasions`.
    """
    start = starts[place]
    before = start - starts[place - 1] if place else np.nan
    after = starts[place + 1] - start if place + 1 < len(starts) else np.nan
    told = group[0].interval
    tau = told if told > 0 else (after if np.isfinite(after) else before)
    total = sum(one.amount for one in group)
    waits = sum(one.amount * (one.time - start + one.duration / 2) for one in group)
    kinds = {one.route for one in group}
    kind: RouteKind = "extravascular"
    if "extravascular" not in kinds:
        kind = "bolus" if kinds == {"bolus"} and len(group) == 1 else "infusion"
    even = place > 0 and (not np.isfinite(after) or abs(after - before) <= _SAME)
    steady = group[0].steady or (steady_state and even)
    return Given(
        start,
        place + 1,
        total,
        kind,
        max(one.time - start + one.duration for one in group) if kind != "extravascular" else 0.0,
        waits / total if kind != "extravascular" else 0.0,
        float(tau),
        place == 0,
        steady,
    )
