"""Subjects a posteriori, against other optimisers, grids and the predictions of `predict`."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.optimize import minimize
from scipy.stats import norm

import ketasim
from ketasim._base import KetasimWarning
from ketasim.estimation import ModelFit
from ketasim.evidence import load_card
from ketasim.models import pk

quiet = pytest.mark.filterwarnings("ignore::ketasim._base.KetasimWarning")

MODEL = pk.CompartmentModel(
    "one",
    (pk.Parameter("CL", 80.0, "L/h", sd_log=0.3), pk.Parameter("V", 150.0, "L", sd_log=0.25)),
    (pk.Compartment("central"),),
    (pk.Flow("central", None, "CL/V"),),
    (pk.Output("CP", "1000*central/V", "ng/mL", proportional=0.15, additive=2.0),),
    correlations={("CL", "V"): 0.5},
)
TIMES = np.array([0.67, 1.5, 3.0, 5.0])
VALUES = np.array([190.0, 95.0, 33.0, 8.0])
LIMIT = 12.0
TABLE: dict[str, list[Any]] = {
    "ID": [7] * 6,
    "TIME": [0.0, *TIMES, 9.0],
    "AMT": [40.0] + [None] * 5,
    "RATE": [60.0] + [None] * 5,
    "EVID": [1] + [0] * 5,
    "CMT": [1] * 6,
    "DV": [None, *VALUES, None],
}


def _curve(effects: np.ndarray) -> np.ndarray:
    """An infusion into one compartment by its closed form."""
    clearance, volume = 80.0 * np.exp(effects[..., 0]), 150.0 * np.exp(effects[..., 1])
    k, over = clearance / volume, 40.0 / 60.0
    given = np.minimum(TIMES, over)
    level = (60.0 / clearance)[..., None] * -np.expm1(-k[..., None] * given)
    return 1000.0 * level * np.exp(-k[..., None] * (TIMES - given))


def _density(effects: np.ndarray, limit: float) -> np.ndarray:
    """Minus the log of the joint density of values and effects, constants left out."""
    sds = np.array([0.3, 0.25])
    covariance = np.array([[1.0, 0.5], [0.5, 1.0]]) * np.outer(sds, sds)
    f = _curve(effects)
    sd = np.sqrt((0.15 * f) ** 2 + 2.0**2)
    seen = np.where(limit > VALUES, norm.logcdf((limit - f) / sd), norm.logpdf(VALUES, f, sd))
    inverse = np.linalg.inv(covariance)
    return 0.5 * np.einsum("...q,qr,...r->...", effects, inverse, effects) - seen.sum(axis=-1)


@pytest.mark.parametrize("limit", [0.0, LIMIT])
def test_the_mode_is_that_of_another_optimiser_and_of_a_grid(limit: float) -> None:
    found = ketasim.fit(MODEL, TABLE, method="map", lloq=limit or None)
    best = minimize(
        lambda x: float(_density(x, limit)),
        [0.3, -0.3],
        method="Nelder-Mead",
        options={"xatol": 1e-8, "fatol": 1e-12},
    )
    assert found.effects[0] == pytest.approx(best.x, abs=2e-6)
    around = [np.linspace(v - 0.01, v + 0.01, 41) for v in found.effects[0]]
    grid = np.stack(np.meshgrid(*around, indexing="ij"), axis=-1)
    values = _density(grid, limit)
    assert np.unravel_index(values.argmin(), values.shape) == (20, 20)
    # curvature by differences of the density itself
    h, e = 1e-4, np.eye(2)
    matrix = np.array(
        [
            [
                sum(
                    a * b * _density(found.effects[0] + h * (a * e[i] + b * e[j]), limit)
                    for a in (1, -1)
                    for b in (1, -1)
                )
                / (4 * h**2)
                for j in range(2)
            ]
            for i in range(2)
        ]
    )
    assert found.posterior[0] == pytest.approx(np.linalg.inv(matrix), rel=1e-4)


def test_tables_say_what_came_from_the_data() -> None:
    found = ketasim.fit(MODEL, TABLE, method="map")
    rows = found.individuals()
    assert rows["value"].to_list() == pytest.approx(
        [80 * np.exp(found.effects[0, 0]), 150 * np.exp(found.effects[0, 1])]
    )
    assert (rows["low95"] < rows["value"]).all()
    assert (rows["value"] < rows["high95"]).all()
    assert rows["from_data_percent"].is_between(10, 100).all()
    predicted = found.predictions()
    assert predicted.height == 6  # also the dose and the row without a value
    assert predicted["IPRED"].to_numpy()[1:5] == pytest.approx(_curve(found.effects[0]))
    assert (predicted["low95"] <= predicted["IPRED"]).all()
    assert predicted["DV"].null_count() == 2
    assert "DV" not in str(found.notes)
    page = ketasim.report(found)
    assert "From the data" in page
    assert "Decision support for professionals; not medical advice" in page


def test_the_subject_is_predicted_further_with_its_uncertainty(tmp_path: Path) -> None:
    """The model that is written gives what the fit gave, and draws it within its posterior."""
    found = ketasim.fit(MODEL, TABLE, method="map")
    found.save(tmp_path)
    again = ketasim.predict(tmp_path / "model.toml", TABLE).table()
    assert again["CP"].to_numpy() == pytest.approx(found.predictions()["IPRED"].to_numpy())
    model = pk.read_model(tmp_path / "model.toml")
    assert [one.rse > 0 for one in model.parameters] == [True, True]
    assert model.covariance()[0] == ()


@quiet
def test_a_model_that_ships_is_a_prior() -> None:
    """Slope and curvature of the density at the mode are those of predictions by `predict`."""
    table: dict[str, list[Any]] = {
        "ID": [3] * 4,
        "TIME": [0.0, 1.0, 3.0, 8.0],
        "AMT": [25.0, None, None, None],
        "RATE": [37.5, None, None, None],
        "ROUTE": ["iv", None, None, None],
        "EVID": [1, 0, 0, 0],
        "WT": [70.0] * 4,
        "DV": [None, 70.0, 22.0, 6.0],
    }
    found = ketasim.fit(
        "otto2021", table, method="map", drug="esketamine", dv={"s_ketamine_venous": "DV"}
    )
    card = load_card("otto2021")
    symbols, omega = card.omega()
    names = list(found.problem.names)
    assert set(names) == {"V1", "CL"}  # those of the metabolite do not touch the parent
    place = [symbols.index(name) for name in names]
    inverse = np.linalg.inv(omega[np.ix_(place, place)])
    sigma = card.entry("sigma_prop_K").value
    observed = np.array([70.0, 22.0, 6.0])

    def density(effects: np.ndarray) -> float:
        values = {n: card.entry(n).value * np.exp(e) for n, e in zip(names, effects, strict=True)}
        drawn = ketasim.predict("otto2021", table, parameters=values, drug="esketamine").table()
        f = drawn["s_ketamine_venous"].to_numpy()[1:]
        prior = 0.5 * effects @ inverse @ effects
        return float(prior - norm.logpdf(observed, f, sigma * f).sum())

    h, mode = 1e-3, found.effects[0]
    middle = density(mode)
    sides = np.array([[density(mode + s * h * e) for s in (1, -1)] for e in np.eye(2)])
    assert (sides[:, 0] - sides[:, 1]) / (2 * h) == pytest.approx([0, 0], abs=2e-3)
    corner = density(mode + h)
    cross = (corner - sides[:, 0].sum() + middle) / h**2
    own = (sides.sum(axis=1) - 2 * middle) / h**2
    curved = np.array([[own[0], cross], [cross, own[1]]])
    assert np.linalg.inv(found.posterior[0]) == pytest.approx(curved, rel=0.02, abs=0.5)
    assert found.cite().count("@") >= 2
    assert found.text == ""


def test_several_subjects_are_fitted_as_if_each_were_alone() -> None:
    other = TABLE | {"ID": [8] * 6, "DV": [None, 260.0, 140.0, 70.0, 30.0, None]}
    both = {name: TABLE[name] + other[name] for name in TABLE}
    found = ketasim.fit(MODEL, both, method="map")
    for place, table in enumerate((TABLE, other)):
        alone = ketasim.fit(MODEL, table, method="map")
        assert found.effects[place] == pytest.approx(alone.effects[0], abs=1e-6)
    ids = found.individuals()["ID"].unique(maintain_order=True)
    assert ids.to_list() == ["7", "8"]
    assert isinstance(found.predictions(), pl.DataFrame)


def test_data_that_narrow_nothing_are_none() -> None:
    found = ketasim.fit(MODEL, TABLE, method="map")
    wider = replace(found, posterior=100 * found.posterior).individuals()
    assert (wider["se_effect"] > wider["sd_population"]).all()
    assert wider["from_data_percent"].to_list() == [0, 0]
    assert (found.individuals()["from_data_percent"] > 0).all()


def _mapped(values: list[float], output: pk.Output) -> ModelFit:
    model = replace(MODEL, outputs=(output,), correlations={})
    return ketasim.fit(model, TABLE | {"DV": [None, *values, None]}, method="map")


@pytest.mark.parametrize(
    ("factor", "said"),
    [
        (1000.0, r"of 7 lies \d+ SD from the population's: check the units of DV, AMT"),
        (0.001, r"the values of 7 lie more than 4 SD of the residual error .* check the units"),
    ],
)
def test_values_in_another_unit_are_told(factor: float, said: str) -> None:
    output = pk.Output("CP", "1000*central/V", "ng/mL", proportional=0.15)
    with pytest.warns(KetasimWarning) as told:
        _mapped((VALUES * factor).tolist(), output)
    assert re.search(said, " ".join(str(one.message) for one in told))


def test_values_below_0_are_fitted_as_those_above() -> None:
    """An additive error has no end at 0: of an output that is moved nothing else changes."""
    above = pk.Output("CP", "1000*central/V", "ng/mL", additive=20.0)
    below = pk.Output("CP", "1000*central/V - 300", "ng/mL", additive=20.0)
    plain, moved = _mapped(VALUES.tolist(), above), _mapped((VALUES - 300).tolist(), below)
    assert moved.effects == pytest.approx(plain.effects, rel=1e-6)


def test_logarithms_are_fitted_as_what_they_are_of() -> None:
    logged = pk.Output("LCP", "log(max(1000*central/V, 0.001)/200)", additive=0.15)
    plain = pk.Output("CP", "1000*central/V", "ng/mL", sd_log=0.15)
    values = np.log(VALUES / 200).tolist()
    assert max(values) < 0
    found = _mapped(values, logged)
    assert found.effects == pytest.approx(_mapped(VALUES.tolist(), plain).effects, rel=1e-5)
