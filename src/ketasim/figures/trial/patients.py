"""Responders as bars, relapse with the numbers at risk, and the change of single patients."""

from __future__ import annotations

import re
from typing import Any, Final

import numpy as np
import polars as pl

from ketasim._base import words
from ketasim._base.numbers import percent, span
from ketasim.figures.figure import Drawing, Figure, Legend
from ketasim.figures.panels import COLOURS, INK, OUTER, SOFT
from ketasim.figures.svg import Axis, Frame, Look
from ketasim.figures.svg.canvas import Canvas
from ketasim.figures.svg.lettering import shortened, width, wrapped
from ketasim.figures.trial.looks import look_of
from ketasim.trials import TrialResult
from ketasim.trials.metrics import METRICS

_DAY: Final = 24.0
_WIDTH, _HEIGHT = 330, 190
_BARS: Final = ("response", "remission", "sustained_response", "response_from_phase")
_ROW, _BAR, _LINE = 34.0, 11.0, 14.0  # px
_WIDE, _NARROW = 780.0, 280.0  # px, of relapse: the text of a page, and a telephone
_HALF, _ROOM = 0.5, 0.05  # share from which an axis does not begin at 0, and room below it
_RISK_ROWS: Final = 8  # times at which numbers at risk are written, at most
_SINGLE: Final = 100  # patients up to which each has a bar of its own
_PANELS: Final = 6  # arms with a waterfall, at most


def bars_figure(result: TrialResult) -> Figure | None:
    """Responders and the like at the last visit of each arm; nothing where none are assessed."""
    drawings: list[Drawing] = []
    summary = result.summary().filter(pl.col("mean").is_not_null())
    single = {arm.id for arm in result.trial.arms}
    found = summary.filter(pl.col("metric").is_in(_BARS) & pl.col("arm").is_in(single))
    for part in found.partition_by("scale", "metric", "definition", maintain_order=True):
        last = part.sort("time_h").group_by("arm", maintain_order=True).last()
        rows = {row["arm"]: row for row in last.to_dicts()}
        ordered = [rows[arm.id] for arm in result.trial.arms if arm.id in rows]
        drawings.append(Drawing(_bars(result, ordered)))
    if not drawings:
        return None
    return Figure(
        name="figure-responders",
        title="Responders at the last visit",
        drawings=tuple(drawings),
        legend=(
            Legend("band", "expected share of patients", COLOURS["ketamine"], opacity=0.75),
            Legend("line", "90 % of trials of this size", INK),
        ),
        columns=min(len(drawings), 2),
    )


def _bars(result: TrialResult, rows: list[dict[str, Any]]) -> str:
    first = rows[0]
    title = f"{words.capital(METRICS[first['metric']])}, {first['scale']}"
    lines = wrapped(_in_days(str(first["definition"])), _WIDTH + 20)
    labels = [f"{result.trial.labels[row['arm']]}, {_when(row['time_h'])}" for row in rows]
    values = [
        f"{percent(row['mean'], 2)} ({span(percent(row['p05'], 2), percent(row['p95'], 2))})"
        for row in rows
    ]
    # a value stands behind its label, or below where both do not fit on one line
    below = [
        width(label) + width(value) > _WIDTH - 12.0
        for label, value in zip(labels, values, strict=True)
    ]
    heights = [_ROW + _LINE * extra for extra in below]
    above = 20.0 + _LINE * len(lines)
    canvas = Canvas(_WIDTH + 40.0, above + sum(heights) + 40.0)
    canvas.text(4.0, 13.0, title, colour=INK, size=13.0, bold=True)
    for number, line in enumerate(lines):
        canvas.text(4.0, 13.0 + _LINE * (number + 1), line)
    frame = Frame(
        Axis(0.0, 1.0, "patients", style="percent"),
        Axis(0.0, 1.0, labels=False, grid=False),
        width=_WIDTH,
        height=sum(heights),
        canvas=canvas,
        top=above,
        left=16.0,
    )
    top = above
    for row, label, value, extra, height in zip(rows, labels, values, below, heights, strict=True):
        colour = look_of(result.trial, row["arm"])[0]
        canvas.text(20.0, top + 12.0, shortened(label, _WIDTH - 4.0), colour=INK, halo=True)
        line = top + 12.0 + _LINE * extra
        canvas.text(16.0 + _WIDTH, line, value, colour=INK, anchor="end", halo=True)
        left, right = frame.x.of(0.0), frame.x.of(row["mean"])
        middle = line + 4.0 + _BAR / 2
        canvas.rect(left, line + 4.0, max(right - left, 0.5), _BAR, Look(colour, opacity=0.75))
        low, high = frame.x.of(row["p05"]), frame.x.of(row["p95"])
        whisker = [(low, middle, high, middle)]
        whisker += [(x, middle - 4.0, x, middle + 4.0) for x in (low, high)]
        canvas.segments(whisker, Look(INK, 1.2))
        top += height
    arms = ", ".join(f"{result.trial.labels[r['arm']]} {percent(r['mean'], 2)}" for r in rows)
    return canvas.document(title, f"{title} at the last visit of each arm: {arms}.")


