"""One parameter of a card: its value, spread and uncertainty, each with its source and grade."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError, near
from ketasim.evidence.grade import GRADES, Grade, is_grade

SpreadKind = Literal["lognormal", "logit", "normal"]
SpreadType = Literal["cv", "cv_omega", "omega2", "log_sd", "logit_sd", "logit_omega2", "normal_sd"]
Scale = Literal["log", "logit", "fisher", "natural"]
"""Scale on which a number is drawn and fitted."""


def _cv(percent: float) -> float:
    return math.sqrt(math.log1p((percent / 100.0) ** 2))


def _percent(percent: float) -> float:
    return percent / 100.0


def _same(value: float) -> float:
    return value


SPREAD_TYPES: Final[Mapping[SpreadType, tuple[SpreadKind, Callable[[float], float], str]]] = {
    "cv": ("lognormal", _cv, "CV% of the parameter itself"),
    "cv_omega": ("lognormal", _percent, "CV% printed as 100 sqrt(omega2)"),
    "omega2": ("lognormal", math.sqrt, "variance of the log"),
    "log_sd": ("lognormal", _same, "SD of the log"),
    "logit_sd": ("logit", _same, "SD of the logit"),
    "logit_omega2": ("logit", math.sqrt, "variance of the logit"),
    "normal_sd": ("normal", _same, "SD in the parameter's unit"),
}
"""Printed type of a spread: transformed scale, conversion to the SD on it, and meaning."""


@dataclass(frozen=True)
class Spread:
    """Spread of a parameter between patients (or occasions), kept as printed.

    **Arguments:**

    - `printed_type`: a key of `SPREAD_TYPES`, such as `"cv"` or `"omega2"`.
    - `printed_value`: the number as printed, such as 27.5 for a CV of 27.5 %.
    - `grade`, `source`, `locator`, `note`: where the number comes from.

    **Raises:** `InputError` when the type is unknown or the number is negative or not finite.
    """

    printed_type: SpreadType
    printed_value: float
    grade: Grade
    source: str
    locator: str
    note: str = ""

    def __post_init__(self) -> None:
        if self.printed_type not in SPREAD_TYPES:
            raise InputError(
                "spread",
                f"unknown type '{self.printed_type}'",
                near(self.printed_type, SPREAD_TYPES),
            )
        if not (math.isfinite(self.printed_value) and self.printed_value >= 0.0):
            raise InputError(
                f"spread.{self.printed_type}",
                f"{self.printed_value} is not a spread",
                "give a finite number, zero or more",
            )
        _check_grade(self.grade, "spread.grade")

    @property
    def kind(self) -> SpreadKind:
        """The scale on which the spread is normal."""
        return SPREAD_TYPES[self.printed_type][0]

    @property
    def sd(self) -> float:
        """Standard deviation on the transformed scale (log, logit, or the parameter's unit)."""
        return SPREAD_TYPES[self.printed_type][1](self.printed_value)


@dataclass(frozen=True)
class Entry:
    """One parameter of a card.

    **Arguments:**

    - `symbol`: the symbol of the model structure.
    - `value`, `unit`: the typical value and its unit.
    - `grade`, `source`, `locator`: how it was obtained, source key, where in the source.
    - `meaning`: what it is, in words.
    - `rse`: relative standard error of the estimate in percent.
    - `low`, `high`, `interval`: an interval around the value and what it is, such as `"95% CI"`.
    - `iiv`, `iov`: between-patient variability and between occasions.
    - `note`: whatever the reader must know.

    **Raises:** `InputError` when the value is not finite, the grade unknown, or the source missing
    while the grade is not `assumed`.
    """

    symbol: str
    value: float
    unit: str
    grade: Grade
    source: str
    locator: str = ""
    meaning: str = ""
    rse: float | None = None
    low: float | None = None
    high: float | None = None
    interval: str = ""
    iiv: Spread | None = None
    iov: Spread | None = None
    note: str = ""

    def __post_init__(self) -> None:
        field = f"parameter.{self.symbol}"
        if not math.isfinite(self.value):
            raise InputError(
                f"{field}.value", f"{self.value} is not finite", "give a finite number"
            )
        _check_grade(self.grade, f"{field}.grade")
        if not self.source and self.grade != "assumed":
            raise InputError(
                f"{field}.source",
                f"a number graded '{self.grade}' has no source",
                "give a key of sources.csv, or grade it 'assumed'",
            )

    def replace(self, **changes: Any) -> Entry:
        """Return a copy with some fields changed."""
        return dataclasses.replace(self, **changes)


@dataclass(frozen=True)
class Uncertainty:
    """Covariance of the estimates of a card's parameters.

    **Arguments:**

    - `symbols`: the p parameters concerned.
    - `scales`: `"log"`, `"logit"`, `"fisher"` (z of a correlation) or `"natural"` for each, the
      scale of the covariance.
    - `covariance`: p rows of p numbers.

    **Raises:** `InputError` when the shapes do not agree.
    """

    symbols: tuple[str, ...]
    scales: tuple[Scale, ...]
    covariance: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        size = len(self.symbols)
        rows = [len(row) for row in self.covariance]
        if len(self.scales) != size or rows != [size] * size:
            raise InputError(
                "uncertainty",
                f"{size} symbols, {len(self.scales)} scales and rows of {rows} do not agree",
                "give one scale and one row and column for each symbol",
            )

    def matrix(self) -> NDArray[np.float64]:
        """Return the covariance as an array of shape (p, p)."""
        size = len(self.symbols)
        return np.array(self.covariance, dtype=np.float64).reshape(size, size)


def is_positive_definite(matrix: NDArray[np.float64]) -> bool:
    """Tell whether a symmetric matrix of shape (p, p) is finite and positive definite."""
    if not np.all(np.isfinite(matrix)) or not np.allclose(matrix, matrix.T, rtol=1e-9, atol=0.0):
        return False
    # a correlation of exactly one leaves an eigenvalue of rounding size, not a true zero
    eigenvalues = np.linalg.eigvalsh(matrix)
    return bool(eigenvalues.size == 0 or eigenvalues[0] > 1e-12 * eigenvalues[-1])


def _check_grade(grade: object, field: str) -> None:
    if not is_grade(grade):
        raise InputError(field, f"unknown grade '{grade}'", near(str(grade), GRADES))
