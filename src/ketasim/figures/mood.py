"""Figures of plasticity and mood over a course."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim._base import words
from ketasim.figures.curves import Curves
from ketasim.figures.figure import Drawing, Figure, Legend
from ketasim.figures.panels import COLOURS, SOFT, Line, Panel, extremes, svg
from ketasim.simulation.mood.course import MADRS, Mood
from ketasim.simulation.mood.inputs import PARTS
from ketasim.simulation.mood.likelihood import REMISSION
from ketasim.simulation.statistics import QUANTILES

if TYPE_CHECKING:
    from ketasim.simulation.result import Simulation

Array = NDArray[np.float64]
Swatch = tuple[str, str, tuple[int, ...]]  # what a line is, its colour, its dashes
_DAY = 24.0
_FIRST_DAYS = 7.0
_WIDE, _NARROW = 800, 290
_FRONT, _FRONT_HIGH = 330, 270
_UNCERTAIN_DASH = (5, 3)
_RESPONSE_DASH, _REMISSION_DASH, _TROUGH_DASH = (8, 4), (2, 3), (4, 2)
_PLASTICITY = (
    ("glutamate", "Glutamate", "relative to resting level"),
    ("bdnf", "Neurotrophic drive", "relative to resting level"),
    ("synapses", "Synapses", "relative to healthy level"),
)
_PARTS = {
    "by_drug": ("the drug", COLOURS["mood"]),
    "by_expectation": ("expectation and setting", COLOURS["expectation"]),
    "by_antidepressant": ("a new oral antidepressant", COLOURS["antidepressant"]),
    "by_course": ("natural course and clinical care", COLOURS["course"]),
}
CHANCE_LOOKS: Mapping[str, tuple[str, str, tuple[int, ...]]] = {
    "response": ("response: MADRS reduced by at least 50 %", COLOURS["mood"], ()),
    "remission_12": ("remission: MADRS ≤ 12", COLOURS["glutamate"], ()),
    "remission_10": ("remission: MADRS ≤ 10", COLOURS["course"], ()),
    "still_well": (
        "response kept: response after the last session, not lost since",
        COLOURS["block"],
        (),
    ),
}
_MEANS_ONLY = (
    "Means over the virtual patients. Between-patient variability, parameter uncertainty and "
    "between-trial variability are not shown."
)
_SHARES_ONLY = (
    "Percentages of all virtual patients; they follow from between-patient variability. Parameter "
    "uncertainty and between-trial variability are not shown."
)
_SHARES_BAND = (
    "Percentages follow from between-patient variability. Bands: parameter uncertainty. Not "
    "included: between-trial variability."
)
_PEAK = "peak: a day after each session; after the last one, follow-up"
_KEPT_NOTE = (
    "With rating error and fluctuation from visit to visit. A response is kept from the day after "
    "the last session until the first weekly rating without response."
)
_WITH_OUTER = (
    "Bands: scores as rated at one visit: between-patient variability, rating error and "
    "fluctuation of state from visit to visit. Dashed: parameter uncertainty as well. Not "
    "included: between-trial variability, so a real patient may be outside."
)
_FRONT_OUTER = (
    "Bands: scores as rated at one visit, with between-patient variability and rating error. "
    "Dashed grey: 90 % with parameter uncertainty. Not included: between-trial variability."
)


def mood_figures(simulation: Simulation) -> list[Figure]:
    """Figures of mood; none where it was not computed.

    **Arguments:**

    - `simulation`: what `simulate` returned.
    """
    mood = simulation.mood
    if mood is None or len(simulation.times) < 2:
        return []
    scores = [_scores(simulation, mood)]
    if len(mood.table) > 2:
        scores.append(_expected(simulation, mood))
    return [*scores, _stack(simulation)]


def mood_front_figure(simulation: Simulation) -> Figure | None:
    """The MADRS over the course beside another figure; nothing where it was not computed.

    **Arguments:**

    - `simulation`: what `simulate` returned.
    """
    mood = simulation.mood
    if mood is None or len(simulation.times) < 2:
        return None
    panel, entries = _score_panel(simulation, mood, _FRONT, _FRONT_HIGH)
    text = words.bands(simulation.cohort.typical, simulation.cohort.uncertainty, rated=True)
    entries = [entries[0], *entries[-2:]]  # the legend's words name the outer band
    last = panel.x_domain[1] if panel.x_domain else 0.0
    drawing = Drawing(svg(panel, f"MADRS over {last:g} days"))
    legend = _legend(simulation, entries, COLOURS["mood"], _FRONT_OUTER if mood.outer else text)
    return Figure("", "The course", (drawing,), legend, columns=1)


def _curve(
    simulation: Simulation,
    key: tuple[str, str],
    inside: NDArray[np.bool_],
    start: float,
    colour: str,
) -> Line:
    """Median with bands, or the typical patient's line, in days from a start."""
    typical = simulation.cohort.typical
    times = simulation.times[inside]
    rated = simulation.mood.rated if simulation.mood is not None and key == MADRS else None
    if rated is None:
        found = Curves(simulation).table(key, np.flatnonzero(inside))
    else:
        found = {name: rated[name].to_numpy()[inside] for name in QUANTILES}
    centre = found["mean" if typical else "p50"]
    kept = extremes(times, centre)
    bands = {name: values[kept].tolist() for name, values in found.items()}
    return Line(
        words.quantity(key[0]),
        ((times[kept] - start) / _DAY).tolist(),
        centre[kept].tolist(),
        outer=None if typical else (bands["p05"], bands["p95"]),
        inner=None if typical else (bands["p25"], bands["p75"]),
        colour=colour,
    )


