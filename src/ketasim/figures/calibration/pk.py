"""Figures of the calibration of the reference model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ketasim._base import words
from ketasim._base.numbers import number
from ketasim.calibration.pk.tables import Shown, design_words, exposure_shown, training_of
from ketasim.evidence import source_name
from ketasim.figures.figure import DOTS, Drawing, Figure, Legend
from ketasim.figures.panels import COLOURS, SOFT, Line, Panel, Points, svg

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ketasim.calibration.pk import (
        Compared,
        MeasuredCurve,
        PkFit,
        Profile,
    )

TWO_FOLD = 2.0

_ROUTES = {
    "iv": ("intravenous", COLOURS["ketamine"], "circle"),
    "intranasal": ("nasal", COLOURS["s"], "square"),
    "sublingual": ("sublingual", COLOURS["r"], "diamond"),
    "oral": ("swallowed", COLOURS["norketamine"], "triangle-up"),
    "oral_er": ("extended release", COLOURS["hnk"], "triangle-down"),
    "rectal": ("rectal", COLOURS["block"], "cross"),
    "inhaled": ("inhaled", SOFT, "triangle-right"),
    "buccal": ("buccal", COLOURS["r"], "triangle-left"),
}
_ANALYTES = {
    "ketamine": ("ketamine and its enantiomers", COLOURS["ketamine"]),
    "norketamine": ("norketamine", COLOURS["r"]),
    "hnk": ("hydroxynorketamine", COLOURS["s"]),
}


def scatter(fit: PkFit) -> Figure:
    """Predicted against published, by route."""
    used = [one for one in fit.exposures if training_of(one).use == "fit"]
    kinds = (
        ("Concentrations", "ng/mL", "ng/mL"),
        ("Areas under the curve", "ng*h/mL", "ng·h/mL"),
        ("Fractions (F)", "fraction", "fraction"),
    )
    drawings: list[Drawing] = []
    for title, unit, shown in kinds:
        rows = [one for one in used if training_of(one).unit == unit]
        if rows:
            points = _grouped(rows, _route, _ROUTES)
            drawings.append(_square(title, shown, points, rows))
    names = [r for r in _ROUTES if any(_route(one) == r for one in used)]
    legend = [_dot(*_ROUTES[name]) for name in names]
    return Figure(
        "figure-scatter",
        "Figure 1. Predicted against published, by route",
        tuple(drawings),
        (*legend, *_guides()),
        columns=3,
    )


def by_analyte(fit: PkFit) -> Figure:
    """Predicted against published, by sampling site and analyte."""
    used = [one for one in fit.exposures if training_of(one).use == "fit"]
    drawings: list[Drawing] = []
    for site, shape in (("venous", "circle"), ("arterial", "diamond")):
        rows = [
            one
            for one in used
            if training_of(one).site == site and training_of(one).unit in ("ng/mL", "ng*h/mL")
        ]
        if rows:
            looks = {k: (name, colour, shape) for k, (name, colour) in _ANALYTES.items()}
            points = _grouped(rows, _analyte, looks)
            title = f"{words.capital(words.SITES[site])}: concentrations and areas"
            drawings.append(_square(title, "ng/mL or ng·h/mL", points, rows, size=320))
    legend = [_dot(name, colour, "circle") for name, colour in _ANALYTES.values()]
    return Figure(
        "figure-analytes",
        "Figure 2. Predicted against published, by sampling site and analyte",
        tuple(drawings),
        (*legend, *_guides()),
    )


def _route(one: Compared) -> str:
    design = training_of(one).design
    return "" if design is None else design.route


def _analyte(one: Compared) -> str:
    name = training_of(one).analyte
    return next((k for k in ("hnk", "norketamine") if name.endswith(k)), "ketamine")


def _grouped(
    rows: Sequence[Compared],
    key: Callable[[Compared], str],
    looks: dict[str, tuple[str, str, str]],
) -> tuple[Points, ...]:
    found: list[Points] = []
    for name, (text, colour, shape) in looks.items():
        group = [one for one in rows if key(one) == name]
        if group:
            labels = [_label(exposure_shown(one)) for one in group]
            x, y = [one.row.value for one in group], [one.predicted for one in group]
            found.append(Points(text, x, y, labels, colour, shape))
    return tuple(found)


def _label(shown: Shown) -> str:
    whence = f"{source_name(shown.source)}, {shown.fact}"
    return (
        f"{shown.design}: {shown.what}; published {number(shown.published)}, "
        f"predicted {number(shown.predicted)} {shown.unit} ({whence})"
    )


def _square(
    title: str, unit: str, points: tuple[Points, ...], rows: Sequence[Compared], size: int = 230
) -> Drawing:
    numbers = [v for one in rows for v in (one.row.value, one.predicted)]
    low, high = min(numbers) / 1.6, max(numbers) * 1.6
    ends = (low, high)
    guides = (
        (ends, ends, ()),
        (ends, (low * TWO_FOLD, high * TWO_FOLD), (4, 3)),
        (ends, (low / TWO_FOLD, high / TWO_FOLD), (4, 3)),
    )
    panel = Panel(
        title,
        f"published, {unit}",
        f"predicted, {unit}",
        points=points,
        x_domain=ends,
        y_domain=ends,
        x_log=True,
        y_log=True,
        guides=guides,
        width=size,
        height=size,
    )
    return Drawing(svg(panel, f"{title}: {len(rows)} predictions against published values"))


def _dot(text: str, colour: str, shape: str) -> Legend:
    return Legend("dot", text, colour, DOTS[shape])


def _guides() -> tuple[Legend, ...]:
    return (
        Legend("line", "equal", SOFT),
        Legend("line", "two-fold", SOFT, "4 3"),
        Legend(
            "words",
            "A point is one published average of a study; its distance from the line is a "
            "combined error of study and model, not between-patient variability.",
        ),
    )


def curves(fit: PkFit) -> Figure:
    """Measured curves of metabolites beside the reference model."""
    drawings = [
        _curve(one.curve, one.curve.source, "measured", one.curve.published(), one.predicted)
        for one in fit.curves
    ]
    return _beside_reference(
        "figure-curves",
        "Figure 3. Measured curves of metabolites, and the reference model",
        drawings,
        "measured, mean of the study",
        "Read off a figure; the first points are near the limit of the assay.",
    )


def profiles(fit: PkFit) -> Figure:
    """Profiles of the published models beside the reference model."""
    drawings = [
        _curve(one.profile, one.profile.model, "published model", one.published, one.predicted)
        for one in fit.profiles
    ]
    return _beside_reference(
        "figure-profiles",
        "Figure 4. Profiles of the published models and of the reference model",
        drawings,
        "published model, typical patient",
        "Typical patients: no variability is shown.",
    )


def _beside_reference(
    key: str, title: str, drawings: Sequence[Drawing], other: str, words: str
) -> Figure:
    """Drawings of the reference model beside something else, which the legend names."""
    legend = (
        Legend("line", "reference model, after the fit", COLOURS["ketamine"]),
        Legend("line", other, COLOURS["r"], "5 3"),
        Legend("words", words),
    )
    return Figure(key, title, tuple(drawings), legend, columns=3)


def _curve(
    of: Profile | MeasuredCurve,
    source: str,
    name: str,
    published: NDArray[np.float64],
    predicted: NDArray[np.float64],
) -> Drawing:
    hours = [minute / 60 for minute in of.minutes]
    top = 1.6 * max(published.max(), predicted.max())
    bottom = max(min(published.min(), predicted.min()) / 1.6, top / 1e4)
    panel = Panel(
        f"{words.capital(words.quantity(of.analyte))}, {of.site}",
        "hours",
        "ng/mL",
        lines=(
            Line(name, hours, published.tolist(), colour=COLOURS["r"], dash=(5, 3)),
            Line("reference model", hours, predicted.tolist()),
        ),
        x_domain=(0, hours[-1]),
        y_domain=(bottom, top),
        y_log=True,
        width=220,
        height=140,
    )
    design = design_words(of.design)
    picture = svg(panel, f"{source}: {design}, {of.analyte}")
    return Drawing(picture, caption=f"{source}: {design}")
