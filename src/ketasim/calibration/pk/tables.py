"""Published exposures beside the predictions of a fit, in words and as a table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ketasim._base import words

if TYPE_CHECKING:
    import polars

    from ketasim.calibration.pk import (
        Compared,
        Design,
        InteractionRow,
        PkFit,
        TrainingRow,
    )


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

    **Returns:** columns kind (`exposure`, `curve` or `interaction`), fact, source, use, group,
    design, analyte, site, metric, unit, published, predicted, fold_error, reason.
    """
    import polars as pl

    rows: list[dict[str, Any]] = []
    kinds = [("exposure", one) for one in fit.exposures]
    kinds += [("curve", point) for curve in fit.curves for point in curve.points()]
    for kind, one in kinds:
        row = training_of(one)
        shown = exposure_shown(one)
        rows.append(
            {
                "kind": kind,
                **_fit_columns(shown),
                "analyte": row.analyte,
                "site": row.site,
                "metric": row.metric,
            }
        )
    for one in fit.interactions:
        row = interaction_of(one)
        rows.append(
            {
                "kind": "interaction",
                **_fit_columns(interaction_shown(one)),
                "analyte": row.analyte,
                "site": "venous",
                "metric": row.metric,
            }
        )
    for kind, fact, source, reason in left_out_rows():
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


def training_of(one: Compared) -> TrainingRow:
    """The published exposure behind a comparison."""
    from ketasim.calibration.pk import TrainingRow

    assert isinstance(one.row, TrainingRow)
    return one.row


def interaction_of(one: Compared) -> InteractionRow:
    """The published interaction behind a comparison."""
    from ketasim.calibration.pk import InteractionRow

    assert isinstance(one.row, InteractionRow)
    return one.row


def exposure_shown(one: Compared) -> Shown:
    """A published exposure beside its prediction, in words."""
    row = training_of(one)
    at = "until" if row.metric == "auc" else "at"
    until = "" if math.isinf(row.until) else f" {at} {row.until:.3g} h"
    what = f"{_metric(row.metric)}{until}, {words.quantity(row.analyte)}, {row.site}"
    return Shown(
        row.fact,
        row.source,
        what,
        design_words(row.design),
        row.group,
        row.use,
        row.unit,
        row.value,
        one.predicted,
        one.fold,
        row.reason,
    )


def interaction_shown(one: Compared) -> Shown:
    """A published interaction beside its prediction, in words."""
    row = interaction_of(one)
    analytes = " over ".join(words.quantity(a) for a in row.analyte.split("/"))
    return Shown(
        row.fact,
        row.source,
        f"{_metric(row.metric)} ratio, {analytes}",
        design_words(row.design),
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


def design_words(design: Design | None) -> str:
    """What was given to whom, in words; empty where it is not known."""
    if design is None:
        return ""
    dose = design.dose if " " in design.dose else f"{design.dose} {design.dose_unit}"
    over = f" over {60 * design.over:.3g} min" if design.over else ""
    ancestry = "" if design.ancestry == "white" else f", {design.ancestry}"
    return f"{design.drug} {dose} {design.route.replace('_', ' ')}{over}{ancestry}"


def left_out_rows() -> list[tuple[str, str, str, str]]:
    """Kind, fact, source and reason of every published number left out of the fit."""
    from ketasim.calibration.pk import load_interactions, load_training

    rows = [("exposure", r) for r in load_training()]
    both: list[tuple[str, TrainingRow | InteractionRow]] = [*rows]
    both += [("interaction", r) for r in load_interactions()]
    return [(kind, r.fact, r.source, r.reason) for kind, r in both if r.use == "out"]
