"""Estimands by imputation: what SAS and rbmi find, and what must hold whatever the data."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from ketasim import InputError
from ketasim.trials import ancova, imputed
from ketasim.validation.statistics.numbers import DATA as FOLDER
from ketasim.validation.statistics.numbers import misses, rows

DATA = FOLDER / "antidepressant.csv"
MODEL = "CHANGE ~ BASVAL*VISIT + THERAPY*VISIT"
KEYS: dict[str, Any] = {
    "subject": "PATIENT",
    "visit": "VISIT",
    "arm": "THERAPY",
    "reference": "PLACEBO",
}


@pytest.mark.parametrize("head", ["condmean JR as delta", "condmean JR +"])
def test_conditional_means_with_a_jackknife(head: str) -> None:
    """The other strategies are in the same table, and were checked as well; each takes a second."""
    told = [row for row in rows() if row["model"].startswith(head)]
    assert told and misses(told) == []


@pytest.fixture(scope="module")
def estimates() -> dict[str, dict[str, float]]:
    """The last visit by each strategy, the value alone."""
    found = {}
    for strategy in ("mar", "j2r", "cr", "cir", "lmcf"):
        result = imputed(
            MODEL, DATA, strategy=strategy, way="multiple-imputation", imputations=100, **KEYS
        )
        found[strategy] = result.tables["differences"].row(-1, named=True)
    return found


def test_many_imputations_agree_with_sas(estimates: dict[str, dict[str, float]]) -> None:
    """SAS with 10,000 imputations; five Monte-Carlo errors, a false alarm in a million runs."""
    for strategy, value, se in (
        ("mar", -2.79516, 1.11445),
        ("j2r", -2.12426, 1.1275),
        ("cr", -2.36644, 1.10747),
        ("cir", -2.44592, 1.10742),
    ):
        row = estimates[strategy]
        assert row["estimate"] == pytest.approx(value, abs=5 * row["mc_se"] + 0.005)
        assert row["se"] == pytest.approx(se, rel=0.08)
        assert 125 < row["df"] < 160


def test_strategies_stand_in_their_order(estimates: dict[str, dict[str, float]]) -> None:
    size = {key: -row["estimate"] for key, row in estimates.items()}
    assert size["mar"] > size["lmcf"] > size["j2r"]
    assert size["mar"] > size["cir"] > size["cr"] > size["j2r"]


def complete() -> pl.DataFrame:
    random = np.random.default_rng(2)
    size = 30
    base = random.normal(30, 4, size)
    change = random.normal(-8, 5, (size, 1)) + random.normal(0, 3, (size, 3))
    return pl.DataFrame(
        {
            "id": np.repeat(np.arange(size), 3),
            "week": np.tile([1, 2, 4], size),
            "arm": np.repeat(np.arange(size) % 2, 3),
            "base": np.repeat(base, 3),
            "chg": change.reshape(-1),
        }
    )


LATE = (pl.col("id") % 5 == 0) & (pl.col("week") > 1)
SMALL: dict[str, Any] = {"subject": "id", "visit": "week", "arm": "arm"}


def test_complete_data_are_analysed_as_they_are() -> None:
    data = complete()
    plain = ancova("chg ~ base + arm", data, arm="arm", visit="week").tables["differences"]
    for strategy in ("mar", "j2r"):
        found = imputed("chg ~ base*week + arm*week", data, strategy=strategy, **SMALL)
        table = found.tables["differences"]
        assert table["estimate"].to_numpy() == pytest.approx(plain["estimate"].to_numpy())
        assert not found.tables["completed"]["imputed"].any()


def test_what_is_imputed_is_moved_by_delta_alone() -> None:
    data = complete().with_columns(
        pl.when((pl.col("id") % 5 == 0) & (pl.col("week") > 1))
        .then(None)
        .otherwise("chg")
        .alias("chg")
    )
    model = "chg ~ base*week + arm*week"
    plain, moved = (
        imputed(model, data, delta=delta, **SMALL).tables["completed"] for delta in (None, 3.0)
    )
    treated = np.repeat(np.arange(30) % 2 == 1, 3)
    expected = np.where(plain["imputed"].to_numpy() & treated, 3.0, 0.0)
    assert moved["chg"].to_numpy() - plain["chg"].to_numpy() == pytest.approx(expected)


def test_outcomes_after_treatment_ended_can_be_set_aside() -> None:
    data = complete().with_columns(
        stop=pl.when(pl.col("id") % 5 == 0).then(pl.lit(2)).otherwise(None)
    )
    lost = data.with_columns(
        pl.when((pl.col("id") % 5 == 0) & (pl.col("week") > 1))
        .then(None)
        .otherwise("chg")
        .alias("chg")
    )
    model = "chg ~ base*week + arm*week"
    one = imputed(model, data, strategy="cir", ended="stop", **SMALL)
    two = imputed(model, lost, strategy="cir", **SMALL)
    assert one.tables["differences"].equals(two.tables["differences"])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"strategy": "j2"}, "strategy: 'j2' is unknown"),
        ({"delta": {"2": 1.0}}, "there is no arm '2'"),
        ({"analysis": "chg ~ base"}, "it has no 'arm'"),
        ({"imputations": 1}, "give 2 to"),
    ],
)
def test_what_cannot_be_imputed_is_refused(options: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError, match=told):
        imputed("chg ~ base*week + arm*week", complete(), **{**SMALL, **options})


def test_a_covariate_that_changes_within_a_subject_is_refused() -> None:
    data = complete().with_columns(base=pl.col("base") + pl.col("week"))
    with pytest.raises(InputError, match="it changes between the visits of '0'"):
        imputed("chg ~ base + arm*week", data, **SMALL)


@pytest.mark.parametrize(
    ("delta", "told"),
    [
        (5.0, "; then 5 points added in every arm but 0."),
        ({"1": 2.5}, "; then 2.5 points added in 1"),
    ],
)
def test_what_is_added_is_told(delta: Any, told: str) -> None:
    found = imputed("chg ~ base*week + arm*week", complete(), delta=delta, **SMALL)
    assert told in found.notes[0] and found.title.endswith("mar and delta")


def test_numbers_that_are_categories_are_so_where_they_are_imputed() -> None:
    """`--factor` did nothing with `--strategy`: a number of a site was a covariate."""
    data = complete().with_columns(site=pl.col("id") % 3)
    model = "chg ~ base*week + arm*week + site*week"
    numbers = imputed(model, data, factors=["site"], **SMALL).tables["differences"]
    letters = data.with_columns(pl.col("site").cast(str).replace({"0": "a", "1": "b", "2": "c"}))
    assert numbers.equals(imputed(model, letters, **SMALL).tables["differences"])
