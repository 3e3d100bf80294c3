"""Mood in the report of a simulation: figures, tiles, tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ketasim.evidence import Entry
from ketasim.outputs import report_words as words
from ketasim.outputs.figures import COLOURS, SOFT, Line, Panel, extremes, svg
from ketasim.outputs.mood import MADRS, Mood
from ketasim.outputs.mood_inputs import PARTS
from ketasim.outputs.mood_table import CHANCES, REMISSION
from ketasim.outputs.report_page import NOTHING, Drawing, Figure, Legend, number, percent
from ketasim.outputs.statistics import statistics

if TYPE_CHECKING:
    from ketasim.outputs.simulation import Simulation

Array = NDArray[np.float64]
Swatch = tuple[str, str, tuple[int, ...]]  # what a line is, its colour, its dashes

_DAY = 24.0
_FIRST_DAYS = 7.0
_WIDE, _NARROW = 800, 290
_ROWS = 16  # of the table in the report
_UNCERTAIN_DASH = (5, 3)
_RESPONSE_DASH, _REMISSION_DASH = (8, 4), (2, 3)
_PLASTICITY = (
    ("glutamate", "Glutamate", "over its level at rest"),
    ("bdnf", "Neurotrophic drive", "over its level at rest"),
    ("synapses", "Synapses", "over their healthy level"),
)
_PARTS = {
    "by_drug": ("the drug", COLOURS["mood"]),
    "by_expectation": ("expectation and setting", COLOURS["expectation"]),
    "by_antidepressant": ("a new oral antidepressant", COLOURS["antidepressant"]),
    "by_course": ("natural course and care", COLOURS["course"]),
}
_CHANCES: Mapping[str, tuple[str, str, tuple[int, ...]]] = {
    "response": ("response: half of the baseline or less", COLOURS["mood"], ()),
    "remission_12": ("remission: MADRS of 12 or less", COLOURS["glutamate"], (6, 3)),
    "remission_10": ("remission: MADRS of 10 or less", COLOURS["glutamate"], (2, 3)),
    "still_well": ("still well: response after the last session, kept", COLOURS["block"], ()),
}
_MEANS_ONLY = (
    "Means over the patients. The spread between patients (5–95 %), uncertainty of the parameters "
    "and differences between trials are not shown."
)
_SHARES_ONLY = (
    "Shares of all patients. The spread between patients (5–95 % of the MADRS) is what makes them; "
    "uncertainty of the parameters and differences between trials are not shown."
)
_SHARES_BAND = (
    "Shares of all patients; the spread between patients is what makes them. Bands: uncertainty of "
    "the parameters. Not in the bands: differences between trials."
)
_WITH_OUTER = (
    "Bands: spread between patients. Dashed: uncertainty of the parameters as well. Not in them: "
    "differences between trials, so a real patient may well be outside."
)


@dataclass(frozen=True)
class MoodCell:
    """A number, its range below it."""

    value: str
    range: str = ""


def mood_figures(simulation: Simulation) -> dict[str, list[Figure]]:
    """Figures of plasticity and mood; none where the chain was not computed.

    **Arguments:**

    - `simulation`: what `simulate` returned.
    """
    mood = simulation.mood
    if mood is None or len(simulation.times) < 2:
        return {"plasticity": [], "mood": []}
    scores = [_scores(simulation, mood)]
    if not simulation.cohort.typical and len(mood.table) > 2:
        scores.append(_probability(simulation, mood))
    scores.append(_stack(simulation))
    return {"plasticity": _plasticity(simulation), "mood": scores}


def _curve(
    simulation: Simulation,
    key: tuple[str, str],
    inside: NDArray[np.bool_],
    start: float,
    colour: str,
) -> Line:
    """Median with bands, or the typical patient's line, in days from a start."""
    typical = simulation.cohort.typical
    times, table = simulation.times[inside], simulation.values[key][inside]
    found = statistics(table, typical)
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
            Legend("band", "half of the patients (25–75 %)", colour, opacity=0.45),
            Legend("band", "nine in ten patients (5–95 %)", colour, opacity=0.18),
        ]
    return (*entries, Legend("dose", "session"), Legend("words", text))


def _marks(simulation: Simulation, start: float = 0.0) -> tuple[tuple[float, float], ...]:
    doses = simulation.course.regimen.doses
    return tuple(((d.time - start) / _DAY, (d.end - start) / _DAY) for d in doses)


def _centre(simulation: Simulation) -> str:
    return "typical patient" if simulation.cohort.typical else "median patient"


def _both(panel: Panel, described: str) -> Drawing:
    return Drawing(svg(panel, described), svg(replace(panel, width=_NARROW), described))


def _limits(line: Line) -> tuple[float, float]:
    """Ends of an axis that shows a line and its bands with some room."""
    low, high = line.outer or (line.y, line.y)
    least, most = min(low), max(high)
    room = 0.06 * max(most - least, 0.02)
    return least - room, most + room


