"""The report of a fit: estimates, subjects, and how they lie to the data."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from ketasim._base import words
from ketasim._base.numbers import NOTHING, number
from ketasim._base.words import counted
from ketasim.estimation.estimates import NORMAL
from ketasim.estimation.result import METHODS
from ketasim.figures.fit import fit_figures
from ketasim.reports.page import render

if TYPE_CHECKING:
    from ketasim.estimation import Estimate, ModelFit

_SUBJECTS: Final = 40  # of a table
_GROUPS: Final = (
    ("typical", "Typical values"),
    ("variability", "Variability between subjects"),
    ("error", "Residual error"),
)
_KINDS: Final = {
    "additive": "additive, SD",
    "proportional": "proportional, SD as a part of the prediction",
    "log": "log-normal, SD of the logarithm",
}


def fit_report(fit: ModelFit, *, command: str = "") -> str:
    """Write the report of a fit as one page of HTML.

    **Arguments:**

    - `fit`: what `fit` returned.
    - `command`: what reproduces it; when left out, the page does not say it.
    """
    return render(
        "fit.html",
        sources=fit.sources(),
        title=f"{fit.problem.model}: {_what(fit)}",
        fit=fit,
        words=words,
        method=METHODS[fit.method],
        tiles=_tiles(fit),
        groups=_groups(fit),
        meanings={one.name: one.meaning for one in fit.problem.directions},
        subjects=_subjects(fit),
        more=max(len(fit.problem.ids) - _SUBJECTS, 0),
        figures=fit_figures(fit),
        summary=[row | {"value": _plain(row["value"])} for row in fit.summary().to_dicts()],
        units=fit.problem.outputs,
        metadata=fit.metadata,
        command=command,
    )


def _what(fit: ModelFit) -> str:
    if fit.population:
        return "a population fitted"
    return f"parameters of {counted(len(set(fit.problem.subjects.tolist())), 'subject')}"


def _plain(value: float) -> str:
    """Six digits, of whole numbers all."""
    if math.isnan(value):
        return NOTHING
    text = f"{value:,.0f}" if value == round(value) else f"{value:.6g}"
    return text.replace("-", "−")


def _tiles(fit: ModelFit) -> list[dict[str, str]]:
    observed = fit.problem.observed
    below = int(observed.below.sum())
    told = set(fit.problem.subjects.tolist())
    data = {
        "name": "Values",
        "value": f"{len(observed.row):,}",
        "unit": "",
        "range": f"of {len(told):,} subject{'s' if len(told) != 1 else ''}"
        + (f"; {below:,} below the limit" if below else ""),
    }
    if fit.objective is None:
        known = fit.predictions()["IWRES"].drop_nulls()
        return [
            data,
            {
                "name": "Values within 95 % of the residual error",
                "value": f"{int((known.abs() < NORMAL).sum())} of {len(known)}",
                "unit": "",
                "range": "around the subject's prediction",
            },
        ]
    one = fit.objective
    condition = NOTHING if fit.uncertain is None else number(fit.uncertain.condition, 2)
    return [
        {
            "name": "Objective function value",
            "value": f"{one.value:.3f}".replace("-", "−"),
            "unit": "",
            "range": f"−2 log likelihood; {one.full:.3f} with N log 2π; AIC {one.aic:.1f}".replace(
                "-", "−"
            ),
        },
        {
            "name": "Search",
            "value": "converged" if one.converged else "not converged",
            "unit": "",
            "range": f"{one.iterations} steps, {one.evaluations} evaluations",
        },
        data,
        {
            "name": "Condition number",
            "value": condition,
            "unit": "",
            "range": "of the correlation of the estimates; above 1,000 they are hard to tell apart",
        },
    ]


def _groups(fit: ModelFit) -> list[dict[str, Any]]:
    shrunk = {
        row["parameter"]: row["shrinkage_percent"]
        for row in fit.parameters().to_dicts()
        if row["kind"] == "variability"
    }
    found: list[dict[str, Any]] = []
    for key, title in _GROUPS:
        rows = [one for one in fit.estimates if _group(one) == key]
        if rows:
            found.append({"title": title, "key": key, "rows": [_row(o, shrunk) for o in rows]})
    return found


def _group(one: Estimate) -> str:
    if one.kind == "typical":
        return "typical"
    return "variability" if one.kind in ("variability", "correlation") else "error"


def _row(one: Estimate, shrunk: dict[str, float | None]) -> dict[str, str]:
    both = one.name.replace(",", " and ")
    names = {"variability": f"SD of log {one.name}", "correlation": f"Correlation of {both}"}
    note = ""
    if one.kind == "variability":
        note = f"CV {number(100.0 * _cv(one.value), 3)} %"
        left = shrunk.get(one.name)
        note += f"; shrinkage {number(left, 2)} %" if left is not None else ""
    return {
        "name": names.get(one.kind, one.name),
        "symbol": one.name if one.kind == "typical" else "",
        "note": note or _KINDS.get(one.kind, ""),
        "value": number(one.value),
        "unit": one.unit,
        "se": "" if one.se is None else number(one.se),
        "rse": "" if one.rse is None else number(one.rse, 2),
        "interval": one.interval(number),
        "fixed": "fixed" if one.fixed else "",
        "start": number(one.start),
    }


def _cv(sd: float) -> float:
    return math.sqrt(math.expm1(sd**2))


def _subjects(fit: ModelFit) -> dict[str, Any]:
    """Parameters of subjects: a row each for the first subjects."""
    table = fit.individuals()
    if not table.height:
        return {"names": [], "rows": []}
    names = list(dict.fromkeys(zip(table["parameter"], table["unit"], strict=True)))
    rows: list[dict[str, Any]] = []
    for identity in list(dict.fromkeys(table["ID"]))[:_SUBJECTS]:
        own = table.filter(pl.col("ID") == identity).to_dicts()
        rows.append(
            {
                "id": identity,
                "cells": [
                    {
                        "value": number(one["value"]),
                        "interval": f"{number(one['low95'])} to {number(one['high95'])}",
                        "typical": number(one["population"]),
                        "from_data": number(one["from_data_percent"], 2),
                    }
                    for one in own
                ],
            }
        )
    return {"names": names, "rows": rows}
