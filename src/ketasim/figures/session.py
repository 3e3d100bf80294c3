"""Figures of the sessions of a course: the first by the minute, its timeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import words
from ketasim.figures.figure import Drawing, Figure, Legend
from ketasim.figures.panels import COLOURS, Line, Panel, svg
from ketasim.figures.session_plan import plan_figure
from ketasim.population import SESSION_CURVES, SessionCurve
from ketasim.simulation.session.curves import SessionProfile

if TYPE_CHECKING:
    from ketasim.screening import SessionPlan
    from ketasim.simulation.result import Simulation

Array = NDArray[np.float64]
Look = tuple[str, str, tuple[int, ...]]  # an effect, its colour, its dashes

_LAST_DASH: Final = (5, 3)
_WANING: Final = ("CADSS", "dissociation")  # fainter in a later session
_PANELS: Final[tuple[tuple[str, str, bool, tuple[Look, ...]], ...]] = (
    ("Dissociation", "CADSS, points", False, (("CADSS", COLOURS["block"], ()),)),
    (
        "Patients with each effect",
        "percentage of patients",
        True,
        (
            ("dissociation", COLOURS["norketamine"], ()),
            ("sedation", COLOURS["ketamine"], ()),
            ("dizziness", COLOURS["s"], (6, 2)),
            ("nausea", COLOURS["hnk"], (2, 2)),
            ("vomiting", COLOURS["course"], (1, 2)),
        ),
    ),
    (
        "Blood pressure and heart rate",
        "change, mmHg and 1/min",
        False,
        (
            ("SBP", COLOURS["r"], ()),
            ("DBP", COLOURS["expectation"], (6, 2)),
            ("HR", COLOURS["course"], (9, 3)),
        ),
    ),
    (
        "Drug high and experimental pain relief",
        "points of 10, cm of 10",
        False,
        (("drug_high", COLOURS["s"], ()), ("pain_relief", COLOURS["hnk"], (6, 2))),
    ),
)
_CURVES: Final[Mapping[str, SessionCurve]] = {curve.name: curve for curve in SESSION_CURVES}
_BANDS: Final = (5.0, 25.0, 50.0, 75.0, 95.0)
_POINTS: Final = 160  # of a line in a figure


def session_figures(simulation: Simulation, *, of_last: bool = False) -> list[Figure]:
    """Draw the first session by the minute; of several, the last as dashed lines where it differs.

    **Arguments:**

    - `simulation`: what `simulate` returned.
    - `of_last`: the last session alone instead.
    """
    effects = simulation.session_effects
    if effects is None:
        return []
    first = effects.sessions[-1 if of_last else 0]
    last = effects.sessions[-1] if len(effects.sessions) > 1 and not of_last else None
    drawings = [
        Drawing(svg(_panel(title, unit, share, looks, first, last), f"{title} over time"))
        for title, unit, share, looks in _PANELS
    ]
    legend = [
        Legend("line", _CURVES[name].title, colour, _dashes(dash))
        for _, _, _, looks in _PANELS
        for name, colour, dash in looks
    ]
    if last is not None:
        legend += [
            Legend("line", f"{_CURVES[name].title}, session {last.number}", colour, dashes)
            for _, _, _, looks in _PANELS
            for name, colour, _ in looks
            if name in _WANING and (dashes := _dashes(_LAST_DASH))
        ]
    legend += [
        Legend("band", "50 % of patients", COLOURS["block"], opacity=0.45),
        Legend("band", "90 % of patients", COLOURS["block"], opacity=0.18),
        Legend("dose", "dose"),
        Legend(
            "words",
            words.BOTH_IN_BANDS
            if simulation.cohort.uncertainty
            else "Bands: between-patient variability in exposure and sensitivity. Not included: "
            "parameter uncertainty and between-trial variability.",
        ),
    ]
    caption = "Lines: means, or percentages of all virtual patients."
    if last is not None:
        caption += (
            f" Dashed: dissociation in session {last.number}, weaker by habituation; blood "
            "pressure does not habituate."
        )
    return [
        Figure(
            "",
            f"Session {first.number} over time" if of_last else "First session over time",
            tuple(drawings),
            tuple(legend),
            caption=caption,
            columns=2,
        )
    ]


def _dashes(dash: tuple[int, ...]) -> str:
    return " ".join(str(n) for n in dash)


def _panel(
    title: str,
    unit: str,
    share: bool,
    looks: tuple[Look, ...],
    first: SessionProfile,
    last: SessionProfile | None,
) -> Panel:
    lines = [
        _line(first, name, colour, dash, band=i == 0)
        for i, (name, colour, dash) in enumerate(looks)
    ]
    if last is not None and looks[0][0] in _WANING:
        lines.append(_line(last, looks[0][0], looks[0][1], _LAST_DASH, band=False))
    end = min(float(first.minutes[-1]), _until(first))
    return Panel(
        title,
        "minutes after start",
        unit,
        lines=tuple(lines),
        marks=first.doses,
        x_domain=(0.0, end),
        percent=share,
        width=330,
        height=200,
    )


def _until(session: SessionProfile) -> float:
    """Minutes after which nothing happens that a figure needs to show."""
    effect = session.effects["cognition"].mean(axis=1)
    high = np.flatnonzero(effect > 0.05 * effect.max())
    return float(session.minutes[min(int(high[-1]) + 1, len(effect) - 1)]) if high.size else 60.0


def _line(
    session: SessionProfile, name: str, colour: str, dash: tuple[int, ...], *, band: bool
) -> Line:
    table = session.effects[name]
    chosen = np.unique(np.linspace(0, len(session.minutes) - 1, _POINTS).astype(np.int64))
    shares = _CURVES[name].kind == "share"
    spread = band and not shares and table.shape[1] > 1
    found = np.percentile(table[chosen], _BANDS, axis=1)
    return Line(
        f"{_CURVES[name].title}, session {session.number}",
        session.minutes[chosen].tolist(),
        session.means[name][chosen].tolist(),
        outer=(found[0].tolist(), found[4].tolist()) if spread else None,
        inner=(found[1].tolist(), found[3].tolist()) if spread else None,
        colour=colour,
        dash=dash,
    )


def plan_figures(plan: SessionPlan | None) -> list[Figure]:
    """The timeline of the first session.

    **Arguments:**

    - `plan`: what `Simulation.session_plan` returned; nothing where there are no effects.
    """
    if plan is None:
        return []
    figure = plan_figure(plan)
    return [replace(figure, title="Timeline of the first session")]
