"""The report of a trial: one page that opens offline, and prints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from ketasim._base import InputError, near
from ketasim.outputs import report_words as words
from ketasim.outputs.figures import COLOURS, Line, Panel, Points, draw, svg
from ketasim.outputs.report_page import (
    NOTHING,
    Drawing,
    Figure,
    Legend,
    number,
    percent,
    render,
)
from ketasim.population import situation_of
from ketasim.trials import OBSERVED, TrialResult

if TYPE_CHECKING:
    import altair

    from ketasim.dosing import Arm

_METRICS: Final = {
    "score": "score",
    "change": "change from baseline",
    "percent_change": "change from baseline, %",
    "response": "response",
    "remission": "remission",
    "relapse": "relapsed",
    "time_to_relapse": "time without relapse, restricted mean",
    "sustained_response": "sustained response",
}
"""Metric to its name in words."""

_BAND: Final = (
    "Band: 90 % prediction interval of the arm's value in a trial of this size, from three spreads "
    "together: between patients, parameter uncertainty, between trials"
)
"""What the bands of a trial's figures are."""

_RATES: Final = ("response", "remission", "relapse", "sustained_response")
_LOOKS: Final = (
    (COLOURS["ketamine"], ()),
    (COLOURS["r"], (6, 3)),
    (COLOURS["s"], (2, 3)),
    (COLOURS["norketamine"], (8, 3, 2, 3)),
    (COLOURS["block"], (4, 2)),
    (COLOURS["hnk"], (10, 4)),
)
_SHAPES: Final = ("circle", "square", "triangle-up", "diamond", "triangle-down", "cross")
_DOT: Final = "M3.4,0A3.4,3.4,0,1,1,-3.4,0A3.4,3.4,0,1,1,3.4,0Z"  # as large as in the figure
_SPREADS: Final = ("sd_patients_sampling", "sd_parameters", "sd_trials")
_DAY: Final = 24.0
_TILES: Final = 4


@dataclass(frozen=True)
class _Tile:
    """One of the few numbers at the top: what it is, its expected value and its interval."""

    name: str
    value: str
    unit: str
    range: str


def trial_report(result: TrialResult, *, command: str = "") -> str:
    """Write the report of a trial as one page of HTML.

    **Arguments:**

    - `result`: what `run_trial` returned.
    - `command`: what reproduces it; when left out, the page shows the input only.
    """
    trial = result.trial
    summary = result.summary()
    pairs = {one.arm for one in result.estimates} - {arm.id for arm in trial.arms}
    return render(
        "trial.html",
        title=trial.title or f"Trial {trial.key}",
        sources=result.sources(),
        result=result,
        trial=trial,
        enrolled=sum(arm.n for arm in trial.arms) if trial.design == "parallel" else None,
        horizon=_days(trial.horizon),
        tiles=_tiles(summary, trial.arms, pairs),
        arms=[_arm(arm) for arm in trial.arms],
        population=_population(result),
        figures=_figures(result),
        groups=_groups(summary.filter(~pl.col("arm").is_in(sorted(pairs)))),
        contrasts=_groups(summary.filter(pl.col("arm").is_in(sorted(pairs)))),
        observed=OBSERVED,
        words=words,
        metadata=result.metadata,
        input=_text(result.metadata["input"]),
        command=command,
    )


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
    scale = scale or result.trial.scale
    table = result.summary().filter(pl.col("scale") == scale)
    known = sorted(set(table["metric"]) - {"time_to_relapse"})
    if metric not in known:
        raise InputError("metric", f"no '{metric}' on {scale}", near(metric, known))
    return draw(_panel(result, scale, metric, width=520, height=260))


def _days(hours: float) -> str:
    days = f"{hours / _DAY:.3g}"
    return f"{days}\u00a0day" if days == "1" else f"{days}\u00a0days"


def _time(hours: float) -> str:
    return f"{hours:g}\u00a0h" if hours < 2 * _DAY else _days(hours)


def _write(metric: str, value: float | None) -> str:
    """Write a number to a tenth; shares as percent, times in days."""
    if value is None:
        return NOTHING
    share = metric in _RATES
    scaled = 100.0 * value if share else value / _DAY if metric == "time_to_relapse" else value
    text = f"{round(scaled, 1) + 0.0:.1f}".replace("-", "−")
    return f"{text}\u202f%" if share else text


def _unit(metric: str) -> str:
    if metric in ("score", "change"):
        return "points"
    return {"percent_change": "%", "time_to_relapse": "days"}.get(metric, "")


