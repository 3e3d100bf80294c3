"""A model formula read against data: the design matrix, its columns in words, and grids of it."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from ketasim._base import InputError, near, one_of, shortened
from ketasim.trials.analysis.table import (
    Column,
    Table,
    check_category,
    few,
    used_levels,
    with_reference,
)

Array = NDArray[np.float64]

FIELD: Final = "model"
"""What a formula is called in an error."""

_CALLS: Final = (
    *("C", "I", "log", "log2", "log10", "exp", "poly", "bs", "center", "scale"),
    *("contr.treatment", "contr.sum", "contr.helmert", "contr.poly", "Treatment", "Sum"),
)
_COVARIANCE: Final = re.compile(
    r"\+?\s*\b(us|un|csh?|ar1h?|toeph?)\s*\(\s*([^|()]+?)\s*\|\s*([^|()]+?)\s*\)"
)
_LEVEL: Final = re.compile(r"\[(?:T\.)?(.*?)\](?=:|$)")
_TOLERANCE: Final = 1e-9  # of a column that others explain, after scaling to length 1
_EXACT: Final = 1e-12  # of the outcome, within which a remainder is rounding
_TINY: Final = 1e-300
_MOST_COLUMNS: Final = 400
_MOST_CELLS: Final = 20_000  # of a grid of all categories


class Model(NamedTuple):
    """A formula read.

    **Arguments:**

    - `text`: as typed. `formula`: of formulaic.
    - `outcome`: its left side. `variables`: columns that it names, outcome first.
    - `covariance`, `visit`, `subject`: of a term such as `us(AVISIT | USUBJID)`; empty where none.
    - `categories`: columns that a term such as `C(SITE)` makes categories.
    """

    text: str
    formula: Any
    outcome: str
    variables: tuple[str, ...]
    covariance: str = ""
    visit: str = ""
    subject: str = ""
    categories: tuple[str, ...] = ()


@dataclass(frozen=True)
class Design:
    """The fixed effects of a model, for the rows that are analysed.

    **Arguments:**

    - `model`: the formula. `table`: rows whose outcome is there.
    - `matrix`: shape (R, P). `outcome`: shape (R,). `names`: of the columns of the matrix.
    - `spec`: of formulaic, which makes the same columns of other rows.
    """

    model: Model
    table: Table
    matrix: Array
    outcome: Array
    names: tuple[str, ...]
    spec: Any

    @cached_property
    def least_squares(self) -> Array:
        """Ordinary least squares of the outcome, shape (P,)."""
        return np.asarray(np.linalg.lstsq(self.matrix, self.outcome, rcond=None)[0], dtype=float)

    @property
    def factors(self) -> tuple[str, ...]:
        """Variables of the right side that are categories."""
        return _factors(self.model, self.table)

    def rows(self, table: Table) -> Array:
        """The design of other rows, shape (rows, P)."""
        with np.errstate(all="ignore"):  # what is not finite is refused below
            made = self.spec.get_model_matrix(_pandas(table, self.model))
        matrix = np.asarray(made, dtype=float)
        _check_finite(matrix, self.names, self.model, table)
        return matrix

    def grid(
        self, by: Sequence[str], *, weights: str = "equal", at: Mapping[str, float] | None = None
    ) -> tuple[list[tuple[str, ...]], Array]:
        """Average the design over the categories that are not named, covariates at their mean.

        **Arguments:**

        - `by`: categories whose combinations are told apart.
        - `weights`: `equal`, each combination of the others alike, as SAS and emmeans do; or
          `proportional`, as often as it is among the rows.
        - `at`: values of covariates instead of their mean over the rows.

        **Returns:** the combinations, and the average design of each, shape (combinations, P).
        """
        columns = self.table.columns
        others = [name for name in self.factors if name not in by]
        levels = [columns[name].levels for name in (*by, *others)]
        cells = int(np.prod([len(one) for one in levels])) if levels else 1
        if cells > _MOST_CELLS:
            raise InputError(
                FIELD, f"its categories have {cells:,} combinations", "leave out those of many"
            )
        numbers = [np.arange(len(one)) for one in levels]
        every = np.array(list(itertools.product(*numbers)), dtype=np.intp).reshape(cells, -1)
        given = dict(at or {})
        made = dict[str, Column]()
        for place, name in enumerate((*by, *others)):
            made[name] = Column(name, None, every[:, place], columns[name].levels)
        for name in self.model.variables[1:]:
            values = columns[name].values
            if name not in made and values is not None:
                made[name] = Column(name, np.full(cells, given.get(name, float(values.mean()))))
        design = self.rows(Table(made, cells))
        share = np.ones(cells)
        if weights == "proportional" and others:
            for place, name in enumerate(others, start=len(by)):
                codes = columns[name].codes
                assert codes is not None
                share *= np.bincount(codes, minlength=len(columns[name].levels))[every[:, place]]
        heads = list(itertools.product(*(columns[name].levels for name in by)))
        block = design.reshape(len(heads), -1, design.shape[1])
        share = share.reshape(len(heads), -1)
        return heads, np.einsum("hcp,hc->hp", block, share / share.sum(axis=1, keepdims=True))


def read_model(text: str) -> Model:
    """Read a formula such as `CHG ~ BASE*AVISIT + TRT*AVISIT`.

    A term such as `us(AVISIT | USUBJID)`, as the R package mmrm writes it, names covariance, visit
    and subject. Functions are those of `C(x)`, `log(x)`, `poly(x, 2)` and the like; nothing else of
    Python is run.

    **Raises:** `InputError`.
    """
    from formulaic import Formula  # pyright: ignore[reportMissingTypeStubs]
    from formulaic.errors import FormulaicError  # pyright: ignore[reportMissingTypeStubs]

    hits = list(_COVARIANCE.finditer(text))
    if len(hits) > 1:
        raise InputError(FIELD, "it has two terms of a covariance", "leave one out")
    shown = _COVARIANCE.sub("", text)
    if shown.count("~") != 1 or not all(side.strip() for side in shown.split("~")):
        raise InputError(
            FIELD,
            f"'{shortened(text)}' is no model",
            "write OUTCOME ~ terms, such as CHG ~ BASE*AVISIT + TRT*AVISIT",
        )
    try:
        formula: Any = cast("Any", Formula)(shown)
        sides = (list(formula.lhs), list(formula.rhs))
        factors = [[factor.expr for term in side for factor in term.factors] for side in sides]
    except (FormulaicError, SyntaxError, AttributeError, TypeError, ValueError):
        raise InputError(
            FIELD,
            f"'{shortened(text, 60)}' cannot be read",
            "write OUTCOME ~ terms joined by +, * and :",
        ) from None
    if len(sides[0]) != 1:
        raise InputError(FIELD, f"it has {len(sides[0])} outcomes", "write one left of ~")
    looked_up = [
        [factor for term in side for factor in term.factors if factor.eval_method.value == "lookup"]
        for side in sides
    ]
    plain = {factor.expr for side in looked_up for factor in side}
    for expression in (one for side in factors for one in side if one not in plain):
        _check(expression)
    order = dict.fromkeys((*_named_in(factors[0], plain), *_named_in(factors[1], plain)))
    covariance, visit, subject = hits[0].groups() if hits else ("", "", "")
    kind = "us" if covariance == "un" else covariance
    categories = tuple(name for one in factors[1] if (name := _category_in(one)) in order)
    return Model(text, formula, str(sides[0][0]), tuple(order), kind, visit, subject, categories)


def _named_in(expressions: Sequence[str], plain: set[str]) -> list[str]:
    """Columns that factors name: every name but those of functions and of contrasts."""
    found = list[str]()
    for expression in expressions:
        if expression in plain:
            found.append(expression)
            continue
        nodes = list(ast.walk(ast.parse(expression, mode="eval")))
        calls = [node for node in nodes if isinstance(node, ast.Call)]
        heads = [node.func for node in calls]
        others = {id(one.value if isinstance(one, ast.Attribute) else one) for one in heads}
        others |= {
            id(part)
            for node in calls
            if ast.unparse(node.func) == "C"
            for one in (*node.args[1:], *node.keywords)
            for part in ast.walk(one)
        }
        found += [n.id for n in nodes if isinstance(n, ast.Name) and id(n) not in others]
    return found


def _category_in(expression: str) -> str:
    """The column of `C(SITE)`; empty for another factor."""
    hit = re.match(r"C\(\s*([A-Za-z_]\w*)\s*[,)]", expression)
    return "" if hit is None else hit[1]


def _check(expression: str) -> None:
    """Let only arithmetic and the functions of formulas through."""
    refused = InputError(
        FIELD,
        f"'{shortened(expression)}' is not understood",
        f"write names of columns, arithmetic within I(), and {one_of(_CALLS[:10])}",
    )
    try:
        whole = ast.parse(expression, mode="eval")
    except SyntaxError:
        if re.fullmatch(r"[-+]?[\d.]+", expression):
            return
        raise refused from None
    attributes = {id(n.func) for n in ast.walk(whole) if isinstance(n, ast.Call)}
    bases = {
        id(n.value) for n in ast.walk(whole) if isinstance(n, ast.Attribute) and id(n) in attributes
    }
    for node in ast.walk(whole):
        if isinstance(node, ast.Call):
            if ast.unparse(node.func) not in _CALLS:
                raise refused
        elif isinstance(node, ast.Attribute):
            if id(node) not in attributes:
                raise refused
        elif isinstance(node, ast.Name):
            if node.id.startswith("_") and id(node) not in bases:
                raise refused
        elif not isinstance(node, _HARMLESS):
            raise refused


_HARMLESS: Final = (
    *(ast.Expression, ast.BinOp, ast.UnaryOp, ast.Constant, ast.Load, ast.keyword),
    *(ast.operator, ast.unaryop, ast.List, ast.Tuple, ast.Compare, ast.cmpop),
)


def prepared(
    model: Model,
    table: Table,
    *,
    arm: str | None = None,
    visit: str = "",
    factors: Sequence[str] = (),
    reference: Mapping[str, str] | str | None = None,
    also: Sequence[str] = (),
) -> tuple[Table, str | None]:
    """Check the columns of a model, make categories of some, set references, and find the arm.

    **Main arguments:**

    - `model`: read. `table`: the data.

    **Other arguments:**

    - `arm`: a column of the model that is categories.
    - `visit`: name of the visit, which is not the arm.
    - `factors`: further ones that are categories even where they hold numbers.
    - `reference`: name of a column to its reference category; or that of the arm alone.
    - `also`: names of further columns that must be there.

    **Returns:** the data; and the column whose categories are compared: that named, else the only
    category, else the only one that the model crosses with the visit.

    **Raises:** `InputError`.
    """
    for name in model.variables:
        table.column(name, FIELD)
    for name in also:
        table.column(name, "column")
    by_column = {} if isinstance(reference, str) else dict(reference or {})
    named_ones = [("arm", arm)] if arm is not None else []
    named_ones += [("factors", name) for name in factors]
    named_ones += [("reference", name) for name in by_column]
    for field, name in named_ones:
        if name not in model.variables[1:] and name not in also:
            raise InputError(
                field, f"'{shortened(name)}' is not in the model", near(name, model.variables[1:])
            )
    coded = [*(name for _, name in named_ones), *model.categories]
    made = {name: table.factor(name, FIELD) for name in coded}
    outcome = model.variables[0]
    made[outcome] = Column(outcome, table.numbers(outcome, FIELD))
    compared = _arm_of(model, table.having(*made.values()), visit) if arm is None else arm
    if isinstance(reference, str):
        if compared is None:
            raise InputError(
                "reference", f"'{shortened(reference)}' of which column?", "name the arm as well"
            )
        by_column = {compared: reference}
    for name, level in by_column.items():
        made[name] = with_reference(made.get(name, table.columns[name]), level, "reference")
    for name in model.variables[1:]:
        if name not in made and table.columns[name].values is None:
            check_category(table.columns[name])
    return table.having(*made.values()), compared


def _factors(model: Model, table: Table) -> tuple[str, ...]:
    return tuple(name for name in model.variables[1:] if table.columns[name].values is None)


def _arm_of(model: Model, table: Table, visit: str) -> str | None:
    """The only category beside the visit, or the only one that the model crosses with it."""
    others = [name for name in _factors(model, table) if name != visit]
    if len(others) == 1:
        return others[0]
    crossed = {
        name
        for term in model.formula.rhs
        for name in others
        if {name, visit} <= {factor.expr for factor in term.factors}
    }
    return next(iter(crossed)) if len(crossed) == 1 else None


def whole_rows(model: Model, table: Table, keys: Sequence[str] = ()) -> Table:
    """The rows whose outcome is there.

    **Arguments:**

    - `keys`: further columns that may not be missing then, such as subject and visit.

    **Raises:** `InputError` when a covariate is missing beside an outcome, or nothing is left.
    """
    outcome = table.numbers(model.variables[0], FIELD)
    if np.any(np.isinf(outcome)):
        raise InputError(model.variables[0], "it has infinite values", "leave them empty")
    there = ~np.isnan(outcome)
    if not there.any():
        raise InputError(model.variables[0], "every value is missing", "name the outcome")
    for name in (*keys, *model.variables[1:]):
        lost = table.columns[name].missing & there
        if lost.any():
            count, first = int(lost.sum()), int(np.flatnonzero(lost)[0]) + 1
            raise InputError(
                name,
                f"missing in {count} row{'' if count == 1 else 's'} that have an outcome, first in "
                f"row {first}",
                "fill it in, or leave these rows out",
            )
    return table.taking(there)


def build(model: Model, table: Table) -> Design:
    """The design of a model for rows that are whole.

    **Raises:** `InputError` when columns explain each other, or a category has one level.
    """
    used = table.having(
        *(
            used_levels(table.columns[name])
            for name in model.variables[1:]
            if table.columns[name].values is None
        )
    )
    for name in model.variables[1:]:
        column = used.columns[name]
        if column.values is None and len(column.levels) == 1:
            raise InputError(
                name, f"every row has '{shortened(column.levels[0])}'", "leave it out of the model"
            )
    try:
        # nothing is dropped: a row without a number of its own is refused below
        with np.errstate(all="ignore"):
            matrices = model.formula.get_model_matrix(
                _pandas(used, model), context={}, na_action="ignore"
            )
    except Exception as error:  # noqa: BLE001 -- what a formula's function says, in one line
        raise InputError(
            FIELD, f"cannot be computed ({shortened(error, 100)})", "check its terms"
        ) from None
    matrix = np.asarray(matrices.rhs, dtype=float)
    outcome = np.asarray(matrices.lhs, dtype=float)
    if outcome.shape[1] != 1:
        raise InputError(model.outcome, "it is not one column of numbers", "name a number")
    names = tuple(_shown(name) for name in matrices.rhs.model_spec.column_names)
    _check_finite(matrix, names, model, used)
    _check_finite(outcome, (model.outcome,), model, used)
    if len(names) > _MOST_COLUMNS:
        raise InputError(
            FIELD,
            f"it has {len(names):,} coefficients",
            f"name at most {_MOST_COLUMNS}; is an identifier in it?",
        )
    _check_rank(matrix, names)
    return Design(model, used, matrix, outcome[:, 0], names, matrices.rhs.model_spec)


def _check_finite(matrix: Array, names: Sequence[str], model: Model, table: Table) -> None:
    """Refuse a term that has no finite value in some row, and say where."""
    lost = ~np.isfinite(matrix)
    if not lost.any():
        return
    place = int(np.flatnonzero(lost.any(axis=0))[0])
    rows = np.flatnonzero(lost[:, place])
    used = [name for name in model.variables if name in re.findall(r"\w+", names[place])]
    values = {name: table.columns[name].values for name in used if name in table.columns}
    where = " and ".join(
        f"{name} is {one[rows[0]]:.6g}" for name, one in values.items() if one is not None
    )
    raise InputError(
        FIELD,
        f"'{shortened(names[place])}' has no finite value in {len(rows)} "
        f"row{'' if len(rows) == 1 else 's'}{f', first where {where}' if where else ''}",
        "leave these rows out, or use another term",
    )


def check_remainder(design: Design) -> None:
    """Refuse an outcome that the model explains whole: no error would be left to test against.

    **Raises:** `InputError`.
    """
    left = design.outcome - design.matrix @ design.least_squares
    if np.abs(left).max() <= _EXACT * max(float(np.abs(design.outcome).max()), _TINY):
        raise InputError(
            design.model.outcome,
            "the model explains it whole, and nothing is left over to estimate an error from",
            "check the outcome",
        )


def _shown(name: str) -> str:
    """A column as R and SAS users write it: `ARMCDTRT:AVISITVIS2`."""
    return "(Intercept)" if name == "Intercept" else _LEVEL.sub(lambda hit: hit[1], name)


def _check_rank(matrix: Array, names: Sequence[str]) -> None:
    size = np.sqrt((matrix**2).sum(axis=0))
    empty = [name for name, one in zip(names, size, strict=True) if one == 0.0]
    if empty:
        raise InputError(
            FIELD,
            f"no row has {few(empty)}",
            "leave out the interaction, or the category without rows",
        )
    scaled = matrix / size
    kept = list[int]()
    basis = np.zeros((len(matrix), 0))
    for place in range(len(names)):
        column = scaled[:, place]
        rest = column - basis @ (basis.T @ column)
        rest -= basis @ (basis.T @ rest)
        length = float(np.sqrt(rest @ rest))
        if length > _TOLERANCE:
            kept.append(place)
            basis = np.column_stack([basis, rest / length])
            continue
        weights: list[float] = np.asarray(
            np.linalg.lstsq(scaled[:, kept], column, rcond=None)[0], dtype=float
        ).tolist()
        order = sorted(range(len(kept)), key=[-abs(one) for one in weights].__getitem__)
        by = [names[kept[i]] for i in order if abs(weights[i]) > 1e-6]
        raise InputError(
            FIELD,
            f"'{names[place]}' is a sum of other columns: {few(by)}",
            "leave one of these terms out",
        )


def _pandas(table: Table, model: Model) -> Any:
    """The variables as a frame that formulaic reads."""
    import pandas  # pyright: ignore[reportMissingTypeStubs]

    columns = dict[str, Any]()
    for name in model.variables:
        column = table.columns.get(name)
        if column is None:
            continue
        columns[name] = (
            column.values
            if column.values is not None
            else pandas.Categorical.from_codes(column.codes, categories=list(column.levels))
        )
    return pandas.DataFrame(columns)
