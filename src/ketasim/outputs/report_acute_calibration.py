"""The report of the calibration of the effects of a session: what fits, what misses, numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ketasim.models import ACUTE
from ketasim.outputs import report_words as words
from ketasim.outputs.acute_calibration_tables import (
    CORRELATED,
    GROUPS,
    LITTLE,
    MOVED,
    acute_coverage,
    acute_dose_table,
    acute_parameter_table,
    correlated,
    effect_words,
    given_words,
    group_of,
    is_bound,
    is_inside,
    is_met,
    little_known,
    missed_of,
    statistic_words,
)
from ketasim.outputs.figures import COLOURS, SOFT, Line, Panel, Points, svg
from ketasim.outputs.report_mood_calibration import interval_figure
from ketasim.outputs.report_page import (
    NOTHING,
    Drawing,
    Figure,
    Legend,
    number,
    percent,
    render,
)

if TYPE_CHECKING:
    from ketasim.inference import AcuteCompared, AcuteFit, AcuteRow

_BAR: Final = "#b9c3cc"
_CIRCLE: Final = "M4,0A4,4,0,1,1,-4,0A4,4,0,1,1,4,0"
_DIAMOND: Final = "M0,-5L4,0L0,5L-4,0Z"
_LOOKS: Final = {
    "label": COLOURS["ketamine"],
    "dose": COLOURS["s"],
    "timing": COLOURS["norketamine"],
    "pressure": COLOURS["r"],
    "programme": COLOURS["block"],
    "check": "#7d8792",
    "again": "#b9c0c7",
}


@dataclass(frozen=True)
class ShownEffect:
    """A published effect beside its prediction, as the report writes it.

    **Arguments:**

    - `group`: key of `GROUPS`. `what`, `how`, `given`: effect, statistic, doses and people.
    - `fitted`: it entered the fit.
    - `published`, `placebo`, `predicted`, `interval`, `unit`: written out; the interval is of 90 %.
    - `z`: published less predicted, in SDs. `inside`: within the interval, or a bound that is kept.
    - `kept`: a published bound that is kept.
    - `study`, `source`, `facts`, `note`: where it is from, and what was taken how.
    - `why`: why it is outside, as far as the tables tell.
    """

    group: str
    what: str
    how: str
    given: str
    fitted: bool
    published: str
    placebo: str
    predicted: str
    interval: str
    unit: str
    z: str
    inside: bool
    kept: bool
    study: str
    source: str
    facts: str
    note: str
    why: str = ""


def acute_calibration_report(
    fit: AcuteFit, *, command: str = "ketasim calibrate acute --out DIR"
) -> str:
    """Write the report of the calibration of the effects of a session as one page of HTML.

    **Main arguments:**

    - `fit`: what `calibrate_acute` or `compare_acute` returned.

    **Other arguments:**

    - `command`: what reproduces it.
    """
    coverage = acute_coverage(fit)
    shown = [_shown(one) for one in fit.compared]
    missed = [_shown(one, why) for one, why in missed_of(fit)]
    numbers = acute_parameter_table(fit).to_dicts()
    free = {row["symbol"] for row in numbers}
    sources = [one.row.source for one in fit.compared]
    return render(
        "acute_calibration.html",
        title="Calibration of the effects of a session",
        sources=sorted({*sources, *fit.prior.sources(), *fit.card.sources()}),
        words=words,
        fit=fit,
        equations=_equations(),
        fitted=coverage[0],
        coverage=coverage,
        label=next(one for one in coverage if one.name == GROUPS["label"]),
        checks=next(one for one in coverage if one.name == GROUPS["check"]),
        scatter=_scatter(fit),
        by_dose=_by_dose(fit),
        groups=[(title, [s for s in shown if s.group == name]) for name, title in GROUPS.items()],
        missed=missed,
        events=ACUTE.events,
        intervals=_intervals(fit),
        numbers=[row for row in numbers if row["kind"] == "free"],
        between=[row for row in numbers if row["kind"] != "free"],
        little=little_known(fit),
        pairs=correlated(fit),
        least_correlation=CORRELATED,
        least=LITTLE,
        moved=MOVED,
        prior=fit.prior,
        fixed=[e for symbol, e in fit.card.entries.items() if symbol not in free],
        command=command,
    )


def value_words(unit: str, value: float | None) -> str:
    """Write a value of a published effect; shares are percent."""
    return percent(value, 2) if unit == "fraction" else number(value)


def printed_words(unit: str, value: float | None) -> str:
    """Write a published value with the digits that its source prints."""
    if value is None:
        return NOTHING
    return f"{100 * value:.4g}\u202f%" if unit == "fraction" else f"{value:.4g}"


def unit_words(unit: str) -> str:
    """Unit to be written beside a value; none beside percent."""
    return "" if unit == "fraction" else unit


def _shown(one: AcuteCompared, why: str = "") -> ShownEffect:
    row = one.row
    low, high = (value_words(row.unit, end) for end in (one.low, one.high))
    return ShownEffect(
        group=group_of(row),
        what=words.capital(effect_words(row)),
        how=statistic_words(row),
        given=given_words(row),
        fitted=row.use == "fit",
        published=printed_words(row.unit, row.value),
        placebo="" if row.comparator is None else printed_words(row.unit, row.comparator),
        predicted=value_words(row.unit, one.predicted),
        interval=f"{low} to {high}",
        unit=unit_words(row.unit),
        z=f"{one.z:+.2f}".replace("-", "−"),
        inside=is_inside(one),
        kept=is_met(one),
        study=row.study,
        source=row.source,
        facts=", ".join(row.facts),
        note=row.note,
        why=why,
    )


def _equations() -> str:
    """Equations of the declaration, without its lists of parameters, events and notes."""
    text = ACUTE.describe()
    return text[text.index("\nEffect (") : text.index("\nEvents")].strip()


def _by_dose(fit: AcuteFit) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    label = {(o.row.what, o.row.statistic, o.row.source): o.row for o in reversed(fit.compared)}
    for cells in acute_dose_table(fit).to_dicts():
        row, unit = label[cells["what"], cells["statistic"], cells["source"]], cells["unit"]
        printed = ("published", "published_placebo")
        computed = ("predicted", "low", "high", "predicted_56", "predicted_84", "predicted_placebo")
        rows.append(
            {name: printed_words(unit, cells[name]) for name in printed}
            | {name: value_words(unit, cells[name]) for name in computed}
            | {
                "what": words.capital(effect_words(row)),
                "how": statistic_words(row),
                "unit": unit_words(unit),
                "inside": cells["inside"],
                "source": cells["source"],
                "facts": cells["facts"].replace(";", ", "),
                "range": _range(row),
                "added": cells["predicted_placebo"] is None and row.comparator is not None,
            }
        )
    return rows


def _range(row: AcuteRow) -> str:
    """A printed range, nothing where one number is printed."""
    if row.low is None or row.high is None:
        return ""
    return f"{printed_words(row.unit, row.low)} to {printed_words(row.unit, row.high)}"


def _scatter(fit: AcuteFit) -> Figure:
    kinds: tuple[tuple[str, str, float, Callable[[AcuteRow], bool]], ...] = (
        ("Shares of patients or sessions", "%", 100.0, lambda row: row.unit == "fraction"),
        ("Rise of blood pressure", "mmHg", 1.0, lambda row: row.unit == "mmHg"),
        ("Times after the start", "min", 1.0, lambda row: row.unit == "min"),
    )
    drawings: list[Drawing] = []
    used: set[str] = set()
    for title, unit, factor, chosen in kinds:
        rows = [one for one in fit.compared if chosen(one.row)]
        if rows:
            used |= {group_of(one.row) for one in rows}
            drawings.append(_square(title, unit, rows, factor))
    legend = [
        Legend("dot", title, _LOOKS[name], _DIAMOND if name == "check" else _CIRCLE)
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
                "A point is one published number. The interval holds the error of the published "
                "number, the spread between studies and the uncertainty of the fit, not the spread "
                "between patients. A published bound may lie above it.",
            ),
        ),
        "Scores (points) and heart rate (1/min) are in the table of all rows.",
        columns=3,
    )


def _square(title: str, unit: str, rows: Sequence[AcuteCompared], factor: float) -> Drawing:
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
    return Drawing(svg(panel, f"{title}: {len(rows)} predictions against published numbers"))


def _label(one: AcuteCompared) -> str:
    shown = _shown(one)
    unit = f" {shown.unit}" if shown.unit else ""
    bound = " or less" if is_bound(one.row) else ""
    return (
        f"{shown.what}, {shown.how}, {shown.given}: published {shown.published}{unit}{bound}, "
        f"predicted {shown.predicted}{unit} ({shown.source}, {shown.facts})"
    )


def _intervals(fit: AcuteFit) -> Figure:
    from ketasim.inference import Number

    spread = fit.card.uncertainty
    assert spread is not None, "a fit carries its uncertainty"
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
    return interval_figure(numbers, "the published numbers", "studies")
