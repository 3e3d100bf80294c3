"""A model of one's own to be fitted to a table."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError, near, one_of
from ketasim._base.text import shortened
from ketasim.dosing import Sheet, read_records, read_sheet
from ketasim.estimation.likelihood.residual import KINDS, ResidualSd
from ketasim.estimation.problem.observed import (
    Observed,
    columns_of,
    not_observations,
    read_observed,
)
from ketasim.estimation.problem.problem import Direction, Problem
from ketasim.models.pk.declaration import CompartmentModel, Output, Parameter, names_used
from ketasim.simulation.prediction.numbers import Numbers
from ketasim.simulation.prediction.own import OwnProblem

Array = NDArray[np.float64]

ERRORS: Final = {
    "additive": ("additive",),
    "proportional": ("proportional",),
    "combined": ("additive", "proportional"),
    "log": ("log",),
}
"""Names of residual errors, and the kinds of standard deviation they have."""

_RELATIVE: Final = 0.2  # where an SD that is a part of the value starts when nobody says it
_OF_MEDIAN: Final = 0.1  # of the median value, where an additive one does


@dataclass(frozen=True)
class Choices:
    """What the user chose of a fit.

    **Arguments:**

    - `population`: whether typical values are estimated.
    - `dv`: column of the values, or output to column. `lloq`: limit of quantification.
    - `error`: one of `ERRORS`, with starting SDs by kind where they are said; nothing: the model's.
    - `fix`: parameters that keep their value, and residual SDs by kind.
    - `signed`: parameters that may be 0 or below.
    """

    population: bool
    dv: str | Mapping[str, str]
    lloq: float | None
    error: Mapping[str, float | None] | None
    fix: Collection[str]
    signed: Collection[str]


def own_problem(
    model: CompartmentModel,
    table: Any,
    parameters: Mapping[str, float],
    compartments: Mapping[int, str],
    choices: Choices,
) -> tuple[Problem, Sheet]:
    """Read a table for a model of one's own.

    **Arguments:**

    - `model`: the declaration. `table`: as `predict` takes it.
    - `parameters`: values to start from. `compartments`: what numbers in CMT stand for.
    - `choices`: of the user.

    **Raises:** `InputError` as `predict`; for a nonlinear model, and for choices that cannot be.
    """
    if model.nonlinear:
        raise InputError(
            "MODEL",
            "its rates change with amounts or time, and only linear models are fitted here",
            "fit it elsewhere: 'ketasim export' writes it for NONMEM and rxode2",
        )
    model = model.with_values(parameters)
    _known(model, choices)
    used = {name for field, text in model.expressions() for name in names_used(text, field)}
    declared = {one.name for one in (*model.parameters, *model.covariates)}
    sheet = read_sheet(table, sorted(used | declared), amounts=model.amount)
    records, doses, notes = read_records(sheet)
    numbers = Numbers(model, sheet, records.subject, doses.record, list(parameters), notes)
    solved = OwnProblem(model, sheet, records, doses, compartments)
    columns = columns_of(choices.dv, [one.name for one in model.outputs])
    outputs = tuple(one for one in model.outputs if one.name in columns)
    events = not_observations(sheet, doses.record, records.reset)
    negative = [may_be_negative(one, choices) for one in outputs]
    observed = read_observed(sheet, events, list(columns.values()), choices.lloq, negative)
    notes += [
        f"{one.name} has an sd_log, but no expression uses it"
        for one in model.parameters
        if one.sd_log and one.name not in used
    ]
    directions = _directions(model, numbers, used, choices, notes)
    rows = len(records.time)

    def solve(values: dict[str, Any], count: int) -> dict[str, Array]:
        known = {n: np.tile(v, count) if np.ndim(v) else v for n, v in numbers.values.items()}
        return solved.outputs(known | values, count)

    every, covariance = model.covariance()
    place = [every.index(one.name) for one in directions if one.spread]
    count = int(records.subject[-1]) + 1
    first: list[int] = np.searchsorted(records.subject, np.arange(count)).tolist()
    names = sheet.texts("ID")
    problem = Problem(
        model.name,
        model,
        directions,
        covariance[np.ix_(place, place)],
        tuple((one.name, one.unit) for one in outputs),
        residual_sds(outputs, observed, choices),
        observed,
        records.subject,
        records.time,
        tuple(names[i] for i in first),
        sheet.numbers,
        _carried(sheet, rows),
        solve,
        tuple(notes),
        held=tuple(
            (one.name, float(numbers.values[one.name]), one.unit)
            for one in model.parameters
            if one.name in used
            and one.name not in numbers.used
            and one.name not in [d.name for d in directions]
        ),
    )
    return problem, sheet


def _carried(sheet: Sheet, rows: int) -> Any:
    import polars as pl

    assert rows == len(sheet.numbers)
    return pl.DataFrame(list(sheet.columns.values()))


def _known(model: CompartmentModel, choices: Choices) -> None:
    names = [one.name for one in model.parameters]
    fixed = [name for name in choices.fix if name not in KINDS]
    for option, given in (("fix", fixed), ("signed", choices.signed)):
        for name in given:
            if name not in names:
                raise InputError(option, f"'{shortened(name)}' is no parameter", near(name, names))
    for one in model.parameters:
        if one.name in choices.signed and one.sd_log:
            raise InputError(
                "signed",
                f"{one.name} differs log-normally between subjects, so that it stays above 0",
                "leave it out, or its sd_log",
            )


def _directions(
    model: CompartmentModel,
    numbers: Numbers,
    used: Collection[str],
    choices: Choices,
    notes: list[str],
) -> tuple[Direction, ...]:
    found: list[Direction] = []
    for one in model.parameters:
        if one.name not in used or one.name not in numbers.values:
            continue
        base = numbers.values[one.name]
        given = one.name in numbers.used
        spread = one.sd_log > 0
        estimated = choices.population and not given and one.name not in choices.fix
        if estimated:
            found.append(_estimated(one, float(base), choices, notes))
        elif spread:
            value = float(np.median(base)) if given else float(base)
            found.append(
                Direction(
                    *(one.name, one.unit, one.meaning, value),
                    base=base,
                    estimated=False,
                    spread=True,
                )
            )
    if choices.population and not any(one.estimated for one in found):
        raise InputError(
            "fix", "no typical value is left to be estimated", "leave at least one out"
        )
    if not choices.population and not any(one.spread for one in found):
        raise InputError(
            "method",
            "map: no parameter of the model has between-subject variability (sd_log)",
            "give those that differ an sd_log, or estimate a population with --method focei",
        )
    return tuple(found)


def _estimated(one: Parameter, value: float, choices: Choices, notes: list[str]) -> Direction:
    own = (one.name, one.unit, one.meaning, value)
    if one.name in choices.signed or value <= 0:
        if value <= 0 and one.name not in choices.signed:
            notes.append(f"{one.name} starts at {value:g}: estimated on its own scale, not its log")
        return Direction(*own, scale="natural", base=0.0, factor=abs(value) or 1.0)
    return Direction(*own, spread=one.sd_log > 0)


def _kinds(one: Output, choices: Choices) -> dict[str, float | None]:
    """Kinds of residual error of an output, and where their SDs start; nothing: nobody says it."""
    own = {"additive": one.additive, "proportional": one.proportional, "log": one.sd_log}
    if choices.error is None:
        return {kind: value for kind, value in own.items() if value}
    return {kind: value or own[kind] or None for kind, value in choices.error.items()}


def may_be_negative(one: Output, choices: Choices) -> bool:
    """Whether values of an output may be below 0: its error has a part that is added."""
    return "additive" in _kinds(one, choices)


def residual_sds(
    outputs: Sequence[Output], observed: Observed, choices: Choices
) -> tuple[ResidualSd, ...]:
    """Standard deviations of the residual error, and where they start.

    **Arguments:**

    - `outputs`: with values, in their order. `observed`: the values. `choices`: of the user.

    **Raises:** `InputError` for an output without one, or with a log-normal one beside another.
    """
    found: list[ResidualSd] = []
    for number, one in enumerate(outputs):
        kinds = _kinds(one, choices)
        if not kinds:
            raise InputError(
                f"output.{one.name}",
                "has no residual error",
                f"choose one, as --error proportional ({one_of(ERRORS)})",
            )
        if "log" in kinds and len(kinds) > 1:
            raise InputError(
                f"output.{one.name}",
                "has a log-normal error together with another, which is not fitted here",
                "keep one, or choose --error combined",
            )
        values = np.abs(observed.value[(observed.output == number) & (observed.value != 0)])
        median = float(np.median(values)) if len(values) else 1.0
        for kind, value in kinds.items():
            if value is None and not choices.population:
                raise InputError(
                    "error",
                    f"the {kind} error of {one.name} has no SD, which is part of the prior",
                    f"say it, as --error {kind}=0.2",
                )
            start = value or (_OF_MEDIAN * median if kind == "additive" else _RELATIVE)
            free = choices.population and kind not in choices.fix
            found.append(ResidualSd(number, kind, start, free))
    return tuple(found)


def with_errors(
    model: CompartmentModel, errors: Mapping[str, Mapping[str, float]]
) -> CompartmentModel:
    """The model with other residual errors.

    **Arguments:**

    - `errors`: output to its SDs by kind; outputs that are not there keep theirs.
    """
    return replace(
        model,
        outputs=tuple(
            replace(
                one,
                additive=errors[one.name].get("additive", 0.0),
                proportional=errors[one.name].get("proportional", 0.0),
                sd_log=errors[one.name].get("log", 0.0),
            )
            if one.name in errors
            else one
            for one in model.outputs
        ),
    )
