"""What the nearest published trials reported, beside what the model gives for them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from typing import Final

import polars as pl

from ketasim._base import words
from ketasim.evidence import facts, number, source_name
from ketasim.evidence.mood_training import MoodRow, load_mood_rows, same_people
from ketasim.simulation.mood.nearness import differences, distance, near_limit
from ketasim.simulation.mood.studied import Treated, studied_arms

PREDICTED: Final = "mood/predicted"
"""What the card `mood` gives for the rows of `mood/training`, written after a calibration."""

COMPARED: Final = ("change", "response", "remission")
"""Metrics that are shown beside a course."""

_NINETY: Final = 1.6448536269514722
_DAY: Final = 24.0
_SLIP: Final = 0.01  # h
_MOST: Final = 3  # trials at a time
_FOUR_WEEKS: Final = 28 * _DAY
_APART: Final = 1.25  # times nearer to each other than that by a factor are one


@dataclass(frozen=True)
class NearValue:
    """A number that a near trial published, beside what the model gives for that trial.

    **Arguments:**

    - `own`: arm of the trial that is simulated; empty of a course.
    - `own_time_h`: time of the course or trial that is looked at.
    - `trial`, `arm`: keys of the published trial. `title`, `given`: in words.
    - `n`: patients behind the number. `time_h`: of the rating.
    - `metric`: one of `COMPARED`. `scale`: on which it was rated.
    - `published`: points or fraction. `predicted`: by the card `mood` as it ships; `sd`, `p05`,
      `p95`: of what a trial of that size would publish. `inside`: whether the published value is
      in between.
    - `distance`: by the rule `mood/nearness`. `near`: within its limit.
    - `differs`: in what, with what the course has in brackets.
    - `used`: `fit`, or `compare` where the model was not fitted to it. `source`: key.
    """

    own: str
    own_time_h: float
    trial: str
    arm: str
    title: str
    given: str
    n: float | None
    time_h: float
    scale: str
    metric: str
    published: float
    predicted: float
    sd: float
    p05: float
    p95: float
    inside: bool
    distance: float
    near: bool
    differs: str
    used: str
    source: str


@dataclass(frozen=True)
class _Rated:
    """A published number with its prediction."""

    row: MoodRow
    predicted: float
    sd: float


@cache
def _rated() -> Mapping[tuple[str, str], tuple[_Rated, ...]]:
    """Trial and arm to the numbers of it that can be shown."""
    rows = {row.key: row for row in load_mood_rows()}
    found: dict[tuple[str, str], list[_Rated]] = {}
    for cells in facts(PREDICTED):
        row = rows.get(cells.get("row_id"))
        predicted, sd = number(cells.get("predicted")), number(cells.get("sd"))
        if row is None or row.control is not None or row.metric not in COMPARED:
            continue
        if predicted is None or sd is None or row.time is None:
            continue
        if row.metric == "change" and row.scale != "MADRS":
            continue
        found.setdefault((row.trial, row.arm), []).append(_Rated(row, predicted, sd))
    return {key: tuple(values) for key, values in found.items()}


def times_compared(sessions: Sequence[float], horizon: float) -> tuple[float, ...]:
    """Times of a course that trials are looked for: a day, four weeks, after treatment, the end.

    **Arguments:**

    - `sessions`: h, their starts. `horizon`: h.

    **Returns:** h, ascending; of times close to each other the last.
    """
    last = max(sessions, default=0.0) + _DAY
    wanted = sorted({t for t in (_DAY, _FOUR_WEEKS, last, horizon) if t <= horizon + _SLIP})
    return tuple(
        time
        for place, time in enumerate(wanted)
        if place + 1 == len(wanted) or wanted[place + 1] / time > _APART
    )


def near_values(
    own: Treated, times: Iterable[float], *, without: Sequence[str] = ()
) -> tuple[NearValue, ...]:
    """What the trials nearest to a course published, beside what the model gives for them.

    **Arguments:**

    - `own`: the course, or an arm of a trial. `times`: h, when it is looked at.
    - `without`: keys of trials that are left out, with those that hold the same people.

    **Returns:** of each time the values of the nearest trials, one arm at one rating of each.
    """
    hidden = {one for key in without for one in (key, *same_people(key))}
    found: list[NearValue] = []
    for time in times:
        ranked: list[tuple[float, str, str, float, str]] = []
        for (trial, arm), values in _rated().items():
            if trial in hidden:
                continue
            for rated in sorted({one.row.time for one in values if one.row.time is not None}):
                told = differences(studied_arms()[trial, arm], rated, own, time)
                if told is not None and math.isfinite(distance(told)):
                    differs = "; ".join(one.words for one in told if one.words)
                    ranked.append((round(distance(told), 6), trial, arm, rated, differs))
        chosen: list[str] = []
        for far, trial, arm, rated, differs in sorted(ranked):
            if len(chosen) == _MOST:
                break
            if not {trial, *same_people(trial)}.intersection(chosen):
                chosen.append(trial)
                found += _values(own, time, (trial, arm), rated, far, differs)
    return tuple(found)


def _values(
    own: Treated, time: float, key: tuple[str, str], rated: float, far: float, differs: str
) -> list[NearValue]:
    arm = studied_arms()[key]
    found: list[NearValue] = []
    for one in sorted(_rated()[key], key=lambda one: COMPARED.index(one.row.metric)):
        row = one.row
        if row.time is None or abs(row.time - rated) > _SLIP:
            continue
        if any((one.metric, one.scale) == (row.metric, row.scale) for one in found):
            continue
        low, high = (one.predicted + sign * _NINETY * one.sd for sign in (-1.0, 1.0))
        if row.metric != "change":
            low, high = max(low, 0.0), min(high, 1.0)
        found.append(
            NearValue(
                own=own.arm,
                own_time_h=time,
                trial=arm.trial,
                arm=arm.arm,
                title=arm.title,
                given=arm.what,
                n=row.n,
                time_h=rated,
                scale=row.scale,
                metric=row.metric,
                published=row.value,
                predicted=one.predicted,
                sd=one.sd,
                p05=low,
                p95=high,
                inside=low <= row.value <= high,
                distance=far,
                near=far <= near_limit(),
                differs=differs,
                used=row.used,
                source=row.source,
            )
        )
    return found


def near_table(values: Sequence[NearValue]) -> pl.DataFrame:
    """The values as a table, a column for each field of `NearValue`."""
    kinds = {"str": pl.String, "float": pl.Float64, "bool": pl.Boolean}
    schema = {one.name: kinds[str(one.type).split(" ")[0]] for one in fields(NearValue)}
    return pl.DataFrame([asdict(one) for one in values], schema=schema)


@dataclass(frozen=True)
class _Miss:
    """How far published numbers of some trials are from what the model gives for them.

    **Arguments:**

    - `metric`: one of `COMPARED`. `trials`: keys. `gap`: published less predicted, weighed by
      precision. `sd`: of it. `published`, `predicted`: weighed means.
    """

    metric: str
    trials: tuple[str, ...]
    gap: float
    sd: float
    published: float
    predicted: float

    @property
    def score(self) -> float:
        """The gap in its SDs."""
        return abs(self.gap) / self.sd

    @property
    def missed(self) -> bool:
        """Whether the gap is beyond its 90 % interval."""
        return self.score > _NINETY


def disagreement(own: Treated, values: Sequence[NearValue], *, of: str = "this course") -> str:
    """Where the evidence disagrees with the model for a course, in one sentence.

    The nearest trials of each time are taken together; where they agree, all trials of that drug
    and route, first those as open or blinded as the course.

    **Arguments:**

    - `own`: the course or arm. `values`: of `near_values`. `of`: what it is called.

    **Returns:** nothing where published and predicted agree within 90 % intervals.
    """
    near = [one for one in values if one.near]
    missed: list[tuple[float, _Miss]] = []
    for time in dict.fromkeys(one.own_time_h for one in near):
        for metric in COMPARED:
            miss = _together([o for o in near if (o.own_time_h, o.metric) == (time, metric)])
            if miss is not None and miss.missed:
                missed.append((time, miss))
    if missed:
        time, miss = max(missed, key=lambda one: one[1].score)
        many = len(miss.trials)
        whose = "the nearest trial" if many == 1 else f"the {many} nearest trials"
        return (
            f"The evidence disagrees with the model around day {time / _DAY:.3g} of {of}: "
            f"in {whose} ({_named(miss.trials)}) {_said(miss)}."
        )
    for told, kind in ((own.told, own.kind), ("", f"{own.what_kind}, open or blinded")):
        standing = [miss for miss in _standing(own, told) if miss.missed]
        if standing:
            miss = max(standing, key=lambda one: one.score)
            whose = words.counted(len(miss.trials), "trial")
            if len(miss.trials) <= _MOST:
                whose += f" ({_named(miss.trials)})"
            return (
                f"The evidence disagrees with the model for {kind}, whatever the schedule: in "
                f"{whose} {_said(miss)}."
            )
    return ""


def _standing(own: Treated, told: str) -> list[_Miss]:
    """Misses of all arms of one kind, at whatever time.

    **Arguments:**

    - `own`: of that kind. `told`: what their patients know; of any arm when empty.
    """
    kind = (own.drug, own.route, own.control)
    found: list[_Miss] = []
    for metric in COMPARED:
        values = [
            value
            for key, rated in _rated().items()
            for arm in [studied_arms()[key]]
            if (arm.drug, arm.route, arm.control) == kind and told in ("", arm.told)
            for time in sorted({one.row.time or 0.0 for one in rated})
            for value in _values(own, time, key, time, 0.0, "")
            if value.metric == metric
        ]
        miss = _together(values)
        if miss is not None:
            found.append(miss)
    return found


def _together(values: Sequence[NearValue]) -> _Miss | None:
    """Published and predicted over trials: each trial counts once, its values as one."""
    trials: dict[str, list[NearValue]] = {}
    for one in values:
        trials.setdefault(one.trial, []).append(one)
    if not trials:
        return None

    def mean(numbers: Iterable[float]) -> float:
        listed = list(numbers)
        return math.fsum(listed) / len(listed)

    published, predicted, sds = (
        [mean(getattr(one, name) for one in own) for own in trials.values()]
        for name in ("published", "predicted", "sd")
    )
    weights = [sd**-2 for sd in sds]
    total = math.fsum(weights)
    theirs, ours = (
        math.fsum(w * x for w, x in zip(weights, numbers, strict=True)) / total
        for numbers in (published, predicted)
    )
    return _Miss(values[0].metric, tuple(trials), theirs - ours, total**-0.5, theirs, ours)


def _named(trials: Sequence[str]) -> str:
    sources = {key: arm.source for (key, _), arm in studied_arms().items() if key in trials}
    return "; ".join(dict.fromkeys(source_name(sources[key]) for key in trials))


def _said(miss: _Miss) -> str:
    half = _NINETY * miss.sd
    if miss.metric == "change":
        low, high = sorted((abs(miss.gap - half), abs(miss.gap + half)))
        more = "more" if miss.gap < 0 else "less"
        return (
            f"the MADRS fell by {abs(miss.gap):.1f} points {more} than the model gives for them "
            f"({-miss.published:.0f} against {-miss.predicted:.0f} points; 90 % interval of the "
            f"difference {low:.1f}-{high:.1f})"
        )
    what = "had a response" if miss.metric == "response" else "were in remission"
    return (
        f"{100 * miss.published:.0f} % {what}, and the model gives {100 * miss.predicted:.0f} % "
        f"for them"
    )
