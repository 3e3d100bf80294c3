"""Measures of a history that are findings by themselves: a body mass index, a blood pressure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from ketasim.evidence import facts

_BMI: Final = re.compile(r"\bbmi\b\D{0,6}?(\d{2,3}(?:[.,]\d+)?)(?![\d/])")
# 185/110 behind a word for the pressure, or 185 behind one for the systolic
_PRESSURE: Final = re.compile(
    r"\b(?:bp|rr|blood pressure|pressure|blutdruck|sbp|systolic)\b[^\d;.,()]{0,25}\(?"
    r"(?P<sbp>\d{2,3})(?!\d)(?: ?/ ?(?P<dbp>\d{2,3})(?!\d))?"
)
_DIASTOLIC: Final = re.compile(r"\b(?:dbp|diastolic)\b[^\d;.,()]{0,12}(?P<dbp>\d{2,3})(?![\d/])")
# no number: a pressure that is not got under control
_HAD: Final = (
    r"(?:had|have|has|been|get|got|able|to|his|her|their|the|keep|kept|bring|fully|really) "
)
_UNRULY: Final = re.compile(
    rf"\b(?:never|not|cannot|unable|n't) (?:{_HAD})*(?:bp|blood pressure) (?:ever |fully |well )?"
    r"(?:under control|controlled|to target|at target|at goal|down)\b"
)
_SINGLE: Final = re.compile(r"^(?:sbp|systolic|dbp|diastolic)")


@cache
def _least_bmi() -> float:
    """From where on a body mass index is that of overweight, kg/m2."""
    return next(
        float(row.get("low"))
        for row in facts("care/body_mass")
        if row.get("category") == "overweight"
    )


@cache
def _limits() -> dict[str, float]:
    """Pressures above which a label does not allow ketamine, mmHg."""
    return {
        row.get("vital"): float(row.get("value"))
        for row in facts("care/vital_limits")
        if row.get("severity") == "contraindicated"
    }


def measured(text: str) -> Iterator[tuple[str, int, int]]:
    """Factors that a measure in an entry tells, with the start and end of its words.

    **Arguments:**

    - `text`: as `plain` returns it.

    **Returns:** `overweight`, or `uncontrolled hypertension`; a pressure is one reading, so that
    what it tells is uncertain.

    **Source:** who_obesity2012, ketamine_hameln_de.
    """
    for match in _BMI.finditer(text):
        if float(match[1].replace(",", ".")) >= _least_bmi():
            yield "overweight", *match.span()
    for match in _UNRULY.finditer(text):
        yield "uncontrolled hypertension", *match.span()
    for match in (*_PRESSURE.finditer(text), *_DIASTOLIC.finditer(text)):
        told = match.groupdict()
        if not told.get("dbp") and not _SINGLE.search(match[0]):
            continue
        if any(float(told.get(name) or 0) > limit for name, limit in _limits().items()):
            yield "uncontrolled hypertension", *match.span()
