"""Published prices, as printed: currency, country and year kept, nothing converted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ketasim.evidence.citing.sources import source_name
from ketasim.evidence.studied import check_drug, check_route
from ketasim.evidence.tables import Fact, facts, number

if TYPE_CHECKING:
    import polars

_TABLE: Final = "care/costs"
_UNSAID: Final = "not said"
_OF_TREATMENT: Final = ("session", "dose", "course", "month")
_NUMBERS: Final = ("dose_mg", "low", "high", "units_low", "units_high", "year")


def cost_rows(drug: str | None = None, route: str | None = None) -> polars.DataFrame:
    """Return the published prices.

    **Arguments:**

    - `drug`: only prices of it, such as `esketamine`; those of no one drug stay, such as an
      assessment.
    - `route`: only prices of it, such as `iv`; those of no one route stay.

    **Returns:** one row a price: `fact` (id of the row it is from), `item`, `drug`, `route`,
    `indication` (depression, pain or empty), `dose_mg` (empty for any dose), `low`, `high` (in
    `currency`, not adjusted for anything), `per` (session, dose, course, month, assessment, bottle,
    prescription, review, QALY or remitter), `use` (`count`: times the sessions; `once`; `course`:
    for a course of `units_low` to `units_high` sessions; `context`: not multiplied), `country`,
    `year` of the source (empty where it is not shown), `includes` (what is in it, or what of that
    the source does not say), `source`, `source_name`.

    **Raises:** `InputError` for an unknown drug or route.
    """
    import polars as pl

    if drug is not None:
        check_drug(drug)
    if route is not None:
        check_route(route)
    rows = [
        row for row in facts(_TABLE) if _about(row, "drug", drug) and _about(row, "route", route)
    ]
    columns = list(facts(_TABLE)[0].cells)
    table = {
        name: [number(row.get(name)) if name in _NUMBERS else row.get(name) for row in rows]
        for name in columns
    }
    table["includes"] = [_includes(row) for row in rows]
    table["source_name"] = [source_name(row.source) for row in rows]
    types = {name: pl.Float64 if name in _NUMBERS else pl.String for name in table}
    return pl.DataFrame(table, schema=types).with_columns(pl.col("year").cast(pl.Int64))


def _includes(row: Fact) -> str:
    """What is in a price; where the source does not say it, what of it."""
    told = row.get("includes")
    if told != _UNSAID:
        return told
    if row.get("per") in _OF_TREATMENT:
        return "the source does not say whether drug, staff and watch are in it"
    return "the source does not say what is in it"


def _about(row: Fact, column: str, wanted: str | None) -> bool:
    told = row.get(column)
    return wanted is None or not told or wanted in told.split(";")