def relapse_figure(result: TrialResult) -> Figure | None:
    """Patients free of relapse over time, with the numbers at risk; nothing without relapse."""
    summary = result.summary().filter(
        pl.col("metric").is_in(("no_relapse", "relapse")) & pl.col("mean").is_not_null()
    )
    single = [arm.id for arm in result.trial.arms]
    summary = summary.filter(pl.col("arm").is_in(single))
    drawings: list[Drawing] = []
    for part in summary.partition_by("scale", "definition", maintain_order=True):
        metric = "no_relapse" if "no_relapse" in set(part["metric"]) else "relapse"
        chosen = part.filter(pl.col("metric") == metric)
        drawings.append(Drawing(*(_relapse(result, chosen, wide) for wide in (_WIDE, _NARROW))))
    if not drawings:
        return None
    arms = [arm for arm in result.trial.arms if arm.id in set(summary["arm"])]
    legend = [
        Legend("line", result.trial.labels[arm.id], colour, " ".join(map(str, dash)))
        for arm in arms
        for colour, dash, _ in (look_of(result.trial, arm.id),)
    ]
    band = Legend("band", "90 % of trials of this size", COLOURS["ketamine"], opacity=OUTER)
    return Figure(
        name="figure-relapse",
        title="Free of relapse, and patients at risk",
        drawings=tuple(drawings),
        legend=(*legend, band),
        caption="Kaplan and Meier, mean over the replicates. At risk: patients who are followed, "
        "have not relapsed before and come to the visit; means over the replicates.",
        columns=1,
    )


def _relapse(result: TrialResult, table: pl.DataFrame, wide: float) -> str:
    trial = result.trial
    arms = [arm for arm in trial.arms if arm.id in set(table["arm"])]
    definition = _in_days(str(table["definition"][0]))
    starts = {
        arm.id: next(one.start for one in trial.assessed(arm) if one.start is not None)
        for arm in arms
    }
    low = min(starts.values()) / _DAY
    high = float(table["time_h"].max()) / _DAY  # type: ignore[arg-type]
    scale, least = table["scale"][0], _least(table)
    cut = f"; the axis begins at {percent(least, 2)}" if least > 0.0 else ""
    lines = wrapped(f"{definition}{cut}", wide + 30.0)
    above = 22.0 + _LINE * len(lines)
    below = 46.0 + _LINE * (2 * len(arms) + 1)
    canvas = Canvas(wide + 70.0, above + 220.0 + below)
    canvas.text(4.0, 13.0, f"Free of relapse, {scale}", colour=INK, size=13.0, bold=True)
    for number, line in enumerate(lines):
        canvas.text(4.0, 13.0 + _LINE * (number + 1), line)
    frame = Frame(
        Axis(low, high, "days", style="days", grid=False),
        Axis(least, 1.0, style="percent"),
        width=wide,
        height=220,
        canvas=canvas,
        top=above,
        left=44.0,
    )
    drawn: list[tuple[str, list[float], list[float]]] = []
    for arm in arms:
        colour, dash, _ = look_of(trial, arm.id)
        own = table.filter(pl.col("arm") == arm.id).sort("time_h")
        free = own["metric"][0] == "no_relapse"
        days = [starts[arm.id] / _DAY, *(own["time_h"] / _DAY).to_list()]
        columns = [own[name] if free else 1.0 - own[name] for name in ("mean", "p05", "p95")]
        mean, one, other = ([1.0, *column.to_list()] for column in columns)
        step = np.repeat(days, 2)[1:]
        ends = [np.repeat(side, 2)[:-1] for side in (one, other)]
        frame.band(step, np.minimum(*ends), np.maximum(*ends), Look(colour, opacity=OUTER))
        frame.steps(days, mean, Look(colour, 1.8, tuple(map(float, dash))))
        drawn.append((arm.id, (own["time_h"] / _DAY).to_list(), own["n_assessed"].to_list()))
    foot = above + 220.0 + 46.0
    canvas.text(4.0, foot, "At risk", colour=INK, bold=True)
    every = _spread(
        sorted({day for _, days, _ in drawn for day in days}), _RISK_ROWS if wide > _NARROW else 4
    )
    for place, (name, days, counts) in enumerate(drawn):
        base = foot + _LINE * (2 * place + 1)
        colour = look_of(trial, name)[0]
        canvas.text(4.0, base, shortened(trial.labels[name], wide + 60.0), colour=colour)
        for day in every:
            if day in days:
                count = f"{counts[days.index(day)]:.0f}"
                canvas.text(frame.x.of(day), base + _LINE, count, colour=INK, anchor="middle")
    return canvas.document(
        f"Free of relapse, {scale}", f"Patients free of relapse by day and arm: {definition}."
    )


