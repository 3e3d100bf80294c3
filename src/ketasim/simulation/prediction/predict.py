"""The verb `predict`: a model and an event table become a prediction at every row."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError, KetasimWarning, near, standard_normals
from ketasim._base.size import Size, check_size
from ketasim._base.text import shortened
from ketasim.dosing import Sheet, read_records, read_sheet
from ketasim.models import MODELS, LinearModel
from ketasim.models.pk.declaration import CompartmentModel, Output, names_used
from ketasim.models.pk.file import read_model
from ketasim.simulation.prediction.columns import FROM_TABLE, GIVEN, NOT_USED, check_columns
from ketasim.simulation.prediction.convert import own_model
from ketasim.simulation.prediction.numbers import Numbers
from ketasim.simulation.prediction.own import OwnProblem
from ketasim.simulation.prediction.result import NUMERICAL, Predicted, Prediction
from ketasim.simulation.prediction.routes import predict_routes, ships

Array = NDArray[np.float64]

SEED: Final = 1
"""Of draws, where none is given."""

_DRIVEN: Final = ("receptor", "mood", "session")
_TOGETHER: Final = 200_000  # rows that are solved together
_ROW: Final = 1_000.0  # bytes of a row while it is solved, about
_TIMED: Final = 5e-6  # s, of a row


def predict(
    model: CompartmentModel | LinearModel | str | Path,
    table: Any,
    *,
    parameters: Mapping[str, float] | None = None,
    compartments: Mapping[int, str] | None = None,
    n: int | None = None,
    seed: int | None = None,
    uncertainty: bool = False,
    residual: bool = False,
    drug: str = "ketamine",
) -> Prediction:
    """Predict the outputs of a model at every row of an event table.

    Events mean what NONMEM says they mean; `docs/reference/event-tables.md` is the contract. What
    the reader must know is a `KetasimWarning`, and in `Prediction.notes` with what was made of the
    columns.

    **Main arguments:**

    - `model`: a declaration (`ketasim.pk.one_compartment`, `CompartmentModel`, `LinearModel`), the
      path of a TOML file, or the name of a model that ships, such as `reference`.
    - `table`: path of a file, a mapping of columns to cells, or a data frame (polars, pandas,
      pyarrow). A column with the name of a parameter gives its value row by row.

    **Other arguments:**

    - `parameters`: name to number, instead of those of the model.
    - `compartments`: what numbers in CMT stand for: compartments of a model of one's own, or
      routes of one that ships, as `{1: "oral", 2: "iv"}`.
    - `n`: draws of the parameters of every subject, by their `sd_log`; those that `parameters` or
      a column gives are not drawn. `seed`: of the draws.
    - `uncertainty`: each draw also has parameters within their standard errors (`rse`).
    - `residual`: add the residual error of the outputs.
    - `drug`: of a model that ships, where the table has no DRUG column.

    **Returns:** `Prediction`.

    **Raises:** `InputError`, one line with the field and the remedy, for everything that is not
    read or not known.
    """
    declared = model_named(model) if isinstance(model, str | Path) else model
    if isinstance(declared, LinearModel) and ships(declared):
        if residual:
            raise InputError(
                "residual", "a model that ships has no residual error here", "leave it out"
            )
        _check_asked(n, seed, uncertainty, residual)
        found = predict_routes(
            declared,
            table,
            parameters=parameters,
            compartments=compartments,
            drug=drug,
            n=n,
            seed=SEED if seed is None else seed,
            uncertainty=uncertainty,
        )
    else:
        own = own_model(declared) if isinstance(declared, LinearModel) else declared
        found = _own(own, table, parameters, compartments, n, seed, uncertainty, residual)
    for text in found.notes:
        if not text.startswith(NOT_USED) and not text.endswith(FROM_TABLE):
            warnings.warn(text, KetasimWarning, stacklevel=2)
    return found


def model_named(model: str | Path) -> CompartmentModel | LinearModel:
    """The model of a TOML file, or one that ships.

    **Raises:** `InputError` when there is neither.
    """
    text = str(model)
    if text in MODELS and not Path(text).exists():
        return MODELS[text]
    if Path(text).suffix.lower() == ".toml" or Path(text).exists():
        return read_model(text)
    if text in _DRIVEN:
        raise InputError(
            "MODEL",
            f"'{text}' follows concentrations, and has no compartments of its own",
            "simulate a course ('ketasim simulate'), or take the model to another engine "
            f"('ketasim export {text}')",
        )
    raise InputError(
        "MODEL",
        f"'{shortened(text)}' is no model that ships, and there is no such file",
        f"{near(text, MODELS)}; a model of your own is a file with the ending .toml",
    )


def _own(
    model: CompartmentModel,
    table: Any,
    parameters: Mapping[str, float] | None,
    compartments: Mapping[int, str] | None,
    n: int | None,
    seed: int | None,
    uncertainty: bool,
    residual: bool,
) -> Prediction:
    fixed = {str(name): value for name, value in (parameters or {}).items()}
    model = model.with_values(fixed)
    used = {name for field, text in model.expressions() for name in names_used(text, field)}
    used |= {one.name for one in (*model.parameters, *model.covariates)}
    sheet = read_sheet(table, sorted(used), amounts=model.amount)
    records, doses, notes = read_records(sheet)
    numbers = Numbers(model, sheet, records.subject, doses.record, list(fixed), notes)
    check_columns(
        sheet.columns, [one.name for one in model.outputs], drawn=n is not None, residual=residual
    )
    problem = OwnProblem(model, sheet, records, doses, compartments or {})
    _check_draws(model, numbers, n, seed, uncertainty, residual)
    if n is not None and numbers.kept:
        notes.append(f"{', '.join(numbers.kept)} {GIVEN}")
    left = [
        name
        for name in sheet.columns
        if name not in {*sheet.events.values(), *sheet.read, *numbers.used}
    ]
    if left:
        notes.append(f"{NOT_USED}{', '.join(map(shortened, left[:20]))}")
    if model.nonlinear:
        notes.append(NUMERICAL)
    rows = len(records.time)
    check_size(
        Size(
            8.0 * rows * (n or 1) * len(model.outputs) * 3 + min(rows * (n or 1), _TOGETHER) * _ROW,
            rows * (n or 1) * _TIMED,
        ),
        "n" if n else "table",
        f"predictions at {rows:,} rows, {n or 1:,} times",
        or_else="ask for less",
    )
    typical = problem.outputs(numbers.typical())
    first = SEED if seed is None else seed
    drawn = None if n is None else _drawn(problem, numbers, n, first, uncertainty)
    outputs: list[Predicted] = []
    for one in model.outputs:
        own = None if drawn is None else drawn[one.name]
        observed = None
        if residual and _has_error(one):
            if own is not None:
                own = _with_error(one, own, first)
            else:
                observed = _with_error(one, typical[one.name], first)[0]
        outputs.append(Predicted(one.name, one.unit, typical[one.name][0], own, observed))
    return Prediction(
        model.name,
        _carried(sheet),
        sheet.numbers,
        numbers.subjects,
        tuple(outputs),
        {name: float(v) for name, v in numbers.values.items() if not np.ndim(v)},
        first if n is not None or residual else None,
        uncertainty,
        residual,
        tuple(notes),
        amount=model.amount,
    )


def _carried(sheet: Sheet) -> Any:
    """The columns of a table as they came."""
    import polars as pl

    return pl.DataFrame(list(sheet.columns.values()))


def _check_draws(
    model: CompartmentModel,
    numbers: Numbers,
    n: int | None,
    seed: int | None,
    uncertainty: bool,
    residual: bool,
) -> None:
    if residual and not any(map(_has_error, model.outputs)):
        raise InputError(
            "residual",
            "no output of the model has a residual error",
            "give one proportional, additive or sd_log",
        )
    _check_asked(n, seed, uncertainty, residual)
    if n is None:
        return
    kept = f"; {', '.join(numbers.kept)} {GIVEN}" if numbers.kept else ""
    if uncertainty and not numbers.uncertain:
        raise InputError(
            "uncertainty",
            f"no parameter has a standard error{kept}",
            "give parameters an rse, percent",
        )
    if not (numbers.varies or uncertainty or residual):
        raise InputError(
            "n", f"no parameter has a spread{kept}", "give parameters an sd_log, or leave n out"
        )


def _check_asked(n: int | None, seed: int | None, uncertainty: bool, residual: bool) -> None:
    if n is None:
        if uncertainty:
            raise InputError("uncertainty", "there are no draws", "ask for them, as --n 500")
        if seed is not None and not residual:
            raise InputError("seed", "nothing is drawn", "leave it out, or ask for --n 500")
    elif n < 1:
        raise InputError("n", f"{n} is less than 1", "give 1 or more")


def _drawn(
    problem: OwnProblem, numbers: Numbers, n: int, seed: int, uncertainty: bool
) -> dict[str, Array]:
    """Outputs of every draw, shape (n, R), solved some draws at a time."""
    together = max(_TOGETHER // max(numbers.count, 1), 1)
    parts = [
        problem.outputs(
            numbers.drawn(seed, range(i, min(i + together, n)), uncertainty),
            min(i + together, n) - i,
        )
        for i in range(0, n, together)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _has_error(one: Output) -> bool:
    return bool(one.proportional or one.additive or one.sd_log)


def _with_error(one: Output, values: Array, seed: int) -> Array:
    """Values with a draw of the residual error each, shape (n, R)."""
    rows = values.shape[-1]

    def normals(kind: str) -> Array:
        return np.stack(
            [
                standard_normals(seed, f"predict:{kind}:{one.name}:{draw}", 0, rows, 1)[:, 0]
                for draw in range(len(values))
            ]
        )

    found = values
    if one.sd_log:
        found = found * np.exp(one.sd_log * normals("log"))
    if one.proportional:
        found = found + one.proportional * values * normals("proportional")
    if one.additive:
        found = found + one.additive * normals("additive")
    return found
