"""A mixed model for repeated measures: fixed effects with a covariance between the visits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from ketasim._base import InputError, near, shortened
from ketasim.trials.analysis.design import (
    Design,
    Model,
    build,
    check_remainder,
    prepared,
    read_model,
    whole_rows,
)
from ketasim.trials.analysis.inference import Inference, Test
from ketasim.trials.analysis.margins import (
    as_vector,
    estimates,
    headline_rows,
    marginal_differences,
    marginal_means,
)
from ketasim.trials.analysis.mixed.adjustment import infer
from ketasim.trials.analysis.mixed.covariance import ORDERED, STRUCTURES
from ketasim.trials.analysis.mixed.likelihood import NotFittedError, Optimum, fit
from ketasim.trials.analysis.mixed.statistics import Layout, Statistics, lay_out, summed
from ketasim.trials.analysis.result import Analysis
from ketasim.trials.analysis.rows import check_once, left_out, notes_on_rows
from ketasim.trials.analysis.table import (
    Table,
    as_table,
    used_levels,
    with_order,
    with_reference,
)
from ketasim.trials.analysis.visits import VisitOrder, order_of_visits

if TYPE_CHECKING:
    import polars

Array = NDArray[np.float64]

METHODS: Final = (
    "kenward-roger",
    "kenward-roger-cholesky",
    "satterthwaite",
    "residual",
    "normal",
)
"""How standard errors and degrees of freedom are found; the first is that of SAS `DDFM=KR`."""


@dataclass(frozen=True, repr=False)
class MixedModel(Analysis):
    """A fitted mixed model for repeated measures.

    `tables` has `differences` and `means` where an arm is known, `coefficients` and `covariance`.

    **Arguments:**

    - `design`: rows analysed and their fixed effects.
    - `layout`, `statistics`: what was fitted: orthonormal columns in place of the design, and the
      outcome less its least squares, so that origins and units cost no digits.
    - `optimum`: covariance and its uncertainty. `inference`: of the coefficients.
    - `subject`, `visit`, `arm`: names of columns; `arm` is `None` where there is none.
    - `visits`: names of the visits in their order.
    """

    design: Design = None  # type: ignore[assignment]
    layout: Layout = None  # type: ignore[assignment]
    statistics: Statistics = None  # type: ignore[assignment]
    optimum: Optimum = None  # type: ignore[assignment]
    inference: Inference = None  # type: ignore[assignment]
    subject: str = ""
    visit: str = ""
    arm: str | None = None
    visits: tuple[str, ...] = ()

    @property
    def coefficients(self) -> polars.DataFrame:
        """Fixed effects: `term, estimate, se, df, t, p, low, high`."""
        return self.tables["coefficients"]

    @property
    def covariance(self) -> polars.DataFrame:
        """Covariance of the visits: `visit`, then one column a visit."""
        return self.tables["covariance"]

    @property
    def deviance(self) -> float:
        """−2 restricted log likelihood."""
        return self.optimum.solved.deviance + 2.0 * float(np.linalg.slogdet(self._upper)[1])

    @property
    def aic(self) -> float:
        """Akaike's criterion, the parameters of the covariance counted."""
        return self.deviance + 2.0 * len(self.optimum.theta)

    @property
    def bic(self) -> float:
        """Schwarz's criterion, with the logarithm of the number of subjects."""
        return self.deviance + len(self.optimum.theta) * float(np.log(self.subjects))

    @property
    def subjects(self) -> int:
        """How many have at least one outcome."""
        return len(self.layout.seen)

    @property
    def observations(self) -> int:
        """How many outcomes were analysed."""
        return self.statistics.rows

    def unscaled(self, fitted: Array) -> Array:
        """Coefficients of the design, shape (P,), from those of what was fitted (P,)."""
        return self.design.least_squares + linalg.solve_triangular(self._upper, fitted)

    @property
    def _upper(self) -> Array:
        assert self.inference.upper is not None
        return self.inference.upper

    def means(self, by: str | Sequence[str] | None = None, **options: Any) -> polars.DataFrame:
        """Marginal means (LS means) by categories; by arm and visit when none are named.

        **Main arguments:**

        - `by`: names of categories of the model.

        **Other arguments:**

        - `options`: `weights`, `at` and `level`, as `marginal_means` has them.
        """
        return marginal_means(self.design, self.inference, self._by(by), **options)

    def differences(
        self, of: str | None = None, within: str | Sequence[str] | None = None, **options: Any
    ) -> polars.DataFrame:
        """Each category minus the reference; arms within visits when nothing is named.

        **Main arguments:**

        - `of`: a category. `within`: further ones.

        **Other arguments:**

        - `options`: `reference`, `weights`, `at` and `level`, as `marginal_differences` has them.
        """
        name = of or self.arm
        if name is None:
            raise InputError("of", "no arm is known", one_of_factors(self.design))
        if within is None:
            inside = [one for one in (self.visit,) if one in self.design.factors and one != name]
        else:
            inside = [within] if isinstance(within, str) else list(within)
        return marginal_differences(self.design, self.inference, name, inside, **options)

    def contrast(self, weights: Mapping[str, float] | Sequence[float]) -> polars.DataFrame:
        """One contrast of coefficients.

        **Arguments:**

        - `weights`: name of a coefficient to its weight, or a weight for each.
        """
        vector = as_vector(self.design.names, weights)
        return estimates(self.inference, vector[None], {})

    def joint(self, contrasts: Sequence[Mapping[str, float] | Sequence[float]] | Array) -> Test:
        """Test that several contrasts of coefficients are all zero.

        **Arguments:**

        - `contrasts`: each as `contrast` takes it.
        """
        rows = np.array([as_vector(self.design.names, one) for one in contrasts])
        if np.linalg.matrix_rank(rows) < len(rows):
            raise InputError("contrasts", "they are not independent", "leave one out")
        return self.inference.joint(rows)

    def _by(self, by: str | Sequence[str] | None) -> list[str]:
        if by is not None:
            return [by] if isinstance(by, str) else list(by)
        return [one for one in (self.arm or "", self.visit) if one in self.design.factors]


