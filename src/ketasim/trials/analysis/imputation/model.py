"""Estimands with missing outcomes imputed: conditional means with a jackknife, or many imputations.

Conditional means and jackknife: Wolbers, Noci, Delmar, Craig-Schapiro, Ghosh, Abellan-Andres and
Bartlett, Pharmaceutical Statistics 21 (2022) 1246-1257. Many imputations: Rubin's rules, with the
degrees of freedom of Barnard and Rubin, Biometrika 86 (1999) 948-955.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from ketasim._base import InputError, near, shortened
from ketasim.trials.analysis.design import Design, build, read_model
from ketasim.trials.analysis.imputation.grid import Grid, one_row_each, whole_grid
from ketasim.trials.analysis.imputation.posterior import draws
from ketasim.trials.analysis.imputation.strategies import STRATEGIES, completed, means, patterns_of
from ketasim.trials.analysis.margins import headline_rows, quantile, two_sided
from ketasim.trials.analysis.mixed.likelihood import NotFittedError, fit
from ketasim.trials.analysis.mixed.model import MixedModel, arranged_table, mmrm
from ketasim.trials.analysis.mixed.statistics import without
from ketasim.trials.analysis.result import Analysis
from ketasim.trials.analysis.rows import notes_on_rows
from ketasim.trials.analysis.table import Column, Table, as_table, used_levels

if TYPE_CHECKING:
    import polars

Array = NDArray[np.float64]

WAYS: Final = ("conditional-mean", "multiple-imputation")
"""How imputed outcomes are analysed."""

VARIANCES: Final = ("jackknife", "information-anchored")
"""Jackknife of all; or with the shift from missing at random held, which anchors information."""

_MOST: Final = 20_000  # imputations


@dataclass(frozen=True)
class _Final:
    """The analysis of completed outcomes: least squares at each visit.

    `columns` are orthonormal ones of the design (N, Q), and `contrasts` of their coefficients what
    is asked (C, Q), which is `asked` of those of the design.
    """

    design: Design
    columns: Array
    contrasts: Array
    asked: Array
    labels: tuple[str, ...]

    def estimates(self, outcome: Array) -> Array:
        """Contrasts at each visit, shape (C, T)."""
        return self.contrasts @ (self.columns.T @ outcome)

    def variances(self, outcome: Array) -> Array:
        """Their variances by least squares, shape (C, T)."""
        residual = outcome - self.columns @ (self.columns.T @ outcome)
        spread = (residual**2).sum(axis=0) / self.df
        return (self.contrasts**2).sum(axis=1)[:, None] * spread

    @property
    def df(self) -> int:
        return self.columns.shape[0] - self.columns.shape[1]

    def leaving_out(self, subject: int) -> _Final:
        """The same without a subject."""
        return _asked(
            self.design, np.delete(self.design.matrix, subject, axis=0), self.asked, self.labels
        )


def _asked(design: Design, matrix: Array, asked: Array, labels: tuple[str, ...]) -> _Final:
    """Contrasts of the coefficients of the rows of a design."""
    columns, upper = np.linalg.qr(matrix)
    contrasts = linalg.solve_triangular(upper, asked.T, trans="T").T
    return _Final(design, columns, contrasts, asked, labels)


def imputed(
    model: str,
    data: object,
    *,
    arm: str | None = None,
    subject: str = "",
    visit: str = "",
    reference: Mapping[str, str] | str | None = None,
    factors: Sequence[str] = (),
    strategy: str = "mar",
    analysis: str | None = None,
    way: str = "conditional-mean",
    variance: str = "jackknife",
    delta: float | Mapping[str, float] | None = None,
    ended: str | None = None,
    imputations: int = 500,
    seed: int = 1,
    visit_order: str | Sequence[str] | None = None,
) -> Analysis:
    """Compare arms at each visit after missing outcomes have been imputed.

    **Main arguments:**

    - `model`: of the mixed model that imputes, such as `"CHG ~ BASE*AVISIT + TRT*AVISIT"`.
    - `data`: as `mmrm` takes it; covariates do not change within a subject.
    - `arm`, `subject`, `visit`: names of columns; left out, as of `mmrm`.
    - `strategy`: of `STRATEGIES`, for what follows after a subject's outcomes end. Gaps before the
      end are at random.

    **Other arguments:**

    - `reference`: the reference arm; the first in the order of the data when left out.
    - `factors`: further columns that are categories though they hold numbers.
    - `analysis`: of the completed outcomes at each visit; left out, the terms of the model without
      the visit.
    - `way`: of `WAYS`. `variance`: of `VARIANCES`, for conditional means.
    - `delta`: added to outcomes imputed after the end: a number for all arms but the reference, or
      name of an arm to a number.
    - `ended`: a column with the first visit whose outcomes do not count, such as that after
      treatment was stopped; empty where all do. Left out, outcomes end with the last one there.
    - `imputations`, `seed`: of many imputations.
    - `visit_order`: a column of numbers that orders the visits, or the visits in their order; else
      the order of numbers and of ordered categories, or that of times in their names.

    **Returns:** `differences`; of conditional means also `completed`, the outcomes put in. Its
    notes have the order of the visits.

    **Raises:** `InputError`, also when what is imputed depends on an order that is not certain.
    """
    from threadpoolctl import threadpool_limits  # pyright: ignore[reportMissingTypeStubs]

    for value, known, field in (
        (strategy, STRATEGIES, "strategy"),
        (way, WAYS, "way"),
        (variance, VARIANCES, "variance"),
    ):
        if value not in known:
            raise InputError(field, f"'{shortened(value)}' is unknown", near(value, known))
    if not 2 <= imputations <= _MOST:
        raise InputError("imputations", f"{imputations}", f"give 2 to {_MOST:,}")
    read = read_model(model)
    who, when = subject or read.subject, visit or read.visit
    table = as_table(data)
    stopping = () if ended is None else used_levels(table.factor(ended, "ended")).levels
    table, arm, visits = arranged_table(
        *(read, table, who, when, arm, reference),
        factors=factors,
        visit_order=visit_order,
        also_visits=stopping,
    )
    if strategy != "mar" or delta is not None or ended is not None:
        visits.check(when, "what is imputed")
    if arm is None:
        raise InputError("arm", "is missing", "name the column of the arms")
    others = [name for name in reference if name != arm] if isinstance(reference, Mapping) else []
    if others:
        raise InputError(
            "reference", f"that of '{shortened(others[0])}' changes nothing here", "leave it out"
        )
    levels = used_levels(table.columns[arm]).levels
    stops = _stops(table, ended, who, when) if ended else None
    fitted = mmrm(
        model, _seen(table, read.variables[0], stops, who, when), subject=who, visit=when, arm=arm
    )
    order = table.columns[when]
    at = np.isin(np.array([*order.levels, ""])[order.codes], fitted.visits)
    people, outcome, *names = one_row_each(read, _used(table.taking(at), who, when), who, when)
    grid = whole_grid(
        fitted.design,
        people,
        outcome,
        (names[0], names[1]),
        visit=when,
        arm=arm,
        reference=levels[0],
        ended=_among(stops, order.levels, fitted.visits),
    )
    last = _final(analysis or _without_visit(fitted, when), grid, arm)
    shift = _shift(delta, grid, arm, levels)
    gone = np.isnan(grid.outcome)
    lost, after = int(gone.sum()), int((gone & grid.after).sum())
    options = {
        "model": model,
        "analysis": last.design.model.text,
        "strategy": strategy,
        "way": way,
        "reference": levels[0],
        "delta": delta,
        "missing": lost,
        "missing_after_the_end": after,
        "visits": list(grid.visits),
    }
    # many small matrices: several threads would wait for each other
    with threadpool_limits(1):
        found = (
            _jackknifed(fitted, grid, last, strategy, variance, shift)
            if way == "conditional-mean"
            else _many(fitted, grid, last, strategy, shift, imputations, seed)
        )
    if way == "conditional-mean":
        value, se, df, whole = found
        tables = {
            "differences": _table(last, grid.visits, when, value, se, df),
            "completed": _completed(grid, whole, who, when, read.variables[0]),
        }
        options["variance"] = variance
    else:
        value, se, df, error = found
        tables = {"differences": _table(last, grid.visits, when, value, se, df, error)}
        options |= {"imputations": imputations, "seed": seed}
    return Analysis(
        f"{read.outcome} with {lost} of {grid.outcome.size} outcomes imputed, {strategy}"
        f"{'' if delta is None else ' and delta'}",
        tables,
        options,
        (
            f"Imputed: {STRATEGIES[strategy]}{_delta_in_words(delta, levels[0])}.",
            f"{visits.note} {after} of {lost} outcomes imputed come after a subject's last one.",
            *notes_on_rows(fitted.design.table, read.variables[1:], who, when),
        ),
        headline_rows(tables["differences"], ["contrast", when]),
    )


def _delta_in_words(delta: float | Mapping[str, float] | None, reference: str) -> str:
    if delta is None:
        return ""
    if not isinstance(delta, Mapping):
        return f"; then {delta:g} points added in every arm but {shortened(reference)}"
    each = (f"{points:g} points added in {shortened(name)}" for name, points in delta.items())
    return f"; then {', '.join(each)}"


def _used(table: Table, *names: str) -> Table:
    return table.having(*(used_levels(table.columns[name]) for name in names))


def _stops(table: Table, ended: str, subject: str, visit: str) -> dict[str, int]:
    """Subject to the number of the first visit that does not count."""
    column = table.factor(ended, "ended")
    people, order = table.columns[subject], table.columns[visit]
    assert column.codes is not None and people.codes is not None
    found = dict[str, int]()
    for code, who in zip(column.codes.tolist(), people.codes.tolist(), strict=True):
        if code < 0 or who < 0:
            continue
        when = column.levels[int(code)]
        if when not in order.levels:
            raise InputError(ended, f"'{shortened(when)}' is no {visit}", near(when, order.levels))
        found[people.levels[who]] = order.levels.index(when)
    return found


def _among(
    stops: Mapping[str, int] | None, every: tuple[str, ...], kept: tuple[str, ...]
) -> dict[str, int]:
    """Numbers of visits among those that are analysed."""
    before = {i: sum(one in kept for one in every[:i]) for i in range(len(every))}
    return {name: before[number] for name, number in (stops or {}).items()}


def _seen(
    table: Table, outcome: str, stops: Mapping[str, int] | None, subject: str, visit: str
) -> Table:
    """The data without the outcomes that do not count."""
    if stops is None:
        return table
    people, order = table.columns[subject], table.columns[visit]
    assert people.codes is not None and order.codes is not None
    limit = np.array([stops.get(name, len(order.levels)) for name in people.levels])
    values = np.where(order.codes >= limit[people.codes], np.nan, table.numbers(outcome, "model"))
    return table.having(Column(outcome, values))


def _without_visit(fitted: MixedModel, visit: str) -> str:
    """The formula of a visit: the terms of the mixed model without the visit."""
    read = fitted.design.model
    terms = dict[frozenset[str], str]()
    for term in read.formula.rhs:
        parts = [f.expr for f in term.factors if f.expr not in (visit, "1")]
        if parts:
            quoted = [
                f"`{one}`" if one in read.variables and not one.isidentifier() else one
                for one in parts
            ]
            terms.setdefault(frozenset(parts), ":".join(quoted))
    outcome = read.variables[0]
    left = outcome if outcome.isidentifier() else f"`{outcome}`"
    return f"{left} ~ {' + '.join(terms.values()) or '1'}"


def _final(analysis: str, grid: Grid, arm: str) -> _Final:
    read = read_model(analysis)
    if arm not in read.variables[1:]:
        raise InputError(
            "analysis", f"it has no '{shortened(arm)}'", "name the arm among its terms"
        )
    for name in read.variables[1:]:
        grid.people.column(name, "analysis")
    rows = grid.people.having(Column(read.variables[0], np.zeros(len(grid.subjects))))
    design = build(read, rows)
    levels = design.table.columns[arm].levels
    heads, means_of = design.grid([arm])
    labels = tuple(f"{head[0]} - {levels[0]}" for head in heads[1:])
    return _asked(design, design.matrix, means_of[1:] - means_of[0], labels)


def _shift(
    delta: float | Mapping[str, float] | None, grid: Grid, arm: str, levels: tuple[str, ...]
) -> Array:
    """What is added to each imputed outcome, shape (N, T)."""
    if delta is None:
        return np.zeros(grid.after.shape)
    by_arm = delta if isinstance(delta, Mapping) else dict.fromkeys(levels[1:], float(delta))
    for name, points in by_arm.items():
        if name not in levels:
            raise InputError("delta", f"there is no arm '{shortened(name)}'", near(name, levels))
        if not np.isfinite(points):
            raise InputError("delta", f"{points} is no number of points", "give a finite one")
    column = grid.people.columns[arm]
    assert column.codes is not None
    each = np.array([by_arm.get(name, 0.0) for name in column.levels])[column.codes]
    return np.where(grid.after, each[:, None], 0.0)


def _jackknifed(
    fitted: MixedModel, grid: Grid, last: _Final, strategy: str, variance: str, shift: Array
) -> tuple[Array, Array, Array, Array]:
    """Estimates, standard errors, degrees of freedom (C, T) and completed outcomes (N, T)."""
    patterns = patterns_of(~np.isnan(grid.outcome))
    sigma, beta = fitted.optimum.sigma, fitted.inference.beta
    whole = completed(grid.outcome, means(grid, beta, strategy), sigma, patterns) + shift
    value = last.estimates(whole)
    held, used = shift, strategy
    if variance == "information-anchored":
        at_random = completed(grid.outcome, means(grid, beta, "mar"), sigma, patterns)
        held, used = whole - at_random, "mar"
    seen = fitted.design.table.columns[fitted.subject]
    row_of = {name: i for i, name in enumerate(seen.levels)}
    left = np.empty((len(grid.subjects), *value.shape))
    for i, name in enumerate(grid.subjects):
        at, around = beta, sigma
        if name in row_of:
            reduced = without(fitted.statistics, fitted.layout, row_of[name])
            try:
                again = fit(reduced, fitted.optimum.structure.name, sigma)
            except NotFittedError as error:
                raise InputError(
                    "variance",
                    f"without '{shortened(name)}' {error}",
                    "use many imputations (multiple-imputation)",
                ) from None
            at, around = fitted.unscaled(again.solved.beta), again.sigma
        put = completed(grid.outcome, means(grid, at, used), around, patterns) + held
        left[i] = last.leaving_out(i).estimates(np.delete(put, i, axis=0))
    size = len(left)
    se = np.sqrt((size - 1) / size * ((left - left.mean(axis=0)) ** 2).sum(axis=0))
    return value, se, np.full(value.shape, np.inf), whole


def _many(
    fitted: MixedModel,
    grid: Grid,
    last: _Final,
    strategy: str,
    shift: Array,
    count: int,
    seed: int,
) -> tuple[Array, Array, Array, Array]:
    """Estimates, standard errors, degrees of freedom and Monte-Carlo errors, shape (C, T) each."""
    random = np.random.default_rng(seed)
    patterns = patterns_of(~np.isnan(grid.outcome))
    values, within = list[Array](), list[Array]()
    for beta, sigma in draws(fitted.layout, fitted.statistics, fitted.optimum, count, random):
        noise = random.standard_normal(grid.outcome.shape)
        mean = means(grid, fitted.unscaled(beta), strategy)
        whole = completed(grid.outcome, mean, sigma, patterns, noise) + shift
        values.append(last.estimates(whole))
        within.append(last.variances(whole))
    between = np.var(values, axis=0, ddof=1)
    inside = np.mean(within, axis=0)
    more = (1.0 + 1.0 / count) * between
    total = inside + more
    share = more / total
    with np.errstate(divide="ignore"):
        old = np.where(share > 0.0, (count - 1) / share**2, np.inf)
        observed = (last.df + 1) / (last.df + 3) * last.df * (1.0 - share)
        df = 1.0 / (1.0 / old + 1.0 / observed)
    return np.mean(values, axis=0), np.sqrt(total), df, np.sqrt(between / count)


def _table(
    last: _Final,
    visits: tuple[str, ...],
    visit: str,
    value: Array,
    se: Array,
    df: Array,
    error: Array | None = None,
) -> polars.DataFrame:
    import polars

    flat, spread, freedom = value.reshape(-1), se.reshape(-1), df.reshape(-1)
    statistic = flat / spread
    reach = spread * quantile(0.95, freedom)
    more = {} if error is None else {"mc_se": error.reshape(-1)}
    return polars.DataFrame(
        {
            "contrast": [name for name in last.labels for _ in visits],
            visit: list(visits) * len(last.labels),
            "estimate": flat,
            "se": spread,
            "df": freedom,
            "t": statistic,
            "p": two_sided(statistic, freedom),
            "low": flat - reach,
            "high": flat + reach,
            **more,
        }
    )


def _completed(
    grid: Grid, whole: Array, subject: str, visit: str, outcome: str
) -> polars.DataFrame:
    import polars

    size, count = whole.shape
    return polars.DataFrame(
        {
            subject: np.repeat(np.array(grid.subjects, dtype=object), count).tolist(),
            visit: list(grid.visits) * size,
            outcome: whole.reshape(-1),
            "imputed": np.isnan(grid.outcome).reshape(-1),
        }
    )
