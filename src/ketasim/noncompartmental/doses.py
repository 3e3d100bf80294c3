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
from ketasim.dosing.events.rows import is_numeric
from ketasim.noncompartmental.profile import Given, RouteKind
from ketasim.vocabulary import read_route

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


def doses_of(
    sheet: Sheet, time: Array, doses: DoseRecords, route: str | None, until: Array
) -> list[Dosed]:
    """Every dose of a table, in the order of its rows.

    **Arguments:**

    - `time`: h of each row. `route`: of all of them, `iv` or `extravascular`; nothing where ROUTE
      or CMT say it, or RATE and DUR.
    - `until`: h of the last row that each row's doses reach, shape (R,); of ADDL, one dose after it
      is kept, which ends an interval.

    **Raises:** `InputError` for a dose whose duration, amount or route cannot be told.
    """
    words: list[str] = sheet.texts("ROUTE") if "ROUTE" in sheet.columns else []
    count = following(time, doses, until)
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
        if route is None:
            word, column = words[int(row)] if words else "", "ROUTE"
            if not word and not is_numeric(doses.compartment[place]):
                word, column = doses.compartment[place], "CMT"
            kind = _kind(word, duration, sheet.field(column, int(row)))
        else:
            kind = _into(route == "iv", duration)
        steady, interval = bool(doses.steady[place]), float(doses.interval[place])
        for more in range(int(count[place])):
            start = float(time[row]) + more * interval
            found.append(Dosed(start, int(row), amount, duration, kind, interval, steady))
    return found


def following(time: Array, doses: DoseRecords, until: Array) -> Integers:
    """How many doses each row gives that matter: up to the last row, and one more, shape (D,)."""
    room = until[doses.record] - time[doses.record]
    with np.errstate(divide="ignore", invalid="ignore"):
        last = np.where(doses.interval > 0, np.floor(room / doses.interval) + 1, 0)
    return (1 + np.minimum(doses.further, last)).astype(np.int64)


def _kind(word: str, duration: float, field: str) -> RouteKind:
    """How a dose gets in: by the route where it is named, else an infusion goes into the vein."""
    if word.lower() == "extravascular":
        return "extravascular"
    if not word:
        return _into(duration > 0, duration)
    try:
        known = read_route(word)
    except InputError as error:
        raise InputError(
            field,
            error.problem,
            f"{error.remedy}; or say it of every dose: --route iv or --route extravascular",
        ) from None
    if known.timed is True and duration == 0:
        raise InputError(field, f"'{known.text}' without a duration", "say it in RATE or DUR")
    if known.timed is False and duration > 0:
        raise InputError(field, f"'{known.text}' that lasts {duration:.4g} h", "make them agree")
    return _into(known.route == "iv", duration)


def _into(vein: bool, duration: float) -> RouteKind:
    if not vein:
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
