"""Axes: what they show, where a value lies on them, and their ticks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ketasim.figures.svg.lettering import width

Array = NDArray[np.float64]

_THIN: Final = "\u202f"  # between thousands and before a percent sign, as in the tables
_GAP: Final = 10.0  # px between labels side by side
_APART: Final = 44.0, 30.0  # px for each tick, along x and along y
_POWERS: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_TIMES: Final[Mapping[str, tuple[float, ...]]] = {
    "minutes": (1, 2, 5, 10, 15, 30, 60, 120, 240, 480, 720, 1440),
    "hours": (0.1, 0.25, 0.5, 1, 2, 3, 4, 6, 8, 12, 24, 48, 72, 168),
    "days": (0.25, 0.5, 1, 2, 7, 14, 28, 56, 91, 182, 364, 728),
}
"""Steps in which people count a time."""


@dataclass(frozen=True)
class Axis:
    """What an axis shows.

    **Arguments:**

    - `low`, `high`: its ends; equal ones are moved apart. On a logarithmic axis both are positive.
    - `title`: with the unit. `log`: logarithmic.
    - `style`: `number`, `percent` for fractions, or `minutes`, `hours`, `days`.
    - `names`: words of ticks at the places given, for ticks of the axis' own choice.
    - `grid`: lines behind the data. `labels`: whether ticks have words.

    **Raises:** `ValueError` for ends that are no numbers, or not positive on a logarithmic axis.
    """

    low: float
    high: float
    title: str = ""
    log: bool = False
    style: str = "number"
    names: Mapping[float, str] | None = None
    grid: bool = True
    labels: bool = True

    def __post_init__(self) -> None:
        ends = sorted((float(self.low), float(self.high)))
        if not all(map(math.isfinite, ends)) or (self.log and ends[0] <= 0.0):
            raise ValueError(f"an axis cannot run from {self.low} to {self.high}")
        # so close that pixels could not tell them apart
        if ends[1] - ends[0] <= 1e-12 * max(abs(ends[0]), abs(ends[1])):
            away = 0.1 * ends[0] if self.log else 0.5 * (abs(ends[0]) or 1.0)
            ends = [ends[0] - away, ends[1] + away]
        object.__setattr__(self, "low", ends[0])
        object.__setattr__(self, "high", ends[1])


@dataclass(frozen=True)
class Scale:
    """Where values of an axis lie in pixels.

    **Arguments:**

    - `axis`: what it shows. `start`, `end`: pixels of its lower and of its upper end.
    """

    axis: Axis
    start: float
    end: float

    def at(self, values: ArrayLike) -> Array:
        """Pixels of values, also of those beyond the ends.

        On a logarithmic axis a tenth of its lower end stands for all that is smaller.

        **Arguments:**

        - `values`: any shape; what is no number stays none.
        """
        numbers = np.asarray(values, dtype=np.float64)
        low, high = self.axis.low, self.axis.high
        if self.axis.log:
            numbers = np.log(np.maximum(numbers, low / 10.0))
            low, high = math.log(low), math.log(high)
        return self.start + (numbers - low) / (high - low) * (self.end - self.start)

    def of(self, value: float) -> float:
        """Pixels of one value."""
        low, high = self.axis.low, self.axis.high
        if self.axis.log:
            low, high, value = math.log(low), math.log(high), math.log(max(value, low / 10.0))
        return self.start + (value - low) / (high - low) * (self.end - self.start)


def nice(low: float, high: float, most: int = 7) -> tuple[float, float]:
    """Ends of a linear axis at whole steps that hold two values between them.

    **Arguments:**

    - `low`, `high`: values. `most`: steps.
    """
    if not high > low:
        return low, high
    step = next(step for step in _decimal(low, high) if (high - low) / step <= most)
    return step * math.floor(low / step + 1e-9), step * math.ceil(high / step - 1e-9)


def ticks(scale: Scale) -> list[tuple[float, str]]:
    """Values and words of ticks, as many as have room beside each other.

    **Arguments:**

    - `scale`: from left to right, or from the foot up.
    """
    across = scale.end > scale.start
    most = abs(scale.end - scale.start) / _APART[0 if across else 1] + 1.0
    if scale.axis.names is not None:
        low, high = scale.axis.low, scale.axis.high
        named = [one for one in sorted(scale.axis.names.items()) if low <= one[0] <= high]
        return _thinned_out(scale, named) if across else named
    few: list[tuple[float, str]] = []
    for values, write in _candidates(scale.axis, 2.0 * most):
        marks = [(value, write(value)) for value in values]
        fits = len(marks) <= most and (not across or len(_thinned_out(scale, marks)) == len(marks))
        if len(marks) < 2:
            break
        if fits:
            return marks
        few = marks
    # ends of a plot too small for any of these
    return _thinned_out(scale, few) if across else few[:: max(1, math.ceil(len(few) / most))]


def minor(scale: Scale) -> list[float]:
    """Values between the decades of a logarithmic axis; none where they would be dense.

    **Arguments:**

    - `scale`: of the axis.
    """
    axis = scale.axis
    if not axis.log or axis.names is not None:
        return []
    decades = math.log10(axis.high / axis.low)
    if abs(scale.end - scale.start) / decades < 30.0:
        return []
    return _steps_of_decades(axis, range(2, 10))


def _thinned_out(scale: Scale, marks: list[tuple[float, str]]) -> list[tuple[float, str]]:
    """Marks, the first and then each that has room beside the one before."""
    kept: list[tuple[float, str]] = []
    free = -math.inf
    for value, words in marks:
        at, half = scale.of(value), width(words) / 2.0
        if at - half >= free:
            kept.append((value, words))
            free = at + half + _GAP
    return kept


def _candidates(axis: Axis, most: float) -> Iterator[tuple[list[float], Callable[[float], str]]]:
    """Values of ticks from dense to sparse, and how they are written."""
    decades = math.log10(axis.high / axis.low) if axis.log else 0.0
    if decades > 0.5:
        write = _log_writer(axis.style)
        if decades <= 2.0:
            for digits in ((1, 2, 5), (1, 3)):
                yield _steps_of_decades(axis, digits), write
        powers = _steps_of_decades(axis, (1,))
        for every in range(1, max(len(powers), 2)):
            yield powers[::every], write
        return
    unit = 100.0 if axis.style == "percent" else 1.0
    low, high = unit * axis.low, unit * axis.high
    for step in _time_steps(axis.style, low, high):
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            values = [i * step / unit for i in range(first, last + 1)]
            yield values, _writer(axis, step, max(abs(low), abs(high)), unit)


def _decimal(low: float, high: float) -> Iterator[float]:
    size = math.floor(math.log10(high - low))
    for power in range(size - 2, size + 2):
        for digit in (1, 2, 5):
            yield float(f"{digit}e{power}")


def _time_steps(style: str, low: float, high: float) -> Iterator[float]:
    known = _TIMES.get(style, ())
    if known and known[0] <= (high - low) / 2.0:
        yield from known
        yield from (step for step in _decimal(low, high) if step > known[-1])
    else:
        yield from _decimal(low, high)


def _writer(axis: Axis, step: float, largest: float, unit: float) -> Callable[[float], str]:
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    digits += abs(round(step, digits) - step) > 1e-9 * step  # a quarter takes two
    short = axis.style in _TIMES

    def write(value: float) -> str:
        value *= unit
        if abs(value) < 1e-6 * step:
            words = "0"
        elif (largest >= 1e7 or digits > 4) and largest < 1e4 * step:
            power = math.floor(math.log10(abs(value)) + 1e-9)
            words = f"{value / 10.0**power:.5g} × {_power(power)}"
        else:
            words = f"{value:,.{digits}f}"
            words = words.rstrip("0").rstrip(".") if short and "." in words else words
        return _signed(words, axis.style)

    return write


def _log_writer(style: str) -> Callable[[float], str]:
    unit = 100.0 if style == "percent" else 1.0

    def write(value: float) -> str:
        power = math.floor(math.log10(unit * value) + 1e-9)
        if -4 <= power <= 5:
            words = f"{unit * value:,.{max(0, -power)}f}"
        else:
            digit = round(unit * value / 10.0**power)
            words = f"{'' if digit == 1 else f'{digit} × '}{_power(power)}"
        return _signed(words, style)

    return write


def _power(power: int) -> str:
    return f"10{f'{power}'.translate(_POWERS)}"


def _signed(words: str, style: str) -> str:
    words = words.replace(",", _THIN).replace("-", "−")
    return f"{words}{_THIN}%" if style == "percent" else words


def _steps_of_decades(axis: Axis, digits: Iterable[int]) -> list[float]:
    first, last = (math.floor(math.log10(end)) for end in (axis.low, axis.high))
    known = [float(f"{n}e{power}") for power in range(first, last + 1) for n in digits]
    low, high = axis.low * (1.0 - 1e-9), axis.high * (1.0 + 1e-9)
    return [value for value in known if low <= value <= high]
