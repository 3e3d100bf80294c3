"""Figures of the calibration of session effects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from ketasim.calibration.session.tables import (
    GROUPS,
    group_of,
    is_bound,
)
from ketasim.calibration.session.words import effect_shown
from ketasim.evidence import source_name
from ketasim.figures.calibration.mood import interval_figure
from ketasim.figures.figure import DOTS, Drawing, Figure, Legend
from ketasim.figures.panels import COLOURS, SOFT, Line, Panel, Points, svg
from ketasim.figures.svg.palette import AXIS

if TYPE_CHECKING:
    from ketasim.calibration.session import SessionCompared, SessionFit, SessionRow

_BAR: Final = AXIS
_LOOKS: Final = {
    "label": COLOURS["ketamine"],
    "dose": COLOURS["s"],
    "timing": COLOURS["norketamine"],
    "pressure": COLOURS["r"],
    "programme": COLOURS["block"],
    "check": COLOURS["course"],
    "again": AXIS,
}


def scatter(fit: SessionFit) -> Figure:
    """Predicted against published, by kind of number."""
    kinds: tuple[tuple[str, str, float, Callable[[SessionRow], bool]], ...] = (
        ("Percentages of patients or sessions", "%", 100.0, lambda row: row.unit == "fraction"),
        ("Increase in blood pressure", "mmHg", 1.0, lambda row: row.unit == "mmHg"),
        ("Times after start", "min", 1.0, lambda row: row.unit == "min"),
    )
    drawings: list[Drawing] = []
    used: set[str] = set()
    for title, unit, factor, chosen in kinds:
        rows = [one for one in fit.compared if chosen(one.row)]
        if rows:
            used |= {group_of(one.row) for one in rows}
            drawings.append(_square(title, unit, rows, factor))
    legend = [
        Legend("dot", title, _LOOKS[name], DOTS["diamond" if name == "check" else "circle"])
        for name, title in GROUPS.items()
        if name in used
    ]
    return Figure(
        "figure-scatter",
        "Figure 1. Predicted against published",
        tuple(drawings),
        (
            *legend,
            Legend("line", "equal", SOFT),
            Legend("line", "90 % interval of the prediction for such a study", _BAR),
            Legend(
                "words",
                "A point is one published value. The interval includes the error of the published "
                "value, between-study variability and parameter uncertainty, not between-patient "
                "variability. A published upper bound may lie above it.",
            ),
        ),
        "Scores (points) and heart rate (1/min) are in the table of all rows.",
        columns=3,
    )


def _square(title: str, unit: str, rows: Sequence[SessionCompared], factor: float) -> Drawing:
    lines: list[Line] = []
    for one in rows:
        at, ends = factor * one.row.value, [factor * end for end in (one.low, one.high)]
        lines.append(Line("", [at, at], ends, colour=_BAR))
    points: list[Points] = []
    for name, title_of in GROUPS.items():
        group = [one for one in rows if group_of(one.row) == name]
        if group:
            x = [factor * one.row.value for one in group]
            y = [factor * one.predicted for one in group]
            shape = "diamond" if name == "check" else "circle"
            labels = [_label(one) for one in group]
            points.append(Points(title_of, x, y, labels, _LOOKS[name], shape))
    top = 1.04 * factor * max(max(one.row.value, one.predicted, one.high) for one in rows)
    panel = Panel(
        title,
        f"published, {unit}",
        f"predicted, {unit}",
        lines=tuple(lines),
        points=tuple(points),
        x_domain=(0.0, top),
        y_domain=(0.0, top),
        guides=(((0.0, top), (0.0, top), ()),),
        width=230,
        height=230,
    )
    return Drawing(svg(panel, f"{title}: {len(rows)} predictions against published values"))


def _label(one: SessionCompared) -> str:
    shown = effect_shown(one)
    unit = f" {shown.unit}" if shown.unit else ""
    bound = " or less" if is_bound(one.row) else ""
    return (
        f"{shown.what}, {shown.how}, {shown.given}: published {shown.published}{unit}{bound}, "
        f"predicted {shown.predicted}{unit} ({source_name(shown.source)}, {shown.facts})"
    )


def intervals(fit: SessionFit) -> Figure:
    """The free numbers of the fit, prior against posterior."""
    from ketasim.calibration.mood import Number

    spread = fit.card.uncertainty
    assert spread is not None, "a fit has its uncertainty"
    numbers = [
        Number(
            symbol=symbol,
            unit=fit.card.entry(symbol).unit,
            meaning=fit.card.entry(symbol).meaning,
            scale=scale,
            prior=fit.prior.entry(symbol).value,
            prior_sd=float(fit.prior.extra["prior"][symbol]),
            value=fit.card.entry(symbol).value,
            sd=fit.shrinkage[symbol] * float(fit.prior.extra["prior"][symbol]),
        )
        for symbol, scale in zip(spread.symbols, spread.scales, strict=True)
    ]
    return interval_figure(numbers, "the published values", "studies")