def _legend(
    simulation: Simulation,
    lines: Sequence[Swatch],
    colour: str,
    text: str,
) -> tuple[Legend, ...]:
    entries = [
        Legend("line", name, shade, " ".join(str(n) for n in dash)) for name, shade, dash in lines
    ]
    if not simulation.cohort.typical:
        entries += [
            Legend("band", "50 % of patients", colour, opacity=0.45),
            Legend("band", "90 % of patients", colour, opacity=0.18),
        ]
    return (*entries, Legend("dose", "session"), Legend("words", text))


def _marks(simulation: Simulation, start: float = 0.0) -> tuple[tuple[float, float], ...]:
    doses = simulation.course.regimen.doses
    return tuple(((d.time - start) / _DAY, (d.end - start) / _DAY) for d in doses)


def _centre(simulation: Simulation) -> str:
    return "typical patient" if simulation.cohort.typical else "median patient"


def _both(panel: Panel, described: str, narrow: int = _NARROW) -> Drawing:
    return Drawing(svg(panel, described), svg(replace(panel, width=narrow), described))


def _limits(line: Line) -> tuple[float, float]:
    """Ends of an axis that shows a line and its bands with some room."""
    low, high = line.outer or (line.y, line.y)
    least, most = min(low), max(high)
    room = 0.06 * max(most - least, 0.02)
    return least - room, most + room


def plasticity_figures(simulation: Simulation) -> list[Figure]:
    """Figures of the chain from glutamate to synapses; none where it was not computed.

    **Arguments:**

    - `simulation`: what `simulate` returned.
    """
    if simulation.mood is None or len(simulation.times) < 2:
        return []
    start = simulation.sessions[0].start if simulation.sessions else 0.0
    last = float(simulation.times[-1])
    length = min(_FIRST_DAYS, (last - start) / _DAY)
    inside = (simulation.times >= start) & (simulation.times <= start + length * _DAY + 1e-9)
    text = words.bands(simulation.cohort.typical, simulation.cohort.uncertainty)
    found: list[Figure] = []
    if inside.sum() > 1:
        drawings: list[Drawing] = []
        for name, title, unit in _PLASTICITY:
            line = _curve(simulation, (name, "brain"), inside, start, COLOURS[name])
            panel = Panel(
                title,
                "days after the start",
                unit,
                lines=(line,),
                marks=_marks(simulation, start),
                x_domain=(0.0, length),
                y_domain=_limits(line),
                width=225,
                height=180,
            )
            drawings.append(Drawing(svg(panel, f"{title} over {length:g} days")))
        lines = [
            (f"{words.quantity(name)}, {_centre(simulation)}", COLOURS[name], ())
            for name, _, _ in _PLASTICITY
        ]
        found.append(
            Figure(
                "",
                f"From glutamate release to new synapses, first {length:.3g} days",
                tuple(drawings),
                _legend(simulation, lines, COLOURS["glutamate"], text),
                caption="Modelled, not measured in patients; the time scales are from rodents.",
                columns=3,
            )
        )
    if last / _DAY > _FIRST_DAYS:
        everything = np.ones(len(simulation.times), bool)
        line = _curve(simulation, ("synapses", "brain"), everything, 0.0, COLOURS["synapses"])
        panel = Panel(
            "",
            "days",
            "relative to healthy level",
            lines=(line,),
            marks=_marks(simulation),
            x_domain=(0.0, last / _DAY),
            y_domain=_limits(line),
            width=_WIDE,
            height=150,
        )
        name = f"synapses, {_centre(simulation)}"
        found.append(
            Figure(
                "",
                "Synapses over the course",
                (_both(panel, f"Synapses over {last / _DAY:g} days"),),
                _legend(simulation, [(name, COLOURS["synapses"], ())], COLOURS["synapses"], text),
                columns=1,
            )
        )
    return found


