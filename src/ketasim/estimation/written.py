"""A model as a TOML file, as `ketasim predict` reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ketasim.estimation.estimates import Estimate
from ketasim.estimation.problem.own import with_errors
from ketasim.estimation.problem.problem import Problem
from ketasim.models.pk.declaration import CompartmentModel
from ketasim.models.pk.dimensions import AMOUNT

Array = NDArray[np.float64]


def fitted_model(problem: Problem, estimates: Sequence[Estimate]) -> str:
    """The model with the estimates of a population as TOML; empty where a file cannot say it."""
    model = problem.own
    if model is None or not _writable(model):
        return ""
    known = {(one.name, one.kind): one for one in estimates}
    parameters = tuple(
        replace(
            one,
            value=known[one.name, "typical"].value,
            rse=known[one.name, "typical"].rse or 0.0,
        )
        if (one.name, "typical") in known and not known[one.name, "typical"].fixed
        else one
        for one in model.parameters
    )
    parameters = tuple(
        replace(one, sd_log=known[one.name, "variability"].value)
        if (one.name, "variability") in known
        else one
        for one in parameters
    )
    pairs = {
        (first, second): one.value
        for one in estimates
        if one.kind == "correlation"
        for first, second in [one.name.split(",")]
    }
    changed = replace(model, parameters=parameters, correlations=pairs)
    errors: dict[str, dict[str, float]] = {}
    for one in estimates:
        if one.kind in ("additive", "proportional", "log"):
            errors.setdefault(one.name, {})[one.kind] = one.value
    return model_text(with_errors(changed, errors), ("Estimated by ketasim fit.",))


def fitted_subject(problem: Problem, effects: Array, posterior: Array) -> str:
    """The model of the only subject as TOML; empty of several, or where a file cannot say it.

    Its uncertainty stands as `rse`, so that `predict` draws it.
    """
    model = problem.own
    alone = len(problem.ids) == 1 and not any(np.ndim(one.base) for one in problem.directions)
    if model is None or not alone or not _writable(model):
        return ""
    found = {
        one.name: (
            float(one.values(effects[0, q])),
            100.0 * float(np.sqrt(np.expm1(posterior[0, q, q]))),
        )
        for q, one in enumerate(problem.directions)
    }
    parameters = tuple(
        replace(one, value=found[one.name][0], rse=found[one.name][1], sd_log=0.0)
        if one.name in found
        else replace(one, sd_log=0.0)
        for one in model.parameters
    )
    errors: dict[str, dict[str, float]] = {}
    for one in problem.sds:
        errors.setdefault(problem.outputs[one.output][0], {})[one.kind] = one.start
    changed = with_errors(replace(model, correlations={}, parameters=parameters), errors)
    note = f"Most likely parameters of subject {problem.ids[0]}; rse is their uncertainty."
    return model_text(changed, (f"Estimated by ketasim fit. {note}",))


def _writable(model: CompartmentModel) -> bool:
    """Whether a file has words for everything in a declaration."""
    flows = all(one.produced == "1" and one.consumes for one in model.flows)
    return flows and not any(one.also for one in model.compartments)


def model_text(model: CompartmentModel, notes: tuple[str, ...] = ()) -> str:
    """Write a model.

    **Arguments:**

    - `model`: with its numbers. `notes`: comments at its head.
    """
    lines = [*(f"# {' '.join(note.split())}" for note in notes), f"name = {json.dumps(model.name)}"]
    if model.amount != AMOUNT:
        lines += [f"amount = {json.dumps(model.amount, ensure_ascii=False)}"]
    lines += ["", "[parameters]"]
    for one in model.parameters:
        own = {"value": one.value, "unit": one.unit, "meaning": one.meaning}
        lines.append(f"{one.name} = {_inline(own | {'sd_log': one.sd_log, 'rse': one.rse})}")
    if model.correlations:
        lines += ["", "[correlation]"]
        lines += [f"{a}.{b} = {value!r}" for (a, b), value in model.correlations.items()]
    if model.covariates:
        lines += ["", "[covariates]"]
        for one in model.covariates:
            own = {"unit": one.unit, "meaning": one.meaning, "default": one.default}
            lines.append(f"{one.name} = {_inline(own)}")
    if model.definitions:
        lines += ["", "[definitions]"]
        lines += [f"{name} = {json.dumps(text)}" for name, text in model.definitions.items()]
    lines += ["", "[compartments]"]
    for one in model.compartments:
        own = {"F": one.F, "lag": one.lag, "duration": one.duration, "rate": one.rate}
        lines.append(f"{one.name} = {_inline(own)}")
    for flow in model.flows:
        lines += ["", "[[flow]]", f"from = {json.dumps(flow.source)}"]
        lines += [] if flow.target is None else [f"to = {json.dumps(flow.target)}"]
        lines.append(f"rate = {json.dumps(flow.rate)}")
    lines += ["", "[output]"]
    for one in model.outputs:
        own = {"expression": one.expression, "unit": one.unit, "proportional": one.proportional}
        own |= {"additive": one.additive, "sd_log": one.sd_log}
        lines.append(f"{one.name} = {_inline(own)}")
    return "\n".join(lines) + "\n"


def _inline(values: Mapping[str, str | float | None]) -> str:
    """An inline table; what says nothing is left out."""
    parts: list[str] = []
    for key, value in values.items():
        if isinstance(value, str):
            if value:
                parts.append(f"{key} = {json.dumps(value, ensure_ascii=False)}")
        elif value is not None and (value or key in ("value", "default")):
            parts.append(f"{key} = {float(value)!r}")
    return "{" + ", ".join(parts) + "}"
