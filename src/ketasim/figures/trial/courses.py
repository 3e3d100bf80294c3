"""Figures of a trial: expected values of the arms with their prediction intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import polars as pl

from ketasim._base import InputError, near, words
from ketasim.dosing import RELAPSES
from ketasim.figures.figure import DOTS, OPEN, RING, Drawing, Figure, Legend
from ketasim.figures.panels import COLOURS, Line, Panel, Points, svg
from ketasim.figures.trial.looks import LOOKS, SHAPES, look_of
from ketasim.trials import TrialResult
from ketasim.trials.headline import OVER_LOOKS, counted_arm
from ketasim.trials.metrics import METRICS, RATES, unit_of

if TYPE_CHECKING:
    import altair


_DAY: Final = 24.0
_SINGLE: Final = ("time_to_relapse", "hazard_ratio")  # one number, no course
_ASIDE: Final = 0.02  # of the axis: published values stand beside the visit, not on it
_BAND: Final = (
    "Band: 90 % prediction interval of the arm's value in a trial of this size, from "
    "between-patient variability, parameter uncertainty and between-trial variability together"
)
"""What the bands of a trial's figures are."""
_WIDE, _NARROW = 780, 280  # px, of power: the text of a page, and a telephone
_CAPTION: Final = ("between patients", "parameter uncertainty", "between trials")


def plot_trial(
    result: TrialResult, *, metric: str = "change", scale: str | None = None
) -> altair.LayerChart:
    """Draw one metric of a trial's arms: expected values with 90 % prediction bands.

    **Main arguments:**

    - `result`: what `run_trial` returned.

    **Other arguments:**

    - `metric`: one that is assessed at visits.
    - `scale`: that of the baseline when left out.

    **Raises:** `InputError` when the trial does not assess it.
    """
    from ketasim.figures.vega import draw

    scale = scale or result.trial.scale
    table = result.summary().filter(pl.col("scale") == scale)
    known = sorted(set(table["metric"]) - set(_SINGLE))
    if metric not in known:
        raise InputError("metric", f"no '{metric}' on {scale}", near(metric, known))
    panel = _panel(result, scale, metric, width=520, height=260)
    lack = [words.SPREADS[name] for name in _left_out(result)]
    spreads = words.spreads([name for name in words.SPREADS if name not in lack])
    title = f"{scale}, {panel.title[:1].lower()}{panel.title[1:]}"
    y_title = "patients, %" if panel.percent else panel.y_title
    notes = (*spreads, "Markers: visits; straight lines join them")
    return draw(replace(panel, title=title, y_title=y_title, notes=notes))


def trial_figures(result: TrialResult) -> list[Figure]:
    """A figure a scale: a panel a metric."""
    summary = result.summary()
    made: list[Figure] = []
    for scale in dict.fromkeys(summary["scale"]):
        table = summary.filter(pl.col("scale") == scale, pl.col("mean").is_not_null())
        there = set(table["metric"])
        chosen = [m for m in METRICS if m in there and m not in (*_SINGLE, *RELAPSES)]
        # the change tells all that the score does
        left_out = {"percent_change", "score"} if "change" in there else {"percent_change"}
        chosen = [m for m in chosen if m not in left_out or len(chosen) == 1]
        if not chosen:
            continue
        drawings = tuple(
            Drawing(
                svg(
                    _panel(result, scale, metric),
                    f"{scale}, {METRICS[metric]} by arm and visit: expected values and "
                    "prediction intervals",
                )
            )
            for metric in chosen
        )
        made.append(
            Figure(
                name=f"figure-{len(made) + 1}",
                title=f"Figure {len(made) + 1}. {scale}: expected values of the arms",
                drawings=drawings,
                legend=_legend(result),
                caption=_caption(result),
                columns=min(len(drawings), 2),
            )
        )
    return made


