"""The report of a calibration: what fits, what does not, and which numbers the data moved."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ketasim.outputs import report_words as words
from ketasim.outputs.figures import COLOURS, SOFT, Line, Panel, Points, svg
from ketasim.outputs.report_page import Drawing, Figure, Legend, number, render

if TYPE_CHECKING:
    import polars

    from ketasim.inference import Compared, Design, InteractionRow, PkFit, TrainingRow

TWO_FOLD = 2.0
INTERACTION_FOLD = 1.5

_ROUTES = {
    "iv": ("into a vein", "#1f4e79", "circle"),
    "intranasal": ("nasal", "#0a7f74", "square"),
    "sublingual": ("under the tongue", "#b4531a", "diamond"),
    "oral": ("swallowed", "#6b4596", "triangle-up"),
    "oral_er": ("extended release", "#94600a", "triangle-down"),
    "rectal": ("rectal", "#8c2f4a", "cross"),
    "inhaled": ("inhaled", "#56626e", "cross"),
    "buccal": ("buccal", "#b4531a", "diamond"),
}
_SHAPES = {
    "circle": "M4,0A4,4,0,1,1,-4,0A4,4,0,1,1,4,0",
    "square": "M-4,-4h8v8h-8Z",
    "diamond": "M0,-5L4,0L0,5L-4,0Z",
    "triangle-up": "M0,-5L5,4L-5,4Z",
    "triangle-down": "M0,5L5,-4L-5,-4Z",
    "cross": "M-5,-1.7h3.3v-3.3h3.4v3.3h3.3v3.4h-3.3v3.3h-3.4v-3.3h-3.3Z",
}
_ANALYTES = {
    "ketamine": ("ketamine and its enantiomers", COLOURS["ketamine"]),
    "norketamine": ("norketamine", COLOURS["r"]),
    "hnk": ("hydroxynorketamine", COLOURS["s"]),
}


@dataclass(frozen=True)
class Shown:
    """A comparison, as a row of the report."""

    fact: str
    source: str
    what: str
    design: str
    group: str
    use: str
    unit: str
    published: float
    predicted: float
    fold: float
    reason: str


def fit_table(fit: PkFit) -> polars.DataFrame:
    """Every published number of a calibration beside its prediction, rows left out included.

    **Arguments:**

    - `fit`: what `calibrate_pk` returned.

    **Returns:** columns kind (`exposure` or `interaction`), fact, source, use, group, design,
    analyte, site, metric, unit, published, predicted, fold_error, reason.
    """
    import polars as pl

    rows: list[dict[str, Any]] = []
    for one in fit.exposures:
        row = _training(one)
        shown = _exposure(one)
        rows.append(
            {
                "kind": "exposure",
                **_fit_columns(shown),
                "analyte": row.analyte,
                "site": row.site,
                "metric": row.metric,
            }
        )
    for one in fit.interactions:
        row = _interaction_row(one)
        rows.append(
            {
                "kind": "interaction",
                **_fit_columns(_interaction(one)),
                "analyte": row.analyte,
                "site": "venous",
                "metric": row.metric,
            }
        )
    for kind, fact, source, reason in _left_out():
        rows.append({"kind": kind, "fact": fact, "source": source, "use": "out", "reason": reason})
    text = ("kind", "fact", "source", "use", "group", "design", "analyte", "site", "metric", "unit")
    numbers = ("published", "predicted", "fold_error")
    schema = {**dict.fromkeys(text, pl.String), **dict.fromkeys(numbers, pl.Float64)}
    return pl.DataFrame(rows, schema={**schema, "reason": pl.String})


def _fit_columns(shown: Shown) -> dict[str, Any]:
    return {
        "fact": shown.fact,
        "source": shown.source,
        "use": shown.use,
        "group": shown.group,
        "design": shown.design,
        "unit": shown.unit,
        "published": shown.published,
        "predicted": shown.predicted,
        "fold_error": shown.fold,
        "reason": shown.reason,
    }


def calibration_report(fit: PkFit, *, command: str = "ketasim calibrate pk --out DIR") -> str:
    """Write the report of a calibration as one page of HTML.

    **Arguments:**

    - `fit`: what `calibrate_pk` returned.
    - `command`: what reproduces it.
    """
    from ketasim.inference import agreement_table

    exposures = sorted((_exposure(one) for one in fit.exposures), key=lambda s: -s.fold)
    interactions = [_interaction(one) for one in fit.interactions]
    used = [s for s in exposures if s.use == "fit"]
    targets = [s for s in interactions if s.use == "fit"]
    agreement = agreement_table(fit)
    left_out = Counter((kind, reason) for kind, _, _, reason in _left_out())
    sources = [s.source for s in (*exposures, *interactions)]
    return render(
        "calibration.html",
        title="Calibration of the reference pharmacokinetic model",
        sources=sorted({*sources, *fit.prior.sources(), *(p.profile.model for p in fit.profiles)}),
        overall=agreement[0],
        observed=agreement[1],
        agreement=agreement,
        words=words,
        two_fold=TWO_FOLD,
        interaction_fold=INTERACTION_FOLD,
        near=sum(s.fold <= INTERACTION_FOLD for s in targets),
        targets=targets,
        missed=[s for s in used if s.fold > TWO_FOLD],
        missed_others=[s for s in exposures if s.use != "fit" and s.fold > TWO_FOLD],
        missed_interactions=[s for s in interactions if s.fold > INTERACTION_FOLD],
        scatter=_scatter(fit),
        by_analyte=_by_analyte(fit),
        profiles=_profiles(fit),
        interactions=interactions,
        parameters=_parameters(fit),
        fixed=[e for symbol, e in fit.card.entries.items() if symbol not in fit.free],
        exposures=exposures,
        left_out=sorted(left_out.items(), key=lambda item: (item[0][0], -item[1])),
        costs=(fit.cost_before, fit.cost_after),
        card_hash=fit.card.hash,
        prior_hash=fit.prior.hash,
        prior_key=fit.prior.key,
        command=command,
    )


def _training(one: Compared) -> TrainingRow:
    from ketasim.inference import TrainingRow

    assert isinstance(one.row, TrainingRow)
    return one.row


def _interaction_row(one: Compared) -> InteractionRow:
    from ketasim.inference import InteractionRow

    assert isinstance(one.row, InteractionRow)
    return one.row


def _exposure(one: Compared) -> Shown:
    row = _training(one)
    at = "until" if row.metric == "auc" else "at"
    until = "" if math.isinf(row.until) else f" {at} {row.until:.3g} h"
    what = f"{_metric(row.metric)}{until}, {words.quantity(row.analyte)}, {row.site}"
    return Shown(
        row.fact,
        row.source,
        what,
        _design(row.design),
        row.group,
        row.use,
        row.unit,
        row.value,
        one.predicted,
        one.fold,
        row.reason,
    )


def _interaction(one: Compared) -> Shown:
    row = _interaction_row(one)
    analytes = " over ".join(words.quantity(a) for a in row.analyte.split("/"))
    return Shown(
        row.fact,
        row.source,
        f"{_metric(row.metric)} ratio, {analytes}",
        _design(row.design),
        row.perpetrator,
        row.use,
        "ratio",
        row.value,
        one.predicted,
        one.fold,
        row.reason,
    )


def _metric(name: str) -> str:
    return "AUC" if name == "auc" else words.metric(name)


def _design(design: Design | None) -> str:
    if design is None:
        return ""
    dose = design.dose if " " in design.dose else f"{design.dose} {design.dose_unit}"
    over = f" over {60 * design.over:.3g} min" if design.over else ""
    ancestry = "" if design.ancestry == "white" else f", {design.ancestry}"
    return f"{design.drug} {dose} {design.route.replace('_', ' ')}{over}{ancestry}"


def _left_out() -> list[tuple[str, str, str, str]]:
    from ketasim.inference import load_interactions, load_training

    rows = [("exposure", r) for r in load_training()]
    both: list[tuple[str, TrainingRow | InteractionRow]] = [*rows]
    both += [("interaction", r) for r in load_interactions()]
    return [(kind, r.fact, r.source, r.reason) for kind, r in both if r.use == "out"]


def _scatter(fit: PkFit) -> Figure:
    used = [one for one in fit.exposures if _training(one).use == "fit"]
    kinds = (
        ("Concentrations", "ng/mL", "ng/mL"),
        ("Areas under the curve", "ng*h/mL", "ng·h/mL"),
        ("Fractions (F)", "fraction", "fraction"),
    )
    drawings: list[Drawing] = []
    for title, unit, shown in kinds:
        rows = [one for one in used if _training(one).unit == unit]
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


def _by_analyte(fit: PkFit) -> Figure:
    used = [one for one in fit.exposures if _training(one).use == "fit"]
    drawings: list[Drawing] = []
    for site, shape in (("venous", "circle"), ("arterial", "diamond")):
        rows = [
            one
            for one in used
            if _training(one).site == site and _training(one).unit in ("ng/mL", "ng*h/mL")
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
    design = _training(one).design
    return "" if design is None else design.route


def _analyte(one: Compared) -> str:
    name = _training(one).analyte
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
            labels = [_label(_exposure(one)) for one in group]
            x, y = [one.row.value for one in group], [one.predicted for one in group]
            found.append(Points(text, x, y, labels, colour, shape))
    return tuple(found)


def _label(shown: Shown) -> str:
    return (
        f"{shown.design}: {shown.what}; published {number(shown.published)}, "
        f"predicted {number(shown.predicted)} {shown.unit} ({shown.source}, {shown.fact})"
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
    return Legend("dot", text, colour, _SHAPES[shape])


def _guides() -> tuple[Legend, ...]:
    return (
        Legend("line", "equal", SOFT),
        Legend("line", "two-fold", SOFT, "4 3"),
        Legend(
            "words",
            "A point is one published average of a study; its distance from the line is a "
            "difference between trials and of the model, not a spread between patients.",
        ),
    )


def _profiles(fit: PkFit) -> Figure:
    drawings: list[Drawing] = []
    for one in fit.profiles:
        hours = [minute / 60 for minute in one.profile.minutes]
        published, predicted = one.published.tolist(), one.predicted.tolist()
        top = 1.6 * max(*published, *predicted)
        bottom = max(min(*published, *predicted) / 1.6, top / 1e4)
        panel = Panel(
            f"{words.capital(words.quantity(one.profile.analyte))}, {one.profile.site}",
            "hours",
            "ng/mL",
            lines=(
                Line("published model", hours, published, colour=COLOURS["r"], dash=(5, 3)),
                Line("reference model", hours, predicted),
            ),
            x_domain=(0, hours[-1]),
            y_domain=(bottom, top),
            y_log=True,
            width=220,
            height=140,
        )
        design = _design(one.profile.design)
        picture = svg(panel, f"{one.profile.model}: {design}, {one.profile.analyte}")
        drawings.append(Drawing(picture, caption=f"{one.profile.model}: {design}"))
    legend = (
        Legend("line", "reference model, after the fit", COLOURS["ketamine"]),
        Legend("line", "published model, typical patient", COLOURS["r"], "5 3"),
        Legend("words", "Typical patients: no spread of any kind is shown."),
    )
    return Figure(
        "figure-profiles",
        "Figure 3. Profiles of the published models beside the reference model",
        tuple(drawings),
        legend,
        columns=3,
    )


def _parameters(fit: PkFit) -> list[dict[str, Any]]:
    from ketasim.inference.pk_calibration import NOT_IDENTIFIED

    rows: list[dict[str, Any]] = []
    for symbol, left in fit.shrinkage().items():
        before, after = fit.prior.entry(symbol), fit.card.entry(symbol)
        rows.append(
            {
                "entry": after,
                "before": before,
                "prior_sd": fit.prior.extra["prior"][symbol],
                "left": left,
                "unmoved": left >= NOT_IDENTIFIED,
            }
        )
    return rows
