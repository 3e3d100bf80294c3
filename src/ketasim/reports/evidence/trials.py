"""A published trial for a page: its arms, and what it published beside what is predicted for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from ketasim._base import InputError, near
from ketasim._base.numbers import NOTHING
from ketasim.dosing import arm_details, load_trial
from ketasim.evidence import (
    MoodRow,
    TrialView,
    facts,
    load_mood_rows,
    load_second_rows,
    number,
    show,
)
from ketasim.evidence.mood_training import MEANS
from ketasim.evidence.study_files import study_heads
from ketasim.figures.figure import OPEN, RING, Drawing, Figure, Legend
from ketasim.figures.panels import COLOURS, Line, Panel, Points, svg
from ketasim.trials import is_share, value_in_words
from ketasim.trials.published import USES

_NINETY: Final = 1.6448536269514722  # SDs of a 90 % interval
_DAY: Final = 24.0
_LOOKS: Final = ("mood", "r", "expectation", "norketamine", "course")
_ASIDE: Final = 0.012  # of the axis, between published and predicted


@dataclass(frozen=True)
class ReplayRow:
    """A published number beside what the model gives for a trial of that size, in words."""

    arm: str
    what: str
    published: str
    n: str
    predicted: str
    interval: str
    inside: bool
    used: str
    why: str
    source: str


@dataclass(frozen=True)
class Replay:
    """A published trial.

    **Arguments:**

    - `view`: everything the tables hold of it. `arms`: label, what is given, patients.
    - `rows`: published beside predicted. `agreement`: how many are inside, in words.
    - `figure`: of the changes of the MADRS; nothing where there are too few.
    """

    view: TrialView
    arms: tuple[tuple[str, str, str], ...]
    rows: tuple[ReplayRow, ...]
    agreement: str
    figure: Figure | None


def replay_view(key: str) -> Replay:
    """A published trial with the predictions that are kept of it.

    **Arguments:**

    - `key`: such as `murrough2013`.

    **Raises:** `InputError` when no trial file has that name.
    """
    found = show(key) if key in study_heads() else ()
    view = next((one for one in found if isinstance(one, TrialView)), None)
    if view is None:
        raise InputError("trial", f"there is no trial '{key}'", near(key, study_heads()))
    trial = load_trial(key)
    labels = trial.labels
    arms = tuple(
        (
            labels[arm.id],
            arm_details(arm),
            f"{arm.n} patients" if arm.branch is None else f"of those on {labels[arm.branch.of]}",
        )
        for arm in trial.arms
    )
    kept = _predicted()
    rows = [one for one in (*load_mood_rows(), *load_second_rows()) if one.trial == key]
    beside = [(row, *kept[row.key]) for row in rows if row.key in kept]
    told = tuple(_row(row, middle, sd, labels) for row, middle, sd in beside)
    return Replay(view, arms, told, _agreement(told), _figure(beside, labels))


@cache
def _predicted() -> Mapping[str, tuple[float, float]]:
    """Row of the training table to what the model gives for it, and the SD of such a trial."""
    found: dict[str, tuple[float, float]] = {}
    for row in facts("mood/predicted"):
        middle, sd = number(row.get("predicted")), number(row.get("sd"))
        if middle is not None and sd is not None:
            found[row.get("row_id")] = (middle, sd)
    return found


def _ends(row: MoodRow, middle: float, sd: float) -> tuple[float, float]:
    low, high = middle - _NINETY * sd, middle + _NINETY * sd
    return (max(low, 0.0), min(high, 1.0)) if is_share(row.metric) else (low, high)


def _row(row: MoodRow, middle: float, sd: float, labels: Mapping[str, str]) -> ReplayRow:
    low, high = _ends(row, middle, sd)
    arm = labels.get(row.arm, row.arm)
    if row.control is not None:
        arm = f"{arm} minus {labels.get(row.control, row.control)}"
    when = "" if row.time is None else f", {_time(row.time)}"
    return ReplayRow(
        arm=arm,
        what=f"{row.scale}, {value_in_words(row.metric)}{when}",
        published=_write(row.metric, row.value),
        n=NOTHING if row.n is None else f"{row.n:g}",
        predicted=_write(row.metric, middle),
        interval=f"{_write(row.metric, low)} to {_write(row.metric, high)}",
        inside=low <= row.value <= high,
        used=USES.get(row.used, row.used),
        why=row.why,
        source=row.source,
    )


def _time(hours: float) -> str:
    return f"{hours:g} h" if hours < 2 * _DAY else f"day {hours / _DAY:.3g}"


def _write(metric: str, value: float) -> str:
    share = is_share(metric)
    digits = 2 if metric == "cohen_d" else 1
    text = f"{round(100.0 * value if share else value, digits) + 0.0:.{digits}f}"
    return text.replace("-", "−") + ("\u202f%" if share else "")


def _agreement(rows: tuple[ReplayRow, ...]) -> str:
    told: list[str] = []
    for use in dict.fromkeys(one.used for one in rows):
        own = [one for one in rows if one.used == use]
        told.append(f"{sum(one.inside for one in own)} of {len(own)} values {use}")
    return "; ".join(told)


def _figure(beside: list[tuple[MoodRow, float, float]], labels: Mapping[str, str]) -> Figure | None:
    """Changes of a scale by arm over time: published rings, predicted dots with intervals."""
    found = [
        one
        for one in beside
        if one[0].metric in MEANS and one[0].control is None and one[0].time is not None
    ]
    if not found:
        return None
    scale = found[0][0].scale
    found = [one for one in found if one[0].scale == scale]
    last = max(one[0].time or 0.0 for one in found) / _DAY
    lines: list[Line] = []
    points: list[Points] = []
    legend: list[Legend] = []
    for place, arm in enumerate(dict.fromkeys(one[0].arm for one in found)):
        colour = COLOURS[_LOOKS[place % len(_LOOKS)]]
        own = sorted((one for one in found if one[0].arm == arm), key=lambda one: one[0].time or 0)
        days = [(row.time or 0.0) / _DAY + _ASIDE * last * (2 * place + 1) for row, _, _ in own]
        name = labels.get(arm, arm)
        points.append(
            Points(f"{name}, predicted", days, [middle for _, middle, _ in own], colour=colour)
        )
        lines += [
            Line("", [day, day], list(_ends(*one)), colour=colour)
            for day, one in zip(days, own, strict=True)
        ]
        before = [day - _ASIDE * last for day in days]
        values = [row.value for row, _, _ in own]
        points.append(Points(f"{name}, published", before, values, colour=colour, shape=RING))
        legend.append(Legend("line", name, colour))
    legend.append(Legend("dot", "published", COLOURS["mood"], OPEN))
    legend.append(
        Legend("words", "Dots with lines: predicted, with the 90 % interval of trials of this size")
    )
    panel = Panel(
        "",
        "days",
        f"{scale}, change in points",
        lines=tuple(lines),
        points=tuple(points),
        x_domain=(0.0, last * (1.03 + 2 * _ASIDE * len(points)) or 1.0),
        width=420,
        height=220,
    )
    told = f"{scale}, change by arm: published and predicted"
    return Figure("replay", told, (Drawing(svg(panel, told)),), tuple(legend), columns=1)