def _score_panel(
    simulation: Simulation, mood: Mood, width: int, height: int
) -> tuple[Panel, list[Swatch]]:
    """The curve of scores with its guides, and what its lines are."""
    last = float(simulation.times[-1]) / _DAY
    everything = np.ones(len(simulation.times), bool)
    line = _curve(simulation, MADRS, everything, 0.0, COLOURS["mood"])
    lines = [line]
    entries: list[Swatch] = [(f"MADRS, {_centre(simulation)}", COLOURS["mood"], ())]
    highest = max((line.outer or (line.y, line.y))[1])
    if mood.outer is not None:
        band = mood.outer
        highest = max(highest, float(band.p95.max()))
        x = (band.times / _DAY).tolist()
        lines += [
            Line("with uncertainty", x, y.tolist(), colour=SOFT, dash=_UNCERTAIN_DASH)
            for y in (band.p05, band.p95)
        ]
        name = f"90 % of patients with parameter uncertainty ({band.draws} parameter draws)"
        entries.append((name, SOFT, _UNCERTAIN_DASH))
    span = (0.0, last)
    guides = [(span, (mood.baseline / 2, mood.baseline / 2), _RESPONSE_DASH)]
    guides += [(span, (points, points), _REMISSION_DASH) for points in REMISSION]
    entries += [
        ("response: 50 % of baseline", SOFT, _RESPONSE_DASH),
        (f"remission: {' or '.join(str(p) for p in REMISSION)} points", SOFT, _REMISSION_DASH),
    ]
    panel = Panel(
        "",
        "days",
        "MADRS, points",
        lines=tuple(lines),
        marks=_marks(simulation),
        x_domain=span,
        y_domain=(0.0, min(60.0, 1.06 * max(highest, mood.baseline))),
        guides=tuple(guides),
        width=width,
        height=height,
    )
    return panel, entries


def _scores(simulation: Simulation, mood: Mood) -> Figure:
    panel, entries = _score_panel(simulation, mood, _WIDE, 250)
    last = float(simulation.times[-1]) / _DAY
    text = words.bands(simulation.cohort.typical, simulation.cohort.uncertainty, rated=True)
    text = text if mood.outer is None else _WITH_OUTER
    return Figure(
        "",
        "MADRS over the course",
        (_both(panel, f"MADRS over {last:g} days"),),
        _legend(simulation, entries, COLOURS["mood"], text),
        caption=(
            f"All patients are rated {mood.baseline:.3g} points before treatment. The next rating, "
            "however early, has an error of its own, so that scores differ even where nothing "
            "has changed."
            if mood.rated is not None
            else f"The patient starts at {mood.baseline:.3g} points; no rating error is included."
        ),
        columns=1,
    )


def _expected(simulation: Simulation, mood: Mood) -> Figure:
    """Scores and shares at the troughs and at the peaks: lines that no session can alias."""
    last = float(simulation.times[-1]) / _DAY
    scores = _ends_of(mood.table, "MADRS", COLOURS["mood"])
    highest = max(max(line.y) for line in scores)
    blank = Panel("", "days", "", marks=_marks(simulation), x_domain=(0.0, last), width=225)
    panels = [
        replace(
            blank,
            title="Expected MADRS",
            y_title="points",
            lines=scores,
            y_domain=(0.0, 1.06 * max(highest, mood.baseline)),
            guides=(((0.0, last), (mood.baseline / 2, mood.baseline / 2), _RESPONSE_DASH),),
        )
    ]
    several = any(line.dash for line in scores)
    entries = [
        _swatch(_PEAK if several else "expected", COLOURS["mood"]),
        *([_swatch("trough: before the next session", COLOURS["mood"], _TROUGH_DASH)] * several),
        _swatch("response: 50 % of baseline", SOFT, _RESPONSE_DASH),
    ]
    shares, banded = "response" in mood.table.columns, "response_p05" in mood.table.columns
    if shares:
        percent = replace(blank, y_title="patients", y_domain=(0.0, 1.0), percent=True)
        panels += [
            replace(percent, title="Response", lines=_responses(mood.table)),
            replace(percent, title="Remission", lines=_remissions(mood.table)),
        ]
        shown = ("remission_12", "remission_10", "still_well")
        entries += [_swatch(*CHANCE_LOOKS[name]) for name in shown]
    if banded:
        entries.append(Legend("band", "90 % uncertainty interval", SOFT, opacity=0.3))
    entries.append(Legend("dose", "session"))
    spread = words.NO_SPREAD if simulation.cohort.typical else _MEANS_ONLY
    if shares:
        spread = _SHARES_BAND if banded else _SHARES_ONLY
    entries.append(Legend("words", spread))
    title = "Expected score, response and remission" if shares else "Expected score"
    drawn = tuple(Drawing(svg(one, f"{one.title} over {last:g} days")) for one in panels)
    if not shares:
        alone = replace(panels[0], title="", y_title="MADRS, points", width=_WIDE)
        drawn = (_both(alone, f"Expected MADRS over {last:g} days"),)
    return Figure(
        "",
        f"{title} at the trough and at the peak" if several else title,
        drawn,
        tuple(entries),
        caption=_KEPT_NOTE if shares else "",
        columns=len(drawn),
    )