def power_figure(result: TrialResult) -> Figure | None:
    """Power and assurance of the primary contrast by size; nothing for a single size."""
    found = result.characteristics
    primary = result.trial.primary
    if found is None or primary is None or len(found.question.sizes) < 2:
        return None
    table = found.curve(found.question.ways[0])
    over = "" if found.looks is None else OVER_LOOKS
    sizes = table["n_per_arm"].to_list()
    lines: list[Line] = []
    points: list[Points] = []
    for name, (colour, dash), shape in (
        ("power", LOOKS[0], SHAPES[0]),
        ("assurance", LOOKS[1], SHAPES[1]),
    ):
        middle, error = table[name], 2.0 * table[f"{name}_mc_se"]
        ends = (
            (middle - error).clip(0.0).to_list(),
            (middle + error).clip(upper_bound=1.0).to_list(),
        )
        lines.append(Line(name, sizes, middle.to_list(), outer=ends, colour=colour, dash=dash))
        points.append(Points(name, sizes, middle.to_list(), [""] * len(sizes), colour, shape))
    target = 0.8 if result.trial.power is None else result.trial.power.target
    span = (0.0, 1.05 * max(sizes))
    panel = Panel(
        f"Power and assurance{over} by size",
        f"patients in {result.trial.label(counted_arm(result.trial))}",
        "trials",
        lines=tuple(lines),
        points=tuple(points),
        x_domain=span,
        y_domain=(0.0, 1.0),
        percent=True,
        guides=((span, (target, target), (2, 3)),),
        width=_WIDE,
        height=260,
    )
    small = replace(panel, width=_NARROW, height=200)
    told = f"Power and assurance{over} by the number of patients, with their Monte-Carlo errors"
    legend = [
        Legend("line", f"{line.name}: {what}", line.colour, " ".join(map(str, line.dash)))
        for line, what in zip(
            lines, ("the effect as in the card", "the effect uncertain"), strict=True
        )
    ]
    band = "Band: two Monte-Carlo errors to each side"
    return Figure(
        name="figure-power",
        title="By the number of patients",
        drawings=(Drawing(svg(panel, told), svg(small, told)),),
        legend=(*legend, Legend("band", band, COLOURS["ketamine"], opacity=0.17)),
        caption=f"Dotted: {100 * target:g} %. The other arms keep their ratio to the first.",
        columns=1,
    )


def _look(result: TrialResult, arm: str) -> tuple[str, tuple[int, ...], str]:
    return look_of(result.trial, arm)


def _legend(result: TrialResult) -> tuple[Legend, ...]:
    entries: list[Legend] = []
    for arm in result.trial.arms:
        colour, dash, _ = _look(result, arm.id)
        entries.append(Legend("line", _expected(result, arm.id), colour, " ".join(map(str, dash))))
    entries.append(Legend("dot", "visits", COLOURS["ketamine"], DOTS["circle"]))
    entries.append(Legend("band", _BAND, COLOURS["ketamine"], opacity=0.17))
    entries.append(Legend("dose", "sessions"))
    if any(one.inside is not None for one in result.reported):
        entries.append(
            Legend("dot", "published value, with its 95 % interval", COLOURS["ketamine"], OPEN)
        )
    return tuple(entries)


def _caption(result: TrialResult) -> str:
    left_out = [_CAPTION[place] for place in _left_out(result)]
    drawn = f"Not in the bands of this run: {', '.join(left_out)}. " if left_out else ""
    beside = any(one.inside is not None for one in result.reported)
    aside = " Published values are drawn slightly before their visit." if beside else ""
    return f"{drawn}Straight lines join the visits; nothing is computed between them.{aside}"


def _left_out(result: TrialResult) -> list[int]:
    """Places, in the order of `words.SPREADS`, of the spreads that the run lacks."""
    drawn = (
        result.patients_differ,
        result.uncertainty and result.cards[0].uncertainty is not None,
        result.between_trials,
    )
    return [place for place, on in enumerate(drawn) if not on]