def one_of_factors(design: Design) -> str:
    """What may be named, for an error."""
    return f"name one of: {', '.join(design.factors)}" if design.factors else "the model has none"


def mmrm(
    model: str,
    data: object,
    *,
    subject: str = "",
    visit: str = "",
    arm: str | None = None,
    reference: Mapping[str, str] | str | None = None,
    factors: Sequence[str] = (),
    weights: str | None = None,
    covariance: str | Sequence[str] = "us",
    method: str = "kenward-roger",
    visit_order: str | Sequence[str] | None = None,
) -> MixedModel:
    """Fit a mixed model for repeated measures by restricted maximum likelihood.

    Subject and visit are categories whatever they hold; so is the arm. Rows without an outcome are
    left out. Method: Newton's with the observed information, in sums over missing patterns; the
    page on analysis explains it.

    **Main arguments:**

    - `model`: such as `"FEV1 ~ RACE + SEX + ARMCD*AVISIT"`, with a term as `us(AVISIT | USUBJID)`
      or without.
    - `data`: a data frame (polars, pandas …), a mapping of columns, or the path of a CSV or
      Parquet file.
    - `subject`, `visit`: names of columns; left out, those of the term of the covariance.

    **Other arguments:**

    - `arm`: the column whose categories are compared; when left out the only category beside the
      visit, or the only one that the model crosses with it.
    - `reference`: of the arm, or name of a column to its reference; else the first in the order of
      the data's categories, or of the alphabet.
    - `factors`: further columns that are categories though they hold numbers.
    - `weights`: column of weights: the residual variance of a row is divided by its weight.
    - `covariance`: of `STRUCTURES`; of several the first that can be estimated.
    - `method`: of `METHODS`, for standard errors and degrees of freedom.
    - `visit_order`: a column of numbers that orders the visits, or the visits in their order; else
      the order of numbers and of ordered categories, or that of times in their names.

    **Raises:** `InputError`, also when the covariance cannot be estimated, with the reason, and
    when it depends on an order of the visits that is not certain.
    """
    if method not in METHODS:
        raise InputError("method", f"'{shortened(method)}' is unknown", near(method, METHODS))
    read = read_model(model)
    names = [covariance] if isinstance(covariance, str) else list(covariance)
    if read.covariance and names == ["us"]:
        names = [read.covariance]
    for name in names:
        if name not in STRUCTURES:
            raise InputError(
                "covariance", f"'{shortened(name)}' is unknown", near(name, STRUCTURES)
            )
    who, when = subject or read.subject, visit or read.visit
    table = as_table(data)
    ready, compared, visits = arranged_table(
        *(read, table, who, when, arm, reference),
        factors=factors,
        weights=weights,
        visit_order=visit_order,
    )
    rows = whole_rows(read, ready, (who, when, *([] if weights is None else [weights])))
    # the reference of a model may be any visit; its covariance has them in time
    order = used_levels(with_order(rows.columns[when], visits.levels))
    people = used_levels(rows.columns[who])
    rows = rows.having(used_levels(rows.columns[when]), people)
    if len(order.levels) == 1:
        raise InputError(
            when,
            f"there is one visit, '{shortened(order.levels[0])}'",
            "name another column, or use ANCOVA (--method ancova)",
        )
    check_once(rows, who, when)
    design = build(read, rows)
    check_remainder(design)
    root = _roots(rows, weights)
    assert order.codes is not None and people.codes is not None
    orthogonal, upper = np.linalg.qr(design.matrix * root[:, None])
    layout = lay_out(
        orthogonal,
        (design.outcome - design.matrix @ design.least_squares) * root,
        people.codes,
        order.codes,
        len(order.levels),
    )
    statistics = summed(layout)
    optimum, reasons = _fitted(statistics, names, when, order.levels)
    kind = optimum.structure.name
    if kind in ORDERED:
        visits.check(when, f"covariance '{kind}'")
    elif kind == "us" and method == "kenward-roger-cholesky":
        visits.check(when, f"method '{method}'")
    fitted = MixedModel(
        "",
        {},
        {},
        (
            *left_out(table.rows - rows.rows),
            *notes_on_rows(rows, read.variables[1:], who, when),
            *([visits.note] if kind in ORDERED else []),
            *(f"Not fitted: {reason}." for reason in reasons),
            *(["No means and differences: name the arm."] if compared is None else []),
        ),
        (),
        design,
        layout,
        statistics,
        optimum,
        replace(infer(statistics, optimum, method), upper=upper),
        who,
        when,
        compared,
        order.levels,
    )
    return _with_tables(fitted, method, reasons)


