"""The design of a trial as a scheme: who gets what when, and when they are rated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from ketasim.dosing import Arm, Trial
from ketasim.figures.figure import DOTS, Drawing, Figure, Legend
from ketasim.figures.panels import COLOURS, INK, SOFT
from ketasim.figures.svg import Axis, Frame, Look
from ketasim.figures.svg.canvas import Canvas
from ketasim.figures.svg.lettering import wrapped
from ketasim.figures.trial.looks import look_of
from ketasim.trials.patients.individual import orders_of, period_length

_DAY: Final = 24.0
_WIDE, _NARROW = 640, 300
_LINE: Final = 13.0  # px of a line of words
_TRACK: Final = 16.0  # px of a track
_GAP: Final = 10.0  # px between rows
_TICK: Final = 3.0  # px, half a session's mark
_FEW: Final = 3.0  # px between marks below which they become a bar


@dataclass(frozen=True)
class _Row:
    """A line of the scheme, in days.

    **Arguments:**

    - `words`: what it is. `spans`: stretches, each with its colour.
    - `sessions`: fixed ones, each with its colour. `ruled`: stretch under a dosing rule.
    """

    words: str
    spans: tuple[tuple[float, float, str], ...]
    sessions: tuple[tuple[float, str], ...] = ()
    ruled: tuple[tuple[float, float, str], ...] = ()


def scheme_figure(trial: Trial) -> Figure:
    """Draw the design of a trial: a row an arm, or an order of a crossover."""
    rows = _orders(trial) if trial.design == "crossover" else _arms(trial)
    end = max(last for row in rows for _, last, _ in row.spans)
    visits = _visits(trial) if trial.design != "crossover" else ()
    again = sorted({arm.branch.after / _DAY for arm in trial.arms if arm.branch is not None})
    told = f"Design: {'; '.join(row.words for row in rows)}"
    legend = [
        Legend("line", "an arm, or a period in it, as long as it is followed", INK),
        Legend("dot", "a session", INK, "M-1,-5H1V5H-1Z"),
    ]
    if any(row.ruled for row in rows):
        legend.append(
            Legend("band", "sessions by the patient's own score", COLOURS["ketamine"], opacity=0.3)
        )
    if visits:
        legend.append(Legend("dot", "a visit with a rating", SOFT, DOTS["circle"]))
    if again:
        legend.append(Legend("line", "randomised again", SOFT, "3 3"))
    return Figure(
        name="figure-scheme",
        title="The design",
        drawings=(
            Drawing(
                _drawn(rows, end, visits, again, _WIDE, told),
                _drawn(rows, end, visits, again, _NARROW, told),
            ),
        ),
        legend=tuple(legend),
        columns=1,
    )


def _arms(trial: Trial) -> list[_Row]:
    rows: list[_Row] = []
    for arm in trial.arms:
        first, last = (time / _DAY for time in trial.phase(arm))
        colour = look_of(trial, arm.id)[0]
        own = [time / _DAY for time in arm.sessions]
        own = [day for day in own if first <= day <= last]
        if arm.withdrawal is not None:
            own = [day for day in own if day < last]
        n = "" if arm.branch is not None else f", n = {arm.n:,}"
        rows.append(
            _Row(
                f"{trial.labels[arm.id]}{n}",
                ((first, last, colour),),
                tuple((day, colour) for day in own),
                _ruled(arm, first, last, colour),
            )
        )
    return rows


def _ruled(
    arm: Arm, first: float, last: float, colour: str
) -> tuple[tuple[float, float, str], ...]:
    times = [time / _DAY for time in arm.rule_times if first <= time / _DAY < last]
    rule = arm.dosing_rule
    if not times or rule is None:
        return ()
    return ((times[0], min(times[-1] + rule.every / _DAY, last), colour),)


def _orders(trial: Trial) -> list[_Row]:
    rows: list[_Row] = []
    orders = orders_of(trial)
    for order in orders:
        start, spans, sessions = 0.0, list[tuple[float, float, str]](), list[tuple[float, str]]()
        for place in order:
            arm = trial.arms[place]
            colour = look_of(trial, arm.id)[0]
            spans.append((start / _DAY, (start + trial.horizon) / _DAY, colour))
            seen = [time for time in arm.sessions if time < trial.horizon]
            sessions += [((start + time) / _DAY, colour) for time in seen]
            start += period_length(trial, arm)
        names = ", then ".join(trial.labels[trial.arms[place].id] for place in order)
        rows.append(_Row(f"{names}: 1 of {len(orders)} patients", tuple(spans), tuple(sessions)))
    return rows


def _visits(trial: Trial) -> tuple[float, ...]:
    times = {time / _DAY for one in trial.assessments for time in one.times}
    return tuple(sorted(times))


def _drawn(
    rows: list[_Row],
    end: float,
    visits: tuple[float, ...],
    again: list[float],
    width: int,
    told: str,
) -> str:
    left = right = 14.0
    lines = [wrapped(row.words, width) for row in rows]
    heights = [len(one) * _LINE + _TRACK + _GAP for one in lines]
    tall = sum(heights) + (_TRACK if visits else 0.0)
    canvas = Canvas(width + left + right, tall + 44.0)
    frame = Frame(
        Axis(0.0, end, "days from the first session", style="days", grid=False),
        Axis(0.0, 1.0, labels=False, grid=False),
        width=width,
        height=tall,
        canvas=canvas,
        top=4.0,
        left=left,
    )
    top = 4.0
    for row, words, height in zip(rows, lines, heights, strict=True):
        for number, line in enumerate(words):
            canvas.text(left, top + _LINE * (number + 1) - 3.0, line, colour=INK)
        middle = top + _LINE * len(words) + _TRACK / 2
        for first, last, colour in row.spans:
            a, b = frame.x.of(first), frame.x.of(last)
            canvas.segments([(a, middle, b, middle)], Look(colour, 2.0))
        for first, last, colour in row.ruled:
            a, b = frame.x.of(first), frame.x.of(last)
            canvas.rect(a, middle - 5.0, max(b - a, 1.0), 10.0, Look(colour, opacity=0.3))
        thin = 1.0 if _crowded(row, frame) else 2.0
        for day, colour in row.sessions:
            x = frame.x.of(day)
            canvas.rect(x - thin / 2, middle - 5.0, thin, 10.0, Look(colour), name=f"day {day:g}")
        top += height
    foot = 4.0 + tall
    if visits:
        for day in visits:
            canvas.point(
                frame.x.of(day), foot - 7.0, Look(SOFT), size=2.2, name=f"rated on day {day:.4g}"
            )
    for day in again:
        x = frame.x.of(day)
        canvas.segments([(x, 4.0, x, foot)], Look(SOFT, 1.0, (3.0, 3.0)))
    return canvas.document("The design", told)


def _crowded(row: _Row, frame: Frame) -> bool:
    places = np.array([frame.x.of(day) for day, _ in row.sessions])
    return len(places) > 1 and float(np.diff(places).min()) < _FEW
