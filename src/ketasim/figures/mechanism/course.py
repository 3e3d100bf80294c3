"""Small charts of the steps from dose to mood in the typical patient of a course."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import words
from ketasim.figures.panels import COLOURS, Line, Panel, extremes
from ketasim.simulation.headline import BLOCK
from ketasim.simulation.mood.chain import ARMS, Chain

if TYPE_CHECKING:
    from ketasim.simulation.calendar import Session
    from ketasim.simulation.result import Simulation

Array = NDArray[np.float64]
Look = tuple[str, str, tuple[int, ...]]  # what a line is, its colour, its dashes

_SHORT, _DAYS, _DAY = 4.0, 48.0, 24.0  # h
_LATE: Final = 3.0  # times the time of the peak are shown, where that is late
_WIDTH, _HEIGHT = 330, 150  # pixels of a plot
_MOLECULES: Final[Mapping[str, Look]] = {
    "ketamine": ("ketamine", COLOURS["ketamine"], ()),
    "norketamine": ("norketamine", COLOURS["norketamine"], (6, 2)),
    "hnk": ("hydroxynorketamine", COLOURS["hnk"], (2, 2)),
}
_ENANTIOMERS: Final[Mapping[str, Look]] = {
    "s_ketamine": ("S-ketamine", COLOURS["s"], ()),
    "r_ketamine": ("R-ketamine", COLOURS["r"], (6, 2)),
}
_ARM_LOOKS: Final[Mapping[str, Look]] = {
    "by_fast_arm": ("the burst as mood remembers it", COLOURS["glutamate"], ()),
    "by_synapses": ("restored synapses", COLOURS["synapses"], (6, 2)),
}


def step_panels(simulation: Simulation, chain: Chain | None) -> dict[str, Panel]:
    """Charts of the steps, those of the first session in hours and the rest in days.

    **Arguments:**

    - `simulation`: of the typical patient. `chain`: of the same course at the same times; nothing
      where mood was not computed.

    **Returns:** name of a step to its panel; steps that were not computed are missing.
    """
    if not simulation.sessions:
        return {}
    first = simulation.sessions[0]
    found: dict[str, Panel] = {}
    main = simulation.main
    if main is not None:
        curve = simulation.values[main][:, 0]
        end = _end(simulation.times, curve, first)
        looks = _there(simulation, _MOLECULES, main[1])
        title = f"First session, {words.site(main[1])}"
        found["blood"] = _of_drug(simulation, title, looks, main[1], first, end)
        looks = _there(simulation, _ENANTIOMERS, "effect")
        if looks:
            title = "First session, effect site"
            found["effect-site"] = _of_drug(simulation, title, looks, "effect", first, end)
        if BLOCK in simulation.values:
            line = (simulation.values[BLOCK][:, 0], ("NMDA block", COLOURS["block"], ()))
            title = "First session, NMDA receptors blocked"
            found["block"] = _panel(
                title, "percentage blocked", simulation, [line], first, end, percent=True
            )
    if chain is not None:
        found |= _of_chain(simulation, chain, first)
    return found


def _there(simulation: Simulation, looks: Mapping[str, Look], site: str) -> dict[str, Look]:
    return {
        name: look
        for name, look in looks.items()
        if (name, site) in simulation.values and bool(np.any(simulation.values[name, site] > 0))
    }


def _of_drug(
    simulation: Simulation,
    title: str,
    looks: Mapping[str, Look],
    site: str,
    first: Session,
    end: float,
) -> Panel:
    lines = [(simulation.values[name, site][:, 0], look) for name, look in looks.items()]
    return _panel(title, "ng/mL", simulation, lines, first, end)


def _end(times: Array, curve: Array, first: Session) -> float:
    """Until when the first session is shown, h: its peak and what follows."""
    seen = (times >= first.start) & (times <= first.until)
    peak = float(times[seen][curve[seen].argmax()])
    wanted = max(first.start + _SHORT, first.start + _LATE * (peak - first.start), first.end + 1.0)
    return min(wanted, float(times[-1]))


def _of_chain(simulation: Simulation, chain: Chain, first: Session) -> dict[str, Panel]:
    start, curves = first.start, chain.curves
    last = float(simulation.times[-1])
    soon = min(start + _DAYS, last)
    glutamate = (curves["glutamate"] - 1.0, ("glutamate", COLOURS["glutamate"], ()))
    drive = (curves["bdnf"] - 1.0, ("neurotrophic drive", COLOURS["bdnf"], ()))
    synapses = (curves["restored"], ("restored synapses", COLOURS["synapses"], ()))
    above = "above resting level"
    found = {
        "glutamate": _panel(
            "First session, glutamate",
            above,
            simulation,
            [glutamate],
            first,
            min(start + 6.0, last),
            percent=True,
        ),
        "bdnf": _panel(
            "First session, neurotrophic drive",
            above,
            simulation,
            [drive],
            first,
            min(soon, start + _DAY),
            percent=True,
        ),
        "synapses": _course(
            "Lost synapses restored", "percentage", simulation, [synapses], percent=True
        ),
        "drug": _course(
            "What the drug brings, by arm",
            "MADRS, points",
            simulation,
            [(curves[name], _ARM_LOOKS[name]) for name in ARMS],
        ),
        "mood": _course(
            "MADRS", "points", simulation, [(curves["MADRS"], ("MADRS", COLOURS["mood"], ()))]
        ),
        "expectation": _course(
            "What expectation brings",
            "MADRS, points",
            simulation,
            [(curves["by_expectation"], ("expectation", COLOURS["expectation"], ()))],
        ),
    }
    cared: list[tuple[Array, Look]] = [
        (curves["by_course"], ("natural course and care", COLOURS["course"], ()))
    ]
    if np.any(curves["by_antidepressant"]):
        look = ("a new oral antidepressant", COLOURS["antidepressant"], (6, 2))
        cared.append((curves["by_antidepressant"], look))
    found["care"] = _course("What care brings", "MADRS, points", simulation, cared)
    return found


def _panel(
    title: str,
    unit: str,
    simulation: Simulation,
    lines: list[tuple[Array, Look]],
    first: Session,
    end: float,
    *,
    percent: bool = False,
) -> Panel:
    """Curves of the first session, in hours after its start."""
    inside = (simulation.times >= first.start) & (simulation.times <= end + 1e-9)
    hours = simulation.times[inside] - first.start
    marks = [(d.time - first.start, d.end - first.start) for d in first.doses if d.time < end]
    return Panel(
        title,
        "hours after start",
        unit,
        lines=tuple(_line(hours, np.asarray(curve)[inside], look) for curve, look in lines),
        marks=tuple(marks),
        x_domain=(0.0, float(hours[-1])),
        percent=percent,
        width=_WIDTH,
        height=_HEIGHT,
    )


def _course(
    title: str,
    unit: str,
    simulation: Simulation,
    lines: list[tuple[Array, Look]],
    *,
    percent: bool = False,
) -> Panel:
    """Curves of the whole course, in days."""
    days = simulation.times / _DAY
    marks = [(one.start / _DAY, one.start / _DAY) for one in simulation.sessions]
    drawn: list[Line] = []
    for curve, look in lines:
        kept = extremes(simulation.times, curve)
        drawn.append(_line(days[kept], curve[kept], look))
    return Panel(
        title,
        "days",
        unit,
        lines=tuple(drawn),
        marks=tuple(marks),
        x_domain=(0.0, float(days[-1])),
        percent=percent,
        width=_WIDTH,
        height=_HEIGHT,
    )


def _line(x: Array, y: Array, look: Look) -> Line:
    name, colour, dash = look
    return Line(name, x.tolist(), y.tolist(), colour=colour, dash=dash)
