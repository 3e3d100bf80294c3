"""The nearest published trials in a report: what they published, what the model gives for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from ketasim._base.numbers import NOTHING, percent, span
from ketasim.dosing import scales

if TYPE_CHECKING:
    from ketasim.simulation.mood.beside import NearValue

_DAY: Final = 24.0
_USED: Final = {"fit": "fitted", "compare": "not fitted"}


@dataclass(frozen=True)
class NearGroup:
    """Values beside a course, or an arm, at one time.

    **Arguments:**

    - `title`: which time, of what. `near`: whether a trial is within the limit of the rule.
    - `rows`: cells of each value, by the names in the template.
    """

    title: str
    near: bool
    rows: tuple[dict[str, Any], ...]


def near_groups(
    values: Sequence[NearValue], labels: Mapping[str, str] | None = None
) -> list[NearGroup]:
    """Put near values into groups for a table.

    **Arguments:**

    - `values`: of a course or a trial. `labels`: of the trial's arms.
    """
    found: list[NearGroup] = []
    for (own, time), members in groupby(values, key=lambda one: (one.own, one.own_time_h)):
        rows = list(members)
        title = f"Day {time / _DAY:.3g}"
        if labels:
            title = f"{labels[own]}, day {time / _DAY:.3g}"
        found.append(NearGroup(title, any(one.near for one in rows), tuple(map(_row, rows))))
    return found


def _row(one: NearValue) -> dict[str, Any]:
    days = one.time_h / _DAY
    return {
        "given": one.given,
        "title": one.title,
        "what": f"{one.scale}, {one.metric}" if one.scale in scales() else one.metric,
        "day": f"day {days:.3g}" if days >= 1.0 else f"{one.time_h:.2g} h",
        "published": _write(one.metric, one.published),
        "n": NOTHING if one.n is None else f"{one.n:g}",
        "predicted": _write(one.metric, one.predicted),
        "interval": span(_write(one.metric, one.p05), _write(one.metric, one.p95)),
        "inside": one.inside,
        "near": one.near,
        "differs": one.differs or "nothing that the rule counts",
        "used": _USED.get(one.used, one.used),
        "source": one.source,
    }


def _write(metric: str, value: float) -> str:
    if metric != "change":
        return percent(value, 2)
    return f"{round(value, 1) + 0.0:.1f}".replace("-", "−")
