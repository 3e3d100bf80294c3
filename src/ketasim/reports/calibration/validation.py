"""The report of a validation: what is met and what is missed, for four uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ketasim._base import words
from ketasim._base.numbers import number
from ketasim.reports.page import render
from ketasim.validation.claims.areas import AREAS
from ketasim.validation.result import counted

if TYPE_CHECKING:
    from ketasim.validation import Claim, Validation

_UNITS: Final = {"fold": "-fold", "relative": " of it", "difference": "", "": ""}


def validation_report(found: Validation, *, command: str = "ketasim validate --out DIR") -> str:
    """Write the report of a validation as one page of HTML.

    **Main arguments:**

    - `found`: what `validate` returned.

    **Other arguments:**

    - `command`: what reproduces it.
    """
    known = {area.key for area in found.areas}
    areas: list[dict[str, Any]] = [
        {
            "area": area,
            "told": counted(found.of(area.key)),
            "claims": [_shown(one) for one in found.of(area.key)],
            "seconds": found.seconds.get(area.key, 0.0),
        }
        for area in found.areas
    ]
    uses = [
        {
            "use": use,
            "told": counted(found.of_use(use)),
            "areas": [one for one in areas if one["area"].key in use.areas],
            "without": [a.title for a in AREAS if a.key in use.areas and a.key not in known],
        }
        for use in found.uses
    ]
    return render(
        "validation.html",
        title="Validation on this machine",
        sources=found.sources(),
        words=words,
        found=found,
        whole=counted(found.claims),
        areas=areas,
        uses=uses,
        left_out=[area.title for area in AREAS if area.key not in known],
        command=command,
    )


def _shown(claim: Claim) -> dict[str, Any]:
    """A claim in words."""
    ends = [one for one in (claim.low, claim.high) if one is not None]
    between = ""
    if len(ends) == 2:
        between = f"{number(ends[0])} to {number(ends[1])}"
    error = ""
    if claim.error is not None and claim.measure:
        sign = "+" if claim.measure == "difference" and claim.error > 0 else ""
        error = f"{sign}{number(claim.error)}{_UNITS[claim.measure]}"
    return {
        "claim": claim,
        "published": _value(claim.published),
        "predicted": _value(claim.predicted),
        "between": between,
        "error": error,
    }


def _value(value: float | str | None) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return number(value)