def _roots(rows: Table, weights: str | None) -> Array:
    """Square roots of the weights, shape (R,)."""
    if weights is None:
        return np.ones(rows.rows)
    sizes = rows.numbers(weights, "weights")
    if np.any(sizes <= 0.0):
        raise InputError(weights, "a weight is not above 0", "give positive weights")
    return np.sqrt(sizes)


def arranged_table(
    read: Model,
    table: Table,
    subject: str,
    visit: str,
    arm: str | None,
    reference: Mapping[str, str] | str | None,
    *,
    factors: Sequence[str] = (),
    weights: str | None = None,
    visit_order: str | Sequence[str] | None = None,
    also_visits: Sequence[str] = (),
) -> tuple[Table, str | None, VisitOrder]:
    """The data with subject, visit and arm as categories in their order, every column there.

    **Arguments:** as of `mmrm`; `also_visits` must have a place though they may have no outcome.

    **Returns:** the data, the column of the arms where it is known, and the order of the visits.

    **Raises:** `InputError`.
    """
    for name, field in ((subject, "subject"), (visit, "visit")):
        if not name:
            raise InputError(field, "is missing", f"name the column of the {field}s")
        table.column(name, field)
    if read.variables[0] in (subject, visit):
        raise InputError("model", f"the outcome is the {subject} or {visit}", "name the outcome")
    also = (subject, visit, *([] if weights is None else [weights]))
    inside = [visit] if visit in read.variables[1:] else []
    ready, compared = prepared(
        read,
        table,
        arm=arm,
        visit=visit,
        reference=reference,
        factors=[*inside, *factors],
        also=also,
    )
    visits = order_of_visits(table, visit, read.variables[0], visit_order, also_visits)
    order = with_order(table.factor(visit, "visit"), visits.levels)
    if isinstance(reference, Mapping) and visit in reference:
        order = with_reference(order, reference[visit], "reference")
    return ready.having(order, ready.factor(subject, "subject")), compared, visits


