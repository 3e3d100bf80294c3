"""The order of visits: what names tell for sure, what is given, and what depends on it."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from ketasim import InputError
from ketasim.trials import imputed, mmrm
from ketasim.trials.analysis.table import as_table
from ketasim.trials.analysis.visits import order_of_visits

MODEL = "chg ~ base*visit + arm*visit"
KEYS: dict[str, Any] = {"subject": "id", "visit": "visit", "arm": "arm"}
FEW: dict[str, Any] = {
    "reference": "placebo",
    "way": "multiple-imputation",
    "imputations": 2,
}
NUMBERS = (1, 2, 3, 4)


def trial(names: tuple[Any, ...] = NUMBERS) -> pl.DataFrame:
    """Forty subjects, of whom some leave; an arm that is better from visit to visit."""
    random = np.random.default_rng(4)
    size, count = 40, len(names)
    arm = np.arange(size) % 2
    base = random.normal(30, 4, size)
    steps = random.normal(0, 3, (size, count)).cumsum(axis=1)
    change = steps - 2.0 * np.arange(1, count + 1) * (1 + arm[:, None])
    last = random.integers(1, 3 * count, size)
    there = np.arange(count) < last[:, None]
    return pl.DataFrame(
        {
            "id": np.repeat(np.arange(size), count),
            "arm": np.repeat(np.array(["placebo", "drug"])[arm], count),
            "base": np.repeat(base, count),
            "visit": pl.Series([*names] * size),
            "place": list(range(count)) * size,
            "chg": change.reshape(-1),
        }
    ).filter(there.reshape(-1))


def order(names: list[str], **options: Any) -> Any:
    return order_of_visits(
        as_table({"v": names[::-1], "y": [1.0] * len(names)}), "v", "y", **options
    )


@pytest.mark.parametrize(
    "names",
    [
        ["Hour 24", "Day 7", "Day 14", "Day 28"],
        ["Baseline", "30 min", "4 h", "Day 2", "Week 1", "wk 2", "Month 1", "2 months", "1 year"],
        ["V1", "V2", "V10"],
        ["Week-1", "Week-2", "Week-10"],
        ["Day -7", "Day 0", "Day 7"],
        ["Visit 3 (Week 4)", "Visit 4 (Week 6)", "Visit 5 (Week 10)"],
        ["Days 1-7", "Days 8-14", "Days 15-21"],
    ],
)
def test_names_that_are_times_or_counted_have_a_certain_order(names: list[str]) -> None:
    found = order(names)
    assert (found.used, found.doubt) == (tuple(names), "")


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["Week 1", "Week 2", "Endpoint"], "'Endpoint'"),
        (["Week 2", "Week 4", "Follow-up Week 2"], "'Follow-up Week 2'"),
        (["V1", "V2", "EOT"], "'EOT'"),
        (["Day 7", "Week 1"], "'Day 7' or 'Week 1'"),
        (["Day 1", "Hour 24"], "'Day 1' or 'Hour 24'"),
        (["Day 30", "Month 1"], "'Month 1' or 'Day 30'"),
        (["day 7", "Day 7"], "comes first"),
        (["Day-7", "Day 7", "Day 14"], "'Day-7'"),
        (["Week -1", "Week -2"], "comes first"),
        (["Cycle 1 Day 1", "Cycle 1 Day 15", "Cycle 2 Day 1"], "comes first"),
        (["2 weeks before", "1 week before"], "before"),
        (["Pre", "Post"], "'P"),
    ],
)
def test_names_that_do_not_say_when_are_in_doubt(names: list[str], told: str) -> None:
    found = order(names)
    assert told in found.doubt
    assert sorted(found.levels) == sorted(names)


def test_only_visits_with_an_outcome_must_have_a_place() -> None:
    table = as_table({"v": ["Unscheduled", "Day 7", "Hour 24"], "y": [None, 1.0, 2.0]})
    found = order_of_visits(table, "v", "y")
    assert (found.used, found.doubt) == (("Hour 24", "Day 7"), "")
    assert order_of_visits(table, "v", "y", also=["Unscheduled"]).doubt


@pytest.mark.parametrize(
    ("names", "given"),
    [
        (("Hour 24", "Day 7", "Day 14", "Day 28"), None),
        (("Week 1", "Week 2", "Week 4", "Endpoint"), "place"),
        (("b", "c", "a", "d"), ("b", "c", "a", "d")),
    ],
)
def test_what_is_imputed_does_not_depend_on_how_visits_are_called(
    names: tuple[str, ...], given: Any
) -> None:
    for strategy in ("j2r", "cir"):
        plain, named = (
            imputed(MODEL, data, strategy=strategy, visit_order=by, **FEW, **KEYS)
            for data, by in ((trial(), None), (trial(names), given))
        )
        for column in ("estimate", "se"):
            one, other = (found.tables["differences"][column] for found in (plain, named))
            assert one.to_numpy() == pytest.approx(other.to_numpy())
        assert named.tables["differences"]["visit"].to_list() == list(names)
        assert any(", ".join(names) in note for note in named.notes)


def test_covariances_that_need_an_order_have_it() -> None:
    names = ("Hour 24", "Day 7", "Day 14", "Day 28")
    for covariance in ("toep", "ar1h"):
        deviance = mmrm(MODEL, trial(), covariance=covariance, **KEYS).deviance
        found = mmrm(MODEL, trial(names), covariance=covariance, **KEYS)
        assert (found.deviance, found.visits) == (pytest.approx(deviance), names)
        # the reference of the coefficients has nothing to do with time
        turned = mmrm(MODEL, trial(), covariance=covariance, reference={"visit": "3"}, **KEYS)
        assert turned.deviance == pytest.approx(deviance)


def test_an_uncertain_order_is_refused_where_something_depends_on_it() -> None:
    data = trial(("Week 1", "Week 2", "Week 4", "Endpoint"))
    told = "visit: the place of 'Endpoint' among the visits is not certain.*give visit_order"
    for refused in ({"strategy": "j2r"}, {"delta": 2.0}):
        with pytest.raises(InputError, match=told):
            imputed(MODEL, data, **refused, **KEYS)
    for options in ({"covariance": "ar1"}, {"method": "kenward-roger-cholesky"}):
        with pytest.raises(InputError, match=told):
            mmrm(MODEL, data, **options, **KEYS)
    plain = mmrm(MODEL, trial(), **KEYS)
    assert mmrm(MODEL, data, **KEYS).deviance == pytest.approx(plain.deviance)
    # categories of a data frame that are not ordered are in that of the rows, or of the alphabet
    loose = data.with_columns(pl.col("visit").cast(pl.Categorical))
    with pytest.raises(InputError, match="'Endpoint'"):
        imputed(MODEL, loose, strategy="j2r", **KEYS)
    enum = pl.Enum(["Week 1", "Week 2", "Week 4", "Endpoint"])
    ordered = data.with_columns(pl.col("visit").cast(enum))
    assert "as the data have it" in imputed(MODEL, ordered, strategy="j2r", **FEW, **KEYS).notes[1]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("plac", "did you mean 'place'"),
        ("base", "'1' has the numbers"),
        ("same", "are both 0 in same"),
        (("1", "2", "3"), "it lacks 4"),
        (("1", "2", "3", "4", "5"), "no visit '5'"),
        (("1", "2", "3", "4", "1"), "'1' is there twice"),
    ],
)
def test_an_order_that_does_not_order_the_visits_is_refused(given: Any, told: str) -> None:
    data = trial().with_columns(same=pl.lit(0.0))
    with pytest.raises(InputError, match=f"visit_order: .*{told}"):
        mmrm(MODEL, data, visit_order=given, **KEYS)