def _plasticity(simulation: Simulation) -> list[Figure]:
    start = simulation.sessions[0].start if simulation.sessions else 0.0
    last = float(simulation.times[-1])
    length = min(_FIRST_DAYS, (last - start) / _DAY)
    inside = (simulation.times >= start) & (simulation.times <= start + length * _DAY + 1e-9)
    text = (
        words.NO_SPREAD
        if simulation.cohort.typical
        else f"{words.BETWEEN_PATIENTS} {words.NOT_IN_BANDS}"
    )
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
                f"From the burst to new synapses, the first {length:.3g} days",
                tuple(drawings),
                _legend(simulation, lines, COLOURS["glutamate"], text),
                caption="Modelled, not measured in these patients: rodents set the time scales.",
                columns=3,
            )
        )
    if last / _DAY > _FIRST_DAYS:
        everything = np.ones(len(simulation.times), bool)
        line = _curve(simulation, ("synapses", "brain"), everything, 0.0, COLOURS["synapses"])
        panel = Panel(
            "",
            "days",
            "over their healthy level",
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


def _scores(simulation: Simulation, mood: Mood) -> Figure:
    last = float(simulation.times[-1]) / _DAY
    everything = np.ones(len(simulation.times), bool)
    line = _curve(simulation, MADRS, everything, 0.0, COLOURS["mood"])
    lines = [line]
    entries: list[Swatch] = [(f"MADRS, {_centre(simulation)}", COLOURS["mood"], ())]
    highest = max((line.outer or (line.y, line.y))[1])
    text = words.NO_SPREAD
    if not simulation.cohort.typical:
        text = f"{words.BETWEEN_PATIENTS} {words.NOT_IN_BANDS}"
    if mood.outer is not None:
        band = mood.outer
        highest = max(highest, float(band.p95.max()))
        x = (band.times / _DAY).tolist()
        lines += [
            Line("with uncertainty", x, y.tolist(), colour=SOFT, dash=_UNCERTAIN_DASH)
            for y in (band.p05, band.p95)
        ]
        text = _WITH_OUTER
        name = f"5–95 % over the patients and {band.draws} sets of numbers that the trials allow"
        entries.append((name, SOFT, _UNCERTAIN_DASH))
    span = (0.0, last)
    guides = [(span, (mood.baseline / 2, mood.baseline / 2), _RESPONSE_DASH)]
    guides += [(span, (points, points), _REMISSION_DASH) for points in REMISSION]
    entries += [
        ("response: half of the baseline", SOFT, _RESPONSE_DASH),
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
        width=_WIDE,
        height=250,
    )
    return Figure(
        "",
        "MADRS over the course",
        (_both(panel, f"MADRS over {last:g} days"),),
        _legend(simulation, entries, COLOURS["mood"], text),
        caption=(
            "Scores without the error of a rating, of patients who all start at "
            f"{mood.baseline:.3g} points."
        ),
        columns=1,
    )


def _probability(simulation: Simulation, mood: Mood) -> Figure:
    banded = f"{CHANCES[0]}_p05" in mood.table.columns
    lines: list[Line] = []
    for name, (text, colour, dash) in _CHANCES.items():
        table = mood.table.filter(pl.col(name).is_not_null())
        band = None
        if banded and name in ("response", "still_well"):
            band = (table[f"{name}_p05"].to_list(), table[f"{name}_p95"].to_list())
        days, share = table["day"].to_list(), table[name].to_list()
        lines.append(Line(text, days, share, outer=band, colour=colour, dash=dash))
    last = float(simulation.times[-1]) / _DAY
    panel = Panel(
        "",
        "days",
        "patients",
        lines=tuple(line for line in lines if line.x),
        marks=_marks(simulation),
        x_domain=(0.0, last),
        y_domain=(0.0, 1.0),
        percent=True,
        width=_WIDE,
        height=210,
    )
    entries = [Legend("line", t, c, " ".join(map(str, d))) for t, c, d in _CHANCES.values()]
    if banded:
        entries.append(Legend("band", "nine in ten sets of numbers (5–95 %)", SOFT, opacity=0.3))
    entries += [
        Legend("dose", "session"),
        Legend("words", _SHARES_BAND if banded else _SHARES_ONLY),
    ]
    return Figure(
        "",
        "Probability of response, of remission and of still being well",
        (_both(panel, f"Shares of patients over {last:g} days"),),
        tuple(entries),
        caption=(
            "What a rating with its error would show. Still well counts from the day after the "
            "last session and ends with the first weekly rating without a response. The error of "
            "a patient's ratings is taken to stay the same (assumed)."
        ),
        columns=1,
    )


def _stack(simulation: Simulation) -> Figure:
    """Mean fall of the score, one part upon another."""
    parts = {part: simulation.values[part, "patient"].mean(axis=1) for part in PARTS}
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
        "fall of the MADRS, points",
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
        "What brings the improvement",
        (_both(panel, f"Parts of the fall of the MADRS over {last:g} days"),),
        (*entries, Legend("dose", "session"), Legend("words", text)),
        caption=(
            "The parts add up on the logarithm of the score; in points each is taken times the "
            "logarithmic mean of the scores before and now, so that they add up to the fall."
        ),
        columns=1,
    )


