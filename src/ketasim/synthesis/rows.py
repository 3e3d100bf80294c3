"""Rows of `mood/training` as a meta-analysis reads them, with the rules that keep or leave them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from ketasim.dosing import Arm, Trial
from ketasim.evidence import Fact, fact, facts

STATISTICS: Final = ("observed", "LS", "KM", "model", "ITT", "LOCF")
"""In this order; numbers of two of them are never put into one effect."""

_WORDS: Final = {
    "observed": "observed",
    "LS": "least squares",
    "LOCF": "last observation carried forward",
}


@dataclass(frozen=True)
class PoolRow:
    """A row of `mood/training`.

    **Arguments:**

    - `fact`: as it stands.
    - `arm`, `control`: of the study file; a contrast has both. Nothing for another group.
    - `time`: h. `se`: of the value. `rules`: codes of the data rules.
    """

    fact: Fact
    arm: str | None
    control: str | None
    time: float | None
    se: float | None
    rules: tuple[str, ...]

    def number(self, column: str) -> float | None:
        """The number of a cell, nothing when it has none."""
        return _number(self.fact.get(column))

    @property
    def metric(self) -> str:
        """What was measured."""
        return self.fact.get("metric")

    @property
    def statistic(self) -> str:
        """One of `STATISTICS`."""
        return self.fact.get("statistic")

    @property
    def outcomes(self) -> tuple[str, ...]:
        """The facts behind the row."""
        rows = self.fact.listed("outcome_row")
        return tuple(row if ":" in row else f"mood/outcomes:{row}" for row in rows)


def rows_of(trial: str, study: Trial | None) -> tuple[PoolRow, ...]:
    """Every row of a trial.

    **Arguments:**

    - `trial`: its key. `study`: its study file; without one no row has an arm.
    """
    return tuple(_row(fact, study) for fact in facts("mood/training") if fact.get("trial") == trial)


@cache
def rule_uses() -> dict[str, tuple[str, str]]:
    """Rule to its use (keep, flag or leave) and the words for it."""
    return {
        fact.get("code"): (fact.get("use"), fact.get("why")) for fact in facts("mood/pooling_rules")
    }


def _row(fact: Fact, study: Trial | None) -> PoolRow:
    ids = [arm.id for arm in study.arms] if study else []
    arm: str | None = None
    control: str | None = None
    text = fact.get("arm")
    if text in ids:
        arm = text
    else:
        for first in ids:
            if text.startswith(f"{first}-") and text[len(first) + 1 :] in ids:
                arm, control = first, text[len(first) + 1 :]
    return PoolRow(
        fact=fact,
        arm=arm,
        control=control,
        time=_number(fact.get("time_h")),
        se=_number(fact.get("se")),
        rules=fact.listed("rule"),
    )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def has_rule(rows: Iterable[PoolRow], rule: str) -> bool:
    """Whether a data rule was used for one of the rows."""
    return any(rule in row.rules for row in rows)


def first_hand(rows: Sequence[PoolRow]) -> PoolRow:
    """The row of the source that has it itself, the first of several."""
    return min(rows, key=lambda row: "second_hand" in row.rules)


def total_of(rows: Sequence[PoolRow], column: str) -> int | None:
    """The sum of a column; nothing when a cell is empty."""
    found = [row.number(column) for row in rows]
    return None if None in found else int(sum(n for n in found if n is not None))


def outcome_ids(rows: Iterable[PoolRow]) -> tuple[str, ...]:
    """The facts behind rows, each once."""
    return tuple(dict.fromkeys(one for row in rows for one in row.outcomes))


def route_of(arm: Arm) -> str:
    """The route of an arm's first phase; empty for a control."""
    return arm.phases[0].route if arm.phases else ""


def dose_words(trial: str, arms: Sequence[Arm]) -> str:
    """Doses as the tables give them, of all arms."""
    known = {
        fact.get("arm_id"): (fact.get("dose"), fact.get("dose_unit"))
        for fact in facts("mood/arms")
        if fact.get("trial_id") == trial
    }
    doses = [known.get(arm.id, ("", "")) for arm in arms]
    units = {unit for dose, unit in doses if dose}
    told = " / ".join(dose for dose, _ in doses if dose)
    return f"{told} {units.pop()}" if len(units) == 1 else told


def printed_percent(row: PoolRow) -> str:
    """The percentage as its source prints it; a count stands as a percentage of its n."""
    printed = fact(row.outcomes[0])
    if printed.get("metric").endswith("_pct"):
        return printed.get("value")
    return f"{100.0 * float(row.fact.get('value')):.6f}"


def count_flag(arm: str, count: int, low: int, high: int) -> str:
    """What a reader must know of a count that its percentage does not give alone."""
    if low == high == count:
        return f"no whole number gives the percentage of {arm}: {count} taken"
    return f"the percentage of {arm} is rounded: {count} taken, {low} to {high} possible"


def statistic_words(statistic: str) -> str:
    """A statistic in words."""
    return _WORDS.get(statistic, statistic)
