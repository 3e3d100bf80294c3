"""The verb `fit`: a model and a table of observations become estimates."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from ketasim._base import InputError, KetasimWarning, near
from ketasim._base.size import Size, check_size
from ketasim._base.text import shortened
from ketasim.dosing import NOT_READ, Sheet
from ketasim.estimation.estimates import SOURCES_OF_ERRORS
from ketasim.estimation.likelihood.residual import KINDS
from ketasim.estimation.population import Simulation, fit_population
from ketasim.estimation.posterior import fit_subjects
from ketasim.estimation.problem.own import ERRORS, Choices, own_problem
from ketasim.estimation.problem.problem import Problem, check_errors
from ketasim.estimation.problem.shipped import shipped_problem
from ketasim.estimation.result import METHODS, ModelFit
from ketasim.models import LinearModel
from ketasim.models.pk.declaration import CompartmentModel
from ketasim.simulation.prediction.convert import own_model
from ketasim.simulation.prediction.predict import model_named
from ketasim.simulation.prediction.routes import ships

Progress = Callable[[str], None]

SIMULATED: Final = 500
"""Data sets simulated for NPDE and the visual predictive check, where no number is given."""
SEED: Final = 1
"""Of them, where none is given."""

_ROW: Final = 1_500.0  # bytes of a row while it is solved, about
_TIMED: Final = 5e-6  # s, of a row
_TOGETHER: Final = 200_000  # rows that are solved together
_EVALUATIONS: Final = 300  # of all subjects in a usual fit, about
_FEW: Final = 40  # where every subject is fitted alone
_MOST_STRATA: Final = 8


def fit(
    model: CompartmentModel | LinearModel | str | Path,
    table: Any,
    *,
    method: str = "focei",
    dv: str | Mapping[str, str] = "DV",
    error: str | Mapping[str, float] | None = None,
    lloq: float | None = None,
    parameters: Mapping[str, float] | None = None,
    fix: Collection[str] = (),
    correlated: Sequence[Collection[str]] = (),
    signed: Collection[str] = (),
    standard_errors: str = "observed",
    by: str = "",
    bins: Sequence[float] = (),
    corrected: bool = False,
    n: int = SIMULATED,
    seed: int = SEED,
    compartments: Mapping[int, str] | None = None,
    drug: str = "ketamine",
    progress: Progress | None = None,
) -> ModelFit:
    """Fit a linear model to a table of observations.

    A population fit (`focei`, `laplace`) estimates typical values, log-normal variability
    between subjects and residual errors; `map` finds the most likely parameters of each subject,
    with the model's numbers as prior. What each does and cannot: `docs/explain/estimation.md`.

    **Main arguments:**

    - `model`: a declaration, the path of a TOML file, or, for `map`, the name of a model that
      ships. Its values are where estimates start; parameters with an `sd_log` differ between
      subjects.
    - `table`: an event table as `predict` takes it, with values in rows with EVID 0.
    - `method`: `focei`, `laplace` or `map`.
    - `dv`: column of the values, or output to column where the model has several.
    - `error`: `additive`, `proportional`, `combined` or `log`, or kinds of SD to where they start;
      the model's own when left out.

    **Other arguments:**

    - `lloq`: lower limit of quantification; values below it count by their probability (M3), which
      `focei` cannot.
    - `parameters`: values instead of those of the model.
    - `fix`: parameters that keep their value, and kinds of residual SD (`additive` …).
    - `correlated`: groups of parameters whose effects are correlated, beside those of the model.
    - `signed`: parameters without variability that may be 0 or below: estimated as they are, not as
      logarithms.
    - `standard_errors`: `observed` (information) or `sandwich`.
    - `by`: column that the visual predictive check is stratified by. `bins`: h between its bins.
      `corrected`: whether it is prediction-corrected.
    - `n`, `seed`: simulated data sets for NPDE and the check.
    - `compartments`, `drug`: as of `predict`.
    - `progress`: takes a line now and then.

    **Returns:** `ModelFit`.

    **Raises:** `InputError`, one line with the field and the remedy.
    """
    if method not in METHODS:
        raise InputError("method", f"'{shortened(method)}' is not known", near(method, METHODS))
    if standard_errors not in SOURCES_OF_ERRORS:
        raise InputError(
            "standard_errors",
            f"'{shortened(standard_errors)}' is not known",
            near(standard_errors, SOURCES_OF_ERRORS),
        )
    if n < 2:
        raise InputError("n", f"{n} is less than 2", "give 2 or more")
    if seed < 0:
        raise InputError("seed", f"{seed} is below 0", "give a whole number from 0")
    _check_bins(bins)
    tell: Progress = progress or (lambda _: None)
    given = {str(name): value for name, value in (parameters or {}).items()}
    choices = Choices(method != "map", dv, _limit(lloq), _error(error), tuple(fix), tuple(signed))
    declared = model_named(model) if isinstance(model, str | Path) else model
    if isinstance(declared, LinearModel) and ships(declared):
        problem, sheet = shipped_problem(declared, table, given, compartments or {}, drug, choices)
    else:
        own = own_model(declared) if isinstance(declared, LinearModel) else declared
        problem, sheet = own_problem(own, table, given, compartments or {}, choices)
    strata = _strata(problem, sheet, by)
    _check_size(problem, n if choices.population else 1)
    columns = {name: dv if isinstance(dv, str) else dv[name] for name, _ in problem.outputs}

    def cell(i: int) -> str:
        name, _ = problem.outputs[int(problem.observed.output[i])]
        return sheet.field(columns[name], int(problem.observed.row[i]))

    check_errors(problem, cell)
    if corrected and (problem.typical() < 0).any():
        raise InputError(
            "corrected",
            "predictions are below 0, and the correction divides by them",
            "leave it out",
        )
    if choices.population:
        if len(np.unique(problem.subjects)) < 2:
            raise InputError(
                "TABLE",
                "one subject has values, which tell no between-subject variability",
                "estimate that subject with --method map",
            )
        simulation = Simulation(n, seed, strata, tuple(bins), corrected)
        found = fit_population(problem, method, correlated, standard_errors, simulation, tell)
    else:
        found = fit_subjects(problem, tell)
    for text in (*(one for one in problem.notes if one.endswith(NOT_READ)), *found.warnings):
        warnings.warn(text, KetasimWarning, stacklevel=2)
    return found


def _check_bins(bins: Sequence[float]) -> None:
    last = -math.inf
    for one in bins:
        if isinstance(one, bool) or not math.isfinite(one) or one < 0 or one <= last:
            raise InputError("bins", f"'{one:g}' is no later time", "give h in order, as 1,4,12")
        last = one


def _limit(lloq: float | None) -> float | None:
    if lloq is None:
        return None
    if isinstance(lloq, bool) or not math.isfinite(lloq) or lloq <= 0:
        raise InputError("lloq", f"{lloq} is no limit", "give a number above 0")
    return float(lloq)


def _error(error: str | Mapping[str, float] | None) -> dict[str, float | None] | None:
    """Kinds of residual SD to where each starts, nothing where nobody says it."""
    if error is None:
        return None
    if isinstance(error, str):
        if error not in ERRORS:
            raise InputError("error", f"'{shortened(error)}' is not known", near(error, ERRORS))
        return dict.fromkeys(ERRORS[error])
    found: dict[str, float | None] = {}
    for kind, value in error.items():
        if kind not in KINDS:
            raise InputError("error", f"'{shortened(kind)}' is not known", near(kind, KINDS))
        if isinstance(value, bool) or not (math.isfinite(value) and value > 0):
            raise InputError("error", f"{kind}: {value} is no SD", "give a number above 0")
        found[kind] = float(value)
    if not found:
        raise InputError("error", "names none", near("", ERRORS))
    return found


def _strata(problem: Problem, sheet: Sheet, by: str) -> tuple[str, ...]:
    """What each observation is grouped by in the visual predictive check."""
    if not by:
        return ("",) * len(problem.observed.row)
    if by not in sheet.columns:
        have = [name for name in sheet.columns if name not in sheet.events.values()]
        raise InputError("by", f"the table has no column '{shortened(by)}'", near(by, have))
    texts = sheet.texts(by)
    rows: list[int] = problem.observed.row.tolist()
    found = tuple(texts[row] for row in rows)
    if len(set(found)) > _MOST_STRATA:
        raise InputError(
            "by",
            f"'{shortened(by)}' has {len(set(found))} different values",
            f"take a column with at most {_MOST_STRATA}",
        )
    return found


def _check_size(problem: Problem, n: int) -> None:
    rows, p = len(problem.subject), len(problem.directions)
    stencil = 1 + 2 * p + p * (p - 1) + 2 * p
    count = len(problem.observed.row)
    check_size(
        Size(
            8.0 * count * (n + stencil + 4 * p**3) + min(rows * max(n, stencil), _TOGETHER) * _ROW,
            rows * (stencil * (_EVALUATIONS if n > 1 else _FEW) + n) * _TIMED,
        ),
        "table",
        f"a fit to {count:,} values of {len(problem.ids):,} subjects",
        or_else="ask for less",
    )