def _range(row: dict[str, Any]) -> str:
    if row["p05"] is None:
        return ""
    return f"{_write(row['metric'], row['p05'])} to {_write(row['metric'], row['p95'])}"


def _tiles(summary: pl.DataFrame, arms: Sequence[Arm], pairs: set[str]) -> list[_Tile]:
    """Last visit of the scale named first: what the arms show, and how far they are apart."""
    scale = summary["scale"][0]
    found = summary.filter(pl.col("scale") == scale, pl.col("mean").is_not_null())
    metric = next((m for m in ("change", *_METRICS) if m in set(found["metric"])), None)
    if metric is None:
        return []
    chosen = found.filter(pl.col("metric") == metric)
    rows = chosen.filter(pl.col("time_h") == chosen["time_h"].max()).to_dicts()
    order = [*sorted(pairs), *(arm.id for arm in arms)]
    rows.sort(key=lambda row: order.index(row["arm"]))
    return [
        _Tile(
            f"{row['arm']}: {scale}, {_METRICS[metric]}, {_time(row['time_h'])}",
            _write(metric, row["mean"]),
            _unit(metric),
            f"{_range(row)}, nine in ten trials",
        )
        for row in rows[:_TILES]
    ]


def _arm(arm: Arm) -> dict[str, Any]:
    what = (arm.control or "").replace("_", " ") if arm.control else _given(arm)
    sessions = [f"{time / _DAY:g}" for time in arm.sessions]
    return {
        "id": arm.id,
        "n": arm.n,
        "what": what,
        "days": ", ".join(sessions) if sessions else "none",
        "told": "known" if arm.open else "masked under anaesthesia" if arm.masked else "blinded",
        "baseline": f"{arm.baseline.scale} {arm.baseline.mean:g} (SD {arm.baseline.sd:g})",
        "background": arm.background,
        "expectation": ", ".join(situation_of(arm).amplitudes) or "none",
    }


def _given(arm: Arm) -> str:
    found: list[str] = []
    for phase in arm.phases:
        over = f" over {60 * phase.duration:g} min" if phase.duration > 0 else ""
        route = phase.route if len(phase.route) > 2 else phase.route.upper()
        found.append(f"{phase.drug} {phase.amount:g} {phase.unit} {route}{over}")
    return ", then ".join(dict.fromkeys(found))


def _population(result: TrialResult) -> list[tuple[str, str, bool]]:
    """Who is in the trial, in words, and whether it was assumed."""
    trial = result.trial
    arm, form = trial.arms[0], trial.population
    rows = [("setting", arm.setting, "population.setting" in trial.assumed)]
    for name in ("diagnosis", "ancestry", "country"):
        value = getattr(form, name)
        if value:
            text = str(value).replace("_", " ")
            short = name == "diagnosis" and len(text) <= 4
            rows.append((name, text.upper() if short else text, False))
    for name, unit in (("age", "years"), ("weight", "kg")):
        spread = getattr(form, name)
        if spread is not None:
            sd = f" (SD {spread.sd:g})" if spread.sd is not None else ""
            rows.append((name, f"{spread.mean:g} {unit}{sd}", False))
    if form.female is not None:
        rows.append(("women", percent(form.female, 2), False))
    if form.medicines:
        rows.append(("medicines", ", ".join(form.medicines), False))
    return rows


def _groups(summary: pl.DataFrame) -> list[dict[str, Any]]:
    """Rows of the arms, by scale and metric."""
    found: list[dict[str, Any]] = []
    for part in summary.partition_by("scale", "metric", "definition", maintain_order=True):
        first = part.row(0, named=True)
        unit = _unit(first["metric"])
        name = f"{first['scale']}, {_METRICS[first['metric']]}"
        found.append(
            {
                "name": f"{name}, {unit}" if unit and unit not in name else name,
                "definition": first["definition"],
                "rows": _rows(part.sort("time_h", maintain_order=True)),
            }
        )
    return found


def _rows(table: pl.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            "arm": row["arm"],
            "time": _time(row["time_h"]),
            "assessed": number(row["n_assessed"], 3),
            "mean": _write(row["metric"], row["mean"]),
            "range": _range(row),
            "sd": _write(row["metric"], row["sd"]),
            "spreads": [_write(row["metric"], row[name]) for name in _SPREADS],
        }
        for row in table.to_dicts()
    ]


