"""Figures of the chain to mood: steps beside published windows; one infusion against six."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim.calibration.mood import mechanism_curves
from ketasim.evidence import Card
from ketasim.figures.panels import COLOURS, INK, SOFT, Line, Panel
from ketasim.figures.vega import specification
from ketasim.population import Situation
from ketasim.simulation.mood.inputs import published_baseline

Array = NDArray[np.float64]

_ONE: Final = "ketamine 0.5 mg/kg iv over 40 min once"
_SIX: Final = "ketamine 0.5 mg/kg iv over 40 min on days 0, 2, 4, 7, 9, 11"
_PEOPLE, _RODENTS = "#c7d8ea", "#e9dfc9"
_FIRST, _LAST = 0.1, 504.0  # h
_TICKS: Final = {
    0.1: "6 min",
    0.5: "30 min",
    1.0: "1 h",
    4.0: "4 h",
    12.0: "12 h",
    24.0: "1 d",
    72.0: "3 d",
    168.0: "1 wk",
    504.0: "3 wk",
}
_WIDTH, _HEIGHT = 620, 96


@dataclass(frozen=True)
class _Window:
    """A published observation: from when to when, h, what it says, in whom, and where it is put."""

    first: float
    last: float
    text: str
    people: bool = False
    side: str = "right"


# rows of mechanism/timecourse
_WINDOWS: Final = {
    "nmda_block": (
        _Window(0.22, 0.29, "peak at 15 min"),
        _Window(0.9, 1.1, "gone at 1 h"),
    ),
    "glutamate": (
        _Window(0.39, 0.48, "Glx +37.8 %, 26 min", people=True),
        _Window(2.9, 3.5, "no change, 193 min", people=True),
    ),
    "bdnf": (_Window(8.0, 24.0, "absent at 8 and 24 h"),),
    "formation_rate": (
        _Window(3.0, 6.0, "not altered", side="left"),
        _Window(12.0, 24.0, "markedly altered"),
    ),
    "synapses": (
        _Window(22.0, 26.5, "SV2A: no change, 24 h", people=True, side="left"),
        _Window(30.0, 336.0, "spine density up for 2 weeks", side="inside"),
    ),
}
_TITLES: Final = {
    "nmda_block": ("NMDA receptor block", "% blocked", "block"),
    "glutamate": ("Glutamate", "% above resting level", "glutamate"),
    "bdnf": ("Neurotrophic drive", "% above resting level", "bdnf"),
    "formation_rate": ("Formation of synapses", "% above resting level", "synapses"),
    "synapses": ("Synapses", "% above baseline", "synapses"),
}


def mechanism_chart(card: Card | None = None) -> dict[str, Any]:
    """The steps from block to synapses in the typical patient, with published windows.

    **Arguments:**

    - `card`: parameters of the mood model; the card `mood` when left out.

    **Returns:** a chart in Vega-Lite.
    """
    times = np.concatenate([[0.0], np.geomspace(_FIRST, _LAST, 500)])
    curves = mechanism_curves([_ONE], times, tuple(_TITLES), card)
    charts: list[dict[str, Any]] = []
    for name, (title, y_title, colour) in _TITLES.items():
        curve = curves[name][0]
        rest = {"nmda_block": 0.0, "synapses": curve[0]}.get(name, 1.0)
        y = 100.0 * (curve - rest) / (rest if name == "synapses" else 1.0)
        top = float(y.max()) * 1.45
        panel = Panel(
            title,
            "",
            y_title,
            lines=(Line("", _list(times[1:]), _list(y[1:]), colour=COLOURS[colour]),),
            x_domain=(_FIRST, _LAST),
            y_domain=(min(0.0, 1.1 * float(y.min())), top),
            x_log=True,
            width=_WIDTH,
            height=_HEIGHT,
        )
        chart = specification(panel)
        x, y_axis = (chart["layer"][0]["encoding"][axis] for axis in ("x", "y"))
        _name_times(x)
        y_axis["axis"]["tickCount"] = 4
        windows = _WINDOWS[name]
        chart["layer"] = [*_shades(windows, x, y_axis, top), *chart["layer"]]
        charts.append(chart)
    for chart in charts[:-1]:  # the times stand below the last
        for layer in chart["layer"]:
            layer["encoding"]["x"] |= {"axis": {**layer["encoding"]["x"]["axis"], "labels": False}}
    head = "0.5 mg/kg over 40 min, typical patient; shaded: published findings"
    return _stacked(charts, head)


def mood_course_chart(card: Card | None = None) -> dict[str, Any]:
    """One infusion against six in the typical patient: MADRS and synapses.

    **Arguments:**

    - `card`: parameters of the mood model; the card `mood` when left out.

    **Returns:** a chart in Vega-Lite.
    """
    times = np.concatenate([np.arange(0.0, 340.0, 1.0), np.arange(340.0, 1345.0, 4.0)])
    baseline, _, _ = published_baseline()
    curves = mechanism_curves(
        [_ONE, _SIX],
        times,
        ("MADRS", "restored"),
        card,
        situation=Situation(open=True),
        baseline=baseline,
    )
    days = _list(times / 24.0)
    styles = (
        ("one infusion", COLOURS["course"], (5, 3)),
        ("six in two weeks", COLOURS["mood"], ()),
    )
    panels = [
        Panel(
            title,
            x_title,
            y_title,
            lines=tuple(
                Line(name, days, _list(scale * curve), colour=colour, dash=dash)
                for (name, colour, dash), curve in zip(styles, curves[of], strict=True)
            ),
            marks=((0.0, 0.0), (2.0, 2.0), (4.0, 4.0), (7.0, 7.0), (9.0, 9.0), (11.0, 11.0))
            if of == "restored"
            else (),
            x_domain=(0.0, 56.0),
            y_domain=(0.0, top),
            width=_WIDTH,
            height=170,
        )
        for of, title, x_title, y_title, scale, top in (
            ("MADRS", "Mood", "", "MADRS, points", 1.0, 1.1 * baseline),
            (
                "restored",
                "Lost synapses restored",
                "days",
                "%",
                100.0,
                115.0 * float(curves["restored"].max()),
            ),
        )
    ]
    charts = [specification(panel) for panel in panels]
    for chart in charts:
        chart["layer"][0]["encoding"]["x"]["axis"] |= {
            "values": list(range(0, 57, 7)),
            "tickCount": 20,
        }
    for (name, colour, _), curve in zip(styles, curves["MADRS"], strict=True):
        at = 330  # day 13.8, where the curves are apart
        row = {"x": days[at] + 1.0, "y": float(curve[at]), "text": name}
        words = _text([row], charts[0]["layer"][0]["encoding"], colour)
        words["mark"]["dy"] = -22 if name == styles[0][0] else 8
        charts[0]["layer"].append(words)
    head = "Typical patient, open label; triangles: the six sessions"
    return _stacked(charts, head, legend=False)


def save_figure(chart: dict[str, Any], path: Path) -> None:
    """Draw a chart as PNG.

    **Arguments:**

    - `chart`: in Vega-Lite. `path`: of the file.
    """
    import altair as alt

    path.parent.mkdir(parents=True, exist_ok=True)
    alt.Chart.from_dict(chart).save(str(path), format="png", scale_factor=2.0)


def _list(values: Array) -> list[float]:
    return [float(value) for value in values]


def _name_times(x: dict[str, Any]) -> None:
    """Write times of a logarithmic axis as people say them."""
    names = " : ".join(f"datum.value == {hours} ? '{name}'" for hours, name in _TICKS.items())
    x["axis"] = {
        "title": None,
        "grid": True,
        "values": list(_TICKS),
        "labelExpr": f"{names} : ''",
        "labelOverlap": False,
        "tickCount": 2 * len(_TICKS),  # fewer would thin them out
    }


def _shades(
    windows: Sequence[_Window], x: dict[str, Any], y: dict[str, Any], top: float
) -> list[dict[str, Any]]:
    layers: list[dict[str, Any]] = []
    texts: list[dict[str, Any]] = []
    for one in windows:
        rows = [{"x": one.first, "x2": one.last}]
        mark = {"type": "rect", "color": _PEOPLE if one.people else _RODENTS, "clip": True}
        encoding: dict[str, Any] = {"x": x, "x2": {"field": "x2"}}
        layers.append({"data": {"values": rows}, "mark": mark, "encoding": encoding})
        at = one.last if one.side == "right" else one.first
        row = {"x": at, "y": 0.92 * top, "text": one.text}
        words = _text([row], {"x": x, "y": y}, INK)
        words["mark"] |= {"align": "right", "dx": -5} if one.side == "left" else {"dx": 5}
        texts.append(words)
    return [*layers, *texts]


def _text(rows: list[dict[str, Any]], axes: dict[str, Any], colour: str) -> dict[str, Any]:
    mark = {"type": "text", "align": "left", "baseline": "middle", "color": colour, "fontSize": 11}
    return {
        "data": {"values": rows},
        "mark": mark,
        "encoding": {"x": axes["x"], "y": axes["y"], "text": {"field": "text"}},
    }


def _stacked(charts: list[dict[str, Any]], head: str, *, legend: bool = True) -> dict[str, Any]:
    """Charts below each other under a line of text."""
    config: dict[str, Any] = {}
    for chart in charts:
        config = chart.pop("config")  # a chart of charts has one for all
    title: dict[str, Any] = {"text": head, "anchor": "start", "fontWeight": "normal", "color": INK}
    key: list[dict[str, Any]] = []
    if legend:
        key = [_key()]
    return {
        "title": {**title, "fontSize": 12, "offset": 12},
        "vconcat": [*key, *charts],
        "spacing": 10,
        "config": {**config, "background": "white", "padding": 12},
    }


def _key() -> dict[str, Any]:
    """What the shades mean."""
    rows = [
        {"x": 0, "name": "in humans", "colour": _PEOPLE},
        {"x": 90, "name": "in mice", "colour": _RODENTS},
    ]
    x = {"field": "x", "type": "quantitative", "axis": None, "scale": {"domain": [0, _WIDTH]}}
    square = {
        "mark": {"type": "square", "size": 150, "opacity": 1, "xOffset": 8},
        "encoding": {
            "x": x,
            "color": {"field": "colour", "type": "nominal", "scale": None},
        },
    }
    words = {
        "mark": {"type": "text", "align": "left", "dx": 20, "color": SOFT, "fontSize": 11},
        "encoding": {"x": x, "text": {"field": "name"}},
    }
    return {
        "data": {"values": rows},
        "layer": [square, words],
        "width": _WIDTH,
        "height": 14,
        "view": {"stroke": None},
    }
