"""Estimates of a population as they are reported, with their uncertainty."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim.estimation.likelihood.maximum import Maximum
from ketasim.estimation.likelihood.objective import Numbers
from ketasim.estimation.problem.problem import Problem

Array = NDArray[np.float64]

NORMAL: Final = 1.959963984540054
"""Of a 95 % interval."""

SOURCES_OF_ERRORS: Final = ("observed", "sandwich")
"""What standard errors are made of: the curvature alone, or the sandwich with the gradients."""

_STEP: Final = 1e-5


@dataclass(frozen=True)
class Estimate:
    """One number of a population.

    **Arguments:**

    - `name`: of the parameter, of two with a comma for a correlation, of the output for an error.
    - `kind`: `typical`, `variability` (SD of the logarithm), `correlation`, or that of an error.
    - `value`, `unit`, `start`: of it. `fixed`: it kept its start.
    - `se`, `low`, `high`: standard error and 95 % interval; nothing where there is none.
    """

    name: str
    kind: str
    value: float
    unit: str
    start: float
    fixed: bool = False
    se: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def rse(self) -> float | None:
        """Relative standard error, percent; of a correlation there is none."""
        if self.se is None or self.value == 0 or self.kind == "correlation":
            return None
        return 100.0 * self.se / abs(self.value)

    def interval(self, written: Callable[[float], str]) -> str:
        """The 95 % interval in words, empty without one.

        **Arguments:**

        - `written`: an end as text.

        **Returns:** such as `3.1 to 4.2`; of a correlation within a standard error of 1 or -1
        `at the border`.
        """
        if self.low is not None and self.high is not None:
            return f"{written(self.low)} to {written(self.high)}"
        border = self.kind == "correlation" and _at_border(self.value, self.se)
        return "at the border" if border else ""


@dataclass(frozen=True)
class Uncertain:
    """The covariance of the reported numbers.

    **Arguments:**

    - `names`: of those that have one. `covariance`: shape (K, K).
    - `condition`: largest over smallest eigenvalue of their correlation.
    """

    names: tuple[str, ...]
    covariance: Array
    condition: float


def estimates_of(
    problem: Problem, numbers: Numbers, found: Maximum, source: str
) -> tuple[tuple[Estimate, ...], Uncertain | None, str]:
    """Estimates with standard errors.

    **Arguments:**

    - `problem`: what was fitted. `numbers`: their layout. `found`: the maximum.
    - `source`: one of `SOURCES_OF_ERRORS`.

    **Returns:** the estimates; their covariance, nothing without one; why there is none, or empty.
    """
    labels, report = _reported(problem, numbers)
    at, began = report(found.numbers), report(_start(problem, numbers))
    covariance, why = _covariance(found, source)
    slopes = np.zeros((len(at), len(found.numbers)))
    for k in range(len(found.numbers)):
        moved = np.tile(found.numbers, (2, 1))
        moved[0, k] += _STEP
        moved[1, k] -= _STEP
        slopes[:, k] = (report(moved[0]) - report(moved[1])) / (2.0 * _STEP)
    estimates: list[Estimate] = []
    errors = np.full(len(at), np.nan)
    if covariance is not None:
        full = slopes[:, found.free] @ covariance @ slopes[:, found.free].T
        stuck = (slopes[:, found.bounded] != 0).any(axis=1)
        errors = np.where(stuck, np.nan, np.sqrt(np.maximum(np.diag(full), 0.0)))
    for i, (name, kind, unit) in enumerate(labels):
        known = bool(np.isfinite(errors[i]))
        se = float(errors[i]) if known else None
        start = float(f"{began[i]:.12g}")  # as typed: it went through logarithms
        low, high = interval_of(kind, float(at[i]), se, signed=_signed(problem, name, kind))
        estimates.append(Estimate(name, kind, float(at[i]), unit, start, False, se, low, high))
    fixed = [
        Estimate(
            problem.outputs[one.output][0],
            one.kind,
            one.start,
            _unit(problem, one.kind, one.output),
            one.start,
            fixed=True,
        )
        for i, one in enumerate(problem.sds)
        if i not in numbers.free
    ]
    fixed += [
        Estimate(one.name, "typical", one.value, one.unit, one.value, fixed=True)
        for one in problem.directions
        if not one.estimated
    ]
    fixed += [
        Estimate(name, "typical", value, unit, value, fixed=True)
        for name, value, unit in problem.held
    ]
    uncertain = None
    if covariance is not None:
        full = slopes[:, found.free] @ covariance @ slopes[:, found.free].T
        kept = np.flatnonzero(np.isfinite(errors) & (errors > 0))
        names = tuple(label(*labels[i][:2]) for i in kept)
        part = full[np.ix_(kept, kept)]
        sds = np.sqrt(np.diag(part))
        sizes = np.linalg.eigvalsh(part / np.outer(sds, sds))
        condition = float(sizes[-1] / max(sizes[0], 1e-300)) if len(sizes) else float("nan")
        uncertain = Uncertain(names, part, condition)
    return (*estimates, *fixed), uncertain, why


def label(name: str, kind: str) -> str:
    """Name of an estimate in one word, as in the covariance: `CL`, `sd_log CL`, `corr CL,V`."""
    if kind == "typical":
        return name
    words = {"variability": "sd_log", "correlation": "corr"}
    return f"{words.get(kind, kind)} {name}"


def _start(problem: Problem, numbers: Numbers) -> Array:
    parts = [
        problem.middle[numbers.estimated],
        numbers.spread.numbers(problem.covariance) if len(problem.covariance) else np.zeros(0),
        np.log(problem.start_sds[numbers.free]),
    ]
    return np.concatenate(parts)


def _unit(problem: Problem, kind: str, output: int) -> str:
    return problem.outputs[output][1] if kind == "additive" else ""


def _reported(
    problem: Problem, numbers: Numbers
) -> tuple[list[tuple[str, str, str]], Callable[[Array], Array]]:
    """Name, kind and unit of every reported number, and how they follow from unconstrained ones."""
    directions = [one for one in problem.directions if one.estimated]
    labels = [(one.name, "typical", one.unit) for one in directions]
    described = numbers.spread.described(np.eye(len(numbers.spread.names)))
    labels += [(name, "correlation" if "," in name else "variability", "") for name in described]
    free = [one for one in problem.sds if one.estimated]
    labels += [
        (problem.outputs[one.output][0], one.kind, _unit(problem, one.kind, one.output))
        for one in free
    ]
    typical, spread, _ = numbers.counts

    def report(given: Array) -> Array:
        values = [float(one.values(x, 0)) for one, x in zip(directions, given, strict=False)]
        covariance = numbers.spread.covariance(given[typical : typical + spread])
        values += list(numbers.spread.described(covariance).values())
        return np.array([*values, *np.exp(given[typical + spread :])])

    return labels, report


def _signed(problem: Problem, name: str, kind: str) -> bool:
    return kind == "typical" and any(
        one.name == name and one.scale == "natural" for one in problem.directions
    )


def _at_border(correlation: float, se: float | None) -> bool:
    return se is not None and abs(correlation) + se >= 1.0


def interval_of(
    kind: str, value: float, se: float | None, *, signed: bool
) -> tuple[float | None, float | None]:
    """A 95 % interval: on the logarithm, on Fisher's scale of a correlation, or as it is.

    **Arguments:**

    - `kind`, `value`, `se`: of the estimate. `signed`: whether it may be 0 or below.

    **Returns:** both ends; nothing without a standard error, and of a correlation within one of 1
    or -1, where none holds.
    """
    if se is None:
        return None, None
    if kind == "correlation":
        if _at_border(value, se):
            return None, None
        middle, wide = np.arctanh(value), NORMAL * se / (1.0 - value**2)
        return float(np.tanh(middle - wide)), float(np.tanh(middle + wide))
    if signed:
        return value - NORMAL * se, value + NORMAL * se
    factor = float(np.exp(NORMAL * se / value))
    return value / factor, value * factor


def _covariance(found: Maximum, source: str) -> tuple[Array | None, str]:
    free = found.free
    information = found.curvature[np.ix_(free, free)]
    sizes = np.linalg.eigvalsh(information) if len(free) else np.ones(1)
    if not (np.isfinite(sizes).all() and sizes[0] > 1e-10 * sizes[-1] > 0):
        return None, (
            "The observed information is not positive definite: the data do not tell all these "
            "numbers, and there are no standard errors."
        )
    inverse: Array = np.asarray(np.linalg.inv(information), np.float64)
    if source == "observed":
        return inverse, ""
    slopes = found.value.slopes[:, free]
    return inverse @ (slopes.T @ slopes / 4.0) @ inverse, ""
