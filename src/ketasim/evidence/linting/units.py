"""Units as the tables write them: what parses, and the words that stand for a unit."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pint

UNIT_WORDS: Final = frozenset(
    (
        "-",
        "GBP",
        "NRS",
        "OR",
        "R",
        "RR",
        "USD",
        "adults",
        "case",
        "cases",
        "choices",
        "clinics",
        "date",
        "days",
        "deaths",
        "events",
        "fold",
        "follow-up",
        "fraction",
        "infusions",
        "months",
        "papers",
        "patients",
        "people",
        "phase",
        "points",
        "r",
        "ratio",
        "reports",
        "rho",
        "session",
        "sessions",
        "studies",
        "study",
        "text",
        "trials",
        "variance",
        "visit",
        "visits",
        "weeks",
        "window",
        "years",
    )
)
"""Words that are no physical unit but say what is counted or scored."""

_UNIT_PHRASES: Final = frozenset(
    (
        "-log10 M",
        "1e6 M-1 s-1",
        "Cohen d",
        "Cohen's d",
        "GBP excl. VAT",
        "L/h per year",
        "MADRS points",
        "NRS 0-10",
        "USD per QALY",
        "USD per dose",
        "USD per infusion",
        "USD per month",
        "USD per treatment",
        "VAS x time",
        "beats/min",
        "bursts/min",
        "cm VAS",
        "day_post_induction",
        "fold lower at muscarinic",
        "h_post_dose",
        "mg/d diazepam-equivalent",
        "min after last spray",
        "min post dose, then until it falls",
        "patients of 12",
        "per year",
        "percent of patients",
        "ratio base/HCl",
        "relative risk",
        "responders on placebo arm",
        "variance?",
        "week after last dose",
        "week post treatment",
        "week_after_last",
        "week_post_induction",
    )
)
# per 70 kg of body weight: pint has no unit for it, the rest of the unit decides
_PER_BODY: Final = re.compile(r"/70\s?kg\b")
_QUALIFIER: Final = re.compile(r"\s*\([^()]*\)$")
_PLAIN: Final = re.compile(r"[A-Za-z0-9.*/^ -]+")
_INVERSE: Final = re.compile(r"([A-Za-z])-(\d)")


@cache
def is_unit(text: str) -> bool:
    """Tell whether a unit is a word of the tables' own list, a percentage, or parses as a unit."""
    unit = _QUALIFIER.sub("", text.strip())
    if not unit:
        # only a qualifier, or nothing: no unit
        return False
    if unit in UNIT_WORDS or unit in _UNIT_PHRASES or re.match(r"%(?:\s|$)", unit):
        return True
    import pint

    unit = _INVERSE.sub(r"\1^-\2", _PER_BODY.sub("", unit))
    if not _PLAIN.fullmatch(unit) or "//" in unit:
        return False
    # a space inside means a product only where both sides carry a power, as in `M-1 s-1`
    if " " in unit and "^" not in unit:
        return False
    try:
        _registry().parse_units(unit)
    except (pint.errors.PintError, AttributeError, TypeError, ValueError, AssertionError):
        return False
    return True


@cache
def _registry() -> pint.UnitRegistry[Any]:
    import pint

    return pint.UnitRegistry()
