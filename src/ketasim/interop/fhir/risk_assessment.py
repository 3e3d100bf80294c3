"""A forecast as a FHIR R4 RiskAssessment: probabilities by day, and nobody's identity."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ketasim.__about__ import __version__
from ketasim._base import InputError
from ketasim.interop.fhir.package import r4_class

_SUPPORT: Final = "Decision support for professionals; not medical advice."
_OUTCOMES: Final = {
    "p_response": "response",
    "p_remission": "remission",
    "p_well": "still well",
}
"""Columns of a forecast to what they are the probability of."""

_SLIP: Final = 1e-6  # d
_SUBJECT: Final = "patient"
_DAY: Final = {"unit": "d", "system": "http://unitsofmeasure.org", "code": "d"}
_MEANT: Final = (
    "Probabilities are fractions from 0 to 1. Times are days since the start of the course. "
    "The subject is a contained Patient without identity."
)


def risk_assessment(
    rows: Iterable[Mapping[str, Any]], *, every: int = 7, notes: Sequence[str] = ()
) -> dict[str, Any]:
    """A forecast as the content of a RiskAssessment.

    Each prediction is the probability of an outcome on a day under one option; its rationale is the
    expected score with its interval. There is no basis and no subject but an anonymous Patient,
    which R4 asks for.

    **Arguments:**

    - `rows`: of `forecast.csv`: `option`, `day`, `scale`, `mean`, `p05`, `p95`, `p_response`,
      `p_remission`, `p_well`.
    - `every`: days between predictions of an option; its first and last day are always written.
    - `notes`: sentences that the reader must know.

    **Returns:** the resource as JSON has it, checked against the classes of R4.

    **Raises:** `InputError` when a probability is none, or the package that knows R4 is missing.
    """
    chosen = _chosen(rows, every)
    predictions = [
        _prediction(row, column, outcome)
        for row in chosen
        for column, outcome in _OUTCOMES.items()
        if row.get(column) is not None
    ]
    resource: dict[str, Any] = {
        "resourceType": "RiskAssessment",
        "contained": [{"resourceType": "Patient", "id": _SUBJECT}],
        "status": "final",
        "method": {"text": f"ketasim {__version__}, forecast"},
        "subject": {"reference": f"#{_SUBJECT}"},
        **({"prediction": predictions} if predictions else {}),
        "note": [{"text": text} for text in (_SUPPORT, _MEANT, *notes)],
    }
    r4_class("RiskAssessment").model_validate(resource)
    return resource


def risk_assessment_file(
    rows: Iterable[Mapping[str, Any]], *, every: int = 7, notes: Sequence[str] = ()
) -> bytes:
    """A forecast as a JSON file of a RiskAssessment; arguments as of `risk_assessment`."""
    resource = risk_assessment(rows, every=every, notes=notes)
    return (json.dumps(resource, ensure_ascii=False, allow_nan=False, indent=2) + "\n").encode()


def _chosen(rows: Iterable[Mapping[str, Any]], every: int) -> list[Mapping[str, Any]]:
    """Rows of the first day of an option and scale, of every so many days, and of the last."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault((str(row["option"]), str(row["scale"])), []).append(row)
    return [
        row
        for group in groups.values()
        for place, row in enumerate(group)
        if place == len(group) - 1 or (float(row["day"]) - float(group[0]["day"])) % every < _SLIP
    ]


def _prediction(row: Mapping[str, Any], column: str, outcome: str) -> dict[str, Any]:
    probability = float(row[column])
    if not (math.isfinite(probability) and 0 <= probability <= 1):
        raise InputError(column, f"{probability:g} is no probability", "give a number from 0 to 1")
    at = {"value": float(row["day"]), **_DAY}
    found: dict[str, Any] = {
        "outcome": {"text": f"{outcome} on the {row['scale']}, option: {row['option']}"},
        "probabilityDecimal": round(probability, 4),
        "whenRange": {"low": at, "high": at},
    }
    score = [row.get(name) for name in ("mean", "p05", "p95")]
    if all(isinstance(one, int | float) and math.isfinite(one) for one in score):
        mean, low, high = (float(one) for one in score if one is not None)
        found["rationale"] = (
            f"Expected {row['scale']} {mean:.1f} points, 90 % interval {low:.0f} to {high:.0f}"
        )
    return found