def _figures(result: TrialResult) -> list[Figure]:
    """A figure a scale: a panel a metric."""
    summary = result.summary()
    made: list[Figure] = []
    for scale in dict.fromkeys(summary["scale"]):
        table = summary.filter(pl.col("scale") == scale, pl.col("mean").is_not_null())
        there = set(table["metric"])
        chosen = [m for m in _METRICS if m in there and m != "time_to_relapse"]
        # the change tells all that the score does
        left_out = {"percent_change", "score"} if "change" in there else {"percent_change"}
        chosen = [m for m in chosen if m not in left_out or len(chosen) == 1]
        if not chosen:
            continue
        drawings = tuple(
            Drawing(
                svg(
                    _panel(result, scale, metric),
                    f"{scale}, {_METRICS[metric]} by arm and visit: expected values and "
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


def _look(result: TrialResult, arm: str) -> tuple[str, tuple[int, ...], str]:
    place = [one.id for one in result.trial.arms].index(arm)
    colour, dash = _LOOKS[place % len(_LOOKS)]
    return colour, dash, _SHAPES[place % len(_SHAPES)]


def _legend(result: TrialResult) -> tuple[Legend, ...]:
    entries: list[Legend] = []
    for arm in result.trial.arms:
        colour, dash, _ = _look(result, arm.id)
        entries.append(
            Legend("line", f"{arm.id}, expected value", colour, " ".join(map(str, dash)))
        )
    entries.append(Legend("dot", "visits", COLOURS["ketamine"], _DOT))
    entries.append(Legend("band", _BAND, COLOURS["ketamine"], opacity=0.17))
    entries.append(Legend("dose", "sessions"))
    return tuple(entries)


def _caption(result: TrialResult) -> str:
    left_out = [
        name
        for name, on in (
            ("between patients", result.patients_differ),
            ("parameter uncertainty", result.uncertainty and result.cards[0].uncertainty),
            ("between trials", result.between_trials),
        )
        if not on
    ]
    drawn = f"Not in the bands of this run: {', '.join(left_out)}. " if left_out else ""
    return f"{drawn}Straight lines join the visits; nothing is told of the time between them."


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
        points.append(Points(arm.id, days, columns[0], [""] * len(days), colour, shape))
        start = _start(result, arm.id, scale, metric)
        if start is not None and days[0] > 0:
            days = [start[0], *days]
            columns = [[start[1], *column] for column in columns]
        mean, low, high = columns
        lines.append(Line(arm.id, days, mean, outer=(low, high), colour=colour, dash=dash))
    ends = [day for line in lines for day in line.x]
    tops = [y for line in lines if line.outer for side in line.outer for y in side]
    return Panel(
        f"{words.capital(_METRICS[metric])}{_first_definition(table)}",
        "days",
        f"{scale}, {_unit(metric)}" if _unit(metric) else "patients",
        lines=tuple(lines),
        points=tuple(points),
        marks=_sessions(result, max(ends)),
        x_domain=(0.0, 1.03 * max(ends)),
        y_domain=_domain(metric, tops),
        percent=metric in _RATES,
        width=width,
        height=height,
    )


def _first_definition(table: pl.DataFrame) -> str:
    text = str(table["definition"][0]).split(", from")[0]
    return f": {text}" if text and len(text) < 36 else ""


def _start(result: TrialResult, arm: str, scale: str, metric: str) -> tuple[float, float] | None:
    """Where an arm's line begins: at the baseline, or where following begins; days and value."""
    if metric in ("change", "percent_change", "response"):
        return 0.0, 0.0
    if metric == "relapse":
        starts = [
            one.start
            for one in result.trial.assessments
            if one.scale == scale and metric in one.metrics and arm in one.arms
        ]
        return None if not starts or starts[0] is None else (starts[0] / _DAY, 0.0)
    if metric == "score":
        rows = result.patients().filter(
            pl.col("arm") == arm, pl.col("scale") == scale, pl.col("time_h") == 0.0
        )
        return 0.0, float(rows["score"].to_numpy().mean())
    return None


def _domain(metric: str, values: Sequence[float]) -> tuple[float, float]:
    if metric in _RATES:
        return 0.0, 1.0
    low, high = min([*values, 0.0]), max([*values, 0.0])
    room = 0.06 * (high - low or 1.0)
    return low - (room if low < 0 else 0.0), high + (room if high > 0 else 0.0)


def _sessions(result: TrialResult, last: float) -> tuple[tuple[float, float], ...]:
    times = {time / _DAY for arm in result.trial.arms for time in arm.sessions}
    return tuple((time, time) for time in sorted(times) if time <= last)


def _text(value: object) -> str:
    """The input as YAML."""
    import yaml

    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=100)
