"""Published effects of sessions beside the predictions of a fit, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ketasim._base import words
from ketasim._base.numbers import NOTHING, number, percent
from ketasim.calibration.session.tables import (
    effect_words,
    given_words,
    group_of,
    is_inside,
    is_met,
    statistic_words,
)

if TYPE_CHECKING:
    from ketasim.calibration.session import SessionCompared


@dataclass(frozen=True)
class ShownEffect:
    """A published effect beside its prediction, as the report writes it.

    **Arguments:**

    - `group`: key of `GROUPS`. `what`, `how`, `given`: effect, statistic, doses and people.
    - `fitted`: it entered the fit.
    - `published`, `placebo`, `predicted`, `interval`, `unit`: written out; the interval is of 90 %.
    - `z`: published less predicted, in SDs. `inside`: within the interval, or a bound that is kept.
    - `kept`: a published bound that is kept.
    - `study`, `source`, `facts`, `note`: where it is from, and what was taken how.
    - `why`: why it is outside, as far as the tables tell.
    """

    group: str
    what: str
    how: str
    given: str
    fitted: bool
    published: str
    placebo: str
    predicted: str
    interval: str
    unit: str
    z: str
    inside: bool
    kept: bool
    study: str
    source: str
    facts: str
    note: str
    why: str = ""


def value_words(unit: str, value: float | None) -> str:
    """Write a value of a published effect; shares are percent."""
    return percent(value, 2) if unit == "fraction" else number(value)


def printed_words(unit: str, value: float | None) -> str:
    """Write a published value with the digits that its source prints."""
    if value is None:
        return NOTHING
    return f"{100 * value:.4g}\u202f%" if unit == "fraction" else f"{value:.4g}"


def unit_words(unit: str) -> str:
    """Unit to be written beside a value; none beside percent."""
    return "" if unit == "fraction" else unit


def effect_shown(one: SessionCompared, why: str = "") -> ShownEffect:
    """A published effect beside its prediction, in words; `why` it misses, where that is known."""
    row = one.row
    low, high = (value_words(row.unit, end) for end in (one.low, one.high))
    return ShownEffect(
        group=group_of(row),
        what=words.capital(effect_words(row)),
        how=statistic_words(row),
        given=given_words(row),
        fitted=row.use == "fit",
        published=printed_words(row.unit, row.value),
        placebo="" if row.comparator is None else printed_words(row.unit, row.comparator),
        predicted=value_words(row.unit, one.predicted),
        interval=f"{low} to {high}",
        unit=unit_words(row.unit),
        z=f"{one.z:+.2f}".replace("-", "−"),
        inside=is_inside(one),
        kept=is_met(one),
        study=row.study,
        source=row.source,
        facts=", ".join(row.facts),
        note=row.note,
        why=why,
    )
