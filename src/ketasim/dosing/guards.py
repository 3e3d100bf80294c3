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
from ketasim.evidence import facts, number, source_name

HOUR: Final = 1.0
"""Compared with the published doses is everything given by one route within so many hours."""

DAY: Final = 24.0
"""Compared with the psychiatric range a second time, for a warning only, h."""

_SAME_TIME = 1e-6  # h; doses as far apart as a window is long are not both in one


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
        """The range as text, such as `0.1 to 1 mg/kg (Fava et al., 2018)`."""
        if self.low is None:
            ends = f"{self.high:g}"
        elif self.low == self.high:
            ends = f"{self.low:g}"
        else:
            ends = f"{self.low:g} to {self.high:g}"
        return f"{ends} {self.unit} ({source_name(self.source)})"


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


def late_start(regimen: Regimen) -> tuple[str, ...]:
    """A sentence where the first dose is on a later day than day 0, as in days counted from 1."""
    first = regimen.doses[0].time
    if first < DAY - _SAME_TIME:
        return ()
    text = (
        f"The first dose is on day {first / DAY:.4g} ({first:g} h): times and the horizon count "
        "from 0 h, the start of day 0; if day 1 is the day of the first dose, count days from 0."
    )
    return (text,)


def check_doses(regimen: Regimen, weight: float | NDArray[np.float64]) -> list[str]:
    """Compare what a regimen gives with the published psychiatric and anaesthetic ranges.

    The published ranges are of single doses. Compared with them is the mass of base given of one
    drug by one route within any one hour, so that the devices of a nasal session, the steps of an
    infusion and doses repeated inside the hour count together, and of a long infusion the part
    inside the hour. Above the psychiatric range there is a warning that names the range. Above the
    anaesthetic range the regimen is refused; where no anaesthetic range is published, above a limit
    that is graded assumed, which is never below the psychiatric range. A total within 24 hours
    above the psychiatric range, as of a long infusion, is a warning only.

    **Arguments:**

    - `regimen`: what is given.
    - `weight`: kg, a number or one for each patient.

    **Returns:** warnings, as sentences.

    **Raises:** `InputError` for a dose above the anaesthetic range or the assumed limit.

    **Source:** the table `dose_ranges`.
    """
    kilograms = np.atleast_1d(np.asarray(weight, dtype=np.float64))
    # the lightest gets most of a dose in mg per kg, the heaviest most of a dose in mg/kg
    extremes = sorted({float(kilograms.min()), float(kilograms.max())})
    warnings: list[str] = []
    ordered = sorted(regimen.doses, key=lambda d: (d.drug, d.route))
    for (drug, route), group in groupby(ordered, key=lambda d: (d.drug, d.route)):
        doses = tuple(group)
        for one in extremes:
            _refuse(drug, route, doses, one)
        warnings += _warnings(drug, route, doses, np.array(extremes))
    return warnings


def _refuse(drug: str, route: str, doses: Sequence[Dose], weight: float) -> None:
    highest, most, what = _limit(drug, route, weight)
    given = largest(doses, highest.unit, np.array([weight]))
    if _above(given, most):
        raise InputError(
            "regimen",
            f"{given:.4g} {highest.unit} of {drug} {route} within one hour is above {what}",
            f"the simulator takes at most {most:.4g} {highest.unit} of base within an hour",
        )


def _limit(drug: str, route: str, weight: float) -> tuple[DoseRange, float, str]:
    """What doses are refused above: a range, its upper end for a weight, and it in words."""
    for highest in ranges_for(drug, route, "anaesthetic")[-1:]:
        return highest, highest.high, f"the anaesthetic range, {highest.words()}"
    highest = ranges_for(drug, route, "limit")[-1]
    most, what = highest.high, f"the assumed limit, {highest.words()}"
    for studied in ranges_for(drug, route, "psychiatric"):
        upper = _converted(studied.high, studied.unit, highest.unit, weight)
        # an assumption does not overrule a dose that was measured
        if upper > most:
            most, what = upper, f"{what}, and the psychiatric range, {studied.words()}"
    return highest, most, f"{what}; no anaesthetic range is published"


def _warnings(
    drug: str, route: str, doses: Sequence[Dose], weights: NDArray[np.float64]
) -> list[str]:
    name = f"{drug} {route}"
    upper = _upper(drug, route, float(weights.min()))
    published = ranges_for(drug, route, "psychiatric")
    if not published:
        return [f"No psychiatric dose of {name} is in the evidence; {upper}."]
    highest = published[-1]
    hour = largest(doses, highest.unit, weights)
    day = largest(doses, highest.unit, weights, DAY)
    warnings: list[str] = []
    if _above(hour, highest.high):
        warnings.append(
            f"{hour:.4g} {highest.unit} of {name} within one hour is above the published "
            f"psychiatric range, {highest.words()}; {upper}."
        )
    if _above(day, highest.high) and _above(day, hour):
        warnings.append(
            f"{day:.4g} {highest.unit} of {name} in total within 24 h is above the published "
            f"psychiatric range of single doses, {highest.words()}."
        )
    return warnings


def _upper(drug: str, route: str, weight: float) -> str:
    """Say what a dose is refused by."""
    highest, most, _ = _limit(drug, route, weight)
    if highest.context == "anaesthetic":
        return f"the anaesthetic range is {highest.words()}"
    return (
        "no anaesthetic range is published for this route; doses are refused above "
        f"{most:.4g} {highest.unit}, an assumption ({highest.note})"
    )


def _above(amount: float, limit: float) -> bool:
    return amount > limit * (1 + 1e-9)


def largest(
    doses: Sequence[Dose], unit: str, weights: NDArray[np.float64], window: float = HOUR
) -> float:
    """Largest amount of base given within any hour, or another window, to any patient.

    **Arguments:**

    - `doses`: of one drug by one route.
    - `unit`: `mg` or `mg/kg`, of the result.
    - `weights`: kg, shape (n,).
    - `window`: h.

    **Returns:** in `unit`.
    """
    amount = np.array([_in_unit(dose, unit, weights, window) for dose in doses])
    start = np.array([dose.time for dose in doses])
    duration = np.array([dose.duration for dose in doses])
    # the largest window begins with a dose, or ends with the end of one, at-once doses included
    begins = np.concatenate([start, start + duration - window + 2 * _SAME_TIME])
    ends = begins + window
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


def _in_unit(dose: Dose, unit: str, weights: NDArray[np.float64], window: float) -> float:
    """Base of a dose in a unit, for the patient who gets most of it."""
    base = dose.amount * base_fraction(dose.salt)
    base = max(_converted(base, dose.unit, unit, float(w)) for w in (weights.min(), weights.max()))
    interval = dose.steady_state_interval
    return base * max(1.0, np.ceil(window / interval - 1e-9)) if interval else base


def _converted(amount: float, unit: str, to: str, weight: float) -> float:
    """An amount in another unit, for a patient of a weight in kg."""
    if unit == to:
        return amount
    return amount * weight if to == "mg" else amount / weight
