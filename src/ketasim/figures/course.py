"""The figures of a simulation: the first session close up, and the whole course."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ketasim._base import words
from ketasim.figures.choice import chosen_curve
from ketasim.figures.curves import Curves
from ketasim.figures.figure import Drawing, Figure, Legend
from ketasim.figures.mood import mood_figures, plasticity_figures
from ketasim.figures.panels import COLOURS, Panel, extremes, svg
from ketasim.figures.session import plan_figures, session_figures
from ketasim.figures.vega import draw
from ketasim.population import SESSION_CURVES
from ketasim.simulation.mood.course import MADRS, MOOD_UNITS

if TYPE_CHECKING:
    import altair

    from ketasim.screening import SessionPlan
    from ketasim.simulation.result import Simulation

Array = NDArray[np.float64]
Key = tuple[str, str]
Look = tuple[Key, str, tuple[int, ...]]  # a curve, its colour and its dashes

_SITES = ("arterial", "venous", "effect")
_WINDOWS = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 24.0)
_SETTLED = 0.15  # of the peak; the close-up ends where the curve has fallen this far
_DAY = 24.0
_DECADES = 1e-3  # of the peak; lower end of logarithmic axes
_FINE = 140  # points of a close-up
_LONG = 72.0  # h; longer courses are shown in days
_AXES: dict[Key, str] = {
    ("nmda_block", "effect"): "receptors blocked, %",
    ("glutamate", "brain"): "ratio to the level at rest",
    ("bdnf", "brain"): "ratio to the level at rest",
    ("synapses", "brain"): "ratio to the healthy level",
    MADRS: "MADRS, points",
    ("CADSS", "patient"): "CADSS, points",
    ("cognition", "patient"): "share of the full effect, %",
}  # what their names and units do not give


@dataclass(frozen=True)
class _View:
    """A stretch of time that panels show: from `start` for `length` hours."""

    start: float
    length: float
    marks: tuple[tuple[float, float], ...]

    def inside(self, times: Array) -> NDArray[np.int64]:
        """Positions of the times shown."""
        last = self.start + self.length
        return np.flatnonzero((times >= self.start - 1e-9) & (times <= last + 1e-9))


def figures(
    simulation: Simulation, plan: SessionPlan | None, *, only: Collection[str] = ()
) -> dict[str, list[Figure]]:
    """Draw a simulation.

    **Arguments:**

    - `simulation`: what `simulate` returned.
    - `plan`: of its first session; nothing where there are no effects.
    - `only`: the groups that are drawn and numbered; all when left out.

    **Returns:** figures under `session`, `metabolites`, `block`, `effects`, `plan`, `course`,
    `plasticity` and `mood`; an empty list where there is nothing to draw.
    """
    names = ("session", "metabolites", "block", "effects", "plan", "course", "plasticity", "mood")
    empty: dict[str, list[Figure]] = {name: [] for name in names}
    if not simulation.sessions or simulation.main is None:
        return empty
    curves = Curves(simulation)
    session = simulation.sessions[0]
    marks = tuple((d.time - session.start, d.end - session.start) for d in session.doses)
    rest = float(min(session.until, session.start + _DAY) - session.start)
    ends = max(end for _, end in marks)
    day = _View(session.start, max(rest, 1.0), marks)
    close = _View(session.start, _window(curves, simulation.main, day, ends), marks)
    main = simulation.main
    drawn: dict[str, Callable[[], list[Figure]]] = {
        "effects": lambda: session_figures(simulation),
        "plan": lambda: plan_figures(plan),
        "mood": lambda: mood_figures(simulation),
        "plasticity": lambda: plasticity_figures(simulation),
        "session": lambda: _session(curves, main, close, day),
        "metabolites": lambda: _metabolites(curves, main, day),
        "block": lambda: _block(curves, close, day),
        "course": lambda: _course(curves, simulation),
    }
    number = 0
    for group, draw_group in drawn.items():
        if group not in (only or names):
            continue
        members = draw_group()
        numbered: list[Figure] = []
        for member in members:
            number += 1
            title = f"Figure {number}. {member.title}"
            numbered.append(replace(member, name=f"figure-{number}", title=title))
        empty[group] = numbered
    return empty


def plot_course(
    simulation: Simulation,
    *,
    quantity: str | None = None,
    site: str | None = None,
    hours: tuple[float, float] | None = None,
) -> altair.LayerChart:
    """Draw one quantity of a simulation: the line with its bands, as an altair chart.

    **Main arguments:**

    - `simulation`: what `simulate` returned.

    **Other arguments:**

    - `quantity`, `site`: what to draw, in any case (`block` is `nmda_block`); the parent drug at
      its main site when left out.
    - `hours`: (first, last) time after the start of the course; all of it when left out.

    **Returns:** a chart of summaries, never of single patients: the median with the 25-75 % and
    5-95 % bands of the between-patient variability, or the typical patient's line. Bands of
    the MADRS are of scores as they are rated at one visit.

    **Raises:** `InputError` when the simulation has no such quantity or site, or it was not
    computed.
    """
    key = chosen_curve(simulation, quantity, site)
    curves = Curves(simulation)
    first, last = hours or (float(curves.times[0]), float(curves.times[-1]))
    view = _View(first, last - first, ())
    chosen = view.inside(curves.times)
    days = hours is None and last > _LONG
    scale = _DAY if days else 1.0
    colour = COLOURS["block" if key[0] == "nmda_block" else "ketamine"]
    line = curves.line(key, chosen, start=0.0, scale=scale, colour=colour)
    rated = key == MADRS and not curves.typical
    title, y_title = _titles(key, simulation.units[key])
    panel = Panel(
        title,
        "days" if days else "hours",
        y_title,
        lines=(replace(line, name=f"{'typical' if curves.typical else 'median'} patient"),),
        marks=tuple((d.time / scale, d.end / scale) for d in simulation.course.regimen.doses),
        bands=(words.PATIENTS_90, words.PATIENTS_50),
        notes=words.spreads(words.SPREADS[: _spreads(simulation)], rated=rated),
        x_domain=(first / scale, last / scale),
        percent=simulation.units[key] == "fraction",
        width=560,
        height=260,
    )
    return draw(panel)


def _titles(key: Key, unit: str) -> tuple[str, str]:
    """Title of a chart of one quantity, and that of its y axis with the unit."""
    name, site = key
    curve = next((one for one in SESSION_CURVES if (one.name, "patient") == key), None)
    if key in _AXES:
        title = words.quantity(name)
        where = "" if site == "patient" else f", {words.site(site)}"
        return f"{words.capital(title)}{where}", _AXES[key]
    if curve is not None:
        said = {"fraction": "probability, %", "point": f"{_short(key)}, points"}
        each = ": each patient's chance" if curve.kind == "share" else ""
        return f"{curve.title}{each}", said.get(
            unit, f"change, {unit}" if curve.kind == "change" else unit
        )
    if key in MOOD_UNITS:
        return f"Contribution of {words.quantity(name)}", "fall of the MADRS, points"
    return f"{words.capital(words.quantity(name))}, {words.site(site)}", f"{_short(key)}, {unit}"


def _spreads(simulation: Simulation) -> int:
    """How many of the three spreads are in the bands: patients first, then parameters."""
    return 0 if simulation.cohort.typical else 1 + bool(simulation.cohort.uncertainty)


def parent(curves: Curves, site: str) -> list[Look]:
    """Parent drug at a site: the total first, then enantiomers where both are there."""
    return _family(curves, site, "ketamine", COLOURS["ketamine"])


def _family(curves: Curves, site: str, analyte: str, colour: str) -> list[Look]:
    s, r, total = ((f"{p}{analyte}", site) for p in ("s_", "r_", ""))
    if curves.has(s) and curves.has(r):
        dashes: tuple[Look, ...] = (
            (s, COLOURS["s"], (6, 3)),
            (r, COLOURS["r"], (2, 3)),
        )
        return [(total, colour, ()), *dashes]
    one = next((key for key in (s, r, total) if curves.has(key)), None)
    return [] if one is None else [(one, colour, ())]


def _window(curves: Curves, main: Key, day: _View, ends: float) -> float:
    inside = day.inside(curves.times)
    hours = curves.times[inside] - day.start
    line = curves.table(main, inside)[curves.centre]
    after = hours[line >= _SETTLED * line.max()].max(initial=0.0)
    needed = max(float(after), 1.15 * ends)
    return min(next((w for w in _WINDOWS if w >= needed), day.length), day.length)


def _thin(count: int, found: NDArray[np.int64]) -> NDArray[np.int64]:
    if len(found) <= count:
        return found
    return found[np.unique(np.linspace(0, len(found) - 1, count).astype(np.int64))]


def _panel(
    curves: Curves,
    family: Sequence[Look],
    view: _View,
    *,
    title: str,
    y_title: str,
    top: float | None = None,
    log: bool = False,
    percent: bool = False,
    width: int = 240,
    height: int = 180,
    band_of: int = 0,
) -> Drawing:
    inside = view.inside(curves.times)
    chosen = _thin(_FINE, inside)
    lines = tuple(
        curves.line(
            key, chosen, start=view.start, scale=1.0, colour=colour, dash=dash, band=i == band_of
        )
        for i, (key, colour, dash) in enumerate(family)
    )
    highest = top or curves.top([key for key, _, _ in family], inside) or 1.0
    panel = Panel(
        title,
        "hours after start",
        y_title,
        lines=lines,
        marks=view.marks,
        x_domain=(0.0, view.length),
        y_domain=_domain(highest, log),
        y_log=log,
        percent=percent,
        width=width,
        height=height,
    )
    names = ", ".join(line.name for line in lines)
    return Drawing(svg(panel, f"{title}: {names} over {view.length:g} hours"))


def _domain(highest: float, log: bool) -> tuple[float, float]:
    if log:
        return (float(10 ** np.floor(np.log10(highest * _DECADES))), 1.5 * highest)
    return (0.0, 1.05 * highest)


def _session(curves: Curves, main: Key, close: _View, day: _View) -> list[Figure]:
    sites, decline = _sites(curves, close), _decline(curves, main, day)
    if len(sites.drawings) == len(decline.drawings) == 1:
        # one site and one molecule: close up and day side by side
        title = f"First session: first hours and {day.length:g} hours"
        both = (*sites.drawings, *decline.drawings)
        return [replace(decline, title=title, drawings=both, columns=2)]
    return [sites, decline]


def _sites(curves: Curves, view: _View) -> Figure:
    sites = [site for site in _SITES if parent(curves, site)]
    inside = view.inside(curves.times)
    keys = [parent(curves, site)[0][0] for site in sites]
    top = curves.top(keys, inside)
    width = 350 if len(sites) < 3 else 228
    drawings = [
        _panel(
            curves,
            parent(curves, site),
            view,
            title=words.capital(words.site(site)),
            y_title=f"{_short(keys[0])}, ng/mL",
            top=top,
            width=width,
        )
        for site in sites
    ]
    return Figure(
        "",
        "First session, first hours: sampling sites and effect site",
        tuple(drawings),
        legend(curves, parent(curves, sites[0])),
        columns=len(sites),
    )


def _decline(curves: Curves, main: Key, view: _View) -> Figure:
    family = parent(curves, main[1])
    drawings = [
        _panel(
            curves,
            family,
            view,
            title=f"{words.capital(words.site(main[1]))}, logarithmic axis",
            y_title=f"{_short(family[0][0])}, ng/mL",
            log=True,
            width=350,
        )
    ]
    shown = [site for site in _SITES if parent(curves, site)]
    if len(family) > 1:
        drawings.append(
            _panel(
                curves,
                family[1:],
                view,
                title=f"Enantiomers in {words.site(main[1])}",
                y_title="ng/mL",
                log=True,
                width=350,
            )
        )
        caption = "" if curves.typical else "Enantiomers: bands are for S-ketamine."
    elif len(shown) > 1:
        colours = (COLOURS["ketamine"], COLOURS["s"], COLOURS["r"])
        dashes: tuple[tuple[int, ...], ...] = ((), (6, 3), (2, 3))
        lines = [
            (parent(curves, site)[0][0], colour, dash)
            for site, colour, dash in zip(shown, colours, dashes, strict=False)
        ]
        drawings.append(
            _panel(
                curves,
                lines,
                view,
                title="Sampling sites compared",
                y_title=f"{_short(family[0][0])}, ng/mL",
                log=True,
                width=350,
                band_of=-1,
            )
        )
        names = ("line", "dashes", "dots")
        told = ", ".join(f"{words.site(s)} ({n})" for s, n in zip(shown, names, strict=False))
        caption = f"Sampling sites compared: {told}."
    else:
        caption = ""
    return Figure(
        "",
        f"First session, over {view.length:g} hours",
        tuple(drawings),
        legend(curves, family),
        caption=caption,
        columns=len(drawings),
    )


def _metabolites(curves: Curves, main: Key, view: _View) -> list[Figure]:
    drawings: list[Drawing] = []
    looks: list[Look] = []
    for analyte, name in (("norketamine", "Norketamine"), ("hnk", "Hydroxynorketamine")):
        sites = (main[1], *_SITES)
        site = next((s for s in sites if _family(curves, s, analyte, "")), None)
        if site is None:
            continue
        family = _family(curves, site, analyte, COLOURS[analyte])
        looks += family if not looks else family[:1]
        drawings.append(
            _panel(
                curves,
                family,
                view,
                title=f"{name}, {words.site(site)}",
                y_title=f"{_short(family[0][0])}, ng/mL",
                width=350,
            )
        )
    if not drawings:
        return []
    return [
        Figure(
            "",
            f"Metabolites in the first session, over {view.length:g} hours",
            tuple(drawings),
            legend(curves, looks),
            columns=2,
        )
    ]


def _block(curves: Curves, close: _View, day: _View) -> list[Figure]:
    key = ("nmda_block", "effect")
    if not curves.has(key):
        return []
    family: list[Look] = [(key, COLOURS["block"], ())]
    drawings = tuple(
        _panel(
            curves,
            family,
            view,
            title=title,
            y_title="receptors blocked",
            percent=True,
            width=350,
        )
        for title, view in (("First hours", close), (f"Over {day.length:g} hours", day))
    )
    return [Figure("", "NMDA receptor block, first session", drawings, legend(curves, family))]


def _course(curves: Curves, simulation: Simulation) -> list[Figure]:
    horizon = float(curves.times[-1])
    if len(simulation.sessions) < 2 and horizon <= 48.0:
        return []
    assert simulation.main is not None
    site = simulation.main[1]
    rows: list[tuple[list[Look], str, bool]] = []
    for analyte in ("ketamine", "norketamine", "hnk"):
        family = _family(curves, site, analyte, COLOURS[analyte])[:1]
        name = words.quantity(family[0][0][0]).split(",")[0] if family else ""
        rows.append((family, f"{words.capital(name)}, {words.site(site)}", False))
    block: Key = ("nmda_block", "effect")
    if curves.has(block):
        rows.append(([(block, COLOURS["block"], ())], "NMDA receptor block", True))
    drawings = [
        _course_panel(curves, family, simulation, title, percent)
        for family, title, percent in rows
        if family
    ]
    looks = [family[0] for family, _, _ in rows if family]
    return [
        Figure(
            "",
            "The whole course",
            tuple(drawings),
            legend(curves, looks),
            caption="Concentrations on logarithmic axes, truncated at 0.1 % of the peak.",
            columns=1,
        )
    ]


def _course_panel(
    curves: Curves,
    family: Sequence[Look],
    simulation: Simulation,
    title: str,
    percent: bool,
) -> Drawing:
    (key, colour, dash) = family[0]
    days = float(curves.times[-1]) > _LONG
    scale = _DAY if days else 1.0
    everything = np.arange(len(curves.times))
    chosen = extremes(curves.times, curves.table(key, everything)[curves.centre])
    line = curves.line(key, chosen, start=0.0, scale=scale, colour=colour, dash=dash)
    highest = curves.top([key], everything) or 1.0
    doses = simulation.course.regimen.doses
    panel = Panel(
        title,
        "days" if days else "hours",
        "receptors blocked" if percent else f"{_short(key)}, ng/mL",
        lines=(line,),
        marks=tuple((d.time / scale, d.end / scale) for d in doses),
        x_domain=(0.0, float(curves.times[-1]) / scale),
        y_domain=_domain(highest, not percent),
        y_log=not percent,
        percent=percent,
        width=800,
        height=130,
    )
    described = f"{title}: {line.name} over {panel.x_domain[1] if panel.x_domain else 0:g} "
    described += panel.x_title
    narrow = replace(panel, width=290)
    return Drawing(svg(panel, described), svg(narrow, described))


def legend(curves: Curves, family: Sequence[Look]) -> tuple[Legend, ...]:
    """What lines and bands mean; the three spreads are named whether shown or not."""
    centre = "typical patient" if curves.typical else "median patient"
    entries = [
        Legend(
            "line",
            f"{words.quantity(key[0])}, {centre}",
            colour,
            " ".join(str(n) for n in dash),
        )
        for key, colour, dash in family
    ]
    colour = family[0][1] if family else COLOURS["ketamine"]
    if not curves.typical:
        entries += [
            Legend("band", "50 % of patients", colour, opacity=0.45),
            Legend("band", "90 % of patients", colour, opacity=0.18),
        ]
    entries.append(Legend("dose", "dose"))
    return (*entries, Legend("words", words.bands(curves.typical, curves.uncertainty)))


def _short(key: Key) -> str:
    return words.quantity(key[0]).split(",")[0].replace("hydroxynorketamine", "HNK")
