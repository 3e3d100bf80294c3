"""What the sessions of a course cost at published prices; nothing is converted or added up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ketasim.dosing import HEALTHY, Course
from ketasim.evidence import condition, cost_rows

if TYPE_CHECKING:
    import polars

_SAME_DOSE: Final = 0.5  # mg, that a dose may differ from a priced one
_PAIN: Final = "pain"
# prices of an outcome, not of a treatment
_OUTCOMES: Final = ("QALY", "remitter")
_COLUMNS: Final = {
    "drug": str,
    "route": str,
    "sessions": int,
    "item": str,
    "country": str,
    "currency": str,
    "year": int,
    "per": str,
    "low": float,
    "high": float,
    "count": int,
    "total_low": float,
    "total_high": float,
    "includes": str,
    "note": str,
    "fact": str,
    "source": str,
    "source_name": str,
}


def course_costs(course: Course) -> polars.DataFrame:
    """Multiply the sessions of a course by the published prices of their drug and route.

    A price for one dose counts the sessions of that dose; a price for pain is left out for another
    diagnosis, and the other way round. A weight-based dose is compared with a priced one in mg at
    the patient's weight.

    **Arguments:**

    - `course`: every session of it is counted, also after the horizon.

    **Returns:** one row a published price, by drug and route: `drug`, `route`, `sessions` (of that
    drug and route in the course), `item`, `country`, `currency`, `year` of the source (empty where
    it is not shown), `per`, `low`, `high` (the price, in `currency`), `count` (how often it is
    due), `total_low`, `total_high` (count times price), `includes`, `note`, `fact`, `source`,
    `source_name`.
    Prices that cannot be multiplied have an empty count and say why in `note`; a drug and route
    without any price has one row that says so. Currencies and years are as printed, and rows are
    alternatives: they must not be added up.
    """
    import polars as pl

    rows: list[dict[str, Any]] = []
    for (drug, route), doses in _sessions(course).items():
        prices = [
            price
            for price in cost_rows(drug, route).to_dicts()
            if price["per"] not in _OUTCOMES and _fits(price["indication"], course)
        ]
        own = [price for price in prices if price["drug"] and price["route"]]
        if not any(price["use"] == "count" for price in own):
            rows.append(_row(drug, route, doses, {"item": "price not published for this route"}))
        sources = {price["source"] for price in own}
        for price in prices:
            if price["drug"] or price["source"] in sources:
                rows.append(_row(drug, route, doses, price))
    types = {str: pl.String, int: pl.Int64, float: pl.Float64}
    return pl.DataFrame(rows, schema={name: types[kind] for name, kind in _COLUMNS.items()})


def _sessions(course: Course) -> dict[tuple[str, str], list[float]]:
    """Drug and route to the mg of base given in each of its sessions."""
    given: dict[tuple[str, str], dict[int, float]] = {}
    for dose in course.regimen.doses:
        session = given.setdefault((dose.drug, dose.route), {})
        mg = dose.milligrams(course.patient.weight)
        session[dose.session] = session.get(dose.session, 0.0) + mg
    return {key: list(sessions.values()) for key, sessions in given.items()}


def _fits(indication: str, course: Course) -> bool:
    diagnosis = course.patient.diagnosis
    if not indication or diagnosis is None:
        return True
    if diagnosis == HEALTHY:
        return False  # prices of a treatment are not those of an experiment
    wider = condition(diagnosis).part_of or diagnosis  # crps, neuropathic and fibromyalgia are pain
    return (indication == _PAIN) == (wider == _PAIN)


def _row(drug: str, route: str, doses: list[float], price: dict[str, Any]) -> dict[str, Any]:
    count, note = _count(doses, price)
    low, high = price.get("low"), price.get("high")
    return {
        **dict.fromkeys(_COLUMNS),
        **{name: price[name] for name in _COLUMNS if name in price},
        "drug": drug,
        "route": route,
        "sessions": len(doses),
        "count": count,
        "total_low": None if count is None or low is None else count * low,
        "total_high": None if count is None or high is None else count * high,
        "note": _join(note, price),
    }


def _count(doses: list[float], price: dict[str, Any]) -> tuple[int | None, str]:
    """How often a price is due, and what to know of that."""
    use = price.get("use", "")
    if use == "once":
        return 1, "once per course"
    if use == "course":
        low, high = int(price["units_low"]), int(price["units_high"])
        if low <= len(doses) <= high:
            return 1, f"published for a series of {low} to {high} sessions"
        return None, f"not counted: applies to a series of {low} to {high} sessions"
    if use == "context":
        return None, "not multiplied: frequency or scope not stated"
    if use != "count":
        return None, "the tables contain no price for this drug and route"
    priced = price["dose_mg"]
    if priced is None:
        return len(doses), ""
    same = sum(abs(mg - priced) <= _SAME_DOSE for mg in doses)
    if not same:
        return None, f"not counted: no session of {priced:g} mg"
    if same == len(doses):
        return same, ""
    return same, f"for the {same} of {len(doses)} sessions of {priced:g} mg"


def _join(note: str, price: dict[str, Any]) -> str:
    told = f"for {price['indication']}" if price.get("indication") else ""
    unseen = "year not shown" if price.get("fact") and price.get("year") is None else ""
    return "; ".join(part for part in (note, told, unseen) if part)
