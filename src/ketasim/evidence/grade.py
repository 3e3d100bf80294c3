"""How a number was obtained."""

from __future__ import annotations

from typing import Final, Literal, TypeGuard

Grade = Literal["measured", "estimated", "fitted", "derived", "assumed"]
"""How a number was obtained, in one word."""

GRADES: Final[dict[Grade, str]] = {
    "measured": "in people unless another system is named; from a primary table or abstract",
    "estimated": "a published model's parameter or prediction",
    "fitted": "by the calibration of this package; carries its uncertainty",
    "derived": "arithmetic on the former",
    "assumed": "not measured; what it leans on is named where there is something",
}
"""Every grade with its meaning, strongest first."""


def is_grade(text: object) -> TypeGuard[Grade]:
    """Tell whether a text is one of the five grades."""
    return isinstance(text, str) and text in GRADES
