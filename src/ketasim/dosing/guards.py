"""Doses compared with what has been published: warnings, and a refusal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError
from ketasim.dosing.dose import Dose, base_fraction
from ketasim.dosing.regimen import Regimen
from ketasim.evidence import facts, number

WINDOW: Final = 24.0
"""What is compared is everything given by one route within so many hours."""

_SAME_TIME = 1e-6  # h; doses a day apart are not in one window


@dataclass(frozen=True)
class DoseRange:
    """A published range of doses of base, or a limit that was assumed where there is none.

    **Arguments:**

    - `drug`, `route`: as of `Dose`.
    - `context`: `psychiatric`, `anaesthetic`, or `limit` (assumed, for routes without an
      anaesthetic range).
    - `low`, `high`: ends, in `unit`; a limit has no low end.
    - `unit`: `mg` or `mg/kg`.
    - `source`, `locator`, `grade`, `note`: where it comes from.
    """

    drug: str
    route: str
    context: str
    low: float | None
    high: float
    unit: str
    source: str
    locator: str
    grade: str
    note: str

    def words(self) -> str:
        """The range as text, such as `0.1 to 1 mg/kg (fava2020)`."""
        if self.low is None:
            ends = f"{self.high:g}"
        elif self.low == self.high:
            ends = f"{self.low:g}"
        else:
            ends = f"{self.low:g} to {self.high:g}"
        return f"{ends} {self.unit} ({self.source})"


@cache
def dose_ranges() -> tuple[DoseRange, ...]:
    """The published ranges, and the assumed limits, from the table `dose_ranges`."""
    return tuple(_range(dict(row.cells)) for row in facts("dose_ranges"))


def _range(cells: dict[str, str]) -> DoseRange:
    high = number(cells["high"])
    assert high is not None
    text: dict[str, Any] = {k: v for k, v in cells.items() if k not in ("low", "high")}
    return DoseRange(low=number(cells["low"]), high=high, **text)


def ranges_for(drug: str, route: str, context: str) -> tuple[DoseRange, ...]:
    """The ranges of one drug, route and context, the highest upper end last."""
    found = (r for r in dose_ranges() if (r.drug, r.route, r.context) == (drug, route, context))
    return tuple(sorted(found, key=lambda r: r.high))


def check_doses(regimen: Regimen, weight: float | NDArray[np.float64]) -> list[str]:
    """Compare what a regimen gives with the published psychiatric and anaesthetic ranges.

    Compared is the mass of base given of one drug by one route within any 24 hours, so that the
    devices of a nasal session, the steps of an infusion and repeated doses of a day count together.
    Above the psychiatric range there is a warning that names the range. Above the anaesthetic range
    the regimen is refused; where no anaesthetic range is published, above a limit that is graded
    assumed.

    **Arguments:**

    - `regimen`: what is given.
    - `weight`: kg, a number or one for each patient.

    **Returns:** warnings, as sentences.

    **Raises:** `InputError` for a dose above the anaesthetic range or the assumed limit.

    **Source:** the table `dose_ranges`.
    """
    weights = np.atleast_1d(np.asarray(weight, dtype=np.float64))
    warnings: list[str] = []
    ordered = sorted(regimen.doses, key=lambda d: (d.drug, d.route))
    for (drug, route), group in groupby(ordered, key=lambda d: (d.drug, d.route)):
        warnings += _check(drug, route, tuple(group), weights)
    return warnings


def _check(drug: str, route: str, doses: Sequence[Dose], weights: NDArray[np.float64]) -> list[str]:
    name = f"{drug} {route}"
    anaesthetic = ranges_for(drug, route, "anaesthetic")
    for highest in (anaesthetic or ranges_for(drug, route, "limit"))[-1:]:
        most = largest(doses, highest.unit, weights)
        if _above(most, highest.high):
            what = (
                f"the anaesthetic range, {highest.words()}"
                if anaesthetic
                else f"the assumed limit, {highest.words()}; no anaesthetic range is published"
            )
            raise InputError(
                "regimen",
                f"{most:.4g} {highest.unit} of {name} within {WINDOW:g} h is above {what}",
                f"give at most {highest.high:g} {highest.unit} of base",
            )
    published = ranges_for(drug, route, "psychiatric")
    if not published:
        return [f"No psychiatric dose of {name} is in the evidence; {_upper(drug, route)}."]
    highest = published[-1]
    most = largest(doses, highest.unit, weights)
    if not _above(most, highest.high):
        return []
    warning = (
        f"{most:.4g} {highest.unit} of {name} within {WINDOW:g} h is above the published "
        f"psychiatric range, {highest.words()}; {_upper(drug, route)}."
    )
    return [warning]


def _upper(drug: str, route: str) -> str:
    """Say what a dose is refused by."""
    for highest in ranges_for(drug, route, "anaesthetic")[-1:]:
        return f"the anaesthetic range is {highest.words()}"
    highest = ranges_for(drug, route, "limit")[-1]
    return (
        "no anaesthetic range is published for this route; doses are refused above "
        f"{highest.high:g} {highest.unit}, an assumption ({highest.note})"
    )


def _above(amount: float, limit: float) -> bool:
    return amount > limit * (1 + 1e-9)


def largest(doses: Sequence[Dose], unit: str, weights: NDArray[np.float64]) -> float:
    """Largest amount of base given within any 24 hours to any patient.

    **Arguments:**

    - `doses`: of one drug by one route.
    - `unit`: `mg` or `mg/kg`, of the result.
    - `weights`: kg, shape (n,).

    **Returns:** in `unit`.
    """
    amount = np.array([_in_unit(dose, unit, weights) for dose in doses])
    start = np.array([dose.time for dose in doses])
    duration = np.array([dose.duration for dose in doses])
    # the largest window begins with a dose, or ends with the end of one, at-once doses included
    begins = np.concatenate([start, start + duration - WINDOW + 2 * _SAME_TIME])
    ends = begins + WINDOW
    at_once = duration == 0
    order = np.argsort(start[at_once])
    times = start[at_once][order]
    total = np.concatenate([[0.0], np.cumsum(amount[at_once][order])])
    given = (
        total[np.searchsorted(times, ends - _SAME_TIME)]
        - total[np.searchsorted(times, begins - _SAME_TIME)]
    )
    if not at_once.all():
        given = given + _infused(start, duration, amount, ends)
        given = given - _infused(start, duration, amount, begins)
    return float(given.max())


def _infused(
    start: NDArray[np.float64],
    duration: NDArray[np.float64],
    amount: NDArray[np.float64],
    times: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Amount that infusions have given by some times."""
    slow = duration > 0
    rate = amount[slow] / duration[slow]
    edges = np.concatenate([start[slow], start[slow] + duration[slow]])
    change = np.concatenate([rate, -rate])
    order = np.argsort(edges, kind="stable")
    edges, change = edges[order], change[order]
    given = np.concatenate([[0.0], np.cumsum(np.cumsum(change)[:-1] * np.diff(edges))])
    return np.interp(times, edges, given)


def _in_unit(dose: Dose, unit: str, weights: NDArray[np.float64]) -> float:
    """Base of a dose in a unit, for the patient who gets most of it."""
    base = dose.amount * base_fraction(dose.salt)
    if dose.unit != unit:
        base = base * float(weights.max()) if unit == "mg" else base / float(weights.min())
    interval = dose.steady_state_interval
    return base * max(1.0, np.ceil(WINDOW / interval - 1e-9)) if interval else base
