"""Measured interactions and covariate effects, and what the reference model makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketasim.calibration.pk.problem import predict
from ketasim.calibration.pk.training import Design, TrainingRow
from ketasim.evidence import fact as fact_of
from ketasim.evidence import load_table
from ketasim.models import LinearModel
from ketasim.population.modifiers import activities_of, load_modifiers

Array = NDArray[np.float64]


@dataclass(frozen=True)
class InteractionRow:
    """One measured ratio of exposures, with and without a modifier.

    **Arguments:**

    - `fact`, `source`, `use`, `reason`: as in `TrainingRow`.
    - `modifier`: name in the table of modifiers; empty when only weight or nothing differs.
    - `perpetrator`: the wording of the fact.
    - `design`, `compare_design`: doses and patient with and without it.
    - `analyte`, `metric`: what was measured; two analytes with a slash are the ratio of both.
    - `value`: the ratio. `log_sd`: standard deviation of its logarithm.
    """

    fact: str
    source: str
    use: str
    modifier: str
    perpetrator: str
    design: Design | None
    compare_design: Design | None
    analyte: str
    metric: str
    value: float
    log_sd: float
    reason: str


@cache
def load_interactions() -> tuple[InteractionRow, ...]:
    """Read the measured ratios: every row of `pk/interactions`, and rifampicin on an infusion."""
    facts = load_table("pk/interactions").to_dicts()
    rules = load_table("pk/interaction_training").to_dicts()
    rows = [_row(rule, facts[int(rule["row"]) - 1]) for rule in rules]
    return (*rows, _rifampicin_on_infusion())


def _rifampicin_on_infusion() -> InteractionRow:
    """Effect of rifampicin on S-ketamine's clearance, which a published model estimated.

    It stands with the models, not with the interactions; without it, nothing would tell rifampicin
    in the liver from rifampicin in the gut.
    """
    fact = fact_of("pk/models:197")
    design = Design("esketamine", "iv", "40", "mg", 2.0, 70.0, 40.0, "white")
    return InteractionRow(
        fact=fact.id,
        source=fact.cells["source"],
        use="fit",
        modifier="rifampicin",
        perpetrator="rifampicin (infusion of 20 mg/h for 2 h)",
        design=design,
        compare_design=design,
        analyte="s_ketamine",
        metric="cl",
        value=float(fact.cells["value"]),
        log_sd=0.1,
        reason="estimated by a published model",
    )


def _row(rule: dict[str, Any], fact: dict[str, Any]) -> InteractionRow:
    text = {key: value or "" for key, value in rule.items()}
    used = text["use"] != "out"
    design = compare = None
    if used:
        design = Design(
            drug=text["drug"],
            route=text["route"],
            dose=text["dose"],
            dose_unit=text["dose_unit"],
            over=0.0,
            weight=float(text["weight_kg"] or 70.0),
            age=40.0,
            ancestry=text["ancestry"] or "white",
        )
        compare = replace(design, weight=float(text["compare_weight_kg"] or design.weight))
    return InteractionRow(
        fact=f"pk/interactions:{text['row']}",
        source=fact["source"],
        use=text["use"],
        modifier=text["modifier"],
        perpetrator=fact["perpetrator"],
        design=design,
        compare_design=compare,
        analyte=text["analyte"],
        metric=text["metric"],
        value=float(text["value"]) if used else float("nan"),
        log_sd=float(text["log_sd"]) if used else float("nan"),
        reason=text["reason"],
    )


def predict_ratio(model: LinearModel, values: Mapping[str, Array], row: InteractionRow) -> Array:
    """Predicted ratio with to without the modifier, shape (n,)."""
    assert row.design is not None and row.compare_design is not None
    modifiers = [load_modifiers()[row.modifier]] if row.modifier else []
    changed = {**values, **activities_of(modifiers, values)}
    ratio = np.ones(1)
    for analyte, sign in zip(row.analyte.split("/"), (1, -1), strict=False):
        metric, until = ("auc", 24.0) if row.metric == "auc24" else (row.metric, np.inf)
        wanted = [
            TrainingRow("", "", "", "", None, analyte, "venous", metric, until, 0.0, "", 0.0, "")
        ]
        with_it = predict(model, changed, row.design, wanted)[0]
        without = predict(model, values, row.compare_design, wanted)[0]
        ratio = ratio * (with_it / without) ** sign
    return ratio
