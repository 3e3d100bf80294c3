"""Imputed estimands of many replicates: as rbmi and the exact jackknife find them."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from ketasim.trials import imputed
from ketasim.trials.operating.imputed import impute_contrast
from ketasim.trials.operating.mixed import Found, fit_contrast
from ketasim.trials.operating.sums import arm_sums, together
from ketasim.validation.statistics.numbers import DATA as FOLDER

Array = NDArray[np.float64]
DATA = FOLDER / "antidepressant.csv"
VISITS = ["4", "5", "6", "7"]


def found(arms: list[tuple[Array, Array]], delta: float) -> dict[str, Found]:
    sums = [arm_sums(b, y, np.zeros(b.shape[:2], bool), [b.shape[1]]) for b, y in arms]
    _, fits = fit_contrast(together(sums, 0), 0, 1)
    return impute_contrast(arms, fits, 0, 1, delta)


def trial(table: pl.DataFrame, *, gender: bool = False) -> list[tuple[Array, Array]]:
    """Drug, then placebo: one replicate, the baseline less a constant, and the gender."""
    arms: list[tuple[Array, Array]] = []
    for arm in ("DRUG", "PLACEBO"):
        wide = table.filter(pl.col("THERAPY") == arm).pivot(
            on="VISIT", index=["PATIENT", "BASVAL", "GENDER"], values="CHANGE"
        )
        base = wide["BASVAL"].to_numpy().astype(float) - 20.0
        own = [base, (wide["GENDER"] == "M").to_numpy().astype(float)] if gender else [base]
        changes = wide.select(VISITS).to_numpy().astype(float)
        arms.append((np.stack(own, axis=1)[None], changes[None]))
    return arms


@pytest.fixture(scope="module")
def table() -> pl.DataFrame:
    """The data of SAS and rbmi without the one patient who missed a visit and came back."""
    whole = pl.read_csv(DATA, null_values="NA")
    wide = whole.pivot(on="VISIT", index="PATIENT", values="CHANGE")
    gone = wide.select(VISITS).to_numpy().astype(float)
    back = (np.isnan(gone[:, :-1]) & ~np.isnan(gone[:, 1:])).any(axis=1)
    assert back.sum() == 1
    return whole.filter(pl.col("PATIENT").is_in(wide["PATIENT"].to_numpy()[~back].tolist()))


def test_standard_errors_are_those_of_rbmi(table: pl.DataFrame) -> None:
    """Conditional means with a jackknife, visit 7, of all patients: `data/reference.csv`."""
    mine = found(trial(table), 0.0)
    for name, se in (("j2r", 0.858), ("cr", 0.981), ("cir", 1.001), ("delta", 1.107)):
        assert mine[name].se[0] == pytest.approx(se, rel=0.025)


@pytest.mark.parametrize(
    ("name", "strategy", "delta", "gender"),
    [
        *(("j2r", "j2r", None, False), ("cir", "cir", None, False), ("delta", "mar", 3, False)),
        ("j2r", "j2r", None, True),
    ],
)
def test_one_step_is_near_the_exact_jackknife(
    table: pl.DataFrame, name: str, strategy: str, delta: float | None, *, gender: bool
) -> None:
    keys: dict[str, Any] = {"subject": "PATIENT", "visit": "VISIT", "arm": "THERAPY"}
    exact = imputed(
        "CHANGE ~ BASVAL*VISIT + THERAPY*VISIT" + (" + GENDER*VISIT" if gender else ""),
        table,
        strategy=strategy,
        delta=delta,
        reference="PLACEBO",
        **keys,
    ).tables["differences"]
    row = exact.row(-1, named=True)
    mine = found(trial(table, gender=gender), 3.0)[name]
    assert mine.estimate[0] == pytest.approx(row["estimate"], rel=1e-6)
    assert mine.se[0] == pytest.approx(row["se"], rel=0.007)


def drawn(seed: int, replicates: int, n: int, leaving: float) -> list[tuple[Array, Array]]:
    random = np.random.default_rng(seed)
    root = np.linalg.cholesky(49.0 * (0.5 + 0.5 * np.eye(3)))
    arms: list[tuple[Array, Array]] = []
    for _ in range(2):
        base = 5.0 * random.normal(size=(replicates, n))
        change = random.normal(size=(replicates, n, 3)) @ root.T - 8.0 - 0.3 * base[:, :, None]
        last = random.geometric(leaving, size=(replicates, n)) - 1
        change[np.arange(3) >= last[:, :, None]] = np.nan
        arms.append((base[..., None], change))
    return arms


def test_null_trials_are_told_from_none_in_five_of_a_hundred() -> None:
    replicates = 2000
    mine = found(drawn(3, replicates, 40, 0.15), 0.0)
    for name in ("j2r", "cr", "cir", "delta"):
        one = mine[name]
        assert not np.isnan(one.se).any()
        share = (np.abs(one.estimate) > 1.959964 * one.se).mean()
        assert share == pytest.approx(0.05, abs=3.5 * np.sqrt(0.05 * 0.95 / replicates) + 0.004)
        assert one.se.mean() == pytest.approx(one.estimate.std(), rel=0.07)


def test_what_is_complete_is_not_imputed() -> None:
    arms = [(b, np.nan_to_num(y)) for b, y in drawn(5, 3, 15, 0.1)]
    mine = found(arms, 4.0)
    for name in ("cr", "cir", "delta"):
        assert mine[name].estimate == pytest.approx(mine["j2r"].estimate)
        assert mine[name].se == pytest.approx(mine["j2r"].se)
