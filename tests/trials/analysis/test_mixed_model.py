"""The mixed model against its own definition, exact analyses, and what must not change it."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ketasim import InputError
from ketasim.trials import mmrm
from ketasim.trials.analysis.mixed.covariance import STRUCTURES, basis, matrix, structure
from ketasim.trials.analysis.mixed.likelihood import differentiate, fit, solve
from ketasim.trials.analysis.mixed.statistics import lay_out, summed, without

MODEL = "y ~ base + arm*week"
KEYS: dict[str, Any] = {"subject": "id", "visit": "week", "arm": "arm"}


def trial(
    seed: int, *, arms: int = 2, each: int = 12, visits: int = 3, lost: float = 0.25
) -> pl.DataFrame:
    """A small trial with drop-out and a gap here and there."""
    random = np.random.default_rng(seed)
    size = arms * each
    lag = np.abs(np.subtract.outer(np.arange(visits), np.arange(visits)))
    factor = np.linalg.cholesky(0.6**lag * np.sqrt(np.outer(1 + lag[0], 1 + lag[0])))
    base = random.normal(30, 5, size)
    arm = np.repeat(np.arange(arms), each)
    y = random.standard_normal((size, visits)) @ factor.T * 3 + 0.4 * base[:, None]
    y -= arm[:, None] * np.arange(visits)
    stay = np.minimum(random.geometric(max(lost / visits, 1e-9), size), visits)
    there = np.arange(visits) < stay[:, None]
    there &= (random.random((size, visits)) > lost / 10) | (np.arange(visits) == 0)
    who, when = np.nonzero(there)
    return pl.DataFrame(
        {
            "id": [f"P{i:03}" for i in who],
            "arm": [f"arm {i}" for i in arm[who]],
            "base": base[who],
            "week": [f"week {2 * i}" for i in when],
            "y": y[who, when],
        }
    )


def test_kenward_roger_is_what_its_paper_says() -> None:
    """Against dense matrices, with derivatives of the likelihood by finite differences."""
    data = trial(3)
    found = mmrm(MODEL, data, **KEYS)
    x, y = found.design.matrix, found.design.outcome
    number = {name: i for i, name in enumerate(found.visits)}
    when = np.array([number[one] for one in data["week"]])
    same = np.equal.outer(data["id"].to_numpy(), data["id"].to_numpy())
    slopes = [np.where(same, one[np.ix_(when, when)], 0.0) for one in basis(len(found.visits))]

    def deviance(theta: Any) -> float:
        v = np.tensordot(theta, slopes, axes=1)
        inverse = np.linalg.inv(v)
        a = x.T @ inverse @ x
        r = y - x @ np.linalg.solve(a, x.T @ inverse @ y)
        logs = np.linalg.slogdet(v)[1] + np.linalg.slogdet(a)[1]
        return float(logs + r @ inverse @ r + (len(y) - x.shape[1]) * np.log(2 * np.pi))

    theta, count = found.optimum.theta, len(found.optimum.theta)
    assert found.deviance == pytest.approx(deviance(theta), abs=1e-7)
    step = 2e-3 * np.eye(count)
    hessian = np.array(
        [
            [
                deviance(theta + a + b)
                - deviance(theta + a - b)
                - deviance(theta - a + b)
                + deviance(theta - a - b)
                for b in step
            ]
            for a in step
        ]
    ) / (4 * 2e-3**2)
    w = np.linalg.inv(hessian / 2)
    v = np.linalg.inv(np.tensordot(theta, slopes, axes=1))
    phi = np.linalg.inv(x.T @ v @ x)
    p = [-x.T @ v @ one @ v @ x for one in slopes]
    q = [[x.T @ v @ a @ v @ b @ v @ x for b in slopes] for a in slopes]
    middle = sum(
        w[i, j] * (q[i][j] - p[i] @ phi @ p[j]) for i in range(count) for j in range(count)
    )
    adjusted = phi + 2 * phi @ middle @ phi
    se = np.sqrt(np.diag(adjusted))
    assert found.coefficients["se"].to_numpy() == pytest.approx(se, rel=2e-5)

    def joint(rows: Any) -> tuple[float, float]:
        many = len(rows)
        theta_ = rows.T @ np.linalg.inv(rows @ phi @ rows.T) @ rows
        t = [theta_ @ phi @ one @ phi for one in p]
        a1 = sum(
            w[i, j] * np.trace(t[i]) * np.trace(t[j]) for i in range(count) for j in range(count)
        )
        a2 = sum(w[i, j] * np.trace(t[i] @ t[j]) for i in range(count) for j in range(count))
        b = (a1 + 6 * a2) / (2 * many)
        g = ((many + 1) * a1 - (many + 4) * a2) / ((many + 2) * a2)
        c = np.array([g, many - g, many + 2 - g]) / (3 * many + 2 * (1 - g))
        mean = 1 / (1 - a2 / many)
        spread = 2 / many * (1 + c[0] * b) / ((1 - c[1] * b) ** 2 * (1 - c[2] * b))
        m = 4 + (many + 2) / (many * spread / (2 * mean**2) - 1)
        beta = phi @ x.T @ v @ y
        value = rows @ beta
        f = value @ np.linalg.inv(rows @ adjusted @ rows.T) @ value / many
        return m / (mean * (m - 2)) * f, m

    rows = np.eye(x.shape[1])[-3:]
    test = found.joint(rows)
    assert (test.statistic, test.denominator) == pytest.approx(joint(rows), rel=1e-4)
    one = found.joint(rows[:1])
    assert (one.statistic, one.denominator) == pytest.approx(joint(rows[:1]), rel=1e-4)
    assert one.denominator == pytest.approx(found.coefficients["df"][-3], rel=1e-9)


@pytest.mark.parametrize("name", [*STRUCTURES, "cholesky"])
def test_slopes_and_curvature_of_every_structure(name: str) -> None:
    random = np.random.default_rng(1)
    half = random.standard_normal((4, 6))
    shape = structure(name, 4)
    theta = shape.start(half @ half.T)
    step = 1e-5 * np.eye(len(theta))
    slopes = [(shape.elements(theta + s) - shape.elements(theta - s)) / 2e-5 for s in step]
    assert shape.slopes(theta) == pytest.approx(np.array(slopes).T, abs=1e-6)
    bend = [(shape.slopes(theta + s) - shape.slopes(theta - s)) / 2e-5 for s in step]
    known = 0.0 if shape.curvature is None else shape.curvature(theta)
    assert known == pytest.approx(np.array(bend).transpose(1, 0, 2), abs=1e-5)


def test_derivatives_of_the_likelihood() -> None:
    statistics = mmrm(MODEL, trial(5), **KEYS).statistics
    sigma = fit(statistics).sigma * 1.2 + np.eye(3)
    theta, step = structure("us", 3).start(sigma), 1e-4 * np.eye(6)

    def at(one: Any) -> Any:
        found = solve(statistics, matrix(one, 3))
        assert found is not None
        return found

    exact = differentiate(statistics, at(theta))
    gradient = [(at(theta + s).deviance - at(theta - s).deviance) / 2e-4 for s in step]
    assert exact.gradient == pytest.approx(np.array(gradient), abs=1e-5)
    hessian = [
        (
            differentiate(statistics, at(theta + s)).gradient
            - differentiate(statistics, at(theta - s)).gradient
        )
        / 2e-4
        for s in step
    ]
    assert exact.observed == pytest.approx(np.array(hessian), abs=1e-6)


@pytest.mark.parametrize("name", STRUCTURES)
def test_every_structure_ends_where_the_likelihood_is_flat(name: str) -> None:
    found = mmrm(MODEL, trial(7, each=25), covariance=name, **KEYS)
    shape, theta = found.optimum.structure, found.optimum.theta
    gradient = shape.slopes(theta).T @ found.optimum.derivatives.gradient
    assert np.abs(gradient).max() < 1e-5
    assert found.deviance >= mmrm(MODEL, trial(7, each=25), **KEYS).deviance - 1e-8


def test_complete_data_give_the_t_test_of_each_visit() -> None:
    data = trial(11, lost=0.0)
    found = mmrm("y ~ arm*week", data, **KEYS)
    for row in found.differences().iter_rows(named=True):
        here = data.filter(pl.col("week") == row["week"])
        a, b = (here.filter(pl.col("arm") == f"arm {i}")["y"].to_numpy() for i in (1, 0))
        df = len(a) + len(b) - 2
        pooled = (a.var(ddof=1) * (len(a) - 1) + b.var(ddof=1) * (len(b) - 1)) / df
        assert row["estimate"] == pytest.approx(a.mean() - b.mean(), rel=1e-10)
        assert row["se"] == pytest.approx(np.sqrt(pooled * (1 / len(a) + 1 / len(b))), rel=1e-8)
        assert row["df"] == pytest.approx(df, rel=1e-7)


@settings(max_examples=6)
@given(
    seed=st.integers(0, 50),
    shift=st.sampled_from([0.0, -40.0, 1e6]),
    scale=st.sampled_from([1.0, -1.0, 1e-3, 1e4]),
)
def test_what_must_not_change_the_answer(seed: int, shift: float, scale: float) -> None:
    """Order of rows, names of subjects, and unit and origin of the outcome."""
    data = trial(seed, arms=3)
    first = mmrm(MODEL, data, **KEYS)
    other = data.sample(fraction=1.0, shuffle=True, seed=seed).with_columns(
        pl.col("id").str.replace("P", "patient "), pl.col("y") * scale + shift
    )
    again = mmrm(MODEL, other, **KEYS)
    one, two = first.differences(), again.differences()
    tight = {"rel": 1e-6, "abs": 1e-9 * abs(scale) + 1e-12 * abs(shift)}
    assert two["estimate"].to_numpy() == pytest.approx(scale * one["estimate"].to_numpy(), **tight)
    assert two["se"].to_numpy() == pytest.approx(abs(scale) * one["se"].to_numpy(), rel=1e-6)
    assert two["df"].to_numpy() == pytest.approx(one["df"].to_numpy(), rel=1e-6)


def test_weights_divide_the_variance() -> None:
    data = trial(2).with_columns(pl.lit(4.0).alias("four"), w=pl.lit(1.0))
    plain, same, four = (mmrm(MODEL, data, weights=one, **KEYS) for one in (None, "w", "four"))
    assert same.deviance == pytest.approx(plain.deviance)
    assert four.coefficients["se"].to_numpy() == pytest.approx(plain.coefficients["se"].to_numpy())
    assert four.optimum.sigma == pytest.approx(4 * plain.optimum.sigma, rel=1e-6)


def test_a_subject_left_out_is_one_that_never_was() -> None:
    found = mmrm(MODEL, trial(4), **KEYS)
    seen, grid = found.layout.seen, found.layout.grid
    for left in (0, 5, 23):
        kept = np.arange(len(seen)) != left
        who, when = np.nonzero(seen[kept])
        rows = grid[kept][who, when]
        fresh = summed(lay_out(rows[:, :-1], rows[:, -1], who, when, 3))
        one, two = fit(fresh), fit(without(found.statistics, found.layout, left))
        assert one.solved.deviance == pytest.approx(two.solved.deviance, abs=1e-7)


def test_data_come_as_any_frame() -> None:
    import pandas

    data = trial(6)
    first = mmrm(MODEL, data, **KEYS).coefficients
    columns = {name: data[name].to_list() for name in data.columns}
    assert mmrm(MODEL, columns, **KEYS).coefficients.equals(first)
    assert mmrm(MODEL, pandas.DataFrame(columns), **KEYS).coefficients.equals(first)
    assert mmrm(f"{MODEL} + us(week | id)", data, arm="arm").coefficients.equals(first)


def test_references_and_orders_of_the_data_are_kept() -> None:
    data = trial(6)
    turned = mmrm(MODEL, data, reference="arm 1", **KEYS)
    plain = mmrm(MODEL, data, **KEYS)
    assert turned.differences()["contrast"][0] == "arm 0 - arm 1"
    assert turned.differences()["estimate"][0] == pytest.approx(-plain.differences()["estimate"][0])
    enum = pl.Enum(["arm 1", "arm 0"])
    ordered = mmrm(MODEL, data.with_columns(pl.col("arm").cast(enum)), **KEYS)
    assert ordered.coefficients.equals(turned.coefficients)
    later = data.with_columns(pl.col("week").str.replace("week 4", "week 12"))
    assert mmrm(MODEL, later, **KEYS).visits == ("week 0", "week 2", "week 12")


def test_half_lost_is_still_fitted() -> None:
    for seed in range(25):
        data = trial(seed, arms=4, each=25, visits=5, lost=0.9)
        found = mmrm("y ~ base*week + arm*week", data, **KEYS)
        assert np.all(np.isfinite(found.differences()["se"].to_numpy()))


BASE = trial(1)
ONE_WEEK = BASE.filter(pl.col("week") == "week 0")


@pytest.mark.parametrize(
    ("model", "data", "options", "told"),
    [
        ("y ~ bass + arm*week", BASE, {}, "did you mean 'base'"),
        ("y ~ base + arm*week + I(2 * base)", BASE, {}, "'I(2 * base)' is a sum of other columns"),
        ("y ~ arm*week", ONE_WEEK, {}, "one visit"),
        ("y ~ arm*week", pl.concat([BASE, BASE.head(2)]), {}, "several rows, first 'P000'"),
        ("arm ~ base", BASE, {"arm": None}, "'arm 0' in row 1 is not a number"),
        ("y ~ base +* week", BASE, {}, "cannot be read"),
        ("y", BASE, {}, "is no model"),
        ("y ~ exec(base) + arm", BASE, {}, "is not understood"),
        ("y ~ arm*week", BASE, {"covariance": "uz"}, "is unknown"),
        ("y ~ arm*week", BASE, {"reference": "arm 7"}, "arm has no 'arm 7'"),
        ("y ~ arm*week", BASE, {"subject": ""}, "subject: is missing"),
        (
            "y ~ base + arm*week",
            BASE.with_columns(pl.when(pl.col("id") != "P001").then("base").alias("base")),
            {},
            "base: missing in",
        ),
        (
            "y ~ arm*week",
            BASE.filter((pl.col("arm") == "arm 0") | (pl.col("week") != "week 4")),
            {},
            "no row has",
        ),
        (
            "y ~ arm + week",
            BASE.filter((pl.col("week") == "week 4") == (pl.col("id") < "P008")),
            {},
            "no subject has both",
        ),
        ("y ~ arm*week", BASE.filter(pl.col("id") == "P001"), {}, "every row has 'arm 0'"),
    ],
)
def test_what_cannot_be_analysed_is_refused(
    model: str, data: pl.DataFrame, options: dict[str, Any], told: str
) -> None:
    with pytest.raises(InputError) as caught:
        mmrm(model, data, **{**KEYS, **options})
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_next_covariance_is_taken_and_told() -> None:
    apart = BASE.filter((pl.col("week") == "week 4") == (pl.col("id") < "P008"))
    found = mmrm("y ~ arm + week", apart, covariance=("us", "cs"), **KEYS)
    assert found.optimum.structure.name == "cs"
    assert "no subject has both" in found.notes[0]


def test_numbers_that_a_frame_keeps_as_text_or_objects_are_numbers() -> None:
    data = trial(4)
    found = mmrm(MODEL, data, **KEYS).differences()
    text = {name: data[name].to_list() for name in data.columns}
    text["y"] = [repr(one) for one in text["y"]]
    assert mmrm(MODEL, text, **KEYS).differences().equals(found)
    objects = data.with_columns(pl.Series("y", data["y"].to_list(), dtype=pl.Object))
    assert mmrm(MODEL, objects, **KEYS).differences().equals(found)


def test_a_word_among_numbers_is_told() -> None:
    data = trial(4)
    words = ["n/a?", *(f"{one:.2f}" for one in data["base"][1:])]
    with pytest.raises(InputError, match=r"base: 'n/a\?' in row 1 is not a number"):
        mmrm(MODEL, data.with_columns(base=pl.Series(words)), **KEYS)


def test_an_outcome_that_leaves_no_error_is_refused() -> None:
    with pytest.raises(InputError, match="the model explains it whole"):
        mmrm(MODEL, trial(4).with_columns(y=pl.lit(3.0)), **KEYS)