def _swatch(name: str, colour: str, dash: tuple[int, ...] = ()) -> Legend:
    return Legend("line", name, colour, " ".join(map(str, dash)))


def _responses(table: pl.DataFrame) -> tuple[Line, ...]:
    """Response, and from the day after the last session its being kept."""
    kept = _line(table.filter(pl.col("still_well").is_not_null()), "still_well", COLOURS["block"])
    lines = _ends_of(table, "response", COLOURS["mood"])
    return (*lines, kept) if kept.x else lines


def _remissions(table: pl.DataFrame) -> tuple[Line, ...]:
    return tuple(
        line
        for name in ("remission_12", "remission_10")
        for line in _ends_of(table, name, CHANCE_LOOKS[name][1])
    )


def _ends_of(table: pl.DataFrame, name: str, colour: str) -> tuple[Line, ...]:
    """A line through the peaks and the follow-up, and one through the troughs where there are."""
    occasion = pl.col("occasion")
    trough = occasion.str.contains("trough")
    upper = table.filter(occasion.is_in(["baseline", "follow-up"]) | occasion.str.contains("peak"))
    lower = table.filter((occasion == "baseline") | trough)
    lines = [_line(upper, name, colour)]
    if lower.filter(trough).height:
        lines.append(replace(_line(lower, name, colour), dash=_TROUGH_DASH))
    return tuple(lines)


def _line(table: pl.DataFrame, name: str, colour: str) -> Line:
    days, values = table["day"].to_list(), table[name].to_list()
    band = None
    if f"{name}_p05" in table.columns and name in ("response", "still_well"):
        band = (table[f"{name}_p05"].to_list(), table[f"{name}_p95"].to_list())
    return Line(name, days, values, outer=band, colour=colour)


def _stack(simulation: Simulation) -> Figure:
    """Mean decrease of the score, one contribution upon another."""
    curves, every = Curves(simulation), np.arange(len(simulation.times))
    parts = {part: curves.table((part, "patient"), every)["mean"] for part in PARTS}
    total = sum(parts.values(), np.zeros(len(simulation.times)))
    kept = extremes(simulation.times, total)
    x = (simulation.times[kept] / _DAY).tolist()
    below = np.zeros(len(kept))
    lines: list[Line] = []
    entries: list[Legend] = []
    for part, (name, colour) in _PARTS.items():
        if not np.any(parts[part]):
            continue
        upper = below + parts[part][kept]
        edge = (below.tolist(), upper.tolist())
        # both bands alike: a denser colour
        lines.append(Line(name, x, upper.tolist(), outer=edge, inner=edge, colour=colour))
        entries.append(Legend("band", name, colour, opacity=0.5))
        below = upper
    last = float(simulation.times[-1]) / _DAY
    lowest = min((min(line.y) for line in lines), default=0.0)
    highest = max((max(line.y) for line in lines), default=1.0)
    panel = Panel(
        "",
        "days",
        "decrease in MADRS, points",
        lines=tuple(reversed(lines)),
        marks=_marks(simulation),
        x_domain=(0.0, last),
        y_domain=(min(lowest, 0.0), 1.06 * max(highest, 0.1)),
        width=_WIDE,
        height=210,
    )
    text = words.NO_SPREAD if simulation.cohort.typical else _MEANS_ONLY
    return Figure(
        "",
        "Contributions to the improvement",
        (_both(panel, f"Contributions to the decrease in MADRS over {last:g} days"),),
        (*entries, Legend("dose", "session"), Legend("words", text)),
        caption=(
            "Additive on the logarithm of the score; converted to points so that they sum to the "
            "total decrease."
        ),
        columns=1,
    )
