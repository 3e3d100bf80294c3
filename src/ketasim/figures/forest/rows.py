"""What a forest plot shows, in words and numbers: for both of its drawings."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ketasim.synthesis.tables import NORMAL, plain_number, shown

if TYPE_CHECKING:
    from ketasim.synthesis import MetaResult, PooledEffect, StudyEffect

STUDY: Final = "study: effect (area: weight)"
"""What a square is."""
STUDY_INTERVAL: Final = "study: 95 % confidence interval"
"""What a thin line is."""
POOLED: Final = "pooled effect, 95 % confidence interval"
"""What the diamond is."""
PREDICTION: Final = "95 % prediction interval"
"""What the thick line is."""
FURTHER: Final = f"{PREDICTION} of a further study"
"""Name of its row."""
HEADS: Final = ("trial", "drug vs control", "effect (95 % interval)", "weight")
"""Heads of the columns."""
_MOST_STEPS: Final = 8
_FAR: Final = 300.0  # logarithm of a ratio beyond which no axis reaches


@dataclass(frozen=True)
class ForestRow:
    """A study, or the pooled effect.

    **Arguments:**

    - `label`: name. `detail`: drug, dose and control. `people`: of both arms.
    - `value`, `low`, `high`: effect and 95 % interval, as they are read: a ratio, no logarithm.
    - `effect`: the three in words. `weight`: share in the pooled effect, 0-1.
    """

    label: str
    value: float
    low: float
    high: float
    effect: str
    detail: str = ""
    people: str = ""
    weight: float = 1.0


@dataclass(frozen=True)
class Forest:
    """All that a forest plot shows.

    **Arguments:**

    - `title`, `lines`: above the plot. `x_title`: of the axis.
    - `ends`: of the axis; what lies beyond is cut. `log`: logarithmic, for ratios.
    - `null`: no effect. `sides`: what lies left and right of it.
    - `studies`: rows from the top. `pooled`: nothing for one study.
    - `prediction`: where a further study is expected, and in words; nothing below three studies.
    """

    title: str
    lines: tuple[str, ...]
    x_title: str
    ends: tuple[float, float]
    log: bool
    null: float
    sides: tuple[str, str]
    studies: tuple[ForestRow, ...]
    pooled: ForestRow | None
    prediction: tuple[float, float, str] | None

    @property
    def entries(self) -> tuple[str, ...]:
        """What the marks are, for a legend; a single study is not pooled."""
        found = [STUDY, STUDY_INTERVAL]
        found += [POOLED] if self.pooled is not None else []
        return (*found, *([PREDICTION] if self.prediction is not None else []))

    @property
    def steps(self) -> list[float]:
        """Round values of a logarithmic axis, never so many that they touch."""
        low, high = self.ends
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        found: list[float] = []
        for steps in ((1.0, 2.0, 5.0), (1.0, 3.0), (1.0,)):
            found = [float(f"{step * 10.0**power:.6g}") for power in powers for step in steps]
            found = [value for value in found if low <= value <= high]
            if len(found) <= _MOST_STEPS:
                break
        return found

    def cut(self, low: float, high: float) -> tuple[float, float]:
        """The part of an interval that the axis shows.

        **Arguments:**

        - `low`, `high`: its ends.
        """
        first, last = self.ends
        return min(max(low, first), last), max(min(high, last), first)


def forest_of(result: MetaResult) -> Forest:
    """What the forest plot of a meta-analysis shows.

    **Arguments:**

    - `result`: of `pool_comparable`.

    **Raises:** `ValueError` when no study entered.
    """
    pooled = result.pooled
    if pooled is None:
        raise ValueError("there is no study to draw")
    query, many = result.selection.query, pooled.k > 1
    head, _, tail = query.title.partition(": ")
    first, last = (shown(result, end) for end in _domain(result, pooled))
    mean = _row(result, "Pooled", pooled.estimate, pooled.low, pooled.high) if many else None
    return Forest(
        title=head[:1].upper() + head[1:],
        lines=(tail, _heterogeneity(pooled)),
        x_title=f"{query.effect}{', points' if query.metric == 'difference' else ''}",
        ends=(first, last),
        log=query.is_ratio,
        null=shown(result, 0.0),
        sides=_sides(query.metric),
        studies=tuple(
            _study(result, study, weight)
            for study, weight in zip(result.selection.studies, pooled.weights, strict=True)
        ),
        pooled=mean,
        prediction=_prediction(result, pooled) if many else None,
    )


def _heterogeneity(pooled: PooledEffect) -> str:
    if pooled.tau2 is None or pooled.i2 is None:
        return pooled.notes[0]
    return (
        f"{pooled.k} studies; tau² {plain_number(pooled.tau2)} "
        f"({plain_number(pooled.tau2_low)} to {plain_number(pooled.tau2_high)}), "
        f"I² {100 * pooled.i2:.0f} %; {pooled.method}"
    )


def _domain(result: MetaResult, pooled: PooledEffect) -> tuple[float, float]:
    """Ends of the axis on the scale of pooling: all studies, and of the rest what has room."""
    low = min(0.0, *(s.effect - NORMAL * s.se for s in result.selection.studies))
    high = max(0.0, *(s.effect + NORMAL * s.se for s in result.selection.studies))
    room = 0.5 * (high - low)
    ends = [pooled.low, pooled.high, *(pooled.prediction or ())]
    first = max(low - room, min(low, *ends))
    last = min(high + room, max(high, *ends))
    edge = 0.03 * (last - first)
    first, last = first - edge, last + edge
    if result.selection.query.is_ratio:
        first, last = max(first, -_FAR), min(last, _FAR)
    return first, last


def _study(result: MetaResult, study: StudyEffect, weight: float) -> ForestRow:
    from ketasim.synthesis import control_words  # only here: the room is slow to load

    given = " ".join(word for word in (study.drug, study.route, study.dose) if word)
    sides = ((study.events, study.n), (study.events_control, study.n_control))
    people = " vs ".join(
        "?" if n is None else f"{n}" if events is None else f"{events}/{n}" for events, n in sides
    )
    reach = NORMAL * study.se
    return _row(
        result,
        study.label,
        study.effect,
        study.effect - reach,
        study.effect + reach,
        detail=f"{given} against {control_words(study.control)}",
        people=people,
        weight=weight,
    )


def _row(
    result: MetaResult,
    label: str,
    value: float,
    low: float,
    high: float,
    *,
    detail: str = "",
    people: str = "",
    weight: float = 1.0,
) -> ForestRow:
    """A row from numbers on the scale of pooling."""
    value, low, high = (shown(result, one) for one in (value, low, high))
    effect = f"{_number(value)} ({_number(low)} to {_number(high)})"
    return ForestRow(label, value, low, high, effect, detail, people, weight)


def _prediction(result: MetaResult, pooled: PooledEffect) -> tuple[float, float, str] | None:
    if pooled.prediction is None:
        return None
    low, high = (shown(result, end) for end in pooled.prediction)
    return low, high, f"({_number(low)} to {_number(high)})"


def _number(value: float) -> str:
    return plain_number(value).replace("-", "−")


def _sides(metric: str) -> tuple[str, str]:
    """What the two sides of the axis mean."""
    if metric == "event":
        return "fewer with the drug", "more with the drug"
    if metric in ("response", "remission"):
        return "favours control", "favours the drug"
    return "favours the drug", "favours control"
