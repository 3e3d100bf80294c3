"""Estimates of contrasts: coefficients, marginal means and their differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ketasim._base import HeadlineRow, InputError, near, shortened
from ketasim._base.headline import plain
from ketasim._base.numbers import span
from ketasim.trials.analysis.design import Design
from ketasim.trials.analysis.inference import Inference

if TYPE_CHECKING:
    import polars

Array = NDArray[np.float64]


def estimates(
    inference: Inference, contrasts: Array, heads: Mapping[str, Sequence[str]], level: float = 0.95
) -> polars.DataFrame:
    """Contrasts of coefficients as a table.

    **Arguments:**

    - `contrasts`: shape (N, P). `heads`: columns of words before the numbers, N each.
    - `level`: of the interval.

    **Returns:** the words, then `estimate`, `se`, `df`, `t`, `p`, `low`, `high`.
    """
    import polars

    value = contrasts @ inference.beta
    se = inference.errors(contrasts)
    df = np.array([inference.freedom(one) for one in contrasts])
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = value / se
    return polars.DataFrame(
        {
            **{name: list(words) for name, words in heads.items()},
            "estimate": value,
            "se": se,
            "df": df,
            "t": statistic,
            "p": two_sided(statistic, df),
            "low": value - se * quantile(level, df),
            "high": value + se * quantile(level, df),
        }
    )


def two_sided(statistic: Array, df: Array) -> Array:
    """Probability of a t as far from 0, normal where the degrees of freedom are infinite."""
    finite = np.where(np.isinf(df), 1.0, df)
    far = -np.abs(statistic)
    return 2.0 * np.where(np.isinf(df), special.ndtr(far), special.stdtr(finite, far))


def quantile(level: float, df: Array) -> Array:
    """How many standard errors an interval reaches."""
    finite = np.where(np.isinf(df), 1.0, df)
    upper = 0.5 + level / 2.0
    return np.where(np.isinf(df), special.ndtri(upper), special.stdtrit(finite, upper))


def marginal_means(
    design: Design,
    inference: Inference,
    by: Sequence[str],
    *,
    weights: str = "equal",
    at: Mapping[str, float] | None = None,
    level: float = 0.95,
) -> polars.DataFrame:
    """Means of the outcome by categories, the other categories averaged (LS means).

    **Main arguments:**

    - `by`: names of categories of the model.

    **Other arguments:**

    - `weights`: `equal` or `proportional`. `at`: values of covariates; the mean over rows else.
    """
    _known(design, by)
    heads, rows = design.grid(by, weights=weights, at=at)
    words = {name: [head[i] for head in heads] for i, name in enumerate(by)}
    return estimates(inference, rows, words, level)


def marginal_differences(
    design: Design,
    inference: Inference,
    of: str,
    within: Sequence[str] = (),
    *,
    reference: str | None = None,
    weights: str = "equal",
    at: Mapping[str, float] | None = None,
    level: float = 0.95,
) -> polars.DataFrame:
    """Each category of a variable minus the reference, within others.

    **Main arguments:**

    - `of`: such as the arm. `within`: such as the visit.

    **Other arguments:**

    - `reference`: category that is subtracted; the first when left out.
    - `weights`, `at`: as in `marginal_means`.
    """
    _known(design, (of, *within))
    levels = design.table.columns[of].levels
    base = levels[0] if reference is None else reference
    if base not in levels:
        raise InputError("reference", f"{of} has no '{shortened(base)}'", near(base, levels))
    heads, rows = design.grid((of, *within), weights=weights, at=at)
    place = {head: i for i, head in enumerate(heads)}
    pairs = [head for head in heads if head[0] != base]
    contrasts = np.array([rows[place[h]] - rows[place[(base, *h[1:])]] for h in pairs])
    words: dict[str, list[str]] = {"contrast": [f"{head[0]} - {base}" for head in pairs]}
    words |= {name: [head[i + 1] for head in pairs] for i, name in enumerate(within)}
    return estimates(inference, contrasts, words, level)


def _known(design: Design, by: Sequence[str]) -> None:
    for name in by:
        if name not in design.factors:
            raise InputError(
                "by",
                f"'{shortened(name)}' is no category of the model",
                near(name, design.factors) if design.factors else "the model has none",
            )


def headline_rows(table: polars.DataFrame, heads: Sequence[str]) -> tuple[HeadlineRow, ...]:
    """Rows of a table of estimates as a headline shows them."""
    return tuple(
        HeadlineRow(
            ", ".join(str(row[name]) for name in heads),
            plain(row["estimate"], 3),
            span(plain(row["low"], 3), plain(row["high"], 3)),
            _p(row["p"]),
        )
        for row in table.iter_rows(named=True)
    )


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p {value:.3f}"


def as_vector(design_names: Sequence[str], weights: Mapping[str, float] | Any) -> Array:
    """A contrast of coefficients: a mapping of their names to weights, or the weights of all.

    **Raises:** `InputError` when a name is none of them, or the length is another one.
    """
    if not isinstance(weights, Mapping):
        vector = np.asarray(weights, dtype=float)
        if vector.shape != (len(design_names),):
            raise InputError(
                "contrast", f"it has {vector.size} weights", f"give {len(design_names)}"
            )
        return vector
    vector = np.zeros(len(design_names))
    for name, weight in cast("Mapping[str, float]", weights).items():
        if name not in design_names:
            raise InputError(
                "contrast", f"no coefficient is called '{name}'", near(name, design_names)
            )
        vector[list(design_names).index(name)] = weight
    return vector
