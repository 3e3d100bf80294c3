"""Against NONMEM's own runs on theophylline, and published objective functions.

Outputs of NONMEM 7.4.1 are those that the R package nmw 0.1.6 (Bae, CRAN) ships: `THEO-FOCEI.OUT`,
`THEO-LAPLI.OUT` and their tables. Data: Boeckmann, Sheiner and Beal, NONMEM Users Guide, Part V
(1994).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

import ketasim
from ketasim.estimation import ModelFit
from ketasim.estimation.likelihood.conditional import People
from ketasim.estimation.likelihood.objective import Likelihood, Numbers
from ketasim.estimation.likelihood.residual import ResidualError, ResidualSd
from ketasim.estimation.likelihood.spread import Spread
from ketasim.models import pk

NONMEM = {
    "focei": {
        "objective": 92.830869045516039,
        "typical": [1.4907, 32.447, 8.7290e-2],
        "covariance": [4.3472e-1, 5.6920e-2, 1.9399e-2, -6.4855e-3, 1.2083e-2, 2.0233e-2],
        "error": [8.2844e-2, 1.7039e-2],
        "errors_of_typical": [3.01e-1, 1.66, 4.33e-3],
        "errors_of_variability": [1.68e-1, 3.07e-2, 7.07e-2],
        "errors_of_correlation": [2.46e-1, 2.25e-1, 3.59e-1],
        "shrinkage": [1.3337, 1.6180, 5.0232],
    },
    "laplace": {
        "objective": 93.558703845501213,
        "typical": [1.5052, 32.295, 8.7304e-2],
        "covariance": [4.3732e-1, 5.6344e-2, 1.8685e-2, -4.6835e-3, 1.2644e-2, 1.9830e-2],
        "error": [7.5581e-2, 1.7716e-2],
        "errors_of_typical": [2.92e-1, 1.57, 3.98e-3],
        "errors_of_variability": [1.66e-1, 3.41e-2, 6.35e-2],
        "errors_of_correlation": [2.58e-1, 2.26e-1, 3.84e-1],
        "shrinkage": [1.5137, 1.0879, 3.2920],
    },
}
# of FOCEI: effects of the first three subjects, and CWRES of the first two
EFFECTS = [-1.05e-1, -1.93e-1, -2.79e-1, 3.29e-1, 5.63e-2, 4.41e-2, 4.11e-1, 4.39e-2, -1.29e-2]
CWRES = [
    *(2.5710, -1.0866, 0.39660, 1.5852, 0.062590, -0.25342, 0.15133, 0.28975, 0.69185),
    *(1.1080, 2.3872, 0.0, -3.0549, 2.8196, 0.76935, 0.13906, -0.52022, -0.40229),
    *(0.059976, 0.11245, -0.77507, -0.65174),
]


@pytest.fixture(scope="module", params=list(NONMEM))
def fitted(
    request: pytest.FixtureRequest,
    theophylline: dict[str, list[Any]],
    absorbed: pk.CompartmentModel,
) -> ModelFit:
    return ketasim.fit(
        absorbed, theophylline, method=request.param, standard_errors="sandwich", n=500
    )


def _values(found: ModelFit, kind: str, column: str = "estimate") -> list[float]:
    return found.parameters().filter(pl.col("kind") == kind)[column].to_list()


def test_estimates_and_objective_are_those_of_nonmem(fitted: ModelFit) -> None:
    known = NONMEM[fitted.method]
    assert fitted.objective is not None
    assert fitted.objective.converged
    assert fitted.objective.value == pytest.approx(known["objective"], abs=2e-6)
    assert fitted.objective.constant == pytest.approx(242.59977276603360)
    assert _values(fitted, "typical") == pytest.approx(known["typical"], rel=2e-4)
    lower = fitted.covariance[np.tril_indices(3)]
    assert lower == pytest.approx(known["covariance"], rel=1e-3, abs=5e-5)
    sds = [*_values(fitted, "additive"), *_values(fitted, "proportional")]
    assert np.square(sds) == pytest.approx(known["error"], rel=1e-3)
    assert 100 * fitted.shrinkage == pytest.approx(known["shrinkage"], abs=0.02)


def test_standard_errors_are_near_those_of_nonmem(fitted: ModelFit) -> None:
    """Both are the sandwich; NONMEM's derivatives are differences of the objective itself."""
    known = NONMEM[fitted.method]
    for kind in ("typical", "variability", "correlation"):
        assert _values(fitted, kind, "se") == pytest.approx(known[f"errors_of_{kind}"], rel=0.16)


def test_effects_and_residuals_are_those_of_nonmem(fitted: ModelFit) -> None:
    if fitted.method != "focei":
        pytest.skip("published of FOCEI alone")
    effects = fitted.individuals()["effect"].to_numpy()[: len(EFFECTS)]
    assert effects == pytest.approx(EFFECTS, abs=6e-4)
    residuals = fitted.predictions()["CWRES"].drop_nulls().to_numpy()[: len(CWRES)]
    assert residuals == pytest.approx(CWRES, abs=3e-4)


def test_what_is_simulated_from_the_fit_is_like_the_data(fitted: ModelFit) -> None:
    """NPDE of 132 values: their mean has an SE of 0.09 where the values were independent."""
    errors = fitted.predictions()["NPDE"].drop_nulls().to_numpy()
    assert len(errors) == 132
    assert abs(errors.mean()) < 0.35
    assert 0.75 < errors.std() < 1.25
    check = fitted.vpc().filter(pl.col("quantile") == 0.5, pl.col("time_h") > 0.5)
    inside = check.filter(pl.col("observed").is_between(pl.col("p05"), pl.col("p95"))).height
    assert inside >= 0.6 * check.height


# Wang 2007, J. Pharmacokinet. Pharmacodyn. 34:575: data and, by its Table 2, NONMEM's objective
WANG = [
    *(10.68, 3.6837, 10.402, 6.454, 9.8814, 5.8565, 9.3408, 5.6209, 10.082, 6.7583, 9.8938),
    *(6.5049, 9.8908, 6.9557, 10.234, 6.4488, 9.9882, 6.7112, 9.6736, 6.6402),
]


@pytest.mark.parametrize(("kind", "objective"), [("proportional", 39.458), ("additive", -2.059)])
def test_the_objective_of_given_numbers_is_the_published_one(kind: str, objective: float) -> None:
    value = np.array(WANG)
    subject = np.repeat(np.arange(10), 2)
    time = np.tile([0.0, 1.0], 10)
    nothing = np.zeros(20, np.int64)

    def predict(places: np.ndarray) -> np.ndarray:
        return 10.0 * np.exp(-np.exp(places[:, subject, 0]) * time)

    error = ResidualError((ResidualSd(0, kind, 0.1**0.5),), nothing, value, nothing > 0)
    people = People(subject, 10, predict, np.array([0]), error)
    numbers = Numbers(
        np.log([0.5]),
        np.array([0]),
        Spread(("KE",), ((0,),)),
        np.array([0.1**0.5]),
        np.array([0]),
    )
    start = np.array([np.log(0.5), np.log(0.2), 0.5 * np.log(0.1)])
    found = Likelihood(people, numbers, laplace=False).at(start, np.zeros((10, 1)))
    assert found.total == pytest.approx(objective, abs=2e-3)
