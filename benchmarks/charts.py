"""The figures of the page, in the style of ketasim's own."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import altair as alt

from ketasim.figures.panels import COLOURS, INK, SOFT, Line, Panel, Points
from ketasim.figures.vega import specification

_SCALE = 2.0  # pixels for each point
_ONE, _TWO = COLOURS["s"], COLOURS["ketamine"]


def save_growth(growth: dict[str, Any], million: list[dict[str, Any]], path: Path) -> None:
    """Time and memory against patients, doses and the time followed.

    **Arguments:**

    - `growth`, `million`: as the results have them. `path`: of the PNG.
    """
    streamed = [*growth["patients"], *(one for one in million if _is_two(one))]
    upper = [
        _panel(streamed, ("patients", "stream_seconds"), "Streamed", "patients", "s", log=True),
        _panel(growth["doses"], ("doses", "seconds"), "Weekly doses", "doses", "s"),
        _panel(growth["days"], ("days", "seconds"), "14 doses, followed", "days", "s"),
    ]
    lower = [
        _panel(streamed, ("patients", "peak_memory_mb"), "", "patients", "peak MB", log=True),
        _panel(growth["doses"], ("doses", "peak_memory_mb"), "", "doses", "peak MB"),
        _panel(growth["days"], ("days", "peak_memory_mb"), "", "days", "peak MB"),
    ]
    rows = [{"hconcat": [specification(p) for p in row], "spacing": 24} for row in (upper, lower)]
    config = _bare(rows)
    for row in rows:  # 1k, 10k …
        for layer in row["hconcat"][0]["layer"]:
            layer["encoding"]["x"]["axis"]["format"] = "~s"
    _save({"vconcat": rows, "spacing": 16, "config": config}, path)


def _is_two(one: dict[str, Any]) -> bool:
    return one["model"] == "W" and one["threads"] == 2


def _panel(
    rows: list[dict[str, Any]],
    keys: tuple[str, str],
    title: str,
    x_title: str,
    y_title: str,
    *,
    log: bool = False,
) -> Panel:
    x, y = ([float(row[key]) for row in rows] for key in keys)
    high = max(y)
    return Panel(
        title,
        x_title,
        y_title,
        lines=(Line("", x, y, colour=_TWO),),
        points=(Points("", x, y, colour=_TWO),),
        x_log=log,
        y_log=log,
        x_domain=(min(x) / 1.6, max(x) * 1.6) if log else (0.0, max(x) * 1.05),
        y_domain=(min(y) / 1.6, high * 1.6) if log else (0.0, high * 1.15),
        width=190,
        height=140,
    )


def save_solvers(solvers: list[dict[str, Any]], path: Path) -> None:
    """Patients per second of every solver, on a logarithmic axis.

    **Arguments:**

    - `solvers`: as the results have them. `path`: of the PNG.
    """
    rows = [
        {
            "solver": one["name"],
            "threads": name,
            "value": one[f"per_second_{threads}"],
            "text": _short(one[f"per_second_{threads}"]),
        }
        for one in solvers
        for threads, name in ((1, "one thread"), (2, "two threads"))
    ]
    least = 10.0 ** _decade(min(row["value"] for row in rows))
    most = 10.0 ** (_decade(max(row["value"] for row in rows)) + 1)
    for row in rows:
        row["least"] = least
    names = [one["name"] for one in solvers]
    y = {"field": "solver", "type": "nominal", "sort": names, "title": None}
    y["axis"] = {"ticks": False, "domain": False, "labelColor": INK, "labelLimit": 260}
    shared = {"y": y, "yOffset": {"field": "threads"}}
    x = {
        "field": "value",
        "type": "quantitative",
        "scale": {"type": "log", "domain": [least, most], "nice": False},
        "axis": {
            "title": "patients per second, logarithmic",
            "format": ",~g",
            "values": _powers(least, most),
        },
    }
    colour = {
        "field": "threads",
        "scale": {"domain": ["one thread", "two threads"], "range": [_ONE, _TWO]},
        "legend": {"title": None, "orient": "top", "labelColor": INK},
    }
    bars = {"mark": {"type": "bar"}, "encoding": {**shared, "x": x, "x2": {"field": "least"}}}
    bars["encoding"]["color"] = colour
    text = {
        "mark": {"type": "text", "align": "left", "dx": 4, "color": SOFT, "fontSize": 11},
        "encoding": {**shared, "x": x, "text": {"field": "text"}},
    }
    config = specification(Panel("", "", ""))["config"]
    chart = {"data": {"values": rows}, "layer": [bars, text], "width": 460, "height": {"step": 19}}
    _save({**chart, "config": config}, path)


def _short(value: float) -> str:
    """Three digits."""
    return f"{value:.3g}" if value < 1000 else f"{float(f'{value:.3g}'):,.0f}"


def _decade(value: float) -> int:
    return math.floor(math.log10(value))


def _powers(least: float, most: float) -> list[float]:
    found = [least]
    while found[-1] * 10.0 <= most * 1.001:
        found.append(found[-1] * 10.0)
    return found


def _bare(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Take the look out of the panels: a chart of charts has one for all."""
    config: dict[str, Any] = {}
    for row in rows:
        for part in row["hconcat"]:
            config = part.pop("config")
    return config


def _save(chart: dict[str, Any], path: Path) -> None:
    chart["config"] = {**chart["config"], "background": "white", "padding": 12}
    path.parent.mkdir(parents=True, exist_ok=True)
    alt.Chart.from_dict(chart).save(str(path), format="png", scale_factor=_SCALE)