def _least(table: pl.DataFrame) -> float:
    """Where the axis of those free of relapse begins: a tenth below all curves, or 0."""
    free = table["metric"][0] == "no_relapse"
    low = float((table["p05"] if free else 1.0 - table["p95"]).drop_nulls().to_numpy().min())
    return 0.0 if low < _HALF else float(np.floor(10.0 * (low - _ROOM))) / 10.0


def _spread(values: list[float], most: int) -> list[float]:
    """Some of the values, the first and the last among them."""
    if len(values) <= most:
        return values
    places = np.unique(np.round(np.linspace(0, len(values) - 1, most)).astype(int))
    return [values[place] for place in places]


def waterfall_figure(result: TrialResult) -> Figure | None:
    """Change of every patient of one simulated trial at the last visit, largest fall last."""
    table = result.patients().filter(pl.col("replicate") == 0)
    scale = result.trial.assessments[0].scale
    table = table.filter(pl.col("scale").cast(pl.String) == scale, pl.col("time_h") > 0.0)
    arms = [arm for arm in result.trial.arms if arm.withdrawal is None][:_PANELS]
    drawings: list[Drawing] = []
    for arm in arms:
        own = table.filter(pl.col("arm").cast(pl.String) == arm.id)
        if not len(own):
            continue
        last = own.filter(pl.col("time_h") == own["time_h"].max())
        score = last["score"].to_numpy().astype(float)
        change = last["change"].to_numpy().astype(float)
        known = ~np.isnan(score) & (score - change > 0)
        parts = np.sort(change[known] / (score - change)[known])[::-1]
        if len(parts):
            drawings.append(Drawing(_waterfall(result, arm.id, scale, last, parts)))
    if not drawings:
        return None
    return Figure(
        name="figure-waterfall",
        title="Single patients of one simulated trial",
        drawings=tuple(drawings),
        legend=(
            Legend("band", "a patient, change from baseline", COLOURS["ketamine"], opacity=0.75),
            Legend("line", "what counts as response", SOFT, "2 3"),
        ),
        caption="Patients of the first replicate who were rated at the last visit, from the "
        "largest increase to the largest fall. Another replicate has other patients.",
        columns=min(len(drawings), 2),
    )


def _waterfall(
    result: TrialResult, arm: str, scale: str, last: pl.DataFrame, parts: np.ndarray
) -> str:
    colour = look_of(result.trial, arm)[0]
    when, gone = _when(last["time_h"][0]), len(last) - len(parts)
    title = f"{result.trial.labels[arm]}"
    left_out = f"; {gone} not rated" if gone else ""
    below = f"patients, {len(parts)} rated on {when}{left_out}"
    frame = Frame(
        Axis(0.0, float(len(parts)), below, grid=False, labels=False),
        Axis(-1.0, 0.5, f"{scale}, change", style="percent"),
        width=_WIDTH,
        height=_HEIGHT,
        title=title,
    )
    shown = np.clip(parts, -1.0, 0.5)
    look, zero = Look(colour, opacity=0.75), frame.y.of(0.0)
    if len(parts) <= _SINGLE:  # few enough for a bar each
        step = frame.x.of(1.0) - frame.x.of(0.0)
        for place, part in enumerate(shown):
            y, x = frame.y.of(float(part)), frame.x.of(float(place))
            top, tall = min(y, zero), max(abs(y - zero), 0.6)
            frame.canvas.rect(x + 0.06 * step, top, 0.88 * step, tall, look)
    else:
        edges = np.arange(len(parts) + 1, dtype=float)
        frame.band(np.repeat(edges, 2)[1:-1], np.zeros(2 * len(parts)), np.repeat(shown, 2), look)
    least = -result.trial.response_at_least
    frame.line((0.0, float(len(parts))), (least, least), Look(SOFT, 1.2, (2.0, 3.0)))
    share = percent(float((parts <= least + 1e-9).mean()), 2)
    return frame.canvas.document(
        title, f"{title}: change of {scale} of each patient on {when}; {share} have a response."
    )


def _when(hours: float) -> str:
    return f"{hours:g} h" if hours < 2 * _DAY else f"day {hours / _DAY:.4g}"


def _in_days(definition: str) -> str:
    """A definition with the time from which patients are followed in days."""
    return re.sub(r"from ([0-9.]+) h", lambda found: f"from {_when(float(found[1]))}", definition)