def _panel(
    result: TrialResult, scale: str, metric: str, *, width: int = 330, height: int = 210
) -> Panel:
    table = result.summary().filter(
        pl.col("scale") == scale, pl.col("metric") == metric, pl.col("mean").is_not_null()
    )
    lines: list[Line] = []
    points: list[Points] = []
    for arm in result.trial.arms:
        part = table.filter(pl.col("arm") == arm.id)
        if not len(part):
            continue
        # of several definitions the first is drawn
        part = part.filter(pl.col("definition") == part["definition"][0]).sort("time_h")
        days = (part["time_h"] / _DAY).to_list()
        columns = [part[name].to_list() for name in ("mean", "p05", "p95")]
        colour, dash, shape = _look(result, arm.id)
        name = _expected(result, arm.id)
        points.append(Points(name, days, columns[0], [""] * len(days), colour, shape))
        start = _start(result, arm.id, scale, metric)
        if start is not None and days[0] > 0:
            days = [start[0], *days]
            columns = [[start[1], *column] for column in columns]
        mean, low, high = columns
        lines.append(Line(name, days, mean, outer=(low, high), colour=colour, dash=dash))
    ends = [day for line in lines for day in line.x]
    published = _published(result, scale, metric, table, max(ends))
    points += [one for one, _ in published]
    lines += [line for _, bars in published for line in bars]
    tops = [y for line in lines if line.outer for side in line.outer for y in side]
    tops += [y for one, bars in published for drawn in (one, *bars) for y in drawn.y]
    return Panel(
        f"{words.capital(METRICS[metric])}{_first_definition(table)}",
        "days",
        f"{scale}, {unit_of(metric)}" if unit_of(metric) else "patients",
        lines=tuple(lines),
        points=tuple(points),
        marks=_sessions(result, max(ends)),
        bands=("90 % prediction interval", ""),
        marked="sessions",
        x_domain=(0.0, 1.03 * max(ends)),
        y_domain=_domain(metric, tops),
        percent=metric in RATES,
        width=width,
        height=height,
    )


def _expected(result: TrialResult, arm: str) -> str:
    return f"{result.trial.labels[arm]}, expected value"


def _published(
    result: TrialResult, scale: str, metric: str, table: pl.DataFrame, last: float
) -> list[tuple[Points, list[Line]]]:
    """Published values of the arms in the unit of a panel, and their 95 % intervals."""
    drawn = {row["arm"]: row["definition"] for row in reversed(table.to_dicts())}
    found: list[tuple[Points, list[Line]]] = []
    for place, arm in enumerate(result.trial.arms):
        aside = _ASIDE * (1 + place) * last
        own = [
            (one.time_h / _DAY - aside, one)
            for one in result.reported
            if (one.arm, one.scale, one.metric) == (arm.id, scale, metric)
            and one.inside is not None
            and one.time_h is not None
            and one.definition == drawn.get(arm.id)
        ]
        if not own:
            continue
        colour = _look(result, arm.id)[0]
        days, values = [day for day, _ in own], [one.published for _, one in own]
        name = result.trial.labels[arm.id]
        labels = [f"{name}, {one.statistic or 'published'}, {one.used}" for _, one in own]
        bars = [
            Line("", [day, day], [one.published_low, one.published_high], colour=colour)
            for day, one in own
            if one.published_low is not None and one.published_high is not None
        ]
        found.append((Points(f"{name}, published", days, values, labels, colour, RING), bars))
    return found


def _first_definition(table: pl.DataFrame) -> str:
    text = str(table["definition"][0]).split(", from")[0]
    return f": {text}" if text and len(text) < 36 else ""


def _start(result: TrialResult, arm: str, scale: str, metric: str) -> tuple[float, float] | None:
    """Where an arm's line begins: at the baseline, or where following begins; days and value."""
    again = result.trial.arm(arm).branch
    if metric in ("change_from_phase", "response_from_phase"):
        return None if again is None else (again.after / _DAY, 0.0)
    # who was randomised again began where the arm was that they come from
    if again is None and metric in ("change", "percent_change", "response"):
        return 0.0, 0.0
    if metric in ("relapse", "no_relapse"):
        starts = [
            one.start
            for one in result.trial.assessed(result.trial.arm(arm))
            if one.scale == scale and metric in one.metrics
        ]
        well = 1.0 if metric == "no_relapse" else 0.0
        return None if not starts or starts[0] is None else (starts[0] / _DAY, well)
    if again is None and metric == "score":
        rows = result.patients().filter(
            pl.col("arm") == arm, pl.col("scale") == scale, pl.col("time_h") == 0.0
        )
        return 0.0, float(rows["score"].to_numpy().mean())
    return None


def _domain(metric: str, values: Sequence[float]) -> tuple[float, float]:
    if metric in RATES:
        return 0.0, 1.0
    low, high = min([*values, 0.0]), max([*values, 0.0])
    room = 0.06 * (high - low or 1.0)
    return low - (room if low < 0 else 0.0), high + (room if high > 0 else 0.0)


def _sessions(result: TrialResult, last: float) -> tuple[tuple[float, float], ...]:
    times = {time / _DAY for arm in result.trial.arms for time in arm.sessions}
    return tuple((time, time) for time in sorted(times) if time <= last)
