"""Tables of a meta-analysis: what entered with its weight, the result, what was left out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from ketasim.evidence import source_names

if TYPE_CHECKING:
    from ketasim.synthesis import MeanInterval, MetaResult, PooledEffect

NORMAL: Final = 1.959963984540054
"""Standard normal quantile of 0.975: a 95 % interval reaches so many SEs to either side."""

_SCHEMA: Final[dict[str, Any]] = {
    "kind": pl.String,
    "label": pl.String,
    "population": pl.String,
    "drug": pl.String,
    "route": pl.String,
    "dose": pl.String,
    "control": pl.String,
    "time_h": pl.Float64,
    "scale": pl.String,
    "basis": pl.String,
    "n": pl.Int64,
    "n_control": pl.Int64,
    "events": pl.Int64,
    "events_control": pl.Int64,
    "measure": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "effect": pl.Float64,
    "se": pl.Float64,
    "weight": pl.Float64,
    "grade": pl.String,
    "flags": pl.String,
    "facts": pl.String,
    "sources": pl.String,
    "source_names": pl.String,
}


def shown(result: MetaResult, effect: float) -> float:
    """An effect as it is read: a ratio instead of its logarithm.

    **Arguments:**

    - `result`: whose measure it is. `effect`: on the scale it was pooled on.
    """
    if not result.selection.query.is_ratio:
        return effect
    return math.exp(effect) if effect < 700.0 else math.inf


def plain_number(value: float | None) -> str:
    """A number as a table shows it: two decimals, or two digits below 0.01; `?` for none."""
    if value is None:
        return "?"
    if not math.isfinite(value):
        return "beyond any number"
    size = abs(value)
    if 0.0 < size < 0.01:
        return f"{value:.2g}"
    if size < 100:
        return f"{value:.2f}"
    return f"{value:.0f}" if size < 1e6 else f"{value:.1g}"


def meta_table(result: MetaResult) -> pl.DataFrame:
    """The studies of a meta-analysis, one a row, and the results below them.

    **Arguments:**

    - `result`: of `pool_comparable`.

    **Returns:** `kind` is `study`, `pooled` (the interval asked for), `wald`, `hksj`, `modified`,
    `prediction` or `without` (the result without the study named). `value`, `low`, `high` are in
    the measure; `effect` and `se` are what was pooled, logarithms for ratios. Lists are joined
    by `; `.
    """
    rows: list[dict[str, Any]] = []
    selection, pooled = result.selection, result.pooled
    measure = selection.query.effect
    weights = pooled.weights if pooled is not None else ()
    for study, weight in zip(selection.studies, weights, strict=True):
        rows.append(
            {
                "kind": "study",
                "label": study.label,
                "population": study.population,
                "drug": study.drug,
                "route": study.route,
                "dose": study.dose,
                "control": study.control,
                "time_h": study.time,
                "scale": study.scale,
                "basis": study.basis,
                "n": study.n,
                "n_control": study.n_control,
                "events": study.events,
                "events_control": study.events_control,
                "measure": measure,
                **_three(
                    result,
                    study.effect,
                    study.effect - NORMAL * study.se,
                    study.effect + NORMAL * study.se,
                ),
                "effect": study.effect,
                "se": study.se,
                "weight": weight,
                "grade": study.grade,
                "flags": "; ".join(study.flags),
                "facts": "; ".join(study.facts),
                "sources": "; ".join(study.sources),
                "source_names": source_names(study.sources),
            }
        )
    if pooled is not None and pooled.k > 1:
        rows += _results(result, pooled, measure)
    return pl.DataFrame([{**dict.fromkeys(_SCHEMA), **row} for row in rows], schema=_SCHEMA)


def left_out_table(result: MetaResult) -> pl.DataFrame:
    """What does not enter a meta-analysis, with the reason: columns label, reason, facts.

    **Arguments:**

    - `result`: of `pool_comparable`.
    """
    return pl.DataFrame(
        [
            {"label": one.label, "reason": one.reason, "facts": "; ".join(one.facts)}
            for one in result.selection.left_out
        ],
        schema={"label": pl.String, "reason": pl.String, "facts": pl.String},
    )


def left_out_by_reason(result: MetaResult) -> list[tuple[str, tuple[str, ...]]]:
    """What does not enter, by reason; details that differ between trials stand behind the name.

    **Arguments:**

    - `result`: of `pool_comparable`.

    **Returns:** reason and names, those with fewest names first.
    """
    by_reason: dict[str, list[str]] = {}
    for one in result.selection.left_out:
        reason, label = one.reason, one.label
        if reason.startswith("only at "):
            times, _, window = reason.removeprefix("only at ").partition("; ")
            reason, label = f"no visit in time ({window})", f"{label} ({times})"
        reason = reason.partition("; other rows")[0]
        by_reason.setdefault(reason, []).append(label)
    ordered = sorted(by_reason.items(), key=lambda one: (len(one[1]), one[0]))
    return [(reason, tuple(labels)) for reason, labels in ordered]


def _results(result: MetaResult, pooled: PooledEffect, measure: str) -> list[dict[str, Any]]:
    people = result.selection.studies
    sums = {
        "n": _sum([study.n for study in people]),
        "n_control": _sum([study.n_control for study in people]),
    }
    rows: list[dict[str, Any]] = [
        {
            "kind": "pooled",
            "label": f"{pooled.k} studies",
            "basis": pooled.method,
            **sums,
            **_interval(result, pooled.estimate, pooled.interval),
        }
    ]
    for one in (pooled.wald, pooled.hksj, pooled.modified):
        if one is not None:
            rows.append({"kind": one.name, **_interval(result, pooled.estimate, one)})
    if pooled.prediction is not None:
        rows.append({"kind": "prediction", **_three(result, pooled.estimate, *pooled.prediction)})
    for one in pooled.without:
        rows.append(
            {
                "kind": "without",
                "label": one.label,
                **_three(result, one.estimate, one.low, one.high),
                "effect": one.estimate,
            }
        )
    return [{"measure": measure, **row} for row in rows]


def _interval(result: MetaResult, estimate: float, interval: MeanInterval) -> dict[str, float]:
    three = _three(result, estimate, interval.low, interval.high)
    return {**three, "effect": estimate, "se": interval.se}


def _three(result: MetaResult, value: float, low: float, high: float) -> dict[str, float]:
    names = ("value", "low", "high")
    return {name: shown(result, x) for name, x in zip(names, (value, low, high), strict=True)}


def _sum(counts: list[int | None]) -> int | None:
    return None if None in counts else sum(count for count in counts if count is not None)
