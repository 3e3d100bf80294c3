"""The numbers a comparison opens with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, Protocol

from ketasim._base import Headline, HeadlineRow
from ketasim._base.headline import plain, share
from ketasim.planning.criteria import CRITERIA

if TYPE_CHECKING:
    from ketasim.planning.difference import Difference
    from ketasim.planning.measure import Measure
    from ketasim.planning.option import Option

_DAY: Final = 24.0
_SHOWN: Final = ("MADRS_end", "days_well", "hours")
_UNITS: Final = {"fraction": "%", "point": "points", "d": "days", "count": ""}
_NOTE: Final = (
    "In brackets: difference to the first option, 90 % uncertainty interval on the same virtual "
    "patients."
)


class _Compared(Protocol):
    """What of a comparison its headline needs."""

    @property
    def rank_by(self) -> str: ...

    @property
    def options(self) -> tuple[Option, ...]: ...

    @property
    def typical(self) -> bool: ...

    def measure(self, option: str, key: str, week: int | None = None) -> Measure | None: ...

    def difference(self, option: str, key: str, week: int | None = None) -> Difference: ...


def comparison_headline(comparison: _Compared) -> Headline:
    """What was compared, and two numbers of each option.

    **Arguments:**

    - `comparison`: a `Comparison`.
    """
    first = comparison.options[0].simulation
    who = "typical patient" if comparison.typical else f"{first.cohort.n:,} virtual patients"
    seed = "" if comparison.typical else f", seed {first.cohort.seed}"
    days = f"{first.course.horizon / _DAY:.3g} days"
    title = f"Comparison of {len(comparison.options)} regimens: {who}{seed}, followed for {days}"
    keys = [key for key in _SHOWN if _known(comparison, key)]
    chosen = (
        [comparison.rank_by]
        if comparison.rank_by and _known(comparison, comparison.rank_by)
        else []
    )
    keys = list(dict.fromkeys([*chosen, *keys]))[:2]
    return Headline(title, tuple(_rows(comparison, keys)), _NOTE)


def _known(comparison: _Compared, key: str) -> bool:
    found = [comparison.measure(one.name, key) for one in comparison.options]
    return any(one is not None and one.value is not None for one in found)


def _rows(comparison: _Compared, keys: list[str]) -> Iterator[HeadlineRow]:
    for key in keys:
        one = CRITERIA[key]
        write = share if one.unit == "fraction" else plain
        for place, option in enumerate(comparison.options):
            own = comparison.measure(option.name, key)
            value = None if own is None else own.value
            gap = comparison.difference(option.name, key) if place else None
            unit = _UNITS.get(one.unit, one.unit)
            told = "" if gap is None or gap.value is None else f"({difference_words(gap, key)})"
            yield HeadlineRow(f"{one.words}: {option.name}", write(value), told, unit)


def difference_words(gap: Difference, key: str) -> str:
    """A difference with its interval, such as `-2.1, -3 to -1.2`.

    **Arguments:**

    - `gap`: of two options. `key`: of `CRITERIA`.
    """
    scale = 100.0 if CRITERIA[key].unit == "fraction" else 1.0

    def write(value: float) -> str:
        text = plain(scale * value)
        return text if text.startswith("-") or value == 0.0 else f"+{text}"

    if gap.value is None:
        return ""
    if gap.p05 is None or gap.p95 is None:
        return write(gap.value)
    return f"{write(gap.value)}; {write(gap.p05)} to {write(gap.p95)}"