def mood_tiles(simulation: Simulation) -> list[tuple[str, ...]]:
    """Name, value, unit, range and what it is of, for the few numbers on mood at the top."""
    mood = simulation.mood
    if mood is None:
        return []
    last = float(mood.table["time_h"][-1])
    # a day after the last session, or the end of a course that is not followed so long
    at = min(mood.well_from, last)
    row = mood.table.filter((pl.col("time_h") - at).abs() < 1e-6).to_dicts()[0]
    when = "a day after the last session" if at == mood.well_from else "at the end"
    spread = ""
    place = int(np.abs(simulation.times - at).argmin())
    if not simulation.cohort.typical and abs(simulation.times[place] - at) < 1e-6:
        low, high = np.quantile(simulation.values[MADRS][place], (0.05, 0.95))
        spread = f"{number(float(low))} – {number(float(high))}"
    found: list[tuple[str, ...]] = [
        (f"Mean MADRS {when}, from {number(mood.baseline)}", number(row["MADRS"]), "", spread)
    ]
    if "response" in row:
        found.append((f"Patients with a response {when}", percent(row["response"], 2), "", ""))
    if row["share_drug"] is not None:
        text = f"Share of the improvement by the drug {when}"
        low, high = row.get("share_drug_p05"), row.get("share_drug_p95")
        span = "" if low is None else f"{_share(low)} – {_share(high)}"
        found.append((text, percent(row["share_drug"], 2), "", span, "nine in ten sets of numbers"))
    end = mood.table.to_dicts()[-1]
    if last > at and end.get("still_well") is not None:
        text = f"Still well at the end, day {end['day']:.4g}"
        found.append((text, percent(end["still_well"], 2), "", ""))
    return found


def outcome_rows(mood: Mood) -> tuple[list[str], list[list[MoodCell]]]:
    """Heads and rows of the table of outcomes by week, not more than a page shows.

    **Arguments:**

    - `mood`: of a simulation.
    """
    scales = [s for s in ("HDRS17", "QIDS", "PHQ9") if s in mood.table.columns]
    heads = ["Day", "MADRS", *scales]
    shares = [name for name in _CHANCES if name in mood.table.columns]
    names = {
        "response": "Response",
        "remission_12": "Remission, 12 or less",
        "remission_10": "Remission, 10 or less",
        "still_well": "Still well",
    }
    heads += [names[name] for name in shares]
    rows: list[list[MoodCell]] = []
    for row in _thinned(mood.table):
        cells = [MoodCell(f"{row['day']:.4g}"), MoodCell(number(row["MADRS"]))]
        cells += [MoodCell(number(row[s])) for s in scales]
        for name in shares:
            low, high = row.get(f"{name}_p05"), row.get(f"{name}_p95")
            span = "" if low is None else f"{_share(low)} – {_share(high)}"
            cells.append(MoodCell(_share(row[name]), span))
        rows.append(cells)
    return heads, rows


def part_rows(mood: Mood) -> list[list[MoodCell]]:
    """Day, mean fall in points, and each part as points and as a share of the fall."""
    rows: list[list[MoodCell]] = []
    for row in _thinned(mood.table):
        if row["time_h"] <= 0.0:
            continue
        cells = [MoodCell(f"{row['day']:.4g}"), MoodCell(number(mood.baseline - row["MADRS"]))]
        for part in PARTS:
            share = row[f"share_{part.removeprefix('by_')}"]
            below = NOTHING if share is None else percent(share, 2)
            low, high = row.get(f"{part}_p05"), row.get(f"{part}_p95")
            if low is not None and high is not None:
                below += f"; {number(low)} – {number(high)}"
            cells.append(MoodCell(number(row[part]), below))
        rows.append(cells)
    return rows


def _share(value: float | None) -> str:
    """A fraction as whole percent; of a small one only that it is small."""
    if value is None:
        return NOTHING
    return percent(value, 2) if value >= 0.001 else f"< {percent(0.001, 1)}"


def _thinned(table: pl.DataFrame) -> list[dict[str, Any]]:
    rows = table.to_dicts()
    if len(rows) <= _ROWS:
        return rows
    chosen = np.unique(np.linspace(0, len(rows) - 1, _ROWS).round().astype(int))
    # day 1 is where a rapid effect shows
    return [rows[i] for i in sorted({*chosen.tolist(), 1})]


def mood_entries(mood: Mood) -> list[Entry]:
    """Numbers of the card that acted, those that are assumed first."""
    return sorted(mood.entries, key=lambda entry: entry.grade != "assumed")
