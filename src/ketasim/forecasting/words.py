"""What the scores taught, and whether the model fits the patient, in sentences."""

from __future__ import annotations

from typing import Final

from ketasim._base.headline import plain
from ketasim._base.words import counted

LITTLE: Final = 0.25
"""Part of the variance of the forecast that scores take away, below which they say little."""

MUCH: Final = 0.6
"""The part from which they say much."""

UNUSUAL: Final = 0.05
"""Tail probability of the scores below which the patient is unusual."""

NO_FIT: Final = 0.01
"""Tail probability below which the model does not fit the patient."""

_NUMBERS: Final = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def chance(value: float | None) -> str:
    """A chance of a single patient in whole percent, without the sign: more would be pretence."""
    if value is None:
        return "-"
    return "< 1" if value < 0.01 else "> 99" if value > 0.99 else f"{100 * value:.0f}"


def in_words(count: int) -> str:
    """A small number as a word."""
    return _NUMBERS[count] if count < len(_NUMBERS) else str(count)


def learned_words(
    count: int, gone: float, where: str, before: tuple[float, float], after: tuple[float, float]
) -> str:
    """How much the scores moved the forecast.

    **Arguments:**

    - `count`: of the scores after that before treatment.
    - `gone`: part of the variance that they took away.
    - `where`: scale and day, such as `PHQ-9 on day 70`.
    - `before`, `after`: ends of the 90 % range there, points.
    """
    if not count:
        return (
            "One score says nothing of how this patient responds: shown is the population with "
            "that baseline."
        )
    how = "little" if gone < LITTLE else "something" if gone < MUCH else "much"
    name = in_words(count).capitalize()
    say = "score says" if count == 1 else "scores say"
    low, high = (_range(one) for one in (before, after))
    return (
        f"{name} {say} {how}: the 90 % range of {where} is {high}, and was {low} for the "
        "population with that baseline."
    )


def unusual_words(tail: float | None, count: int) -> str:
    """How unusual the patient is; empty where nothing can be said.

    **Arguments:**

    - `tail`: share of virtual patients with scores as far from their mean. `count`: of scores.
    """
    if tail is None:
        return ""
    told = f"{chance(tail)} % of virtual patients have scores this far from the mean or farther"
    if tail < NO_FIT:
        return (
            f"The model does not fit this patient: {told}. Read the forecast with caution; check "
            "the scores, their scale and the doses."
        )
    if tail < UNUSUAL:
        return f"This patient is unusual: {told}."
    return f"The {counted(count, 'score')} {'fits' if count == 1 else 'fit'} the model: {told}."


def lost_words(
    name: str, level: float, day: float | None, most: float | None, horizon: float, ever: float
) -> str:
    """When the response is lost under an option.

    **Arguments:**

    - `name`: of the option. `level`: of the probability. `day`: on which it is passed, or nothing.
    - `most`: highest probability until the horizon, or nothing where nobody has a response.
    - `horizon`: day. `ever`: chance of having had a response.
    """
    passed = f"{100 * level:.6g}"
    if most is None:
        return f"{name}: hardly any response to lose (probability of one {chance(ever)} %)."
    among = f"{name}: among those who respond now or later ({chance(ever)} %), the probability of"
    if day is None:
        return (
            f"{among} having lost the response stays at or below {passed} % "
            f"until day {horizon:.4g} (highest {chance(most)} %)."
        )
    return f"{among} having lost the response passes {passed} % on day {day:.4g}."


def _range(ends: tuple[float, float]) -> str:
    low, high = (plain(max(one, 0.0)) for one in ends)
    return f"{low}-{high}"
