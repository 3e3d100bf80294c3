"""A comparison as a table of words: what screen, report and page have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from ketasim._base.numbers import NOTHING, number, percent, span
from ketasim.planning.criteria import CRITERIA, Criterion
from ketasim.planning.difference import Difference
from ketasim.planning.measure import EXACT, PATIENTS, UNCERTAINTY, Measure
from ketasim.simulation.mood.drawn import DRAWS

if TYPE_CHECKING:
    from ketasim.planning.ranking import Ranked
    from ketasim.planning.result import Comparison

GROUPS: Final = {
    "course": "Course",
    "session": "Session",
    "burden": "Sessions, dose and price",
    "exposure": "Exposure",
}
"""Groups of criteria in the order they are shown, and their titles."""

_INTERVALS: Final = {UNCERTAINTY: "90 % uncertainty interval", PATIENTS: "90 % of patients"}
_MOST_WEEKS: Final = 12  # of more, the first and every fourth are shown
_EVERY: Final = 4
_SLIP: Final = 1e-6
_LARGE: Final = 100.0  # from which a third digit is written
_UNITS: Final = {"point": "points", "count": "", "fraction": "", "ng*h/mL": "ng·h/mL", "d": "days"}


class _Rankable(Protocol):
    """What of a result its ranking in words needs."""

    @property
    def rank_by(self) -> str: ...

    def ranking(self) -> tuple[Ranked, ...]: ...

    def measure(self, option: str, key: str, week: int | None = None) -> Measure | None: ...


@dataclass(frozen=True)
class Cell:
    """A number of an option, in words.

    **Arguments:**

    - `value`, `range`: such as `21` and `19-24`. `gap`: to the first option, with its interval.
    - `verdict`: that the difference is smaller than its uncertainty, or in what share of the draws
      it is better; empty of the first option.
    - `note`: what the reader must know.
    """

    value: str
    range: str
    gap: str
    verdict: str
    note: str


@dataclass(frozen=True)
class Line:
    """A criterion and a cell for each option.

    **Arguments:**

    - `key`, `words`, `unit`: of the criterion. `better`: `lower`, `higher` or empty.
    - `note`: what is the same of all options. `cells`: in the order of the options.
    - `interval`: what the ranges beside its numbers are of; empty where there are none.
    """

    key: str
    words: str
    unit: str
    better: str
    note: str
    cells: tuple[Cell, ...]
    interval: str


def lines(comparison: Comparison, group: str) -> list[Line]:
    """Criteria of a group, a line each; those without any number are left out.

    **Arguments:**

    - `comparison`: what `compare` returned. `group`: of `GROUPS`.
    """
    found: list[Line] = []
    for one in CRITERIA.values():
        if one.group != group or one.weekly:
            continue
        own = [comparison.measure(name, one.key) for name in comparison.names]
        if all(measure is None or measure.value is None for measure in own):
            continue
        notes = {"" if measure is None else measure.note for measure in own}
        shared = notes.pop() if len(notes) == 1 else ""
        cells = [
            _cell(comparison, name, one, measure, shared)
            for name, measure in zip(comparison.names, own, strict=True)
        ]
        unit = next((measure.unit for measure in own if measure is not None), one.unit)
        spread = next((_INTERVALS[m.spread] for m in own if m is not None and m.spread), "")
        interval = spread if any(cell.range for cell in cells) else ""
        said = (one.words, unit_words(unit), one.better, shared)
        found.append(Line(one.key, *said, tuple(cells), interval))
    return found


def unassessed(comparison: Comparison) -> list[tuple[str, str]]:
    """Criteria of which no option has a number, and why.

    **Arguments:**

    - `comparison`: what `compare` returned.
    """
    found: list[tuple[str, str]] = []
    for one in CRITERIA.values():
        own = [comparison.measure(name, one.key) for name in comparison.names]
        if one.group not in GROUPS or one.weekly:
            continue
        if any(measure is not None and measure.value is not None for measure in own):
            continue
        why = next((measure.note for measure in own if measure is not None and measure.note), "")
        found.append((one.words, why))
    return found


def weeks(comparison: Comparison, *, start: str = "MADRS") -> list[tuple[int, list[Cell]]]:
    """Scores before and after the sessions of each week, of each option.

    **Arguments:**

    - `comparison`: what `compare` returned. `start`: `MADRS`, `response` or `remission`.

    **Returns:** the week and a cell an option, whose value is `before → after`, of a week without
    sessions its start and its end; of a long course some weeks.
    """
    found: dict[int, list[Cell]] = {}
    one = CRITERIA[f"{start}_peak"]
    last = max((w or 0 for own in comparison.measures.values() for _, w in own), default=0)
    for week in range(1, last + 1):
        row: list[Cell] = []
        for name in comparison.names:
            before = comparison.measure(name, f"{start}_trough", week)
            after = comparison.measure(name, f"{start}_peak", week)
            if before is None or after is None:
                row.append(Cell(NOTHING, "", "", "", ""))
                continue
            cell = _cell(comparison, name, one, after, "", week)
            value = f"{written(one, before.value)} → {written(one, after.value)}"
            row.append(Cell(value, cell.range, cell.gap, cell.verdict, after.note))
        if any(cell.value != NOTHING for cell in row):
            found[week] = row
    rows = list(found.items())
    if len(rows) <= _MOST_WEEKS:
        return rows
    return [row for row in rows if row[0] <= _EVERY or row[0] % _EVERY == 0 or row is rows[-1]]


def ranked_words(comparison: _Rankable, called: Mapping[str, str]) -> Iterator[tuple[Ranked, str]]:
    """The options by the criterion that was asked for, and what tells each from the one before.

    **Arguments:**

    - `comparison`: what `compare` or `plan` returned, ranked.
    - `called`: name of an option to what it is called.
    """
    for one in comparison.ranking():
        chosen = CRITERIA[comparison.rank_by]
        told = ""
        if one.value is None:
            own = comparison.measure(one.option, chosen.key)
            told = "not assessed" + (f": {own.note}" if own is not None and own.note else "")
        elif one.gap is not None and one.gap.value is not None:
            gap = gap_words(chosen, one.gap)
            if one.gap.clear:
                told = f"{gap} against {called[one.against]}"
            elif one.gap.p05 is None:
                told = f"the same as {called[one.against]}"
            else:
                told = f"not told apart from {called[one.against]}: {gap}"
                if not one.gap.sure:
                    told += " is less than its uncertainty"
        yield one, told


def written(one: Criterion, value: float | None) -> str:
    """A value of a criterion in words."""
    if value is None:
        return "not assessed"
    if one.unit == "fraction":
        return percent(value, 2)
    return _plain(one, value)


def gap_words(one: Criterion, gap: Difference) -> str:
    """A difference and its interval, such as `−3.9 (−5.5 to −2.6)`; shares in points of percent."""
    if gap.value is None:
        return ""
    if gap.p05 is None or gap.p95 is None:
        return _signed(one, gap.value)
    return f"{_signed(one, gap.value)} ({_signed(one, gap.p05)} to {_signed(one, gap.p95)})"


def unit_words(unit: str) -> str:
    """A unit as people read it."""
    return _UNITS.get(unit, unit)


def _signed(one: Criterion, value: float) -> str:
    shown = 100.0 * value if one.unit == "fraction" else value
    text = _plain(one, shown)
    sign = "" if value == 0.0 or text.startswith(("-", "−")) else "+"
    return f"{sign}{text}"


def _plain(one: Criterion, value: float) -> str:
    """Two significant digits; what is counted is written out."""
    if one.group != "burden":
        return number(value, 3 if abs(value) >= _LARGE else 2)
    digits = 1 if one.key == "hours" and abs(value - round(value)) > _SLIP else 0
    return f"{value:,.{digits}f}".replace(",", "\u202f").replace("-", "−")


def _cell(
    comparison: Comparison,
    name: str,
    one: Criterion,
    own: Measure | None,
    shared: str,
    week: int | None = None,
) -> Cell:
    if own is None or own.value is None:
        note = "" if own is None else own.note
        return Cell("not assessed", "", "", "", note)
    low, _, high = own.quantiles
    ends = "" if low is None or high is None else span(written(one, low), written(one, high))
    note = "" if own.note == shared else own.note
    if name == comparison.names[0]:
        return Cell(written(one, own.value), ends, "", "", note)
    gap = comparison.difference(name, one.key, week)
    if gap.value == 0.0 and not gap.p05 and not gap.p95:
        return Cell(written(one, own.value), ends, "", "the same", note)
    return Cell(written(one, own.value), ends, gap_words(one, gap), _verdict(own, gap), note)


def _verdict(own: Measure, gap: Difference) -> str:
    """What a difference says, in a few words."""
    if gap.value is None or own.spread == PATIENTS:
        return ""
    if own.spread == EXACT:
        return ""
    if gap.p05 is None:
        return "uncertainty not assessed"
    if not gap.clear:
        return "less than its uncertainty"
    if gap.p_better is None:
        return ""
    better = round(gap.p_better * DRAWS)
    if better < DRAWS / 2:
        return f"worse in {DRAWS - better} of {DRAWS} draws"
    return f"better in {better} of {DRAWS} draws"
