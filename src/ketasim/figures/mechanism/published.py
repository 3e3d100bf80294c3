"""Figures of the chain to mood: steps beside published windows; one infusion against six."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ketasim.calibration.mood import mechanism_curves
from ketasim.evidence import Card
from ketasim.figures.panels import COLOURS, INK, LINE_WIDTH
from ketasim.figures.svg import Axis, Canvas, Frame, Look
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
_LEFT, _WIDTH, _HEIGHT = 40, 620, 96  # px
_HEAD: Final = 56  # px for words above a plot
_CANVAS: Final = _LEFT + _WIDTH + 24


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


def mechanism_svg(card: Card | None = None) -> str:
    """The steps from block to synapses in the typical patient, with published windows.

    **Arguments:**

    - `card`: parameters of the mood model; the card `mood` when left out.

    **Returns:** an SVG file.
    """
    times = np.concatenate([[0.0], np.geomspace(_FIRST, _LAST, 500)])
    curves = mechanism_curves([_ONE], times, tuple(_TITLES), card)
    each = _HEAD + _HEIGHT
    canvas = Canvas(_CANVAS, 36 + each * len(_TITLES) + 28)
    head = "0.5 mg/kg over 40 min, typical patient; shaded: published findings"
    canvas.text(4, 16, head, colour=INK, size=12)
    for x, colour, words in ((4, _PEOPLE, "in humans"), (94, _RODENTS, "in mice")):
        canvas.rect(x, 26, 12, 12, Look(colour))
        canvas.text(x + 18, 36, words)
    for place, (name, (title, y_title, colour)) in enumerate(_TITLES.items()):
        curve = curves[name][0]
        rest = {"nmda_block": 0.0, "synapses": curve[0]}.get(name, 1.0)
        y = 100.0 * (curve - rest) / (rest if name == "synapses" else 1.0)
        top = float(y.max()) * 1.45
        last = place == len(_TITLES) - 1  # the times stand below the last
        frame = Frame(
            Axis(_FIRST, _LAST, log=True, names=_TICKS, labels=last),
            Axis(min(0.0, 1.1 * float(y.min())), top, y_title),
            width=_WIDTH,
            height=_HEIGHT,
            title=title,
            canvas=canvas,
            left=_LEFT,
            top=36 + each * place + _HEAD,
        )
        for one in _WINDOWS[name]:
            frame.shade(one.first, one.last, Look(_PEOPLE if one.people else _RODENTS))
        frame.line(times[1:], y[1:], Look(COLOURS[colour], LINE_WIDTH))
        for one in _WINDOWS[name]:
            at, anchor, across = {
                "right": (one.last, "start", 5.0),
                "left": (one.first, "end", -5.0),
                "inside": (one.first, "start", 5.0),
            }[one.side]
            frame.note(at, 0.92 * top, one.text, colour=INK, anchor=anchor, across=across)
    told = "Receptor block, glutamate, drive, formation of synapses and synapses after one infusion"
    return canvas.document("From block to synapses", told, paper=True)


def mood_course_svg(card: Card | None = None) -> str:
    """One infusion against six in the typical patient: MADRS and synapses.

    **Arguments:**

    - `card`: parameters of the mood model; the card `mood` when left out.

    **Returns:** an SVG file.
    """
    times = np.concatenate([np.arange(0.0, 340.0, 1.0), np.arange(340.0, 1345.0, 4.0)])
    baseline, _, _ = published_baseline()
    curves = mechanism_curves(
        [_ONE, _SIX],
        times,
        ("MADRS", "restored"),
        card,
        situation=Situation(),
        baseline=baseline,
    )
    days = times / 24.0
    styles = (
        ("one infusion", Look(COLOURS["course"], LINE_WIDTH, (5, 3))),
        ("six in two weeks", Look(COLOURS["mood"], LINE_WIDTH)),
    )
    height, labelled = 170, 96
    canvas = Canvas(_CANVAS + labelled, 20 + 2 * (_HEAD + height) + 44)
    head = "Typical patient, open label; triangles: the six sessions"
    canvas.text(4, 16, head, colour=INK, size=12)
    restored = 100.0 * curves["restored"]
    for place, (title, x_title, y_title, values, high) in enumerate(
        (
            ("Mood", "", "MADRS, points", curves["MADRS"], 1.1 * baseline),
            ("Lost synapses restored", "days", "%", restored, 1.15 * float(restored.max())),
        )
    ):
        frame = Frame(
            Axis(0.0, 56.0, x_title, style="days", grid=False),
            Axis(0.0, high, y_title),
            width=_WIDTH,
            height=height,
            title=title,
            canvas=canvas,
            left=_LEFT,
            top=20 + (_HEAD + height + 12) * place + _HEAD,
        )
        for (_, look), curve in zip(styles, values, strict=True):
            frame.line(days, curve, look)
        frame.doses([(day, day) for day in (0.0, 2.0, 4.0, 7.0, 9.0, 11.0)])
        ends = zip(styles, values, strict=True)
        frame.end_labels([(name, look.colour, float(c[-1])) for (name, look), c in ends])
    told = "MADRS and restored synapses over 56 days after one infusion and after six"
    return canvas.document("One infusion against six", told, paper=True)
