"""Data simulated by SciPy's own solver: what comes back, and how sure the fit says it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.integrate import solve_ivp

import ketasim
from ketasim.estimation import ModelFit
from ketasim.models import pk

quiet = pytest.mark.filterwarnings("ignore::ketasim._base.KetasimWarning")

TRUTH = {"CL": 6.0, "V1": 25.0, "Q": 8.0, "V2": 60.0, "CLWT": 0.75}
SPREADS = {"CL": 0.30, "V1": 0.25}
CORRELATION = 0.4
PROPORTIONAL = 0.12
SAMPLES = (0.7, 1.0, 2.0, 4.0, 8.0, 12.0, 24.0)


def _model(**starts: float) -> pk.CompartmentModel:
    values = TRUTH | starts
    return pk.CompartmentModel(
        "two",
        tuple(
            pk.Parameter(name, value, sd_log=0.4 if name in SPREADS else 0.0)
            for name, value in values.items()
        ),
        (pk.Compartment("central"), pk.Compartment("peripheral")),
        (
            pk.Flow("central", None, "CLI/V1"),
            pk.Flow("central", "peripheral", "Q/V1"),
            pk.Flow("peripheral", "central", "Q/V2"),
        ),
        (pk.Output("CP", "1000*central/V1", "ng/mL", proportional=0.3),),
        (pk.Covariate("WT", "kg"),),
        {"CLI": "CL*(WT/70)**CLWT"},
    )


def _simulated(seed: int, subjects: int, limit: float = 0.0) -> dict[str, list[Any]]:
    """40 mg over 40 minutes; amounts by LSODA to 1e-9, effects and errors by NumPy."""
    rng = np.random.default_rng(seed)
    sds = np.array(list(SPREADS.values()))
    correlation = np.array([[1.0, CORRELATION], [CORRELATION, 1.0]])
    root = np.linalg.cholesky(correlation * np.outer(sds, sds))
    table: dict[str, list[Any]] = {n: [] for n in ("ID", "TIME", "AMT", "RATE", "EVID", "WT", "DV")}
    for subject in range(1, subjects + 1):
        effects = root @ rng.normal(size=2)
        weight = float(rng.uniform(50.0, 110.0))
        clearance = TRUTH["CL"] * np.exp(effects[0]) * (weight / 70.0) ** TRUTH["CLWT"]
        central, q, v2 = TRUTH["V1"] * np.exp(effects[1]), TRUTH["Q"], TRUTH["V2"]
        matrix = np.array([[-(clearance + q) / central, q / v2], [q / central, -q / v2]])

        def change(time: float, x: np.ndarray, k: np.ndarray = matrix) -> np.ndarray:
            return k @ x + np.array([60.0 if time < 2 / 3 else 0.0, 0.0])

        during = solve_ivp(change, (0, 2 / 3 - 1e-12), [0, 0], "LSODA", rtol=1e-9, atol=1e-12)
        after = solve_ivp(
            change, (2 / 3, 24.0), during.y[:, -1], "LSODA", list(SAMPLES), rtol=1e-9, atol=1e-12
        )
        curve = 1000.0 * after.y[0] / central
        values = curve * (1.0 + PROPORTIONAL * rng.normal(size=len(curve)))
        rows = [(0.0, 40.0, 60.0, 1, None)]
        rows += [
            (t, None, None, 0, f"<{limit:g}" if v < limit else f"{v:.10g}")
            for t, v in zip(SAMPLES, values, strict=True)
        ]
        for time, amount, rate, event, value in rows:
            row = (subject, time, amount, rate, event, weight, value)
            for name, cell in zip(table, row, strict=True):
                table[name].append(cell)
    return table | {"CMT": [1] * len(table["ID"])}


def _fit(table: dict[str, list[Any]], **options: Any) -> ModelFit:
    model = _model(CL=4.0, V1=40.0, Q=5.0, V2=40.0, CLWT=0.3)
    return ketasim.fit(model, table, correlated=[("CL", "V1")], signed=["CLWT"], n=50, **options)


def _known() -> dict[tuple[str, str], float]:
    known = {(name, "typical"): value for name, value in TRUTH.items()}
    known |= {(name, "variability"): value for name, value in SPREADS.items()}
    return known | {("CL,V1", "correlation"): CORRELATION, ("CP", "proportional"): PROPORTIONAL}


def _distances(found: ModelFit) -> dict[tuple[str, str], float]:
    """Standard errors between an estimate and the truth, positive ones on their logarithms."""
    far: dict[tuple[str, str], float] = {}
    for row in found.parameters().filter(~pl.col("fixed")).to_dicts():
        key = row["parameter"], row["kind"]
        truth, value, se = _known()[key], row["estimate"], row["se"]
        if row["kind"] == "correlation":
            far[key] = (np.arctanh(value) - np.arctanh(truth)) * (1 - value**2) / se
        elif row["parameter"] == "CLWT":
            far[key] = (value - truth) / se
        else:
            far[key] = (np.log(value) - np.log(truth)) * value / se
    return far


@pytest.fixture(scope="module")
def found() -> ModelFit:
    return _fit(_simulated(1, 40))


def test_the_truth_is_within_its_standard_errors(found: ModelFit) -> None:
    """Nine estimates of one data set: beyond 3.5 standard errors one comes in 240 such tests."""
    assert found.objective is not None
    assert found.objective.converged
    far = _distances(found)
    assert set(far) == set(_known())
    assert max(map(abs, far.values())) < 3.5


def test_the_fitted_model_is_read_by_predict(found: ModelFit, tmp_path: Path) -> None:
    path = tmp_path / "model.toml"
    path.write_text(found.text, encoding="utf-8")
    table = _simulated(1, 3)
    predicted = ketasim.predict(path, table).table()
    own = found.predictions().filter(pl.col("ID").is_in(["1", "2", "3"]))
    assert predicted["CP"].to_numpy() == pytest.approx(own["PRED"].to_numpy(), rel=1e-12)
    drawn = ketasim.predict(path, table, n=2000, seed=2, residual=True).table()
    model = pk.read_model(path)
    names, covariance = model.covariance()
    assert names == ("CL", "V1")
    assert covariance == pytest.approx(found.covariance)
    assert drawn["CP_sd"].max() > 0


@quiet
def test_values_below_the_limit_count_by_their_probability() -> None:
    """With a quarter of the values below it, the truth is within 3.5 SEs."""
    table = _simulated(5, 24, limit=150.0)
    below = [str(v).startswith("<") for v in table["DV"]]
    assert 0.15 < np.mean(below) < 0.5
    fixed = ["Q", "V2", "CLWT"]

    told = ketasim.fit(_model(CL=4.0, V1=40.0), table, method="laplace", fix=fixed, n=50)
    assert told.objective is not None
    assert told.objective.converged
    assert max(map(abs, _distances(told).values())) < 3.5
    shown = told.predictions().filter(pl.col("below_limit"))
    assert set(shown["DV"]) == {150.0}
    assert shown["CWRES"].null_count() == shown.height
    shares = told.vpc().filter(pl.col("quantile").is_null())
    assert shares["observed"].max() > 0


@pytest.mark.calibration
def test_twenty_replicates_have_no_bias_and_honest_errors() -> None:
    """The mean of 20 estimates lies within 4 of its own standard errors of the truth, of SDs too.

    Spreads by FOCEI from 40 subjects are a few percent low, which 20 replicates do not show. 95 %
    intervals cover: of 180 at least 85 %.
    """
    each = [_distances(_fit(_simulated(100 + seed, 40))) for seed in range(20)]
    inside = 0
    for key in _known():
        far = np.array([one[key] for one in each])
        inside += int((np.abs(far) < 1.96).sum())
        assert abs(far.mean()) < 4.0 * far.std(ddof=1) / np.sqrt(len(far)), key
        assert 0.5 < far.std(ddof=1) < 1.7, key
    assert inside >= 0.85 * 20 * len(_known())