def _fitted(
    statistics: Statistics, names: Sequence[str], visit: str, levels: Sequence[str]
) -> tuple[Optimum, list[str]]:
    reasons = list[str]()
    for name in names:
        try:
            if name == "us":
                _check_pairs(statistics, visit, levels)
            return fit(statistics, name, visits=visit), reasons
        except NotFittedError as error:
            reasons.append(f"{STRUCTURES[name]}: {error}")
    others = [name for name in STRUCTURES if name not in names]
    remedy = (
        f"try covariance {', '.join(others[:4])}, or fewer terms" if others else "use fewer terms"
    )
    raise InputError("covariance", reasons[-1], remedy)


def _check_pairs(statistics: Statistics, visit: str, levels: Sequence[str]) -> None:
    present = statistics.present.astype(float)
    both = np.einsum("g,gs,gt->st", statistics.counts, present, present)
    apart = np.argwhere(np.triu(both) + np.tril(np.ones_like(both), -1) == 0.0)
    if len(apart):
        one, other = (levels[i] for i in apart[0])
        raise NotFittedError(f"no subject has both {visit} '{one}' and '{other}'")


def _with_tables(fitted: MixedModel, method: str, reasons: Sequence[str]) -> MixedModel:
    """Coefficients in the terms of the design, and what is told of them."""
    import polars

    visit, arm, design, optimum = fitted.visit, fitted.arm, fitted.design, fitted.optimum
    inference = replace(fitted.inference, beta=fitted.unscaled(fitted.inference.beta))
    tables: dict[str, polars.DataFrame] = {}
    if arm is not None:
        inside = [visit] if visit in design.factors else []
        tables["differences"] = marginal_differences(design, inference, arm, inside)
        tables["means"] = marginal_means(design, inference, [arm, *inside])
    tables["coefficients"] = estimates(
        inference, np.eye(len(design.names)), {"term": list(design.names)}
    )
    tables["covariance"] = polars.DataFrame(
        {"visit": list(fitted.visits)}
        | {name: optimum.sigma[i] for i, name in enumerate(fitted.visits)}
    )
    main = ()
    if "differences" in tables:
        heads = [name for name in ("contrast", visit) if name in tables["differences"].columns]
        main = headline_rows(tables["differences"], heads)
    return replace(
        fitted,
        title=f"MMRM of {design.model.outcome}: {fitted.observations} outcomes of "
        f"{fitted.subjects} subjects at {len(fitted.visits)} visits, covariance "
        f"{STRUCTURES[optimum.structure.name]}",
        tables=tables,
        options={
            "model": design.model.text,
            "subject": fitted.subject,
            "visit": visit,
            "arm": arm,
            "covariance": optimum.structure.name,
            "method": method,
            "subjects": fitted.subjects,
            "observations": fitted.observations,
            "deviance": fitted.deviance,
            "not_fitted": list(reasons),
        },
        main=main,
        inference=inference,
    )
